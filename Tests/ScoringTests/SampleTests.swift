// Samples of a map: how they are drawn, and what they say of areas.
import Foundation
import Geo
import Measures
import Raster
import Scoring
import Telemetry
import TestSupport
import Testing

struct SampleTests {
    private let folder = TemporaryFolder()
    /// Wider than one window of 1024 pixels.
    private let cover = Cover(width: 1100, height: 100)

    /// Class 1 everywhere but for 1000 pixels of class 2, 30 of class 3, and some without a class.
    private func value(_ row: Int, _ column: Int) -> UInt8 {
        switch (row, column) {
        case (0, 0..<30): 3
        case (50..<60, 1000...): 2
        case (99, _): 255
        case (98, _): 254
        default: 1
        }
    }

    private func writeMap() throws -> String { try cover.write(to: folder.file("map.tif"), value) }

    @Test func `samples are pixels of their class, each once, as many as allocated`() throws {
        let map = try writeMap()
        let drawn = try drawSamples(map: map, legend: .plain(4), total: 500, seed: 7)
        let pixels = [1100 * 98 - 1030, 1000, 30, 0]
        #expect(drawn.pixelCounts == pixels && drawn.samples.count == 500 && drawn.crs == cover.grid.crs)
        // As many as there are of the rare class, 50 of the other, the rest of the common one.
        #expect(drawn.counts == [420, 50, 30, 0])
        #expect(drawn.samples.map(\.id) == Array(1...500))
        #expect(Set(drawn.samples.map { "\($0.x) \($0.y)" }).count == 500)
        var found = [0, 0, 0, 0]
        for sample in drawn.samples {
            let pixel = try #require(cover.grid.pixel(x: sample.x, y: sample.y))
            let centre = cover.centre(row: pixel.row, column: pixel.column)
            #expect(sample.x == centre.x && sample.y == centre.y)
            #expect(value(pixel.row, pixel.column) == UInt8(sample.classIndex + 1))
            found[sample.classIndex] += 1
        }
        #expect(found == drawn.counts)
    }

    @Test func `the seed alone decides what is drawn`() throws {
        let map = try writeMap()
        func draw(_ seed: UInt64) throws -> DrawnSamples {
            try drawSamples(map: map, legend: .plain(3), total: 100, minimum: 20, seed: seed)
        }
        let first = try draw(1)
        #expect(try draw(1) == first)
        #expect(try draw(2) != first && draw(2).counts == first.counts)
        #expect(first.counts == [60, 20, 20])
    }

    @Test func `samples are spread over their class`() throws {
        let map = try cover.write(to: folder.file("even.tif")) { _, _ in 1 }
        let drawn = try drawSamples(map: map, legend: .plain(1), total: 11_000, seed: 3)
        var columns = [Int](repeating: 0, count: 11)
        for sample in drawn.samples { columns[Int((sample.x - 500_000) / 1000)] += 1 }
        // A tenth of all pixels: 1000 of each 100 columns, with a standard deviation below 30.
        #expect(columns.allSatisfy { abs($0 - 1000) < 150 }, "\(columns)")
    }

    @Test func `only the AOI is drawn from`() throws {
        let map = try writeMap()
        let aoi = try AreaOfInterest(
            bounds: Bounds(minX: 510_500, minY: 4_999_400, maxX: 511_000, maxY: 4_999_500),
            crs: CoordinateReferenceSystem("EPSG:32633"))
        let drawn = try drawSamples(map: map, legend: .plain(3), aoi: aoi, total: 10)
        #expect(drawn.pixelCounts == [0, 500, 0] && drawn.counts == [0, 10, 0])
        #expect(drawn.samples.allSatisfy { $0.x > 510_500 && $0.y > 4_999_400 && $0.y < 4_999_500 })
    }

    @Test func `the file has a point with its class for each sample`() throws {
        let map = try writeMap()
        let drawn = try drawSamples(map: map, legend: .plain(3), total: 90)
        try drawn.write(to: folder.file("points.gpkg"))
        let byNumber = try LabelLayer(path: folder.file("points.gpkg"), field: "class")
        #expect(byNumber.pointCount == 90 && byNumber.layer == "samples")
        #expect(byNumber.values.map(\.count) == drawn.counts)
        let byName = try LabelLayer(path: folder.file("points.gpkg"), field: "name")
        #expect(byName.values.map(\.value) == [.text("class 1"), .text("class 2"), .text("class 3")])
        let error = try #require(throws: ScoringError.self) { try drawn.write(to: folder.file("points.gpkg")) }
        #expect(error.code == .writeFailed && error.remedy?.contains("\(Setting.overwrite)") == true)
        try drawn.write(to: folder.file("points.gpkg"), overwrite: true)

        // Samples that agree with the map leave its areas as they are.
        let areas = try estimateAreas(map: map, samples: byNumber, legend: .plain(3))
        #expect(areas.samples == 90 && areas.samplesLeftOut == 0 && areas.overallAccuracy == 1)
        // 10 m on the map are 10 m / 0.9996 on the central meridian, a little less at its side.
        let pixel = 100 / (0.9996 * 0.9996)
        for (area, count) in zip(areas.areas, drawn.pixelCounts) {
            #expect(isNear(area.mapped, Double(count) * pixel, within: 1e-5))
            #expect(isNear(area.adjusted, area.mapped) && area.low == area.adjusted && area.high == area.adjusted)
            #expect(area.usersAccuracy == 1 && area.producersAccuracy == 1)
        }
    }

    @Test func `areas are those of the estimator`() throws {
        let map = try cover.write(to: folder.file("map.tif")) { row, _ in row < 20 ? 1 : row < 99 ? 2 : 254 }
        // 8 of 10 samples of class 1 are right, 27 of 30 of class 2; the others do not count.
        var points: [(x: Double, y: Double, value: VectorWriter.Value?)] = []
        func add(_ row: Int, _ column: Int, _ value: Int) {
            let place = cover.centre(row: row, column: column)
            points.append((place.x, place.y, .integer(value)))
        }
        for column in 0..<10 { add(5, 100 * column, column < 8 ? 1 : 2) }
        for column in 0..<30 { add(60, 30 * column + 7, column < 27 ? 2 : 1) }
        add(99, 5, 1)
        add(200, 5, 1)
        let layer = try writePoints(points, to: folder.file("points.gpkg"))
        let areas = try estimateAreas(map: map, samples: layer, legend: .plain(3))
        #expect(areas.samples == 40 && areas.samplesLeftOut == 2)
        let mapped = areas.areas.map(\.mapped)
        #expect(isNear(mapped[1] / mapped[0], 79.0 / 20, within: 1e-9) && mapped[2] == 0)
        let expected = AreaEstimate(mappedAreas: mapped, samples: [[8, 2, 0], [3, 27, 0], [0, 0, 0]])
        #expect(isNear(areas.overallAccuracy, expected.overallAccuracy?.value ?? .nan))
        for (area, known) in zip(areas.areas, expected.classes) {
            #expect(area.adjusted == known.area?.value && area.low == known.area?.limits?.lowerBound)
            #expect(area.high == known.area?.limits?.upperBound)
            #expect(area.usersAccuracy == known.usersAccuracy?.value)
            #expect(area.producersAccuracy == known.producersAccuracy?.value)
        }
        // 20 of 99 parts with 0.8 of class 1, 79 with 0.1.
        #expect(isNear(areas.areas[0].adjusted.map { $0 / (mapped[0] + mapped[1]) }, (20 * 0.8 + 79 * 0.1) / 99))
    }

    @Test func `a class without samples leaves areas unknown, and the JSON says null`() throws {
        let map = try writeMap()
        let place = cover.centre(row: 30, column: 30)
        let layer = try writePoints([(place.x, place.y, .integer(1))], to: folder.file("points.gpkg"))
        let areas = try estimateAreas(map: map, samples: layer, legend: .plain(3))
        let data = try JSONEncoder().encode(areas)
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(object.keys.sorted() == ["areas", "overall_accuracy", "samples", "samples_left_out"])
        #expect(object["overall_accuracy"] is NSNull)
        let classes = try #require(object["areas"] as? [[String: Any]])
        #expect(
            classes[0].keys.sorted() == [
                "adjusted_m2", "high_m2", "id", "low_m2", "mapped_m2", "name", "producers_accuracy", "users_accuracy",
            ])
        #expect(classes[0]["adjusted_m2"] is NSNull && classes[0]["users_accuracy"] as? Double == 1)
        #expect(try JSONDecoder().decode(LandCoverAreas.self, from: data) == areas)
    }

    @Test func `areas of a map in degrees shrink towards the pole`() throws {
        // Two rows of one degree at 60 and at 0 degrees.
        let degrees = Cover(width: 4, height: 61, pixel: 1, originX: 10, originY: 60.5, crs: .wgs84)
        let map = try degrees.write(to: folder.file("map.tif")) { row, _ in row == 0 ? 1 : row == 60 ? 2 : 255 }
        let layer = try writePoints(
            [(11, 60, .integer(1)), (11, 0, .integer(2))], crs: "EPSG:4326", to: folder.file("points.gpkg"))
        let areas = try estimateAreas(map: map, samples: layer, legend: .plain(2)).areas.map(\.mapped)
        for (area, latitude) in zip(areas, [60.0, 0]) {
            let scale = Ellipsoid.metresPerDegree(latitude: latitude)
            #expect(isNear(area, 4 * scale.longitude * scale.latitude, within: 1e-3), "\(area) m2 at \(latitude)")
        }
    }

    @Test func `what are no samples is refused`() throws {
        let map = try writeMap()
        func failure(_ layer: LabelLayer, _ legend: Legend = .plain(3)) throws -> ScoringError {
            try #require(throws: ScoringError.self) { try estimateAreas(map: map, samples: layer, legend: legend) }
        }
        let far = try writePoints([(600_000, 5_000_000, .integer(1))], to: folder.file("far.gpkg"))
        #expect(try failure(far).what == "no sample lies where the map has a class")
        let unknown = try writePoints([(500_005, 4_999_995, .integer(8))], to: folder.file("unknown.gpkg"))
        #expect(try failure(unknown).what == "the samples hold values that the legend does not name")
        let path = try folder.write(
            #"{"type":"Feature","properties":{"seen":1},"geometry":{"type":"Polygon","coordinates":[[[15,45],[15.1,45],[15.1,45.1],[15,45]]]}}"#,
            to: "polygon.geojson")
        #expect(try failure(LabelLayer(path: path)).code == .badSamples)
        let odd = try #require(throws: ScoringError.self) {
            try drawSamples(map: map, legend: .plain(3), total: 0)
        }
        #expect(odd.code == .badRange)
        let none = try cover.write(to: folder.file("none.tif")) { _, _ in 254 }
        let empty = try #require(throws: ScoringError.self) {
            try drawSamples(map: none, legend: .plain(3), total: 10)
        }
        #expect(empty.code == .noOverlap && empty.what == "the map has no classes")
    }
}
