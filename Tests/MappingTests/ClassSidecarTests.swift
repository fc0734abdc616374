// Files next to a map of classes: STAC item, QGIS style, quick-look.
import Foundation
import FoundationXML
import Geo
import Mapping
import Raster
import TestSupport
import Testing

struct ClassSidecarTests {
    let folder = TemporaryFolder()

    /// Makes a map: 50 %, 40 % and 10 % are of three classes, no pixel is of the fourth, and the first rows are nodata.
    private func makeOne(
        _ outputs: ClassOutputs = ClassOutputs(), card: ModelCard? = nil, id: String = "smoke"
    ) throws -> (model: PaintedModel, made: MapSummary) {
        try paint(folder.file("scene.tif"), width: 60, height: 40, isHole: { row, _ in row < 4 }) { _, column in
            column < 6 ? 2 : column < 30 ? 1 : 0
        }
        var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        request.model = MapModel(id: id, path: "/models/smoke")
        request.model.card = card
        request.classOutputs = outputs
        let model = PaintedModel(classes: 4)
        let made = try makeMap(
            request, predictor: model, style: MapStyle(title: "Land cover", unit: ""),
            polygons: { CollectingSink($0) })
        return (model, made)
    }

    private func item() throws -> [String: Any] {
        let data = try Data(contentsOf: URL(fileURLWithPath: folder.file("map.json")))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test func `the STAC item lists the classes with their shares`() throws {
        let (_, made) = try makeOne()
        let item = try item()
        #expect(
            (item["stac_extensions"] as? [String])?.last
                == "https://stac-extensions.github.io/classification/v2.0.0/schema.json")
        #expect((item["properties"] as? [String: Any])?["title"] as? String == "Land cover, map.tif")
        let assets = try #require(item["assets"] as? [String: [String: Any]])
        #expect(Set(assets.keys) == ["data", "names", "thumbnail", "style"])
        #expect(assets["names"]?["href"] as? String == "./map.tif.aux.xml")
        #expect(assets["names"]?["roles"] as? [String] == ["metadata"])
        let band = try #require((assets["data"]?["raster:bands"] as? [[String: Any]])?.first)
        #expect(band["data_type"] as? String == "uint8" && band["nodata"] as? Double == 255)
        #expect(band["statistics"] as? [String: Double] == ["valid_percent": 90])
        let classes = try #require(band["classification:classes"] as? [[String: Any]])
        #expect(classes.map { $0["value"] as? Int } == [1, 4, 7, 10, 255])
        #expect(classes.map { $0["name"] as? String } == ["kind_0", "kind_1", "kind_2", "kind_3", "nodata"])
        #expect(classes.map { $0["title"] as? String } == ["kind 0", "kind 1", "kind 2", "kind 3", "no data"])
        #expect(classes.map { $0["percentage"] as? Double } == [50, 40, 10, 0, nil])
        #expect(classes.map { $0["count"] as? Int } == [1080, 864, 216, 0, nil])
        #expect(classes[1]["color_hint"] as? String == "07C329")
        #expect(classes.map { $0["nodata"] as? Bool } == [nil, nil, nil, nil, true])
        let links = try #require(item["links"] as? [[String: String]])
        #expect(links.last?["href"] == "/models/smoke")
        #expect(made.text.contains("km2 mapped, kind 0 50 %, kind 1 40 %, kind 2 10 %, "))
    }

    @Test func `the STAC item describes the model that made a map of classes`() throws {
        let hash = String(repeating: "ab", count: 32)
        let card = ModelCard(
            architecture: "Vision Transformer", mean: [0.4, 0.5, 0.3], std: [0.2, 0.25, 0.1],
            hyperparameters: ["depth": 4, "width": 96],
            weights: [
                .init(part: "backbone", path: "/models/smoke/backbone.safetensors", sha256: hash),
                .init(part: "head", path: "/models/smoke/head.safetensors", sha256: hash),
            ])
        _ = try makeOne(card: card, id: "2 maps")
        let item = try item()
        #expect(
            (item["stac_extensions"] as? [String])?.suffix(2) == [
                "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
                "https://stac-extensions.github.io/mlm/v1.5.2/schema.json",
            ])
        let properties = try #require(item["properties"] as? [String: Any])
        #expect(properties["mlm:name"] as? String == "model-2_maps")
        #expect(properties["mlm:architecture"] as? String == "Vision Transformer")
        #expect(properties["mlm:tasks"] as? [String] == ["semantic-segmentation"])
        #expect(properties["mlm:framework"] as? String == "PyTorch")
        #expect(properties["mlm:hyperparameters"] as? [String: Double] == ["depth": 4, "width": 96])
        let input = try #require((properties["mlm:input"] as? [[String: Any]])?.first)
        #expect(input["name"] as? String == "image" && input["bands"] as? [String] == ["red", "green", "blue"])
        let array = try #require(input["input"] as? [String: Any])
        #expect(array["shape"] as? [Int] == [-1, 3, 32, 32] && array["data_type"] as? String == "float32")
        #expect(array["dim_order"] as? [String] == ["batch", "bands", "height", "width"])
        let scaling = try #require(input["value_scaling"] as? [[String: Any]])
        #expect(scaling.map { $0["type"] as? String } == ["z-score", "z-score", "z-score"])
        #expect(scaling.map { $0["mean"] as? Double } == [102, 127.5, 76.5])
        #expect(scaling.map { $0["stddev"] as? Double } == [51, 63.75, 25.5])
        #expect(input["resize_type"] is NSNull)
        let output = try #require((properties["mlm:output"] as? [[String: Any]])?.first)
        #expect((output["result"] as? [String: Any])?["shape"] as? [Int] == [-1, 4, 32, 32])
        let classes = try #require(output["classification:classes"] as? [[String: Any]])
        #expect(classes.map { $0["value"] as? Int } == [1, 4, 7, 10])
        #expect(classes.map { $0["name"] as? String } == ["kind_0", "kind_1", "kind_2", "kind_3"])
        #expect(classes.map { $0["description"] as? String } == ["kind 0", "kind 1", "kind 2", "kind 3"])
        let assets = try #require(item["assets"] as? [String: [String: Any]])
        #expect(
            Set(assets.keys) == ["data", "names", "thumbnail", "style", "model_backbone", "model_head"])
        let head = try #require(assets["model_head"])
        #expect(head["href"] as? String == "/models/smoke/head.safetensors")
        #expect(head["roles"] as? [String] == ["mlm:model", "mlm:weights"])
        #expect(head["mlm:artifact_type"] as? String == "safetensors.torch.save_file")
        #expect(head["file:checksum"] as? String == "1220" + hash)
        #expect(
            (head["raster:bands"] as? [[String: Any]])?.map { $0["name"] as? String } == ["red", "green", "blue"])
        #expect((item["links"] as? [[String: String]])?.last?["rel"] == "derived_from")
    }

    @Test(arguments: [
        ("smoke", "smoke"), ("land cover", "land_cover"), ("7", "model-7"), ("ab", "model-ab"), ("run_", "model-run_0"),
        ("Föhre", "F_hre"), ("", "model-0"),
    ])
    func `a model's name in STAC has the letters that the extension allows`(id: String, name: String) throws {
        _ = try makeOne(
            card: ModelCard(
                architecture: "Vision Transformer", mean: [0, 0, 0], std: [1, 1, 1], hyperparameters: [:],
                weights: [.init(part: "head", path: "/models/head", sha256: "")]), id: id)
        let properties = try #require(try item()["properties"] as? [String: Any])
        #expect(properties["mlm:name"] as? String == name)
        #expect(name.wholeMatch(of: /[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]/) != nil)
        #expect(properties["mlm:hyperparameters"] == nil)
    }

    @Test func `the STAC item lists the other outputs`() throws {
        let outputs = ClassOutputs(
            probabilities: true, confidence: true, rejectBelow: 0.5, minimumArea: 500,
            polygons: folder.file("areas.gpkg"))
        _ = try makeOne(outputs)
        let item = try item()
        let assets = try #require(item["assets"] as? [String: [String: Any]])
        #expect(
            Set(assets.keys) == ["data", "names", "thumbnail", "style", "probabilities", "confidence", "polygons"])
        let bands = try #require(assets["probabilities"]?["raster:bands"] as? [[String: Any]])
        #expect(bands.map { $0["name"] as? String } == ["kind 0", "kind 1", "kind 2", "kind 3"])
        #expect(bands.allSatisfy { $0["scale"] as? Double == 0.004 && $0["nodata"] as? Double == 255 })
        #expect(assets["confidence"]?["href"] as? String == "./map-confidence.tif")
        #expect(assets["polygons"]?["href"] as? String == "./areas.gpkg")
        #expect(assets["polygons"]?["type"] as? String == "application/geopackage+sqlite3")
        let lineage = try #require((item["properties"] as? [String: Any])?["processing:lineage"] as? String)
        #expect(lineage.contains("254 where the largest probability is below 0.5"))
        #expect(lineage.contains("less than 500 m2 (fewer than 5 pixels)"))
        let tags = try RasterReader(path: folder.file("map.tif")).metadata()
        #expect(tags["GEODINO_UNSURE_BELOW"] == "0.5" && tags["GEODINO_MINIMUM_AREA"] == "500 m2")
        let style = try String(contentsOfFile: folder.file("map.qml"), encoding: .utf8)
        #expect(style.contains("value=\"254\"") && style.contains("label=\"unsure\""))
    }

    @Test func `the QGIS style has a colour and a name for each class`() throws {
        let (model, _) = try makeOne()
        final class Reader: NSObject, XMLParserDelegate {
            var entries: [[String: String]] = []
            var renderer: [String: String] = [:]
            func parser(
                _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
                attributes: [String: String]
            ) {
                if element == "paletteEntry" { entries.append(attributes) }
                if element == "rasterrenderer" { renderer = attributes }
            }
        }
        let reader = Reader()
        let parser = XMLParser(data: try Data(contentsOf: URL(fileURLWithPath: folder.file("map.qml"))))
        parser.delegate = reader
        #expect(parser.parse())
        #expect(reader.renderer["type"] == "paletted" && reader.renderer["band"] == "1")
        #expect(reader.entries.map { $0["value"] } == ["1", "4", "7", "10"])
        #expect(reader.entries.map { $0["label"] } == model.legend.classes.map(\.name))
        #expect(reader.entries.map { $0["color"] } == ["#00c828", "#07c329", "#0ebe2a", "#15b92b"])
    }

    @Test func `the quick-look shows the classes in their colours, and lists the frequent ones first`() throws {
        let (model, _) = try makeOne()
        let picture = try RasterReader(path: folder.file("map.png"))
        #expect(picture.grid.width <= 1024 && picture.grid.height <= 1024)
        let pixels = try picture.read(picture.grid.window)
        func colour(_ x: Int, _ y: Int) -> [UInt8] { (0..<3).map { UInt8(pixels[$0, y, x]) } }
        // A pixel of the map is ten by ten of the picture.
        #expect(colour(18 + 35, 44 + 205) == model.legend.classes[2].colour)
        #expect(colour(18 + 205, 44 + 205) == model.legend.classes[1].colour)
        #expect(colour(18 + 505, 44 + 205) == model.legend.classes[0].colour)
        #expect(colour(18 + 505, 44 + 15) == [228, 228, 226])
        for number in 0..<4 {
            #expect(colour(36 + 600 + 7, 44 + 22 * number + 7) == model.legend.classes[number].colour)
        }
    }

    @Test func `a cell of the quick-look shows its most frequent class`() throws {
        try paint(folder.file("scene.tif"), width: 1400, height: 60) { _, column in column % 3 == 0 ? 2 : 0 }
        let model = PaintedModel(classes: 3, windowSize: 128)
        _ = try makeMap(
            MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif")), predictor: model,
            style: MapStyle(title: "Land cover", unit: ""))
        let picture = try RasterReader(path: folder.file("map.png"))
        let pixels = try picture.read(picture.grid.window)
        for cell in [0, 100, 465] {
            #expect(
                (0..<3).map { UInt8(pixels[$0, 44 + 10, 18 + cell]) } == model.legend.classes[0].colour, "cell \(cell)")
        }
    }

    @Test func `a legend that is too long ends with the number of the others`() {
        let classes = (0..<30).map { LegendClass(id: UInt8($0), name: "class \($0)", colour: [1, 2, UInt8($0)]) }
        let pixels = (0..<30).map { $0 == 20 ? 900 : $0 == 7 || $0 == 3 ? 50 : 0 }
        let lines = legendLines(classes, pixels: pixels, most: 5)
        #expect(lines.map(\.text) == ["class 20", "class 3", "class 7", "class 0", "and 26 more"])
        #expect(lines[0].colour == [1, 2, 20] && lines[4].colour == nil)
        #expect(legendLines(classes, pixels: pixels, most: 30).count == 30)
        let long = LegendClass(id: 1, name: String(repeating: "x", count: 40), colour: [0, 0, 0])
        #expect(legendLines([long], pixels: [0], most: 1)[0].text.count == 24)
    }

    @Test func `names for machines consist of letters, digits, dashes and underscores`() throws {
        let classes = [
            LegendClass(id: 1, name: "roads & roofs", colour: [0, 0, 0]),
            LegendClass(id: 9, name: "水", colour: [255, 170, 0]),
            LegendClass(id: 3, name: "sea-ice_2", colour: [1, 1, 1]),
        ]
        let text = try JSONEncoder().encode(stacClasses(classes, pixels: [0, 0, 0], of: 0))
        let values = try #require(JSONSerialization.jsonObject(with: text) as? [[String: Any]])
        #expect(values.map { $0["name"] as? String } == ["roads_roofs", "class_9", "sea-ice_2", "nodata"])
        #expect(values[1]["color_hint"] as? String == "FFAA00" && values[1]["title"] as? String == "水")
        #expect(values.allSatisfy { $0["percentage"] == nil })
    }
}
