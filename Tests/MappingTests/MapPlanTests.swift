// What a map needs before it is made: grid, blocks, refusals.
import Foundation
import Geo
import Mapping
import Raster
import Scenes
import Telemetry
import TestSupport
import Testing

struct MapPlanTests {
    let folder = TemporaryFolder()
    let layout = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 32, gsd: 10, stretch: .none)

    private func plan(_ request: MapRequest, layout: PixelLayout? = nil, windowSize: Int = 32) throws -> MapPlan {
        try planMap(
            request, layout: layout ?? self.layout, windowSize: windowSize,
            blendedBands: [BandInfo(name: "canopy height", unit: "m")])
    }

    private func layout(gsd: Double?, stretch: StretchRule = .none, bands: [BandInfo] = BandInfo.rgb) -> PixelLayout {
        PixelLayout(bands: bands, sampleType: .uint8, tileSize: 32, gsd: gsd, stretch: stretch)
    }

    private func caught<Failure: Error>(_ body: () throws -> Void) -> Failure? {
        do {
            try body()
            return nil
        } catch {
            return error as? Failure
        }
    }

    private func code(_ body: () throws -> Void) -> MappingError? { caught(body) }

    private func sceneCode(_ body: () throws -> Void) -> SceneError? { caught(body) }

    @Test func `in UTM a pixel is the model's GSD in the grid's metres`() throws {
        try writeScene(folder.file("scene.tif"), x: 500_003, y: 5_000_001, pixel: 0.5, width: 200, height: 200)
        let part = try plan(
            MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif")), layout: layout(gsd: 0.6)
        ).parts[0]
        #expect(part.lattice.pixelSize == 0.6)
        #expect(part.grid.transform.originX == Double(part.window.column) * 0.6)
        #expect(part.scenes[0].resampling == "cubic" && part.scenes[0].alignedColumn == nil)
    }

    @Test func `in Web Mercator at 60 degrees north a pixel is twice the GSD in CRS units`() throws {
        // 60 degrees north: y = 8399737.9 m; the true scale there is 2.
        try writeScene(
            folder.file("scene.tif"), crs: "EPSG:3857", x: 1_000_000, y: 8_399_800, pixel: 0.7, width: 200, height: 200)
        let part = try plan(
            MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif")), layout: layout(gsd: 0.6)
        ).parts[0]
        let ground = try part.grid.groundSampleDistance().metres
        #expect(abs(part.lattice.pixelSize - 1.2) < 0.01)
        #expect(abs(ground - 0.6) < 0.0006)
        // 0.7 CRS units are 0.35 m: less than twice as fine.
        #expect(part.scenes[0].resampling == "cubic")
    }

    @Test func `a scene at twice the detail is averaged, one on the lattice is read as it is`() throws {
        try writeScene(folder.file("fine.tif"), pixel: 5)
        try writeScene(folder.file("same.tif"))
        let part = try plan(
            MapRequest(scenes: [folder.file("same.tif"), folder.file("fine.tif")], output: folder.file("map.tif"))
        ).parts[0]
        #expect(part.scenes[0].alignedColumn == 50_000 && part.scenes[0].alignedRow == -500_000)
        #expect(part.scenes[1].resampling == "average")
    }

    @Test func `a scene in degrees is mapped in the UTM zone of its centre`() throws {
        try writeScene(folder.file("scene.tif"), crs: "EPSG:4326", x: 15.01, y: -45, pixel: 0.0001)
        let part = try plan(
            MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        ).parts[0]
        #expect(part.lattice.crs.definition == "EPSG:32733")
        #expect(part.lattice.pixelSize == 10)
    }

    @Test func `the area does not move the lattice`() throws {
        try writeScene(folder.file("scene.tif"), x: 500_003, pixel: 7, width: 200, height: 200)
        try writeArea(folder.file("area.geojson"), [[rectangle(500_333, 4_999_000, 500_777, 4_999_444)]])
        var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        let whole = try plan(request).parts[0]
        request.aoi = folder.file("area.geojson")
        let some = try plan(request).parts[0]
        #expect(whole.lattice == some.lattice)
        #expect(whole.window.contains(some.window))
        #expect(some.window == PixelWindow(column: 50_033, row: -499_945, width: 45, height: 45))
    }

    @Test func `the estimates tell windows, area and disk`() throws {
        try writeScene(folder.file("scene.tif"))
        let part = try plan(
            MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        ).parts[0]
        // 150 x 120 pixels, windows of 32 every 24.
        let made = try makeMap(
            MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif")),
            predictor: ClosurePredictor.constant(1), style: .canopyHeight)
        #expect(abs(part.windowCount - made.parts[0].windows) <= 14)
        #expect(abs(part.squareKilometres - 1.8) < 0.01)
        #expect(part.temporaryBytes >= 150 * 120 * 4)
        #expect(part.blocks == [PixelWindow(column: 0, row: 0, width: 150, height: 120)])
    }

    @Test func `a plan can be printed and travels as JSON`() throws {
        try writeScene(folder.file("scene.tif"))
        let plan = try plan(MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif")))
        #expect(plan.text.contains("150 x 120 pixels of 10 in EPSG:32633"))
        #expect(plan.text.contains("read without resampling"))
        let again = try JSONDecoder().decode(MapPlan.self, from: JSONEncoder().encode(plan))
        #expect(again.parts[0].window == plan.parts[0].window && again.parts[0].scenes == plan.parts[0].scenes)
        #expect(folder.contents == ["scene.tif"])
    }

    @Test func `an area that misses the scenes is told with both bounds in degrees`() throws {
        try writeScene(folder.file("scene.tif"))
        try writeArea(folder.file("far.geojson"), [[rectangle(600_000, 4_000_000, 601_000, 4_001_000)]])
        let error = code {
            _ = try plan(
                MapRequest(
                    scenes: [folder.file("scene.tif")], aoi: folder.file("far.geojson"), output: folder.file("map.tif"))
            )
        }
        #expect(error?.code == .badArea)
        #expect(error?.causes.contains { $0.contains("the area's bounds are 16.1") } == true)
        #expect(error?.causes.contains { $0.contains("the scenes' bounds are 15 ") } == true)
        // Beside the scene, in the corner of its rectangle's neighbourhood: meets in bounds only.
        try writeArea(folder.file("beside.geojson"), [[rectangle(501_501, 4_998_801, 501_600, 4_998_900)]])
        #expect(
            code {
                _ = try plan(
                    MapRequest(
                        scenes: [folder.file("scene.tif")], aoi: folder.file("beside.geojson"),
                        output: folder.file("map.tif")))
            }?.code == .badArea)
    }

    @Test func `a scene without CRS is refused`() throws {
        let path = folder.file("nowhere.tif")
        try writeRaster(
            PixelBuffer(bands: 3, height: 40, width: 40, samples: .uint8([UInt8](repeating: 1, count: 4800))), to: path,
            format: RasterFormat(sampleType: .uint8, bands: BandInfo.rgb))
        let error = sceneCode { _ = try plan(MapRequest(scenes: [path], output: folder.file("map.tif"))) }
        #expect(error?.code == .noCRS)
        #expect(error?.place == path)
    }

    @Test func `a coarse scene is warned about, a coarser one refused`() throws {
        try writeScene(folder.file("scene.tif"), pixel: 15)
        let request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        #expect(try plan(request).warnings.contains { $0.contains("15") && $0.contains("trained at 10 m") })
        #expect(try plan(request, layout: layout(gsd: 12.5)).warnings.isEmpty)
        let error = sceneCode { _ = try plan(request, layout: layout(gsd: 7)) }
        #expect(error?.code == .tooCoarse)
        #expect(error?.what.contains("trained at 7 m") == true)
    }

    @Test func `values that the stretch rule cannot honour are refused`() throws {
        let path = folder.file("deep.tif")
        try RampRaster(sampleType: .uint16, base: 4000, perX: 1, perY: 0).write(to: path)
        let request = MapRequest(scenes: [path], output: folder.file("map.tif"))
        let plain = sceneCode { _ = try plan(request) }
        #expect(plain?.code == .notBytes)
        #expect(plain?.what.contains("uint16") == true)
        #expect(try plan(request, layout: layout(gsd: 10, stretch: .percentile(low: 2, high: 98))).parts.count == 1)
        // Bytes where the model expects reflectances.
        try writeScene(folder.file("bytes.tif"))
        let reflectance = layout(gsd: 10, stretch: .fixed(low: 0, high: 3000))
        let bytes = sceneCode {
            _ = try plan(
                MapRequest(scenes: [folder.file("bytes.tif")], output: folder.file("map.tif")), layout: reflectance)
        }
        #expect(bytes?.code == .badValues)
        // Sixteen bits, but all of it above the rule's range: found once the pixels are read.
        let bright = ClosurePredictor(windowSize: 32, stretch: .fixed(low: 0, high: 3000)) { _, _ in
            [Float](repeating: 0, count: 1024)
        }
        let range = sceneCode { _ = try makeMap(request, predictor: bright, style: .canopyHeight) }
        #expect(range?.code == .badValues)
        #expect(range?.what.contains("would become white") == true)
        #expect(folder.contents == ["bytes.tif", "deep.tif"])
    }

    @Test func `bands are found by colour, by name and by place; missing ones are named`() throws {
        let path = folder.file("grey.tif")
        try RampRaster(bands: 1).write(to: path)
        let error = sceneCode { _ = try plan(MapRequest(scenes: [path], output: folder.file("map.tif"))) }
        #expect(error?.code == .missingBands)
        #expect(error?.what.contains("needs 3 bands (red, green, blue), but the raster has 1") == true)

        let four = folder.file("four.tif")
        try writeRaster(
            PixelBuffer(
                bands: 4, height: 40, width: 40, samples: .uint8([UInt8](repeating: 9, count: 6400)),
                grid: RampRaster(width: 40, height: 40).grid), to: four,
            format: RasterFormat(
                sampleType: .uint8,
                bands: [BandInfo(name: "nir"), BandInfo(name: "red"), BandInfo(name: "green"), BandInfo(name: "blue")]))
        let request = MapRequest(scenes: [four], output: folder.file("map.tif"))
        #expect(try plan(request).parts[0].scenes[0].bands == [2, 3, 4])
        let infrared = layout(gsd: 10, bands: [BandInfo(name: "red"), BandInfo(name: "nir")])
        #expect(try plan(request, layout: infrared).parts[0].scenes[0].bands == [2, 1])
        var asked = request
        asked.bands = BandRequest([4, 3, 1])
        #expect(try plan(asked).parts[0].scenes[0].bands == [4, 3, 1])
        asked.bands = BandRequest([4, 3, 9])
        #expect(
            sceneCode { _ = try plan(asked) }?.what.hasPrefix("\(Setting.bands) asks for band 9, but the raster has 4")
                == true)
    }

    @Test func `an input is never written over`() throws {
        let scene = folder.file("forest.tif")
        try writeScene(scene)
        let area = folder.file("region.json")
        try writeArea(area, [[rectangle(500_100, 4_999_500, 500_560, 4_999_900)]])
        var request = MapRequest(scenes: [scene], aoi: area, output: folder.file("./forest.tif"))
        request.overwrite = true
        let onScene = code { _ = try plan(request) }
        #expect(onScene?.code == .exists && onScene?.causes.first?.contains("forest.tif") == true)
        // The area would become the map's STAC item.
        request.output = folder.file("region.tif")
        #expect(code { _ = try plan(request) }?.place.hasSuffix("region.json") == true)
    }

    @Test func `an area in another zone than the first scene's asks for a split`() throws {
        let (near, far) = (folder.file("near.tif"), folder.file("far.tif"))
        try writeScene(near)
        try writeScene(far, crs: "EPSG:32641")
        let area = folder.file("area.geojson")
        try writeArea(area, crs: "EPSG:32641", [[rectangle(500_100, 4_999_500, 500_560, 4_999_900)]])
        var request = MapRequest(scenes: [near, far], aoi: area, output: folder.file("map.tif"))
        #expect(code { _ = try plan(request) }?.code == .needsSplit)
        #expect(code { _ = try plan(request) }?.remedy == "\(Setting.split), which writes one file per part")
        // Windows on one grid cannot be split, whatever the request says.
        let whole = code { _ = try SceneWindowReader(request, layout: layout, windowSize: 32, cellSize: 4) }
        request.offersSplit = false
        for error in [whole, code { _ = try plan(request) }] {
            #expect(error?.code == .needsSplit)
            #expect(
                error?.remedy
                    == "process the parts one by one, each with its own scenes first and its own \(Setting.areaOfInterest)"
            )
        }
        request.split = true
        let made = try plan(request)
        #expect(made.parts.count == 1 && made.parts[0].lattice.crs.name.contains("41N"))
        #expect(made.parts[0].output == request.output && made.parts[0].scenes.map(\.path) == [far])
    }

    @Test func `an area around half of the Earth, and one thinner than a pixel`() throws {
        let scene = folder.file("scene.tif")
        try writeScene(scene)
        _ = try folder.write(
            #"{"type":"Polygon","coordinates":[[[-180,-90],[180,-90],[180,90],[-180,90],[-180,-90]],[[15.005,44],[16,44],[16,46],[15.005,46],[15.005,44]]]}"#,
            to: "world.geojson")
        var request = MapRequest(scenes: [scene], aoi: folder.file("world.geojson"), output: folder.file("map.tif"))
        let world = try plan(request)
        #expect(world.parts.count == 1)
        // The hole takes what lies east of 15.005 degrees, 394 m from the scene's western edge.
        #expect(abs(world.squareKilometres - 0.394 * 1.2) < 0.02, "\(world.squareKilometres)")
        try writeArea(folder.file("thin.geojson"), [[rectangle(500_101, 4_999_101, 500_900, 4_999_102)]])
        request.aoi = folder.file("thin.geojson")
        let error = code { _ = try plan(request) }
        #expect(error?.what.contains("centre") == true && error?.remedy?.contains("\(Setting.allTouched)") == true)
        request.allTouched = true
        #expect(try plan(request).squareKilometres > 0)
    }

    @Test func `ground on which the grid's pixels are not the model's is told or refused`() throws {
        let (south, north) = (folder.file("south.tif"), folder.file("north.tif"))
        try writeScene(south, crs: "EPSG:3857", x: 1_000_000, y: 0)
        try writeScene(north, crs: "EPSG:3857", x: 1_000_000, y: 8_399_730)
        var request = MapRequest(scenes: [south, north], output: folder.file("map.tif"))
        let refused = code { _ = try plan(request) }
        #expect(refused?.what.contains("m on the ground here") == true)
        #expect(refused?.remedy?.hasSuffix("give \(Setting.split)") == true)
        request.offersSplit = false
        #expect(code { _ = try plan(request) }?.remedy == "process scenes that are so far apart one by one")
        try writeScene(north, crs: "EPSG:3857", x: 1_000_000, y: 2_273_030)
        #expect(try plan(request).warnings.contains { $0.contains("m on the ground here") })
    }

    @Test func `colours taken by place from more bands are told`() throws {
        let four = folder.file("four.tif")
        try writeRaster(
            PixelBuffer(
                bands: 4, height: 40, width: 40, samples: .uint8([UInt8](repeating: 9, count: 6400)),
                grid: RampRaster(width: 40, height: 40).grid), to: four,
            format: RasterFormat(sampleType: .uint8, bands: (0..<4).map { _ in BandInfo(name: "") }))
        var request = MapRequest(scenes: [four], output: folder.file("map.tif"))
        #expect(try plan(request).warnings.contains { $0.contains("do not say what they are") })
        request.bands = BandRequest([3, 2, 1])
        #expect(try plan(request).warnings.isEmpty)
    }

    @Test func `an output that exists is not touched, nor what would lie beside it`() throws {
        try writeScene(folder.file("scene.tif"))
        let request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        _ = try folder.write("mine", to: "map.json")
        let error = code { _ = try plan(request) }
        #expect(error?.code == .exists)
        #expect(error?.place == folder.file("map.json"))
        #expect(error?.remedy?.contains("\(Setting.overwrite) to replace it") == true)
    }

    @Test func `requests that make no sense are refused`() throws {
        try writeScene(folder.file("scene.tif"))
        var request = MapRequest(scenes: [], output: folder.file("map.tif"))
        #expect(code { _ = try plan(request) }?.what == "no scene was given")
        request.scenes = [folder.file("scene.tif")]
        request.overlap = 32
        #expect(code { _ = try plan(request) }?.what.contains("expected 0 to 31") == true)
        request.overlap = nil
        request.threads = 0
        #expect(code { _ = try plan(request) }?.code == .badRequest)
        request.threads = 1
        request.output = folder.file("none/map.tif")
        let error = code { _ = try makeMap(request, predictor: ClosurePredictor.constant(1), style: .canopyHeight) }
        #expect(error?.code == .writeFailed)
    }

    @Test func `a header that claims a continent plans in little memory and does not begin`() throws {
        let huge = """
            <VRTDataset rasterXSize="2147483647" rasterYSize="2147483647">
              <SRS>EPSG:32633</SRS><GeoTransform>400000, 0.0001, 0, 5000000, 0, -0.0001</GeoTransform>
              <VRTRasterBand dataType="Byte" band="1"/><VRTRasterBand dataType="Byte" band="2"/><VRTRasterBand dataType="Byte" band="3"/>
            </VRTDataset>
            """
        let path = try folder.write(huge, to: "huge.vrt")
        let error = code {
            _ = try plan(
                MapRequest(scenes: [path], output: folder.file("map.tif")), layout: layout(gsd: 0.0001))
        }
        #expect(error?.code == .tooLarge)
    }
}

struct SplitTests {
    let folder = TemporaryFolder()

    /// Two scenes on both sides of 180 degrees near Fiji, in their own zones, and an area across.
    private func makeScenes() throws -> MapRequest {
        // Longitudes 179.985 and -179.985 at 17 degrees south.
        let east = try CoordinateTransformer(from: .wgs84, to: CoordinateReferenceSystem("EPSG:32760")).transform([
            (179.985, -17.0)
        ])[0]
        let west = try CoordinateTransformer(from: .wgs84, to: CoordinateReferenceSystem("EPSG:32701")).transform([
            (-179.999, -17.0)
        ])[0]
        let a = try #require(east)
        let b = try #require(west)
        try writeScene(
            folder.file("east.tif"), crs: "EPSG:32760", x: (a.x / 10).rounded() * 10, y: (a.y / 10).rounded() * 10,
            width: 150, height: 120, value: { _, _, _ in 60 })
        try writeScene(
            folder.file("west.tif"), crs: "EPSG:32701", x: (b.x / 10).rounded() * 10, y: (b.y / 10).rounded() * 10,
            width: 150, height: 120, value: { _, _, _ in 70 })
        let area = """
            {"type": "Polygon", "coordinates": [[[179.99, -17.009], [180.01, -17.009], [180.01, -17.001], [179.99, -17.001], [179.99, -17.009]]]}
            """
        return MapRequest(
            scenes: [folder.file("east.tif"), folder.file("west.tif")], aoi: try folder.write(area, to: "fiji.geojson"),
            output: folder.file("fiji.tif"))
    }

    @Test func `an area across 180 degrees is one map in a CRS of the Pacific`() throws {
        let toMetres = try CoordinateTransformer(from: .wgs84, to: .init("EPSG:3832"))
        let middle = try #require(toMetres.transform([(180, -17)])[0])
        try writeScene(
            folder.file("pacific.tif"), crs: "EPSG:3832", x: (middle.x / 10).rounded() * 10 - 500,
            y: (middle.y / 10).rounded() * 10 + 500, width: 100, height: 100)
        try writeArea(
            folder.file("across.geojson"), crs: "EPSG:4326",
            [[rectangle(179.998, -17.002, 180, -16.998)], [rectangle(-180, -17.002, -179.998, -16.998)]])
        var request = MapRequest(scenes: [folder.file("pacific.tif")], output: folder.file("map.tif"))
        request.aoi = folder.file("across.geojson")
        let plan = try planMap(
            request,
            layout: PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 16, gsd: nil, stretch: .none),
            windowSize: 16, blendedBands: [BandInfo(name: "canopy height", unit: "m")])
        #expect(plan.parts.count == 1)
    }

    @Test func `an area across 180 degrees is refused without split`() throws {
        let request = try makeScenes()
        #expect {
            try makeMap(request, predictor: ClosurePredictor.identity(), style: .canopyHeight)
        } throws: { error in
            let error = error as? MappingError
            return error?.code == .needsSplit && error?.what.contains("UTM zone 1, UTM zone 60") == true
                && error?.remedy?.hasPrefix("\(Setting.split), ") == true
        }
        #expect(!folder.contents.contains { $0.hasPrefix("fiji-") || $0 == "fiji.tif" })
    }

    @Test func `split writes one file per zone, each with its own grid and only its own longitudes`() throws {
        var request = try makeScenes()
        request.split = true
        let summary = try makeMap(request, predictor: ClosurePredictor.identity(), style: .canopyHeight)
        #expect(summary.parts.map { fileNameOf($0.output) } == ["fiji-part1.tif", "fiji-part2.tif"])
        let first = try ReadMap(folder.file("fiji-part1.tif"))
        let second = try ReadMap(folder.file("fiji-part2.tif"))
        #expect(first.grid.crs?.definition == "EPSG:32701")
        #expect(second.grid.crs?.definition == "EPSG:32760")
        #expect(first.validCount > 5000 && second.validCount > 5000)
        for map in [first, second] {
            let west = map.grid.crs?.definition == "EPSG:32701"
            let toDegrees = try CoordinateTransformer(from: #require(map.grid.crs), to: .wgs84)
            var wrongSide = 0
            for row in 0..<map.grid.height {
                let points = (0..<map.grid.width).map {
                    map.grid.transform.point(column: Double($0) + 0.5, row: Double(row) + 0.5)
                }
                for (column, place) in toDegrees.transform(points).enumerated()
                where map.buffer.isValid(row: row, column: column) {
                    let x = try #require(place).x
                    if west ? x > 0 : x < 0 { wrongSide += 1 }
                    #expect(map.buffer[0, row, column] == (west ? 70 : 60))
                }
            }
            #expect(wrongSide == 0)
        }
    }

    @Test func `an area on one side of a zone's edge needs no split`() throws {
        // 200 m over the edge between zones 33 and 34, at 18 degrees east.
        let edge = try #require(
            try CoordinateTransformer(from: .wgs84, to: CoordinateReferenceSystem("EPSG:32633")).transform([
                (18.0, 45.0)
            ])[0])
        try writeScene(
            folder.file("scene.tif"), x: ((edge.x - 1300) / 10).rounded() * 10, y: (edge.y / 10).rounded() * 10)
        let summary = try makeMap(
            MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif")),
            predictor: ClosurePredictor.identity(), style: .canopyHeight)
        #expect(summary.parts.count == 1)
        #expect(summary.parts[0].statistics.validPixels == 150 * 120)
    }

    @Test func `zones are read from names, of any datum`() {
        #expect(utmZone(of: CoordinateReferenceSystem("EPSG:32633")) == 33)
        #expect(utmZone(of: CoordinateReferenceSystem("EPSG:26918")) == 18)
        #expect(utmZone(of: CoordinateReferenceSystem("EPSG:3857")) == nil)
        #expect(partName("a/b.tif", part: 2) == "a/b-part2.tif")
        #expect(partName("a/b", part: 1) == "a/b-part1")
    }

    private func fileNameOf(_ path: String) -> String { (path as NSString).lastPathComponent }
}
