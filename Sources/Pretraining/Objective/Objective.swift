// The total loss of a step: teacher targets, student predictions, spec 5.6.
package import Backbone
package import Torch

/// The tensors of one step.
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
    /// Number of tiles.
    package let batch: Int

    /// Takes over a batch's memory; nothing is copied on the CPU.
    package init(_ crops: CropBatch, masks: MaskBatch, recipe: PretrainingRecipe, device: Device) {
        func images(_ storage: CropStorage, _ count: Int, _ size: Int) -> Tensor {
            let shape = [count, recipe.backbone.channels, size, size]
            let bytes = UnsafeRawBufferPointer(start: storage.base, count: 4 * storage.count)
            return Tensor.wrapping(bytes, owner: storage, shape: shape, dtype: .float32).to(device)
        }
        batch = crops.ids.count
        global = images(crops.global, 2 * batch, recipe.crops.global.size)
        local = images(crops.local, recipe.crops.local.count * batch, recipe.crops.local.size)
        let flags = masks.masks.flatMap { $0 }
        self.masks = Tensor(flags, shape: [2 * batch, flags.count / (2 * batch)], device: device)
        let count = masks.indices.count
        hidden = count > 0 ? Tensor(masks.indices, shape: [count], device: device) : nil
        weights = count > 0 ? Tensor(masks.weights, shape: [count], device: device) : nil
    }
}

/// A loss and its parts, each as it counts in the total.
package struct ObjectiveValue {
    package let total: Tensor
    package let dinoLocal: Tensor
    package let dinoGlobal: Tensor
    package let ibot: Tensor?
    package let koleo: Tensor
}

/// The self-supervised objective of student and teacher.
///
///     L = w_dino (l L_local + g L_global) / (g + l)  +  w_koleo (sum over global crops of KoLeo)  +  w_ibot L_ibot
///
/// with g = 2 pairs of different global crops and l = 2 n pairs of a local with a global crop. The student sees global
/// crops with hidden patches; the teacher sees them whole, in evaluation, without gradient.
package struct Objective {
    package let losses: PretrainingRecipe.Losses
    package let localCrops: Int

    package init(_ recipe: PretrainingRecipe) {
        losses = recipe.losses
        localCrops = recipe.crops.local.count
    }

    /// The loss of one step.
    ///
    /// - Parameter temperature: The teacher's.
    package func value(
        student: SelfSupervisedModel, teacher: SelfSupervisedModel, input: StepInput, temperature: Double,
        context: ForwardContext
    ) -> ObjectiveValue {
        let batch = input.batch
        let targets = withoutGradient { Self.targets(teacher, input, temperature: temperature) }

        let outputs = student.backbone.forward(
            [
                BackboneInput(images: input.global, masks: input.masks, crop: .global),
                BackboneInput(images: input.local, crop: .local),
            ], context: context)
        let (global, local) = (outputs[0], outputs[1])
        let t = losses.studentTemperature
        let dino = prototypeLoss(
            student.dinoHead.bottleneck(concatenate([global.cls, local.cls], dim: 0)),
            prototypes: student.dinoHead.prototypeWeights, targets: targets.dino,
            pairs: dinoPairs(localCrops: localCrops, batch: batch, weight: losses.dino), temperature: t)
        let dinoGlobal = dino.parts.narrow(dim: 0, start: 0, length: 2).sum()
        let dinoLocal = dino.parts.narrow(dim: 0, start: 2, length: localCrops).sum()
        let koleo =
            (koleoLoss(global.cls.narrow(dim: 0, start: 0, length: batch))
                + koleoLoss(global.cls.narrow(dim: 0, start: batch, length: batch))) * losses.koleo
        var total = dino.total + koleo
        var ibot: Tensor?
        if let hidden = input.hidden, let weights = input.weights, let assigned = targets.ibot {
            // Each image weighs the same, those without hidden patches included.
            let loss = prototypeLoss(
                student.ibotHead.bottleneck(Self.gathered(global.patches, hidden)),
                prototypes: student.ibotHead.prototypeWeights, targets: assigned.unsqueezed(dim: 0),
                pairs: [[losses.ibot / Double(2 * batch)]], rows: weights, temperature: t
            ).total
            total = total + loss
            ibot = loss
        }
        return ObjectiveValue(total: total, dinoLocal: dinoLocal, dinoGlobal: dinoGlobal, ibot: ibot, koleo: koleo)
    }

    private static func targets(
        _ teacher: SelfSupervisedModel, _ input: StepInput, temperature: Double
    ) -> (dino: Tensor, ibot: Tensor?) {
        let seen = teacher.backbone.forward(input.global, context: .evaluation)
        let dino = assignments(teacher.dinoHead.forward(seen.cls), temperature: temperature)
        let ibot = input.hidden.map { hidden in
            assignments(teacher.ibotHead.forward(gathered(seen.patches, hidden)), temperature: temperature)
        }
        return (dino.reshaped([2, input.batch, -1]), ibot)
    }

    /// Patch tokens `[crops, patches, D]` at flat indices, `[hidden, D]`.
    private static func gathered(_ patches: Tensor, _ indices: Tensor) -> Tensor {
        guard patches.isDefined else { return patches }
        return patches.reshaped([-1, patches.shape[2]]).indexSelect(dim: 0, indices: indices)
    }
}
