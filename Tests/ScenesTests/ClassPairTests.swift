// Images with classes and with labels that people drew, on one grid.
import Foundation
import Geo
import Raster
import Scenes
import Telemetry
import TestSupport
import Testing

/// Three classes whose numbers in files are other than their indices; 90 is left out.
private let legend = Legend(
    [
        LegendClass(id: 1, name: "water", colour: [0, 0, 255], sources: [.number(40)]),
        LegendClass(id: 2, name: "forest", colour: [0, 99, 0], sources: [.number(10), .text("wood")]),
        LegendClass(id: 3, name: "field", colour: [255, 200, 0], sources: [.number(20), .text("field")]),
    ], ignored: [.number(90), .text("cloud")])

/// What stands for the class of an index in files.
private let stored: [UInt8] = [40, 10, 20]

private let layout = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 32, gsd: 10, stretch: .none)

/// Writes a raster of classes, 255 where there is none.
private func writeClasses(
    _ path: String, crs: String = "EPSG:32633", x: Double = 500_000, y: Double = 5_000_000, pixel: Double = 10,
    width: Int, height: Int, value: (_ column: Int, _ row: Int) -> UInt8
) throws {
    var values: [UInt8] = []
    for row in 0..<height { for column in 0..<width { values.append(value(column, row)) } }
    let grid = Grid(
        crs: CoordinateReferenceSystem(crs), transform: GeoTransform(originX: x, originY: y, pixelSize: pixel),
        width: width, height: height)
    try writeRaster(
        PixelBuffer(bands: 1, height: height, width: width, samples: .uint8(values), grid: grid), to: path,
        format: RasterFormat(sampleType: .uint8, nodata: 255, bands: [BandInfo(name: "cover")]), overwrite: true)
}

private func pair(_ folder: TemporaryFolder, aoi: String? = nil, pool: PairPool = PairPool()) throws -> RasterPair {
    try RasterPair(
        image: folder.file("scene.tif"), truth: .classes(path: folder.file("cover.tif"), band: 1, legend: legend),
        layout: layout, aoi: aoi, pool: pool)
}

/// Expects the truth of a crop; `nil` for a pixel that is not valid.
private func expectTruth(
    _ crop: PairCrop, sourceLocation: SourceLocation = #_sourceLocation,
    _ expected: (_ column: Int, _ row: Int) -> UInt8?
) {
    guard case .uint8(let indices) = crop.target.samples else {
        Issue.record("the truth is not of bytes", sourceLocation: sourceLocation)
        return
    }
    var wrong: [String] = []
    for row in 0..<crop.target.height {
        for column in 0..<crop.target.width {
            let wanted = expected(column, row)
            let found = indices[row * crop.target.width + column]
            let isValid = crop.target.isValid(row: row, column: column)
            if isValid != (wanted != nil) || found != wanted ?? 0 {
                wrong.append(
                    "\(column),\(row): \(isValid ? "\(found)" : "none"), not \(wanted.map { "\($0)" } ?? "none")")
            }
        }
    }
    #expect(wrong.isEmpty, "\(wrong.count) pixels: \(wrong.prefix(5))", sourceLocation: sourceLocation)
}

struct ClassPairTests {
    let folder = TemporaryFolder()

    /// An index that hangs on the place alone.
    private func index(_ column: Int, _ row: Int) -> Int { Int(noise(column, row)) % 3 }

    @Test func `on the image's own grid each pixel has the index of its value`() throws {
        try writeScene(folder.file("scene.tif"))
        try writeClasses(folder.file("cover.tif"), width: 100, height: 90) { column, row in
            switch (column + row) % 7 {
            case 0: 255
            case 1: 90
            default: stored[index(column, row)]
            }
        }
        let pair = try pair(folder)
        #expect(pair.grid.width == 150 && pair.grid.height == 120, "the grid is the image's, as labels may be sparse")
        #expect(pair.truth.legend == legend && pair.truth.path == folder.file("cover.tif"))
        let crop = try pair.crop(PixelWindow(column: 30, row: 20, width: 40, height: 24))
        #expect(crop.target.sampleType == .uint8 && crop.target.bands == 1)
        // Neither nodata nor a value that the legend leaves out is a label.
        expectTruth(crop) { column, row in
            (column + row + 50) % 7 < 2 ? nil : UInt8(index(30 + column, 20 + row))
        }
        #expect(crop.image[1, 3, 5] == Float(noise(50_035, -499_977, 1)) && crop.image.validity == nil)
    }

    @Test func `a coarser truth gives each pixel the class that it lies in`() throws {
        try writeScene(folder.file("scene.tif"))
        try writeClasses(folder.file("cover.tif"), pixel: 40, width: 25, height: 22) { stored[index($0, $1)] }
        let crop = try pair(folder).crop(PixelWindow(column: 6, row: 9, width: 50, height: 40))
        expectTruth(crop) { column, row in UInt8(index((6 + column) / 4, (9 + row) / 4)) }
    }

    @Test func `a finer truth gives each pixel its most frequent class, which its centre need not have`() throws {
        try writeScene(folder.file("scene.tif"))
        // Of the 16 values in a pixel 7, 5 and 4 are of one class; the one below and right of its centre is of the second.
        try writeClasses(folder.file("cover.tif"), pixel: 2.5, width: 400, height: 360) { column, row in
            let first = index(column / 4, row / 4)
            let place = row % 4 * 4 + column % 4
            return stored[(first + (place < 7 ? 0 : place < 12 ? 1 : 2)) % 3]
        }
        let crop = try pair(folder).crop(PixelWindow(column: 11, row: 5, width: 60, height: 50))
        expectTruth(crop) { column, row in UInt8(index(11 + column, 5 + row)) }
    }

    @Test func `values that are left out have votes of their own`() throws {
        try writeScene(folder.file("scene.tif"))
        // Three quarters of a pixel are left out, or a quarter is.
        try writeClasses(folder.file("cover.tif"), pixel: 5, width: 200, height: 180) { column, row in
            let isMostlyOut = (column / 2 + row / 2) % 2 == 0
            let isCorner = column % 2 == 0 && row % 2 == 0
            return isCorner == isMostlyOut ? 10 : 90
        }
        let crop = try pair(folder).crop(PixelWindow(column: 0, row: 0, width: 40, height: 30))
        expectTruth(crop) { column, row in (column + row) % 2 == 0 ? nil : 1 }
    }

    @Test(arguments: [("EPSG:3857", 60.0), ("EPSG:32632", 45.0), ("EPSG:4326", 0.0007)])
    func `a truth in another CRS gives each pixel the class at its centre`(crs: String, pixel: Double) throws {
        try writeScene(folder.file("scene.tif"))
        let transformer = try CoordinateTransformer(
            from: CoordinateReferenceSystem("EPSG:32633"), to: CoordinateReferenceSystem(crs))
        let corner = try #require(transformer.transform([(x: 500_000, y: 5_000_000)])[0])
        try writeClasses(
            folder.file("cover.tif"), crs: crs, x: corner.x - 20 * pixel, y: corner.y + 20 * pixel, pixel: pixel,
            width: 90, height: 90
        ) { stored[index($0, $1)] }
        let pair = try pair(folder)
        let truth = Grid(
            crs: CoordinateReferenceSystem(crs),
            transform: GeoTransform(originX: corner.x - 20 * pixel, originY: corner.y + 20 * pixel, pixelSize: pixel),
            width: 90, height: 90)
        let window = PixelWindow(column: 10, row: 10, width: 60, height: 60)
        let crop = try pair.crop(window)
        let grid = pair.grid.grid(of: window)
        let centres = (0..<3600).map { grid.transform.point(column: Double($0 % 60) + 0.5, row: Double($0 / 60) + 0.5) }
        let places = transformer.transform(centres)
        var compared = 0
        var seen: Set<UInt8> = []
        for row in 0..<60 {
            for column in 0..<60 {
                let place = try #require(places[row * 60 + column])
                let across = (place.x - truth.transform.originX) / pixel
                let down = (truth.transform.originY - place.y) / pixel
                // A centre on an edge may fall to either side.
                guard abs(across - across.rounded()) > 0.01, abs(down - down.rounded()) > 0.01 else { continue }
                let expected = index(Int(across), Int(down))
                #expect(crop.target[0, row, column] == Float(expected), "\(column), \(row)")
                #expect(crop.target.isValid(row: row, column: column))
                compared += 1
                seen.insert(UInt8(expected))
            }
        }
        #expect(compared > 3000 && seen.count == 3)
    }

    @Test func `a value that the legend does not name is an error with a remedy`() throws {
        try writeScene(folder.file("scene.tif"))
        try writeClasses(folder.file("cover.tif"), width: 100, height: 90) { column, row in
            column == 70 && row == 60 ? 77 : 10
        }
        let pair = try pair(folder)
        let error = try #require(throws: SceneError.self) {
            try pair.crop(PixelWindow(column: 60, row: 50, width: 32, height: 32))
        }
        #expect(error.code == .badPairs && error.what == "the legend does not say what the value 77 stands for")
        #expect(error.place == folder.file("cover.tif"))
        #expect(error.remedy == "add the value to a class of the legend, or to those that it ignores")
    }

    @Test func `numbers with a fraction are no classes`() throws {
        try writeScene(folder.file("scene.tif"))
        try RampRaster(sampleType: .float32, bands: 1).write(to: folder.file("cover.tif"))
        let error = try #require(throws: RasterError.self) {
            try pair(folder).crop(PixelWindow(column: 0, row: 0, width: 8, height: 8))
        }
        #expect(error.code == .badLabels && error.remedy?.contains("gdal_translate -ot Int32") == true)
    }

    @Test func `the grid is the image's, and an area ends what the truth says`() throws {
        try writeScene(folder.file("scene.tif"))
        try writeClasses(folder.file("cover.tif"), x: 500_700, width: 200, height: 50) { stored[index($0, $1)] }
        let whole = try pair(folder)
        #expect(whole.grid.bounds == Bounds(minX: 500_000, minY: 4_998_800, maxX: 501_500, maxY: 5_000_000))
        let crop = try whole.crop(PixelWindow(column: 66, row: 45, width: 16, height: 10))
        expectTruth(crop) { column, row in
            column >= 4 && row < 5 ? UInt8(index(column - 4, 45 + row)) : nil
        }
        try writeArea(folder.file("area.geojson"), [[rectangle(500_760, 4_999_700, 501_000, 4_999_900)]])
        let limited = try pair(folder, aoi: folder.file("area.geojson"))
        #expect(whole.grid.bounds.minX <= limited.grid.bounds.minX && limited.grid.width < whole.grid.width)
        let column = limited.window.column - whole.window.column
        let row = limited.window.row - whole.window.row
        let inside = try limited.crop(
            PixelWindow(column: 0, row: 0, width: limited.grid.width, height: limited.grid.height))
        expectTruth(inside) { x, y in
            let place = (x: 500_005 + 10 * Double(column + x), y: 4_999_995 - 10 * Double(row + y))
            let isInside = (500_760..<501_000).contains(place.x) && (4_999_700..<4_999_900).contains(place.y)
            return isInside ? UInt8(index(column + x - 70, row + y)) : nil
        }
        // What the network sees stays whole.
        #expect(inside.image.validity == nil)
    }

    @Test func `a truth elsewhere is refused with both bounds`() throws {
        try writeScene(folder.file("scene.tif"))
        try writeClasses(folder.file("cover.tif"), x: 700_000, width: 20, height: 20) { _, _ in 10 }
        let error = try #require(throws: SceneError.self) { try pair(folder) }
        #expect(error.code == .badPairs && error.what == "the image and the target do not overlap")
        #expect(error.causes.count == 2 && error.causes.allSatisfy { $0.contains("bounds") })
        #expect(error.remedy?.contains("gdalinfo '\(folder.file("cover.tif"))'") == true)
    }

    @Test func `crops do not depend on the thread, on the order or on the cache`() async throws {
        try writeScene(folder.file("scene.tif"), pixel: 0.7, width: 900, height: 800)
        try writeClasses(folder.file("cover.tif"), pixel: 0.3, width: 2000, height: 1800) {
            stored[index($0 / 9, $1 / 7)]
        }
        let fine = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 32, gsd: 0.6, stretch: .none)
        let truth = PairTruth.classes(path: folder.file("cover.tif"), band: 1, legend: legend)
        let places = (0..<40).map { PixelWindow(column: $0 * 21, row: $0 * 17, width: 64, height: 64) }
        let single = try RasterPair(image: folder.file("scene.tif"), truth: truth, layout: fine)
        let expected = try places.map { try single.crop($0) }
        #expect(expected[1].target.validFraction == 1)
        let small = try RasterPair(
            image: folder.file("scene.tif"), truth: truth, layout: fine, pool: PairPool(megabytes: 1, openPairs: 1))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for (number, place) in places.enumerated().reversed() {
                let wanted = expected[number]
                group.addTask {
                    let crop = try small.crop(place)
                    return crop.image == wanted.image && crop.target == wanted.target
                }
            }
            for try await equal in group { #expect(equal) }
        }
    }
}

struct LabelPairTests {
    let folder = TemporaryFolder()

    /// Writes features in UTM zone 33 north, each with its class and its geometry.
    private func labels(_ features: [(kind: String, geometry: String)]) throws -> LabelLayer {
        let texts = features.map {
            #"{"type":"Feature","properties":{"kind":"\#($0.kind)"},"geometry":\#($0.geometry)}"#
        }
        let crs = #""crs":{"type":"name","properties":{"name":"EPSG:32633"}}"#
        return try LabelLayer(
            path: try folder.write(
                #"{"type":"FeatureCollection",\#(crs),"features":[\#(texts.joined(separator: ","))]}"#,
                to: "labels.geojson"))
    }

    private func polygon(_ points: [(Double, Double)]) -> String {
        let ring = (points + points.prefix(1)).map { "[\($0.0),\($0.1)]" }.joined(separator: ",")
        return #"{"type":"Polygon","coordinates":[[\#(ring)]]}"#
    }

    private func box(_ minX: Double, _ minY: Double, _ maxX: Double, _ maxY: Double) -> String {
        polygon([(minX, minY), (maxX, minY), (maxX, maxY), (minX, maxY)])
    }

    private func pair(
        _ layer: LabelLayer, allTouched: Bool = false, lineWidth: Double? = nil, aoi: String? = nil,
        pool: PairPool = PairPool()
    ) throws -> RasterPair {
        try RasterPair(
            image: folder.file("scene.tif"),
            truth: .labels(layer, legend: legend, allTouched: allTouched, lineWidth: lineWidth), layout: layout,
            aoi: aoi, pool: pool)
    }

    /// Expects the class of every pixel of a pair by the place of its centre.
    private func expectLabels(
        _ pair: RasterPair, sourceLocation: SourceLocation = #_sourceLocation,
        _ expected: (_ x: Double, _ y: Double) -> UInt8?
    ) throws {
        let crop = try pair.crop(PixelWindow(column: 0, row: 0, width: pair.grid.width, height: pair.grid.height))
        let transform = pair.grid.transform
        expectTruth(crop, sourceLocation: sourceLocation) { column, row in
            let place = transform.point(column: Double(column) + 0.5, row: Double(row) + 0.5)
            return expected(place.x, place.y)
        }
    }

    @Test func `polygons label the pixels whose centres they hold, and nothing else`() throws {
        try writeScene(folder.file("scene.tif"))
        let layer = try labels([
            ("wood", box(500_200, 4_999_500, 500_400, 4_999_800)),
            (
                "field",
                polygon([(500_406, 4_999_506), (500_596, 4_999_506), (500_596, 4_999_794), (500_406, 4_999_794)])
            ),
            ("cloud", box(500_250, 4_999_600, 500_300, 4_999_650)),
        ])
        let pair = try pair(layer)
        #expect(pair.truth.legend == legend && pair.truth.path == layer.path)
        // Crops may reach beyond labels, which are often smaller than a crop.
        #expect(pair.grid.bounds == Bounds(minX: 500_000, minY: 4_998_800, maxX: 501_500, maxY: 5_000_000))
        try expectLabels(pair) { x, y in
            guard y > 4_999_500, y < 4_999_800 else { return nil }
            // Under the cloud nobody knows.
            if (500_250..<500_300).contains(x), (4_999_600..<4_999_650).contains(y) { return nil }
            if (500_200..<500_400).contains(x) { return 1 }
            return (500_406..<500_596).contains(x) && (4_999_506..<4_999_794).contains(y) ? 2 : nil
        }
    }

    @Test func `pixels that two classes claim count for neither, and are counted once`() throws {
        try writeScene(folder.file("scene.tif"))
        let layer = try labels([
            ("wood", box(500_200, 4_999_500, 500_400, 4_999_800)),
            ("field", box(500_300, 4_999_750, 500_500, 4_999_900)),
            // Twice the same is no conflict.
            ("wood", box(500_200, 4_999_500, 500_250, 4_999_550)),
        ])
        let pool = PairPool()
        let pair = try pair(layer, pool: pool)
        for _ in 0..<2 {
            try expectLabels(pair) { x, y in
                let isWood = (500_200..<500_400).contains(x) && (4_999_500..<4_999_800).contains(y)
                let isField = (500_300..<500_500).contains(x) && (4_999_750..<4_999_900).contains(y)
                return isWood == isField ? nil : isWood ? 1 : 2
            }
            // 100 m by 50 m.
            #expect(pool.rejectedPixels == 50)
        }
        // Of these an area holds 40 m by 50 m; others are beyond the image.
        try writeArea(folder.file("area.geojson"), [[rectangle(500_360, 4_999_600, 500_450, 5_000_000)]])
        let far = try labels([
            ("wood", box(499_000, 4_999_500, 500_400, 4_999_800)),
            ("field", box(499_000, 4_999_750, 500_500, 4_999_900)),
        ])
        for (aoi, expected) in [(folder.file("area.geojson"), 20), (nil, 200)] as [(String?, Int)] {
            let pool = PairPool()
            let limited = try self.pair(far, aoi: aoi, pool: pool)
            _ = try limited.target(
                PixelWindow(column: 0, row: 0, width: limited.grid.width, height: limited.grid.height))
            #expect(pool.rejectedPixels == expected)
        }
    }

    @Test func `touched pixels are labelled where they are asked for`() throws {
        try writeScene(folder.file("scene.tif"))
        // Covers no centre, but touches two by three pixels.
        let layer = try labels([
            ("wood", box(500_207, 4_999_782, 500_213, 4_999_803)),
            ("field", box(500_300, 4_999_700, 500_400, 4_999_790)),
        ])
        func isField(_ x: Double, _ y: Double) -> Bool {
            (500_300..<500_400).contains(x) && (4_999_700..<4_999_790).contains(y)
        }
        try expectLabels(try pair(layer)) { x, y in isField(x, y) ? 2 : nil }
        let touched = try pair(layer, allTouched: true)
        let crop = try touched.crop(PixelWindow(column: 0, row: 0, width: 10, height: touched.grid.height))
        let column = Int((500_200 - touched.grid.bounds.minX) / 10)
        let row = Int((touched.grid.bounds.maxY - 4_999_810) / 10)
        expectTruth(crop) { x, y in
            (column..<column + 2).contains(x) && (row..<row + 3).contains(y) ? 1 : nil
        }
    }

    @Test func `a polygon that crosses itself labels both of its triangles`() throws {
        try writeScene(folder.file("scene.tif"))
        let layer = try labels([
            (
                "wood",
                polygon([(500_200, 4_999_500), (500_400, 4_999_803), (500_400, 4_999_500), (500_200, 4_999_803)])
            )
        ])
        try expectLabels(try pair(layer)) { x, y in
            guard (500_200..<500_400).contains(x) else { return nil }
            // Above one diagonal and below the other, whichever is the higher one.
            let rise = 1.515 * (x - 500_200)
            return (y - 4_999_500 - rise) * (4_999_803 - rise - y) > 0 ? 1 : nil
        }
    }

    @Test func `lines have a width on the ground, points are one pixel`() throws {
        try writeScene(folder.file("scene.tif"))
        let layer = try labels([
            ("wood", #"{"type":"LineString","coordinates":[[500200,4999900],[500600,4999900]]}"#),
            ("field", #"{"type":"Point","coordinates":[500403,4999648]}"#),
        ])
        func isPoint(_ x: Double, _ y: Double) -> Bool { abs(x - 500_405) < 1 && abs(y - 4_999_645) < 1 }
        // 40 m wide: centres at 5 and at 15 m; the half circles at the ends reach 19.4 m and 13.2 m further.
        try expectLabels(try pair(layer, lineWidth: 40)) { x, y in
            if isPoint(x, y) { return 2 }
            let away = abs(y - 4_999_900)
            let reach = away < 10 ? 19.0 : away < 20 ? 13.0 : -1
            return reach > 0 && x > 500_200 - reach && x < 500_600 + reach ? 1 : nil
        }
        // Without a width: the pixels that it passes through.
        let thin = try labels([("wood", #"{"type":"LineString","coordinates":[[500203,4999903],[500597,4999903]]}"#)])
        try expectLabels(try pair(thin)) { x, y in
            (500_200..<500_600).contains(x) && abs(y - 4_999_905) < 1 ? 1 : nil
        }
    }

    @Test func `labels in degrees lie where their corners lie`() throws {
        try writeScene(folder.file("scene.tif"))
        let toDegrees = try CoordinateTransformer(from: CoordinateReferenceSystem("EPSG:32633"), to: .wgs84)
        // Small enough for edges that are straight in degrees to be straight here.
        let ring = toDegrees.transform(
            [(500_202, 4_999_502), (500_398, 4_999_502), (500_398, 4_999_798), (500_202, 4_999_798)].map {
                (x: $0.0, y: $0.1)
            }
        ).compactMap { $0 }
        let text = (ring + ring.prefix(1)).map { "[\($0.x),\($0.y)]" }.joined(separator: ",")
        let path = try folder.write(
            #"{"type":"Feature","properties":{"kind":"field"},"geometry":{"type":"Polygon","coordinates":[[\#(text)]]}}"#,
            to: "degrees.geojson")
        try expectLabels(try pair(try LabelLayer(path: path))) { x, y in
            (500_202..<500_398).contains(x) && (4_999_502..<4_999_798).contains(y) ? 2 : nil
        }
    }

    @Test func `an area ends what labels say, not what the network sees`() throws {
        try writeScene(folder.file("scene.tif"))
        try writeArea(folder.file("area.geojson"), [[rectangle(500_250, 4_999_600, 500_330, 4_999_760)]])
        let layer = try labels([("wood", box(500_200, 4_999_500, 500_400, 4_999_700))])
        let pair = try pair(layer, aoi: folder.file("area.geojson"))
        try expectLabels(pair) { x, y in
            (500_250..<500_330).contains(x) && (4_999_600..<4_999_700).contains(y) ? 1 : nil
        }
        let crop = try pair.crop(PixelWindow(column: 0, row: 0, width: 4, height: 4))
        #expect(crop.image.validity == nil)
    }

    @Test func `labels that never meet the image are refused with both bounds`() throws {
        try writeScene(folder.file("scene.tif"))
        let layer = try labels([("wood", box(700_000, 4_999_500, 700_400, 4_999_800))])
        let error = try #require(throws: SceneError.self) { try pair(layer) }
        #expect(error.code == .badPairs && error.what == "the image and the target do not overlap")
        #expect(error.place == folder.file("scene.tif") && error.causes.count == 2)
        #expect(error.causes.first?.hasPrefix("the image's bounds are 15 45.14") == true, "\(error.causes)")
        #expect(error.causes.last?.hasPrefix("the bounds of \(layer.path) are 17.5") == true, "\(error.causes)")
        #expect(error.remedy?.contains("ogrinfo -al -so '\(layer.path)'") == true)
        #expect(error.remedy?.contains("gdalinfo '\(folder.file("scene.tif"))'") == true)
        // So are those that an area parts from it.
        try writeArea(folder.file("area.geojson"), [[rectangle(501_000, 4_999_000, 501_100, 4_999_100)]])
        let near = try labels([("wood", box(500_200, 4_999_500, 500_400, 4_999_700))])
        let apart = try #require(throws: SceneError.self) { try pair(near, aoi: folder.file("area.geojson")) }
        #expect(apart.what.contains("the area of interest") && apart.causes.count == 3)
    }

    @Test func `a value that the legend does not name is an error with a remedy`() throws {
        try writeScene(folder.file("scene.tif"))
        let layer = try labels([("swamp", box(500_200, 4_999_500, 500_400, 4_999_800))])
        let pair = try pair(layer)
        let error = try #require(throws: RasterError.self) {
            try pair.crop(PixelWindow(column: 0, row: 0, width: 20, height: 20))
        }
        #expect(error.code == .badLabels && error.what.contains("'swamp'") && error.what.contains("'kind'"))
        #expect(error.place == layer.path && error.remedy?.contains("add the value to a class of the legend") == true)
    }

    @Test func `many threads may read labels of one layer`() async throws {
        try writeScene(folder.file("scene.tif"))
        let layer = try labels(
            (0..<60).map { number in
                let x = 500_000 + Double(number) * 24
                return (["wood", "field"][number % 2], box(x, 4_999_000 + Double(number), x + 31, 4_999_900))
            })
        let single = try pair(layer)
        let places = (0..<24).map { PixelWindow(column: $0 * 5, row: $0 % 5 * 9, width: 40, height: 40) }
        let expected = try places.map { try single.crop($0) }
        #expect(expected[3].target.validity?.contains(true) ?? true)
        let pools = (0..<4).map { _ in PairPool(megabytes: 1, openPairs: 1) }
        let others = try pools.map { try pair(layer, pool: $0) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for (number, place) in places.enumerated().reversed() {
                let (wanted, other) = (expected[number], others[number % 4])
                group.addTask { try other.crop(place).target == wanted.target }
            }
            for try await equal in group { #expect(equal) }
        }
    }
}
