// Heads behind one interface: how they are named on disk, saved, read and laid over any grid.
import Backbone
import Downstream
import FoundationEssentials
import Telemetry
import Testing
import Torch

/// One of each kind, tiny.
private let kinds: [HeadConfiguration] = {
    var depth = DenseHeadConfiguration()
    depth.postChannels = [4, 4, 8, 8]
    depth.channels = 8
    depth.hidden = 4
    var dense = DenseClassHeadConfiguration()
    dense.postChannels = [4, 4, 8, 8]
    dense.channels = 8
    var batch = dense
    batch.norm = .batch
    var pyramid = UPerNetConfiguration()
    pyramid.channels = 8
    pyramid.auxiliaryChannels = 4
    var pyramidOfBatch = pyramid
    pyramidOfBatch.norm = .batch
    var linear = LinearHeadConfiguration()
    linear.taps = 3
    return [
        .depth(depth), .linear(LinearHeadConfiguration()), .linear(linear), .dpt(dense), .dpt(batch), .upernet(pyramid),
        .upernet(pyramidOfBatch),
    ]
}()

private func taps(_ head: any DenseHead, _ batch: Int, _ rows: Int, _ columns: Int) -> [(map: Tensor, cls: Tensor)] {
    (0..<head.tapCount).map {
        (
            wave([batch, head.tokenWidth, rows, columns], 0.2 * Double($0), 1, 0.21),
            wave([batch, head.tokenWidth], 0.5 * Double($0))
        )
    }
}

private func make(_ configuration: HeadConfiguration, seed: UInt64 = 1) -> any DenseHead {
    configuration.makeHead(tokenWidth: 8, outputs: 5, generator: Generator(seed: seed))
}

private func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

private func read(_ text: String) throws -> HeadConfiguration {
    try JSONDecoder().decode(HeadConfiguration.self, from: Data(text.utf8))
}

struct HeadConfigurationTests {
    @Test func `without a kind it is the canopy model's head, byte by byte`() throws {
        let text = #"{"post_channels": [1, 2, 3, 4], "channels": 6, "hidden": 5}"#
        guard case .depth(let sizes) = try read(text) else {
            Issue.record("a head without a kind is not one for heights")
            return
        }
        #expect(sizes.postChannels == [1, 2, 3, 4] && sizes.channels == 6 && sizes.hidden == 5)
        #expect(try json(HeadConfiguration.depth(sizes)) == json(sizes))
        #expect(HeadConfiguration.depth(sizes).kind == nil)
    }

    @Test(arguments: kinds)
    func `it comes back from JSON`(configuration: HeadConfiguration) throws {
        #expect(try read(json(configuration)) == configuration)
        #expect(configuration.problems.isEmpty)
    }

    @Test func `kinds and sizes are read by their names`() throws {
        guard case .linear(let linear) = try read(#"{"kind": "linear", "taps": 4, "norm": "group", "dropout": 0.2}"#)
        else {
            Issue.record("not a linear head")
            return
        }
        #expect(linear.taps == 4 && linear.norm == .group && linear.dropout == 0.2)
        let words = """
            {"kind": "upernet", "channels": 64, "auxiliary_channels": 32, "auxiliary_weight": 0.4, "norm": "group", \
            "dropout": 0.1}
            """
        #expect(try read(words).tapCount == 4)
        let error = try #require(throws: DecodingError.self) { try read(#"{"kind": "mlp"}"#) }
        guard case .dataCorrupted(let context) = error else { throw error }
        #expect(context.debugDescription == "the kind of a head must be linear, dpt or upernet, got 'mlp'")
        #expect(throws: DecodingError.self) { try read(#"{"kind": "linear", "taps": 1}"#) }
    }

    @Test func `wrong sizes are named`() {
        var linear = LinearHeadConfiguration()
        linear.taps = 5
        linear.dropout = 1
        #expect(
            HeadConfiguration.linear(linear).problems == [
                "head.taps is 5; expected 1 to 4", "head.dropout is 1.0; expected 0 up to, but not including, 1",
            ])
        var dense = DenseClassHeadConfiguration()
        dense.norm = .none
        dense.postChannels = [1]
        #expect(
            HeadConfiguration.dpt(dense).problems == [
                "head.post_channels is [1]; expected four numbers from 1 to 8192",
                "head.norm is none; expected batch or group",
            ])
        var pyramid = UPerNetConfiguration()
        pyramid.auxiliaryChannels = 0
        pyramid.auxiliaryWeight = -1
        #expect(
            HeadConfiguration.upernet(pyramid).problems == [
                "head.auxiliary_channels is 0; expected 1 to 4096", "head.auxiliary_weight is -1.0; expected 0 or more",
            ])
    }
}

struct DenseHeadTests {
    @Test(arguments: kinds)
    func `the output has the pixels of any grid and patch size`(configuration: HeadConfiguration) {
        let head = make(configuration)
        #expect(head.tapCount == configuration.tapCount && head.tokenWidth == 8 && head.outputs == 5)
        for (rows, columns, patch) in [(1, 1, 16), (2, 3, 8), (5, 4, 14), (7, 7, 4)] {
            let output = withoutGradient { head.forward(taps(head, 2, rows, columns), patchSize: patch) as Tensor }
            #expect(output.shape == [2, 5, rows * patch, columns * patch])
            #expect(output.isAllFinite)
            let context = ForwardContext.training(seed: 1, step: 1)
            let trained = withoutGradient {
                head.forward(taps(head, 2, rows, columns), patchSize: patch, context: context)
            }
            for logits in [trained.logits] + trained.auxiliary {
                #expect(logits.shape == output.shape && logits.isAllFinite)
            }
        }
    }

    /// All but the linear head, which needs no even grid.
    @Test(arguments: kinds.filter { $0.kind != .linear })
    func `an odd grid is padded by its edge and cropped`(configuration: HeadConfiguration) {
        let head = make(configuration)
        let odd = taps(head, 1, 3, 5)
        let even = odd.map { (map: $0.map.padded([0, 1, 0, 1], .replicate), cls: $0.cls) }
        let (a, b): (Tensor, Tensor) = withoutGradient {
            (head.forward(odd, patchSize: 16), head.forward(even, patchSize: 16))
        }
        #expect(a.shape == [1, 5, 48, 80] && b.shape == [1, 5, 64, 96])
        #expect(
            a.doubles() == b.narrow(dim: 2, start: 0, length: 48).narrow(dim: 3, start: 0, length: 80).doubles())
    }

    @Test(arguments: kinds)
    func `all of its state is saved and comes back`(configuration: HeadConfiguration) throws {
        try withTemporaryFolder { folder in
            let head = make(configuration)
            // A step of training moves running statistics.
            _ = withoutGradient {
                head.forward(taps(head, 2, 4, 4), patchSize: 4, context: .training(seed: 1, step: 1))
            }
            let names = head.state().map(\.name)
            #expect(Set(names).count == names.count)
            #expect(names == head.parameters().map(\.name) + head.buffers().map(\.name))
            let path = folder + "/head.safetensors"
            try writeSafetensors(head.state(), metadata: ["format": "pt"], to: path)
            let read = try configuration.loadHead(from: path, tokenWidth: 8, outputs: 5)
            let restored = make(configuration, seed: 2)
            try restored.restore(from: SafetensorsFile(path: path))
            func logits(_ head: any DenseHead) -> [Double] {
                withoutGradient { head.forward(taps(head, 1, 4, 2), patchSize: 4) as Tensor }.doubles()
            }
            #expect(logits(read) == logits(head))
            #expect(logits(restored) == logits(head))
            #expect(logits(make(configuration, seed: 2)) != logits(head))
        }
    }

    @Test(arguments: kinds)
    func `a file of another head is refused tensor by tensor`(configuration: HeadConfiguration) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/head.safetensors"
            let head = make(configuration)
            try writeSafetensors(head.state() + [(name: "extra", tensor: Tensor.ones([1]))], to: path)
            let extra = try #require(throws: DownstreamError.self) {
                try configuration.loadHead(from: path, tokenWidth: 8, outputs: 5)
            }
            #expect(extra.code == .badModel && extra.causes == ["unexpected: extra"])
            try writeSafetensors(Array(head.state().dropFirst()), to: path)
            let missing = try #require(throws: DownstreamError.self) {
                try configuration.loadHead(from: path, tokenWidth: 8, outputs: 5)
            }
            #expect(missing.causes == ["missing: \(head.state()[0].name)"])
            try writeSafetensors(head.state(), to: path)
            let shape = try #require(throws: DownstreamError.self) {
                try configuration.loadHead(from: path, tokenWidth: 8, outputs: 6)
            }
            #expect(shape.causes.count == 1 && shape.causes[0].hasPrefix("wrong shape: "))
        }
    }

    @Test(arguments: kinds)
    func `equal seeds give equal heads, and every parameter is trained`(configuration: HeadConfiguration) {
        func values(_ seed: UInt64) -> [Double] {
            make(configuration, seed: seed).parameters().flatMap { $0.tensor.doubles() }
        }
        #expect(values(1) == values(1))
        #expect(values(1) != values(2))
        let head = make(configuration)
        head.setRequiresGradient(true)
        let output = head.forward(taps(head, 2, 6, 4), patchSize: 4, context: .training(seed: 1, step: 1))
        (output.auxiliary.reduce(output.logits.square().sum()) { $0 + $1.square().sum() }).backward()
        for (name, tensor) in head.parameters() { #expect(tensor.gradient != nil, "\(name)") }
        #expect(!head.buffers().contains { $0.tensor.requiresGradient })
    }

    @Test func `the canopy head answers through the interface as it did`() {
        let head = make(kinds[0])
        let taps = taps(head, 1, 3, 4)
        let direct = withoutGradient { (head as? DensePredictionHead)?.forward(taps, patchSize: 8) }
        let output = withoutGradient {
            head.forward(taps, patchSize: 8, context: .training(seed: 1, step: 1))
        }
        #expect(direct?.doubles() == output.logits.doubles())
        #expect(output.auxiliary.isEmpty && head.buffers().isEmpty && head.auxiliaryWeight == 0)
    }
}
