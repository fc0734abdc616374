// The heads for classes against PyTorch and transformers, and what holds for all of them.
import Backbone
import Downstream
import Telemetry
import Testing
import Torch

/// Training of a step without anything random to be seen.
private let training = ForwardContext.training(seed: 5, step: 3)

/// Taps that follow a formula; as in `heads.py`.
private func taps(
    _ batch: Int, _ rows: Int, _ columns: Int, count: Int = 4, dtype: DType = .float32
) -> [(map: Tensor, cls: Tensor)] {
    (0..<count).map {
        (
            wave([batch, 8, rows, columns], 0.2 * Double($0), 1, 0.21, dtype: dtype),
            wave([batch, 8], 0.5 * Double($0), dtype: dtype)
        )
    }
}

/// Gives parameters and running statistics waves of their own; as in `heads.py`.
private func setAllWaves(_ head: some DenseHead, dtype: DType) {
    setWaves(head)
    withoutGradient {
        for (number, buffer) in head.buffers().sorted(by: { $0.name < $1.name }).enumerated() {
            let start = buffer.name.hasSuffix("var") ? 1.0 : 0
            buffer.tensor.copy_(wave(buffer.tensor.shape, 0.3 * Double(number), 0.4, dtype: dtype) + start)
        }
    }
}

/// Compares the gradients of all outputs, weighed by waves, with those of the golden file.
private func expectGradients(
    _ head: some DenseHead, _ outputs: [Tensor], _ golden: SafetensorsFile, _ tag: String, limit: Double,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let parts = outputs.enumerated().map { index, y in
        (y * wave(y.shape, 0.3 + Double(index), 1, 0.013, dtype: y.dtype)).sum()
    }
    parts.dropFirst().reduce(parts[0], +).backward()
    let parameters = Dictionary(uniqueKeysWithValues: head.parameters().map { ($0.name, $0.tensor) })
    let prefix = "\(tag)/gradient/"
    let names = golden.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    #expect(names.count > 3, sourceLocation: sourceLocation)
    for name in names {
        let parameter = try #require(parameters[name], "\(name)", sourceLocation: sourceLocation)
        let gradient = try #require(
            parameter.gradient, "\(name) has no gradient", sourceLocation: sourceLocation)
        expectParity(
            gradient, try golden.tensor(prefix + name), limit: limit, "gradient of \(name)",
            sourceLocation: sourceLocation)
    }
}

// Answers are stored in single precision. Measured with PyTorch itself: float32 is within 1.1e-6 of float64, and 1.3e-5 in gradients.
private let precisions: [(DType, Double, Double)] = [(.float32, 1e-5, 1e-4), (.float64, 5e-7, 5e-7)]

struct EnlargementTests {
    /// Sizes on both sides of the one from which matrix products are taken.
    @Test(arguments: [
        ([2, 3, 12, 12], 96, 96), ([1, 7, 5, 9], 40, 72), ([2, 1, 1, 1], 8, 8), ([1, 2, 64, 3], 256, 13),
        ([1, 2, 64, 3], 256, 12), ([1, 2, 65, 4], 260, 16), ([1, 2, 9, 7], 36, 27), ([1, 2, 9, 9], 3, 4),
    ])
    func `resized maps and their gradients are libtorch's`(shape: [Int], height: Int, width: Int) throws {
        for aligned in [false, true] {
            for dtype in [DType.float32, .float64] {
                let weights = wave([shape[0], shape[1], height, width], 0.3, 1, 0.17, dtype: dtype)
                let answers = try [true, false].map { ours in
                    let x = wave(shape, 0.1, 1, 0.37, dtype: dtype)
                    x.requiresGradient = true
                    let y =
                        ours
                        ? resized(x, to: (height, width), alignCorners: aligned)
                        : interpolate(x, size: (height, width), mode: .bilinear, alignCorners: aligned)
                    (y * weights).sum().backward()
                    return (y: y.detached(), gradient: try #require(x.gradient))
                }
                let limit = dtype == .float32 ? 2e-6 : 1e-14
                expectParity(answers[0].y, answers[1].y, limit: limit, "map")
                expectParity(answers[0].gradient, answers[1].gradient, limit: limit, "gradient")
            }
        }
    }

    @Test func `half precision is resized in half precision`() {
        let x = wave([1, 2, 4, 4], 0.1).to(.bfloat16)
        #expect(resized(x, to: (16, 16)).dtype == .bfloat16)
    }
}

struct LinearHeadTests {
    private func tiny(dtype: DType) -> LinearHead {
        var sizes = LinearHeadConfiguration()
        sizes.taps = 2
        sizes.dropout = 0
        let head = LinearHead(sizes, tokenWidth: 8, outputs: 5, generator: Generator(seed: 1), dtype: dtype)
        setAllWaves(head, dtype: dtype)
        head.setRequiresGradient(true)
        return head
    }

    @Test(arguments: precisions)
    func `two steps and an evaluation equal PyTorch's batch norm and convolution`(
        dtype: DType, limit: Double, ofGradients: Double
    ) throws {
        let golden = try SafetensorsFile(path: goldenPath("heads.safetensors"))
        let head = tiny(dtype: dtype)
        func logits(_ rows: Int, _ context: ForwardContext) -> Tensor {
            head.forward(taps(3, rows, 5, count: 2, dtype: dtype), patchSize: 4, context: context).logits
        }
        let trained = logits(3, training)
        expectParity(trained.detached(), try golden.tensor("linear/train"), limit: limit, "training")
        try expectGradients(head, [trained], golden, "linear", limit: ofGradients)
        _ = logits(4, training)
        #expect(head.buffers().map(\.name) == ["norm.running_mean", "norm.running_var"])
        for (name, tensor) in head.buffers() {
            expectParity(tensor, try golden.tensor("linear/after/\(name)"), limit: limit, name)
        }
        let before = head.buffers().flatMap { $0.tensor.doubles() }
        expectParity(
            logits(3, .evaluation).detached(), try golden.tensor("linear/eval"), limit: limit, "evaluation")
        #expect(head.buffers().flatMap { $0.tensor.doubles() } == before)
    }

    @Test func `a fresh head gives all classes nearly the same chance`() {
        let head = LinearHead(LinearHeadConfiguration(), tokenWidth: 512, outputs: 7, generator: Generator(seed: 1))
        let tensors = Dictionary(uniqueKeysWithValues: head.parameters().map { ($0.name, $0.tensor) })
        let weight = tensors["conv.weight"]?.doubles() ?? []
        let deviation = (weight.reduce(0) { $0 + $1 * $1 } / Double(weight.count)).squareRoot()
        expectClose([deviation], [0.01], absolute: 0.0005)
        #expect(tensors["conv.bias"]?.doubles() == [Double](repeating: 0, count: 7))
        #expect(tensors["norm.weight"]?.doubles() == [Double](repeating: 1, count: 512))
    }

    /// With the unit matrix for its weights, the head shows what dropout does.
    @Test func `dropout takes whole channels, by seed and step`() {
        var sizes = LinearHeadConfiguration()
        sizes.norm = .none
        sizes.dropout = 0.25
        let head = LinearHead(sizes, tokenWidth: 400, outputs: 400, generator: Generator(seed: 1))
        withoutGradient {
            for (name, tensor) in head.parameters() {
                tensor.copy_(name == "conv.weight" ? Tensor.eye(400).reshaped([400, 400, 1, 1]) : tensor.zerosLike())
            }
        }
        let ones = [(map: Tensor.ones([2, 400, 2, 1]), cls: Tensor.ones([2, 400]))]
        func values(_ context: ForwardContext) -> [Double] {
            head.forward(ones, patchSize: 1, context: context).logits.doubles()
        }
        #expect(values(.evaluation) == [Double](repeating: 1, count: 1600))
        let first = values(.training(seed: 7, step: 4))
        for channel in 0..<800 {
            #expect(first[2 * channel] == first[2 * channel + 1])
            #expect(first[2 * channel] == 0 || (first[2 * channel] - 4.0 / 3).magnitude < 1e-6)
        }
        // 200 of 800 are expected, with a deviation of 12.
        #expect((150...250).contains(first.count { $0 == 0 } / 2))
        #expect(first == values(.training(seed: 7, step: 4)))
        #expect(first != values(.training(seed: 7, step: 5)))
        #expect(first != values(.training(seed: 8, step: 4)))
    }
}

struct UPerNetHeadTests {
    private func tiny(_ norm: HeadNorm, dtype: DType) -> UPerNetHead {
        var sizes = UPerNetConfiguration()
        sizes.channels = 8
        sizes.auxiliaryChannels = 4
        sizes.norm = norm
        sizes.dropout = 0
        let head = UPerNetHead(sizes, tokenWidth: 8, outputs: 5, generator: Generator(seed: 1), dtype: dtype)
        setAllWaves(head, dtype: dtype)
        head.setRequiresGradient(true)
        return head
    }

    @Test(arguments: precisions)
    func `batch norm equals transformers'`(dtype: DType, limit: Double, ofGradients: Double) throws {
        let golden = try SafetensorsFile(path: goldenPath("heads.safetensors"))
        let head = tiny(.batch, dtype: dtype)
        let taps = taps(3, 6, 4, dtype: dtype)
        let evaluated = withoutGradient { head.forward(taps, patchSize: 3, context: .evaluation) }
        #expect(evaluated.auxiliary.isEmpty)
        expectParity(evaluated.logits, try golden.tensor("upernet/batch/eval"), limit: limit, "evaluation")
        let trained = head.forward(taps, patchSize: 3, context: training)
        expectParity(trained.logits.detached(), try golden.tensor("upernet/batch/train"), limit: limit, "training")
        #expect(trained.auxiliary.count == 1)
        expectParity(
            trained.auxiliary[0].detached(), try golden.tensor("upernet/batch/auxiliary"), limit: limit, "auxiliary")
        for (name, tensor) in head.buffers() where !name.hasPrefix("auxiliary_head") {
            expectParity(tensor, try golden.tensor("upernet/batch/after/\(name)"), limit: limit, name)
        }
        try expectGradients(
            head, [trained.logits] + trained.auxiliary, golden, "upernet/batch", limit: ofGradients)
    }

    @Test(arguments: precisions)
    func `group norm equals transformers' with PyTorch's group norm in it`(
        dtype: DType, limit: Double, ofGradients: Double
    ) throws {
        let golden = try SafetensorsFile(path: goldenPath("heads.safetensors"))
        let head = tiny(.group, dtype: dtype)
        let taps = taps(3, 6, 4, dtype: dtype)
        let trained = head.forward(taps, patchSize: 3, context: training)
        expectParity(trained.logits.detached(), try golden.tensor("upernet/group/train"), limit: limit, "logits")
        expectParity(
            trained.auxiliary[0].detached(), try golden.tensor("upernet/group/auxiliary"), limit: limit, "auxiliary")
        #expect(golden.names.count { $0.hasPrefix("upernet/group/gradient/") } == head.parameters().count)
        try expectGradients(
            head, [trained.logits] + trained.auxiliary, golden, "upernet/group", limit: ofGradients)
        // Training and evaluation are the same.
        let evaluated = withoutGradient { head.forward(taps, patchSize: 3) as Tensor }
        #expect(evaluated.doubles() == trained.logits.detached().doubles())
        #expect(head.buffers().isEmpty)
    }

    /// Of one crop the coarsest pooling leaves one pixel: a variance of one value would be nothing divided by nothing.
    @Test func `batch norm of a single pixel leaves its running statistics alone`() throws {
        let head = tiny(.batch, dtype: .float32)
        func statistics() -> [String: [Double]] {
            Dictionary(uniqueKeysWithValues: head.buffers().map { ($0.name, $0.tensor.doubles()) })
        }
        let before = statistics()
        let trained = head.forward(taps(1, 6, 4), patchSize: 3, context: training)
        #expect(trained.logits.isAllFinite)
        let after = statistics()
        let kept = after.keys.filter { after[$0] == before[$0] }
        #expect(kept.count == 2 && kept.allSatisfy { $0.contains("psp_modules.0") })
        #expect(after.values.allSatisfy { $0.allSatisfy(\.isFinite) })
        trained.logits.sum().backward()
        #expect(head.parameters().allSatisfy { $0.tensor.gradient?.isAllFinite ?? true })
    }

    @Test func `without an auxiliary head there is no trace of one`() {
        var sizes = UPerNetConfiguration()
        sizes.channels = 8
        sizes.auxiliaryWeight = 0
        let head = UPerNetHead(sizes, tokenWidth: 8, outputs: 5, generator: Generator(seed: 1))
        #expect(!head.parameters().contains { $0.name.hasPrefix("auxiliary") })
        #expect(head.forward(taps(1, 2, 2), patchSize: 4, context: training).auxiliary.isEmpty)
        #expect(UPerNetConfiguration().auxiliaryWeight == 0.4)
    }
}

struct DenseClassHeadTests {
    private func tiny(_ norm: HeadNorm, dtype: DType, dropout: Double = 0) -> DenseClassHead {
        var sizes = DenseClassHeadConfiguration()
        sizes.postChannels = [4, 8, 8, 16]
        sizes.channels = 8
        sizes.norm = norm
        sizes.dropout = dropout
        let head = DenseClassHead(sizes, tokenWidth: 8, outputs: 5, generator: Generator(seed: 1), dtype: dtype)
        setAllWaves(head, dtype: dtype)
        head.setRequiresGradient(true)
        return head
    }

    /// Every second pixel of every second row, which is what is stored.
    private func thinned(_ x: Tensor) -> Tensor {
        let (rows, columns) = (x.shape[2], x.shape[3])
        func even(_ count: Int) -> Tensor { Tensor(Array(stride(from: 0, to: count, by: 2))) }
        return x.indexSelect(dim: 2, indices: even(rows)).indexSelect(dim: 3, indices: even(columns))
    }

    @Test(arguments: precisions)
    func `it equals transformers'`(dtype: DType, limit: Double, ofGradients: Double) throws {
        let golden = try SafetensorsFile(path: goldenPath("heads.safetensors"))
        let taps = taps(2, 2, 4, dtype: dtype)
        let batch = withoutGradient { tiny(.batch, dtype: dtype).forward(taps, patchSize: 16) as Tensor }
        expectParity(thinned(batch), try golden.tensor("dense/batch"), limit: limit, "batch norm")
        let head = tiny(.group, dtype: dtype)
        let logits = head.forward(taps, patchSize: 16, context: training).logits
        expectParity(
            thinned(logits.detached()), try golden.tensor("dense/group"), limit: limit, "group norm")
        try expectGradients(head, [logits], golden, "dense", limit: ofGradients)
    }

    @Test func `dropout follows seed and step`() {
        let head = tiny(.group, dtype: .float32, dropout: 0.5)
        func values(_ context: ForwardContext) -> [Double] {
            withoutGradient { head.forward(taps(2, 2, 2), patchSize: 8, context: context).logits }.doubles()
        }
        let first = values(.training(seed: 7, step: 4))
        #expect(first == values(.training(seed: 7, step: 4)))
        #expect(first != values(.training(seed: 7, step: 5)))
        #expect(first != values(.evaluation))
        #expect(values(.evaluation) == values(.evaluation))
    }
}
