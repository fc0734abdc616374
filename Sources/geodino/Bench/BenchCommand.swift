// geodino bench: measures what users run, in the field's units.
import ArgumentParser
import Backbone
import Foundation
import Telemetry
import Torch

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure geodino's speed on this machine.",
        discussion: """
            Benchmarks: \(Benchmark.allNames.joined(separator: ", ")). Without a name, all of them run.
            Times are medians over the runs; the best time is shown next to them. Machines are noisy: compare ratios \
            of runs made in the same minute.
            """)

    @Argument(help: "The benchmarks to run. (default: all)")
    var names: [String] = []

    @Option(help: "vit.forward: the network, such as vits16, vitb16 or vitl16.")
    var arch = "vits16"

    @Option(help: "vit.forward: side of an image in pixels.")
    var size = 224

    @Option(help: "vit.forward: images per forward pass. ssl.step: tiles per step.")
    var batch: Int?

    @Option(help: "ssl.step, crops: a recipe; its first phase is measured.")
    var recipe: String?

    @Option(help: "ssl.step: number of blocks of the network. (default: the recipe's)")
    var depth: Int?

    @Option(help: "vit.forward: data type of the computation: float32, float64 or bfloat16.")
    var dtype = "float32"

    @Option(help: "Number of timed runs.")
    var runs = 7

    @OptionGroup var result: ResultOptions
    @OptionGroup var device: DeviceOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var shared: ProgressOptions

    func validate() throws {
        for name in names where !Benchmark.allNames.contains(name) {
            throw ValidationError(
                "unknown benchmark '\(name)'; known are \(Benchmark.allNames.joined(separator: ", "))")
        }
        guard BackboneConfiguration.presetNames.contains(arch) else {
            throw ValidationError(
                "unknown network '\(arch)'; known are \(BackboneConfiguration.presetNames.joined(separator: ", "))")
        }
        guard computeTypes[dtype] != nil else {
            throw ValidationError("--dtype takes float32, float64 or bfloat16, got '\(dtype)'")
        }
        guard recipe == nil && depth == nil || names.allSatisfy({ $0 == "ssl.step" || $0 == "crops" }) && !names.isEmpty
        else { throw ValidationError("--recipe and --depth are only for the benchmarks ssl.step and crops") }
        guard dtype == "float32" || names == ["vit.forward"] else {
            throw ValidationError("--dtype is only for the benchmark vit.forward")
        }
        let patch = BackboneConfiguration.preset(arch)?.patchSize ?? 16
        guard runs >= 1, (1...65_536).contains(batch ?? 1) else {
            throw ValidationError("--runs must be 1 or more, --batch 1 to 65536")
        }
        guard size % patch == 0, (patch...8192).contains(size) else {
            throw ValidationError("--size must be a multiple of \(patch), at most 8192; got \(size)")
        }
    }

    func run() throws {
        Interrupt.catchSignals()
        var results: [BenchResult] = []
        for name in names.isEmpty ? Benchmark.allNames : names {
            let result = try Benchmark(command: self).run(name)
            if self.result.format == .text { print(result.text) }
            results.append(result)
        }
        if result.format == .json { try printJSON(results) }
    }
}

/// The figures of one benchmark.
struct BenchResult: Codable {
    let name: String
    let setting: String
    let unit: String
    let median: Double
    let best: Double
    let runs: Int
    var details: [String: String] = [:]

    var text: String {
        let extra = details.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return "\(name) \(setting): median \(shown(median, digits: 2)) best \(shown(best, digits: 2)) \(unit)"
            + (extra.isEmpty ? "" : "  (\(extra))")
    }

    /// From seconds per run and units of work per run.
    init(name: String, setting: String, unit: String, work: Double, seconds: [Double]) {
        let sorted = seconds.sorted()
        self.name = name
        self.setting = setting
        self.unit = unit
        median = work / sorted[sorted.count / 2]
        best = work / sorted[0]
        runs = seconds.count
    }
}

/// Somebody asked for the end.
private struct BenchStopped: ExplainedError {
    let what = "stopped before the benchmark was finished"
    let place = ""
    let causes: [String] = []
    let remedy: String? = nil
    let isCancellation = true
}

/// One benchmark with the options of the command.
struct Benchmark {
    let command: BenchCommand

    static var allNames: [String] {
        #if EARTH
            ["vit.forward", "ssl.step", "crops", "tile", "canopy"]
        #else
            ["vit.forward", "ssl.step", "crops"]
        #endif
    }

    func run(_ name: String) throws -> BenchResult {
        switch name {
        case "vit.forward": return try forward()
        case "ssl.step": return try step()
        case "crops": return try crops()
        #if EARTH
            case "tile": return try tiling()
            case "canopy": return try mapping()
        #endif
        default: preconditionFailure("validate() lets only known names pass")
        }
    }

    /// Seconds of each counted run, after one that is not counted.
    func timed(_ work: () throws -> Void) throws -> [Double] {
        try work()
        return try (0..<command.runs).map { _ in
            guard !Interrupt.requested else { throw BenchStopped() }
            let start = ContinuousClock.now
            try work()
            return seconds(ContinuousClock.now - start)
        }
    }

    func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }

    /// Images per second of a forward pass with random weights.
    private func forward() throws -> BenchResult {
        try Torch.load()
        if let count = command.device.tensorThreads { Torch.setThreads(count) }
        guard let configuration = BackboneConfiguration.preset(command.arch) else {
            throw CommandError(.badArgument, "unknown network '\(command.arch)'")
        }
        let device = try Device(named: command.device.device ?? "cpu")
        let batch = command.batch ?? 8
        let type = computeTypes[command.dtype] ?? .float32
        let isPacked = type == .float32 && device == .cpu && PackedLinear.isPreferred
        let plain = VisionTransformer(configuration, generator: Generator(seed: 0), dtype: type, device: device)
        let network = isPacked ? plain.packed() : plain
        let images = Tensor.randn(
            [batch, configuration.channels, command.size, command.size], generator: Generator(seed: 1)
        )
        .to(type).to(device)
        let times = try catchingTorchErrors {
            try withoutGradient {
                try timed {
                    _ = network.forward(images).cls
                    Torch.synchronize(device)
                }
            }
        }
        var result = BenchResult(
            name: "vit.forward", setting: "\(command.arch) \(command.size) px batch \(batch) \(command.dtype)",
            unit: "images/s",
            work: Double(batch), seconds: times)
        let rate = result.median * configuration.operations(size: command.size) / 1e9
        let peak = try peakRate(type, device, isPacked: isPacked)
        result.details = [
            "GFLOP/s": shown(rate, digits: 1),
            "\(type == .float32 ? "sgemm" : "matmul") peak GFLOP/s": shown(peak, digits: 1),
            "share of peak": "\(shown(100 * rate / peak, digits: 0)) %", "threads": "\(Torch.threads)",
        ]
        return result
    }

    /// What this machine reaches in a product of square matrices, GFLOP/s, in the better of the layouts that are used.
    private func peakRate(_ type: DType, _ device: Device, isPacked: Bool) throws -> Double {
        // A GPU is not filled by less; half precision on a processor takes seconds for more.
        let n = device != .cpu ? 8192 : type == .bfloat16 ? 512 : 2048
        let a = Tensor.randn([n, n], generator: Generator(seed: 2)).to(type).to(device)
        let packed = isPacked ? PackedLinear(a, nil) : nil
        let times = try withoutGradient {
            try timed {
                _ = matmul(a, a)
                Torch.synchronize(device)
            }
                + timed {
                    _ = linear(a, a)
                    Torch.synchronize(device)
                } + (packed.map { packed in try timed { _ = packed(a) } } ?? [])
        }
        return 2 * Double(n * n * n) / (times.min() ?? 1) / 1e9
    }
}
