// What the tests of the corpus share: small scenes, small profiles, a corpus as bytes.
import Corpus
import Foundation
import GRDB
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

/// A folder that exists as long as this object does, in memory where the machine has such a place.
///
/// The tests break and resume hundreds of runs, each of which waits for the disk many times.
final class MemoryFolder: Sendable {
    let path: String

    init() {
        let memory = "/dev/shm"
        let base = FileManager.default.isWritableFile(atPath: memory) ? memory : NSTemporaryDirectory()
        path = base + "/geodino-corpus-\(UUID().uuidString)"
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            preconditionFailure("a test needs a temporary folder, and \(path) cannot be made: \(error)")
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Path of a file in it.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a text file and returns its path.
    func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    /// Names of everything in it, sorted.
    var contents: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

/// A scene of 0.6 m pixels in UTM whose pixels all differ from their neighbours.
func makeScene(
    _ folder: MemoryFolder, _ name: String = "scene.tif", width: Int = 200, height: Int = 160,
    originX: Double = 500_000, originY: Double = 5_000_000, pixelSize: Double = 0.6, crs: String = "EPSG:32633",
    sampleType: SampleType = .uint8, isHole: @escaping @Sendable (Int, Int) -> Bool = { _, _ in false }
) throws -> String {
    let scale = sampleType == .uint8 ? 0.7 : 15
    try RampRaster(
        crs: .init(crs), transform: GeoTransform(originX: originX, originY: originY, pixelSize: pixelSize),
        width: width, height: height, sampleType: sampleType, perX: scale, perY: -scale * 0.9,
        nodata: sampleType == .uint8 ? nil : 0, isHole: isHole
    ).write(to: folder.file(name))
    return folder.file(name)
}

/// Tiles of 32 pixels side by side, shards of a few tiles.
func smallProfile(
    sampling: TileProfile.Sampling = .init(kind: .grid), gsd: TileProfile.TargetGSD = .metres(0.6),
    minValidFraction: Double = 0.9, bands: TileProfile.BandChoice = .colour, stretch: StretchRule = .none,
    pixels: TileProfile.Pixels = .stretched, shardSize: Int = 24_000, splits: TileProfile.Splits = .init()
) -> TileProfile {
    TileProfile(
        name: "small", tileSize: 32, gsd: gsd, sampling: sampling, minValidFraction: minValidFraction, bands: bands,
        stretch: stretch, pixels: pixels, codec: .deflate, shardSize: shardSize, splits: splits)
}

/// The shards and indexes of a corpus, by name.
func shardFiles(_ corpus: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: corpus + "/shards") {
        files[name] = try Data(contentsOf: URL(fileURLWithPath: corpus + "/shards/" + name))
    }
    return files
}

/// What a query finds in a SQLite file: one line a row, `|` between columns, blobs in hexadecimal digits.
func query(_ path: String, _ sql: String) throws -> String {
    var configuration = Configuration()
    configuration.readonly = true
    return try DatabaseQueue(path: path, configuration: configuration).read { database in
        try Row.fetchAll(database, sql: sql).map { row in
            row.databaseValues.map { value in
                switch value.storage {
                case .null: ""
                case .int64(let number): "\(number)"
                case .double(let number): "\(number)"
                case .string(let text): text
                case .blob(let bytes): bytes.map { String(format: "%02X", $0) }.joined()
                }
            }.joined(separator: "|")
        }.joined(separator: "\n")
    }
}

/// Everything a GeoPackage holds, as text: what was declared, then the rows of every table.
func dump(_ path: String) throws -> String {
    var text = try query(path, "SELECT sql FROM sqlite_master ORDER BY name")
    for table in try query(path, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").split(
        separator: "\n")
    {
        text += try "\n\(table)\n" + query(path, "SELECT * FROM \"\(table)\"")
    }
    return text
}

/// Runs a program.
func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String, errors: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let complaints = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (
        process.terminationStatus, String(decoding: text, as: UTF8.self), String(decoding: complaints, as: UTF8.self)
    )
}

/// Whether a program is on the path.
func isInstalled(_ program: String) -> Bool { (try? run("which", [program]).status) == 0 }

/// The error that something throws; records an issue where it throws none.
func corpusError(_ body: () throws -> Void, _ location: SourceLocation = #_sourceLocation) -> CorpusError? {
    do {
        try body()
        Issue.record("nothing was thrown", sourceLocation: location)
    } catch let error as CorpusError {
        return error
    } catch {
        Issue.record("another error was thrown: \(error)", sourceLocation: location)
    }
    return nil
}
