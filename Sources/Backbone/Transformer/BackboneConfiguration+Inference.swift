// The architecture of weights that do not describe themselves, read off the names and shapes of their tensors.

extension BackboneConfiguration {
    /// The architecture behind tensors with official names.
    ///
    /// What shapes do not tell is taken from the published models: epsilon 1e-5, rotary base 100.
    ///
    /// - Parameters:
    ///   - path: The file, for the error.
    ///   - shape: The shape of a tensor by its official name; `nil` where there is none.
    /// - Throws: `BackboneError` (`badWeights`) for tensors that are no transformer of the family.
    static func inferred(path: String, shape: (String) -> [Int]?) throws(BackboneError) -> BackboneConfiguration {
        func failure(_ cause: String) -> BackboneError {
            BackboneError(
                .badWeights, "cannot tell the architecture from the tensors", in: path, why: [cause],
                try: "name it with --arch, such as vitl16, or give weights of the DINOv3 family")
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
        inferred.registers = shape("storage_tokens").flatMap { $0.count == 3 ? $0[1] : nil } ?? 0
        inferred.depth = 0
        while shape("blocks.\(inferred.depth).norm1.weight") != nil { inferred.depth += 1 }
        guard inferred.depth > 0, inferred.width > 0 else { throw failure("there are no blocks.0 ...") }
        inferred.norm = shape("norm.bias") == nil ? .rmsnorm : .layernorm
        inferred.qkvBias = shape("blocks.0.attn.qkv.bias") != nil
        inferred.maskKBias = shape("blocks.0.attn.qkv.bias_mask") != nil
        if shape("blocks.0.attn.bias_k") != nil { inferred.attention = .biased }
        if shape("blocks.0.attn.gate.weight") != nil { inferred.attention = .gated }
        inferred.layerScale = shape("blocks.0.ls1.gamma") == nil ? nil : 1e-5
        inferred.untieClassAndPatchNorms = shape("cls_norm.weight") != nil
        inferred.untieGlobalAndLocalNorms = shape("local_cls_norm.weight") != nil
        let gated = shape("blocks.0.mlp.w1.weight") != nil
        guard let up = shape(gated ? "blocks.0.mlp.w1.weight" : "blocks.0.mlp.fc1.weight"), up.count == 2, up[0] > 0
        else { throw failure("there is no feed-forward layer blocks.0.mlp") }
        guard inferred.setFeedForward(hidden: up[0], gated: gated) else {
            throw failure("no feed-forward layer of the family has \(up[0]) hidden values at width \(inferred.width)")
        }
        if let periods = shape("rope_embed.periods"), periods.count == 1, periods[0] > 0 {
            inferred.heads = inferred.width / (4 * periods[0])
        } else if let known = inferred.published {
            inferred.heads = known.heads
        } else {
            throw failure("neither rope_embed.periods nor the sizes tell the number of heads")
        }
        return inferred
    }

    /// The published size with these dimensions.
    var published: BackboneConfiguration? {
        Self.presetNames.lazy.compactMap(Self.preset).first {
            $0.width == width && $0.depth == depth && $0.hiddenWidth == hiddenWidth && ($0.ffn == .mlp) == (ffn == .mlp)
        }
    }

    /// Chooses the form and the ratio of the feed-forward layer so that its hidden width is a given one.
    ///
    /// - Returns: Whether there is such a choice.
    mutating func setFeedForward(hidden: Int, gated: Bool) -> Bool {
        // Sizes come from files; those out of range are told by validate(), not computed with.
        guard (1...65536).contains(width), (1...4_194_304).contains(hidden) else { return false }
        let kinds: [FeedForward] = gated ? FeedForward.allCases.filter { $0 != .mlp } : [.mlp]
        let known = Self.presetNames.compactMap(Self.preset).filter { ($0.ffn == .mlp) != gated && $0.width == width }
        for (kind, ratio) in known.map({ ($0.ffn, $0.ffnRatio) })
            + kinds.map({ ($0, Double(hidden) * (gated ? 1.5 : 1) / Double(width)) })
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
