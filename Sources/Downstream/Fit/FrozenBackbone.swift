// The backbone under a head: opened once, never trained.
internal import Backbone
internal import Files
internal import FoundationEssentials
internal import Geo
internal import Telemetry
internal import Torch

/// A backbone whose features a head learns from.
struct FrozenBackbone {
    /// The network.
    let network: VisionTransformer
    /// What travels with its weights.
    let record: WeightsRecord
    /// Its architecture.
    let architecture: BackboneConfiguration
    /// SHA-256 of its file.
    let sha256: String
    /// Brings pixels to what it was trained on.
    let normalizer: PixelNormalizer
    private let path: String
    /// Whether the weights are a file that a model may hold as it is.
    private let isOurs: Bool
    private let options: FitOptions

    /// Opens weights.
    ///
    /// - Parameter seed: Of random weights, where the options ask for these.
    /// - Throws: errors of the weights.
    init(_ weights: String, seed: UInt64, options: FitOptions) throws {
        self.options = options
        path = try VisionTransformer.weightsPath(weights)
        let contents = try WeightsContents.open(path, options: options.weights)
        if options.weights.bands != nil, options.referenceBackbone {
            throw DownstreamError(
                .badModel, "a model cannot refer to weights whose bands are inflated on reading", in: path,
                why: ["their file holds the filters of red, green and blue alone"],
                try: "let the model hold a copy, or write the inflated weights to a file of their own first")
        }
        let loaded = try VisionTransformer.load(contents, device: options.device)
        var record = loaded.record
        if let stretch = options.stretch { record.stretch = stretch }
        self.record = record
        architecture = try record.transformer(path: path)
        // A file of ours is copied as it is, unless what was read differs from what it holds.
        isOurs = contents.format == .geodino && path.hasSuffix(".safetensors") && options.weights.bands == nil
        sha256 = try contents.sha256()
        network =
            options.randomBackbone
            ? VisionTransformer(architecture, generator: Generator(seed: seed), device: options.device)
            : loaded.network
        normalizer = PixelNormalizer(mean: record.mean, std: record.std)
    }

    /// Checks that images' pixels are what the weights want.
    ///
    /// - Returns: Metres per pixel.
    /// - Throws: `badPairs`.
    func checkedGSD(_ layout: PixelLayout) throws(DownstreamError) -> Double {
        var wrong: [String] = []
        let (found, expected) = (layout.bands.map(\.name), record.bands.map(\.name))
        if found != expected {
            wrong.append(
                "expected the weights' bands, \(expected.joined(separator: ", ")); found \(found.joined(separator: ", "))"
            )
        }
        if layout.sampleType != .uint8, layout.sampleType != .float32 {
            wrong.append("expected 8-bit pixels; found \(layout.sampleType.rawValue)")
        }
        // What is normalised already was stretched by its own rule.
        if layout.stretch != record.stretch, layout.sampleType != .float32 {
            wrong.append("expected the weights' stretch, \(record.stretch.text); found \(layout.stretch.text)")
        }
        guard let gsd = layout.gsd, gsd > 0, gsd.isFinite else {
            throw DownstreamError(
                .badPairs, "the pairs have no pixel size in metres, which the model needs to cut its windows",
                why: wrong,
                try: "give images that are georeferenced, so that their pixels have a size in metres")
        }
        guard wrong.isEmpty else {
            throw DownstreamError(
                .badPairs, "the pairs' pixels differ from what the weights were trained on", why: wrong)
        }
        return gsd
    }

    /// Puts the weights into a model's folder, or names the file that holds them.
    func store(in folder: String, seed: UInt64) throws -> ModelBackboneFile {
        let name = WeightsRecord.fileName
        let target = joined(folder, name)
        if options.randomBackbone {
            var record = record
            record.provenance["weights"] = "random, seed \(seed)"
            try network.save(to: target, record: record, overwrite: true)
        } else if options.referenceBackbone {
            let absolute = URL(filePath: path).standardizedFileURL.path
            return .init(file: absolute, sha256: try SHA256.hex(ofFile: path), architecture: architecture)
        } else if !isOurs {
            try network.save(to: target, record: record, overwrite: true)
        } else {
            removeIfPresent(target)
            do {
                try FileManager.default.copyItem(atPath: path, toPath: target)
                try Disk.sync(target)
            } catch {
                throw DownstreamError(
                    .writeFailed, "cannot copy the backbone's weights", in: target, why: causes(of: error))
            }
        }
        return .init(file: name, sha256: try SHA256.hex(ofFile: target), architecture: architecture)
    }
}
