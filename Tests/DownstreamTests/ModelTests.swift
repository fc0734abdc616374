// Models that are not what they should be, and what the predictor promises.
import Backbone
import Downstream
import FoundationEssentials
import Geo
import Telemetry
import Testing
import Torch

@Suite(.serialized)
struct ModelTests {
    /// A model of one step, whose folder the body may spoil.
    private func withModel<R>(_ body: (String) throws -> R) throws -> R {
        try withTemporaryFolder { folder in
            try writeTinyWeights(to: folder + "/w.safetensors")
            var options = FitOptions()
            options.steps = 1
            options.threads = 1
            _ = try fitCanopy(
                recipe: tinyRecipe(), weights: folder + "/w.safetensors", source: madePairs(1), model: folder + "/m",
                options: options)
            return try body(folder + "/m")
        }
    }

    /// Changes a model's description as JSON text.
    private func edit(_ model: String, _ old: String, _ new: String) throws {
        let url = URL(filePath: model + "/model.json")
        let text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
        #expect(text.contains(old))
        let edited = text.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
        try Data(edited.utf8).write(to: url)
    }

    private func loadError(_ model: String) throws -> DownstreamError {
        try #require(throws: DownstreamError.self) { try CanopyModel.load(from: model) }
    }

    @Test func `changed weights are found by their hash`() throws {
        try withModel { model in
            for name in ["head.safetensors", "backbone.safetensors"] {
                let url = URL(filePath: model + "/" + name)
                let good = try Data(contentsOf: url)
                var bytes = good
                bytes[bytes.count - 1] ^= 1
                try bytes.write(to: url)
                let error = try loadError(model)
                #expect(error.code == .badModel && error.place == url.path)
                #expect(error.causes.first?.hasPrefix("expected SHA-256 ") == true)
                try FileManager.default.removeItem(at: url)
                #expect(try loadError(model).code == .notFound)
                try good.write(to: url)
                _ = try CanopyModel.load(from: model)
            }
        }
    }

    @Test func `folders that are no model, and descriptions that do not fit`() throws {
        try withModel { model throws in
            #expect(try loadError(model + "-none").what == "no such model")
            #expect(ModelFolder.isModel(model) && !ModelFolder.isModel(model + "/.."))
            #expect(try loadError(model + "/..").what.hasPrefix("the folder is not a geodino model"))
        }
        let edits: [(old: String, new: String, words: String)] = [
            ("\"format_version\" : 1", "\"format_version\" : 2", "format version 2"),
            ("\"task\" : \"canopy\"", "\"task\" : \"landcover\"", "task is 'landcover'"),
            ("\"window\" : 48", "\"window\" : 50", "contradicts itself"),
            ("\"window\" : 48", "\"window\" : \"wide\"", "cannot be read"),
            ("\"patch_size\" : 8", "\"patch_size\" : 0", "contradicts itself"),
            ("\"depth\" : 4", "\"depth\" : 3", "contradicts itself"),
            ("\"heads\" : 2", "\"heads\" : 4", "differs from the one in the model's description"),
        ]
        for edit in edits {
            try withModel { model in
                try self.edit(model, edit.old, edit.new)
                let error = try loadError(model)
                #expect(error.what.contains(edit.words), "\(error)")
            }
        }
    }

    @Test func `a head of other sizes is told tensor by tensor`() throws {
        try withModel { model in
            guard case .depth(let sizes) = try CanopyModelDescription.read(from: model).head.sizes else {
                Issue.record("the canopy model's head has a kind")
                return
            }
            var other = sizes
            other.hidden = 9
            let error = try #require(throws: DownstreamError.self) {
                try DensePredictionHead.load(from: model + "/head.safetensors", other, tokenWidth: 16, outputs: 16)
            }
            #expect(
                error.causes.count == 1
                    && error.causes[0].hasPrefix("wrong shape: conv_depth.head.2.weight is [8, 4, 3, 3]"))
            let names = try #require(throws: DownstreamError.self) {
                try DensePredictionHead.load(
                    from: model + "/backbone.safetensors", sizes, tokenWidth: 16, outputs: 16)
            }
            #expect(names.causes[0].hasPrefix("missing: ") && names.causes[1].hasPrefix("unexpected: "))
        }
    }

    @Test func `a window's bytes do not depend on the windows beside it`() throws {
        try withModel { model in
            let predictor = CanopyPredictor(model: try CanopyModel.load(from: model))
            let pair = madePairs(1).pairs[0]
            let tiles = [0, 17, 40].map {
                pair.image.cropped(to: PixelWindow(column: $0, row: 5, width: 48, height: 48))
            }
            let together = try predictor.answer(TileBatch(ids: [0, 1, 2], tiles: tiles))
            let reversed = try predictor.answer(TileBatch(ids: [2, 1, 0], tiles: tiles.reversed()))
            #expect(together == reversed.reversed())
            #expect(together[1].bands == 1 && together[1].width == 48 && together[1].sampleType == .float32)
            #expect(together[1].grid == tiles[1].grid)
            // A batch of two: the third window's place is filled up, and the heights stay the same to rounding.
            let pairs = try CanopyPredictor(model: predictor.model, batch: 2).answer(
                TileBatch(ids: [0, 1, 2], tiles: tiles))
            #expect(pairs.count == 3)
            for (a, b) in zip(pairs, together) {
                expectClose(a.floats().map(Double.init), b.floats().map(Double.init), absolute: 1e-4)
            }
            #expect(try predictor.answer(TileBatch(ids: [], tiles: [])).isEmpty)
        }
    }

    @Test func `what lies under invalid pixels does not matter`() throws {
        try withModel { model in
            let predictor = CanopyPredictor(model: try CanopyModel.load(from: model))
            var a = madePairs(1).pairs[0].image.cropped(to: PixelWindow(column: 0, row: 0, width: 48, height: 48))
            a.validity = (0..<48 * 48).map { $0 % 48 >= 8 }
            var b = a
            guard case .uint8(var samples) = b.samples else { return }
            for index in samples.indices where index % 48 < 8 { samples[index] = 255 }
            b.samples = .uint8(samples)
            let maps = try predictor.answer(TileBatch(ids: [0, 1], tiles: [a, b]))
            #expect(maps[0] == maps[1])
            #expect(maps[0].validity == a.validity)
        }
    }

    @Test func `windows of other bands, types or sizes are refused`() throws {
        try withModel { model in
            let predictor = CanopyPredictor(model: try CanopyModel.load(from: model))
            func error(_ tile: PixelBuffer) throws -> DownstreamError {
                try #require(throws: DownstreamError.self) {
                    try predictor.answer(TileBatch(ids: [3], tiles: [tile]))
                }
            }
            let count = 48 * 48
            let bands = try error(
                PixelBuffer(bands: 4, height: 48, width: 48, samples: .uint8([UInt8](repeating: 0, count: 4 * count))))
            #expect(
                bands.what == "expected pixels of 3 bands, as the weights take; found 4" && bands.place == "window 3")
            #expect(
                try error(
                    PixelBuffer(
                        bands: 3, height: 48, width: 48, samples: .uint16([UInt16](repeating: 0, count: 3 * count)))
                ).what == "expected 8-bit pixels; found uint16")
            #expect(
                try error(
                    PixelBuffer(bands: 3, height: 32, width: 32, samples: .uint8([UInt8](repeating: 0, count: 3072)))
                ).what == "expected windows of 48 x 48 pixels; found 32 x 32")
        }
    }
}

struct LinearProbeTests {
    @Test func `a planted line is found and noise is not`() throws {
        var random = CounterRandom(seed: 2, path: [])
        let count = 400
        let features = (0..<count * 3).map { _ in random.uniform(-1, 1) }
        let x = Tensor(features, shape: [count, 3])
        let line = (0..<count).map { (i: Int) -> Double in 4 + 2 * features[i * 3] - 3 * features[i * 3 + 2] }
        let noise = (0..<count).map { _ in random.uniform(-1, 1) }
        var sums = RidgeSums(width: 3)
        sums.add((x.narrow(dim: 0, start: 0, length: 150), Tensor(Array(line[..<150]), shape: [150])))
        sums.add((x.narrow(dim: 0, start: 150, length: 250), Tensor(Array(line[150...]), shape: [250])))
        let solution = try sums.solved(ridge: 0)
        expectClose(solution.doubles(), [2, 0, -3, 4], absolute: 1e-9)
        expectClose([sums.determination(solution)], [1], absolute: 1e-9)
        var other = RidgeSums(width: 3)
        other.add((x, Tensor(noise, shape: [count])))
        #expect(try other.determination(other.solved(ridge: 0)).magnitude < 0.05)
        // Always saying the mean explains nothing; a heavy ridge comes near to that.
        let mean = line.reduce(0, +) / Double(count)
        expectClose([sums.determination(Tensor([0, 0, 0, mean], shape: [4]))], [0], absolute: 1e-9)
        #expect(try sums.determination(sums.solved(ridge: 1e6)) < 0.01)
        #expect(throws: DownstreamError.self) {
            var flat = RidgeSums(width: 2)
            flat.add((Tensor.ones([20, 2], dtype: .float64), Tensor.ones([20], dtype: .float64)))
            _ = try flat.solved(ridge: 0)
        }
    }

    @Test func `patches have the mean of their valid pixels`() {
        var heights = [Float](repeating: 2, count: 16)
        heights[0] = 6
        heights[15] = .nan
        let target = HeadTarget(
            heights: PixelBuffer(bands: 1, height: 4, width: 4, samples: .float32(heights)), highest: 50)
        #expect(patchHeights(target, side: 4, patch: 2, minimumValid: 1) == [3, 2, 2, nil])
        #expect(patchHeights(target, side: 4, patch: 2, minimumValid: 0.7) == [3, 2, 2, 2])
    }

    @Test func `heights that follow from colour are read from tokens`() throws {
        let network = VisionTransformer(tinyBackbone(), generator: Generator(seed: 4))
        var options = ProbeOptions()
        options.crop = 32
        options.block = 16
        let source = madePairs(4)
        let result = try linearProbe(network, record: tinyRecord(), source: source, options: options)
        #expect(result.trainingPatches + result.testPatches == 4 * 144)
        #expect(result.testPatches > 80)
        #expect(result.r2 > 0.8, "\(result)")
        #expect(try linearProbe(network, record: tinyRecord(), source: source, options: options) == result)
        // Whole crops by their neighbours: blocks of the size of a crop, so that crops are of one side or the other.
        var whole = options
        whole.block = 32
        let near = try neighbourProbe(network, record: tinyRecord(), source: source, options: whole, neighbours: 3)
        #expect(near.trainingCrops >= 3 && near.testCrops >= 2 && near.r2 > 0, "\(near)")
        // Heights of another landscape cannot be read.
        var shuffled = source
        for pair in shuffled.pairs.indices {
            let heights = (0..<96 * 96).map { Float(($0 / 96 / 8 * 7919 + $0 % 96 / 8 * 104_729 + pair * 31) % 29) }
            shuffled.pairs[pair].height.samples = .float32(heights)
        }
        #expect(try linearProbe(network, record: tinyRecord(), source: shuffled, options: options).r2 < 0.3)
        #expect(throws: DownstreamError.self) {
            try neighbourProbe(network, record: tinyRecord(), source: source, options: whole, neighbours: 1000)
        }
        options.crop = 30
        #expect(throws: DownstreamError.self) {
            try linearProbe(network, record: tinyRecord(), source: source, options: options)
        }
    }
}
