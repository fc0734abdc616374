// How the pixels of a pair are found in its files: by their place on Earth, or by counting pixels.
package import Geo

/// The pixels of a pair, and where files hold them.
package enum PixelFrame: Sendable {
    /// Files have a place on Earth: the pixels are those of a lattice.
    case lattice(PixelLattice)
    /// Files of one size lie pixel on pixel, wherever that is: a pixel of the frame has the side of `step` pixels of each file, and
    /// is `gsd` metres wide on the ground. Both start at the files' first pixel.
    case pixels(step: Double, gsd: Double)

    /// The grid of a window of the frame; without a CRS where the files lie pixel on pixel.
    package func grid(of window: PixelWindow) -> Grid {
        switch self {
        case .lattice(let lattice): lattice.grid(of: window)
        case .pixels(_, let gsd):
            Grid(
                crs: nil,
                transform: GeoTransform(
                    originX: Double(window.column) * gsd, originY: -Double(window.row) * gsd, pixelSize: gsd),
                width: window.width, height: window.height)
        }
    }

    /// The grid onto which a file is read for a window of the frame.
    ///
    /// - Parameter file: The grid of the file; its place plays no part where files lie pixel on pixel.
    package func grid(of window: PixelWindow, in file: Grid) -> Grid {
        guard case .pixels(let step, _) = self else { return grid(of: window) }
        let own = file.transform
        let origin = own.point(column: Double(window.column) * step, row: Double(window.row) * step)
        return Grid(
            crs: file.crs,
            transform: GeoTransform(
                originX: origin.x, columnX: own.columnX * step, rowX: own.rowX * step, originY: origin.y,
                columnY: own.columnY * step, rowY: own.rowY * step), width: window.width, height: window.height)
    }
}
