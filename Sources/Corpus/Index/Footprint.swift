// Footprints of tiles: rings of longitude and latitude as the records keep them.
internal import Geo

/// A polygon on the globe as closed rings; each ring is one part, none crosses 180 degrees.
package enum Footprint {
    /// Parts a ring that may cross 180 degrees.
    ///
    /// - Parameter ring: Longitude and latitude in degrees, in order; steps of more than 180 degrees are taken the short
    ///   way round.
    /// - Returns: One closed ring, or several where the ring crosses 180 degrees; each counter-clockwise, to about a millimetre.
    package static func parts(_ ring: [(x: Double, y: Double)]) -> [[[Double]]] {
        func rounded(_ value: Double) -> Double { (value * 1e8).rounded() / 1e8 }
        return Antimeridian.parted([ring]).compactMap(\.first).map { part in
            part.map { [rounded($0.x), rounded($0.y)] }
        }
    }
}
