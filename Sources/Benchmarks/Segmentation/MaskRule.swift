// What the pixels of a mask say: which value or which colour stands for which class.
internal import Geo
internal import Telemetry

/// How the pixels of a mask say their classes.
public enum MaskRule: Sendable, Hashable {
    /// One band of whole numbers: the index of the class that each stands for, and numbers that stand for no label.
    case values([Int: UInt8], ignored: Set<Int>)
    /// Red, green and blue: the index of the class that each colour stands for.
    case colours([Colour: UInt8])

    /// A colour of 8 bits a band.
    public struct Colour: Sendable, Hashable, CustomStringConvertible {
        /// Red.
        public let red: UInt8
        /// Green.
        public let green: UInt8
        /// Blue.
        public let blue: UInt8

        /// Makes a colour.
        public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
            self.red = red
            self.green = green
            self.blue = blue
        }

        /// The three numbers.
        public var description: String { "\(red),\(green),\(blue)" }
    }

    /// Classes that are numbered one after another.
    ///
    /// - Parameters:
    ///   - first: The value of the first class.
    ///   - count: Number of classes, at most 255.
    ///   - ignored: Values that stand for no label.
    public static func numbered(from first: Int, count: Int, ignored: Set<Int> = []) -> MaskRule {
        .values(Dictionary(uniqueKeysWithValues: (0..<count).map { (first + $0, UInt8($0)) }), ignored: ignored)
    }

    /// What stands for pixels without a label.
    static let none: UInt8 = 255

    /// Number of bands that it reads.
    var bands: Int {
        switch self {
        case .values: 1
        case .colours: 3
        }
    }

    /// The index of the class of each pixel, row by row; 255 where there is no label.
    ///
    /// - Parameters:
    ///   - pixels: One band, or three of `uint8` for colours; invalid pixels have no label.
    ///   - place: The file, for errors.
    /// - Throws: `BenchmarksError` (`badLabels`) for values and colours that stand for nothing, with the first of them and how often it occurs.
    func indices(of pixels: PixelBuffer, in place: String) throws(BenchmarksError) -> [UInt8] {
        var indices: [UInt8]
        switch self {
        case .values(let known, let ignored):
            switch pixels.samples {
            case .uint8(let samples): indices = try looked(up: samples, known, ignored, pixels.validity, in: place)
            case .uint16(let samples): indices = try looked(up: samples, known, ignored, pixels.validity, in: place)
            case .int16(let samples): indices = try looked(up: samples, known, ignored, pixels.validity, in: place)
            case .float32:
                throw BenchmarksError(
                    .badLabels, "the values of a mask must be whole numbers; these are floating-point numbers",
                    in: place)
            }
        case .colours(let known):
            guard case .uint8(let samples) = pixels.samples, pixels.bands == 3 else {
                throw BenchmarksError(
                    .badLabels,
                    "expected a mask of colours, three bands of 8 bits; found \(pixels.bands) of \(pixels.sampleType.rawValue)",
                    in: place)
            }
            indices = try looked(up: samples, known, pixels.validity, in: place)
        }
        guard let validity = pixels.validity else { return indices }
        for place in indices.indices where !validity[place] { indices[place] = Self.none }
        return indices
    }

    private func looked<Value: FixedWidthInteger>(
        up samples: [Value], _ known: [Int: UInt8], _ ignored: Set<Int>, _ validity: [Bool]?, in place: String
    ) throws(BenchmarksError) -> [UInt8] {
        // By value, from the smallest; 254 for those that stand for nothing.
        let (lowest, highest) = (Int(Value.min), Int(Value.max))
        var table = [UInt8](repeating: 254, count: highest - lowest + 1)
        for (value, index) in known where (lowest...highest).contains(value) { table[value - lowest] = index }
        for value in ignored where (lowest...highest).contains(value) { table[value - lowest] = Self.none }
        let indices = samples.map { table[Int($0) - lowest] }
        guard let wrong = indices.indices.first(where: { indices[$0] == 254 && validity?[$0] ?? true }) else {
            return indices
        }
        let count = indices.indices.count { samples[$0] == samples[wrong] && validity?[$0] ?? true }
        let values = known.keys.sorted().map { "\($0)" }
        throw BenchmarksError(
            .badLabels, "the value \(samples[wrong]) stands for no class (\(counted(count, "pixels")))", in: place,
            why: [
                "classes are \(listed(values))"
                    + (ignored.isEmpty ? "" : ", and no label \(listed(ignored.sorted().map { "\($0)" }))")
            ])
    }

    private func looked(
        up samples: [UInt8], _ known: [Colour: UInt8], _ validity: [Bool]?, in place: String
    ) throws(BenchmarksError) -> [UInt8] {
        let plane = samples.count / 3
        var indices = [UInt8](repeating: Self.none, count: plane)
        // Neighbours are mostly of one colour.
        var (last, index): (Colour?, UInt8?) = (nil, nil)
        for pixel in 0..<plane {
            let colour = Colour(samples[pixel], samples[plane + pixel], samples[2 * plane + pixel])
            if colour != last { (last, index) = (colour, known[colour]) }
            guard let index else {
                if validity?[pixel] == false { continue }
                let count = (0..<plane).count {
                    colour == Colour(samples[$0], samples[plane + $0], samples[2 * plane + $0])
                }
                throw BenchmarksError(
                    .badLabels, "the colour \(colour) stands for no class (\(counted(count, "pixels")))",
                    in: place, why: ["classes are \(listed(known.keys.map(\.description).sorted()))"])
            }
            indices[pixel] = index
        }
        return indices
    }
}

/// Some words, the rest counted.
private func listed(_ words: [String]) -> String {
    words.prefix(16).joined(separator: " ") + (words.count > 16 ? " and \(words.count - 16) more" : "")
}
