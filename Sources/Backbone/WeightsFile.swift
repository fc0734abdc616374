// Weights on disk: safetensors with the official names and a description in the metadata.
internal import FoundationEssentials
public import Torch

/// A backbone read from a file.
public struct LoadedBackbone {
    /// The network.
    public let network: VisionTransformer
    /// What travels with the weights.
    public let record: WeightsRecord
    /// The file that was read.
    public let path: String
}

extension VisionTransformer {
    /// The name of the weights in a run's or a model's folder.
    public static let fileName = "backbone.safetensors"

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
            record.architecture == configuration, "the description of the weights is of another architecture")
        if !overwrite, FileManager.default.fileExists(atPath: path) {
            throw BackboneError(
                .exists, "the file exists already", in: path, try: "choose another name, or --overwrite")
        }
        let stored = (parameters() + buffers()).map { ($0.name, $0.tensor.detached().to(.float32)) }
        try writeSafetensors(stored, metadata: ["format": "pt", "geodino": record.json()], to: path)
    }

    /// Reads a network from a weights file of ours, or from a folder (a run, a model) that holds one.
    ///
    /// Strict: every tensor of the architecture must be there with its shape, and no other.
    ///
    /// - Parameters:
    ///   - path: A `.safetensors` file, or a folder with `backbone.safetensors`.
    ///   - dtype: The type to hold the weights in.
    ///   - device: Where they go.
    /// - Throws: `BackboneError` that lists missing, unexpected and mis-shaped tensors.
    public static func load(
        from path: String, dtype: DType = .float32, device: Device = .cpu
    ) throws -> LoadedBackbone {
        let path = try weightsPath(path)
        let file = try SafetensorsFile(path: path)
        guard let description = file.metadata["geodino"] else {
            throw BackboneError(
                .badWeights, "the file has no description of its network", in: path,
                why: ["the metadata key 'geodino' is missing"],
                try: "use weights that geodino wrote, such as RUN/\(fileName)")
        }
        let record = try WeightsRecord.parsed(description, path: path)
        let tensors = try record.architecture.tensors(of: file, path: path, dtype: dtype, device: device)
        let network = VisionTransformer(record.architecture, tensors: tensors, dtype: dtype, device: device)
        return LoadedBackbone(network: network, record: record, path: path)
    }

    /// Reads what travels with the weights, without the weights; see `load(from:dtype:device:)`.
    public static func record(of path: String) throws -> WeightsRecord {
        let path = try weightsPath(path)
        guard let description = try SafetensorsFile(path: path).metadata["geodino"] else {
            throw BackboneError(
                .badWeights, "the file has no description of its network", in: path,
                why: ["the metadata key 'geodino' is missing"])
        }
        return try WeightsRecord.parsed(description, path: path)
    }

    /// The weights file that a path means: itself, or `backbone.safetensors` in a folder.
    ///
    /// - Throws: `BackboneError` (`notFound`).
    public static func weightsPath(_ path: String) throws(BackboneError) -> String {
        var isFolder = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw BackboneError(
                .notFound, "no such weights", in: path, try: "give a .safetensors file or a run's folder")
        }
        guard isFolder else { return path }
        let inside = path + (path.hasSuffix("/") ? "" : "/") + fileName
        guard FileManager.default.fileExists(atPath: inside) else {
            throw BackboneError(
                .notFound, "the folder holds no \(fileName)", in: path,
                try: "finish the run first, or give a .safetensors file")
        }
        return inside
    }
}

extension BackboneConfiguration {
    /// All tensors of a file, converted; every name and shape checked first, so that one error tells all.
    fileprivate func tensors(
        of file: SafetensorsFile, path: String, dtype: DType, device: Device
    ) throws -> [String: Tensor] {
        let specifications = parameterSpecifications
        let found = Set(file.names)
        var missing: [String] = []
        var misshapen: [String] = []
        for specification in specifications {
            guard found.contains(specification.name) else {
                missing.append(specification.name)
                continue
            }
            let shape = file.entry(specification.name)?.shape ?? []
            if shape != specification.shape {
                misshapen.append("\(specification.name) is \(shape); expected \(specification.shape)")
            }
        }
        let unexpected = found.subtracting(specifications.map(\.name)).sorted()
        let causes =
            listed("missing", missing) + listed("unexpected", unexpected) + listed("wrong shape", misshapen)
        guard causes.isEmpty else {
            throw BackboneError(
                .badWeights, "the tensors of the file are not those of its architecture", in: path, why: causes)
        }
        var tensors: [String: Tensor] = [:]
        for specification in specifications {
            let tensor = try file.tensor(specification.name)
            let type = specification.isBuffer && dtype != .float64 ? .float32 : dtype
            tensors[specification.name] = tensor.to(type).to(device)
        }
        return tensors
    }
}

/// A list of names as one cause, cut where it grows long; none for an empty list.
package func listed(_ title: String, _ names: [String]) -> [String] {
    guard !names.isEmpty else { return [] }
    let shown = names.prefix(8).joined(separator: ", ")
    return ["\(title): \(shown)" + (names.count > 8 ? " and \(names.count - 8) more" : "")]
}
