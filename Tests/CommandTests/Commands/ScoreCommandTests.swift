// geodino score: bad arguments, and the figures of a map with known errors.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

@Suite struct ScoreCommandTests {
    static let bad: [BadCall] = [
        .usage("an unknown task", says: "Unexpected argument 'cover'", arguments: "score", "cover"),
        .usage("no truth", says: "'--truth <truth>'", arguments: "score", "canopy", "--map", "map.tif"),
        .usage(
            "blocks of 0 m", says: "--block takes metres such as 30m, got '0m'", arguments: "score", "canopy",
            "--map", "map.tif", "--truth", "truth.tif", "--block", "0m"),
        .usage(
            "a constant that is not a height", says: "--constant takes metres or 'mean', got 'high'",
            arguments: "score",
            "canopy", "--map", "map.tif", "--truth", "truth.tif", "--constant", "high"),
        .failure("a missing truth", says: "cannot open the truth", "  in   none.tif", "  try  ") { bench in
            ["score", "canopy", "--map", try heights(bench).map, "--truth", "none.tif"]
        },
        .failure("an image as the truth", says: "one band of heights, found 3 bands", "gdal_translate -b N") { bench in
            ["score", "canopy", "--map", try heights(bench).map, "--truth", try bench.scene()]
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    /// A truth of 2 m in the first column and 0.25 m more in each next one, and a map of it: 1 m too high in the upper half, 1 m
    /// too low in the lower half.
    private static func heights(_ bench: Bench) throws -> (map: String, truth: String) {
        let side = 128
        let grid = Grid(
            crs: CoordinateReferenceSystem("EPSG:32633"), transform: Bench.transform, width: side, height: side)
        func write(_ name: String, _ value: (_ row: Int, _ column: Int) -> Float) throws {
            let samples = (0..<side * side).map { value($0 / side, $0 % side) }
            try writeRaster(
                PixelBuffer(bands: 1, height: side, width: side, samples: .float32(samples), grid: grid),
                to: bench.file(name),
                format: RasterFormat(sampleType: .float32, nodata: -9999, bands: [BandInfo(name: "height", unit: "m")]),
                overwrite: true)
        }
        func truth(_ column: Int) -> Float { 2 + 0.25 * Float(column) }
        try write("truth.tif") { truth($1) }
        try write("map.tif") { truth($1) + ($0 < side / 2 ? 1 : -1) }
        return ("map.tif", "truth.tif")
    }

    private func score(_ bench: Bench, _ more: String...) throws -> Outcome {
        let (map, truth) = try Self.heights(bench)
        return try bench.make(["score", "canopy", "--map", map, "--truth", truth, "-q"] + more)
    }

    @Test func `figures of known errors are correct`() throws {
        let bench = Bench()
        let output = try score(bench, "--block", "6", "--constant", "10").output
        // The variance of the truth is 0.25^2 (128^2 - 1) / 12 = 85.33 m2, and that of the errors 1 m2.
        for line in [
            "MAE       1.000 m", "RMSE      1.000 m", "bias      0.000 m", "R2        0.988", "pixels    16384",
        ] {
            #expect(output.contains(line + "\n"), "'\(line)' is not in: \(output)")
        }
        #expect(output.contains("(169 blocks of 6.0 m)\n"), "\(output)")
        // 32 columns below 10 m, their errors 8, 7.75 ... 0.25; 96 from 10 m on, 0 to 23.75.
        #expect(output.contains("always 10.00 m: MAE 9.938 m\n"), "\(output)")
        #expect(try bench.contents() == ["map.tif", "truth.tif"], "score must not write a file")
    }

    @Test func `the JSON matches the snapshot`() throws {
        try Snapshot.expect(
            try score(Bench(), "--block", "6", "--constant", "mean", "--format", "json").output, matches: "score")
        // Too few blocks for block-R2, and no constant.
        try Snapshot.expect(try score(Bench(), "--format", "json").output, matches: "score-few-blocks")
    }

    @Test func `--max-height and --aoi exclude pixels`() throws {
        let bench = Bench()
        let whole = try score(bench, "--max-height", "20").output
        // 20 m is column 72 of the truth; the map's upper half says 20 m at column 68.
        #expect(whole.contains("excluded  7040 pixels of the truth, not heights: "), "\(whole)")
        // 100 by 100 pixels.
        try writeArea(bench.file("area.geojson"), [[rectangle(500_012, 4_999_928, 500_072, 4_999_988)]])
        let inside = try score(bench, "--aoi", "area.geojson").output
        #expect(inside.contains("pixels    10000\n") && inside.contains("MAE       1.000 m\n"), "\(inside)")
    }
}
