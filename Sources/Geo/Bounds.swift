// A rectangle in CRS units: minX minY maxX maxY.

/// An axis-parallel rectangle in the units of some CRS; x is east or longitude, y north or latitude.
public struct Bounds: Hashable, Sendable, Codable {
    /// West edge.
    public var minX: Double
    /// South edge.
    public var minY: Double
    /// East edge.
    public var maxX: Double
    /// North edge.
    public var maxY: Double

    /// Makes bounds from its four edges, in CRS units.
    public init(minX: Double, minY: Double, maxX: Double, maxY: Double) {
        self.minX = minX
        self.minY = minY
        self.maxX = maxX
        self.maxY = maxY
    }

    /// The smallest bounds that hold all points; `nil` without points or with a point that is not finite.
    public init?(points: [(x: Double, y: Double)]) {
        guard let first = points.first else { return nil }
        var bounds = Bounds(minX: first.x, minY: first.y, maxX: first.x, maxY: first.y)
        for point in points {
            guard point.x.isFinite, point.y.isFinite else { return nil }
            bounds.minX = min(bounds.minX, point.x)
            bounds.minY = min(bounds.minY, point.y)
            bounds.maxX = max(bounds.maxX, point.x)
            bounds.maxY = max(bounds.maxY, point.y)
        }
        self = bounds
    }

    /// Width in CRS units.
    public var width: Double { maxX - minX }
    /// Height in CRS units.
    public var height: Double { maxY - minY }
    /// The middle point.
    public var centre: (x: Double, y: Double) { ((minX + maxX) / 2, (minY + maxY) / 2) }

    /// The shared part; `nil` where the two only touch or are apart.
    public func intersection(_ other: Bounds) -> Bounds? {
        let shared = Bounds(
            minX: max(minX, other.minX), minY: max(minY, other.minY),
            maxX: min(maxX, other.maxX), maxY: min(maxY, other.maxY))
        return shared.minX < shared.maxX && shared.minY < shared.maxY ? shared : nil
    }

    /// The smallest bounds that hold both.
    public func union(_ other: Bounds) -> Bounds {
        Bounds(
            minX: min(minX, other.minX), minY: min(minY, other.minY),
            maxX: max(maxX, other.maxX), maxY: max(maxY, other.maxY))
    }

    /// Grown by a margin on every side, in CRS units; a negative margin shrinks.
    public func expanded(by margin: Double) -> Bounds {
        Bounds(minX: minX - margin, minY: minY - margin, maxX: maxX + margin, maxY: maxY + margin)
    }
}
