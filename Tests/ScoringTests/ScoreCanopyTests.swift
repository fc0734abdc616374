// Canopy scores: against scikit-learn, and where the answer has a closed form.
import Foundation
import Geo
import Raster
import Scoring
import TestSupport
import Testing

/// What `Tests/Golden/scoring.py` wrote.
private struct Golden: Decodable {
    struct Blocks: Decodable {
        let block_metres: Double
        let block_count: Int
        let block_r2: Double?
    }
    let rows: Int
    let columns: Int
    let pixel_metres: Double
    let nodata: Double
    let truth: [Double]
    let prediction: [Double]
    let pixel_count: Int
    let mae_m: Double
    let rmse_m: Double
    let bias_m: Double
    let r2: Double
    let mean_truth_m: Double
    let mean_predictor_mae_m: Double
    let constant_m: Double
    let constant_mae_m: Double
    let blocks: [Blocks]

    static func load() throws -> Golden {
        let path = SharedData.packageFolder + "/Tests/Golden/scoring.json"
        return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

/// Heights on a grid in UTM zone 33, written as a GeoTIFF.
struct Heights {
    var width: Int
    var height: Int
    var pixel = 2.0
    var originX = 500_000.0
    var originY = 5_000_000.0
    var crs: CoordinateReferenceSystem? = CoordinateReferenceSystem("EPSG:32633")
    var unit: String? = "m"

    var grid: Grid {
        Grid(
            crs: crs, transform: GeoTransform(originX: originX, originY: originY, pixelSize: pixel), width: width,
            height: height)
    }

    /// Writes the value of each pixel by row and column; `nil` is nodata.
    func write(to path: String, _ value: (_ row: Int, _ column: Int) -> Double?) throws -> String {
        var values: [Float] = []
        var validity: [Bool] = []
        for row in 0..<height {
            for column in 0..<width {
                let here = value(row, column)
                values.append(Float(here ?? 0))
                validity.append(here != nil)
            }
        }
        let buffer = PixelBuffer(
            bands: 1, height: height, width: width, samples: .float32(values), validity: validity, grid: grid)
        try writeRaster(
            buffer, to: path,
            format: RasterFormat(
                sampleType: .float32, nodata: -9999, bands: [BandInfo(name: "canopy height", unit: unit)]))
        return path
    }

    /// Writes a plane in map coordinates, so that every resampling of it is known.
    func writePlane(to path: String) throws -> String {
        try write(to: path) { row, column in
            let x = originX + (Double(column) + 0.5) * pixel
            let y = originY - (Double(row) + 0.5) * pixel
            return 20 + 0.05 * (x - 500_000) + 0.03 * (y - 5_000_000)
        }
    }
}

struct ScoreCanopyTests {
    @Test func `scores equal those of scikit-learn`() throws {
        let golden = try Golden.load()
        let folder = TemporaryFolder()
        let heights = Heights(width: golden.columns, height: golden.rows, pixel: golden.pixel_metres)
        func write(_ name: String, _ values: [Double]) throws -> String {
            try heights.write(to: folder.file(name)) { row, column in
                let value = values[row * golden.columns + column]
                return value == golden.nodata ? nil : value
            }
        }
        let truth = try write("truth.tif", golden.truth)
        let map = try write("map.tif", golden.prediction)
        for blocks in golden.blocks {
            let score = try scoreCanopy(
                map: map, truth: truth, blockMetres: blocks.block_metres, reference: .truthMean)
            #expect(score.pixelCount == golden.pixel_count)
            #expect(abs(score.mae - golden.mae_m) < 1e-6)
            #expect(abs(score.rmse - golden.rmse_m) < 1e-6)
            #expect(abs(score.bias - golden.bias_m) < 1e-6)
            #expect(abs((score.r2 ?? .nan) - golden.r2) < 1e-6)
            #expect(abs(score.meanTruth - golden.mean_truth_m) < 1e-6)
            #expect(score.meanPredictor == score.meanTruth)
            #expect(abs((score.meanPredictorMAE ?? .nan) - golden.mean_predictor_mae_m) < 1e-6)
            #expect(score.blockCount == blocks.block_count)
            #expect((score.blockR2 == nil) == (blocks.block_r2 == nil))
            if let expected = blocks.block_r2 { #expect(abs((score.blockR2 ?? .nan) - expected) < 1e-6) }
            // UTM's scale is 0.9996 on its central meridian.
            #expect(abs(score.blockMetres / blocks.block_metres - 1 / 0.9996) < 1e-5)
        }
        let constant = try scoreCanopy(map: map, truth: truth, reference: .constant(golden.constant_m))
        #expect(constant.meanPredictor == golden.constant_m)
        #expect(abs((constant.meanPredictorMAE ?? .nan) - golden.constant_mae_m) < 1e-6)
        let none = try scoreCanopy(map: map, truth: truth)
        #expect(none.meanPredictor == nil && none.meanPredictorMAE == nil)
    }

    @Test func `a map that is 2 m too high has a bias of 2 m`() throws {
        let folder = TemporaryFolder()
        let heights = Heights(width: 60, height: 60)
        let truth = try heights.write(to: folder.file("truth.tif")) { row, column in Double(row + column) / 4 }
        let map = try heights.write(to: folder.file("map.tif")) { row, column in Double(row + column) / 4 + 2 }
        let score = try scoreCanopy(map: map, truth: truth, blockMetres: 20)
        #expect(abs(score.bias - 2) < 1e-9 && abs(score.mae - 2) < 1e-9 && abs(score.rmse - 2) < 1e-9)
        #expect(score.blockCount == 36)
        let same = try scoreCanopy(map: truth, truth: truth, blockMetres: 20)
        #expect(same.mae == 0 && same.r2 == 1 && same.blockR2 == 1)
    }

    @Test func `heights below 0 count as 0`() throws {
        let folder = TemporaryFolder()
        let heights = Heights(width: 20, height: 20)
        let truth = try heights.write(to: folder.file("truth.tif")) { row, _ in row < 10 ? -3 : 5 }
        let map = try heights.write(to: folder.file("map.tif")) { row, _ in row < 10 ? -1 : 4 }
        let score = try scoreCanopy(map: map, truth: truth)
        #expect(abs(score.mae - 0.5) < 1e-9)
        #expect(abs(score.meanTruth - 2.5) < 1e-9)
    }

    @Test(arguments: [0.5, 1, 3.1, 7])
    func `a map of other pixels is brought to the truth's grid`(pixel: Double) throws {
        let folder = TemporaryFolder()
        let truth = try Heights(width: 50, height: 40).writePlane(to: folder.file("truth.tif"))
        // Wider than the truth on all sides, and not aligned with it.
        let map = try Heights(
            width: Int(150 / pixel), height: Int(130 / pixel), pixel: pixel, originX: 500_000 - 20.3,
            originY: 5_000_000 + 21.7
        ).writePlane(to: folder.file("map.tif"))
        let score = try scoreCanopy(map: map, truth: truth, blockMetres: 10)
        #expect(score.pixelCount == 2000)
        #expect(score.mae < 1e-3, "mean absolute error \(score.mae) m of a plane")
        #expect(score.blockCount == 80)
    }

    @Test func `the mean of small pixels is what a large one is compared with`() throws {
        let folder = TemporaryFolder()
        let truth = try Heights(width: 30, height: 30).write(to: folder.file("truth.tif")) { _, _ in 10 }
        // 4 x 4 pixels to one of the truth: a quarter of 34, three quarters of 2 have the mean 10.
        let map = try Heights(width: 120, height: 120, pixel: 0.5).write(to: folder.file("map.tif")) { row, column in
            row % 2 == 0 && column % 2 == 0 ? 34 : 2
        }
        let score = try scoreCanopy(map: map, truth: truth)
        #expect(score.pixelCount == 900)
        #expect(score.mae < 1e-4)
    }

    @Test func `a map in another CRS is brought over`() throws {
        let folder = TemporaryFolder()
        let truth = try Heights(width: 30, height: 30).write(to: folder.file("truth.tif")) { _, _ in 7 }
        let map = try Heights(
            width: 200, height: 200, pixel: 0.00002, originX: 14.998, originY: 45.154, crs: .wgs84
        ).write(to: folder.file("map.tif")) { _, _ in 9 }
        let score = try scoreCanopy(map: map, truth: truth)
        #expect(score.pixelCount == 900)
        #expect(abs(score.bias - 2) < 1e-5)
    }

    @Test func `blocks do not depend on the windows that are read`() throws {
        let folder = TemporaryFolder()
        // Wider than one window of 1020 pixels, which is 68 blocks of 15.
        let heights = Heights(width: 2100, height: 45)
        let truth = try heights.write(to: folder.file("truth.tif")) { row, column in Double((column / 15) % 11) }
        let map = try heights.write(to: folder.file("map.tif")) { row, column in
            Double((column / 15) % 11) + (column % 2 == 0 ? 1 : -1) * (row % 2 == 0 ? 0.5 : -0.5) + 0.5
        }
        let score = try scoreCanopy(map: map, truth: truth, blockMetres: 30)
        #expect(score.pixelCount == 2100 * 45)
        #expect(score.blockCount == 140 * 3)
        #expect(abs(score.bias - 0.5) < 1e-6)
        #expect(abs(score.mae - 0.5) < 1e-6)
        // In each block all but one of its 225 signs cancel: the error of a block is 0.5 within 1/450, so its
        // squares are 0.25 against the truth's variance over 0...10, which is 10 for whole periods.
        #expect(abs((score.blockR2 ?? 0) - (1 - 0.25 / 10)) < 0.002)
    }

    @Test func `only the AOI counts`() throws {
        let folder = TemporaryFolder()
        let heights = Heights(width: 60, height: 40)
        let truth = try heights.write(to: folder.file("truth.tif")) { _, _ in 10 }
        let map = try heights.write(to: folder.file("map.tif")) { _, column in column < 20 ? 13 : 10 }
        let west = try AreaOfInterest(
            wkt: "POLYGON((500000 4999920, 500040 4999920, 500040 5000000, 500000 5000000, 500000 4999920))",
            crs: CoordinateReferenceSystem("EPSG:32633"))
        let inside = try scoreCanopy(map: map, truth: truth, aoi: west)
        #expect(inside.pixelCount == 20 * 40)
        #expect(abs(inside.bias - 3) < 1e-6)
        let degrees = try west.transformed(to: .wgs84)
        let same = try scoreCanopy(map: map, truth: truth, aoi: degrees)
        #expect(abs(same.pixelCount - 20 * 40) <= 40)
        let everywhere = try scoreCanopy(map: map, truth: truth)
        #expect(abs(everywhere.bias - 1) < 1e-6)
    }

    @Test func `scale and offset of a raster are applied`() throws {
        let folder = TemporaryFolder()
        let heights = Heights(width: 20, height: 20)
        let truth = try heights.write(to: folder.file("truth.tif")) { _, column in Double(column) }
        _ = try heights.write(to: folder.file("decimetres.tif")) { _, column in Double(column) * 10 + 20 }
        let map = try folder.write(
            """
            <VRTDataset rasterXSize="20" rasterYSize="20"><SRS>EPSG:32633</SRS>
            <GeoTransform>500000, 2, 0, 5000000, 0, -2</GeoTransform>
            <VRTRasterBand dataType="Float32" band="1"><Scale>0.1</Scale><Offset>-2</Offset><UnitType>m</UnitType>
            <SimpleSource><SourceFilename relativeToVRT="1">decimetres.tif</SourceFilename><SourceBand>1</SourceBand>
            </SimpleSource></VRTRasterBand></VRTDataset>
            """, to: "map.vrt")
        #expect(try scoreCanopy(map: map, truth: truth).mae < 1e-5)
    }

    @Test func `a truth that claims 2^31 pixels a side is read only where the map is`() throws {
        let folder = TemporaryFolder()
        let truth = try folder.write(
            """
            <VRTDataset rasterXSize="2147483647" rasterYSize="2147483647"><SRS>EPSG:32633</SRS>
            <GeoTransform>500000, 0.001, 0, 5000000, 0, -0.001</GeoTransform>
            <VRTRasterBand dataType="Float32" band="1" blockXSize="128" blockYSize="128"/></VRTDataset>
            """, to: "truth.vrt")
        let map = try Heights(width: 3, height: 3, pixel: 0.1).write(to: folder.file("map.tif")) { _, _ in 4 }
        let score = try scoreCanopy(map: map, truth: truth, blockMetres: 0.05)
        #expect(score.mae == 4)
        // 300 x 300, less the four corners: there a bilinear kernel has less than half of its weight on the map.
        // One corner is (ln 2 / 2 - 1 / 4) of a pixel of the map.
        let corners = 4 * 10_000 * (0.5 * log(2) - 0.25)
        #expect(abs(Double(score.pixelCount) - (90_000 - corners)) < 100, "\(score.pixelCount) pixels")
    }
}
