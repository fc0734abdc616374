// The losses of classes per pixel against PyTorch and in closed form, and the weights of classes.
import Downstream
import Testing
import Torch

private let shape = [2, 5, 4, 6]
private let weights = [0.5, 2, 1, 0.25, 3]
/// Labels as in `class_losses.py`: every fifth pixel has none, and four of the five classes occur.
private let labels = (0..<48).map { $0 % 5 == 3 ? 255.0 : Double($0 * 7 % 4) }
private let labelled = labels.map { $0 == 255 ? 0.0 : 1 }

private func pixels(_ values: [Double], dtype: DType) -> Tensor {
    Tensor(values, shape: [2, 1, 4, 6]).to(dtype)
}

/// A loss of logits, labels and validity.
private typealias Loss = @Sendable (_ logits: Tensor, _ target: Tensor, _ valid: Tensor) -> Tensor

private let losses: [(name: String, amplitude: Double, loss: Loss)] = [
    ("cross_entropy", 3, { crossEntropyLoss($0, $1, valid: $2) }),
    ("cross_entropy.weighted", 3, { crossEntropyLoss($0, $1, valid: $2, classWeights: weights) }),
    ("cross_entropy.smooth", 3, { crossEntropyLoss($0, $1, valid: $2, smoothing: 0.1) }),
    (
        "cross_entropy.weighted.smooth", 3,
        { crossEntropyLoss($0, $1, valid: $2, classWeights: weights, smoothing: 0.1) }
    ),
    ("cross_entropy.far", 150, { crossEntropyLoss($0, $1, valid: $2, classWeights: weights, smoothing: 0.1) }),
    ("focal.2", 3, { focalLoss($0, $1, valid: $2, gamma: 2) }),
    ("focal.2.weighted", 3, { focalLoss($0, $1, valid: $2, gamma: 2, classWeights: weights) }),
    ("focal.half", 3, { focalLoss($0, $1, valid: $2, gamma: 0.5) }),
    ("dice", 3, { diceLoss($0, $1, valid: $2) }),
]

struct ClassLossTests {
    @Test(arguments: [(DType.float32, 1e-6), (.float64, 5e-7)])
    func `losses and gradients equal PyTorch's`(dtype: DType, limit: Double) throws {
        let golden = try SafetensorsFile(path: goldenPath("class_losses.safetensors"))
        #expect(golden.names.count == 2 * losses.count)
        for (name, amplitude, loss) in losses {
            let logits = wave(shape, 0.3, amplitude, dtype: dtype)
            logits.requiresGradient = true
            let value = loss(logits, pixels(labels, dtype: .float32), pixels(labelled, dtype: .float32))
            expectParity(value.detached(), try golden.tensor(name), limit: limit, name)
            value.backward()
            let gradient = try #require(logits.gradient, "\(name)")
            expectParity(gradient, try golden.tensor("\(name).gradient"), limit: limit, "gradient of \(name)")
        }
    }

    @Test func `labels may be whole numbers, and anything where there is none`() {
        let logits = wave(shape, 0.3, 3)
        let valid = pixels(labelled, dtype: .float32)
        for (name, _, loss) in losses {
            let floats = loss(logits, pixels(labels, dtype: .float32), valid).item()
            #expect(loss(logits, pixels(labels, dtype: .int64), valid).item() == floats, "\(name)")
            let strange = labels.map { $0 == 255 ? Double.nan : $0 }
            #expect(loss(logits, pixels(strange, dtype: .float32), valid).item() == floats, "\(name)")
        }
    }

    @Test func `a batch without labels costs nothing and breaks nothing`() {
        for (name, _, loss) in losses {
            let logits = wave(shape, 0.3, 3)
            logits.requiresGradient = true
            let value = loss(logits, pixels(labels, dtype: .float32), Tensor.zeros([2, 1, 4, 6]))
            value.backward()
            #expect(value.item() == 0, "\(name)")
            #expect(logits.gradient?.doubles().allSatisfy { $0 == 0 } == true, "\(name)")
        }
    }

    @Test func `pixels without a label have no gradient`() {
        for (name, _, loss) in losses {
            let logits = wave(shape, 0.3, 3)
            logits.requiresGradient = true
            loss(logits, pixels(labels, dtype: .float32), pixels(labelled, dtype: .float32)).backward()
            let gradient = logits.gradient?.doubles() ?? []
            for (index, value) in gradient.enumerated() {
                let pixel = index / 120 * 24 + index % 24
                if labelled[pixel] == 0 { #expect(value == 0, "\(name) at \(index)") }
            }
        }
    }

    @Test func `the mean is over labelled pixels, in closed form`() {
        // Of logits 0 and ln 3 the second class has a share of 3/4.
        let logits = Tensor([0, 0, 0, 0, 1.0986122886681098, 1.0986122886681098, 9, -9], shape: [1, 2, 1, 4])
        let target = Tensor([1, 0, 1, 0], shape: [1, 1, 1, 4])
        func loss(_ valid: [Double], classWeights: [Double]? = nil) -> Double {
            crossEntropyLoss(
                logits, target, valid: Tensor(valid, shape: [1, 1, 1, 4]), classWeights: classWeights
            ).item()
        }
        let (third, first) = (0.2876820724517809, 1.3862943611198906)  // ln 4/3, ln 4
        expectClose([loss([1, 0, 0, 0])], [third], absolute: 1e-6)
        expectClose([loss([1, 1, 0, 0])], [(third + first) / 2], absolute: 1e-6)
        expectClose([loss([1, 1, 0, 0], classWeights: [3, 1])], [(third + 3 * first) / 4], absolute: 1e-6)
    }

    @Test func `the focal loss is the cross-entropy at gamma 0, and less with every gamma`() {
        let (logits, target) = (wave(shape, 0.3, 3, dtype: .float64), pixels(labels, dtype: .float32))
        let valid = pixels(labelled, dtype: .float32)
        let values = [0, 0.25, 1, 1.999999, 2, 2.000001, 5].map {
            focalLoss(logits, target, valid: valid, gamma: $0).item()
        }
        expectClose([values[0]], [crossEntropyLoss(logits, target, valid: valid).item()], absolute: 1e-12)
        #expect(zip(values, values.dropFirst()).allSatisfy(>))
        // The square and the general power agree.
        expectClose([values[3], values[5]], [values[4], values[4]], absolute: 1e-5)
        // One pixel of shares 1/4 and 3/4: (1/4)^3 ln 4/3.
        let pixel = Tensor([0, 1.0986122886681098], shape: [1, 2, 1, 1])
        let one = focalLoss(pixel, Tensor.ones([1, 1, 1, 1]), valid: Tensor.ones([1, 1, 1, 1]), gamma: 3).item()
        expectClose([one], [0.2876820724517809 / 64], absolute: 1e-8)
    }

    @Test func `certain pixels have finite gradients`() {
        for gamma in [0.0, 0.5, 1, 2] {
            let logits = Tensor([200, -200, -200, 200], shape: [1, 2, 1, 2])
            logits.requiresGradient = true
            let loss = focalLoss(
                logits, Tensor.zeros([1, 1, 1, 2]), valid: Tensor.ones([1, 1, 1, 2]), gamma: gamma)
            loss.backward()
            expectClose([loss.item()], [200], absolute: 1e-3)
            #expect(logits.gradient?.isAllFinite == true)
        }
    }

    @Test func `dice is 0 for a perfect map and 1 for a map without any overlap`() {
        let truth = [0.0, 1, 1, 0]
        func loss(_ sign: Double) -> Double {
            let second = truth.map { sign * ($0 * 200 - 100) }
            let logits = Tensor(second.map { -$0 } + second, shape: [1, 2, 1, 4])
            return diceLoss(logits, Tensor(truth, shape: [1, 1, 1, 4]), valid: Tensor.ones([1, 1, 1, 4])).item()
        }
        expectClose([loss(1), loss(-1)], [0, 1], absolute: 1e-6)
    }

    @Test func `a sum of losses says its parts`() {
        var loss = LandCoverLoss()
        #expect(loss.problems.isEmpty)
        let (logits, target) = (wave(shape, 0.3, 3), pixels(labels, dtype: .float32))
        let valid = pixels(labelled, dtype: .float32)
        let plain = loss(logits, target, valid: valid)
        #expect(plain.fields.isEmpty)
        let entropy = crossEntropyLoss(logits, target, valid: valid).item()
        expectClose([plain.value.item()], [entropy])
        loss.crossEntropy = 0.5
        loss.focal = 2
        loss.dice = 3
        let sum = loss(logits, target, valid: valid)
        let focal = focalLoss(logits, target, valid: valid, gamma: 2).item()
        let dice = diceLoss(logits, target, valid: valid).item()
        expectClose([sum.value.item()], [0.5 * entropy + 2 * focal + 3 * dice])
        expectClose(
            ["cross_entropy", "focal", "dice"].map { sum.fields[$0] ?? .nan }, [entropy, focal, dice])
    }

    @Test func `losses that cannot be are named`() {
        var loss = LandCoverLoss()
        loss.crossEntropy = 0
        loss.focalGamma = -1
        loss.labelSmoothing = 1
        #expect(
            loss.problems == [
                "loss.cross_entropy, focal and dice are all 0; expected at least one above 0",
                "loss.focal_gamma is -1.0; expected 0 to 8",
                "loss.label_smoothing is 1.0; expected 0 up to, but not including, 1",
            ])
        loss.dice = -2
        #expect(loss.problems.first == "loss.dice is -2.0; expected 0 or more")
    }
}

struct ClassWeightingTests {
    /// Two images of 100 pixels, with classes 0 and 1, then 0 and 2; class 3 is in neither.
    private var histogram: ClassHistogram {
        var histogram = ClassHistogram(classes: 4)
        histogram.add([90, 10, 0, 0])
        histogram.add([40, 0, 60, 0])
        return histogram
    }

    @Test func `images are counted by the classes in them`() {
        #expect(histogram.pixels == [130, 10, 60, 0])
        #expect(histogram.pixelsOfImages == [200, 100, 100, 0])
        var other = ClassHistogram(classes: 4)
        other.add(HeadTarget(values: [0, 1, 1, 2, 9], valid: [1, 1, 1, 1, 0]))
        #expect(other.pixels == [1, 2, 1, 0] && other.pixelsOfImages == [4, 4, 4, 0])
    }

    @Test func `median frequency is that of Eigen and Fergus`() throws {
        // Frequencies 130/200, 10/100, 60/100; their median is 0.6.
        let weights = try #require(ClassWeighting.medianFrequency.weights(histogram))
        expectClose(weights, [0.6 / 0.65, 6, 1, 6], absolute: 1e-12)
        var even = ClassHistogram(classes: 2)
        even.add([25, 75])
        expectClose(try #require(ClassWeighting.medianFrequency.weights(even)), [2, 2.0 / 3], absolute: 1e-12)
    }

    @Test func `inverse weights make all classes count alike`() throws {
        let weights = try #require(ClassWeighting.inverse.weights(histogram))
        let shares = zip(weights, histogram.pixels).map { $0 * Double($1) }
        expectClose(shares, [200.0 / 3, 200.0 / 3, 200.0 / 3, 0], absolute: 1e-9)
        // A class that was not counted is taken to be as rare as the rarest.
        #expect(weights[3] == weights[1])
    }

    @Test func `no weights, and none of nothing`() {
        #expect(ClassWeighting.none.weights(histogram) == nil)
        #expect(ClassWeighting.inverse.weights(ClassHistogram(classes: 3)) == nil)
        #expect(ClassWeighting.medianFrequency.rawValue == "median_frequency")
    }
}
