// Scenes whose metadata, names or emptiness must not show in the map.
import Foundation
import Geo
import Mapping
import Raster
import Scenes
import Telemetry
import TestSupport
import Testing

struct SceneKindTests {
    let folder = TemporaryFolder()

    private func error(_ body: () throws -> Void) -> MappingError? {
        do {
            try body()
            return nil
        } catch { return error as? MappingError }
    }

    private func request(_ scenes: [String], _ output: String = "map.tif") -> MapRequest {
        MapRequest(scenes: scenes, output: folder.file(output))
    }

    @Test func `a scene in a CRS whose x runs west is seen as in any other`() throws {
        // A field of noise in Lo29, and the same ground in its UTM zone.
        let south = folder.file("south.tif")
        try writeScene(south, crs: "EPSG:2053", x: 20_000, y: 2_900_000)
        let reader = try RasterReader(path: south)
        let summary = try makeMap(request([south]), predictor: ClosurePredictor.identity(), style: .canopyHeight)
        let grid = summary.parts[0].grid
        #expect(grid.crs?.definition == "EPSG:32735" && grid.transform.isUpright)
        // What lies under the middle of the map is what the scene holds there.
        let map = try ReadMap(folder.file("map.tif"))
        let transformer = try CoordinateTransformer(from: .init("EPSG:32735"), to: .init("EPSG:2053"))
        let scene = try reader.read(onto: grid, bands: [1], resampling: .cubic)
        #expect(map.validCount > 1000)
        for (row, column) in [(30, 40), (60, 75), (90, 110)] {
            let place = grid.transform.point(column: Double(column) + 0.5, row: Double(row) + 0.5)
            #expect(map.value(x: place.x, y: place.y) == scene[0, row, column])
            #expect(transformer.transform([place])[0] != nil)
        }
    }

    @Test func `heights above a datum stay with the scene`() throws {
        try writeScene(folder.file("scene.tif"), crs: "EPSG:6340")
        var virtual = VirtualRaster(
            over: folder.file("scene.tif"), width: 150, height: 120,
            bands: (1...3).map { .init($0, "<ColorInterp>\(["Red", "Green", "Blue"][$0 - 1])</ColorInterp>") })
        virtual.crs = "EPSG:6340+6360"
        let path = try virtual.write(to: folder.file("feet.vrt"))
        _ = try makeMap(request([path]), predictor: ClosurePredictor.identity(), style: .canopyHeight)
        _ = try makeMap(
            request([folder.file("scene.tif")], "plain.tif"), predictor: ClosurePredictor.identity(),
            style: .canopyHeight)
        let map = try ReadMap(folder.file("map.tif"))
        #expect(map.grid.crs?.definition == "EPSG:6340")
        let both = try compared(map, ReadMap(folder.file("plain.tif")))
        #expect(both.shared > 1000 && both.different == 0)
        let item = try String(contentsOfFile: folder.file("map.json"), encoding: .utf8)
        #expect(!item.contains("NAVD88") && !item.contains("6360"))
    }

    @Test func `names of all kinds are found again by the item's references`() throws {
        for name in ["Block 7 #2 50% (v1).tif", "été?.tif", "-dash.tif", "a:b.tif", "plain.tif"] {
            let scene = folder.file("scene of " + name)
            try writeScene(scene)
            _ = try makeMap(request([scene], name), predictor: ClosurePredictor.identity(), style: .canopyHeight)
            let path = folder.file(String(name.dropLast(4)) + ".json")
            let item = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
            let object = try #require(item as? [String: Any])
            let assets = try #require(object["assets"] as? [String: [String: Any]])
            let links = try #require(object["links"] as? [[String: Any]])
            let base = URL(fileURLWithPath: path)
            let references = (Array(assets.values) + links.filter { $0["title"] as? String != "model unnamed" })
                .compactMap { $0["href"] as? String }
            #expect(references.count >= 4)
            for reference in references {
                let url = try #require(URL(string: reference, relativeTo: base), "\(reference)")
                #expect(url.fragment == nil && url.query == nil)
                #expect(FileManager.default.fileExists(atPath: url.standardizedFileURL.path), "\(reference)")
            }
        }
    }

    @Test func `names that are no GeoTIFF's, or too long, are refused before the work begins`() throws {
        try writeScene(folder.file("scene.tif"))
        func attempt(_ output: String) -> MappingError? {
            error {
                _ = try makeMap(
                    request([folder.file("scene.tif")], output), predictor: ClosurePredictor.identity(),
                    style: .canopyHeight)
            }
        }
        let picture = attempt("map.png")
        #expect(picture?.code == .badRequest && picture?.remedy?.contains("map.tif") == true)
        #expect(attempt(String(repeating: "x", count: 241) + ".tif")?.what.contains("245 bytes") == true)
        #expect(attempt(String(repeating: "é", count: 113) + ".tif") == nil)
        #expect(folder.contents.filter { $0.contains("map") || $0.hasPrefix("x") }.isEmpty)
    }

    @Test func `blocks without data cost nothing`() throws {
        let grid = Grid(
            crs: .init("EPSG:32633"), transform: GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 2),
            width: 40_000, height: 40_000)
        let writer = try RasterWriter(
            path: folder.file("sparse.tif"), grid: grid,
            format: RasterFormat(sampleType: .uint8, nodata: 0, bands: BandInfo.rgb, blockSize: 256))
        try writer.write(
            PixelBuffer(bands: 3, height: 256, width: 256, samples: .uint8([UInt8](repeating: 9, count: 3 << 16))),
            column: 25_600, row: 25_600)
        try writer.finish(cloudOptimized: false)
        let predictor = ClosurePredictor.constant(3, windowSize: 128, gsd: 2)
        let start = Date()
        let summary = try makeMap(
            request([folder.file("sparse.tif")]), predictor: predictor, style: .canopyHeight)
        #expect(summary.parts[0].statistics.validPixels == 65536)
        // 1,600 million pixels; reading them took minutes.
        #expect(Date().timeIntervalSince(start) < 60)
    }

    @Test func `scenes of one map mean the same by their bands, and the remedy works`() throws {
        try writeScene(folder.file("named.tif"))
        try writeScene(folder.file("east.tif"), x: 501_500)
        var silent = VirtualRaster(
            over: folder.file("east.tif"), width: 150, height: 120, bands: [3, 2, 1].map { .init($0) })
        silent.transform = "501500, 10, 0, 5000000, 0, -10"
        let turned = try silent.write(to: folder.file("turned.vrt"))
        var both = request([folder.file("named.tif"), turned])
        let refusal = #expect(throws: SceneError.self) {
            _ = try makeMap(both, predictor: ClosurePredictor.identity(), style: .canopyHeight)
        }
        #expect(refusal?.code == .unclearBands && refusal?.place == turned)
        let word = try #require(
            refusal?.remedy?.split(separator: "'").first { $0.hasSuffix("=3,2,1") }.map(String.init))
        both.bands = try BandRequest([word], scenes: both.scenes)
        _ = try makeMap(both, predictor: ClosurePredictor.identity(), style: .canopyHeight)
        let plain = request([folder.file("named.tif"), folder.file("east.tif")], "plain.tif")
        _ = try makeMap(plain, predictor: ClosurePredictor.identity(), style: .canopyHeight)
        let equal = try compared(ReadMap(folder.file("map.tif")), ReadMap(folder.file("plain.tif")))
        #expect(equal.shared > 20_000 && equal.different == 0)
    }

    @Test func `values that are no heights leak into no label beside them`() throws {
        try writeScene(folder.file("image.tif"))
        var heights = [Float](repeating: 20, count: 150 * 120)
        for place in heights.indices where place % 150 < 50 { heights[place] = -9999 }
        let grid = Grid(
            crs: .init("EPSG:32633"), transform: GeoTransform(originX: 500_003, originY: 5_000_000, pixelSize: 10),
            width: 150, height: 120)
        try writeRaster(
            PixelBuffer(bands: 1, height: 120, width: 150, samples: .float32(heights), grid: grid),
            to: folder.file("heights.tif"), format: RasterFormat(sampleType: .float32, bands: [BandInfo(name: "h")]))
        let pool = PairPool(megabytes: 64)
        let pair = try RasterPair(
            image: folder.file("image.tif"), target: folder.file("heights.tif"),
            layout: PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 32, gsd: 10, stretch: .none),
            validValues: HeightRule().range, pool: pool)
        let crop = try pair.crop(PixelWindow(column: 0, row: 0, width: 140, height: 100))
        let values = crop.target.floats()
        for place in values.indices where crop.target.validity?[place] ?? true { #expect(values[place] == 20) }
        #expect(crop.target.validity?.contains(true) == true && crop.target.validity?.contains(false) == true)
        #expect(pool.rejectedPixels > 4000)
    }
}
