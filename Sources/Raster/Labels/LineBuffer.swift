// Lines with a width in metres on the ground, in any CRS.
import Geo
internal import Telemetry

/// Gives lines of one CRS a width.
struct LineBuffer {
    private let half: Double
    private let toDegrees: CoordinateTransformer
    /// A step in CRS units, some metres long, that tells how long a unit is.
    private let step: Double

    /// Metres after which the length of a unit is measured again.
    private static let longest = 10_000.0

    /// Prepares.
    ///
    /// - Parameter width: In metres on the ground, above 0.
    init(width: Double, crs: CoordinateReferenceSystem) throws(RasterError) {
        half = width / 2
        toDegrees = try CoordinateTransformer(from: crs, to: .wgs84)
        let reference = try SpatialReference(crs)
        step = reference.isGeographic ? 1e-4 / reference.degreesPerUnit : 10 / reference.metresPerUnit
    }

    /// The pieces of a line; `nil` where part of it has no place on Earth.
    func bands(along line: Outline) -> [LineBand]? {
        guard let pieces = shortPieces(of: line) else { return nil }
        var probes: Outline = []
        for piece in pieces {
            let middle = (x: (piece.from.x + piece.to.x) / 2, y: (piece.from.y + piece.to.y) / 2)
            probes.append(middle)
            probes.append((middle.x + step, middle.y))
            probes.append((middle.x, middle.y + step))
        }
        let degrees = toDegrees.transform(probes)
        var bands: [LineBand] = []
        for (index, piece) in pieces.enumerated() {
            guard let here = degrees[3 * index], let right = degrees[3 * index + 1], let up = degrees[3 * index + 2],
                let band = widened(piece, metres(from: here, to: right), metres(from: here, to: up))
            else { return nil }
            bands.append(band)
        }
        return bands
    }

    /// Straight pieces that are short enough for one scale.
    private func shortPieces(of line: Outline) -> [(from: (x: Double, y: Double), to: (x: Double, y: Double))]? {
        let degrees = toDegrees.transform(line)
        var pieces: [(from: (x: Double, y: Double), to: (x: Double, y: Double))] = []
        for i in line.indices.dropFirst() {
            let (from, to) = (line[i - 1], line[i])
            guard from.x != to.x || from.y != to.y else { continue }
            guard let start = degrees[i - 1], let end = degrees[i] else { return nil }
            let way = metres(from: start, to: end)
            let length = (way.x * way.x + way.y * way.y).squareRoot()
            let count = max(1, min(10_000, (length / Self.longest).rounded(.up)))
            var last = from
            for part in 1...Int(count) {
                let share = Double(part) / count
                let next =
                    Double(part) == count
                    ? to : (x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share)
                pieces.append((last, next))
                last = next
            }
        }
        return pieces
    }

    /// Metres east and north of a short way between two places in degrees.
    private func metres(
        from start: (x: Double, y: Double), to end: (x: Double, y: Double)
    ) -> (x: Double, y: Double) {
        let scale = Ellipsoid.metresPerDegree(latitude: (start.y + end.y) / 2)
        let turned = end.x - start.x
        let longitude = turned - 360 * (turned / 360).rounded()
        return (longitude * scale.longitude, (end.y - start.y) * scale.latitude)
    }

    /// A piece with its width; the ways are those that a step along x and along y make on the ground.
    private func widened(
        _ piece: (from: (x: Double, y: Double), to: (x: Double, y: Double)), _ right: (x: Double, y: Double),
        _ up: (x: Double, y: Double)
    ) -> LineBand? {
        // Units to metres and back: [east, north] = [[a, b], [c, d]] [x, y].
        let (a, b, c, d) = (right.x / step, up.x / step, right.y / step, up.y / step)
        let determinant = a * d - b * c
        let way = (x: piece.to.x - piece.from.x, y: piece.to.y - piece.from.y)
        let east = a * way.x + b * way.y
        let north = c * way.x + d * way.y
        let length = (east * east + north * north).squareRoot()
        guard determinant != 0, determinant.isFinite, length > 0, length.isFinite else { return nil }
        func units(_ east: Double, _ north: Double) -> (x: Double, y: Double) {
            ((d * east - b * north) / determinant, (a * north - c * east) / determinant)
        }
        return LineBand(
            from: piece.from, to: piece.to, along: units(half * east / length, half * north / length),
            across: units(-half * north / length, half * east / length))
    }
}
