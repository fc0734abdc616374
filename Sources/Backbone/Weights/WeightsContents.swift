// A weights file of any of the known formats, opened: what it holds under official names, and what travels with it.
internal import Files
internal import FoundationEssentials
internal import Geo
internal import Telemetry
internal import Torch

/// Weights on disk, opened and checked, with nothing read but names and shapes.
///
/// Official names are the common language: whatever a file calls its tensors, here they have the names of the published
/// checkpoints.
public struct WeightsContents {
    /// The file that holds the tensors.
    public let path: String
    /// How it names them.
    public let format: WeightsFormat
    /// What travels with the weights; taken from the file, or known of the published ones, or assumed (see `notes`).
    public internal(set) var record: WeightsRecord
    /// What was assumed or does not fit, one sentence each.
    public internal(set) var notes: [String]
    /// The stored channel of each input band, or `nil` for the mean of all; `nil` where the bands are those of the file.
    var inflation: [Int?]?

    let source: any TensorSource
    /// Tensors of other files that stand in for missing ones.
    let extras: (any TensorSource)?
    /// Another file that the rotary periods come from.
    private let periods: (any TensorSource)?
    let origins: [String: TensorOrigin]
    /// SHA-256 of the file, where opening computed it.
    let fileHash: String?

    /// Opens weights and checks that every tensor of the architecture is there with its shape, and no other.
    ///
    /// - Parameters:
    ///   - path: A file of geodino, an official `.pth`, a safetensors file or index of Hugging Face, a file of timm, or a folder of one of
    ///     these.
    ///   - options: What the file leaves open.
    /// - Throws: `BackboneError` that lists missing, unexpected and mis-shaped tensors; errors of the file format as they
    ///   come.
    public static func open(_ path: String, options: WeightsOptions = WeightsOptions()) throws -> WeightsContents {
        let file = try WeightsFolder.file(of: path)
        let source = try openWeights(file)
        var contents = try opened(source, file, options)
        if let bands = options.bands { try contents.inflate(to: bands, mean: options.bandMean, std: options.bandStd) }
        return contents
    }

    /// A file by whose names it has.
    private static func opened(
        _ source: any TensorSource, _ file: String, _ options: WeightsOptions
    ) throws -> WeightsContents {
        let names = source.names
        // What we wrote says itself what it is, of whatever form.
        guard source.metadata["geodino"] == nil else {
            return try opened(OfficialNames(in: names), source, file, options)
        }
        if let theirs = HuggingFaceDinov2Names(in: names) { return try opened(theirs, source, file, options) }
        if let theirs = HuggingFaceConvNeXtNames(in: names) { return try opened(theirs, source, file, options) }
        if let theirs = TimmNames(in: source) { return try opened(theirs, source, file, options) }
        if let theirs = TimmConvNeXtNames(in: names) { return try opened(theirs, source, file, options) }
        if let other = OtherFamily(of: source) { throw other.error(in: file) }
        if let theirs = HuggingFaceNames(in: names) { return try opened(theirs, source, file, options) }
        let official = OfficialNames(in: names)
        if !official.hasMark, let other = OtherFamily(describedIn: WeightsFolder.folder(of: file)) {
            throw other.error(in: file)
        }
        return try opened(official, source, file, options)
    }

    /// A file with official names: ours where it has our description, else a published one.
    private static func opened(
        _ names: OfficialNames, _ source: any TensorSource, _ path: String, _ options: WeightsOptions
    ) throws -> WeightsContents {
        var notes: [String] = []
        let record: WeightsRecord
        var hash: String?
        if let text = source.metadata["geodino"] {
            record = try WeightsRecord.parsed(text, path: path).changed(by: options, notes: &notes)
            _ = try options.chosen(path: path) { record.architecture }
        } else {
            let architecture = try options.chosen(path: path) { () throws(BackboneError) in
                try names.architecture(of: source, path: path, heads: options.heads ?? options.describedHeads)
            }
            let published = try PublishedFile(source, architecture, options, notes: &notes)
            hash = published.sha256
            record = try .assumed(
                architecture, published.statistics, stated: nil, options, path: path, notes: &notes)
        }
        var origins: [String: TensorOrigin] = [:]
        for specification in record.architecture.parameterSpecifications {
            let name = names.prefix + specification.name
            // Periods follow from the architecture; a mask that is not there would change what the network computes.
            origins[specification.name] =
                specification.name == "rope_embed.periods" && source.entry(name) == nil ? .derived : .stored(name)
        }
        return try WeightsContents(
            path: path, format: source.metadata["geodino"] == nil ? .official : .geodino, record: record, notes: notes,
            source: source, extras: nil, periods: try options.periodsSource(), origins: origins, fileHash: hash,
            ignoring: { !names.isOfBackbone($0) })
    }

    /// A file with transformers' or timm's tensor names, and its `config.json` if there is one.
    private static func opened(
        _ names: some ForeignNames, _ source: any TensorSource, _ path: String, _ options: WeightsOptions
    ) throws -> WeightsContents {
        let folder = WeightsFolder.folder(of: path)
        let own = "\(folder)/\(WeightsFolder.extras)"
        let extras = FileManager.default.fileExists(atPath: own) ? try SafetensorsFile(path: own) : nil
        var notes: [String] = []
        let record: WeightsRecord
        if let text = extras?.metadata["geodino"] {
            record = try WeightsRecord.parsed(text, path: own).changed(by: options, notes: &notes)
            _ = try options.chosen(path: path) { record.architecture }
        } else {
            let configuration = "\(folder)/config.json"
            let architecture: BackboneArchitecture
            if FileManager.default.fileExists(atPath: configuration),
                let described = try names.architecture(configuration: configuration)
            {
                architecture = try options.chosen(path: path) { described }
            } else {
                architecture = try options.chosen(path: path) { () throws(BackboneError) in
                    try names.architecture(of: source, path: path, heads: options.heads ?? options.describedHeads)
                }
                if names.format == .huggingface {
                    notes.append(
                        "config.json is missing next to the file: the architecture is inferred from the tensors")
                }
            }
            record = try .assumed(
                architecture, nil, stated: names.statistics(folder: folder), options, path: path, notes: &notes)
        }
        var origins: [String: TensorOrigin] = [:]
        // What transformers stores of a tensor that our own file holds whole.
        var replaced: Set<String> = []
        for specification in record.architecture.parameterSpecifications {
            let name = specification.name
            origins[name] = names.origin(name, in: source, extras: extras)
            if extras?.entry(name) != nil { replaced.formUnion(names.parts(name)) }
        }
        try checkExtras(extras, names, source, record)
        // A model with a head, such as the canopy model, holds its backbone under a prefix; and there may be a parameter
        // of registers where there are none.
        if record.architecture.registers == 0 { replaced.insert("\(names.prefix)embeddings.register_tokens") }
        return try WeightsContents(
            path: path, format: names.format, record: record, notes: notes, source: source, extras: extras,
            periods: try options.periodsSource(), origins: origins, fileHash: nil,
            ignoring: { !names.isOfBackbone($0) || replaced.contains($0) })
    }

    /// Checks that what lies beside a model still belongs to it: somebody may have trained on and saved the model alone.
    private static func checkExtras(
        _ extras: (any TensorSource)?, _ names: some ForeignNames, _ source: any TensorSource, _ record: WeightsRecord
    ) throws {
        guard let extras else { return }
        for specification in record.architecture.parameterSpecifications where extras.entry(specification.name) != nil {
            let parts = names.parts(specification.name)
            guard parts.count == 3 else { continue }
            let whole = try extras.tensor(specification.name, copy: true).to(.float64)
            let mask =
                try extras.entry("\(specification.name)_mask") == nil
                ? nil : extras.tensor("\(specification.name)_mask", copy: true).to(.float64)
            let rows = specification.shape[0] / 3
            for (index, part) in parts.enumerated() where source.entry(part) != nil {
                var ours = whole.narrow(dim: 0, start: index * rows, length: rows)
                if let mask {
                    let factor = mask.narrow(dim: 0, start: index * rows, length: rows)
                    ours = `where`(factor.to(.bool), ours * factor, ours.zerosLike())
                }
                guard try ours.doubles() == source.tensor(part, copy: true).doubles() else {
                    throw BackboneError(
                        .badWeights, "the file next to the model belongs to another model", in: extras.path,
                        why: ["its \(specification.name) differs from the model's \(part)"],
                        try: "remove \(extras.path) if the model was trained further after its conversion")
                }
            }
        }
    }

    private init(
        path: String, format: WeightsFormat, record: WeightsRecord, notes: [String], source: any TensorSource,
        extras: (any TensorSource)?, periods: (any TensorSource)?, origins: [String: TensorOrigin], fileHash: String?,
        ignoring: (String) -> Bool
    ) throws(BackboneError) {
        var tensors = TensorCheck()
        for specification in record.architecture.parameterSpecifications {
            guard let origin = origins[specification.name] else {
                tensors.miss(specification.name)
                continue
            }
            let shape = specification.shape
            func entry(_ name: String) -> TensorEntry? { extras?.entry(name) ?? source.entry(name) }
            switch origin {
            // A mask token is [1, D] here and [1, 1, D] there.
            case .stored(let name): tensors.want(name, shape, entry(name), ignoresLeadingOnes: true)
            case .rows(let parts):
                let names = parts.compactMap(\.self)
                for name in names { tensors.want(name, [shape[0] / 3] + shape.dropFirst(), entry(name)) }
                if Set(names.compactMap { entry($0)?.type }).count > 1 {
                    tensors.complain("\(specification.name) comes in parts of different types")
                }
            case .afterZeros(let name):
                tensors.want(name, [shape[0], shape[1] - 1] + shape.dropFirst(2), entry(name))
            case .zeros, .derived: break
            }
        }
        if let periods, case let found = periods.entry(Self.periodsName(periods))?.shape,
            let wanted = record.architecture.parameterSpecifications.first(where: { $0.name == "rope_embed.periods" })?
                .shape,
            found != wanted
        {
            tensors.complain(
                "rope_embed.periods of \(periods.path) is \(found.map { "\($0)" } ?? "missing"); expected \(wanted)")
        }
        let causes = tensors.causes(among: source.names.filter { !ignoring($0) })
        guard causes.isEmpty else {
            throw BackboneError(
                .badWeights, "the tensors in the file do not match its architecture", in: path, why: causes,
                try: "get the file again; a checkpoint of your own must hold every tensor of the network")
        }
        self.path = path
        self.format = format
        self.record = record
        self.notes = notes
        self.source = source
        self.extras = extras
        self.periods = periods
        self.origins = origins
        self.fileHash = fileHash
    }

    /// How many tensors are stored in each element type, by the names of the safetensors format.
    public var typeCounts: [String: Int] {
        Dictionary(source.entries.map { ($0.type.rawValue, 1) }, uniquingKeysWith: +)
    }

    /// Bytes of all stored tensors.
    public var byteCount: Int { source.byteCount }

    /// What the periods are called in a file of their own, or in a whole checkpoint.
    private static func periodsName(_ source: any TensorSource) -> String {
        source.names.first { $0 == "rope_embed.periods" || $0.hasSuffix(".rope_embed.periods") } ?? "rope_embed.periods"
    }

    /// A tensor by its official name, in the type that it is stored in.
    ///
    /// - Parameter copy: Whether it has memory of its own; without, it may lie in the file's map.
    func tensor(_ specification: ParameterSpecification, copy: Bool = true) throws -> Tensor {
        // Opening needs names and shapes alone; libtorch, which takes half a second, comes with the first tensor.
        try Torch.load()
        guard let origin = origins[specification.name] else {
            preconditionFailure("\(specification.name) was found to be there when the file was opened")
        }
        if specification.name == "rope_embed.periods", let periods {
            return try periods.tensor(Self.periodsName(periods), copy: copy)
        }
        func read(_ name: String) throws(TorchError) -> Tensor {
            if let extras, extras.entry(name) != nil { return try extras.tensor(name, copy: copy) }
            return try source.tensor(name, copy: copy)
        }
        switch origin {
        case .stored(let name) where inflation != nil && specification.name == record.architecture.embeddingName:
            return inflated(try read(name))
        case .stored(let name): return try read(name).reshaped(specification.shape)
        case .rows(let names):
            let first = try read(names.compactMap { $0 }.first ?? "")
            return concatenate(try names.map { try $0.map(read) ?? first.zerosLike() }, dim: 0)
        case .afterZeros(let name):
            let rest = try read(name)
            return concatenate([rest.narrow(dim: 1, start: 0, length: 1).zerosLike(), rest], dim: 1)
        case .zeros: return .zeros(specification.shape)
        case .derived: return specification.derived()
        }
    }
}

extension WeightsContents {
    /// Says that a tensor will be read soon.
    func willNeed(_ specification: ParameterSpecification) {
        for name in stored(specification) { source.willNeed(name) }
    }

    /// The names of the arrays in the file that a tensor is made of.
    private func stored(_ specification: ParameterSpecification) -> [String] {
        (origins[specification.name]?.names ?? []).filter { extras?.entry($0) == nil }
    }
}

extension WeightsOptions {
    func periodsSource() throws -> (any TensorSource)? {
        guard let periods else { return nil }
        return try openWeights(periods)
    }

    /// What a file tells of its architecture; the user's word only where it does not tell, and an error where the two
    /// contradict each other.
    func chosen(
        path: String, told: () throws(BackboneError) -> BackboneArchitecture
    ) throws(BackboneError) -> BackboneArchitecture {
        let found: BackboneArchitecture
        do { found = try told() } catch {
            guard let architecture else { throw error }
            return architecture
        }
        if let architecture, !found.hasSizes(of: architecture) {
            throw BackboneError(
                .badConfiguration, "the weights' architecture is not the one given with \(Setting.architecture)",
                in: path,
                why: ["it is \(found.presetName ?? "not a published size")"], try: "leave out \(Setting.architecture)")
        }
        if let heads {
            let why: String? =
                switch found {
                case .transformer(let network):
                    network.heads == heads
                        ? nil : "the weights have \(network.heads) attention heads, but \(Setting.heads) is \(heads)"
                case .convNeXt: "the weights are of a ConvNeXt, which has no attention heads"
                }
            if let why { throw BackboneError(.badConfiguration, why, in: path, try: "leave out \(Setting.heads)") }
        }
        return found
    }
}
