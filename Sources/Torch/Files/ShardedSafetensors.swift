// Weights in several safetensors files with an index, as Hugging Face writes large models.
internal import Files
internal import FoundationEssentials
internal import Telemetry

/// Several safetensors files that an index, `model.safetensors.index.json`, makes one.
///
/// The index may name files next to itself only. What it lists must be there, and nothing else.
final class ShardedSafetensors: TensorSource {
    /// The index.
    let path: String
    /// The metadata of all files; where they differ, the first one's.
    let metadata: [String: String]
    /// The arrays, file by file in the order of their data.
    let entries: [TensorEntry]

    private let shards: [SafetensorsFile]
    private let places: [String: (file: Int, entry: Int)]

    private struct Index: Decodable {
        var weight_map: [String: String]
    }

    /// Opens an index and all files that it names.
    ///
    /// - Throws: `TorchError` (`notFound`, `readFailed`, `badFile`) that lists what does not fit.
    init(index path: String) throws(TorchError) {
        self.path = path
        let homes = try Self.shards(path)
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        var files: [SafetensorsFile] = []
        var entries: [TensorEntry] = []
        var places: [String: (file: Int, entry: Int)] = [:]
        var metadata: [String: String] = [:]
        var wrong: [String] = []
        for name in Set(homes.values).sorted() {
            let file: SafetensorsFile
            do { file = try SafetensorsFile(path: folder + name) } catch  where error.code == .notFound {
                throw TorchError(
                    .notFound, "a file of the weights is missing: \(name)", in: path, why: ["the index names it"],
                    try: "download all files that the index names into its folder")
            }
            for entry in file.entries {
                guard homes[entry.name] == name else {
                    wrong.append("\(name) holds \(quoted(entry.name)), which the index does not place there")
                    continue
                }
                places[entry.name] = (files.count, entries.count)
                entries.append(entry)
            }
            metadata.merge(file.metadata) { first, _ in first }
            files.append(file)
        }
        for name in homes.keys.sorted() where places[name] == nil {
            wrong.append("\(quoted(name)) is not in \(homes[name] ?? "")")
        }
        guard wrong.isEmpty else {
            throw Self.bad(path, Array(wrong.prefix(8)))
        }
        shards = files
        self.entries = entries
        self.places = places
        self.metadata = metadata
    }

    /// The index and all files that it names.
    var files: [String] { [path] + shards.map(\.path) }

    /// The array of a name; `nil` where there is none.
    func entry(_ name: String) -> TensorEntry? { places[name].map { entries[$0.entry] } }

    /// A tensor with an array's values; see `TensorSource`.
    func tensor(_ name: String, copy: Bool = true) throws(TorchError) -> Tensor {
        guard let place = places[name] else {
            throw TorchError(
                .notFound, "no array '\(name)' among the index's \(entries.count)", in: path)
        }
        return try shards[place.file].tensor(name, copy: copy)
    }

    /// Asks the system to read an array ahead.
    func willNeed(_ name: String) {
        if let place = places[name] { shards[place.file].willNeed(name) }
    }

    /// The file of each array.
    private static func shards(_ path: String) throws(TorchError) -> [String: String] {
        let map = try WeightsMap(weights: path)
        if let nature = FileNature(map.bytes, path: path), !nature.isJSON { throw nature.error(in: path) }
        guard map.bytes.count <= SafetensorsHeader.limit else {
            throw bad(path, ["it has \(map.bytes.count) bytes; the limit is \(SafetensorsHeader.limit)"])
        }
        let shards: [String: String]
        do {
            shards = try JSONDecoder().decode(Index.self, from: Data(map.bytes)).weight_map
        } catch {
            throw bad(path, ["it has no weight_map from names to file names"])
        }
        guard !shards.isEmpty else { throw bad(path, ["its weight_map is empty"]) }
        let strangers = Set(shards.values).filter {
            $0.contains("/") || $0.contains("\0") || $0.hasPrefix(".") || !$0.hasSuffix(".safetensors")
        }
        guard strangers.isEmpty else {
            throw bad(
                path,
                strangers.sorted().prefix(4).map {
                    "it names the file \(quoted($0)); expected names of .safetensors files next to the index"
                })
        }
        return shards
    }

    private static func bad(_ path: String, _ causes: [String]) -> TorchError {
        TorchError(
            .badFile, "cannot read the index of sharded weights", in: path, why: causes,
            try: "download all files of the model again")
    }
}
