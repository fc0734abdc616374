// How much of the learning rate and of the weight decay each parameter gets.

/// The multipliers of one parameter, spec 7.1.
public struct ParameterScale: Sendable, Hashable {
    /// Times the learning rate.
    public let learningRate: Double
    /// Times the weight decay: 0 or 1.
    public let weightDecay: Double
    /// Whether it is the prototype layer of a head, which may be held still at first.
    public let isLastLayer: Bool

    /// The multipliers of a parameter of the backbone.
    ///
    /// - Parameters:
    ///   - name: The official name, such as `blocks.3.attn.qkv.weight`.
    ///   - depth: Number of blocks.
    ///   - layerDecay: Factor per layer below the last, 0 to 1.
    ///   - patchEmbed: Further factor of the patch embedding.
    ///   - decayTokens: Whether class, register and mask tokens are decayed, as the reference does against its stated intent.
    public init(backbone name: String, depth: Int, layerDecay: Double, patchEmbed: Double, decayTokens: Bool) {
        let isToken = name == "cls_token" || name == "mask_token" || name == "storage_tokens"
        let isPatchEmbed = name.hasPrefix("patch_embed.")
        let layer: Int
        if isToken || isPatchEmbed {
            layer = 0
        } else if name.hasPrefix("blocks."), let block = Int(name.dropFirst(7).prefix { $0 != "." }) {
            layer = block + 1
        } else {
            layer = depth + 1
        }
        var rate = 1.0
        for _ in layer..<max(depth + 1, layer) { rate *= layerDecay }
        if isPatchEmbed { rate *= patchEmbed }
        learningRate = rate
        weightDecay = (isToken && !decayTokens) ? 0 : Self.decays(name)
        isLastLayer = false
    }

    /// The multipliers of a parameter of a head, such as `mlp.0.weight` or `last_layer.weight`.
    public init(head name: String) {
        learningRate = 1
        weightDecay = Self.decays(name)
        isLastLayer = name.hasPrefix("last_layer")
    }

    private static func decays(_ name: String) -> Double {
        name.hasSuffix("bias") || name.contains("norm") || name.contains("gamma") ? 0 : 1
    }
}
