// geodino score on classification sets: what is printed, what is kept, what is refused.
import Foundation
import Geo
import Raster
import TestSupport
import Testing
import Torch

@Suite struct ScoreSetTests {
    private let folder = TemporaryFolder()
    /// A folder of transformers' DINOv2 with registers: width 16, two blocks, patches of 14 pixels.
    private let weights = Program.root.appendingPathComponent("Tests/Golden/dinov2/registers").path

    /// Images of three classes that differ in colour, 20 of each, of several sizes.
    init() throws {
        try Torch.load()
        for (index, name) in ["forest", "sand", "water"].enumerated() {
            try FileManager.default.createDirectory(
                atPath: folder.file("set/\(name)"), withIntermediateDirectories: true)
            for number in 0..<20 {
                let (height, width) = (20 + number, 33 - number / 2)
                let pixels = (0..<3).flatMap { band in
                    (0..<height * width).map { UInt8((band == index ? 150 : 60) + ($0 * 7 + number * 13) % 50) }
                }
                try writePNG(
                    PixelBuffer(bands: 3, height: height, width: width, samples: .uint8(pixels)),
                    to: folder.file("set/\(name)/\(name)_\(number / 2)_\(number % 2).png"))
            }
        }
    }

    private func score(_ more: String..., data: String = "set", benchmark: String = "folder") throws -> Outcome {
        try Program.run(
            ["score", benchmark, folder.file(data), "--weights", weights, "--cache", folder.file("cache")] + more)
    }

    /// The rows that were printed.
    private func rows(_ outcome: Outcome) throws -> [[String: Any]] {
        try #require(outcome.status == 0, "\(outcome.errors)")
        let parsed = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        return try #require(parsed as? [[String: Any]])
    }

    @Test(arguments: ["dinov3-logistic", "dinov3-knn", "dinov3-linear", "dinov3-paper", "torchgeo-bench"])
    func `a protocol that comes with geodino scores a folder`(_ name: String) throws {
        let found = try rows(try score("--protocol", name, "--format", "json", "-q"))
        let methods = found.compactMap { $0["method"] as? String }
        switch name {
        case "dinov3-logistic": #expect(Set(methods) == ["logistic"])
        case "dinov3-knn": #expect(Set(methods) == ["knn10-softmax", "knn20-softmax", "knn36-softmax"])
        case "dinov3-linear", "dinov3-paper": #expect(Set(methods) == ["linear"])
        default: #expect(Set(methods) == ["knn5", "logistic"])
        }
        let keys: Set = [
            "benchmark", "task", "split", "protocol", "protocol_hash", "metric", "value", "low", "high", "samples",
            "seed",
        ]
        for row in found {
            #expect(keys.isSubset(of: row.keys))
            #expect(row["benchmark"] as? String == "set" && row["protocol"] as? String == name)
            #expect(row["samples"] as? Int == 12 && row["train_samples"] as? Int == 36)
            // Colours that no pixel shares; the smallest of networks passes them on.
            #expect(try #require(row["value"] as? Double) > 0.8)
        }
        #expect(Set(found.compactMap { $0["protocol_hash"] as? String }).count == 1)
    }

    @Test func `the text says every switch, and a table takes each score once`() throws {
        let table = folder.file("results.csv")
        let first = try score("-o", table, "-q")
        #expect(first.status == 0, "\(first.errors)")
        for word in [
            "protocol    dinov3-logistic ", "splits      drawn: 20 % test, 20 % validation", "seed        0",
            "features    class token", "refit       on train",
        ] {
            #expect(first.output.contains(word), "\(first.output)")
        }
        let bytes = try Data(contentsOf: URL(filePath: table))
        #expect(String(decoding: bytes, as: UTF8.self).split(separator: "\n").count == 4)
        // The features are there, so no image is read.
        try FileManager.default.moveItem(atPath: folder.file("cache"), toPath: folder.file("elsewhere"))
        let resumed = try score("-o", table, "--resume", "-q")
        #expect(resumed.status == 0 && resumed.output == first.output, "\(resumed.errors)")
        #expect(resumed.errors.contains("already has these scores"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("cache")))
        try FileManager.default.moveItem(atPath: folder.file("elsewhere"), toPath: folder.file("cache"))
        let again = try score("-o", table, "-q")
        #expect(
            again.status == 0 && again.output == first.output && !again.errors.contains("images"), "\(again.errors)")
        #expect(try Data(contentsOf: URL(filePath: table)) == bytes)
        // Another protocol has another hash, and adds its own rows.
        #expect(try score("-o", table, "-q", "--protocol", "torchgeo-bench").status == 0)
        let rows = try String(contentsOfFile: table, encoding: .utf8).split(separator: "\n").dropFirst()
        #expect(rows.count == 9)
    }

    @Test func `groups are kept together, and the split is that of the seed`() throws {
        let group = try score("--group", "_([0-9]+)_", "--format", "json", "-q")
        #expect(try rows(group).first?["samples"] as? Int == 12)
        let seeds = try (0..<2).map { try rows(try score("--seed", "\($0)", "--format", "json", "-q")) }
        // The seed is not part of the protocol: scores with several seeds are comparable.
        #expect(seeds[0].first?["protocol_hash"] as? String == seeds[1].first?["protocol_hash"] as? String)
        #expect(seeds.map { $0.first?["seed"] as? Int } == [0, 1])
    }

    @Test func `a list names labels and splits`() throws {
        var lines = ["path,label,split"]
        for (index, name) in ["forest", "sand", "water"].enumerated() {
            for number in 0..<20 {
                let split = number < 12 ? "train" : number < 16 ? "val" : "test"
                lines.append("set/\(name)/\(name)_\(number / 2)_\(number % 2).png,\(index * 10),\(split)")
            }
        }
        _ = try folder.write(lines.joined(separator: "\n"), to: "list.csv")
        let found = try rows(try score("--format", "json", "-q", data: "list.csv"))
        #expect(found.first?["benchmark"] as? String == "list" && found.first?["samples"] as? Int == 12)
        #expect(found.first?["train_samples"] as? Int == 36 && found.first?["validation_samples"] as? Int == 12)
    }

    @Test func `what cannot be scored is refused with the reason, and leaves nothing`() throws {
        _ = try folder.write("not a table\n", to: "notes.csv")
        _ = try folder.write(
            "path,label,split\nset/none.png,a,train\nset/nor.png,b,val\nset/no.png,b,test\n", to: "missing.csv")
        let cases: [(arguments: [String], status: Int32, words: String)] = [
            (["score", "folder", "nowhere"], 1, "no such folder"),
            (["score", "folder", "set/sand"], 1, "has no folders of images"),
            (["score", "folder", "missing.csv"], 1, "an image of the set does not exist"),
            (["score", "eurosat", "set"], 1, "does not hold eurosat"),
            (["score", "folder", "set", "--protocol", "dinov3-papr"], 1, "--protocol dinov3-paper"),
            (["score", "folder", "set", "-o", "notes.csv"], 1, "not a table of scores"),
            (["score", "folder", "set", "-o", "notes.txt"], 64, "a .csv file"),
            (["score", "folder", "set", "--resume"], 64, "--resume requires -o"),
            (["score", "folder", "set", "--test", "0.9"], 64, "below 1 together"),
            (["score", "folder", "set", "--group", "("], 1, "not a regular expression"),
            (["score", "folder", "set", "--bands", "4,3,x"], 64, "--bands takes numbers"),
            (["score", "folder", "set", "--bands", "4,3,2"], 1, "asks for band 4"),
        ]
        for (arguments, status, words) in cases {
            let outcome = try Program.run(
                arguments + ["--weights", weights, "--cache", folder.file("cache"), "-q"],
                in: URL(filePath: folder.path))
            #expect(outcome.status == status && !outcome.signalled, "\(arguments): \(outcome.errors)")
            #expect(outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
        }
        #expect(try String(contentsOfFile: folder.file("notes.csv"), encoding: .utf8) == "not a table\n")
        #expect(!folder.contents.contains { $0.hasPrefix("results") })
    }

    @Test func `features go to a file and come back with the same scores`() throws {
        for ending in ["npz", "csv"] {
            let file = folder.file("features.\(ending)")
            let first = try rows(try score("--write-features", file, "--format", "json", "-q"))
            let again = try rows(
                try Program.run([
                    "score", "folder", folder.file("set"), "--features", file, "--name", "mine", "--format", "json",
                    "-q",
                ]))
            #expect(again.map { $0["value"] as? Double } == first.map { $0["value"] as? Double })
            #expect(again.first?["model"] as? String == "mine" && again.first?["feature_dim"] as? Int == 16)
            // What was made elsewhere did not see the protocol's input.
            let hashes = (first + again).compactMap { $0["protocol_hash"] as? String }
            #expect(Set(hashes).count == 2)
        }
    }

    @Test func `features that do not fit the set are refused`() throws {
        let names = ["forest/forest_0_0.png", "sand/sand_0_0.png"]
        let cases = [
            ("image,a,b\n\(names[0]),1,2\n\(names[1]),3,4\n", "the file has no features for "),
            ("image,a\n\(names[0]),nan\n", "is nan"), ("image,a\n\(names[0]),x\n", "expected a number"),
            ("image,a\n\(names[0]),1\n\(names[0]),2\n", "features twice"),
            ("image,a\n\(names[0])\n", "line 2 does not have 2 cells"),
            ("name,a\nb,1\n", "the first of which is image"),
            ("", "column names"),
        ]
        for (text, words) in cases {
            _ = try folder.write(text, to: "wrong.csv")
            let outcome = try Program.run(
                ["score", "folder", folder.file("set"), "--features", folder.file("wrong.csv"), "-q"])
            #expect(outcome.status == 1 && outcome.errors.contains(words), "\(text): \(outcome.errors)")
        }
        _ = try folder.write("not an archive", to: "wrong.npz")
        let archive = try Program.run(
            ["score", "folder", folder.file("set"), "--features", folder.file("wrong.npz"), "-q"])
        #expect(archive.status == 1 && archive.errors.contains("numpy.savez"), "\(archive.errors)")
        let both = try score("--features", folder.file("wrong.npz"))
        #expect(both.status == 64 && both.errors.contains("not both"))
    }

    @Test func `few shots are drawn by class, and never fitted to with the samples that choose`() throws {
        let found = try rows(try score("--shots", "2", "--format", "json"))
        let row = try #require(found.first)
        #expect(row["train_samples"] as? Int == 6 && row["partition"] as? String == "2-shot")
        let text = try score("--shots", "2", "-q")
        #expect(text.output.contains("2-shot of train") && text.output.contains("refit       no"), "\(text.output)")
        let share = try rows(try score("--partition", "0.50x", "--format", "json"))
        #expect(share.first?["train_samples"] as? Int == 18 && share.first?["partition"] as? String == "0.50x")
        for words in [["--shots", "0"], ["--partition", "2x"], ["--shots", "1", "--partition", "0.1x"]] {
            let outcome = try Program.run(
                ["score", "folder", folder.file("set"), "--weights", weights, "-q"] + words)
            #expect(outcome.status == 64, "\(words): \(outcome.errors)")
        }
    }

    @Test func `calibration is measured before and after a temperature that validation chooses`() throws {
        let found = try rows(try score("--format", "json"))
        for row in found {
            for key in ["ece", "rms_ce", "mce", "ece_ts", "rms_ce_ts", "mce_ts", "temperature"] {
                let value = try #require(row[key] as? Double, "\(key)")
                #expect(value >= 0 && (key == "temperature" || value <= 1), "\(key) \(value)")
            }
        }
        // Votes of neighbours have probabilities, but nothing was chosen on validation.
        let votes = try rows(try score("--protocol", "dinov3-knn", "--format", "json"))
        #expect(votes.allSatisfy { $0["ece"] is Double && $0["ece_ts"] is NSNull })
    }

    @Test func `rows have the keys and the types of the published schema`() throws {
        let file = Program.root.appendingPathComponent("docs/schemas/score-rows.schema.json")
        let schema = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        let definitions = try #require(schema["$defs"] as? [String: [String: Any]])
        let properties = try #require(definitions["row"]?["properties"] as? [String: [String: Any]])
        for row in try rows(try score("--protocol", "torchgeo-bench", "--format", "json")) {
            #expect(Set(row.keys) == Set(properties.keys))
            for (key, value) in row {
                // A key with a list of values has no type.
                guard let entry = properties[key], entry["enum"] == nil, entry["anyOf"] == nil else { continue }
                let type = entry["type"]
                let allowed = type as? [String] ?? (type as? String).map { [$0] } ?? []
                let found =
                    switch value {
                    case is NSNull: "null"
                    case is String: "string"
                    default: (value as? Double).map { $0 == $0.rounded() } == true ? "integer" : "number"
                    }
                #expect(
                    allowed.contains(found) || found == "integer" && allowed.contains("number"),
                    "\(key) is \(value); the schema allows \(allowed)")
            }
        }
    }
}
