// What is told of a run: signs of health, probes, energy, the page, and what a run would take.
import Backbone
import Files
import FoundationEssentials
import Geo
import Glibc
import Pretraining
import Telemetry
import Testing
import Torch
import Training

@Suite(.serialized)
struct WatchTests {
    private func output(cls: [Float], patches: [Float], preNorm: [Float], tokens: Int, width: Int) -> TokenOutput {
        let crops = cls.count / width
        return TokenOutput(
            cls: Tensor(cls, shape: [crops, width]), registers: Tensor.zeros([crops, 0, width]),
            patches: Tensor(patches, shape: [crops, tokens - 1, width]),
            preNorm: Tensor(preNorm, shape: [crops, tokens, width]), masks: nil, gridHeight: 1, gridWidth: tokens - 1)
    }

    @Test func `signs of health have the values that they name`() throws {
        try Torch.load()
        // Four class tokens along two axes, both ways: as spread as two directions can be.
        let cls: [Float] = [1, 0, 0, -1, 0, 0, 0, 2, 0, 0, -2, 0]
        // Each crop's patches: its own direction, and one at right angles to it.
        let patches: [Float] = [
            3, 0, 0, 0, 0, 1, -1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, -5, 0, 0, 0, 1,
        ]
        var norms = [Float](repeating: 0, count: 4 * 3 * 3)
        for (token, norm) in [9, 1, 1, 9, 1, 1, 9, 1, 1, 9, 1, 8].enumerated() { norms[token * 3] = Float(norm) }
        let seen = output(cls: cls, patches: patches, preNorm: norms, tokens: 3, width: 3)
        let half = log(2.0)
        let dino = Tensor([0.5, 0.5, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1] as [Float], shape: [4, 4])
        let found = try catchingTorchErrors {
            Diagnostics([seen], prefix: 1, dino: [.whole(dino.reshaped([2, 2, 4]))], ibot: [])
        }
        let d = try #require(found)
        let broken = output(cls: cls.map { $0 * .infinity }, patches: patches, preNorm: norms, tokens: 3, width: 3)
        #expect(
            try catchingTorchErrors {
                Diagnostics([broken], prefix: 1, dino: [.whole(dino.reshaped([2, 2, 4]))], ibot: [])
            } == nil)
        #expect(abs(d.classPatchCosine - 0.5) < 1e-6 && abs(d.patchCosine) < 1e-6)
        #expect(abs(d.featureDeviation - 1) < 1e-6)
        // Singular values 1.41 and 2.83: shares 1/3 and 2/3.
        #expect(abs(d.effectiveRank - exp(log(3) - 2.0 / 3 * half)) < 1e-4, "\(d.effectiveRank)")
        #expect(abs(d.dinoEntropy - half / 4) < 1e-6)
        // The first choices are 0 (the earlier of two alike), 1, 1 and 3.
        #expect(d.dinoPrototypesUsed == 0.75)
        #expect(d.ibotEntropy == nil && d.ibotPrototypesUsed == nil)
        #expect(abs(d.patchNormRatio - 8) < 1e-6 && abs(d.patchOutliers - 1.0 / 8) < 1e-6)
    }

    @Test func `a run is watched: signs, observers, energy and the page`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        var looks: [Int] = []
        var notices: [String] = []
        var events = PretrainEvents(notice: { notices.append("\($0)") })
        events.observers = [
            PretrainObserver(name: "a probe", every: 4) { network, record, step in
                looks.append(step)
                #expect(network.configuration.width == 32 && record.mean.count == 3)
                return ["answer": Double(step), "nothing": .nan]
            },
            // As where there is no memory: an operation that fails, and no throw.
            PretrainObserver(name: "a probe that fails", every: 8) { _, _, _ in
                ["product": matmul(Tensor.ones([2, 3]), Tensor.ones([2, 3])).sum().item()]
            },
        ]
        func watched(_ recipe: inout PretrainingRecipe) {
            recipe.diagnostics = .init(every: 3)
            recipe.energy = .init(pue: 2, kgPerKWh: 0.5, watts: 100)
        }
        let summary = try run(path, change: watched, events: events) { $0.steps = 10 }
        #expect(looks == [4, 8, 10])
        #expect(
            notices.count == 2
                && notices.allSatisfy { $0.contains("a probe that fails") && $0.contains("the run continues") })
        let lines = Array(try metrics(path).dropFirst())
        func field(_ step: Int, _ key: String) -> JSONValue? {
            guard case .object(let fields) = lines[step - 1] else { return nil }
            return fields[key]
        }
        #expect((1...10).filter { field($0, "diagnostics") != nil } == [3, 6, 9])
        #expect(field(4, "probes") == .object(["answer": .integer(4)]))
        #expect(field(5, "probes") == nil)
        let energy = try #require(EnergyReport(run: path))
        #expect(energy == summary.energy && energy.sessions.count == 1 && energy.sessions[0].steps == [0, 10])
        #expect(abs(energy.kgCO2 - energy.kWh) < 1e-12 && energy.kWh > 0)
        let page = String(decoding: try content("\(path)/report.html"), as: UTF8.self)
        for text in ["Step 10 of 10", "Effective rank", "Learning rate", "polyline", "answer", "kg CO2e"] {
            #expect(page.contains(text), "\(text)")
        }
        #expect(
            !page.contains("http://") && !page.contains("https://") && !page.contains("NaN")
                && !page.contains("<script"))
        // A page is drawn of what is there: a picture, a log cut off within a line.
        try FileManager.default.createDirectory(atPath: "\(path)/preview", withIntermediateDirectories: true)
        try Data([1, 2, 3]).write(to: URL(filePath: "\(path)/preview/00000004.png"))
        let log = "\(path)/metrics.jsonl"
        try Data(try content(log).dropLast(20)).write(to: URL(filePath: log))
        try RunReport.write(run: path)
        let again = String(decoding: try content("\(path)/report.html"), as: UTF8.self)
        #expect(again.contains("data:image/png;base64,AQID") && again.contains("Step 9 of 10"))
        #expect(throws: TrainingError.self) { try RunReport.write(run: folder.path) }
    }

    @Test func `a session is added to those before`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        try run(path) {
            $0.steps = 4
            $0.stopAfter = 2
        }
        try run(path) { $0.resume = true }
        let energy = try #require(EnergyReport(run: path))
        #expect(energy.sessions.map(\.steps) == [[0, 2], [2, 4]])
        #expect(abs(energy.kWh - energy.sessions.reduce(0) { $0 + $1.kWh }) < 1e-15 && energy.pue == 1.1)
    }

    @Test func `the plan counts the parameters that the model has`() throws {
        try Torch.load()
        let recipe = try recipe(named: "smoke")
        let model = try catchingTorchErrors { SelfSupervisedModel(recipe: recipe, device: .cpu) }
        let counted = model.modules.map { Double($0.parameters.reduce(0) { $0 + $1.tensor.count }) }
        let cost = try #require(RunPlan(recipe).phases.first).cost
        #expect(cost.parameters.map(\.amount) == counted)
        // The 7B's backbone, as the spec counts it: without the mask token and the unused norm's difference.
        let large = try self.recipe7B()
        #expect(abs((RunPlan(large).phases.first?.cost.parameters[0].amount ?? 0) - 6_716_043_264) < 1)
    }

    private func recipe7B() throws -> PretrainingRecipe { try recipe(named: "sat493m-vit7b-1-pretrain") }

    @Test func `more devices are needed where less fits, and a smaller batch takes less`() throws {
        let plan = RunPlan(try recipe7B())
        let fits = try #require(plan.phases.first).fits
        #expect(fits.map(\.tilesOnOne) == [0, 0, 0, 0, 0])
        let devices = fits.compactMap(\.devices)
        #expect(devices.count == 5 && devices == devices.sorted(by: >), "\(devices)")
        let small = try recipe(named: "sat493m-vits16")
        let whole = RunPlan(small).phases[0].cost.bytes
        var parts = small
        parts.data.accumulate = 8
        #expect(RunPlan(parts).phases[0].cost.bytes < 0.6 * whole)
        parts.compute = .init(recomputeBlocks: true)
        #expect(RunPlan(parts).phases[0].cost.bytes < RunPlan(small).phases[0].cost.bytes)
        #expect(RunPlan(small).phases[0].fits.last?.tilesOnOne ?? 0 >= 64)
    }

    @Test func `the plan counts the hidden patches of groups`() throws {
        // The heads' operations grow with the hidden patches, all else being equal: 0.3 of the patches over a large batch,
        // and in groups of two tiles, with two masked crops of four, 0.3 and 0.5.
        var recipe = try recipe(named: "sat493m-vits16")
        recipe.heads.dino.prototypes = 2
        (recipe.heads.dino.bottleneck, recipe.heads.dino.hidden) = (1, 1)
        func heads() throws -> Double {
            try #require(RunPlan(recipe).phases[0].cost.operations.first { $0.name == "heads and prototypes" }).amount
        }
        let whole = try heads()
        recipe.data.group = 2
        #expect(abs(try heads() / whole - 0.4 / 0.3) < 1e-3)
    }

    @Test func `the plan's memory is about what a step takes`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            try Torch.load()
            Torch.setThreads(2)
            var recipe = try recipe(named: "sat493m-vits16")
            recipe.backbone.depth = 6
            recipe.backbone.dropPath = 0
            recipe.data.batchSize = 4
            (recipe.crops.global.size, recipe.crops.local.size) = (224, 96)
            for head in [\PretrainingRecipe.Heads.dino, \.ibot] { recipe.heads[keyPath: head].prototypes = 8192 }
            let plan = PhasePlan(recipe)
            let work = try plan.work(source: WaveTiles())[0]
            let loader = try BatchLoader(
                sampler: work.sampler, source: WaveTiles(), maker: work.maker, steps: 0..<1, threads: 1, ahead: 1)
            let batch = try #require(try loader.nextBatch())
            loader.stop()
            let before = peakMemory()
            let learner = try catchingTorchErrors { Learner(plan) }
            _ = try learner.step(batch)
            let used = Double(peakMemory() - before)
            let crops = RunPlan(recipe).phases[0].cost.perStep.first { $0.name == "crops" }?.amount ?? 0
            let reckoned = RunPlan(recipe).phases[0].cost.bytes - crops
            print("a step took \(Int(used / 1e6)) MB, reckoned \(Int(reckoned / 1e6)) MB")
            exit(used > 0.6 * reckoned && used < 1.25 * reckoned ? EXIT_SUCCESS : EXIT_FAILURE)
        }
        print(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self))
    }
}

/// The most memory that this program has held, in bytes; unlike that of `getrusage`, without what held its process before.
func peakMemory() -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard text.hasPrefix("VmHWM:") else { continue }
        return (Int(text.filter(\.isNumber)) ?? 0) * 1024
    }
    return 0
}
