// The head on class or patch tokens: an MLP, a unit sphere, prototypes.
public import Torch

/// Scores tokens against prototypes, spec 4.
///
/// Linear, GELU, linear, GELU, linear to the bottleneck, L2 normalisation, then a linear layer without bias whose rows are
/// the prototypes; they are not normalised.
public final class PrototypeHead: Layer {
    /// Number of prototypes.
    public let prototypes: Int
    private let names = [
        "mlp.0.weight", "mlp.0.bias", "mlp.2.weight", "mlp.2.bias", "mlp.4.weight", "mlp.4.bias", "last_layer.weight",
    ]
    private let tensors: [Tensor]

    /// Makes a head with random weights.
    ///
    /// Normal with deviation 0.02 (the reference cuts at an absolute 2, a hundred deviations away); biases are 0.
    ///
    /// - Parameters:
    ///   - width: Length of a token.
    ///   - sizes: Of bottleneck, hidden layers and prototypes.
    ///   - generator: Where the random numbers come from.
    ///   - dtype: Type of the parameters.
    ///   - device: Where the parameters go.
    public convenience init(
        width: Int, sizes: PretrainingRecipe.Head, generator: Generator, dtype: DType = .float32, device: Device = .cpu
    ) {
        let shapes = [
            [sizes.hidden, width], [sizes.hidden], [sizes.hidden, sizes.hidden], [sizes.hidden],
            [sizes.bottleneck, sizes.hidden], [sizes.bottleneck], [sizes.prototypes, sizes.bottleneck],
        ]
        self.init(
            tensors: shapes.map { shape in
                let start = shape.count == 1 ? Tensor.zeros(shape) : Tensor.randn(shape, generator: generator) * 0.02
                return start.to(dtype).to(device)
            })
    }

    /// Makes a head of its seven tensors, in the order of `parameters()`.
    package init(tensors: [Tensor]) {
        precondition(tensors.count == 7, "a prototype head has seven tensors, got \(tensors.count)")
        self.tensors = tensors
        prototypes = tensors[6].shape.first ?? 0
    }

    /// The trained tensors under the reference's names.
    public func parameters() -> [(name: String, tensor: Tensor)] { Array(zip(names, tensors)).map { ($0, $1) } }

    /// A head with its own copies of all tensors, which need no gradient.
    public func copy() -> PrototypeHead {
        withoutGradient { PrototypeHead(tensors: tensors.map { $0.detached().cloned() }) }
    }

    /// The prototypes, `[prototypes, bottleneck]`.
    public var prototypeWeights: Tensor { tensors[6] }

    /// Tokens in the space of the prototypes, of length 1.
    ///
    /// - Parameter tokens: `[samples, width]`.
    /// - Returns: `[samples, bottleneck]`.
    public func bottleneck(_ tokens: Tensor) -> Tensor {
        var x = linear(tokens, tensors[0], tensors[1]).gelu()
        x = linear(x, tensors[2], tensors[3]).gelu()
        x = linear(x, tensors[4], tensors[5])
        return x.normalized(dim: -1, eps: 1e-12)
    }

    /// Scores of tokens.
    ///
    /// - Parameter tokens: `[samples, width]`.
    /// - Returns: `[samples, prototypes]`.
    public func forward(_ tokens: Tensor) -> Tensor { linear(bottleneck(tokens), prototypeWeights) }
}
