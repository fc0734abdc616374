// Shorthand for what the probes ask of libtorch.
internal import Torch

/// The tensor that an operator of libtorch gives; undefined where it failed within a scope of errors.
func evaluated(_ name: String, _ overload: String = "", _ arguments: [BoxedValue]) -> Tensor {
    callOperator("aten::" + name, overload, arguments).first ?? .undefined
}

/// The sum of the products of the elements of two tensors of one shape; not a number after a failed operation.
func innerProduct(_ a: Tensor, _ b: Tensor) -> Double { (a * b).sum().item() }

/// Classes as rows with a single 1, `[N, width]`.
func indicators(_ classes: [Int], width: Int, dtype: DType) -> Tensor {
    let zeros = Tensor.zeros([classes.count, width], dtype: dtype)
    let places = Tensor(classes, shape: [classes.count, 1])
    let ones = Tensor.ones([classes.count, 1], dtype: dtype)
    return evaluated("scatter_add", "", [.tensor(zeros), .int(1), .tensor(places), .tensor(ones)])
}
