// Which ground is for training and which for testing: blocks that know nothing of scenes and zones.
internal import Foundation
internal import Geo

#if canImport(Glibc)
    internal import Glibc
#endif

/// Parts the Earth into blocks of about equal sides and gives each block to one split.
///
/// Blocks lie in longitude and latitude, so that scenes in different zones that show the same ground agree. Rows
/// have equal height; each row has the whole number of blocks around the globe that comes nearest the wanted side.
package struct SplitRule: Sendable {
    /// One block.
    package struct Block: Hashable, Sendable {
        /// From the equator, northwards.
        package var row: Int
        /// From 180 degrees west, eastwards.
        package var column: Int
        /// The block as records write it.
        var name: String { "\(row).\(column)" }

        /// Makes a block from its numbers.
        package init(row: Int, column: Int) {
            self.row = row
            self.column = column
        }
    }

    let splits: TileProfile.Splits
    /// Degrees of latitude per row.
    private let rowHeight: Double

    /// Makes the rule of a profile.
    package init(_ splits: TileProfile.Splits) {
        self.splits = splits
        rowHeight = splits.block / 111_320
    }

    private func columns(inRow row: Int) -> Int {
        let latitude = min(89.9, abs((Double(row) + 0.5) * rowHeight))
        return max(1, Int((360 * 111_320 * cos(latitude * .pi / 180) / splits.block).rounded()))
    }

    private func row(_ latitude: Double) -> Int { Int((latitude / rowHeight).rounded(.down)) }

    /// The block that holds a place in degrees.
    package func block(longitude: Double, latitude: Double) -> Block {
        let row = row(latitude)
        let count = columns(inRow: row)
        let turns = (longitude + 180) / 360
        let column = Int(((turns - turns.rounded(.down)) * Double(count)).rounded(.down))
        return Block(row: row, column: min(count - 1, column))
    }

    /// All blocks that a rectangle in degrees touches; `east` may lie beyond 180.
    package func blocks(west: Double, east: Double, south: Double, north: Double) -> Set<Block> {
        var found: Set<Block> = []
        for row in row(south)...max(row(south), row(north)) {
            let count = columns(inRow: row)
            let first = Int(((west + 180) / 360 * Double(count)).rounded(.down))
            let last = Int(((east + 180) / 360 * Double(count)).rounded(.down))
            for column in first...max(first, min(last, first + count - 1)) {
                found.insert(Block(row: row, column: ((column % count) + count) % count))
            }
        }
        return found
    }

    /// Where a block belongs: uniform over blocks, by the shares.
    package func split(_ block: Block) -> Split {
        let bits = mixed(splits.seed, UInt64(bitPattern: Int64(block.row)), UInt64(bitPattern: Int64(block.column)))
        let share = Double(bits >> 11) / Double(1 << 53)
        if share < splits.train { return .train }
        if share < splits.train + splits.validation { return .validation }
        return splits.test > 0 ? .test : splits.validation > 0 ? .validation : .train
    }

    /// Where a tile belongs: `border` when it touches ground of two splits.
    package func split(_ touched: Set<Block>) -> Split {
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
