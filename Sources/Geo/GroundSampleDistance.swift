// Metres per pixel, and what a degree is worth on the ellipsoid.
import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#endif

/// Metres on the ground per pixel, along columns and along rows.
public struct GroundSampleDistance: Hashable, Sendable, Codable {
    /// Metres per column step.
    public var x: Double
    /// Metres per row step.
    public var y: Double

    /// Makes a GSD from metres per column and per row, both above 0.
    public init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }

    /// Makes the GSD of square pixels.
    public init(metres: Double) { self.init(x: metres, y: metres) }

    /// The side of a square of the same area, in metres: the one number to compare with a model's GSD.
    public var metres: Double { (x * y).squareRoot() }
}

/// Lengths on the WGS 84 ellipsoid.
public enum Ellipsoid {
    static let semiMajor = 6_378_137.0
    static let eccentricitySquared = 0.006_694_379_990_141_316

    /// Metres per degree of longitude and of latitude at a latitude in degrees.
    ///
    /// From the radii of curvature in the prime vertical and in the meridian (Torge, Geodesy, 4.1.3).
    public static func metresPerDegree(latitude: Double) -> (longitude: Double, latitude: Double) {
        let phi = latitude * .pi / 180
        let w = 1 - eccentricitySquared * sin(phi) * sin(phi)
        let primeVertical = semiMajor / w.squareRoot()
        let meridian = semiMajor * (1 - eccentricitySquared) / (w * w.squareRoot())
        return (primeVertical * cos(phi) * .pi / 180, meridian * .pi / 180)
    }

    /// Length in metres of a short step between two points in degrees; exact to first order.
    ///
    /// Longitudes on both sides of 180 degrees are taken the short way round.
    public static func distance(
        fromLongitude lon1: Double, latitude lat1: Double, toLongitude lon2: Double, latitude lat2: Double
    ) -> Double {
        let scale = metresPerDegree(latitude: (lat1 + lat2) / 2)
        var dLon = (lon2 - lon1).truncatingRemainder(dividingBy: 360)
        if dLon > 180 { dLon -= 360 } else if dLon < -180 { dLon += 360 }
        let dx = dLon * scale.longitude
        let dy = (lat2 - lat1) * scale.latitude
        return (dx * dx + dy * dy).squareRoot()
    }
}
