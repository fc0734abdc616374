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
    /// The pixels of one class.
    public struct ClassPixels: Sendable, Codable, Hashable {
        /// The class's number in the map.
        public var id: Int
        /// Its pixels.
        public var pixels: Int
    }
    /// Pixels with a value.
    public var validPixels = 0
    /// Pixels of the area, with imagery or without.
    public var areaPixels = 0
    /// Smallest value; `nil` without valid pixels, and for classes.
    public var minimum: Double?
    /// Largest value, as `minimum`.
    public var maximum: Double?
    /// Mean value, as `minimum`.
    public var mean: Double?
    /// The classes of a map of classes, in the legend's order; `nil` for others.
    public var classes: [ClassPixels]?
}

/// Writes a map block by block.
final class MapSink {
    private let writer: RasterWriter
    /// Bands of the file.
    private let bands: Int
    private let nodata: Float
    /// Whether the file holds 8 bits.
    private let isBytes: Bool
    /// Whether it holds colours.
    private let isPicture: Bool
    /// The class of each blended band; empty where the map is not one of classes.
    private let ids: [Float]
    /// Rows that are written at a time.
    private let stageHeight: Int
    private(set) var preview: MapPreview
    private(set) var validPixels = 0
    private(set) var areaPixels = 0
    private var least = Float.infinity
    private var most = -Float.infinity
    private var total = 0.0
    /// Pixels of each class, in the legend's order.
    private var pixelsOfClass: [Int]
    /// Rows that wait for a whole row of the file's tiles.
    private var stage: [Float] = []
    private var stageRow = 0
    private var stageRows = 0
    private var stageValid = false

    /// Makes a sink of a file; the preview shows the first so many bands of a product that is not classes.
    init(writer: RasterWriter, product: RasterProduct, shownBands: Int) {
        self.writer = writer
        bands = writer.format.bands.count
        nodata = Float(writer.format.nodata ?? 0)
        isBytes = writer.format.sampleType == .uint8
        isPicture = product == .picture
        if case .classes(let legend) = product { ids = legend.classes.map { Float($0.id) } } else { ids = [] }
        pixelsOfClass = [Int](repeating: 0, count: ids.count)
        stageHeight = writer.format.blockSize
        preview = MapPreview(width: writer.grid.width, height: writer.grid.height, bands: ids.isEmpty ? shownBands : 0)
    }

    /// Takes the next row of a block.
    ///
    /// - Parameters:
    ///   - row: Row in the block.
    ///   - sums: The blended values, `[blended band, column]`.
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
            validPixels += 1
            guard ids.isEmpty else {
                let best = largest(sums, column: column, width: width)
                stage[stageRows * width + column] = ids[best]
                pixelsOfClass[best] += 1
                preview.add(column: block.column + column, row: block.row + row) { _ in 0 }
                continue
            }
            for band in 0..<bands {
                let value = Float(sums[band * width + column])
                // In a picture 0 says that there is nothing.
                stage[band * plane + stageRows * width + column] = isPicture ? max(1, min(255, value.rounded())) : value
            }
            let value = Float(sums[column])
            least = min(least, value)
            most = max(most, value)
            total += Double(value)
            preview.add(column: block.column + column, row: block.row + row) { Float(sums[$0 * width + column]) }
        }
        stageRows += 1
        if stageRows == stageHeight || row == block.height - 1 { try flush(block) }
    }

    /// The blended band with the largest value at a pixel, the first of equal ones.
    private func largest(_ sums: [Double], column: Int, width: Int) -> Int {
        var best = 0
        for band in 1..<max(1, ids.count) where sums[band * width + column] > sums[best * width + column] {
            best = band
        }
        return best
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
            isBytes ? .uint8(samples.map { UInt8($0) }) : .float32(samples)
        try writer.write(
            PixelBuffer(bands: bands, height: stageRows, width: width, samples: stored),
            column: block.column, row: block.row + stageRow)
    }

    /// The numbers so far.
    var statistics: MapStatistics {
        var result = MapStatistics(validPixels: validPixels, areaPixels: areaPixels)
        guard ids.isEmpty else {
            result.classes = zip(ids, pixelsOfClass).map { MapStatistics.ClassPixels(id: Int($0), pixels: $1) }
            return result
        }
        guard validPixels > 0 else { return result }
        result.minimum = Double(least)
        result.maximum = Double(most)
        result.mean = total / Double(validPixels)
        return result
    }
}
