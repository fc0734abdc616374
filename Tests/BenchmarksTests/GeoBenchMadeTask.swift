// Tasks of GEO-Bench made by hand, as good or as bad as a test wants them.
import Benchmarks
import Files
import Foundation
import Telemetry
import TestSupport

/// A task's folder in a temporary one: lists in JSON, and samples in shards.
struct MadeTask {
    /// A member of a shard: what its header is to say, and what follows.
    struct Member {
        var header: [UInt8]
        var data: [UInt8]

        init(_ name: String, _ data: [UInt8]) {
            header = Tar.header(name: name, size: data.count)
            self.data = data
        }

        /// A member of another type, with a long list of attributes or a long name as its data.
        init(type: Character, _ data: [UInt8]) {
            self.init("attributes", data)
            set(156, [type.asciiValue ?? 0])
        }

        /// Writes into the header, and makes its checksum right.
        mutating func set(_ place: Int, _ bytes: [UInt8]) {
            header.replaceSubrange(place..<place + bytes.count, with: bytes)
            header.replaceSubrange(148..<156, with: [UInt8](repeating: 32, count: 8))
            let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
            let digits = String(repeating: "0", count: 6 - sum.count) + sum
            header.replaceSubrange(148..<156, with: Array(digits.utf8) + [0, 32])
        }

        var bytes: [UInt8] { header + data + [UInt8](repeating: 0, count: Tar.padded(data.count) - data.count) }
    }

    let folder: TemporaryFolder
    let path: String

    /// Makes an empty folder of a name.
    init(_ name: String = "m-nz-cattle", in folder: TemporaryFolder = TemporaryFolder()) throws {
        self.folder = folder
        path = folder.file(name)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// Copies a folder of the fixtures.
    init(copyOf source: String) throws {
        folder = TemporaryFolder()
        path = folder.file(String(source.split(separator: "/").last ?? "task"))
        try FileManager.default.copyItem(atPath: source, toPath: path)
    }

    /// A task of masks with one sample for each split, `a`, `b` and `c`, in one shard.
    ///
    /// Bands are 2 x 3 pixels: `Red` 1 to 6, `Green` ten times that, `Blue` a hundred times; masks are `0 1 0 1 0 1`.
    static func cattle() throws -> MadeTask {
        let task = try MadeTask()
        try task.write("{\"train\": [\"a\"], \"valid\": [\"b\"], \"test\": [\"c\"]}", to: "default_partition.json")
        try task.shard(["a", "b", "c"].flatMap { try sample($0) })
        return task
    }

    /// The members of a sample of `cattle`.
    static func sample(
        _ name: String, _ arrays: [(name: String, bytes: [UInt8])] = standard,
        metadata: String = "{\"bands_order\": [\"Red\", \"Green\", \"Blue\", \"label\"]}"
    ) throws -> [Member] {
        [Member("\(name).bands.npz", try npz(arrays)), Member("\(name).meta.json", Array(metadata.utf8))]
    }

    static var standard: [(name: String, bytes: [UInt8])] {
        [1, 10, 100].enumerated().map { (["Red", "Green", "Blue"][$0], npy(plane($1))) } + [("label", npy(mask))]
    }

    /// Pixels from a factor to six times that.
    static func plane(_ factor: Int) -> [Int64] { (1...6).map { Int64($0 * factor) } }

    static var mask: [Int64] { [0, 1, 0, 1, 0, 1] }

    /// An `.npy` file of whole numbers of 64 bits.
    static func npy(_ values: [Int64], shape: String = "(2, 3)") -> [UInt8] {
        npy(values.flatMap { littleEndian($0) }, type: "<i8", shape: shape)
    }

    /// An `.npy` file of any elements.
    static func npy(_ bytes: [UInt8], type: String, shape: String) -> [UInt8] {
        var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }"
        header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
        return [0x93] + Array("NUMPY".utf8) + [1, 0] + littleEndian(UInt16(118)) + Array(header.utf8) + bytes
    }

    /// An archive of `.npy` files.
    static func npz(_ arrays: [(name: String, bytes: [UInt8])]) throws -> [UInt8] {
        let folder = TemporaryFolder()
        let writer = try ZipWriter<BenchmarksFailure>(path: folder.file("a.npz"))
        for array in arrays { try writer.append("\(array.name).npy", array.bytes) }
        try writer.finish()
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("a.npz"))))
    }

    /// Writes a file of the task.
    func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

    /// Writes a file of the task.
    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    /// Writes a shard of members.
    func shard(_ members: [Member], to name: String = "shard_00000.tar", end: [UInt8] = Tar.trailer) throws {
        try write(members.flatMap(\.bytes) + end, to: name)
    }

    /// Removes a file of the task.
    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(path)/\(name)") }

    /// Changes a file of JSON.
    func edit(_ name: String, _ change: (inout [String: Any]) -> Void) throws {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        let value = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
        var object = value as? [String: Any] ?? [:]
        change(&object)
        try JSONSerialization.data(withJSONObject: object).write(to: url)
    }

    /// Opens the task.
    func open(partition: String = "default") throws -> GeoBenchSet { try GeoBenchSet(path, partition: partition) }

    /// The error that opening ends with.
    func failure(partition: String = "default") -> BenchmarksError? {
        MadeTask.failure { _ = try open(partition: partition) }
    }

    /// The error that a piece of work ends with.
    static func failure(_ work: () throws -> Void) -> BenchmarksError? {
        do {
            try work()
            return nil
        } catch { return error as? BenchmarksError }
    }
}
