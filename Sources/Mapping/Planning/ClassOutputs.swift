// What can be written with a map of classes.
internal import Geo
internal import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// Changes to a map of classes, and files that are written with it in the same run.
public struct ClassOutputs: Sendable, Codable, Hashable {
    /// Whether to write `NAME-probabilities.tif`: one band per class, uint8, 250 times the blended probability, nodata 255.
    public var probabilities: Bool
    /// Whether to write `NAME-confidence.tif`: uint8, 250 times the largest blended probability, nodata 255.
    public var confidence: Bool
    /// Pixels whose largest blended probability is below this value become 254, "unsure"; `nil` for none.
    public var rejectBelow: Double?
    /// Connected components with a smaller area, in square metres, take the class of their surroundings; `nil` keeps all.
    ///
    /// A component is a set of pixels of one class that are connected by their sides. A small one takes the class with which it shares
    /// the longest border, or the smaller class number if two borders are equally long. Small components that touch larger ones
    /// are settled first, all at once. Then those follow that touch only small ones. So the result does not depend on any order.
    ///
    /// Components at the edge of the map or next to nodata keep their class, because they may continue outside. Unsure pixels stay
    /// unsure, and no pixel becomes unsure. The area of a component is its number of pixels times the square of the model's GSD. So
    /// the smallest component has the same number of pixels in every map of a model.
    public var minimumArea: Double?
    /// The file for polygons, one per connected component; `nil` for none.
    public var polygons: String?

    /// Makes a choice; by default the map has its classes only.
    public init(
        probabilities: Bool = false, confidence: Bool = false, rejectBelow: Double? = nil, minimumArea: Double? = nil,
        polygons: String? = nil
    ) {
        self.probabilities = probabilities
        self.confidence = confidence
        self.rejectBelow = rejectBelow
        self.minimumArea = minimumArea
        self.polygons = polygons
    }

    /// The largest number of pixels that can be asked for, since components are in memory until they have as many.
    static let mostSmallestPixels = 1 << 22

    /// Throws if a value is out of range.
    func validate() throws(MappingError) {
        if let rejectBelow, !(rejectBelow > 0 && rejectBelow <= 1) {
            throw MappingError(
                .badRequest,
                "the probability below which pixels are unsure is \(number(rejectBelow)); expected above 0, at most 1",
                try: "give a probability such as 0.5, or none to keep the class of every pixel")
        }
        if let minimumArea, !(minimumArea > 0 && minimumArea.isFinite) {
            throw MappingError(
                .badRequest,
                "the smallest area of a component is \(number(minimumArea)) m2; expected more than 0",
                try: "give square metres such as 400, or none to keep all components")
        }
    }

    /// The number of pixels of the smallest component that keeps its class; 1 if all do.
    ///
    /// - Parameter side: Side of a pixel in metres.
    func smallestPixels(side: Double) throws(MappingError) -> Int {
        guard let minimumArea else { return 1 }
        // Tolerates rounding, so that 400 m2 are 4 pixels of 10 m.
        let pixels = (minimumArea / (side * side) - 1e-6).rounded(.up)
        guard pixels <= Double(Self.mostSmallestPixels) else {
            throw MappingError(
                .badRequest,
                "the smallest area of a component is \(number(minimumArea)) m2, or \(rounded(pixels, 0)) pixels of \(rounded(side, 3)) m; expected at most \(Self.mostSmallestPixels) pixels",
                try: "give \(number((Double(Self.mostSmallestPixels) * side * side).rounded(.down))) m2 or less")
        }
        return max(1, Int(pixels))
    }
}

extension LegendClass {
    /// The entry for pixels whose class is unsure.
    static let unsure = LegendClass(id: Legend.unsureID, name: "unsure", colour: [190, 178, 202])
}
