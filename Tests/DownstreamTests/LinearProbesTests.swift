// Ridge regression compared with scikit-learn's, the swept linear probe with PyTorch's optimiser, and what all probes are given.
import Downstream
import Telemetry
import Testing
import Torch

struct LinearProbesTests {
    init() throws { try Torch.load() }

    @Test func `ridge regression is scikit-learn's`() throws {
        for golden in try ProbesGolden.load().logistic {
            let (training, validation) = (try golden.samples(0), try golden.samples(1))
            let model = try RidgeClassifier(fitting: training, ridge: 2)
            let share = largestShare(model.weights.doubles(), golden.ridge.weights)
            #expect(share < 1e-8, "\(golden.name): \(share)")
            let answer = try RidgeClassifier.answer(
                training: training, validation: validation, test: golden.samples(2).features)
            #expect(answer.chosen == RidgeClassifier.usualRidges[golden.ridge.chosen], "\(golden.name)")
            #expect(answer.probabilities == nil)
            guard case .labels(let values, let width) = answer.predictions else {
                #expect(answer.predictions == golden.known(golden.ridge.predictions), "\(golden.name)")
                continue
            }
            // scikit-learn was given the labels that some samples have and some not; label 1 always holds, label 2 never.
            let learnt = values.indices.filter { $0 % width != 1 && $0 % width != 2 }
            #expect(learnt.map { values[$0] ? 1 : 0 } == golden.ridge.predictions)
            #expect(values.indices.allSatisfy { $0 % width != 1 || values[$0] })
            #expect(values.indices.allSatisfy { $0 % width != 2 || !values[$0] })
        }
    }

    @Test func `each learning rate of a sweep trains as PyTorch's optimiser does`() throws {
        for golden in try ProbesGolden.load().sweep {
            let truth: ProbeLabels =
                golden.labels
                ? .labels(golden.truth.map { $0 == 1 }, labelCount: golden.classes)
                : .classes(golden.truth, classCount: golden.classes)
            let samples = try FeatureMatrix(
                features: probeFeatures(golden.features, width: golden.width), truth: truth)
            var options = LinearSweepOptions()
            options.rates = golden.rates
            options.batch = golden.batch
            options.epochs = golden.epochs
            options.iterations = golden.iterations
            options.seed = golden.seed
            let columns = golden.rates.count * golden.classes
            var rounds: [Int] = []
            let sweep = try LinearSweep(
                training: samples, options: options, start: Tensor(golden.start, shape: [golden.width, columns])
            ) { rounds.append($0) }
            #expect(rounds == Array(1...golden.epochs))
            #expect(largestDifference(sweep.weights.doubles(), golden.weights) < 1e-5)
            #expect(largestDifference(sweep.intercepts.doubles(), golden.intercepts) < 1e-5)
        }
    }

    @Test func `a sweep chooses a learning rate that learns, the same each time`() throws {
        let golden = try #require(ProbesGolden.load().logistic.first)
        var options = LinearSweepOptions()
        (options.epochs, options.iterations, options.batch) = (2, 20, 32)
        options.rates = [1e-5, 1, 1e60]
        let (training, validation, test) = (try golden.samples(0), try golden.samples(1), try golden.samples(2))
        let answer = try LinearSweep.answer(
            training: training, validation: validation, test: test.features, options: options)
        #expect(answer.chosen == 1)
        // Three classes that overlap: scikit-learn's best is 0.55 on validation samples.
        #expect(try #require(answer.validationScore) > 0.4)
        #expect(test.truth.agreement(of: answer.predictions) > 0.4)
        let again = try LinearSweep.answer(
            training: training, validation: validation, test: test.features, options: options)
        #expect(answer == again)
        options.rates = [1e60]
        let error = try #require(throws: DownstreamError.self) {
            try LinearSweep.answer(training: training, validation: validation, test: test.features, options: options)
        }
        #expect(error.code == .notFinite)
        options.rates = []
        #expect(throws: DownstreamError.self) { try LinearSweep(training: training, options: options) }
        (options.rates, options.epochs) = ([1], .max)
        #expect(throws: DownstreamError.self) { try LinearSweep(training: training, options: options) }
    }

    @Test func `agreement is accuracy, and F1 over all labels`() {
        let classes = ProbeLabels.classes([0, 1, 2, 2], classCount: 3)
        #expect(classes.agreement(of: .classes([0, 2, 2, 2], classCount: 3)) == 0.75)
        let labels = ProbeLabels.labels([true, true, false, false, true, false], labelCount: 2)
        // Two labels in both, three in the truth, four predicted.
        #expect(labels.agreement(of: .labels([true, false, true, true, true, false], labelCount: 2)) == 4.0 / 7)
        let none = ProbeLabels.labels([false, false], labelCount: 2)
        #expect(none.agreement(of: none) == 0)
    }

    @Test func `features and truth that do not fit are errors`() throws {
        let rows = Tensor.ones([2, 3])
        let wrong: [(features: Tensor, truth: ProbeLabels)] = [
            (rows, .classes([0], classCount: 2)), (rows, .classes([0, 2], classCount: 2)),
            (rows, .classes([0, -1], classCount: 2)), (rows, .classes([0, 0], classCount: 0)),
            (rows, .labels([true, false, true], labelCount: 2)),
            (rows, .labels([true, false, true, true, true], labelCount: 2)),
            (rows, .labels([true, false], labelCount: 0)), (Tensor.ones([2]), .classes([0, 1], classCount: 2)),
            (Tensor.ones([0, 3]), .classes([], classCount: 2)),
        ]
        for (features, truth) in wrong {
            let error = try #require(throws: DownstreamError.self) {
                try FeatureMatrix(features: features, truth: truth)
            }
            #expect(error.code == .badPairs)
        }
        let error = try #require(throws: DownstreamError.self) {
            try FeatureMatrix(
                features: Tensor([1, .infinity] as [Float], shape: [2, 1]), truth: .classes([0, 1], classCount: 2))
        }
        #expect(error.code == .notFinite)
        let samples = try FeatureMatrix(
            features: Tensor([1, 2, 3] as [Float], shape: [3, 1]), truth: .classes([0, 1, 1], classCount: 2))
        let picked = try samples.picked([2, 0])
        #expect(picked.features.floats() == [3, 1] && picked.truth == .classes([1, 0], classCount: 2))
        let joined = try samples.followed(by: picked)
        #expect(joined.features.floats() == [1, 2, 3, 3, 1] && joined.count == 5 && joined.width == 1)
        #expect(throws: DownstreamError.self) { try samples.picked([]) }
    }

    @Test func `few shots are drawn from each class, by the seed`() throws {
        let classes = (0..<100).map { $0 % 10 == 0 ? 2 : $0 % 2 }
        let truth = ProbeLabels.classes(classes, classCount: 4)
        let three = try FewShot.perClass(3).chosen(from: truth, seed: 1)
        #expect(three == three.sorted() && Set(three).count == 9)
        #expect((0..<3).allSatisfy { name in three.count(where: { classes[$0] == name }) == 3 })
        #expect(try FewShot.perClass(3).chosen(from: truth, seed: 1) == three)
        #expect(try FewShot.perClass(3).chosen(from: truth, seed: 2) != three)
        #expect(Set(try FewShot.perClass(5).chosen(from: truth, seed: 1)).isSuperset(of: three))
        #expect(try FewShot.perClass(1000).chosen(from: truth, seed: 1) == Array(0..<100))
        // 40, 50 and 10 samples: 1.6, 2 and 0.4 rounded, but one of each.
        let share = try FewShot.share(0.04).chosen(from: truth, seed: 1)
        #expect((0..<3).map { name in share.count(where: { classes[$0] == name }) } == [2, 2, 1])
        let labels = ProbeLabels.labels([Bool](repeating: true, count: 40), labelCount: 2)
        #expect(try FewShot.share(0.25).chosen(from: labels, seed: 1).count == 5)
        for wrong in [FewShot.perClass(0), .share(0), .share(1.5), .share(.nan)] {
            #expect(throws: DownstreamError.self) { try wrong.chosen(from: truth, seed: 1) }
        }
        #expect(throws: DownstreamError.self) { try FewShot.perClass(1).chosen(from: labels, seed: 1) }
        #expect(throws: DownstreamError.self) {
            try FewShot.share(1).chosen(from: .classes([0, 4], classCount: 4), seed: 1)
        }
    }
}
