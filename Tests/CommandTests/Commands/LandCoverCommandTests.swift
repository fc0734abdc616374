// geodino landcover: bad arguments, the map and the files next to it, what the map must not depend on, and the plan of --dry-run.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

@Suite struct LandCoverCommandTests {
    /// The arguments of a map of a scene that is not there, with the model.
    private static func map(_ bench: Bench, _ more: String..., scene: String = "none.tif") throws -> [String] {
        ["landcover", scene, "--model", try bench.copyCover(), "-o", "map.tif"] + more
    }

    static let bad: [BadCall] = [
        .usage(
            "a batch of 0", says: "--batch must be 1 to 4096, got 0", arguments: "landcover", "scene.tif", "--model",
            "model", "-o", "map.tif", "--batch", "0"),
        .usage(
            "a probability that is no number", says: "'often' is invalid for '--reject", arguments: "landcover",
            "scene.tif", "--model", "model", "-o", "map.tif", "--reject", "often"),
        .usage(
            "an area that is no number", says: "'small' is invalid for '--min-area", arguments: "landcover",
            "scene.tif", "--model", "model", "-o", "map.tif", "--min-area", "small"),
        .usage(
            "--no-clip without --aoi", says: "--all-touched and --no-clip require --aoi", arguments: "landcover",
            "scene.tif", "--model", "model", "-o", "map.tif", "--no-clip"),
        .failure("no model", says: "no model was given", "--model MODEL") { _ in
            ["landcover", "scene.tif", "-o", "map.tif"]
        },
        .failure("a missing model", says: "no such model", "  in   none", "geodino fit landcover") { bench in
            ["landcover", try bench.scene(), "--model", "none", "-o", "map.tif"]
        },
        .failure(
            "a canopy model", says: "the model's task is 'canopy'; expected landcover", "  in   model/model.json",
            "geodino fit landcover"
        ) { bench in
            ["landcover", try bench.scene(), "--model", try bench.copy("model"), "-o", "map.tif"]
        },
        .failure(
            "a land-cover model for canopy height", says: "the model's task is 'landcover'; expected canopy",
            "  in   cover/model.json", "geodino fit canopy"
        ) { bench in
            ["canopy", try bench.scene(), "--model", try bench.copyCover(), "-o", "map.tif"]
        },
        .failure("a run instead of a model", says: "is not a geodino model", "  in   run", "geodino fit landcover") {
            bench in
            try bench.copy("run")
            return ["landcover", try bench.scene(), "--model", "run", "-o", "map.tif"]
        },
        .failure("a missing scene", says: "no such file", "  in   none.tif", "  try  ") { try map($0) },
        .failure("no output", says: "no output was given", "-o landcover.tif", "region-landcover.tif") { bench in
            ["landcover", try scene(bench), "--model", try bench.copyCover()]
        },
        .failure("a probability above 1", says: "is 2; expected above 0, at most 1") { bench in
            try map(bench, "--reject", "2", scene: scene(bench))
        },
        .failure("a probability of 0", says: "is 0; expected above 0, at most 1") { bench in
            try map(bench, "--reject", "0", scene: scene(bench))
        },
        .failure("an area of nothing", says: "the smallest area of a component is 0 m2; expected more than 0") {
            bench in
            try map(bench, "--min-area", "0", scene: scene(bench))
        },
        .failure("an area beyond memory", says: "expected at most 4194304 pixels", "give 1509949 m2 or less") { bench in
            try map(bench, "--min-area", "1e9", scene: scene(bench))
        },
        .failure("polygons in another format", says: "features are written as GeoPackage", "  in   areas.shp", ".gpkg")
        {
            bench in
            try map(bench, "--polygons", "areas.shp", scene: scene(bench))
        },
        .failure("polygons in no folder", says: "the folder 'none' does not exist", "mkdir -p 'none'") { bench in
            try map(bench, "--polygons", "none/areas.gpkg", scene: scene(bench))
        },
        .failure("polygons with the name of the map", says: "the name of another file of the map") { bench in
            try map(bench, "--polygons", "map.tif", scene: scene(bench))
        },
        .failure("an area of interest elsewhere", says: "the area of interest does not overlap the scenes") { bench in
            let area = #"{"type":"Polygon","coordinates":[[[20,40],[20.1,40],[20.1,40.1],[20,40]]]}"#
            return try map(bench, "--aoi", bench.text("area.geojson", area), scene: scene(bench))
        },
        .failure("an existing map", says: "the output exists already", "  in   map.tif", "--overwrite") { bench in
            try bench.text("map.tif", "mine")
            return try map(bench, scene: scene(bench))
        },
        .failure("existing probabilities", says: "the output exists already", "  in   map-probabilities.tif") { bench in
            try bench.text("map-probabilities.tif", "mine")
            return try map(bench, "--probabilities", scene: scene(bench))
        },
        .failure("existing polygons", says: "the output exists already", "  in   areas.gpkg") { bench in
            try bench.text("areas.gpkg", "mine")
            return try map(bench, "--polygons", "areas.gpkg", scene: scene(bench))
        },
        .failure("a map that would replace its scene", says: "would overwrite an input", "  in   scene.tif") { bench in
            ["landcover", try scene(bench), "--model", try bench.copyCover(), "-o", "scene.tif", "--overwrite"]
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    // MARK: - Maps

    /// Copies the scene that the model was fitted on, at (500010, 5340000), and returns its name.
    @discardableResult
    private static func scene(_ bench: Bench) throws -> String {
        try FileManager.default.copyItem(
            atPath: TrainedBench.path("land/scene-000/rgb.tif"), toPath: bench.file("scene.tif"))
        return "scene.tif"
    }

    /// A folder with the scene, the model and two areas that overlap, `west.geojson` and `east.geojson`.
    private func bench() throws -> Bench {
        let bench = Bench()
        try Self.scene(bench)
        try bench.copyCover()
        // A little within the edges of pixels, since edges in degrees are not quite those of the grid.
        try writeArea(bench.file("west.geojson"), [[rectangle(500_019.1, 5_339_901.1, 500_090.9, 5_339_972.9)]])
        try writeArea(bench.file("east.geojson"), [[rectangle(500_055.1, 5_339_871.1, 500_150.9, 5_339_948.9)]])
        return bench
    }

    private func cover(_ bench: Bench, _ more: String...) throws -> Outcome {
        try bench.make(["landcover", "scene.tif", "--model", "cover", "--tensor-threads", "1", "-q"] + more)
    }

    private static let all = ["--probabilities", "--confidence", "--reject", "0.3"]

    /// The bytes of a band on a window of the grid that all maps here are on.
    private func bytes(_ path: String, band: Int, _ area: Bounds) throws -> [UInt8] {
        let raster = try RasterReader(path: path, options: RasterOpenOptions(expandPalette: false))
        let transform = raster.grid.transform
        let window = PixelWindow(
            column: Int(((area.minX - transform.originX) / 0.6).rounded()),
            row: Int(((transform.originY - area.maxY) / 0.6).rounded()),
            width: Int((area.width / 0.6).rounded()), height: Int((area.height / 0.6).rounded()))
        let pixels = try raster.read(window, bands: [band])
        #expect(pixels.validFraction == 1, "\(path) has no value somewhere")
        guard case .uint8(let values) = pixels.samples else {
            Issue.record("\(path) does not hold bytes")
            return []
        }
        return values
    }

    @Test func `a map of classes with everything beside it`() throws {
        let bench = try bench()
        let outcome = try cover(
            bench, "--aoi", "west.geojson", "-o", "map.tif", "--probabilities", "--confidence", "--reject", "0.3",
            "--min-area", "4", "--polygons", "areas.gpkg")
        #expect(outcome.output.hasPrefix("map.tif: 120 x 120 pixels, 0.0052 km2 mapped, "), "\(outcome.output)")
        #expect(outcome.output.hasSuffix(" windows\n") && outcome.errors == "", "\(outcome.errors)")
        #expect(
            try bench.contents() == [
                "areas.gpkg", "cover", "east.geojson", "map-confidence.tif", "map-probabilities.tif", "map.json",
                "map.png", "map.qml", "map.tif", "map.tif.aux.xml", "scene.tif", "west.geojson",
            ])
        let legend = try bench.legend(of: "cover")
        let map = try ClassRaster(path: bench.file("map.tif"))
        #expect(map.storedType == "Byte" && map.nodata == 255)
        #expect(map.grid.bounds == Bounds(minX: 500_019, minY: 5_339_901, maxX: 500_091, maxY: 5_339_973))
        for entry in legend.classes {
            #expect(map.names[Int(entry.id)] == entry.name && map.colours[Int(entry.id)] == entry.colour)
        }
        let counts = try map.histogram()
        #expect(counts.map(\.count).reduce(0, +) == 14_400)
        #expect(Set(counts.map(\.value)).isSubset(of: Set(legend.classes.map { Int($0.id) } + [254])))

        // The class is the one of the largest probability, where it was not changed by its neighbours.
        let area = map.grid.bounds
        let probabilities = try RasterReader(path: bench.file("map-probabilities.tif"))
        #expect(probabilities.grid == map.grid && probabilities.bands.map(\.name) == legend.classes.map(\.name))
        let shares = try (1...7).map { try bytes(bench.file("map-probabilities.tif"), band: $0, area) }
        let largest = try bytes(bench.file("map-confidence.tif"), band: 1, area)
        let classes = try bytes(bench.file("map.tif"), band: 1, area)
        var (same, unsure) = (0, 0)
        for place in largest.indices {
            let here = shares.map { Int($0[place]) }
            // 250 times the probability, each rounded.
            #expect((246...254).contains(here.reduce(0, +)) && here.max() == Int(largest[place]))
            if classes[place] == 254 {
                unsure += 1
                #expect(largest[place] <= 75)
            } else {
                #expect(largest[place] >= 75)
                let index = try #require(legend.index(ofID: classes[place]))
                if here[index] == here.max() { same += 1 }
            }
        }
        #expect(Double(same) > 0.97 * Double(14_400 - unsure), "\(same) of \(14_400 - unsure)")

        // The polygons cover the map, and say the same classes.
        let layer = try LabelLayer(path: bench.file("areas.gpkg"), field: "class")
        let burnt = try layer.burn(onto: map.grid) { value in
            guard case .number(let number) = value else { return .unknown }
            return .index(number)
        }
        #expect(burnt.indices == classes && burnt.conflicts == 0 && !burnt.validity.contains(false))
        #expect(try bench.read("map.qml").contains("<qgis"))
        let picture = try #require(FileManager.default.contents(atPath: bench.file("map.png")))
        #expect(picture.starts(with: [0x89, 0x50, 0x4E, 0x47]))
    }

    @Test func `the JSON names every file and counts every class`() throws {
        let bench = try bench()
        let outcome = try cover(
            bench, "--aoi", "west.geojson", "-o", "map.tif", "--format", "json", "--probabilities", "--confidence",
            "--polygons", "areas.gpkg")
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        #expect(Set(object.keys) == ["parts", "warnings"])
        let part = try #require((object["parts"] as? [[String: Any]])?.first)
        let files = [
            "output": "map.tif", "stac": "map.json", "style": "map.qml", "quick_look": "map.png",
            "probabilities": "map-probabilities.tif", "confidence": "map-confidence.tif", "polygons": "areas.gpkg",
        ]
        for (key, name) in files {
            #expect(part[key] as? String == name)
            #expect(bench.has(name), "\(name)")
        }
        #expect(
            Set(part.keys).subtracting(files.keys) == ["grid", "statistics", "square_kilometres", "windows", "calls"])
        let statistics = try #require(part["statistics"] as? [String: Any])
        #expect(statistics["area_pixels"] as? Int == 14_400 && statistics["valid_pixels"] as? Int == 14_400)
        let classes = try #require(statistics["classes"] as? [[String: Any]])
        #expect(classes.compactMap { $0["id"] as? Int } == [1, 2, 3, 4, 5, 6, 7])
        let counts = Dictionary(
            uniqueKeysWithValues: try ClassRaster(path: bench.file("map.tif")).histogram().map { ($0.value, $0.count) })
        for entry in classes {
            let id = try #require(entry["id"] as? Int)
            #expect(entry["pixels"] as? Int == counts[id] ?? 0 && (entry["name"] as? String)?.isEmpty == false)
        }
        // A map without all that says nothing of it.
        let plain = try cover(bench, "--aoi", "west.geojson", "-o", "plain.tif", "--format", "json").output
        for key in ["probabilities", "confidence", "polygons"] { #expect(!plain.contains("\"\(key)\"")) }
        let item = try bench.object("map.json")
        let assets = try #require(item["assets"] as? [String: Any])
        #expect(Set(assets.keys).isSuperset(of: ["data", "probabilities", "confidence", "polygons", "thumbnail"]))
    }

    @Test func `pixels depend neither on the area of interest nor on the number of threads`() throws {
        let bench = try bench()
        for (area, name, threads) in [("west", "one", "1"), ("east", "two", "1"), ("west", "more", "2")] {
            _ = try bench.make(
                ["landcover", "scene.tif", "--model", "cover", "--tensor-threads", "1", "-q", "-o", "\(name).tif"]
                    + ["--aoi", "\(area).geojson", "--threads", threads, "--polygons", "\(name).gpkg"] + Self.all)
        }
        // What both areas hold, on the grid that both maps are on.
        let shared = Bounds(minX: 500_055, minY: 5_339_901, maxX: 500_091, maxY: 5_339_949)
        for (suffix, bands) in [("", 1), ("-probabilities", 7), ("-confidence", 1)] {
            for band in 1...bands {
                let one = try bytes(bench.file("one\(suffix).tif"), band: band, shared)
                #expect(one.count == 60 * 80 && (suffix == "-probabilities" || Set(one).count > 1))
                #expect(try bytes(bench.file("two\(suffix).tif"), band: band, shared) == one, "\(suffix) \(band)")
            }
        }
        let files = try bench.files()
        for suffix in [".tif", "-probabilities.tif", "-confidence.tif", ".png", ".qml", ".tif.aux.xml"] {
            let one = try #require(files["one\(suffix)"])
            #expect(files["more\(suffix)"] == one, "\(suffix)")
        }
        let polygons = try ["one", "more"].map { try LabelLayer(path: bench.file("\($0).gpkg"), field: "class") }
        #expect(polygons[0].polygonCount > 1 && polygons[0].polygonCount == polygons[1].polygonCount)
        #expect(polygons[0].values.map(\.count) == polygons[1].values.map(\.count))
    }

    @Test func `small areas go where a smallest area is asked for`() throws {
        let bench = try bench()
        _ = try cover(bench, "-o", "all.tif", "--polygons", "all.gpkg")
        _ = try cover(bench, "-o", "large.tif", "--polygons", "large.gpkg", "--min-area", "9")
        let (all, large) = (
            try LabelLayer(path: bench.file("all.gpkg"), field: "class"),
            try LabelLayer(path: bench.file("large.gpkg"), field: "class")
        )
        #expect(large.polygonCount < all.polygonCount && large.polygonCount > 0)
        let counts = try ["all.tif", "large.tif"].map {
            try ClassRaster(path: bench.file($0)).histogram().map(\.count).reduce(0, +)
        }
        #expect(counts == [65_536, 65_536])
    }

    @Test func `where nothing is sure enough everything is unsure`() throws {
        let bench = try bench()
        let text = try cover(bench, "--aoi", "west.geojson", "-o", "map.tif", "--reject", "1").output
        #expect(text.contains(", unsure 100 %, "), "\(text)")
        let map = try ClassRaster(path: bench.file("map.tif"))
        #expect(try map.histogram().map(\.value) == [254] && map.names[254] == "unsure")
    }

    @Test func `a dry run needs no weights and writes nothing`() throws {
        let bench = try bench()
        for name in ["backbone.safetensors", "head.safetensors"] {
            try FileManager.default.removeItem(atPath: bench.file("cover/\(name)"))
        }
        let before = try bench.files()
        let json = try cover(
            bench, "--aoi", "west.geojson", "-o", "map.tif", "--dry-run", "--format", "json", "--polygons",
            "areas.gpkg", "--probabilities", "--min-area", "3.6"
        ).output
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        let part = try #require((object["parts"] as? [[String: Any]])?.first)
        #expect(part["output"] as? String == "map.tif" && part["polygons"] as? String == "areas.gpkg")
        // 3.6 m2 are 10 pixels of 0.36 m2.
        #expect(part["smallest_pixels"] as? Int == 10)
        let text = try cover(bench, "-o", "map.tif", "--dry-run").output
        #expect(text.hasPrefix("map.tif\n  grid      256 x 256 pixels of 0.6 in EPSG:32633"), "\(text)")
        #expect(try bench.files() == before)
    }

    @Test func `--overwrite replaces a map and its polygons, and nothing else`() throws {
        let bench = try bench()
        _ = try cover(bench, "--aoi", "west.geojson", "-o", "map.tif", "--polygons", "areas.gpkg")
        try bench.text("map-notes.txt", "mine")
        let before = try bench.files()
        let refused = try bench.run([
            "landcover", "scene.tif", "--model", "cover", "--aoi", "east.geojson", "-o", "map.tif", "--polygons",
            "areas.gpkg", "-q",
        ])
        #expect(refused.status == 1 && refused.errors.contains("exists already"))
        #expect(try bench.files() == before)
        _ = try cover(bench, "--aoi", "east.geojson", "-o", "map.tif", "--polygons", "areas.gpkg", "--overwrite")
        let after = try bench.files()
        #expect(Set(after.keys) == Set(before.keys) && after["map-notes.txt"] == before["map-notes.txt"])
        #expect(after["map.tif"] != before["map.tif"] && after["areas.gpkg"] != before["areas.gpkg"])
        let layer = try LabelLayer(path: bench.file("areas.gpkg"), field: "class")
        let wanted = Bounds(minX: 500_055, minY: 5_339_871, maxX: 500_151, maxY: 5_339_949)
        #expect(abs(layer.bounds.minX - wanted.minX) < 0.01 && abs(layer.bounds.maxY - wanted.maxY) < 0.01)
        #expect(abs(layer.bounds.maxX - wanted.maxX) < 0.01 && abs(layer.bounds.minY - wanted.minY) < 0.01)
        // An input is never replaced.
        let input = try bench.run([
            "landcover", "scene.tif", "--model", "cover", "--aoi", "areas.gpkg", "-o", "other.tif", "--polygons",
            "areas.gpkg", "--overwrite", "-q",
        ])
        #expect(input.status == 1 && input.errors.contains("would overwrite an input"), "\(input.errors)")
        #expect(try bench.files() == after)
    }

    @Test func `the scenes and the model come from the workspace, and the name from the area`() throws {
        let bench = try bench()
        try bench.text("geodino.yaml", "scenes: [scene.tif]\nmodel: cover\n")
        let outcome = try bench.make("landcover", "--aoi", "west.geojson", "--tensor-threads", "1", "-q")
        #expect(outcome.errors == "from geodino.yaml: model cover; scenes scene.tif\n")
        #expect(outcome.output.hasPrefix("west-landcover.tif: 120 x 120 pixels, "), "\(outcome.output)")
        #expect(bench.has("west-landcover.json") && bench.has("west-landcover.tif"))
    }

    @Test func `what the map says of its model is true of the head`() throws {
        let bench = try bench()
        _ = try cover(bench, "--aoi", "west.geojson", "-o", "map.tif")
        let item = try bench.read("map.json")
        #expect(item.contains("ViT 32 x 2, patch 8"))
        #expect(!item.contains("DPT"), "the head is linear")
    }
}
