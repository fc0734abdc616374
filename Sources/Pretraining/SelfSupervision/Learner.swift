// Student, teacher and optimiser, and what a step does to them.
package import Backbone
package import Torch
package import Training

/// What one step did.
package struct StepResult {
    /// The total.
    package var loss = 0.0
    /// Part of DINO's pairs of a local with a global crop.
    package var dinoLocal = 0.0
    /// Part of DINO's pairs of global crops.
    package var dinoGlobal = 0.0
    /// Part of iBOT.
    package var ibot = 0.0
    /// Part of KoLeo.
    package var koleo = 0.0
    /// Part of Gram anchoring; `nil` without.
    package var gram: Double?
    /// How often the Gram teacher was refreshed; `nil` without one of its own.
    package var gramRefreshes: Int?
    /// Learning rate before the multipliers of layers.
    package let learningRate: Double
    /// Weight decay before the multipliers of parameters.
    package let weightDecay: Double
    /// Momentum of the teacher.
    package let momentum: Double
    /// Temperature of the teacher's assignments.
    package let temperature: Double
    /// Number of hidden patches.
    package let hidden: Int
    /// Norms of the gradients before clipping.
    package var norms: GradientNorms = []
    /// Signs of health, in the steps that the recipe wants them of.
    package var diagnostics: Diagnostics?
    /// Why nothing was learned: what was not finite; `nil` where all was.
    package var failure: String?
}

/// The state that training changes, on one thread; knows nothing of files.
package final class Learner {
    package let plan: PhasePlan
    package let student: SelfSupervisedModel
    package let teacher: SelfSupervisedModel
    /// The Gram teacher, where the phase wants one of its own and its time has come.
    package var gramTeacher: VisionTransformer?
    /// Fills a Gram teacher that is not grown in its phase.
    package var loadGramTeacher: (PretrainingRecipe.Gram, VisionTransformer) throws -> Void
    package private(set) var updater: Updater

    private let ranks: Ranks
    private let device: Device
    private let studentTensors: [Tensor]
    private let teacherTensors: [Tensor]
    private var phase: PhasePlan.Phase
    private var learningRate: Schedule

    /// Makes the state at the start of a run, or to be filled with that of a later step.
    ///
    /// - Parameters:
    ///   - steps: Number of steps done; the phase of the last of them is in force.
    ///   - dtype: Type of weights and of all that is computed.
    ///   - ranks: Which of the step's samples it learns from.
    package init(
        _ plan: PhasePlan, after steps: Int = 0, device: Device = .cpu, dtype: DType = .float32, ranks: Ranks = .single
    ) {
        self.plan = plan
        self.ranks = ranks
        self.device = device
        phase = plan.phase(at: max(steps - 1, 0))
        student = SelfSupervisedModel(recipe: phase.recipe, device: device, dtype: dtype)
        teacher = student.copy()
        updater = Updater(student, recipe: phase.recipe)
        studentTensors = student.parameters().map(\.tensor)
        teacherTensors = teacher.parameters().map(\.tensor)
        learningRate = Self.learningRate(phase.recipe)
        loadGramTeacher = { _, _ in preconditionFailure("a Gram teacher that is stored needs somebody who loads it") }
    }

    private static func learningRate(_ recipe: PretrainingRecipe) -> Schedule {
        recipe.schedules.learningRate.scaled(by: recipe.optimizer.scaling.factor(batch: recipe.data.batchSize))
    }

    /// Makes the student what the teacher is, and the optimiser new.
    package func restartFromTeacher() {
        withoutGradient {
            for (mine, theirs) in zip(studentTensors, teacherTensors) { _ = mine.copy_(theirs) }
        }
        updater = Updater(student, recipe: phase.recipe)
    }

    /// Takes up the settings of a phase that begins.
    private func enter(_ next: PhasePlan.Phase) {
        let previous = phase.recipe.optimizer
        phase = next
        learningRate = Self.learningRate(next.recipe)
        gramTeacher = nil
        if next.recipe.start == .teacher {
            restartFromTeacher()
        } else if next.recipe.optimizer != previous {
            updater = Updater(student, recipe: next.recipe, memory: updater)
        }
    }

    /// One update of student and teacher; `batch.step` counts from 0.
    ///
    /// A loss or a gradient that is not finite changes nothing, and is told in the result.
    ///
    /// - Parameters:
    ///   - given: The masks; `nil` for those of the step.
    ///   - wanted: What the student is to predict in place of what the teacher says.
    ///   - keep: Shown what the step is computed from, before the student learns from it.
    /// - Throws: errors of libtorch, and those of `loadGramTeacher` and `keep`.
    package func step(
        _ batch: CropBatch, masks given: MaskBatch? = nil, targets wanted: GivenTargets? = nil,
        keep: ((StepContents) throws -> Void)? = nil
    ) throws -> StepResult {
        let next = plan.phase(at: batch.step)
        if next.index != phase.index { try catchingTorchErrors { enter(next) } }
        let recipe = plan.recipe(at: batch.step)
        let (step, total) = (batch.step - phase.steps.lowerBound, phase.steps.count)
        let schedules = recipe.schedules
        let masks = given ?? MaskBatch(recipe, step: batch.step, ranks: ranks)
        var result = StepResult(
            learningRate: learningRate.value(at: step, of: total),
            weightDecay: schedules.weightDecay.value(at: step, of: total),
            momentum: schedules.teacherMomentum.value(at: step, of: total),
            temperature: schedules.teacherTemperature.value(at: step, of: total), hidden: masks.indices.count)
        let anchor = try anchor(recipe.gram, at: step)
        return try catchingTorchErrors {
            let objective = Objective(recipe)
            let count = recipe.data.accumulate ?? 1
            let own = ranks.samples(of: recipe.data.batchSize)
            precondition(own.count % count == 0, "\(own.count) samples do not come in \(count) parts")
            let part = own.count / count
            // Where there are several, made anew for the student, so that one part's crops are on the device at a time.
            func input(_ part: Int) -> StepInput {
                StepInput(
                    batch, masks: masks, part: part, of: count, recipe: recipe, device: device,
                    dtype: student.backbone.dtype)
            }
            let only = count == 1 ? input(0) : nil
            var targets = objective.targets(
                teacher, parts: count, temperature: result.temperature,
                keepsPatches: recipe.gram?.teacher == .present,
                observe: !recipe.isDiagnosed(batch.step)
                    ? nil
                    : { seen, dino, ibot in
                        guard seen.allSatisfy(\.cls.isDefined) else { return }
                        result.diagnostics = Diagnostics(
                            seen, prefix: 1 + recipe.backbone.registers, dino: dino, ibot: ibot)
                    },
                input: { only ?? input($0) })
            if let wanted { targets = wanted.replacing(targets, masks: masks, dtype: student.backbone.dtype, device) }
            try keep?(StepContents(masks: masks, targets: targets, temperature: result.temperature))
            for (number, target) in targets.enumerated() {
                let value = objective.value(
                    student: student, targets: target, input: only ?? input(number), anchor: anchor, step: step,
                    of: total,
                    context: .training(
                        seed: UInt64(recipe.seed), step: batch.step,
                        stream: recipe.data.group == nil ? ranks.rank * count + number : 0,
                        groups: recipe.data.group.map {
                            SampleGroups(size: $0, first: (own.lowerBound + number * part) / $0, count: part / $0)
                        }, recomputesBlocks: recipe.compute?.recomputeBlocks ?? false))
                result.add(value, share: 1 / Double(count))
                guard result.loss.isFinite else {
                    result.failure = "the loss of step \(batch.step + 1) is \(result.loss) (\(result.parts))"
                    break
                }
                (count > 1 ? value.total * (1 / Double(count)) : value.total).backward()
            }
            if result.failure == nil {
                result.norms = updater.clip()
                if let bad = result.norms.first(where: { !$0.norm.isFinite }) {
                    result.failure =
                        "the gradient of \(bad.module) in step \(batch.step + 1) has the norm \(bad.norm), the loss is \(result.loss)"
                }
            }
            if result.failure == nil {
                updater.update(
                    rate: result.learningRate, decay: result.weightDecay,
                    holdsPrototypes: step < recipe.optimizer.freezeLastLayerSteps)
                exponentialMovingAverage(teacherTensors, of: studentTensors, momentum: result.momentum)
            } else {
                updater.clearGradients()
            }
            if let gram = recipe.gram, gramTeacher != nil {
                let refreshes = gram.refreshes(before: step + 1)
                if refreshes > gram.refreshes(before: step) { gramTeacher = teacher.backbone.copy() }
                result.gramRefreshes = refreshes
            }
            return result
        }
    }

    /// The earlier teacher whose patches the student's are held against in a step of the phase; `nil` where there is none.
    private func anchor(_ gram: PretrainingRecipe.Gram?, at step: Int) throws -> VisionTransformer? {
        guard let gram, gram.teacher != .present, step >= gram.from ?? 0 else { return nil }
        if let gramTeacher { return gramTeacher }
        let network = try catchingTorchErrors { teacher.backbone.copy() }
        if gram.teacher != .grown { try loadGramTeacher(gram, network) }
        gramTeacher = network
        return network
    }
}

extension StepResult {
    /// Adds the loss of a part of a step.
    fileprivate mutating func add(_ value: ObjectiveValue, share: Double) {
        loss += value.total.item() * share
        dinoLocal += value.dinoLocal.item() * share
        dinoGlobal += value.dinoGlobal.item() * share
        ibot += (value.ibot?.item() ?? 0) * share
        koleo += value.koleo.item() * share
        if let part = value.gram { gram = (gram ?? 0) + part.item() * share }
    }

    /// The parts of the loss in words.
    fileprivate var parts: String {
        "dino \(dinoLocal + dinoGlobal), ibot \(ibot), koleo \(koleo)" + (gram.map { ", gram \($0)" } ?? "")
    }
}
