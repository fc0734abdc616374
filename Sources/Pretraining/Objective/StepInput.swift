// The tensors of a step, or of a part of it, on the device that computes.
import Backbone
package import Torch

/// The tensors of a step, or of one of the parts that a step's gradient is summed over.
package struct StepInput {
    /// `[2 * batch, C, H, W]`, crop-major.
    package let global: Tensor
    /// True where hidden, `[2 * batch, patches]`.
    package let masks: Tensor
    /// Flat indices of hidden patches; may be none.
    package let hidden: [Int]
    /// 1 over the number of hidden patches in the patch's crop, `[hidden]`.
    package let weights: Tensor?
    /// Flat indices of the patches that are not hidden, where Gram anchoring counts these; else none.
    package let visible: [Int]
    /// Number of tiles.
    package let batch: Int
    /// The local crops, `[count * batch, C, h, w]`, crop-major; made at each call, since the teacher does without.
    package let local: () -> Tensor
    /// The global crops for the Gram teacher, `[2 * batch, C, larger H, larger W]`, made at each call; `nil` for the global crops
    /// themselves.
    package let larger: (() -> Tensor)?

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
        local = { images(crops.local, recipe.crops.local.count, recipe.crops.local.size) }
        let own = [masks.masks[start..<start + batch], masks.masks[whole + start..<whole + start + batch]].joined()
        self.masks = Tensor(own.flatMap(\.self), shape: [2 * batch, patches], device: device)
        larger = crops.larger.map { larger in { images(larger, 2, recipe.gram?.crop?.size ?? 0) } }
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
        hidden = indices
        weights = shares.isEmpty ? nil : Tensor(shares, shape: [shares.count]).to(dtype).to(device)
        visible = shown
    }
}
