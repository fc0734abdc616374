// How a map's values are shown: ramp, name, unit.
internal import Geo

#if canImport(Glibc)
    internal import Glibc
#endif

/// Colours along a line, from 0 to 1.
public struct ColourRamp: Sendable, Hashable, Codable {
    /// One colour of a ramp.
    public struct Stop: Sendable, Hashable, Codable {
        /// Place, 0 to 1.
        public var place: Double
        /// Red, green, blue, 0 to 255.
        public var colour: [UInt8]

        /// Makes a stop; `colour` has three parts.
        public init(_ place: Double, _ red: UInt8, _ green: UInt8, _ blue: UInt8) {
            self.place = place
            colour = [red, green, blue]
        }
    }
    /// The stops, from place 0 to place 1 in ascending order.
    public var stops: [Stop]

    /// Makes a ramp of two or more stops.
    public init(stops: [Stop]) {
        precondition(
            stops.count > 1 && stops.first?.place == 0 && stops.last?.place == 1,
            "a colour ramp needs stops from 0 to 1, got \(stops.count)")
        self.stops = stops
    }

    /// From violet over green to yellow, rising evenly in lightness, so that it reads the same printed in grey.
    public static let violetToYellow = ColourRamp(stops: [
        Stop(0, 58, 18, 88), Stop(0.14, 66, 54, 126), Stop(0.30, 52, 96, 141), Stop(0.46, 34, 136, 140),
        Stop(0.62, 42, 172, 122), Stop(0.78, 116, 206, 82), Stop(0.90, 194, 224, 48), Stop(1, 253, 234, 66),
    ])

    /// The colour of a place; below 0 and above 1 the ends go on.
    public func colour(_ place: Double) -> [UInt8] {
        let place = place.isNaN ? 0 : min(1, max(0, place))
        guard let upper = stops.firstIndex(where: { $0.place >= place }), upper > 0 else {
            return stops[0].colour
        }
        let a = stops[upper - 1]
        let b = stops[upper]
        let share = (place - a.place) / (b.place - a.place)
        return zip(a.colour, b.colour).map { UInt8((Double($0) + (Double($1) - Double($0)) * share).rounded()) }
    }
}

/// What a map shows and how.
///
/// A map of classes uses the title only. It is shown in the colours of its legend, unless the rendering is `.none`.
public struct MapStyle: Sendable, Hashable, Codable {
    /// The way from values to colours.
    public enum Rendering: String, Sendable, Codable {
        /// The first band along the ramp, with a legend.
        case ramp
        /// The first three bands are red, green and blue, 0 to 255.
        case picture
        /// The map is not a picture: neither a style nor a quick-look is written.
        case none
    }

    /// What the first band holds, for titles: `Canopy height`.
    public var title: String
    /// Its unit; empty without one.
    public var unit: String
    /// Colours from 0 to the top of the legend.
    public var ramp: ColourRamp
    /// How the values are shown.
    public var rendering: Rendering

    /// Makes a style.
    public init(
        title: String, unit: String, ramp: ColourRamp = .violetToYellow, rendering: Rendering = .ramp
    ) {
        self.title = title
        self.unit = unit
        self.ramp = ramp
        self.rendering = rendering
    }

    /// Canopy height in metres.
    public static let canopyHeight = MapStyle(title: "Canopy height", unit: "m")

    /// The value at the top of the legend: as asked, else a round number above 99 % of the map.
    func scale(request: MapRequest, preview: MapPreview) -> Double {
        request.maximum ?? roundMaximum(preview.means().compactMap { $0 })
    }
}

/// How a map is shown, which depends on its style and on its product.
enum MapLook: Equatable {
    /// Neither a style nor a quick-look is written.
    case none
    /// The first band along a ramp.
    case ramp
    /// The bands are colours.
    case picture
    /// Each of these classes in its colour.
    case classes([LegendClass])

    /// The look of a map with a style.
    ///
    /// - Parameter classes: The classes that pixels may have; empty for a map that does not hold classes.
    init(_ style: MapStyle, classes: [LegendClass]) {
        switch style.rendering {
        case .none: self = .none
        case _ where !classes.isEmpty: self = .classes(classes)
        case .ramp: self = .ramp
        case .picture: self = .picture
        }
    }
}

/// A round number that 99 % of the values do not pass: 1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80 times a power of ten.
package func roundMaximum(_ values: [Float]) -> Double {
    let sorted = values.filter(\.isFinite).sorted()
    guard let last = sorted.last, last > 0 else { return 1 }
    let top = Double(sorted[min(sorted.count - 1, Int((Double(sorted.count) * 0.99).rounded(.down)))])
    guard top > 0 else { return 1 }
    let scale = pow(10, floor(log10(top)))
    for step in [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8] where step * scale >= top { return step * scale }
    return 10 * scale
}

/// Round values from 0 to a maximum for a legend, 4 to 6 of them.
package func legendTicks(maximum: Double) -> [Double] {
    let scale = pow(10, floor(log10(maximum)))
    for step in [0.1, 0.2, 0.25, 0.5, 1, 2] {
        let count = maximum / (step * scale)
        if count <= 6 + 1e-9 {
            return (0...Int((count + 1e-9).rounded(.down))).map { Double($0) * step * scale }
        }
    }
    return [0, maximum]
}
