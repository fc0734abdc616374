// A small version of a map, for its quick-look, its legend and its footprint.
internal import Geo

/// The means of a map on at most `mostCells` x `mostCells` cells, or its classes on at most `mostClassCells` x `mostClassCells`.
struct MapPreview {
    static let mostCells = 840
    /// Fewer than for values, because the names of classes need more room.
    static let mostClassCells = 660
    /// Bands shown.
    let bands: Int
    /// Pixels per cell and side.
    let cell: Int
    let width: Int
    let height: Int
    /// `[band, row, column]`.
    private var sums: [Double]
    private(set) var counts: [Int32]
    /// The classes of the cells; `nil` for a map of values.
    private var votes: ClassVotes?

    /// Makes the preview of a map of values.
    init(width: Int, height: Int, bands: Int = 1) {
        self.init(width: width, height: height, bands: bands, mostCells: Self.mostCells)
    }

    /// Makes the preview of a map of classes.
    static func classes(width: Int, height: Int) -> MapPreview {
        var preview = MapPreview(width: width, height: height, bands: 0, mostCells: mostClassCells)
        preview.votes = ClassVotes(cell: preview.cell, count: preview.counts.count)
        return preview
    }

    private init(width: Int, height: Int, bands: Int, mostCells: Int) {
        self.bands = bands
        cell = max(1, (max(width, height) + mostCells - 1) / mostCells)
        self.width = (width + cell - 1) / cell
        self.height = (height + cell - 1) / cell
        sums = [Double](repeating: 0, count: bands * self.width * self.height)
        counts = [Int32](repeating: 0, count: self.width * self.height)
    }

    /// Adds a pixel's values, one per band shown.
    mutating func add(column: Int, row: Int, _ value: (_ band: Int) -> Float) {
        let place = row / cell * width + column / cell
        for band in 0..<bands { sums[band * width * height + place] += Double(value(band)) }
        counts[place] += 1
    }

    /// Adds a pixel's class.
    mutating func add(column: Int, row: Int, id: UInt8) {
        let place = row / cell * width + column / cell
        counts[place] += 1
        votes?.add(id, number: place, column: column, row: row)
    }

    /// Mean of each cell in a band, `[height, width]`; `nil` without a valid pixel.
    func means(band: Int = 0) -> [Float?] {
        let start = band * width * height
        return counts.enumerated().map { place, count in
            count > 0 ? Float(sums[start + place] / Double(count)) : nil
        }
    }

    /// Class of each cell, `[height, width]`; nodata for a cell without a valid pixel.
    var classes: [UInt8] { counts.indices.map { votes?.id(of: $0) ?? Legend.nodataID } }
}
