// Plain reading, on ramps with known values.
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
