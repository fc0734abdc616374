// Every typed function against libtorch's own operator of that name, called through the dispatcher: swapped or lost
// arguments cannot hide.
import Foundation
import Testing
import Torch

/// Pairs of a typed call and a boxed one, by the name in the table of functions.
private final class Oracle {
    var covered: Set<String> = []

    func check(
        _ function: String, _ operation: String, _ overload: String, _ arguments: [BoxedValue],
        location: SourceLocation = #_sourceLocation, _ typed: () -> [Tensor]
    ) {
        covered.insert(function)
        let expected = callOperator("aten::" + operation, overload, arguments)
        let got = typed()
        #expect(got.count == expected.count, "\(function)", sourceLocation: location)
        for (a, b) in zip(got, expected) {
            #expect(a.shape == b.shape && a.dtype == b.dtype, "\(function)", sourceLocation: location)
            #expect(a.bytes() == b.bytes(), "\(function)", sourceLocation: location)
        }
    }

    func check(
        _ function: String, _ operation: String, _ overload: String, _ arguments: [BoxedValue],
        location: SourceLocation = #_sourceLocation, _ typed: () -> Tensor
    ) {
        check(function, operation, overload, arguments, location: location) { [typed()] }
    }

    func check(
        _ function: String, _ arguments: [BoxedValue], location: SourceLocation = #_sourceLocation,
        _ typed: () -> Tensor
    ) {
        check(function, function, "", arguments, location: location) { [typed()] }
    }
}

@Suite(.serialized) struct OracleTests {
    let generator = Generator(seed: 5)
    let x, y, positive, square, image: Tensor
    let integers, mask: Tensor

    init() {
        x = .randn([3, 4], generator: generator)
        y = .randn([3, 4], generator: generator)
        positive = x.abs() + 0.5
        square = .randn([4, 4], generator: generator)
        image = .randn([2, 4, 6, 8], generator: generator)
        integers = Tensor([-7, 3, 0, 5, -1, 2, 7, -4, 1, 6, -2, 4] as [Int], shape: [3, 4])
        mask = y .> 0
    }

    @Test func `every typed function of the operator families has its boxed twin`() throws {
        let oracle = Oracle()
        create(oracle)
        pointwise(oracle)
        comparisons(oracle)
        inPlace(oracle)
        reductions(oracle)
        shapes(oracle)
        indices(oracle)
        products(oracle)
        images(oracle)
        let missing = try namesOfTable().subtracting(oracle.covered).subtracting([
            // Tested elsewhere: they have no single operator of their own.
            "from_bytes", "from_buffer", "rope", "sinkhorn", "is_all_finite", "empty", "split",
            "prototype_loss", "sinkhorn_scales", "can_pack_linear", "prefers_packed_linear", "pack_linear",
            "packed_linear", "solve_positive",
        ])
        #expect(missing.isEmpty)
    }

    @Test func `a positive definite system is solved, another is an error`() throws {
        let a = matmul(square, square.transpose(0, 1)).to(.float64) + Tensor.eye(4, dtype: .float64)
        let x = Tensor([1, -2, 0.5, 3, 0, 0, 1, 4], shape: [4, 2])
        let found = try catchingTorchErrors { solvePositive(a, matmul(a, x.to(.float64))) }
        #expect((found - x.to(.float64)).abs().max().item() < 1e-9)
        #expect(throws: TorchError.self) { try catchingTorchErrors { solvePositive(a * -1, x.to(.float64)) } }
    }

    /// The functions that the header lists in the families of operators.
    private func namesOfTable() throws -> Set<String> {
        let header = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/CTorchAPI/include/ctorch.h")
        let text = try String(contentsOf: header, encoding: .utf8)
        let start = try #require(text.range(of: "#define CT_CREATE(F)")).lowerBound
        let end = try #require(text.range(of: "#define CT_AUTOGRAD(F)")).lowerBound
        let part = text[start..<end]
        let plain = part.matches(of: /F\(int32_t, (\w+), \(/).map { String($0.1) }
        let short = part.matches(of: /CT_(?:UNARY|BINARY|SCALAR|REDUCTION)\(F, (\w+)\)/).map { String($0.1) }
        let names = Set(plain + short).subtracting(["name"])
        #expect(names.count > 80)
        return names
    }

    private func create(_ o: Oracle) {
        let float64 = BoxedValue.int(Int(DType.float64.rawValue))
        o.check("full", "full", "", [.ints([2, 3]), .double(1.5), float64]) {
            Tensor.full([2, 3], 1.5, dtype: .float64)
        }
        o.check("eye", [.int(3), float64]) { Tensor.eye(3, dtype: .float64) }
        o.check("zeros_like", [.tensor(x)]) { x.zerosLike() }
        o.check("to", "to", "dtype", [.tensor(x), float64]) { x.to(.float64) }
        o.check("clone", [.tensor(x)]) { x.cloned() }
        o.check("contiguous", [.tensor(x.transpose(0, 1))]) { x.transpose(0, 1).contiguous() }
        o.check("detach", [.tensor(x)]) { x.detached() }
    }

    private func pointwise(_ o: Oracle) {
        let real: [(String, (Tensor) -> Tensor)] = [
            ("abs", { $0.abs() }), ("neg", { -$0 }), ("square", { $0.square() }), ("sigmoid", { $0.sigmoid() }),
            ("relu", { $0.relu() }), ("silu", { $0.silu() }), ("sign", { $0.sign() }),
            ("isfinite", { $0.isFinite() }),
        ]
        for (name, typed) in real { o.check(name, [.tensor(x)]) { typed(x) } }
        o.check("log", [.tensor(positive)]) { positive.log() }
        o.check("sqrt", [.tensor(positive)]) { positive.sqrt() }
        o.check("gelu", [.tensor(x), .string("none")]) { x.gelu() }
        o.check("gelu", [.tensor(x), .string("tanh")]) { x.gelu(approximate: true) }
        o.check("add", "add", "Tensor", [.tensor(x), .tensor(y)]) { x + y }
        o.check("sub", "sub", "Tensor", [.tensor(x), .tensor(y)]) { x - y }
        o.check("mul", "mul", "Tensor", [.tensor(x), .tensor(y)]) { x * y }
        o.check("div", "div", "Tensor", [.tensor(x), .tensor(y)]) { x / y }
        o.check("add_scalar", "add", "Scalar", [.tensor(x), .double(2.5)]) { x + 2.5 }
        o.check("add_scalar", "sub", "Scalar", [.tensor(x), .double(2.5)]) { x - 2.5 }
        o.check("mul_scalar", "mul", "Scalar", [.tensor(x), .double(2.5)]) { 2.5 * x }
        o.check("div_scalar", "div", "Scalar", [.tensor(x), .double(2.5)]) { x / 2.5 }
        // Whole numbers keep integers integer; others make floats, as in Python.
        o.check("add_scalar", "add", "Scalar", [.tensor(integers), .int(3)]) { integers + 3 }
        o.check("mul_scalar", "mul", "Scalar", [.tensor(integers), .double(0.5)]) { integers * 0.5 }
        o.check("clamp", [.tensor(x), .double(-0.5), .double(0.25)]) { x.clamped(min: -0.5, max: 0.25) }
        o.check("clamp", [.tensor(x), .none, .double(0.25)]) { x.clamped(max: 0.25) }
        o.check("where", "where", "self", [.tensor(mask), .tensor(x), .tensor(y)]) { `where`(mask, x, y) }
        o.check("masked_fill", "masked_fill", "Scalar", [.tensor(x), .tensor(mask), .double(9)]) {
            x.maskedFill(mask, 9)
        }
        o.check("addcmul", [.tensor(x), .tensor(y), .tensor(positive), .double(0.3)]) {
            x.addcmul(y, positive, factor: 0.3)
        }
    }

    private func comparisons(_ o: Oracle) {
        // Whole numbers, so that some are equal.
        let whole = integers.to(.float32)
        o.check("lt_scalar", "lt", "Scalar", [.tensor(whole), .double(1)]) { whole.less(than: 1) }
        o.check("gt_scalar", "gt", "Scalar", [.tensor(whole), .double(1)]) { whole .> 1 }
        o.check("logical_and", [.tensor(whole), .tensor(mask)]) { whole.logicalAnd(mask) }
    }

    private func inPlace(_ o: Oracle) {
        // Each side changes a copy of its own.
        let target = x.cloned()
        o.check("copy_", [.tensor(x.cloned()), .tensor(y)]) { target.copy_(y) }
        #expect(target.bytes() == y.bytes())
    }

    private func reductions(_ o: Oracle) {
        let cube = image
        o.check("sum", "sum", "dim_IntList", [.tensor(cube), .ints([1, 3]), .bool(true)]) {
            cube.sum([1, 3], keepDims: true)
        }
        o.check("sum", "sum", "dim_IntList", [.tensor(cube), .none, .bool(false)]) { cube.sum() }
        o.check("mean", "mean", "dim", [.tensor(cube), .ints([1, 3]), .bool(true)]) {
            cube.mean([1, 3], keepDims: true)
        }
        o.check("amax", [.tensor(cube), .ints([1, 3]), .bool(true)]) { cube.max([1, 3], keepDims: true) }
        o.check("amax", [.tensor(cube), .ints([]), .bool(false)]) { cube.max() }
        o.check("all", "all", "dims", [.tensor(cube .> -1), .ints([1, 3]), .bool(true)]) {
            (cube .> -1).all([1, 3], keepDims: true)
        }
        o.check("var", "var", "correction", [.tensor(cube), .ints([1, 3])]) { cube.variance([1, 3]) }
        o.check("norm", "linalg_vector_norm", "", [.tensor(cube), .double(3), .ints([1, 3]), .bool(true)]) {
            cube.norm(3, dims: [1, 3], keepDims: true)
        }
        o.check("argmax", [.tensor(cube), .int(1), .bool(true)]) { cube.argmax(dim: 1, keepDims: true) }
        o.check("argmax", [.tensor(cube)]) { cube.argmax() }
        func two(_ pair: (values: Tensor, indices: Tensor)) -> [Tensor] { [pair.values, pair.indices] }
        o.check("median_dim", "median", "dim", [.tensor(cube), .int(1), .bool(true)]) {
            two(cube.median(dim: 1, keepDims: true))
        }
        o.check("log_softmax", "log_softmax", "int", [.tensor(cube), .int(1)]) { cube.logSoftmax(dim: 1) }
        o.check("softmax", "softmax", "int", [.tensor(cube), .int(1)]) { cube.softmax(dim: 1) }
        o.check("topk", "topk", "", [.tensor(cube), .int(3), .int(2), .bool(false), .bool(true)]) {
            two(cube.topK(3, dim: 2, largest: false))
        }
        o.check("sort", "sort", "stable", [.tensor(cube), .bool(true), .int(2), .bool(true)]) {
            two(cube.sorted(dim: 2, descending: true))
        }
    }

    private func shapes(_ o: Oracle) {
        let i = image
        o.check("reshape", [.tensor(i), .ints([8, -1])]) { i.reshaped([8, -1]) }
        o.check("flatten", "flatten", "using_ints", [.tensor(i), .int(1), .int(2)]) { i.flattened(from: 1, to: 2) }
        o.check("permute", [.tensor(i), .ints([3, 0, 2, 1])]) { i.permuted([3, 0, 2, 1]) }
        o.check("transpose", "transpose", "int", [.tensor(i), .int(1), .int(-1)]) { i.transpose(1, -1) }
        let thin = Tensor([1, 2, 3], shape: [3, 1])
        o.check("expand", [.tensor(thin), .ints([2, -1, 4])]) { thin.expanded([2, -1, 4]) }
        o.check("narrow", [.tensor(i), .int(2), .int(1), .int(3)]) { i.narrow(dim: 2, start: 1, length: 3) }
        o.check("select", "select", "int", [.tensor(i), .int(1), .int(2)]) { i.select(dim: 1, index: 2) }
        o.check("squeeze", "squeeze", "dim", [.tensor(thin), .int(1)]) { thin.squeezed(dim: 1) }
        o.check("unsqueeze", [.tensor(x), .int(1)]) { x.unsqueezed(dim: 1) }
        o.check("cat", [.tensors([x, y]), .int(1)]) { concatenate([x, y], dim: 1) }
        o.check("stack", [.tensors([x, y]), .int(1)]) { stack([x, y], dim: 1) }
        o.check("split", "split_with_sizes", "", [.tensor(i), .ints([1, 3]), .int(1)]) {
            i.split(sizes: [1, 3], dim: 1)
        }
        o.check("split", "chunk", "", [.tensor(i), .int(3), .int(3)]) { i.chunked(3, dim: 3) }
        o.check("flip", [.tensor(i), .ints([3, 1])]) { i.flipped([3, 1]) }
        for (mode, name) in [(Tensor.Padding.reflect, "reflect"), (.replicate, "replicate"), (.circular, "circular")] {
            o.check("pad", [.tensor(i), .ints([1, 2, 3, 0]), .string(name)]) { i.padded([1, 2, 3, 0], mode) }
        }
        o.check("pad", [.tensor(i), .ints([1, 2, -1, 0]), .string("constant"), .double(7)]) {
            i.padded([1, 2, -1, 0], value: 7)
        }
        o.check("diagonal", [.tensor(i), .int(1), .int(2), .int(3)]) { i.diagonal(offset: 1, 2, 3) }
    }

    private func indices(_ o: Oracle) {
        let columns = Tensor([3, 0, 3] as [Int])
        let index = Tensor([0, 2, 1, 2, 0, 1] as [Int], shape: [2, 3])
        o.check("index_select", [.tensor(x), .int(1), .tensor(columns)]) { x.indexSelect(dim: 1, indices: columns) }
        let added = y.narrow(dim: 1, start: 0, length: 3)
        o.check("index_add", [.tensor(x), .int(1), .tensor(columns), .tensor(added)]) {
            x.indexAdd(dim: 1, indices: columns, added)
        }
        o.check("gather", [.tensor(x), .int(0), .tensor(index)]) { x.gather(dim: 0, index: index) }
    }

    private func products(_ o: Oracle) {
        let batch = Tensor.randn([2, 5, 4], generator: generator)
        let weight = Tensor.randn([3, 4], generator: generator)
        let bias = Tensor([0.5, -0.5, 2])
        let scale = Tensor([0.5, 1, 1.5, 2])
        let shift = Tensor([1, 2, 3, 4])
        o.check("matmul", [.tensor(batch), .tensor(square)]) { matmul(batch, square) }
        o.check("outer", [.tensor(bias), .tensor(scale)]) { outer(bias, scale) }
        o.check("dot", [.tensor(shift), .tensor(scale)]) { dot(shift, scale) }
        o.check("linear", [.tensor(batch), .tensor(weight), .tensor(bias)]) { linear(batch, weight, bias) }
        o.check("linear", [.tensor(batch), .tensor(weight)]) { linear(batch, weight) }
        o.check(
            "layer_norm", [.tensor(batch), .ints([4]), .tensor(scale), .tensor(shift), .double(1e-3)]
        ) { layerNorm(batch, scale, shift, eps: 1e-3) }
        o.check("rms_norm", [.tensor(batch), .ints([4]), .tensor(scale), .double(1e-3)]) {
            rmsNorm(batch, scale, eps: 1e-3)
        }
        for training in [false, true] {
            // The running statistics are moved in training: each side has its own.
            let (mean, variance) = (shift.cloned(), scale.cloned())
            let (ownMean, ownVariance) = (shift.cloned(), scale.cloned())
            o.check(
                "batch_norm",
                [
                    .tensor(image), .tensor(scale), .tensor(shift), .tensor(mean), .tensor(variance), .bool(training),
                    .double(0.2), .double(1e-3), .bool(true),
                ]
            ) {
                batchNorm(
                    image, scale, shift, mean: ownMean, variance: ownVariance, training: training, momentum: 0.2,
                    eps: 1e-3)
            }
            #expect(ownMean.bytes() == mean.bytes() && ownVariance.bytes() == variance.bytes())
            #expect((ownMean.bytes() == shift.bytes()) == !training)
        }
        let (q, k, v) = (image, image.flipped([2]), image.sigmoid())
        let seen = Tensor.randn([6, 6], generator: generator)
        o.check(
            "attention", "scaled_dot_product_attention", "",
            [.tensor(q), .tensor(k), .tensor(v), .tensor(seen), .double(0), .bool(false), .double(0.3)]
        ) { scaledDotProductAttention(q, k, v, mask: seen, scale: 0.3) }
        o.check(
            "attention", "scaled_dot_product_attention", "",
            [.tensor(q), .tensor(k), .tensor(v), .none, .double(0), .bool(true)]
        ) { scaledDotProductAttention(q, k, v, causal: true) }
    }

    private func images(_ o: Oracle) {
        let weight = Tensor.randn([6, 2, 3, 3], generator: generator)
        let bias = Tensor.randn([6], generator: generator)
        o.check(
            "conv2d",
            [
                .tensor(image), .tensor(weight), .tensor(bias), .ints([2, 2]), .ints([1, 1]), .ints([2, 2]), .int(2),
            ]
        ) { conv2d(image, weight, bias, stride: 2, padding: 1, dilation: 2, groups: 2) }
        let back = Tensor.randn([4, 3, 3, 3], generator: generator)
        let backBias = Tensor.randn([6], generator: generator)
        o.check(
            "conv_transpose2d", "conv_transpose2d", "input",
            [
                .tensor(image), .tensor(back), .tensor(backBias), .ints([2, 2]), .ints([1, 1]), .ints([1, 1]), .int(2),
            ]
        ) { convTranspose2d(image, back, backBias, stride: 2, padding: 1, outputPadding: 1, groups: 2) }
        let boxed = BoxedValue.tensor(image)
        o.check("interpolate", "upsample_nearest2d", "", [boxed, .ints([9, 5])]) {
            interpolate(image, size: (9, 5), mode: .nearest)
        }
        for (mode, name) in [(Interpolation.bilinear, "bilinear"), (.bicubic, "bicubic")] {
            for align in [false, true] {
                o.check("interpolate", "upsample_\(name)2d", "", [boxed, .ints([9, 5]), .bool(align)]) {
                    interpolate(image, size: (9, 5), mode: mode, alignCorners: align)
                }
            }
            o.check("interpolate", "_upsample_\(name)2d_aa", "", [boxed, .ints([3, 5]), .bool(false)]) {
                interpolate(image, size: (3, 5), mode: mode, antialias: true)
            }
        }
    }
}
