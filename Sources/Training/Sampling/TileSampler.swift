// Which tiles a step trains on: a function of seed and sample number, with nothing to save.
public import Geo
internal import Telemetry

/// Chooses the tiles of every step.
///
/// All samples of a run are numbered, whichever process makes them: sample `i` of step `s` is number `b + (s - f) * batch + i`,
/// where `f` is the sampler's first step and `b` the number of samples before it. Number `g` belongs to epoch `g / n` of the `n`
/// tiles, and in each epoch every tile comes exactly once (but for the numbers of steps that another sampler serves), in the order of
/// a keyed permutation. With unequal weights the tile of the permutation is kept with probability `weight / largest
/// weight`; when it is not, tiles drawn uniformly are tried in the same way until one is kept. Every try proposes all
/// tiles alike, so tiles come in proportion to their weights; equal weights keep every tile and so the exact epochs.
public struct TileSampler: Sendable {
    /// Number of tiles of a step, over all processes.
    public let batch: Int
    /// Number of tiles that may be drawn.
    public var count: Int { chosen.count }

    private let firstStep: Int
    private let samplesBefore: Int
    private let source: any TileSource
    private let chosen: any TileSet
    private let seed: UInt64
    private let largest: Float
    private let weighted: Bool

    /// Looks over the weights once and makes the sampler.
    ///
    /// - Parameters:
    ///   - firstStep: The first step that it is for.
    ///   - samplesBefore: Samples of the steps before; the order goes on after them.
    /// - Throws: `badSource` for an empty subset, for weights that are negative or not finite, that are all 0, or of
    ///   which the largest is more than 1000 times the mean.
    public init(
        source: any TileSource, subset: String?, seed: UInt64, batch: Int, firstStep: Int = 0,
        samplesBefore: Int = 0
    ) throws {
        precondition(batch > 0, "a sampler needs a batch above 0, got \(batch)")
        self.source = source
        self.seed = seed
        self.batch = batch
        self.firstStep = firstStep
        self.samplesBefore = samplesBefore
        if let subset {
            chosen = try source.subset(named: subset)
        } else {
            chosen = AllTiles(count: source.tileCount)
        }
        guard chosen.count > 0 else {
            let name = subset.map { "the subset '\($0)'" } ?? "the corpus"
            throw TrainingError(
                .badSource, "\(name) has no tiles", why: ["tiles in the corpus: \(source.tileCount)"],
                try: "cut tiles first, or set data.subset to another subset in the recipe")
        }
        var largest: Float = 0
        var smallest = Float.infinity
        var sum = 0.0
        for run in Self.runs(of: chosen) {
            let weights = try source.weights(run)
            for (offset, weight) in weights.enumerated() {
                guard weight.isFinite, weight >= 0 else {
                    throw TrainingError(
                        .badSource,
                        "tile \(run.lowerBound + offset) has the sampling weight \(weight); weights are 0 or more"
                    )
                }
                largest = max(largest, weight)
                smallest = min(smallest, weight)
                sum += Double(weight)
            }
        }
        guard largest > 0 else {
            throw TrainingError(.badSource, "all \(chosen.count) tiles have a sampling weight of 0")
        }
        guard Double(largest) * Double(chosen.count) <= 1000 * sum else {
            throw TrainingError(
                .badSource,
                "the largest sampling weight, \(largest), is more than 1000 times the mean, \(sum / Double(chosen.count))",
                try: "reduce the largest weights in the corpus")
        }
        self.largest = largest
        weighted = smallest != largest
    }

    /// The ids of the tiles of one step, in batch order.
    public func ids(step: Int) throws -> [Int] { try (0..<batch).map { try id(step: step, sample: $0) } }

    /// The id of the tile of one sample, by its number in the step.
    public func id(step: Int, sample: Int) throws -> Int {
        precondition(sample >= 0 && sample < batch, "sample \(sample) is outside the batch of \(batch)")
        let number = samplesBefore + (step - firstStep) * batch + sample
        let count = chosen.count
        let (epoch, place) = number.quotientAndRemainder(dividingBy: count)
        var keys = RandomStream(seed: seed, .order, epoch)
        let order = IndexPermutation(count: count, key: keys.next())
        let first = chosen.id(at: order[place])
        guard weighted else { return first }
        var stream = RandomStream(seed: seed, .acceptance, number)
        var candidate = first
        while try !accepts(candidate, &stream) { candidate = chosen.id(at: stream.integer(below: count)) }
        return candidate
    }

    private func accepts(_ id: Int, _ stream: inout RandomStream) throws -> Bool {
        let weights = try source.weights(id..<id + 1)
        guard let weight = weights.first else {
            throw TrainingError(.badSource, "the corpus gives no sampling weight for tile \(id)")
        }
        return stream.unit() * Double(largest) < Double(weight)
    }

    /// The set's ids as ranges of consecutive ids, at most 65,536 long.
    private static func runs(of chosen: any TileSet) -> some Sequence<Range<Int>> {
        var index = 0
        return AnyIterator {
            guard index < chosen.count else { return nil }
            let start = chosen.id(at: index)
            var end = start + 1
            index += 1
            while index < chosen.count, end - start < 65_536, chosen.id(at: index) == end {
                end += 1
                index += 1
            }
            return start..<end
        }
    }
}

/// All tiles of a source, in its order.
package struct AllTiles: TileSet {
    package let count: Int

    package init(count: Int) { self.count = count }

    package func id(at index: Int) -> Int { index }
}
