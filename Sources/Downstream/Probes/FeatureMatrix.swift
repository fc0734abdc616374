// Features of samples and their classes or labels: what probes are fitted to and tested on.
internal import Telemetry
package import Torch

/// Frozen features of samples, and their classes or labels.
package struct FeatureMatrix {
    /// A row per sample, `[N, D]` float32 in main memory; all finite.
    package let features: Tensor
    /// What is known of the N samples.
    package let truth: ProbeLabels

    /// Takes features and truth of the same samples.
    ///
    /// - Parameters:
    ///   - features: `[N, D]`, converted to float32 in main memory; N and D at least 1.
    ///   - truth: Of N samples; classes below their number.
    /// - Throws: `DownstreamError` (`badPairs`) where the numbers do not fit each other or a class is not below its number, (`notFinite`)
    ///   for features that are not finite; `TorchError`.
    package init(features: Tensor, truth: ProbeLabels) throws {
        let shape = features.shape
        guard shape.count == 2, shape[0] > 0, shape[1] > 0 else {
            throw DownstreamError(
                .badPairs, "the features have the shape \(shape); expected a row of one or more values for each sample")
        }
        guard truth.width > 0 else {
            throw DownstreamError(.badPairs, "expected one class or label to predict, or more; found none")
        }
        guard truth.count == shape[0] else {
            throw DownstreamError(.badPairs, "there are features of \(shape[0]) samples and labels of \(truth.count)")
        }
        switch truth {
        case .classes(let classes, let count):
            if let sample = classes.firstIndex(where: { !(0..<count).contains($0) }) {
                throw DownstreamError(
                    .badPairs,
                    "sample \(sample) is of class \(classes[sample]); expected a class from 0 to \(count - 1)")
            }
        case .labels(let values, let width):
            guard values.count % width == 0 else {
                throw DownstreamError(
                    .badPairs, "\(values.count) labels are not rows of \(width), one for each sample")
            }
        }
        let (held, isFinite) = try catchingTorchErrors {
            withoutGradient {
                let held = features.detached().to(.float32).to(.cpu).contiguous()
                return (held, held.isAllFinite)
            }
        }
        guard isFinite else {
            throw DownstreamError(
                .notFinite, "features are not finite numbers",
                why: ["a probe cannot be fitted to them, or tested on them"],
                try: "check the weights, and that pixels have the range that the backbone was trained on")
        }
        self.features = held
        self.truth = truth
    }

    private init(checked features: Tensor, truth: ProbeLabels) {
        self.features = features
        self.truth = truth
    }

    /// Number of samples, N.
    package var count: Int { truth.count }

    /// Number of features of a sample, D.
    package var width: Int { features.shape[1] }

    /// Some samples, in the order of the indices.
    ///
    /// - Throws: `DownstreamError` (`badPairs`) for no indices; `TorchError`.
    package func picked(_ indices: [Int]) throws -> FeatureMatrix {
        guard !indices.isEmpty else { throw DownstreamError(.badPairs, "no samples were chosen") }
        precondition(indices.allSatisfy { (0..<count).contains($0) }, "samples are chosen by their indices")
        let some = try catchingTorchErrors {
            withoutGradient { features.indexSelect(dim: 0, indices: Tensor(indices)) }
        }
        return FeatureMatrix(checked: some, truth: truth.picked(indices))
    }

    /// These samples, then others.
    ///
    /// - Throws: `DownstreamError` (`badPairs`) where the others have other features or classes; `TorchError`.
    package func followed(by others: FeatureMatrix) throws -> FeatureMatrix {
        try requireSameKind(others)
        guard let all = truth.followed(by: others.truth) else {
            preconditionFailure("the kinds were found to be equal")
        }
        let rows = try catchingTorchErrors { withoutGradient { concatenate([features, others.features]) } }
        return FeatureMatrix(checked: rows, truth: all)
    }

    /// Requires that other samples have as many features, and the same classes or labels.
    ///
    /// - Throws: `DownstreamError` (`badPairs`).
    func requireSameKind(_ others: FeatureMatrix) throws(DownstreamError) {
        try requireWidth(of: others.features)
        let isSame =
            switch (truth, others.truth) {
            case (.classes, .classes), (.labels, .labels): truth.width == others.truth.width
            default: false
            }
        guard isSame else {
            throw DownstreamError(
                .badPairs, "the parts of the samples have different classes",
                why: [
                    "\(truth.width) in the one, \(others.truth.width) in the other, or a class each in one of them only"
                ])
        }
    }

    /// Requires features `[M, D]` with the D of these.
    ///
    /// - Throws: `DownstreamError` (`badPairs`).
    func requireWidth(of others: Tensor) throws(DownstreamError) {
        let shape = others.shape
        guard shape.count == 2, shape[1] == width else {
            throw DownstreamError(
                .badPairs, "features of the shape \(shape) do not fit those that the probe is fitted to",
                why: ["expected rows of \(width) values"])
        }
    }
}
