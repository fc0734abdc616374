// geodino score landcover: bad arguments, the figures of a map with known errors, and samples of it.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

@Suite struct ScoreLandCoverCommandTests {
    private static let score = ["score", "landcover", "--map", "map.tif"]

    static let bad: [BadCall] = [
        .usage(
            "nothing to do", says: "give one of --truth, --samples and --draw-samples", arguments: "score", "landcover",
            "--map", "map.tif"),
        .usage(
            "two things to do", says: "give one of --truth, --samples and --draw-samples", arguments: "score",
            "landcover", "--map", "map.tif", "--truth", "truth.tif", "--draw-samples", "9", "-o", "points.gpkg"),
        .usage(
            "a seed of nothing", says: "--seed requires --draw-samples", arguments: "score", "landcover", "--map",
            "map.tif", "--truth", "truth.tif", "--seed", "3"),
        .usage(
            "samples without a file", says: "--draw-samples requires -o FILE.gpkg", arguments: "score", "landcover",
            "--map", "map.tif", "--draw-samples", "9"),
        .usage(
            "samples as a raster", says: "--draw-samples requires -o FILE.gpkg, got 'points.tif'", arguments: "score",
            "landcover", "--map", "map.tif", "--draw-samples", "9", "-o", "points.tif"),
        .usage(
            "no samples", says: "--draw-samples must be 1 to 1000000, got 0", arguments: "score", "landcover", "--map",
            "map.tif", "--draw-samples", "0", "-o", "points.gpkg"),
        .usage(
            "borders of no pixels", says: "--boundary must be 1 to 1024, got 0", arguments: "score", "landcover",
            "--map", "map.tif", "--truth", "truth.tif", "--boundary", "0"),
        .usage(
            "borders of samples", says: "--boundary requires --truth", arguments: "score", "landcover", "--map",
            "map.tif", "--samples", "points.gpkg", "--boundary", "2"),
        .failure("a missing map", says: "  in   map.tif", "  try  ") { bench in
            try covers(bench)
            try FileManager.default.removeItem(atPath: bench.file("map.tif"))
            return score + ["--truth", "truth.tif"]
        },
        .failure("a missing truth", says: "no such file", "  in   none.tif") { bench in
            try covers(bench)
            return score + ["--truth", "none.tif"]
        },
        .failure(
            "a truth of another legend", says: "the truth holds values that the legend does not name",
            "10: 4096 pixels", "it is the map's own legend", "give it with --legend"
        ) { bench in
            try covers(bench, scale: 10)
            return score + ["--truth", "truth.tif"]
        },
        .failure(
            "a legend without a value of the truth", says: "30: 4096 pixels",
            "- {id: 4, name: NAME, colour: [128, 128, 128], values: [30]}"
        ) { bench in
            try covers(bench, scale: 10)
            try bench.text("legend.yaml", legend.replacing("[30]", with: "[31]"))
            return score + ["--truth", "truth.tif", "--legend", "legend.yaml"]
        },
        .failure("a legend without a class of the map", says: "2: 8064 pixels") { bench in
            try covers(bench, scale: 10)
            try bench.text("legend.yaml", legend.replacing("{id: 2", with: "{id: 7"))
            return score + ["--truth", "truth.tif", "--legend", "legend.yaml"]
        },
        .failure("a map of heights", says: "classes are whole numbers") { bench in
            try covers(bench)
            try bench.scene("heights.tif", type: .float32, bands: 1)
            return ["score", "landcover", "--map", "heights.tif", "--truth", "truth.tif"]
        },
        .failure("a raster as samples", says: "samples are points", "--truth 'truth.tif'") { bench in
            try covers(bench)
            return score + ["--samples", "truth.tif"]
        },
        .failure("samples over another file", says: "the output exists already", "--overwrite") { bench in
            try covers(bench)
            try bench.text("points.gpkg", "precious")
            return score + ["--draw-samples", "9", "-o", "points.gpkg"]
        },
        .failure("samples over the map", says: "the output would overwrite an input") { bench in
            try covers(bench)
            try FileManager.default.moveItem(atPath: bench.file("map.tif"), toPath: bench.file("map.gpkg"))
            return [
                "score", "landcover", "--map", "map.gpkg", "--draw-samples", "9", "-o", "map.gpkg", "--overwrite",
            ]
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    /// The classes of the map, by ten times their numbers.
    private static let legend = """
        name: tens
        nodata: [0]
        background: 3
        classes:
          - {id: 1, name: water, colour: [0, 0, 255], values: [10]}
          - {id: 2, name: forest, colour: [0, 128, 0], values: [20]}
          - {id: 3, name: field, colour: [255, 255, 0], values: [30]}

        """

    /// Writes a map of 128 by 128 pixels of 0.6 m, and its truth.
    ///
    /// The map has water in the left half and forest in the right one, no value in the first row, and is unsure in the second. In the
    /// truth the left half is water, then field.
    ///
    /// - Parameter scale: What the truth's values are multiplied with.
    private static func covers(_ bench: Bench, scale: UInt8 = 1) throws {
        let side = 128
        let grid = Grid(
            crs: CoordinateReferenceSystem("EPSG:32633"), transform: Bench.transform, width: side, height: side)
        func write(
            _ name: String, palette: [RasterFormat.PaletteEntry]? = nil, _ value: (_ row: Int, _ column: Int) -> UInt8
        ) throws {
            let writer = try RasterWriter(
                path: bench.file(name), grid: grid,
                format: RasterFormat(
                    sampleType: .uint8, nodata: 255, bands: [BandInfo(name: "cover")], palette: palette),
                overwrite: true)
            let samples = (0..<side * side).map { value($0 / side, $0 % side) }
            try writer.write(
                PixelBuffer(bands: 1, height: side, width: side, samples: .uint8(samples)), column: 0, row: 0)
            try writer.finish(cloudOptimized: false)
        }
        try write("truth.tif") { _, column in scale * (column < 32 ? 1 : column < 64 ? 3 : 2) }
        let names = ["water", "forest", "field"].enumerated().map {
            RasterFormat.PaletteEntry(index: $0 + 1, colour: [UInt8(80 * $0), 90, 90, 255], name: $1)
        }
        try write("map.tif", palette: names) { row, column in row == 0 ? 255 : row == 1 ? 254 : column < 64 ? 1 : 2 }
    }

    private func run(_ bench: Bench, _ more: String...) throws -> String {
        try bench.make(Self.score + more + ["-q"]).output
    }

    @Test func `figures of known errors are correct`() throws {
        let bench = Bench()
        try Self.covers(bench)
        let before = try bench.contents()
        let output = try run(bench, "--truth", "truth.tif")
        // 126 rows of 32 columns of water, 32 of field that is mapped as water, and 64 of forest; one more row is unsure.
        for line in [
            "mIoU          0.497", "accuracy      0.744", "pixels        16256",
            "unsure        128 pixels, counted as wrong", "not mapped    128 pixels with a true class",
            "class     IoU     F1  precision  recall  pixels", "water   0.498  0.665      0.500   0.992    4064",
            "forest  0.992  0.996      1.000   0.992    8128", "field   0.000  0.000          -   0.000    4064",
        ] {
            #expect(output.contains(line + "\n"), "'\(line)' is not in: \(output)")
        }
        #expect(output.contains("boundary IoU  ") && output.contains("  (within 4 pixels of a border)\n"), "\(output)")
        #expect(try bench.contents() == before, "score must not write a file")
    }

    @Test func `the JSON matches the snapshot`() throws {
        let bench = Bench()
        try Self.covers(bench, scale: 10)
        try bench.text("legend.yaml", Self.legend)
        try Snapshot.expect(
            try run(
                bench, "--truth", "truth.tif", "--legend", "legend.yaml", "--boundary", "2", "--format", "json"),
            matches: "score-landcover")
    }

    @Test func `a map without names has the classes that it holds`() throws {
        let bench = Bench()
        try Self.covers(bench)
        let outcome = try bench.make("score", "landcover", "--map", "truth.tif", "--truth", "truth.tif", "-q")
        #expect(outcome.output.contains("mIoU          1.000\n"), "\(outcome.output)")
        #expect(outcome.output.contains("class 3  1.000"), "\(outcome.output)")
        // 0 is unlabelled in maps of most tools.
        try bench.text(
            "zero.vrt",
            """
            <VRTDataset rasterXSize="128" rasterYSize="128"><SRS>EPSG:32633</SRS>
            <GeoTransform>500000, 0.6, 0, 5000000, 0, -0.6</GeoTransform>
            <VRTRasterBand dataType="Byte" band="1"><ComplexSource><SourceFilename relativeToVRT="1">truth.tif</SourceFilename>
            <SourceBand>1</SourceBand><LUT>0:0,1:0,2:2,3:3</LUT></ComplexSource></VRTRasterBand></VRTDataset>
            """)
        let zero = try bench.make("score", "landcover", "--map", "zero.vrt", "--truth", "zero.vrt", "-q")
        #expect(zero.errors.contains("warning: zero.vrt: the value 0 has no name and counts as unlabelled"))
        #expect(zero.output.contains("pixels        12288\n"), "\(zero.output)")
    }

    @Test func `--aoi leaves pixels out`() throws {
        let bench = Bench()
        try Self.covers(bench)
        // 100 by 100 pixels, from column 20 and row 20 on.
        try writeArea(bench.file("area.geojson"), [[rectangle(500_012, 4_999_928, 500_072, 4_999_988)]])
        let inside = try run(bench, "--truth", "truth.tif", "--aoi", "area.geojson")
        // Columns 32 to 63 are wrong.
        #expect(inside.contains("accuracy      0.680\n") && inside.contains("pixels        10000\n"), "\(inside)")
        #expect(!inside.contains("unsure") && !inside.contains("not mapped"), "\(inside)")
    }

    @Test func `samples that are drawn are points of the map's classes`() throws {
        let bench = Bench()
        try Self.covers(bench)
        let drawn = try run(
            bench, "--draw-samples", "60", "-o", "points.gpkg", "--seed", "5", "--format", "json")
        try Snapshot.expect(drawn, matches: "score-landcover-samples")
        let first = try bench.files()["points.gpkg"]
        let text = try run(bench, "--draw-samples", "60", "-o", "points.gpkg", "--seed", "5", "--overwrite")
        #expect(text.hasPrefix("points.gpkg: 60 samples\n"), "\(text)")
        #expect(try bench.files()["points.gpkg"] == first, "the same seed must draw the same points")

        // Names and numbers of classes are both understood.
        for field in ["name", "class"] {
            let score = try run(bench, "--truth", "points.gpkg", "--class-field", field)
            #expect(score.contains("accuracy      1.000\n") && score.contains("pixels        60\n"), "\(score)")
        }
        let areas = try run(bench, "--samples", "points.gpkg", "--class-field", "name", "--format", "json")
        // Square metres hang on PROJ in their last digits; the table below has the first ones.
        try Snapshot.expect(
            areas, matches: "score-landcover-areas",
            varying: ["mapped_m2": .number, "adjusted_m2": .number, "low_m2": .number, "high_m2": .number])
        let table = try run(bench, "--samples", "points.gpkg", "--class-field", "name")
        // 126 rows of 64 columns of 0.36 m2.
        #expect(table.contains("accuracy  1.000  (60 samples)\n"), "\(table)")
        #expect(table.contains("water        0.003         0.003  0.003  0.003   1.000       1.000\n"), "\(table)")
    }
}
