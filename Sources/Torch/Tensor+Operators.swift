// Arithmetic and comparison operators.
internal import CTorchAPI

extension Tensor {
    /// Sum, element by element.
    public static func + (a: Tensor, b: Tensor) -> Tensor {
        make("+", [a, b]) { ct.pointee.add(a.handle, b.handle, $0) }
    }

    /// Sum with a number.
    public static func + (a: Tensor, b: Double) -> Tensor {
        make("+", [a]) { ct.pointee.add_scalar(a.handle, b, $0) }
    }

    /// Difference, element by element.
    public static func - (a: Tensor, b: Tensor) -> Tensor {
        make("-", [a, b]) { ct.pointee.sub(a.handle, b.handle, $0) }
    }

    /// Product, element by element.
    public static func * (a: Tensor, b: Tensor) -> Tensor {
        make("*", [a, b]) { ct.pointee.mul(a.handle, b.handle, $0) }
    }

    /// Product with a number.
    public static func * (a: Tensor, b: Double) -> Tensor {
        make("*", [a]) { ct.pointee.mul_scalar(a.handle, b, $0) }
    }

    /// Product with a number.
    public static func * (a: Double, b: Tensor) -> Tensor { b * a }

    /// Quotient; of integers too a float, element by element.
    public static func / (a: Tensor, b: Tensor) -> Tensor {
        make("/", [a, b]) { ct.pointee.div(a.handle, b.handle, $0) }
    }

    /// Quotient; of integers too a float with a number.
    public static func / (a: Tensor, b: Double) -> Tensor {
        make("/", [a]) { ct.pointee.div_scalar(a.handle, b, $0) }
    }

    /// A number taken away from each element.
    public static func - (a: Tensor, b: Double) -> Tensor { a + -b }

    /// The elements with the other sign.
    public static prefix func - (a: Tensor) -> Tensor { make("-", [a]) { ct.pointee.neg(a.handle, $0) } }

    /// True where greater.
    public static func .> (a: Tensor, b: Double) -> Tensor {
        make(".>", [a]) { ct.pointee.gt_scalar(a.handle, b, $0) }
    }
}
