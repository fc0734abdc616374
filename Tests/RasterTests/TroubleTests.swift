// The catalogue of troubles: every odd way in which a raster may be stored.
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct TroubleTests {
    let folder = TemporaryFolder()

    /// A VRT over a file, with its own XML for the head and for each band.
    func vrt(
        over file: String, width: Int, height: Int, head: String = "", bands: [(attributes: String, body: String)]
    ) throws -> String {
        let parts = bands.enumerated().map { index, band in
            """
            <VRTRasterBand \(band.attributes) band="\(index + 1)">\(band.body)
            <SimpleSource><SourceFilename relativeToVRT="0">\(file)</SourceFilename>
            <SourceBand>\(index + 1)</SourceBand></SimpleSource></VRTRasterBand>
            """
        }
        return try folder.write(
            "<VRTDataset rasterXSize=\"\(width)\" rasterYSize=\"\(height)\">\(head)\(parts.joined())</VRTDataset>",
            to: "odd.vrt")
    }

    @Test(arguments: [
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:5c\nsize 77\n",
            "the file is a pointer of git-lfs, not a raster"
        ),
        ("<!DOCTYPE html><html><title>Sign in</title></html>", "the file is a web page, not a raster"),
        (
            "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
            "the file is an XML message from a server, not a raster"
        ),
        (String(repeating: "\0", count: 300), "the file is an unfinished download, not a raster"),
        ("", "the file is empty"), ("some words", "cannot open as a raster"),
    ])
    func `a file that is no raster is named for what it is`(_ text: String, _ what: String) throws {
        let path = try folder.write(text, to: "scene.tif")
        let error = #expect(throws: RasterError.self) { try RasterReader(path: path) }
        #expect(error?.code == .notRaster && error?.what == what && error?.place == path && error?.remedy != nil)
    }

    @Test func `NaN is never valid, with nodata or without`() throws {
        var ramp = RampRaster(sampleType: .float32, bands: 2, nodata: .nan) { row, column in row == 3 }
        try ramp.write(to: folder.file("nan.tif"))
        let reader = try RasterReader(path: folder.file("nan.tif"))
        #expect(reader.bands[0].nodata?.isNaN == true)
        #expect(try reader.read(ramp.grid.window) == ramp.buffer())
        // Without nodata, one band alone not a number.
        ramp.isHole = { _, _ in false }
        ramp.nodata = nil
        var buffer = ramp.buffer()
        guard case .float32(var samples) = buffer.samples else { return }
        samples[64 * 48 + 7] = .nan
        samples[9] = .infinity
        buffer.samples = .float32(samples)
        try writeRaster(buffer, to: folder.file("bare.tif"), format: ramp.format)
        let bare = try RasterReader(path: folder.file("bare.tif")).read(ramp.grid.window)
        #expect(bare.validity?.enumerated().filter { !$0.element }.map(\.offset) == [7, 9])
        #expect(bare.floats().allSatisfy { $0.isFinite })
    }

    @Test func `nodata of integers must be in all bands`() throws {
        let grid = RampRaster().grid.grid(of: PixelWindow(column: 0, row: 0, width: 2, height: 2))
        let samples: [UInt8] = [0, 0, 5, 0, 0, 7, 0, 0]
        try writeRaster(
            PixelBuffer(bands: 2, height: 2, width: 2, samples: .uint8(samples), grid: grid),
            to: folder.file("a.tif"),
            format: .init(sampleType: .uint8, nodata: 0, bands: [.init(name: "a"), .init(name: "b")]))
        let reader = try RasterReader(path: folder.file("a.tif"))
        #expect(try reader.read(grid.window).validity == [false, true, true, false])
        #expect(try reader.read(grid.window, bands: [1]).validity == [false, false, true, false])
    }

    @Test func `alpha and mask bands make validity, and are no bands`() throws {
        var format = RampRaster().format
        format.bands.append(.init(name: "alpha"))
        let ramp = RampRaster(bands: 4)
        var buffer = ramp.buffer()
        guard case .uint8(var samples) = buffer.samples else { return }
        let count = 64 * 48
        for i in 0..<count { samples[3 * count + i] = i % 3 == 0 ? 0 : UInt8(i % 255 + 1) }
        buffer.samples = .uint8(samples)
        try writeRaster(buffer, to: folder.file("alpha.tif"), format: format)
        let reader = try RasterReader(path: folder.file("alpha.tif"))
        #expect(reader.bands.map(\.name) == ["red", "green", "blue"])
        #expect(reader.bands.map(\.index) == [1, 2, 3])
        let read = try reader.read(ramp.grid.window)
        #expect(read.bands == 3)
        #expect(try #require(read.validity).enumerated().allSatisfy { $0.element == ($0.offset % 3 != 0) })
        #expect(throws: RasterError.self) { _ = try reader.read(ramp.grid.window, bands: [4]) }

        // A mask in a file beside it.
        let plain = try RampRaster().write(to: folder.file("plain.tif"))
        let mask = PixelBuffer(
            bands: 1, height: 48, width: 64, samples: .uint8((0..<count).map { $0 % 5 == 0 ? 0 : 255 }))
        try writeRaster(
            mask, to: folder.file("plain.tif.msk"),
            format: .init(sampleType: .uint8, bands: [.init(name: "mask")], tags: ["INTERNAL_MASK_FLAGS_1": "2"]))
        let masked = try RasterReader(path: folder.file("plain.tif")).read(plain.grid.window)
        #expect(try #require(masked.validity).enumerated().allSatisfy { $0.element == ($0.offset % 5 != 0) })
        let alone = try RasterReader(path: folder.file("plain.tif"), options: .init(siblings: false))
        #expect(try alone.read(plain.grid.window).validity == nil)
        // Warped too.
        var shifted = plain.grid
        shifted.transform.originX += 0.5
        let warped = try RasterReader(path: folder.file("plain.tif")).read(onto: shifted, resampling: .nearest)
        #expect(try #require(warped.validity)[64 * 4 + 9] == ((64 * 4 + 9) % 5 != 0))
    }

    @Test func `scale and offset give physical values`() throws {
        let ramp = try RampRaster(sampleType: .int16, bands: 2).write(to: folder.file("ramp.tif"))
        let path = try vrt(
            over: folder.file("ramp.tif"), width: 64, height: 48,
            bands: [
                (
                    "dataType=\"Int16\"",
                    "<Offset>-3</Offset><Scale>0.25</Scale><UnitType>m</UnitType><NoDataValue>9</NoDataValue>"
                ),
                ("dataType=\"Int16\"", "<NoDataValue>9</NoDataValue>"),
            ])
        let reader = try RasterReader(path: path)
        #expect(reader.bands[0].scale == 0.25 && reader.bands[0].offset == -3 && reader.bands[0].unit == "m")
        let raw = try reader.read(ramp.grid.window, bands: [1])
        let physical = try reader.read(ramp.grid.window, bands: [2, 1], values: .physical)
        #expect(raw.sampleType == .int16 && physical.sampleType == .float32)
        #expect(physical[1, 20, 30] == raw[0, 20, 30] * 0.25 - 3)
        #expect(physical[0, 20, 30] == ramp.stored(band: 2, row: 20, column: 30))
    }

    @Test func `a palette is read as colours, or as indices`() throws {
        let palette = [
            RasterFormat.PaletteEntry(index: 1, colour: [200, 10, 20, 255], name: "roof"),
            .init(index: 2, colour: [0, 90, 0, 255], name: "wood"),
            .init(index: 3, colour: [9, 9, 9, 0], name: "glass"),
        ]
        let grid = RampRaster().grid.grid(of: PixelWindow(column: 0, row: 0, width: 5, height: 1))
        let buffer = PixelBuffer(bands: 1, height: 1, width: 5, samples: .uint8([1, 2, 3, 0, 255]), grid: grid)
        let format = RasterFormat(
            sampleType: .uint8, nodata: 255, bands: [.init(name: "cover")], palette: palette, overviews: .mode)
        try writeRaster(buffer, to: folder.file("cover.tif"), format: format, cloudOptimized: true)
        let colours = try RasterReader(path: folder.file("cover.tif"))
        #expect(colours.bands.map(\.colour) == ["red", "green", "blue"])
        let rgb = try colours.read(grid.window)
        // A TIFF's palette has no alpha but for nodata.
        #expect(rgb.validity == [true, true, true, true, false])
        #expect(rgb.samples == .uint8([200, 0, 9, 0, 0, 10, 90, 9, 0, 0, 20, 0, 9, 0, 0]))
        let classes = try RasterReader(path: folder.file("cover.tif"), options: .init(expandPalette: false))
        #expect(classes.bands.map(\.colour) == ["palette"])
        let indices = try classes.read(grid.window)
        #expect(indices.samples == .uint8([1, 2, 3, 0, 0]) && indices.validity == [true, true, true, true, false])
        // Other formats have alpha, and may have fewer colours than values.
        let entries = palette.map { e in
            "<Entry c1=\"\(e.colour[0])\" c2=\"\(e.colour[1])\" c3=\"\(e.colour[2])\" c4=\"\(e.colour[3])\"/>"
        }
        let table = "<ColorTable><Entry c1=\"1\" c2=\"2\" c3=\"3\" c4=\"255\"/>\(entries.joined())</ColorTable>"
        let path = try vrt(
            over: folder.file("cover.tif"), width: 5, height: 1,
            bands: [("dataType=\"Byte\"", "<ColorInterp>Palette</ColorInterp>\(table)")])
        let clear = try RasterReader(path: path).read(grid.window)
        try FileManager.default.removeItem(atPath: path)
        #expect(clear.validity == [true, true, false, true, false])
        #expect(clear.samples == .uint8([200, 0, 0, 1, 0, 10, 90, 0, 2, 0, 20, 0, 0, 3, 0]))
        // Names of classes lie beside it, under the final name.
        #expect(folder.contents == ["cover.tif", "cover.tif.aux.xml"])
        let names = try String(contentsOfFile: folder.file("cover.tif.aux.xml"), encoding: .utf8)
        #expect(names.contains("wood"))
    }

    @Test func `rotated and south-up rasters keep their grids and warp rightly`() throws {
        let rotated = GeoTransform(
            originX: 500_000, columnX: 8, rowX: 3, originY: 5_000_000, columnY: 2.5, rowY: -9)
        let southUp = GeoTransform(
            originX: 500_000, columnX: 10, rowX: 0, originY: 5_000_000, columnY: 0, rowY: 10)
        for transform in [rotated, southUp] {
            let ramp = try RampRaster(
                transform: transform, width: 100, height: 90, sampleType: .float32, bands: 1
            ).write(to: folder.file("odd.tif"))
            let reader = try RasterReader(path: folder.file("odd.tif"))
            #expect(reader.grid == ramp.grid)
            #expect(try reader.read(ramp.grid.window) == ramp.buffer())
            let centre = ramp.grid.bounds.centre
            let target = Grid(
                crs: ramp.grid.crs,
                transform: .init(originX: centre.x - 150, originY: centre.y + 150, pixelSize: 6), width: 50, height: 50)
            let buffer = try reader.read(onto: target, resampling: .bilinear)
            #expect(buffer.validFraction == 1)
            for (row, column) in [(0, 0), (49, 0), (17, 31), (49, 49)] {
                let place = target.transform.point(column: Double(column) + 0.5, row: Double(row) + 0.5)
                let exact = ramp.value(band: 1, x: place.x, y: place.y)
                #expect(abs(Double(buffer[0, row, column]) - exact) < 1e-3)
            }
        }
    }

    @Test func `ground control points alone place a raster`() throws {
        let ramp = try RampRaster(sampleType: .float32, bands: 1).write(to: folder.file("ramp.tif"))
        // A sheared plane: column and row to UTM 33.
        func place(_ column: Double, _ row: Double) -> (x: Double, y: Double) {
            (600_000 + 7 * column + 1.5 * row, 5_100_000 + 0.5 * column - 8 * row)
        }
        let points = [(0, 0), (64, 0), (0, 48), (64, 48), (32, 24)].map { column, row in
            let p = place(Double(column), Double(row))
            return "<GCP Id=\"\" Pixel=\"\(column)\" Line=\"\(row)\" X=\"\(p.x)\" Y=\"\(p.y)\"/>"
        }
        let path = try vrt(
            over: folder.file("ramp.tif"), width: 64, height: 48,
            head: "<GCPList Projection=\"EPSG:32633\">\(points.joined())</GCPList>",
            bands: [("dataType=\"Float32\"", "")])
        let reader = try RasterReader(path: path)
        #expect(reader.grid.crs == ramp.grid.crs && reader.grid.transform.isNorthUp)
        #expect(reader.grid.bounds.minX <= 600_000 && reader.grid.bounds.maxY >= 5_100_030)
        let whole = try reader.read(reader.grid.window)
        let window = PixelWindow(column: 20, row: 20, width: 20, height: 15)
        let cut = whole.cropped(to: window)
        let read = try reader.read(window)
        #expect(read.samples == cut.samples)
        // Where a place lies in the image follows from the inverse of the plane.
        let target = Grid(
            crs: ramp.grid.crs, transform: .init(originX: 600_200, originY: 5_099_900, pixelSize: 5), width: 20,
            height: 20)
        let buffer = try reader.read(onto: target, resampling: .bilinear)
        #expect(buffer.validFraction == 1)
        let plane = GeoTransform(
            originX: 600_000, columnX: 7, rowX: 1.5, originY: 5_100_000, columnY: 0.5, rowY: -8)
        for row in 0..<20 {
            for column in 0..<20 {
                let point = target.transform.point(column: Double(column) + 0.5, row: Double(row) + 0.5)
                let pixel = try #require(plane.pixel(x: point.x, y: point.y))
                let stored = ramp.grid.transform.point(column: pixel.column, row: pixel.row)
                let exact = ramp.value(band: 1, x: stored.x, y: stored.y)
                #expect(abs(Double(buffer[0, row, column]) - exact) < 1e-3)
            }
        }
        let gsd = try reader.groundSampleDistance()
        #expect(abs(gsd.metres - 7.5) < 1)
    }

    @Test func `without a CRS the grid has none, and asking for one says what to do`() throws {
        let ramp = try RampRaster(crs: nil).write(to: folder.file("nowhere.tif"))
        let reader = try RasterReader(path: folder.file("nowhere.tif"))
        #expect(reader.grid.crs == nil && reader.grid.transform == ramp.grid.transform)
        #expect(try reader.read(ramp.grid.window) == ramp.buffer())
        for attempt in [
            { _ = try RasterReader(path: folder.file("nowhere.tif"), options: .init(requireCRS: true)) },
            { _ = try reader.groundSampleDistance() }, { _ = try reader.footprint() },
            { _ = try reader.read(onto: RampRaster().grid, resampling: .bilinear) },
        ] as [() throws -> Void] {
            let error = try #require(throws: RasterError.self, performing: attempt)
            #expect(error.code == .noCRS && error.place == folder.file("nowhere.tif"))
            #expect(error.remedy?.contains("gdal_edit.py -a_srs") == true)
        }
        // Pixels onto pixels still works.
        var finer = ramp.grid
        finer.transform.columnX = 5
        #expect(try reader.read(onto: finer, resampling: .bilinear).validFraction == 1)
    }

    @Test func `other types are read as floats, with their nodata`() throws {
        let ramp = try RampRaster(sampleType: .uint8, bands: 1, base: 0, perX: 0.25).write(to: folder.file("ramp.tif"))
        for type in ["Int32", "UInt32", "Float64"] {
            let path = try vrt(
                over: folder.file("ramp.tif"), width: 64, height: 48,
                bands: [("dataType=\"\(type)\"", "<NoDataValue>40</NoDataValue>")])
            let buffer = try RasterReader(path: path).read(ramp.grid.window)
            #expect(buffer.sampleType == .float32)
            for row in 0..<48 {
                for column in 0..<64 {
                    let value = ramp.stored(band: 1, row: row, column: column)
                    #expect(buffer.isValid(row: row, column: column) == (value != 40))
                    #expect(buffer[0, row, column] == (value == 40 ? 0 : value))
                }
            }
        }
        let signed = try vrt(
            over: folder.file("ramp.tif"), width: 64, height: 48,
            bands: [
                (
                    "dataType=\"Byte\"",
                    "<Metadata domain=\"IMAGE_STRUCTURE\"><MDI key=\"PIXELTYPE\">SIGNEDBYTE</MDI></Metadata>"
                )
            ])
        let reader = try RasterReader(path: signed)
        #expect(reader.bands[0].storedType == "Int8" && reader.bands[0].sampleType == .float32)
        let buffer = try reader.read(ramp.grid.window)
        for (row, column) in [(0, 0), (40, 60), (20, 63)] {
            let value = ramp.stored(band: 1, row: row, column: column)
            #expect(buffer[0, row, column] == (value > 127 ? value - 256 : value))
        }
    }

    @Test func `complex values are refused`() throws {
        try RampRaster(bands: 1).write(to: folder.file("ramp.tif"))
        let path = try vrt(
            over: folder.file("ramp.tif"), width: 64, height: 48, bands: [("dataType=\"CFloat32\"", "")])
        let error = try #require(throws: RasterError.self) { _ = try RasterReader(path: path) }
        #expect(error.code == .unsupported && error.what.contains("CFloat32"))
    }

    @Test func `only the allowed formats are opened`() throws {
        try RampRaster(bands: 1).write(to: folder.file("ramp.tif"))
        let path = try vrt(
            over: folder.file("ramp.tif"), width: 64, height: 48, bands: [("dataType=\"Byte\"", "")])
        let error = try #require(throws: RasterError.self) {
            _ = try RasterReader(path: path, options: .init(allowedDrivers: ["GTiff"]))
        }
        #expect(error.code == .notRaster && error.what.contains("GTiff"))
        let text = try Data(contentsOf: URL(fileURLWithPath: path))
        let tile = try #require(throws: RasterError.self) { _ = try decodeTile([UInt8](text)) }
        #expect(tile.code == .notRaster)
        #expect(throws: RasterError.self) { _ = try decodeTile([]) }
    }

    @Test func `missing files, text and damaged files are refused with their causes`() throws {
        let missing = try #require(throws: RasterError.self) { _ = try RasterReader(path: folder.file("no.tif")) }
        #expect(missing.code == .notFound && missing.place.hasSuffix("no.tif"))
        let text = try #require(throws: RasterError.self) {
            _ = try RasterReader(path: folder.write("just words", to: "words.tif"))
        }
        #expect(text.code == .notRaster && text.causes.contains { $0.contains("not recognized") })
        // Random values do not compress: half of the file holds half of the blocks.
        var random = SystemRandomNumberGenerator()
        let grid = RampRaster(width: 256, height: 256).grid
        let samples = (0..<65536).map { _ in UInt8.random(in: 1...255, using: &random) }
        try writeRaster(
            PixelBuffer(bands: 1, height: 256, width: 256, samples: .uint8(samples), grid: grid),
            to: folder.file("cut.tif"), format: .init(sampleType: .uint8, bands: [.init(name: "a")], blockSize: 64))
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.file("cut.tif")))
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: folder.file("cut.tif")))
        let damaged = try #require(throws: RasterError.self) {
            let reader = try RasterReader(path: folder.file("cut.tif"))
            _ = try reader.read(grid.window)
        }
        #expect(damaged.code == .readFailed && damaged.causes.count >= 1 && damaged.remedy != nil)
        #expect(damaged.what.contains("0,0 256x256 of band 1"))
    }

    @Test func `a header of 2^31 pixels a side costs nothing`() throws {
        let path = try folder.write(
            """
            <VRTDataset rasterXSize="2147483647" rasterYSize="2147483647"><VRTRasterBand dataType="UInt16" band="1"/>
            </VRTDataset>
            """, to: "huge.vrt")
        let reader = try RasterReader(path: path)
        #expect(reader.grid.width == 2_147_483_647)
        let corner = PixelWindow(column: 2_147_483_600, row: 2_147_483_600, width: 100, height: 100)
        let buffer = try reader.read(corner)
        #expect(buffer.isValid(row: 46, column: 46) && !buffer.isValid(row: 47, column: 46))
        for window in [
            reader.grid.window, PixelWindow(column: .max, row: 0, width: 5, height: 5),
            PixelWindow(column: 0, row: 0, width: .max, height: .max),
        ] {
            let error = try #require(throws: RasterError.self) { _ = try reader.read(window) }
            #expect(error.code == .badGrid)
        }
        #expect(try reader.read(PixelWindow(column: .min, row: .min, width: 2, height: 2)).validFraction == 0)
        let parameters = try #require(try reader.stretchParameters(.percentile(low: 2, high: 98), bands: [1]))
        #expect(parameters.low == [0])
        // A target pixel over all of it cannot be held, and says so.
        var coarse = reader.grid
        coarse.transform = .init(originX: 0, originY: 0, pixelSize: 2_147_483_647)
        coarse.width = 1
        coarse.height = 1
        let error = try #require(throws: RasterError.self) { _ = try reader.read(onto: coarse, resampling: .average) }
        #expect(error.code == .badGrid)
    }

    @Test(.enabled(if: SharedData.folder != nil, "\(SharedData.absence)"), .timeLimit(.minutes(2)))
    func `malformed files are read or refused, in little memory`() throws {
        var read = 0
        var refused = 0
        for path in SharedData.files(in: "malformed") {
            do {
                let reader = try RasterReader(path: path)
                #expect(reader.grid.width > 0)
                let bands = Array(reader.bands.prefix(4).map(\.index))
                _ = try reader.read(PixelWindow(column: 0, row: 0, width: 256, height: 256))
                _ = try reader.stretchParameters(.percentile(low: 2, high: 98), bands: bands)
                read += 1
            } catch {
                #expect(!error.what.isEmpty && error.place == path, "\(path): \(error.what)")
                refused += 1
            }
        }
        #expect(read > 0 && refused > 0)
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let peak = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM") })
        let kilobytes = try #require(Int(peak.filter(\.isNumber)))
        #expect(kilobytes < 2 << 20, "peak memory \(kilobytes) kB")
    }

    @Test func `GDAL prints nothing`() async throws {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardErrorContent, \.standardOutputContent]
        ) {
            let folder = TemporaryFolder()
            for (name, text) in [("a.tif", "II*\u{0}nonsense"), ("b.vrt", "<VRTDataset>"), ("c.png", "PNG")] {
                _ = try? RasterReader(path: folder.write(text, to: name))
                _ = try? AreaOfInterest(path: folder.write(text, to: name))
            }
            _ = try? CoordinateReferenceSystem("EPSG:999999").validated()
            _ = try? decodeTile([1, 2, 3])
            _ = try? AreaOfInterest(wkt: "POLYGON((0 0, 1 1, 0 0, 1 1, 0 0))", crs: .wgs84)
        }
        let text = String(
            decoding: (result?.standardErrorContent ?? []) + (result?.standardOutputContent ?? []), as: UTF8.self)
        #expect(!text.contains("ERROR") && !text.contains("Warning"), "\(text)")
    }
}
