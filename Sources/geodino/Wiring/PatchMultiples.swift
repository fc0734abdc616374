// Sizes of a protocol for networks whose patches do not divide them.
#if EARTH
    import Benchmarks
    import Downstream

    extension SegmentationProtocol<SegmentationTraining> {
        /// The protocol with its crops, windows and resized images brought to the nearest multiple of a patch, and what was changed.
        ///
        /// Published protocols are of networks with patches of 16 pixels; DINOv2's have 14.
        func fitted(toPatch patch: Int) -> (rule: Self, changes: [String]) {
            func nearest(_ size: Int) -> Int { max(1, (size + patch / 2) / patch) * patch }
            var rule = self
            rule.training.crop = nearest(training.crop)
            rule.prediction.window = prediction.window.map(nearest)
            rule.input.size = input.size.map(nearest)
            if let stride = prediction.stride, let window = rule.prediction.window, stride > window {
                rule.prediction.stride = window
            }
            let changes = [
                ("crop", training.crop, rule.training.crop),
                ("window", prediction.window ?? 0, rule.prediction.window ?? 0),
                ("stride", prediction.stride ?? 0, rule.prediction.stride ?? 0),
                ("size", input.size ?? 0, rule.input.size ?? 0),
            ].filter { $0.1 != $0.2 }
            return (rule, changes.map { "\($0.0) \($0.2) in place of \($0.1)" })
        }
    }
#endif
