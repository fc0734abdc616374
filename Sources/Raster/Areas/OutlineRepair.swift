// Drawn polygons made fit for use: closed, finite, in range, valid, cut at 180 degrees, united.
internal import CGDAL
import Geo
import Telemetry

/// Checks and mends the polygons of an area.
struct OutlineRepair {
    /// The result.
    struct Repaired {
        var polygons: [[Outline]] = []
        var warnings: [String] = []
        var crosses = false
    }

    let isGeographic: Bool
    let degreesPerUnit: Double
    let place: String

    private func bad(_ what: String, why: [String] = [], try remedy: String) -> RasterError {
        RasterError(.badAOI, what, in: place, why: why, try: remedy)
    }

    func apply(to outlines: Outlines) throws(RasterError) -> Repaired {
        guard !outlines.polygons.isEmpty else {
            let what =
                outlines.others.isEmpty
                ? "the area is empty"
                : "the area has no polygons, only \(outlines.others.sorted().joined(separator: ", "))"
            throw bad(what, try: "draw at least one polygon around the area of interest")
        }
        var repaired = Repaired()
        var drawn: [[Outline]] = []
        for polygon in outlines.polygons {
            var rings: [Outline] = []
            for (index, ring) in polygon.enumerated() {
                if let closed = try closed(ring, &repaired) {
                    rings.append(closed)
                } else if index == 0 {
                    break
                }
            }
            if !rings.isEmpty { drawn.append(rings) }
        }
        guard !drawn.isEmpty else {
            throw bad(
                "none of the area's rings has three different points",
                try: "draw at least one polygon that encloses an area")
        }
        if isGeographic {
            try checkDegrees(drawn)
            for i in drawn.indices { drawn[i] = try unrolled(drawn[i]) }
        }
        try unite(drawn, &repaired)
        return repaired
    }

    /// The ring with its first point at its end; `nil`, with a warning, where it encloses nothing.
    private func closed(
        _ ring: Outline, _ repaired: inout Repaired
    ) throws(RasterError) -> Outline? {
        if let odd = ring.first(where: { !$0.x.isFinite || !$0.y.isFinite }) {
            throw bad("the point \(odd.x), \(odd.y) of the area is not finite", try: "correct its coordinates")
        }
        var points: Outline = []
        for point in ring where points.last.map({ $0.x != point.x || $0.y != point.y }) ?? true {
            points.append(point)
        }
        guard let first = points.first, let last = points.last else { return nil }
        if first.x != last.x || first.y != last.y {
            repaired.warnings.append("closed an open ring")
            points.append(first)
        }
        guard points.count >= 4 else {
            repaired.warnings.append("ignored a ring of \(max(0, points.count - 1)) different points")
            return nil
        }
        return points
    }

    private func checkDegrees(_ polygons: [[Outline]]) throws(RasterError) {
        let points = polygons.joined().joined()
        let limit = 90 / degreesPerUnit * (1 + 1e-12)
        guard let high = points.first(where: { abs($0.y) > limit }) else {
            if let far = points.first(where: { abs($0.x) > 4 * limit }) {
                throw bad(
                    "a longitude of \(far.x) is impossible", try: "give degrees, or specify the CRS of the coordinates")
            }
            return
        }
        if points.allSatisfy({ abs($0.x) <= limit && abs($0.y) <= 4 * limit }) {
            throw bad(
                "a latitude of \(high.y) is impossible: the axes seem to be swapped",
                try: "put longitude first: [\(high.y), \(high.x)]")
        }
        throw bad(
            "a latitude of \(high.y) is impossible",
            try: "give degrees, or specify the CRS of the coordinates if they are metres")
    }

    /// The polygon with neighbours at most half a turn apart, so that it may reach past 180 degrees.
    private func unrolled(
        _ polygon: [Outline]
    ) throws(RasterError) -> [Outline] {
        let turn = 360 / degreesPerUnit
        var rings = polygon
        for r in rings.indices {
            var offset = 0.0
            for i in rings[r].indices.dropFirst() {
                let jump = polygon[r][i].x - polygon[r][i - 1].x
                // A whole turn from one point to the next is drawn on purpose: a box around the Earth.
                if abs(jump) > turn / 2, abs(jump) < turn * (1 - 1e-9) { offset -= turn * (jump / turn).rounded() }
                rings[r][i].x += offset
            }
            guard let first = rings[r].first, let last = rings[r].last, abs(first.x - last.x) < turn / 2 else {
                throw bad(
                    "the area surrounds a pole",
                    try: "give the area in a polar CRS, such as EPSG:3413 in the north or EPSG:3031 in the south")
            }
            guard r > 0, let outer = Bounds(points: rings[0]), let hole = Bounds(points: rings[r]) else { continue }
            let shift = turn * ((outer.centre.x - hole.centre.x) / turn).rounded()
            rings[r] = rings[r].map { ($0.x + shift, $0.y) }
        }
        return rings
    }

    /// Mends, cuts at 180 degrees and unites, all with OGR.
    private func unite(
        _ polygons: [[Outline]], _ repaired: inout Repaired
    ) throws(RasterError) {
        let gdal = try GDAL.api()
        var pieces: [[Outline]] = []
        var reasons: [String] = []
        for polygon in polygons {
            let (parts, messages) = gdal.collect { gdal -> (polygons: [[Outline]], mended: Bool) in
                guard let geometry = Self.geometry(polygon, gdal) else { return ([], false) }
                defer { gdal.OGR_G_DestroyGeometry(geometry) }
                if gdal.OGR_G_IsValid(geometry) != 0 { return ([polygon], false) }
                guard let mended = gdal.OGR_G_MakeValid(geometry) else { return ([], true) }
                defer { gdal.OGR_G_DestroyGeometry(mended) }
                var outlines = Outlines()
                outlines.add(mended, gdal)
                return (outlines.polygons, true)
            }
            reasons += messages.all
            if parts.mended, !parts.polygons.isEmpty {
                let why = messages.all.first.map { ": \($0)" } ?? ""
                repaired.warnings.append("repaired an invalid polygon\(why)")
            }
            for part in parts.polygons { pieces += try cut(part, gdal, &repaired.crosses) }
        }
        guard !pieces.isEmpty else {
            throw bad(
                "the area's rings enclose no area", why: reasons,
                try: "repair it, for example with 'Fix geometries' in QGIS")
        }
        let (united, messages) = gdal.collect { gdal -> [[Outline]]? in
            guard pieces.count > 1 else { return pieces }
            guard let all = gdal.OGR_G_CreateGeometry(wkbMultiPolygon) else { return nil }
            defer { gdal.OGR_G_DestroyGeometry(all) }
            for piece in pieces {
                guard let polygon = Self.geometry(piece, gdal) else { return nil }
                _ = gdal.OGR_G_AddGeometryDirectly(all, polygon)
            }
            guard let union = gdal.OGR_G_UnionCascaded(all) else { return nil }
            defer { gdal.OGR_G_DestroyGeometry(union) }
            var outlines = Outlines()
            outlines.add(union, gdal)
            return outlines.polygons
        }
        guard let united, !united.isEmpty else {
            throw bad(
                "cannot merge the area's polygons", why: messages.all,
                try: "repair them, for example with 'Fix geometries' in QGIS")
        }
        repaired.polygons = united
    }

    /// Parts within -180 to 180 degrees.
    private func cut(
        _ polygon: [Outline], _ gdal: GDALFunctions, _ crosses: inout Bool
    ) throws(RasterError) -> [[Outline]] {
        guard isGeographic, let bounds = Bounds(points: polygon[0]) else { return [polygon] }
        let half = 180 / degreesPerUnit
        if bounds.minX >= -half, bounds.maxX <= half { return [polygon] }
        var parts: [[Outline]] = []
        for turn in [-2.0, -1, 0, 1, 2] {
            let centre = turn * 2 * half
            guard bounds.minX < centre + half, bounds.maxX > centre - half else { continue }
            let (found, messages) = gdal.collect { gdal -> [[Outline]]? in
                let box: Outline = [
                    (centre - half, -half), (centre + half, -half), (centre + half, half), (centre - half, half),
                    (centre - half, -half),
                ]
                guard let frame = Self.geometry([box], gdal), let whole = Self.geometry(polygon, gdal) else {
                    return nil
                }
                defer {
                    gdal.OGR_G_DestroyGeometry(frame)
                    gdal.OGR_G_DestroyGeometry(whole)
                }
                guard let part = gdal.OGR_G_Intersection(whole, frame) else { return nil }
                defer { gdal.OGR_G_DestroyGeometry(part) }
                var outlines = Outlines()
                outlines.add(part, gdal)
                return outlines.polygons
            }
            guard let found else {
                throw bad(
                    "cannot cut the area at 180 degrees", why: messages.all,
                    try: "cut it there first: ogr2ogr -wrapdateline cut.geojson \(shellQuoted(place))")
            }
            parts += found.map { rings in rings.map { ring in ring.map { ($0.x - centre, $0.y) } } }
        }
        if parts.count > 1 { crosses = true }
        return parts
    }

    private static func geometry(_ polygon: [Outline], _ gdal: cgdal_api) -> OGRGeometryH? {
        guard let made = gdal.OGR_G_CreateGeometry(wkbPolygon) else { return nil }
        for ring in polygon {
            guard let line = gdal.OGR_G_CreateGeometry(wkbLinearRing) else { continue }
            for point in ring { gdal.OGR_G_AddPoint_2D(line, point.x, point.y) }
            _ = gdal.OGR_G_AddGeometryDirectly(made, line)
        }
        return made
    }
}
