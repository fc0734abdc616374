// The area in which a map is scored, on the grid of the work.
import Geo
import Raster
import Telemetry

extension AreaOfInterest {
    /// The area in the CRS of a raster's grid.
    ///
    /// - Parameter role: What the raster is to the reader: `truth`, `map`.
    func reached(on grid: Grid, of path: String, role: String) throws(ScoringError) -> AreaOfInterest {
        guard let crs = grid.crs else { return self }
        do { return try transformed(to: crs) } catch {
            throw ScoringError(
                .badAOI, "cannot reproject the AOI to the \(role)'s CRS", in: path, why: causes(of: error),
                try: error.remedy)
        }
    }

    /// The part of a window that it may reach; its CRS is that of the grid.
    func part(of window: PixelWindow, on grid: Grid) -> PixelWindow {
        // Bounds across 180 degrees would hide the part on the other side.
        crossesAntimeridian ? window : window.intersection(grid.window(reachedBy: bounds, in: crs))
    }

    /// Which pixels of a grid have their centre in it.
    func pixels(of grid: Grid, in path: String, role: String) throws(ScoringError) -> [Bool] {
        do { return try mask(on: grid) } catch {
            throw ScoringError(
                .badAOI, "cannot draw the AOI on the \(role)'s grid", in: path, why: causes(of: error),
                try: error.remedy)
        }
    }
}
