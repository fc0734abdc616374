// Which pixels of a lattice were asked for: the area of interest, and the longitudes of a part.
package import Geo
package import Raster

/// An area in a lattice's CRS.
package struct LatticeArea: Sendable {
    /// The area of interest; `nil` for all pixels.
    package var aoi: AreaOfInterest?
    /// The strip of longitudes of a part; `nil` for all.
    package var strip: AreaOfInterest?
    package var allTouched: Bool
    /// Only the area's rectangle counts, not its outline.
    package var noClip: Bool

    /// Makes an area; see the properties.
    package init(aoi: AreaOfInterest?, strip: AreaOfInterest? = nil, allTouched: Bool = false, noClip: Bool = false) {
        self.aoi = aoi
        self.strip = strip
        self.allTouched = allTouched
        self.noClip = noClip
    }

    /// The rectangle that holds it; `nil` without limits.
    package var bounds: Bounds? {
        switch (aoi?.bounds, strip?.bounds) {
        case (nil, nil): nil
        case (let one?, nil), (nil, let one?): one
        case (let one?, let other?):
            one.intersection(other) ?? Bounds(minX: 0, minY: 0, maxX: 0, maxY: 0)
        }
    }

    /// Whether a rectangle may hold pixels of it.
    package func mayMeet(_ bounds: Bounds) -> Bool {
        if let aoi, noClip ? aoi.bounds.intersection(bounds) == nil : !aoi.intersects(bounds) { return false }
        if let strip, !strip.intersects(bounds) { return false }
        return true
    }

    /// True where a pixel belongs to it, `[row, column]`; `nil` where all do.
    ///
    /// - Parameter touched: Counts pixels whose centre is outside; for estimates on coarse pixels.
    package func mask(on grid: Grid, touched: Bool = false) throws -> [Bool]? {
        var mask: [Bool]?
        if let aoi, !noClip { mask = try aoi.mask(on: grid, allTouched: allTouched || touched) }
        if let strip {
            let inside = try strip.mask(on: grid, allTouched: touched)
            if mask == nil {
                mask = inside
            } else {
                for place in inside.indices where !inside[place] { mask?[place] = false }
            }
        }
        return mask
    }
}
