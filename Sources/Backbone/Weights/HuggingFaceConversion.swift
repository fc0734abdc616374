// Weights into a folder that transformers reads.
internal import Files
internal import FoundationEssentials
internal import Telemetry
internal import Torch

extension WeightsContents {
    /// Writes model.safetensors, config.json and preprocessor_config.json, and our own file next to them.
    func convertToHuggingFace(_ folder: String, overwrite: Bool) throws -> [String] {
        var theirs: [Item] = []
        var ours: [Item] = []
        let configuration: String
        let type = "\(stored().first?.entry.type.dtype ?? .float32)"
        switch record.architecture {
        case .transformer(let architecture) where architecture.positions != nil:
            var described = try HuggingFaceDinov2Configuration(architecture)
            described.dtype = type
            configuration = described.json()
            try append(architecture, as: HuggingFaceDinov2Names.published, dropsKeyBias: false, &theirs, &ours)
        case .transformer(let architecture):
            var described = try HuggingFaceConfiguration(architecture)
            described.dtype = type
            // Rotated, a bias of k counts; transformers has a switch for it.
            let dropsKeyBias = try architecture.maskKBias && masksAllKeyBiases()
            described.key_bias = architecture.qkvBias && !dropsKeyBias
            configuration = described.json()
            try checkPeriods(architecture)
            try append(architecture, as: HuggingFaceNames.published, dropsKeyBias: dropsKeyBias, &theirs, &ours)
            if architecture.registers == 0 { appendNoRegisters(architecture, &theirs) }
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
        if let other = WeightsFolder.otherWeights(in: folder) {
            throw BackboneError(
                .exists, "the folder already holds other weights", in: "\(folder)/\(other)",
                try: "choose another folder, because a folder of two models would be misread")
        }
        let isNew = !FileManager.default.fileExists(atPath: folder)
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw BackboneError(.writeFailed, "cannot create the folder", in: folder)
        }
        do {
            try writeFolder(files, theirs: theirs, ours: ours, configuration: configuration)
        } catch {
            if isNew { try? FileManager.default.removeItem(atPath: folder) }
            throw error
        }
        return files
    }

    /// Writes the files, the model last: without it nobody takes the folder for a model.
    ///
    /// Everything is on disk before anything older is touched, as the folder may be the one that is read.
    private func writeFolder(
        _ files: [String], theirs: [Item], ours: [Item], configuration: String
    ) throws {
        let staged = files.map { "\($0).new" }
        var written = 0
        do {
            try write(theirs, metadata: ["format": "pt"], to: staged[0])
            written = 1
            try write(ours, metadata: ["format": "pt", "geodino": record.json()], to: staged[1])
            written = 2
            let processor = HuggingFaceProcessor.json(
                mean: record.mean, std: record.std, isDinov2: record.architecture.hasLearnedPositions)
            for (path, text) in [(staged[2], configuration), (staged[3], processor)] {
                try Disk<BackboneFailure>.write(text, to: path, temporary: Disk<BackboneFailure>.ofProcess)
                written += 1
            }
        } catch {
            for path in staged.prefix(written) { try? FileManager.default.removeItem(atPath: path) }
            throw error
        }
        // Of an older model nothing may be left beside parts of the new one.
        for file in files where FileManager.default.fileExists(atPath: file) {
            do { try FileManager.default.removeItem(atPath: file) } catch {
                throw unfinished("cannot replace the file", file, staged)
            }
        }
        for (from, to) in zip(staged, files).reversed() {
            do { try FileManager.default.moveItem(atPath: from, toPath: to) } catch {
                throw unfinished("cannot rename the file", to, staged)
            }
        }
    }

    /// The error of a folder that stays between two models, with the new one whole next to it.
    private func unfinished(_ what: String, _ path: String, _ staged: [String]) -> BackboneError {
        let left = staged.filter { FileManager.default.fileExists(atPath: $0) }
        return BackboneError(
            .writeFailed, what, in: path, why: ["the new files are complete: \(left.joined(separator: ", "))"],
            try: "remove '.new' from their names, model.safetensors last")
    }

    /// The tensors of a transformer: what transformers has a place for, and what it has none for.
    private func append(
        _ architecture: BackboneConfiguration, as names: some HuggingFaceLayout, dropsKeyBias: Bool,
        _ theirs: inout [Item], _ ours: inout [Item]
    ) throws {
        for (specification, item) in zip(architecture.parameterSpecifications, stored()) {
            guard let origin = names.origin(specification.name) else {
                ours.append(item)
                continue
            }
            switch origin {
            case .stored(let name):
                // The mask token of transformers' DINOv3 has one more dimension.
                let isLonger = architecture.positions == nil && specification.name == "mask_token"
                let shape = isLonger ? [1] + specification.shape : specification.shape
                theirs.append(
                    (
                        TensorEntry(name: name, type: item.entry.type, shape: shape),
                        { try item.tensor().reshaped(shape) }
                    ))
            case .rows(let parts):
                try append(parts, specification, item, architecture, dropsKeyBias: dropsKeyBias, &theirs, &ours)
            case .afterZeros, .zeros, .derived:
                let derived = specification.derived()
                if try item.entry.type != .float32 || item.tensor().bytes() != derived.bytes() { ours.append(item) }
            }
        }
    }

    /// The parameter of registers that transformers' DINOv3 has also where there are none.
    private func appendNoRegisters(_ architecture: BackboneConfiguration, _ theirs: inout [Item]) {
        let shape = [1, 0, architecture.width]
        let type = theirs.first?.entry.type ?? .float32
        theirs.append(
            (
                TensorEntry(name: "embeddings.register_tokens", type: type, shape: shape),
                { Tensor.zeros(shape, dtype: type.dtype ?? .float32) }
            ))
    }

    /// The three parts of a packed matrix or bias.
    ///
    /// transformers has no mask for a bias: it gets what counts of it, and
    /// what does not stays in our own file.
    private func append(
        _ parts: [String?], _ specification: ParameterSpecification, _ item: Item,
        _ architecture: BackboneConfiguration, dropsKeyBias: Bool, _ theirs: inout [Item], _ ours: inout [Item]
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
            guard let name, !(masked && dropsKeyBias && index == 1) else { continue }
            theirs.append(
                (
                    TensorEntry(name: name, type: item.entry.type, shape: shape),
                    { try effective().narrow(dim: 0, start: index * rows, length: rows) }
                ))
        }
        guard masked else { return }
        // What reading the folder would put together of these parts.
        let back = try effective().cloned()
        if dropsKeyBias { _ = back.narrow(dim: 0, start: rows, length: rows).copy_(Tensor.zeros([rows])) }
        if try back.bytes() != item.tensor().bytes() { ours.append(item) }
    }

    /// Whether no bias of k counts in any block.
    private func masksAllKeyBiases() throws -> Bool {
        for specification in record.architecture.parameterSpecifications
        where specification.name.hasSuffix(".bias_mask") {
            let rows = specification.shape[0] / 3
            let middle = try tensor(specification).narrow(dim: 0, start: rows, length: rows)
            if middle.doubles().contains(where: { $0 != 0 }) { return false }
        }
        return true
    }

    /// Checks that the stored periods are those that transformers will compute.
    private func checkPeriods(_ architecture: BackboneConfiguration) throws {
        guard let base = architecture.rope.base,
            let specification = architecture.parameterSpecifications.first(where: { $0.name == "rope_embed.periods" }),
            try !RotaryConfiguration.matches(tensor(specification).doubles(), base: base)
        else { return }
        throw BackboneError(
            .badConfiguration, "transformers computes rotary periods from a base, but these periods do not follow one",
            in: path,
            why: ["the base is \(base)"], try: "convert to official or geodino")
    }
}
