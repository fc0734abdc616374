// Counts the classes of a map.
internal import Geo

/// The number of pixels of each class, and the preview.
struct ClassTally {
    private let classes: [LegendClass]
    private var counts = [Int](repeating: 0, count: 256)
    private(set) var preview: MapPreview

    /// Starts the tally of a map of `width` x `height` pixels.
    ///
    /// - Parameter classes: The classes that pixels may have.
    init(classes: [LegendClass], width: Int, height: Int) {
        self.classes = classes
        preview = .classes(width: width, height: height)
    }

    /// Adds neighbouring pixels of a row.
    ///
    /// - Parameters:
    ///   - ids: Their classes, or nodata.
    ///   - column: The column of the first.
    mutating func add(_ ids: some Collection<UInt8>, column: Int, row: Int) {
        for (offset, id) in ids.enumerated() where id != Legend.nodataID {
            counts[Int(id)] += 1
            preview.add(column: column + offset, row: row, id: id)
        }
    }

    /// The statistics so far.
    func statistics(areaPixels: Int) -> MapStatistics {
        var result = MapStatistics(validPixels: counts.reduce(0, +), areaPixels: areaPixels)
        result.classes = classes.map {
            MapStatistics.ClassPixels(id: Int($0.id), name: $0.name, pixels: counts[Int($0.id)])
        }
        return result
    }
}
