// Antialiased bicubic resampling of a window, mirrored and turned on the way.

/// Resamples a window of an image to a square, band by band: antialiased bicubic, values cut to 0...1.
///
/// - Parameters:
///   - image: `[bands, height, width]`.
///   - window: Lies inside the image; samples outside the window are not used, as if it had been cut out first.
///   - size: Side of the result in pixels.
///   - target: `bands * size * size` samples, overwritten.
package func resizeBicubic(
    _ image: FloatImage, window: (row: Int, column: Int, height: Int, width: Int), size: Int,
    orientation: Orientation = Orientation(), into target: UnsafeMutablePointer<Float>
) {
    TileRows.with(image) {
        WindowResize(window: window, size: size, orientation: orientation).apply($0, into: target)
    }
}

/// The resampling of one window to a square: down the columns first, then along the rows.
///
/// Eight rows of the result are made at a time. Their columns are then resampled along the rows with the eight rows side by
/// side in a vector, so that no sum runs across a vector; everything in between stays in the nearest cache.
struct WindowResize {
    private let window: (row: Int, column: Int, height: Int, width: Int)
    private let size: Int
    private let orientation: Orientation
    private let vertical: BicubicTaps
    private let horizontal: BicubicTaps
    /// Samples of a row in use, a multiple of 16.
    private let columns: Int
    /// Samples from one row to the next; not a power of two, by which many rows would share few places of the cache.
    private let pitch: Int
    /// Source rows that are held, a power of two.
    private let held: Int

    init(window: (row: Int, column: Int, height: Int, width: Int), size: Int, orientation: Orientation) {
        self.window = window
        self.size = size
        self.orientation = orientation
        vertical = BicubicTaps(input: window.height, output: size)
        horizontal = BicubicTaps(input: window.width, output: size)
        columns = (window.width + 15) / 16 * 16
        pitch = columns + 16
        var held = 1
        while held < vertical.span { held *= 2 }
        self.held = held
    }

    /// Resamples all bands.
    ///
    /// - Parameter target: `bands * size * size` samples, overwritten.
    func apply(_ rows: TileRows, into target: UnsafeMutablePointer<Float>) {
        // Source rows, eight rows of the result before they are resampled along the row, and those column by column.
        let scratch = UnsafeMutablePointer<Float>.allocate(capacity: (held + 16) * pitch)
        scratch.initialize(repeating: 0, count: (held + 16) * pitch)
        defer { scratch.deallocate() }
        let lines = scratch + held * pitch
        let turned = lines + 8 * pitch
        for band in 0..<rows.bands {
            let plane = target + band * size * size
            var next = 0
            for first in stride(from: 0, to: size, by: 8) {
                for row in first..<min(first + 8, size) {
                    let start = vertical.starts[row]
                    next = max(next, start)
                    while next < start + vertical.span {
                        rows.read(
                            band: band, row: window.row + next, column: window.column, count: window.width,
                            into: scratch + (next & (held - 1)) * pitch)
                        next += 1
                    }
                    let lane = orientation.mirrorsRows ? 7 - (row - first) : row - first
                    down(scratch, row: row, into: lines + lane * pitch)
                }
                turn(lines, into: turned)
                along(turned, first: orientation.mirrorsRows ? size - 8 - first : first, into: plane)
            }
        }
    }

    /// Makes one row of the result from the source rows under its kernel.
    @inline(__always)
    private func down(_ source: UnsafePointer<Float>, row: Int, into target: UnsafeMutablePointer<Float>) {
        let (span, start) = (vertical.span, vertical.starts[row])
        vertical.weights.withUnsafeBufferPointer { all in
            withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: span) { taps in
                guard let first = all.baseAddress, let rows = taps.baseAddress else { return }
                let weights = first + row * span
                for tap in 0..<span {
                    (rows + tap).initialize(to: source + ((start + tap) & (held - 1)) * pitch)
                }
                var x = 0
                while x + 32 <= columns {
                    var (a, b) = (Sixteen.zero, Sixteen.zero)
                    for tap in 0..<span {
                        let samples = rows[tap] + x
                        a += weights[tap] * samples.vector(0, as: Sixteen.self)
                        b += weights[tap] * samples.vector(16, as: Sixteen.self)
                    }
                    target.set(x, a)
                    target.set(x + 16, b)
                    x += 32
                }
                guard x < columns else { return }
                var a = Sixteen.zero
                for tap in 0..<span { a += weights[tap] * rows[tap].vector(x, as: Sixteen.self) }
                target.set(x, a)
            }
        }
    }

    /// Writes eight rows column by column.
    @inline(__always)
    private func turn(_ lines: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
        for half in 0..<2 {
            let (a, b) = (lines + 4 * half * pitch, lines + (4 * half + 1) * pitch)
            let (c, d) = (lines + (4 * half + 2) * pitch, lines + (4 * half + 3) * pitch)
            for x in stride(from: 0, to: columns, by: 4) {
                let rows = transposed(
                    a.vector(x, as: Four.self), b.vector(x, as: Four.self), c.vector(x, as: Four.self),
                    d.vector(x, as: Four.self))
                let place = target + 8 * x + 4 * half
                place.set(0, rows.0)
                place.set(8, rows.1)
                place.set(16, rows.2)
                place.set(24, rows.3)
            }
        }
    }

    /// Resamples eight rows along the row and writes them where they belong.
    ///
    /// - Parameters:
    ///   - source: Columns of eight samples.
    ///   - first: Row of the result of the first of the eight; those outside of it are not written.
    @inline(__always)
    private func along(_ source: UnsafePointer<Float>, first: Int, into plane: UnsafeMutablePointer<Float>) {
        let span = horizontal.span
        let whole = first >= 0 && first + 8 <= size
        horizontal.weights.withUnsafeBufferPointer { all in
            horizontal.starts.withUnsafeBufferPointer { starts in
                guard let weights = all.baseAddress else { return }
                @inline(__always)
                func column(_ x: Int) -> Eight {
                    let index = orientation.mirrorsColumns ? size - 1 - x : x
                    let (taps, samples) = (weights + index * span, source + 8 * starts[index])
                    var sum = Eight.zero
                    for tap in 0..<span { sum += taps[tap] * samples.vector(8 * tap, as: Eight.self) }
                    return sum.unit
                }
                var x = 0
                if whole && orientation.turnsOver {
                    while x < size {
                        plane.set(x * size + first, column(x))
                        x += 1
                    }
                } else if whole {
                    while x + 4 <= size {
                        let (a, b, c, d) = (column(x), column(x + 1), column(x + 2), column(x + 3))
                        let upper = transposed(a.lowHalf, b.lowHalf, c.lowHalf, d.lowHalf)
                        let lower = transposed(a.highHalf, b.highHalf, c.highHalf, d.highHalf)
                        let place = plane + first * size + x
                        place.set(0, upper.0)
                        place.set(size, upper.1)
                        place.set(2 * size, upper.2)
                        place.set(3 * size, upper.3)
                        place.set(4 * size, lower.0)
                        place.set(5 * size, lower.1)
                        place.set(6 * size, lower.2)
                        place.set(7 * size, lower.3)
                        x += 4
                    }
                }
                while x < size {
                    let values = column(x)
                    for lane in max(0, -first)..<min(8, size - first) {
                        let row = first + lane
                        plane[orientation.turnsOver ? x * size + row : row * size + x] = values[lane]
                    }
                    x += 1
                }
            }
        }
    }
}
