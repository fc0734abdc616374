// geodino demo: bad arguments, a whole demo with small documents, and an interrupted one.
import Foundation
import Geo
import Raster
import Testing

@Suite struct DemoCommandTests {
    static let bad: [BadCall] = [
        .usage("seeds that are not numbers", says: "--seeds takes whole numbers", arguments: "demo", "--seeds", "a"),
        .usage("a seed twice", says: "--seeds names a seed twice: '1,1'", arguments: "demo", "--seeds", "1,1"),
        .usage("no threads", says: "--threads must be 1 to 1024", arguments: "demo", "--threads", "0"),
        .failure("an existing folder that demo did not make", says: "'geodino demo' did not make it", "  in   mine") {
            bench in
            try FileManager.default.createDirectory(atPath: bench.file("mine"), withIntermediateDirectories: true)
            try bench.text("mine/notes.txt", "mine")
            return ["demo", "-o", "mine", "--overwrite"]
        },
        .failure("an existing demo", says: "the folder exists already", "  in   demo", "  try  --overwrite") { bench in
            try FileManager.default.createDirectory(atPath: bench.file("demo"), withIntermediateDirectories: true)
            try bench.text("demo/.geodino-demo", "made by geodino demo; may be replaced by it\n")
            return ["demo"]
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    /// A folder with its own small documents, which take precedence over those that come with the program.
    private func bench() throws -> Bench {
        let bench = Bench()
        for folder in ["recipes", "tiles"] {
            try FileManager.default.createDirectory(atPath: bench.file(folder), withIntermediateDirectories: true)
        }
        _ = try bench.document("recipes/smoke.yaml", as: "recipes/demo.yaml", ("\nsteps: 30\n", "\nsteps: 2\n"))
        _ = try bench.document(
            "recipes/smoke-canopy.yaml", as: "recipes/demo-canopy.yaml", ("\nsteps: 20\n", "\nsteps: 2\n"))
        _ = try bench.document("tiles/smoke.yaml", as: "tiles/smoke.yaml", ("stride: 64 ", "stride: 256 "))
        return bench
    }

    @Test func `a small demo runs every stage, and its report matches the snapshot`() throws {
        let bench = try bench()
        let outcome = try bench.run(["demo", "-q", "--log", "log.md"])
        // Such a small demo may be worse than its baselines; then the exit code is 1.
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any], "\(outcome.errors)")
        func figure(_ name: String) throws -> Double { try #require(report[name] as? Double, "no \(name)") }
        let beats =
            try figure("mae_m") < figure("mean_predictor_mae_m")
            && figure("linear_probe_r2") > figure("linear_probe_random_r2")
        #expect(outcome.status == (beats ? 0 : 1), "\(outcome.errors)")
        #expect(beats || outcome.errors.contains("error: the demo's results are worse than expected\n  in   demo"))
        let names = [
            "mae_m", "rmse_m", "bias_m", "block_r2", "mean_predictor_mae_m", "random_backbone_mae_m",
            "linear_probe_r2", "linear_probe_random_r2", "learning_rate", "random_backbone_learning_rate", "seconds",
            "peak_rss_mb", "stages.*", "landcover.miou", "landcover.miou_random_backbone", "landcover.miou_colour",
            "per_class.*",
        ]
        let cover = try #require(report["landcover"] as? [String: Any])
        for name in ["miou", "miou_random_backbone", "miou_colour"] {
            let figure = try #require(cover[name] as? Double, "no \(name)")
            #expect((0...1).contains(figure), "\(name)")
        }
        let perClass = try #require(cover["per_class"] as? [String: Any]).values.compactMap { $0 as? Double }
        // A map of one class everywhere has a mean IoU of at most one class's share.
        #expect(try #require(cover["miou_colour"] as? Double) > 1 / Double(perClass.count))
        #expect(abs(perClass.reduce(0, +) / Double(perClass.count) - (cover["miou"] as? Double ?? -1)) < 1e-9)
        let picture = try RasterReader(path: bench.file("demo/picture.png")).grid
        // Two rows of three panels, of which none is longer than 480 pixels.
        #expect((1400...1600).contains(picture.width) && (900...1114).contains(picture.height), "\(picture)")
        try Snapshot.expect(
            // A class that is in neither truth nor map has no IoU.
            outcome.output.replacing(" : null", with: " : 0"), matches: "demo",
            varying: Dictionary(uniqueKeysWithValues: names.map { ($0, .number) }))
        #expect(try bench.read("demo/report.json") + "\n" == outcome.output)
        #expect(
            try bench.contents(of: "demo") == [
                ".geodino-demo", "canopy.yaml", "corpus", "geodino.yaml", "landcover.yaml", "models", "picture.png",
                "profile.yaml",
                "recipe.yaml", "region.geojson", "report.json", "runs", "scenes", "training-pairs.csv",
                "unseen-canopy-random.json", "unseen-canopy-random.png", "unseen-canopy-random.qml",
                "unseen-canopy-random.tif", "unseen-canopy.json", "unseen-canopy.png", "unseen-canopy.qml",
                "unseen-canopy.tif", "unseen-landcover-colour.tif", "unseen-landcover-colour.tif.aux.xml",
                "unseen-landcover-random.json", "unseen-landcover-random.png", "unseen-landcover-random.qml",
                "unseen-landcover-random.tif", "unseen-landcover-random.tif.aux.xml", "unseen-landcover.json",
                "unseen-landcover.png", "unseen-landcover.qml", "unseen-landcover.tif",
                "unseen-landcover.tif.aux.xml", "unseen-region.geojson",
            ])
        let log = try bench.read("log.md")
        #expect(log.hasPrefix("# Experiments\n\n## ") && log.contains(": the demo, 1 seed"), "\(log)")
        #expect(
            log.contains("\n| seed | MAE m |")
                && log.contains("| land cover mIoU | random backbone mIoU | colour mIoU |") && log.contains("\n| 0 | ")
                && log.contains("\n| mean | "), "\(log)")
    }

    @Test func `an interrupted demo exits with 130 and writes no report`() throws {
        let bench = try bench()
        let demo = try Program.start(["demo", "-q"], in: URL(fileURLWithPath: bench.file("")))
        for _ in 0..<1500 where !bench.has("demo/canopy.yaml") && demo.isRunning { usleep(20_000) }
        try #require(demo.isRunning, "the demo ended before it was interrupted")
        demo.send(SIGINT)
        let outcome = try demo.outcome()
        #expect(!outcome.signalled && outcome.status == 130 && outcome.output == "", "\(outcome.errors)")
        #expect(!bench.has("demo/report.json") && !bench.has("demo/scenes"))
        #expect(try bench.read("demo/recipe.yaml") == bench.read("recipes/demo.yaml"))
        let again = try bench.run(["demo", "-q"])
        #expect(again.status == 1 && again.errors.contains("  try  --overwrite"), "\(again.errors)")
    }
}
