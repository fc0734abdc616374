// Traces a map of classes as polygons, row by row; each polygon is passed on as soon as it is complete.
internal import Geo

/// Traces the components of a map of classes along the edges of their pixels.
///
/// A component is a set of pixels of one class that are connected by their sides (4-connectivity). Pixels that share only a
/// corner are not connected. The polygons of all components cover every valid pixel exactly once. They are valid simple
/// features: no ring touches itself, and two rings of a polygon touch at corners only. Memory holds the components that
/// reach the last row.
package struct PolygonTracer {
    /// The outline of a component.
    package struct Polygon: Hashable, Sendable {
        /// Its class.
        package let id: UInt8
        /// Its number of pixels.
        package let pixels: Int
        /// Closed rings of the corners at which its boundary bends.
        ///
        /// The outer ring comes first and is counter-clockwise on the map, whose rows run south. The holes follow from the top,
        /// then from the left. They are clockwise.
        package let rings: [[PixelCorner]]
    }

    private struct Component {
        let id: UInt8
        /// Its own number, or that of a component that it was merged into.
        var parent: Int32
        var pixels = 0
        var lastRow: Int32
        var rings: [[PixelCorner]] = []
    }

    /// A vertical boundary between two columns of a row.
    private struct Side {
        let column: Int32
        /// The component to its right; below 0 for none.
        let right: Int32
        /// The chain of the component to the right, which runs down; its inside is to the left of its direction.
        var down: Int32 = -1
        /// The chain of the component to the left, which runs up.
        var up: Int32 = -1
    }

    /// The boundaries that meet at a corner of pixels.
    ///
    /// Its four arms are numbered clockwise from the north. Pixel 0 is the one clockwise from arm 0, in the north east, and so on.
    private struct Crossing {
        let bend: Bend
        /// The components of the pixels; below 0 for none.
        let pixels: [4 of Int32]
        /// Whether there is a boundary along an arm.
        let arms: [4 of Bool]
        /// The chains that arrive along an arm, and those that leave along it; below 0 if they are not known yet.
        let incoming: [4 of Int32]
        let outgoing: [4 of Int32]
    }

    /// The chains that continue after a crossing: along the line between the rows, and below it.
    private struct Continuation {
        var east: Int32 = -1
        var west: Int32 = -1
        var down: Int32 = -1
        var up: Int32 = -1
    }

    private var components: [Component] = []
    private var free: [Int32] = []
    private var gone: [Int32] = []
    private var chains = RingChains()
    private var row = Int32.min
    /// The last row, the component of each of its runs, and its sides.
    private var above: [ClassRun] = []
    private var labels: [Int32] = []
    private var sides: [Side] = []

    /// Starts at the top of a map.
    package init() {}

    /// The number of components in memory.
    package var held: Int { components.count - free.count }

    /// Takes the next row; rows that are left out are nodata.
    ///
    /// - Parameter polygon: Receives the polygons that end in the rows above, from left to right.
    package mutating func add(row: Int, runs: [ClassRun], _ polygon: (Polygon) throws -> Void) rethrows {
        precondition(Int32(row) > self.row, "row \(row) came after row \(self.row)")
        if !above.isEmpty, row > Int(self.row) + 1 { try step(row: self.row + 1, runs: [], polygon) }
        try step(row: Int32(row), runs: runs, polygon)
    }

    /// Takes the end of the map.
    package mutating func finish(_ polygon: (Polygon) throws -> Void) rethrows {
        if !above.isEmpty { try step(row: row + 1, runs: [], polygon) }
    }

    private mutating func step(row: Int32, runs: [ClassRun], _ polygon: (Polygon) throws -> Void) rethrows {
        let upper = above
        let upperLabels = labels
        var lower = [Int32](repeating: -1, count: runs.count)
        forEachOverlap(upper, runs) { i, j, _ in
            guard upper[i].id == runs[j].id else { return }
            lower[j] = lower[j] < 0 ? root(upperLabels[i]) : join(lower[j], upperLabels[i])
        }
        for j in runs.indices {
            if lower[j] < 0 { lower[j] = begin(runs[j].id) }
            let component = Int(root(lower[j]))
            components[component].pixels += Int(runs[j].columns)
            components[component].lastRow = row
        }
        var found = Self.sides(of: runs, labels: lower)
        trace(row: row, upper: sides, lower: &found)
        for place in found.indices {
            if found[place].down >= 0 { found[place].down = chains.root(found[place].down) }
            if found[place].up >= 0 { found[place].up = chains.root(found[place].up) }
        }
        chains.recycle()
        try passOn(upperLabels, before: row, polygon)
        labels = lower.map { root($0) }
        sides = found.map { side in
            Side(column: side.column, right: side.right < 0 ? -1 : root(side.right), down: side.down, up: side.up)
        }
        above = runs
        self.row = row
        free += gone
        gone = []
    }

    private mutating func begin(_ id: UInt8) -> Int32 {
        let number = free.popLast() ?? Int32(components.count)
        let component = Component(id: id, parent: number, lastRow: row)
        if Int(number) == components.count { components.append(component) } else { components[Int(number)] = component }
        return number
    }

    private func root(_ label: Int32) -> Int32 {
        var label = label
        while components[Int(label)].parent != label { label = components[Int(label)].parent }
        return label
    }

    /// Merges two components.
    private mutating func join(_ a: Int32, _ b: Int32) -> Int32 {
        let (a, b) = (root(a), root(b))
        guard a != b else { return a }
        let isLarger = components[Int(a)].rings.count >= components[Int(b)].rings.count
        let (winner, loser) = isLarger ? (Int(a), Int(b)) : (Int(b), Int(a))
        components[winner].pixels += components[loser].pixels
        components[winner].lastRow = max(components[winner].lastRow, components[loser].lastRow)
        components[winner].rings += components[loser].rings
        components[loser].rings = []
        components[loser].parent = Int32(winner)
        gone.append(Int32(loser))
        return Int32(winner)
    }

    /// Passes on the components of a row that have no pixel in the next one.
    private mutating func passOn(
        _ labels: [Int32], before row: Int32, _ polygon: (Polygon) throws -> Void
    ) rethrows {
        for label in labels {
            let component = Int(root(label))
            guard components[component].lastRow < row else { continue }
            // Later runs of the row may belong to the same component.
            components[component].lastRow = .max
            var rings = components[component].rings
            components[component].rings = []
            gone.append(Int32(component))
            if let outer = rings.firstIndex(where: { doubledArea($0) < 0 }) { rings.swapAt(0, outer) }
            rings[1...].sort { ($0[0].row, $0[0].column) < ($1[0].row, $1[0].column) }
            try polygon(Polygon(id: components[component].id, pixels: components[component].pixels, rings: rings))
        }
    }

    private static func sides(of runs: [ClassRun], labels: [Int32]) -> [Side] {
        var sides: [Side] = []
        sides.reserveCapacity(runs.count + 1)
        for (place, run) in runs.enumerated() {
            sides.append(Side(column: run.start, right: labels[place]))
            if place + 1 == runs.count || runs[place + 1].start > run.end {
                sides.append(Side(column: run.end, right: -1))
            }
        }
        return sides
    }

    private func isSame(_ a: Int32, _ b: Int32) -> Bool {
        a == b || a >= 0 && b >= 0 && components[Int(a)].id == components[Int(b)].id
    }

    /// Continues the chains along the line between two rows.
    private mutating func trace(row: Int32, upper: [Side], lower: inout [Side]) {
        // The chains along the line. That of the component above runs east, that of the component below runs west.
        var (east, west) = (Int32(-1), Int32(-1))
        var (above, below) = (Int32(-1), Int32(-1))
        var (i, j) = (0, 0)
        while i < upper.count || j < lower.count {
            let column = min(i < upper.count ? upper[i].column : .max, j < lower.count ? lower[j].column : .max)
            let hasNorth = i < upper.count && upper[i].column == column
            let hasSouth = j < lower.count && lower[j].column == column
            let northEast = hasNorth ? upper[i].right : above
            let southEast = hasSouth ? lower[j].right : below
            let arms: [4 of Bool] = [hasNorth, !isSame(northEast, southEast), hasSouth, !isSame(above, below)]
            let corner = PixelCorner(column: column, row: row)
            let next = pass(
                Crossing(
                    bend: Bend(corner: corner, isMeeting: arms[0] && arms[1] && arms[2] && arms[3]),
                    pixels: [northEast, southEast, below, above], arms: arms,
                    incoming: [hasNorth ? upper[i].down : -1, -1, -1, east],
                    outgoing: [hasNorth ? upper[i].up : -1, -1, -1, west]))
            (east, west) = (next.east, next.west)
            if hasSouth { (lower[j].down, lower[j].up) = (next.down, next.up) }
            (above, below) = (northEast, southEast)
            if hasNorth { i += 1 }
            if hasSouth { j += 1 }
        }
    }

    /// Continues the chains over a corner.
    ///
    /// The pixels between two neighbouring arms belong to one component. Its boundary arrives along the first arm, clockwise, and
    /// leaves along the second, so that the component is to the left of it.
    private mutating func pass(_ crossing: Crossing) -> Continuation {
        var next = Continuation()
        for first in 0..<4 where crossing.arms[first] && crossing.pixels[first] >= 0 {
            var second = (first + 1) % 4
            while !crossing.arms[second] { second = (second + 1) % 4 }
            let (start, end) = (crossing.incoming[first], crossing.outgoing[second])
            let isStraight = second == (first + 2) % 4
            let chain: Int32
            switch (start >= 0, end >= 0) {
            case (true, true):
                if let boundary = chains.join(start, crossing.bend, end) {
                    components[Int(root(crossing.pixels[first]))].rings += simpleRings(boundary)
                }
                continue
            case (true, false):
                chain = start
                if !isStraight { chains.append(crossing.bend, to: chain) }
            case (false, true):
                chain = end
                if !isStraight { chains.prepend(crossing.bend, to: chain) }
            case (false, false):
                chain = chains.begin(crossing.bend)
            }
            if start < 0 {
                if first == 1 { next.west = chain } else { next.up = chain }
            }
            if end < 0 {
                if second == 1 { next.east = chain } else { next.down = chain }
            }
        }
        return next
    }
}
