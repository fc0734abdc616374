// Labels that no land cover can be learned from: a clear error, exit 1, and no model, not even half of one.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

@Suite struct BadLabelsTests {
    /// Far from the scene.
    private static let elsewhere = GeoTransform(originX: 700_000, originY: 5_000_000, pixelSize: 0.6)
    private static let loveda = CoverBench.legends + "/loveda.yaml"

    /// Polygons of these values, one over another.
    private static func piled(_ bench: Bench, _ count: Int) throws -> String {
        try bench.polygons(
            "labels.geojson", (0..<count).map { (#"{"kind":"v\#($0)"}"#, Bench.square(0, 0, 64, 128)) })
    }

    static let places: [BadCall] = [
        .failure(
            "a raster elsewhere", says: "the image and the target do not overlap", "  in   scene.tif",
            "the image's bounds are 15 45.15", "the bounds of classes.tif are 17.5", "gdalinfo 'scene.tif'",
            "gdalinfo 'classes.tif'"
        ) { bench in
            try bench.fitCover(bench.classes(transform: elsewhere) { column, _ in 1 + column / 64 })
        },
        .failure(
            "polygons elsewhere", says: "the image and the target do not overlap", "  in   scene.tif",
            "the image's bounds are 15 45.15", "the bounds of labels.geojson are 15.15",
            "ogrinfo -al -so 'labels.geojson'"
        ) { bench in
            try bench.fitCover(
                bench.polygons(
                    "labels.geojson",
                    [
                        (#"{"kind":"a"}"#, Bench.square(20_000, 0, 20_064, 128)),
                        (#"{"kind":"b"}"#, Bench.square(20_064, 0, 20_128, 128)),
                    ]))
        },
        .failure(
            "an area elsewhere", says: "the image, the target and the area of interest do not overlap",
            "the area's bounds are 20 40"
        ) { bench in
            let area = #"{"type":"Polygon","coordinates":[[[20,40],[20.1,40],[20.1,40.1],[20,40]]]}"#
            return try bench.fitCover(
                bench.classes { column, _ in 1 + column / 64 }, "--aoi", bench.text("area.geojson", area))
        },
        .failure("a raster that is not there", says: "no such file", "  in   none.tif", "  try  ") { bench in
            try bench.fitCover("none.tif")
        },
        .failure(
            "a text", says: "cannot read labels: not a vector file", "  in   labels.txt", "a raster of classes",
            "GeoPackage"
        ) { bench in
            try bench.fitCover(bench.text("labels.txt", "no labels\n"))
        },
    ]

    static let values: [BadCall] = [
        .failure(
            "a raster without a value", says: "the labels hold no values", "  in   classes.tif",
            "  why  all pixels are nodata, or masked", "gdal_translate -a_nodata none 'classes.tif' labels.tif"
        ) { bench in
            try bench.fitCover(bench.classes { _, _ in -999 })
        },
        .failure(
            "a raster of values that the legend leaves out", says: "no ground is labelled",
            "  in   scene.tif", "unlabelled pixels", "  try  "
        ) { bench in
            try bench.fitCover(bench.classes { _, _ in 0 }, "--legend", loveda)
        },
        .failure(
            "the same polygons of two classes", says: "no ground is labelled",
            "  why  labels of two classes claim 16384 pixels, which count for neither",
            "  try  draw labels that do not overlap"
        ) { bench in
            try bench.fitCover(
                bench.polygons(
                    "labels.geojson",
                    ["a", "b"].map { (#"{"kind":"\#($0)"}"#, Bench.square(0, 0, 128, 128)) }))
        },
        .failure(
            "polygons without a value", says: "none of the 2 features of the layer 'labels' has a geometry and a class",
            "  in   labels.geojson", "ignored 2 features without a value in the field 'kind'", "  try  "
        ) { bench in
            try bench.fitCover(bench.halves("labels.geojson", "null", "null"))
        },
        .failure("a raster of one value", says: "the legend has one class, 'class 4'; a map needs two or more") {
            bench in
            try bench.fitCover(bench.classes { _, _ in 4 })
        },
        .failure("polygons of one value", says: "the legend has one class, 'sea'", "label at least one more class") {
            bench in
            try bench.fitCover(bench.halves("labels.geojson", #""sea""#, #""sea""#))
        },
        .failure(
            "one class of the legend's", says: "all ground to train on is of one class, 'water'", "  in   scene.tif"
        ) { bench in
            try bench.fitCover(bench.classes { _, _ in 4 }, "--legend", loveda)
        },
        .failure(
            "numbers with a fraction in a raster", says: "band 1 holds Float32 values, but classes are whole numbers",
            "  in   float.tif", "gdal_translate -ot Int32 'float.tif' classes.tif"
        ) { bench in
            try bench.fitCover(bench.scene("float.tif", type: .float32, bands: 1))
        },
        .failure(
            "numbers with a fraction in polygons",
            says: "the field 'kind' holds 1.5, but classes are whole numbers or text"
        ) { bench in
            try bench.fitCover(bench.halves("labels.geojson", "1.5", "2"), "--class-field", "kind")
        },
        .failure(
            "more values in polygons than are read",
            says: "the field 'kind' has 10001 different values; expected at most 10000 classes"
        ) { bench in
            try bench.fitCover(piled(bench, 10_001))
        },
        .failure(
            "more values in polygons than a map can hold",
            says: "the labels hold 255 values, too many for a map of classes", "--class-field", "--legend"
        ) { bench in
            try bench.fitCover(piled(bench, 255))
        },
        .failure(
            "more values in a raster than are read", says: "band 1 holds more than 4096 different values",
            "  in   classes.tif"
        ) { bench in
            try bench.fitCover(bench.classes { column, row in column + 128 * row })
        },
        .failure(
            "more values in a raster than a map can hold", says: "the labels hold 255 values, too many", "--legend"
        ) { bench in
            try bench.fitCover(bench.classes { column, row in 1 + (column + 128 * row) % 255 })
        },
    ]

    static let choices: [BadCall] = [
        .failure(
            "a field that is not there", says: "the layer 'labels' has no field 'class'", "its fields are 'kind' (text)"
        ) { bench in
            try bench.fitCover(bench.halves("labels.geojson", #""a""#, #""b""#), "--class-field", "class")
        },
        .failure(
            "two fields to choose from", says: "several fields of the layer 'labels' can hold classes",
            "choose one of 'kind', 'use'"
        ) { bench in
            try bench.fitCover(
                bench.polygons(
                    "labels.geojson",
                    [
                        (#"{"kind":"a","use":"x"}"#, Bench.square(0, 0, 64, 128)),
                        (#"{"kind":"b","use":"y"}"#, Bench.square(64, 0, 128, 128)),
                    ]))
        },
        .failure("no field for classes", says: "the layer 'labels' has no field that can hold classes", "(number)") {
            bench in
            try bench.fitCover(bench.halves("labels.geojson", "1.5", "2"))
        },
        .failure("a layer that is not there", says: "the file has no layer 'x'", "its layers are 'labels'") { bench in
            try bench.fitCover(bench.halves("labels.geojson", #""a""#, #""b""#), "--layer", "x")
        },
        .failure(
            "a field of a raster", says: "--layer and --class-field are for vector labels", "  in   classes.tif",
            "leave them out"
        ) { bench in
            try bench.fitCover(bench.classes { column, _ in 1 + column / 64 }, "--class-field", "kind")
        },
        .failure(
            "three bands", says: "expected one band of classes, found 3 bands", "1 'red', 2 'green', 3 'blue'",
            "gdal_translate -b N 'scene.tif' classes.tif"
        ) { bench in
            try bench.fitCover("scene.tif")
        },
        BadCall(
            name: "lines of no width", status: 64, says: ["--line-width must be above 0 and below 1000000, got 0.0"]
        ) { bench in
            try bench.fitCover(bench.halves("labels.geojson", #""a""#, #""b""#), "--line-width", "0")
        },
    ]

    @Test(arguments: places)
    func `labels that never meet the image, or are none, are refused`(_ call: BadCall) throws { try call.check() }

    @Test(arguments: values)
    func `labels without classes to tell apart are refused`(_ call: BadCall) throws { try call.check() }

    @Test(arguments: choices)
    func `labels that leave a choice open are refused`(_ call: BadCall) throws { try call.check() }

    @Test func `a polygon that crosses itself is no bad label`() throws {
        let bench = Bench()
        let labels = try bench.polygons(
            "labels.geojson",
            [
                // Two triangles, left and right, and a box between their tops.
                (#"{"kind":"a"}"#, [(0, 0), (128, 128), (128, 0), (0, 128)]),
                (#"{"kind":"b"}"#, Bench.square(40, 0, 88, 20)),
            ])
        let outcome = try bench.make(bench.fitCover(labels))
        #expect(outcome.output.hasPrefix("model: 2 steps (best after step ") && !outcome.output.contains("excluded"))
        #expect(
            outcome.errors.contains(
                "warning: 1 polygon crosses itself, in feature 1 of the layer; pixels inside an odd number of turns are labelled\n"
            ), "\(outcome.errors)")
        #expect(try bench.legend().classes.map(\.name) == ["a", "b"])
    }

    @Test func `a ring that is not closed is closed, with one warning`() throws {
        let bench = Bench()
        let closed = try bench.halves("closed.geojson", #""a""#, #""b""#)
        let text = try String(contentsOfFile: bench.file(closed), encoding: .utf8)
        // Without the last point of each ring.
        let open = text.replacing(/,\[[0-9.,]+\]\]\]/, with: "]]")
        let outcome = try bench.make(bench.fitCover(bench.text("open.geojson", open)))
        #expect(
            outcome.errors.split(separator: "\n").filter { $0.contains("ring") } == ["warning: closed 2 open rings"],
            "\(outcome.errors)")
    }

    @Test func `pixels that two classes claim are counted`() throws {
        let bench = Bench()
        let labels = try bench.polygons(
            "labels.geojson",
            [
                (#"{"kind":"a"}"#, Bench.square(0, 0, 74, 128)), (#"{"kind":"b"}"#, Bench.square(64, 0, 128, 128)),
            ])
        let outcome = try bench.make(bench.fitCover(labels))
        // 10 columns of 128 pixels.
        #expect(
            outcome.output.hasSuffix(
                "excluded: 1280 pixels that labels of two classes claim, of the parts that were read\n"),
            "\(outcome.output)")
    }

    @Test func `labels of a small part of the image can be learned`() throws {
        let bench = Bench()
        // A strip of 120 pixels by 20, of an image of 128 by 128, in crops of 64 by 64.
        let labels = try bench.polygons(
            "labels.geojson",
            [(#"{"kind":"a"}"#, Bench.square(4, 50, 64, 70)), (#"{"kind":"b"}"#, Bench.square(64, 50, 124, 70))])
        let outcome = try bench.run(bench.fitCover(labels))
        #expect(outcome.status == 0 && bench.has("model/model.json"), "\(outcome.errors)")
    }
}
