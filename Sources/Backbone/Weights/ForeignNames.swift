// What a way of naming tensors must tell, so that weights of others are read under official names.
internal import Torch

/// Where a tensor with an official name comes from.
enum TensorOrigin: Equatable {
    /// A stored tensor with the same elements in the same order.
    case stored(String)
    /// Stored tensors one below the other; zeros where there is none.
    case rows([String?])
    /// No tensor is stored: zeros.
    case zeros
    /// No tensor is stored: what the configuration says (periods and bias masks).
    case derived
}

/// The names of one kind of model at Hugging Face.
protocol ForeignNames {
    /// What stands before the names of the backbone in a file.
    var prefix: String { get }
    /// Where an official name comes from in a file; `nil` where it is missing.
    ///
    /// `extras` holds, under official names, what the other side has no place for.
    func origin(_ official: String, in source: any TensorSource, extras: (any TensorSource)?) -> TensorOrigin?
    /// The names of what one official tensor is made of, where they are several.
    func parts(_ official: String) -> [String]
    /// The architecture that a `config.json` describes.
    func architecture(configuration path: String) throws(BackboneError) -> BackboneArchitecture
    /// The architecture, read off the tensors.
    func architecture(of source: any TensorSource, path: String) throws(BackboneError) -> BackboneArchitecture
}
