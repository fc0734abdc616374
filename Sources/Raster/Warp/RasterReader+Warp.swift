// Reading onto another grid: every pixel from full resolution, through the exact transformation.
public import Geo
public import Telemetry

extension RasterReader {
    /// Reads onto a grid, in whatever CRS that is.
    ///
    /// Each pixel depends on its own place alone: the same grid read whole or in windows gives the same bytes. Each
    /// centre goes through PROJ itself (no approximation) and is then rounded to a millionth of a source pixel.
    /// Values come from full resolution, never from overviews; where the target's pixels are larger than the
    /// source's, kernels widen, so nothing aliases. Invalid source pixels have no weight, and a target pixel is
    /// valid where at least half of its kernel's weight is. A grid that coincides with the raster's own reads plainly.
    ///
    /// - Parameters:
    ///   - grid: The target; without CRS only where the raster has none either.
    ///   - bands: Numbers from 1, in the order wanted; `nil` reads all.
    ///   - resampling: The kernel; class maps want `nearest` or `mode`.
    ///   - values: As stored, or with scale and offset applied as `float32`.
    /// - Throws: `noCRS`, `badCRS`, `badGrid` (not invertible, more than 2 GB, or pixels that cover too much of the
    ///   raster to hold), `readFailed`, `cancelled` while it waits for another machine.
    public func read(
        onto grid: Grid, bands: [Int]? = nil, resampling: Resampling, values: ValueKind = .raw
    ) throws(RasterError) -> PixelBuffer {
        let wanted = bands ?? self.bands.map(\.index)
        try source.check(wanted)
        rejectedPixels = []
        var buffer = try GDAL.waiting(isRemote, for: path) { [self] () throws(RasterError) in
            guard let window = try windowCoinciding(with: grid) else {
                return try warp(Lattice(grid, window: grid.window), wanted, resampling: resampling)
            }
            guard controlPoints == nil else {
                return try warp(Lattice(self.grid, window: window), wanted, resampling: resampling)
            }
            let pixels = try source.read(window, wanted)
            rejectedPixels = source.rejected
            return pixels
        }
        buffer.grid = grid
        return values == .physical ? physical(buffer, wanted) : buffer
    }

    /// The window of this raster that a grid is, where its pixels are the raster's own.
    func windowCoinciding(with other: Grid) throws(RasterError) -> PixelWindow? {
        switch (other.crs, grid.crs) {
        case (nil, nil): break
        case (let a?, let b?): if !a.isSame(as: b) { return nil }
        default:
            guard grid.crs != nil else { throw placeMissing() }
            throw RasterError(
                .noCRS, "the raster has a CRS, but the target grid has none", in: path,
                try: "give both the same CRS, or read the raster on its own grid")
        }
        let a = grid.transform
        let b = other.transform
        let size = max(abs(a.columnX), abs(a.rowX), abs(a.columnY), abs(a.rowY))
        let apart = max(
            abs(a.columnX - b.columnX), abs(a.rowX - b.rowX), abs(a.columnY - b.columnY), abs(a.rowY - b.rowY))
        guard apart <= size * 1e-12, let corner = a.pixel(x: b.originX, y: b.originY) else { return nil }
        let column = corner.column.rounded()
        let row = corner.row.rounded()
        guard abs(column - corner.column) < 1e-6, abs(row - corner.row) < 1e-6, abs(column) < 1e12,
            abs(row) < 1e12
        else { return nil }
        return PixelWindow(column: Int(column), row: Int(row), width: other.width, height: other.height)
    }

    /// Resamples onto a window of a lattice.
    func warp(
        _ lattice: Lattice, _ wanted: [Int], resampling: Resampling
    ) throws(RasterError) -> PixelBuffer {
        let type = source.palette == nil ? source.commonType(wanted) : .uint8
        let count = lattice.width.multipliedReportingOverflow(by: lattice.height)
        let bytes = count.partialValue.multipliedReportingOverflow(by: wanted.count * type.byteCount)
        guard !count.overflow, !bytes.overflow, bytes.partialValue <= GDAL.largestRead else {
            throw RasterError(
                .badGrid,
                "a grid of \(lattice.width) x \(lattice.height) pixels and \(wanted.count) bands is too large to hold",
                in: path, try: "read at most 2 GB at once")
        }
        let places = try SourcePlaces(reader: self, lattice: lattice)
        return switch type {
        case .uint8: try warp(places, lattice, wanted, resampling, UInt8.self) { .uint8($0) }
        case .uint16: try warp(places, lattice, wanted, resampling, UInt16.self) { .uint16($0) }
        case .int16: try warp(places, lattice, wanted, resampling, Int16.self) { .int16($0) }
        case .float32: try warp(places, lattice, wanted, resampling, Float.self) { .float32($0) }
        }
    }

    private func warp<S: Sample>(
        _ places: SourcePlaces, _ lattice: Lattice, _ wanted: [Int], _ resampling: Resampling, _: S.Type,
        _ wrap: ([S]) -> PixelBuffer.Samples
    ) throws(RasterError) -> PixelBuffer {
        let count = lattice.width * lattice.height
        var target = WarpTarget<S>(
            width: lattice.width, count: count,
            samples: [S](repeating: .zero, count: count * wanted.count),
            valid: [Bool](repeating: false, count: count))
        let step = 128
        for row in stride(from: 0, to: lattice.height, by: step) {
            for column in stride(from: 0, to: lattice.width, by: step) {
                let part = PixelWindow(
                    column: column, row: row, width: min(step, lattice.width - column),
                    height: min(step, lattice.height - row))
                try fill(part, of: &target, places, wanted, resampling)
            }
        }
        return PixelBuffer(
            bands: wanted.count, height: lattice.height, width: lattice.width, samples: wrap(target.samples),
            validity: target.valid.contains(false) ? target.valid : nil)
    }

    /// Fills a part of the target; parts that need too many source pixels at once are halved.
    private func fill<S: Sample>(
        _ part: PixelWindow, of target: inout WarpTarget<S>, _ places: SourcePlaces, _ wanted: [Int],
        _ resampling: Resampling
    ) throws(RasterError) {
        let needed = places.find(part, resampling)
        guard !needed.isEmpty else { return }
        let pixels = needed.window.pixelCount ?? .max
        let bytes = pixels.multipliedReportingOverflow(by: wanted.count * MemoryLayout<S>.size + 1)
        if bytes.overflow || bytes.partialValue > 64 << 20, part.width > 1 || part.height > 1 {
            let (first, second) = part.halves
            try fill(first, of: &target, places, wanted, resampling)
            try fill(second, of: &target, places, wanted, resampling)
            return
        }
        guard !bytes.overflow, bytes.partialValue <= GDAL.largestBlock else {
            throw RasterError(
                .badGrid,
                "one pixel of the target grid covers \(needed.window.width) x \(needed.window.height) pixels of the raster",
                in: path, try: "choose a target grid with smaller pixels")
        }
        let pixelsRead = try source.read(needed.window, wanted)
        guard let samples: [S] = pixelsRead.samples.typed() else {
            preconditionFailure("a raster is read in the type that its bands have in common")
        }
        Kernel(resampling).apply(
            needed, samples, pixelsRead.validity, bands: wanted.count, part: part, to: &target)
    }
}

extension PixelWindow {
    /// Two parts of about the same size, divided across the longer side.
    var halves: (PixelWindow, PixelWindow) {
        var first = self
        var second = self
        if width >= height {
            first.width = width / 2
            second.column += first.width
            second.width -= first.width
        } else {
            first.height = height / 2
            second.row += first.height
            second.height -= first.height
        }
        return (first, second)
    }
}

extension PixelBuffer.Samples {
    /// The samples as an array of a type; `nil` where they are of another.
    func typed<S>() -> [S]? {
        switch self {
        case .uint8(let s): s as? [S]
        case .uint16(let s): s as? [S]
        case .int16(let s): s as? [S]
        case .float32(let s): s as? [S]
        }
    }
}
