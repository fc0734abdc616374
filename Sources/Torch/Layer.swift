// Parameters by name, and how they are loaded.
public import Telemetry

/// Something with parameters.
///
/// Names are PyTorch's, such as `weight`, or `blocks.0.norm.bias` in a layer made of layers.
public protocol Layer {
    /// The parameters by name, in a fixed order.
    func parameters() -> [(name: String, tensor: Tensor)]
}

extension Layer {
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
