// The total loss of a step: teacher targets, student predictions, spec 5.6.
package import Backbone
package import Torch
internal import Training

/// What the teacher wants of the student in one part of a step.
package struct Targets {
    /// Assignments of class tokens, of two crops of each tile.
    package let dino: PrototypeTargets
    /// Assignments of hidden patches, as of one crop; `nil` where none is hidden.
    package let ibot: PrototypeTargets?
    /// The teacher's patches, `[2 * batch, patches, D]`; `nil` unless the student's are held against them.
    package let present: Tensor?
}

/// A loss and its parts, each as it counts in the total.
package struct ObjectiveValue {
    package let total: Tensor
    package let dinoLocal: Tensor
    package let dinoGlobal: Tensor
    package let ibot: Tensor?
    package let koleo: Tensor
    package let gram: Tensor?
}

/// The self-supervised objective of student and teacher.
///
///     L = w_dino (l L_local + g L_global) / (g + l)  +  w_koleo (sum over global crops of KoLeo)  +  w_ibot L_ibot
///
/// with g = 2 pairs of different global crops and l = 2 n pairs of a local with a global crop. The student sees global
/// crops with hidden patches; the teacher sees them whole, in evaluation, without gradient.
package struct Objective {
    package let losses: PretrainingRecipe.Losses
    package let gram: PretrainingRecipe.Gram?
    package let localCrops: Int
    /// Samples that count as one device's batch; `nil` for those of a part.
    private let group: Int?
    /// The type of the networks' products where it is not that of their weights.
    private let lower: DType?

    package init(_ recipe: PretrainingRecipe) {
        lower = recipe.compute?.precision == .bfloat16 ? .bfloat16 : nil
        losses = recipe.losses
        gram = recipe.gram
        localCrops = recipe.crops.local.count
        group = recipe.data.group
    }

    /// What the teacher wants of the student, balanced over all parts of a step together.
    ///
    /// - Parameters:
    ///   - parts: Number of parts.
    ///   - temperature: The teacher's.
    ///   - keepsPatches: Whether the student's patches are held against the teacher's.
    ///   - observe: Shown the teacher's tokens and its assignments of class tokens and of hidden patches, of each part.
    ///   - input: Makes a part's tensors, which are let go before the next part's are made.
    package func targets(
        _ teacher: SelfSupervisedModel, parts: Int = 1, temperature: Double, keepsPatches: Bool = false,
        observe: (([TokenOutput], [PrototypeTargets], [PrototypeTargets]) -> Void)? = nil,
        input: (Int) -> StepInput
    ) -> [Targets] {
        withoutGradient {
            let seen = (0..<parts).map { part in
                let input = input(part)
                return lowered(input) {
                    tokens(
                        teacher.backbone, [BackboneInput(images: input.global)], input.hidden, all: keepsPatches,
                        context: .evaluation, observing: observe != nil)[0]
                }
            }
            let dino = balanced(
                seen.map { $0.cls.isDefined ? $0.cls.reshaped([2, $0.cls.shape[0] / 2, -1]) : $0.cls },
                teacher.dinoHead, temperature)
            var ibot = balanced(
                seen.compactMap { $0.patches?.unsqueezed(dim: 0) }, teacher.ibotHead, temperature)[...]
            observe?(seen.compactMap(\.all), dino, Array(ibot))
            return (0..<parts).map { part in
                Targets(
                    dino: dino[part],
                    ibot: seen[part].patches == nil ? nil : ibot.removeFirst(),
                    present: keepsPatches ? seen[part].all?.patches : nil)
            }
        }
    }

    /// Class tokens, and of the first entry the hidden patches: taken from all tokens where the others count too.
    private func tokens(
        _ network: VisionTransformer, _ entries: [BackboneInput], _ hidden: [Int], all: Bool, context: ForwardContext,
        observing: Bool = false
    ) -> [ChosenTokens] {
        let choices: [[Int]?] = entries.indices.map { $0 > 0 ? [] : all ? nil : hidden }
        var outputs = network.forward(entries, choosing: choices, context: context, alsoAll: observing && !all)
        if let first = outputs[0].all, all { outputs[0] = first.choosing(hidden) }
        return outputs
    }

    /// Patches of a Gram teacher on the grid of the global crops, resized as maps where it saw larger ones.
    private func anchors(_ network: VisionTransformer, _ input: StepInput) -> Tensor {
        withoutGradient {
            let patches = lowered(input) {
                network.forward(input.larger?() ?? input.global, context: .evaluation).patches
            }
            guard patches.isDefined, input.masks.isDefined, patches.shape[1] != input.masks.shape[1] else {
                return patches
            }
            func side(_ tokens: Int) -> Int { Int(Double(tokens).squareRoot().rounded()) }
            let (from, to) = (side(patches.shape[1]), side(input.masks.shape[1]))
            let map = patches.transpose(1, 2).reshaped([patches.shape[0], patches.shape[2], from, from])
            return interpolate(map, size: (to, to), mode: .bicubic).flattened(from: 2).transpose(1, 2)
        }
    }

    /// Assignments of the tokens of all parts together, `[crops, samples, D]` each.
    ///
    /// In one part, one matrix of scores becomes them. In several, the matrix of all would grow with the batch however small the
    /// parts are; the scales of the prototypes are all that is kept of the others, and scores are computed again.
    private func balanced(_ tokens: [Tensor], _ head: PrototypeHead, _ temperature: Double) -> [PrototypeTargets] {
        guard tokens.allSatisfy(\.isDefined), let first = tokens.first else { return tokens.map { .whole($0) } }
        guard tokens.count > 1 else {
            // Scores are single precision before they become assignments.
            let scores = lowered(on: first.device) { head.forward(first.flattened(from: 0, to: 1)) }
            let whole = assignments(lower == nil ? scores : scores.to(.float32), temperature: temperature)
            return [.whole(whole.reshaped([first.shape[0], first.shape[1], -1]))]
        }
        let rows = tokens.map { bottleneck(head, $0.flattened(from: 0, to: 1)) }
        let scales = sinkhornScales(
            concatenate(rows, dim: 0), prototypes: head.prototypeWeights, temperature: temperature, iterations: 3)
        return zip(rows, tokens).map { row, part in
            .made(
                tokens: row.reshaped([part.shape[0], part.shape[1], -1]), prototypes: head.prototypeWeights,
                scales: scales, temperature: temperature)
        }
    }

    /// Computes a network's part in the lower precision, where the recipe has one.
    private func lowered<Value>(on device: Device, _ body: () -> Value) -> Value {
        guard let lower else { return body() }
        return withAutocast(lower, on: device, body)
    }

    private func lowered<Value>(_ input: StepInput, _ body: () -> Value) -> Value {
        guard input.global.isDefined else { return body() }
        return lowered(on: input.global.device, body)
    }

    /// What the head makes of tokens before the prototypes, in the type of the products.
    private func bottleneck(_ head: PrototypeHead, _ tokens: Tensor) -> Tensor {
        guard tokens.isDefined else { return tokens }
        let made = lowered(on: tokens.device) { head.bottleneck(tokens) }
        return lower.map { made.to($0) } ?? made
    }

    /// The loss of a step, or of a part of it.
    ///
    /// - Parameters:
    ///   - anchor: The Gram teacher, where it is an earlier one.
    ///   - step: From 0; schedules of weights are read at it.
    ///   - steps: Of the run.
    package func value(
        student: SelfSupervisedModel, targets: Targets, input: StepInput, anchor: VisionTransformer? = nil,
        step: Int = 0, of steps: Int = 1, context: ForwardContext
    ) -> ObjectiveValue {
        let batch = input.batch
        let anchors = anchor.map { self.anchors($0, input) } ?? targets.present
        let outputs = lowered(input) {
            let entries = [
                BackboneInput(images: input.global, masks: input.masks, crop: .global),
                BackboneInput(images: input.local(), crop: .local),
            ]
            return tokens(student.backbone, entries, input.hidden, all: anchors != nil, context: context)
        }
        let (global, local) = (outputs[0], outputs[1])
        let t = losses.studentTemperature
        let dino = prototypeLoss(
            bottleneck(student.dinoHead, concatenate([global.cls, local.cls], dim: 0)),
            prototypes: student.dinoHead.prototypeWeights, targets: targets.dino,
            pairs: dinoPairs(
                localCrops: localCrops, batch: batch, weight: losses.dino,
                localWeight: losses.localWeight?.value(at: step, of: steps) ?? 1), temperature: t)
        let dinoGlobal = dino.parts.narrow(dim: 0, start: 0, length: 2).sum()
        let dinoLocal = dino.parts.narrow(dim: 0, start: 2, length: localCrops).sum()
        func spread(_ crop: Int) -> Tensor {
            koleoLoss(
                global.cls.narrow(dim: 0, start: crop * batch, length: batch), group: losses.koleoGroup ?? group,
                neighbours: losses.koleoNeighbours ?? 1)
        }
        let koleo = (losses.koleoFirstCropOnly == true ? spread(0) : spread(0) + spread(1)) * losses.koleo
        var total = dino.total + koleo
        var ibot: Tensor?
        if let hidden = global.patches, let weights = input.weights, let assigned = targets.ibot {
            // Each image weighs the same, those without hidden patches included.
            let loss = prototypeLoss(
                bottleneck(student.ibotHead, hidden),
                prototypes: student.ibotHead.prototypeWeights, targets: assigned,
                pairs: [[losses.ibot / Double(2 * batch)]], rows: weights, temperature: t
            ).total
            total = total + loss
            ibot = loss
        }
        var anchored: Tensor?
        if let gram, let anchors, let patches = global.all?.patches {
            let loss = gramLoss(gram, patches, anchors, input) * gram.weight.value(at: step, of: steps)
            total = total + loss
            anchored = loss
        }
        return ObjectiveValue(
            total: total, dinoLocal: dinoLocal, dinoGlobal: dinoGlobal, ibot: ibot, koleo: koleo, gram: anchored)
    }

    /// Gram's loss of the patches that count; where those of a batch are compared, the mean over its groups.
    private func gramLoss(
        _ gram: PretrainingRecipe.Gram, _ patches: Tensor, _ anchors: Tensor, _ input: StepInput
    ) -> Tensor {
        let chosen = gram.patches == .all ? nil : gram.patches == .masked ? input.hidden : input.visible
        guard gram.level == .batch, let group, patches.isDefined, input.batch > group else {
            return gramLoss(gram, patches, anchors, chosen)
        }
        let (each, count) = (patches.shape[1], input.batch / group)
        let all = chosen ?? Array(0..<patches.shape[0] * each)
        let sum = (0..<count).map { number in
            gramLoss(gram, patches, anchors, all.filter { $0 / each % input.batch / group == number })
        }.reduce(nil as Tensor?) { sum, loss in sum.map { $0 + loss } ?? loss }
        return (sum ?? patches.sum() * 0) * (1 / Double(count))
    }

    /// Gram's loss of all patches, or of some at flat indices, which may be none.
    private func gramLoss(
        _ gram: PretrainingRecipe.Gram, _ patches: Tensor, _ anchors: Tensor, _ chosen: [Int]?
    ) -> Tensor {
        func loss(_ student: Tensor, _ teacher: Tensor) -> Tensor {
            Pretraining.gramLoss(student: student, teacher: teacher, level: gram.level, negatives: gram.negatives)
        }
        guard let chosen else { return loss(patches, anchors) }
        // A step without such a patch has nothing to say.
        guard patches.isDefined, anchors.isDefined, !chosen.isEmpty else { return patches.sum() * 0 }
        let index = Tensor(chosen, shape: [chosen.count], device: patches.device)
        func picked(_ tokens: Tensor) -> Tensor {
            tokens.reshaped([-1, tokens.shape[2]]).indexSelect(dim: 0, indices: index).unsqueezed(dim: 0)
        }
        return loss(picked(patches), picked(anchors))
    }
}
