// How far a run is, without opening it.
internal import Files
import FoundationEssentials
import Telemetry
internal import Training

/// How far a run is.
public struct RunProgress: Sendable, Equatable {
    /// The run's recipe, with the number of steps in force.
    public let recipe: PretrainingRecipe
    /// Steps up to the newest checkpoint; 0 without one.
    public let step: Int
    /// Whether all steps are done and the weights written.
    public let isFinished: Bool

    /// Looks at a run's folder; its checkpoints are not verified, and a process that writes it is not disturbed.
    ///
    /// - Throws: `badRun` where the folder holds no run.
    public init(run: String) throws {
        do {
            guard fileExists("\(run)/run.json") else {
                throw PretrainingError(.badRun, "the folder is not a geodino run", in: run)
            }
            recipe = try JSONDecoder().decode(
                PretrainingRecipe.self, from: Data(try Disk.read("\(run)/recipe.json")))
            try recipe.validate()
        } catch let error as PretrainingError where error.code == .badRun {
            throw error
        } catch {
            throw PretrainingError(.badRun, "the run's recipe.json cannot be used", in: run, why: causes(of: error))
        }
        step = CheckpointStore(run: run).steps().last ?? 0
        isFinished = step >= recipe.totalSteps && fileExists("\(run)/backbone.safetensors")
    }
}
