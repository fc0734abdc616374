// What one window of a comparison of classes holds.
import Measures

/// Classes of truth and map on a window, which shows more than it counts.
struct ComparedCover {
    /// Pixels across, margins included.
    let width: Int
    /// Pixels down, margins included.
    let height: Int
    /// The rows that count.
    let rows: Range<Int>
    /// The columns that count.
    let columns: Range<Int>
    /// Index of the true class of each pixel; 255 where it is not compared.
    var truths: [UInt8]
    /// Index of the mapped class of each pixel; 255 where the map is unsure, or nothing is compared.
    var predictions: [UInt8]
    /// Pixels that count and that the truth labels.
    var labelled = 0
    /// Pixels that count, known by the truth, inside the map's bounds and without a value there.
    var missing = 0
    /// Pixels that count, by the value of the truth that the legend does not name.
    var unknownTruths: [Int: Int] = [:]
    /// Pixels that count, by the value of the map that is no class of the legend.
    var unknownPredictions: [Int: Int] = [:]

    /// Makes a window without classes.
    ///
    /// - Parameters:
    ///   - width: Pixels across that count.
    ///   - height: Pixels down that count.
    ///   - margin: Pixels around them that are shown.
    init(width: Int, height: Int, margin: Int) {
        self.width = width + 2 * margin
        self.height = height + 2 * margin
        rows = margin..<margin + height
        columns = margin..<margin + width
        truths = [UInt8](repeating: ConfusionTally.none, count: self.width * self.height)
        predictions = truths
    }

    /// Whether any pixel is compared, margins included.
    var isCompared: Bool { truths.contains { $0 != ConfusionTally.none } }

    /// Which pixels count.
    var isCounted: [Bool] {
        var flags = [Bool](repeating: false, count: truths.count)
        for row in rows { for column in columns { flags[row * width + column] = true } }
        return flags
    }
}
