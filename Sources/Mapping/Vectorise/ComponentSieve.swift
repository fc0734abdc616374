// Removes small components from a map of classes, row by row, with memory that does not depend on the map's height.
internal import Geo

/// Finds the components of a map of classes that are too small, and the class that each of them takes.
///
/// A component is a set of pixels of one class that are connected by their sides (4-connectivity). It is small if it has
/// fewer than `smallest` pixels and none of its pixels has a side at the edge of the map or at a nodata pixel. All other
/// components keep their class. Unsure pixels keep theirs too. They belong to no component, and no pixel becomes unsure.
///
/// All components but the small ones are settled from the start. Small ones are settled in rounds. In each round, every small
/// component that shares a side with a settled one takes the class with which it shares the longest border, and counts as
/// settled from the next round on. Only borders with components that were settled before the round count. If two borders are
/// equally long, the smaller class number wins. A small component whose only neighbours are unsure pixels, or other small
/// components in the same situation, keeps its class.
///
/// The result depends on the map only, not on the order of the work. Applying the sieve twice gives the same map as applying
/// it once, because every component that changes becomes part of one that does not. Memory holds the components that may
/// still grow and those that wait for them.
package struct ComponentSieve {
    /// Pixels of a row that change their class.
    package struct Change: Hashable, Sendable {
        /// Their row.
        package let row: Int
        /// The first column.
        package let start: Int
        /// The column after the last.
        package let end: Int
        /// Their class from now on.
        package let id: UInt8
    }

    private struct Span {
        let row: Int32
        let start: Int32
        let end: Int32
    }

    private struct Border {
        var other: Int32
        var length: Int32
    }

    private struct Component {
        let id: UInt8
        /// Its own number, or that of a component that it was merged into.
        var parent: Int32
        var pixels = 0
        var lastRow: Int32
        /// The round in which it was settled: 0 if it keeps its class, below 0 while that is unknown.
        var round: Int32 = -1
        /// Its class after it is settled.
        var becomes: UInt8
        /// Its pixels and its neighbours while it may change; a neighbour may be listed more than once.
        var spans: [Span] = []
        var borders: [Border] = []
    }

    private let smallest: Int
    private let settlesAt: Int
    private var components: [Component] = []
    /// The number of components in memory at which the next attempt to settle some is made.
    private var limit: Int
    private var row = Int32.min
    /// The last row, and the component of each of its runs; below 0 for runs of unsure pixels.
    private var above: [ClassRun] = []
    private var labels: [Int32] = []
    /// Border lengths by class; all 0 between uses.
    private var shares = [Int](repeating: 0, count: 256)

    /// Starts at the top of a map.
    ///
    /// - Parameters:
    ///   - smallest: Components of this many pixels or more keep their class.
    ///   - settlesAt: The number of components in memory at which the sieve first tries to settle some. The result does not
    ///     depend on it.
    package init(smallest: Int, settlesAt: Int = 4096) {
        self.smallest = smallest
        self.settlesAt = settlesAt
        limit = settlesAt
    }

    /// The number of components in memory.
    package var held: Int { components.count }

    /// Takes the next row; rows that are left out are nodata.
    ///
    /// - Parameter change: Receives the pixels that change, in this row or above it, in any order. Each comes at most once.
    package mutating func add(row: Int, runs: [ClassRun], _ change: (Change) throws -> Void) rethrows {
        precondition(Int32(row) > self.row, "row \(row) came after row \(self.row)")
        if !above.isEmpty, row > Int(self.row) + 1 { step(row: self.row + 1, runs: []) }
        step(row: Int32(row), runs: runs)
        if components.count >= limit { try settle(change) }
    }

    /// Takes the end of the map.
    package mutating func finish(_ change: (Change) throws -> Void) rethrows {
        step(row: row == .min ? 0 : row + 1, runs: [])
        try settle(change)
    }

    private mutating func step(row: Int32, runs: [ClassRun]) {
        let upper = above
        let upperLabels = labels
        var lower = [Int32](repeating: -1, count: runs.count)
        forEachOverlap(upper, runs) { i, j, _ in
            guard upper[i].id == runs[j].id, upperLabels[i] >= 0 else { return }
            lower[j] = lower[j] < 0 ? root(upperLabels[i]) : join(lower[j], upperLabels[i])
        }
        for j in runs.indices where runs[j].id != Legend.unsureID {
            if lower[j] < 0 {
                lower[j] = Int32(components.count)
                components.append(Component(id: runs[j].id, parent: lower[j], lastRow: row, becomes: runs[j].id))
            }
            extend(lower[j], by: runs[j], row: row)
        }
        meet(upper, upperLabels, runs, lower)
        above = runs
        labels = lower.map { $0 < 0 ? $0 : root($0) }
        self.row = row
    }

    /// Records which components of two rows touch each other, and which of them touch nodata.
    private mutating func meet(_ upper: [ClassRun], _ upperLabels: [Int32], _ runs: [ClassRun], _ lower: [Int32]) {
        var bareBelow = upper.map(\.columns)
        var bareAbove = runs.map(\.columns)
        forEachOverlap(upper, runs) { i, j, columns in
            bareBelow[i] -= columns
            bareAbove[j] -= columns
            if upper[i].id != runs[j].id { touch(upperLabels[i], lower[j], columns) }
        }
        for i in upper.indices where bareBelow[i] > 0 { keep(upperLabels[i]) }
        for j in runs.indices {
            let hasLeft = j > 0 && runs[j - 1].end == runs[j].start
            let hasRight = j + 1 < runs.count && runs[j].end == runs[j + 1].start
            if bareAbove[j] > 0 || !hasLeft || !hasRight { keep(lower[j]) }
            if hasLeft { touch(lower[j - 1], lower[j], 1) }
        }
    }

    private mutating func root(_ label: Int32) -> Int32 {
        var label = label
        while components[Int(label)].parent != label {
            let above = components[Int(components[Int(label)].parent)].parent
            components[Int(label)].parent = above
            label = above
        }
        return label
    }

    /// Merges two components.
    private mutating func join(_ a: Int32, _ b: Int32) -> Int32 {
        let (a, b) = (root(a), root(b))
        guard a != b else { return a }
        let isLarger = components[Int(a)].spans.count >= components[Int(b)].spans.count
        let (winner, loser) = isLarger ? (Int(a), Int(b)) : (Int(b), Int(a))
        components[loser].parent = Int32(winner)
        components[winner].pixels += components[loser].pixels
        components[winner].lastRow = max(components[winner].lastRow, components[loser].lastRow)
        let (spans, borders) = (components[loser].spans, components[loser].borders)
        components[loser].spans = []
        components[loser].borders = []
        if components[winner].round == 0 || components[loser].round == 0 || components[winner].pixels >= smallest {
            keep(Int32(winner))
        } else {
            components[winner].spans += spans
            components[winner].borders += borders
        }
        return Int32(winner)
    }

    private mutating func extend(_ label: Int32, by run: ClassRun, row: Int32) {
        let component = Int(root(label))
        components[component].pixels += Int(run.columns)
        components[component].lastRow = row
        guard components[component].round < 0 else { return }
        if components[component].pixels >= smallest {
            keep(Int32(component))
        } else {
            components[component].spans.append(Span(row: row, start: run.start, end: run.end))
        }
    }

    /// Settles a component with the class that it has.
    private mutating func keep(_ label: Int32) {
        guard label >= 0 else { return }
        let component = Int(root(label))
        components[component].round = 0
        components[component].spans = []
        components[component].borders = []
    }

    /// Records a border between two components.
    private mutating func touch(_ a: Int32, _ b: Int32, _ length: Int32) {
        guard a >= 0, b >= 0 else { return }
        let (a, b) = (root(a), root(b))
        for (component, other) in [(Int(a), b), (Int(b), a)] where components[component].round < 0 {
            let last = components[component].borders.count - 1
            if last >= 0, components[component].borders[last].other == other {
                components[component].borders[last].length += length
            } else {
                components[component].borders.append(Border(other: other, length: length))
            }
        }
    }

    /// Settles the components that can be settled, and drops those on which nothing depends any more.
    private mutating func settle(_ change: (Change) throws -> Void) rethrows {
        for component in unsettled { simplifyBorders(of: component) }
        try decide(change)
        compact()
        limit = max(settlesAt, 2 * components.count)
    }

    /// The components that may still change.
    private var unsettled: [Int] {
        components.indices.filter { components[$0].round < 0 && components[$0].parent == Int32($0) }
    }

    /// Leaves one entry per neighbour.
    private mutating func simplifyBorders(of component: Int) {
        var borders = components[component].borders
        components[component].borders = []
        for place in borders.indices { borders[place].other = root(borders[place].other) }
        borders.sort { $0.other < $1.other }
        var count = 0
        for border in borders {
            if count > 0, borders[count - 1].other == border.other {
                borders[count - 1].length += border.length
            } else {
                borders[count] = border
                count += 1
            }
        }
        borders.removeLast(borders.count - count)
        components[component].borders = borders
    }

    /// Settles, round by round, the complete components whose relevant neighbours are settled.
    ///
    /// The round of a component is its distance from the nearest component that keeps its class. Components that may still
    /// grow count as if they kept theirs. So a distance found here is never too long, and it is exact if all nearer
    /// neighbours are settled.
    private mutating func decide(_ change: (Change) throws -> Void) rethrows {
        let never = Int32.max
        var distance = [Int32](repeating: never, count: components.count)
        var byRound: [[Int32]] = [[]]
        func note(_ component: Int32, _ round: Int32) {
            distance[Int(component)] = round
            while byRound.count <= Int(round) { byRound.append([]) }
            byRound[Int(round)].append(component)
        }
        var waiting: [Int] = []
        for component in components.indices where components[component].parent == Int32(component) {
            if components[component].round >= 0 {
                distance[component] = components[component].round
            } else if components[component].lastRow == row {
                distance[component] = 0
            } else {
                waiting.append(component)
            }
        }
        for component in waiting {
            var nearest = never
            for border in components[component].borders {
                let other = components[Int(border.other)]
                if other.round >= 0 || other.lastRow == row { nearest = min(nearest, distance[Int(border.other)]) }
            }
            if nearest != never { note(Int32(component), nearest + 1) }
        }
        var round = 1
        while round < byRound.count {
            for component in byRound[round] where distance[Int(component)] == round {
                guard components[Int(component)].round < 0 else { continue }
                var isCertain = true
                for border in components[Int(component)].borders {
                    let other = Int(border.other)
                    if Int(distance[other]) == round - 1 {
                        isCertain = isCertain && components[other].round >= 0
                    } else if components[other].round < 0, Int(distance[other]) > round + 1 {
                        note(border.other, Int32(round) + 1)
                    }
                }
                if isCertain { try decide(Int(component), round: Int32(round), distance, change) }
            }
            round += 1
        }
        for component in waiting where distance[component] == never { keep(Int32(component)) }
    }

    /// Gives a component the class of its longest border.
    private mutating func decide(
        _ component: Int, round: Int32, _ distance: [Int32], _ change: (Change) throws -> Void
    ) rethrows {
        for border in components[component].borders where distance[Int(border.other)] == round - 1 {
            shares[Int(components[Int(border.other)].becomes)] += Int(border.length)
        }
        var best = Legend.nodataID
        for border in components[component].borders {
            let id = components[Int(border.other)].becomes
            let (share, most) = (shares[Int(id)], shares[Int(best)])
            if share > most || share == most && id < best { best = id }
        }
        for border in components[component].borders { shares[Int(components[Int(border.other)].becomes)] = 0 }
        let spans = components[component].spans
        components[component].round = round
        components[component].becomes = best
        components[component].spans = []
        components[component].borders = []
        guard best != components[component].id else { return }
        for span in spans {
            try change(Change(row: Int(span.row), start: Int(span.start), end: Int(span.end), id: best))
        }
    }

    /// Drops all components but those of the last row, those that are not settled, and the neighbours of the latter.
    private mutating func compact() {
        var place = [Int32](repeating: -1, count: components.count)
        var kept: [Int] = []
        func need(_ component: Int) {
            guard place[component] < 0 else { return }
            place[component] = Int32(kept.count)
            kept.append(component)
        }
        for label in labels where label >= 0 { need(Int(root(label))) }
        for component in unsettled {
            need(component)
            for border in components[component].borders { need(Int(border.other)) }
        }
        labels = labels.map { $0 < 0 ? $0 : place[Int(root($0))] }
        components = kept.enumerated().map { number, old in
            var component = components[old]
            components[old].borders = []
            component.parent = Int32(number)
            for border in component.borders.indices {
                component.borders[border].other = place[Int(component.borders[border].other)]
            }
            return component
        }
    }
}

/// A map of classes after its small components were removed; see `ComponentSieve`.
package func sieved(
    _ ids: [UInt8], width: Int, height: Int, smallest: Int, settlesAt: Int = 4096
) -> [UInt8] {
    var result = ids
    var sieve = ComponentSieve(smallest: smallest, settlesAt: settlesAt)
    func apply(_ change: ComponentSieve.Change) {
        for column in change.start..<change.end { result[change.row * width + column] = change.id }
    }
    for row in 0..<height {
        sieve.add(row: row, runs: [ClassRun](row: ids[row * width..<(row + 1) * width]), apply)
    }
    sieve.finish(apply)
    return result
}
