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

/// Multi-head self-attention with rotary positions; q, k and v come from one packed matrix.
struct SelfAttention {
    let heads: Int
    let headWidth: Int
    let qkvWeight: Tensor
    let qkvBias: Tensor?
    // 1 where the packed bias counts; nil where all of it does.
    let biasMask: Tensor?
    let outputWeight: Tensor
    let outputBias: Tensor

    init(_ tensors: BackboneTensors, _ name: String, _ configuration: BackboneConfiguration) {
        heads = configuration.heads
        headWidth = configuration.headWidth
        qkvWeight = tensors["\(name).qkv.weight"]
        qkvBias = configuration.qkvBias ? tensors["\(name).qkv.bias"] : nil
        biasMask = configuration.qkvBias && configuration.maskKBias ? tensors["\(name).qkv.bias_mask"] : nil
        outputWeight = tensors["\(name).proj.weight"]
        outputBias = tensors["\(name).proj.bias"]
    }

    /// `[B, N, D]` to `[B, N, D]`.
    func callAsFunction(_ x: Tensor, rotary: RotaryTable) -> Tensor {
        // After a failed operation (out of memory) there is nothing to go on with; the scope throws.
        guard x.isDefined else { return x }
        let (batch, tokens) = (x.shape[0], x.shape[1])
        let bias: Tensor? = if let qkvBias, let biasMask { qkvBias * biasMask } else { qkvBias }
        let packed = linear(x, qkvWeight, bias)
            .reshaped([batch, tokens, 3, heads, headWidth]).permuted([2, 0, 3, 1, 4])
        let q = rotaryEmbedding(packed.select(dim: 0, index: 0), sine: rotary.sine, cosine: rotary.cosine)
        let k = rotaryEmbedding(packed.select(dim: 0, index: 1), sine: rotary.sine, cosine: rotary.cosine)
        let v = packed.select(dim: 0, index: 2)
        let mixed = scaledDotProductAttention(q, k, v).transpose(1, 2)
        return linear(mixed.reshaped([batch, tokens, heads * headWidth]), outputWeight, outputBias)
    }
}

/// The feed-forward layer: plain with GELU, or gated with SiLU.
enum FeedForwardLayer {
    case plain(up: (Tensor, Tensor), down: (Tensor, Tensor))
    case gated(gate: (Tensor, Tensor), up: (Tensor, Tensor), down: (Tensor, Tensor))

    init(_ tensors: BackboneTensors, _ name: String, _ configuration: BackboneConfiguration) {
        func pair(_ layer: String) -> (Tensor, Tensor) {
            (tensors["\(name).\(layer).weight"], tensors["\(name).\(layer).bias"])
        }
        self =
            configuration.ffn == .mlp
            ? .plain(up: pair("fc1"), down: pair("fc2"))
            : .gated(gate: pair("w1"), up: pair("w2"), down: pair("w3"))
    }

    /// `[B, N, D]` to `[B, N, D]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        func apply(_ layer: (Tensor, Tensor), _ x: Tensor) -> Tensor {
            linear(x, layer.0, layer.1)
        }
        switch self {
        case .plain(let up, let down):
            return apply(down, apply(up, x).gelu())
        case .gated(let gate, let up, let down):
            return apply(down, apply(gate, x).silu() * apply(up, x))
        }
    }
}

/// A pre-norm transformer block with LayerScale and stochastic depth.
struct TransformerBlock {
    let attentionNorm: Normalisation
    let attention: SelfAttention
    let attentionScale: Tensor?
    let feedForwardNorm: Normalisation
    let feedForward: FeedForwardLayer
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

    /// `[B, N, D]` to `[B, N, D]`.
    func callAsFunction(
        _ x: Tensor, rotary: RotaryTable, context: ForwardContext, entry: Int, block: Int
    ) -> Tensor {
        let drops = context.isTraining && dropPath > 0
        func residual(_ x: Tensor, _ purpose: ForwardContext.Purpose, _ branch: (Tensor) -> Tensor) -> Tensor {
            guard drops else { return x + branch(x) }
            return droppingPath(x, rate: dropPath, random: context.random(purpose, entry: entry, block: block), branch)
        }
        let attended = residual(x, .attentionPath) { x in
            scaled(attention(attentionNorm(x), rotary: rotary), by: attentionScale)
        }
        return residual(attended, .feedForwardPath) { x in
            scaled(feedForward(feedForwardNorm(x)), by: feedForwardScale)
        }
    }

    private func scaled(_ x: Tensor, by gamma: Tensor?) -> Tensor {
        if let gamma { x * gamma } else { x }
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
    let batch = x.shape[0]
    let kept = max(Int(Double(batch) * (1 - rate)), 1)
    // Sorted, because the order does not matter and memory likes it.
    let chosen = random.permutation(batch).prefix(kept).sorted()
    let index = Tensor(chosen, shape: [kept]).to(x.device)
    let part = branch(x.indexSelect(dim: 0, indices: index))
    return x.indexAdd(dim: 0, indices: index, part * (Double(batch) / Double(kept)))
}
