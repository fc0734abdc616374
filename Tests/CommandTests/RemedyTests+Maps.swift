// Every remedy that an error offers is applied: maps and features.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

extension RemedyTests {
    @Test(arguments: maps + features)
    func `what maps and features advise leads to an output`(_ trouble: Trouble) throws { try Bench().learn(trouble) }

    @Test(.enabled(if: Tools.areThere, Tools.absence), arguments: convertedScenes)
    func `a scene that is converted as advised is mapped`(_ trouble: Trouble) throws { try Bench().learn(trouble) }

    // MARK: - Maps

    private static func canopy(_ scene: String, _ more: String...) throws -> [String] {
        ["canopy", scene, "--model", try TrainedBench.path("model"), "-q", "--tensor-threads", "1"] + more
    }

    /// A value that a sentence names, in place of an option's.
    private static func corrected(_ option: String, by pattern: String) -> Trouble.Remedy {
        .other { _, advice, arguments in
            let value = try #require(advice.firstMatch(of: try Regex<(Substring, Substring)>(pattern)), "\(advice)")
                .output.1
            let place = try #require(arguments.firstIndex(of: option))
            var arguments = arguments
            arguments[place + 1] = String(value)
            return arguments
        }
    }

    private static let maps: [Trouble] = [
        Trouble(
            name: "a map is in the way", says: "the output exists already", remedy: .option("--overwrite"),
            prepare: { bench in try canopy(bench.scene(), "-o", bench.text("map.tif", "mine")) }),
        Trouble(
            name: "a folder is in the way of a map", says: "folder", remedy: .option("-o", values: 1),
            fill: ["NAME": "map"],
            prepare: { bench in
                try FileManager.default.createDirectory(
                    atPath: bench.file("a map.tif"), withIntermediateDirectories: true)
                return try canopy(bench.scene(), "-o", "a map.tif")
            }),
        Trouble(
            name: "a map that is to be a picture", says: "its name must end in .tif", remedy: .option("-o", values: 1),
            prepare: { bench in try canopy(bench.scene(), "-o", "map.png") },
            check: { bench, _ in #expect(FileManager.default.fileExists(atPath: bench.file("map.tif"))) }),
        Trouble(
            name: "no output for a map", says: "no output was given", remedy: .option("-o", values: 1),
            prepare: { bench in try canopy(bench.scene()) }),
        Trouble(
            name: "no model for a map", says: "no model was given", remedy: .option("--model", values: 1),
            fill: ["MODEL": "@model"],
            prepare: { bench in ["canopy", try bench.scene(), "-o", "map.tif", "-q"] }),
        Trouble(
            name: "no scene for a map", says: "no scene was given",
            remedy: .other { bench, advice, arguments in
                let line = try Bench.command("geodino canopy", in: advice)
                #expect(line == "geodino canopy SCENE... --aoi AOI")
                try bench.text(
                    "aoi.geojson",
                    #"{"type":"Polygon","coordinates":[[[15,45.1],[15.01,45.1],[15.01,45.2],[15,45.2],[15,45.1]]]}"#)
                return arguments + [try bench.scene(), "--aoi", "aoi.geojson"]
            },
            prepare: { _ in ["canopy", "--model", try TrainedBench.path("model"), "-o", "map.tif", "-q"] }),
        Trouble(
            name: "an area narrower than a pixel", says: "no pixel of the map has its centre",
            remedy: .option("--all-touched"),
            prepare: { bench in
                try bench.text(
                    "aoi.geojson",
                    #"{"type":"Polygon","coordinates":[[[15.0002,45.1529],[15.000201,45.1529],[15.000201,45.152901],[15.0002,45.1529]]]}"#
                )
                return try canopy(bench.scene(), "--aoi", "aoi.geojson", "-o", "map.tif")
            }),
        Trouble(
            name: "an area in two zones", says: "the area does not fit one grid", remedy: .option("--split"),
            prepare: { bench in
                // In the middles of zones 33 and 34.
                let scenes = [
                    try bench.scene(
                        "a.tif", transform: GeoTransform(originX: 500_000, originY: 5_003_000, pixelSize: 0.6)),
                    try bench.scene(
                        "b.tif", crs: "EPSG:32634",
                        transform: GeoTransform(originX: 500_000, originY: 5_003_000, pixelSize: 0.6)),
                ]
                return ["canopy"] + scenes + ["--model", try TrainedBench.path("model"), "-o", "map.tif", "-q"]
            },
            check: { bench, _ in #expect(bench.folder.contents.count { $0.hasSuffix(".tif") } == 4) }),
        Trouble(
            name: "a scene with one band for a model of three", says: "the model needs 3 bands",
            remedy: .option("--bands", values: 1),
            prepare: { bench in try canopy(bench.scene(bands: 1), "-o", "map.tif") }),
        Trouble(
            name: "a scene without blue", says: "the model needs 3 bands", remedy: .option("--bands", values: 1),
            prepare: { bench in
                try canopy(
                    bench.virtual(
                        "false.vrt", over: bench.scene(),
                        bands: zip(1...3, ["nir", "red", "green"]).map {
                            VirtualRaster.Band($0, "<Description>\($1)</Description>")
                        }), "-o", "map.tif")
            }),
        Trouble(
            name: "an overlap of broken patches", says: "does not divide into whole patches",
            remedy: corrected("--overlap", by: "a multiple of ([0-9]+)"),
            prepare: { bench in try embed(bench.scene(), output: "out.tif", more: ["--window", "32", "--overlap", "5"])
            }),
        Trouble(
            name: "a folder that is not there", says: "cannot write into the folder", remedy: .command("mkdir"),
            prepare: { bench in try canopy(bench.scene(), "-o", "some where/else/map.tif") }),
        Trouble(
            name: "a device of another kind", says: "unknown device", remedy: .option("--device", values: 1),
            prepare: { bench in try canopy(bench.scene(), "-o", "map.tif", "--device", "tpu") }),
        Trouble(
            name: "blocks smaller than a pixel", says: "a block of",
            remedy: corrected("--block", by: "such as ([0-9]+)"),
            prepare: { bench in
                let scene = try bench.scene("map.tif", type: .float32, bands: 1)
                return ["score", "canopy", "--map", scene, "--truth", scene, "--block", "0.1"]
            }),
    ]

    private static let convertedScenes: [Trouble] = [
        Trouble(
            name: "a scene of 16 bits for a model of 8", says: "values as they are (stretch none)",
            remedy: .command("gdal_translate"), fill: ["LOW HIGH": "0 2500"],
            prepare: { bench in try canopy(bench.scene(type: .uint16), "-o", "map.tif") }),
        Trouble(
            name: "a scene without a CRS to be mapped", says: "no CRS", remedy: .command("gdal_edit.py"),
            fill: ["EPSG:CODE": "EPSG:32633"],
            prepare: { bench in try canopy(bench.scene(crs: nil), "-o", "map.tif") }),
        Trouble(
            name: "a raw product for a map of features", says: "a .tif cannot be made from",
            remedy: .command("gdalwarp"), fill: ["EPSG:CODE": "EPSG:32633"],
            prepare: { bench in
                try embed(
                    bench.virtual(
                        "raw.vrt", over: bench.scene(), crs: "", transform: "", elements: rationalPolynomials,
                        bands: (1...3).map { VirtualRaster.Band($0) }), output: "out.tif")
            }),
    ]

    // MARK: - Features

    static let network = Program.root.appendingPathComponent("Tests/Golden/huggingface/mlp").path

    static func embed(_ inputs: String..., output: String = "out.safetensors", more: [String] = []) -> [String] {
        ["embed"] + inputs + ["--weights", network, "--statistics", "web", "-o", output, "-q", "--tensor-threads", "1"]
            + more
    }

    /// Leaves out an input, for advice that is not about an option.
    private static func without(_ input: String, advice words: String) -> Trouble.Remedy {
        .other { _, advice, arguments in
            try #require(advice.hasPrefix(words) && !advice.contains("--split"), "\(advice)")
            return arguments.filter { $0 != input }
        }
    }

    private static let features: [Trouble] = [
        Trouble(
            name: "tokens are in the way", says: "exists already", remedy: .option("--overwrite"),
            prepare: { bench in
                try embed(bench.scene(), output: bench.text("out.safetensors", "mine"), more: ["--whole"])
            }),
        Trouble(
            name: "an output that is a folder", says: "the output is a folder", remedy: .option("-o", values: 1),
            fill: ["NAME": "tokens.safetensors"],
            prepare: { bench in
                try FileManager.default.createDirectory(
                    atPath: bench.file("my tokens.safetensors"), withIntermediateDirectories: true)
                return try embed(bench.scene(), output: "my tokens.safetensors", more: ["--whole"])
            }),
        Trouble(
            name: "tokens for a folder that is not there", says: "cannot write into the folder",
            remedy: .command("mkdir"),
            prepare: { bench in try embed(bench.scene(), output: "it's/new/out.safetensors", more: ["--whole"]) }),
        Trouble(
            name: "images with and without a place", says: "is not georeferenced, but others are",
            remedy: .option("--whole"),
            prepare: { bench in
                try embed(
                    bench.scene(),
                    bench.virtual(
                        "loose.vrt", over: "scene.tif", crs: "", transform: "",
                        bands: (1...3).map { VirtualRaster.Band($0) }), more: ["--bands", "1,2,3"])
            }),
        Trouble(
            name: "images of two sizes", says: "the images differ in size",
            remedy: .option("--size", values: 1),
            prepare: { bench in
                try embed(bench.scene("a.tif", size: 32), bench.scene("b.tif", size: 48), more: ["--whole"])
            }),
        Trouble(
            name: "an image of broken patches", says: "does not divide into whole patches",
            remedy: .option("--size", values: 1),
            prepare: { bench in try embed(bench.scene(size: 33), more: ["--whole"]) }),
        Trouble(
            name: "windows of broken patches", says: "do not divide into whole patches",
            remedy: .option("--window", values: 1),
            prepare: { bench in try embed(bench.scene(size: 16), more: ["--window", "31"]) }),
        Trouble(
            name: "another number of components than the basis has", says: "--pca asks for 2",
            remedy: .option("--pca", values: 1),
            prepare: { bench in
                try #require(
                    try bench.run(embed(bench.scene(), output: "first.tif", more: ["--window", "32", "--pca", "3"]))
                        .status == 0)
                return embed(
                    "scene.tif", output: "out.tif",
                    more: ["--window", "32", "--pca", "2", "--basis", "first.pca.safetensors"])
            }),
        Trouble(
            name: "16-bit values for weights of 8-bit pictures", says: "stretch none",
            remedy: .option("--stretch", values: 1),
            prepare: { bench in try embed(bench.scene(type: .uint16), more: ["--window", "32"]) }),
        Trouble(
            name: "16-bit images for weights of 8-bit pictures", says: "takes only 8-bit values",
            remedy: .option("--stretch", values: 1),
            prepare: { bench in try embed(bench.scene(type: .uint16), more: ["--whole"]) }),
        Trouble(
            name: "features of scenes in two zones", says: "the area does not fit one grid",
            remedy: without("b.tif", advice: "process the parts one by one"),
            prepare: { bench in
                // In the middles of zones 33 and 34.
                try embed(bench.scene("a.tif"), bench.scene("b.tif", crs: "EPSG:32634"), more: ["--window", "32"])
            }),
        Trouble(
            name: "features of scenes at other scales of the grid", says: "m on the ground here",
            remedy: without("north.tif", advice: "process scenes that are so far apart one by one"),
            prepare: { bench in
                // At 60 degrees north, Web Mercator's metre is half a metre on the ground.
                let scenes = try [("south.tif", 0.0), ("north.tif", 8_399_730.0)].map { name, y in
                    try bench.scene(
                        name, crs: "EPSG:3857",
                        transform: GeoTransform(originX: 1_000_000, originY: y, pixelSize: 0.6))
                }
                return embed(
                    scenes[0], scenes[1], output: "out.tif", more: ["--window", "32", "--gsd", "0.6"])
            }),
        Trouble(
            name: "a raster of images", says: "a .tif cannot be made from",
            remedy: .other { _, advice, arguments in
                try #require(advice.contains("a .safetensors file"))
                return arguments.map { $0 == "out.tif" ? "out.safetensors" : $0 }
            },
            prepare: { bench in
                try embed(
                    bench.virtual(
                        "loose.vrt", over: bench.scene(), crs: "", transform: "",
                        bands: (1...3).map { VirtualRaster.Band($0) }), output: "out.tif")
            }),
        Trouble(
            name: "an option for windows, of tiles", says: "--window does not apply",
            remedy: .other { _, advice, arguments in
                #expect(advice == "leave out --window")
                var arguments = arguments
                let place = try #require(arguments.firstIndex(of: "--window"))
                arguments.removeSubrange(place...place + 1)
                return arguments
            },
            prepare: { _ in embed(try TrainedBench.path("corpus"), more: ["--window", "32"]) }),
        Trouble(
            name: "bands that are not red, green and blue", says: "the model needs 3 bands",
            remedy: .option("--bands", values: 1),
            prepare: { bench in
                try embed(
                    bench.virtual(
                        "false.vrt", over: bench.scene(),
                        bands: zip(1...3, ["nir", "red", "green"]).map {
                            VirtualRaster.Band($0, "<Description>\($1)</Description>")
                        }), more: ["--whole"])
            }),
    ]
}
