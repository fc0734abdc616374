// What a run writes to metrics.jsonl.
import FoundationEssentials
import Geo
import Telemetry
import Torch

/// The metrics log of a run; see `MetricsLog` for the file.
///
/// Lines that the disk refuses wait and are written with the next ones: a full disk does not end a run.
final class Metrics {
    private let log: MetricsLog
    private let path: String
    private var waiting: [Line] = []

    /// The first line: what the rest is.
    private struct Head: Encodable {
        struct Timing: Encodable {
            let tensorThreads: Int
            let device: String
            let torch: String
            let program: [String: String]

            enum CodingKeys: String, CodingKey {
                case tensorThreads = "tensor_threads"
                case device, torch, program
            }
        }

        let formatVersion = 1
        let kind = "geodino pretrain"
        let recipe: PretrainingRecipe
        let corpus: String
        let tiles: Int
        let timing: Timing

        enum CodingKeys: String, CodingKey {
            case formatVersion = "format_version"
            case kind, recipe, corpus, tiles, timing
        }
    }

    /// One step.
    private struct Line: Encodable {
        struct Timing: Encodable {
            let seconds: Double
            let tilesPerSecond: Double

            enum CodingKeys: String, CodingKey {
                case seconds
                case tilesPerSecond = "tiles_per_second"
            }
        }

        let step: Int
        let loss: Double
        let dinoLocal: Double
        let dinoGlobal: Double
        let ibot: Double
        let koleo: Double
        let gram: Double?
        let gramRefreshes: Int?
        let learningRate: Double
        let weightDecay: Double
        let teacherMomentum: Double
        let teacherTemperature: Double
        let hiddenPatches: Int
        let gradientNorm: [String: Double]
        let timing: Timing

        enum CodingKeys: String, CodingKey {
            case step, loss
            case dinoLocal = "dino_local"
            case dinoGlobal = "dino_global"
            case ibot, koleo, gram
            case gramRefreshes = "gram_refreshes"
            case learningRate = "learning_rate"
            case weightDecay = "weight_decay"
            case teacherMomentum = "teacher_momentum"
            case teacherTemperature = "teacher_temperature"
            case hiddenPatches = "hidden_patches"
            case gradientNorm = "gradient_norm"
            case timing
        }
    }

    /// Opens the log, cuts it after a step, and writes the first line of a new one.
    init(
        folder: RunFolder, source: any TileSource, tiles: Int, threads: Threads, device: Device,
        provenance: [String: String], keepingThrough step: Int
    ) throws {
        struct Step: Decodable { let step: Int }
        path = "\(folder.path)/metrics.jsonl"
        try MetricsLog.cut(path: path, as: Step.self) { $0.step <= step }
        let isNew = (FileSystem.size(of: path) ?? 0) == 0
        log = try MetricsLog(path: path)
        guard isNew else { return }
        try log.append(
            Head(
                recipe: folder.recipe, corpus: source.fingerprint, tiles: tiles,
                timing: .init(
                    tensorThreads: threads.tensor, device: "\(device)", torch: try Torch.info().version,
                    program: provenance)))
    }

    /// Adds a step.
    func append(_ result: StepResult, step: Int, seconds: Double, batch: Int) {
        waiting.append(
            Line(
                step: step, loss: result.loss, dinoLocal: result.dinoLocal, dinoGlobal: result.dinoGlobal,
                ibot: result.ibot, koleo: result.koleo, gram: result.gram, gramRefreshes: result.gramRefreshes,
                learningRate: result.learningRate,
                weightDecay: result.weightDecay, teacherMomentum: result.momentum,
                teacherTemperature: result.temperature, hiddenPatches: result.hidden,
                gradientNorm: Dictionary(uniqueKeysWithValues: result.norms.map { ($0.module, $0.norm) }),
                timing: .init(seconds: seconds, tilesPerSecond: Double(batch) / max(seconds, 1e-9))))
        try? writeWaiting()
    }

    /// Waits until the lines are on the disk; a checkpoint is worth nothing without them.
    ///
    /// - Throws: `TelemetryError`, `PretrainingError` where the disk refuses.
    func sync() throws {
        try writeWaiting()
        try FileSystem.syncFile(path)
    }

    private func writeWaiting() throws {
        while let line = waiting.first {
            try log.append(line)
            waiting.removeFirst()
        }
    }
}
