// A land-cover model for tests, and labels to fit others with.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

/// A land-cover model of the small landscape, made once in seconds.
struct CoverBench {
    private let bench = Bench()

    private static let shared = Result { try CoverBench() }
    /// The recipe of its model.
    static let recipe = Program.root.path + "/recipes/smoke-landcover.yaml"
    /// The folder of legends that come with geodino.
    static let legends = Program.root.path + "/recipes/legends"

    /// The model's folder.
    static func model() throws -> String { try shared.get().bench.file("cover") }

    private init() throws {
        let land = try TrainedBench.path("land/scene-000")
        try bench.make([
            "fit", "landcover", Self.recipe, "--weights", TrainedBench.path("run"), "--image", land + "/rgb.tif",
            "--target", land + "/cover.tif", "-o", "cover", "--tensor-threads", "1", "-q",
        ])
    }
}

extension Bench {
    /// Copies the land-cover model, and returns its name.
    @discardableResult
    func copyCover() throws -> String {
        try FileManager.default.copyItem(atPath: CoverBench.model(), toPath: file("cover"))
        return "cover"
    }

    /// The arguments of a land-cover fit of two steps on one image with labels.
    func fitCover(_ labels: String, _ more: String..., output: String = "model") throws -> [String] {
        if !has("scene.tif") { try scene() }
        return [
            "fit", "landcover", CoverBench.recipe, "--weights", try TrainedBench.path("run"), "--image", "scene.tif",
            "--target", labels, "-o", output, "--steps", "2", "--tensor-threads", "1", "-q",
        ] + more
    }

    /// Writes a raster of classes on the grid of `scene`, and returns its name; -999 is nodata.
    @discardableResult
    func classes(
        _ name: String = "classes.tif", transform: GeoTransform = Bench.transform, size: Int = 128,
        _ value: (_ column: Int, _ row: Int) -> Int
    ) throws -> String {
        var values: [Int16] = []
        for row in 0..<size { for column in 0..<size { values.append(Int16(value(column, row))) } }
        let grid = Grid(crs: .init("EPSG:32633"), transform: transform, width: size, height: size)
        try writeRaster(
            PixelBuffer(bands: 1, height: size, width: size, samples: .int16(values), grid: grid), to: file(name),
            format: RasterFormat(sampleType: .int16, nodata: -999, bands: [BandInfo(name: "classes")]), overwrite: true)
        return name
    }

    /// Writes a raster of bytes on the grid of `scene`, with names and colours of its values, and returns its name.
    func namedClasses(
        _ name: String, _ palette: [RasterFormat.PaletteEntry],
        _ value: (_ column: Int, _ row: Int) -> UInt8
    ) throws -> String {
        var values: [UInt8] = []
        for row in 0..<128 { for column in 0..<128 { values.append(value(column, row)) } }
        let grid = Grid(crs: .init("EPSG:32633"), transform: Bench.transform, width: 128, height: 128)
        try writeRaster(
            PixelBuffer(bands: 1, height: 128, width: 128, samples: .uint8(values), grid: grid), to: file(name),
            format: RasterFormat(sampleType: .uint8, bands: [BandInfo(name: "classes")], palette: palette))
        return name
    }

    /// Writes polygons with properties as GeoJSON in the CRS of `scene`, and returns its name.
    ///
    /// Rings are in pixels of `scene`, from its upper left corner, and are closed here.
    func polygons(_ name: String, _ features: [(properties: String, ring: [(Double, Double)])]) throws -> String {
        let texts = features.map { feature in
            let ring = (feature.ring + feature.ring.prefix(1)).map {
                "[\(500_000 + 0.6 * $0.0),\(5_000_000 - 0.6 * $0.1)]"
            }
            return #"{"type":"Feature","properties":\#(feature.properties),"geometry":"#
                + #"{"type":"Polygon","coordinates":[[\#(ring.joined(separator: ","))]]}}"#
        }
        let crs = #""crs":{"type":"name","properties":{"name":"EPSG:32633"}}"#
        return try text(
            name, #"{"type":"FeatureCollection",\#(crs),"features":[\#(texts.joined(separator: ",\n"))]}"#)
    }

    /// Writes two polygons side by side that cover `scene`, with these values of the field `kind`, and returns its name.
    func halves(_ name: String, _ left: String, _ right: String, field: String = "kind") throws -> String {
        try polygons(
            name,
            [
                (#"{"\#(field)":\#(left)}"#, Self.square(0, 0, 64, 128)),
                (#"{"\#(field)":\#(right)}"#, Self.square(64, 0, 128, 128)),
            ])
    }

    /// A rectangle of columns and rows.
    static func square(_ left: Double, _ top: Double, _ right: Double, _ bottom: Double) -> [(Double, Double)] {
        [(left, top), (right, top), (right, bottom), (left, bottom)]
    }

    /// The JSON object in a file.
    func object(_ name: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(fileURLWithPath: file(name)))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// The classes of the legend of a model that was fitted here, and the values that it ignores.
    func legend(of model: String = "model") throws -> Legend {
        struct Description: Decodable { var legend: Legend }
        let data = try Data(contentsOf: URL(fileURLWithPath: file("\(model)/model.json")))
        return try JSONDecoder().decode(Description.self, from: data).legend
    }
}
