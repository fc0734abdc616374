// STAC items, QGIS styles and pictures beside a map.
import Files
import Foundation
import FoundationXML
import Geo
import Mapping
import Raster
import Scenes
import Telemetry
import TestSupport
import Testing

struct SidecarTests {
    let folder = TemporaryFolder()

    private func makeOne(
        aoi: [[[(Double, Double)]]]? = nil, tags: [String: String] = [:], change: (inout MapRequest) -> Void = { _ in }
    ) throws -> [String: Any] {
        try writeScene(folder.file("scene.tif"), tags: tags)
        var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        if let aoi {
            try writeArea(folder.file("area.geojson"), aoi)
            request.aoi = folder.file("area.geojson")
        }
        request.overwrite = true
        request.software = "geodino 0.1"
        request.model = MapModel(id: "smoke", path: "/models/smoke", sha256: "abc", summary: "a tree counter")
        change(&request)
        _ = try makeMap(request, predictor: ClosurePredictor.identity(), style: .canopyHeight)
        let data = try Data(contentsOf: URL(fileURLWithPath: folder.file("map.json")))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test func `the STAC item has the fields of version 1 and of its extensions`() throws {
        let item = try makeOne()
        #expect(item["type"] as? String == "Feature")
        #expect(item["stac_version"] as? String == "1.0.0")
        #expect(item["id"] as? String == "map")
        #expect(
            (item["stac_extensions"] as? [String])?.contains(
                "https://stac-extensions.github.io/projection/v2.0.0/schema.json") == true)
        let properties = try #require(item["properties"] as? [String: Any])
        #expect(properties["proj:code"] as? String == "EPSG:32633")
        #expect(properties["proj:shape"] as? [Int] == [120, 150])
        #expect(properties["proj:transform"] as? [Double] == [10, 0, 500_000, 0, -10, 5_000_000, 0, 0, 1])
        #expect(properties["proj:bbox"] as? [Double] == [500_000, 4_998_800, 501_500, 5_000_000])
        #expect(properties["gsd"] as? Double == 10)
        #expect((properties["processing:software"] as? [String: String]) == ["geodino": "0.1"])
        #expect(properties["geodino:model"] as? String == "smoke")
        let bbox = try #require(item["bbox"] as? [Double])
        #expect(abs(bbox[0] - 15) < 1e-6 && bbox[2] > 15.018 && bbox[2] < 15.02 && bbox[1] < bbox[3])
        let assets = try #require(item["assets"] as? [String: [String: Any]])
        #expect(Set(assets.keys) == ["data", "thumbnail", "style"])
        for (key, file) in [("data", "map.tif"), ("thumbnail", "map.png"), ("style", "map.qml")] {
            let asset = try #require(assets[key])
            #expect(asset["href"] as? String == "./\(file)")
            let size = try FileManager.default.attributesOfItem(atPath: folder.file(file))[.size] as? Int
            #expect(asset["file:size"] as? Int == size)
            #expect(asset["file:checksum"] as? String == "1220" + (try SHA256.hex(ofFile: folder.file(file))))
        }
        let band = try #require((assets["data"]?["raster:bands"] as? [[String: Any]])?.first)
        #expect(band["data_type"] as? String == "float32")
        #expect(band["nodata"] as? Double == -9999)
        #expect(band["unit"] as? String == "m")
        // A pixel of UTM at the zone's middle is 1 / 0.9996 of its side on the ground.
        #expect(band["spatial_resolution"] as? Double == 10)
        let statistics = try #require(band["statistics"] as? [String: Double])
        #expect(statistics["valid_percent"] == 100)
        let links = try #require(item["links"] as? [[String: String]])
        #expect(links.map { $0["rel"] } == ["derived_from", "derived_from"])
        #expect(links.map { $0["href"] } == ["./scene.tif", "/models/smoke"])
    }

    @Test func `time is a moment, a span, or a bound that says so`() throws {
        let unknown = try #require(try makeOne()["properties"] as? [String: Any])
        #expect(unknown["datetime"] is NSNull)
        #expect(unknown["start_datetime"] as? String == "1970-01-01T00:00:00Z")
        let end = try #require(unknown["end_datetime"] as? String)
        #expect(rfc3339(end) == end)
        #expect(unknown["geodino:datetime_note"] != nil)

        let taken = ["ACQUISITIONDATETIME": "2024-06-01T10:20:30Z"]
        let moment = try makeOne(tags: taken)
        #expect((moment["properties"] as? [String: Any])?["datetime"] as? String == "2024-06-01T10:20:30Z")

        let later = folder.file("later.tif")
        try writeScene(later, x: 501_000, tags: ["datetime": "2024-07-01 08:00:00"])
        let span = try makeOne(tags: ["datetime": "2024-06-01"]) { $0.scenes.append(later) }
        let properties = try #require(span["properties"] as? [String: Any])
        #expect(properties["datetime"] is NSNull)
        #expect(properties["start_datetime"] as? String == "2024-06-01T00:00:00Z")
        #expect(properties["end_datetime"] as? String == "2024-07-01T08:00:00Z")
        #expect(properties["geodino:datetime_note"] == nil)
    }

    @Test func `an item across 180 degrees is parted there, and its box begins in the west`() throws {
        // UTM zone 60 south near Fiji: 180 degrees lies at about x = 818 km there.
        try writeScene(folder.file("fiji.tif"), crs: "EPSG:32760", x: 816_000, y: 8_000_000, width: 600, height: 100)
        let item = try makeOne { [folder] in $0.scenes = [folder.file("fiji.tif")] }
        let geometry = try #require(item["geometry"] as? [String: Any])
        #expect(geometry["type"] as? String == "MultiPolygon")
        let polygons = try #require(geometry["coordinates"] as? [[[[Double]]]])
        #expect(polygons.count == 2)
        for polygon in polygons {
            let longitudes = polygon[0].map { $0[0] }
            #expect((longitudes.max() ?? 0) - (longitudes.min() ?? 0) < 1)
        }
        let box = try #require(item["bbox"] as? [Double])
        #expect(box[0] > 179 && box[2] < -179 && box[1] < box[3])
    }

    @Test func `files are named from where the map lies`() throws {
        let here = FileManager.default.currentDirectoryPath
        try FileManager.default.createDirectory(atPath: folder.file("a/b"), withIntermediateDirectories: true)
        for name in ["a/b/scene.tif", "scene.tif"] { _ = try folder.write("x", to: name) }
        #expect(reference(folder.file("a/b/scene.tif"), from: folder.file("a/map.tif")) == "./b/scene.tif")
        #expect(reference(folder.file("scene.tif"), from: folder.file("a/map.tif")) == folder.file("scene.tif"))
        #expect(reference("Package.swift", from: "Tests/Golden/map.tif") == "../../Package.swift", "seen from \(here)")
        #expect(reference("./Package.swift", from: "map.tif") == "./Package.swift")
        for other in ["/vsizip/a.zip/b.tif", "https://host/a.tif?x=%20y", "gone.tif"] {
            #expect(reference(other, from: "map.tif") == other)
        }
        #expect(reference("NETCDF:\"a.nc\":x", from: "map.tif") == "NETCDF%3A%22a.nc%22%3Ax")
        #expect(percentEncoded("été? #1 100%/a:b") == "%C3%A9t%C3%A9%3F%20%231%20100%25/a%3Ab")
    }

    @Test(arguments: [
        "", "soon", "2024", "2024-13-01", "2024-06-01T25:00:00Z", "2024-06-01T10:00:00+02:00", "2024:06:01 10:00:00",
    ])
    func `what is no time in UTC is not taken for one`(text: String) {
        #expect(rfc3339(text) == nil)
    }

    @Test func `the geometry is the area where imagery covers it, else the outline of the values`() throws {
        let triangle = [(500_100.0, 4_999_100.0), (500_900, 4_999_100), (500_100, 4_999_900), (500_100, 4_999_100)]
        let inside = try #require(try makeOne(aoi: [[triangle]])["geometry"] as? [String: Any])
        #expect(inside["type"] as? String == "Polygon")
        let ring = try #require((inside["coordinates"] as? [[[Double]]])?.first)
        #expect(ring.count == 4)
        #expect(ring.first == ring.last)

        // Half of the area lies beyond the scene.
        let beyond = rectangle(501_000, 4_999_000, 502_000, 4_999_500)
        let cut = try #require(try makeOne(aoi: [[beyond]])["geometry"] as? [String: Any])
        let outline = try #require((cut["coordinates"] as? [[[Double]]])?.first)
        let toMetres = try CoordinateTransformer(from: .wgs84, to: CoordinateReferenceSystem("EPSG:32633"))
        let points = toMetres.transform(outline.map { ($0[0], $0[1]) }).compactMap { $0 }
        let bounds = try #require(Bounds(points: points))
        #expect(abs(bounds.minX - 501_000) < 0.1 && abs(bounds.maxX - 501_500) < 0.1)
        #expect(abs(bounds.minY - 4_999_000) < 0.1 && abs(bounds.maxY - 4_999_500) < 0.1)
        // Counter-clockwise.
        #expect(zip(outline, outline.dropFirst()).reduce(0.0) { $0 + $1.0[0] * $1.1[1] - $1.1[0] * $1.0[1] } > 0)
    }

    @Test func `the QGIS style is XML with a ramp from 0 to the maximum`() throws {
        let text = qgisStyle(MapStyle(title: "a", unit: "m < \"x\""), maximum: 30)
        final class Reader: NSObject, XMLParserDelegate {
            var items: [[String: String]] = []
            var renderer: [String: String] = [:]
            func parser(
                _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
                attributes: [String: String]
            ) {
                if element == "item" { items.append(attributes) }
                if element == "rasterrenderer" { renderer = attributes }
            }
        }
        let reader = Reader()
        let parser = XMLParser(data: Data(text.utf8))
        parser.delegate = reader
        #expect(parser.parse())
        #expect(reader.renderer["type"] == "singlebandpseudocolor")
        #expect(reader.renderer["classificationMax"] == "30")
        #expect(reader.items.count == ColourRamp.violetToYellow.stops.count)
        #expect(reader.items.first?["value"] == "0" && reader.items.last?["value"] == "30")
        #expect(reader.items.last?["label"] == "30 m < \"x\"")
        #expect(reader.items.first?["color"] == "#3a1258")
    }

    @Test func `the quick-look fits 1024 pixels and shows the ramp`() throws {
        try writeScene(
            folder.file("scene.tif"), width: 2000, height: 900, value: { _, _, column in UInt8(column / 10) })
        var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        request.maximum = 200
        _ = try makeMap(request, predictor: ClosurePredictor.identity(windowSize: 128), style: .canopyHeight)
        let picture = try RasterReader(path: folder.file("map.png"))
        #expect(picture.grid.width <= 1024 && picture.grid.height <= 1024)
        #expect(picture.grid.width > 700)
        let pixels = try picture.read(picture.grid.window)
        // 2000 pixels become 667 cells of 3; the cell 300 cells in holds columns 900 to 902.
        let expected = ColourRamp.violetToYellow.colour(90.0 / 200)
        #expect((0..<3).map { UInt8(pixels[$0, 44 + 100, 18 + 300]) } == expected)
    }
}

struct PictureTests {
    let folder = TemporaryFolder()

    @Test func `a ramp keeps its ends and rises in lightness`() {
        let ramp = ColourRamp.violetToYellow
        #expect(ramp.colour(-1) == ramp.colour(0))
        #expect(ramp.colour(7) == [253, 234, 66])
        #expect(ramp.colour(.nan) == ramp.colour(0))
        let lightness = (0...100).map { step in
            let c = ramp.colour(Double(step) / 100).map(Double.init)
            return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]
        }
        #expect(zip(lightness, lightness.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test func `legends end at round numbers`() {
        #expect(roundMaximum((0...100).map { Float($0) * 0.271 }) == 30)
        #expect(roundMaximum([]) == 1)
        #expect(roundMaximum([0, 0]) == 1)
        #expect(roundMaximum([Float](repeating: 8.4, count: 10)) == 10)
        #expect(legendTicks(maximum: 30) == [0, 5, 10, 15, 20, 25, 30])
        #expect(legendTicks(maximum: 25) == [0, 5, 10, 15, 20, 25])
        #expect(legendTicks(maximum: 1).last == 1)
        #expect(scaleBarLength(longest: 100, metresPerPixel: 0.6)?.label == "50 m")
        #expect(scaleBarLength(longest: 100, metresPerPixel: 0.6)?.pixels == 83)
        #expect(scaleBarLength(longest: 200, metresPerPixel: 10)?.label == "2 km")
        #expect(scaleBarLength(longest: 200, metresPerPixel: .nan) == nil)
    }

    @Test func `an outline goes round what is filled, and round its holes the other way`() {
        // A ring of 3 x 3 with a hole, and a cell that touches it by a corner only.
        let filled = [
            true, true, true, false,
            true, false, true, false,
            true, true, true, false,
            false, false, false, true,
        ]
        let polygons = outlines(filled, width: 4, height: 4)
        #expect(polygons.count == 2)
        func area(_ ring: [(column: Int, row: Int)]) -> Int {
            zip(ring, ring.dropFirst()).reduce(0) { $0 + $1.0.column * $1.1.row - $1.1.column * $1.0.row }
        }
        #expect(polygons[0].count == 2)
        // Rows run down, so counter-clockwise on the map is negative here.
        #expect(area(polygons[0][0]) == -18)
        #expect(area(polygons[0][1]) == 2)
        #expect(area(polygons[1][0]) == -2)
        #expect(polygons.joined().allSatisfy { $0[0] == $0[$0.count - 1] })
        #expect(outlines([false, false], width: 2, height: 1).isEmpty)
    }

    @Test func `outlines of random pictures enclose exactly what is filled`() {
        for seed in 0..<50 {
            let width = 3 + seed % 9
            let height = 2 + seed % 7
            let filled = (0..<width * height).map { noise($0, seed) > 110 }
            let polygons = outlines(filled, width: width, height: height)
            let area = polygons.joined().reduce(0) { sum, ring in
                sum + zip(ring, ring.dropFirst()).reduce(0) { $0 + $1.0.column * $1.1.row - $1.1.column * $1.0.row }
            }
            #expect(-area == 2 * filled.filter { $0 }.count, "seed \(seed)")
            #expect(polygons.allSatisfy { !$0[0].isEmpty })
        }
    }

    @Test func `a comparison shows three panels with the same legend`() throws {
        let size = 120
        var rgb: [UInt8] = []
        for band in 0..<3 {
            for place in 0..<size * size { rgb.append(noise(place % size / 8, place / size / 8, band)) }
        }
        let truth = (0..<size * size).map { Float($0 % size) * 0.25 }
        let valid = (0..<size * size).map { $0 / size > 20 }
        try writeComparison(
            rgb: PixelBuffer(bands: 3, height: size, width: size, samples: .uint8(rgb)),
            truth: PixelBuffer(bands: 1, height: size, width: size, samples: .float32(truth), validity: valid),
            prediction: PixelBuffer(bands: 1, height: size, width: size, samples: .float32(truth.map { $0 * 0.5 })),
            to: folder.file("all.png"), metresPerPixel: 0.6)
        let picture = try RasterReader(path: folder.file("all.png"))
        #expect(picture.grid.width == 3 * 480 + 4 * 18 + 88)
        let pixels = try picture.read(picture.grid.window)
        func colour(_ x: Int, _ y: Int) -> [UInt8] { (0..<3).map { UInt8(pixels[$0, y, x]) } }
        // Column 100, four pixels each: 25 of 30 metres in the second panel, 12.5 in the third.
        #expect(colour(18 + 498 + 402, 44 + 300) == ColourRamp.violetToYellow.colour(25.0 / 30))
        #expect(colour(18 + 2 * 498 + 402, 44 + 300) == ColourRamp.violetToYellow.colour(12.5 / 30))
        #expect(colour(18 + 498 + 402, 44 + 10) == [228, 228, 226])
        #expect(picture.grid.height == 44 + 480 + 44)
        #expect(throws: MappingError.self) {
            try writeComparison(
                rgb: PixelBuffer(bands: 3, height: 2, width: 2, samples: .uint8([UInt8](repeating: 0, count: 12))),
                truth: PixelBuffer(bands: 1, height: 1, width: 2, samples: .float32([0, 0])),
                prediction: PixelBuffer(bands: 1, height: 2, width: 2, samples: .float32([0, 0, 0, 0])),
                to: folder.file("none.png"))
        }
    }

    @Test func `a comparison with classes has a second row: their legend, truth and prediction`() throws {
        let size = 120
        let legend = Legend([
            LegendClass(id: 3, name: "water", colour: [10, 20, 200]),
            LegendClass(id: 8, name: "forest", colour: [20, 120, 40]),
        ])
        let truth = (0..<size * size).map { $0 % size < 90 ? UInt8(8) : 3 }
        let prediction = (0..<size * size).map { $0 / size < 60 ? UInt8(3) : Legend.nodataID }
        let flat = PixelBuffer(
            bands: 1, height: size, width: size, samples: .float32([Float](repeating: 1, count: size * size)))
        let rgb = PixelBuffer(
            bands: 3, height: size, width: size, samples: .uint8([UInt8](repeating: 90, count: 3 * size * size)))
        func write(_ classes: ComparedClasses) throws {
            try writeComparison(rgb: rgb, truth: flat, prediction: flat, to: folder.file("rows.png"), classes: classes)
        }
        try write(ComparedClasses(legend: legend, truth: truth, prediction: prediction))
        let picture = try RasterReader(path: folder.file("rows.png"))
        #expect(picture.grid.width == 3 * 480 + 4 * 18 + 88 && picture.grid.height == 44 + 480 + 66 + 480 + 44)
        let pixels = try picture.read(picture.grid.window)
        func colour(_ x: Int, _ y: Int) -> [UInt8] { (0..<3).map { UInt8(pixels[$0, y, x]) } }
        let top = 44 + 480 + 66
        // The frequent class comes first in the legend.
        #expect(colour(18 + 7, top + 8 + 7) == [20, 120, 40] && colour(18 + 7, top + 8 + 22 + 7) == [10, 20, 200])
        #expect(
            colour(18 + 498 + 100, top + 300) == [20, 120, 40] && colour(18 + 498 + 400, top + 300) == [10, 20, 200])
        #expect(colour(18 + 2 * 498 + 100, top + 100) == [10, 20, 200])
        #expect(colour(18 + 2 * 498 + 100, top + 300) == [228, 228, 226])
        #expect(throws: MappingError.self) {
            try write(ComparedClasses(legend: legend, truth: truth, prediction: [3]))
        }
    }
}
