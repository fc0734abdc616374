// Features that are kept: in half precision they are nearly the same, and a set that is too large is refused before any work.
import Backbone
import Downstream
import FoundationEssentials
import Geo
import Telemetry
import Testing
import Torch

struct CropFeaturesTests {
    private static func recipe() -> LandCoverRecipe {
        var recipe = coverRecipe()
        recipe.cachedCrops = 10
        return recipe
    }

    /// Features of land cover, kept in some form; ten crops in batches of four, so that the last part is smaller.
    private func features(_ form: CacheForm) throws -> CropFeatures {
        let recipe = Self.recipe()
        let source = MadeCover.squares()
        let task = try LandCoverTask(recipe, legend: source.legend)
        let sampler = try CropSampler(
            source: source, settings: recipe.cropSettings, gsd: 1,
            normalizer: PixelNormalizer(mean: [0.45, 0.5, 0.1], std: [0.2, 0.25, 0.1]), target: task.target)
        let backbone = VisionTransformer(tinyBackbone(), generator: Generator(seed: 4))
        return try CropFeatures(
            sampler: sampler, backbone: backbone, taps: recipe.taps, batch: 4, cached: recipe.cachedCrops, form: form)
    }

    @Test func `a set that is kept shows every label that it has room for`() throws {
        // Single pixels, far apart: nine of one class, three of another, one of the third.
        let labels = MadeCover(side: 416, count: 1) { _, column, row in
            guard column % 96 == 16, row % 96 == 16 else { return nil }
            switch row / 96 * 5 + column / 96 {
            case 0..<9: return 0
            case 9..<12: return 1
            case 12: return 2
            default: return nil
            }
        }
        for seed: UInt64 in 0..<5 {
            var recipe = coverRecipe()
            recipe.seed = seed
            recipe.validation.share = 0
            recipe.sampling.classShare = 0.5
            var task = try LandCoverTask(recipe, legend: labels.legend)
            var sampler = try CropSampler(
                source: labels, settings: recipe.cropSettings, gsd: 1,
                normalizer: PixelNormalizer(mean: [0.45, 0.5, 0.1], std: [0.2, 0.25, 0.1]), target: task.target)
            try task.prepare(&sampler, memory: LabelMemory()) { _, _ in true }
            func shown(_ numbers: Range<Int>) throws -> [String] {
                try numbers.flatMap { number -> [String] in
                    var random = CounterRandom(seed: seed, path: [CropSampler.keptSet, number])
                    let place = try #require(sampler.preferred?(&random, number))
                    let window = place.window
                    #expect(try sampler.crop([CropSampler.keptSet, number]).valid.sum().item() == 1)
                    return (0..<13).filter { label in
                        let (column, row) = (label % 5 * 96 + 16, label / 5 * 96 + 16)
                        return (window.column..<window.column + 32).contains(column)
                            && (window.row..<window.row + 32).contains(row)
                    }.map { "\($0)\(place.showsLabel)" }
                }
            }
            // Half of the crops go through all 13 windows. The other half are for a class: each window of the second and of the third.
            let found = try shown(0..<26)
            #expect(Set(found.filter { $0.hasSuffix("false") }).count == 13, "\(found)")
            #expect(found.filter { $0.hasSuffix("true") }.count == 13)
            #expect(Set(found).isSuperset(of: ["9true", "10true", "11true", "12true"]), "\(found)")
            #expect(try shown(0..<26) == found)
            // The next ones come again, in another order.
            let again = try shown(26..<52)
            #expect(Set(again.filter { $0.hasSuffix("false") }).count == 13 && again != found)
        }
    }

    @Test func `half precision changes a loss by little, and labels not at all`() throws {
        let (exact, compact) = (try features(.exact), try features(.compact))
        let recipe = Self.recipe()
        let task = try LandCoverTask(recipe, legend: madeLegend)
        let head = recipe.head.makeHead(tokenWidth: 16, outputs: 3, generator: Generator(seed: 1))
        var differs = false
        for step in 0..<5 {
            let (a, b) = (try exact.batch(step: step), try compact.batch(step: step))
            for (x, y) in zip(a.taps, b.taps) {
                #expect(y.map.dtype == .float32 && y.cls.dtype == .float32 && x.map.shape == y.map.shape)
                // Eleven digits of the binary system.
                expectClose(y.map.doubles(), x.map.doubles(), absolute: 1e-6, relative: 0x1p-11, "maps")
                expectClose(y.cls.doubles(), x.cls.doubles(), absolute: 1e-6, relative: 0x1p-11, "class tokens")
                differs = differs || x.map.bytes() != y.map.bytes()
            }
            #expect(b.target.dtype == .float32 && a.target.bytes() == b.target.bytes())
            #expect(b.valid.dtype == .float32 && a.valid.bytes() == b.valid.bytes())
            func loss(_ batch: FeatureBatch) -> Double {
                task.loss(
                    head.forward(batch.taps, patchSize: 8), batch.target, valid: batch.valid, step: step, of: 5
                ).value.item()
            }
            expectClose([loss(b)], [loss(a)], absolute: 1e-4, relative: 1e-4, "loss of step \(step)")
        }
        #expect(differs, "the compact form is the exact one")
    }

    @Test func `what half precision cannot hold stays finite`() throws {
        let recipe = Self.recipe()
        let source = MadeCover.squares()
        let task = try LandCoverTask(recipe, legend: source.legend)
        let sampler = try CropSampler(
            source: source, settings: recipe.cropSettings, gsd: 1,
            normalizer: PixelNormalizer(mean: [0.45, 0.5, 0.1], std: [0.2, 0.25, 0.1]), target: task.target)
        let backbone = VisionTransformer(tinyBackbone(), generator: Generator(seed: 4))
        withoutGradient {
            for (name, tensor) in backbone.parameters() where name == "norm.weight" { _ = tensor.copy_(tensor * 1e6) }
        }
        let features = try CropFeatures(
            sampler: sampler, backbone: backbone, taps: [3], batch: 4, cached: 4, form: .compact)
        let map = try features.batch(step: 0).taps[0].map
        #expect(map.isAllFinite && map.doubles().contains { $0.magnitude == 65504 })
    }

    @Test func `crops that need more than the memory are refused before anything is done, with the number that fits`()
        throws
    {
        try withTemporaryFolder { folder in
            try writeTinyWeights(to: folder + "/backbone.safetensors")
            var recipe = Self.recipe()
            // Four taps of 16 tokens and a class token, 16 wide, and labels of 32 x 32: 4224 bytes.
            (recipe.cachedCrops, recipe.cacheMegabytes) = (300, 1)
            var events = 0
            func fitCover(_ recipe: LandCoverRecipe) throws {
                var options = FitOptions()
                (options.threads, options.steps) = (1, 1)
                _ = try fit(
                    LandCoverTask.self, recipe: recipe, weights: folder + "/backbone.safetensors",
                    source: MadeCover.squares(), model: folder + "/m", options: options, handler: { _ in events += 1 })
            }
            let error = try #require(throws: DownstreamError.self) { try fitCover(recipe) }
            #expect(error.code == .badRecipe && error.place == "cached_crops")
            #expect(
                error.what
                    == "the features of 300 cached crops would need 2 MB; the limit is 1, enough for 236 crops")
            #expect(error.remedy?.contains("cached_crops: 236, or cache_megabytes: 2") == true)
            #expect(events == 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["backbone.safetensors"])
            // The advice works.
            recipe.cachedCrops = 236
            try fitCover(recipe)
            #expect(FileManager.default.fileExists(atPath: folder + "/m/model.json"))
        }
    }
}
