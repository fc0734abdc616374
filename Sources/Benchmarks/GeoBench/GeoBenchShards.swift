// Samples as torchgeo-bench packs them: many in a tar archive, each an .npz of its arrays and its metadata.
internal import Files
internal import Raster
internal import Telemetry

/// The shards of a task's folder, `shard_00000.tar` and so on: members `ID.bands.npz` and `ID.meta.json`, or `ID.meta.pkl` in older ones.
///
/// Members are located once; each is read when it is asked for.
struct GeoBenchShards: GeoBenchStore {
    /// A member of a shard.
    private struct Part {
        let shard: String
        let offset: Int
        let size: Int
    }

    /// The members of a sample.
    private struct Parts {
        var bands: Part?
        var json: Part?
        var pickle: Part?
    }

    /// The most bytes of a sample's arrays, and of its metadata.
    private static let limits = (arrays: 1 << 30, metadata: 1 << 24)

    private let folder: String
    private let samples: [String: Parts]
    /// Number of members that belong to no sample.
    let strangers: Int

    /// Whether a file of a folder is a shard.
    static func isShard(_ name: String) -> Bool { name.hasPrefix("shard_") && name.hasSuffix(".tar") }

    /// Walks the shards of a folder.
    ///
    /// - Parameter files: Names of all files in it, sorted.
    /// - Throws: `BenchmarksError`: `badForm` for a damaged shard, and for a member that occurs twice; `readFailed`.
    init(folder: String, files: [String]) throws(BenchmarksError) {
        var samples: [String: Parts] = [:]
        var strangers = 0
        for shard in files where Self.isShard(shard) {
            let path = joined(folder, shard)
            for member in try TarMembers.list(RangedFile(path)) {
                // Names of samples may have dots.
                let name = member.name.hasPrefix("./") ? String(member.name.dropFirst(2)) : member.name
                guard let (kind, ending) = Self.endings.first(where: { name.hasSuffix($0.1) }) else {
                    strangers += 1
                    continue
                }
                let id = String(name.dropLast(ending.count))
                guard samples[id, default: Parts()][keyPath: kind] == nil else {
                    throw BenchmarksError(
                        .badForm, "the member \(quoted(name)) occurs twice", in: path,
                        why: samples[id]?[keyPath: kind].map { ["it is also in \($0.shard)"] } ?? [],
                        try: "remove the shards of another download")
                }
                samples[id, default: Parts()][keyPath: kind] = Part(
                    shard: shard, offset: member.offset, size: member.size)
            }
        }
        self.folder = folder
        self.samples = samples
        self.strangers = strangers
    }

    private static var endings: [(WritableKeyPath<Parts, Part?>, String)] {
        [(\.bands, ".bands.npz"), (\.json, ".meta.json"), (\.pickle, ".meta.pkl")]
    }

    func has(_ sample: String) -> Bool { samples[sample]?.bands != nil }

    func open(_ sample: String) throws(BenchmarksError) -> any GeoBenchOpened {
        guard let parts = samples[sample], let bands = parts.bands else {
            throw BenchmarksError(.notFound, "no shard has the sample \(quoted(sample))", in: folder)
        }
        let place = place(of: sample)
        return try OpenedMember(place: place, arrays: try read(bands, of: place, limit: Self.limits.arrays))
    }

    func metadata(of sample: String) throws(BenchmarksError) -> GeoBenchMetadata {
        let (place, parts) = (place(of: sample), samples[sample])
        guard let part = parts?.json ?? parts?.pickle else {
            throw BenchmarksError(
                .badForm, "the sample has neither a member .meta.json nor .meta.pkl", in: place,
                try: "get the shard again")
        }
        let bytes = try read(part, of: place, limit: Self.limits.metadata)
        do throws(FileComplaint) {
            guard parts?.json != nil else { return try GeoBenchMetadata(PlainValue(pickle: bytes)) }
            guard let value = GeoBenchFile.json(bytes) else { throw FileComplaint("its member .meta.json is not JSON") }
            return try GeoBenchMetadata(value)
        } catch {
            throw .unreadable("cannot read the sample's metadata", place, error)
        }
    }

    func place(of sample: String) -> String {
        let shard = samples[sample]?.bands?.shard
        return "\(shard.map { joined(folder, $0) } ?? folder) (\(sample))"
    }

    func stamp(of sample: String) -> [String] {
        guard let part = samples[sample]?.bands else { return [sample, "absent"] }
        let date = FileStamp(joined(folder, part.shard))?.text ?? "absent"
        return [part.shard, date, "\(sample) at \(part.offset), \(part.size) bytes"]
    }

    private func read(_ part: Part, of place: String, limit: Int) throws(BenchmarksError) -> [UInt8] {
        guard part.size <= limit else {
            throw BenchmarksError(
                .badForm, "a member of the sample has \(part.size) bytes; expected at most \(limit)", in: place,
                try: "get the shard again")
        }
        return try RangedFile<BenchmarksFailure>(joined(folder, part.shard)).read(at: part.offset, count: part.size)
    }
}

/// The arrays of a sample, in memory.
private struct OpenedMember: GeoBenchOpened {
    let place: String
    let names: [String]
    private let arrays: [UInt8]

    init(place: String, arrays: [UInt8]) throws(BenchmarksError) {
        self.place = place
        self.arrays = arrays
        names = try Self.archive(arrays, place) { archive in archive.names }
    }

    func array(_ name: String) throws(BenchmarksError) -> NumberArray {
        try Self.archive(arrays, place) { archive throws(FileComplaint) in
            try archive.array(name, limit: 64 << 20)
        }
    }

    func shape(of name: String) throws(BenchmarksError) -> (shape: [Int], type: ElementType?) {
        let array = try array(name)
        guard case .number(let type) = array.element else { return (array.shape, nil) }
        return (array.shape, type)
    }

    /// Works with an archive in memory.
    private static func archive<Value>(
        _ bytes: [UInt8], _ place: String, _ work: (NumpyArchive) throws(FileComplaint) -> Value
    ) throws(BenchmarksError) -> Value {
        let result = bytes.withUnsafeBytes { buffer -> Result<Value, FileComplaint> in
            do throws(FileComplaint) {
                return .success(try work(try NumpyArchive(buffer, inflate: GDAL.inflate)))
            } catch { return .failure(error) }
        }
        do throws(FileComplaint) { return try result.get() } catch {
            throw .unreadable("cannot read the arrays of the sample", place, error)
        }
    }
}
