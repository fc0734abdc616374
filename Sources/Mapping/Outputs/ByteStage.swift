// Collects rows of bytes before they are written.
internal import Geo
internal import Raster

/// Collects the rows of a block until they fill a row of the file's tiles, then writes them.
struct ByteStage {
    private let writer: RasterWriter
    private let bands: Int
    /// Rows that are written at a time.
    private let height: Int
    /// `[band, row, column]`, of `height` rows.
    private var bytes: [UInt8] = []
    private var firstRow = 0
    private var rows = 0
    private var hasValues = false

    /// Makes the stage of a file of bytes.
    init(_ writer: RasterWriter) {
        self.writer = writer
        bands = writer.format.bands.count
        height = writer.format.blockSize
    }

    /// Adds the next row of a block.
    ///
    /// - Parameters:
    ///   - values: `[band, column]`.
    ///   - hasValues: Whether the row has a valid pixel. A row of tiles without any is not written.
    ///   - row: Row in the block.
    mutating func add(_ values: [UInt8], hasValues: Bool, block: PixelWindow, row: Int) throws {
        let width = block.width
        if rows == 0 {
            firstRow = row
            self.hasValues = false
            bytes = [UInt8](repeating: 0, count: bands * height * width)
        }
        for band in 0..<bands {
            let start = (band * height + rows) * width
            bytes.replaceSubrange(start..<start + width, with: values[band * width..<(band + 1) * width])
        }
        self.hasValues = self.hasValues || hasValues
        rows += 1
        if rows == height || row == block.height - 1 { try flush(block) }
    }

    private mutating func flush(_ block: PixelWindow) throws {
        defer { rows = 0 }
        guard hasValues else { return }
        var samples: [UInt8] = []
        samples.reserveCapacity(bands * rows * block.width)
        for band in 0..<bands {
            let start = band * height * block.width
            samples += bytes[start..<start + rows * block.width]
        }
        try writer.write(
            PixelBuffer(bands: bands, height: rows, width: block.width, samples: .uint8(samples)),
            column: block.column, row: block.row + firstRow)
        try writer.flush()
    }
}
