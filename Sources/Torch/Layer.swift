// Parameters by name, and how they are loaded and first filled.
public import Telemetry

/// Something with parameters.
///
/// Names are PyTorch's, such as `weight`, or `blocks.0.norm.bias` in a layer made of layers.
public protocol Layer {
    /// The parameters by name, in a fixed order.
    func parameters() -> [(name: String, tensor: Tensor)]
}

extension Layer {
    /// The parameters with a prefix before their names, for a layer that holds this one.
    public func parameters(under prefix: String) -> [(name: String, tensor: Tensor)] {
        parameters().map { ("\(prefix).\($0.name)", $0.tensor) }
    }

    /// Number of elements of all parameters.
    public var parameterCount: Int { parameters().reduce(0) { $0 + $1.tensor.count } }

    /// Lets gradients flow to all parameters, or to none.
    public func setRequiresGradient(_ on: Bool) {
        for (_, tensor) in parameters() { tensor.requiresGradient = on }
    }

    /// Copies the parameters' values from a file that has all of them, converted to their types.
    ///
    /// - Parameter prefix: What comes before the names in the file, with its dot.
    public func load(from file: SafetensorsFile, prefix: String = "") throws(TorchError) {
        for (name, tensor) in parameters() { try loadArray(file, prefix + name, into: tensor) }
    }
}

/// Copies an array's values into a tensor of the same shape.
func loadArray(_ file: SafetensorsFile, _ name: String, into tensor: Tensor) throws(TorchError) {
    let values = try file.tensor(name, copy: false)
    guard values.shape == tensor.shape else {
        throw TorchError(
            .mismatch, "'\(name)' has the shape \(values.shape); expected \(tensor.shape)", in: file.path)
    }
    withoutGradient { _ = tensor.copy_(values) }
}

extension Tensor {
    /// Fills with evenly distributed values within `1 / sqrt(fanIn)` of 0: PyTorch's start of linear and
    /// convolution layers.
    @discardableResult
    public func initializeUniform(fanIn: Int, generator: Generator) -> Tensor {
        let bound = 1 / Double(Swift.max(fanIn, 1)).squareRoot()
        return withoutGradient { uniform_(low: -bound, high: bound, generator: generator) }
    }

    /// Fills with normally distributed values of deviation `sqrt(2 / fanIn)`, for ReLU (He and others, 2015).
    @discardableResult
    public func initializeKaimingNormal(fanIn: Int, generator: Generator) -> Tensor {
        let deviation = (2 / Double(Swift.max(fanIn, 1))).squareRoot()
        return withoutGradient { normal_(deviation: deviation, generator: generator) }
    }

    /// Fills with normally distributed values within -2 and 2, as PyTorch's `trunc_normal_` does.
    @discardableResult
    public func initializeTruncatedNormal(deviation: Double = 0.02, generator: Generator) -> Tensor {
        withoutGradient { truncatedNormal_(deviation: deviation, generator: generator) }
    }
}
