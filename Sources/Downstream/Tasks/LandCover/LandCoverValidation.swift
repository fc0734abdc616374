// How well a land-cover head does on ground that it was not trained on.
internal import Backbone
internal import Geo
internal import Measures
internal import Torch

/// Scores on held-out ground.
public struct LandCoverValidation: Codable, Sendable, Equatable {
    /// Mean IoU of the classes that occur in labels or predictions.
    public var miou: Double
    /// Share of pixels that are right.
    public var overallAccuracy: Double
    /// Cohen's kappa; `nil` where it is not defined.
    public var kappa: Double?
    /// Scores by class, in the legend's order.
    public var classes: [ClassScore]
    /// What logits are divided by so that probabilities are calibrated.
    public var temperature: Double
    /// Expected calibration error without and with it.
    public var calibrationError: CalibrationError
    /// Mean IoU of the constant that always says the most frequent class.
    public var constantMIoU: Double
    /// Number of held-out pixels compared, each of them once.
    public var pixels: Int
    /// Number of windows that they come from.
    public var windows: Int
    /// Steps after which the head did best, and was taken for the model; `nil` where only the last step was validated.
    public var step: Int?
    /// The learning rate of the head that did best; `nil` where there was one rate alone.
    public var learningRate: Double?
    /// All learning rates that were compared, in the recipe's order; `nil` where there was one alone.
    public var rates: [RateScore]?
    /// `true` for a head that gives the same probabilities everywhere, whatever the image shows; else `nil`.
    public var hasConstantOutput: Bool?

    /// How well a head of one learning rate did.
    public struct RateScore: Codable, Sendable, Equatable {
        /// The learning rate at its height.
        public var learningRate: Double
        /// Its best mean IoU; `nil` where it was never scored.
        public var miou: Double?
        /// Steps after which it had that.
        public var step: Int?
        /// The step, from 1, whose loss or gradient was not finite; `nil` where none was.
        public var divergedAt: Int?

        /// The keys on disk.
        public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
            case learningRate = "learning_rate"
            case miou, step
            case divergedAt = "diverged_at"
        }
    }

    /// How well one class is found.
    public struct ClassScore: Codable, Sendable, Equatable {
        /// Its number.
        public var id: UInt8
        /// Its name.
        public var name: String
        /// Intersection over union; `nil` for a class that is in neither labels nor predictions.
        public var iou: Double?
        /// Labelled pixels.
        public var pixels: Int
        /// Pixels that are said to be of it.
        public var predicted: Int
    }

    /// The class that a collapsed head predicts everywhere although several are labelled; otherwise `nil`.
    public var collapsedClass: String? {
        let said = classes.filter { $0.predicted > 0 }
        return said.count == 1 && classes.count(where: { $0.pixels > 0 }) > 1 ? said[0].name : nil
    }

    /// Expected calibration errors, of 15 bins.
    public struct CalibrationError: Codable, Sendable, Equatable {
        /// Of the plain probabilities.
        public var before: Double
        /// Of those after the temperature.
        public var after: Double
    }

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case miou
        case overallAccuracy = "overall_accuracy"
        case kappa, classes, temperature
        case calibrationError = "calibration_error"
        case constantMIoU = "constant_miou"
        case pixels, windows, step
        case learningRate = "learning_rate"
        case rates = "learning_rates"
        case hasConstantOutput = "has_constant_output"
    }
}

extension CropSampler {
    /// Most pixels from which the temperature is taken.
    private static let mostRows = 200_000
    /// Fewest from which it is taken.
    private static let fewestRows = 1000

    /// Scores of a head on held-out ground; `nil` where none is held out, or no class is labelled there.
    ///
    /// - Parameter logits: `[1, classes, S, S]` of a normalised image `[1, C, S, S]`.
    func landCoverValidation(_ legend: Legend, logits: (Tensor) throws -> Tensor) throws -> LandCoverValidation? {
        let count = legend.classes.count
        var tally = LandCoverTally(classes: count)
        var (rows, truths): ([Float], [UInt8]) = ([], [])
        let quota = max(1, Self.mostRows / max(validationWindows().count, 1))
        let windows = try forEachHeldOut { image, target, places in
            let values = try logits(image).floats()
            tally.add(values, truth: target.values, places: places)
            let plane = target.values.count
            let step = max(1, (places.count + quota - 1) / quota)
            for place in stride(from: 0, to: places.count, by: step).map({ places[$0] }) {
                for index in 0..<count { rows.append(values[index * plane + place]) }
                truths.append(UInt8(Int(target.values[place])))
            }
        }
        let confusion = tally.confusion
        guard confusion.count > 0, let miou = confusion.meanIoU, let accuracy = confusion.overallAccuracy else {
            return nil
        }
        let found = TemperatureFit(logits: rows, truths: truths, classCount: count)
        // A handful of pixels says nothing of how sure a head may be.
        let isKnown = truths.count >= Self.fewestRows && found?.isAtLimit == false
        let temperature = isKnown ? found?.temperature ?? 1 : 1
        var constant = ConfusionTally(classCount: count)
        let common = (0..<count).max { confusion.truthCount(of: $0) < confusion.truthCount(of: $1) } ?? 0
        for index in 0..<count {
            constant.add(prediction: common, truth: index, count: confusion.truthCount(of: index))
        }
        func error(_ temperature: Double) -> Double {
            calibration(rows, truths, count, temperature).expectedCalibrationError ?? 0
        }
        return LandCoverValidation(
            miou: miou, overallAccuracy: accuracy, kappa: confusion.kappa,
            classes: legend.classes.enumerated().map { index, entry in
                LandCoverValidation.ClassScore(
                    id: entry.id, name: entry.name, iou: confusion.iou(of: index),
                    pixels: confusion.truthCount(of: index), predicted: confusion.predictionCount(of: index))
            },
            temperature: temperature,
            calibrationError: LandCoverValidation.CalibrationError(before: error(1), after: error(temperature)),
            constantMIoU: constant.meanIoU ?? 0, pixels: confusion.count, windows: windows,
            hasConstantOutput: tally.hasConstantOutput ? true : nil)
    }
}

/// How well the largest probabilities tell how often they are right.
private func calibration(_ rows: [Float], _ truths: [UInt8], _ count: Int, _ temperature: Double) -> CalibrationTally {
    var tally = CalibrationTally()
    for (row, truth) in truths.enumerated() {
        let logits = rows[row * count..<(row + 1) * count]
        let best = logits.indices.max { logits[$0] < logits[$1] } ?? logits.startIndex
        let largest = Double(logits[best])
        let sum = logits.reduce(0.0) { $0 + exponential((Double($1) - largest) / temperature) }
        tally.add(confidence: 1 / sum, isRight: best - logits.startIndex == Int(truth))
    }
    return tally
}
