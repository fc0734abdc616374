// What the numbers of a class raster stand for.

/// One class of a map.
public struct LegendClass: Sendable, Hashable {
    /// Its number in rasters, 0 to 253.
    public let id: UInt8
    /// What it is called.
    public let name: String
    /// Red, green, blue, 0 to 255.
    public let colour: [UInt8]

    /// Describes a class; `colour` has three parts.
    public init(id: UInt8, name: String, colour: [UInt8]) {
        precondition(colour.count == 3, "a class's colour has 3 parts, got \(colour.count)")
        self.id = id
        self.name = name
        self.colour = colour
    }
}

/// The classes of a map, in the order in which a model gives their probabilities.
public struct Legend: Sendable, Hashable {
    /// The largest id of a class: 255 stands for pixels without one, and 254 is reserved for those whose class is unsure.
    public static let largestID: UInt8 = 253

    /// The classes; no two have the same id.
    public let classes: [LegendClass]

    /// Makes a legend of one class or more, with distinct ids up to `largestID`.
    public init(_ classes: [LegendClass]) {
        precondition(!classes.isEmpty, "a legend has one class or more")
        precondition(
            Set(classes.map(\.id)).count == classes.count && classes.allSatisfy { $0.id <= Self.largestID },
            "the ids of a legend are distinct and at most \(Self.largestID), got \(classes.map(\.id))")
        self.classes = classes
    }
}
