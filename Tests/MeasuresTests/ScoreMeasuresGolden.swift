// What SciPy, scikit-learn, torchmetrics and NumPy say of the statistics of scores.
import Foundation
import Measures

/// What `Tests/Golden/score_measures.py` wrote.
struct ScoreMeasuresGolden: Decodable {
    struct Stream: Decodable {
        let seed: UInt64
        let bits: [String]
        let below_7: [Int]
    }
    struct Share: Decodable {
        let share: Double
        let value: Double
        let freedom: Int?
    }
    struct Interval: Decodable {
        let method: BootstrapMethod
        let seed: UInt64
        let draws: Int
        let confidence: Double
        let estimate: Double
        let low: Double
        let high: Double
        let undefined: Int

        var bootstrap: Bootstrap { Bootstrap(draws: draws, confidence: confidence, method: method, seed: seed) }

        func isOf(_ got: BootstrapInterval) -> Bool {
            // Shares of Student's and the normal distribution are right to some twelve digits.
            let isWithin =
                isSame(got.estimate, estimate) && isSame(got.low, low, within: 1e-10)
                && isSame(got.high, high, within: 1e-10)
            return isWithin && got.method == method && got.confidence == confidence && got.draws == draws
                && got.undefinedDraws == undefined
        }
    }
    struct Means: Decodable {
        let values: [Double]
        let intervals: [Interval]
    }
    struct Confusions: Decodable {
        let classes: Int
        let rows: [[Double]]
        let mean_iou: [Interval]
    }
    struct Undefined: Decodable {
        let values: [Double?]
        let interval: Interval
    }
    struct Intervals: Decodable {
        let mean: [Means]
        let confusion: Confusions
        let undefined: Undefined
    }
    struct Comparison: Decodable {
        let first: [Double]
        let second: [Double]
        let interval: Interval
        let p: Double
    }
    struct Interquartile: Decodable {
        struct List: Decodable {
            let values: [Double]
            let mean: Double
        }
        let lists: [List]
        let tasks: [[Double]]
        let seed: UInt64
        let estimate: Double
        let ends: [Double]
        let one_seed: UInt64
        let one_ends: [Double]
        let spread: [Double]
    }
    struct Labels: Decodable {
        let labels: Int
        let truth: [String]
        let scores_64: [[Int]]
        let f1: [Double?]
        let micro_f1: Double
        let macro_f1: Double
        let macro_f1_all: Double
        let subset_accuracy: Double
        let counts: [[Int]]
        let average_precision: [Double?]
        let drawn_seed: UInt64
        let drawn: [Double?]
    }
    struct Classes: Decodable {
        let classes: Int
        let truth: [Int]
        let prediction: [Int?]
        let balanced: Double
    }
    struct Top: Decodable {
        let classes: Int
        let truth: [Int]
        let scores: [Float]
        let top: [Double]
    }
    struct Calibration: Decodable {
        let bins: Int
        let confidence_2048: [Int]
        let right: String
        let l1: Double
        let l2: Double
        let max: Double
    }
    let stream: Stream
    let normal: [Share]
    let student: [Share]
    let bootstrap: Intervals
    let comparison: [Comparison]
    let interquartile: Interquartile
    let labels: [Labels]
    let classes: [Classes]
    let top: [Top]
    let calibration: [Calibration]

    static func load() throws -> ScoreMeasuresGolden {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = folder.appendingPathComponent("Golden/score_measures.json")
        return try JSONDecoder().decode(ScoreMeasuresGolden.self, from: Data(contentsOf: file))
    }
}
