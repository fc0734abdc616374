// How training crops are cut, and which ground is left for validation.

/// How training crops are cut, and which ground is left for validation.
package struct CropSettings: Sendable {
    /// Side of a crop in pixels.
    package var crop: Int
    /// Share of a crop's pixels that must be valid and not held out.
    package var minimumValid: Double
    /// The ways to lay a crop that are drawn from; see `laid`.
    package var symmetries: [Int]
    /// What is held out.
    package var heldOut: HeldOutGround
    /// The seed of all random choices.
    package var seed: UInt64

    /// Makes settings.
    package init(crop: Int, minimumValid: Double, symmetries: [Int], heldOut: HeldOutGround, seed: UInt64) {
        self.crop = crop
        self.minimumValid = minimumValid
        self.symmetries = symmetries
        self.heldOut = heldOut
        self.seed = seed
    }
}

extension HeadRecipe {
    /// How training crops are cut.
    package var cropSettings: CropSettings {
        CropSettings(
            crop: crop, minimumValid: minimumValid, symmetries: augmentation.symmetries, heldOut: validation, seed: seed
        )
    }
}
