// Stretches: parameters from the scene, one map for all its tiles.
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct StretchTests {
    /// A band whose values are 0 to 65535 in equal numbers, as 256 x 256 pixels.
    static func everyValue(_ folder: TemporaryFolder) throws -> RasterReader {
        let grid = Grid(crs: nil, transform: .init(originX: 0, originY: 0, pixelSize: 1), width: 256, height: 256)
        let buffer = PixelBuffer(
            bands: 1, height: 256, width: 256, samples: .uint16((0..<65536).map { UInt16($0) }), grid: grid)
        try writeRaster(
            buffer, to: folder.file("all.tif"), format: .init(sampleType: .uint16, bands: [.init(name: "all")]))
        return try RasterReader(path: folder.file("all.tif"))
    }

    @Test func `percentiles are those of all pixels`() throws {
        let folder = TemporaryFolder()
        let reader = try Self.everyValue(folder)
        let parameters = try #require(try reader.stretchParameters(.percentile(low: 2, high: 98), bands: [1]))
        // Linear between ranks, as numpy's default: 0.02 and 0.98 of 65535.
        #expect(abs(parameters.low[0] - 1310.7) < 1e-9)
        #expect(abs(parameters.high[0] - 64224.3) < 1e-9)
        let stretchedPixels = stretched(try reader.read(reader.grid.window), by: parameters)
        #expect(stretchedPixels[0, 0, 0] == 0)
        #expect(stretchedPixels[0, 255, 255] == 255)
        let middle = (Double(128 * 256 + 5) - 1310.7) / (64224.3 - 1310.7) * 255
        #expect(stretchedPixels[0, 128, 5] == Float((middle + 0.5).rounded(.down)))
    }

    @Test func `nodata takes no part, and floats are ranked too`() throws {
        let folder = TemporaryFolder()
        let ramp = try RampRaster(
            width: 101, height: 10, sampleType: .float32, bands: 2, base: 0, bandStep: 100, perX: 0.1, perY: 0,
            nodata: -9999, isHole: { _, column in column == 100 }
        ).write(to: folder.file("ramp.tif"))
        let reader = try RasterReader(path: folder.file("ramp.tif"))
        let parameters = try #require(try reader.stretchParameters(.percentile(low: 0, high: 100), bands: [2, 1]))
        #expect(parameters.low == [200.5, 100.5].map { Double($0) })
        #expect(parameters.high == [299.5, 199.5].map { Double($0) })
        let out = stretched(try reader.read(ramp.grid.window, bands: [2, 1]), by: parameters)
        #expect(out[0, 3, 0] == 0 && out[0, 3, 99] == 255 && out[1, 3, 99] == 255)
        #expect(!out.isValid(row: 3, column: 100) && out[0, 3, 100] == 0)
    }

    @Test func `the sampled blocks are few, inside, and spread over the whole scene`() throws {
        let folder = TemporaryFolder()
        // A sparse file: its size costs nothing.
        let grid = Grid(
            crs: .init("EPSG:32633"), transform: .init(originX: 500_000, originY: 5_000_000, pixelSize: 0.6),
            width: 40_000, height: 3_000)
        let writer = try RasterWriter(
            path: folder.file("big.tif"), grid: grid,
            format: .init(sampleType: .uint16, nodata: 0, bands: [.init(name: "a")]))
        try writer.write(
            PixelBuffer(bands: 1, height: 10, width: 10, samples: .uint16([UInt16](repeating: 7, count: 100))),
            column: 39_990, row: 2_990)
        try writer.finish(cloudOptimized: false)
        let reader = try RasterReader(path: folder.file("big.tif"))
        let windows = reader.sampleWindows(side: 256, perAxis: 8)
        #expect(windows.count == 64 && windows.allSatisfy { grid.window.contains($0) })
        #expect(windows.contains { $0.column == 0 && $0.row == 0 })
        #expect(windows.contains { $0.column == 40_000 - 256 && $0.row == 3_000 - 256 })
        let parameters = try #require(try reader.stretchParameters(.percentile(low: 2, high: 98), bands: [1]))
        #expect(parameters == StretchParameters(low: [7], high: [7]))
        // A constant band divides by nothing.
        let flat = stretched(
            try reader.read(PixelWindow(column: 39_990, row: 2_990, width: 10, height: 10)), by: parameters)
        #expect(flat.floats().allSatisfy { $0 == 0 })
    }

    @Test func `no stretch is for 8 bits only, and says so`() throws {
        let folder = TemporaryFolder()
        let reader = try Self.everyValue(folder)
        let error = try #require(throws: RasterError.self) { _ = try reader.stretchParameters(.none, bands: [1]) }
        #expect(
            error.code == .badRange && error.what.contains("UInt16")
                && error.remedy?.contains("percentile:2,98") == true)
        try RampRaster().write(to: folder.file("ramp.tif"))
        let bytes = try RasterReader(path: folder.file("ramp.tif"))
        #expect(try bytes.stretchParameters(.none, bands: [1, 2, 3]) == nil)
        let fixed = try bytes.stretchParameters(.fixed(low: 0, high: 3000), bands: [1, 2])
        #expect(fixed == StretchParameters(low: [0, 0], high: [3000, 3000]))
        let window = try bytes.read(bytes.grid.window)
        #expect(stretched(window, by: nil) == window)
    }

    @Test func `a scene without a valid pixel has no percentiles`() throws {
        let folder = TemporaryFolder()
        try RampRaster(nodata: 0, isHole: { _, _ in true }).write(to: folder.file("empty.tif"))
        let reader = try RasterReader(path: folder.file("empty.tif"))
        let error = try #require(throws: RasterError.self) {
            _ = try reader.stretchParameters(.percentile(low: 2, high: 98), bands: [1])
        }
        #expect(error.code == .noPixels && error.what.contains("no valid pixel"))
    }
}
