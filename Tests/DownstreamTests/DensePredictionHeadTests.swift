// Bins and the dense head against the specification's vectors and against transformers.
import Downstream
import Testing
import Torch

struct HeightBinsTests {
    @Test func `the bins of the published model`() {
        let bins = HeightBins().values
        #expect(bins.count == 256)
        expectClose(
            [0, 1, 63, 127, 128, 191, 254, 255].map { bins[$0] },
            [0.001, 0.00122190, 0.74030852, 3.0307505, 3.0793970, 7.0176716, 11.9514275, 12], absolute: 1e-6)
        expectClose([bins.reduce(0, +) / 256], [4.14336746], absolute: 1e-6)
        #expect(zip(bins, bins.dropFirst()).allSatisfy(<))
    }

    @Test func `numbers per bin become metres`() {
        let bins = HeightBins()
        expectClose(
            bins.metres(wave([1, 256, 1, 3], 0.3, 2, 0.05)).doubles(), [29.7414055, 29.8297653, 30.0061913],
            relative: 2e-6)
        expectClose(bins.metres(Tensor.full([1, 256, 1, 1], -1)).doubles(), [33.1469421])
    }

    @Test func `heights lie between the lowest and the highest bin`() {
        var bins = HeightBins()
        bins.count = 8
        bins.maxHeight = 40
        for bin in 0..<8 {
            var logits = [Double](repeating: -3, count: 8)
            logits[bin] = 1000
            expectClose(
                bins.metres(Tensor(logits, shape: [1, 8, 1, 1])).doubles(), [bins.values[bin] * 8], absolute: 1e-6)
        }
        expectClose([bins.values[0] * 8, bins.values[7] * 8], [0.008, 40], absolute: 1e-9)
    }
}

struct DensePredictionHeadTests {
    private func tiny(reference: Bool = false, dtype: DType = .float32) -> DensePredictionHead {
        var sizes = DenseHeadConfiguration()
        sizes.postChannels = [4, 8, 8, 16]
        sizes.channels = 8
        sizes.hidden = 4
        let head = DensePredictionHead(
            sizes, tokenWidth: 8, outputs: 16, generator: Generator(seed: 1), dtype: dtype, followsReference: reference)
        setWaves(head)
        return head
    }

    private func taps(
        _ batch: Int, _ rows: Int, _ columns: Int, dtype: DType = .float32
    ) -> [(map: Tensor, cls: Tensor)] {
        (0..<4).map {
            (
                wave([batch, 8, rows, columns], 0.2 * Double($0), 1, 0.21, dtype: dtype),
                wave([batch, 8], 0.5 * Double($0), dtype: dtype)
            )
        }
    }

    private var smallBins: HeightBins {
        var bins = HeightBins()
        bins.count = 16
        return bins
    }

    @Test func `the published head has its number of parameters`() {
        let list = DensePredictionHead.specifications(DenseHeadConfiguration(), tokenWidth: 1024, outputs: 256)
        #expect(list.reduce(0) { $0 + $1.shape.reduce(1, *) } == 33_747_200)
    }

    @Test func `the reference's odd grid`() {
        let output = withoutGradient { tiny(reference: true).forward(taps(1, 3, 4), patchSize: 16) }
        #expect(output.shape == [1, 16, 64, 64])
        let values = output.doubles()
        func at(_ channel: Int, _ row: Int, _ column: Int) -> Double { values[(channel * 64 + row) * 64 + column] }
        expectClose(
            (0..<4).map { at($0, 0, 0) }, [1.3043453, 0.2701278, -0.9038156, 0.0248253], absolute: 2e-5)
        expectClose([at(5, 17, 40), at(15, 47, 63)], [0.2334220, -2.6414633], absolute: 2e-5)
        expectClose([values.reduce(0, +)], [321575.3], absolute: 0, relative: 1e-5)
        let metres = smallBins.metres(output).doubles()
        expectClose([metres[0], metres[17 * 64 + 40]], [22.9555798, 5.8996029], absolute: 2e-4)
        expectClose([metres.reduce(0, +) / 4096], [18.8500196], absolute: 2e-4)
    }

    // The waves drive the fused maps into the thousands, where single precision keeps four digits of metres. Measured with transformers
    // itself, float32 against float64, under seven sets of kernels: metres 3.4e-5 to 1.05e-4 of the largest, gradients 2.3e-4 to 5.7e-4.
    // Of metres twice the worst is allowed.
    @Test(arguments: [(DType.float32, 2.1e-4, 1e-3), (.float64, 1e-6, 1e-5)])
    func `metres and gradients of an even grid equal transformers'`(
        dtype: DType, limit: Double, ofGradients: Double
    ) throws {
        let golden = try SafetensorsFile(path: goldenPath("canopy_head.safetensors"))
        let head = tiny(dtype: dtype)
        head.setRequiresGradient(true)
        let logits = head.forward(taps(2, 4, 2, dtype: dtype), patchSize: 16)
        let metres = smallBins.metres(logits)
        expectParity(metres.detached(), try golden.tensor("metres"), limit: limit, "metres")
        (metres * wave(metres.shape, 0.3, 1, 0.013, dtype: dtype)).sum().backward()
        #expect(head.parameters().count == golden.names.count { $0.hasPrefix("gradient/") })
        for parameter in head.parameters() {
            let expected = try golden.tensor("gradient/\(parameter.name)")
            let gradient = try #require(parameter.tensor.gradient, "\(parameter.name) has no gradient")
            expectParity(gradient, expected, limit: ofGradients, "gradient of \(parameter.name)")
        }
    }

    @Test func `an odd grid is padded by its edge and cropped, not stretched`() {
        let head = tiny()
        let odd = taps(1, 3, 5)
        let even = odd.map { (map: $0.map.padded([0, 1, 0, 1], .replicate), cls: $0.cls) }
        let (a, b) = withoutGradient { (head.forward(odd, patchSize: 16), head.forward(even, patchSize: 16)) }
        #expect(a.shape == [1, 16, 48, 80])
        #expect(b.shape == [1, 16, 64, 96])
        #expect(
            a.doubles()
                == b.narrow(dim: 2, start: 0, length: 48).narrow(dim: 3, start: 0, length: 80).doubles())
    }

    @Test(arguments: [4, 8, 14, 16, 32])
    func `the output has the pixels of any patch size`(patch: Int) {
        let output = withoutGradient { tiny().forward(taps(2, 2, 3), patchSize: patch) }
        #expect(output.shape == [2, 16, 2 * patch, 3 * patch])
        #expect(output.isAllFinite)
    }

    @Test func `even grids of patch 16 follow the reference`() {
        let (a, b) = withoutGradient {
            (
                tiny().forward(taps(1, 2, 4), patchSize: 16),
                tiny(reference: true).forward(taps(1, 2, 4), patchSize: 16)
            )
        }
        #expect(a.doubles() == b.doubles())
    }

    @Test func `equal seeds give equal heads`() {
        func values(_ seed: UInt64) -> [Double] {
            DensePredictionHead(
                DenseHeadConfiguration(), tokenWidth: 4, outputs: 2, generator: Generator(seed: seed)
            ).parameters().prefix(6).flatMap { $0.tensor.doubles() }
        }
        #expect(values(1) == values(1))
        #expect(values(1) != values(2))
    }
}
