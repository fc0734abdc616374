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
        integers = .randint([3, 4], low: -7, high: 8, generator: generator)
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
            "from_bytes", "from_buffer", "empty_pinned", "rope", "sinkhorn", "is_all_finite", "empty", "split",
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
        #expect(names.count > 120)
        return names
    }

    private func create(_ o: Oracle) {
        let float64 = BoxedValue.int(Int(DType.float64.rawValue))
        o.check("full", "full", "", [.ints([2, 3]), .double(1.5), float64]) {
            Tensor.full([2, 3], 1.5, dtype: .float64)
        }
        o.check("arange", "arange", "start_step", [.double(1), .double(7), .double(1.5), float64]) {
            Tensor.arange(1, 7, step: 1.5, dtype: .float64)
        }
        o.check("linspace", [.double(1), .double(7), .int(5), float64]) {
            Tensor.linspace(1, 7, count: 5, dtype: .float64)
        }
        o.check("eye", [.int(3), float64]) { Tensor.eye(3, dtype: .float64) }
        o.check("full_like", [.tensor(x), .double(2.5)]) { x.fullLike(2.5) }
        o.check("to", "to", "dtype", [.tensor(x), float64]) { x.to(.float64) }
        o.check("clone", [.tensor(x)]) { x.cloned() }
        o.check("contiguous", [.tensor(x.transpose(0, 1))]) { x.transpose(0, 1).contiguous() }
        o.check("detach", [.tensor(x)]) { x.detached() }
    }

    private func pointwise(_ o: Oracle) {
        let real: [(String, (Tensor) -> Tensor)] = [
            ("abs", { $0.abs() }), ("neg", { -$0 }), ("exp", { $0.exp() }), ("expm1", { $0.expm1() }),
            ("square", { $0.square() }), ("reciprocal", { $0.reciprocal() }), ("sin", { $0.sin() }),
            ("cos", { $0.cos() }), ("tanh", { $0.tanh() }), ("sigmoid", { $0.sigmoid() }),
            ("relu", { $0.relu() }), ("silu", { $0.silu() }), ("softplus", { $0.softplus() }),
            ("erf", { $0.erf() }), ("sign", { $0.sign() }), ("floor", { $0.floor() }), ("ceil", { $0.ceil() }),
            ("round", { $0.rounded() }), ("logical_not", { $0.logicalNot() }), ("isfinite", { $0.isFinite() }),
            ("isnan", { $0.isNaN() }),
        ]
        for (name, typed) in real { o.check(name, [.tensor(x)]) { typed(x) } }
        let roots: [(String, (Tensor) -> Tensor)] = [
            ("log", { $0.log() }), ("log1p", { $0.log1p() }), ("log2", { $0.log2() }), ("sqrt", { $0.sqrt() }),
            ("rsqrt", { $0.rsqrt() }),
        ]
        for (name, typed) in roots { o.check(name, [.tensor(positive)]) { typed(positive) } }
        o.check("gelu", [.tensor(x), .string("none")]) { x.gelu() }
        o.check("gelu", [.tensor(x), .string("tanh")]) { x.gelu(approximate: true) }
        o.check("add", "add", "Tensor", [.tensor(x), .tensor(y)]) { x + y }
        o.check("sub", "sub", "Tensor", [.tensor(x), .tensor(y)]) { x - y }
        o.check("mul", "mul", "Tensor", [.tensor(x), .tensor(y)]) { x * y }
        o.check("div", "div", "Tensor", [.tensor(x), .tensor(y)]) { x / y }
        o.check("pow", "pow", "Tensor_Tensor", [.tensor(positive), .tensor(y)]) { positive.pow(y) }
        o.check("floor_divide", [.tensor(x), .tensor(y)]) { x.floorDivided(by: y) }
        o.check("remainder", "remainder", "Tensor", [.tensor(x), .tensor(y)]) { x.remainder(by: y) }
        o.check("maximum", [.tensor(x), .tensor(y)]) { x.maximum(y) }
        o.check("minimum", [.tensor(x), .tensor(y)]) { x.minimum(y) }
        o.check("atan2", [.tensor(x), .tensor(y)]) { x.atan2(y) }
        o.check("add_scalar", "add", "Scalar", [.tensor(x), .double(2.5)]) { x + 2.5 }
        o.check("add_scalar", "sub", "Scalar", [.tensor(x), .double(2.5)]) { x - 2.5 }
        o.check("rsub_scalar", "rsub", "Scalar", [.tensor(x), .double(2.5)]) { 2.5 - x }
        o.check("mul_scalar", "mul", "Scalar", [.tensor(x), .double(2.5)]) { 2.5 * x }
        o.check("div_scalar", "div", "Scalar", [.tensor(x), .double(2.5)]) { x / 2.5 }
        o.check("pow_scalar", "pow", "Tensor_Scalar", [.tensor(x), .double(3)]) { x.pow(3) }
        o.check("floor_divide_scalar", "floor_divide", "Scalar", [.tensor(x), .double(0.3)]) {
            x.floorDivided(by: 0.3)
        }
        o.check("remainder_scalar", "remainder", "Scalar", [.tensor(x), .double(0.3)]) { x.remainder(by: 0.3) }
        // Whole numbers keep integers integer; others make floats, as in Python.
        o.check("add_scalar", "add", "Scalar", [.tensor(integers), .int(3)]) { integers + 3 }
        o.check("mul_scalar", "mul", "Scalar", [.tensor(integers), .double(0.5)]) { integers * 0.5 }
        o.check("clamp", [.tensor(x), .double(-0.5), .double(0.25)]) { x.clamped(min: -0.5, max: 0.25) }
        o.check("clamp", [.tensor(x), .none, .double(0.25)]) { x.clamp(max: 0.25) }
        o.check("where", "where", "self", [.tensor(mask), .tensor(x), .tensor(y)]) { `where`(mask, x, y) }
        o.check("masked_fill", "masked_fill", "Scalar", [.tensor(x), .tensor(mask), .double(9)]) {
            x.maskedFill(mask, 9)
        }
        o.check("lerp", "lerp", "Scalar", [.tensor(x), .tensor(y), .double(0.3)]) { x.lerp(y, weight: 0.3) }
        o.check("addcmul", [.tensor(x), .tensor(y), .tensor(positive), .double(0.3)]) {
            x.addcmul(y, positive, factor: 0.3)
        }
    }

    private func comparisons(_ o: Oracle) {
        let whole = x.rounded()
        let other = y.rounded()
        let comparisons: [(String, (Tensor, Tensor) -> Tensor, (Tensor, Double) -> Tensor)] = [
            ("eq", { $0 .== $1 }, { $0 .== $1 }), ("ne", { $0 .!= $1 }, { $0 .!= $1 }),
            ("lt", { $0 .< $1 }, { $0 .< $1 }), ("le", { $0 .<= $1 }, { $0 .<= $1 }),
            ("gt", { $0 .> $1 }, { $0 .> $1 }), ("ge", { $0 .>= $1 }, { $0 .>= $1 }),
        ]
        for (name, tensors, number) in comparisons {
            o.check(name, name, "Tensor", [.tensor(whole), .tensor(other)]) { tensors(whole, other) }
            o.check(name + "_scalar", name, "Scalar", [.tensor(whole), .double(1)]) { number(whole, 1) }
        }
        o.check("logical_and", [.tensor(whole), .tensor(other)]) { whole.logicalAnd(other) }
        o.check("logical_or", [.tensor(whole), .tensor(other)]) { whole.logicalOr(other) }
        o.check("logical_xor", [.tensor(whole), .tensor(other)]) { whole.logicalXor(other) }
    }

    private func inPlace(_ o: Oracle) {
        // Each side changes a copy of its own.
        func pair(
            _ function: String, _ operation: String, _ overload: String, _ arguments: [BoxedValue],
            _ change: (Tensor) -> Tensor
        ) {
            let target = x.cloned()
            o.check(function, operation, overload, [.tensor(x.cloned())] + arguments) { change(target) }
            #expect(target.bytes() != x.bytes(), "\(function) changes its tensor")
        }
        pair("add_", "add_", "Tensor", [.tensor(y), .double(0.5)]) { $0.add_(y, factor: 0.5) }
        pair("add_", "sub_", "Tensor", [.tensor(y)]) { $0.sub_(y) }
        pair("add_scalar_", "add_", "Scalar", [.double(2)]) { $0.add_(2) }
        pair("mul_", "mul_", "Tensor", [.tensor(y)]) { $0.mul_(y) }
        pair("mul_scalar_", "mul_", "Scalar", [.double(2)]) { $0.mul_(2) }
        pair("div_", "div_", "Tensor", [.tensor(y)]) { $0.div_(y) }
        pair("addcmul_", "addcmul_", "", [.tensor(y), .tensor(positive), .double(0.3)]) {
            $0.addcmul_(y, positive, factor: 0.3)
        }
        pair("lerp_", "lerp_", "Scalar", [.tensor(y), .double(0.3)]) { $0.lerp_(y, weight: 0.3) }
        pair("clamp_", "clamp_", "", [.double(-0.1), .double(0.1)]) { $0.clamp_(min: -0.1, max: 0.1) }
        pair("copy_", "copy_", "", [.tensor(y)]) { $0.copy_(y) }
        pair("fill_", "fill_", "Scalar", [.double(3)]) { $0.fill_(3) }
        pair("fill_", "zero_", "", []) { $0.zero_() }
        pair("masked_fill_", "masked_fill_", "Scalar", [.tensor(mask), .double(3)]) { $0.maskedFill_(mask, 3) }
        let rows = Tensor([2, 0] as [Int])
        let source = y.narrow(dim: 0, start: 0, length: 2)
        pair("index_copy_", "index_copy_", "", [.int(0), .tensor(rows), .tensor(source)]) {
            $0.indexCopy_(dim: 0, indices: rows, source)
        }
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
        o.check("amin", [.tensor(cube), .ints([2]), .bool(false)]) { cube.min(2) }
        o.check("logsumexp", [.tensor(cube), .ints([1]), .bool(true)]) { cube.logSumExp(dim: 1, keepDims: true) }
        o.check("all", "all", "dims", [.tensor(cube .> -1), .ints([1, 3]), .bool(true)]) {
            (cube .> -1).all([1, 3], keepDims: true)
        }
        o.check("any", "any", "dims", [.tensor(cube .> 2), .ints([1, 3]), .bool(true)]) {
            (cube .> 2).any([1, 3], keepDims: true)
        }
        o.check("var", "var", "correction", [.tensor(cube), .ints([1, 3])]) { cube.variance([1, 3]) }
        o.check("norm", "linalg_vector_norm", "", [.tensor(cube), .double(3), .ints([1, 3]), .bool(true)]) {
            cube.norm(3, dims: [1, 3], keepDims: true)
        }
        o.check("argmax", [.tensor(cube), .int(1), .bool(true)]) { cube.argmax(dim: 1, keepDims: true) }
        o.check("argmax", [.tensor(cube)]) { cube.argmax() }
        o.check("argmin", [.tensor(cube), .int(1), .bool(true)]) { cube.argmin(dim: 1, keepDims: true) }
        func two(_ pair: (values: Tensor, indices: Tensor)) -> [Tensor] { [pair.values, pair.indices] }
        o.check("max_dim", "max", "dim", [.tensor(cube), .int(1), .bool(true)]) {
            two(cube.maxWithIndices(dim: 1, keepDims: true))
        }
        o.check("min_dim", "min", "dim", [.tensor(cube), .int(1), .bool(true)]) {
            two(cube.minWithIndices(dim: 1, keepDims: true))
        }
        o.check("median_dim", "median", "dim", [.tensor(cube), .int(1), .bool(true)]) {
            two(cube.median(dim: 1, keepDims: true))
        }
        o.check("softmax", "softmax", "int", [.tensor(cube), .int(1)]) { cube.softmax(dim: 1) }
        o.check("log_softmax", "log_softmax", "int", [.tensor(cube), .int(1)]) { cube.logSoftmax(dim: 1) }
        o.check("cumsum", [.tensor(cube), .int(1)]) { cube.cumulativeSum(dim: 1) }
        o.check("topk", "topk", "", [.tensor(cube), .int(3), .int(2), .bool(false), .bool(true)]) {
            two(cube.topK(3, dim: 2, largest: false))
        }
        o.check("sort", "sort", "stable", [.tensor(cube), .bool(true), .int(2), .bool(true)]) {
            two(cube.sorted(dim: 2, descending: true))
        }
        let classes = integers.abs().flattened()
        o.check("bincount", [.tensor(classes), .tensor(positive.flattened()), .int(10)]) {
            classes.bincount(weights: positive.flattened(), minimumLength: 10)
        }
        let limits = Tensor([-1, 0, 1] as [Float])
        o.check(
            "searchsorted", "searchsorted", "Tensor",
            [.tensor(limits), .tensor(x.rounded()), .bool(false), .bool(true)]
        ) { x.rounded().searchSorted(in: limits, afterEquals: true) }
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
        o.check("slice", "slice", "Tensor", [.tensor(i), .int(3), .int(1), .int(-1), .int(3)]) {
            i.slice(dim: 3, start: 1, end: -1, step: 3)
        }
        o.check("select", "select", "int", [.tensor(i), .int(1), .int(2)]) { i.select(dim: 1, index: 2) }
        o.check("squeeze", "squeeze", "dim", [.tensor(thin), .int(1)]) { thin.squeezed(dim: 1) }
        o.check("unsqueeze", [.tensor(x), .int(1)]) { x.unsqueezed(dim: 1) }
        o.check("cat", [.tensors([x, y]), .int(1)]) { concatenate([x, y], dim: 1) }
        o.check("stack", [.tensors([x, y]), .int(1)]) { stack([x, y], dim: 1) }
        o.check("split", "split_with_sizes", "", [.tensor(i), .ints([1, 3]), .int(1)]) {
            i.split(sizes: [1, 3], dim: 1)
        }
        o.check("split", "chunk", "", [.tensor(i), .int(3), .int(3)]) { i.chunked(3, dim: 3) }
        o.check("repeat", [.tensor(x), .ints([2, 1, 3])]) { x.repeated([2, 1, 3]) }
        o.check("repeat_interleave", "repeat_interleave", "self_int", [.tensor(x), .int(2), .int(1)]) {
            x.repeatedInterleaved(2, dim: 1)
        }
        o.check("roll", [.tensor(i), .ints([1, -2]), .ints([3, 2])]) { i.rolled([1, -2], dims: [3, 2]) }
        o.check("flip", [.tensor(i), .ints([3, 1])]) { i.flipped([3, 1]) }
        for (mode, name) in [(Tensor.Padding.reflect, "reflect"), (.replicate, "replicate"), (.circular, "circular")] {
            o.check("pad", [.tensor(i), .ints([1, 2, 3, 0]), .string(name)]) { i.padded([1, 2, 3, 0], mode) }
        }
        o.check("pad", [.tensor(i), .ints([1, 2, -1, 0]), .string("constant"), .double(7)]) {
            i.padded([1, 2, -1, 0], value: 7)
        }
        o.check("unfold", [.tensor(i), .int(3), .int(3), .int(2)]) { i.unfolded(dim: 3, size: 3, step: 2) }
        o.check("tril", [.tensor(square), .int(-1)]) { square.lowerTriangle(diagonal: -1) }
        o.check("triu", [.tensor(square), .int(1)]) { square.upperTriangle(diagonal: 1) }
        o.check("diagonal", [.tensor(i), .int(1), .int(2), .int(3)]) { i.diagonal(offset: 1, 2, 3) }
    }

    private func indices(_ o: Oracle) {
        let columns = Tensor([3, 0, 3] as [Int])
        let index = Tensor([0, 2, 1, 2, 0, 1] as [Int], shape: [2, 3])
        let source = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
        o.check("index_select", [.tensor(x), .int(1), .tensor(columns)]) { x.indexSelect(dim: 1, indices: columns) }
        let added = y.narrow(dim: 1, start: 0, length: 3)
        o.check("index_add", [.tensor(x), .int(1), .tensor(columns), .tensor(added)]) {
            x.indexAdd(dim: 1, indices: columns, added)
        }
        o.check("gather", [.tensor(x), .int(0), .tensor(index)]) { x.gather(dim: 0, index: index) }
        o.check("scatter", "scatter", "src", [.tensor(x), .int(1), .tensor(index), .tensor(source)]) {
            x.scatter(dim: 1, index: index, source)
        }
        o.check("scatter_value", "scatter", "value", [.tensor(x), .int(1), .tensor(index), .double(8)]) {
            x.scatter(dim: 1, index: index, value: 8)
        }
        o.check("scatter_add", [.tensor(x), .int(0), .tensor(index), .tensor(source)]) {
            x.scatterAdd(dim: 0, index: index, source)
        }
        o.check("masked_select", [.tensor(x), .tensor(mask)]) { x.maskedSelect(mask) }
        o.check("nonzero", [.tensor(mask)]) { mask.nonzero() }
        o.check("one_hot", [.tensor(index), .int(4)]) { index.oneHot(classes: 4) }
        let table = square
        o.check("embedding", [.tensor(table), .tensor(index)]) { embedding(table, index) }
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
        o.check("addmm", [.tensor(x), .tensor(x), .tensor(square), .double(0.5), .double(2)]) {
            addmm(x, x, square, beta: 0.5, alpha: 2)
        }
        o.check("einsum", [.string("bnd,od->bon"), .tensors([batch, weight])]) {
            einsum("bnd,od->bon", [batch, weight])
        }
        o.check("linear", [.tensor(batch), .tensor(weight), .tensor(bias)]) { linear(batch, weight, bias) }
        o.check("linear", [.tensor(batch), .tensor(weight)]) { linear(batch, weight) }
        o.check(
            "layer_norm", [.tensor(batch), .ints([4]), .tensor(scale), .tensor(shift), .double(1e-3)]
        ) { layerNorm(batch, scale, shift, eps: 1e-3) }
        o.check("rms_norm", [.tensor(batch), .ints([4]), .tensor(scale), .double(1e-3)]) {
            rmsNorm(batch, scale, eps: 1e-3)
        }
        o.check("group_norm", [.tensor(image), .int(2), .tensor(scale), .tensor(shift), .double(1e-3)]) {
            groupNorm(image, groups: 2, scale, shift, eps: 1e-3)
        }
        for training in [false, true] {
            let variance = scale.cloned()
            let mean = shift.cloned()
            o.check(
                "batch_norm",
                [
                    .tensor(image), .tensor(scale), .tensor(shift), .tensor(shift.cloned()), .tensor(scale.cloned()),
                    .bool(training), .double(0.2), .double(1e-3), .bool(false),
                ]
            ) {
                batchNorm(
                    image, scale, shift, runningMean: mean, runningVariance: variance, training: training,
                    momentum: 0.2, eps: 1e-3)
            }
            #expect((mean.floats() != shift.floats()) == training)
        }
        let (q, k, v) = (image, image.flipped([2]), image.cos())
        let seen = Tensor.randn([6, 6], generator: generator)
        o.check(
            "attention", "scaled_dot_product_attention", "",
            [.tensor(q), .tensor(k), .tensor(v), .tensor(seen), .double(0), .bool(false), .double(0.3)]
        ) { scaledDotProductAttention(q, k, v, mask: seen, scale: 0.3) }
        o.check(
            "attention", "scaled_dot_product_attention", "",
            [.tensor(q), .tensor(k), .tensor(v), .none, .double(0), .bool(true)]
        ) { scaledDotProductAttention(q, k, v, causal: true) }
        let classes = Tensor([2, -100, 0] as [Int])
        o.check(
            "cross_entropy", "cross_entropy_loss", "",
            [.tensor(x), .tensor(classes), .tensor(scale), .int(2), .int(-100), .double(0.1)]
        ) { crossEntropy(x, classes, weight: scale, reduction: .sum, labelSmoothing: 0.1) }
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
        o.check(
            "avg_pool2d", [boxed, .ints([3, 3]), .ints([2, 2]), .ints([1, 1]), .bool(true), .bool(false)]
        ) {
            averagePool2d(image, kernel: 3, stride: 2, padding: 1, roundingUp: true, countingPadding: false)
        }
        o.check(
            "max_pool2d", [boxed, .ints([3, 3]), .ints([2, 2]), .ints([1, 1]), .ints([1, 1]), .bool(true)]
        ) { maxPool2d(image, kernel: 3, stride: 2, padding: 1, roundingUp: true) }
        o.check("adaptive_avg_pool2d", [boxed, .ints([4, 3])]) { adaptiveAveragePool2d(image, size: (4, 3)) }
    }
}
