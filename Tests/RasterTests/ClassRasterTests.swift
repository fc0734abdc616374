// Rasters of classes: the most frequent class under large pixels, the nearest under small ones, and what files say of classes.
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct ClassRasterTests {
    let folder = TemporaryFolder()

    /// A raster of classes in UTM zone 33 north, pixels of 10 m, 255 where there is none.
    private struct Classes {
        var width: Int
        var height: Int
        var transform = GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 10)
        var palette: [RasterFormat.PaletteEntry]?
        var value: (_ column: Int, _ row: Int) -> UInt8?

        var grid: Grid { Grid(crs: .init("EPSG:32633"), transform: transform, width: width, height: height) }

        func write(to path: String, cloudOptimized: Bool = false, counts: [Int: Int]? = nil) throws {
            var values: [UInt8] = []
            for row in 0..<height { for column in 0..<width { values.append(value(column, row) ?? 255) } }
            let writer = try RasterWriter(
                path: path, grid: grid,
                format: RasterFormat(
                    sampleType: .uint8, nodata: 255, bands: [BandInfo(name: "cover")], palette: palette,
                    overviews: .mode, blockSize: 64), overwrite: true)
            try writer.write(
                PixelBuffer(bands: 1, height: height, width: width, samples: .uint8(values)), column: 0, row: 0)
            try writer.finish(cloudOptimized: cloudOptimized, counts: counts)
        }
    }

    /// Six classes and some holes that hang on the place alone; without limits, 255 outside.
    private static func cover(_ column: Int, _ row: Int) -> UInt8? {
        let drawn = noise(column / 2, row / 2) % 8
        return drawn > 5 ? nil : drawn
    }

    private func refusal(_ body: @escaping () throws -> Void) throws -> RasterError {
        try #require(throws: RasterError.self) { try body() }
    }

    // MARK: - Grids

    @Test func `on its own grid it reads what is stored, outside nothing`() throws {
        let classes = Classes(width: 90, height: 70, value: Self.cover)
        try classes.write(to: folder.file("c.tif"))
        let raster = try ClassRaster(path: folder.file("c.tif"))
        #expect(raster.grid == classes.grid && raster.band == 1 && raster.storedType == "Byte" && raster.nodata == 255)
        let window = PixelWindow(column: -4, row: 50, width: 30, height: 40)
        let read = try raster.values(onto: classes.grid.grid(of: window))
        for row in 0..<40 {
            for column in 0..<30 {
                let (c, r) = (column - 4, row + 50)
                let stored = c >= 0 && r < 70 ? Self.cover(c, r) : nil
                #expect(read.validity[row * 30 + column] == (stored != nil))
                #expect(read.values[row * 30 + column] == Int32(stored ?? 0))
            }
        }
    }

    @Test func `the most frequent class wins, the smaller of equal ones`() throws {
        // Blocks of 2 x 2: 3 of 7 against 1 of 2; 2 of 9 against 2 of 4; one of 5 and three absent; all 1.
        let rows: [[UInt8]] = [[7, 7, 9, 4, 5, 255, 1, 1], [2, 7, 4, 9, 255, 255, 1, 1]]
        try Classes(width: 8, height: 2) { column, row in rows[row][column] }.write(to: folder.file("c.tif"))
        let grid = Grid(
            crs: .init("EPSG:32633"), transform: .init(originX: 500_000, originY: 5_000_000, pixelSize: 20), width: 4,
            height: 1)
        let read = try ClassRaster(path: folder.file("c.tif")).values(onto: grid)
        #expect(read.values == [7, 4, 0, 1])
        #expect(read.validity == [true, true, false, true])
        // A quarter of the area is too little, half is enough.
        let raster = try ClassRaster(path: folder.file("c.tif"))
        for (x, expected) in [(500_040.0, nil), (500_060, Int32(1))] {
            let one = try raster.values(
                onto: Grid(
                    crs: grid.crs, transform: .init(originX: x, originY: 5_000_010, pixelSize: 20), width: 1, height: 1)
            )
            #expect(one.validity == [expected != nil] && one.values == [expected ?? 0])
        }
    }

    @Test(arguments: [(5, 1, 0), (5, 3, 4), (4, 0, 0), (4, 1, 1), (3, 0, 1), (7, 5, 2), (40, 3, 9)])
    func `shares of area decide on shifted grids`(side: Int, across: Int, down: Int) throws {
        // All counted in half pixels of the source, so that every share is a whole number.
        let classes = Classes(width: 60, height: 50, value: Self.cover)
        try classes.write(to: folder.file("c.tif"))
        let grid = Grid(
            crs: .init("EPSG:32633"),
            transform: .init(
                originX: 500_000 + 5 * Double(across), originY: 5_000_000 - 5 * Double(down),
                pixelSize: 5 * Double(side)), width: 130 / side, height: 110 / side)
        let read = try ClassRaster(path: folder.file("c.tif")).values(onto: grid)
        for row in 0..<grid.height {
            for column in 0..<grid.width {
                var votes: [Int32: Int] = [:]
                for y in 0..<side {
                    for x in 0..<side {
                        let c = across + column * side + x
                        let r = down + row * side + y
                        guard c < 120, r < 100, let value = Self.cover(c / 2, r / 2) else { continue }
                        votes[Int32(value), default: 0] += 1
                    }
                }
                let isValid = 2 * votes.values.reduce(0, +) >= side * side
                let most = votes.values.max() ?? 0
                let winner = votes.filter { $0.value == most }.keys.min() ?? 0
                let index = row * grid.width + column
                #expect(read.validity[index] == isValid, "\(column) \(row)")
                #expect(read.values[index] == (isValid ? winner : 0), "\(column) \(row): \(votes)")
            }
        }
    }

    @Test func `smaller pixels get the nearest class`() throws {
        try Classes(width: 60, height: 50, value: Self.cover).write(to: folder.file("c.tif"))
        let raster = try ClassRaster(path: folder.file("c.tif"))
        for size in [2.5, 7, 10, 13] {
            let grid = Grid(
                crs: .init("EPSG:32633"), transform: .init(originX: 500_003, originY: 4_999_996, pixelSize: size),
                width: 40, height: 35)
            let read = try raster.values(onto: grid)
            for row in 0..<35 {
                for column in 0..<40 {
                    let place = grid.transform.point(column: Double(column) + 0.5, row: Double(row) + 0.5)
                    let at = raster.grid.pixel(x: place.x, y: place.y)
                    let stored = at.flatMap { Self.cover($0.column, $0.row) }
                    #expect(read.validity[row * 40 + column] == (stored != nil))
                    #expect(read.values[row * 40 + column] == Int32(stored ?? 0))
                }
            }
        }
    }

    @Test(arguments: [("EPSG:32632", 37.0), ("EPSG:3857", 61.0), ("EPSG:4326", 0.000_31), ("EPSG:3035", 24.0)])
    func `in another CRS too the class that most of a pixel shows wins`(crs: String, size: Double) throws {
        let classes = Classes(width: 200, height: 200, value: Self.cover)
        try classes.write(to: folder.file("c.tif"))
        let to = try CoordinateTransformer(from: .init("EPSG:32633"), to: .init(crs))
        let corner = try #require(to.transform([(500_700, 4_999_500)])[0])
        let grid = Grid(
            crs: .init(crs), transform: .init(originX: corner.x, originY: corner.y, pixelSize: size), width: 12,
            height: 10)
        let read = try ClassRaster(path: folder.file("c.tif")).values(onto: grid)
        let back = try CoordinateTransformer(from: .init(crs), to: .init("EPSG:32633"))
        var decided = 0
        let samples = 40
        for row in 0..<grid.height {
            for column in 0..<grid.width {
                var points: [(x: Double, y: Double)] = []
                for y in 0..<samples {
                    for x in 0..<samples {
                        points.append(
                            grid.transform.point(
                                column: Double(column) + (Double(x) + 0.5) / Double(samples),
                                row: Double(row) + (Double(y) + 0.5) / Double(samples)))
                    }
                }
                var votes: [Int32: Int] = [:]
                for point in back.transform(points) {
                    let place = try #require(point)
                    let at = try #require(classes.grid.pixel(x: place.x, y: place.y))
                    if let value = Self.cover(at.column, at.row) { votes[Int32(value), default: 0] += 1 }
                }
                let all = samples * samples
                let share = votes.values.reduce(0, +)
                let ranked = votes.sorted { $0.value > $1.value }
                let index = row * grid.width + column
                // Samples are off by about their own share of the outlines.
                let slack = all / 25
                if abs(2 * share - all) > slack { #expect(read.validity[index] == (2 * share > all)) }
                guard read.validity[index], ranked.count < 2 || ranked[0].value - ranked[1].value > slack else {
                    continue
                }
                #expect(read.values[index] == ranked[0].key, "\(column) \(row): \(votes)")
                decided += 1
            }
        }
        #expect(decided > 40, "\(decided)")
    }

    @Test(arguments: [
        ("EPSG:32633", 31.3), ("EPSG:32633", 6.1), ("EPSG:32632", 17.9), ("EPSG:3857", 53.7), ("EPSG:4326", 0.000_23),
    ])
    func `a window of a grid has what the whole grid has there`(crs: String, size: Double) throws {
        let classes = Classes(width: 260, height: 240, value: Self.cover)
        try classes.write(to: folder.file("c.tif"))
        let raster = try ClassRaster(path: folder.file("c.tif"))
        let to = try CoordinateTransformer(from: .init("EPSG:32633"), to: .init(crs))
        let bounds = try #require(to.bounds(classes.grid.bounds))
        let grid = Grid(
            crs: .init(crs),
            transform: .init(originX: bounds.minX - 3.3 * size, originY: bounds.maxY + 5.1 * size, pixelSize: size),
            width: min(300, Int(bounds.width / size) + 9), height: min(260, Int(bounds.height / size) + 9))
        let whole = try raster.values(onto: grid)
        #expect(whole.validity.contains(true) && whole.validity.contains(false))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<10 {
            let column = Int.random(in: 0..<grid.width - 1, using: &random)
            let row = Int.random(in: 0..<grid.height - 1, using: &random)
            let window = PixelWindow(
                column: column, row: row, width: Int.random(in: 1...grid.width - column, using: &random),
                height: Int.random(in: 1...grid.height - row, using: &random))
            let part = try raster.values(onto: grid.grid(of: window))
            var same = true
            for r in 0..<window.height {
                for c in 0..<window.width {
                    let here = r * window.width + c
                    let there = (row + r) * grid.width + column + c
                    same = same && part.values[here] == whole.values[there]
                    same = same && part.validity[here] == whole.validity[there]
                }
            }
            #expect(same, "\(crs) \(window)")
        }
    }

    @Test func `turned rasters are read by their own pixels`() throws {
        // Turned by 30 degrees: squares of 8 x 8 source pixels hold one class each.
        let (sine, cosine) = (0.5, 0.75.squareRoot())
        let classes = Classes(
            width: 96, height: 96,
            transform: GeoTransform(
                originX: 500_000, columnX: 10 * cosine, rowX: 10 * sine, originY: 5_000_000, columnY: 10 * sine,
                rowY: -10 * cosine)
        ) { column, row in UInt8((column / 8 + row / 8 * 3) % 7) }
        try classes.write(to: folder.file("c.tif"))
        let raster = try ClassRaster(path: folder.file("c.tif"))
        let middle = classes.grid.transform.point(column: 48, row: 48)
        let grid = Grid(
            crs: .init("EPSG:32633"),
            transform: .init(originX: middle.x - 200, originY: middle.y + 200, pixelSize: 25), width: 16, height: 16)
        let read = try raster.values(onto: grid)
        var inside = 0
        for row in 0..<16 {
            for column in 0..<16 {
                let corners = [(0.0, 0.0), (1, 0), (0, 1), (1, 1)].compactMap { corner in
                    let place = grid.transform.point(column: Double(column) + corner.0, row: Double(row) + corner.1)
                    return classes.grid.transform.pixel(x: place.x, y: place.y)
                }
                let blocks = Set(corners.map { [Int($0.column) / 8, Int($0.row) / 8] })
                guard blocks.count == 1, let block = blocks.first else { continue }
                inside += 1
                #expect(read.values[row * 16 + column] == Int32((block[0] + block[1] * 3) % 7))
            }
        }
        #expect(inside > 20 && !read.validity.contains(false))
    }

    @Test func `places that one of the two lacks are an error`() throws {
        let classes = Classes(width: 20, height: 20, value: Self.cover)
        try classes.write(to: folder.file("c.tif"))
        var nowhere = classes.grid
        nowhere.crs = nil
        let error = try refusal { _ = try ClassRaster(path: folder.file("c.tif")).values(onto: nowhere) }
        #expect(error.code == .noCRS)
    }

    // MARK: - Types and bands

    @Test func `numbers of 32 bits are exact`() throws {
        let path = try folder.write(
            "ncols 3\nnrows 2\nxllcorner 500000\nyllcorner 5000000\ncellsize 10\nNODATA_value -9999\n100000001 -7 3\n-9999 3 3\n",
            to: "c.asc")
        let raster = try ClassRaster(path: path)
        #expect(raster.storedType == "Int32")
        let read = try raster.values(onto: raster.grid)
        #expect(read.values == [100_000_001, -7, 3, 0, 3, 3])
        #expect(read.validity == [true, true, true, false, true, true])
        let counts = try raster.histogram()
        #expect(counts.map(\.value) == [-7, 3, 100_000_001] && counts.map(\.count) == [1, 3, 1])
    }

    @Test func `64 bits are read with their nodata, and refused beyond 32`() throws {
        let values: [UInt8] = [7, 1, 2, 7]
        try writeRaster(
            PixelBuffer(bands: 1, height: 1, width: 4, samples: .uint8(values)), to: folder.file("bytes.tif"),
            format: RasterFormat(sampleType: .uint8, bands: [BandInfo(name: "a")]))
        var virtual = VirtualRaster(
            over: folder.file("bytes.tif"), width: 4, height: 1, bands: [.init(1, "<NoDataValue>7</NoDataValue>")])
        virtual.type = "Int64"
        try virtual.write(to: folder.file("wide.vrt"))
        let wide = try ClassRaster(path: folder.file("wide.vrt"))
        let read = try wide.values(onto: wide.grid)
        #expect(read.values == [0, 1, 2, 0] && read.validity == [false, true, true, false])

        try writeRaster(
            PixelBuffer(bands: 1, height: 1, width: 2, samples: .float32([4_294_967_040, 5])),
            to: folder.file("floats.tif"), format: RasterFormat(sampleType: .float32, bands: [BandInfo(name: "a")]))
        virtual = VirtualRaster(over: folder.file("floats.tif"), width: 2, height: 1, bands: [.init(1)])
        virtual.type = "UInt32"
        try virtual.write(to: folder.file("large.vrt"))
        let large = try ClassRaster(path: folder.file("large.vrt"))
        let error = try refusal { _ = try large.values(onto: large.grid) }
        #expect(error.code == .badLabels && error.what.contains("4294967040"))
        #expect(error.remedy?.contains("-a_nodata 4294967040") == true)
    }

    @Test func `floating point is refused, whatever it holds`() throws {
        for (nodata, command) in [(-1.0, "gdal_translate -ot Int32"), (.nan, "gdalwarp -ot Int32 -dstnodata")] {
            try writeRaster(
                PixelBuffer(bands: 1, height: 1, width: 2, samples: .float32([1, 2])), to: folder.file("f.tif"),
                format: RasterFormat(sampleType: .float32, nodata: nodata, bands: [BandInfo(name: "a")]),
                overwrite: true)
            let error = try refusal { _ = try ClassRaster(path: folder.file("f.tif")) }
            #expect(error.code == .badLabels && error.what.contains("Float32") && error.place.hasSuffix("f.tif"))
            #expect(error.remedy?.contains(command) == true, "\(error)")
        }
    }

    @Test func `several bands need a choice`() throws {
        try RampRaster(width: 20, height: 10).write(to: folder.file("three.tif"))
        let error = try refusal { _ = try ClassRaster(path: folder.file("three.tif")) }
        #expect(error.code == .badLabels && error.what.contains("3 bands"))
        #expect(error.remedy?.contains("gdal_translate -b N") == true)
        let ramp = RampRaster(width: 20, height: 10)
        let second = try ClassRaster(path: folder.file("three.tif"), band: 2)
        #expect(try second.values(onto: ramp.grid).values[0] == Int32(ramp.stored(band: 2, row: 0, column: 0)))
        let missing = try refusal { _ = try ClassRaster(path: folder.file("three.tif"), band: 4) }
        #expect(missing.code == .readFailed && missing.what.contains("no band 4"))
    }

    // MARK: - Histogram, names, colours

    @Test func `the histogram counts every valid pixel`() throws {
        let classes = Classes(width: 700, height: 333, value: Self.cover)
        try classes.write(to: folder.file("c.tif"))
        var expected: [Int: Int] = [:]
        for row in 0..<333 {
            for column in 0..<700 { if let value = Self.cover(column, row) { expected[Int(value), default: 0] += 1 } }
        }
        let raster = try ClassRaster(path: folder.file("c.tif"))
        let counts = try raster.histogram()
        #expect(counts.map(\.value) == expected.keys.sorted())
        #expect(counts.allSatisfy { expected[$0.value] == $0.count })
        let tooMany = try refusal { _ = try raster.histogram(most: 5) }
        #expect(tooMany.code == .badLabels && tooMany.what.contains("more than 5"))
        let stopped = try refusal { _ = try raster.histogram(progress: { _ in false }) }
        #expect(stopped.code == .cancelled)
    }

    @Test(arguments: [false, true])
    func `names, colours and counts are written and read again`(optimized: Bool) throws {
        var classes = Classes(width: 100, height: 80) { column, row in column < 50 ? 3 : row < 2 ? nil : 200 }
        classes.palette = [
            .init(index: 3, colour: [200, 10, 0, 255], name: "wood & scrub"),
            .init(index: 200, colour: [0, 20, 250, 255], name: "water"),
            .init(index: 255, colour: [0, 0, 0, 0], name: ""),
        ]
        try classes.write(
            to: folder.file("c.tif"), cloudOptimized: optimized, counts: [3: 4000, 200: 3_900_000_000])
        #expect(folder.contents == ["c.tif", "c.tif.aux.xml"])
        let text = try String(contentsOfFile: folder.file("c.tif.aux.xml"), encoding: .utf8)
        #expect(text.contains("<GDALRasterAttributeTable") && text.contains("thematic"))
        for column in ["Value", "Class", "Red", "Green", "Blue", "Alpha", "Count"] {
            #expect(text.contains("<Name>\(column)</Name>"), "\(column)")
        }
        #expect(text.contains("<F>3900000000</F>") && text.contains("<Category>water</Category>"))
        let raster = try ClassRaster(path: folder.file("c.tif"))
        #expect(raster.names == [3: "wood & scrub", 200: "water"])
        #expect(raster.colours[3] == [200, 10, 0] && raster.colours[200] == [0, 20, 250])
        #expect(raster.colours[4] == nil, "a clear entry is one that nobody set")
        #expect(try raster.histogram().map(\.count) == [4000, 3900])
        // Unset entries stay clear.
        let shown = try RasterReader(path: folder.file("c.tif")).read(
            PixelWindow(column: 60, row: 0, width: 1, height: 3))
        #expect(shown.validity == [false, false, true])
        // Without counts there is no such column.
        try classes.write(to: folder.file("c.tif"), cloudOptimized: optimized)
        let plain = try String(contentsOfFile: folder.file("c.tif.aux.xml"), encoding: .utf8)
        #expect(plain.contains("<Name>Alpha</Name>") && !plain.contains("<Name>Count</Name>"))
    }

    @Test func `tables of other programs are understood`() throws {
        try Classes(width: 4, height: 4) { _, _ in 11 }.write(to: folder.file("c.tif"))
        func field(_ index: Int, _ name: String, _ type: Int, _ usage: Int) -> String {
            "<FieldDefn index=\"\(index)\"><Name>\(name)</Name><Type>\(type)</Type><Usage>\(usage)</Usage></FieldDefn>"
        }
        func read(_ fields: [String], _ rows: [[String]]) throws -> ClassRaster {
            let lines = rows.enumerated().map { index, row in
                "<Row index=\"\(index)\">" + row.map { "<F>\($0)</F>" }.joined() + "</Row>"
            }
            _ = try folder.write(
                "<PAMDataset><PAMRasterBand band=\"1\"><GDALRasterAttributeTable>"
                    + fields.joined() + lines.joined()
                    + "</GDALRasterAttributeTable></PAMRasterBand></PAMDataset>",
                to: "c.tif.aux.xml")
            return try ClassRaster(path: folder.file("c.tif"))
        }
        // Usages left open, colours as parts of 1, another name for the name.
        let esri = try read(
            [
                field(0, "VALUE", 0, 0), field(1, "COUNT", 0, 1), field(2, "NLCD Land Cover Class", 2, 0),
                field(3, "RED", 1, 0), field(4, "GREEN", 1, 0), field(5, "BLUE", 1, 0),
            ], [["11", "16", "Open Water ", "0", "0.2", "1"], ["95", "0", "", "0.4", "1", "0"]])
        #expect(esri.names == [11: "Open Water"])
        #expect(esri.colours == [11: [0, 51, 255], 95: [102, 255, 0]])
        // Ranges stand for a class only where they hold one number.
        let ranges = try read(
            [field(0, "low", 1, 3), field(1, "high", 1, 4), field(2, "what", 2, 2)],
            [["1", "1", "one"], ["2", "5", "some"]])
        #expect(ranges.names == [1: "one"] && ranges.colours.isEmpty)
        // Without any column of values the rows are numbered.
        let rows = try read([field(0, "Class_Names", 2, 0)], [["unclassified"], ["forest"]])
        #expect(rows.names == [0: "unclassified", 1: "forest"])
        // Names of nothing: a table of counts.
        #expect(try read([field(0, "Histogram", 1, 1)], [["4"], ["5"]]).names.isEmpty)
    }
}
