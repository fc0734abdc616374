// What cannot be scored is said with its reason.
import Foundation
import Geo
import Raster
import Scoring
import Telemetry
import TestSupport
import Testing

struct ScoreCanopyErrorTests {
    private let folder = TemporaryFolder()
    private let truth: String
    private let map: String

    init() throws {
        let heights = Heights(width: 30, height: 30)
        truth = try heights.write(to: folder.file("truth.tif")) { row, _ in Double(row) }
        map = try heights.write(to: folder.file("map.tif")) { row, _ in Double(row) + 1 }
    }

    private func failure(
        map: String? = nil, truth: String? = nil, aoi: AreaOfInterest? = nil, block: Double = 30,
        reference: CanopyReference? = nil
    ) throws -> ScoringError {
        try #require(throws: ScoringError.self) {
            try scoreCanopy(
                map: map ?? self.map, truth: truth ?? self.truth, aoi: aoi, blockMetres: block, reference: reference)
        }
    }

    @Test func `a missing map is named`() throws {
        let error = try failure(map: folder.file("none.tif"))
        #expect(error.code == .readFailed)
        #expect(error.what == "cannot open the map")
        #expect(error.place.hasSuffix("none.tif"))
        #expect(!error.causes.isEmpty)
    }

    @Test func `a raster without CRS is refused`() throws {
        var heights = Heights(width: 30, height: 30)
        heights.crs = nil
        let nowhere = try heights.write(to: folder.file("nowhere.tif")) { _, _ in 1 }
        #expect(try failure(map: nowhere).what == "the map is not georeferenced")
        #expect(try failure(truth: nowhere).what == "the truth is not georeferenced")
        #expect(try failure(truth: nowhere).code == .noCRS)
    }

    @Test func `other units than metres are refused`() throws {
        var heights = Heights(width: 30, height: 30)
        heights.unit = "dm"
        let decimetres = try heights.write(to: folder.file("dm.tif")) { _, _ in 100 }
        let error = try failure(map: decimetres)
        #expect(error.code == .badUnit)
        #expect(error.what == "the map: the heights are in 'dm'; expected m")
        heights.unit = nil
        let unknown = try heights.write(to: folder.file("plain.tif")) { _, _ in 1 }
        #expect(try scoreCanopy(map: unknown, truth: truth).pixelCount == 900)
    }

    @Test func `an image is no map of heights`() throws {
        try RampRaster().write(to: folder.file("rgb.tif"))
        let error = try failure(map: folder.file("rgb.tif"))
        #expect(error.code == .badUnit)
        #expect(error.what == "the map: expected one band of heights, found 3 bands")
    }

    @Test func `rasters that lie apart have nothing to score`() throws {
        let far = try Heights(width: 30, height: 30, originX: 600_000).write(to: folder.file("far.tif")) { _, _ in 1 }
        let error = try failure(map: far)
        #expect(error.code == .noOverlap)
        #expect(error.what == "the map and the truth have no valid pixels in common")
        #expect(error.causes.first?.contains("600000") == true)
        let touching = try Heights(width: 30, height: 30, originX: 500_060).write(to: folder.file("next.tif")) { _, _ in
            1
        }
        #expect(try failure(map: touching).code == .noOverlap)
    }

    @Test func `a map of nodata alone has nothing to score`() throws {
        let empty = try Heights(width: 30, height: 30).write(to: folder.file("empty.tif")) { _, _ in nil }
        #expect(try failure(map: empty).code == .noOverlap)
        #expect(try failure(truth: empty).code == .noOverlap)
    }

    @Test func `an AOI elsewhere has nothing to score`() throws {
        let aoi = try AreaOfInterest(
            wkt: "POLYGON((1 1, 2 1, 2 2, 1 2, 1 1))", crs: CoordinateReferenceSystem("EPSG:4326"))
        let error = try failure(aoi: aoi)
        #expect(error.code == .noOverlap)
        #expect(error.what == "the map and the truth have no valid pixels in common inside the AOI")
    }

    @Test(
        arguments: [
            (0, "0"), (0.4, "0.4"), (-30, "-30"), (.nan, "nan"), (.infinity, "inf"), (1e6, "1000000"),
        ] as [(Double, String)])
    func `a block smaller than a pixel or without end is refused`(metres: Double, written: String) throws {
        let error = try failure(block: metres)
        #expect(error.code == .badRange)
        #expect(error.what.hasPrefix("a block of \(written) m is impossible"), "\(error.what)")
    }

    @Test(arguments: [-1, .nan, .infinity])
    func `a reference that is no height is refused`(height: Double) throws {
        #expect(try failure(reference: .constant(height)).code == .badRange)
    }

    @Test func `a progress handler can stop the work`() throws {
        let error = try #require(throws: ScoringError.self) {
            try scoreCanopy(map: map, truth: truth, progress: { _ in false })
        }
        #expect(error.code == .cancelled)
    }

    @Test func `few blocks have no r2, and the JSON says null`() throws {
        let score = try scoreCanopy(map: map, truth: truth, blockMetres: 20)
        #expect(score.blockCount == 9)
        #expect(score.blockR2 == nil)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(score), as: UTF8.self)
        #expect(text.contains("\"block_r2\":null"))
        #expect(text.contains("\"mean_predictor_mae_m\":null"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(
            object.keys.sorted() == [
                "bias_m", "block_count", "block_metres", "block_r2", "mae_m", "max_height_m", "mean_predictor_m",
                "mean_predictor_mae_m", "mean_truth_m", "missing_in_map", "pixel_count", "r2", "rejected_map",
                "rejected_truth", "rmse_m",
            ])
        #expect(try JSONDecoder().decode(CanopyScore.self, from: Data(text.utf8)) == score)
    }
}
