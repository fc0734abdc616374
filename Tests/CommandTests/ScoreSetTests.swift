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

    @Test(arguments: ["dinov3-paper", "dinov3-knn", "torchgeo-bench"])
    func `a protocol that comes with geodino scores a folder`(_ name: String) throws {
        let found = try rows(try score("--protocol", name, "--format", "json", "-q"))
        let methods = found.compactMap { $0["method"] as? String }
        switch name {
        case "dinov3-paper": #expect(Set(methods) == ["logistic"])
        case "dinov3-knn": #expect(Set(methods) == ["knn10-softmax", "knn20-softmax", "knn36-softmax"])
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
            "protocol    dinov3-paper ", "splits      drawn: 20 % test, 20 % validation", "seed        0",
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
        #expect(resumed.errors.contains("has these scores already"))
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
}
