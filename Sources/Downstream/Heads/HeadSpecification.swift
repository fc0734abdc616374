// Name, shape and first value of one tensor of a head.
internal import Torch

/// One tensor of a head.
package struct HeadSpecification {
    /// The first value.
    enum Start {
        case zeros
        case ones
        /// Normal with mean 0.
        case normal(deviation: Double)
        /// Normal with deviation `sqrt(2 / fan-out)` (He et al. 2015), for convolutions before a rectifier.
        case kaiming(fanOut: Int)
        /// Evenly between minus and plus `1 / sqrt(fan-in)`, libtorch's own way.
        case uniform(fanIn: Int)
    }

    package let name: String
    package let shape: [Int]
    let start: Start
    /// False for a buffer: what training computes, but not by gradients, such as a running mean.
    package let isTrained: Bool

    /// Describes a tensor.
    init(name: String, shape: [Int], start: Start, isTrained: Bool = true) {
        self.name = name
        self.shape = shape
        self.start = start
        self.isTrained = isTrained
    }

    /// The first value, in single precision on the CPU.
    func firstValue(_ generator: Generator) -> Tensor {
        switch start {
        case .zeros: return Tensor.zeros(shape)
        case .ones: return Tensor.ones(shape)
        case .normal(let deviation): return Tensor.randn(shape, generator: generator) * deviation
        case .kaiming(let fanOut):
            return Tensor.randn(shape, generator: generator) * (2 / Double(fanOut)).squareRoot()
        case .uniform(let fanIn):
            let bound = 1 / Double(fanIn).squareRoot()
            return Tensor.rand(shape, generator: generator) * (2 * bound) - bound
        }
    }
}

extension [HeadSpecification] {
    /// A convolution, drawn after He.
    mutating func addConvolution(_ name: String, from input: Int, to output: Int, side: Int, bias: Bool = true) {
        append(
            .init(
                name: "\(name).weight", shape: [output, input, side, side],
                start: .kaiming(fanOut: output * side * side)))
        if bias { append(.init(name: "\(name).bias", shape: [output], start: .zeros)) }
    }

    /// A layer that libtorch draws its own way.
    mutating func addPlain(_ name: String, shape: [Int], outputs: Int, fanIn: Int) {
        append(.init(name: "\(name).weight", shape: shape, start: .uniform(fanIn: fanIn)))
        append(.init(name: "\(name).bias", shape: [outputs], start: .uniform(fanIn: fanIn)))
    }

    /// A transposed convolution that enlarges `side` times and keeps the number of channels, drawn libtorch's own way.
    mutating func addEnlargement(_ name: String, channels: Int, side: Int) {
        addPlain(
            name, shape: [channels, channels, side, side], outputs: channels, fanIn: channels * side * side)
    }

    /// The last layer of a classifier: a 1x1 convolution whose small weights give all classes nearly the same chance.
    mutating func addClassifier(_ name: String, from input: Int, to outputs: Int) {
        append(.init(name: "\(name).weight", shape: [outputs, input, 1, 1], start: .normal(deviation: 0.01)))
        append(.init(name: "\(name).bias", shape: [outputs], start: .zeros))
    }
}
