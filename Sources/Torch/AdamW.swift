// The optimiser, the clipping of gradients, the moving average of weights: one call for whole lists.
internal import CTorchAPI
internal import Files
public import Telemetry

/// AdamW: Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019), as PyTorch computes it.
public final class AdamW {
    /// Parameters that share a learning rate and a weight decay.
    public struct Group {
        /// Parameters by name; names are unique in the whole optimiser.
        let parameters: [(name: String, tensor: Tensor)]
        /// Learning rate of the next step.
        public var learningRate: Double
        /// Share of each weight, times the learning rate, that a step takes away.
        public var weightDecay: Double

        /// Makes a group.
        public init(
            parameters: [(name: String, tensor: Tensor)], learningRate: Double, weightDecay: Double
        ) {
            self.parameters = parameters
            self.learningRate = learningRate
            self.weightDecay = weightDecay
        }
    }

    /// What is remembered of one parameter.
    private struct Memory {
        let average: Tensor
        let square: Tensor
        let step: Tensor

        init(for parameter: Tensor) {
            average = parameter.detached().zerosLike()
            square = parameter.detached().zerosLike()
            step = .zeros([], dtype: .float32, device: parameter.device)
        }
    }

    /// The groups; set the rates of the next step here.
    public var groups: [Group]
    private let beta1: Double
    private let beta2: Double
    private let eps: Double
    private var memories: [String: Memory] = [:]

    /// Makes an optimiser without memory.
    ///
    /// - Parameters:
    ///   - groups: All parameters; no name occurs twice.
    ///   - beta1: Decay of the mean of gradients.
    ///   - beta2: Decay of the mean of squared gradients.
    ///   - eps: Added to the denominator.
    public init(groups: [Group], beta1: Double = 0.9, beta2: Double = 0.999, eps: Double = 1e-8) {
        var names: Set<String> = []
        for (name, _) in groups.flatMap(\.parameters) {
            precondition(names.insert(name).inserted, "the parameter '\(name)' is named twice in the optimiser")
        }
        self.groups = groups
        self.beta1 = beta1
        self.beta2 = beta2
        self.eps = eps
    }

    /// Moves every parameter that has a gradient.
    public func step() {
        for group in groups {
            for part in Self.partitioned(group.parameters.filter { $0.tensor.gradient != nil }) {
                let parameters = part.map(\.tensor)
                let gradients = parameters.compactMap(\.gradient)
                let memories = part.map { memory(of: $0.name, $0.tensor) }
                perform("AdamW", parameters) {
                    withHandles(parameters) { p in
                        withHandles(gradients) { g in
                            withHandles(memories.map(\.average)) { m in
                                withHandles(memories.map(\.square)) { v in
                                    withHandles(memories.map(\.step)) { t in
                                        ct.pointee.adamw(
                                            p, g, m, v, t, parameters.count, group.learningRate, beta1, beta2,
                                            eps, group.weightDecay)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Forgets all gradients.
    public func clearGradients() {
        for (_, tensor) in groups.flatMap(\.parameters) { tensor.gradient = nil }
    }

    /// Everything remembered, for a checkpoint: `NAME.exp_avg`, `NAME.exp_avg_sq` and `NAME.step`, by name.
    public func state() -> [(name: String, tensor: Tensor)] {
        memories.sorted { $0.key < $1.key }.flatMap { name, memory in
            [
                (name + ".exp_avg", memory.average), (name + ".exp_avg_sq", memory.square),
                (name + ".step", memory.step),
            ]
        }
    }

    /// Takes over what `state` gave, replacing all that is remembered; the file may hold other arrays too.
    ///
    /// - Throws: `badFile` where the memory of a parameter is not whole, or is that of a parameter that is not there.
    public func restore(from file: SafetensorsFile) throws(TorchError) {
        var restored: [String: Memory] = [:]
        for (name, parameter) in groups.flatMap(\.parameters) where file.entry(name + ".exp_avg") != nil {
            let memory = Memory(for: parameter)
            try loadArray(file, name + ".exp_avg", into: memory.average)
            try loadArray(file, name + ".exp_avg_sq", into: memory.square)
            try loadArray(file, name + ".step", into: memory.step)
            restored[name] = memory
        }
        let endings = [".exp_avg", ".exp_avg_sq", ".step"]
        for entry in file.entries {
            guard let ending = endings.first(where: { entry.name.hasSuffix($0) }),
                restored[String(entry.name.dropLast(ending.count))] == nil
            else { continue }
            throw TorchError(
                .badFile, "the optimiser's memory '\(entry.name)' does not belong to a parameter, or is incomplete",
                in: file.path)
        }
        memories = restored
    }

    /// Goes on with what another optimiser remembers of parameters of the same names, which are shared from then on.
    public func takeMemory(of other: AdamW) {
        let names = Set(groups.flatMap(\.parameters).map(\.name))
        memories = other.memories.filter { names.contains($0.key) }
    }

    private func memory(of name: String, _ parameter: Tensor) -> Memory {
        if let known = memories[name] { return known }
        let made = Memory(for: parameter)
        memories[name] = made
        return made
    }

    /// One list per type and device, in order: the kernels take no mixed lists.
    private static func partitioned(
        _ parameters: [(name: String, tensor: Tensor)]
    ) -> [[(name: String, tensor: Tensor)]] {
        var parts: [(dtype: DType, device: Device, members: [(name: String, tensor: Tensor)])] = []
        for parameter in parameters {
            let (dtype, device) = (parameter.tensor.dtype, parameter.tensor.device)
            if let index = parts.firstIndex(where: { $0.dtype == dtype && $0.device == device }) {
                parts[index].members.append(parameter)
            } else {
                parts.append((dtype, device, [parameter]))
            }
        }
        return parts.map(\.members)
    }
}

/// The Euclidean norm of the gradients of all parameters taken together; those without one do not count.
private func gradientNorm(_ parameters: [Tensor]) -> Double {
    let gradients = parameters.compactMap(\.gradient)
    var norm = 0.0
    perform("gradientNorm", []) {
        withHandles(gradients) { ct.pointee.grad_norm($0, gradients.count, &norm) }
    }
    return norm
}

/// Scales the gradients of all parameters so that their common norm is at most `maximum`.
///
/// Gradients that are not finite stay as they are, for the caller to see in the norm.
///
/// - Returns: The norm before.
@discardableResult
public func clipGradientNorm(_ parameters: [Tensor], maximum: Double) -> Double {
    let norm = gradientNorm(parameters)
    let factor = maximum / (norm + 1e-6)
    guard norm.isFinite, factor < 1 else { return norm }
    let gradients = parameters.compactMap(\.gradient)
    perform("clipGradientNorm", []) {
        withHandles(gradients) { ct.pointee.scale_all($0, gradients.count, factor) }
    }
    return norm
}

/// Moves targets towards sources: `momentum * target + (1 - momentum) * source`, without gradient.
public func exponentialMovingAverage(_ targets: [Tensor], of sources: [Tensor], momentum: Double) {
    precondition(
        targets.count == sources.count, "\(targets.count) targets for \(sources.count) sources of an average")
    perform("exponentialMovingAverage", []) {
        withHandles(targets) { targets in
            withHandles(sources) { ct.pointee.ema(targets, $0, sources.count, momentum) }
        }
    }
}
