// What a way of naming tensors must tell, so that weights of others are read under official names.
internal import Telemetry
internal import Torch

/// Where a tensor with an official name comes from.
enum TensorOrigin: Equatable {
    /// A stored tensor with the same elements in the same order.
    case stored(String)
    /// Stored tensors one below the other; zeros where there is none.
    case rows([String?])
    /// A stored tensor `[1, n - 1, D]` after a row of zeros, `[1, n, D]`: positions without one of the class token.
    case afterZeros(String)
    /// No tensor is stored: zeros.
    case zeros
    /// No tensor is stored: what the configuration says (periods and bias masks).
    case derived

    /// The stored tensors.
    var names: [String] {
        switch self {
        case .stored(let name), .afterZeros(let name): [name]
        case .rows(let names): names.compactMap(\.self)
        case .zeros, .derived: []
        }
    }
}

/// The names of one kind of model of others.
protocol ForeignNames {
    /// Who has these names.
    var format: WeightsFormat { get }
    /// What comes before the names of the backbone in a file.
    var prefix: String { get }
    /// Where an official name comes from in a file; `nil` where it is missing.
    ///
    /// `extras` holds, under official names, what the other side has no place for.
    func origin(_ official: String, in source: any TensorSource, extras: (any TensorSource)?) -> TensorOrigin?
    /// The names of what one official tensor is made of, where they are several.
    func parts(_ official: String) -> [String]
    /// Whether a stored tensor belongs to the backbone rather than to a head or another network in the same file.
    func isOfBackbone(_ name: String) -> Bool
    /// The architecture that a `config.json` describes; `nil` where it leaves the sizes to the tensors.
    func architecture(configuration path: String) throws(BackboneError) -> BackboneArchitecture?
    /// The architecture, read off the tensors.
    ///
    /// - Parameter heads: The number of attention heads, where the user gives it.
    func architecture(
        of source: any TensorSource, path: String, heads: Int?
    ) throws(BackboneError) -> BackboneArchitecture
    /// The normalisation given by the files next to the weights; `nil` if they give none.
    func statistics(folder: String) throws(BackboneError) -> (mean: [Double], std: [Double])?
}

extension ForeignNames {
    var format: WeightsFormat { .huggingface }

    func isOfBackbone(_ name: String) -> Bool { name.hasPrefix(prefix) }

    func statistics(folder: String) throws(BackboneError) -> (mean: [Double], std: [Double])? {
        try HuggingFaceProcessor.statistics(folder: folder)
    }
}
