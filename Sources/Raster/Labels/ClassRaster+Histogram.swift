// Which classes a raster holds, and how often.
internal import CGDAL
import Geo
public import Telemetry

extension ClassRaster {
    /// The values of the whole raster and how many pixels have each, in ascending order; invalid pixels are left out.
    ///
    /// Reads the file block by block, with flat memory.
    ///
    /// - Parameters:
    ///   - most: The most different values that can be classes.
    ///   - progress: Told the rows done; an answer of `false` stops it.
    /// - Throws: `badLabels` for more values than `most`; `readFailed`; `cancelled`.
    public func histogram(
        most: Int = 65_536, progress: ProgressHandler? = nil
    ) throws(RasterError) -> [(value: Int, count: Int)] {
        var counter = ClassCounter()
        let rows = reader.source.height
        let columns = reader.source.width
        let step = blockStep()
        for row in stride(from: 0, to: rows, by: step.rows) {
            for column in stride(from: 0, to: columns, by: step.columns) {
                let window = PixelWindow(
                    column: column, row: row, width: min(step.columns, columns - column),
                    height: min(step.rows, rows - row))
                let read = try GDAL.waiting(reader.isRemote, for: path) { [pixels] () throws(RasterError) in
                    try pixels.read(window)
                }
                counter.add(read.values, read.validity)
                guard counter.distinct <= most else {
                    throw RasterError(
                        .badLabels, "band \(band) holds more than \(most) different values, too many for classes",
                        in: path, try: "give a raster whose values are classes, or choose another band of it")
                }
            }
            let done = Progress(unit: "rows", done: min(row + step.rows, rows), total: rows)
            if let progress, !progress(done) {
                throw RasterError(.cancelled, "stopped before all classes were counted", in: path)
            }
        }
        return counter.counts
    }

    /// How many columns and rows are read at once: whole blocks, of about 4 million pixels together.
    private func blockStep() -> (columns: Int, rows: Int) {
        var width: Int32 = 0
        var height: Int32 = 0
        let handle = pixels.band.handle
        _ = reader.dataset.gdal.collect { $0.GDALGetBlockSize(handle, &width, &height) }
        let block = (columns: max(1, Int(width)), rows: max(1, Int(height)))
        let columns = min(reader.source.width, block.columns * max(1, 2048 / block.columns))
        let rows = max(1, (4 << 20) / max(1, columns))
        return (columns, rows < block.rows ? rows : rows / block.rows * block.rows)
    }
}

/// Counts values.
private struct ClassCounter {
    /// Counts of values that 16 bits hold, with or without sign.
    private var near = [Int](repeating: 0, count: ClassCounter.last - ClassCounter.first + 1)
    private var far: [Int32: Int] = [:]
    private var nearDistinct = 0

    private static let first = -32_768
    private static let last = 65_535

    /// Number of different values so far.
    var distinct: Int { nearDistinct + far.count }

    mutating func add(_ values: [Int32], _ validity: [Bool]) {
        for i in values.indices where validity[i] {
            let value = Int(values[i])
            if value >= Self.first, value <= Self.last {
                if near[value - Self.first] == 0 { nearDistinct += 1 }
                near[value - Self.first] += 1
            } else {
                far[values[i], default: 0] += 1
            }
        }
    }

    /// Values and their counts, in ascending order.
    var counts: [(value: Int, count: Int)] {
        var found: [(value: Int, count: Int)] = far.map { (Int($0.key), $0.value) }
        for (index, count) in near.enumerated() where count > 0 { found.append((index + Self.first, count)) }
        return found.sorted { $0.value < $1.value }
    }
}
