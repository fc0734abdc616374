// Principal components beside tokens whose components are known.
import Downstream
import Foundation
import Telemetry
import Testing
import Torch

struct PrincipalComponentsTests {
    init() throws { try Torch.load() }

    /// Tokens around (1, 2, 3, 4) along three perpendicular directions with the spreads 3, 2 and 1.
    private var tokens: Tensor {
        let directions = [[0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5], [0.5, 0.5, -0.5, -0.5]]
        var values: [Double] = []
        for i in 0..<512 {
            // Each sign pattern equally often, so that the three do not mix.
            let along = [i & 1 == 0 ? 3.0 : -3, i & 2 == 0 ? 2.0 : -2, i & 4 == 0 ? 1.0 : -1]
            for d in 0..<4 {
                values.append(Double(d + 1) + (0..<3).reduce(0) { $0 + along[$1] * directions[$1][d] })
            }
        }
        return Tensor(values, shape: [512, 4])
    }

    @Test func `directions, shares and ranges are those of the tokens`() throws {
        let found = try PrincipalComponents(of: tokens, count: 3)
        let expected: [[Float]] = [[0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5], [0.5, 0.5, -0.5, -0.5]]
        let components = found.components.floats()
        for (row, direction) in expected.enumerated() {
            let got = Array(components[row * 4..<row * 4 + 4])
            // The sign is that of the largest element, which in a tie of magnitudes rounding decides.
            let sign: Float = got[0] * direction[0] > 0 ? 1 : -1
            #expect(zip(got, direction).allSatisfy { abs($0 * sign - $1) < 1e-6 }, "\(got)")
            #expect(abs(found.explained[row] - [9, 4, 1][row] / 14) < 1e-9)
            let spread = Double(3 - row)
            #expect(abs(found.range[row].low + spread) < 1e-9 && abs(found.range[row].high - spread) < 1e-9)
        }
        #expect(zip(found.mean.floats(), [1, 2, 3, 4]).allSatisfy { abs($0 - Float($1)) < 1e-6 })
        let colours = found.colours(tokens).floats()
        #expect(Set(colours.map { ($0 * 100).rounded() / 100 }) == [1, 255])
    }

    @Test func `a projection written and read gives the same colours`() throws {
        let found = try PrincipalComponents(of: tokens, count: 2)
        try withTemporaryFolder { folder in
            let path = folder + "/basis.safetensors"
            let origin = TokenOrigin(weights: "w", layer: 3)
            try found.save(to: path, origin: origin)
            let read = try PrincipalComponents.load(from: path, width: 4, origin: origin)
            #expect(read.sha256() == found.sha256() && read.sha256().count == 64)
            #expect(read.colours(tokens).floats() == found.colours(tokens).floats())
            #expect(read.explained == found.explained)
            let error = try #require(throws: DownstreamError.self) {
                try PrincipalComponents.load(from: path, width: 5, origin: origin)
            }
            #expect(error.code == .badModel)
            for (other, word) in [
                (TokenOrigin(weights: "v", layer: 3), "weights_sha256"), (TokenOrigin(weights: "w"), "layer"),
                (TokenOrigin(weights: "w", layer: 3, isNormalised: false), "layers_normalised"),
                (TokenOrigin(weights: "w", layer: 3, input: ["mean": "0.5"]), "mean"),
            ] {
                let error = try #require(throws: DownstreamError.self) {
                    try PrincipalComponents.load(from: path, width: 4, origin: other)
                }
                #expect(error.report.contains(word), "\(error.report)")
            }
            var arrays: [(name: String, tensor: Tensor)] = [
                ("mean", found.mean), ("components", found.components), ("explained", Tensor([0.5, 0.5], shape: [2])),
                ("low", Tensor([0.0, 3.0], shape: [2])), ("high", Tensor([1.0, 2.0], shape: [2])),
            ]
            for wrong in [Tensor([1.0, 2.0], shape: [2]), Tensor([1.0, .nan], shape: [2])] {
                arrays[4].tensor = wrong
                try writeSafetensors(arrays, metadata: origin.metadata, to: path)
                #expect(throws: DownstreamError.self) {
                    try PrincipalComponents.load(from: path, width: 4, origin: origin)
                }
            }
        }
    }

    @Test func `tokens without a direction are an error`() throws {
        for tokens in [
            Tensor.zeros([10, 4]), Tensor([Float.nan, 1, 2, 3], shape: [2, 2]), Tensor.zeros([1, 4]),
        ] {
            #expect(throws: DownstreamError.self) { try PrincipalComponents(of: tokens, count: 2) }
        }
    }
}
