// The sizes of the family by name.

extension BackboneConfiguration {
    /// Names of the published sizes, smallest first: DINOv3's, then DINOv2's without and with registers.
    public static let presetNames = [
        "vits16", "vits16plus", "vitb16", "vitl16", "vitl16sat", "vitl16plus", "vitso400m16", "vith16plus",
        "vitg16", "vit7b16", "vits14", "vits14reg", "vitb14", "vitb14reg", "vitl14", "vitl14reg", "vitg14", "vitg14reg",
    ]

    /// A published size by its name; `nil` for an unknown name.
    ///
    /// `vitl16sat` is the ViT-L whose local crops had a final normalisation of their own.
    public static func preset(_ name: String) -> BackboneConfiguration? {
        switch name {
        case "vits16": sized(384, 12, 6)
        case "vits16plus": sized(384, 12, 6, ffn: .swiglu, ratio: 6)
        case "vitb16": sized(768, 12, 12)
        case "vitl16": sized(1024, 24, 16)
        case "vitl16sat": sized(1024, 24, 16, untied: true)
        case "vitl16plus": sized(1024, 24, 16, ffn: .swiglu, ratio: 6)
        case "vitso400m16": sized(1152, 27, 18, ratio: 3.777777778)
        case "vith16plus": sized(1280, 32, 20, ffn: .swiglu, ratio: 6)
        case "vitg16": sized(1536, 40, 24)
        case "vit7b16": sized(4096, 40, 32, ffn: .swiglu64, ratio: 3, qkvBias: false, untied: true)
        case "vits14", "vits14reg": learned(384, 12, 6, registers: name.hasSuffix("reg"))
        case "vitb14", "vitb14reg": learned(768, 12, 12, registers: name.hasSuffix("reg"))
        case "vitl14", "vitl14reg": learned(1024, 24, 16, registers: name.hasSuffix("reg"))
        case "vitg14", "vitg14reg": learned(1536, 40, 24, ffn: .swigluFused, registers: name.hasSuffix("reg"))
        default: nil
        }
    }

    /// A size of DINOv2: patches of 14 pixels, a grid of 37 x 37 learnt positions.
    private static func learned(
        _ width: Int, _ depth: Int, _ heads: Int, ffn: FeedForward = .mlp, registers: Bool
    ) -> BackboneConfiguration {
        var configuration = sized(width, depth, heads, ffn: ffn)
        configuration.patchSize = 14
        configuration.registers = registers ? 4 : 0
        configuration.layerScale = 1
        configuration.normEpsilon = 1e-6
        configuration.maskKBias = false
        configuration.positions = .original(grid: 37, registers: configuration.registers)
        return configuration
    }

    private static func sized(
        _ width: Int, _ depth: Int, _ heads: Int, ffn: FeedForward = .mlp, ratio: Double = 4,
        qkvBias: Bool = true, untied: Bool = false
    ) -> BackboneConfiguration {
        var configuration = BackboneConfiguration()
        configuration.width = width
        configuration.depth = depth
        configuration.heads = heads
        configuration.ffn = ffn
        configuration.ffnRatio = ratio
        configuration.qkvBias = qkvBias
        configuration.untieGlobalAndLocalNorms = untied
        return configuration
    }

    /// Whether the dimensions are those of another architecture, whatever the options of training are.
    public func hasSizes(of other: BackboneConfiguration) -> Bool {
        width == other.width && depth == other.depth && heads == other.heads && hiddenWidth == other.hiddenWidth
            && (ffn == .mlp) == (other.ffn == .mlp) && patchSize == other.patchSize && registers == other.registers
            && channels == other.channels && attention == other.attention
            && untieGlobalAndLocalNorms == other.untieGlobalAndLocalNorms
            && (positions == nil) == (other.positions == nil)
    }
}
