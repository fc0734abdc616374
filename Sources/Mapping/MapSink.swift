// Takes the finished rows of a map: into the file, into the statistics, into the small picture.
internal import Geo
internal import Raster

/// The value of pixels outside the area and without imagery.
package let mapNodata: Float = -9999

/// The means of a map on at most `mostCells` x `mostCells` cells, for the quick-look, the legend and the footprint.
struct MapPreview {
    static let mostCells = 840
    /// Pixels per cell and side.
    let cell: Int
    let width: Int
    let height: Int
    private(set) var sums: [Double]
    private(set) var counts: [Int32]

    init(width: Int, height: Int) {
        cell = max(1, (max(width, height) + Self.mostCells - 1) / Self.mostCells)
        self.width = (width + cell - 1) / cell
        self.height = (height + cell - 1) / cell
        sums = [Double](repeating: 0, count: self.width * self.height)
        counts = [Int32](repeating: 0, count: self.width * self.height)
    }

    mutating func add(_ value: Float, column: Int, row: Int) {
        let place = row / cell * width + column / cell
        sums[place] += Double(value)
        counts[place] += 1
    }

    /// Mean of each cell, `[height, width]`; `nil` without a valid pixel.
    var means: [Float?] {
        zip(sums, counts).map { $1 > 0 ? Float($0 / Double($1)) : nil }
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
    private static let stageHeight = 512

    init(writer: RasterWriter, bands: Int) {
        self.writer = writer
        self.bands = bands
        preview = MapPreview(width: writer.grid.width, height: writer.grid.height)
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
        let plane = Self.stageHeight * width
        if stageRows == 0 {
            stageRow = row
            stageValid = false
            stage = [Float](repeating: mapNodata, count: bands * plane)
        }
        for column in 0..<width where mask?[row * width + column] ?? true {
            areaPixels += 1
            guard covered[column] else { continue }
            stageValid = true
            for band in 0..<bands {
                stage[band * plane + stageRows * width + column] = Float(sums[band * width + column])
            }
            let value = Float(sums[column])
            validPixels += 1
            least = min(least, value)
            most = max(most, value)
            total += Double(value)
            preview.add(value, column: block.column + column, row: block.row + row)
        }
        stageRows += 1
        if stageRows == Self.stageHeight || row == block.height - 1 { try flush(block) }
    }

    private func flush(_ block: PixelWindow) throws {
        defer { stageRows = 0 }
        guard stageValid else { return }
        var samples = stage
        let width = block.width
        if stageRows < Self.stageHeight {
            samples = []
            samples.reserveCapacity(bands * stageRows * width)
            for band in 0..<bands {
                let start = band * Self.stageHeight * width
                samples += stage[start..<start + stageRows * width]
            }
        }
        try writer.write(
            PixelBuffer(bands: bands, height: stageRows, width: width, samples: .float32(samples)),
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
