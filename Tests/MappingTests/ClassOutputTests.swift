// Outputs of a map of classes: probabilities, unsure pixels, the sieve, polygons.
import Foundation
import Geo
import Mapping
import Raster
import Synchronization
import Telemetry
import TestSupport
import Testing

struct ClassOutputTests {
    let folder = TemporaryFolder()
    private let style = MapStyle(title: "Land cover", unit: "")

    private func request(_ name: String = "map.tif", _ change: (inout ClassOutputs) -> Void) -> MapRequest {
        var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file(name))
        change(&request.classOutputs)
        return request
    }

    @Test(arguments: [3, 7]) func `probabilities are written as blended, and pixels with low ones are unsure`(
        classes: Int
    ) throws {
        // Even numbers, and those above an equal share.
        func strength(_ row: Int, _ column: Int) -> UInt8 { UInt8(120 + (row + column) % 60 * 2) }
        func painted(_ row: Int, _ column: Int) -> Int { Int(noise(column / 4, row / 4)) % classes }
        func isHole(_ row: Int, _ column: Int) -> Bool { row < 9 && column >= 50 }
        try paint(
            folder.file("scene.tif"), width: 70, height: 60, isHole: isHole, probability: strength, painted)
        let model = PaintedModel(classes: classes)
        let asked = request {
            $0.probabilities = true
            $0.confidence = true
            $0.rejectBelow = 0.6
        }
        let part = try makeMap(asked, predictor: model, style: style).parts[0]
        #expect(part.probabilities == folder.file("map-probabilities.tif"))
        #expect(part.confidence == folder.file("map-confidence.tif"))
        let map = try Labels(map: part.output)
        let probabilities = try RasterReader(path: folder.file("map-probabilities.tif"))
        let shares = try probabilities.read(probabilities.grid.window)
        let largest = try ReadMap(folder.file("map-confidence.tif")).buffer
        #expect(probabilities.bands.map(\.name) == model.legend.classes.map(\.name))
        #expect(probabilities.bands.allSatisfy { $0.sampleType == .uint8 && $0.nodata == 255 })
        let isCloudOptimized = probabilities.metadata(domain: "IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        #expect(isCloudOptimized == (classes <= 4))
        #expect(largest.bands == 1 && largest.sampleType == .uint8)
        var unsure = 0
        for row in 0..<60 {
            for column in 0..<70 {
                let place = row * 70 + column
                guard !isHole(row, column) else {
                    #expect(map.ids[place] == 255 && !largest.isValid(row: row, column: column))
                    #expect(!shares.isValid(row: row, column: column))
                    continue
                }
                let strong = Int(strength(row, column))
                let here = painted(row, column)
                // 150 of 250 are 0.6, which is not below it.
                #expect(map.ids[place] == (strong < 150 ? 254 : PaintedModel.id(here)))
                if strong < 150 { unsure += 1 }
                #expect(largest[0, row, column] == Float(strong))
                let other = (Double(250 - strong) / Double(classes - 1)).rounded()
                for band in 0..<classes {
                    #expect(shares[band, row, column] == (band == here ? Float(strong) : Float(other)))
                }
            }
        }
        let counts = try #require(part.statistics.classes)
        #expect(counts.count == classes + 1 && counts.last?.id == 254 && counts.last?.name == "unsure")
        #expect(counts.last?.pixels == unsure && unsure > 500)
        #expect(part.statistics.validPixels == 70 * 60 - 9 * 20)
    }

    /// Large fields with single pixels in them; the map has several blocks with 32 classes, and one block with 16.
    private func paintFields() throws {
        try paint(
            folder.file("scene.tif"), width: 700, height: 560,
            isHole: { row, column in (200..<230).contains(row) && (300..<520).contains(column) }
        ) { row, column in
            noise(column, row, 2) < 20
                ? Int(noise(column, row, 3)) % 16 : Int(noise(column / 40, row / 40, 1)) % 3
        }
    }

    @Test func `the sieve does not depend on blocks and threads`() throws {
        try paintFields()
        _ = try makeMap(
            request("plain.tif") { _ in }, predictor: PaintedModel(classes: 32, windowSize: 64), style: style)
        let plain = try Labels(map: folder.file("plain.tif"))
        // 600 square metres are 6 pixels.
        let wanted = plain.sieved(smallest: 6)
        #expect(wanted != plain)
        var files: [Data] = []
        for (number, (classes, threads)) in [(32, 1), (32, 3), (16, 1)].enumerated() {
            var asked = request("map\(number).tif") { $0.minimumArea = 600 }
            asked.threads = threads
            let model = PaintedModel(classes: classes, windowSize: 64)
            let part = try makeMap(asked, predictor: model, style: style).parts[0]
            #expect(try Labels(map: part.output) == wanted, "\(classes) classes, \(threads) threads")
            let counts = try #require(part.statistics.classes)
            for entry in counts { #expect(entry.pixels == wanted.ids.count { Int($0) == entry.id }) }
            #expect(part.statistics.validPixels == 700 * 560 - 30 * 220)
            #expect(part.statistics.areaPixels == 700 * 560)
            files.append(try Data(contentsOf: URL(fileURLWithPath: part.output)))
        }
        #expect(files[0] == files[1])
    }

    @Test(arguments: [nil, 600.0]) func `polygons cover every valid pixel of the map once`(
        minimumArea: Double?
    ) throws {
        try paintFields()
        let kept = CollectedPolygons()
        let asked = request {
            $0.polygons = folder.file("areas.gpkg")
            $0.minimumArea = minimumArea
        }
        let model = PaintedModel(classes: 32, windowSize: 64)
        let part = try makeMap(
            asked, predictor: model, style: style, polygons: { CollectingSink($0, in: kept) }
        ).parts[0]
        let layer = try #require(kept.layer)
        #expect(kept.isFinished && part.polygons == layer.path)
        #expect(layer.path == folder.file("areas.gpkg") && layer.name == "map" && !layer.overwrite)
        #expect(layer.crs.definition == "EPSG:32633" && layer.classes == model.legend.classes)
        let origin = part.grid.transform
        let polygons = kept.polygons.map { polygon in
            let rings = polygon.rings.map { ring in
                ring.map { point in
                    PixelCorner(
                        column: Int32((point.x - origin.originX) / 10), row: Int32((origin.originY - point.y) / 10))
                }
            }
            return (id: layer.classes[polygon.classIndex].id, rings: rings)
        }
        var most = 0
        let covered = Labels(polygons, width: 700, height: 560, most: &most)
        #expect(try covered == Labels(map: part.output) && most == 1)
        if minimumArea == nil { #expect(polygons.contains { $0.rings.count > 1 }) }
        let area = kept.polygons.reduce(0) { $0 + $1.areaM2 }
        #expect(abs(area / (part.squareKilometres * 1e6) - 1) < 1e-9)
        // Outer rings are counter-clockwise.
        for polygon in kept.polygons {
            let areas = polygon.rings.map { ring in
                zip(ring, ring.dropFirst()).reduce(0) { $0 + $1.0.x * $1.1.y - $1.1.x * $1.0.y }
            }
            #expect(areas[0] > 0 && areas.dropFirst().allSatisfy { $0 < 0 })
        }
    }

    @Test func `an existing file stops the map before any window is predicted`() throws {
        try paint(folder.file("scene.tif"), width: 40, height: 40) { _, _ in 1 }
        let model = PaintedModel(classes: 3)
        for name in ["map-probabilities.tif", "map-confidence.tif", "areas.gpkg"] {
            _ = try folder.write("mine", to: name)
            let asked = request {
                $0 = ClassOutputs(probabilities: true, confidence: true, polygons: folder.file("areas.gpkg"))
            }
            let error = try #require(throws: MappingError.self) {
                try makeMap(asked, predictor: model, style: style, polygons: { CollectingSink($0) })
            }
            #expect(error.code == .exists && error.place == folder.file(name))
            try FileManager.default.removeItem(atPath: folder.file(name))
        }
        #expect(model.calls == 0 && folder.contents == ["scene.tif"])
        // A file that was not asked for does not matter.
        _ = try folder.write("mine", to: "map-confidence.tif")
        _ = try makeMap(request { _ in }, predictor: model, style: style)
        #expect(try String(contentsOfFile: folder.file("map-confidence.tif"), encoding: .utf8) == "mine")
    }

    @Test func `impossible requests are refused`() throws {
        try paint(folder.file("scene.tif"), width: 40, height: 40) { _, _ in 1 }
        func refusal(
            _ outputs: ClassOutputs, _ predictor: any RasterModel = PaintedModel(classes: 3)
        ) -> MappingError? {
            #expect(throws: MappingError.self) {
                try makeMap(
                    request { $0 = outputs }, predictor: predictor, style: style, polygons: { CollectingSink($0) })
            }
        }
        for below in [0, -0.1, 1.01, .nan] {
            let error = refusal(ClassOutputs(rejectBelow: below))
            #expect(error?.code == .badRequest && error?.remedy?.hasPrefix("give a probability such as 0.5") == true)
        }
        for area in [0, -5, .infinity, .nan] {
            let error = refusal(ClassOutputs(minimumArea: area))
            #expect(error?.code == .badRequest && error?.remedy?.hasPrefix("give square metres such as 400") == true)
        }
        let large = refusal(ClassOutputs(minimumArea: 1e9))
        #expect(large?.code == .badRequest && large?.remedy == "give 419430400 m2 or less")
        let values = refusal(ClassOutputs(confidence: true), ClosurePredictor.constant(1))
        #expect(values?.code == .badRequest && values?.place == folder.file("map.tif"))
        #expect(refusal(ClassOutputs(polygons: folder.file("map.json")))?.code == .badRequest)
        #expect(refusal(ClassOutputs(polygons: folder.file("no/areas.gpkg")))?.code == .writeFailed)
        #expect(refusal(ClassOutputs(polygons: "/vsizip/a.zip/b.gpkg"))?.code == .badRequest)
        #expect(folder.contents == ["scene.tif"])
    }

    @Test func `a failed or stopped map leaves no file`() throws {
        try paint(folder.file("scene.tif"), width: 90, height: 80) { row, column in Int(noise(column, row)) % 3 }
        let all = ClassOutputs(
            probabilities: true, confidence: true, rejectBelow: 0.1, minimumArea: 250,
            polygons: folder.file("areas.gpkg"))
        #expect(throws: CollectingSink.Refusal.self) {
            try makeMap(
                request { $0 = all }, predictor: PaintedModel(classes: 3), style: style,
                polygons: { CollectingSink($0, failsAtTheEnd: true) })
        }
        #expect(folder.contents == ["scene.tif"])
        for unit in ["windows", "rows sieved", "rows written", "rows traced", "parts of the GeoTIFF"] {
            let seen = Mutex(false)
            let error = #expect(throws: MappingError.self) {
                try makeMap(
                    request { $0 = all }, predictor: PaintedModel(classes: 3), style: style,
                    polygons: { CollectingSink($0) },
                    progress: { event in
                        guard event.unit == unit else { return true }
                        seen.withLock { $0 = true }
                        return false
                    })
            }
            #expect(error?.code == .cancelled && seen.withLock(\.self), "\(unit)")
            #expect(folder.contents == ["scene.tif"], "\(unit)")
        }
    }

    @Test func `the plan names the other outputs`() throws {
        try paint(folder.file("scene.tif"), width: 60, height: 60) { _, _ in 1 }
        func plan(_ outputs: ClassOutputs) throws -> MapPlan {
            let model = PaintedModel(classes: 7)
            return try planMap(
                request { $0 = outputs }, layout: model.layout, windowSize: model.windowSize,
                blendedBands: model.blendedBands, product: model.product)
        }
        let plain = try plan(ClassOutputs()).parts[0]
        let rich = try plan(
            ClassOutputs(
                probabilities: true, confidence: true, minimumArea: 410, polygons: folder.file("areas.gpkg")))
        #expect(plain.smallestPixels == nil && rich.parts[0].smallestPixels == 5)
        // One byte for the class, seven for probabilities and one for the largest. The temporary classes need another one.
        #expect(rich.parts[0].outputBytes == 9 * plain.outputBytes)
        #expect(rich.parts[0].temporaryBytes == 10 * plain.temporaryBytes)
        #expect(rich.text.contains("sieve     components of fewer than 5 pixels"))
        #expect(rich.text.contains("polygons  \(folder.file("areas.gpkg"))"))
        #expect(partName("a.b/c.gpkg", part: 2) == "a.b/c-part2.gpkg")
    }
}
