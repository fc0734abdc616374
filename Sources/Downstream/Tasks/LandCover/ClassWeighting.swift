// How much each class counts in a loss, from how often it occurs.

/// How often classes occur in labels.
package struct ClassHistogram: Sendable, Equatable {
    /// Labelled pixels of each class.
    package private(set) var pixels: [Int]
    /// For each class, the labelled pixels of all images in which it occurs.
    package private(set) var pixelsOfImages: [Int]

    /// Begins with nothing.
    package init(classes: Int) {
        pixels = [Int](repeating: 0, count: classes)
        pixelsOfImages = pixels
    }

    /// Takes over what was counted before; two lists of one length.
    init(pixels: [Int], pixelsOfImages: [Int]) {
        self.pixels = pixels
        self.pixelsOfImages = pixelsOfImages
    }

    /// Counts an image in, or a window of one, by its pixels of each class.
    package mutating func add(_ counts: [Int]) {
        precondition(counts.count == pixels.count, "\(counts.count) counts for \(pixels.count) classes")
        let total = counts.reduce(0, +)
        for (index, count) in counts.enumerated() where count > 0 {
            pixels[index] += count
            pixelsOfImages[index] += total
        }
    }

    /// Counts an image in by its labels, whose values are indices of classes.
    package mutating func add(_ target: HeadTarget) {
        var counts = [Int](repeating: 0, count: pixels.count)
        for (value, valid) in zip(target.values, target.valid) where valid > 0 {
            let index = Int(value)
            precondition(counts.indices.contains(index), "the label \(index) is of none of \(counts.count) classes")
            counts[index] += 1
        }
        add(counts)
    }
}

/// How much each class counts in a loss.
public enum ClassWeighting: String, Codable, CaseIterable, Sendable {
    /// All pixels count alike.
    case none
    /// All classes count alike: `w(c) = N / (K n(c))`, with N labelled pixels, n(c) of them of the class, K classes that occur.
    case inverse
    /// `w(c) = median of f / f(c)`, with f(c) the share of a class in the images in which it occurs (Eigen and Fergus 2015).
    ///
    /// A class that covers little of many images gets more weight than one that covers much of few.
    case medianFrequency = "median_frequency"

    /// The weights of the classes; `nil` where all pixels count alike, or none is labelled.
    ///
    /// A class that does not occur gets the largest weight of those that do: where only some of the labels were counted, it is rare.
    package func weights(_ histogram: ClassHistogram) -> [Double]? {
        let present = histogram.pixels.indices.filter { histogram.pixels[$0] > 0 }
        guard self != .none, !present.isEmpty else { return nil }
        let total = Double(histogram.pixels.reduce(0, +))
        func frequency(_ index: Int) -> Double {
            self == .inverse
                ? Double(histogram.pixels[index]) / total
                : Double(histogram.pixels[index]) / Double(histogram.pixelsOfImages[index])
        }
        let middle = self == .inverse ? 1 / Double(present.count) : median(present.map(frequency))
        let largest = middle / (present.map(frequency).min() ?? middle)
        return histogram.pixels.indices.map { histogram.pixels[$0] > 0 ? middle / frequency($0) : largest }
    }
}

/// The middle of some numbers, or the mean of the two in the middle.
private func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let (low, high) = ((sorted.count - 1) / 2, sorted.count / 2)
    return (sorted[low] + sorted[high]) / 2
}
