// Resumed maps of classes and in parts, and what earlier maps and killed runs left behind.
import Files
import Foundation
import Geo
import Mapping
import Raster
import Synchronization
import Telemetry
import TestSupport
import Testing

extension ResumeTests {
    private func classesRequest() -> MapRequest {
        var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        request.resume = true
        request.classOutputs = ClassOutputs(
            probabilities: true, confidence: true, rejectBelow: 0.55, minimumArea: 600,
            polygons: folder.file("areas.gpkg"))
        return request
    }

    /// Makes a map of 32 classes, in several blocks.
    ///
    /// - Returns: The corners of its polygons.
    private func classes(_ request: MapRequest, progress: @escaping ProgressHandler = { _ in true }) throws -> [Double]
    {
        let kept = CollectedPolygons()
        _ = try makeMap(
            request, predictor: PaintedModel(classes: 32, windowSize: 64), style: style,
            polygons: { CollectingSink($0, in: kept) }, progress: progress)
        return kept.polygons.flatMap { $0.rings.flatMap { $0.flatMap { [$0.x, $0.y] } } }
    }

    @Test func `a map of classes that was stopped again and again has the same bytes in all its files`() throws {
        try paint(
            folder.file("scene.tif"), width: 620, height: 560,
            isHole: { row, column in (200..<230).contains(row) && (300..<520).contains(column) },
            probability: { row, column in UInt8(110 + (row + column) % 70 * 2) }
        ) { row, column in
            noise(column, row, 2) < 20
                ? Int(noise(column, row, 3)) % 16 : Int(noise(column / 40, row / 40, 1)) % 3
        }
        var plain = classesRequest()
        plain.resume = false
        let corners = try classes(plain)
        let whole = try taken()
        #expect(whole.keys.contains("map-probabilities.tif") && whole.count == 8 && corners.count > 100)
        var limit = 3
        var stops = 0
        while true {
            do {
                let found = try classes(classesRequest(), progress: stopping(at: limit))
                #expect(found == corners)
                break
            } catch let error as MappingError where error.code == .cancelled {
                stops += 1
                limit += 11
                #expect(try made().isEmpty)
            }
        }
        #expect(stops > 4 && !FileManager.default.fileExists(atPath: rows))
        #expect(try taken() == whole)
    }

    /// Two scenes in neighbouring UTM zones, which need a map in two parts.
    private func zonesRequest() throws -> MapRequest {
        // On either side of 18 degrees east, where zone 34 begins.
        try writeScene(folder.file("west.tif"), x: 733_000, width: 90, height: 80)
        try writeScene(folder.file("east.tif"), crs: "EPSG:32634", x: 500_000, width: 90, height: 80)
        var request = MapRequest(
            scenes: [folder.file("west.tif"), folder.file("east.tif")], output: folder.file("map.tif"))
        request.split = true
        return request
    }

    @Test func `a map in parts that was killed while its files got their names`() throws {
        var request = try zonesRequest()
        _ = try makeMap(request, predictor: ClosurePredictor.entangled(), style: .canopyHeight)
        let whole = try taken()
        #expect(whole.keys.contains("map-part1.tif") && whole.keys.contains("map-part2.json"))
        request.resume = true
        // What a killed process leaves is what is there while it runs.
        let (first, snapshot) = (folder.file("map-part1.json"), TemporaryFolder())
        let path = folder.path
        let events = Counter()
        #expect(throws: MappingError.self) {
            try makeMap(
                request, predictor: ClosurePredictor.entangled(), style: .canopyHeight,
                progress: { event in
                    guard FileManager.default.fileExists(atPath: first) else { return true }
                    guard events.next() == 4 else { return true }
                    try? FileManager.default.removeItem(atPath: snapshot.path)
                    try? FileManager.default.copyItem(atPath: path, toPath: snapshot.path)
                    return false
                })
        }
        #expect(try made().isEmpty)
        func restore() throws {
            // Not the scenes, whose dates are in the items.
            func isOfMap(_ name: String) -> Bool { name.hasPrefix("map") || name == ".map.tif.resume" }
            for name in folder.contents where isOfMap(name) {
                try FileManager.default.removeItem(atPath: folder.file(name))
            }
            for name in snapshot.contents where isOfMap(name) {
                try FileManager.default.copyItem(atPath: snapshot.file(name), toPath: folder.file(name))
            }
        }
        try restore()
        #expect(try made().keys.contains("map-part1.tif"))
        try refusesOthers(request)
        try restore()
        // Without 'resume' these files are in the way, and the advice is to resume.
        var plain = request
        plain.resume = false
        let error = #expect(throws: MappingError.self) {
            try makeMap(plain, predictor: ClosurePredictor.entangled(), style: .canopyHeight)
        }
        #expect(error?.code == .exists && error?.remedy?.hasPrefix("\(UserAction.resumeSameCommand), or ") == true)
        // A stop before the first part is published again removes it, as any stop does.
        #expect(throws: MappingError.self) {
            try makeMap(
                request, predictor: ClosurePredictor.entangled(), style: .canopyHeight,
                progress: stopping(at: 1, units: ["windows"]))
        }
        #expect(try made().isEmpty)
        for _ in 0..<2 {
            let predictor = ClosurePredictor.entangled()
            _ = try makeMap(request, predictor: predictor, style: .canopyHeight)
            #expect(try taken() == whole)
            #expect(!FileManager.default.fileExists(atPath: rows))
            try restore()
        }
    }

    /// Checks that a map of which the first part has its files neither replaces nor removes a second part that it did not make.
    private func refusesOthers(_ request: MapRequest) throws {
        _ = try folder.write("mine", to: "map-part2.tif")
        let before = try made()
        let error = #expect(throws: MappingError.self) {
            try makeMap(request, predictor: ClosurePredictor.entangled(), style: .canopyHeight)
        }
        #expect(error?.code == .exists && error?.place == folder.file("map-part2.tif"))
        #expect(error?.remedy?.hasPrefix("\(Setting.overwrite) to replace it") == true)
        #expect(try made() == before)
        var replacing = request
        replacing.overwrite = true
        #expect(throws: MappingError.self) {
            try makeMap(
                replacing, predictor: ClosurePredictor.entangled(), style: .canopyHeight,
                progress: stopping(at: 1, units: ["windows"]))
        }
        #expect(try made() == ["map-part2.tif": Data("mine".utf8)])
    }

    @Test func `polygons that a killed run was not to write are neither replaced nor removed`() throws {
        try paint(folder.file("scene.tif"), width: 140, height: 120) { row, column in
            Int(noise(column / 9, row / 9)) % 3
        }
        let snapshot = TemporaryFolder()
        let (from, to) = (rows, snapshot.file("rows"))
        #expect(throws: (any Error).self) {
            try classes(
                classesRequest(),
                progress: { event in
                    guard event.unit == "parts of the GeoTIFF" else { return true }
                    // What a killed process leaves is what is there while it runs.
                    try? FileManager.default.copyItem(atPath: from, toPath: to)
                    return false
                })
        }
        let published = try String(contentsOfFile: to + "/publishing", encoding: .utf8).split(separator: "\n")
        #expect(published.contains("map.tif") && published.contains("areas.gpkg"))
        try? FileManager.default.removeItem(atPath: rows)
        try FileManager.default.copyItem(atPath: to, toPath: rows)
        _ = try folder.write("mine", to: "other.gpkg")
        var request = classesRequest()
        request.classOutputs.polygons = folder.file("other.gpkg")
        let error = #expect(throws: MappingError.self) { try classes(request) }
        #expect(error?.code == .exists && error?.place == folder.file("other.gpkg"))
        // What the killed run may have made itself is not in the way.
        _ = try folder.write("half", to: "map.json")
        _ = try classes(classesRequest())
        #expect(try made()["other.gpkg"] == Data("mine".utf8) && !FileManager.default.fileExists(atPath: rows))
        #expect(try made()["map.json"] != Data("half".utf8))
    }

    // MARK: - Files of earlier maps

    @Test func `a map that replaces another removes the rasters that came with that one`() throws {
        try paint(folder.file("scene.tif"), width: 70, height: 60) { row, column in Int(noise(column / 9, row / 9)) % 3
        }
        @discardableResult
        func make(_ outputs: ClassOutputs, progress: @escaping ProgressHandler = { _ in true }) throws -> [String] {
            var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
            request.overwrite = true
            request.classOutputs = outputs
            return try makeMap(
                request, predictor: PaintedModel(classes: 3), style: style, progress: progress
            ).warnings.filter { $0.contains("removed") }
        }
        let both = ClassOutputs(probabilities: true, confidence: true)
        #expect(try make(both).isEmpty)
        _ = try folder.write("statistics", to: "map-confidence.tif.aux.xml")
        #expect(throws: MappingError.self) { try make(ClassOutputs(probabilities: true), progress: stopping(at: 4)) }
        #expect(folder.contents.contains("map-confidence.tif"))
        let removed = try make(ClassOutputs(probabilities: true))
        #expect(removed.count == 1 && removed[0].hasPrefix("\(folder.file("map-confidence.tif")): removed"))
        #expect(folder.contents.contains("map-probabilities.tif"))
        #expect(!folder.contents.contains { $0.hasPrefix("map-confidence") })
        // What somebody else made stays.
        try writeScene(folder.file("map-confidence.tif"))
        try make(ClassOutputs())
        #expect(folder.contents.contains("map-confidence.tif") && !folder.contents.contains("map-probabilities.tif"))
    }

    /// Dates a file back by an hour.
    private func age(_ name: String) throws {
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -3600)], ofItemAtPath: folder.file(name))
    }

    @Test func `what a killed run left beside the map goes with the next run`() throws {
        try writeScene(folder.file("scene.tif"))
        // No process has this number.
        let dead = "\(Int32.max)"
        for name in [
            ".map.tif.partial-\(dead).tif", ".map.tif.partial-\(dead)-cog.tif", ".map.tif.partial-\(dead).tif.aux.xml",
            "map.json.partial-\(dead)", ".map.png.partial-\(dead).png",
        ] { _ = try folder.write("rest", to: name) }
        for name in folder.contents where name.contains(".partial-") { try age(name) }
        // A process of another machine may be writing this one.
        let recent = ".map.qml.partial-\(dead)"
        _ = try folder.write("rest", to: recent)
        let others = [recent, ".other.tif.partial-\(dead).tif", ".map.tif.partial-\(getpid())x", "map.tif.partial"]
        for name in others.dropFirst() {
            _ = try folder.write("mine", to: name)
            try age(name)
        }
        let request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        _ = try makeMap(request, predictor: ClosurePredictor.identity(), style: .canopyHeight)
        let wanted = others + ["map.json", "map.png", "map.qml", "map.tif", "scene.tif"]
        #expect(folder.contents == wanted.sorted())
    }

    @Test func `the plan names every file`() throws {
        try paint(folder.file("scene.tif"), width: 60, height: 60) { _, _ in 1 }
        let model = PaintedModel(classes: 3)
        let plan = try planMap(
            classesRequest(), layout: model.layout, windowSize: model.windowSize, blendedBands: model.blendedBands,
            product: model.product)
        #expect(plan.parts[0].probabilities == folder.file("map-probabilities.tif"))
        #expect(plan.parts[0].confidence == folder.file("map-confidence.tif"))
        for name in ["map-probabilities.tif", "map-confidence.tif", "areas.gpkg"] {
            #expect(plan.text.contains(folder.file(name)))
        }
        _ = try folder.write("mine", to: "areas.gpkg")
        let error = #expect(throws: MappingError.self) {
            try makeMap(classesRequest(), predictor: model, style: style, polygons: { CollectingSink($0) })
        }
        #expect(error?.remedy == "\(Setting.overwrite) to replace it, or another \(Setting.polygons)")
    }
}
