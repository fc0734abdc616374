// What a run writes to metrics.jsonl.
internal import Files
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
        /// What the weights were at the start; `nil` for random ones.
        let start: String?
        let timing: Timing

        enum CodingKeys: String, CodingKey {
            case formatVersion = "format_version"
            case kind, recipe, corpus, tiles, start, timing
        }
    }

    /// Where in a plan a step is.
    struct Place {
        let step: Int
        let phase: String
        let batch: Int
        /// Side of global crops, of local ones, and of those for the Gram teacher; `nil` where all steps have the same.
        let sizes: [Int]?
        /// Whether the tiles come from one part of the corpus; `nil` where none do.
        let isHomogeneous: Bool?
        /// Whether crops and masks come from a file of the step.
        let isReplayed: Bool

        init(_ plan: PhasePlan, step: Int, isReplayed: Bool) {
            self.isReplayed = isReplayed
            self.step = step + 1
            let phase = plan.phase(at: step)
            self.phase = phase.recipe.phase
            batch = phase.recipe.data.batchSize
            let recipe = plan.recipe(at: step)
            let gram = recipe.gram?.crop.map { [$0.size] } ?? []
            sizes = phase.sizes.count == 1 ? nil : [recipe.crops.global.size, recipe.crops.local.size] + gram
            isHomogeneous = phase.recipe.data.homogeneous == nil ? nil : plan.isHomogeneous(step)
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
        let phase: String
        let cropSizes: [Int]?
        let homogeneous: Bool?
        let replayed: Bool?
        /// What is not finite is left out: JSON has no such numbers.
        let loss: Double?
        let dinoLocal: Double?
        let dinoGlobal: Double?
        let ibot: Double?
        let koleo: Double?
        let gram: Double?
        let gramRefreshes: Int?
        let learningRate: Double
        let weightDecay: Double
        let teacherMomentum: Double
        let teacherTemperature: Double
        let hiddenPatches: Int
        let gradientNorm: [String: Double]
        let skippedSteps: Int?
        let diagnostics: Diagnostics?
        let probes: [String: Double]?
        let timing: Timing

        enum CodingKeys: String, CodingKey {
            case step, phase, homogeneous, replayed, loss
            case cropSizes = "crop_sizes"
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
            case skippedSteps = "skipped_steps"
            case diagnostics, probes, timing
        }
    }

    /// Opens the log, cuts it after a step, and writes the first line of a new one.
    ///
    /// - Parameter step: The last step that is kept; `nil` for a log from the start.
    init(
        folder: RunFolder, source: any TileSource, tiles: Int, start: String?, threads: Threads, device: Device,
        provenance: [String: String], keepingThrough step: Int?
    ) throws {
        struct Step: Decodable { let step: Int }
        path = "\(folder.path)/metrics.jsonl"
        if let step {
            try MetricsLog.cut(path: path, as: Step.self) { $0.step <= step }
        } else {
            // What a start that broke off has written; this one may start from other weights.
            removeIfPresent(path)
        }
        let isNew = (fileSize(path) ?? 0) == 0
        log = try MetricsLog(path: path)
        guard isNew else { return }
        try log.append(
            Head(
                recipe: folder.recipe, corpus: source.fingerprint, tiles: tiles, start: start,
                timing: .init(
                    tensorThreads: threads.tensor, device: "\(device)", torch: try Torch.info().version,
                    program: provenance)))
    }

    /// Adds a step.
    ///
    /// - Parameters:
    ///   - skipped: Steps that were left out so far.
    ///   - probes: What observers found.
    func append(_ result: StepResult, _ place: Place, skipped: Int, probes: [String: Double], seconds: Double) {
        func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
        waiting.append(
            Line(
                step: place.step, phase: place.phase, cropSizes: place.sizes, homogeneous: place.isHomogeneous,
                replayed: place.isReplayed ? true : nil, loss: finite(result.loss), dinoLocal: finite(result.dinoLocal),
                dinoGlobal: finite(result.dinoGlobal),
                ibot: finite(result.ibot), koleo: finite(result.koleo), gram: finite(result.gram),
                gramRefreshes: result.gramRefreshes,
                learningRate: result.learningRate,
                weightDecay: result.weightDecay, teacherMomentum: result.momentum,
                teacherTemperature: result.temperature, hiddenPatches: result.hidden,
                gradientNorm: Dictionary(uniqueKeysWithValues: result.norms.map { ($0.module, $0.norm) })
                    .filter(\.value.isFinite),
                skippedSteps: skipped == 0 ? nil : skipped, diagnostics: result.diagnostics,
                probes: probes.isEmpty ? nil : probes.filter(\.value.isFinite),
                timing: .init(seconds: seconds, tilesPerSecond: Double(place.batch) / max(seconds, 1e-9))))
        try? writeWaiting()
    }

    /// Waits until the lines are on the disk; a checkpoint is worth nothing without them.
    ///
    /// - Throws: `TelemetryError`, `PretrainingError` where the disk refuses.
    func sync() throws {
        try writeWaiting()
        try Disk.sync(path)
    }

    private func writeWaiting() throws {
        while let line = waiting.first {
            try log.append(line)
            waiting.removeFirst()
        }
    }
}
