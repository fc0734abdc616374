// From the head's numbers per bin to metres.
internal import Backbone
internal import FoundationEssentials
package import Torch

/// Bins of height, mixed from a logarithmic and a linear scale, and the way from a head's numbers to metres.
///
/// Low bins lie densely (logarithmic), high ones evenly (linear). Internally heights are divided by `scale`.
public struct HeightBins: Codable, Sendable, Equatable {
    /// Number of bins.
    public var count = 256
    /// The lowest bin, in scaled units.
    public var minimum = 0.001
    /// The greatest height, metres.
    public var maxHeight = 96.0
    /// Metres per scaled unit.
    public var scale = 8.0

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case count, minimum
        case maxHeight = "max_height"
        case scale
    }

    /// 256 bins from 0.001 to 12 scaled units of 8 m.
    public init() {}

    /// The bins in scaled units, lowest first.
    ///
    /// `t log + (1 - t) lin` with t from 1 to 0, `lin` evenly and `log` logarithmically from the lowest to the highest.
    package var values: [Double] {
        let high = maxHeight / scale
        return (0..<count).map { index in
            let share = count > 1 ? Double(index) / Double(count - 1) : 0
            let linear = minimum + (high - minimum) * share
            let logarithmic = minimum * power(high / minimum, share)
            return (1 - share) * logarithmic + share * linear
        }
    }

    /// Heights in metres of a head's numbers.
    ///
    /// Negative numbers count as none; the rest, with 1e-8 added to each bin so that nothing divides by zero, weigh the
    /// bins: the height is their weighted mean.
    ///
    /// - Parameter logits: `[B, bins, H, W]`.
    /// - Returns: Metres, `[B, 1, H, W]`, from the lowest to the highest bin.
    package func metres(_ logits: Tensor) -> Tensor {
        let values = values
        let weights = logits.relu()
        let bins = Tensor(values, shape: [1, count, 1, 1], device: logits.device).to(logits.dtype)
        let total = weights.sum([1], keepDims: true) + Double(count) * 1e-8
        let sum = conv2d(weights, bins, nil) + values.reduce(0, +) * 1e-8
        return sum / total * scale
    }

    /// What is wrong, one sentence each; empty when nothing is.
    var problems: [String] {
        var wrong: [String] = []
        if !(2...4096).contains(count) { wrong.append("bins.count is \(count); expected 2 to 4096") }
        if !(minimum > 0 && minimum.isFinite) { wrong.append("bins.minimum is \(minimum); expected above 0") }
        if !(scale > 0 && scale.isFinite) { wrong.append("bins.scale is \(scale); expected metres above 0") }
        if !(maxHeight.isFinite && maxHeight / scale > minimum) {
            wrong.append("bins.max_height is \(maxHeight); expected metres above the lowest bin, \(minimum * scale)")
        }
        return wrong
    }
}
