// Mean and standard deviation of a set's bands, from its training images.
internal import Telemetry

/// Mean and standard deviation of a band.
public struct BandMoments: Sendable, Hashable, Codable {
    /// The mean.
    public let mean: Double
    /// The standard deviation, above 0.
    public let deviation: Double

    /// Makes moments; a constant band gets a deviation of 1.
    public init(mean: Double, deviation: Double) {
        self.mean = mean
        self.deviation = deviation > 0 && deviation.isFinite ? deviation : 1
    }
}

extension BandMoments {
    /// Moments of the bands of some images, over all of their valid values together.
    ///
    /// - Parameters:
    ///   - images: Indices of the images; of 2,000 or more, 1,000 to 2,000 at equal steps are used.
    ///   - progress: Told of images done; an answer of `false` stops.
    /// - Throws: `BenchmarksError`: `tooFew` where no value is valid, `cancelled`; what the pixels throw.
    public static func measured(
        _ pixels: any BenchmarkPixels, images: [Int], progress: (Int, Int) -> Bool = { _, _ in true }
    ) throws -> [BandMoments] {
        let step = max(1, images.count / 1000)
        let chosen = stride(from: 0, to: images.count, by: step).map { images[$0] }
        var (counts, means, squares): ([Double], [Double], [Double]) = ([], [], [])
        for (done, image) in chosen.enumerated() {
            guard progress(done, chosen.count) else {
                throw BenchmarksError(.cancelled, "interrupted while statistics were measured")
            }
            let values = try pixels.values(image)
            if counts.isEmpty {
                (counts, means, squares) = (
                    [Double](repeating: 0, count: values.count), [Double](repeating: 0, count: values.count),
                    [Double](repeating: 0, count: values.count)
                )
            }
            for (band, all) in values.enumerated() where band < counts.count {
                let valid = all.filter(\.isFinite)
                guard !valid.isEmpty else { continue }
                // Means and squares of this image, then joined with those before (Chan, Golub and LeVeque 1983).
                let count = Double(valid.count)
                let mean = valid.reduce(0, +) / count
                let square = valid.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
                let total = counts[band] + count
                let difference = mean - means[band]
                squares[band] += square + difference * difference * counts[band] * count / total
                means[band] += difference * count / total
                counts[band] = total
            }
        }
        guard !counts.isEmpty, counts.allSatisfy({ $0 > 0 }) else {
            throw BenchmarksError(.tooFew, "the training images have no valid values to take statistics from")
        }
        return zip(zip(means, squares), counts).map { pair, count in
            BandMoments(mean: pair.0, deviation: (pair.1 / count).squareRoot())
        }
    }
}
