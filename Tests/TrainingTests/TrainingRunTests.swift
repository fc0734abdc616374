// The loop that all training shares, with something that learns a mean.
import Files
import Foundation
import Telemetry
import Testing
import Torch
import Training

/// A recipe of a run that learns the mean of random numbers.
private struct MeanRecipe: RunRecipe {
    var steps = 12
    var seed = 5
    var rate = 0.25

    var runSeed: Int {
        get { seed }
        set { seed = newValue }
    }

    func validate() throws {}
}

/// Learns the mean of random numbers.
private final class MeanTrainee: Trainee {
    struct Outcome: StepOutcome {
        struct Line: Encodable { var loss: Double? }

        var loss: Double
        var failure: String?
        var samples: Int { 4 }
        var line: Line { Line(loss: loss.isFinite ? loss : nil) }
    }

    static let sampleName = "numbers"
    let recipe: MeanRecipe
    let mean = Tensor([Float(0)])
    private var next = 0
    /// What goes wrong, by step.
    var failures: [Int: String] = [:]
    var broken: Int?
    var cancelled: Int?
    var allowed = 0

    init(_ recipe: MeanRecipe) { self.recipe = recipe }

    var totalSteps: Int { recipe.steps }
    func samples(before step: Int) -> Int { 4 * step }
    func allowedSkips(at step: Int) -> Int { allowed }

    func nextBatch() throws -> (step: Int, value: Double)? {
        guard next < recipe.steps else { return nil }
        if next == broken { throw TrainingError(.sampleFailed, "number \(next) is broken") }
        if next == cancelled { throw TrainingError(.cancelled, "given up") }
        defer { next += 1 }
        var stream = RandomStream(seed: UInt64(recipe.seed), .crop, next)
        return (next, stream.unit())
    }

    func step(_ batch: (step: Int, value: Double)) throws -> Outcome {
        let error = mean.item() - batch.value
        if let failure = failures[batch.step] { return Outcome(loss: .nan, failure: failure) }
        _ = mean.copy_(mean * (1 - recipe.rate) + batch.value * recipe.rate)
        return Outcome(loss: error * error)
    }

    func explainNotFinite(_ batch: (step: Int, value: Double)) -> (causes: [String], remedy: String) {
        (["number \(batch.step)"], "lower the rate")
    }

    func parts() -> [(name: String, tensors: [(name: String, tensor: Tensor)])] { [("mean", [("mean", mean)])] }

    func restore(_ checkpoint: StoredCheckpoint) throws {
        next = checkpoint.manifest.step
        _ = mean.copy_(try checkpoint.requiredFile("mean").tensor("mean"))
    }
}

struct TrainingRunTests {
    private let path: String

    init() throws {
        try Torch.load()
        path = FileManager.default.temporaryDirectory.appendingPathComponent("training-\(UUID().uuidString)").path
    }

    /// One session.
    private func session(
        _ name: String, until last: Int = 12, resume: Bool = false,
        told: @escaping (any ExplainedError) -> Void = { _ in },
        change: (MeanTrainee) -> Void = { _ in }, interrupted: () -> Bool = { false }
    ) throws -> (end: LoopEnd, step: Int) {
        var request = RunFolder<MeanRecipe>.Request(recipe: MeanRecipe(), inputs: RunInputs(["numbers": "random"]))
        request.resume = resume
        request.results = ["head.safetensors"]
        let folder = try RunFolder(path: "\(path)/\(name)", request)
        let trainee = MeanTrainee(folder.recipe)
        change(trainee)
        let checkpoint = try folder.newestCheckpoint(result: nil, totalSteps: 12, notice: told)
        if let checkpoint { try trainee.restore(checkpoint) }
        try folder.begin(tensorThreads: 1)
        let run = try TrainingRun(
            trainee, in: folder, from: checkpoint, settings: LoopSettings(every: 5, threads: 1) { _ in },
            head: ["kind": "mean"], notice: told)
        let end = try run.run(until: last, told: { _, _ in }, interrupted: interrupted)
        try run.save()
        return (end, run.step)
    }

    private func file(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: "\(path)/\(name)")) }

    private var mean: String { "checkpoints/00000012/\(CheckpointStore.fileName("mean"))" }

    /// The metrics without what the clock says.
    private func metrics(_ name: String) throws -> [String] {
        String(decoding: try file("\(name)/metrics.jsonl"), as: UTF8.self).split(separator: "\n").map {
            String($0.prefix { $0 != "t" })
        }
    }

    @Test func `a run that is stopped anywhere and resumed ends in the same bytes`() throws {
        #expect(try session("whole").end == .finished)
        for stop in [1, 5, 6, 11] {
            #expect(try session("at-\(stop)", until: stop).end == .stopped)
            let rest = try session("at-\(stop)", resume: true)
            #expect(rest.end == .finished && rest.step == 12)
            #expect(try file("at-\(stop)/\(mean)") == file("whole/\(mean)"))
            #expect(try metrics("at-\(stop)") == metrics("whole"))
        }
        try FileManager.default.removeItem(atPath: path)
    }

    @Test func `what was learned is kept when a sample fails, when reading is given up, when a person asks`() throws {
        #expect(throws: TrainingError.self) { try session("broken", change: { $0.broken = 7 }) }
        #expect(try session("broken", resume: true).end == .finished)
        #expect(try session("cancelled", change: { $0.cancelled = 3 }).end == .interrupted)
        #expect(try session("cancelled", resume: true).step == 12)
        var asked = 0
        let interrupted = try session(
            "asked",
            interrupted: {
                asked += 1
                return asked > 8
            })
        #expect(interrupted.end == .interrupted && interrupted.step == 4)
        _ = try session("asked", resume: true)
        _ = try session("whole")
        for name in ["broken", "cancelled", "asked"] { #expect(try file("\(name)/\(mean)") == file("whole/\(mean)")) }
        try FileManager.default.removeItem(atPath: path)
    }

    @Test func `steps that are not finite are left out and counted, up to what is allowed in a row`() throws {
        var told: [String] = []
        let end = try session(
            "some", told: { told.append($0.what) },
            change: {
                $0.allowed = 2
                $0.failures = [3: "the loss is nan", 4: "the loss is nan", 8: "the loss is nan"]
            })
        #expect(end.end == .finished && told.count == 3 && told[0] == "the loss is nan; the step is skipped")
        #expect(try String(decoding: file("some/metrics.jsonl"), as: UTF8.self).contains("\"skipped_steps\":3"))
        let error = #expect(throws: TrainingError.self) {
            try session(
                "many",
                change: {
                    $0.allowed = 1
                    $0.failures = [6: "the loss is inf", 7: "the loss is inf"]
                })
        }
        #expect(error?.code == .notFinite && error?.what == "the loss is inf" && error?.remedy == "lower the rate")
        #expect(error?.causes.first == "number 7" && error?.causes.last?.hasSuffix("checkpoints/00000005") == true)
        try FileManager.default.removeItem(atPath: path)
    }

    @Test func `a resumed run clears what its own killed writes left, and nothing else`() throws {
        _ = try session("run", until: 3)
        let run = "\(path)/run"
        // A fit into the run's folder, and features that another process is writing there.
        try FileManager.default.createDirectory(atPath: "\(run)/model.partial", withIntermediateDirectories: true)
        let others = ["model.partial/head.safetensors", "tokens.safetensors.partial-77", "notes.partial"]
        let own = ["recipe.json.partial", "report.html.partial", "head.safetensors.partial-77"]
        for name in others + own { try Data("half".utf8).write(to: URL(filePath: "\(run)/\(name)")) }
        _ = try session("run", resume: true)
        for name in others { #expect(FileManager.default.fileExists(atPath: "\(run)/\(name)"), "\(name)") }
        for name in own { #expect(!FileManager.default.fileExists(atPath: "\(run)/\(name)"), "\(name)") }
        try FileManager.default.removeItem(atPath: path)
    }

    @Test func `another process is refused while one writes, and other inputs after it`() throws {
        _ = try session("run", until: 3)
        var request = RunFolder<MeanRecipe>.Request(recipe: MeanRecipe(), inputs: RunInputs(["numbers": "random"]))
        request.resume = true
        var held: RunFolder<MeanRecipe>? = try RunFolder(path: "\(path)/run", request)
        #expect(held?.isResumed == true)
        let locked = #expect(throws: TrainingError.self) { try session("run", resume: true) }
        #expect(locked?.code == .locked)
        held = nil
        // Nor is a run of another kind taken for one, and never replaced.
        request.kind = "fit"
        for overwrite in [false, true] {
            (request.resume, request.overwrite) = (!overwrite, overwrite)
            let foreign = #expect(throws: TrainingError.self) { _ = try RunFolder(path: "\(path)/run", request) }
            #expect(foreign?.code == .exists && foreign?.what.hasPrefix("the folder holds a run, not a fit") == true)
        }
        (request.kind, request.resume, request.overwrite) = ("run", true, false)
        request.inputs = RunInputs(["numbers": "even"])
        let other = #expect(throws: TrainingError.self) { _ = try RunFolder(path: "\(path)/run", request) }
        #expect(other?.code == .inputsChanged && other?.causes == ["numbers: random; now even"])
        try FileManager.default.removeItem(atPath: path)
    }
}
