// A trained canopy model on disk: a folder that says all that is needed to map with it.
public import Backbone
internal import Files
internal import FoundationEssentials
public import Geo
public import Telemetry
public import Torch

/// What `model.json` says.
public struct CanopyModelDescription: Codable, Sendable, Equatable {
    /// The version of this description that the code writes.
    public static let currentVersion = 1
    /// The name of the file.
    public static let fileName = ModelFolder.description

    /// The version of this description.
    public var formatVersion = CanopyModelDescription.currentVersion
    /// What the model does.
    public var task = "canopy"
    /// The weights of the backbone.
    public var backbone: ModelBackboneFile
    /// The weights of the head.
    public var head: ModelHeadFile
    /// From the head's numbers to metres.
    public var bins: HeightBins
    /// The blocks whose tokens the head sees, from 0.
    public var taps: [Int]
    /// Side of a window in pixels, in and out.
    public var window: Int
    /// What is fed: bands, GSD and stretch rule; 8-bit.
    public var layout: PixelLayout
    /// What is taken off each band, of values scaled to 0 to 1.
    public var mean: [Double]
    /// What each band is then divided by.
    public var std: [Double]
    /// The unit of what comes out.
    public var units = "m"
    /// How well the model did on held-out ground; `nil` where none was held out.
    public var validation: CanopyValidation?
    /// Where the model comes from.
    public var provenance: [String: String]

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case formatVersion = "format_version"
        case task, backbone, head, bins, taps, window, layout, mean, std, units, validation, provenance
    }

    /// What a map of the model holds.
    public var blendedBands: [BandInfo] { [BandInfo(name: "canopy height", unit: units)] }

    /// Checks that the parts fit together.
    ///
    /// - Throws: `DownstreamError` (`badModel`) that names everything that is wrong.
    public func validate(path: String) throws(DownstreamError) {
        var wrong = head.sizes.problems + bins.problems
        do { try backbone.architecture.validate() } catch { wrong += error.causes }
        if task != "canopy" { wrong.append("task is \(task); expected canopy") }
        if taps.count != 4 || !zip(taps, taps.dropFirst()).allSatisfy(<=)
            || !taps.allSatisfy((0..<max(backbone.architecture.depth, 0)).contains)
        {
            wrong.append(
                "taps is \(taps); expected four block numbers in ascending order, below \(backbone.architecture.depth)")
        }
        let patch = max(backbone.architecture.patchSize, 1)
        if !(patch...8192).contains(window) || window % patch != 0 {
            let fitting = min(
                BackboneArchitecture.transformer(backbone.architecture).fittingSide(window), 8192 / patch * patch)
            wrong.append(
                "window is \(window); expected a multiple of the patch size, \(patch), up to 8192, such as \(fitting)")
        }
        for (name, count) in [("layout.bands", layout.bands.count), ("mean", mean.count), ("std", std.count)]
        where count != backbone.architecture.channels {
            wrong.append("\(name) has \(count) values; the backbone has \(backbone.architecture.channels) channels")
        }
        if !mean.allSatisfy(\.isFinite) || !std.allSatisfy({ $0.isFinite && $0 > 0 }) {
            wrong.append("mean is \(mean) and std \(std); expected finite numbers, std above 0")
        }
        if layout.sampleType != .uint8 { wrong.append("layout is \(layout.sampleType.rawValue); expected uint8") }
        if let gsd = layout.gsd, gsd.isFinite, gsd > 0 {
        } else {
            wrong.append("layout.gsd is missing or not above 0; a canopy model needs a pixel size")
        }
        guard wrong.isEmpty else {
            throw DownstreamError(.badModel, "the model's description contradicts itself", in: path, why: wrong)
        }
    }
}

/// A trained canopy model, loaded.
public struct CanopyModel {
    /// What `model.json` says.
    public let description: CanopyModelDescription
    /// The folder.
    public let path: String
    /// SHA-256 of `model.json`, which holds those of the weights; lower-case hexadecimal.
    public let sha256: String
    /// The backbone.
    public let backbone: VisionTransformer
    /// The head.
    public let head: DensePredictionHead

    /// Whether a folder bears the mark of a model.
    public static func isModel(_ path: String) -> Bool { ModelFolder.isModel(path) }

    /// Reads what a model says of itself, without its weights.
    ///
    /// - Throws: `DownstreamError` (`notFound`, `badModel`).
    public static func description(of path: String) throws(DownstreamError) -> CanopyModelDescription {
        let file = joined(path, CanopyModelDescription.fileName)
        guard FileManager.default.fileExists(atPath: path) else {
            throw DownstreamError(
                .notFound, "no such model", in: path,
                try: "fit one with \(UserAction.fit(task: "canopy", weights: nil))")
        }
        guard let data = FileManager.default.contents(atPath: file) else {
            throw DownstreamError(
                .notFound, "the folder is not a geodino model: it has no readable \(CanopyModelDescription.fileName)",
                in: path,
                try: "give a folder that \(UserAction.fit(task: "canopy", weights: nil)) wrote")
        }
        struct Version: Decodable {
            var format_version: Int
            var task: String?
        }
        do {
            let version = try JSONDecoder().decode(Version.self, from: data)
            guard version.format_version == CanopyModelDescription.currentVersion else {
                throw DownstreamError(
                    .badModel,
                    """
                    the model has format version \(version.format_version); this version of geodino reads \
                    \(CanopyModelDescription.currentVersion)
                    """, in: file, try: "use the version of geodino that wrote it, or a later one")
            }
            guard version.task == nil || version.task == "canopy" else {
                throw DownstreamError(
                    .badModel, "the model's task is '\(version.task ?? "")'; expected canopy", in: file,
                    try: "give a model that \(UserAction.fit(task: "canopy", weights: nil)) wrote")
            }
            let description = try JSONDecoder().decode(CanopyModelDescription.self, from: data)
            try description.validate(path: file)
            return description
        } catch let error as DownstreamError {
            throw error
        } catch {
            throw DownstreamError(
                .badModel, "the model's description cannot be read", in: file, why: causes(of: error))
        }
    }

    /// Reads a model and checks the hashes of its weights.
    ///
    /// - Throws: `DownstreamError` for missing files, wrong hashes and contradictions; errors of the weights as they come.
    public static func load(from path: String, device: Device = .cpu) throws -> CanopyModel {
        let description = try description(of: path)
        let network = try description.backbone.load(in: path, device: device)
        let head = try description.head.load(
            in: path, tokenWidth: description.backbone.architecture.width, outputs: description.bins.count,
            device: device)
        return CanopyModel(
            description: description, path: path,
            sha256: try SHA256.hex(ofFile: joined(path, CanopyModelDescription.fileName)),
            backbone: network, head: head)
    }

    /// Heights in metres of normalised images.
    ///
    /// - Parameter images: `[B, C, H, W]`.
    /// - Returns: `[B, 1, H, W]`.
    public func heights(_ images: Tensor) -> Tensor {
        withoutGradient {
            let taps = backbone.taps(images, description.taps)
            let logits = head.forward(taps, patchSize: backbone.configuration.patchSize)
            return description.bins.metres(logits)
        }
    }
}
