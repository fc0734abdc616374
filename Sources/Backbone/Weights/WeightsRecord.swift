// What travels with weights: architecture, normalisation, bands, where they come from.
internal import FoundationEssentials
public import Geo
public import Telemetry

/// The description inside a weights file: everything needed to feed the network rightly.
public struct WeightsRecord: Codable, Sendable, Equatable {
    /// The name of the weights in a run's or a model's folder.
    public static let fileName = "backbone.safetensors"

    /// The version of this description that the code writes.
    public static let currentVersion = 1

    /// The version of this description.
    public var version = WeightsRecord.currentVersion
    /// The architecture.
    public var architecture: BackboneArchitecture
    /// What is taken off each band, of values scaled to 0 to 1.
    public var mean: [Double]
    /// What each band is then divided by.
    public var std: [Double]
    /// The bands, in order.
    public var bands: [BandInfo]
    /// Metres per pixel of the training images; `nil` where they differed.
    public var gsd: Double?
    /// How the 8-bit training pixels came from the scenes' values.
    public var stretch: StretchRule
    /// Where the weights come from: `recipe`, `corpus`, `steps`, `seed`, `created_by` ...
    public var provenance: [String: String]

    /// Makes a description.
    public init(
        architecture: BackboneArchitecture, mean: [Double], std: [Double], bands: [BandInfo], gsd: Double?,
        stretch: StretchRule, provenance: [String: String] = [:]
    ) {
        self.architecture = architecture
        self.mean = mean
        self.std = std
        self.bands = bands
        self.gsd = gsd
        self.stretch = stretch
        self.provenance = provenance
    }

    /// Makes the description of a vision transformer.
    public init(
        architecture: BackboneConfiguration, mean: [Double], std: [Double], bands: [BandInfo], gsd: Double?,
        stretch: StretchRule, provenance: [String: String] = [:]
    ) {
        self.init(
            architecture: .transformer(architecture), mean: mean, std: std, bands: bands, gsd: gsd, stretch: stretch,
            provenance: provenance)
    }

    /// The architecture of a vision transformer.
    ///
    /// - Throws: `BackboneError` (`badWeights`) where the weights are of another family.
    public func transformer(path: String = "") throws(BackboneError) -> BackboneConfiguration {
        guard case .transformer(let configuration) = architecture else {
            throw BackboneError(
                .badWeights, "the weights are of a ConvNeXt; expected a vision transformer", in: path,
                try: "use weights of a vision transformer; only \(UserAction.embed) takes a ConvNeXt")
        }
        return configuration
    }

    /// Checks that the parts fit together.
    ///
    /// - Throws: `BackboneError` (`badWeights` or `badConfiguration`).
    public func validate() throws(BackboneError) {
        try architecture.validate()
        var wrong: [String] = []
        for (name, count) in [("mean", mean.count), ("std", std.count), ("bands", bands.count)]
        where count != architecture.channels {
            wrong.append("\(name) has \(count) values; the architecture has \(architecture.channels) channels")
        }
        if !mean.allSatisfy(\.isFinite) { wrong.append("mean is \(mean); expected finite numbers") }
        if !std.allSatisfy({ $0.isFinite && $0 > 0 }) { wrong.append("std is \(std); expected numbers above 0") }
        if let gsd, !(gsd.isFinite && gsd > 0) { wrong.append("gsd is \(gsd); expected metres above 0") }
        guard wrong.isEmpty else {
            throw BackboneError(.badWeights, "the description of the weights contradicts itself", why: wrong)
        }
    }

    /// The description as one line of JSON with sorted keys.
    func json() -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else {
            preconditionFailure("a checked description of weights has only finite numbers, which JSON can hold")
        }
        return String(decoding: data, as: UTF8.self)
    }

    /// Reads a description.
    ///
    /// - Throws: `BackboneError` (`badWeights`) for text that is none, or of a later version.
    static func parsed(_ text: String, path: String) throws(BackboneError) -> WeightsRecord {
        struct Version: Decodable { var version: Int }
        let data = Data(text.utf8)
        let record: WeightsRecord
        do {
            let version = try JSONDecoder().decode(Version.self, from: data).version
            guard version == currentVersion else {
                throw BackboneError(
                    .badWeights,
                    "the weights' description has version \(version); this version of geodino reads \(currentVersion)",
                    in: path, try: "use the version of geodino that wrote them, or a later one")
            }
            record = try JSONDecoder().decode(WeightsRecord.self, from: data)
        } catch let error as BackboneError {
            throw error
        } catch {
            throw BackboneError(
                .badWeights, "the description of the weights cannot be read", in: path, why: causes(of: error))
        }
        do {
            try record.validate()
        } catch {
            throw BackboneError(error.code, error.what, in: path, why: error.causes, try: error.remedy)
        }
        return record
    }
}
