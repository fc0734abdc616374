// Weights from one format into another, element for element.
internal import Files
internal import FoundationEssentials
internal import Geo
internal import Telemetry
internal import Torch

extension WeightsContents {
    /// Writes the weights in a format; element types and bits stay as they are.
    ///
    /// What transformers has no place for (bias masks, unused norms, rounded periods) goes into a file of its own beside
    /// `model.safetensors`, which transformers passes over, so that the way back gives the same tensors.
    ///
    /// - Parameters:
    ///   - format: The format.
    ///   - output: A `.safetensors` file (geodino), a `.pth` file (official) or a folder (huggingface).
    ///   - overwrite: Whether existing files of geodino are replaced.
    /// - Returns: The files that were written.
    /// - Throws: `BackboneError` (`exists`, `badConfiguration` for what the format cannot hold); errors of the file
    ///   format as they come.
    public func convert(to format: WeightsFormat, output: String, overwrite: Bool = false) throws -> [String] {
        try Torch.load()
        switch format {
        case .geodino:
            try refuse(output, unless: overwrite)
            try write(stored(), metadata: ["format": "pt", "geodino": record.json()], to: output)
            return [output]
        case .official:
            if case .transformer(let architecture) = record.architecture, let attention = architecture.attention {
                throw BackboneError(
                    .badConfiguration, "the official format does not support this architecture",
                    why: ["attention is \(attention.rawValue)"], try: "convert to geodino")
            }
            try refuse(output, unless: overwrite)
            let items = stored()
            let byName = Dictionary(uniqueKeysWithValues: items.map { ($0.entry.name, $0.tensor) })
            var listed = items.map { PyTorchItem($0.entry) }
            if case .convNeXt = record.architecture {
                // The published files hold the last norm a second time, tied.
                for item in items where item.entry.name.hasPrefix("norm.") {
                    let entry = item.entry
                    let alias = "norms.3.\(entry.name.dropFirst("norm.".count))"
                    listed.append(
                        PyTorchItem(
                            TensorEntry(name: alias, type: entry.type, shape: entry.shape), sharing: entry.name))
                }
            }
            try writePyTorch(listed, metadata: ["geodino": record.json()], to: output) {
                try byName[$0.name]?() ?? .zeros([])
            }
            return [output]
        case .huggingface: return try convertToHuggingFace(output, overwrite: overwrite)
        case .timm:
            throw BackboneError(
                .badConfiguration, "cannot convert weights to timm's format",
                try: "convert to \(WeightsFormat.written.map(\.rawValue).joined(separator: ", "))")
        }
    }

    /// What readers of a format will do otherwise than geodino, one sentence each.
    public func warnings(convertingTo format: WeightsFormat) -> [String] {
        guard format == .huggingface, case .transformer(let architecture) = record.architecture,
            HuggingFaceDinov2Configuration.resizesOtherwise(than: architecture), let positions = architecture.positions
        else { return [] }
        return [
            "transformers resizes positions by a different rule from these weights': its tokens will differ slightly, except for images of \(positions.grid * architecture.patchSize) px; geodino keeps the weights' rule"
        ]
    }

    /// A tensor that is to be written: what it is, and how it is had.
    typealias Item = (entry: TensorEntry, tensor: () throws -> Tensor)

    /// All tensors under official names, in the types that they are stored in.
    func stored() -> [Item] {
        record.architecture.parameterSpecifications.map { specification in
            (
                TensorEntry(name: specification.name, type: type(of: specification), shape: specification.shape),
                { try tensor(specification, copy: false) }
            )
        }
    }

    /// The element type of a tensor on disk.
    private func type(of specification: ParameterSpecification) -> ElementType {
        let name = origins[specification.name]?.names.first
        return name.flatMap { extras?.entry($0) ?? source.entry($0) }?.type ?? .float32
    }

    func refuse(_ path: String, unless overwrite: Bool) throws(BackboneError) {
        guard overwrite || !FileManager.default.fileExists(atPath: path) else {
            throw BackboneError(
                .exists, "the file exists already", in: path, try: "choose another name, or \(Setting.overwrite)")
        }
    }

    func write(_ items: [Item], metadata: [String: String], to path: String) throws {
        let sorted = items.sorted {
            ($1.entry.type.byteCount, $0.entry.name) < ($0.entry.type.byteCount, $1.entry.name)
        }
        let writer = try SafetensorsWriter(path: path, entries: sorted.map(\.entry), metadata: metadata)
        for item in sorted {
            try item.tensor().contiguous().withBytes { try writer.append($0) }
        }
        try writer.finish()
    }
}
