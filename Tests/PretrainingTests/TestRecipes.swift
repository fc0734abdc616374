// Recipes for tests: the committed files, read by a small reader of the YAML they use, and a smaller copy of smoke.
import Backbone
import Files
import FoundationEssentials
import Geo
import Pretraining
import Telemetry
import Testing
import Torch
import Training

/// The package's folder.
let packageFolder: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/")
}()

/// Decodes a committed recipe.
///
/// geodino reads YAML with Yams; this module has none, so the test reads the few forms the recipes use.
func recipe(named name: String) throws -> PretrainingRecipe {
    let bytes = try #require(FileManager.default.contents(atPath: "\(packageFolder)/recipes/\(name).yaml"))
    let json = try JSONEncoder().encode(YAMLSubset.read(String(decoding: bytes, as: UTF8.self)))
    return try JSONDecoder().decode(PretrainingRecipe.self, from: json)
}

/// Maps by indentation, flow maps and lists, numbers, booleans, words, comments.
enum YAMLSubset {
    static func read(_ text: String) throws -> JSONValue {
        var lines: [(indent: Int, key: String, rest: String)] = []
        for line in text.split(separator: "\n") {
            let content = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
            var bare = content.drop { $0 == " " }
            if bare.hasPrefix("- ") {
                // An item: what stands after it begins two columns further in.
                lines.append((content.count - bare.count, "-", ""))
                bare = bare.dropFirst(2)
            }
            if bare.hasPrefix("{") {
                lines.append((content.count - bare.count, "", trimmed(bare)))
                continue
            }
            guard let colon = bare.firstIndex(of: ":") else { continue }
            let rest = bare[bare.index(after: colon)...]
            lines.append((content.count - bare.count, String(bare[..<colon]), trimmed(rest)))
        }
        var place = 0
        func block(_ indent: Int) throws -> JSONValue {
            if lines[place].key.isEmpty {
                place += 1
                return flow(lines[place - 1].rest)
            }
            if lines[place].key == "-" {
                var list: [JSONValue] = []
                while place < lines.count, lines[place].indent == indent, lines[place].key == "-" {
                    place += 1
                    list.append(try block(indent + 2))
                }
                return .array(list)
            }
            var map: [String: JSONValue] = [:]
            while place < lines.count, lines[place].indent == indent, lines[place].key != "-" {
                let line = lines[place]
                place += 1
                try #require(map[line.key] == nil, "duplicate key \(line.key)")
                map[line.key] = line.rest.isEmpty ? try block(lines[place].indent) : flow(line.rest)
            }
            return .object(map)
        }
        return try block(0)
    }

    private static func flow(_ text: String) -> JSONValue {
        if text.hasPrefix("[") { return .array(split(text).map(flow)) }
        if text.hasPrefix("{") {
            var map: [String: JSONValue] = [:]
            for item in split(text) {
                guard let colon = item.firstIndex(of: ":") else { continue }
                map[trimmed(item[..<colon])] = flow(trimmed(item[item.index(after: colon)...]))
            }
            return .object(map)
        }
        if text == "true" || text == "false" { return .bool(text == "true") }
        if let number = Int(text) { return .integer(number) }
        if let number = Double(text) { return .number(number) }
        return .string(text)
    }

    /// The items between the outer brackets.
    private static func split(_ text: String) -> [String] {
        var items: [String] = []
        var item = ""
        var depth = 0
        for character in text.dropFirst().dropLast() {
            if character == "[" || character == "{" { depth += 1 }
            if character == "]" || character == "}" { depth -= 1 }
            if character == ",", depth == 0 {
                items.append(trimmed(item[...]))
                item = ""
            } else {
                item.append(character)
            }
        }
        items.append(trimmed(item[...]))
        return items.filter { !$0.isEmpty }
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var part = Substring(text)
        while part.first == " " { part = part.dropFirst() }
        while part.last == " " { part = part.dropLast() }
        return String(part)
    }
}

/// Tiles that follow from their id: smooth waves of different length and colour.
struct WaveTiles: TileSource {
    var tileCount = 40
    var fingerprint = "waves-1"
    var layout = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 48, gsd: 0.6, stretch: .none)
    var tileWeights: [Float]?
    var broken: Set<Int> = []
    var withHoles = false

    func weights(_ ids: Range<Int>) throws -> [Float] { ids.map { tileWeights?[$0] ?? 1 } }

    func subset(named: String) throws -> any TileSet {
        guard named == "even" else { throw PretrainingError(.badSource, "no subset \(named)") }
        return Even(count: (tileCount + 1) / 2)
    }

    struct Even: TileSet {
        let count: Int
        func id(at index: Int) -> Int { 2 * index }
    }

    func tiles(_ ids: [Int]) throws -> TileBatch {
        TileBatch(
            ids: ids,
            tiles: try ids.map { id in
                if broken.contains(id) {
                    throw PretrainingError(.readFailed, "tile \(id) cannot be read", in: "waves")
                }
                let side = layout.tileSize
                var samples: [UInt8] = []
                var stream = RandomStream(seed: 7, .crop, id)
                let (fx, fy) = (stream.uniform(1, 9), stream.uniform(1, 9))
                for band in 0..<layout.bands.count {
                    for row in 0..<side {
                        for column in 0..<side {
                            let x =
                                (fx * Double(column) + fy * Double(row)) / Double(side)
                                + Double(band * id % 7) / 7
                            let triangle = abs((x - x.rounded(.down)) * 2 - 1)
                            samples.append(UInt8(30 + 200 * triangle))
                        }
                    }
                }
                let holes = withHoles ? (0..<side * side).map { $0 % 11 != 0 } : nil
                return PixelBuffer(
                    bands: layout.bands.count, height: side, width: side, samples: .uint8(samples),
                    validity: holes)
            })
    }
}

/// A folder that goes away with the object.
final class TemporaryFolder {
    let path: String

    init() throws {
        let name = UInt64.random(in: 0...UInt64.max)
        path = FileManager.default.temporaryDirectory.path + "/pretraining-\(name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// The largest difference of two lists of equal length, and where.
func largestDifference(_ a: [Float], _ b: [Float]) -> (value: Float, index: Int) {
    guard a.count == b.count else { return (.infinity, -1) }
    var worst: (value: Float, index: Int) = (0, 0)
    for (index, (x, y)) in zip(a, b).enumerated() where !(abs(x - y) <= worst.value) {
        worst = (abs(x - y), index)
    }
    return worst
}

/// The tensors of a golden file, as floats.
func golden(_ name: String) throws -> [String: (shape: [Int], values: [Float])] {
    let path = "\(packageFolder)/Tests/Golden/\(name).safetensors"
    let file = try SafetensorsFile(path: path)
    defer { withExtendedLifetime(file) {} }
    var tensors: [String: (shape: [Int], values: [Float])] = [:]
    for entry in file.entries {
        let bytes = try file.bytes(entry.name)
        let count = entry.shape.reduce(1, *)
        switch entry.type {
        case .uint8: tensors[entry.name] = (entry.shape, bytes.map(Float.init))
        case .int64:
            tensors[entry.name] = (
                entry.shape,
                (0..<count).map { Float(bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)) }
            )
        default:
            try #require(entry.type == .float32)
            tensors[entry.name] = (
                entry.shape, (0..<count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            )
        }
    }
    return tensors
}
