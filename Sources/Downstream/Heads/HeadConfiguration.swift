// Which head, and how large: what a recipe and a model say of it.
public import Torch

/// The form and the sizes of a head.
///
/// In recipes and models a mapping with the key `kind` (`linear`, `dpt`, `upernet`) and the sizes of that kind. Without `kind` it is
/// the dense prediction head with the ending of the canopy model, which had no other kind next to it.
public enum HeadConfiguration: Codable, Sendable, Equatable {
    /// A dense prediction transformer with the ending for depths and heights.
    case depth(DenseHeadConfiguration)
    /// One matrix.
    case linear(LinearHeadConfiguration)
    /// A dense prediction transformer with the ending for classes.
    case dpt(DenseClassHeadConfiguration)
    /// UPerNet on a simple feature pyramid.
    case upernet(UPerNetConfiguration)

    /// The kinds that have a name.
    public enum Kind: String, Codable, CaseIterable, Sendable {
        /// One matrix.
        case linear
        /// A dense prediction transformer.
        case dpt
        /// UPerNet.
        case upernet
    }

    /// The key on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case kind
    }

    /// Reads a kind and its sizes.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        guard let name = try container.decodeIfPresent(String.self, forKey: .kind) else {
            self = .depth(try DenseHeadConfiguration(from: decoder))
            return
        }
        switch Kind(rawValue: name) {
        case .linear: self = .linear(try LinearHeadConfiguration(from: decoder))
        case .dpt: self = .dpt(try DenseClassHeadConfiguration(from: decoder))
        case .upernet: self = .upernet(try UPerNetConfiguration(from: decoder))
        case nil:
            throw DecodingError.dataCorruptedError(
                forKey: .kind, in: container,
                debugDescription: "the kind of a head must be linear, dpt or upernet, got '\(name)'")
        }
    }

    /// Writes a kind and its sizes.
    public func encode(to encoder: any Encoder) throws {
        if let kind {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(kind, forKey: .kind)
        }
        switch self {
        case .depth(let sizes): try sizes.encode(to: encoder)
        case .linear(let sizes): try sizes.encode(to: encoder)
        case .dpt(let sizes): try sizes.encode(to: encoder)
        case .upernet(let sizes): try sizes.encode(to: encoder)
        }
    }

    /// Its kind; `nil` for the canopy model's, which is not named on disk.
    public var kind: Kind? {
        switch self {
        case .depth: nil
        case .linear: .linear
        case .dpt: .dpt
        case .upernet: .upernet
        }
    }

    /// What it is called in text.
    public var name: String {
        switch self {
        case .depth, .dpt: "DPT"
        case .linear: "linear"
        case .upernet: "UPerNet"
        }
    }

    /// Number of taps that the head takes.
    public var tapCount: Int {
        if case .linear(let sizes) = self { sizes.taps } else { 4 }
    }

    /// What is wrong with the sizes, one sentence each; empty when nothing is.
    package var problems: [String] {
        switch self {
        case .depth(let sizes): sizes.problems
        case .linear(let sizes): sizes.problems
        case .dpt(let sizes): sizes.problems
        case .upernet(let sizes): sizes.problems
        }
    }

    /// Makes a head with random weights.
    ///
    /// - Parameters:
    ///   - tokenWidth: Length of a token.
    ///   - outputs: Numbers per pixel.
    ///   - generator: Where the random numbers come from, on the CPU; equal seeds give equal weights on every device.
    public func makeHead(
        tokenWidth: Int, outputs: Int, generator: Generator, dtype: DType = .float32, device: Device = .cpu
    ) -> any DenseHead {
        switch self {
        case .depth(let sizes):
            DensePredictionHead(
                sizes, tokenWidth: tokenWidth, outputs: outputs, generator: generator, dtype: dtype, device: device)
        case .linear(let sizes):
            LinearHead(
                sizes, tokenWidth: tokenWidth, outputs: outputs, generator: generator, dtype: dtype, device: device)
        case .dpt(let sizes):
            DenseClassHead(
                sizes, tokenWidth: tokenWidth, outputs: outputs, generator: generator, dtype: dtype, device: device)
        case .upernet(let sizes):
            UPerNetHead(
                sizes, tokenWidth: tokenWidth, outputs: outputs, generator: generator, dtype: dtype, device: device)
        }
    }

    /// Reads a head from a safetensors file; every tensor must be there, and no other.
    ///
    /// - Throws: `DownstreamError` (`badModel`) that lists missing, unexpected and mis-shaped tensors; errors of the file
    ///   format as they come.
    public func loadHead(
        from path: String, tokenWidth: Int, outputs: Int, dtype: DType = .float32, device: Device = .cpu
    ) throws -> any DenseHead {
        switch self {
        case .depth(let sizes):
            try DensePredictionHead.load(
                from: path, sizes, tokenWidth: tokenWidth, outputs: outputs, dtype: dtype, device: device)
        case .linear(let sizes):
            try LinearHead.load(
                from: path, sizes, tokenWidth: tokenWidth, outputs: outputs, dtype: dtype, device: device)
        case .dpt(let sizes):
            try DenseClassHead.load(
                from: path, sizes, tokenWidth: tokenWidth, outputs: outputs, dtype: dtype, device: device)
        case .upernet(let sizes):
            try UPerNetHead.load(
                from: path, sizes, tokenWidth: tokenWidth, outputs: outputs, dtype: dtype, device: device)
        }
    }
}
