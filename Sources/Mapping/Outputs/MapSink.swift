// Writes the rows of a map of values or of a picture, and collects its statistics and its preview.
internal import Geo
internal import Raster
internal import Telemetry

/// Writes a map of values, or a picture, block by block.
final class MapSink: PartSink {
    private let writer: RasterWriter
    /// Bands of the file.
    private let bands: Int
    private let nodata: Float
    /// Whether the file holds colours.
    private let isPicture: Bool
    /// Rows that are written at a time.
    private let stageHeight: Int
    private(set) var preview: MapPreview
    private(set) var validPixels = 0
    private(set) var areaPixels = 0
    private var least = Float.infinity
    private var most = -Float.infinity
    private var total = 0.0
    /// Rows that wait for a whole row of the file's tiles.
    private var stage: [Float] = []
    private var stageRow = 0
    private var stageRows = 0
    private var stageValid = false

    /// Makes a sink of a file; the preview shows the first so many bands.
    init(writer: RasterWriter, isPicture: Bool, shownBands: Int) {
        self.writer = writer
        self.isPicture = isPicture
        bands = writer.format.bands.count
        nodata = Float(writer.format.nodata ?? 0)
        stageHeight = writer.format.blockSize
        preview = MapPreview(width: writer.grid.width, height: writer.grid.height, bands: shownBands)
    }

    func decided(block: PixelWindow, row: Int, sums: [Double], covered: [Bool], mask: [Bool]?) -> MapRow {
        let width = block.width
        var decided = MapRow(values: [Float](repeating: .nan, count: bands * width))
        for column in 0..<width where mask?[row * width + column] ?? true {
            decided.areaPixels += 1
            guard covered[column] else { continue }
            for band in 0..<bands { decided.values[band * width + column] = Float(sums[band * width + column]) }
        }
        return decided
    }

    func store(_ row: MapRow, block: PixelWindow, number: Int) throws {
        let width = block.width
        let plane = stageHeight * width
        if stageRows == 0 {
            stageRow = number
            stageValid = false
            stage = [Float](repeating: nodata, count: bands * plane)
        }
        areaPixels += row.areaPixels
        let values = row.values
        for column in 0..<width where !values[column].isNaN {
            stageValid = true
            validPixels += 1
            for band in 0..<bands {
                let value = values[band * width + column]
                // In a picture 0 says that there is nothing.
                stage[band * plane + stageRows * width + column] = isPicture ? max(1, min(255, value.rounded())) : value
            }
            let value = values[column]
            least = min(least, value)
            most = max(most, value)
            total += Double(value)
            preview.add(column: block.column + column, row: block.row + number) { values[$0 * width + column] }
        }
        stageRows += 1
        if stageRows == stageHeight || number == block.height - 1 { try flush(block) }
    }

    func complete(_ progress: ProgressHandler) throws {}

    private func flush(_ block: PixelWindow) throws {
        defer { stageRows = 0 }
        guard stageValid else { return }
        var samples = stage
        let width = block.width
        if stageRows < stageHeight {
            samples = []
            samples.reserveCapacity(bands * stageRows * width)
            for band in 0..<bands {
                let start = band * stageHeight * width
                samples += stage[start..<start + stageRows * width]
            }
        }
        let stored: PixelBuffer.Samples =
            isPicture ? .uint8(samples.map { UInt8($0) }) : .float32(samples)
        try writer.write(
            PixelBuffer(bands: bands, height: stageRows, width: width, samples: stored),
            column: block.column, row: block.row + stageRow)
    }

    var statistics: MapStatistics {
        var result = MapStatistics(validPixels: validPixels, areaPixels: areaPixels)
        guard validPixels > 0 else { return result }
        result.minimum = Double(least)
        result.maximum = Double(most)
        result.mean = total / Double(validPixels)
        return result
    }
}
