// One block of the transformer: attention and feed-forward, each a residual branch.
package import Torch

/// A normalisation layer over the last dimension.
struct Normalisation {
    let weight: Tensor
    let bias: Tensor?
    let epsilon: Double

    init(_ tensors: BackboneTensors, _ name: String, _ configuration: BackboneConfiguration) {
        weight = tensors["\(name).weight"]
        bias = configuration.norm == .layernorm ? tensors["\(name).bias"] : nil
        epsilon = configuration.normEpsilon
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        guard let bias else {
            // Root mean square in single precision at least, as the mean of squares of half floats overflows.
            let wide = x.dtype == .float64 ? x : x.to(.float32)
            return rmsNorm(wide, nil, eps: epsilon).to(x.dtype) * weight
        }
        return layerNorm(x, weight, bias, eps: epsilon)
    }
}

/// A linear layer of a block: as it is trained, or laid out for the processor.
enum Projection {
    /// The mask is 1 where the bias counts; without one all of it does.
    case plain(weight: Tensor, bias: Tensor?, mask: Tensor?)
    case packed(PackedLinear)

    init(_ tensors: BackboneTensors, _ name: String) {
        self = .plain(weight: tensors["\(name).weight"], bias: tensors["\(name).bias"], mask: nil)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .plain(let weight, let bias, let mask):
            linear(x, weight, Self.counting(bias, mask))
        case .packed(let layer): layer(x)
        }
    }

    /// The layer, and GELU.
    func gelu(_ x: Tensor) -> Tensor {
        if case .packed(let layer) = self { layer(x, gelu: true) } else { self(x).gelu() }
    }

    /// The layer, only for evaluation.
    func packed() -> Projection {
        guard case .plain(let weight, let bias, let mask) = self else { return self }
        return withoutGradient { .packed(PackedLinear(weight, Self.counting(bias, mask))) }
    }

    /// What counts of a bias; the mask, a buffer, may be of another type than the parameters.
    private static func counting(_ bias: Tensor?, _ mask: Tensor?) -> Tensor? {
        if let bias, let mask { bias * mask.to(bias.dtype) } else { bias }
    }
}

/// Multi-head self-attention, with rotary positions where there are some; q, k and v come from one matrix.
struct SelfAttention {
    let heads: Int
    let headWidth: Int
    private(set) var qkv: Projection
    /// From what heads gather to the residual branch.
    private(set) var output: Projection
    /// A key and a value more for each head, `[heads, 1, headWidth]`; `nil` without.
    private let bias: (key: Tensor, value: Tensor)?
    /// From a token to how far each head's gate is open; `nil` without.
    private let gate: Projection?

    init(_ tensors: BackboneTensors, _ name: String, _ configuration: BackboneConfiguration) {
        heads = configuration.heads
        headWidth = configuration.headWidth
        qkv = .plain(
            weight: tensors["\(name).qkv.weight"], bias: configuration.qkvBias ? tensors["\(name).qkv.bias"] : nil,
            mask: configuration.qkvBias && configuration.maskKBias ? tensors["\(name).qkv.bias_mask"] : nil)
        output = Projection(tensors, "\(name).proj")
        bias =
            configuration.attention == .biased ? (tensors["\(name).bias_k"], tensors["\(name).bias_v"]) : nil
        gate = configuration.attention == .gated ? Projection(tensors, "\(name).gate") : nil
    }

    mutating func pack() {
        qkv = qkv.packed()
        output = output.packed()
    }

    /// What heads gather, before the output matrix, `[B, N, D]` from `[B, N, D]`.
    func gathered(_ x: Tensor, rotary: RotaryTable?) -> Tensor {
        // After a failed operation (out of memory) there is nothing to go on with; the scope throws.
        guard x.isDefined else { return x }
        let (batch, tokens) = (x.shape[0], x.shape[1])
        let all = qkv(x).reshaped([batch, tokens, 3, heads, headWidth]).permuted([2, 0, 3, 1, 4])
        // q and k turn at once: on a GPU that is half as many calls. Split, because the gradients of parts are then put together
        // in one pass.
        let parts = all.split(sizes: [2, 1], dim: 0)
        let turned =
            (rotary.map { rotaryEmbedding(parts[0], sine: $0.sine, cosine: $0.cosine) } ?? parts[0])
            .split(sizes: [1, 1], dim: 0)
        var (k, v) = (turned[1].squeezed(dim: 0), parts[1].squeezed(dim: 0))
        if let bias {
            let shape = [batch, heads, 1, headWidth]
            k = concatenate([k, bias.key.to(k.dtype).expanded(shape)], dim: 2)
            v = concatenate([v, bias.value.to(v.dtype).expanded(shape)], dim: 2)
        }
        var mixed = scaledDotProductAttention(turned[0].squeezed(dim: 0), k, v).transpose(1, 2)
        if let gate { mixed = mixed * gate(x).sigmoid().unsqueezed(dim: 3) }
        return mixed.reshaped([batch, tokens, heads * headWidth])
    }

    /// `[B, N, D]` to `[B, N, D]`.
    func callAsFunction(_ x: Tensor, rotary: RotaryTable?) -> Tensor { output(gathered(x, rotary: rotary)) }
}

/// The feed-forward layer: plain with GELU, or gated with SiLU.
enum FeedForwardLayer {
    case plain(up: Projection, down: Projection)
    case gated(gate: Projection, up: Projection, down: Projection)
    /// Gate and values, one below the other.
    case fused(both: Projection, down: Projection)

    init(_ tensors: BackboneTensors, _ name: String, _ configuration: BackboneConfiguration) {
        func layer(_ layer: String) -> Projection { Projection(tensors, "\(name).\(layer)") }
        self =
            switch configuration.ffn {
            case .mlp: .plain(up: layer("fc1"), down: layer("fc2"))
            case .swigluFused: .fused(both: layer("w12"), down: layer("w3"))
            case .swiglu, .swiglu32, .swiglu64, .swiglu128:
                .gated(gate: layer("w1"), up: layer("w2"), down: layer("w3"))
            }
    }

    /// `[B, N, D]` to `[B, N, D]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .plain(let up, let down): return down(up.gelu(x))
        case .gated(let gate, let up, let down): return down(gate(x).silu() * up(x))
        case .fused(let both, let down):
            let all = both(x)
            guard all.isDefined else { return all }
            let parts = all.chunked(2, dim: -1)
            return down(parts[0].silu() * parts[1])
        }
    }

    /// The layer, only for evaluation.
    func packed() -> FeedForwardLayer {
        switch self {
        case .plain(let up, let down): .plain(up: up.packed(), down: down.packed())
        case .gated(let gate, let up, let down): .gated(gate: gate.packed(), up: up.packed(), down: down.packed())
        case .fused(let both, let down): .fused(both: both.packed(), down: down.packed())
        }
    }
}

/// A pre-norm transformer block with LayerScale and stochastic depth.
struct TransformerBlock {
    let attentionNorm: Normalisation
    private(set) var attention: SelfAttention
    let attentionScale: Tensor?
    let feedForwardNorm: Normalisation
    private(set) var feedForward: FeedForwardLayer
    let feedForwardScale: Tensor?
    let dropPath: Double

    init(_ tensors: BackboneTensors, _ name: String, _ configuration: BackboneConfiguration) {
        attentionNorm = Normalisation(tensors, "\(name).norm1", configuration)
        attention = SelfAttention(tensors, "\(name).attn", configuration)
        attentionScale = configuration.layerScale == nil ? nil : tensors["\(name).ls1.gamma"]
        feedForwardNorm = Normalisation(tensors, "\(name).norm2", configuration)
        feedForward = FeedForwardLayer(tensors, "\(name).mlp", configuration)
        feedForwardScale = configuration.layerScale == nil ? nil : tensors["\(name).ls2.gamma"]
        dropPath = configuration.dropPath
    }

    /// The block, only for evaluation, with its matrices laid out for the processor.
    func packed() -> TransformerBlock {
        var block = self
        block.attention.pack()
        block.feedForward = feedForward.packed()
        return block
    }

    /// `[B, N, D]` to `[B, N, D]`.
    func callAsFunction(
        _ x: Tensor, rotary: RotaryTable?, context: ForwardContext, entry: Int, block: Int
    ) -> Tensor {
        let drops = context.isTraining && dropPath > 0
        func residual(
            _ x: Tensor, _ gamma: Tensor?, _ purpose: ForwardContext.Purpose, _ branch: (Tensor) -> Tensor
        ) -> Tensor {
            guard drops else {
                let y = branch(x)
                return if let gamma { x.addcmul(y, gamma) } else { x + y }
            }
            guard x.isDefined else { return x }
            let kept = context.keptCrops(of: x.shape[0], rate: dropPath, purpose, entry: entry, block: block)
            return droppingPath(x, keeping: kept) { x in
                let y = branch(x)
                return if let gamma { y * gamma } else { y }
            }
        }
        let attended = residual(x, attentionScale, .attentionPath) { attention(attentionNorm($0), rotary: rotary) }
        return residual(attended, feedForwardScale, .feedForwardPath) { feedForward(feedForwardNorm($0)) }
    }
}

/// Adds a residual branch for a random part of the batch, scaled up so that its mean stays.
///
/// Of B samples, `s = max(floor(B (1 - rate)), 1)` are kept, chosen by a random permutation; the branch is computed for
/// these only and added with the factor B / s.
package func droppingPath(
    _ x: Tensor, rate: Double, random: consuming CounterRandom, _ branch: (Tensor) -> Tensor
) -> Tensor {
    guard x.isDefined else { return x }
    return droppingPath(x, keeping: keptSamples(of: x.shape[0], rate: rate, random: random), branch)
}

/// Adds a residual branch for some samples of the batch, one or more, scaled up so that its mean stays.
private func droppingPath(_ x: Tensor, keeping chosen: [Int], _ branch: (Tensor) -> Tensor) -> Tensor {
    let index = Tensor(chosen, shape: [chosen.count]).to(x.device)
    let part = branch(x.indexSelect(dim: 0, indices: index))
    // A branch without LayerScale may be in a lower type.
    return x.indexAdd(dim: 0, indices: index, (part * (Double(x.shape[0]) / Double(chosen.count))).to(x.dtype))
}
