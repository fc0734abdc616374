// Every remedy that an error offers is applied: scenes that are cut into a corpus, areas, and damage to a corpus.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

extension RemedyTests {
    @Test(arguments: scenes + archives + corpora)
    func `what tile and corpus advise leads to a corpus`(_ trouble: Trouble) throws { try Bench().learn(trouble) }

    // MARK: - Scenes

    /// A scene that is stored blue, green, red and does not say so.
    private static func turned(_ bench: Bench, named: Bool = false) throws -> String {
        try bench.virtual(
            "turned.vrt", over: bench.scene("under.tif"),
            bands: zip([3, 2, 1], ["Blue", "Green", "Red"]).map {
                VirtualRaster.Band($0, named ? "<ColorInterp>\($1)</ColorInterp>" : "")
            })
    }

    private static let scenes: [Trouble] = [
        Trouble(
            name: "bands in an order of their own", says: "used in the same place, is",
            remedy: .other { bench, advice, arguments in
                // The advice shows the form; which bands are meant is a person's to say.
                let word = try #require(advice.firstMatch(of: #/--bands '([^'=]*)=[0-9,]+'/#)).output.1
                return arguments + ["--bands", "\(word)=3,2,1"]
            },
            prepare: { bench in
                let arguments = try bench.tile(bench.scene(), turned(bench, named: true))
                let profile = try String(contentsOfFile: bench.file("profile.yaml"), encoding: .utf8)
                try bench.text("profile.yaml", profile.replacing("bands: default", with: "bands: [1, 2, 3]"))
                return arguments
            }),
        Trouble(
            name: "unnamed bands beside named ones, in the same order", says: "does not say what its bands are",
            remedy: .option("--bands", values: 1),
            prepare: { bench in try bench.tile(bench.scene(), bench.scene("unnamed.tif", named: false)) }),
        Trouble(
            name: "unnamed bands beside named ones, blue first", says: "does not say what its bands are",
            remedy: .other { bench, advice, arguments in
                let word = try #require(advice.firstMatch(of: #/or '([^']*)' if blue is stored first/#)).output.1
                return arguments + ["--bands", String(word)]
            },
            prepare: { bench in try bench.tile(bench.scene(), turned(bench)) }),
        Trouble(
            name: "scenes with other physical scales", says: "the same ground would get different pixels",
            remedy: .other { bench, advice, arguments in
                let rule = try #require(advice.firstMatch(of: #/percentile:[0-9,]+/#)).output
                let text = try String(contentsOfFile: bench.file("profile.yaml"), encoding: .utf8)
                try bench.text("profile.yaml", text.replacing(#/(?m)^stretch:.*$/#, with: "stretch: \(rule)"))
                return arguments
            },
            prepare: { bench in
                try bench.scene(type: .uint16)
                _ = try bench.document(
                    "tiles/smoke.yaml", as: "profile.yaml", ("stretch: none", "stretch: fixed:0,3000"))
                func scaled(_ name: String, _ scale: String) throws -> String {
                    try bench.virtual(
                        name, over: "scene.tif", type: "UInt16",
                        bands: zip(1...3, ["Red", "Green", "Blue"]).map {
                            VirtualRaster.Band($0, "<ColorInterp>\($1)</ColorInterp><Scale>\(scale)</Scale>")
                        })
                }
                return try bench.tile(scaled("a.vrt", "0.0001"), scaled("b.vrt", "0.0002"))
            }),
        Trouble(
            name: "16-bit values and no stretch", says: "the profile's stretch is none",
            remedy: .key("stretch", in: "profile.yaml"),
            prepare: { bench in try bench.tile(bench.scene(type: .uint16)) }),
        Trouble(
            name: "floating point and raw tiles", says: "raw tiles must be uint8 or uint16",
            remedy: .key("pixels", in: "profile.yaml"),
            prepare: { bench in
                _ = try bench.document(
                    "tiles/smoke.yaml", as: "profile.yaml", ("stretch: none", "stretch: percentile:2,98"),
                    ("pixels: stretched", "pixels: raw"))
                return try bench.tile(bench.scene(type: .float32))
            }),
        Trouble(
            name: "a band that the profile names and the scene lacks", says: "the profile needs 3 bands (nir",
            remedy: .option("--bands", values: 1),
            prepare: { bench in
                _ = try bench.document(
                    "tiles/smoke.yaml", as: "profile.yaml", ("bands: default", "bands: [nir, red, green]"))
                return try bench.tile(bench.scene())
            }),
        Trouble(
            name: "a scene that is too coarse", says: "the scene has less than half of the detail",
            remedy: .key("gsd", in: "profile.yaml"),
            prepare: { bench in
                try bench.tile(bench.scene(transform: GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 2)))
            }),
        Trouble(
            name: "a scene smaller than a tile", says: "24 x 24 m",
            remedy: .other { bench, advice, arguments in
                try #require(advice.contains("smaller tile_size"), "\(advice)")
                let text = try String(contentsOfFile: bench.file("profile.yaml"), encoding: .utf8)
                try bench.text(
                    "profile.yaml",
                    text.replacing("tile_size: 64", with: "tile_size: 16").replacing("stride: 64", with: "stride: 16"))
                return arguments
            },
            prepare: { bench in try bench.tile(bench.scene(size: 40)) }),
        Trouble(
            name: "a key that is misspelt", says: "unknown key 'min_valid_fracton'",
            remedy: .other { bench, advice, arguments in
                let key = try #require(advice.firstMatch(of: #/did you mean '([a-z_.]+)'/#)).output.1
                let text = try String(contentsOfFile: bench.file("profile.yaml"), encoding: .utf8)
                try bench.text("profile.yaml", text.replacing("min_valid_fracton", with: key))
                return arguments
            },
            prepare: { bench in
                _ = try bench.document(
                    "tiles/smoke.yaml", as: "profile.yaml", ("min_valid_fraction", "min_valid_fracton"))
                return try bench.tile(bench.scene())
            }),
        Trouble(
            name: "a document that is not there", says: "no such file",
            remedy: .other { bench, advice, arguments in
                let line = try #require(advice.firstMatch(of: #/^ls [a-z ]+/#)).output
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/bin/sh")
                process.arguments = ["-c", String(line)]
                process.currentDirectoryURL = Program.root
                let pipe = Pipe()
                process.standardOutput = pipe
                try process.run()
                let listed = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                let name = try #require(
                    listed.split(separator: "\n").first { $0 == "smoke.yaml" && listed.contains("tiles:") })
                return arguments.map { $0 == "nowhere.yaml" ? Program.root.path + "/tiles/\(name)" : $0 }
            },
            prepare: { bench in ["tile", try bench.scene(), "-o", "corpus", "--profile", "nowhere.yaml", "-q"] }),
        Trouble(
            name: "no profile", says: "no profile was given",
            remedy: .other { _, advice, arguments in
                let document = try #require(advice.firstMatch(of: #/--profile ([a-z0-9./]+)/#)).output.1
                return arguments + ["--profile", "\(Program.root.path)/\(document)"]
            },
            prepare: { bench in
                // 307 m, a tile of that profile.
                ["tile", try bench.scene(size: 640), "-o", "corpus", "-q"]
            }),
        Trouble(
            name: "no scene", says: "no scene was given",
            remedy: .other { bench, advice, _ in
                let line = try Bench.command("geodino tile", in: advice)
                try bench.scene()
                var words = line.split(separator: " ").dropFirst().map(String.init)
                for (word, value) in [("SCENE...", "scene.tif"), ("SCENE", "scene.tif"), ("CORPUS", "corpus")] {
                    words = words.map { $0 == word ? value : $0 }
                }
                // What the advice leaves to the reader: the profile, if it names none.
                return (words.contains("-o") ? words : words + ["-o", "corpus"])
                    + (words.contains("--profile") ? [] : ["--profile", "profile.yaml"])
            },
            prepare: { bench in try bench.tile() }),
    ]

    private static let archives: [Trouble] = [
        Trouble(
            name: "a shapefile without its index", says: "not a vector file", remedy: .option("--config", values: 1),
            prepare: { bench in
                for (name, bytes) in shapefile { try Data(bytes).write(to: URL(fileURLWithPath: bench.file(name))) }
                try bench.text("area.prj", projection)
                return try bench.tile(bench.scene(), more: ["--aoi", "area.shp"])
            },
            check: { bench, _ in #expect(FileManager.default.fileExists(atPath: bench.file("area.shx"))) }),
        Trouble(
            name: "axes that were swapped", says: "the axes seem to be swapped",
            remedy: .other { bench, advice, arguments in
                let first = try #require(advice.firstMatch(of: #/\[([0-9.]+), ([0-9.]+)\]/#)).output
                #expect(Double(first.1) == 115 && Double(first.2) == 45)
                let text = try String(contentsOfFile: bench.file("area.geojson"), encoding: .utf8)
                try bench.text(
                    "area.geojson",
                    text.replacing(#/\[(4[0-9.]+),(115[0-9.]*)\]/#) { "[\($0.output.2),\($0.output.1)]" })
                return arguments
            },
            prepare: { bench in
                try bench.text(
                    "area.geojson",
                    #"{"type":"Polygon","coordinates":[[[45,115],[45,115.01],[45.2,115.01],[45.2,115],[45,115]]]}"#)
                return try bench.tile(
                    bench.scene(
                        crs: "EPSG:32650", transform: GeoTransform(originX: 343_000, originY: 5_000_000, pixelSize: 0.6)
                    ),
                    more: ["--aoi", "area.geojson"])
            }),
    ]

    /// UTM zone 33 north as a shapefile's .prj has it.
    private static let projection =
        #"PROJCS["WGS_1984_UTM_Zone_33N",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",15.0],PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]"#

    /// A shapefile with one polygon around a scene, without its index (.shx): as `.shp` and `.dbf` are laid out in ESRI's description.
    private static let shapefile: [(String, [UInt8])] = {
        func little(_ value: Int32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        func big(_ value: Int32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
        func double(_ value: Double) -> [UInt8] { withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
        let box = [500_000.0, 4_999_900, 500_100, 5_000_100]
        let ring = [(0, 1), (0, 3), (2, 3), (2, 1), (0, 1)].map { double(box[$0.0]) + double(box[$0.1]) }.flatMap(
            \.self)
        let polygon = little(5) + box.flatMap(double) + little(1) + little(5) + little(0) + ring
        let words = Int32((100 + 8 + polygon.count) / 2)
        let header =
            big(9994) + [UInt8](repeating: 0, count: 20) + big(words) + little(1000) + little(5)
            + box.flatMap(double) + [UInt8](repeating: 0, count: 32)
        let shp = header + big(1) + big(Int32(polygon.count / 2)) + polygon
        var field = [UInt8]("id".utf8) + [UInt8](repeating: 0, count: 9) + [UInt8(ascii: "N")]
        field += [0, 0, 0, 0, 4, 0] + [UInt8](repeating: 0, count: 14)
        let dbf: [UInt8] =
            [3, 124, 1, 1] + little(1) + [65, 0, 5, 0] + [UInt8](repeating: 0, count: 20) + field + [13]
            + [32] + [UInt8]("   1".utf8) + [26]
        return [("area.shp", shp), ("area.dbf", dbf)]
    }()

    // MARK: - Corpora

    private static func cut(_ bench: Bench) throws -> [String] {
        let arguments = try bench.tile(bench.scene())
        try #require(try bench.run(arguments).status == 0)
        return arguments
    }

    private static func damage(_ name: String, _ bench: Bench, _ change: (inout Data) -> Void) throws {
        let url = URL(fileURLWithPath: bench.file("corpus/\(name)"))
        var data = try Data(contentsOf: url)
        change(&data)
        try data.write(to: url)
    }

    private static let corpora: [Trouble] = [
        Trouble(
            name: "a corpus of another scene is in the way", says: "started with other inputs",
            remedy: .option("--overwrite"),
            prepare: { bench in
                _ = try cut(bench)
                return try bench.tile(bench.scene("other.tif", bands: 4))
            }),
        Trouble(
            name: "a corpus that is not finished", says: "an unfinished corpus of the same inputs",
            remedy: .option("--resume"),
            prepare: { bench in
                let arguments = try interrupted(bench)
                try FileManager.default.moveItem(atPath: bench.file("away.tif"), toPath: bench.file("second.tif"))
                return arguments
            },
            check: { bench, _ in try bench.make("corpus", "verify", "corpus") }),
        Trouble(
            name: "a corpus that is not finished, anew", says: "an unfinished corpus of the same inputs",
            remedy: .option("--overwrite"),
            prepare: { bench in
                let arguments = try interrupted(bench)
                try FileManager.default.moveItem(atPath: bench.file("away.tif"), toPath: bench.file("second.tif"))
                return arguments
            },
            check: { bench, _ in try bench.make("corpus", "verify", "corpus") }),
        Trouble(
            name: "a scene that could not be read for a while", says: "second",
            remedy: .other { bench, advice, arguments in
                try #require(advice.contains("once the scene can be read again, resume with --resume"), "\(advice)")
                try FileManager.default.moveItem(atPath: bench.file("away.tif"), toPath: bench.file("second.tif"))
                return arguments + ["--resume"]
            },
            prepare: { bench in
                let arguments = try interrupted(bench, runs: false)
                return arguments
            },
            check: { bench, _ in try bench.make("corpus", "verify", "corpus") }),
        Trouble(
            name: "a pack of a corpus that is not finished", says: "not finished",
            remedy: .other { bench, advice, arguments in
                try #require(advice.contains("the same geodino tile command with --resume"), "\(advice)")
                try FileManager.default.moveItem(atPath: bench.file("away.tif"), toPath: bench.file("second.tif"))
                try #require(try bench.run(bench.tile("scene.tif", "second.vrt", more: ["--resume"])).status == 0)
                return arguments
            },
            prepare: { bench in
                _ = try interrupted(bench)
                return ["corpus", "pack", "corpus", "-o", "pack", "-q"]
            }),
        Trouble(
            name: "a lock of another machine", says: "cannot check whether that process still runs",
            remedy: .other { bench, advice, arguments in
                let path = try #require(advice.firstMatch(of: #/remove '([^']*)'/#)).output.1
                try FileManager.default.removeItem(
                    atPath: path.hasPrefix("/") ? String(path) : bench.file(String(path)))
                return arguments
            },
            prepare: { bench in
                let arguments = try interrupted(bench)
                try FileManager.default.moveItem(atPath: bench.file("away.tif"), toPath: bench.file("second.tif"))
                try bench.text("corpus/LOCK", "process 1 on another-machine\n")
                return arguments + ["--resume"]
            }),
        Trouble(
            name: "a shard's index that is damaged", says: "index of a shard is damaged",
            remedy: .command("geodino corpus reindex"),
            prepare: { bench in
                _ = try cut(bench)
                try damage("shards/000000.idx", bench) { $0 = $0.dropLast(7) }
                return ["corpus", "pack", "corpus", "-o", "pack", "-q"]
            }),
        Trouble(
            name: "records of an index that were changed", says: "do not match their checksum",
            remedy: .command("geodino corpus reindex"),
            prepare: { bench in
                _ = try cut(bench)
                try damage("shards/000000.idx", bench) { $0[$0.count - 9] ^= 1 }
                return ["corpus", "pack", "corpus", "-o", "pack", "-q"]
            }),
        Trouble(
            name: "a journal that cannot be read", says: "cannot read the corpus's journal",
            remedy: .command("geodino corpus reindex"),
            prepare: { bench in
                _ = try cut(bench)
                try damage("journal.json", bench) { $0 = $0.dropLast(20) }
                return ["corpus", "pack", "corpus", "-o", "pack", "-q"]
            }),
        Trouble(
            name: "a shard with more bytes than its index says", says: "more than its index says",
            remedy: .command("geodino corpus reindex"),
            prepare: { bench in
                _ = try cut(bench)
                try damage("shards/000000.tar", bench) { $0 += Data(repeating: 0, count: 512) }
                return ["corpus", "pack", "corpus", "-o", "pack", "-q"]
            }),
        Trouble(
            name: "an index over all that is no database", says: "corpus's index",
            remedy: .command("geodino corpus reindex"),
            prepare: { bench in
                let arguments = try cut(bench)
                try damage("corpus.gpkg", bench) { $0 = Data(repeating: 65, count: $0.count) }
                return arguments
            }),
        Trouble(
            name: "a corpus that is verified after damage", says: "the corpus is damaged in 1 place",
            remedy: .command("geodino corpus reindex"),
            prepare: { bench in
                _ = try cut(bench)
                try damage("corpus.gpkg", bench) { $0 = Data(repeating: 65, count: $0.count) }
                return ["corpus", "verify", "corpus"]
            }),
        Trouble(
            name: "a folder that is no corpus", says: "no such folder",
            remedy: .other { bench, advice, arguments in
                let line = try Bench.command("geodino tile", in: advice).replacing("SCENE...", with: try bench.scene())
                _ = try bench.tile()
                try bench.shell(line + " --profile profile.yaml -q")
                return arguments
            },
            prepare: { _ in ["corpus", "pack", "some corpus", "-o", "pack", "-q"] }),
        Trouble(
            name: "a pack is in the way", says: "a pack exists already", remedy: .option("--overwrite"),
            prepare: { bench in
                _ = try cut(bench)
                try bench.make("corpus", "pack", "corpus", "-o", "pack", "-q")
                return ["corpus", "pack", "corpus", "-o", "pack", "-q"]
            }),
        Trouble(
            name: "scenes were made already", says: "the output exists already", remedy: .option("--overwrite"),
            prepare: { bench in
                let arguments = ["synth", "land", "--scenes", "1", "--size", "64", "--seed", "3", "-q"]
                try #require(try bench.run(arguments).status == 0)
                return arguments
            }),
    ]

    /// A corpus whose second scene was moved away while it was cut.
    private static func interrupted(_ bench: Bench, runs: Bool = true) throws -> [String] {
        try bench.scene("second.tif")
        _ = try bench.virtual(
            "second.vrt", over: "second.tif",
            bands: zip(1...3, ["Red", "Green", "Blue"]).map {
                VirtualRaster.Band($0, "<ColorInterp>\($1)</ColorInterp>")
            })
        _ = try bench.document("tiles/smoke.yaml", as: "profile.yaml", ("shard_size: 1048576", "shard_size: 16384"))
        let arguments = try bench.tile(bench.scene(), "second.vrt")
        try FileManager.default.moveItem(atPath: bench.file("second.tif"), toPath: bench.file("away.tif"))
        if runs {
            let outcome = try bench.run(arguments)
            try #require(outcome.status == 1, "\(outcome.errors)")
        }
        return arguments
    }
}
