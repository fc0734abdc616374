// Plain reading of windows, pixel for pixel.
public import Geo
public import Telemetry

extension RasterReader {
    /// Reads a window of the raster's own grid, at full resolution.
    ///
    /// Pixels outside the grid are invalid; all samples of invalid pixels are 0. A pixel is invalid where alpha or
    /// a mask is 0, where a sample is not finite, and where the samples are nodata: in any of the bands read for
    /// floating point, in all of them for integers, since there nodata may be a dark pixel's value in one band.
    ///
    /// - Parameters:
    ///   - window: Columns and rows of `grid`; may reach outside.
    ///   - bands: Numbers from 1, in the order wanted; `nil` reads all.
    ///   - values: As stored, or with scale and offset applied as `float32`.
    /// - Throws: `readFailed`, `badGrid` for more than 2 GB at once, `cancelled` while it waits for another machine.
    public func read(
        _ window: PixelWindow, bands: [Int]? = nil, values: ValueKind = .raw
    ) throws(RasterError) -> PixelBuffer {
        let wanted = bands ?? self.bands.map(\.index)
        try source.check(wanted)
        var buffer = try GDAL.waiting(isRemote, for: path) { [self] () throws(RasterError) in
            guard controlPoints != nil else { return try source.read(window, wanted) }
            return try warp(
                Lattice(grid, window: window), wanted, resampling: source.palette == nil ? .bilinear : .nearest)
        }
        rejectedPixels = controlPoints == nil ? source.rejected : []
        buffer.grid = grid.grid(of: window)
        return values == .physical ? physical(buffer, wanted) : buffer
    }

    /// Applies scale and offset of each band.
    func physical(_ buffer: PixelBuffer, _ wanted: [Int]) -> PixelBuffer {
        var floats = buffer.floats()
        let count = buffer.height * buffer.width
        for (plane, number) in wanted.enumerated() {
            guard let band = bands.first(where: { $0.index == number }), band.scale != 1 || band.offset != 0
            else { continue }
            for i in 0..<count where buffer.validity?[i] ?? true {
                floats[plane * count + i] = Float(Double(floats[plane * count + i]) * band.scale + band.offset)
            }
        }
        return PixelBuffer(
            bands: buffer.bands, height: buffer.height, width: buffer.width, samples: .float32(floats),
            validity: buffer.validity, grid: buffer.grid)
    }
}
