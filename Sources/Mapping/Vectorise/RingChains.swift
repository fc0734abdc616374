// The boundaries of components while they are traced: chains of corners that become rings.

/// A corner of pixels: the top left corner of the pixel with this column and row.
package struct PixelCorner: Hashable, Sendable {
    /// The number of columns to its left.
    package let column: Int32
    /// The number of rows above it.
    package let row: Int32

    /// Makes a corner.
    package init(column: Int32, row: Int32) {
        self.column = column
        self.row = row
    }
}

/// A corner at which a boundary bends.
struct Bend {
    let corner: PixelCorner
    /// Whether the four pixels around the corner differ from their neighbours, so that a boundary may pass the corner twice.
    let isMeeting: Bool
}

/// Chains of bends with a direction, each known by a number.
struct RingChains {
    private struct Chain {
        /// Its own number, or that of a chain that it was merged into.
        var parent: Int32
        /// The bends before those of `back`, in reverse order.
        var front: [Bend] = []
        var back: [Bend] = []

        var count: Int { front.count + back.count }
        var bends: [Bend] { front.reversed() + back }
    }

    private var chains: [Chain] = []
    private var free: [Int32] = []
    /// The numbers that will be free when `recycle()` is called.
    private var gone: [Int32] = []

    /// The current number of a chain.
    func root(_ chain: Int32) -> Int32 {
        var chain = chain
        while chains[Int(chain)].parent != chain { chain = chains[Int(chain)].parent }
        return chain
    }

    /// Starts a chain with one bend.
    mutating func begin(_ bend: Bend) -> Int32 {
        if let number = free.popLast() {
            chains[Int(number)] = Chain(parent: number, back: [bend])
            return number
        }
        chains.append(Chain(parent: Int32(chains.count), back: [bend]))
        return Int32(chains.count - 1)
    }

    /// Adds a bend at a chain's end.
    mutating func append(_ bend: Bend, to chain: Int32) { chains[Int(root(chain))].back.append(bend) }

    /// Adds a bend before a chain's start.
    mutating func prepend(_ bend: Bend, to chain: Int32) { chains[Int(root(chain))].front.append(bend) }

    /// Joins the end of one chain to the start of another with a bend between them.
    ///
    /// - Returns: The bends of the closed ring if both are the same chain, otherwise `nil`.
    mutating func join(_ first: Int32, _ bend: Bend, _ second: Int32) -> [Bend]? {
        let first = Int(root(first))
        let second = Int(root(second))
        guard first != second else {
            let ring = chains[first].bends + [bend]
            forget(first)
            return ring
        }
        // The shorter one is copied.
        if chains[first].count >= chains[second].count {
            chains[first].back.append(bend)
            chains[first].back += chains[second].bends
            forget(second)
            chains[second].parent = Int32(first)
        } else {
            chains[second].front.append(bend)
            chains[second].front += chains[first].bends.reversed()
            forget(first)
            chains[first].parent = Int32(second)
        }
        return nil
    }

    private mutating func forget(_ chain: Int) {
        chains[chain].front = []
        chains[chain].back = []
        gone.append(Int32(chain))
    }

    /// Frees the numbers of closed and merged chains; they must not be used from here on.
    mutating func recycle() {
        free += gone
        gone = []
    }
}

/// Splits a closed boundary into rings that pass each corner once.
///
/// A boundary passes a corner twice if its component touches itself there diagonally.
func simpleRings(_ boundary: [Bend]) -> [[PixelCorner]] {
    var rings: [[PixelCorner]] = []
    var path: [Bend] = []
    var places: [PixelCorner: Int] = [:]
    for bend in boundary {
        guard bend.isMeeting, let start = places[bend.corner] else {
            if bend.isMeeting { places[bend.corner] = path.count }
            path.append(bend)
            continue
        }
        rings.append(closed(path[start...]))
        for left in path[(start + 1)...] where left.isMeeting { places[left.corner] = nil }
        path.removeSubrange((start + 1)...)
    }
    rings.append(closed(path[...]))
    return rings
}

/// A ring that starts and ends at the leftmost of its topmost corners.
private func closed(_ path: ArraySlice<Bend>) -> [PixelCorner] {
    let corners = path.map(\.corner)
    var start = 0
    for (place, corner) in corners.enumerated()
    where (corner.row, corner.column) < (corners[start].row, corners[start].column) { start = place }
    return Array(corners[start...]) + corners[...start]
}

/// Twice the area of a ring, in pixels; below 0 if the ring is counter-clockwise on the map.
package func doubledArea(_ ring: [PixelCorner]) -> Int {
    zip(ring, ring.dropFirst()).reduce(0) { sum, side in
        sum + Int(side.0.column) * Int(side.1.row) - Int(side.1.column) * Int(side.0.row)
    }
}
