// A metric of a test set, in a form in which its images can be drawn again: the input of the bootstrap.

/// A metric that can be taken of any draw of a test set's images.
///
/// Images are what is drawn, never pixels: the pixels of an image resemble each other, so that intervals from drawn pixels would be far
/// too narrow. A value that is not defined for a draw, or not finite, is `nil`.
public struct ImageMetric {
    /// Number of images, N.
    public let imageCount: Int
    /// The value when each image is there as often as is said, `[N]`.
    let value: (_ multiplicities: [Int]) -> Double?
    /// Into how many parts the images are divided when each part in turn is left out: N, or fewer where a value is dear.
    let partCount: Int
    /// The value without the images `part`, `part + parts`, `part + 2 parts` and so on.
    let valueWithout: (_ part: Int, _ parts: Int) -> Double?
}

extension ImageMetric {
    /// How many parts are left out in turn by a metric that is not made of sums.
    private static let largestPartCount = 1000

    /// Makes a metric of any kind.
    ///
    /// The jackknife of the BCa interval takes its value N times, or 1,000 times when there are more images: it then leaves out groups
    /// of images, whose third moments have the same sum on average.
    ///
    /// - Parameters:
    ///   - imageCount: Number of images, N.
    ///   - value: Takes how often each image was drawn, `[N]`, and returns the metric; `nil` where it is not defined.
    public init(imageCount: Int, _ value: @escaping (_ multiplicities: [Int]) -> Double?) {
        precondition(imageCount >= 0, "a test set has no negative number of images, got \(imageCount)")
        self.init(
            imageCount: imageCount,
            value: { Self.finite(value($0)) },
            partCount: min(imageCount, Self.largestPartCount),
            valueWithout: { part, parts in
                var multiplicities = [Int](repeating: 1, count: imageCount)
                for image in stride(from: part, to: imageCount, by: parts) { multiplicities[image] = 0 }
                return Self.finite(value(multiplicities))
            })
    }

    /// The mean of a number of each image, such as 1 where it was classified rightly and 0 elsewhere.
    ///
    /// - Parameter values: A number for each image; `nil` and what is not finite is left out. The metric is `nil` for draws of such
    ///   images alone.
    public static func mean(of values: [Double?]) -> ImageMetric {
        var sums = ImageSums(width: 2)
        for value in values { sums.add(finite(value).map { [$0, 1] } ?? [0, 0]) }
        return ratio(of: sums)
    }

    /// The first sum divided by the second one; `nil` where that is 0.
    ///
    /// - Parameter sums: What each image adds to both, `[N, 2]`.
    public static func ratio(of sums: ImageSums) -> ImageMetric {
        precondition(sums.width == 2, "a ratio is of two sums, got \(sums.width)")
        return of(sums) { $0[1] != 0 ? $0[0] / $0[1] : nil }
    }

    /// A metric that is made of sums over the images.
    ///
    /// - Parameters:
    ///   - sums: What each image adds to the sums, `[N, K]`.
    ///   - metric: Takes the sums of a draw, `[K]`, and returns the metric; `nil` where it is not defined.
    public static func of(_ sums: ImageSums, metric: @escaping (_ sums: [Double]) -> Double?) -> ImageMetric {
        // Memory that all draws share.
        var drawn = [Double](repeating: 0, count: sums.width)
        return ImageMetric(
            imageCount: sums.imageCount,
            value: { multiplicities in
                precondition(
                    multiplicities.count == sums.imageCount,
                    "\(multiplicities.count) multiplicities for \(sums.imageCount) images")
                sums.sum(multiplicities: multiplicities, into: &drawn)
                return finite(metric(drawn))
            },
            partCount: sums.imageCount,
            valueWithout: { part, parts in
                var rest = sums.totals
                for image in stride(from: part, to: sums.imageCount, by: parts) {
                    sums.subtract(image: image, from: &rest)
                }
                return finite(metric(rest))
            })
    }

    /// The difference of this metric and another one of the same images; `nil` where one of them is.
    public func minus(_ other: ImageMetric) -> ImageMetric {
        precondition(
            imageCount == other.imageCount,
            "metrics of \(imageCount) and of \(other.imageCount) images have no difference")
        return ImageMetric(
            imageCount: imageCount,
            value: { Self.difference(value($0), other.value($0)) },
            partCount: min(partCount, other.partCount),
            valueWithout: { Self.difference(valueWithout($0, $1), other.valueWithout($0, $1)) })
    }

    private static func difference(_ first: Double?, _ second: Double?) -> Double? {
        guard let first, let second else { return nil }
        return first - second
    }

    private static func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
}
