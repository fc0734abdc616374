// The few directions along which tokens differ most: features as a picture, or as few numbers.
internal import FoundationEssentials
public import Torch

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
                .badPixels, "\(count) principal components cannot be found of \(tokens.shape[0]) tokens",
                why: ["a token has \(tokens.shape[1]) elements"])
        }
        let (x, mean) = try catchingTorchErrors {
            withoutGradient {
                let x = tokens.to(.float64)
                let mean = x.mean(0)
                return (x - mean, mean)
            }
        }
        guard x.isAllFinite else {
            throw DownstreamError(.badPixels, "the tokens are not finite numbers: they have no components")
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
        guard total > 0 else { throw DownstreamError(.badPixels, "the tokens are all equal: there is nothing to show") }
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

    /// Writes the projection as a safetensors file, with the weights it belongs to.
    public func save(to path: String, weights: String) throws {
        try writeSafetensors(
            [
                ("mean", mean), ("components", components),
                ("explained", Tensor(explained, shape: [count])),
                ("low", Tensor(range.map(\.low), shape: [count])),
                ("high", Tensor(range.map(\.high), shape: [count])),
            ], metadata: ["weights": weights], to: path)
    }

    /// Reads what `save` wrote.
    ///
    /// - Throws: `DownstreamError` (`badModel`) where the file holds no projection of tokens of length `width`.
    public static func load(from path: String, width: Int) throws -> PrincipalComponents {
        guard FileManager.default.fileExists(atPath: path) else {
            throw DownstreamError(.notFound, "no such file of principal components", in: path)
        }
        let file = try SafetensorsFile(path: path)
        guard let count = file.entry("components")?.shape.first, count > 0, file.entry("mean")?.shape == [width],
            file.entry("components")?.shape == [count, width],
            ["explained", "low", "high"].allSatisfy({ file.entry($0)?.shape == [count] })
        else {
            throw DownstreamError(
                .badModel, "the file holds no principal components of tokens of length \(width)", in: path,
                try: "give a file that 'geodino embed --pca' wrote with these weights")
        }
        let low = try file.tensor("low").doubles()
        let high = try file.tensor("high").doubles()
        return PrincipalComponents(
            mean: try file.tensor("mean").to(.float32), components: try file.tensor("components").to(.float32),
            explained: try file.tensor("explained").doubles(),
            range: zip(low, high).map { (low: $0, high: $1) })
    }
}
