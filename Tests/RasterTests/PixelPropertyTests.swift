// What a file says about its pixels, and what is made of it: white-is-zero, nodata, masks, offsets, values that cannot be.
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct PixelPropertyTests {
    let folder = TemporaryFolder()

    /// One band of values, as a file.
    private func raster(
        _ name: String, _ values: [Float], width: Int, type: SampleType = .float32, nodata: Double? = nil
    ) throws -> String {
        let height = values.count / width
        let samples: PixelBuffer.Samples =
            switch type {
            case .uint8: .uint8(values.map { UInt8($0) })
            case .uint16: .uint16(values.map { UInt16($0) })
            case .int16: .int16(values.map { Int16($0) })
            case .float32: .float32(values)
            }
        let grid = RampRaster(width: width, height: height).grid
        try writeRaster(
            PixelBuffer(bands: 1, height: height, width: width, samples: samples, grid: grid), to: folder.file(name),
            format: RasterFormat(sampleType: type, nodata: nodata, bands: [BandInfo(name: "x")], blockSize: 16),
            overwrite: true)
        return folder.file(name)
    }

    @Test func `a picture whose zero is white reads as its positive`() throws {
        let path = try raster("black.tif", (0..<256).map { Float($0) }, width: 16, type: .uint8)
        let plain = try RasterReader(path: path)
        let window = plain.grid.window
        let positive = try plain.read(window)
        // TIFF's tag 262, photometric interpretation, a SHORT: 1 is black-is-zero, 0 is white-is-zero.
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let entry: [UInt8] = [0x06, 0x01, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01]
        let place = try #require((0..<bytes.count - 9).first { Array(bytes[$0..<$0 + 9]) == entry })
        bytes[place + 8] = 0
        try Data(bytes).write(to: URL(fileURLWithPath: folder.file("white.tif")))
        let white = try RasterReader(path: folder.file("white.tif")).read(window)
        for place in 0..<256 {
            #expect(white[0, place / 16, place % 16] == 255 - positive[0, place / 16, place % 16])
        }
        // Fewer bits, and a type of which nobody knows the black.
        let head = "<Metadata domain=\"IMAGE_STRUCTURE\"><MDI key=\"MINISWHITE\">YES</MDI></Metadata>"
        var virtual = VirtualRaster(
            over: path, width: 16, height: 16,
            bands: [.init(1, "<Metadata domain=\"IMAGE_STRUCTURE\"><MDI key=\"NBITS\">12</MDI></Metadata>")])
        virtual.type = "UInt16"
        virtual.elements = head
        let twelve = try RasterReader(path: virtual.write(to: folder.file("twelve.vrt")))
        #expect(twelve.bands[0].significantBits == 12)
        #expect(try twelve.read(window)[0, 0, 5] == 4095 - 5)
        virtual.type = "Float32"
        let error = #expect(throws: RasterError.self) {
            _ = try RasterReader(path: virtual.write(to: folder.file("float.vrt")))
        }
        #expect(error?.code == .unsupported && error?.what.contains("white-is-zero") == true)
    }

    @Test func `white-is-zero is for pictures, and known through virtual rasters`() throws {
        let path = try raster("black.tif", (0..<256).map { Float($0) }, width: 16, type: .uint8)
        var virtual = VirtualRaster(over: path, width: 16, height: 16, bands: [.init(1)])
        virtual.elements = "<Metadata domain=\"IMAGE_STRUCTURE\"><MDI key=\"MINISWHITE\">YES</MDI></Metadata>"
        let white = try virtual.write(to: folder.file("white.vrt"))
        let heights = try RasterReader(path: white, options: RasterOpenOptions(expandPalette: false))
        #expect(try heights.read(heights.grid.window)[0, 1, 4] == 20)
        // Real files, for GDAL's list of a virtual raster's sources.
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let entry: [UInt8] = [0x06, 0x01, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01]
        let place = try #require((0..<bytes.count - 9).first { Array(bytes[$0..<$0 + 9]) == entry })
        bytes[place + 8] = 0
        try Data(bytes).write(to: URL(fileURLWithPath: folder.file("white.tif")))
        let over = try VirtualRaster(over: folder.file("white.tif"), width: 16, height: 16, bands: [.init(1)])
            .write(to: folder.file("over.vrt"))
        let reader = try RasterReader(path: over)
        #expect(try reader.read(reader.grid.window)[0, 1, 4] == 235)
    }

    @Test func `blocks count as empty only where what they read as is absent`() throws {
        let grid = RampRaster(width: 128, height: 128).grid
        // Nodata 255 is what the alpha band is filled with where nothing was written: opaque.
        let four = ["red", "green", "blue", "alpha"].map { BandInfo(name: $0) }
        let writer = try RasterWriter(
            path: folder.file("opaque.tif"), grid: grid,
            format: RasterFormat(
                sampleType: .uint8, nodata: 255, bands: four, blockSize: 64, interleave: .band))
        let plane = [UInt8](repeating: 9, count: 64 * 64)
        try writer.write(
            PixelBuffer(
                bands: 4, height: 64, width: 64,
                samples: .uint8(plane + plane + plane + [UInt8](repeating: 255, count: 64 * 64))), column: 0, row: 0)
        try writer.finish(cloudOptimized: false)
        let opaque = try RasterReader(path: folder.file("opaque.tif"))
        #expect(try opaque.read(PixelWindow(column: 0, row: 0, width: 64, height: 64)).validFraction == 1)
        // A nodata value that bytes cannot hold: what was never written is 0, a value.
        let sparse = try RasterWriter(
            path: folder.file("zero.tif"), grid: grid,
            format: RasterFormat(sampleType: .uint8, nodata: 200, bands: [BandInfo(name: "x")], blockSize: 64))
        try sparse.write(
            PixelBuffer(bands: 1, height: 64, width: 64, samples: .uint8(plane)), column: 0, row: 0)
        try sparse.finish(cloudOptimized: false)
        // GDAL's tag 42113, the nodata value as four characters.
        let tag: [UInt8] = [0x81, 0xA4, 0x02, 0x00, 0x04, 0x00, 0x00, 0x00] + Array("200".utf8)
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("zero.tif"))))
        let place = try #require((0..<bytes.count - tag.count).first { Array(bytes[$0..<$0 + tag.count]) == tag })
        bytes.replaceSubrange(place + 8..<place + 11, with: Array("999".utf8))
        try Data(bytes).write(to: URL(fileURLWithPath: folder.file("zero.tif")))
        let zero = try RasterReader(path: folder.file("zero.tif"))
        #expect(zero.bands[0].nodata == 999)
        #expect(try zero.read(PixelWindow(column: 64, row: 64, width: 64, height: 64)).validFraction == 1)
        #expect(try zero.read(zero.grid.window).validFraction == 1)
    }

    @Test func `limits and scales that cannot be are no crash`() throws {
        #expect(HeightRule(highest: 1e30).exclusion == "below -10 m or above 1e+30 m")
        #expect(HeightRule(highest: 40).height(40.5) == nil && HeightRule().height(-3) == 0)
        #expect(HeightRule().height(.nan) == nil && HeightRule().height(-.infinity) == nil)
        let path = try raster("x.tif", (0..<256).map { Float($0) }, width: 16, type: .uint16)
        for (scale, offset, isFine) in [("0", "5", true), ("1e-300", "1e300", false)] {
            var virtual = VirtualRaster(
                over: path, width: 16, height: 16,
                bands: [.init(1, "<Scale>\(scale)</Scale><Offset>\(offset)</Offset>")])
            virtual.type = "UInt16"
            let reader = try RasterReader(path: virtual.write(to: folder.file("x-\(scale).vrt")))
            let stretch = try? reader.stretchParameters(.fixed(low: 0, high: 100), bands: [1])
            #expect((stretch != nil) == isFine)
        }
    }

    @Test func `a scale that cannot be is that of the band that is read`() throws {
        let path = try raster("two.tif", (0..<256).map { Float($0) }, width: 16, type: .uint16)
        var virtual = VirtualRaster(
            over: path, width: 16, height: 16,
            bands: [.init(1), .init(1, "<Scale>1e-300</Scale><Offset>1e300</Offset>")])
        virtual.type = "UInt16"
        let reader = try RasterReader(path: virtual.write(to: folder.file("two.vrt")))
        #expect(try reader.stretchParameters(.fixed(low: 0, high: 100), bands: [1]) != nil)
        let error = #expect(throws: RasterError.self) {
            try reader.stretchParameters(.fixed(low: 0, high: 100), bands: [1, 2])
        }
        #expect(
            error?.what.contains("band 2") == true && error?.what.contains("1e-300") == true, "\(error?.what ?? "")")
    }

    @Test func `a fixed stretch that leaves a scene black or white is told, and so is an offset`() throws {
        let path = try raster("dark.tif", (0..<256).map { Float($0) }, width: 16, type: .uint16)
        let reader = try RasterReader(path: path)
        #expect(try reader.fixedStretchNotes(low: 0, high: 300, bands: [1]).isEmpty)
        #expect(try reader.fixedStretchNotes(low: 5000, high: 9000, bands: [1]).first?.contains("become black") == true)
        var virtual = VirtualRaster(
            over: path, width: 16, height: 16, bands: [.init(1, "<Scale>0.1</Scale><Offset>-20</Offset>")])
        virtual.type = "UInt16"
        let offset = try RasterReader(path: virtual.write(to: folder.file("offset.vrt")))
        let notes = try offset.fixedStretchNotes(low: 0, high: 100, bands: [1])
        #expect(notes.first?.contains("offset of -20.0 is removed") == true)
    }

    @Test func `nodata is compared within the precision of its type`() throws {
        let lowest = -Float.greatestFiniteMagnitude
        let near = try raster("near.tif", [1, lowest, 3, -9999.0005, 5, .infinity, .nan, 8], width: 4, nodata: -9999)
        // -9999.0005 is -9999 to five in ten million; the smallest float is no measurement, whoever declared it.
        let read = try RasterReader(path: near).read(PixelWindow(column: 0, row: 0, width: 4, height: 2))
        #expect(read.validity == [true, false, true, false, true, false, false, true])
        let declared = try raster("declared.tif", [1, lowest, 3, 4], width: 2, nodata: -3.4e38)
        let other = try RasterReader(path: declared).read(PixelWindow(column: 0, row: 0, width: 2, height: 2))
        #expect(other.validity == [true, false, true, true])
        // Integers have no such excuse.
        let whole = try raster("whole.tif", [1, 2, 3, 4], width: 2, type: .int16, nodata: 3)
        let integers = try RasterReader(path: whole).read(PixelWindow(column: 0, row: 0, width: 2, height: 2))
        #expect(integers.validity == [true, true, false, true])
    }

    @Test func `a mask of the whole file decides alone, as in GDAL`() throws {
        // Nodata is 7; the mask hides columns 0 to 7.
        let path = try raster("data.tif", (0..<256).map { Float($0 % 16) }, width: 16, type: .uint8)
        let mask = try raster("mask.tif", (0..<256).map { $0 % 16 < 8 ? 0 : 255 }, width: 16, type: .uint8)
        var virtual = VirtualRaster(
            over: path, width: 16, height: 16, bands: [.init(1, "<NoDataValue>9</NoDataValue>")])
        virtual.elements = """
            <MaskBand><VRTRasterBand dataType="Byte"><SimpleSource><SourceFilename>\(mask)</SourceFilename>
            <SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></MaskBand>
            """
        let read = try RasterReader(path: virtual.write(to: folder.file("both.vrt")))
            .read(PixelWindow(column: 0, row: 0, width: 16, height: 1))
        #expect(read.validity == (0..<16).map { $0 >= 8 })
        // Without the mask, nodata decides.
        virtual.elements = ""
        let alone = try RasterReader(path: virtual.write(to: folder.file("nodata.vrt")))
            .read(PixelWindow(column: 0, row: 0, width: 16, height: 1))
        #expect(alone.validity == (0..<16).map { $0 != 9 })
    }

    @Test func `values that do not count are absent before anything is resampled, and are counted`() throws {
        var values = [Float](repeating: 20, count: 256)
        for row in 0..<16 { for column in 0..<8 { values[row * 16 + column] = -9999 } }
        let path = try raster("heights.tif", values, width: 16)
        let reader = try RasterReader(path: path, options: RasterOpenOptions(validValues: HeightRule().range))
        let plain = try reader.read(reader.grid.window)
        #expect(plain.validity == (0..<256).map { $0 % 16 >= 8 })
        #expect(reader.rejectedCount == 128 && reader.rejectedPixels.count == 128)
        // Half a pixel aside and half as large: -9999 leaks into no neighbour.
        var grid = reader.grid
        grid.transform.originX += 2.5
        grid.transform.columnX /= 2
        grid.transform.rowY /= 2
        (grid.width, grid.height) = (30, 30)
        let moved = try reader.read(onto: grid, resampling: .bilinear)
        for place in 0..<900 where moved.validity?[place] ?? true { #expect(moved.floats()[place] == 20) }
        #expect(moved.validity?.contains(true) == true && moved.validity?.contains(false) == true)
        // Scale and offset come first: what counts are physical values.
        var virtual = VirtualRaster(
            over: try raster("cm.tif", [500, 1200, 20_000, 0], width: 2, type: .int16), width: 2, height: 2,
            bands: [.init(1, "<Scale>0.01</Scale>")])
        virtual.type = "Int16"
        let scaled = try RasterReader(
            path: virtual.write(to: folder.file("cm.vrt")),
            options: RasterOpenOptions(validValues: HeightRule().range))
        #expect(try scaled.read(scaled.grid.window, values: .physical).validity == [true, true, false, true])
    }

    @Test func `a fixed stretch takes offsets out`() throws {
        let before = try raster("before.tif", (0..<256).map { Float(1000 + $0 * 10) }, width: 16, type: .uint16)
        let after = try raster("after.tif", (0..<256).map { Float(2000 + $0 * 10) }, width: 16, type: .uint16)
        func scene(_ path: String, offset: Double) throws -> PixelBuffer {
            var virtual = VirtualRaster(
                over: path, width: 16, height: 16,
                bands: [.init(1, "<Scale>0.0001</Scale><Offset>\(offset)</Offset>")])
            virtual.type = "UInt16"
            let reader = try RasterReader(path: virtual.write(to: path + ".vrt"))
            let parameters = try reader.stretchParameters(.fixed(low: 0, high: 4000), bands: [1])
            return stretched(try reader.read(reader.grid.window), by: parameters)
        }
        let (old, new) = (try scene(before, offset: 0), try scene(after, offset: -0.1))
        #expect(old.samples == new.samples)
        #expect(old[0, 0, 0] == 64)
    }

    @Test func `a raster keeps the horizontal part of a compound CRS`() throws {
        try RampRaster(bands: 1).write(to: folder.file("ramp.tif"))
        var virtual = VirtualRaster(over: folder.file("ramp.tif"), bands: [.init(1)])
        for (compound, flat) in [
            ("EPSG:6340+5703", "EPSG:6340"), ("EPSG:6340+6360", "EPSG:6340"), ("EPSG:4979", "EPSG:4326"),
        ] {
            virtual.crs = compound
            virtual.transform = flat == "EPSG:4326" ? "15, 0.001, 0, 50, 0, -0.001" : virtual.transform
            let reader = try RasterReader(path: virtual.write(to: folder.file("compound.vrt")))
            #expect(reader.grid.crs?.isSame(as: .init(flat)) == true, "\(compound): \(reader.grid.crs?.name ?? "none")")
            #expect(reader.grid.crs?.wkt.contains("VERT") == false)
        }
    }

    @Test func `a raster without a place says what it is and what gives it one`() throws {
        try RampRaster(bands: 1).write(to: folder.file("ramp.tif"))
        let coefficients = [
            "LINE_OFF", "SAMP_OFF", "LAT_OFF", "LONG_OFF", "HEIGHT_OFF", "LINE_SCALE", "SAMP_SCALE", "LAT_SCALE",
            "LONG_SCALE", "HEIGHT_SCALE",
        ].map { "<MDI key=\"\($0)\">1</MDI>" }.joined()
        let cases: [(crs: String, transform: String, elements: String, cause: String, remedy: String)] = [
            ("", "", "<Metadata domain=\"RPC\">\(coefficients)</Metadata>", "raw product", "gdalwarp -rpc"),
            (
                "", "", "<Metadata domain=\"GEOLOCATION\"><MDI key=\"X_DATASET\">x.tif</MDI></Metadata>", "swath",
                "gdalwarp -geoloc"
            ),
            ("EPSG:32633", "", "", "but no geotransform", "gdal_edit.py -a_ullr"),
            ("", "0, 1, 0, 0, 0, -1", "", "no CRS", "gdal_edit.py -a_srs EPSG:CODE '"),
            ("", "", "", "neither", "-a_ullr"),
            ("LOCAL_CS[\"site\",UNIT[\"metre\",1]]", "0, 1, 0, 0, 0, -1", "", "local", "gdal_edit.py -a_srs"),
        ]
        for (number, one) in cases.enumerated() {
            var virtual = VirtualRaster(over: folder.file("ramp.tif"), bands: [.init(1)])
            (virtual.crs, virtual.transform, virtual.elements) = (one.crs, one.transform, one.elements)
            let path = try virtual.write(to: folder.file("case-\(number).vrt"))
            let error = #expect(throws: RasterError.self) {
                _ = try RasterReader(path: path, options: RasterOpenOptions(requireCRS: true))
            }
            #expect(error?.code == .noCRS && error?.place == path)
            #expect(error?.causes.first?.contains(one.cause) == true, "\(String(describing: error))")
            #expect(error?.remedy?.contains(one.remedy) == true, "\(String(describing: error))")
        }
    }

    @Test func `blocks that were never written are known to be empty without being read`() throws {
        let grid = RampRaster(width: 256, height: 256).grid
        let writer = try RasterWriter(
            path: folder.file("sparse.tif"), grid: grid,
            format: RasterFormat(
                sampleType: .uint16, nodata: 0, bands: [BandInfo(name: "x")], blockSize: 64))
        let block = PixelWindow(column: 128, row: 64, width: 64, height: 64)
        try writer.write(
            PixelBuffer(
                bands: 1, height: 64, width: 64, samples: .uint16([UInt16](repeating: 7, count: 4096)),
                grid: grid.grid(of: block)), column: block.column, row: block.row)
        try writer.finish(cloudOptimized: false)
        let reader = try RasterReader(path: folder.file("sparse.tif"))
        #expect(!reader.isEmpty(block, bands: [1]))
        #expect(reader.isEmpty(PixelWindow(column: 0, row: 128, width: 256, height: 128), bands: [1]))
        #expect(!reader.isEmpty(reader.grid.window, bands: [1]))
        #expect(reader.isEmpty(PixelWindow(column: 500, row: 0, width: 9, height: 9), bands: [1]))
        #expect(try reader.read(reader.grid.window).validFraction == 1 / 16)
        // A file without nodata has values where nothing was written: zeros.
        try RampRaster(width: 64, height: 64, bands: 1).write(to: folder.file("full.tif"))
        let full = try RasterReader(path: folder.file("full.tif"))
        #expect(!full.isEmpty(full.grid.window, bands: [1]))
    }
}
