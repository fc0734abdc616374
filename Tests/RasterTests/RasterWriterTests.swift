// Writing: whole or not at all, the same bytes each time.
import Foundation
import Geo
import Raster
import Synchronization
import Telemetry
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

// One after another: a large raster fills the cache of the process, and dirty blocks of others then reach their files in another order.
@Suite(.serialized)
struct RasterWriterTests {
    let folder = TemporaryFolder()

    func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: folder.file(name))) }

    @Test func `windows go in in any order, and what is never written is invalid`() throws {
        let ramp = RampRaster(width: 100, height: 80, sampleType: .uint16, nodata: 9)
        let whole = ramp.buffer()
        let writer = try RasterWriter(path: folder.file("out.tif"), grid: ramp.grid, format: ramp.format)
        for (column, row) in [(60, 40), (0, 0), (60, 0), (30, 40)] {
            let window = PixelWindow(column: column, row: row, width: 30, height: 40)
            try writer.write(whole.cropped(to: window), column: column, row: row)
        }
        #expect(folder.contents.allSatisfy { $0.hasPrefix(".out.tif.partial-") })
        try writer.finish()
        #expect(folder.contents == ["out.tif"])
        let read = try RasterReader(path: folder.file("out.tif")).read(ramp.grid.window)
        for row in 0..<80 {
            for column in 0..<100 {
                let written = column < 90 && !(column >= 30 && column < 60 && row < 40) && !(column < 30 && row >= 40)
                #expect(read.isValid(row: row, column: column) == written)
                #expect(read[1, row, column] == (written ? whole[1, row, column] : 0))
            }
        }
        #expect(throws: RasterError.self) { try writer.write(whole, column: 0, row: 0) }
        #expect(throws: RasterError.self) { try writer.finish() }
    }

    @Test func `without nodata a mask says what is valid`() throws {
        for optimized in [false, true] {
            let ramp = RampRaster(width: 100, height: 80) { row, column in row + column < 20 }
            let writer = try RasterWriter(
                path: folder.file("out.tif"), grid: ramp.grid, format: ramp.format, overwrite: true)
            let window = PixelWindow(column: 0, row: 0, width: 100, height: 60)
            try writer.write(ramp.buffer().cropped(to: window), column: 0, row: 0)
            try writer.finish(cloudOptimized: optimized)
            let read = try RasterReader(path: folder.file("out.tif")).read(ramp.grid.window)
            for row in 0..<80 {
                for column in 0..<100 {
                    #expect(read.isValid(row: row, column: column) == (row < 60 && row + column >= 20))
                }
            }
            #expect(folder.contents == ["out.tif"])
        }
    }

    @Test func `an existing output is refused, or replaced at the very end`() throws {
        let ramp = RampRaster()
        try ramp.write(to: folder.file("out.tif"))
        let before = try bytes("out.tif")
        let refused = try #require(throws: RasterError.self) {
            _ = try RasterWriter(path: folder.file("out.tif"), grid: ramp.grid, format: ramp.format)
        }
        #expect(refused.code == .exists && refused.remedy?.contains("give \(Setting.overwrite) ") == true)
        do {
            let writer = try RasterWriter(
                path: folder.file("out.tif"), grid: ramp.grid, format: ramp.format, overwrite: true)
            try writer.write(RampRaster(base: 50).buffer(), column: 0, row: 0)
            #expect(try bytes("out.tif") == before)
            // Dropped without finish.
        }
        #expect(folder.contents == ["out.tif"])
        #expect(try bytes("out.tif") == before)
        try RampRaster(base: 50).write(to: folder.file("out.tif"))
        #expect(
            try RasterReader(path: folder.file("out.tif")).read(ramp.grid.window)[0, 0, 0]
                == RampRaster(base: 50).stored(band: 1, row: 0, column: 0))
        let folderName = try #require(throws: RasterError.self) {
            _ = try RasterWriter(path: folder.path, grid: ramp.grid, format: ramp.format, overwrite: true)
        }
        #expect(folderName.code == .exists)
        let nowhere = try #require(throws: RasterError.self) {
            _ = try RasterWriter(path: folder.file("no/out.tif"), grid: ramp.grid, format: ramp.format)
        }
        #expect(nowhere.code == .writeFailed && nowhere.what.contains("does not exist"))
    }

    /// A copy that filled GDAL's cache would be the peak of a map's memory, and the greater the larger the map.
    @Test func `rewriting a large raster needs little memory, and leaves the cache as large as it was`() throws {
        let (size, strip) = (8192, 512)
        let grid = Grid(
            crs: .init("EPSG:32633"), transform: .init(originX: 0, originY: 0, pixelSize: 1), width: size, height: size)
        let format = RasterFormat(
            sampleType: .uint8, bands: [.init(name: "a")], compression: .none, overviews: .none, blockSize: strip)
        let writer = try RasterWriter(path: folder.file("large.tif"), grid: grid, format: format)
        let samples = [UInt8](repeating: 7, count: size * strip)
        for row in stride(from: 0, to: size, by: strip) {
            let buffer = PixelBuffer(bands: 1, height: strip, width: size, samples: .uint8(samples))
            try writer.write(buffer, column: 0, row: row)
        }
        let before = GDAL.cacheLimit
        let most = Mutex((limit: 0, used: 0))
        try writer.finish { _ in
            most.withLock { $0 = (max($0.limit, GDAL.cacheLimit), max($0.used, GDAL.cacheUsed)) }
            return true
        }
        let (limit, used) = most.withLock { $0 }
        #expect(limit > 0 && limit <= BlockCache.limitOfCopies)
        #expect(used > 0 && used < BlockCache.limitOfCopies + (8 << 20))
        // Other tests may copy rasters at this moment.
        let deadline = Date(timeIntervalSinceNow: 30)
        while GDAL.cacheLimit <= limit, Date() < deadline { usleep(10_000) }
        #expect(GDAL.cacheLimit >= before)
    }

    @Test func `the same pixels give the same bytes`() throws {
        for optimized in [false, true] {
            let ramp = RampRaster(
                width: 700, height: 600, sampleType: .float32, bands: 2, nodata: -9999, blockSize: 128)
            try ramp.write(to: folder.file("a.tif"), cloudOptimized: optimized)
            try ramp.write(to: folder.file("b.tif"), cloudOptimized: optimized)
            #expect(try bytes("a.tif") == bytes("b.tif"))
        }
    }

    @Test func `overviews of heights are means, those of classes are modes`() throws {
        let grid = Grid(
            crs: .init("EPSG:32633"), transform: .init(originX: 0, originY: 0, pixelSize: 1), width: 256, height: 256)
        let values = (0..<65536).map { i in UInt8([10, 10, 10, 90][(i % 2) + 2 * ((i / 256) % 2)]) }
        for (kernel, expected) in [(RasterFormat.Overviews.average, Float(30)), (.mode, 10)] {
            let format = RasterFormat(sampleType: .uint8, bands: [.init(name: "a")], overviews: kernel, blockSize: 64)
            try writeRaster(
                PixelBuffer(bands: 1, height: 256, width: 256, samples: .uint8(values), grid: grid),
                to: folder.file("o.tif"), format: format, cloudOptimized: true, overwrite: true)
            // The GTiff driver opens an overview as a raster of its own.
            let reader = try RasterReader(path: "GTIFF_DIR:2:" + folder.file("o.tif"))
            #expect(reader.grid.width == 128)
            #expect(try reader.read(PixelWindow(column: 5, row: 5, width: 1, height: 1))[0, 0, 0] == expected)
        }
    }

    @Test func `names, units, tags and codecs are kept`() throws {
        for compression in RasterFormat.Compression.allCases {
            var format = RampRaster(sampleType: .float32, bands: 1, nodata: -1).format
            format.bands = [.init(name: "canopy height", unit: "m")]
            format.tags = ["TIFFTAG_SOFTWARE": "geodino", "MODEL": "abc"]
            format.compression = compression
            let ramp = RampRaster(sampleType: .float32, bands: 1)
            try writeRaster(
                ramp.buffer(), to: folder.file("n.tif"), format: format, cloudOptimized: true, overwrite: true)
            let reader = try RasterReader(path: folder.file("n.tif"))
            #expect(
                reader.bands[0].name == "canopy height" && reader.bands[0].unit == "m" && reader.bands[0].nodata == -1)
            #expect(reader.metadata()["TIFFTAG_SOFTWARE"] == "geodino" && reader.metadata()["MODEL"] == "abc")
            let codec = reader.metadata(domain: "IMAGE_STRUCTURE")["COMPRESSION"]
            #expect(codec == (compression == .none ? nil : compression.rawValue.uppercased()))
            #expect(try reader.read(ramp.grid.window) == ramp.buffer())
        }
    }

    @Test func `what does not fit the format is refused`() throws {
        let ramp = RampRaster()
        var format = ramp.format
        format.nodata = -9999
        let range = try #require(throws: RasterError.self) { _ = try encodeTile(ramp.buffer(), format: format) }
        #expect(range.code == .badRange && range.what.contains("-9999"))
        let writer = try RasterWriter(path: folder.file("o.tif"), grid: ramp.grid, format: ramp.format)
        let place = try #require(throws: RasterError.self) { try writer.write(ramp.buffer(), column: 1, row: 0) }
        #expect(place.code == .badGrid)
        #expect(throws: RasterError.self) { try writer.write(RampRaster(bands: 2).buffer(), column: 0, row: 0) }
        #expect(throws: RasterError.self) {
            try writer.write(RampRaster(sampleType: .int16).buffer(), column: 0, row: 0)
        }
        let crs = try #require(throws: RasterError.self) {
            try RampRaster(crs: .init("EPSG:999999")).write(to: folder.file("x.tif"))
        }
        #expect(crs.code == .badCRS)
        #expect(!folder.contents.contains("x.tif"))
    }

    @Test func `progress may stop it, and then nothing remains`() throws {
        let ramp = RampRaster(width: 600, height: 600)
        let writer = try RasterWriter(path: folder.file("o.tif"), grid: ramp.grid, format: ramp.format)
        try writer.write(ramp.buffer(), column: 0, row: 0)
        let error = try #require(throws: RasterError.self) { try writer.finish(progress: { _ in false }) }
        #expect(error.code == .cancelled)
        #expect(folder.contents.isEmpty)
    }

    @Test func `a full disk is told, and nothing remains`() async {
        await #expect(processExitsWith: .success) {
            // No file may grow past 64 kB: writing fails as it does on a full disk.
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 65536, rlim_max: 65536)
            precondition(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0, "no limit could be set")
            let folder = TemporaryFolder()
            var random = SystemRandomNumberGenerator()
            let samples = (0..<1_000_000).map { _ in UInt8.random(in: 0...255, using: &random) }
            let buffer = PixelBuffer(bands: 1, height: 1000, width: 1000, samples: .uint8(samples))
            for optimized in [false, true] {
                do {
                    try writeRaster(
                        buffer, to: folder.file("o.tif"), format: .init(sampleType: .uint8, bands: [.init(name: "a")]),
                        cloudOptimized: optimized)
                    preconditionFailure("a megabyte went into 64 kB")
                } catch {
                    precondition(
                        (error as? RasterError)?.code == .writeFailed || (error as? RasterError)?.code == .diskFull,
                        "\(error)")
                }
                precondition(folder.contents.isEmpty, "\(folder.contents)")
            }
        }
    }

    @Test func `a quick-look shows its pixels, holes transparent`() throws {
        let ramp = RampRaster { row, column in row < 5 }
        try writePNG(ramp.buffer(), to: folder.file("look.png"))
        let reader = try RasterReader(path: folder.file("look.png"))
        #expect(reader.bands.count == 3)
        let read = try reader.read(reader.grid.window)
        #expect(read.samples == ramp.buffer().samples && read.validity == ramp.buffer().validity)
        #expect(folder.contents == ["look.png"])
        let error = try #require(throws: RasterError.self) {
            try writePNG(RampRaster(sampleType: .uint16).buffer(), to: folder.file("x.png"))
        }
        #expect(error.code == .unsupported)
    }
}
