// The block loop: seams, areas, threads, batches, scenes.
import Foundation
import Geo
import Mapping
import Raster
import Synchronization
import Telemetry
import TestSupport
import Testing

struct MapTests {
    let folder = TemporaryFolder()

    @Test func `a constant prediction stays constant to the last bit`() throws {
        try writeScene(folder.file("scene.tif"))
        let summary = try makeMap(
            MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif")),
            predictor: ClosurePredictor.constant(7.7), style: .canopyHeight)
        let map = try ReadMap(folder.file("map.tif"))
        #expect(map.grid.width == 150 && map.grid.height == 120)
        #expect(map.validCount == 150 * 120)
        #expect(map.buffer.floats().allSatisfy { $0 == 7.7 })
        #expect(summary.parts[0].statistics.minimum == Double(Float(7.7)))
        #expect(abs(summary.parts[0].squareKilometres - 1.5 * 1.2) < 0.002)
    }

    @Test func `a predictor that answers its input gives the scene back, without a seam`() throws {
        try writeScene(folder.file("scene.tif"))
        for overlap in [0, 8, 13, 16, 24] {
            var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
            request.overlap = overlap
            request.overwrite = true
            _ = try makeMap(request, predictor: ClosurePredictor.identity(), style: .canopyHeight)
            let map = try ReadMap(folder.file("map.tif"))
            var wrong = 0
            for row in 0..<120 {
                for column in 0..<150 where map.buffer[0, row, column] != Float(noise(50_000 + column, row - 500_000)) {
                    wrong += 1
                }
            }
            #expect(wrong == 0, "overlap \(overlap)")
        }
    }

    @Test func `two overlapping areas give the same bytes where they overlap`() throws {
        try writeScene(folder.file("scene.tif"), pixel: 7, width: 210, height: 190)
        // 7 m onto 10 m: resampled, so that the reading is part of the claim.
        try writeArea(folder.file("a.geojson"), [[rectangle(500_100, 4_998_900, 501_000, 4_999_800)]])
        try writeArea(
            folder.file("b.geojson"),
            [[[(500_433, 4_999_950), (501_399, 4_999_310), (500_290, 4_998_777), (500_433, 4_999_950)]]])
        let predictor = ClosurePredictor.entangled()
        for (name, batch) in [("a", 4), ("b", 4)] {
            var request = MapRequest(
                scenes: [folder.file("scene.tif")], aoi: folder.file("\(name).geojson"),
                output: folder.file("\(name).tif"))
            request.batchSize = batch
            _ = try makeMap(request, predictor: predictor, style: .canopyHeight)
        }
        let result = compared(try ReadMap(folder.file("a.tif")), try ReadMap(folder.file("b.tif")))
        #expect(result.shared > 2000)
        #expect(result.different == 0)
        #expect(predictor.batchSizes == [4])
        // Every window always had the same place in its batch.
        for slots in predictor.slots.values { #expect(slots.count == 1) }
    }

    @Test func `a scene beside the area is seen by the windows at its edge`() throws {
        let (first, second) = (folder.file("west.tif"), folder.file("east.tif"))
        try writeScene(first, width: 60, height: 60)
        try writeScene(second, x: 500_600, width: 60, height: 60)
        let inner = folder.file("inner.geojson")
        let across = folder.file("across.geojson")
        // The first area ends four pixels before the seam, the second crosses it.
        try writeArea(inner, [[rectangle(500_100, 4_999_500, 500_560, 4_999_900)]])
        try writeArea(across, [[rectangle(500_300, 4_999_500, 500_900, 4_999_900)]])
        var maps: [ReadMap] = []
        for area in [inner, across] {
            let output = folder.file("map\(maps.count).tif")
            var request = MapRequest(scenes: [first, second], aoi: area, output: output)
            request.batchSize = 4
            _ = try makeMap(request, predictor: ClosurePredictor.entangled(), style: .canopyHeight)
            maps.append(try ReadMap(output))
        }
        let (shared, different) = compared(maps[0], maps[1])
        #expect(shared > 800 && different == 0, "\(different) of \(shared) differ")
    }

    @Test func `an empty scene among others is left out, and alone it is an error`() throws {
        let (full, empty) = (folder.file("full.tif"), folder.file("empty.tif"))
        try writeScene(full, width: 60, height: 60)
        try writeScene(empty, x: 500_300, width: 60, height: 60, nodata: 0, isHole: { _, _ in true })
        let predictor = ClosurePredictor(windowSize: 32, stretch: .percentile(low: 2, high: 98)) { window, _ in
            Array(window.floats().prefix(32 * 32))
        }
        let summary = try makeMap(
            MapRequest(scenes: [empty, full], output: folder.file("map.tif")), predictor: predictor,
            style: .canopyHeight)
        #expect(summary.warnings.contains { $0.contains(empty) && $0.contains("without this scene") })
        #expect(summary.parts[0].statistics.validPixels == 3600)
        let error = #expect(throws: MappingError.self) {
            try makeMap(
                MapRequest(scenes: [empty], output: folder.file("none.tif")), predictor: predictor, style: .canopyHeight
            )
        }
        #expect(error?.code == .badValues && error?.what.contains("valid pixel") == true)
        #expect(!folder.contents.contains { $0.contains("none") })
    }

    @Test func `threads change nothing in the file`() throws {
        try writeScene(folder.file("scene.tif"), pixel: 7, width: 300, height: 280)
        var bytes: [Data] = []
        for threads in [1, 2, 5] {
            var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map\(threads).tif"))
            request.threads = threads
            _ = try makeMap(request, predictor: ClosurePredictor.entangled(), style: .canopyHeight)
            bytes.append(try Data(contentsOf: URL(fileURLWithPath: folder.file("map\(threads).tif"))))
        }
        #expect(bytes[0] == bytes[1] && bytes[0] == bytes[2])
    }

    @Test func `blocks leave no trace where they meet`() throws {
        // Wider than a block of 4096, so that the halo's windows are computed twice.
        try writeScene(folder.file("scene.tif"), width: 4300, height: 70)
        var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("wide.tif"))
        _ = try makeMap(request, predictor: ClosurePredictor.entangled(windowSize: 48), style: .canopyHeight)
        // The same pixels in the middle of one block.
        try writeArea(folder.file("seam.geojson"), [[rectangle(540_000, 4_999_000, 542_000, 5_001_000)]])
        request.aoi = folder.file("seam.geojson")
        request.output = folder.file("seam.tif")
        _ = try makeMap(request, predictor: ClosurePredictor.entangled(windowSize: 48), style: .canopyHeight)
        let result = compared(try ReadMap(folder.file("seam.tif")), try ReadMap(folder.file("wide.tif")))
        #expect(result.shared > 190 * 65)
        #expect(result.different == 0)
    }

    @Test func `outside of the area, in its holes and between its parts is nodata, never 0`() throws {
        try writeScene(folder.file("scene.tif"))
        try writeArea(
            folder.file("area.geojson"),
            [
                [
                    rectangle(500_100, 4_999_200, 500_700, 4_999_900),
                    Array(rectangle(500_300, 4_999_400, 500_500, 4_999_600).reversed()),
                ],
                [rectangle(501_000, 4_999_000, 501_300, 4_999_300)],
            ])
        let summary = try makeMap(
            MapRequest(
                scenes: [folder.file("scene.tif")], aoi: folder.file("area.geojson"), output: folder.file("map.tif")),
            predictor: ClosurePredictor.constant(0), style: .canopyHeight)
        let reader = try RasterReader(path: folder.file("map.tif"))
        #expect(reader.bands[0].nodata == -9999)
        #expect(reader.bands[0].unit == "m")
        #expect(reader.bands[0].name == "canopy height")
        let map = try ReadMap(folder.file("map.tif"))
        #expect(map.value(x: 500_205, y: 4_999_305) == 0)
        #expect(map.value(x: 500_405, y: 4_999_505) == nil)
        #expect(map.value(x: 500_805, y: 4_999_505) == nil)
        #expect(map.value(x: 501_105, y: 4_999_105) == 0)
        #expect(map.validCount == 60 * 70 - 20 * 20 + 30 * 30)
        #expect(summary.parts[0].statistics.validPixels == map.validCount)
        #expect(summary.parts[0].statistics.areaPixels == map.validCount)
    }

    @Test func `no-clip fills the rectangle, all-touched counts the edge`() throws {
        try writeScene(folder.file("scene.tif"))
        let triangle = [(500_100.0, 4_999_100.0), (500_900, 4_999_100), (500_100, 4_999_900), (500_100, 4_999_100)]
        try writeArea(folder.file("area.geojson"), [[triangle]])
        var request = MapRequest(
            scenes: [folder.file("scene.tif")], aoi: folder.file("area.geojson"), output: folder.file("map.tif"))
        request.overwrite = true
        func count() throws -> Int {
            _ = try makeMap(request, predictor: ClosurePredictor.constant(1), style: .canopyHeight)
            return try ReadMap(folder.file("map.tif")).validCount
        }
        // 80 x 80 pixels cut along the diagonal; pixels on it have their centre on the edge.
        let plain = try count()
        #expect(abs(plain - 3200) <= 40)
        request.allTouched = true
        let touched = try count()
        #expect(touched >= 3240 && touched <= 3400)
        request.allTouched = false
        request.noClip = true
        #expect(try count() == 6400)
    }

    @Test func `without imagery there is no value, and the missing pixels do not darken their neighbours`() throws {
        // A hole of nodata; what surrounds it is 200, so the window's mean is 200 too.
        try writeScene(
            folder.file("scene.tif"), nodata: 0,
            isHole: { row, column in (40..<60).contains(row) && (50..<90).contains(column) },
            value: { _, _, _ in 200 })
        var lowest: Float = 255
        let predictor = ClosurePredictor(windowSize: 32) { window, _ in
            let mean = window.floats().reduce(0, +) / Float(window.floats().count)
            if window.validity?.contains(true) ?? true { lowest = min(lowest, mean) }
            return [Float](repeating: mean, count: 1024)
        }
        _ = try makeMap(
            MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif")), predictor: predictor,
            style: .canopyHeight)
        let map = try ReadMap(folder.file("map.tif"))
        #expect(map.validCount == 150 * 120 - 20 * 40)
        #expect(map.value(x: 500_605, y: 4_999_505) == nil)
        #expect(lowest == 200)
        #expect(map.value(x: 500_005, y: 4_999_995) == 200)
    }

    @Test func `where scenes overlap the earlier wins, where it has a hole the later shows`() throws {
        try writeScene(
            folder.file("first.tif"), width: 100, nodata: 0, isHole: { row, column in row < 10 && column >= 90 },
            value: { _, _, _ in 100 })
        try writeScene(folder.file("second.tif"), x: 500_500, width: 100, value: { _, _, _ in 30 })
        _ = try makeMap(
            MapRequest(scenes: [folder.file("first.tif"), folder.file("second.tif")], output: folder.file("map.tif")),
            predictor: ClosurePredictor.identity(), style: .canopyHeight)
        let map = try ReadMap(folder.file("map.tif"))
        #expect(map.grid.width == 150)
        #expect(map.value(x: 500_705, y: 4_999_505) == 100)
        #expect(map.value(x: 500_955, y: 4_999_955) == 30)
        #expect(map.value(x: 501_205, y: 4_999_505) == 30)
    }

    @Test func `a scene in another CRS is brought to the grid of the first`() throws {
        try writeScene(folder.file("first.tif"), width: 60, value: { _, _, _ in 100 })
        // The same ground in degrees, a little to the east.
        try writeScene(
            folder.file("second.tif"), crs: "EPSG:4326", x: 15.006, y: 45.153, pixel: 0.0001, width: 150, height: 130,
            value: { _, _, _ in 30 })
        let summary = try makeMap(
            MapRequest(scenes: [folder.file("first.tif"), folder.file("second.tif")], output: folder.file("map.tif")),
            predictor: ClosurePredictor.identity(), style: .canopyHeight)
        let map = try ReadMap(folder.file("map.tif"))
        #expect(map.grid.crs?.definition == "EPSG:32633")
        #expect(map.grid.transform.columnX == 10)
        #expect(map.grid.transform.originX.remainder(dividingBy: 10) == 0)
        #expect(map.value(x: 500_305, y: 4_999_505) == 100)
        #expect(map.value(x: 501_005, y: 4_999_505) == 30)
        #expect(summary.parts[0].statistics.validPixels < map.grid.width * map.grid.height)
    }

    @Test func `a stop leaves nothing behind`() throws {
        try writeScene(folder.file("scene.tif"))
        let before = folder.contents
        let events = Mutex(0)
        for limit in [1, 2, 5] {
            events.withLock { $0 = 0 }
            #expect {
                try makeMap(
                    MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif")),
                    predictor: ClosurePredictor.identity(), style: .canopyHeight,
                    progress: { _ in
                        events.withLock {
                            $0 += 1; return $0 < limit
                        }
                    })
            } throws: { ($0 as? MappingError)?.code == .cancelled }
            #expect(folder.contents == before)
        }
    }

    @Test func `a failing predictor leaves nothing behind`() throws {
        try writeScene(folder.file("scene.tif"))
        let before = folder.contents
        let spoiled = ClosurePredictor(windowSize: 32) { window, _ in
            [Float](repeating: window.grid?.transform.originX ?? 0 > 500_500 ? .nan : 1, count: 1024)
        }
        #expect(throws: MappingError.self) {
            try makeMap(
                MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif")), predictor: spoiled,
                style: .canopyHeight)
        }
        #expect(folder.contents == before)
    }

    @Test func `progress counts windows up to the total`() throws {
        try writeScene(folder.file("scene.tif"))
        let events = Mutex<[(Int, Int?)]>([])
        let summary = try makeMap(
            MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif")),
            predictor: ClosurePredictor.identity(), style: .canopyHeight,
            progress: { event in
                if event.unit == "windows" { events.withLock { $0.append((event.done, event.total)) } }
                return true
            })
        let seen = events.withLock { $0 }
        #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.0 <= $1.0 })
        #expect(seen.last?.0 == summary.parts[0].windows)
        #expect(seen.last?.1 == summary.parts[0].windows)
    }

    @Test func `a request made twice gives the same bytes, and tags tell how`() throws {
        try writeScene(folder.file("scene.tif"))
        var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        request.overwrite = true
        request.model = MapModel(id: "models/a", sha256: "abc123")
        request.software = "geodino 0.1"
        request.commandLine = "geodino canopy scene.tif"
        request.intraOpThreads = 2
        var bytes: [Data] = []
        for _ in 0..<2 {
            _ = try makeMap(request, predictor: ClosurePredictor.entangled(), style: .canopyHeight)
            bytes.append(try Data(contentsOf: URL(fileURLWithPath: folder.file("map.tif"))))
            Thread.sleep(forTimeInterval: 1.1)
        }
        #expect(bytes[0] == bytes[1])
        let reader = try RasterReader(path: folder.file("map.tif"))
        let tags = reader.metadata()
        #expect(tags["GEODINO_MODEL"] == "models/a")
        #expect(tags["GEODINO_MODEL_SHA256"] == "abc123")
        #expect(tags["TIFFTAG_SOFTWARE"] == "geodino 0.1")
        #expect(tags["GEODINO_INTRAOP_THREADS"] == "2")
        #expect(tags["GEODINO_WINDOW"] == "32" && tags["GEODINO_OVERLAP"] == "8")
        #expect(tags["TIFFTAG_DATETIME"] == nil)
        #expect(reader.metadata(domain: "IMAGE_STRUCTURE")["LAYOUT"] == "COG")
    }
}
