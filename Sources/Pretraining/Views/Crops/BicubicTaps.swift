// The weights of antialiased bicubic resampling along one axis.

/// The weights that take a row of `input` samples to `output` samples with the cubic kernel of Keys (1981), a = -0.5.
///
/// When shrinking, the kernel is widened by the ratio so that it averages all samples under it (the support scaling of
/// Pillow, and of torchvision with `antialias`). Taps outside the row are dropped and the rest scaled to sum to one.
package struct BicubicTaps {
    /// First input sample of each output sample; `span` samples from there lie inside the row.
    package let starts: [Int]
    /// Weights of each output sample, `span` per sample; zero where the kernel does not reach.
    package let weights: [Float]
    /// Taps per output sample, the same for all: loops of one length are what a processor foresees.
    package let span: Int

    package init(input: Int, output: Int) {
        precondition(input > 0 && output > 0, "resampling needs sizes above 0, got \(input) to \(output)")
        let ratio = Double(input) / Double(output)
        let stretch = max(ratio, 1)
        let support = 2 * stretch
        func reach(_ index: Int) -> (first: Int, last: Int, centre: Double) {
            let centre = (Double(index) + 0.5) * ratio
            // Both are rounded towards the centre: the first is negative only where 0 is taken instead.
            let first = max(0, centre - support - 0.5)
            let start = Int(first)
            return (
                Double(start) < first ? start + 1 : start, min(input - 1, Int(centre + support - 0.5)), centre
            )
        }
        var span = 1
        for index in 0..<output {
            let (first, last, _) = reach(index)
            span = max(span, last - first + 1)
        }
        self.span = span
        var starts = [Int](repeating: 0, count: output)
        var weights = [Float](repeating: 0, count: output * span)
        let step = 1 / stretch
        withUnsafeTemporaryAllocation(of: Double.self, capacity: span) { taps in
            for index in 0..<output {
                let (first, last, centre) = reach(index)
                let count = last - first + 1
                let offset = (Double(first) + 0.5 - centre) * step
                var sum = 0.0
                for tap in 0..<count {
                    taps[tap] = Self.kernel(offset + Double(tap) * step)
                    sum += taps[tap]
                }
                starts[index] = min(first, input - span)
                let base = index * span + first - starts[index]
                let scale = 1 / sum
                for tap in 0..<count { weights[base + tap] = Float(taps[tap] * scale) }
            }
        }
        self.starts = starts
        self.weights = weights
    }

    /// Keys' cubic convolution kernel with a = -0.5.
    @inline(__always)
    private static func kernel(_ offset: Double) -> Double {
        let x = offset.magnitude
        let near = (1.5 * x - 2.5) * x * x + 1
        let far = ((-0.5 * x + 2.5) * x - 4) * x + 2
        return x < 1 ? near : x < 2 ? far : 0
    }
}
