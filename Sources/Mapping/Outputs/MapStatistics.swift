// The numbers of a finished map.

/// The numbers of one map, of its first band.
public struct MapStatistics: Sendable, Codable, Hashable {
    /// The pixels of one class.
    public struct ClassPixels: Sendable, Codable, Hashable {
        /// The class's number in the map.
        public var id: Int
        /// What it is called.
        public var name: String
        /// Its pixels.
        public var pixels: Int
    }
    /// Pixels with a value.
    public var validPixels = 0
    /// Pixels of the area, with imagery or without.
    public var areaPixels = 0
    /// Smallest value; `nil` without valid pixels, and for classes.
    public var minimum: Double?
    /// Largest value.
    public var maximum: Double?
    /// Mean value.
    public var mean: Double?
    /// The classes of a map of classes in the legend's order, followed by `unsure` if pixels may be unsure; `nil` for other maps.
    public var classes: [ClassPixels]?
}
