// Normalisation of the maps inside a head.
internal import Backbone
internal import Torch

/// How the maps inside a head are normalised.
public enum HeadNorm: String, Codable, CaseIterable, Sendable {
    /// Each channel over the batch in training, by its running mean and variance afterwards (Ioffe and Szegedy 2015).
    ///
    /// The statistics are those of a whole batch of crops, which are few and of one region: with a small batch they are noise, and
    /// training and evaluation see different numbers.
    case batch
    /// Groups of channels of each sample (Wu and He 2018): the same in training and evaluation, whatever the batch.
    case group
    /// Not at all.
    case none

    /// Added to variances.
    static let eps = 1e-5
    /// Share of a batch's statistics in the running ones.
    static let momentum = 0.1

    /// Number of groups for a number of channels: at most 32, of at least 4 channels each, as many as divide them.
    ///
    /// A group of one channel would lose all that the coarsest pooling of a pyramid says, which has a single pixel.
    static func groups(of channels: Int) -> Int {
        let most = max(min(32, channels / 4), 1)
        return (1...most).last { channels % $0 == 0 } ?? 1
    }
}

extension [HeadSpecification] {
    /// The tensors of a normalisation: a scale and a shift, and for batch norm its running statistics.
    mutating func addNorm(_ name: String, _ norm: HeadNorm, channels: Int) {
        guard norm != .none else { return }
        append(.init(name: "\(name).weight", shape: [channels], start: .ones))
        append(.init(name: "\(name).bias", shape: [channels], start: .zeros))
        guard norm == .batch else { return }
        append(.init(name: "\(name).running_mean", shape: [channels], start: .zeros, isTrained: false))
        append(.init(name: "\(name).running_var", shape: [channels], start: .ones, isTrained: false))
    }
}

extension HeadTensors {
    /// Normalises a map `[B, C, H, W]`: `(x - mean) / sqrt(variance + eps) * weight + bias`.
    ///
    /// In training, batch norm takes mean and variance of the batch (divided by their number N) and moves the running ones a
    /// tenth of the way to them, the variance divided by N - 1, as PyTorch does.
    ///
    /// - Parameter name: What comes before the names of the norm's tensors.
    func normalised(_ x: Tensor, _ name: String, _ norm: HeadNorm, _ context: ForwardContext) -> Tensor {
        // A failed operation returns a tensor without a shape; the error scope throws afterwards.
        guard norm != .none, x.isDefined else { return x }
        let shape = x.shape
        let (weight, bias) = (self["\(name).weight"], self["\(name).bias"])
        func perChannel(_ values: Tensor) -> Tensor { values.reshaped([1, shape[1], 1, 1]) }
        guard norm == .batch else {
            // Each group is one long vector, which has a norm of its own in libtorch.
            let groups = x.reshaped([shape[0], HeadNorm.groups(of: shape[1]), -1])
            let normal = layerNorm(groups, nil, nil, eps: HeadNorm.eps).reshaped(shape)
            return perChannel(bias).addcmul(normal, perChannel(weight))
        }
        // A channel of a single value, as the coarsest pooling of one crop has it, is its own mean and has no variance: it must not
        // reach the running ones.
        if context.isTraining, shape[0] * shape[2] * shape[3] == 1 {
            return perChannel(bias).addcmul(x - x.mean([0, 2, 3], keepDims: true), perChannel(weight))
        }
        return batchNorm(
            x, weight, bias, mean: self["\(name).running_mean"], variance: self["\(name).running_var"],
            training: context.isTraining, momentum: HeadNorm.momentum, eps: HeadNorm.eps)
    }
}
