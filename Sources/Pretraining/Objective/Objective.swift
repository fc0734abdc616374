// The total loss of a step: teacher targets, student predictions, spec 5.6.
package import Backbone
package import Torch

/// The tensors of a step, or of one of the parts that a step's gradient is summed over.
package struct StepInput {
    /// `[2 * batch, C, H, W]`, crop-major.
    package let global: Tensor
    /// `[count * batch, C, h, w]`, crop-major.
    package let local: Tensor
    /// True where hidden, `[2 * batch, patches]`.
    package let masks: Tensor
    /// Flat indices of hidden patches, `[hidden]`; `nil` where none is.
    package let hidden: Tensor?
    /// 1 over the number of hidden patches in the patch's crop, `[hidden]`.
    package let weights: Tensor?
    /// Flat indices of the patches that are not hidden, where Gram anchoring counts these.
    package let visible: Tensor?
    /// The global crops for the Gram teacher, `[2 * batch, C, larger H, larger W]`; `nil` for the global crops themselves.
    package let larger: Tensor?
    /// Number of tiles.
    package let batch: Int

    /// Takes over a batch's memory; nothing is copied on the CPU, unless the batch comes in parts.
    ///
    /// - Parameters:
    ///   - crops: The crops of all tiles of the step.
    ///   - masks: The masks of all their global crops.
    ///   - part: Which part of the tiles.
    ///   - parts: The number of parts, which divides that of the tiles.
    ///   - dtype: What the crops become; they come in single precision.
    package init(
        _ crops: CropBatch, masks: MaskBatch, part: Int = 0, of parts: Int = 1, recipe: PretrainingRecipe,
        device: Device, dtype: DType = .float32
    ) {
        let (whole, patches) = (crops.ids.count, masks.masks[0].count)
        precondition(whole % parts == 0 && part < parts, "\(whole) tiles do not come in \(parts) parts")
        let batch = whole / parts
        let start = part * batch
        func images(_ storage: CropStorage, _ views: Int, _ size: Int) -> Tensor {
            let shape = [views, whole, recipe.backbone.channels, size, size]
            let bytes = UnsafeRawBufferPointer(start: storage.base, count: 4 * storage.count)
            return Tensor.wrapping(bytes, owner: storage, shape: shape, dtype: .float32)
                .narrow(dim: 1, start: start, length: batch)
                .reshaped([views * batch, recipe.backbone.channels, size, size]).to(dtype).to(device)
        }
        self.batch = batch
        global = images(crops.global, 2, recipe.crops.global.size)
        local = images(crops.local, recipe.crops.local.count, recipe.crops.local.size)
        let own = [masks.masks[start..<start + batch], masks.masks[whole + start..<whole + start + batch]].joined()
        self.masks = Tensor(own.flatMap(\.self), shape: [2 * batch, patches], device: device)
        larger = crops.larger.map { images($0, 2, recipe.gram?.crop?.size ?? 0) }
        var indices: [Int] = []
        var shown: [Int] = []
        var shares: [Double] = []
        for (crop, mask) in own.enumerated() {
            let hidden = mask.indices.filter { mask[$0] }
            indices += hidden.map { crop * patches + $0 }
            if recipe.gram?.patches == .unmasked {
                shown += mask.indices.filter { !mask[$0] }.map { crop * patches + $0 }
            }
            shares += hidden.map { _ in 1 / Double(hidden.count) }
        }
        let count = indices.count
        hidden = count > 0 ? Tensor(indices, shape: [count], device: device) : nil
        weights = count > 0 ? Tensor(shares, shape: [count]).to(dtype).to(device) : nil
        visible = shown.isEmpty ? nil : Tensor(shown, shape: [shown.count], device: device)
    }
}

/// What the teacher wants of the student in one part of a step.
package struct Targets {
    /// Assignments of class tokens, of two crops of each tile.
    package let dino: PrototypeTargets
    /// Assignments of hidden patches, as of one crop; `nil` where none is hidden.
    package let ibot: PrototypeTargets?
    /// Patches of the Gram teacher on the student's grid, `[2 * batch, patches, D]`; `nil` without anchoring.
    package let anchors: Tensor?
}

/// Whose patches the student's are held against.
package enum GramTeacher {
    /// Those of the teacher as it is, on the global crops.
    case present
    /// Those of an earlier one.
    case earlier(VisionTransformer)
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
    /// The type of the networks' products where it is not that of their weights.
    private let lower: DType?

    package init(_ recipe: PretrainingRecipe) {
        lower = recipe.compute?.precision == .bfloat16 ? .bfloat16 : nil
        losses = recipe.losses
        gram = recipe.gram
        localCrops = recipe.crops.local.count
    }

    /// What the teacher wants of the student, balanced over all parts of a step together.
    ///
    /// - Parameters:
    ///   - temperature: The teacher's.
    ///   - anchor: Whose patches the student's are held against; `nil` for nobody's.
    ///   - observe: Shown the teacher's tokens and its assignments of class tokens and of hidden patches, of each part.
    package func targets(
        _ teacher: SelfSupervisedModel, _ inputs: [StepInput], temperature: Double, anchor: GramTeacher? = nil,
        observe: (([TokenOutput], [PrototypeTargets], [PrototypeTargets]) -> Void)? = nil
    ) -> [Targets] {
        withoutGradient {
            let seen = inputs.map { input in
                lowered(input) { teacher.backbone.forward(input.global, context: .evaluation) }
            }
            let dino = balanced(
                zip(seen, inputs).map { $0.0.cls.reshaped([2, $0.1.batch, -1]) }, teacher.dinoHead, temperature)
            let hidden = zip(seen, inputs).map { seen, input in
                input.hidden.map { Self.gathered(seen.patches, $0).unsqueezed(dim: 0) }
            }
            var ibot = balanced(hidden.compactMap(\.self), teacher.ibotHead, temperature)[...]
            observe?(seen, dino, Array(ibot))
            return inputs.indices.map { part in
                Targets(
                    dino: dino[part],
                    ibot: hidden[part] == nil ? nil : ibot.removeFirst(),
                    anchors: anchor.map { anchors($0, inputs[part], present: seen[part].patches) })
            }
        }
    }

    /// Patches of the Gram teacher on the grid of the global crops, resized as maps where it saw larger ones.
    private func anchors(_ anchor: GramTeacher, _ input: StepInput, present: Tensor) -> Tensor {
        guard case .earlier(let network) = anchor else { return present }
        let patches = lowered(input) {
            network.forward(input.larger ?? input.global, context: .evaluation).patches
        }
        guard patches.isDefined, present.isDefined, patches.shape[1] != present.shape[1] else { return patches }
        func side(_ tokens: Tensor) -> Int { Int(Double(tokens.shape[1]).squareRoot().rounded()) }
        let map = patches.transpose(1, 2).reshaped([patches.shape[0], patches.shape[2], side(patches), side(patches)])
        return interpolate(map, size: (side(present), side(present)), mode: .bicubic).flattened(from: 2)
            .transpose(1, 2)
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
    ///   - step: From 0; schedules of weights are read at it.
    ///   - steps: Of the run.
    package func value(
        student: SelfSupervisedModel, targets: Targets, input: StepInput, step: Int = 0, of steps: Int = 1,
        context: ForwardContext
    ) -> ObjectiveValue {
        let batch = input.batch
        let outputs = lowered(input) {
            student.backbone.forward(
                [
                    BackboneInput(images: input.global, masks: input.masks, crop: .global),
                    BackboneInput(images: input.local, crop: .local),
                ], context: context)
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
                global.cls.narrow(dim: 0, start: crop * batch, length: batch), group: losses.koleoGroup,
                neighbours: losses.koleoNeighbours ?? 1)
        }
        let koleo = (losses.koleoFirstCropOnly == true ? spread(0) : spread(0) + spread(1)) * losses.koleo
        var total = dino.total + koleo
        var ibot: Tensor?
        if let hidden = input.hidden, let weights = input.weights, let assigned = targets.ibot {
            // Each image weighs the same, those without hidden patches included.
            let loss = prototypeLoss(
                bottleneck(student.ibotHead, Self.gathered(global.patches, hidden)),
                prototypes: student.ibotHead.prototypeWeights, targets: assigned,
                pairs: [[losses.ibot / Double(2 * batch)]], rows: weights, temperature: t
            ).total
            total = total + loss
            ibot = loss
        }
        var anchored: Tensor?
        if let gram, let anchors = targets.anchors {
            let loss = gramLoss(gram, global.patches, anchors, input) * gram.weight.value(at: step, of: steps)
            total = total + loss
            anchored = loss
        }
        return ObjectiveValue(
            total: total, dinoLocal: dinoLocal, dinoGlobal: dinoGlobal, ibot: ibot, koleo: koleo, gram: anchored)
    }

    /// Gram's loss of the patches that count.
    private func gramLoss(
        _ gram: PretrainingRecipe.Gram, _ patches: Tensor, _ anchors: Tensor, _ input: StepInput
    ) -> Tensor {
        func loss(_ student: Tensor, _ teacher: Tensor) -> Tensor {
            Pretraining.gramLoss(student: student, teacher: teacher, level: gram.level, negatives: gram.negatives)
        }
        guard gram.patches != .all else { return loss(patches, anchors) }
        // A step without such a patch has nothing to say.
        guard let chosen = gram.patches == .masked ? input.hidden : input.visible else { return patches.sum() * 0 }
        func picked(_ tokens: Tensor) -> Tensor { Self.gathered(tokens, chosen).unsqueezed(dim: 0) }
        return loss(picked(patches), picked(anchors))
    }

    /// Patch tokens `[crops, patches, D]` at flat indices, `[hidden, D]`.
    private static func gathered(_ patches: Tensor, _ indices: Tensor) -> Tensor {
        guard patches.isDefined else { return patches }
        return patches.reshaped([-1, patches.shape[2]]).indexSelect(dim: 0, indices: indices)
    }
}
