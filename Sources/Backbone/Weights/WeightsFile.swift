// Weights on disk: safetensors with the official names and a description in the metadata.
internal import FoundationEssentials
public import Telemetry
public import Torch

/// A backbone read from a file.
public struct LoadedBackbone {
    /// The network.
    public let network: VisionTransformer
    /// What travels with the weights.
    public let record: WeightsRecord
    /// The file that was read.
    public let path: String
    /// What was assumed or does not fit, one sentence each.
    public let notes: [String]
}

extension VisionTransformer {
    /// Writes the weights in single precision with official names; the file appears whole or not at all.
    ///
    /// - Parameters:
    ///   - path: The file; it is replaced only when `overwrite` says so.
    ///   - record: What travels with the weights; its architecture must be this network's.
    ///   - overwrite: Whether a file of that name is replaced.
    /// - Throws: `BackboneError`; errors of the file format as they come.
    public func save(to path: String, record: WeightsRecord, overwrite: Bool = false) throws {
        try record.validate()
        precondition(
            record.architecture == .transformer(configuration),
            "the description of the weights is for another architecture")
        if !overwrite, FileManager.default.fileExists(atPath: path) {
            throw BackboneError(
                .exists, "the file exists already", in: path, try: "choose another name, or \(Setting.overwrite)")
        }
        let stored = (parameters() + buffers()).map { ($0.name, $0.tensor.detached().to(.float32)) }
        try writeSafetensors(stored, metadata: ["format": "pt", "geodino": record.json()], to: path)
    }

    /// Reads a network from weights of any known format; see `WeightsContents`.
    ///
    /// Strict: every tensor of the architecture must be there with its shape, and no other.
    ///
    /// - Parameters:
    ///   - path: A file or a folder of geodino, an official `.pth`, or a file or folder of Hugging Face.
    ///   - dtype: The type to hold the weights in.
    ///   - device: Where they go.
    ///   - options: What the file leaves open.
    /// - Throws: `BackboneError` that lists missing, unexpected and mis-shaped tensors.
    public static func load(
        from path: String, dtype: DType = .float32, device: Device = .cpu, options: WeightsOptions = WeightsOptions()
    ) throws -> LoadedBackbone {
        try load(WeightsContents.open(path, options: options), dtype: dtype, device: device)
    }

    /// Reads the network of opened weights.
    ///
    /// - Parameters:
    ///   - contents: The weights.
    ///   - dtype: The type to compute in.
    ///   - device: Where it computes.
    ///   - residency: Where the blocks are; see `WeightsResidency` for which give the same bits.
    public static func load(
        _ contents: WeightsContents, dtype: DType = .float32, device: Device = .cpu,
        residency: WeightsResidency = .resident
    ) throws -> LoadedBackbone {
        try Torch.load()
        let architecture = try contents.record.transformer(path: contents.path)
        var blocks: BlockSource?
        if residency != .resident {
            let stored = StoredBlocks(
                contents, architecture, dtype: dtype, device: device, isStreamed: residency != .mapped,
                packs: residency != .packed && WeightsContents.packs(dtype, on: device))
            blocks = .stored(stored)
            if residency == .packed {
                // One after the other: of what was read only the packed form stays.
                let packed = try catchingTorchErrors {
                    (0..<architecture.depth).map { stored.block($0).packed() }
                }
                if let failure = stored.failure { throw failure }
                blocks = .packed(packed)
            }
        }
        let tensors = try contents.tensors(dtype: dtype, device: device) {
            blocks == nil || BlockName.parts($0) == nil
        }
        let network = VisionTransformer(
            architecture, tensors: tensors, blocks: blocks, dtype: dtype, device: device)
        return LoadedBackbone(network: network, record: contents.record, path: contents.path, notes: contents.notes)
    }

    /// Reads what travels with the weights, without the weights; see `load(from:dtype:device:options:)`.
    public static func record(of path: String) throws -> WeightsRecord { try WeightsContents.open(path).record }

    /// The weights file that a path means: itself, or the weights in a folder.
    ///
    /// - Throws: `BackboneError` (`notFound`).
    public static func weightsPath(_ path: String) throws(BackboneError) -> String { try WeightsFolder.file(of: path) }
}
