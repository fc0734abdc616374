// The architecture of weights that do not describe themselves, read off the names and shapes of their tensors.
internal import Telemetry

extension BackboneConfiguration {
    /// The architecture behind tensors with official names.
    ///
    /// What shapes do not tell is taken from the published models: epsilon 1e-5 and rotary base 100, or 1e-6 and the original code's
    /// way of resizing where positions are learnt.
    ///
    /// - Parameters:
    ///   - path: The file, for the error.
    ///   - heads: The number of attention heads, if the caller knows it.
    ///   - shape: The shape of a tensor by its official name; `nil` where there is none.
    /// - Throws: `BackboneError` (`badWeights`) for tensors that are not a transformer of the family.
    static func inferred(
        path: String, heads: Int? = nil, shape: (String) -> [Int]?
    ) throws(BackboneError) -> BackboneConfiguration {
        func failure(_ cause: String, try remedy: String? = nil) -> BackboneError {
            BackboneError(
                .badWeights, "cannot infer the architecture from the tensors", in: path, why: [cause],
                try: remedy
                    ?? "give it with \(Setting.architecture), such as \(Setting.architecture) vitl16, or use weights of DINOv3 or DINOv2"
            )
        }
        guard let classToken = shape("cls_token"), classToken.count == 3 else {
            throw failure("there is no class token [1, 1, D]")
        }
        guard let patches = shape("patch_embed.proj.weight"), patches.count == 4, patches[2] == patches[3] else {
            throw failure("there is no patch embedding [D, C, P, P]")
        }
        var inferred = BackboneConfiguration()
        inferred.width = classToken[2]
        inferred.channels = patches[1]
        inferred.patchSize = patches[2]
        let registers = shape("storage_tokens") ?? shape("register_tokens")
        inferred.registers = registers.flatMap { $0.count == 3 ? $0[1] : nil } ?? 0
        if let positions = shape("pos_embed") {
            let count = positions.count == 3 ? positions[1] - 1 : 0
            let grid = Int(Double(max(count, 0)).squareRoot().rounded())
            guard grid > 0, grid * grid == count else {
                throw failure(
                    "pos_embed is \(positions); expected [1, 1 + n * n, D], a square grid of learnt positions")
            }
            inferred.positions = .original(grid: grid, registers: inferred.registers)
            inferred.normEpsilon = 1e-6
        }
        inferred.depth = 0
        while shape("blocks.\(inferred.depth).norm1.weight") != nil { inferred.depth += 1 }
        guard inferred.depth > 0, inferred.width > 0 else { throw failure("the tensors blocks.0 ... are missing") }
        inferred.norm = shape("norm.bias") == nil ? .rmsnorm : .layernorm
        inferred.qkvBias = shape("blocks.0.attn.qkv.bias") != nil
        inferred.maskKBias = shape("blocks.0.attn.qkv.bias_mask") != nil
        if shape("blocks.0.attn.bias_k") != nil { inferred.attention = .biased }
        if shape("blocks.0.attn.gate.weight") != nil { inferred.attention = .gated }
        let scale = inferred.positions == nil ? 1e-5 : 1
        inferred.layerScale = shape("blocks.0.ls1.gamma") == nil ? nil : scale
        inferred.untieClassAndPatchNorms = shape("cls_norm.weight") != nil
        inferred.untieGlobalAndLocalNorms = shape("local_cls_norm.weight") != nil
        let form: FeedForwardForm =
            shape("blocks.0.mlp.w12.weight") != nil ? .fused : shape("blocks.0.mlp.w1.weight") != nil ? .gated : .plain
        guard let up = shape("blocks.0.mlp.\(form.up).weight"), up.count == 2, up[0] > 0
        else { throw failure("there is no feed-forward layer blocks.0.mlp") }
        let hidden = form == .fused ? up[0] / 2 : up[0]
        guard inferred.setFeedForward(hidden: hidden, form) else {
            throw failure("no feed-forward layer of the family has \(hidden) hidden values at width \(inferred.width)")
        }
        if let periods = shape("rope_embed.periods"), periods.count == 1, periods[0] > 0 {
            inferred.heads = inferred.width / (4 * periods[0])
            guard heads == nil || heads == inferred.heads else {
                throw failure(
                    "the rotary periods imply \(inferred.heads) heads, but \(Setting.heads) is \(heads ?? 0)",
                    try: "leave out \(Setting.heads)")
            }
        } else if let heads {
            inferred.heads = heads
        } else if let known = inferred.published {
            inferred.heads = known.heads
        } else {
            throw failure(
                "the number of heads is unknown: no published size has the width \(inferred.width) and \(inferred.depth) blocks",
                try: "give the number of attention heads: \(Setting.heads) N")
        }
        return inferred
    }

    /// The published size with these dimensions.
    var published: BackboneConfiguration? {
        Self.presetNames.lazy.compactMap(Self.preset).first {
            $0.width == width && $0.depth == depth && $0.hiddenWidth == hiddenWidth && ($0.ffn == .mlp) == (ffn == .mlp)
                && ($0.positions == nil) == (positions == nil)
        }
    }

    /// Chooses the form and the ratio of the feed-forward layer so that its hidden width is a given one.
    ///
    /// - Returns: Whether there is such a choice.
    mutating func setFeedForward(hidden: Int, _ form: FeedForwardForm) -> Bool {
        // Sizes come from files; those out of range are told by validate(), not computed with.
        guard (1...65536).contains(width), (1...4_194_304).contains(hidden) else { return false }
        let kinds: [FeedForward] =
            switch form {
            case .plain: [.mlp]
            case .gated: [.swiglu, .swiglu32, .swiglu64, .swiglu128]
            case .fused: [.swigluFused]
            }
        let known = Self.presetNames.compactMap(Self.preset).filter { kinds.contains($0.ffn) && $0.width == width }
        for (kind, ratio) in known.map({ ($0.ffn, $0.ffnRatio) })
            + kinds.map({ ($0, Double(hidden) * (form == .plain ? 1 : 1.5) / Double(width)) })
        {
            // The hidden width is rounded down, so that a ratio a little too small falls short.
            for ratio in [ratio, ratio.nextUp] {
                ffn = kind
                ffnRatio = ratio
                if ratio <= 64, hiddenWidth == hidden { return true }
            }
        }
        return false
    }
}

/// How the feed-forward layer's matrices are stored.
enum FeedForwardForm {
    /// Two matrices, `fc1` and `fc2`.
    case plain
    /// Three: gate `w1`, values `w2`, and `w3`.
    case gated
    /// Two: gate and values in one, `w12`, and `w3`.
    case fused

    /// The official name of the first matrix.
    var up: String {
        switch self {
        case .plain: "fc1"
        case .gated: "w1"
        case .fused: "w12"
        }
    }
}

extension RotaryConfiguration {
    /// The base behind stored periods, which may be rounded to bfloat16; `nil` where they follow no base.
    static func base(of periods: [Double]) -> Double? {
        guard periods.count > 1, let last = periods.last, last > 1 else { return nil }
        let exact = power(last, Double(periods.count) / Double(periods.count - 1))
        // The published base, and other round ones, before the inexact one.
        for base in [100, exact.rounded(), exact] where matches(periods, base: base) { return base }
        return nil
    }

    /// Whether periods are those of a base, up to rounding to bfloat16.
    static func matches(_ periods: [Double], base: Double) -> Bool {
        periods.enumerated().allSatisfy { index, period in
            let expected = power(base, Double(index) / Double(periods.count))
            return abs(period - expected) <= expected / 256
        }
    }
}
