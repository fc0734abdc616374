// Validation while a land-cover head is trained: the best step, several learning rates, and fits that go on where they broke off.
import Backbone
import Downstream
import FoundationEssentials
import Geo
import Telemetry
import Testing
import Torch
import Training

/// What a line of the metrics says.
private struct Line: Decodable, Equatable {
    var step: Int?
    var loss: Double?
    var probes: [String: Double]?
}

/// Land cover of which every image shows the same: nothing can be learned from it.
private struct BlankCover: LabelledSource {
    let base = MadeCover.squares()
    var count: Int { base.count }
    var fingerprint: String { "blank" }
    var layout: PixelLayout { base.layout }
    var legend: Legend? { base.legend }
    func item(_ index: Int) -> LabelledItem { base.item(index) }
    func sample(_ index: Int, window: PixelWindow) -> (image: PixelBuffer, target: Target) {
        var (image, target) = base.sample(index, window: window)
        image.samples = .uint8([UInt8](repeating: 128, count: 3 * window.width * window.height))
        return (image, target)
    }
}

@Suite(.serialized)
struct LandCoverTrainingTests {
    private func withWeights<R>(_ body: (_ folder: String, _ weights: String) throws -> R) throws -> R {
        try withTemporaryFolder { folder in
            try writeTinyWeights(to: folder + "/backbone.safetensors")
            return try body(folder, folder + "/backbone.safetensors")
        }
    }

    /// A fit on one thread.
    private func run(
        _ recipe: LandCoverRecipe, _ folder: String, _ name: String, source: some LabelledSource = MadeCover.squares(),
        _ change: (inout FitOptions) -> Void = { _ in }, handler: @escaping (FitEvent) -> Void = { _ in }
    ) throws -> FitSummary<LandCoverValidation> {
        var options = FitOptions()
        options.threads = 1
        change(&options)
        return try fit(
            LandCoverTask.self, recipe: recipe, weights: folder + "/backbone.safetensors", source: source,
            model: "\(folder)/\(name)", options: options, handler: handler)
    }

    private func recipe(steps: Int, every: Int, rates: [Double]? = nil) -> LandCoverRecipe {
        var recipe = coverRecipe()
        recipe.steps = steps
        recipe.validation.every = every
        recipe.validation.windows = 12
        recipe.optimizer.learningRates = rates
        return recipe
    }

    private func lines(_ model: String) throws -> [Line] {
        let data = try Data(contentsOf: URL(filePath: model + "/metrics.jsonl"))
        return try String(decoding: data, as: UTF8.self).split(separator: "\n").dropFirst().map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
    }

    private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

    /// Expects two models of the same head, description and history.
    private func expectSame(_ a: String, _ b: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        for file in ["head.safetensors", "model.json"] {
            #expect(try bytes("\(a)/\(file)") == bytes("\(b)/\(file)"), "\(file)", sourceLocation: sourceLocation)
        }
        #expect(try lines(a) == lines(b), sourceLocation: sourceLocation)
    }

    @Test func `the model is the best of the validated steps`() throws {
        try withWeights { folder, _ in
            var told: [String] = []
            let summary = try run(
                recipe(steps: 30, every: 7), folder, "m",
                handler: { if case .validated(let validation) = $0 { told.append(validation.line) } })
            let scored = try lines(folder + "/m").compactMap { line in
                line.probes?["miou"].flatMap { miou in line.step.map { (step: $0, miou: miou) } }
            }
            #expect(scored.map(\.step) == [7, 14, 21, 28, 30])
            let best = try #require(scored.max { ($0.miou, -$0.step) < ($1.miou, -$1.step) })
            let validation = try #require(summary.validation)
            // What was measured in the middle of the fit is what the stored head is worth.
            #expect(validation.step == best.step && validation.miou == best.miou, "\(scored)")
            let model = try LandCoverModel.load(from: folder + "/m")
            #expect(model.description.validation == validation)
            #expect(validation.learningRate == nil && validation.rates == nil)

            let last = try #require(try lines(folder + "/m").last?.probes)
            #expect(Set(last.keys).isSuperset(of: ["miou", "iou.soil", "iou.meadow", "iou.stone", "collapsed"]))
            #expect(told.count == 5 && told[0].hasPrefix("step 07/30 | held out: mIoU 0."), "\(told)")
            #expect(told[0].contains(" (best so far) | soil ") && told[0].contains(", stone "))
            let page = String(decoding: try bytes(folder + "/m/report.html"), as: UTF8.self)
            #expect(page.contains("Validation mIoU") && page.contains("Validation IoU by class"))
        }
    }

    @Test func `steps after the best one change the log, not the model`() throws {
        try withWeights { folder, _ in
            // A rate that rises to its height in nearly all of the fit throws the head about in the end.
            var wild = recipe(steps: 40, every: 4)
            wild.optimizer.learningRate = 3
            wild.optimizer.warmup = 0.99
            wild.optimizer.clip = 0
            let summary = try run(wild, folder, "m")
            let scores = try lines(folder + "/m").compactMap { $0.probes?["miou"] }
            let last = try #require(scores.last)
            let best = try #require(scores.max())
            #expect(summary.validation?.miou == best && scores.count == 10)
            if best > last { #expect((summary.validation?.step ?? 40) < 40) }
        }
    }

    @Test(arguments: [nil, [1e-4, 1e-2, 3e-2]] as [[Double]?])
    func `a fit that stopped, or was killed after a validation, ends in the bytes of one that did not`(
        rates: [Double]?
    ) throws {
        try withWeights { folder, _ in
            var recipe = recipe(steps: 15, every: 3, rates: rates)
            recipe.cachedCrops = 0
            recipe.checkpointEvery = 4
            // What is on the disk after step 7 is what a kill would leave: a checkpoint of step 4, and a validation since.
            let whole = try run(
                recipe, folder, "whole",
                handler: { event in
                    guard case .step(let step) = event, step.step == 7 else { return }
                    do {
                        try FileManager.default.copyItem(
                            atPath: folder + "/whole.partial", toPath: folder + "/killed.partial")
                    } catch { Issue.record(error) }
                })
            let checkpoint = try FileManager.default.contentsOfDirectory(
                atPath: folder + "/killed.partial/checkpoints/00000004")
            #expect(
                checkpoint.contains { $0.hasPrefix("best-") } && checkpoint.contains { $0.hasPrefix("validation-") })
            #expect(checkpoint.contains { $0.hasPrefix(rates == nil ? "head-" : "head.1-") }, "\(checkpoint)")
            let killed = try run(recipe, folder, "killed") { $0.resume = true }
            #expect(killed.validation == whole.validation)
            try expectSame(folder + "/killed", folder + "/whole")

            let half = try run(recipe, folder, "half") { $0.stopAfter = 8 }
            #expect(!half.isComplete)
            _ = try run(recipe, folder, "half") { $0.resume = true }
            try expectSame(folder + "/half", folder + "/whole")
            // What only an unfinished fit needs is gone.
            let files = try FileManager.default.contentsOfDirectory(atPath: folder + "/half")
            #expect(!files.contains("labels.bin") && !files.contains("checkpoints"))
        }
    }

    @Test func `a rate among others gives the bits that it gives alone`() throws {
        try withWeights { folder, _ in
            var alone = recipe(steps: 40, every: 8)
            alone.optimizer.learningRate = 1e-2
            let single = try run(alone, folder, "single")
            let sweep = try run(recipe(steps: 40, every: 8, rates: [1e-9, 1e-2, 1e-10]), folder, "sweep")
            #expect(try bytes(folder + "/sweep/head.safetensors") == bytes(folder + "/single/head.safetensors"))
            let found = try #require(sweep.validation)
            #expect(found.learningRate == 1e-2 && found.step == single.validation?.step)
            #expect(found.miou == single.validation?.miou)
            let rates = try #require(found.rates)
            #expect(rates.map(\.learningRate) == [1e-9, 1e-2, 1e-10] && rates.allSatisfy { $0.divergedAt == nil })
            #expect(rates[1].miou == found.miou && rates[1].step == found.step)
            // Rates of nothing leave the first weights, which all have.
            let (first, last) = try (#require(rates[0].miou), #require(rates[2].miou))
            #expect((first - last).magnitude < 0.01 && first < found.miou)
            func losses(_ name: String, _ key: String) throws -> [Double] {
                let data = try bytes("\(folder)/\(name)/metrics.jsonl")
                return try String(decoding: data, as: UTF8.self).split(separator: "\n").dropFirst().compactMap { line in
                    struct Key: CodingKey {
                        let stringValue: String
                        var intValue: Int? { nil }
                        init(stringValue: String) { self.stringValue = stringValue }
                        init?(intValue: Int) { nil }
                    }
                    struct Loss: Decodable {
                        let values: [String: Double]
                        init(from decoder: any Decoder) throws {
                            let fields = try decoder.container(keyedBy: Key.self)
                            values = Dictionary(
                                uniqueKeysWithValues: fields.allKeys.filter { $0.stringValue.hasPrefix("loss") }
                                    .compactMap { key in
                                        (try? fields.decode(Double.self, forKey: key)).map { (key.stringValue, $0) }
                                    })
                        }
                    }
                    return try JSONDecoder().decode(Loss.self, from: Data(line.utf8)).values[key]
                }
            }
            let expected = try losses("single", "loss")
            #expect(expected.count == 40)
            #expect(try losses("sweep", "loss.0.01") == expected)
        }
    }

    @Test func `a rate that diverges is left out, and the fit goes on, also after a stop`() throws {
        try withWeights { folder, _ in
            var recipe = recipe(steps: 16, every: 4, rates: [1e30, 1e-2])
            recipe.optimizer.warmup = 0
            recipe.optimizer.weightDecay = 0.1
            var told: [DownstreamError] = []
            let whole = try run(
                recipe, folder, "whole",
                handler: {
                    if case .notice(let error as DownstreamError) = $0, error.code == .notFinite { told.append(error) }
                })
            #expect(told.count == 1 && told.first?.what.contains("the learning rate 1e+30 diverged") == true, "\(told)")
            let rates = try #require(whole.validation?.rates)
            let diverged = try #require(rates[0].divergedAt)
            #expect((1...12).contains(diverged) && rates[1].divergedAt == nil)
            #expect(whole.isComplete && whole.validation?.learningRate == 1e-2)
            _ = try run(recipe, folder, "half") { $0.stopAfter = 13 }
            _ = try run(recipe, folder, "half") { $0.resume = true }
            try expectSame(folder + "/half", folder + "/whole")

            recipe.optimizer.learningRates = [1e30, 2e30]
            let error = try #require(throws: TrainingError.self) { try run(recipe, folder, "none") }
            #expect(error.code == .notFinite && error.causes.contains("all learning rates have diverged"))
            #expect(error.remedy == "lower optimizer.learning_rates")
        }
    }

    @Test func `learning rates are refused where they cannot be compared`() throws {
        let refusals: [([Double], String)] = [
            ([1e-2], "has 1 values; expected 2 to 32"), ([1e-2, 1e-2], "expected each rate once"),
            ([1e-2, 0], "expected numbers above 0"),
            ((1...33).map { 1e-4 * Double($0) }, "has 33 values; expected 2 to 32"),
        ]
        for (rates, says) in refusals {
            let bad = recipe(steps: 4, every: 2, rates: rates)
            let error = try #require(throws: DownstreamError.self) { try bad.validate() }
            #expect(error.causes.count == 1 && error.causes[0].contains(says), "\(error.causes)")
        }
        #expect(throws: DownstreamError.self) { try recipe(steps: 4, every: 0).validate() }
        var canopy = tinyRecipe()
        canopy.validation.every = 5
        let once = try #require(throws: DownstreamError.self) { try canopy.validate() }
        #expect(once.causes.count == 1 && once.causes[0].hasPrefix("validation.every is 5"))

        try withWeights { folder, _ in
            var blind = recipe(steps: 4, every: 2, rates: [1e-2, 1e-3])
            blind.validation.share = 0
            let error = try #require(throws: DownstreamError.self) { try run(blind, folder, "m") }
            #expect(error.code == .badRecipe && error.what.contains("no labelled ground is held out"))
            #expect(error.causes == ["validation.share is 0"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["backbone.safetensors"])
        }
    }

    @Test func `without held-out ground a recipe that asks for validations gives the last step`() throws {
        try withWeights { folder, _ in
            var every = recipe(steps: 6, every: 2)
            every.validation.share = 0
            var once = every
            once.validation.every = nil
            let summary = try run(every, folder, "every")
            #expect(summary.isComplete && summary.validation == nil)
            _ = try run(once, folder, "once")
            #expect(try bytes(folder + "/every/head.safetensors") == bytes(folder + "/once/head.safetensors"))
        }
    }

    @Test func `a recipe leaves out what it does not ask for, and comes back as it was`() throws {
        func json(_ value: some Encodable) throws -> String {
            String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
        }
        let plain = try json(tinyRecipe()) + json(coverRecipe())
        for key in ["\"every\"", "learning_rates", "cache_megabytes"] { #expect(!plain.contains(key), "\(key)") }
        var asking = recipe(steps: 9, every: 3, rates: [1e-2, 1e-3])
        asking.cacheMegabytes = 70
        asking.optimizer.learningRate = 1e-2
        let text = try json(asking)
        #expect(!text.contains("\"learning_rate\""))
        #expect(try JSONDecoder().decode(LandCoverRecipe.self, from: Data(text.utf8)) == asking)
    }

    @Test func `a head that cannot learn is told once, and in the log each time`() throws {
        try withWeights { folder, _ in
            var told: [DownstreamError] = []
            let summary = try run(
                recipe(steps: 24, every: 4), folder, "m", source: BlankCover(),
                handler: {
                    if case .notice(let error as DownstreamError) = $0, error.code == .collapsed { told.append(error) }
                })
            #expect(told.count == 1, "\(told)")
            let notice = try #require(told.first)
            #expect(
                notice.what
                    == "after step 4 of 24 the head predicts the same probabilities everywhere, whatever the image shows"
            )
            #expect(notice.causes.joined().contains("usual causes: too few steps so far") && notice.remedy != nil)
            let flags = try lines(folder + "/m").compactMap { $0.probes?["collapsed"] }
            #expect(flags == [1, 1, 1, 1, 1, 1])
            #expect(summary.validation?.hasConstantOutput == true)
            // One that learns says nothing of the kind in the end.
            let fine = try run(recipe(steps: 60, every: 30), folder, "fine")
            #expect(fine.validation?.hasConstantOutput == nil && fine.validation?.collapsedClass == nil)
            #expect(try lines(folder + "/fine").last?.probes?["collapsed"] == 0)
        }
    }

    @Test func `labels are looked at once, and again only where what was found is damaged`() throws {
        try withWeights { folder, _ in
            let recipe = recipe(steps: 8, every: 4)
            func looks(_ name: String, _ change: (inout FitOptions) -> Void) throws -> Int {
                var looks = 0
                _ = try run(recipe, folder, name, change) { if case .looking = $0 { looks += 1 } }
                return looks
            }
            #expect(try looks("whole") { _ in } > 10)
            for name in ["sound", "damaged", "short", "other"] {
                #expect(try looks(name) { $0.stopAfter = 5 } > 10)
                let path = "\(folder)/\(name).partial/labels.bin"
                var file = try bytes(path)
                switch name {
                case "damaged": file[file.count - 5] ^= 1
                case "short": file = file.prefix(90)
                // As if kept for other labels.
                case "other": file[3] ^= 1
                default: break
                }
                try file.write(to: URL(filePath: path))
                let again = try looks(name) { $0.resume = true }
                #expect(name == "sound" ? again == 0 : again > 10, "\(name): \(again)")
                try expectSame("\(folder)/\(name)", folder + "/whole")
                #expect(!FileManager.default.fileExists(atPath: "\(folder)/\(name)/labels.bin"))
            }
        }
    }

    @Test func `held-out pixels count once where windows overlap`() throws {
        try withWeights { folder, _ in
            // Windows of 32 pixels on 100: the last is moved back by 28.
            let source = MadeCover.squares(1, side: 100)
            var recipe = recipe(steps: 1, every: 1)
            recipe.cachedCrops = 0
            recipe.validation.windows = 64
            let task = try LandCoverTask(recipe, legend: source.legend)
            let sampler = try CropSampler(
                source: source, settings: recipe.cropSettings, gsd: 1,
                normalizer: PixelNormalizer(mean: [0.45, 0.5, 0.1], std: [0.2, 0.25, 0.1]), target: task.target)
            let held = sampler.heldOut(0, PixelWindow(column: 0, row: 0, width: 100, height: 100)).count { $0 }
            #expect(held > 1000)
            let validation = try #require(try run(recipe, folder, "m", source: source).validation)
            #expect(validation.pixels == held)
            #expect(validation.classes.map(\.pixels).reduce(0, +) == held)
        }
    }
}
