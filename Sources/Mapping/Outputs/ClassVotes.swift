// The class that each cell of a preview shows.
internal import Geo

/// The most frequent class among at most nine pixels of each cell.
///
/// A cell of up to 3 x 3 pixels counts all of them, a larger one counts nine that are spread evenly over it. If two classes are equally
/// frequent, the smaller number wins. If none of the nine pixels is valid, the first valid pixel of the cell decides. So the result does
/// not depend on the order of the pixels, and the memory does not depend on the size of the map.
struct ClassVotes {
    private let cell: Int
    /// The number of a vote along an axis, for each pixel of a cell; below 0 if the pixel has none.
    private let slots: [Int]
    /// Nine classes per cell, nodata for those that are missing.
    private var votes: [UInt8]
    /// The place in its cell of the first valid pixel of each cell, and its class.
    private var first: [(place: Int, id: UInt8)]

    /// Makes votes for `count` cells of `cell` x `cell` pixels.
    init(cell: Int, count: Int) {
        self.cell = cell
        var slots = [Int](repeating: -1, count: cell)
        for slot in 0..<min(3, cell) { slots[cell <= 3 ? slot : (2 * slot + 1) * cell / 6] = slot }
        self.slots = slots
        votes = [UInt8](repeating: Legend.nodataID, count: 9 * count)
        first = [(place: Int, id: UInt8)](repeating: (.max, Legend.nodataID), count: count)
    }

    /// Adds a valid pixel of a cell.
    mutating func add(_ id: UInt8, number: Int, column: Int, row: Int) {
        let (x, y) = (column % cell, row % cell)
        if y * cell + x < first[number].place { first[number] = (y * cell + x, id) }
        if slots[x] >= 0, slots[y] >= 0 { votes[9 * number + 3 * slots[y] + slots[x]] = id }
    }

    /// The class that a cell shows; nodata if it has no valid pixel.
    func id(of number: Int) -> UInt8 {
        var best = first[number].id
        var most = 0
        let cast = votes[9 * number..<9 * number + 9].filter { $0 != Legend.nodataID }
        for id in cast {
            let count = cast.count { $0 == id }
            if count > most || count == most && id < best { (best, most) = (id, count) }
        }
        return best
    }
}
