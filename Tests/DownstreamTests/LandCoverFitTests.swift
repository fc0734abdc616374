// A fit of land cover: it finds classes that follow colour, shows rare ones, and goes on where it stopped.
import Backbone
import Downstream
import Files
import FoundationEssentials
import Geo
import Telemetry
import Testing
import Torch
import Training

/// Three classes, in the order of their indices.
let madeLegend = Legend([
    LegendClass(id: 10, name: "soil", colour: [190, 70, 20]),
    LegendClass(id: 20, name: "meadow", colour: [70, 190, 30]),
    LegendClass(id: 30, name: "stone", colour: [100, 110, 60]),
])

/// Images of classes in memory, side by side, of 1 m pixels.
struct MadeCover: LabelledSource {
    let side: Int
    let count: Int
    var legend: Legend? = madeLegend
    /// The index of the class at a place; `nil` where nobody knows.
    var index: @Sendable (_ pair: Int, _ column: Int, _ row: Int) -> UInt8?

    var layout: PixelLayout { madeLayout }
    var fingerprint: String { "cover-\(count)-\(side)" }

    /// Squares of 48 m, one class after another in columns and rows.
    static func squares(_ count: Int = 2, side: Int = 96) -> MadeCover {
        MadeCover(side: side, count: count) { pair, column, row in
            UInt8(((column + pair * side) / 48 + row / 48) % 3)
        }
    }

    private func grid(_ pair: Int) -> Grid {
        Grid(
            crs: .init("EPSG:32633"),
            transform: GeoTransform(originX: 500_000 + Double(pair * side), originY: 5_000_000, pixelSize: 1),
            width: side, height: side)
    }

    func item(_ index: Int) -> LabelledItem {
        LabelledItem(width: side, height: side, grid: grid(index), name: "cover \(index)")
    }

    func sample(_ index: Int, window: PixelWindow) -> (image: PixelBuffer, target: Target) {
        let count = window.width * window.height
        var samples = [UInt8](repeating: 0, count: 3 * count)
        var classes = [UInt8](repeating: 0, count: count)
        var validity = [Bool](repeating: false, count: count)
        for row in 0..<window.height {
            for column in 0..<window.width {
                let (x, y) = (window.column + column, window.row + row)
                let place = row * window.width + column
                let known = self.index(index, x, y)
                classes[place] = known ?? 0
                validity[place] = known != nil
                for band in 0..<3 {
                    // The colour of the class, more or less.
                    let colour = Int(madeLegend.classes[Int(known ?? 0) % 3].colour[band])
                    samples[band * count + place] = UInt8(colour + (y * side + x) * (7 + 2 * band) % 31 - 15)
                }
            }
        }
        let place = grid(index).grid(of: window)
        func buffer(_ bands: Int, _ samples: [UInt8], _ validity: [Bool]? = nil) -> PixelBuffer {
            PixelBuffer(
                bands: bands, height: window.height, width: window.width, samples: .uint8(samples), validity: validity,
                grid: place)
        }
        return (buffer(3, samples), .classes(buffer(1, classes, validity)))
    }
}

/// A recipe of seconds.
func coverRecipe(_ head: HeadConfiguration? = nil) -> LandCoverRecipe {
    var linear = LinearHeadConfiguration()
    linear.taps = 4
    var recipe = LandCoverRecipe()
    recipe.head = head ?? .linear(linear)
    recipe.taps = [0, 1, 2, 3]
    recipe.window = 32
    recipe.crop = 32
    recipe.steps = 200
    recipe.batch = 4
    recipe.optimizer.learningRate = 1e-2
    recipe.validation.block = 16
    // 20 of 72 blocks: 2048, 1792 and 1280 pixels of the classes.
    recipe.validation.share = 0.3
    recipe.validation.windows = 64
    recipe.cachedCrops = 48
    recipe.seed = 6
    return recipe
}

/// The heads that land cover may have, tiny, each with a norm over the batch and dropout.
private let heads: [HeadConfiguration] = {
    var linear = LinearHeadConfiguration()
    linear.taps = 4
    linear.dropout = 0.2
    var dense = DenseClassHeadConfiguration()
    dense.postChannels = [4, 4, 8, 8]
    dense.channels = 8
    dense.norm = .batch
    dense.dropout = 0.2
    var pyramid = UPerNetConfiguration()
    pyramid.channels = 8
    pyramid.auxiliaryChannels = 4
    pyramid.norm = .batch
    pyramid.dropout = 0.2
    return [.linear(linear), .dpt(dense), .upernet(pyramid)]
}()

/// The sampler of a recipe, and the task that looked at its labels.
private func prepared(_ source: MadeCover, _ recipe: LandCoverRecipe) throws -> CropSampler {
    var task = try LandCoverTask(recipe, legend: source.legend)
    var sampler = try CropSampler(
        source: source, settings: recipe.cropSettings, gsd: 1,
        normalizer: PixelNormalizer(mean: [0.45, 0.5, 0.1], std: [0.2, 0.25, 0.1]), target: task.target)
    try task.prepare(&sampler) { _, _ in true }
    return sampler
}

@Suite(.serialized)
struct LandCoverFitTests {
    /// A folder with weights in it.
    private func withWeights<R>(_ body: (_ folder: String, _ weights: String) throws -> R) throws -> R {
        try withTemporaryFolder { folder in
            try writeTinyWeights(to: folder + "/backbone.safetensors")
            return try body(folder, folder + "/backbone.safetensors")
        }
    }

    private func options(_ change: (inout FitOptions) -> Void = { _ in }) -> FitOptions {
        var options = FitOptions()
        options.threads = 1
        change(&options)
        return options
    }

    @Test func `a fit finds classes that follow colour, and says how well`() throws {
        try withWeights { folder, weights in
            let source = MadeCover.squares()
            let recipe = coverRecipe()
            var events: [String] = []
            let summary = try fit(
                LandCoverTask.self, recipe: recipe, weights: weights, source: source, model: folder + "/m",
                options: options(),
                handler: { event in
                    switch event {
                    case .looking: if events.last != "looking" { events.append("looking") }
                    case .caching: if events.last != "caching" { events.append("caching") }
                    case .step(let step): if step.step == 1 { events.append("first step") }
                    case .validated: Issue.record("the recipe asks for no validation but that at the end")
                    case .saved: break
                    case .notice(let error): Issue.record("\(error)")
                    }
                })
            #expect(summary.isComplete && summary.step == 200)
            #expect(events == ["looking", "caching", "first step"])
            let validation = try #require(summary.validation)
            // With other seeds and backbones it is 0.98 and more.
            #expect(validation.miou > 0.8, "\(validation)")
            #expect(validation.constantMIoU < 0.34 && validation.pixels > 1000)
            #expect(validation.temperature > 0 && validation.temperature.isFinite)
            let errors = validation.calibrationError
            #expect(errors.before >= 0 && errors.after >= 0 && errors.after <= errors.before + 0.01, "\(errors)")
            #expect(validation.classes.map(\.name) == ["soil", "meadow", "stone"])
            #expect(validation.classes.map(\.id) == [10, 20, 30])

            let model = try LandCoverModel.load(from: folder + "/m")
            #expect(model.description.validation == validation && model.description.legend == madeLegend)
            #expect(model.description.temperature == validation.temperature)
            try expectScores(validation, of: model, source, recipe)
        }
    }

    /// Expects the scores that follow from the model's answers on the same ground, by their definitions.
    private func expectScores(
        _ validation: LandCoverValidation, of model: LandCoverModel, _ source: MadeCover, _ recipe: LandCoverRecipe
    ) throws {
        let sampler = try prepared(source, recipe)
        let predictor = HeadPredictor(model: model)
        // Rows are what is labelled, columns what is said.
        var counts = [[Int]](repeating: [0, 0, 0], count: 3)
        let windows = sampler.validationWindows()
        for (pair, window) in windows {
            let answer = try predictor.answer(TileBatch(ids: [0], tiles: [source.sample(pair, window: window).image]))
            let values = answer[0].floats()
            for (place, isHeldOut) in sampler.heldOut(pair, window).enumerated() where isHeldOut {
                let (row, column) = place.quotientAndRemainder(dividingBy: window.width)
                let truth = try #require(source.index(pair, window.column + column, window.row + row))
                let shares = (0..<3).map { values[$0 * window.width * window.height + place] }
                counts[Int(truth)][shares.firstIndex(of: shares.max() ?? 0) ?? 0] += 1
            }
        }
        func sum(_ range: [Int]) -> Double { Double(range.reduce(0, +)) }
        let labelled = counts.map(sum)
        let said = (0..<3).map { index in sum(counts.map { $0[index] }) }
        let right = (0..<3).map { Double(counts[$0][$0]) }
        let all = labelled.reduce(0, +)
        let ious = (0..<3).map { right[$0] / (labelled[$0] + said[$0] - right[$0]) }
        let accuracy = right.reduce(0, +) / all
        let chance = zip(labelled, said).reduce(0) { $0 + $1.0 / all * ($1.1 / all) }
        #expect(validation.windows == windows.count)
        #expect(validation.pixels == Int(all))
        #expect(validation.classes.map(\.pixels) == labelled.map { Int($0) })
        // Where two classes are told with the same probability, a logit may tell them apart.
        let close = 2 / all
        expectClose(validation.classes.map { $0.iou ?? -1 }, ious, absolute: 3 * close, relative: 0, "IoU")
        expectClose([validation.miou], [ious.reduce(0, +) / 3], absolute: 3 * close, relative: 0, "mean IoU")
        expectClose([validation.overallAccuracy], [accuracy], absolute: close, relative: 0, "accuracy")
        expectClose(
            [validation.kappa ?? -2], [(accuracy - chance) / (1 - chance)], absolute: 3 * close, relative: 0, "kappa")
        // Of the classes that are labelled, the most frequent is right as often as it occurs, and the others never.
        let present = labelled.count { $0 > 0 }
        expectClose(
            [validation.constantMIoU], [(labelled.max() ?? 0) / all / Double(present)], absolute: 1e-12, relative: 0)
    }

    @Test(arguments: heads)
    func `a model answers probabilities of its legend's classes`(head: HeadConfiguration) throws {
        try withWeights { folder, weights in
            var recipe = coverRecipe(head)
            recipe.steps = 4
            recipe.window = 48
            let source = MadeCover.squares()
            _ = try fit(
                LandCoverTask.self, recipe: recipe, weights: weights, source: source, model: folder + "/m",
                options: options())
            let model = try LandCoverModel.load(from: folder + "/m")
            #expect(model.description.head.sizes == head && model.description.task == "landcover")
            let predictor = HeadPredictor(model: model)
            #expect(predictor.product == .classes(madeLegend) && predictor.windowSize == 48)
            #expect(predictor.blendedBands.map(\.name) == ["soil", "meadow", "stone"])
            let windows = [0, 1].map { PixelWindow(column: 20 + $0 * 9, row: 30, width: 48, height: 48) }
            let images = windows.map { source.sample(1, window: $0).image }
            let answers = try predictor.answer(TileBatch(ids: [7, 8], tiles: images))
            #expect(answers.count == 2)
            for answer in answers {
                #expect(answer.bands == 3 && answer.width == 48 && answer.height == 48)
                let values = answer.floats()
                #expect(values.allSatisfy { $0 >= 0 && $0 <= 1 })
                let sums = (0..<2304).map { Double(values[$0] + values[2304 + $0] + values[4608 + $0]) }
                expectClose(sums, [Double](repeating: 1, count: 2304), absolute: 1e-5, relative: 0)
            }
            // A canopy model it is not.
            let error = try #require(throws: DownstreamError.self) { try CanopyModel.load(from: folder + "/m") }
            #expect(error.code == .badModel && error.what.contains("task is 'landcover'; expected canopy"))
        }
    }

    @Test(arguments: heads)
    func `a fit that stopped and went on ends in the bytes of one that did not`(head: HeadConfiguration) throws {
        try withWeights { folder, weights in
            var recipe = coverRecipe(head)
            recipe.steps = 12
            recipe.cachedCrops = 0
            func run(_ name: String, _ change: (inout FitOptions) -> Void = { _ in }) throws
                -> FitSummary<LandCoverValidation>
            {
                try fit(
                    LandCoverTask.self, recipe: recipe, weights: weights, source: MadeCover.squares(),
                    model: "\(folder)/\(name)", options: options(change))
            }
            let whole = try run("whole")
            let half = try run("half") { $0.stopAfter = 5 }
            #expect(!half.isComplete && half.step == 5)
            #expect(!FileManager.default.fileExists(atPath: folder + "/half"))
            let rest = try run("half") { $0.resume = true }
            #expect(rest.isComplete && rest.validation == whole.validation)
            for file in ["head.safetensors", "model.json"] {
                let bytes = try Data(contentsOf: URL(filePath: "\(folder)/whole/\(file)"))
                #expect(bytes.count > 500)
                #expect(try Data(contentsOf: URL(filePath: "\(folder)/half/\(file)")) == bytes, "\(file)")
            }
            // What the norm saw is part of it: running statistics that moved from their start.
            let model = try LandCoverModel.load(from: folder + "/half")
            let means = model.head.buffers().filter { $0.name.hasSuffix("running_mean") }
            #expect(!means.isEmpty && means.allSatisfy { $0.tensor.doubles().contains { $0 != 0 } })
        }
    }

    @Test func `a fit that is stopped while it looks at labels leaves nothing behind`() throws {
        try withWeights { folder, weights in
            var asked = 0
            let error = try #require(throws: DownstreamError.self) {
                try fit(
                    LandCoverTask.self, recipe: coverRecipe(), weights: weights, source: MadeCover.squares(),
                    model: folder + "/m", options: options(),
                    interrupted: {
                        asked += 1
                        return asked > 3
                    })
            }
            #expect(error.code == .cancelled)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["backbone.safetensors"])
        }
    }

    @Test func `labels that nothing can be learned from are refused in words`() throws {
        try withWeights { folder, weights in
            func refusal(_ source: MadeCover) throws -> DownstreamError {
                try #require(throws: DownstreamError.self) {
                    try fit(
                        LandCoverTask.self, recipe: coverRecipe(), weights: weights, source: source,
                        model: folder + "/m", options: options())
                }
            }
            let one = try refusal(MadeCover(side: 96, count: 2) { _, _, row in row < 40 ? 1 : nil })
            #expect(one.code == .badPairs && one.what == "all ground to train on is of one class, 'meadow'")
            #expect(one.place == "cover 0, cover 1" && one.remedy != nil)
            let none = try refusal(MadeCover(side: 96, count: 2) { _, _, _ in nil })
            #expect(none.code == .badPairs && none.what == "no ground is labelled")
            // An index that the legend does not have is no label.
            #expect(try refusal(MadeCover(side: 96, count: 2) { _, _, _ in 7 }).what == none.what)
            var bare = MadeCover.squares()
            bare.legend = nil
            let noLegend = try refusal(bare)
            #expect(noLegend.code == .badPairs && noLegend.what.contains("the labels have no legend"))
            bare.legend = Legend([madeLegend.classes[0]])
            let single = try refusal(bare)
            #expect(single.code == .badPairs && single.what.contains("the legend has one class, 'soil'"))
            // Heights are no classes.
            let heights = try #require(throws: DownstreamError.self) {
                try fit(
                    LandCoverTask.self, recipe: coverRecipe(), weights: weights, source: Heights(base: madePairs()),
                    model: folder + "/m", options: options())
            }
            #expect(heights.code == .badPairs && heights.what.contains("land cover needs classes"))
            // Nor are classes heights.
            let cover = try #require(throws: DownstreamError.self) {
                try fitCanopy(
                    recipe: tinyRecipe(), weights: weights, source: MadeCover.squares(), model: folder + "/m",
                    options: options())
            }
            #expect(cover.code == .badPairs && cover.what.contains("a canopy head needs heights"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["backbone.safetensors"])
        }
    }

    @Test func `a recipe that contradicts itself names every key`() throws {
        var recipe = coverRecipe()
        try recipe.validate()
        recipe.sampling.classShare = 1.5
        recipe.loss.crossEntropy = 0
        recipe.loss.labelSmoothing = 1
        recipe.taps = [3, 2, 1, 0]
        let error = try #require(throws: DownstreamError.self) { try recipe.validate() }
        #expect(error.code == .badRecipe && error.causes.count == 4, "\(error.causes)")
        for key in [
            "sampling.class_share is 1.5", "loss.cross_entropy", "loss.label_smoothing", "taps is [3, 2, 1, 0]",
        ] {
            #expect(error.causes.contains { $0.contains(key) }, "\(key)")
        }
        recipe = coverRecipe(.depth(DenseHeadConfiguration()))
        let kind = try #require(throws: DownstreamError.self) { try recipe.validate() }
        #expect(kind.causes == ["head has no kind; expected kind: linear, dpt or upernet"])
    }
}

/// Heights that claim to be labels of classes.
private struct Heights: LabelledSource {
    let base: PairsInMemory
    var count: Int { base.count }
    var fingerprint: String { base.fingerprint }
    var layout: PixelLayout { base.layout }
    var legend: Legend? { madeLegend }
    func item(_ index: Int) -> LabelledItem { base.item(index) }
    func sample(_ index: Int, window: PixelWindow) -> (image: PixelBuffer, target: Target) {
        base.sample(index, window: window)
    }
}

struct ClassBalanceTests {
    /// Two classes on half of the ground each, and a third on two squares of 16 m: half a percent of it.
    ///
    /// Each square is in the middle of a window of the crop's size: a quarter of a side either way, a crop still shows all of it.
    private static let rare = MadeCover(side: 320, count: 1) { _, column, row in
        let isRare =
            (72..<88).contains(column) && (72..<88).contains(row)
            || (232..<248).contains(column) && (136..<152).contains(row)
        return isRare ? 2 : column < 160 ? 0 : 1
    }

    private static func recipe(share: Double) -> LandCoverRecipe {
        var recipe = coverRecipe()
        recipe.sampling.classShare = share
        recipe.validation.share = 0
        return recipe
    }

    /// Pixels of the third class in each of 200 crops.
    private func counts(_ sampler: CropSampler) throws -> [Int] {
        try (0..<200).map { step in
            let crop = try sampler.crop([step])
            #expect(crop.valid.sum().item() == 1024)
            return crop.target.floats().count { $0 == 2 }
        }
    }

    @Test func `crops that are drawn for a class show it, however rare it is`() throws {
        let balanced = try counts(prepared(Self.rare, Self.recipe(share: 1)))
        let byArea = try counts(prepared(Self.rare, Self.recipe(share: 0)))
        // A third of the crops: 67, give or take 7. By area 47^2 of 289^2 places show one of two squares: 11, give or take 3.
        let shown = balanced.count { $0 > 0 }
        #expect((47...90).contains(shown), "\(shown) of 200 crops")
        #expect(balanced.allSatisfy { $0 == 0 || $0 == 256 }, "a crop that shows it shows all of it")
        let found = byArea.count { $0 > 0 }
        #expect(found < 25, "\(found) of 200 crops")
        let mixed = try counts(prepared(Self.rare, Self.recipe(share: 0.5))).count { $0 > 0 }
        #expect(found < mixed && mixed < shown, "\(found), \(mixed), \(shown)")
    }

    @Test func `crops that were not drawn for a class need the labels that the recipe asks for`() throws {
        // Labels in the left third: crops across its edge have few.
        let third = MadeCover(side: 320, count: 1) { _, column, row in
            column < 100 ? UInt8((column / 16 + row / 16) % 3) : nil
        }
        func shares(_ minimum: Double) throws -> [Double] {
            var recipe = Self.recipe(share: 0)
            recipe.minimumValid = minimum
            let sampler = try prepared(third, recipe)
            return try (0..<60).map { try sampler.crop([1, $0, 0]).valid.mean().item() }
        }
        #expect(try shares(0.001).contains { $0 < 0.4 })
        #expect(try shares(0.6).allSatisfy { $0 >= 0.6 })
    }

    @Test func `crops of classes follow from their place in training`() throws {
        let first = try prepared(Self.rare, Self.recipe(share: 1))
        let second = try prepared(Self.rare, Self.recipe(share: 1))
        for step in 0..<20 {
            let (a, b) = (try first.crop([1, step, 0]), try second.crop([1, step, 0]))
            #expect(a.image.bytes() == b.image.bytes() && a.target.bytes() == b.target.bytes())
        }
        #expect(try first.crop([1, 0, 0]).image.bytes() != first.crop([1, 0, 1]).image.bytes())
    }

    @Test func `crops are not drawn for what is labelled on held-out ground alone`() throws {
        // The third class covers one block and nothing else.
        let source = MadeCover(side: 320, count: 1) { _, column, row in
            (64..<80).contains(column) && (64..<80).contains(row) ? 2 : column < 160 ? 0 : 1
        }
        // Of the colours of the three classes, only the third's is ever as blue.
        let limit = (45.5 / 255 - 0.1) / 0.1
        var sides: Set<Bool> = []
        for seed in 0..<12 as Range<UInt64> {
            var recipe = Self.recipe(share: 1)
            recipe.validation.share = 0.5
            recipe.seed = seed
            let sampler = try prepared(source, recipe)
            let held = sampler.heldOut(0, PixelWindow(column: 64, row: 64, width: 16, height: 16))
            #expect(Set(held).count == 1)
            var (seen, learned) = (0, 0)
            for step in 0..<60 {
                let crop = try sampler.crop([step])
                if crop.image.select(dim: 0, index: 2).max().item() > limit { seen += 1 }
                if zip(crop.target.floats(), crop.valid.floats()).contains(where: { $0 == 2 && $1 > 0 }) {
                    learned += 1
                }
            }
            // A third of the crops: 20, give or take 4. By chance, as neighbours of the others: 1.
            if held[0] { #expect(seen < 8 && learned == 0, "seed \(seed): \(seen) and \(learned) of 60") }
            if !held[0] { #expect(learned >= 10, "seed \(seed): \(learned) of 60") }
            sides.insert(held[0])
        }
        #expect(sides.count == 2, "both cases were seen")
    }
}
