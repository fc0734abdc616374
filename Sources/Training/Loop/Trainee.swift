// What a run trains, whatever that is: self-supervision, a head on frozen features, a distillation.
package import Telemetry
package import Torch

/// Something that learns step by step, and whose state can be kept in parts and taken up again.
///
/// One thread only. Steps are numbered from 0; everything random in a step is a function of the recipe's seed and of that number.
package protocol Trainee: AnyObject {
    /// What one step learns from.
    associatedtype Batch
    /// What one step did.
    associatedtype Outcome: StepOutcome

    /// Steps of the whole run.
    var totalSteps: Int { get }
    /// What samples are called in the metrics: `tiles`, `crops`.
    static var sampleName: String { get }

    /// The next step's batch, waited for; `nil` after the last.
    ///
    /// - Throws: what loading throws; the state is that of before.
    func nextBatch() throws -> Batch?
    /// One update; a loss or a gradient that is not finite changes nothing and is told in the outcome.
    func step(_ batch: Batch) throws -> Outcome
    /// How many steps in a row may be left out since they were not finite.
    func allowedSkips(at step: Int) -> Int
    /// What helps to find out why a step was not finite, and what to try.
    func explainNotFinite(_ batch: Batch) -> (causes: [String], remedy: String)
    /// Whether the state is still that of whole steps after an error of `step`.
    func isWhole(after error: any Error) -> Bool
    /// What else is due once so many steps are done, before a checkpoint of them.
    func finished(step: Int) throws
    /// What others see in the state after a step, as numbers by name; what fails is told, and the run continues.
    func observe(step: Int, isLast: Bool, notice: (any ExplainedError) -> Void) -> [String: Double]

    /// Everything that the next step needs, in parts.
    func parts() -> [(name: String, tensors: [(name: String, tensor: Tensor)])]
    /// Takes over the state of a checkpoint.
    func restore(_ checkpoint: StoredCheckpoint) throws
    /// Number of samples of the steps before one.
    func samples(before step: Int) -> Int
}

extension Trainee {
    package func allowedSkips(at step: Int) -> Int { 0 }
    package func isWhole(after error: any Error) -> Bool { false }
    package func finished(step: Int) throws {}
    package func observe(step: Int, isLast: Bool, notice: (any ExplainedError) -> Void) -> [String: Double] { [:] }
}

/// What a step did.
package protocol StepOutcome {
    /// What the metrics log says of it, besides its number, its probes and its time.
    associatedtype Line: Encodable
    /// The loss.
    var loss: Double { get }
    /// Why nothing was learned; `nil` where something was.
    var failure: String? { get }
    /// Number of samples.
    var samples: Int { get }
    /// For the metrics log.
    var line: Line { get }
}

/// A checkpoint that is there and sound.
package struct StoredCheckpoint {
    /// Its folder.
    package let place: String
    /// What it holds.
    package let manifest: CheckpointManifest

    /// A part's file; `nil` where the checkpoint has no such part.
    package func file(_ part: String) throws -> SafetensorsFile? {
        let name = CheckpointStore.fileName(part)
        guard manifest.files.contains(where: { $0.name == name }) else { return nil }
        return try SafetensorsFile(path: "\(place)/\(name)")
    }

    /// A part's file.
    ///
    /// - Throws: `badCheckpoint` where the checkpoint has no such part.
    package func requiredFile(_ part: String) throws -> SafetensorsFile {
        guard let file = try file(part) else {
            throw TrainingError(
                .badCheckpoint, "the checkpoint has no part '\(part)'", in: place,
                try: "restore it from a copy, or start from scratch with \(Setting.overwrite)")
        }
        return file
    }
}
