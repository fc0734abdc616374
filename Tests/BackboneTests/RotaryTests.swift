// Positions: the test vector of the specification, and what random stretching may do.
import Backbone
import Testing
import Torch

struct RotaryTests {
    private func embedding(_ change: (inout RotaryConfiguration) -> Void = { _ in }) -> RotaryEmbedding {
        var configuration = RotaryConfiguration()
        change(&configuration)
        return RotaryEmbedding(
            configuration: configuration, headWidth: 16, periods: configuration.periods(count: 4), type: .float64,
            device: .cpu)
    }

    @Test func `the table of a 2 x 3 grid`() {
        let embedding = embedding()
        expectClose(embedding.periods, [1, 3.1622777, 10, 31.622776], absolute: 1e-6)
        let table = embedding.table(height: 2, width: 3)
        #expect(table.sine.shape == [6, 16])
        let sine = table.sine.select(dim: 0, index: 1).doubles()
        let cosine = table.cosine.select(dim: 0, index: 5).doubles()
        expectClose(Array(sine[..<8]), [0, -0.8379188, -0.3090170, -0.0991825, 0, 0, 0, 0])
        expectClose(
            Array(cosine[..<8]),
            [-1, 0.5457949, 0.9510565, 0.9950693, -0.5000003, 0.2437054, 0.9135455, 0.9912398])
        #expect(sine[8...].elementsEqual(sine[..<8]))
        #expect(cosine[8...].elementsEqual(cosine[..<8]))
    }

    @Test(arguments: [("plain", 0), ("stretched", 1)])
    func `in bfloat16 throughout, tables are PyTorch's, which keeps every step in it`(name: String, stretched: Int)
        throws
    {
        try Torch.load()
        let golden = try SafetensorsFile(path: goldenPath("rotary.safetensors"))
        var configuration = RotaryConfiguration()
        configuration.precision = .bfloat16Throughout
        let periods = configuration.periods(count: 16)
        #expect(periods == (try golden.tensor("periods").to(.float64).doubles()))
        // As the published files hold them.
        #expect(periods[..<5] == [1, 1.3359375, 1.78125, 2.375, 3.15625])
        let embedding = RotaryEmbedding(
            configuration: configuration, headWidth: 64, periods: periods, type: .float32, device: .cpu)
        var stretch = RotaryStretch.none
        if stretched == 1 {
            stretch.shift = (0.1, -0.05)
            stretch.factor = (1.37, 1.37)
        }
        let table = embedding.table(height: 11, width: 6, stretch: stretch)
        #expect(table.sine.dtype == .bfloat16)
        for (kind, found) in [("sine", table.sine), ("cosine", table.cosine)] {
            let expected = try golden.tensor("\(name).\(kind)").to(.float32).doubles()
            #expect(found.to(.float32).doubles() == expected, "\(kind)")
        }
        // Tables that are rounded at the end alone are others.
        configuration.precision = .bfloat16
        let rounded = RotaryEmbedding(
            configuration: configuration, headWidth: 64, periods: configuration.periods(count: 16), type: .float32,
            device: .cpu
        ).table(height: 11, width: 6, stretch: stretch)
        let apart = zip(rounded.sine.to(.float32).doubles(), table.sine.to(.float32).doubles()).map { abs($0 - $1) }
        #expect(apart.max() ?? 0 > 0.01)
    }

    @Test func `periods between a shortest and a longest`() {
        var configuration = RotaryConfiguration()
        configuration.base = nil
        configuration.minPeriod = 2
        configuration.maxPeriod = 54
        expectClose(configuration.periods(count: 4), [2, 6, 18, 54], absolute: 1e-12)
        #expect(configuration.periods(count: 1) == [2])
    }

    @Test func `rotation keeps lengths and leaves the tokens before the patches`() {
        let table = embedding().table(height: 3, width: 2)
        let x = wave([2, 2, 9, 16], 0.3, dtype: .float64)
        let turned = rotaryEmbedding(x, sine: table.sine, cosine: table.cosine)
        expectClose((turned * turned).sum([-1]).doubles(), (x * x).sum([-1]).doubles(), absolute: 1e-12)
        #expect(turned.narrow(dim: 2, start: 0, length: 3).doubles() == x.narrow(dim: 2, start: 0, length: 3).doubles())
        #expect(turned.select(dim: 2, index: 5).doubles() != x.select(dim: 2, index: 5).doubles())
    }

    @Test func `the product of two patches depends on their distance alone`() {
        let table = embedding().table(height: 1, width: 4)
        let q = rotaryEmbedding(
            Tensor.ones([1, 1, 4, 16], dtype: .float64), sine: table.sine, cosine: table.cosine)
        let products = matmul(q, q.transpose(2, 3)).doubles()
        expectClose(
            [products[1], products[6], products[11]], [products[4], products[1], products[1]], absolute: 1e-12)
        #expect((products[1] - products[2]).magnitude > 0.1)
    }

    @Test func `a longer axis sets the scale where asked`() {
        // With the scale of the longer axis, a 2 x 4 grid's rows are the first two of a 4 x 4 grid's.
        let longer = embedding { $0.coordinates = .max }
        let wide = longer.table(height: 2, width: 4).sine.doubles()
        let square = longer.table(height: 4, width: 4).sine.doubles()
        #expect(wide.elementsEqual(square[..<wide.count]))
        let shorter = embedding { $0.coordinates = .min }
        let small = shorter.table(height: 2, width: 2).cosine
        #expect(
            shorter.table(height: 2, width: 4).cosine.narrow(dim: 0, start: 0, length: 2).doubles()
                == small.narrow(dim: 0, start: 0, length: 2).doubles())
    }

    @Test func `random stretching stays in its limits and follows its key`() {
        let embedding = embedding {
            $0.shift = 0.25
            $0.jitter = 1.5
            $0.rescale = 2
        }
        var low = Double.infinity
        var high = 0.0
        for step in 0..<200 {
            var random = CounterRandom(seed: 5, path: [step])
            let stretch = embedding.stretch(&random)
            #expect(stretch.shift.row.magnitude <= 0.25 && stretch.shift.column.magnitude <= 0.25)
            #expect(stretch.factor.row / stretch.factor.column <= 2.25001)
            low = min(low, stretch.factor.row)
            high = max(high, stretch.factor.row)
            var again = CounterRandom(seed: 5, path: [step])
            #expect(embedding.stretch(&again) == stretch)
        }
        #expect(low >= 1 / 3.0001 && low < 0.6)
        #expect(high <= 3.0001 && high > 1.7)
    }

    @Test func `bfloat16 tables hold bfloat16 numbers`() {
        let table = embedding { $0.precision = .bfloat16 }.table(height: 2, width: 3)
        #expect(table.sine.dtype == .bfloat16)
    }
}
