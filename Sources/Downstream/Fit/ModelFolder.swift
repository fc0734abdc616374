// A model on disk: its folder, that of the fit that makes it, and the weights in it.
public import Backbone
internal import Files
internal import FoundationEssentials
internal import Telemetry
internal import Torch

/// The folder of a model, and `MODEL.partial`, in which it is fitted.
package struct ModelFolder {
    /// The file that makes a folder a model.
    package static let description = "model.json"

    /// The model's folder.
    package let model: String
    /// The folder of an unfinished fit.
    var fit: String { model + ".partial" }

    /// Names the folders.
    package init(model: String) { self.model = withoutTrailingSlashes(model) }

    /// Whether a folder bears the mark of a model.
    package static func isModel(_ path: String) -> Bool { fileExists(joined(path, description)) }

    /// Where a model goes that is replaced, until the new one is in place.
    private var old: String { model + ".old.partial" }

    /// Refuses to fit where something is in the way, and removes what an overwriting replaces.
    ///
    /// - Throws: `exists`; `badRun` for an unfinished fit of an earlier version.
    func prepare(overwrite: Bool) throws {
        let isModel = Self.isModel(model)
        if fileExists(model), !overwrite {
            throw DownstreamError(
                .exists, isModel ? "the model exists already" : "a file or folder with this name exists already",
                in: model, try: "choose another name" + (isModel ? ", or \(Setting.overwrite)" : ""))
        }
        if fileExists(model), !isModel {
            throw DownstreamError(
                .exists, "not a geodino model; refusing to overwrite", in: model, try: "choose another name")
        }
        // Told now, not when the fit is done.
        if fileExists(model), fileExists(old), !Self.isModel(old) {
            throw DownstreamError(
                .exists, "'\(old)' is in the way of replacing the model, and is not a model", in: model,
                try: "move it elsewhere, or remove it if an earlier replacement left it")
        }
        guard fileExists(joined(fit, "fit.json")), !fileExists(joined(fit, "run.json")) else { return }
        guard overwrite else {
            throw DownstreamError(
                .badRun, "an unfinished fit of an earlier version of geodino exists, which this version cannot resume",
                in: fit,
                try: "finish it with the version that started it, or start from scratch with \(Setting.overwrite)")
        }
        // One that still runs is spared.
        let lock = try FolderLock<DownstreamFailure>(folder: fit, name: "lock", what: "fit", isRemoved: false)
        try Disk.remove(fit)
        withExtendedLifetime(lock) {}
    }

    /// Turns the fit's folder into the model; an old model is moved aside first and removed last.
    func finish(overwrite: Bool) throws {
        let replaces = overwrite && fileExists(model)
        // What an earlier replacement left behind.
        if replaces, Self.isModel(old) { removeIfPresent(old) }
        try Disk.syncFolder(fit)
        var failure: (any Error)?
        do { try Disk.put(fit, at: model, replacing: replaces ? old : nil) } catch {
            guard !fileExists(fit), Self.isModel(model) else { throw error }
            // The model is in its place; only the old one could not be removed.
            failure = error
        }
        if Self.isModel(old) { removeIfPresent(old) }
        // Remove the marker first: without it, the model cannot be mistaken for an unfinished fit.
        for file in ["run.json", "checkpoints", "recipe.yaml", LabelMemory.fileName, "lock"] {
            removeIfPresent(joined(model, file))
        }
        if let failure { throw failure }
    }
}

/// The weights of a model's backbone, as `model.json` names them.
public struct ModelBackboneFile: Codable, Sendable, Equatable {
    /// The file: a name in the model's folder, or an absolute path elsewhere.
    public var file: String
    /// SHA-256 of the file.
    public var sha256: String
    /// The architecture.
    public var architecture: BackboneConfiguration

    /// Reads the network and checks its hash.
    ///
    /// - Throws: `DownstreamError` for missing files, wrong hashes and contradictions; errors of the weights as they come.
    func load(in folder: String, device: Device) throws -> VisionTransformer {
        let path = file.hasPrefix("/") ? file : joined(folder, file)
        try checkHash(of: path, sha256)
        var options = WeightsOptions()
        // What was said of a backbone that stays where it is was said once, and its hash was just compared.
        options.describedHeads = architecture.heads
        options.readsWholeFile = false
        let contents = try WeightsContents.open(path, options: options)
        let network = try VisionTransformer.load(
            contents, device: device, residency: contents.residency(for: .float32, on: device)
        ).network
        guard network.configuration == architecture else {
            throw DownstreamError(
                .badModel, "the backbone's architecture differs from the one in the model's description", in: path)
        }
        return network
    }
}

/// The weights of a model's head, as `model.json` names them.
public struct ModelHeadFile: Codable, Sendable, Equatable {
    /// The file, a name in the model's folder.
    public var file: String
    /// SHA-256 of the file.
    public var sha256: String
    /// The form and the sizes.
    public var sizes: HeadConfiguration

    /// Reads the head and checks its hash.
    ///
    /// - Throws: `DownstreamError` for a missing file, a wrong hash and tensors that do not fit.
    func load(in folder: String, tokenWidth: Int, outputs: Int, device: Device) throws -> any DenseHead {
        let path = joined(folder, file)
        try checkHash(of: path, sha256)
        return try sizes.loadHead(from: path, tokenWidth: tokenWidth, outputs: outputs, device: device)
    }
}

/// Checks that weights of a model are there and are those that its description names.
private func checkHash(of path: String, _ hash: String) throws {
    guard fileExists(path) else {
        throw DownstreamError(
            .notFound, "the model's weights are missing", in: path,
            try: "copy the whole model folder, or fit the model again")
    }
    let found = try SHA256.hex(ofFile: path)
    guard found == hash else {
        let file = try MappedFile<DownstreamFailure>(path: path)
        let nature = withExtendedLifetime(file) { file.bytes.isEmpty ? .empty : FileNature(file.bytes, path: path) }
        if let nature, nature.isReplacement {
            throw DownstreamError(
                .badModel, nature.sentence(insteadOf: "the model's weights"), in: path, why: nature.details,
                try: nature.remedy)
        }
        throw DownstreamError(
            .badModel, "the weights are not the model's", in: path,
            why: ["expected SHA-256 \(hash)", "found \(found)"],
            try: "copy the whole model folder again, or fit the model again")
    }
}
