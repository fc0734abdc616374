// From opened weights to a network of whichever family.
internal import Files
internal import Telemetry
public import Torch

extension ParameterSpecification {
    /// A buffer that is not stored, as the configuration says.
    func derived() -> Tensor {
        // Nothing is drawn for buffers; the generator is there for the others.
        withoutGradient { firstValue(generator: Generator(seed: 0)).to(.float32) }
    }
}

extension WeightsContents {
    /// The files that opening weights, or a published head, reads: those of the tensors, and what lies beside and describes them.
    ///
    /// Other files of a folder are none of them. A path that leads to no weights stands for itself.
    public static func files(of path: String) -> [String] {
        guard let file = try? WeightsFolder.file(of: path) else { return [path] }
        let folder = WeightsFolder.folder(of: file)
        let beside = ["config.json", "preprocessor_config.json", WeightsFolder.extras].map { "\(folder)/\($0)" }
        // An index names the files of the tensors.
        let shards = file.hasSuffix(".json") ? (try? openWeights(file))?.files ?? [] : []
        return [file] + beside + shards
    }

    /// SHA-256 in lower-case hexadecimal: of the file, or where there are several, of the list of their hashes.
    public func sha256() throws -> String {
        let files = source.files + (extras?.files ?? [])
        guard files.count > 1 else { return try fileHash ?? SHA256.hex(ofFile: path) }
        return SHA256.hex(of: Array(try files.map { try SHA256.hex(ofFile: $0) }.joined(separator: "\n").utf8))
    }

    /// Tensors by their official names, converted.
    func tensors(
        dtype: DType, device: Device, where wanted: (String) -> Bool = { _ in true }
    ) throws -> [String: Tensor] {
        try withoutGradient {
            var tensors: [String: Tensor] = [:]
            for specification in record.architecture.parameterSpecifications where wanted(specification.name) {
                let type = specification.isBuffer && dtype != .float64 ? .float32 : dtype
                tensors[specification.name] = try tensor(specification).to(type).to(device)
            }
            return tensors
        }
    }

    /// Reads the network, of whichever family.
    ///
    /// - Parameters:
    ///   - dtype: The type to compute in.
    ///   - device: Where it computes.
    ///   - residency: Whether a transformer's blocks are read now or when their turn comes; a ConvNeXt is always read now.
    public func network(
        dtype: DType = .float32, device: Device = .cpu, residency: WeightsResidency = .resident
    ) throws -> any ImageBackbone {
        switch record.architecture {
        case .transformer:
            return try VisionTransformer.load(self, dtype: dtype, device: device, residency: residency).network
        case .convNeXt(let configuration):
            return ConvNeXt(
                configuration, tensors: try tensors(dtype: dtype, device: device), dtype: dtype, device: device)
        }
    }
}
