// Short runs of the smoke recipe, and what they leave.
import Files
import FoundationEssentials
import Geo
import Pretraining
import Testing
import Training

/// The bytes of a file.
func content(_ path: String) throws -> Data {
    try #require(FileManager.default.contents(atPath: path), "\(path)")
}

/// Runs the smoke recipe on waves.
@discardableResult
func run(
    _ path: String, source: any TileSource = WaveTiles(), change: (inout PretrainingRecipe) -> Void = { _ in },
    interrupted: @escaping @Sendable () -> Bool = { false }, events: PretrainEvents = PretrainEvents(),
    _ options: (inout PretrainOptions) -> Void
) throws -> PretrainSummary {
    var recipe = try recipe(named: "smoke")
    change(&recipe)
    var given = PretrainOptions()
    given.threads = 1
    options(&given)
    return try pretrain(
        recipe, source: source, run: path, options: given, events: events, interrupted: interrupted)
}

/// The metrics without what clock and machine say.
func metrics(_ path: String) throws -> [JSONValue] {
    try String(decoding: try content("\(path)/metrics.jsonl"), as: UTF8.self).split(separator: "\n").map { line in
        guard case .object(var fields) = try JSONDecoder().decode(JSONValue.self, from: Data(line.utf8)) else {
            return .null
        }
        try #require(fields.removeValue(forKey: "timing") != nil)
        return .object(fields)
    }
}

/// Whether two runs end with the same bytes of all parts of a checkpoint, and the same metrics but for clock and machine.
func expectEqualRuns(_ a: String, _ b: String, step: Int, parts: [String], _ comment: String = "") throws {
    for part in parts {
        let file = CheckpointStore.fileName(part)
        let one = try content("\(CheckpointStore(run: a).path(step: step))/\(file)")
        #expect(one == (try content("\(CheckpointStore(run: b).path(step: step))/\(file)")), "\(part) \(comment)")
    }
    #expect(try metrics(a) == metrics(b), "\(comment)")
}
