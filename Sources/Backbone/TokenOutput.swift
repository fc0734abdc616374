// What a backbone says about a batch of images: its last tokens, and those in the middle of the network.
public import Torch

/// What the transformer says about a batch of images.
public struct TokenOutput {
    /// Class tokens, normalised, `[B, D]`.
    public let cls: Tensor
    /// Register tokens, normalised, `[B, R, D]`.
    public let registers: Tensor
    /// Patch tokens, normalised, row by row, `[B, gridHeight * gridWidth, D]`.
    public let patches: Tensor
    /// All tokens before the final normalisation (class, registers, patches), `[B, 1 + R + patches, D]`.
    public let preNorm: Tensor
    /// The masks that were given, `[B, patches]`.
    public let masks: Tensor?
    /// Rows of patches.
    public let gridHeight: Int
    /// Columns of patches.
    public let gridWidth: Int

    package init(
        cls: Tensor, registers: Tensor, patches: Tensor, preNorm: Tensor, masks: Tensor?, gridHeight: Int,
        gridWidth: Int
    ) {
        self.cls = cls
        self.registers = registers
        self.patches = patches
        self.preNorm = preNorm
        self.masks = masks
        self.gridHeight = gridHeight
        self.gridWidth = gridWidth
    }
}

/// The tokens after one block, as a map.
public struct IntermediateOutput {
    /// The block, from 0.
    public let block: Int
    /// Patch tokens as a map, `[B, D, gridHeight, gridWidth]`.
    public let map: Tensor
    /// Class tokens, `[B, D]`.
    public let cls: Tensor
    /// Register tokens, `[B, R, D]`.
    public let registers: Tensor
}
