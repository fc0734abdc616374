// Heads and losses against the spec's vectors (T4 to T9) and against PyTorch with gradients.
import Glibc
import Pretraining
import Telemetry
import Testing
import Torch

/// amplitude * sin(frequency * i + phase) over the flat index, in double, as single.
func fill(_ shape: [Int], _ phase: Double, _ amplitude: Double = 1, _ frequency: Double = 0.37) -> Tensor {
    let count = shape.reduce(1, *)
    return Tensor((0..<count).map { Float(amplitude * sin(frequency * Double($0) + phase)) }, shape: shape)
}

/// A tensor that wants a gradient.
func leaf(_ tensor: Tensor) -> Tensor {
    tensor.requiresGradient = true
    return tensor
}

/// The gradients of a tensor of one element with respect to leaves.
private func gradients(of y: Tensor, withRespectTo leaves: [Tensor]) -> [Tensor?] {
    for leaf in leaves { leaf.gradient = nil }
    y.backward()
    return leaves.map(\.gradient)
}

/// What an operator of libtorch's gives, for what only tests compute.
private func called(_ name: String, _ overload: String, _ arguments: [BoxedValue]) -> Tensor {
    callOperator("aten::" + name, overload, arguments)[0]
}

struct ObjectiveTests {
    private func near(_ a: Double, _ b: Double, _ tolerance: Double = 1e-5) -> Bool {
        abs(a - b) <= tolerance * max(1, abs(b))
    }

    private func assigned() -> Tensor { assignments(fill([4, 6], 0.2), temperature: 0.07) }

    /// The loss of scores as they are: of tokens whose prototypes are the axes.
    private func loss(
        scores: Tensor, targets: Tensor, pairs: [[Double]], rows: Tensor? = nil, rowsAtATime: Int? = nil
    ) -> Tensor {
        let count = scores.shape[scores.shape.count - 1]
        return prototypeLoss(
            scores.reshaped([-1, count]), prototypes: .eye(count), targets: .whole(targets), pairs: pairs, rows: rows,
            temperature: 0.1, rowsAtATime: rowsAtATime
        ).total
    }

    /// Pairs of `students` with two teachers' crops, each of the same weight, those of a crop with itself left out or not.
    private func pairs(_ students: Int, batch: Int, ignoreDiagonal: Bool) -> [[Double]] {
        let count = batch * (students * 2 - (ignoreDiagonal ? 2 : 0))
        return (0..<students).map { s in (0..<2).map { t in ignoreDiagonal && s == t ? 0 : 1 / Double(count) } }
    }

    @Test func `T4, balanced assignments`() {
        let expected: [Float] = [
            1.4797e-4, 0.0202831, 0.0882670, 0.3114434, 0.4994046, 0.0804538, 0.9886461, 0.0113478, 6.0314e-6, 1.28e-8,
            1.7e-10,
            5.7e-12, 1.1814e-6, 2.2410e-6, 2.4329e-6, 4.6586e-5, 0.0070148, 0.9929327, 0.0085643, 0.4034822, 0.3567104,
            0.1875286, 0.0425170, 0.0011976,
        ]
        let worst = largestDifference(assigned().floats(), expected)
        #expect(worst.value < 1e-5, "at \(worst.index)")
    }

    @Test func `assignments survive logits that overflow an exponential`() {
        let q = assignments(fill([4, 6], 0.2) * 300, temperature: 0.04)
        #expect(q.floats().allSatisfy { $0.isFinite })
        #expect(q.sum([1]).floats().allSatisfy { abs($0 - 1) < 1e-5 })
    }

    @Test func `a few rounds by scaling equal the log domain`() {
        for amplitude in [1.0, 9, 400] {
            let scores = fill([7, 30], 0.2, amplitude)
            for rounds in 1...3 {
                var logs = scores.to(.float64) / 0.05
                for _ in 0..<rounds {
                    for dim in 0...1 {
                        logs = logs - called("logsumexp", "", [.tensor(logs), .ints([dim]), .bool(true)])
                    }
                }
                let found = sinkhorn(scores, temperature: 0.05, iterations: rounds)
                let worst = largestDifference(found.floats(), logs.doubles().map { Float(exp($0)) })
                // In single precision a logit of size x is known to 6e-8 x.
                #expect(worst.value < Float(2e-6 + amplitude * 2.4e-6), "\(rounds) rounds, at \(worst.index)")
            }
        }
    }

    @Test func `losses of undefined tensors leave the failure to the scope`() {
        let error = #expect(throws: TorchError.self) {
            try catchingTorchErrors {
                let broken = matmul(Tensor.ones([2, 3]), Tensor.ones([2, 3]))
                let q = assignments(broken, temperature: 0.1)
                let dino = prototypeLoss(broken, prototypes: q, targets: .whole(q), pairs: [[1]], temperature: 0.1)
                let gram = gramLoss(student: broken, teacher: q, level: .image, negatives: .kept)
                return (dino.total + gram + koleoLoss(broken)).item()
            }
        }
        #expect(error?.code == .operation)
    }

    @Test func `T5, DINO over pairs of crops`() {
        let q = assigned().reshaped([2, 2, 6])
        let local = loss(
            scores: fill([8, 2, 6], 0.9), targets: q, pairs: pairs(8, batch: 2, ignoreDiagonal: false))
        #expect(near(local.item(), 5.4218559))
        let both = fill([2, 2, 6], 0.5)
        for (ignoreDiagonal, expected) in [(true, 4.6199484), (false, 2.6773861)] {
            let found = loss(
                scores: both, targets: q, pairs: pairs(2, batch: 2, ignoreDiagonal: ignoreDiagonal))
            #expect(near(found.item(), expected))
        }
    }

    @Test func `T6, iBOT on hidden patches`() {
        let teacher = (fill([5, 6], 0.4) / 0.07).softmax(dim: -1)
        let weights = Tensor([1.0 / 3, 1.0 / 3, 1.0 / 3, 0.5, 0.5].map { Float($0) }, shape: [5])
        for chunk in [1, 2, 5, 100] {
            let found = loss(
                scores: fill([5, 6], 1.1), targets: teacher.unsqueezed(dim: 0), pairs: [[0.25]], rows: weights,
                rowsAtATime: chunk)
            #expect(near(found.item(), 0.7358763))
        }
    }

    @Test func `T7, KoLeo`() {
        #expect(near(koleoLoss(fill([5, 8], 0.3, 1, 0.9)).item(), 0.1398605))
    }

    @Test func `T8, Gram`() {
        let (student, teacher) = (fill([2, 4, 8], 0.1, 1, 0.53), fill([2, 4, 8], 0.7, 1, 0.31))
        for (level, negatives, expected) in [
            (GramLevel.image, GramNegatives.kept, 0.3282559), (.batch, .kept, 0.7147871), (.image, .removed, 0.0898026),
            (.image, .removedOfTeacherAsPublished, 0.3586790),
        ] {
            let found = gramLoss(student: student, teacher: teacher, level: level, negatives: negatives)
            #expect(near(found.item(), expected), "\(level) \(negatives)")
        }
    }

    @Test(arguments: [(DType.float64, 1e-12), (.float32, 2e-5)])
    func `the prototype loss is that of a matrix of scores, whatever the chunks`(dtype: DType, limit: Double) throws {
        // The last three crops share their pairs, as local ones do.
        let (crops, batch, width, count) = (6, 3, 5, 11)
        let weights = [[0, 0.3], [0.7, 0], [0, 0], [0.2, 0.9], [0.2, 0.9], [0.2, 0.9]]
        let targets = assignments(fill([2 * batch, count], 0.4).to(dtype), temperature: 0.3)
            .reshaped([2, batch, count])
        // Rows that do not sum to one count by their sum.
        let heavier = targets * 1.7
        let rows = Tensor([0.5, 1, 2], shape: [batch]).to(dtype)
        func inputs() -> (tokens: Tensor, prototypes: Tensor) {
            (leaf(fill([crops * batch, width], 0.9).to(dtype)), leaf(fill([count, width], 0.2, 2).to(dtype)))
        }
        let plain = inputs()
        let logs = called(
            "log_softmax", "int", [.tensor(linear(plain.tokens, plain.prototypes) / 0.1), .int(-1)]
        ).reshaped([crops, 1, batch, count])
        let table = Tensor(weights.flatMap(\.self), shape: [crops, 2, 1]).to(dtype)
        let all = (logs * heavier.unsqueezed(dim: 0)).sum([-1]) * rows * table * -1
        let wanted = gradients(of: all.sum() * 3, withRespectTo: [plain.tokens, plain.prototypes])
        for chunk in [1, 2, 3, 6, 7, 1000] {
            let (tokens, prototypes) = inputs()
            let found = prototypeLoss(
                tokens, prototypes: prototypes, targets: .whole(heavier), pairs: weights, rows: rows, temperature: 0.1,
                rowsAtATime: chunk)
            #expect(abs(found.total.item() - all.sum().item()) <= limit * abs(all.sum().item()))
            let parts = zip(found.parts.doubles(), all.sum([1, 2]).doubles())
            #expect(parts.allSatisfy { abs($0 - $1) <= limit * max(1, abs($1)) })
            let got = gradients(of: found.total * 3, withRespectTo: [tokens, prototypes])
            for (a, b) in zip(got, wanted) {
                let (a, b) = (try #require(a).to(.float64).doubles(), try #require(b).to(.float64).doubles())
                let scale = b.map { abs($0) }.max() ?? 0
                #expect(scale > 0.1 && zip(a, b).allSatisfy { abs($0 - $1) <= limit * scale }, "chunks of \(chunk)")
            }
        }
        // Without a gradient to compute, none is.
        let still = withoutGradient {
            prototypeLoss(
                plain.tokens, prototypes: plain.prototypes, targets: .whole(heavier), pairs: weights, rows: rows,
                temperature: 0.1)
        }
        #expect(!still.total.requiresGradient)
        #expect(abs(still.total.item() - all.sum().item()) <= limit * abs(all.sum().item()))
    }

    @Test(arguments: [(DType.float64, 1e-10), (.float32, 2e-4)])
    func `assignments that are made row by row are those of a whole matrix`(dtype: DType, limit: Double) throws {
        let (crops, batch, width, count) = (2, 9, 5, 13)
        // Scores far beyond what an exponential holds, and ordinary ones.
        for amplitude in [1.0, 60] {
            let teacher = (
                fill([crops * batch, width], 0.3, amplitude).to(dtype), fill([count, width], 1.1).to(dtype)
            )
            let whole = assignments(linear(teacher.0, teacher.1), temperature: 0.07)
            let parts = (fill([3 * batch, width], 0.9).to(dtype), fill([count, width], 0.2, 2).to(dtype))
            let table = [[0, 0.3], [0.7, 0], [0.2, 0.9]]
            func answer(_ targets: PrototypeTargets, _ chunk: Int?) -> [Double] {
                let (tokens, prototypes) = (leaf(parts.0.cloned()), leaf(parts.1.cloned()))
                let found = prototypeLoss(
                    tokens, prototypes: prototypes, targets: targets, pairs: table, temperature: 0.1, rowsAtATime: chunk
                )
                let got = gradients(of: found.total, withRespectTo: [tokens, prototypes])
                return found.parts.doubles() + got.flatMap { $0?.doubles() ?? [] }
            }
            let wanted = answer(.whole(whole.reshaped([crops, batch, count])), nil)
            for chunk in [1, 4, 1000] {
                let scales = sinkhornScales(
                    teacher.0, prototypes: teacher.1, temperature: 0.07, rowsAtATime: chunk)
                let made = PrototypeTargets.made(
                    tokens: teacher.0.reshaped([crops, batch, width]), prototypes: teacher.1, scales: scales,
                    temperature: 0.07)
                let rows = concatenate(
                    [made.rows(crop: 0, start: 0, length: 9), made.rows(crop: 1, start: 0, length: 9)], dim: 0)
                let worst = (rows - whole).abs().max().item() as Double
                #expect(worst <= limit, "\(worst) at amplitude \(amplitude) in chunks of \(chunk)")
                let found = answer(made, chunk)
                let largest = wanted.map { abs($0) }.max() ?? 0
                #expect(
                    found.count == wanted.count && zip(found, wanted).allSatisfy { abs($0 - $1) <= limit * largest })
            }
        }
        #expect(throws: TorchError.self) {
            try catchingTorchErrors {
                _ = prototypeLoss(
                    .ones([4, 3]), prototypes: .ones([5, 3]),
                    targets: .made(
                        tokens: .ones([1, 4, 3]), prototypes: .ones([6, 3]), scales: .ones([6]), temperature: 1),
                    pairs: [[1]], temperature: 0.1)
            }
        }
    }

    @Test func `a second gradient after the first is an error in words`() throws {
        let error = #expect(throws: TorchError.self) {
            try catchingTorchErrors {
                let (tokens, prototypes) = (leaf(Tensor.ones([6, 4])), leaf(Tensor.ones([5, 4])))
                let loss = prototypeLoss(
                    tokens, prototypes: prototypes, targets: .whole(.ones([1, 6, 5])), pairs: [[1]], temperature: 0.1
                ).total
                loss.backward(retainGraph: true)
                #expect(tokens.gradient != nil && prototypes.gradient != nil)
                loss.backward()
            }
        }
        #expect("\(try #require(error))".contains("gives its gradient once"))
    }

    @Test func `shapes that do not fit the prototype loss are an error`() {
        let q = Tensor.ones([2, 3, 6])
        for (tokens, prototypes) in [([5, 4], [6, 4]), ([6, 4], [6, 5]), ([6, 4], [7, 4])] {
            #expect(throws: TorchError.self) {
                try catchingTorchErrors {
                    _ = prototypeLoss(
                        .ones(tokens), prototypes: .ones(prototypes), targets: .whole(q), pairs: [[1, 1], [1, 1]],
                        temperature: 0.1)
                }
            }
        }
    }

    /// A head whose weights follow from the sorted names, as T9 says.
    private func head(_ width: Int, _ hidden: Int, _ bottleneck: Int, _ prototypes: Int) -> PrototypeHead {
        let shapes: [(String, [Int])] = [
            ("mlp.0.weight", [hidden, width]), ("mlp.0.bias", [hidden]), ("mlp.2.weight", [hidden, hidden]),
            ("mlp.2.bias", [hidden]), ("mlp.4.weight", [bottleneck, hidden]), ("mlp.4.bias", [bottleneck]),
            ("last_layer.weight", [prototypes, bottleneck]),
        ]
        let order = shapes.map(\.0).sorted()
        return PrototypeHead(
            tensors: shapes.map { name, shape in leaf(fill(shape, 0.1 * Double(order.firstIndex(of: name) ?? 0), 0.3)) }
        )
    }

    @Test func `T9, the head`() {
        let expected: [Float] = [0.1756571, 0.3632211, -0.1097894, -0.3831306, 0.0403113, 0.3904408]
        let worst = largestDifference(head(8, 12, 4, 6).forward(fill([1, 8], 0)).floats(), expected)
        #expect(worst.value < 1e-5, "at \(worst.index)")
    }

    /// Holds a loss and the gradients of its inputs against the golden file.
    private func check(_ name: String, _ loss: Tensor, _ inputs: [(String, Tensor)]) throws {
        let golden = try golden("losses")
        let expected = try #require(golden[name]).values[0]
        #expect(abs(Float(loss.item()) - expected) <= 1e-5 + 1e-5 * abs(expected), "\(name)")
        for ((key, _), gradient) in zip(inputs, gradients(of: loss, withRespectTo: inputs.map(\.1))) {
            let expected = try #require(golden["\(name).gradient.\(key)"]).values
            let found = try #require(gradient).floats()
            let scale = expected.map(abs).max() ?? 0
            let worst = largestDifference(found, expected)
            #expect(worst.value <= 1e-5 * max(1, scale), "\(name), gradient of \(key) at \(worst.index)")
        }
    }

    @Test func `losses and their gradients equal PyTorch's`() throws {
        let q = assignments(fill([6, 10], 0.2), temperature: 0.07)
        let worst = largestDifference(q.floats(), try #require(try golden("losses")["sinkhorn"]).values)
        #expect(worst.value < 1e-5)
        let teacher = q.reshaped([2, 3, 10])
        let local = leaf(fill([5, 3, 10], 0.9))
        try check(
            "dino.local", loss(scores: local, targets: teacher, pairs: pairs(5, batch: 3, ignoreDiagonal: false)),
            [("student", local)])
        let both = leaf(fill([2, 3, 10], 0.5))
        try check(
            "dino.global", loss(scores: both, targets: teacher, pairs: pairs(2, batch: 3, ignoreDiagonal: true)),
            [("student", both)])
        let hidden = leaf(fill([7, 10], 1.1))
        let weights = Tensor([Float](repeating: 1.0 / 3, count: 3) + [0.25, 0.25, 0.25, 0.25], shape: [7])
        let targets = assignments(fill([7, 10], 0.4), temperature: 0.05)
        try check(
            "ibot",
            loss(scores: hidden, targets: targets.unsqueezed(dim: 0), pairs: [[0.25]], rows: weights),
            [("student", hidden)])
        let tokens = leaf(fill([6, 8], 0.3, 1, 0.9))
        try check("koleo", koleoLoss(tokens), [("tokens", tokens)])
        let groups = leaf(fill([8, 6], 0.2, 1, 0.77))
        try check("koleo.grouped", koleoLoss(groups, group: 4, neighbours: 2), [("tokens", groups)])
        for level in [GramLevel.image, .batch] {
            for negatives in [
                GramNegatives.kept, .removed, .removedOfTeacher, .removedOfTeacherAsPublished,
            ] {
                let student = leaf(fill([2, 4, 8], 0.1, 1, 0.53))
                let loss = gramLoss(
                    student: student, teacher: fill([2, 4, 8], 0.7, 1, 0.31), level: level, negatives: negatives)
                try check("gram.\(level.rawValue).\(negatives.rawValue)", loss, [("student", student)])
            }
        }
        let head = head(8, 12, 4, 6)
        let x = leaf(fill([3, 8], 0))
        let inputs = head.parameters().map { ($0.name.split(separator: ".").joined(separator: "_"), $0.tensor) }
        try check("head", (head.forward(x) * fill([3, 6], 0.7)).sum(), [("x", x)] + inputs)
    }
}
