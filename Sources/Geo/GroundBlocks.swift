// The Earth in blocks of about equal sides: ground that is learnt from, apart from ground that is looked at.

#if canImport(Glibc)
    internal import Glibc
#endif

/// Parts the Earth into blocks of about equal sides.
///
/// Blocks lie in longitude and latitude, so that images in different zones and of different pixel sizes that show the
/// same ground agree about it. Rows have equal height; each row has the whole number of blocks around the globe that
/// comes nearest the wanted side.
package struct GroundBlocks: Sendable {
    /// One block.
    package struct Block: Hashable, Sendable {
        /// From the equator, northwards.
        package var row: Int
        /// From 180 degrees west, eastwards.
        package var column: Int

        /// Makes a block from its numbers.
        package init(row: Int, column: Int) {
            self.row = row
            self.column = column
        }
    }

    /// Metres in a degree of latitude.
    private static let degree = 111_320.0
    private let side: Double
    /// Degrees of latitude per row.
    private let rowHeight: Double

    /// Makes the blocks; `side` is in metres, above 0.
    package init(side: Double) {
        self.side = side
        rowHeight = side / Self.degree
    }

    /// The row of a latitude in degrees.
    package func row(_ latitude: Double) -> Int { Int((latitude / rowHeight).rounded(.down)) }

    /// Number of blocks of a row.
    package func columns(inRow row: Int) -> Int {
        let latitude = min(89.9, abs((Double(row) + 0.5) * rowHeight))
        return max(1, Int((360 * Self.degree * cos(latitude * .pi / 180) / side).rounded()))
    }

    /// The column of a longitude in degrees, in a row of so many blocks.
    package func column(_ longitude: Double, of count: Int) -> Int {
        let turns = (longitude + 180) / 360
        return min(count - 1, Int(((turns - turns.rounded(.down)) * Double(count)).rounded(.down)))
    }

    /// The block that holds a place in degrees.
    package func block(longitude: Double, latitude: Double) -> Block {
        let row = row(latitude)
        return Block(row: row, column: column(longitude, of: columns(inRow: row)))
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
}
