// The few directions along which tokens differ most: features as a picture, or as few numbers.
internal import Files
internal import FoundationEssentials
internal import Telemetry
public import Torch

/// Which tokens some components are of.
public struct TokenOrigin: Hashable, Sendable {
    /// SHA-256 of the weights.
    public var weights: String
    /// The block or stage that they come after; `nil` for the output.
    public var layer: Int?
    /// Whether the final normalisation was applied to them.
    public var isNormalised: Bool
    /// How pixels are brought to the network, and what else changes what it says: texts by name.
    public var input: [String: String]

    /// Names tokens; those of the output are always normalised.
    public init(weights: String, layer: Int? = nil, isNormalised: Bool = true, input: [String: String] = [:]) {
        self.weights = weights
        self.layer = layer
        self.isNormalised = layer == nil || isNormalised
        self.input = input
    }

    /// The same as texts by name.
    public var metadata: [String: String] {
        let own = [
            "weights_sha256": weights, "layer": layer.map { "\($0)" } ?? "output",
            "layers_normalised": isNormalised ? "yes" : "no",
        ]
        return own.merging(input) { first, _ in first }
    }
}

/// A projection of tokens onto their principal components.
public struct PrincipalComponents {
    /// What is taken off a token, `[D]` float32.
    public let mean: Tensor
    /// Directions of length 1, the strongest first, `[K, D]` float32.
    public let components: Tensor
    /// The share of all variance along each.
    public let explained: [Double]
    /// The percentiles 1 and 99 of the tokens along each direction: from where to where a picture goes.
    public let range: [(low: Double, high: Double)]

    /// Number of directions.
    public var count: Int { components.shape[0] }

    /// Finds the directions of some tokens.
    ///
    /// The sign of a direction is free: its largest element is made positive, so that equal tokens give equal pictures.
    ///
    /// - Parameters:
    ///   - tokens: `[M, D]`, two or more, of any float type.
    ///   - count: The number K of directions, at most D.
    /// - Throws: `DownstreamError` (`badPixels`) for too few or equal tokens; `TorchError`.
    public init(of tokens: Tensor, count: Int) throws {
        guard tokens.shape[0] > 1, count <= tokens.shape[1] else {
            throw DownstreamError(
                .badPixels,
                "cannot compute \(count) principal components from only \(tokens.shape[0]) tokens of \(tokens.shape[1]) elements",
                try: "use a larger area, or give components computed on one with \(Setting.basis)")
        }
        let (x, mean) = try catchingTorchErrors {
            withoutGradient {
                let x = tokens.to(.float64)
                let mean = x.mean(0)
                return (x - mean, mean)
            }
        }
        guard x.isAllFinite else {
            throw DownstreamError(.badPixels, "the tokens are not finite numbers, so they have no components")
        }
        // In rising order.
        let found = try catchingTorchErrors {
            withoutGradient {
                let covariance = matmul(x.transpose(0, 1), x) * (1 / Double(x.shape[0] - 1))
                return callOperator("aten::linalg_eigh", "", [.tensor(covariance), .string("L")])
            }
        }
        let values = found[0].doubles()
        let total = values.reduce(0) { $0 + max($1, 0) }
        guard total > 0 else { throw DownstreamError(.badPixels, "all tokens are equal, so they have no components") }
        explained = values.reversed().prefix(count).map { max($0, 0) / total }
        let (components, sorted) = try catchingTorchErrors {
            withoutGradient {
                let vectors = found[1].transpose(0, 1).flipped([0]).narrow(dim: 0, start: 0, length: count)
                let strongest = vectors.abs().argmax(dim: 1, keepDims: true)
                let components = vectors * vectors.gather(dim: 1, index: strongest).sign()
                let along = matmul(x, components.transpose(0, 1)).transpose(0, 1).sorted(dim: 1).values
                return (components, along.contiguous().doubles())
            }
        }
        let last = x.shape[0] - 1
        let low = Int((0.01 * Double(last)).rounded())
        range = (0..<count).map { direction in
            let start = direction * x.shape[0]
            return (low: sorted[start + low], high: sorted[start + last - low])
        }
        self.mean = mean.to(.float32)
        self.components = components.to(.float32)
    }

    private init(mean: Tensor, components: Tensor, explained: [Double], range: [(low: Double, high: Double)]) {
        self.mean = mean
        self.components = components
        self.explained = explained
        self.range = range
    }

    /// Tokens `[..., D]` along the directions, `[..., K]` float32.
    public func project(_ tokens: Tensor) -> Tensor {
        matmul(tokens.to(.float32) - mean, components.transpose(0, 1))
    }

    /// Tokens `[..., D]` as colours, `[..., K]` float32: the range of each direction becomes 1 to 255.
    public func colours(_ tokens: Tensor) -> Tensor {
        let low = Tensor(range.map(\.low), shape: [count]).to(.float32)
        let scale = Tensor(range.map { 254 / max($0.high - $0.low, .leastNormalMagnitude) }, shape: [count])
        return ((project(tokens) - low) * scale.to(.float32) + 1).clamped(min: 1, max: 255)
    }

    /// SHA-256 of the numbers, which names the projection.
    public func sha256() -> String {
        var hash = SHA256()
        for tensor in [mean, components] { hash.update(tensor.to(.cpu).contiguous().withBytes(Array.init)) }
        hash.update((range.map(\.low) + range.map(\.high)).withUnsafeBytes(Array.init))
        return hash.finalize()
    }

    /// Writes the projection as a safetensors file that says of which tokens it is.
    public func save(to path: String, origin: TokenOrigin) throws {
        try writeSafetensors(
            [
                ("mean", mean), ("components", components),
                ("explained", Tensor(explained, shape: [count])),
                ("low", Tensor(range.map(\.low), shape: [count])),
                ("high", Tensor(range.map(\.high), shape: [count])),
            ], metadata: origin.metadata, to: path)
    }

    /// Reads what `save` wrote.
    ///
    /// - Throws: `DownstreamError` (`badModel`) where the file holds no projection of tokens of length `width`, or one of other tokens.
    public static func load(from path: String, width: Int, origin: TokenOrigin) throws -> PrincipalComponents {
        guard FileManager.default.fileExists(atPath: path) else {
            throw DownstreamError(.notFound, "no such file of principal components", in: path)
        }
        let file = try SafetensorsFile(path: path)
        guard let count = file.entry("components")?.shape.first, count > 0, file.entry("mean")?.shape == [width],
            file.entry("components")?.shape == [count, width],
            ["explained", "low", "high"].allSatisfy({ file.entry($0)?.shape == [count] })
        else {
            throw DownstreamError(
                .badModel, "the file does not hold principal components of tokens of length \(width)", in: path,
                try: "give a file that '\(UserAction.embedComponents(count: nil))' wrote with these weights")
        }
        let differing = origin.metadata.filter { file.metadata[$0.key] != $0.value }.sorted { $0.key < $1.key }
        guard differing.isEmpty else {
            throw DownstreamError(
                .badModel, "the components were computed from other tokens", in: path,
                why: differing.map {
                    "their \($0.key) is \(file.metadata[$0.key] ?? "unknown"); here it is \($0.value)"
                },
                try: "use the weights and options that they were made with, or leave out \(Setting.basis)")
        }
        let names = ["mean", "components", "explained", "low", "high"]
        let arrays = try names.map { try file.tensor($0) }
        let (low, high) = (arrays[3].to(.float64).doubles(), arrays[4].to(.float64).doubles())
        guard arrays.allSatisfy(\.isAllFinite), zip(low, high).allSatisfy({ $0 <= $1 }) else {
            throw DownstreamError(
                .badModel, "the components are not finite numbers, or a range ends before it starts", in: path,
                try: "compute them again: \(UserAction.embedComponents(count: "N")) without \(Setting.basis)")
        }
        return PrincipalComponents(
            mean: arrays[0].to(.float32), components: arrays[1].to(.float32),
            explained: arrays[2].to(.float64).doubles(), range: zip(low, high).map { (low: $0, high: $1) })
    }
}
