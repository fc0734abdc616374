// Which way up a square crop lies.

/// One of the eight ways to lay down a square: mirrored top to bottom, left to right, then rows and columns swapped.
///
/// A crop is written in its place at once instead of being moved afterwards; flips and turns are gathered here in the order
/// in which they are asked for.
package struct Orientation: Sendable, Equatable {
    /// Whether the last row comes first.
    package private(set) var mirrorsRows = false
    /// Whether the last column comes first.
    package private(set) var mirrorsColumns = false
    /// Whether, after mirroring, rows become columns.
    package private(set) var turnsOver = false

    /// As it is.
    package init() {}

    /// Mirrors left and right.
    package mutating func flipColumns() {
        if turnsOver { mirrorsRows.toggle() } else { mirrorsColumns.toggle() }
    }

    /// Mirrors top and bottom.
    package mutating func flipRows() {
        if turnsOver { mirrorsColumns.toggle() } else { mirrorsRows.toggle() }
    }

    /// Turns counter-clockwise by a number of right angles, 0 to 3.
    package mutating func turn(quarters: Int) {
        switch quarters {
        case 1:
            turnsOver.toggle()
            flipRows()
        case 2:
            flipRows()
            flipColumns()
        case 3:
            flipRows()
            turnsOver.toggle()
        default: break
        }
    }
}
