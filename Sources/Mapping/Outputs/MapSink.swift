// Takes the finished rows of a map: into the file, into the statistics, into the small picture.
internal import Geo
internal import Raster

/// The value of pixels outside the area and without imagery.
package let mapNodata: Float = -9999

/// The means of a map on at most `mostCells` x `mostCells` cells, for the quick-look, the legend and the footprint.
struct MapPreview {
    static let mostCells = 840
    /// Bands shown.
    let bands: Int
    /// Pixels per cell and side.
    let cell: Int
    let width: Int
    let height: Int
    /// `[band, row, column]`.
    private var sums: [Double]
    private(set) var counts: [Int32]

    init(width: Int, height: Int, bands: Int = 1) {
        self.bands = bands
        cell = max(1, (max(width, height) + Self.mostCells - 1) / Self.mostCells)
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

    /// Mean of each cell in a band, `[height, width]`; `nil` without a valid pixel.
    func means(band: Int = 0) -> [Float?] {
        let start = band * width * height
        return counts.enumerated().map { place, count in
            count > 0 ? Float(sums[start + place] / Double(count)) : nil
        }
    }
}

/// The numbers of one map, of its first band.
public struct MapStatistics: Sendable, Codable, Hashable {
    /// Pixels with a value.
    public var validPixels = 0
    /// Pixels of the area, with imagery or without.
    public var areaPixels = 0
    /// Smallest value; `nil` without valid pixels.
    public var minimum: Double?
    /// Largest value.
    public var maximum: Double?
    /// Mean value.
    public var mean: Double?
}

/// Writes a map block by block.
final class MapSink {
    private let writer: RasterWriter
    private let bands: Int
    private let nodata: Float
    /// Whether the file holds 8 bits.
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
    init(writer: RasterWriter, shownBands: Int) {
        self.writer = writer
        bands = writer.format.bands.count
        nodata = Float(writer.format.nodata ?? 0)
        isPicture = writer.format.sampleType == .uint8
        stageHeight = writer.format.blockSize
        preview = MapPreview(width: writer.grid.width, height: writer.grid.height, bands: shownBands)
    }

    /// Takes the next row of a block.
    ///
    /// - Parameters:
    ///   - row: Row in the block.
    ///   - sums: `[band, column]`.
    ///   - covered: Whether a scene covers the pixel.
    ///   - mask: Whether the pixel belongs to the area, `[row, column]` of the block; `nil` for all.
    func take(block: PixelWindow, row: Int, sums: [Double], covered: [Bool], mask: [Bool]?) throws {
        let width = block.width
        let plane = stageHeight * width
        if stageRows == 0 {
            stageRow = row
            stageValid = false
            stage = [Float](repeating: nodata, count: bands * plane)
        }
        for column in 0..<width where mask?[row * width + column] ?? true {
            areaPixels += 1
            guard covered[column] else { continue }
            stageValid = true
            for band in 0..<bands {
                let value = Float(sums[band * width + column])
                // In a picture 0 says that there is nothing.
                stage[band * plane + stageRows * width + column] = isPicture ? max(1, min(255, value.rounded())) : value
            }
            let value = Float(sums[column])
            validPixels += 1
            least = min(least, value)
            most = max(most, value)
            total += Double(value)
            preview.add(column: block.column + column, row: block.row + row) { Float(sums[$0 * width + column]) }
        }
        stageRows += 1
        if stageRows == stageHeight || row == block.height - 1 { try flush(block) }
    }

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

    /// The numbers so far.
    var statistics: MapStatistics {
        var result = MapStatistics(validPixels: validPixels, areaPixels: areaPixels)
        guard validPixels > 0 else { return result }
        result.minimum = Double(least)
        result.maximum = Double(most)
        result.mean = total / Double(validPixels)
        return result
    }
}
