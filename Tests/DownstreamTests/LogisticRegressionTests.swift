// Logistic regression compared with scikit-learn's, and its derivatives with finite differences.
import Downstream
import Telemetry
import Testing
import Torch

struct LogisticRegressionTests {
    init() throws { try Torch.load() }

    @Test func `weights at single strengths are scikit-learn's optimum`() throws {
        let strengths = LogisticRegression.dinov3Strengths
        for golden in try ProbesGolden.load().logistic {
            let training = try golden.samples(0)
            for (index, expected) in zip([8, 24, 40], golden.weights) {
                let model = try LogisticModel(fitting: training, strength: strengths[index])
                #expect(model.converged, "\(golden.name), strength \(strengths[index])")
                let share = largestShare(model.weights.doubles(), expected)
                #expect(share < 1e-6, "\(golden.name), strength \(strengths[index]): \(share)")
            }
        }
    }

    @Test func `the path finds scikit-learn's scores, strength and probabilities`() throws {
        let strengths = LogisticRegression.dinov3Strengths
        #expect(strengths.count == 45 && abs(strengths[0] / 1e-6 - 1) < 1e-12 && abs(strengths[44] / 1e5 - 1) < 1e-12)
        for golden in try ProbesGolden.load().logistic {
            let (training, validation) = (try golden.samples(0), try golden.samples(1))
            let test = try golden.samples(2).features
            var done: [Int] = []
            let probe = LogisticRegression()
            let comparison = try probe.compared(training: training, validation: validation) { done.append($0) }
            #expect(done == Array(1...45), "\(golden.name)")
            #expect(largestDifference(comparison.scores, golden.scores) < 1e-12, "\(golden.name)")
            #expect(comparison.converged.allSatisfy { $0 }, "\(golden.name)")
            #expect(comparison.best.strength == strengths[golden.chosen], "\(golden.name)")
            let answer = try probe.answer(training: training, validation: validation, test: test)
            #expect(answer.chosen == strengths[golden.chosen] && answer.converged, "\(golden.name)")
            #expect(abs((answer.validationScore ?? -1) - golden.scores[golden.chosen]) < 1e-12, "\(golden.name)")
            #expect(answer.predictions == golden.known(golden.predictions), "\(golden.name)")
            let probabilities = try #require(answer.probabilities).map { Double($0) }
            #expect(largestDifference(probabilities, golden.probabilities) < 1e-6, "\(golden.name)")
            // The same from afar.
            let cold = try LogisticModel(
                fitting: training.followed(by: validation), strength: strengths[golden.chosen])
            #expect(cold.converged && largestShare(cold.weights.doubles(), golden.refitted) < 1e-6, "\(golden.name)")
        }
    }

    @Test func `weights for comparing strengths are within 1e-4`() throws {
        for golden in try ProbesGolden.load().logistic {
            for (index, expected) in zip([8, 24, 40], golden.weights) {
                let strengths = LogisticRegression.dinov3Strengths
                let model = try LogisticModel(
                    fitting: golden.samples(0), strength: strengths[index], precision: .comparing)
                #expect(largestShare(model.weights.doubles(), expected) < 1e-4, "\(golden.name) \(index)")
            }
        }
    }

    @Test(arguments: [LogisticLink.softmax, .sigmoid])
    func `gradient and curvature are those of differences`(_ link: LogisticLink) throws {
        let generator = Generator(seed: 4)
        let features = Tensor.randn([20, 4], generator: generator)
        let ones: [Double] = (0..<20).flatMap { sample in (0..<3).map { $0 == sample * sample % 3 ? 1.0 : 0.0 } }
        let targets = Tensor(ones, shape: [20, 3])
        let problem = LogisticProblem(try RotatedFeatures(features), targets: targets, link: link)
        let weights = Tensor.randn([5, 3], dtype: .float64, generator: generator)
        let direction = Tensor.randn([5, 3], dtype: .float64, generator: generator)
        let penalties = problem.penalties(strength: 0.7)
        func objective(_ length: Double) -> Double {
            problem.objective(weights + direction * length, penalties: penalties)
        }
        let slope =
            (problem.gradient(
                weights, probabilities: link.probabilities(problem.sums(weights)), penalties: penalties) * direction)
            .sum().item()
        let along = problem.derivatives(
            sums: problem.sums(weights), change: problem.sums(direction),
            penalty: (
                (penalties * weights * direction).sum().item(), (penalties * direction * direction).sum().item()
            ))
        let small = 1e-4
        let first = (objective(small) - objective(-small)) / (2 * small)
        let second = (objective(small) - 2 * objective(0) + objective(-small)) / (small * small)
        #expect(abs(slope - first) < 1e-6 && abs(along.first - slope) < 1e-12, "\(slope) \(first) \(along)")
        #expect(abs(along.second - second) < 1e-5, "\(along) \(second)")
    }

    @Test func `an optimiser without steps left says that it did not converge`() throws {
        let golden = try #require(ProbesGolden.load().logistic.first)
        var precision = LogisticPrecision.exact
        precision.products = 2
        let model = try LogisticModel(fitting: golden.samples(0), strength: 100, precision: precision)
        #expect(!model.converged && model.weights.isAllFinite)
    }

    @Test func `features that are all equal give the shares of the classes`() throws {
        let samples = try FeatureMatrix(
            features: Tensor.ones([4, 2]), truth: .classes([0, 0, 0, 1], classCount: 2))
        let model = try LogisticModel(fitting: samples, strength: 10)
        #expect(model.converged && model.weights.doubles() == [0, 0])
        let said = try model.predicted(Tensor.ones([1, 2]) * 5)
        #expect(said.predictions == .classes([0], classCount: 2))
        #expect(largestDifference(said.probabilities.map { Double($0) }, [0.75, 0.25]) < 1e-6)
    }

    @Test func `what cannot be learnt from is an error`() throws {
        let one = try FeatureMatrix(features: Tensor.ones([3, 2]), truth: .classes([1, 1, 1], classCount: 2))
        let error = try #require(throws: DownstreamError.self) { try LogisticModel(fitting: one, strength: 1) }
        #expect(error.code == .badPairs)
        let same = try FeatureMatrix(
            features: Tensor.ones([2, 2]), truth: .labels([true, false, true, false], labelCount: 2))
        #expect(throws: DownstreamError.self) { try LogisticModel(fitting: same, strength: 1) }
        let other = try FeatureMatrix(features: Tensor.ones([2, 3]), truth: .classes([0, 1], classCount: 2))
        #expect(throws: DownstreamError.self) { try LogisticRegression().compared(training: one, validation: other) }
        #expect(throws: DownstreamError.self) {
            try LogisticRegression().answer(training: other, validation: other, test: Tensor.ones([2, 2]))
        }
    }
}
