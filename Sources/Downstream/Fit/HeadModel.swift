// A trained head with its backbone on disk, whatever the task: a folder that says all that is needed to map with it.
public import Backbone
internal import Files
internal import FoundationEssentials
public import Geo
public import Telemetry
public import Torch

/// What `model.json` of a head on a frozen backbone says, whatever the task.
public protocol HeadModelDescription: Codable, Sendable, Equatable {
    /// The name of its task, as in `geodino fit NAME`.
    static var taskName: String { get }

    /// What the model does; `Self.taskName`.
    var task: String { get }
    /// The weights of the backbone.
    var backbone: ModelBackboneFile { get }
    /// The weights of the head.
    var head: ModelHeadFile { get }
    /// The blocks whose tokens the head sees, from 0.
    var taps: [Int] { get }
    /// Side of a window in pixels, in and out.
    var window: Int { get }
    /// What is fed: bands, GSD and stretch rule; 8-bit.
    var layout: PixelLayout { get }
    /// What is taken off each band, of values scaled to 0 to 1.
    var mean: [Double] { get }
    /// What each band is then divided by.
    var std: [Double] { get }

    /// Numbers per pixel that the head gives.
    var outputs: Int { get }
    /// What a map of the model blends.
    var blendedBands: [BandInfo] { get }
    /// How that becomes what is written.
    var product: RasterProduct { get }
    /// What is wrong with the parts that only this task has; empty where nothing is.
    var problems: [String] { get }
    /// Turns the head's numbers `[B, outputs, H, W]` into what a map blends, `[B, blendedBands, H, W]`.
    func blended(_ logits: Tensor) -> Tensor
}

extension HeadModelDescription {
    /// The version of descriptions that the code writes.
    public static var currentVersion: Int { 1 }
    /// The name of the file.
    public static var fileName: String { ModelFolder.description }
    /// What is blended is written.
    public var product: RasterProduct { .values }

    /// Checks that the parts fit together.
    ///
    /// - Parameter allowsNormalized: Whether the model may take `float32` pixels that are normalised already, which no map is made of.
    /// - Throws: `DownstreamError` (`badModel`) that names everything that is wrong.
    public func validate(path: String, allowsNormalized: Bool = false) throws(DownstreamError) {
        var wrong = head.sizes.problems + problems
        do { try backbone.architecture.validate() } catch { wrong += error.causes }
        if task != Self.taskName { wrong.append("task is \(task); expected \(Self.taskName)") }
        if taps.count != head.sizes.tapCount || !zip(taps, taps.dropFirst()).allSatisfy(<=)
            || !taps.allSatisfy((0..<max(backbone.architecture.depth, 0)).contains)
        {
            wrong.append(
                """
                taps is \(taps); expected \(blockNumbers(head.sizes.tapCount)) in ascending order, below \
                \(backbone.architecture.depth)
                """)
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
        if layout.sampleType != .uint8, !(allowsNormalized && layout.sampleType == .float32) {
            wrong.append("layout is \(layout.sampleType.rawValue); expected uint8")
        }
        if let gsd = layout.gsd, gsd.isFinite, gsd > 0 {
        } else {
            wrong.append("layout.gsd is missing or not above 0; a map needs a pixel size")
        }
        guard wrong.isEmpty else {
            throw DownstreamError(.badModel, "the model's description contradicts itself", in: path, why: wrong)
        }
    }

    /// Reads what a model says of itself, without its weights.
    ///
    /// - Throws: `DownstreamError` (`notFound`, `badModel`).
    public static func read(from path: String, allowsNormalized: Bool = false) throws(DownstreamError) -> Self {
        let file = joined(path, fileName)
        let fit = UserAction.fit(task: Self.taskName, weights: nil)
        guard FileManager.default.fileExists(atPath: path) else {
            throw DownstreamError(.notFound, "no such model", in: path, try: "fit one with \(fit)")
        }
        guard let data = FileManager.default.contents(atPath: file) else {
            throw DownstreamError(
                .notFound, "the folder is not a geodino model: it has no readable \(fileName)", in: path,
                try: "give a folder that \(fit) wrote")
        }
        do {
            let version = try JSONDecoder().decode(DescriptionKind.self, from: data)
            guard version.formatVersion == currentVersion else {
                throw DownstreamError(
                    .badModel,
                    """
                    the model has format version \(version.formatVersion); this version of geodino reads \
                    \(currentVersion)
                    """, in: file, try: "use the version of geodino that wrote it, or a later one")
            }
            guard version.task == nil || version.task == Self.taskName else {
                throw DownstreamError(
                    .badModel, "the model's task is '\(version.task ?? "")'; expected \(Self.taskName)", in: file,
                    try: "give a model that \(fit) wrote")
            }
            let description = try JSONDecoder().decode(Self.self, from: data)
            try description.validate(path: file, allowsNormalized: allowsNormalized)
            return description
        } catch let error as DownstreamError {
            throw error
        } catch {
            throw DownstreamError(
                .badModel, "the model's description cannot be read", in: file, why: causes(of: error))
        }
    }
}

/// What is looked at first: which description it is.
private struct DescriptionKind: Decodable {
    var formatVersion: Int
    var task: String?

    enum CodingKeys: String, CodingKey {
        case formatVersion = "format_version"
        case task
    }
}

/// A trained head with its backbone, loaded.
public struct HeadModel<Description: HeadModelDescription> {
    /// What `model.json` says.
    public let description: Description
    /// The folder.
    public let path: String
    /// SHA-256 of `model.json`, which holds those of the weights; lower-case hexadecimal.
    public let sha256: String
    /// The backbone.
    public let backbone: VisionTransformer
    /// The head.
    public let head: any DenseHead

    /// Reads a model and checks the hashes of its weights.
    ///
    /// - Throws: `DownstreamError` for missing files, wrong hashes and contradictions; errors of the weights as they come.
    public static func load(
        from path: String, device: Device = .cpu, allowsNormalized: Bool = false
    ) throws -> HeadModel {
        let description = try Description.read(from: path, allowsNormalized: allowsNormalized)
        let network = try description.backbone.load(in: path, device: device)
        let head = try description.head.load(
            in: path, tokenWidth: description.backbone.architecture.width, outputs: description.outputs,
            device: device)
        return HeadModel(
            description: description, path: path,
            sha256: try SHA256.hex(ofFile: joined(path, Description.fileName)), backbone: network, head: head)
    }

    /// What the model says of normalised images.
    ///
    /// - Parameter images: `[B, C, H, W]`.
    /// - Returns: What a map blends, such as heights in metres or probabilities: `[B, blendedBands, H, W]`.
    public func answer(_ images: Tensor) -> Tensor {
        withoutGradient {
            let taps = backbone.taps(images, description.taps)
            return description.blended(head.forward(taps, patchSize: backbone.configuration.patchSize))
        }
    }
}
