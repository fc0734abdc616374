// Packs: what is written comes back, and what is damaged is refused.
import Files
import FoundationEssentials
import Geo
import Pretraining
import Telemetry
import Testing

/// Writes packs of `WaveTiles` for tests, in the format of the plan.
func writePack(_ source: WaveTiles, to folder: String, perFile: Int) throws {
    var files: [PackManifest.File] = []
    let side = source.layout.tileSize
    for first in stride(from: 0, to: source.tileCount, by: perFile) {
        let ids = Array(first..<min(first + perFile, source.tileCount))
        let tiles = try source.tiles(ids).tiles
        var pixels: [UInt8] = []
        var validity: [UInt8] = []
        for tile in tiles {
            if case .uint8(let samples) = tile.samples { pixels += samples }
            validity += (tile.validity ?? [Bool](repeating: true, count: side * side)).map { $0 ? 1 : 0 }
        }
        let weights = try source.weights(first..<first + ids.count)
        let n = ids.count
        var tensors: [(String, String, [Int], [UInt8])] = [
            ("pixels", "U8", [n, 3, side, side], pixels),
            ("id", "I64", [n], ids.flatMap { bytes(Int64($0)) }),
            ("weight", "F32", [n], weights.flatMap { bytes($0.bitPattern) }),
            ("subset", "I64", [n], ids.flatMap { bytes(Int64($0 % 2 == 0 ? 0b10 : 0)) }),
        ]
        if source.withHoles { tensors.append(("validity", "U8", [n, side, side], validity)) }
        let name = "pack-00000\(files.count).safetensors"
        try Data(safetensors(tensors)).write(to: URL(filePath: "\(folder)/\(name)"))
        files.append(.init(name: name, count: n, sha256: try SHA256.hex(ofFile: "\(folder)/\(name)")))
    }
    let manifest = PackManifest(
        fingerprint: source.fingerprint, layout: source.layout, tileCount: source.tileCount, files: files,
        subsets: ["even": 2])
    try JSONEncoder().encode(manifest).write(to: URL(filePath: "\(folder)/pack.json"))
}

func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

func safetensors(_ tensors: [(String, String, [Int], [UInt8])]) throws -> [UInt8] {
    var header: [String: JSONValue] = [:]
    var data: [UInt8] = []
    for (name, type, shape, content) in tensors {
        header[name] = .object([
            "dtype": .string(type), "shape": .array(shape.map { .integer($0) }),
            "data_offsets": .array([.integer(data.count), .integer(data.count + content.count)]),
        ])
        data += content
    }
    let text = Array(JSONValue.object(header).text.utf8)
    return bytes(UInt64(text.count)) + text + data
}

struct PackTests {
    @Test func `a pack gives the tiles, weights and subsets that were packed`() throws {
        let folder = try TemporaryFolder()
        var source = WaveTiles(tileCount: 11, tileWeights: (0..<11).map { Float($0) / 4 })
        source.withHoles = true
        try writePack(source, to: folder.path, perFile: 4)
        let pack = try PackedTileSource(folder: folder.path)
        #expect(pack.tileCount == 11 && pack.fingerprint == "waves-1" && pack.layout == source.layout)
        let ids = [10, 0, 4, 3, 7]
        #expect(try pack.tiles(ids).tiles == source.tiles(ids).tiles)
        #expect(try pack.weights(2..<9) == source.weights(2..<9))
        let even = try pack.subset(named: "even")
        #expect((0..<even.count).map { even.id(at: $0) } == [0, 2, 4, 6, 8, 10])
        #expect(try pack.subset(named: "all").count == 11)
        try pack.verify()
        let error = #expect(throws: PretrainingError.self) { try pack.subset(named: "train") }
        #expect(error?.causes == ["its subsets: all, even"])
        #expect(throws: PretrainingError.self) { try pack.tiles([11]) }
    }

    @Test func `a subset is found again in blocks far apart`() throws {
        let folder = try TemporaryFolder()
        var source = WaveTiles(tileCount: 3000)
        source.layout.tileSize = 1
        try writePack(source, to: folder.path, perFile: 700)
        let even = try PackedTileSource(folder: folder.path).subset(named: "even")
        #expect(even.count == 1500)
        #expect(
            [0, 511, 512, 513, 1023, 1024, 1499].map { even.id(at: $0) } == [
                0, 1022, 1024, 1026, 2046, 2048, 2998,
            ])
    }

    @Test func `changed bytes are found by verify`() throws {
        let folder = try TemporaryFolder()
        try writePack(WaveTiles(tileCount: 3), to: folder.path, perFile: 3)
        let path = "\(folder.path)/pack-000000.safetensors"
        var content = try #require(FileManager.default.contents(atPath: path))
        content[content.count - 1] ^= 0x40
        try content.write(to: URL(filePath: path))
        let pack = try PackedTileSource(folder: folder.path)
        let error = #expect(throws: PretrainingError.self) { try pack.verify() }
        #expect(error?.place == path && error?.code == .badPack)
    }

    @Test(arguments: [
        "{}", #"{"pixels":{"dtype":"U8","shape":[3,3,9999999999,9999999999],"data_offsets":[0,10]}}"#,
        #"{"pixels":{"dtype":"U8","shape":[3,3,48,48],"data_offsets":[0,99999999]}}"#,
        #"{"pixels":{"dtype":"U8","shape":[-3,3,48,48],"data_offsets":[0,4]}}"#, "[1]", "",
        #"{"pixels":{"dtype":"U8","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#,
    ])
    func `a header that lies about sizes is an error and allocates nothing`(header: String) throws {
        let folder = try TemporaryFolder()
        try writePack(WaveTiles(tileCount: 3), to: folder.path, perFile: 3)
        let content = bytes(UInt64(header.utf8.count)) + Array(header.utf8) + [1, 2, 3, 4]
        try Data(content).write(to: URL(filePath: "\(folder.path)/pack-000000.safetensors"))
        #expect(throws: PretrainingError.self) { try PackedTileSource(folder: folder.path) }
    }

    @Test func `tensors that lie over one another are an error`() throws {
        let folder = try TemporaryFolder()
        try writePack(WaveTiles(tileCount: 3), to: folder.path, perFile: 3)
        let path = "\(folder.path)/pack-000000.safetensors"
        let content = try #require(FileManager.default.contents(atPath: path))
        let length = content.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        var header = String(decoding: content[8..<8 + length], as: UTF8.self)
        // One of them moved to where the others lie.
        let found = header.matches(of: /"data_offsets":\[(\d+),(\d+)\]/)
        let places = try found.map { (try #require(Int($0.1)), try #require(Int($0.2))) }
        let (first, last) = try #require(places.first { $0.0 >= 24 })
        header = header.replacing("[\(first),\(last)]", with: "[\(first - 24),\(last - 24)]")
        header += String(repeating: " ", count: max(0, length - header.utf8.count))
        try (content.prefix(8) + Data(header.utf8) + content.dropFirst(8 + length)).write(to: URL(filePath: path))
        let error = #expect(throws: PretrainingError.self) { try PackedTileSource(folder: folder.path) }
        #expect(
            error?.code == .badPack && error?.what.contains("starts at byte") == true, "\(String(describing: error))")
    }

    @Test func `truncated and missing files are errors`() throws {
        let folder = try TemporaryFolder()
        #expect(throws: PretrainingError.self) { try PackedTileSource(folder: folder.path) }
        try writePack(WaveTiles(tileCount: 3), to: folder.path, perFile: 3)
        let path = "\(folder.path)/pack-000000.safetensors"
        let content = try #require(FileManager.default.contents(atPath: path))
        for count in [0, 5, 200, content.count - 1] {
            try content.prefix(count).write(to: URL(filePath: path))
            #expect(throws: PretrainingError.self, "\(count) bytes") {
                try PackedTileSource(folder: folder.path)
            }
        }
        try Data([UInt8](repeating: 0xff, count: 64)).write(to: URL(filePath: path))
        #expect(throws: PretrainingError.self) { try PackedTileSource(folder: folder.path) }
    }
}
