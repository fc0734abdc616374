// Plain reading, on ramps with known values.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

struct RasterReaderTests {
    @Test(arguments: SampleType.allCases)
    func `a ramp reads back as it was written`(type: SampleType) throws {
        let folder = TemporaryFolder()
        let ramp = try RampRaster(sampleType: type).write(to: folder.file("ramp.tif"))
        let reader = try RasterReader(path: folder.file("ramp.tif"))
        #expect(reader.grid == ramp.grid)
        #expect(reader.bands.map(\.name) == ["red", "green", "blue"])
        #expect(reader.bands.allSatisfy { $0.sampleType == type })
        #expect(try reader.read(reader.grid.window) == ramp.buffer())
        let window = PixelWindow(column: 10, row: 7, width: 21, height: 33)
        #expect(try reader.read(window, bands: [3, 1]).samples.type == type)
        #expect(try reader.read(window) == ramp.buffer().cropped(to: window))
        #expect(folder.contents == ["ramp.tif"])
    }

    @Test func `pixels outside the raster are invalid and 0`() throws {
        let folder = TemporaryFolder()
        let ramp = try RampRaster().write(to: folder.file("ramp.tif"))
        let reader = try RasterReader(path: folder.file("ramp.tif"))
        let buffer = try reader.read(PixelWindow(column: -3, row: 40, width: 10, height: 10), bands: [2])
        for row in 0..<10 {
            for column in 0..<10 {
                let inside = column >= 3 && row < 8
                #expect(buffer.isValid(row: row, column: column) == inside)
                let expected = inside ? ramp.stored(band: 2, row: row + 40, column: column - 3) : 0
                #expect(buffer[0, row, column] == expected)
            }
        }
        let beyond = try reader.read(PixelWindow(column: 1000, row: 0, width: 2, height: 2))
        #expect(beyond.validFraction == 0)
    }

    /// Else each window of a row of windows would decode the same strips again.
    @Test func `the block cache has room for rows of wide strips`() throws {
        let folder = TemporaryFolder()
        let (width, height) = (100_000, 400)
        // The format stores rows. Nothing is written but a header and the last sample, so that the file takes no space.
        let file = folder.file("wide.ppm")
        let header = Data("P6\n\(width) \(height)\n255\n".utf8)
        try header.write(to: URL(filePath: file))
        let handle = try FileHandle(forWritingTo: URL(filePath: file))
        try handle.seek(toOffset: UInt64(header.count + 3 * width * height - 1))
        try handle.write(contentsOf: Data([7]))
        try handle.close()
        let reader = try RasterReader(path: file)
        let corner = PixelWindow(column: width - 1, row: height - 1, width: 1, height: 1)
        #expect(try reader.read(corner)[2, 0, 0] == 7)
        // Another test may copy a raster at this moment.
        let deadline = Date(timeIntervalSinceNow: 30)
        while GDAL.cacheLimit < 3 * width * height, Date() < deadline { usleep(10_000) }
        #expect(GDAL.cacheLimit >= 3 * width * height)
    }

    @Test func `the room for strips is that of the rows that windows reach`() {
        let row = 3 * 10_000
        #expect(BlockCache.limit(forStripsOf: row, rowsOfStrip: 1, height: 9_000) == 2_048 * row)
        #expect(BlockCache.limit(forStripsOf: row, rowsOfStrip: 1, height: 500) == 500 * row)
        #expect(BlockCache.limit(forStripsOf: row, rowsOfStrip: 4_000, height: 9_000) == 4_000 * row)
        #expect(BlockCache.limit(forStripsOf: row, rowsOfStrip: 20_000, height: 20_000) == 256 << 20)
        #expect(BlockCache.limit(forStripsOf: .max, rowsOfStrip: 1, height: 9_000) == 256 << 20)
    }

    @Test func `tiles survive encoding, byte for byte the same each time`() throws {
        for type in SampleType.allCases {
            for nodata in [nil, 0.0] {
                let ramp = RampRaster(sampleType: type, nodata: nodata, isHole: { row, column in row == column })
                let bytes = try encodeTile(ramp.buffer(), format: ramp.format)
                #expect(try encodeTile(ramp.buffer(), format: ramp.format) == bytes)
                #expect(try decodeTile(bytes) == ramp.buffer())
            }
        }
    }

    @Test func `a cloud optimized file reads back and has overviews`() throws {
        let folder = TemporaryFolder()
        let ramp = RampRaster(width: 200, height: 130, sampleType: .float32, bands: 1, nodata: -9999) { r, c in
            r < 20 && c > 100
        }
        try ramp.write(to: folder.file("ramp.tif"), cloudOptimized: true)
        let reader = try RasterReader(path: folder.file("ramp.tif"))
        #expect(try reader.read(reader.grid.window) == ramp.buffer())
        #expect(reader.metadata(domain: "IMAGE_STRUCTURE")["LAYOUT"] == "COG")
        #expect(folder.contents == ["ramp.tif"])
    }
}
