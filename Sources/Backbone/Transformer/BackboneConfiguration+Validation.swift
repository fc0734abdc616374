// Which configurations make sense, said in words.
public import Telemetry

extension BackboneConfiguration {
    /// Checks that the values are in range and fit together.
    ///
    /// - Throws: `BackboneError` (`badConfiguration`) that names every key that is wrong.
    public func validate() throws(BackboneError) {
        var wrong: [String] = []
        func expect(_ holds: Bool, _ words: @autoclosure () -> String) {
            if !holds { wrong.append(words()) }
        }
        expect((1...256).contains(patchSize), "patch_size is \(patchSize); expected 1 to 256")
        expect((1...512).contains(channels), "channels is \(channels); expected 1 to 512")
        expect((1...65536).contains(width), "width is \(width); expected 1 to 65536")
        expect((1...1024).contains(depth), "depth is \(depth); expected 1 to 1024")
        expect((1...1024).contains(heads), "heads is \(heads); expected 1 to 1024")
        if (1...65536).contains(width), (1...1024).contains(heads) {
            // Rotary positions turn pairs of elements, by the row and by the column.
            let multiple = positions == nil ? 4 : 1
            expect(
                width % heads == 0 && (width / heads) % multiple == 0,
                "width \(width) over \(heads) heads is \(Double(width) / Double(heads)); expected a \(multiple == 1 ? "whole number" : "multiple of 4")"
            )
        }
        expect(
            ffnRatio.isFinite && ffnRatio > 0 && ffnRatio <= 64 && Double(width) * ffnRatio >= 2,
            "ffn_ratio is \(ffnRatio); expected above 0 and at most 64")
        expect((0...256).contains(registers), "registers is \(registers); expected 0 to 256")
        if let layerScale {
            expect(
                layerScale.isFinite && layerScale != 0,
                "layer_scale is \(layerScale); expected a number other than 0, or leave out the key")
        }
        expect(
            normEpsilon.isFinite && normEpsilon > 0 && normEpsilon < 1,
            "norm_epsilon is \(normEpsilon); expected above 0 and below 1")
        expect(dropPath >= 0 && dropPath < 1, "drop_path is \(dropPath); expected 0 up to, but not including, 1")
        wrong += positions?.problems ?? rope.problems
        guard wrong.isEmpty else {
            throw BackboneError(.badConfiguration, "the backbone's configuration is invalid", why: wrong)
        }
    }
}

extension RotaryConfiguration {
    /// What is wrong, one sentence each; empty when nothing is.
    var problems: [String] {
        var wrong: [String] = []
        switch (base, minPeriod, maxPeriod) {
        case (let base?, nil, nil):
            if !(base.isFinite && base > 0) { wrong.append("rope.base is \(base); expected above 0") }
        case (nil, let low?, let high?):
            if !(low > 0 && low < high && high.isFinite) {
                wrong.append("rope.min_period is \(low) and rope.max_period \(high); expected 0 < min < max")
            }
        default:
            wrong.append("rope needs either base or both min_period and max_period")
        }
        if let shift, !(shift.isFinite && shift >= 0) {
            wrong.append("rope.shift is \(shift); expected 0 or more")
        }
        for (name, factor) in [("jitter", jitter), ("rescale", rescale)] {
            if let factor, !(factor.isFinite && factor >= 1) {
                wrong.append("rope.\(name) is \(factor); expected 1 or more")
            }
        }
        return wrong
    }
}
