// Which ground is for training and which for testing: blocks that know nothing of scenes and zones.
package import Geo

/// Gives each block of ground to one split.
package struct SplitRule: Sendable {
    let splits: TileProfile.Splits
    /// The blocks.
    package let ground: GroundBlocks

    /// Makes the rule of a profile.
    package init(_ splits: TileProfile.Splits) {
        self.splits = splits
        ground = GroundBlocks(side: splits.block)
    }

    /// Where a block belongs: uniform over blocks, by the shares.
    package func split(_ block: GroundBlocks.Block) -> Split {
        let bits = mixed(splits.seed, UInt64(bitPattern: Int64(block.row)), UInt64(bitPattern: Int64(block.column)))
        let share = Double(bits >> 11) / Double(1 << 53)
        if share < splits.train { return .train }
        if share < splits.train + splits.validation { return .validation }
        return splits.test > 0 ? .test : splits.validation > 0 ? .validation : .train
    }

    /// Where a tile belongs: `border` when it touches ground of two splits.
    package func split(_ touched: Set<GroundBlocks.Block>) -> Split {
        let splits = Set(touched.map(split))
        return splits.count == 1 ? splits.first ?? .border : .border
    }
}

/// Well-mixed bits of three numbers: three rounds of SplitMix64 (Steele, Lea and Flood 2014).
///
/// A function, not a generator: what the plan draws does not depend on what was drawn before.
func mixed(_ seed: UInt64, _ a: UInt64, _ b: UInt64) -> UInt64 {
    func round(_ x: UInt64) -> UInt64 {
        var z = x &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
    return round(round(round(seed) ^ a) ^ b)
}

extension GroundBlocks.Block {
    /// The block as records write it.
    var name: String { "\(row).\(column)" }
}
