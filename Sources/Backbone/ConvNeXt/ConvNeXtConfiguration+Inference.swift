// The architecture of ConvNeXt weights that do not describe themselves.
internal import Telemetry

extension ConvNeXtConfiguration {
    /// The architecture behind tensors with official names.
    ///
    /// - Parameters:
    ///   - path: The file, for the error.
    ///   - shape: The shape of a tensor by its official name; `nil` where there is none.
    /// - Throws: `BackboneError` (`badWeights`) for tensors that are not a ConvNeXt of four stages.
    static func inferred(path: String, shape: (String) -> [Int]?) throws(BackboneError) -> ConvNeXtConfiguration {
        func failure(_ cause: String) -> BackboneError {
            BackboneError(
                .badWeights, "cannot infer the architecture from the tensors", in: path, why: [cause],
                try: "give it with \(Setting.architecture), such as \(Setting.architecture) convnext_tiny")
        }
        var inferred = ConvNeXtConfiguration()
        guard let stem = shape("downsample_layers.0.0.weight"), stem.count == 4 else {
            throw failure("there is no stem, downsample_layers.0.0 [D, C, 4, 4]")
        }
        inferred.channels = stem[1]
        for stage in 0..<4 {
            guard let scale = shape("stages.\(stage).0.gamma"), scale.count == 1 else {
                throw failure("there is no stages.\(stage).0.gamma")
            }
            inferred.widths[stage] = scale[0]
            inferred.depths[stage] = 0
            while inferred.depths[stage] < 1024, shape("stages.\(stage).\(inferred.depths[stage]).gamma") != nil {
                inferred.depths[stage] += 1
            }
        }
        do { try inferred.validate() } catch { throw failure(error.causes.joined(separator: "; ")) }
        return inferred
    }
}
