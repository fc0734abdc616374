// Land-cover scores where the answer has a closed form: known confusions, other grids, points, areas, borders.
import Foundation
import Geo
import Measures
import Raster
import Scoring
import Telemetry
import TestSupport
import Testing

struct ScoreLandCoverTests {
    private let folder = TemporaryFolder()

    /// Writes a truth and a map of 40 x 25 pixels in which each pair of values has so many pixels.
    private func write(_ pairs: [(truth: UInt8, map: UInt8, count: Int)]) throws -> (map: String, truth: String) {
        let all = pairs.flatMap { pair in
            [(truth: UInt8, map: UInt8)](repeating: (pair.truth, pair.map), count: pair.count)
        }
        try #require(all.count == 1000)
        let cover = Cover(width: 40, height: 25)
        return (
            try cover.write(to: folder.file("map.tif")) { all[$0 * 40 + $1].map },
            try cover.write(to: folder.file("truth.tif")) { all[$0 * 40 + $1].truth }
        )
    }

    // MARK: - Figures

    @Test func `a known confusion gives the known figures`() throws {
        let (map, truth) = try write([
            (10, 5, 300), (10, 2, 50), (10, 254, 50), (20, 2, 200), (20, 9, 100), (30, 9, 150), (30, 5, 50),
            // No truth, and no map.
            (0, 5, 40), (255, 2, 30), (10, 255, 30),
        ])
        let score = try scoreLandCover(map: map, truth: .raster(path: truth), legend: .three)
        #expect(score.pixels == 900 && score.unsure == 50 && score.missingInMap == 30)
        #expect(score.confusion == [[300, 50, 0], [0, 200, 100], [50, 0, 150]])
        #expect(score.classes.map(\.id) == [5, 2, 9] && score.classes.map(\.name) == ["water", "forest", "rest"])
        #expect(score.classes.map(\.pixels) == [400, 300, 200])
        let expected: [(Double, Double, Double, Double)] = [
            (300.0 / 450, 600.0 / 750, 300.0 / 350, 300.0 / 400), (200.0 / 350, 400.0 / 550, 200.0 / 250, 200.0 / 300),
            (150.0 / 300, 300.0 / 450, 150.0 / 250, 150.0 / 200),
        ]
        for (known, expected) in zip(score.classes, expected) {
            #expect(isNear(known.iou, expected.0) && isNear(known.f1, expected.1))
            #expect(isNear(known.precision, expected.2) && isNear(known.recall, expected.3))
        }
        #expect(isNear(score.miou, (2.0 / 3 + 4.0 / 7 + 0.5) / 3))
        #expect(isNear(score.miouWithoutBackground, (2.0 / 3 + 4.0 / 7) / 2))
        #expect(isNear(score.overallAccuracy, 650.0 / 900))
        #expect(isNear(score.kappa, (650.0 * 900 - 265_000) / (810_000 - 265_000)))
        #expect(isNear(score.macroF1, (0.8 + 400.0 / 550 + 2.0 / 3) / 3))
        #expect(isNear(score.frequencyWeightedIoU, (400 * 2.0 / 3 + 300 * 4.0 / 7 + 200 * 0.5) / 900))
        #expect(score.boundaryPixels == 1)
    }

    @Test func `values that stand for one class count as one`() throws {
        let cover = Cover(width: 4, height: 1)
        let map = try cover.write(to: folder.file("map.tif")) { _, column in [9, 9, 9, 2][column] }
        // 1000 needs more than 8 bits.
        let grid = cover.grid
        try writeRaster(
            PixelBuffer(bands: 1, height: 1, width: 4, samples: .uint16([30, 1000, 30, 1000]), grid: grid),
            to: folder.file("truth.tif"), format: RasterFormat(sampleType: .uint16, bands: [BandInfo(name: "cover")]))
        let score = try scoreLandCover(map: map, truth: .raster(path: folder.file("truth.tif")), legend: .three)
        #expect(score.pixels == 4 && score.confusion == [[0, 0, 0], [0, 0, 0], [0, 1, 3]])
    }

    @Test func `absent classes are left out of means, classes of one side are not`() throws {
        let (map, truth) = try write([(1, 1, 400), (1, 2, 100), (2, 2, 400), (2, 4, 100)])
        let score = try scoreLandCover(map: map, truth: .raster(path: truth), legend: .plain(4))
        #expect(score.classes[2].iou == nil && score.classes[2].f1 == nil && score.classes[2].pixels == 0)
        #expect(score.classes[2].precision == nil && score.classes[2].recall == nil)
        #expect(score.classes[3].iou == 0 && score.classes[3].precision == 0 && score.classes[3].recall == nil)
        #expect(isNear(score.miou, (0.8 + 400.0 / 600 + 0) / 3))
        #expect(score.miouWithoutBackground == nil)
    }

    @Test func `a perfect map scores 1, one class alone leaves kappa undefined`() throws {
        let (map, truth) = try write([(1, 1, 700), (2, 2, 300)])
        let score = try scoreLandCover(map: map, truth: .raster(path: truth), legend: .plain(2))
        #expect(score.miou == 1 && score.overallAccuracy == 1 && score.kappa == 1 && score.boundaryMIoU == 1)
        let (flat, same) = try write([(1, 1, 1000)])
        let one = try scoreLandCover(map: flat, truth: .raster(path: same), legend: .plain(2))
        #expect(one.miou == 1 && one.kappa == nil && one.boundaryMIoU == nil)
    }

    @Test func `the JSON has every key`() throws {
        let (map, truth) = try write([(1, 1, 1000)])
        let score = try scoreLandCover(map: map, truth: .raster(path: truth), legend: .plain(2))
        let data = try JSONEncoder().encode(score)
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(
            object.keys.sorted() == [
                "boundary_miou", "boundary_pixels", "classes", "confusion", "frequency_weighted_iou", "kappa",
                "macro_f1", "miou", "miou_no_background", "missing_in_map", "overall_accuracy", "pixels", "unsure",
            ])
        #expect(object["kappa"] is NSNull && object["miou_no_background"] is NSNull)
        let classes = try #require(object["classes"] as? [[String: Any]])
        #expect(
            classes.allSatisfy { $0.keys.sorted() == ["f1", "id", "iou", "name", "pixels", "precision", "recall"] })
        #expect(classes[1]["iou"] is NSNull)
        #expect(try JSONDecoder().decode(LandCoverScore.self, from: data) == score)
    }

    // MARK: - Grids

    @Test func `the most frequent class under a large pixel of the truth is compared`() throws {
        // 2 x 2 pixels of the map in each of the truth, three of them of its class.
        let truth = try Cover(width: 30, height: 20, pixel: 20).write(to: folder.file("truth.tif")) { row, column in
            UInt8(1 + (row + column) % 3)
        }
        let map = try Cover(width: 60, height: 40).write(to: folder.file("map.tif")) { row, column in
            let own = (row / 2 + column / 2) % 3
            return UInt8(1 + (row % 2 == 1 && column % 2 == 1 ? (own + 1) % 3 : own))
        }
        let score = try scoreLandCover(map: map, truth: .raster(path: truth), legend: .plain(3))
        #expect(score.pixels == 600 && score.overallAccuracy == 1)
    }

    @Test func `the nearest class over a small pixel of a shifted truth is compared`() throws {
        // Five pixels of the truth to one of the map, moved by 6 m to the right and 4 m down.
        let truth = Cover(width: 300, height: 200, pixel: 2, originX: 500_006, originY: 4_999_996)
        func value(_ x: Double, _ y: Double) -> UInt8 {
            UInt8(1 + (Int((x - 500_000) / 10) + Int((5_000_000 - y) / 10)) % 3)
        }
        let truthPath = try truth.write(to: folder.file("truth.tif")) { row, column in
            let place = truth.centre(row: row, column: column)
            return value(place.x, place.y)
        }
        let cover = Cover(width: 50, height: 60)
        let map = try cover.write(to: folder.file("map.tif")) { row, column in
            let place = cover.centre(row: row, column: column)
            return value(place.x, place.y)
        }
        let score = try scoreLandCover(map: map, truth: .raster(path: truthPath), legend: .plain(3))
        // The map ends at 500 m, which is 247 columns of the truth; below it goes on.
        #expect(score.pixels == 247 * 200 && score.overallAccuracy == 1 && score.missingInMap == 0)
    }

    @Test(arguments: ["EPSG:4326", "EPSG:3857", "EPSG:32632"])
    func `a truth in another CRS is read as it is`(crs: String) throws {
        let cover = Cover(width: 200, height: 200)
        let map = try cover.write(to: folder.file("map.tif")) { _, column in column < 100 ? 1 : 2 }
        let there = try CoordinateTransformer(from: .init("EPSG:32633"), to: .init(crs))
        let corner = try #require(there.transform([(500_400, 4_999_600)])[0])
        var truth = Cover(width: 60, height: 50, pixel: crs == "EPSG:4326" ? 0.000_2 : 15)
        (truth.originX, truth.originY, truth.crs) = (corner.x, corner.y, .init(crs))
        let back = try CoordinateTransformer(from: .init(crs), to: .init("EPSG:32633"))
        var right = 0
        let path = try truth.write(to: folder.file("truth.tif")) { row, column in
            let place = truth.centre(row: row, column: column)
            let isRight = (back.transform([place])[0]?.x ?? 0) >= 501_000
            right += isRight ? 1 : 0
            return isRight ? 2 : 1
        }
        #expect(right > 100 && right < 2900)
        let score = try scoreLandCover(map: map, truth: .raster(path: path), legend: .plain(2))
        #expect(score.pixels == 3000)
        // Large pixels on the line may go either way.
        #expect((score.overallAccuracy ?? 0) > 1 - 60.0 / 3000, "\(score.confusion)")
    }

    @Test func `rasters without a place are compared if they have the same pixels`() throws {
        var cover = Cover(width: 20, height: 10)
        cover.crs = nil
        (cover.originX, cover.originY, cover.pixel) = (0, 0, 1)
        let map = try cover.write(to: folder.file("map.tif")) { _, column in column < 5 ? 1 : 2 }
        let truth = try cover.write(to: folder.file("truth.tif")) { _, _ in 2 }
        let score = try scoreLandCover(map: map, truth: .raster(path: truth), legend: .plain(2))
        #expect(score.pixels == 200 && score.confusion == [[0, 0], [50, 150]])
        cover.height = 11
        let taller = try cover.write(to: folder.file("taller.tif")) { _, _ in 2 }
        let error = try failure(map: map, truth: .raster(path: taller))
        #expect(error.code == .noCRS && error.what == "the map is not georeferenced")
    }

    @Test func `beyond the map's bounds nothing is missing`() throws {
        let truth = try Cover(width: 40, height: 40, originX: 499_900, originY: 5_000_100).write(
            to: folder.file("truth.tif")
        ) { _, _ in 1 }
        let map = try Cover(width: 20, height: 20).write(to: folder.file("map.tif")) { row, _ in row < 3 ? 255 : 1 }
        let score = try scoreLandCover(map: map, truth: .raster(path: truth), legend: .plain(1))
        #expect(score.pixels == 17 * 20 && score.missingInMap == 3 * 20)
    }

    // MARK: - The AOI

    @Test func `only pixels with their centre in the AOI count`() throws {
        let cover = Cover(width: 60, height: 40)
        let truth = try cover.write(to: folder.file("truth.tif")) { _, _ in 1 }
        let map = try cover.write(to: folder.file("map.tif")) { _, column in column < 20 ? 2 : 1 }
        // 20.4 by 39.6 pixels: the centres of 20 columns and 40 rows.
        let west = try AreaOfInterest(
            wkt: "POLYGON((500000 4999604, 500204 4999604, 500204 5000000, 500000 5000000, 500000 4999604))",
            crs: CoordinateReferenceSystem("EPSG:32633"))
        let inside = try scoreLandCover(map: map, truth: .raster(path: truth), legend: .plain(2), aoi: west)
        #expect(inside.confusion == [[0, 800], [0, 0]])
        let degrees = try west.transformed(to: .wgs84)
        let same = try scoreLandCover(map: map, truth: .raster(path: truth), legend: .plain(2), aoi: degrees)
        #expect(abs(same.pixels - 800) <= 40)
        let points = try writePoints(
            [(500_105, 4_999_705, .integer(1)), (500_405, 4_999_705, .integer(1))], to: folder.file("points.gpkg"))
        let one = try scoreLandCover(map: map, truth: .labels(points), legend: .plain(2), aoi: west)
        #expect(one.confusion == [[0, 1], [0, 0]])
    }

    // MARK: - Vector layers

    @Test func `points are compared on the map's grid, a pixel once`() throws {
        let cover = Cover(width: 30, height: 20)
        let map = try cover.write(to: folder.file("map.tif")) { row, column in
            row == 0 ? 255 : row == 1 ? 254 : column < 10 ? 5 : 2
        }
        func at(_ row: Int, _ column: Int, _ value: String, _ dx: Double = 0) -> (
            x: Double, y: Double, value: VectorWriter.Value?
        ) {
            let place = cover.centre(row: row, column: column)
            return (place.x + dx, place.y, .string(value))
        }
        let points = try writePoints(
            [
                at(5, 3, "w"), at(5, 3, "w", 2), at(6, 3, "f"), at(6, 12, "f"), at(7, 12, "r"),
                // Unsure, no value, two classes in one pixel, no label, beyond the map.
                at(1, 1, "w"), at(0, 1, "w"), at(8, 8, "w"), at(8, 8, "f", 1), at(9, 9, "?"), at(30, 1, "w"),
            ], kind: .string, to: folder.file("points.gpkg"))
        let score = try scoreLandCover(map: map, truth: .labels(points), legend: .three)
        #expect(score.confusion == [[1, 0, 0], [1, 1, 0], [0, 1, 0]])
        #expect(score.pixels == 5 && score.unsure == 1 && score.missingInMap == 1)
        #expect(score.boundaryMIoU == nil && score.boundaryPixels == nil)
    }

    @Test func `polygons in another CRS label the pixels whose centre they hold`() throws {
        let cover = Cover(width: 1100, height: 30)
        // Wider than one window of 1024 pixels.
        let map = try cover.write(to: folder.file("map.tif")) { _, column in column < 1050 ? 1 : 2 }
        try writeArea(
            folder.file("area.geojson"), [[rectangle(510_002, 4_999_798, 511_000, 4_999_998)]])
        let json = try String(contentsOfFile: folder.file("area.geojson"), encoding: .utf8)
        let path = try folder.write(
            #"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"seen":2},"geometry":\#(json)}]}"#,
            to: "labels.geojson")
        let layer = try LabelLayer(path: path)
        let score = try scoreLandCover(map: map, truth: .labels(layer), legend: .plain(2))
        #expect(score.confusion == [[0, 0], [50 * 20, 50 * 20]])
    }

    // MARK: - Borders

    @Test(arguments: [(1100, 60, nil), (60, 1100, nil), (1100, 60, 3)] as [(Int, Int, Int?)])
    func `borders in windows are those of the whole`(width: Int, height: Int, distance: Int?) throws {
        let cover = Cover(width: width, height: height)
        func truth(_ row: Int, _ column: Int) -> UInt8 {
            noise(column / 90, row / 90, 7) < 12 ? 255 : 1 + noise(column / 30, row / 30) % 3
        }
        func map(_ row: Int, _ column: Int) -> UInt8 {
            let drawn = noise(column, row, 3)
            return drawn < 2 ? 255 : drawn < 4 ? 254 : 1 + noise((column + 2) / 30, (row + 1) / 30) % 3
        }
        let truthPath = try cover.write(to: folder.file("truth.tif"), truth)
        let mapPath = try cover.write(to: folder.file("map.tif"), map)
        let score = try scoreLandCover(
            map: mapPath, truth: .raster(path: truthPath), legend: .plain(3), boundary: distance)
        let expected = distance ?? BoundaryTally.distance(width: width, height: height)
        #expect(score.boundaryPixels == expected)
        var truths: [UInt8] = []
        var predictions: [UInt8] = []
        for row in 0..<height {
            for column in 0..<width {
                let (known, mapped) = (truth(row, column), map(row, column))
                let counts = known != 255 && mapped != 255
                truths.append(counts ? known - 1 : 255)
                predictions.append(counts && mapped != 254 ? mapped - 1 : 255)
            }
        }
        var whole = BoundaryTally(classCount: 3, distance: expected, unknownIsBorder: false)
        whole.add(predictions: predictions, truths: truths, width: width, height: height)
        let meanIoU = try #require(whole.meanIoU)
        #expect(meanIoU > 0.05 && meanIoU < 0.95)
        #expect(isNear(score.boundaryMIoU, meanIoU), "\(score.boundaryMIoU ?? -1), not \(meanIoU)")
    }

    @Test func `the distance from borders that is taken is at most 64 pixels`() throws {
        let cover = Cover(width: 4000, height: 20)
        let map = try cover.write(to: folder.file("map.tif")) { _, column in column < 2000 ? 1 : 2 }
        let score = try scoreLandCover(map: map, truth: .raster(path: map), legend: .plain(2))
        #expect(score.boundaryPixels == 64 && score.boundaryMIoU == 1)
    }

    // MARK: - What cannot be scored

    private func failure(
        map: String, truth: LandCoverTruth, legend: Legend = .plain(3), aoi: AreaOfInterest? = nil,
        boundary: Int? = nil
    ) throws -> ScoringError {
        try #require(throws: ScoringError.self) {
            try scoreLandCover(map: map, truth: truth, legend: legend, aoi: aoi, boundary: boundary)
        }
    }

    @Test func `values that the legend does not name are listed with a line to add`() throws {
        let (map, truth) = try write([(1, 1, 800), (7, 1, 150), (9, 1, 50)])
        let error = try failure(map: map, truth: .raster(path: truth))
        #expect(error.code == .badLegend && error.place == truth)
        #expect(error.what == "the truth holds values that the legend does not name")
        #expect(error.causes.prefix(2) == ["7: 150 pixels", "9: 50 pixels"])
        #expect(error.remedy?.contains("- {id: 4, name: NAME, colour: [128, 128, 128], values: [7]}") == true)
        // Outside of the AOI they are nobody's trouble.
        let top = try AreaOfInterest(
            wkt: "POLYGON((500000 4999900, 500400 4999900, 500400 5000000, 500000 5000000, 500000 4999900))",
            crs: CoordinateReferenceSystem("EPSG:32633"))
        #expect(try scoreLandCover(map: map, truth: .raster(path: truth), legend: .plain(3), aoi: top).pixels == 400)

        let points = try writePoints(
            [(500_005, 4_999_995, .string("w")), (500_015, 4_999_995, .string("sea"))], kind: .string,
            to: folder.file("points.gpkg"))
        let other = try failure(map: map, truth: .labels(points), legend: .three)
        #expect(other.causes.first == "'sea': 1 feature")
        #expect(other.remedy?.contains("values: [\"sea\"]}") == true)
    }

    @Test func `a map of other classes is refused`() throws {
        let (map, truth) = try write([(1, 1, 900), (1, 77, 100)])
        let error = try failure(map: map, truth: .raster(path: truth))
        #expect(error.code == .badLegend && error.place == map)
        #expect(error.what == "the map holds values that are not classes of the legend")
        #expect(error.causes.first == "77: 100 pixels")
    }

    @Test func `a raster that has the name of another class for a number has another legend`() throws {
        let named = Cover(width: 10, height: 10, names: [10: "Forest", 20: "Water", 30: "something else"])
        let truth = try named.write(to: folder.file("truth.tif")) { _, _ in 10 }
        let map = try Cover(width: 10, height: 10, names: [5: "water", 2: "forest"]).write(
            to: folder.file("map.tif")
        ) { _, _ in 5 }
        let error = try failure(map: map, truth: .raster(path: truth), legend: .three)
        #expect(error.code == .badLegend && error.what.hasPrefix("the truth has another legend"))
        #expect(
            error.causes == [
                "10 is 'Forest' in the truth, and 'water' in the legend",
                "20 is 'Water' in the truth, and 'forest' in the legend",
            ])
    }

    @Test func `files that have nothing in common cannot be scored`() throws {
        let cover = Cover(width: 10, height: 10)
        let map = try cover.write(to: folder.file("map.tif")) { _, _ in 1 }
        var far = cover
        far.originX = 600_000
        let truth = try far.write(to: folder.file("truth.tif")) { _, _ in 1 }
        let apart = try failure(map: map, truth: .raster(path: truth))
        #expect(apart.code == .noOverlap)
        #expect(apart.what == "the map and the truth have no classified pixels in common")
        let empty = try cover.write(to: folder.file("empty.tif")) { _, _ in 255 }
        let unlabelled = try failure(map: map, truth: .raster(path: empty))
        #expect(unlabelled.code == .noOverlap && unlabelled.what == "the truth has no labels where the map is")
        #expect(unlabelled.place == empty && unlabelled.causes.first?.contains("nodata") == true)
        let unmapped = try failure(map: empty, truth: .raster(path: map))
        #expect(unmapped.code == .noOverlap && unmapped.what == "the map has no classes where the truth has labels")
        #expect(unmapped.place == empty && unmapped.causes.first?.hasPrefix("100 pixels with a label") == true)
        let points = try writePoints([(600_005, 4_999_995, .integer(1))], to: folder.file("points.gpkg"))
        #expect(try failure(map: map, truth: .labels(points)).code == .noOverlap)
        let aoi = try AreaOfInterest(wkt: "POLYGON((1 1, 2 1, 2 2, 1 2, 1 1))", crs: .wgs84)
        #expect(try failure(map: map, truth: .raster(path: map), aoi: aoi).what.hasSuffix(" inside the AOI"))
    }

    @Test func `a raster of heights is no truth of classes`() throws {
        let heights = try Heights(width: 10, height: 10).write(to: folder.file("heights.tif")) { _, _ in 1 }
        let map = try Cover(width: 10, height: 10).write(to: folder.file("map.tif")) { _, _ in 1 }
        let error = try failure(map: map, truth: .raster(path: heights))
        #expect(error.code == .readFailed && error.what == "cannot open the truth")
        #expect(error.causes.first?.contains("classes are whole numbers") == true)
        #expect(try failure(map: folder.file("none.tif"), truth: .raster(path: map)).what == "cannot open the map")
    }

    @Test func `a distance from borders is a number of pixels, of rasters only`() throws {
        let map = try Cover(width: 10, height: 10).write(to: folder.file("map.tif")) { _, _ in 1 }
        for distance in [0, -1, 1025] {
            #expect(try failure(map: map, truth: .raster(path: map), boundary: distance).code == .badRange)
        }
        let points = try writePoints([(500_005, 4_999_995, .integer(1))], to: folder.file("points.gpkg"))
        #expect(try failure(map: map, truth: .labels(points), boundary: 3).code == .badRange)
    }

    @Test func `a progress handler can stop the work`() throws {
        let map = try Cover(width: 10, height: 10).write(to: folder.file("map.tif")) { _, _ in 1 }
        let error = try #require(throws: ScoringError.self) {
            try scoreLandCover(map: map, truth: .raster(path: map), legend: .plain(1), progress: { _ in false })
        }
        #expect(error.code == .cancelled && error.isCancellation)
    }
}
