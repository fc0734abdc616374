// What `Tests/Golden/probes.py` wrote: what scikit-learn and PyTorch say of small problems.
import Downstream
import Foundation
import Torch

struct ProbesGolden: Decodable {
    struct Logistic: Decodable {
        struct Ridge: Decodable {
            let weights: [Double]
            let chosen: Int
            let predictions: [Int]
        }
        let name: String
        let labels: Bool
        let classes: Int
        let width: Int
        let features: [[Int]]
        let truth: [[Int]]
        let scores: [Double]
        let weights: [[Double]]
        let chosen: Int
        let refitted: [Double]
        let predictions: [Int]
        let probabilities: [Double]
        let ridge: Ridge

        /// Training, validation or test samples: 0, 1 or 2.
        func samples(_ index: Int) throws -> FeatureMatrix {
            try FeatureMatrix(
                features: probeFeatures(features[index], width: width), truth: known(truth[index]))
        }

        func known(_ values: [Int]) -> ProbeLabels {
            labels
                ? .labels(values.map { $0 == 1 }, labelCount: classes) : .classes(values, classCount: classes)
        }
    }
    struct Neighbours: Decodable {
        struct Vote: Decodable {
            let neighbours: Int?
            let predictions: [Int]
            let probabilities: [Double]
        }
        let classes: Int
        let width: Int
        let features: [[Int]]
        let truth: [Int]
        let cosine: [Vote]
        let distance: Vote
        let labels: [Int]
        let label_predictions: [Int]
    }
    struct Sweep: Decodable {
        let labels: Bool
        let classes: Int
        let width: Int
        let features: [Int]
        let truth: [Int]
        let rates: [Double]
        let batch: Int
        let epochs: Int
        let iterations: Int
        let seed: UInt64
        let start: [Double]
        let weights: [Double]
        let intercepts: [Double]
    }
    let logistic: [Logistic]
    let neighbours: Neighbours
    let sweep: [Sweep]

    static func load() throws -> ProbesGolden {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = folder.appendingPathComponent("Golden/probes.json")
        return try JSONDecoder().decode(ProbesGolden.self, from: Data(contentsOf: file))
    }
}

/// Features that the goldens keep as whole numbers of 1/64, `[N, width]`.
func probeFeatures(_ numbers: [Int], width: Int, offset: Float = 0) -> Tensor {
    Tensor(numbers.map { Float($0) / 64 + offset }, shape: [numbers.count / width, width])
}

/// The largest difference of numbers from those expected; infinite where there are not as many.
func largestDifference(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    return zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

/// The same as a share of the largest number expected.
func largestShare(_ found: [Double], _ expected: [Double]) -> Double {
    largestDifference(found, expected) / expected.reduce(0) { max($0, abs($1)) }
}
