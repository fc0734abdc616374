// What a head says of held-out ground, counted: its score, and whether it says anything at all.
internal import Backbone
package import Geo
internal import Measures
internal import Telemetry
internal import Torch

/// Counts what a head says of labelled pixels, and finds heads that say the same everywhere.
package struct LandCoverTally {
    /// Which class was taken for which.
    private(set) var confusion: ConfusionTally
    /// Windows that were counted.
    private var windows = 0
    /// Whether all logits were finite numbers.
    private var isFinite = true
    // At some pixels, each class's logit minus the first class's, from which alone probabilities follow: those of the first window, the
    // largest of all, and the largest distance of a window's from the first window's.
    private var first: [Float] = []
    private var largest: Float = 0
    private var distance: Float = 0

    /// Pixels of each window at which windows are compared.
    private static let samples = 64

    /// Begins with nothing.
    package init(classes: Int) { confusion = ConfusionTally(classCount: classes) }

    /// Counts pixels of a window.
    ///
    /// - Parameters:
    ///   - logits: `[classes, S, S]`, row by row.
    ///   - truth: The index of each pixel's class, `[S, S]`.
    ///   - places: The pixels that count.
    package mutating func add(_ logits: [Float], truth: [Float], places: [Int]) {
        let (classes, plane) = (confusion.classCount, truth.count)
        windows += 1
        for place in places {
            var best = 0
            for index in 0..<classes {
                let value = logits[index * plane + place]
                if !value.isFinite { isFinite = false }
                if value > logits[best * plane + place] { best = index }
            }
            confusion.add(prediction: best, truth: Int(truth[place]))
        }
        compare(logits, plane: plane)
    }

    /// Compares a window with the first, at pixels that are spread over it.
    private mutating func compare(_ logits: [Float], plane: Int) {
        let classes = confusion.classCount
        var differences: [Float] = []
        differences.reserveCapacity(Self.samples * (classes - 1))
        for number in 0..<Self.samples {
            let place = (number * 40_503 + 2_027) % plane
            for index in 1..<classes { differences.append(logits[index * plane + place] - logits[place]) }
        }
        if windows == 1 { first = differences }
        for (difference, first) in zip(differences, first) {
            largest = max(largest, difference.magnitude)
            distance = max(distance, (difference - first).magnitude)
        }
    }

    /// Whether the head answers without looking: at 64 pixels, all windows, two or more, have the same probabilities.
    ///
    /// The same are logits whose differences between classes are at most 1e-6 apart, or 1e-6 of the largest.
    package var hasConstantOutput: Bool { windows > 1 && isFinite && distance <= 1e-6 * max(1, largest) }

    /// The index of the class that is predicted everywhere although several are labelled; otherwise `nil`.
    package var collapsedClass: Int? {
        let classes = 0..<confusion.classCount
        let said = classes.filter { confusion.predictionCount(of: $0) > 0 }
        return said.count == 1 && classes.count(where: { confusion.truthCount(of: $0) > 0 }) > 1 ? said[0] : nil
    }

    /// The score of a head in training; `nil` where no pixel was counted.
    package func score(_ legend: Legend) -> HeadScore? {
        guard let miou = confusion.meanIoU else { return nil }
        var probes: [String: Double] = [:]
        var words: [String] = []
        for (index, entry) in legend.classes.enumerated() {
            let iou = confusion.iou(of: index)
            probes["iou.\(entry.name)"] = iou
            words.append("\(entry.name) \(iou.map { fixed($0, 3) } ?? "-")")
        }
        let alarm = alarm(legend)
        probes["collapsed"] = alarm == nil ? 0 : 1
        // A line that people still read; all classes are in the log and in the model.
        let most = 16
        let text =
            words.prefix(most).joined(separator: ", ")
            + (words.count > most ? " and \(counted(words.count - most, "more"))" : "")
        return HeadScore(
            name: "mIoU", value: isFinite ? miou : .nan, probes: probes, words: text, alarm: alarm)
    }

    private func alarm(_ legend: Legend) -> HeadScore.Alarm? {
        let what: String
        if hasConstantOutput {
            what = "the head predicts the same probabilities everywhere, whatever the image shows"
        } else if let index = collapsedClass {
            what = "the head predicts '\(legend.classes[index].name)' on all held-out ground"
        } else {
            return nil
        }
        return HeadScore.Alarm(
            what: what,
            causes: [
                "usual causes: too few steps so far, a learning rate that is too high,",
                "images that are stretched in another way than those of the backbone,",
                "or labels that are shifted relative to the images",
            ],
            remedy:
                "wait for the next validation; if it says the same, lower the learning rate and check that labels are aligned with the images"
        )
    }
}

extension CropSampler {
    /// Scores of heads on held-out ground, one for each; `nil` where none is held out, or no class is labelled there.
    ///
    /// - Parameter logits: Of each head, `[1, classes, S, S]`, for a normalised image `[1, C, S, S]`.
    func landCoverScores(
        _ legend: Legend, heads: Int, logits: (Tensor) throws -> [Tensor]
    ) throws -> [HeadScore]? {
        var tallies = [LandCoverTally](repeating: LandCoverTally(classes: legend.classes.count), count: heads)
        _ = try forEachHeldOut { image, target, places in
            for (head, values) in try logits(image).enumerated() {
                tallies[head].add(values.floats(), truth: target.values, places: places)
            }
        }
        let scores = tallies.compactMap { $0.score(legend) }
        return scores.count == heads ? scores : nil
    }
}
