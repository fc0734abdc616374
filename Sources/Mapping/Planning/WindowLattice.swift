// Where the network's windows lie on the pixel lattice, and how much each counts in a pixel.
public import Geo
public import Scenes

#if canImport(Glibc)
    internal import Glibc
#endif

/// Equal windows at equal distances, anchored at the CRS origin, whatever area is asked for.
public struct WindowLattice: Hashable, Sendable, Codable {
    /// Side of a window in pixels.
    public var windowSize: Int
    /// Distance of neighbouring windows in pixels, at most `windowSize`.
    public var stride: Int

    /// Makes a lattice of windows that overlap by `overlap` pixels, 0 to `windowSize - 1`.
    public init(windowSize: Int, overlap: Int) {
        precondition(
            windowSize > 0 && overlap >= 0 && overlap < windowSize,
            "windows of \(windowSize) pixels cannot overlap by \(overlap)")
        self.windowSize = windowSize
        stride = windowSize - overlap
    }

    /// Pixels of a window, on the pixel lattice.
    public func window(_ index: LatticeIndex) -> PixelWindow {
        PixelWindow(column: index.i * stride, row: index.j * stride, width: windowSize, height: windowSize)
    }

    /// Numbers of all windows that share a pixel with `length` pixels from `start`, along one axis; empty for `length` 0.
    public func indices(from start: Int, length: Int) -> Range<Int> {
        guard length > 0 else { return 0..<0 }
        return floorDivide(start - windowSize, stride) + 1..<floorDivide(start + length - 1, stride) + 1
    }

    /// How much a window counts at each of its pixels along one axis, `[windowSize]`; a pixel's weight is the product of two.
    ///
    /// A raised cosine over the overlap (flat between the two ramps), divided by the sum over all windows that cover the pixel:
    /// the weights of a pixel sum to one. Where windows overlap by at most half, the ramp is `sin^2` and the sum is one already.
    public func weights() -> [Double] {
        let ramp = min(windowSize - stride, windowSize / 2)
        let raw = (0..<windowSize).map { place -> Double in
            let edge = min(place, windowSize - 1 - place)
            guard edge < ramp else { return 1 }
            let s = sin(.pi / 2 * (Double(edge) + 0.5) / Double(ramp))
            return s * s
        }
        var sums = [Double](repeating: 0, count: stride)
        for place in 0..<windowSize { sums[place % stride] += raw[place] }
        return (0..<windowSize).map { raw[$0] / sums[$0 % stride] }
    }
}
