// Names, shapes and first values of the dense head's tensors.
internal import Backbone
internal import Files
internal import Telemetry
public import Torch

/// One tensor of a head.
package struct HeadSpecification {
    /// The first value.
    enum Start {
        case zeros
        /// Normal with deviation `sqrt(2 / fan-out)` (He et al. 2015), for convolutions before a rectifier.
        case kaiming(fanOut: Int)
        /// Evenly between minus and plus `1 / sqrt(fan-in)`, libtorch's own way.
        case uniform(fanIn: Int)
    }

    package let name: String
    package let shape: [Int]
    let start: Start

    /// The first value, in single precision on the CPU.
    func firstValue(_ generator: Generator) -> Tensor {
        switch start {
        case .zeros: return Tensor.zeros(shape)
        case .kaiming(let fanOut):
            return Tensor.randn(shape, generator: generator) * (2 / Double(fanOut)).squareRoot()
        case .uniform(let fanIn):
            let bound = 1 / Double(fanIn).squareRoot()
            return Tensor.rand(shape, generator: generator) * (2 * bound) - bound
        }
    }
}

extension DensePredictionHead {
    /// All tensors of a head, in the order of the network.
    package static func specifications(
        _ configuration: DenseHeadConfiguration, tokenWidth: Int, outputs: Int
    ) -> [HeadSpecification] {
        var list: [HeadSpecification] = []
        /// A convolution of the published code's own kind, drawn after He.
        func convolution(_ name: String, from input: Int, to output: Int, side: Int, bias: Bool = true) {
            list.append(
                .init(
                    name: "\(name).weight", shape: [output, input, side, side],
                    start: .kaiming(fanOut: output * side * side)))
            if bias { list.append(.init(name: "\(name).bias", shape: [output], start: .zeros)) }
        }
        /// A layer that libtorch draws its own way.
        func plain(_ name: String, shape: [Int], outputs: Int, fanIn: Int) {
            list.append(.init(name: "\(name).weight", shape: shape, start: .uniform(fanIn: fanIn)))
            list.append(.init(name: "\(name).bias", shape: [outputs], start: .uniform(fanIn: fanIn)))
        }
        for (index, channels) in configuration.postChannels.enumerated() {
            plain(
                "reassemble_blocks.readout_projects.\(index).0", shape: [tokenWidth, 2 * tokenWidth],
                outputs: tokenWidth, fanIn: 2 * tokenWidth)
            convolution("reassemble_blocks.projects.\(index).conv", from: tokenWidth, to: channels, side: 1)
            let side = [4, 2, 0, 3][index]
            if index != 2 {
                plain(
                    "reassemble_blocks.resize_layers.\(index)", shape: [channels, channels, side, side],
                    outputs: channels, fanIn: channels * side * side)
            }
            convolution("convs.\(index).conv", from: channels, to: configuration.channels, side: 3, bias: false)
        }
        for index in 0..<4 {
            for unit in (index == 0 ? 2 : 1)...2 {
                for layer in 1...2 {
                    convolution(
                        "fusion_blocks.\(index).res_conv_unit\(unit).conv\(layer).conv", from: configuration.channels,
                        to: configuration.channels, side: 3)
                }
            }
            convolution(
                "fusion_blocks.\(index).project.conv", from: configuration.channels, to: configuration.channels, side: 1
            )
        }
        // The convolutional head is drawn after He as well, which trains better than libtorch's own way.
        convolution("conv_depth.head.0", from: configuration.channels, to: configuration.channels / 2, side: 3)
        convolution("conv_depth.head.2", from: configuration.channels / 2, to: configuration.hidden, side: 3)
        convolution("conv_depth.head.4", from: configuration.hidden, to: outputs, side: 1)
        return list
    }
}

extension DensePredictionHead {
    /// Reads a head from a safetensors file with the published names; every tensor must be there, and no other.
    ///
    /// - Throws: `DownstreamError` (`badModel`) that lists missing, unexpected and mis-shaped tensors.
    public static func load(
        from path: String, _ configuration: DenseHeadConfiguration, tokenWidth: Int, outputs: Int,
        dtype: DType = .float32, device: Device = .cpu
    ) throws -> DensePredictionHead {
        let file = try SafetensorsFile(path: path)
        let specifications = specifications(configuration, tokenWidth: tokenWidth, outputs: outputs)
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
        return DensePredictionHead(
            configuration, tokenWidth: tokenWidth, outputs: outputs, tensors: tensors, followsReference: false)
    }
}
