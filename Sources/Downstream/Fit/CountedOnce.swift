// Held-out pixels, each of them once, although windows at the ends of an image overlap.
package import Geo
internal import Torch

/// Which pixels of some windows of a lattice no window before them covers.
///
/// The last window of a row or a column is moved back inside the image, onto ground of its neighbour. Windows of an image come in
/// the order of their rows, then columns; a pixel belongs to the first of those that were chosen, so that each counts once and none is
/// lost where only some windows are looked at.
package struct CountedOnce {
    /// A window's place.
    private struct Corner: Hashable {
        var pair: Int
        var column: Int
        var row: Int
    }

    private let side: Int
    private let sizes: [(width: Int, height: Int)]
    private let chosen: Set<Corner>

    /// Takes windows of one size, of the lattice of a sampler.
    package init(_ windows: [(pair: Int, window: PixelWindow)], side: Int, sizes: [(width: Int, height: Int)]) {
        self.side = side
        self.sizes = sizes
        chosen = Set(windows.map { Corner(pair: $0.pair, column: $0.window.column, row: $0.window.row) })
    }

    /// True for every pixel of a window that belongs to it, row by row.
    package func belongs(_ pair: Int, _ window: PixelWindow) -> [Bool] {
        var belongs = [Bool](repeating: true, count: window.width * window.height)
        for row in neighbours(of: window.row, length: sizes[pair].height) {
            for column in neighbours(of: window.column, length: sizes[pair].width)
            where (row, column) < (window.row, window.column)
                && chosen.contains(Corner(pair: pair, column: column, row: row))
            {
                for y in max(row, window.row)..<min(row, window.row) + side {
                    for x in max(column, window.column)..<min(column, window.column) + side {
                        belongs[(y - window.row) * window.width + x - window.column] = false
                    }
                }
            }
        }
        return belongs
    }

    /// The starts of the lattice, along a line, of windows that overlap one that starts there; its own too.
    private func neighbours(of start: Int, length: Int) -> [Int] {
        // Moved back: onto the one before.
        guard start % side == 0 else { return [start / side * side, start] }
        let last = length - side
        return last > start && last < start + side ? [start, last] : [start]
    }
}

extension CropSampler {
    /// Goes through the labelled pixels of held-out ground, window by window, each pixel once.
    ///
    /// - Parameter body: Takes a normalised image `[1, C, S, S]`, its labels, and the places that count, row by row; only windows
    ///   that have some.
    /// - Returns: The number of windows, those without such places too.
    /// - Throws: What the source and the body throw.
    func forEachHeldOut(_ body: (_ image: Tensor, _ target: HeadTarget, _ places: [Int]) throws -> Void) throws -> Int {
        let windows = validationWindows()
        let once = CountedOnce(windows, side: settings.crop, sizes: sizes)
        for (pair, window) in windows {
            let heldOut = heldOut(pair, window)
            let belongs = once.belongs(pair, window)
            let (image, target) = try sample(pair, window)
            let places = heldOut.indices.filter { heldOut[$0] && belongs[$0] && target.valid[$0] > 0 }
            guard !places.isEmpty else { continue }
            try body(normalizer(image, place: "pair \(pair)").unsqueezed(dim: 0), target, places)
        }
        return windows.count
    }
}
