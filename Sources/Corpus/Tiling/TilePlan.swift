// Where tiles are cut: a pure function of scenes, profile and seed, without memory per tile.
package import Geo

#if canImport(Glibc)
    internal import Glibc
#endif

/// The places that are tried, scene after scene; place `k` of a scene is computed, not stored.
package struct TilePlan: Sendable {
    /// One scene's share.
    package struct Part: Sendable, Equatable {
        /// First columns that a tile may have on the lattice; empty where no tile fits.
        package var columns: Range<Int>
        /// First rows that a tile may have.
        package var rows: Range<Int>
        /// Number of places tried at most.
        package var placeCount: Int
        /// Number of tiles after which the scene is done; `nil` where all places are tried.
        package var wanted: Int?
        /// Area that its tiles can reach, km2.
        package var squareKilometres: Double
    }

    /// What the plan needs to know of a scene.
    package struct Room: Sendable {
        /// Columns of the lattice.
        package var width: Int
        /// Rows of the lattice.
        package var height: Int
        /// Metres per lattice pixel.
        package var gsd: Double
        /// Lattice pixels that hold the centres of all tiles that may count; `nil` for no limit.
        package var centres: (columns: ClosedRange<Double>, rows: ClosedRange<Double>)?

        /// Makes a room.
        package init(
            width: Int, height: Int, gsd: Double,
            centres: (columns: ClosedRange<Double>, rows: ClosedRange<Double>)? = nil
        ) {
            self.width = width
            self.height = height
            self.gsd = gsd
            self.centres = centres
        }
    }

    /// One part per scene.
    package let parts: [Part]
    private let profile: TileProfile

    /// Makes the plan.
    package init(rooms: [Room], profile: TileProfile) {
        self.profile = profile
        let size = profile.tileSize
        var parts = rooms.map { room -> Part in
            let columns = Self.starts(length: room.width, size: size, centres: room.centres?.columns)
            let rows = Self.starts(length: room.height, size: size, centres: room.centres?.rows)
            var area = 0.0
            if !columns.isEmpty, !rows.isEmpty {
                area = Double(columns.count - 1 + size) * Double(rows.count - 1 + size) * room.gsd * room.gsd / 1e6
            }
            return Part(columns: columns, rows: rows, placeCount: 0, wanted: nil, squareKilometres: area)
        }
        switch profile.sampling.kind {
        case .grid:
            for index in parts.indices {
                let across = Self.multiples(of: profile.gridStride, in: parts[index].columns).count
                let down = Self.multiples(of: profile.gridStride, in: parts[index].rows).count
                parts[index].placeCount = across.timesOrMost(down)
            }
        case .random:
            if let density = profile.sampling.density {
                for index in parts.indices {
                    parts[index].placeCount = Int(
                        min(Double(Int.mostPlaces), (parts[index].squareKilometres * density).rounded()))
                }
            } else if let count = profile.sampling.count {
                for (index, share) in Self.shares(of: count, by: parts.map(\.squareKilometres)).enumerated() {
                    parts[index].wanted = share
                    // Places that turn out invalid are made up for, within reason.
                    parts[index].placeCount = share == 0 ? 0 : 20 * share + 100
                }
            }
        }
        self.parts = parts
    }

    /// The window of a place on its scene's lattice.
    package func window(part: Int, place: Int) -> PixelWindow {
        let room = parts[part]
        precondition((0..<room.placeCount).contains(place), "place \(place) of \(room.placeCount)")
        let size = profile.tileSize
        switch profile.sampling.kind {
        case .grid:
            let columns = Self.multiples(of: profile.gridStride, in: room.columns)
            let rows = Self.multiples(of: profile.gridStride, in: room.rows)
            let (row, column) = place.quotientAndRemainder(dividingBy: columns.count)
            return PixelWindow(
                column: (columns.lowerBound + column) * profile.gridStride,
                row: (rows.lowerBound + row) * profile.gridStride, width: size, height: size)
        case .random:
            let seed = profile.sampling.seed ?? 0
            func draw(_ range: Range<Int>, _ axis: Int) -> Int {
                let bits = mixed(seed, UInt64(part), UInt64(place) * 2 + UInt64(axis))
                return range.lowerBound + Int(bits.multipliedFullWidth(by: UInt64(range.count)).high)
            }
            return PixelWindow(column: draw(room.columns, 0), row: draw(room.rows, 1), width: size, height: size)
        }
    }

    /// Number of all places.
    package var placeCount: Int { parts.reduce(0) { $0 + $1.placeCount } }

    /// First pixels that a tile may have along one axis, so that it is inside and its centre may count.
    private static func starts(length: Int, size: Int, centres: ClosedRange<Double>?) -> Range<Int> {
        guard length >= size else { return 0..<0 }
        var range = 0..<(length - size + 1)
        if let centres {
            let half = Double(size) / 2
            let low = max(0, (centres.lowerBound - half).rounded(.up))
            let high = min(Double(length - size), (centres.upperBound - half).rounded(.down))
            guard low <= high else { return 0..<0 }
            range = Int(low)..<(Int(high) + 1)
        }
        return range
    }

    /// The numbers whose multiples lie in a range.
    private static func multiples(of stride: Int, in range: Range<Int>) -> Range<Int> {
        guard !range.isEmpty else { return 0..<0 }
        let first = (range.lowerBound + stride - 1) / stride
        let last = (range.upperBound - 1) / stride
        return first..<max(first, last + 1)
    }

    /// A count shared in proportion: the largest remainders get what rounding leaves.
    private static func shares(of count: Int, by areas: [Double]) -> [Int] {
        let total = areas.reduce(0, +)
        guard total > 0 else { return areas.map { _ in 0 } }
        let exact = areas.map { Double(count) * $0 / total }
        var shares = exact.map { Int($0.rounded(.down)) }
        let left = max(0, count - shares.reduce(0, +))
        let order = exact.indices.sorted {
            let a = exact[$0] - exact[$0].rounded(.down)
            let b = exact[$1] - exact[$1].rounded(.down)
            return a == b ? $0 < $1 : a > b
        }
        for index in order.prefix(left) { shares[index] += 1 }
        return shares
    }
}

extension Int {
    /// More places than can ever be tried; the sum over a hundred thousand scenes is still a number.
    fileprivate static var mostPlaces: Int { 10_000_000_000_000 }

    /// A product, at most `mostPlaces`.
    fileprivate func timesOrMost(_ other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? Self.mostPlaces : Swift.min(product, Self.mostPlaces)
    }
}
