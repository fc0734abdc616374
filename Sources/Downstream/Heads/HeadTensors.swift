// A head's tensors by name: drawn, given or read.
internal import Backbone
internal import Files
internal import Telemetry
internal import Torch

/// The tensors of a head, one for each specification.
struct HeadTensors {
    private let specifications: [HeadSpecification]
    private let tensors: [String: Tensor]

    /// Takes given tensors.
    init(_ specifications: [HeadSpecification], tensors: [String: Tensor]) {
        self.specifications = specifications
        self.tensors = tensors
    }

    /// Draws first values.
    init(_ specifications: [HeadSpecification], generator: Generator, dtype: DType, device: Device) {
        var tensors: [String: Tensor] = [:]
        for specification in specifications {
            tensors[specification.name] = withoutGradient {
                specification.firstValue(generator).to(dtype).to(device)
            }
        }
        self.init(specifications, tensors: tensors)
    }

    /// Reads a safetensors file; every tensor must be there, and no other.
    ///
    /// - Throws: `DownstreamError` (`badModel`) that lists missing, unexpected and mis-shaped tensors; errors of the file
    ///   format as they come.
    init(_ specifications: [HeadSpecification], from path: String, dtype: DType, device: Device) throws {
        let file = try SafetensorsFile(path: path)
        var tensors: [String: Tensor] = [:]
        var check = TensorCheck()
        for specification in specifications {
            let name = specification.name
            guard check.want(name, specification.shape, file.entry(name)) else { continue }
            tensors[name] = try file.tensor(name).to(dtype).to(device)
        }
        let causes = check.causes(among: file.names)
        guard causes.isEmpty else {
            throw DownstreamError(.badModel, "the tensors in the file do not match the head", in: path, why: causes)
        }
        self.init(specifications, tensors: tensors)
    }

    /// The tensor of a name.
    subscript(name: String) -> Tensor {
        guard let tensor = tensors[name] else {
            preconditionFailure("a head needs the tensor \(name), which its sizes do not list")
        }
        return tensor
    }

    /// Those that gradients train, in the order of the network.
    var trained: [(name: String, tensor: Tensor)] {
        specifications.filter(\.isTrained).map { ($0.name, self[$0.name]) }
    }

    /// The others.
    var buffers: [(name: String, tensor: Tensor)] {
        specifications.filter { !$0.isTrained }.map { ($0.name, self[$0.name]) }
    }
}
