// Weights of red, green and blue for images of other bands.
internal import Geo
internal import Telemetry
internal import Torch

extension BackboneArchitecture {
    /// The name of the weight that meets the pixels, `[D, C, P, P]`.
    var embeddingName: String {
        switch self {
        case .transformer: "patch_embed.proj.weight"
        case .convNeXt: "downsample_layers.0.0.weight"
        }
    }

    /// The same architecture for another number of bands.
    func with(channels: Int) -> BackboneArchitecture {
        switch self {
        case .transformer(var configuration):
            configuration.channels = channels
            return .transformer(configuration)
        case .convNeXt(var configuration):
            configuration.channels = channels
            return .convNeXt(configuration)
        }
    }
}

extension WeightsContents {
    /// Makes the weights take other bands than red, green and blue.
    ///
    /// Bands of these names keep their filters, every other gets the mean of the three, and all are scaled by 3 / N, so that N equal
    /// bands say what three did. Source: the multispectral models of the DINOv3 repository (`expand_patch_embed`).
    ///
    /// - Throws: `BackboneError` (`badConfiguration`) for weights of other bands, and statistics of another number.
    mutating func inflate(to names: [String], mean: [Double]?, std: [Double]?) throws(BackboneError) {
        let own = record.bands.map { $0.name.lowercased() }
        guard own == ["red", "green", "blue"] else {
            throw BackboneError(
                .badConfiguration, "only weights for red, green and blue can be adapted to other bands", in: path,
                why: ["these weights take \(own.joined(separator: ", "))"])
        }
        let wanted = names.map { $0.lowercased() }
        guard !wanted.isEmpty, wanted.count <= 512, !wanted.contains(""), Set(wanted).count == wanted.count else {
            throw BackboneError(
                .badConfiguration, "the bands must be 1 to 512 different names, got: \(names.joined(separator: ", "))",
                in: path)
        }
        for (what, values) in [("mean", mean), ("std", std)] {
            if let values, values.count != wanted.count {
                throw BackboneError(
                    .badConfiguration, "\(what) has \(values.count) values for \(wanted.count) bands", in: path
                )
            }
        }
        let channels = wanted.map { own.firstIndex(of: $0) }
        func statistics(_ given: [Double]?, _ known: [Double]) -> [Double] {
            given ?? channels.map { $0.map { known[$0] } ?? known.reduce(0, +) / 3 }
        }
        var changed = record
        changed.architecture = record.architecture.with(channels: wanted.count)
        changed.mean = statistics(mean, record.mean)
        changed.std = statistics(std, record.std)
        changed.bands = names.map { BandInfo(name: $0) }
        changed.provenance["bands"] = "inflated from red, green, blue"
        do { try changed.validate() } catch {
            throw BackboneError(.badConfiguration, error.what, in: path, why: error.causes)
        }
        let others = zip(names, channels).filter { $1 == nil }.map(\.0)
        if !others.isEmpty, mean == nil || std == nil {
            notes.append(
                "the statistics of \(others.joined(separator: ", ")) are set to the mean of those of red, green and blue; use \(Setting.bandMean) and \(Setting.bandDeviation) to change them"
            )
        }
        record = changed
        inflation = channels
    }

    /// The filters of the wanted bands, in the type of those given, `[D, 3, P, P]`.
    func inflated(_ filters: Tensor) -> Tensor {
        guard let inflation else { return filters }
        return withoutGradient {
            let wide = filters.to(filters.dtype == .float64 ? .float64 : .float32)
            let mean = wide.mean([1], keepDims: true)
            let parts = inflation.map { channel in
                channel.map { wide.narrow(dim: 1, start: $0, length: 1) } ?? mean
            }
            return (concatenate(parts, dim: 1) * (3 / Double(inflation.count))).to(filters.dtype)
        }
    }
}
