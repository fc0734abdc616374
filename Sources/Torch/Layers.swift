// The layers that networks are made of.

/// `x weight^T + bias` on the last dimension.
public final class Linear: Layer {
    /// `[outputs, inputs]`.
    public var weight: Tensor
    /// `[outputs]`.
    public var bias: Tensor?

    /// Makes a layer with PyTorch's first values.
    public init(_ inputs: Int, _ outputs: Int, bias: Bool = true, dtype: DType = .float32, generator: Generator) {
        weight = .empty([outputs, inputs], dtype: dtype, device: generator.device)
        weight.initializeUniform(fanIn: inputs, generator: generator)
        self.bias = bias ? .empty([outputs], dtype: dtype, device: generator.device) : nil
        self.bias?.initializeUniform(fanIn: inputs, generator: generator)
        setRequiresGradient(true)
    }

    /// `[..., inputs]` to `[..., outputs]`.
    public func callAsFunction(_ x: Tensor) -> Tensor { linear(x, weight, bias) }

    /// `weight`, `bias`.
    public func parameters() -> [(name: String, tensor: Tensor)] { named(weight, bias) }
}

/// Normalisation of the last dimension, scaled and shifted.
public final class LayerNorm: Layer {
    /// `[size]`, ones at first.
    public var weight: Tensor
    /// `[size]`, zeros at first.
    public var bias: Tensor
    /// Added to the variance.
    public let eps: Double

    /// Makes a layer.
    public init(_ size: Int, eps: Double = 1e-5, dtype: DType = .float32, device: Device = .cpu) {
        weight = .ones([size], dtype: dtype, device: device)
        bias = .zeros([size], dtype: dtype, device: device)
        self.eps = eps
        setRequiresGradient(true)
    }

    /// `[..., size]` to the same.
    public func callAsFunction(_ x: Tensor) -> Tensor { layerNorm(x, weight, bias, eps: eps) }

    /// `weight`, `bias`.
    public func parameters() -> [(name: String, tensor: Tensor)] { named(weight, bias) }
}

/// Two-dimensional convolution with a square kernel.
public final class Conv2d: Layer {
    /// `[outputs, inputs / groups, kernel, kernel]`.
    public var weight: Tensor
    /// `[outputs]`.
    public var bias: Tensor?
    /// Pixels from window to window.
    public let stride: Int
    /// Zeros around the image.
    public let padding: Int
    /// Channels are convolved in this many separate groups.
    public let groups: Int

    /// Makes a layer with PyTorch's first values.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, groups: Int = 1,
        bias: Bool = true, dtype: DType = .float32, generator: Generator
    ) {
        weight = .empty([outputs, inputs / groups, kernel, kernel], dtype: dtype, device: generator.device)
        let fanIn = inputs / groups * kernel * kernel
        weight.initializeUniform(fanIn: fanIn, generator: generator)
        self.bias = bias ? .empty([outputs], dtype: dtype, device: generator.device) : nil
        self.bias?.initializeUniform(fanIn: fanIn, generator: generator)
        self.stride = stride
        self.padding = padding
        self.groups = groups
        setRequiresGradient(true)
    }

    /// `[batch, inputs, height, width]` to `[batch, outputs, ...]`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        conv2d(x, weight, bias, stride: stride, padding: padding, groups: groups)
    }

    /// `weight`, `bias`.
    public func parameters() -> [(name: String, tensor: Tensor)] { named(weight, bias) }
}

/// Transposed two-dimensional convolution with a square kernel.
public final class ConvTranspose2d: Layer {
    /// `[inputs, outputs, kernel, kernel]`.
    public var weight: Tensor
    /// `[outputs]`.
    public var bias: Tensor?
    /// How much larger the result is.
    public let stride: Int
    /// Pixels cut from each side of the result.
    public let padding: Int

    /// Makes a layer with PyTorch's first values.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, bias: Bool = true,
        dtype: DType = .float32, generator: Generator
    ) {
        weight = .empty([inputs, outputs, kernel, kernel], dtype: dtype, device: generator.device)
        // PyTorch counts the second dimension of any weight as what comes in.
        let fanIn = outputs * kernel * kernel
        weight.initializeUniform(fanIn: fanIn, generator: generator)
        self.bias = bias ? .empty([outputs], dtype: dtype, device: generator.device) : nil
        self.bias?.initializeUniform(fanIn: fanIn, generator: generator)
        self.stride = stride
        self.padding = padding
        setRequiresGradient(true)
    }

    /// `[batch, inputs, height, width]` to `[batch, outputs, ...]`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        convTranspose2d(x, weight, bias, stride: stride, padding: padding)
    }

    /// `weight`, `bias`.
    public func parameters() -> [(name: String, tensor: Tensor)] { named(weight, bias) }
}

/// A weight and a bias under PyTorch's names.
private func named(_ weight: Tensor, _ bias: Tensor?) -> [(name: String, tensor: Tensor)] {
    [("weight", weight)] + (bias.map { [("bias", $0)] } ?? [])
}
