// Where an area does not fit one grid: its parts, by UTM zone or by side of 180 degrees.
internal import Geo
internal import Raster
internal import Scenes

/// The area that a request and its scenes cover together, in degrees; used before a CRS is chosen.
struct DegreeArea {
    let aoi: AreaOfInterest?
    let scenes: [Bounds]

    /// Whether both a scene and the area have something between two longitudes; `west` may be below -180, `east` above 180.
    func meets(west: Double, east: Double) -> Bool {
        let band = Bounds(minX: west, minY: -90, maxX: east, maxY: 90)
        for scene in scenes {
            for turn in [-360.0, 0, 360] {
                var turned = scene
                turned.minX += turn
                turned.maxX += turn
                guard let shared = turned.intersection(band) else { continue }
                guard let aoi else { return true }
                // The area may be written on either side of 180 degrees.
                for other in [-360.0, 0, 360] {
                    var place = shared
                    place.minX += other
                    place.maxX += other
                    if aoi.intersects(place) { return true }
                }
            }
        }
        return false
    }
}

/// Whether an area on both sides of 180 degrees is one place in a CRS, as in those made for the Pacific or the poles.
func isWhole(_ area: AreaOfInterest, in crs: CoordinateReferenceSystem) throws -> Bool {
    // A grid in degrees ends there, and a UTM zone has rules of its own.
    guard crs.isProjected, utmZone(of: crs) == nil else { return false }
    let degrees = try area.transformed(to: .wgs84)
    let transformer = try CoordinateTransformer(from: .wgs84, to: crs)
    var sides: [Bounds] = []
    for isWest in [true, false] {
        let points = degrees.polygons.filter { (($0[0].map(\.x).max() ?? 0) <= 0) == isWest }.flatMap { $0[0] }
        guard let side = Bounds(points: transformer.transform(points).compactMap(\.self)) else { return false }
        sides.append(side)
    }
    let all = sides[0].union(sides[1])
    return all.width < 1.5 * (sides[0].width + sides[1].width) && all.height < 1.5 * (sides[0].height + sides[1].height)
}

/// One part of a map that was split: its longitudes, and its UTM zone if it has one.
struct PartRegion: Hashable {
    var west: Double
    var east: Double
    var zone: Int?

    /// The strip of longitudes as an area, dense enough (a hundredth of a degree) that its edge is a meridian in any CRS.
    func strip(minimumLatitude south: Double, maximumLatitude north: Double) throws -> AreaOfInterest {
        let south = max(-89.9, south - 0.1)
        let north = min(89.9, north + 0.1)
        let steps = min(2000, max(2, Int(((north - south) / 0.01).rounded(.up))))
        var points: [(Double, Double)] = []
        for step in 0...steps { points.append((east, south + (north - south) * Double(step) / Double(steps))) }
        for step in (0...steps).reversed() {
            points.append((west, south + (north - south) * Double(step) / Double(steps)))
        }
        points.append((east, south))
        let ring = points.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
        return try AreaOfInterest(wkt: "POLYGON ((\(ring)))", crs: .wgs84)
    }
}

/// The parts that an area needs: one region per UTM zone where the grid is UTM, else one per side of 180 degrees; empty where the
/// map's own grid holds it all.
///
/// A UTM grid reaches one degree into its neighbours, so that a scene on a zone's edge needs no split.
func regions(of area: DegreeArea, mapCRS: CoordinateReferenceSystem, crossesAntimeridian: Bool) -> [PartRegion] {
    if let zone = utmZone(of: mapCRS) {
        let west = Double(zone) * 6 - 186
        // What is outside of the zone and its margins, going round the other way.
        let outside = area.meets(west: west + 7, east: west + 359)
        let both = crossesAntimeridian && area.meets(west: -180, east: -90) && area.meets(west: 90, east: 180)
        guard outside || both else { return [] }
        let parts = (1...60).map { zone in
            PartRegion(west: Double(zone) * 6 - 186, east: Double(zone) * 6 - 180, zone: zone)
        }.filter { area.meets(west: $0.west, east: $0.east) }
        return parts.count > 1 || parts.first?.zone != zone ? parts : []
    }
    guard crossesAntimeridian else { return [] }
    let sides = [PartRegion(west: -180, east: 0), PartRegion(west: 0, east: 180)]
    return sides.filter { area.meets(west: $0.west, east: $0.east) }.count == 2 ? sides : []
}
