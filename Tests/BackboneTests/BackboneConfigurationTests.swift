// Sizes of the family, what is refused, and the form on disk.
import Backbone
import FoundationEssentials
import Telemetry
import Testing

struct BackboneConfigurationTests {
    @Test(arguments: [
        ("vits16", 21_601_152), ("vits16plus", 28_697_472), ("vitb16", 85_669_632), ("vitl16", 303_154_176),
        ("vitl16sat", 303_156_224), ("vitl16plus", 403_915_776), ("vith16plus", 840_633_600),
        ("vit7b16", 6_716_043_264),
    ])
    func `a published size has its number of parameters`(name: String, count: Int) throws {
        let configuration = try #require(BackboneConfiguration.preset(name))
        try configuration.validate()
        #expect(configuration.parameterCount == count)
    }

    @Test func `all presets are valid and an unknown name is none`() throws {
        for name in BackboneConfiguration.presetNames {
            try #require(BackboneConfiguration.preset(name)).validate()
        }
        #expect(BackboneConfiguration.preset("vitx") == nil)
    }

    @Test func `the hidden width of a gated layer is two thirds, aligned upwards`() {
        func hidden(_ width: Int, _ ratio: Double, _ ffn: BackboneConfiguration.FeedForward) -> Int {
            var configuration = BackboneConfiguration()
            configuration.width = width
            configuration.ffnRatio = ratio
            configuration.ffn = ffn
            return configuration.hiddenWidth
        }
        #expect(hidden(384, 4, .mlp) == 1536)
        #expect(hidden(384, 6, .swiglu) == 1536)
        #expect(hidden(4096, 3, .swiglu64) == 8192)
        // 100 * 4 * 2 / 3 = 266.67, cut to 266.
        #expect(hidden(100, 4, .swiglu) == 272)
        #expect(hidden(100, 4, .swiglu32) == 288)
        #expect(hidden(100, 4, .swiglu64) == 320)
        #expect(hidden(100, 4, .swiglu128) == 384)
        #expect(hidden(1152, 3.777777778, .mlp) == 4352)
    }

    @Test func `JSON has snake case keys and comes back equal`() throws {
        var configuration = tinyConfiguration { $0.layerScale = nil }
        configuration.rope.base = nil
        configuration.rope.minPeriod = 1
        configuration.rope.maxPeriod = 64
        let data = try JSONEncoder().encode(configuration)
        let text = String(decoding: data, as: UTF8.self)
        for key in ["patch_size", "ffn_ratio", "norm_epsilon", "mask_k_bias", "min_period"] {
            #expect(text.contains("\"\(key)\""), "\(text)")
        }
        #expect(try JSONDecoder().decode(BackboneConfiguration.self, from: data) == configuration)
    }

    struct Contradiction: Sendable, CustomTestStringConvertible {
        var words: String
        var change: @Sendable (inout BackboneConfiguration) -> Void
        var testDescription: String { words }

        init(_ words: String, _ change: @escaping @Sendable (inout BackboneConfiguration) -> Void) {
            self.words = words
            self.change = change
        }
    }

    static let contradictions = [
        Contradiction("width 30 over 4 heads is 7.5") {
            $0.width = 30
            $0.heads = 4
        },
        Contradiction("width 24 over 4 heads is 6.0") {
            $0.width = 24
            $0.heads = 4
        },
        Contradiction("patch_size is 0") { $0.patchSize = 0 },
        Contradiction("channels is -3") { $0.channels = -3 },
        Contradiction("depth is 5000") { $0.depth = 5000 },
        Contradiction("heads is 0") { $0.heads = 0 },
        Contradiction("width is 100000000") { $0.width = 100_000_000 },
        Contradiction("ffn_ratio is nan") { $0.ffnRatio = .nan },
        Contradiction("registers is -1") { $0.registers = -1 },
        Contradiction("layer_scale is 0.0") { $0.layerScale = 0 },
        Contradiction("norm_epsilon is 0.0") { $0.normEpsilon = 0 },
        Contradiction("drop_path is 1.0") { $0.dropPath = 1 },
        Contradiction("rope.base is -1.0") { $0.rope.base = -1 },
        Contradiction("rope needs either base") { $0.rope.base = nil },
        Contradiction("rope needs either base") { $0.rope.minPeriod = 1 },
        Contradiction("rope.min_period is 8.0") {
            $0.rope.base = nil
            $0.rope.minPeriod = 8
            $0.rope.maxPeriod = 2
        },
        Contradiction("rope.rescale is 0.5") { $0.rope.rescale = 0.5 },
        Contradiction("rope.jitter is 0.0") { $0.rope.jitter = 0 },
        Contradiction("rope.shift is -1.0") { $0.rope.shift = -1 },
    ]

    @Test(arguments: contradictions)
    func `a contradiction is named`(_ contradiction: Contradiction) throws {
        let configuration = tinyConfiguration(contradiction.change)
        let error = try #require(throws: BackboneError.self) { try configuration.validate() }
        #expect(error.code == .badConfiguration)
        #expect(error.causes.contains { $0.hasPrefix(contradiction.words) }, "\(error)")
    }
}
