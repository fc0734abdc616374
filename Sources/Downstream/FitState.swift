// An unfinished fit on disk: what it is a fit of, and how far it got.
internal import Backbone
internal import Files
internal import FoundationEssentials
internal import Telemetry
internal import Torch

/// Operations on the files of a fit.
typealias Disk = Files.Disk<DownstreamFailure>

/// One writer per fit.
typealias FitLock = FolderLock<DownstreamFailure>

extension FolderLock<DownstreamFailure> {
    /// Takes the lock of an unfinished fit.
    convenience init(fit folder: String) throws(DownstreamError) {
        try self.init(folder: folder, name: "lock", what: "fit", isRemoved: false)
    }
}

/// What a fit is a fit of; a resumed fit must be of the same.
struct FitIdentity: Codable, Equatable {
    var formatVersion = 1
    var recipe: CanopyRecipe
    /// SHA-256 of the weights file.
    var backbone: String
    var randomBackbone: Bool
    /// The fingerprint of the pairs.
    var pairs: String

    enum CodingKeys: String, CodingKey {
        case formatVersion = "format_version"
        case recipe, backbone
        case randomBackbone = "random_backbone"
        case pairs
    }

    /// What differs from another identity, one sentence each; the number of steps may differ.
    func differences(from now: FitIdentity) -> [String] {
        var list: [String] = []
        if formatVersion != now.formatVersion {
            list.append(
                "the fit has format version \(formatVersion); this version of geodino writes \(now.formatVersion)")
        }
        if backbone != now.backbone { list.append("the weights: SHA-256 \(backbone), now \(now.backbone)") }
        if randomBackbone != now.randomBackbone {
            list.append("random_backbone: \(randomBackbone), now \(now.randomBackbone)")
        }
        if pairs != now.pairs { list.append("the pairs: \(pairs), now \(now.pairs)") }
        let (old, new) = (recipe.flat, now.recipe.flat)
        for key in Set(old.keys).union(new.keys).sorted() where key != "steps" && old[key] != new[key] {
            list.append("recipe \(key): \(old[key] ?? "absent"), now \(new[key] ?? "absent")")
        }
        return list
    }
}

extension CanopyRecipe {
    /// Every value by its path of keys, as text.
    var flat: [String: String] {
        guard let data = try? JSONEncoder().encode(self), let tree = try? JSONDecoder().decode(Tree.self, from: data)
        else { return [:] }
        var out: [String: String] = [:]
        tree.flatten(into: &out, path: "")
        return out
    }
}

/// Any JSON, for comparing recipes key by key.
private enum Tree: Decodable {
    case node([String: Tree])
    case list([Tree])
    case leaf(String)

    init(from decoder: any Decoder) throws {
        if let node = try? [String: Tree](from: decoder) {
            self = .node(node)
        } else if let list = try? [Tree](from: decoder) {
            self = .list(list)
        } else {
            let value = try decoder.singleValueContainer()
            if let flag = try? value.decode(Bool.self) {
                self = .leaf("\(flag)")
            } else if let number = try? value.decode(Int64.self) {
                self = .leaf("\(number)")
            } else if let number = try? value.decode(Double.self) {
                self = .leaf("\(number)")
            } else {
                self = .leaf((try? value.decode(String.self)) ?? "null")
            }
        }
    }

    private var text: String {
        switch self {
        case .leaf(let text): text
        case .list(let list): "[" + list.map(\.text).joined(separator: ", ") + "]"
        case .node: "{}"
        }
    }

    func flatten(into out: inout [String: String], path: String) {
        guard case .node(let node) = self else {
            out[path] = text
            return
        }
        for (key, value) in node { value.flatten(into: &out, path: path.isEmpty ? key : "\(path).\(key)") }
    }
}

/// The folder of an unfinished fit, `MODEL.partial`.
struct FitFolder {
    /// The model's folder.
    let model: String

    var path: String { model + ".partial" }
    var checkpoint: String { joined(path, "checkpoint.safetensors") }
    var metrics: String { joined(path, "metrics.jsonl") }
    /// The mark of an unfinished fit, and what it is a fit of.
    var identity: String { joined(path, "fit.json") }

    var exists: Bool { FileManager.default.fileExists(atPath: path) }

    init(model: String) {
        var model = model
        while model.count > 1, model.hasSuffix("/") { model.removeLast() }
        self.model = model
    }

    /// Removes the folder, with what little is in it.
    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Makes room for a fit: the folder is there afterwards.
    ///
    /// - Returns: Whether there is a fit to resume, and the right to write to the folder.
    /// - Throws: `locked` where another process writes the same fit.
    func prepare(_ now: FitIdentity, options: FitOptions) throws -> (isResumed: Bool, lock: FitLock) {
        let files = FileManager.default
        if files.fileExists(atPath: model), !options.overwrite {
            throw DownstreamError(
                .exists,
                CanopyModel.isModel(model)
                    ? "the model exists already" : "a file or folder with this name exists already",
                in: model,
                try: "choose another name" + (CanopyModel.isModel(model) ? ", or --overwrite" : ""))
        }
        if files.fileExists(atPath: model), !CanopyModel.isModel(model) {
            throw DownstreamError(
                .exists, "not a geodino model; refusing to overwrite", in: model,
                try: "choose another name")
        }
        if exists {
            // What a process leaves that died before it said what it fits.
            let isUnborn = fileNames(in: path).allSatisfy { ["lock", "fit.json.partial"].contains($0) }
            guard files.fileExists(atPath: identity) || isUnborn else {
                throw DownstreamError(
                    .exists, "a folder that is not a geodino fit has this name", in: path, try: "move it away")
            }
            let lock = try FitLock(fit: path)
            // Bytes that a killed process was writing.
            for name in fileNames(in: path) where name.contains(".partial-") { removeIfPresent(joined(path, name)) }
            if options.resume, !isUnborn {
                try compare(now)
                return (true, lock)
            }
            guard options.overwrite || isUnborn else {
                throw DownstreamError(
                    .exists, "an unfinished fit exists already", in: path,
                    try: "resume it with --resume, or start from scratch with --overwrite")
            }
            try attempt(.writeFailed, "cannot remove the unfinished fit", path) { try files.removeItem(atPath: path) }
            withExtendedLifetime(lock) {}
        }
        try attempt(.writeFailed, "cannot create the fit's folder", path) {
            try files.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        let lock = try FitLock(fit: path)
        do { try write(now, to: identity) } catch {
            // Without it nobody would know the folder for ours.
            remove()
            throw error
        }
        return (false, lock)
    }

    private func compare(_ now: FitIdentity) throws {
        guard let data = FileManager.default.contents(atPath: identity) else {
            throw DownstreamError(.readFailed, "cannot read the record of the fit's inputs", in: identity)
        }
        let before: FitIdentity
        do {
            before = try JSONDecoder().decode(FitIdentity.self, from: data)
        } catch {
            throw DownstreamError(
                .badRun, "the record of the fit's inputs is damaged", in: identity, why: [decodingCause(error)],
                try: "start from scratch with --overwrite")
        }
        let differences = before.differences(from: now)
        guard differences.isEmpty else {
            throw DownstreamError(
                .changed, "the fit was started with other inputs", in: path, why: differences,
                try: "give the original inputs, or start from scratch with --overwrite")
        }
    }

    /// Writes a value as JSON through a temporary name.
    func write(_ value: some Encodable, to file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let bytes = try attempt(.writeFailed, "cannot write the file", file) { try encoder.encode(value) }
        try Disk.write(bytes, to: file)
    }

    /// Turns the fit's folder into the model; an old model is moved aside first and removed last.
    func finish(overwrite: Bool) throws {
        let files = FileManager.default
        let old = model + ".old.partial"
        let replaces = overwrite && files.fileExists(atPath: model)
        try attempt(.writeFailed, "cannot rename the finished model", model) {
            if replaces {
                try? files.removeItem(atPath: old)
                try Disk.rename(model, to: old)
            }
            try Disk.syncFolder(path)
            try Disk.rename(path, to: model)
            if replaces { try? files.removeItem(atPath: old) }
        }
        for file in ["checkpoint.safetensors", "fit.json", "lock"] {
            try? files.removeItem(atPath: joined(model, file))
        }
    }
}

/// Does something with files; what it throws becomes one of our errors.
func attempt<R>(_ code: DownstreamError.Code, _ what: String, _ place: String, _ body: () throws -> R) throws -> R {
    do {
        return try body()
    } catch let error as DownstreamError {
        throw error
    } catch {
        throw DownstreamError(code, what, in: place, why: causes(of: error))
    }
}
