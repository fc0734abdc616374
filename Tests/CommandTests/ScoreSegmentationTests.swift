// geodino score on sets whose pixels have classes: what is printed, written and scored again, what is refused.
import Foundation
import Geo
import Raster
import TestSupport
import Testing
import Torch

@Suite struct ScoreSegmentationTests {
    private let folder = TemporaryFolder()
    /// A folder of transformers' DINOv2 with registers: width 16, two blocks, patches of 14 pixels.
    private let weights = Program.root.appendingPathComponent("Tests/Golden/dinov2/registers").path
    private static let fixtures = Program.root.appendingPathComponent("Tests/Golden/benchmarks").path
    private let loveDA = "\(Self.fixtures)/loveda"

    /// A protocol whose head is trained in a second.
    private static let quick = """
        name: quick
        segmentation:
          input: {size: null, kernel: bilinear, antialias: true, normalization: weights}
          training:
            head: {kind: linear, taps: 1, norm: batch, dropout: 0.1}
            taps: last
            crop: 28
            steps: 4
            batch: 2
            optimizer:
              learning_rate: 1.0e-3
              weight_decay: 1.0e-3
              beta1: 0.9
              beta2: 0.999
              warmup: 0.05
              clip: 0
            loss: {cross_entropy: 1, focal: 0, dice: 0, focal_gamma: 2, label_smoothing: 0, class_weights: none}
            sampling: {class_share: 0}
            augmentation: {flips: true, turns: false}
            validate_every: null
            cached_crops: 0
          prediction: {window: 28, stride: 14}
          scoring:
            report: validation
            absent: left_out
            metrics: [miou, overall_accuracy, class_iou]
            interval: {kind: percentile, draws: 50, confidence: 0.9}
        """

    init() throws {
        try Torch.load()
        _ = try folder.write(Self.quick, to: "quick.yaml")
    }

    private func score(_ words: [String]) throws -> Outcome {
        try Program.run(
            ["score"] + words, in: URL(filePath: folder.path), environment: ["XDG_CACHE_HOME": folder.file("caches")])
    }

    /// The rows that were printed.
    private func rows(_ outcome: Outcome) throws -> [[String: Any]] {
        try #require(outcome.status == 0, "\(outcome.errors)")
        let parsed = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        return try #require(parsed as? [[String: Any]])
    }

    private func value(_ metric: String, _ rows: [[String: Any]]) throws -> Double {
        try #require(rows.first { $0["metric"] as? String == metric }?["value"] as? Double, "\(rows)")
    }

    @Test func `predictions made elsewhere are scored as mmsegmentation scores them`() throws {
        let found = try rows(
            try score(["loveda", loveDA, "--predictions", "\(Self.fixtures)/loveda-predictions", "--format", "json"]))
        // Which keeps single precision.
        #expect(Float(try value("miou", found)) == 0.7752671837806702)
        #expect(Float(try value("overall_accuracy", found)) == 0.9211071133613586)
        let keys: Set = [
            "benchmark", "task", "split", "protocol", "protocol_hash", "metric", "value", "low", "high", "samples",
            "seed",
        ]
        for row in found {
            #expect(keys.isSubset(of: row.keys))
            #expect(row["benchmark"] as? String == "loveda" && row["method"] as? String == "predictions")
            #expect(row["samples"] as? Int == 4 && row["protocol"] as? String == "loveda-512")
        }
    }

    @Test func `written predictions are scored again with the same figures`() throws {
        let first = try rows(
            try score([
                "loveda", loveDA, "--weights", weights, "--protocol", "quick.yaml", "--write-predictions", "said",
                "--model", "head", "-o", "r.csv", "--format", "json", "-q",
            ]))
        // Of Val, which is scored, and of Test, which has no masks.
        let written = try FileManager.default.subpathsOfDirectory(atPath: folder.file("said")).filter {
            $0.hasSuffix(".png")
        }
        #expect(written.count == 7, "\(written)")
        for path in written {
            let reader = try RasterReader(path: folder.file("said/\(path)"))
            #expect(reader.bands.count == 1)
            let window = PixelWindow(column: 0, row: 0, width: reader.grid.width, height: reader.grid.height)
            guard case .uint8(let values) = try reader.read(window).samples else {
                Issue.record("\(path) is not of bytes")
                continue
            }
            #expect(values.allSatisfy { $0 <= 6 }, "\(path) counts from 0 to 6")
        }
        let again = try rows(
            try score([
                "loveda", loveDA, "--predictions", "said", "--protocol", "quick.yaml", "--format", "json", "-q",
            ]))
        for metric in ["miou", "overall_accuracy", "iou_building"] {
            #expect(try value(metric, again) == value(metric, first), "\(metric)")
        }
        // The head that was kept predicts the same, and a table has each score once.
        let third = try score([
            "loveda", loveDA, "--weights", weights, "--protocol", "quick.yaml", "--model", "head", "-o", "r.csv", "-q",
        ])
        #expect(third.status == 0 && third.errors.contains("already had 9 of these 9 scores"), "\(third.errors)")
        let lines = try String(contentsOfFile: folder.file("r.csv"), encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 10)
    }

    @Test func `a protocol is brought to the patches of the network, and small images to its crops`() throws {
        let text = Self.quick.replacing("crop: 28", with: "crop: 40").replacing("window: 28", with: "window: 32")
        _ = try folder.write(text, to: "other.yaml")
        let outcome = try score([
            "isaid", "\(Self.fixtures)/isaid-patches", "--weights", weights, "--protocol", "other.yaml", "-q",
        ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("crop 42 in place of 40, window 28 in place of 32"), "\(outcome.errors)")
        #expect(outcome.output.contains("crops of 42 pixels"), "\(outcome.output)")
    }

    @Test func `tasks of GEO-Bench are scored, both kinds in one call`() throws {
        let text =
            try String(
                contentsOf: Program.root.appendingPathComponent("recipes/protocols/geobench-official.yaml"),
                encoding: .utf8)
        let both = text.replacing("crop: 224", with: "crop: 56").replacing("size: 224", with: "size: 56")
            .replacing("steps: 10000", with: "steps: 4").replacing("batch: 16", with: "batch: 2")
            .replacing("validate_every: 500", with: "validate_every: 2")
        _ = try folder.write(both, to: "both.yaml")
        let words = [
            "geobench-v1", "\(Self.fixtures)/geobench", "--tasks", "m-pv4ger,m-pv4ger-seg", "--weights", weights,
            "--protocol", "both.yaml", "-o", "r.csv", "--format", "json", "-q",
        ]
        let found = try rows(try score(words))
        #expect(Set(found.compactMap { $0["task"] as? String }) == ["m-pv4ger", "m-pv4ger-seg"])
        #expect(Set(found.compactMap { $0["benchmark"] as? String }) == ["geobench-v1"])
        #expect(Set(found.compactMap { $0["method"] as? String }) == ["logistic", "seg_linear"])
        #expect(Set(found.compactMap { $0["protocol_hash"] as? String }).count == 2)
        let bytes = try Data(contentsOf: URL(filePath: folder.file("r.csv")))
        let again = try rows(try score(words + ["--resume"]))
        #expect(again.count == found.count)
        #expect(try Data(contentsOf: URL(filePath: folder.file("r.csv"))) == bytes)
    }

    @Test func `two models are compared image by image, and tables become one`() throws {
        for (name, extra) in [("a", []), ("b", ["--random-backbone"])] {
            let outcome = try score(
                [
                    "loveda", loveDA, "--weights", weights, "--protocol", "quick.yaml", "--name", name, "-o", "r.csv",
                    "--write-answers", "\(name).csv", "-q",
                ] + extra)
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        let found = try rows(try score(["compare", "a.csv", "b.csv", "--metric", "miou", "--format", "json"]))
        let row = try #require(found.first)
        let difference = try #require(row["difference"] as? Double)
        let (first, second) = (row["first_value"] as? Double ?? .nan, row["second_value"] as? Double ?? .nan)
        #expect(abs(difference - (first - second)) < 1e-12 || abs(difference - (second - first)) < 1e-12)
        #expect(row["images"] as? Int == 4)
        let table = try score(["summary", "r.csv", "--metrics", "miou"])
        #expect(table.status == 0 && table.output.contains("| a"), "\(table.errors)\(table.output)")
        #expect(table.output.contains("| b") && table.output.contains("seg_linear"), "\(table.output)")
        // Without reference models there is no mean over tasks, and it says so.
        let text = try #require(
            try? String(
                contentsOfFile: "\(Self.fixtures)/geobench/classification_v1.0/normalizer.json", encoding: .utf8))
        _ = try folder.write(text, to: "normalizer.json")
        let means = try score(["summary", "r.csv", "--metrics", "miou", "--normalizer", "normalizer.json"])
        #expect(means.status == 0 && means.output.contains("no normalised IQM"), "\(means.errors)\(means.output)")
    }

    @Test func `a set is described before it is scored`() throws {
        for (place, words) in [
            ("loveda", ["4 train, 4 validation, 3 test", "classes     7", "score loveda"]),
            ("isaid", ["classes     16", "score isaid"]),
            ("eurosat", ["classes     10", "score eurosat"]),
            ("ucmerced", ["classes     21", "score ucmerced"]),
            ("geobench", ["m-eurosat (geobench-v1)", "01 - Coastal aerosol", "--tasks m-chesapeake"]),
        ] {
            let outcome = try score(["inspect", "\(Self.fixtures)/\(place)"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            for word in words { #expect(outcome.output.contains(word), "\(place): \(outcome.output)") }
        }
        let list = try score(["list"])
        #expect(list.status == 0 && list.output.contains("m-SA-crop-type") && list.output.contains("loveda-512"))
    }

    @Test func `what cannot be scored is refused with the reason`() throws {
        let fm = FileManager.default
        try fm.createDirectory(atPath: folder.file("empty"), withIntermediateDirectories: true)
        // One prediction is missing, another has another size.
        try fm.copyItem(atPath: "\(Self.fixtures)/loveda-predictions", toPath: folder.file("short"))
        let files = try fm.contentsOfDirectory(atPath: folder.file("short")).filter { $0.hasSuffix(".png") }.sorted()
        try fm.removeItem(atPath: folder.file("short/\(files[0])"))
        try fm.copyItem(atPath: "\(Self.fixtures)/loveda-predictions", toPath: folder.file("small"))
        try writePNG(
            PixelBuffer(bands: 1, height: 4, width: 4, samples: .uint8([UInt8](repeating: 1, count: 16))),
            to: folder.file("small/\(files[0])"))
        try fm.copyItem(atPath: "\(Self.fixtures)/loveda-predictions", toPath: folder.file("high"))
        try writePNG(
            PixelBuffer(bands: 1, height: 32, width: 32, samples: .uint8([UInt8](repeating: 9, count: 1024))),
            to: folder.file("high/\(files[0])"))
        let cases: [(arguments: [String], status: Int32, words: String)] = [
            (["loveda", loveDA], 64, "give --weights, or --predictions"),
            (["loveda", loveDA, "--weights", weights, "--predictions", "short"], 64, "not both"),
            (["loveda", loveDA, "--predictions", "short", "--steps", "3"], 64, "--steps cannot be combined"),
            (["loveda", loveDA, "--weights", weights, "--first-class", "1"], 64, "--first-class requires"),
            (["loveda", "nowhere", "--weights", weights], 1, "no such folder"),
            (["loveda", "empty", "--weights", weights], 1, "LoveDA"),
            (["isaid", "empty", "--weights", weights], 1, "iSAID"),
            (["loveda", loveDA, "--predictions", "nowhere"], 1, "no such folder"),
            (["loveda", loveDA, "--predictions", "short"], 1, "prediction"),
            (["loveda", loveDA, "--predictions", "small"], 1, "4 x 4"),
            (["loveda", loveDA, "--predictions", "high"], 1, "9"),
            (["loveda", loveDA, "--weights", weights, "--protocol", "dinov3-knn"], 1, "segmentation"),
            (
                ["geobench-v1", "\(Self.fixtures)/geobench", "--weights", weights, "--tasks", "m-eurosaat"], 1,
                "m-eurosat"
            ),
            (["geobench-v1", "empty", "--weights", weights], 1, "GEO-Bench"),
            (["compare", "quick.yaml", "quick.yaml"], 1, "answers by image"),
            (["summary", "nowhere.csv"], 1, "no such table"),
            (["inspect", "empty"], 1, "empty"),
        ]
        for (arguments, status, words) in cases {
            let outcome = try score(arguments)
            #expect(outcome.status == status && !outcome.signalled, "\(arguments): \(outcome.errors)")
            #expect(outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
        }
    }
}
