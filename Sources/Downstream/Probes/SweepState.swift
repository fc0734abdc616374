// One step of many linear probes, and the order in which samples come.
internal import Backbone
internal import Torch

/// What stays the same while linear probes are trained.
struct SweepSetting {
    /// `[N, D]` float32.
    let features: Tensor
    /// Zeros and ones, `[N, K]` float32.
    let targets: Tensor
    /// The learning rate of each column, `[R K]` float32.
    let rates: Tensor
    /// Number of learning rates, R.
    let rateCount: Int
    /// Number of classes or labels, K.
    let columns: Int
    /// How sums become probabilities.
    let link: LogisticLink
    /// The share of the last change that is kept.
    let momentum: Double
}

/// Linear probes in training.
struct SweepState {
    /// `[D, R K]`.
    private(set) var weights: Tensor
    /// `[R K]`.
    private(set) var intercepts: Tensor
    private var weightMomentum: Tensor
    private var interceptMomentum: Tensor

    /// Begins with weights, and without momentum.
    init(weights: Tensor, intercepts: Tensor) {
        self.weights = weights
        self.intercepts = intercepts
        weightMomentum = weights.zerosLike()
        interceptMomentum = intercepts.zerosLike()
    }

    /// Moves all probes along the gradient of the mean loss of some samples: `m = momentum m + g`, `w = w - rate share m`.
    mutating func step(_ samples: [Int], share: Double, setting: SweepSetting) {
        let places = Tensor(samples)
        let rows = setting.features.indexSelect(dim: 0, indices: places)
        let truth = setting.targets.indexSelect(dim: 0, indices: places).unsqueezed(dim: 1)
        let sums = (matmul(rows, weights) + intercepts).reshaped([samples.count, setting.rateCount, setting.columns])
        let parts = setting.link == .softmax ? samples.count : samples.count * setting.columns
        let slope = ((setting.link.probabilities(sums) - truth) / Double(parts))
            .reshaped([samples.count, setting.rateCount * setting.columns])
        weightMomentum = weightMomentum * setting.momentum + matmul(rows.transpose(0, 1), slope)
        interceptMomentum = interceptMomentum * setting.momentum + slope.sum([0])
        weights = weights.addcmul(weightMomentum, setting.rates, factor: -share)
        intercepts = intercepts.addcmul(interceptMomentum, setting.rates, factor: -share)
    }
}

/// Samples in random order, again and again, each order a function of the seed and its number.
struct SampleOrder {
    private let count: Int
    private let seed: UInt64
    private var pass = 0
    private var order: [Int] = []
    private var place = 0

    /// Begins with the first order of `count` samples, one or more.
    init(count: Int, seed: UInt64) {
        precondition(count > 0, "an order is of one sample or more, got \(count)")
        self.count = count
        self.seed = seed
    }

    /// The next samples; after the last one of an order comes the first one of the next.
    mutating func next(_ number: Int) -> [Int] {
        var samples: [Int] = []
        samples.reserveCapacity(number)
        while samples.count < number {
            if place == order.count {
                var random = CounterRandom(seed: seed ^ 0x7377_6565_70, path: [pass])
                order = random.permutation(count)
                (pass, place) = (pass + 1, 0)
            }
            let taken = min(number - samples.count, order.count - place)
            samples += order[place..<place + taken]
            place += taken
        }
        return samples
    }
}
