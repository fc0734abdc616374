// Weights into a folder that transformers reads.
internal import FoundationEssentials
internal import Torch

extension WeightsContents {
    /// Writes model.safetensors, config.json and preprocessor_config.json, and our own file beside them.
    func convertToHuggingFace(_ folder: String, overwrite: Bool) throws -> [String] {
        var theirs: [Item] = []
        var ours: [Item] = []
        let configuration: String
        let type = "\(stored().first?.entry.type.dtype ?? .float32)"
        switch record.architecture {
        case .transformer(let architecture):
            var described = try HuggingFaceConfiguration(architecture)
            described.dtype = type
            configuration = described.json()
            try append(architecture, &theirs, &ours)
        case .convNeXt(let architecture):
            var described = HuggingFaceConvNeXtConfiguration(architecture)
            described.dtype = type
            configuration = described.json()
            let names = HuggingFaceConvNeXtNames.published
            theirs = stored().compactMap { item in
                names.name(item.entry.name).map {
                    (TensorEntry(name: $0, type: item.entry.type, shape: item.entry.shape), item.tensor)
                }
            }
        }
        let model = "\(folder)/model.safetensors"
        let extras = "\(folder)/\(WeightsFolder.extras)"
        let files = [model, extras, "\(folder)/config.json", "\(folder)/preprocessor_config.json"]
        for file in files { try refuse(file, unless: overwrite) }
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw BackboneError(.writeFailed, "cannot make the folder", in: folder)
        }
        try write(theirs, metadata: ["format": "pt"], to: model)
        try write(ours, metadata: ["format": "pt", "geodino": record.json()], to: extras)
        let processor = HuggingFaceProcessor.json(mean: record.mean, std: record.std)
        for (path, text) in [(files[2], configuration), (files[3], processor)] {
            do { try Data(text.utf8).write(to: URL(filePath: path), options: .atomic) } catch {
                throw BackboneError(.writeFailed, "cannot write the file", in: path)
            }
        }
        return files
    }

    /// The tensors of a transformer: what transformers has a place for, and what it has none for.
    private func append(
        _ architecture: BackboneConfiguration, _ theirs: inout [Item], _ ours: inout [Item]
    ) throws {
        let names = HuggingFaceNames.published
        for (specification, item) in zip(architecture.parameterSpecifications, stored()) {
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
                try append(parts, specification, item, architecture, &theirs, &ours)
            case .zeros, .derived:
                let derived = specification.derived()
                if try item.entry.type != .float32 || item.tensor().bytes() != derived.bytes() { ours.append(item) }
            }
        }
        if architecture.registers == 0 {
            // transformers has the parameter also where there are none.
            let shape = [1, 0, architecture.width]
            theirs.append(
                (
                    TensorEntry(name: "\(names.prefix)embeddings.register_tokens", type: .float32, shape: shape),
                    { Tensor.zeros(shape) }
                ))
        }
    }

    /// The three parts of a packed matrix or bias.
    ///
    /// transformers has no mask for a bias: it gets what counts of it, and
    /// what does not stays in our own file.
    private func append(
        _ parts: [String?], _ specification: ParameterSpecification, _ item: Item,
        _ architecture: BackboneConfiguration, _ theirs: inout [Item], _ ours: inout [Item]
    ) throws {
        let isBias = specification.name.hasSuffix(".bias")
        let masked = isBias && architecture.maskKBias
        let rows = specification.shape[0] / 3
        let shape = [rows] + specification.shape.dropFirst()
        let mask = architecture.parameterSpecifications.first { $0.name == specification.name + "_mask" }
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
