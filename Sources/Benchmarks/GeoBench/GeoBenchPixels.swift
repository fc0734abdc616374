// Bands of GEO-Bench's samples as a network takes them: of one size, normalised with the task's statistics or stretched to 8 bits.
internal import Files
public import Geo
internal import Measures
internal import Raster
public import Telemetry

/// Pixels of a task's samples.
public struct GeoBenchPixels: BenchmarkPixels {
    /// How values become pixels.
    public enum Values: Sendable, Hashable {
        /// `(value - mean) / deviation` of each band, in `float32`.
        case standardized([BandMoments])
        /// 8 bits, by the weights' stretch.
        case stretched(StretchRule)
    }

    /// What the pixels are.
    public let layout: PixelLayout
    /// The bands that are read, by their full names.
    public let bands: [GeoBenchBand]
    private let set: GeoBenchSet
    private let values: Values

    /// Takes the bands of a task for those of the weights; see `chosen`.
    ///
    /// - Parameters:
    ///   - bands: The task's bands, in the order of the weights' bands.
    ///   - names: The weights' bands.
    ///   - values: How values become pixels; standardised values need the moments of `bands`.
    public init(
        _ set: GeoBenchSet, bands: [GeoBenchBand], names: [BandInfo], values: Values, gsd: Double
    ) {
        self.set = set
        self.bands = bands
        self.values = values
        switch values {
        case .standardized:
            layout = PixelLayout(bands: names, sampleType: .float32, tileSize: 1, gsd: gsd, stretch: .none)
        case .stretched(let rule):
            layout = PixelLayout(bands: names, sampleType: .uint8, tileSize: 1, gsd: gsd, stretch: rule)
        }
    }

    /// The task's bands for the bands of weights.
    ///
    /// - Parameters:
    ///   - names: Names of the weights' bands, such as `red`.
    ///   - asked: Numbers of the task's bands to use instead, counted from 1 in the task's order.
    /// - Throws: `BenchmarksError` (`badForm`) for bands that the task does not have.
    public static func chosen(
        _ task: GeoBenchTask, for names: [String], asked: [Int]?, in place: String
    ) throws(BenchmarksError) -> [GeoBenchBand] {
        func listed() -> [String] { task.bands.enumerated().map { "\($0 + 1) '\($1.name)' (\($1.shortName))" } }
        if let asked {
            guard asked.count == names.count else {
                throw BenchmarksError(
                    .badForm, "\(counted(asked.count, "bands")) were asked for; the weights take \(names.count)",
                    in: place,
                    why: ["they are \(names.joined(separator: ", "))"])
            }
            return try asked.map { number throws(BenchmarksError) in
                guard task.bands.indices.contains(number - 1) else {
                    throw BenchmarksError(
                        .badForm, "\(task.name) has no band \(number)", in: place, why: listed(),
                        try: "\(Setting.bands) with numbers from 1 to \(task.bands.count)")
                }
                return task.bands[number - 1]
            }
        }
        return try names.map { name throws(BenchmarksError) in
            guard let band = task.band(name) else {
                throw BenchmarksError(
                    .badForm, "\(task.name) has no band '\(name)', which the weights take", in: place, why: listed(),
                    try: "\(Setting.bands) with the numbers of \(counted(names.count, "bands"))")
            }
            return band
        }
    }

    /// The bands, and what becomes of their values.
    public var rule: [String] {
        let words =
            switch values {
            case .standardized(let moments): ["standardised"] + moments.map { "\($0.mean) \($0.deviation)" }
            case .stretched(let rule): [rule.text]
            }
        return words + bands.map(\.name) + layout.bands.map(\.name)
    }

    /// The size of an image.
    public func size(_ image: Int) throws -> (width: Int, height: Int) {
        // The largest band's size is that of all.
        let planes = try set.bands(image, names: bands.map(\.name))
        let rows = planes.map { $0.shape[0] }.max() ?? 0
        let columns = planes.map { $0.shape[1] }.max() ?? 0
        return (columns, rows)
    }

    /// A window of an image, as the network takes it.
    public func pixels(_ image: Int, window: PixelWindow) throws -> PixelBuffer {
        let (planes, height, width) = try planes(image)
        let finite = (0..<height * width).map { pixel in planes.allSatisfy { $0[pixel].isFinite } }
        let validity = finite.contains(false) ? finite : nil
        let whole: PixelBuffer
        switch values {
        case .standardized(let moments):
            let samples = zip(planes, moments).flatMap { plane, moments in
                plane.map { $0.isFinite ? Float(($0 - moments.mean) / moments.deviation) : 0 }
            }
            whole = PixelBuffer(
                bands: planes.count, height: height, width: width, samples: .float32(samples), validity: validity)
        case .stretched(let rule):
            whole = try stretched(planes, height, width, validity, by: rule, image)
        }
        return whole.cropped(to: window)
    }

    /// A sample in 8 bits.
    private func stretched(
        _ planes: [[Double]], _ height: Int, _ width: Int, _ validity: [Bool]?, by rule: StretchRule, _ image: Int
    ) throws(BenchmarksError) -> PixelBuffer {
        func buffer(_ samples: PixelBuffer.Samples) -> PixelBuffer {
            PixelBuffer(bands: planes.count, height: height, width: width, samples: samples, validity: validity)
        }
        let floats = planes.flatMap { plane in plane.map { $0.isFinite ? Float($0) : 0 } }
        let ends: [(low: Double, high: Double)]
        switch rule {
        case .none:
            let bytes = floats.map { UInt8(exactly: $0) }
            guard !bytes.contains(nil) else {
                let (low, high) = (floats.min() ?? 0, floats.max() ?? 0)
                throw BenchmarksError(
                    .badForm, "the weights take 8-bit values; the bands hold \(low) to \(high)",
                    in: set.samples[image].name, try: "\(Setting.stretch) fixed:LOW,HIGH, or percentile:2,98")
            }
            return buffer(.uint8(bytes.compactMap(\.self)))
        case .fixed(let low, let high): ends = planes.map { _ in (low, high) }
        case .percentile(let low, let high):
            ends = planes.map { plane in
                let sorted = plane.filter(\.isFinite).sorted()
                return (
                    Quantile.linear(low / 100, sorted: sorted) ?? 0, Quantile.linear(high / 100, sorted: sorted) ?? 1
                )
            }
        }
        return Raster.stretched(
            buffer(.float32(floats)), by: StretchParameters(low: ends.map(\.low), high: ends.map(\.high)))
    }

    /// What tells whether the files of an image are still what they were.
    public func stamps(_ image: Int) throws -> [String] { set.stamp(image) }

    /// Values of each band as they are stored.
    public func values(_ image: Int) throws -> [[Double]] { try planes(image).planes }

    /// How the values of a sample are stored.
    public func stored(_ image: Int) throws -> StoredNumber {
        let types = try set.bands(image, names: bands.map(\.name)).map(\.element)
        if types.allSatisfy({ $0 == .number(.uint8) }) { return .bytes }
        let real: [NumberArray.Element] = [.number(.float16), .number(.bfloat16), .number(.float32), .number(.float64)]
        return types.contains(where: real.contains) ? .real : .whole
    }

    /// The bands of a sample in the size of the largest; smaller ones are enlarged with cubic splines, as in GEO-Bench.
    func planes(_ image: Int) throws -> (planes: [[Double]], height: Int, width: Int) {
        let stored = try set.bands(image, names: bands.map(\.name))
        let height = stored.map { $0.shape[0] }.max() ?? 0
        let width = stored.map { $0.shape[1] }.max() ?? 0
        guard height > 0, width > 0, stored.allSatisfy({ $0.count > 0 }) else {
            throw BenchmarksError(.badForm, "the sample '\(set.samples[image].name)' has no pixels", in: set.folder)
        }
        let planes = stored.map { array in
            SplineZoom.resized(
                array.doubles() ?? [], height: array.shape[0], width: array.shape[1], to: (height, width))
        }
        return (planes, height, width)
    }
}
