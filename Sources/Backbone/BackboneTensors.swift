// The tensors of a network, by name.
internal import Torch

/// The tensors of a backbone by their official names.
struct BackboneTensors {
    var byName: [String: Tensor]

    subscript(name: String) -> Tensor {
        guard let tensor = byName[name] else {
            preconditionFailure("a backbone needs the tensor \(name), which its configuration does not list")
        }
        return tensor
    }
}
