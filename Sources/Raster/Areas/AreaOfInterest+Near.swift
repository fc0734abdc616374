// What of an area comes near to some places: the rest may have no image in their CRS.
package import Geo
internal import Telemetry

extension AreaOfInterest {
    /// What of the area may meet some places; all of it where it meets none.
    ///
    /// A country, or the whole Earth, has no place in one UTM zone; what of it lies near to a scene has. A polygon that
    /// ends near to the places stays as it was drawn, because a cut moves its edges by a rounding.
    ///
    /// - Parameter places: Longitudes and latitudes; `maxX` may be above 180, and `minX` below -180.
    /// - Returns: The area itself where nothing had to go, else what is left, in WGS 84.
    /// - Throws: `badAOI`, `badCRS` where the area has no place on Earth.
    package func near(_ places: [Bounds]) throws(RasterError) -> AreaOfInterest {
        let places = Self.together(places)
        guard let first = places.first else { return self }
        let around = places.dropFirst().reduce(first) { $0.union($1) }.expanded(by: 3)
        let degrees = try transformed(to: .wgs84)
        var near = Outlines()
        var isCut = false
        for rings in degrees.polygons {
            guard let outline = rings.first, let bounds = Bounds(points: outline) else { continue }
            // A cut that leaves more than half of the Earth's round would be taken the short way.
            if around.width >= 180 {
                near.polygons.append(rings)
                continue
            }
            for turn in [-360.0, 0, 360] {
                guard places.contains(where: { $0.turned(turn).intersection(bounds) != nil }) else { continue }
                let box = around.turned(turn)
                if box.union(bounds) == box {
                    near.polygons.append(rings)
                } else {
                    near.polygons.append(rings.map { Self.clipped($0, to: box) }.filter { $0.count > 3 })
                    isCut = true
                }
            }
        }
        near.polygons.removeAll(where: \.isEmpty)
        guard !near.polygons.isEmpty, isCut || near.polygons.count < degrees.polygons.count else { return self }
        return try AreaOfInterest(near, crs: .wgs84, place: place, warnings: warnings)
    }

    /// The same places on the turns of the Earth on which they span least: those on both sides of 180 degrees meet.
    private static func together(_ places: [Bounds]) -> [Bounds] {
        func span(_ places: [Bounds]) -> Double {
            (places.map(\.maxX).max() ?? 0) - (places.map(\.minX).min() ?? 0)
        }
        let other = places.map { $0.maxX <= 0 ? $0.turned(360) : $0 }
        return span(other) < span(places) ? other : places
    }

    /// The part of a closed ring within a rectangle, closed.
    private static func clipped(_ ring: Outline, to box: Bounds) -> Outline {
        var part = Array(ring.dropLast())
        // Four half planes; turned a quarter each time.
        for limit in [box.maxX, box.maxY, -box.minX, -box.minY] {
            part = Antimeridian.clipped(part, at: limit) { $0 <= limit }.map { ($0.y, -$0.x) }
        }
        return part + part.prefix(1)
    }
}

extension Bounds {
    /// Moved by some longitude.
    fileprivate func turned(_ degrees: Double) -> Bounds {
        Bounds(minX: minX + degrees, minY: minY, maxX: maxX + degrees, maxY: maxY)
    }
}
