// Metrics of maps of classes: by hand, by definition on random pixels, and against scikit-learn.
import Foundation
import Measures
import Testing

/// What `Tests/Golden/measures.py` wrote.
struct MeasuresGolden: Decodable {
    struct Confusion: Decodable {
        let classes: Int
        let truth: String
        let prediction: String
        let matrix: [[Int]]
        let iou: [Double?]
        let precision: [Double?]
        let recall: [Double?]
        let f1: [Double?]
        let mean_iou: Double
        let mean_iou_without_0: Double
        let accuracy: Double
        let kappa: Double
        let macro_f1: Double
        let frequency_weighted_iou: Double
    }
    struct Calibration: Decodable {
        let bins: Int
        let confidence_1024: [Int]
        let right: String
        let expected_error: Double
        let maximum_error: Double
        let brier: Double
    }
    struct Temperature: Decodable {
        let classes: Int
        let truth: String
        let logits_16: [Int]
        let temperature: Double
        let loss_before: Double
        let loss_after: Double
    }
    struct Boundary: Decodable {
        struct Case: Decodable {
            let distance: Int
            let iou: [Double?]
            let mean_iou: Double
        }
        let classes: Int
        let rows: Int
        let columns: Int
        let truth: String
        let prediction: String
        let cases: [Case]
    }
    /// Several images, and their metrics by mmsegmentation's definition.
    struct Segmentation: Decodable {
        struct Image: Decodable {
            let label: [UInt8]
            let prediction: [UInt8]
        }
        let classes: Int
        let empty_label: UInt8?
        let images: [Image]
        let iou: [Double?]
        let accuracy: [Double?]
        let dice: [Double?]
        let precision: [Double?]
        let mean_iou: Double
        let mean_accuracy: Double
        let mean_dice: Double
        let all_accuracy: Double
    }
    let confusion: [Confusion]
    let calibration: [Calibration]
    let temperature: [Temperature]
    let boundary: [Boundary]
    let segmentation: [Segmentation]

    static func load() throws -> MeasuresGolden {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = folder.appendingPathComponent("Golden/measures.json")
        return try JSONDecoder().decode(MeasuresGolden.self, from: Data(contentsOf: file))
    }

    /// Indices of classes: `n` is none and a dot is no truth.
    static func indices(_ text: String) -> [UInt8] { text.utf8.map { (48...57).contains($0) ? $0 - 48 : 255 } }
}

/// Random numbers that are the same in every run (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: Int) { state = UInt64(seed) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Whether a number is defined and what it should be but for rounding.
func isNear(_ got: Double?, _ expected: Double, within tolerance: Double = 1e-12) -> Bool {
    got.map { abs($0 - expected) <= tolerance } ?? false
}

/// Whether two numbers are the same but for rounding, or both undefined.
func isSame(_ got: Double?, _ expected: Double?, within tolerance: Double = 1e-12) -> Bool {
    guard let expected else { return got == nil }
    return isNear(got, expected, within: tolerance)
}

/// Whether lists of numbers are the same but for rounding.
func areSame(_ got: [Double?], _ expected: [Double?], within tolerance: Double = 1e-12) -> Bool {
    got.count == expected.count && zip(got, expected).allSatisfy { isSame($0, $1, within: tolerance) }
}

struct ConfusionTallyTests {
    @Test func `metrics follow their definitions`() {
        var tally = ConfusionTally(classCount: 3)
        // Rows of the truth: 5 1 0 and 2 none; 2 3 1; 0 0 6.
        tally.add(
            predictions: [0, 0, 0, 0, 0, 1, 255, 255, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2],
            truths: [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2])
        #expect(tally.counts == [[5, 1, 0], [2, 3, 1], [0, 0, 6]])
        #expect(tally.noneCounts == [2, 0, 0])
        #expect(tally.count == 20)
        #expect((0..<3).map(tally.truthCount(of:)) == [8, 6, 6])
        #expect((0..<3).map(tally.predictionCount(of:)) == [7, 4, 7])
        let (iou, f1): ([Double], [Double]) = ([5 / 10, 3 / 7, 6 / 7], [10 / 15, 6 / 10, 12 / 13])
        #expect(areSame((0..<3).map(tally.iou(of:)), iou))
        let (precision, recall): ([Double], [Double]) = ([5 / 7, 3 / 4, 6 / 7], [5 / 8, 3 / 6, 6 / 6])
        #expect(areSame((0..<3).map(tally.precision(of:)), precision))
        #expect(areSame((0..<3).map(tally.recall(of:)), recall))
        #expect(areSame((0..<3).map(tally.f1(of:)), f1))
        #expect(isNear(tally.meanIoU, iou.reduce(0, +) / 3))
        #expect(isNear(tally.meanIoU(without: 0), (iou[1] + iou[2]) / 2))
        #expect(isNear(tally.macroF1, f1.reduce(0, +) / 3))
        #expect(isNear(tally.overallAccuracy, 0.7))
        #expect(isNear(tally.frequencyWeightedIoU, 0.4 * iou[0] + 0.3 * iou[1] + 0.3 * iou[2]))
        // Chance: 8 x 7 + 6 x 4 + 6 x 7 of 400 pairs.
        #expect(isNear(tally.kappa, (0.7 - 0.305) / (1 - 0.305)))
    }

    @Test func `a class that is nowhere is left out, one that is missed counts`() {
        var tally = ConfusionTally(classCount: 4)
        tally.add(prediction: 0, truth: 0, count: 3)
        tally.add(prediction: 0, truth: 1)
        tally.add(prediction: 2, truth: 0)
        #expect(areSame((0..<4).map(tally.iou(of:)), [0.6, 0, 0, nil]))
        #expect(areSame((0..<4).map(tally.precision(of:)), [0.75, nil, 0, nil]))
        #expect(areSame((0..<4).map(tally.recall(of:)), [0.75, 0, nil, nil]))
        #expect(areSame((0..<4).map(tally.f1(of:)), [0.75, 0, 0, nil]))
        #expect(isNear(tally.meanIoU, 0.2))
        #expect(isNear(tally.macroF1, 0.25))
    }

    @Test func `nothing has no metrics`() {
        var tally = ConfusionTally(classCount: 2)
        tally.add(predictions: [0, 1, 255], truths: [255, 1, 0], validity: [true, false, false])
        tally.add(predictions: [], truths: [])
        #expect(tally == ConfusionTally(classCount: 2))
        #expect(tally.count == 0 && tally.counts == [[0, 0], [0, 0]])
        for index in 0..<2 {
            #expect(tally.iou(of: index) == nil && tally.f1(of: index) == nil)
            #expect(tally.precision(of: index) == nil && tally.recall(of: index) == nil)
        }
        #expect(tally.meanIoU == nil && tally.macroF1 == nil && tally.overallAccuracy == nil)
        #expect(tally.kappa == nil && tally.frequencyWeightedIoU == nil)
    }

    @Test func `a prediction of none misses its class and troubles no other`() {
        var tally = ConfusionTally(classCount: 2)
        tally.add(prediction: 0, truth: 0, count: 3)
        tally.add(prediction: 1, truth: 1, count: 4)
        tally.add(prediction: nil, truth: 0)
        #expect(tally.count(truth: 0, prediction: nil) == 1)
        #expect(isNear(tally.iou(of: 0), 0.75) && tally.iou(of: 1) == 1)
        #expect(tally.precision(of: 0) == 1 && isNear(tally.recall(of: 0), 0.75))
        #expect(isNear(tally.overallAccuracy, 0.875))

        var nothingFound = ConfusionTally(classCount: 2)
        nothingFound.add(prediction: nil, truth: 1, count: 5)
        #expect(nothingFound.iou(of: 0) == nil && nothingFound.iou(of: 1) == 0)
        #expect(nothingFound.meanIoU == 0 && nothingFound.kappa == 0 && nothingFound.precision(of: 1) == nil)
    }

    @Test func `one class alone is no agreement beyond chance`() {
        var one = ConfusionTally(classCount: 1)
        one.add(prediction: 0, truth: 0, count: 7)
        #expect(one.kappa == nil && one.meanIoU == 1 && one.macroF1 == 1 && one.overallAccuracy == 1)
        #expect(one.meanIoU(without: 0) == nil)
        one.add(prediction: nil, truth: 0)
        #expect(one.kappa == 0 && isNear(one.iou(of: 0), 0.875))

        var wrong = ConfusionTally(classCount: 2)
        wrong.add(prediction: 1, truth: 0, count: 7)
        #expect(wrong.kappa == 0 && wrong.meanIoU == 0)
    }

    @Test func `a continent of pixels does not overflow`() {
        var tally = ConfusionTally(classCount: 2)
        let many = 1 << 45
        tally.add(prediction: 0, truth: 0, count: many)
        tally.add(prediction: 1, truth: 1, count: many)
        tally.add(prediction: 1, truth: 0, count: 2 * many)
        #expect(isNear(tally.meanIoU, 1.0 / 3))
        // Accuracy 1/2; chance 3/4 x 1/4 + 1/4 x 3/4.
        #expect(isNear(tally.kappa, (0.5 - 0.375) / 0.625))
    }

    @Test(arguments: 0..<1000) func `random pixels agree with the definitions, in parts and merged`(seed: Int) {
        var random = SeededNumbers(seed)
        let classes = Int.random(in: 1...6, using: &random)
        let size = Int.random(in: 0...80, using: &random)
        let found = Int.random(in: 1...classes, using: &random)
        func label(_ none: Int) -> UInt8 {
            Int.random(in: 0..<10, using: &random) < none ? 255 : UInt8(Int.random(in: 0..<found, using: &random))
        }
        let truths = (0..<size).map { _ in label(2) }
        let predictions = zip(truths, (0..<size).map { _ in label(1) }).map { Bool.random(using: &random) ? $0 : $1 }
        let validity = (0..<size).map { _ in Int.random(in: 0..<8, using: &random) > 0 }
        let useful = (0..<size).filter { validity[$0] && truths[$0] != 255 }
        let pairs = useful.map { (p: Int(predictions[$0]), t: Int(truths[$0])) }

        var tally = ConfusionTally(classCount: classes)
        tally.add(predictions: predictions, truths: truths, validity: validity)
        let cut = Int.random(in: 0...size, using: &random)
        var first = ConfusionTally(classCount: classes)
        var second = first
        first.add(
            predictions: Array(predictions[..<cut]), truths: Array(truths[..<cut]), validity: Array(validity[..<cut]))
        for index in useful where index >= cut {
            second.add(prediction: predictions[index] == 255 ? nil : Int(predictions[index]), truth: Int(truths[index]))
        }
        first.merge(second)
        #expect(first == tally)

        func ratio(_ part: Int, _ whole: Int) -> Double? { whole == 0 ? nil : Double(part) / Double(whole) }
        func mean(_ values: [Double?]) -> Double? {
            let there = values.compactMap(\.self)
            return there.isEmpty ? nil : there.reduce(0, +) / Double(there.count)
        }
        let n = pairs.count
        let each = 0..<classes
        let both = each.map { c in pairs.count { $0.p == c && $0.t == c } }
        let iou = each.map { c in ratio(both[c], pairs.count { $0.p == c || $0.t == c }) }
        let precision = each.map { c in ratio(both[c], pairs.count { $0.p == c }) }
        let recall = each.map { c in ratio(both[c], pairs.count { $0.t == c }) }
        let f1 = each.map { c -> Double? in
            guard iou[c] != nil else { return nil }
            guard let p = precision[c], let r = recall[c], p + r > 0 else { return 0 }
            return 2 * p * r / (p + r)
        }
        #expect(tally.count == n)
        #expect(areSame(each.map(tally.iou(of:)), iou))
        #expect(areSame(each.map(tally.precision(of:)), precision))
        #expect(areSame(each.map(tally.recall(of:)), recall))
        #expect(areSame(each.map(tally.f1(of:)), f1))
        #expect(isSame(tally.meanIoU, mean(iou)))
        let last = classes - 1
        #expect(isSame(tally.meanIoU(without: last), mean(Array(iou.prefix(last)))))
        #expect(isSame(tally.macroF1, mean(f1)))
        let accuracy = ratio(both.reduce(0, +), n)
        #expect(isSame(tally.overallAccuracy, accuracy))
        let weighted = pairs.reduce(0.0) { $0 + (iou[$1.t] ?? .nan) }
        #expect(isSame(tally.frequencyWeightedIoU, n == 0 ? nil : weighted / Double(n)))
        // Chance, pair by pair of pixels.
        let agreeing = pairs.reduce(0) { sum, a in sum + pairs.count { a.t == $0.p } }
        let chance = ratio(agreeing, n * n)
        let kappa = chance.flatMap { e in e == 1 ? nil : accuracy.map { ($0 - e) / (1 - e) } }
        #expect(isSame(tally.kappa, kappa))
    }

    @Test func `scikit-learn says the same`() throws {
        for golden in try MeasuresGolden.load().confusion {
            var tally = ConfusionTally(classCount: golden.classes)
            tally.add(
                predictions: MeasuresGolden.indices(golden.prediction), truths: MeasuresGolden.indices(golden.truth))
            let each = 0..<golden.classes
            #expect(zip(tally.counts, tally.noneCounts).map { $0 + [$1] } == golden.matrix)
            #expect(areSame(each.map(tally.iou(of:)), golden.iou))
            #expect(areSame(each.map(tally.precision(of:)), golden.precision))
            #expect(areSame(each.map(tally.recall(of:)), golden.recall))
            #expect(areSame(each.map(tally.f1(of:)), golden.f1))
            #expect(isSame(tally.meanIoU, golden.mean_iou))
            #expect(isSame(tally.meanIoU(without: 0), golden.mean_iou_without_0))
            #expect(isSame(tally.overallAccuracy, golden.accuracy))
            #expect(isSame(tally.kappa, golden.kappa))
            #expect(isSame(tally.macroF1, golden.macro_f1))
            #expect(isSame(tally.frequencyWeightedIoU, golden.frequency_weighted_iou))
        }
    }

    @Test func `mmsegmentation's definition says the same of several images`() throws {
        for golden in try MeasuresGolden.load().segmentation {
            let each = 0..<golden.classes
            var tally = ConfusionTally(classCount: golden.classes)
            for image in golden.images {
                var one = ConfusionTally(classCount: golden.classes)
                one.add(
                    predictions: image.prediction.map { $0 < golden.classes ? $0 : ConfusionTally.none },
                    truths: image.label.map { label in
                        guard let empty = golden.empty_label else { return label }
                        return label == empty || label == 255 ? ConfusionTally.none : label - 1
                    })
                tally.merge(one)
            }
            func mean(_ values: [Double?]) -> Double? {
                let known = values.compactMap(\.self)
                return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
            }
            #expect(areSame(each.map(tally.iou(of:)), golden.iou))
            #expect(areSame(each.map(tally.recall(of:)), golden.accuracy))
            #expect(areSame(each.map(tally.f1(of:)), golden.dice))
            #expect(areSame(each.map(tally.precision(of:)), golden.precision))
            #expect(isSame(tally.meanIoU, golden.mean_iou))
            #expect(isSame(mean(each.map(tally.recall(of:))), golden.mean_accuracy))
            #expect(isSame(tally.macroF1, golden.mean_dice))
            #expect(isSame(tally.overallAccuracy, golden.all_accuracy))
        }
    }
}
