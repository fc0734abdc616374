// Runs from before a rule of training changed: those that it cannot touch go on, the others are refused with a way out.
import Backbone
import FoundationEssentials
import Pretraining
import Telemetry
import Testing
import Training

@Suite(.serialized)
struct RulesTests {
    /// What a recipe may have.
    enum Trait: String, CaseIterable, Sendable {
        case bothFlags, scaledClassicRate, group
        case plain, flagOfLocalCrops, flagOfClassTokens, scaledComposedRate, classicRate, classicRateToNothing

        /// What the reason of a refusal names; `nil` where no changed rule touches the recipe.
        var word: String? {
            switch self {
            case .bothFlags: "local_cls_norm"
            case .scaledClassicRate: "schedules.learning_rate"
            case .group: "data.group"
            default: nil
            }
        }

        func apply(to recipe: inout PretrainingRecipe) {
            switch self {
            case .bothFlags, .flagOfLocalCrops, .flagOfClassTokens:
                recipe.backbone.untieClassAndPatchNorms = self != .flagOfLocalCrops
                recipe.backbone.untieGlobalAndLocalNorms = self != .flagOfClassTokens
            case .scaledClassicRate, .classicRate, .classicRateToNothing:
                recipe.optimizer.scaling = self == .classicRate ? .none : .linear256
                recipe.schedules.learningRate = Schedule(
                    form: .classic, start: 0, peak: 2e-2, end: self == .classicRateToNothing ? 0 : 1e-3, warmupSteps: 2)
            case .group: recipe.data.group = 4
            case .plain: break
            case .scaledComposedRate: recipe.optimizer.scaling = .linear256
            }
        }
    }

    /// The manifest of a step's checkpoint, and what a program before the changes would have written.
    private func manifest(_ run: String, step: Int) throws -> (path: String, text: String) {
        let path = "\(CheckpointStore(run: run).path(step: step))/manifest.json"
        return (path, String(decoding: try content(path), as: UTF8.self))
    }

    private func setFormat(_ format: Int, _ run: String, step: Int) throws {
        let (path, text) = try manifest(run, step: step)
        let line = try #require(text.firstMatch(of: /"format_version" : \d/)).output
        try Data(text.replacing(line, with: "\"format_version\" : \(format)").utf8).write(to: URL(filePath: path))
    }

    private func stopped(_ path: String, _ trait: Trait) throws {
        try run(path, change: trait.apply) {
            $0.steps = 6
            $0.stopAfter = 3
        }
    }

    @Test(arguments: Trait.allCases.filter { $0.word != nil })
    func `a run by a rule that has changed is refused, and the remedy works`(trait: Trait) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        try stopped(path, trait)
        // Now such checkpoints say which rules they are of, so that earlier programs do not take them for theirs.
        #expect(try manifest(path, step: 3).text.contains("\"format_version\" : 2"))
        try setFormat(1, path, step: 3)
        let error = #expect(throws: PretrainingError.self) { try run(path, change: trait.apply) { $0.resume = true } }
        #expect(error?.code == .rulesChanged && error?.causes.count == 1)
        #expect(error?.causes.first?.contains(try #require(trait.word)) == true, "\(error?.causes ?? [])")
        let place = CheckpointStore(run: path).path(step: 3)
        #expect(error?.place == place && error?.remedy?.contains("\(Setting.from) \(place)") == true)
        // What the error advises.
        var notices: [String] = []
        let summary = try run(
            "\(folder.path)/new",
            change: {
                trait.apply(to: &$0)
                $0.start = .continued
            }, events: PretrainEvents(notice: { notices.append($0.what) })
        ) {
            $0.steps = 6
            $0.from = place
        }
        #expect(summary.end == .finished && summary.step == 6)
        #expect(notices.contains { $0.contains("local_cls_norm") } == (trait == .bothFlags))
        // As it was written, the run goes on.
        try setFormat(2, path, step: 3)
        #expect(try run(path, change: trait.apply) { $0.resume = true }.step == 6)
    }

    @Test(arguments: Trait.allCases.filter { $0.word == nil })
    func `a run that no changed rule touches is of the first format and goes on`(trait: Trait) throws {
        let folder = try TemporaryFolder()
        try stopped("\(folder.path)/run", trait)
        #expect(try manifest("\(folder.path)/run", step: 3).text.contains("\"format_version\" : 1"))
        #expect(try run("\(folder.path)/run", change: trait.apply) { $0.resume = true }.step == 6)
    }

    @Test func `a phase that is done does not keep those after it from going on`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        func phases(_ recipe: inout PretrainingRecipe) {
            Trait.scaledClassicRate.apply(to: &recipe)
            recipe.steps = 3
            var next = PretrainingRecipe.NextPhase(phase: "next", steps: 3)
            next.schedules = recipe.schedules
            next.schedules?.learningRate = Schedule(start: 1e-3, peak: 1e-3, end: 1e-3, warmupSteps: 0, cosineSteps: 0)
            recipe.then = [next]
        }
        for (step, goesOn) in [(2, false), (3, true), (4, true)] {
            try run(path, change: phases) {
                $0.stopAfter = step
                $0.overwrite = true
            }
            try setFormat(1, path, step: step)
            if goesOn {
                #expect(try run(path, change: phases) { $0.resume = true }.step == 6)
            } else {
                let error = #expect(throws: PretrainingError.self) {
                    try run(path, change: phases) { $0.resume = true }
                }
                #expect(error?.code == .rulesChanged)
            }
        }
    }

    @Test func `a checkpoint of a later format is left as it is`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        try stopped(path, .plain)
        try setFormat(3, path, step: 3)
        let error = #expect(throws: TrainingError.self) { try run(path) { $0.resume = true } }
        #expect(error?.code == .newerFormat)
        #expect(error?.what == "the checkpoint of step 3 has format 3; this version of geodino reads 1 to 2")
        #expect(CheckpointStore(run: path).steps().contains(3))
    }
}
