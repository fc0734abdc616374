// The losses in closed form, their schedule, and the recipe's checks.
import Backbone
import Downstream
import FoundationEssentials
import Telemetry
import Testing
import Torch

struct CanopyLossTests {
    private let valid = Tensor([1.0, 1, 0, 1], shape: [4])

    @Test func `a common factor costs only the mean term`() {
        // With g = ln 2 everywhere the variance is 0 and the loss sqrt(0.15) ln 2.
        let target = Tensor([1.0, 5, 0, 20], shape: [4])
        let loss = scaleInvariantLoss(target * 2, target, valid: valid, meanWeight: 0.15, offset: 1e-9).item()
        let weight: Double = 0.15
        expectClose([loss], [weight.squareRoot() * 0.6931471805599453], absolute: 1e-5)
    }

    @Test func `the variance is that of the logarithms' difference`() {
        // g = 0, 1, 2 on the valid pixels: mean 1, variance 2 / 3.
        let e = 2.718281828459045
        let prediction = Tensor([3.0, 3 * e, 77, 3 * e * e], shape: [4])
        let target = Tensor([3.0, 3, 1, 3], shape: [4])
        let loss = scaleInvariantLoss(prediction, target, valid: valid, meanWeight: 0.15, offset: 1e-12).item()
        expectClose([loss], [(2.0 / 3 + 0.15).squareRoot()], absolute: 1e-9)
    }

    @Test func `the Charbonnier loss is quadratic near and linear far`() {
        let target = Tensor([0.0, 0, 0, 0], shape: [4])
        func loss(_ difference: Double) -> Double {
            charbonnierLoss(
                Tensor([difference, difference, 999, difference], shape: [4]), target, valid: valid, epsilon: 0.1
            ).item()
        }
        expectClose([loss(0), loss(100), loss(-100)], [0, 99.90005, 99.90005], absolute: 1e-9)
        expectClose([loss(0.001)], [0.001 * 0.001 / 0.2], absolute: 1e-9)
    }

    @Test func `pixels that do not count have no gradient`() {
        let prediction = Tensor([1.0, 2, 3, 4], shape: [4])
        prediction.requiresGradient = true
        let target = Tensor([2.0, 2.5, 1, 3], shape: [4])
        let loss = CanopyRecipe.Loss()(prediction, target, valid: valid, handOver: 0.5, scale: 8)
        loss.backward()
        let gradient = prediction.gradient?.doubles() ?? []
        #expect(gradient.count == 4 && gradient[2] == 0)
        #expect(gradient[0] != 0 && gradient[1] != 0 && gradient[3] != 0)
    }

    @Test func `a crop without valid pixels costs nothing and breaks nothing`() {
        let prediction = Tensor([1.0, 2, 3, 4], shape: [4])
        prediction.requiresGradient = true
        let loss = CanopyRecipe.Loss()(
            prediction, prediction.detached(), valid: Tensor.zeros([4], dtype: .float64), handOver: 0.5, scale: 8)
        loss.backward()
        #expect(loss.item() < 1e-5)
        #expect(prediction.gradient?.doubles() == [0, 0, 0, 0])
    }

    @Test func `one loss hands over to the other`() {
        var loss = CanopyRecipe.Loss()
        loss.handOverStart = 0.2
        loss.handOverEnd = 0.6
        expectClose(
            [0, 19, 40, 60, 99].map { loss.handOver(step: $0, of: 100) }, [0, 0, 0.5, 1, 1], absolute: 1e-12)
        let (p, t) = (Tensor([3.0, 4, 5, 6], shape: [4]), Tensor([2.0, 6, 1, 6.5], shape: [4]))
        let relative = scaleInvariantLoss(p, t, valid: valid, meanWeight: 0.15, offset: 0.1).item()
        let absolute = charbonnierLoss(p, t, valid: valid, epsilon: 0.1).item() / 8
        func value(_ share: Double) -> Double { loss(p, t, valid: valid, handOver: share, scale: 8).item() }
        expectClose(
            [value(0), value(0.25), value(1)], [relative, 0.75 * relative + 0.25 * absolute, absolute], absolute: 1e-12)
    }

    @Test func `the rate rises, then falls as half a cosine`() {
        var optimizer = HeadOptimizer()
        optimizer.learningRate = 2
        optimizer.warmup = 0.1
        let rates = (0..<100).map { optimizer.rate(step: $0, of: 100) }
        expectClose([rates[0], rates[9], rates[10], rates[55]], [2.0 / 11, 20.0 / 11, 2, 1], absolute: 1e-9)
        #expect(rates[99] > 0 && rates[99] < 0.01)
        #expect(zip(rates[10...], rates[11...]).allSatisfy { $0 > $1 })
        optimizer.warmup = 0
        #expect(optimizer.rate(step: 0, of: 1) == 2)
    }
}

struct CanopyRecipeTests {
    struct Mistake: Sendable, CustomTestStringConvertible {
        var words: String
        var change: @Sendable (inout CanopyRecipe) -> Void
        var testDescription: String { words }

        init(_ words: String, _ change: @escaping @Sendable (inout CanopyRecipe) -> Void) {
            self.words = words
            self.change = change
        }
    }

    static let mistakes = [
        Mistake("head.post_channels is [1, 2]") { $0.head.postChannels = [1, 2] },
        Mistake("head.channels is 7") { $0.head.channels = 7 },
        Mistake("head.hidden is 0") { $0.head.hidden = 0 },
        Mistake("bins.count is 1") { $0.bins.count = 1 },
        Mistake("bins.minimum is 0.0") { $0.bins.minimum = 0 },
        Mistake("bins.max_height is 0.001") { $0.bins.maxHeight = 0.001 },
        Mistake("bins.scale is -8.0") { $0.bins.scale = -8 },
        Mistake("taps is [1, 2, 3]") { $0.taps = [1, 2, 3] },
        Mistake("taps is [1, 3, 2, 4]") { $0.taps = [1, 3, 2, 4] },
        Mistake("window is 4") { $0.window = 4 },
        Mistake("crop is 0") { $0.crop = 0 },
        Mistake("steps is 0") { $0.steps = 0 },
        Mistake("batch is 0") { $0.batch = 0 },
        Mistake("cached_crops is 8") { $0.cachedCrops = 8 },
        Mistake("cached_crops is -1") { $0.cachedCrops = -1 },
        Mistake("checkpoint_every is 0") { $0.checkpointEvery = 0 },
        Mistake("max_height is nan") { $0.maxHeight = .nan },
        Mistake("minimum_valid is 0.0") { $0.minimumValid = 0 },
        Mistake("optimizer.learning_rate is 0.0") { $0.optimizer.learningRate = 0 },
        Mistake("optimizer.weight_decay is -1.0") { $0.optimizer.weightDecay = -1 },
        Mistake("optimizer.beta2 is 1.0") { $0.optimizer.beta2 = 1 },
        Mistake("optimizer.warmup is 1.0") { $0.optimizer.warmup = 1 },
        Mistake("optimizer.clip is -1.0") { $0.optimizer.clip = -1 },
        Mistake("loss.hand_over_start is 0.5") {
            $0.loss.handOverStart = 0.5
            $0.loss.handOverEnd = 0.2
        },
        Mistake("loss.mean_weight is 0.0") { $0.loss.meanWeight = 0 },
        Mistake("loss.logarithm_offset is 0.0") { $0.loss.logarithmOffset = 0 },
        Mistake("loss.charbonnier is 0.0") { $0.loss.charbonnier = 0 },
        Mistake("validation.block is 0.0") { $0.validation.block = 0 },
        Mistake("validation.share is 1.0") { $0.validation.share = 1 },
        Mistake("validation.windows is 0") { $0.validation.windows = 0 },
    ]

    @Test(arguments: mistakes)
    func `a mistake is named`(_ mistake: Mistake) throws {
        var recipe = CanopyRecipe()
        mistake.change(&recipe)
        let error = try #require(throws: DownstreamError.self) { try recipe.validate() }
        #expect(error.code == .badRecipe)
        #expect(error.causes.contains { $0.hasPrefix(mistake.words) }, "\(error)")
    }

    @Test func `the published recipe is valid and comes back from JSON`() throws {
        let recipe = CanopyRecipe()
        try recipe.validate()
        try recipe.validate(for: try #require(BackboneConfiguration.preset("vitl16sat")))
        let data = try JSONEncoder().encode(recipe)
        #expect(try JSONDecoder().decode(CanopyRecipe.self, from: data) == recipe)
        let text = String(decoding: data, as: UTF8.self)
        for key in ["post_channels", "hand_over_end", "cached_crops", "learning_rate", "checkpoint_every"] {
            #expect(text.contains("\"\(key)\""))
        }
    }

    @Test func `taps and sizes must fit the backbone`() throws {
        var recipe = CanopyRecipe()
        recipe.crop = 420
        let small = try #require(BackboneConfiguration.preset("vits16"))
        let error = try #require(throws: DownstreamError.self) { try recipe.validate(for: small) }
        #expect(error.code == .badRecipe && error.what == "the recipe does not fit the backbone")
        // Only the caller knows where the recipe comes from.
        #expect(error.place == "")
        #expect(
            error.causes == [
                "taps is [5, 11, 17, 23]; this backbone has blocks 0 to 11",
                "crop is 420; expected a multiple of the patch size, 16",
            ])
        #expect(error.remedy == "write into the recipe: taps: [2, 5, 8, 11]; crop: 416")
    }

    /// The published recipe has patches of 16 pixels in mind.
    @Test(arguments: ["vits14", "vitb14reg", "vitl14", "vitg14"])
    func `the values that are advised for patches of 14 pixels fit`(name: String) throws {
        var recipe = CanopyRecipe()
        let backbone = try #require(BackboneConfiguration.preset(name))
        let error = try #require(throws: DownstreamError.self) { try recipe.validate(for: backbone) }
        #expect(error.remedy?.hasSuffix("window: 518; crop: 420") == true, "\(error.remedy ?? "")")
        (recipe.window, recipe.crop) = (518, 420)
        if backbone.depth == 12 {
            #expect(error.remedy?.contains("taps: [2, 5, 8, 11]") == true)
            recipe.taps = [2, 5, 8, 11]
        }
        #expect(throws: Never.self) { try recipe.validate(for: backbone) }
    }
}
