// Weights from one format into another, element for element.
internal import FoundationEssentials
internal import Geo
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
    ///   - overwrite: Whether files of ours in the way are replaced.
    /// - Returns: The files that were written.
    /// - Throws: `BackboneError` (`exists`, `badConfiguration` for what the format cannot hold); errors of the file
    ///   format as they come.
    public func convert(to format: WeightsFormat, output: String, overwrite: Bool = false) throws -> [String] {
        switch format {
        case .geodino:
            try refuse(output, unless: overwrite)
            try write(stored(), metadata: ["format": "pt", "geodino": record.json()], to: output)
            return [output]
        case .official:
            try refuse(output, unless: overwrite)
            let items = stored()
            let byName = Dictionary(uniqueKeysWithValues: items.map { ($0.entry.name, $0.tensor) })
            try writePyTorch(items.map { PyTorchItem($0.entry) }, metadata: ["geodino": record.json()], to: output) {
                try byName[$0.name]?() ?? .zeros([])
            }
            return [output]
        case .huggingface: return try convertToHuggingFace(output, overwrite: overwrite)
        }
    }

    /// A tensor that is to be written: what it is, and how it is had.
    typealias Item = (entry: TensorEntry, tensor: () throws -> Tensor)

    /// All tensors under official names, in the types that they are stored in.
    private func stored() -> [Item] {
        record.architecture.parameterSpecifications.map { specification in
            (
                TensorEntry(name: specification.name, type: type(of: specification), shape: specification.shape),
                { try tensor(specification, copy: false) }
            )
        }
    }

    /// The element type of a tensor on disk.
    private func type(of specification: ParameterSpecification) -> ElementType {
        let name: String? =
            switch origins[specification.name] {
            case .stored(let name): name
            case .rows(let names): names.compactMap { $0 }.first
            case .zeros, .derived, nil: nil
            }
        return name.flatMap { extras?.entry($0) ?? source.entry($0) }?.type ?? .float32
    }

    private func refuse(_ path: String, unless overwrite: Bool) throws(BackboneError) {
        guard overwrite || !FileManager.default.fileExists(atPath: path) else {
            throw BackboneError(
                .exists, "the file exists already", in: path, try: "choose another name, or --overwrite")
        }
    }

    private func write(_ items: [Item], metadata: [String: String], to path: String) throws {
        let sorted = items.sorted {
            ($1.entry.type.byteCount, $0.entry.name) < ($0.entry.type.byteCount, $1.entry.name)
        }
        let writer = try SafetensorsWriter(path: path, entries: sorted.map(\.entry), metadata: metadata)
        for item in sorted {
            try item.tensor().contiguous().withBytes { try writer.append($0) }
        }
        try writer.finish()
    }

    // MARK: Hugging Face

    private func convertToHuggingFace(_ folder: String, overwrite: Bool) throws -> [String] {
        var configuration = try HuggingFaceConfiguration(record.architecture)
        let names = HuggingFaceNames.published
        let model = "\(folder)/model.safetensors"
        let extras = "\(folder)/\(WeightsFolder.extras)"
        let files = [model, extras, "\(folder)/config.json", "\(folder)/preprocessor_config.json"]
        for file in files { try refuse(file, unless: overwrite) }
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw BackboneError(.writeFailed, "cannot make the folder", in: folder)
        }
        var theirs: [Item] = []
        var ours: [Item] = []
        for (specification, item) in zip(record.architecture.parameterSpecifications, stored()) {
            guard let origin = names.origin(specification.name) else {
                ours.append(item)
                continue
            }
            switch origin {
            case .stored(let name):
                // transformers' mask token has one more dimension.
                let shape = name.hasSuffix("mask_token") ? [1] + specification.shape : specification.shape
                theirs.append(
                    (
                        TensorEntry(name: name, type: item.entry.type, shape: shape),
                        { try item.tensor().reshaped(shape) }
                    ))
            case .rows(let parts):
                try append(parts, specification, item, &theirs, &ours)
            case .zeros, .derived:
                let derived = record.architecture.derived(specification)
                if try item.entry.type != .float32 || item.tensor().bytes() != derived.bytes() { ours.append(item) }
            }
        }
        if record.architecture.registers == 0 {
            // transformers has the parameter also where there are none.
            let shape = [1, 0, record.architecture.width]
            theirs.append(
                (
                    TensorEntry(name: "\(names.prefix)embeddings.register_tokens", type: .float32, shape: shape),
                    { Tensor.zeros(shape) }
                ))
        }
        configuration.dtype = theirs.first.map { "\($0.entry.type.dtype ?? .float32)" }
        try write(theirs, metadata: ["format": "pt"], to: model)
        try write(ours, metadata: ["format": "pt", "geodino": record.json()], to: extras)
        var processor = HuggingFaceProcessor()
        processor.image_mean = record.mean
        processor.image_std = record.std
        for (path, text) in [(files[2], configuration.json()), (files[3], processor.json())] {
            do { try Data(text.utf8).write(to: URL(filePath: path), options: .atomic) } catch {
                throw BackboneError(.writeFailed, "cannot write the file", in: path)
            }
        }
        return files
    }

    /// The three parts of a packed matrix or bias.
    ///
    /// transformers has no mask for a bias: it gets what counts of it, and
    /// what does not stays in our own file.
    private func append(
        _ parts: [String?], _ specification: ParameterSpecification, _ item: Item, _ theirs: inout [Item],
        _ ours: inout [Item]
    ) throws {
        let isBias = specification.name.hasSuffix(".bias")
        let masked = isBias && record.architecture.maskKBias
        let rows = specification.shape[0] / 3
        let shape = [rows] + specification.shape.dropFirst()
        let mask = record.architecture.parameterSpecifications.first { $0.name == specification.name + "_mask" }
        func effective() throws -> Tensor {
            guard masked, let mask else { return try item.tensor() }
            let whole = try item.tensor()
            let factor = try tensor(mask, copy: false).to(whole.dtype)
            // A bias that is masked away may be anything, also what is no number.
            return `where`(factor.to(.bool), whole * factor, whole.zerosLike())
        }
        for (index, name) in parts.enumerated() {
            guard let name, !(masked && index == 1) else { continue }
            theirs.append(
                (
                    TensorEntry(name: name, type: item.entry.type, shape: shape),
                    { try effective().narrow(dim: 0, start: index * rows, length: rows) }
                ))
        }
        guard masked else { return }
        let whole = try item.tensor()
        let back = try effective()
        let middle = whole.narrow(dim: 0, start: rows, length: rows)
        if back.bytes() != whole.bytes() || middle.bytes() != middle.zerosLike().bytes() { ours.append(item) }
    }
}
