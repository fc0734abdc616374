// How much of canopy height can be read from single patch tokens: a linear regression in closed form.
public import Backbone
public import Geo
internal import Telemetry
package import Torch

/// What to probe with.
public struct ProbeOptions: Sendable {
    /// Side of a crop in pixels, a multiple of the patch size.
    public var crop = 224
    /// Largest number of crops.
    public var crops = 256
    /// Side of a block of ground, metres; blocks are either trained on or tested on.
    public var block = 120.0
    /// Share of the blocks that are tested on.
    public var share = 0.3
    /// Weight of the ridge, as a share of the features' mean variance.
    public var ridge = 1e-3
    /// Share of a patch's pixels that must be valid.
    public var minimumValid = 0.9
    /// Heights above this are mistakes, metres.
    public var maxHeight = 100.0
    /// The seed of the choice of crops and blocks.
    public var seed: UInt64 = 0

    /// The defaults.
    public init() {}
}

/// What a probe found.
public struct ProbeResult: Codable, Sendable, Equatable {
    /// Coefficient of determination on tested patches: 1 is perfect, 0 is their own mean.
    public var r2: Double
    /// The same on the patches trained on.
    public var trainingR2: Double
    /// Patches trained on.
    public var trainingPatches: Int
    /// Patches tested on.
    public var testPatches: Int

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case r2
        case trainingR2 = "training_r2"
        case trainingPatches = "training_patches"
        case testPatches = "test_patches"
    }
}

/// Fits mean canopy height of a patch to its token, normalised, of the last block.
///
/// A patch belongs to the test when its centre's block is held out. Which patches are looked at depends on the options and
/// the source alone, so that two backbones with the same patch size are compared on the same patches. Ridge regression in
/// closed form, in double precision; memory does not grow with the number of patches.
///
/// - Parameters:
///   - network: The backbone.
///   - record: What travels with its weights.
///   - source: Images with heights.
/// - Throws: `DownstreamError` (`badPairs`) where there are too few patches; what the source throws.
public func linearProbe(
    _ network: VisionTransformer, record: WeightsRecord, source: any LabelledSource,
    options: ProbeOptions = ProbeOptions()
) throws -> ProbeResult {
    let patch = network.configuration.patchSize
    var training = RidgeSums(width: network.configuration.width)
    var test = RidgeSums(width: network.configuration.width)
    try forEachProbeCrop(network, record: record, source: source, options: options) { crop in
        var chosen = (training: [Int](), test: [Int]())
        let columns = options.crop / patch
        for (index, metres) in crop.heights.enumerated() where metres != nil {
            let centre = (index / columns * patch + patch / 2) * options.crop + index % columns * patch + patch / 2
            if crop.heldOut[centre] { chosen.test.append(index) } else { chosen.training.append(index) }
        }
        guard !(chosen.training.isEmpty && chosen.test.isEmpty) else { return }
        let tokens = crop.tokens().patches.select(dim: 0, index: 0).to(.cpu).to(.float64)
        func part(_ indices: [Int]) -> (features: Tensor, heights: Tensor) {
            (
                tokens.indexSelect(dim: 0, indices: Tensor(indices)),
                Tensor(indices.map { Double(crop.heights[$0] ?? 0) }, shape: [indices.count])
            )
        }
        if !chosen.training.isEmpty { training.add(part(chosen.training)) }
        if !chosen.test.isEmpty { test.add(part(chosen.test)) }
    }
    guard training.count >= 10, test.count >= 10 else {
        throw DownstreamError(
            .badPairs, "too few patches with known heights for a probe",
            why: ["\(Int(training.count)) to train on and \(Int(test.count)) to test on; expected 10 of each"],
            try: "give more pairs, or use smaller blocks")
    }
    let solution = try training.solved(ridge: options.ridge)
    return ProbeResult(
        r2: test.determination(solution), trainingR2: training.determination(solution),
        trainingPatches: Int(training.count), testPatches: Int(test.count))
}

/// A crop that a probe looks at.
struct ProbeCrop {
    /// Mean height of every patch, row by row; `nil` where too little of it is valid.
    let heights: [Float?]
    /// True for every pixel that is tested on.
    let heldOut: [Bool]
    /// Computes the backbone's tokens of the crop.
    let tokens: () -> TokenOutput
}

/// Goes over the crops of a probe, in an order that depends on the options and the source alone.
///
/// - Throws: `DownstreamError` (`badRecipe`, `badPairs`); what the source throws.
func forEachProbeCrop(
    _ network: VisionTransformer, record: WeightsRecord, source: any LabelledSource, options: ProbeOptions,
    _ body: (ProbeCrop) throws -> Void
) throws {
    let patch = network.configuration.patchSize
    guard options.crop >= patch, options.crop % patch == 0 else {
        throw DownstreamError(
            .badRecipe, "the probe's crop is \(options.crop); expected a multiple of the patch size, \(patch)")
    }
    guard let gsd = source.layout.gsd, gsd > 0 else {
        throw DownstreamError(.badPairs, "the pairs have no pixel size in metres, which canopy heights need")
    }
    var ground = HeldOutGround()
    (ground.block, ground.share) = (options.block, options.share)
    let normalizer = PixelNormalizer(mean: record.mean, std: record.std)
    let sampler = try CropSampler(
        source: source,
        settings: CropSettings(
            crop: options.crop, minimumValid: options.minimumValid, symmetries: [0], heldOut: ground,
            seed: options.seed),
        gsd: gsd, normalizer: normalizer
    ) { labels, excluded in
        guard case .values(let height) = labels else {
            throw DownstreamError(.badPairs, "the labels are classes; the probe needs heights")
        }
        return HeadTarget(heights: height, highest: options.maxHeight, excluded: excluded)
    }
    for (pair, window) in sampler.lattice().prefix(options.crops) {
        let (image, target) = try sampler.sample(pair, window)
        let heights = patchHeights(target, side: options.crop, patch: patch, minimumValid: options.minimumValid)
        let batch = try normalizer(image, place: "pair \(pair)").unsqueezed(dim: 0).to(network.device)
        try body(
            ProbeCrop(heights: heights, heldOut: sampler.heldOut(pair, window)) {
                withoutGradient { network.forward(batch) }
            })
    }
}

/// Mean height of every patch of a square, row by row; `nil` where too little of it is valid.
package func patchHeights(_ target: HeadTarget, side: Int, patch: Int, minimumValid: Double) -> [Float?] {
    let columns = side / patch
    return (0..<columns * columns).map { index in
        var (sum, count) = (Float(0), Float(0))
        for row in index / columns * patch..<(index / columns + 1) * patch {
            for column in index % columns * patch..<(index % columns + 1) * patch {
                sum += target.values[row * side + column]
                count += target.valid[row * side + column]
            }
        }
        return Double(count) >= minimumValid * Double(patch * patch) && count > 0 ? sum / count : nil
    }
}

/// Sums of features and heights: all that a linear regression, and its errors, need to know of any number of samples.
package struct RidgeSums {
    package let width: Int
    private(set) var count = 0.0
    // With a constant feature at the end: sums of x x^T, x y and y^2.
    private var products: Tensor
    private var responses: Tensor
    private var squares = 0.0

    package init(width: Int) {
        self.width = width
        products = Tensor.zeros([width + 1, width + 1], dtype: .float64)
        responses = Tensor.zeros([width + 1], dtype: .float64)
    }

    /// Adds samples: features `[n, width]` and heights `[n]`, float64.
    package mutating func add(_ part: (features: Tensor, heights: Tensor)) {
        let n = part.features.shape[0]
        let x = concatenate([part.features, Tensor.ones([n, 1], dtype: .float64)], dim: 1)
        products = products + matmul(x.transpose(0, 1), x)
        responses = responses + matmul(x.transpose(0, 1), part.heights)
        squares += (part.heights * part.heights).sum().item()
        count += Double(n)
    }

    /// The weights and, last, the constant that minimise the squared error plus the ridge, `[width + 1]`.
    ///
    /// - Throws: `DownstreamError` (`badPairs`) where the features do not determine them.
    package func solved(ridge: Double) throws(DownstreamError) -> Tensor {
        let sums = products.select(dim: 1, index: width).narrow(dim: 0, start: 0, length: width)
        let heights = responses.select(dim: 0, index: width)
        // Taking off the means leaves covariances; the ridge then weighs against their mean diagonal.
        let covariance =
            products.narrow(dim: 0, start: 0, length: width).narrow(dim: 1, start: 0, length: width)
            - outer(sums, sums) / count
        let variances = covariance.diagonal()
        let weighted = covariance + Tensor.eye(width, dtype: .float64) * (ridge * variances.mean())
        let right = responses.narrow(dim: 0, start: 0, length: width) - sums * (heights / count)
        do {
            return try catchingTorchErrors {
                let weights = solvePositive(weighted, right.unsqueezed(dim: 1)).select(dim: 1, index: 0)
                let constant = (heights - dot(sums, weights)) / count
                guard weights.isFinite().all().item() > 0 else { throw Undetermined() }
                return concatenate([weights, constant.unsqueezed(dim: 0)], dim: 0)
            }
        } catch {
            throw DownstreamError(
                .badPairs, "the patches' features do not determine a regression",
                why: ["they are all equal, or not finite"])
        }
    }

    /// One minus squared error over variance about the mean.
    package func determination(_ solution: Tensor) -> Double {
        let error = squares - 2 * dot(solution, responses).item() + dot(solution, matmul(products, solution)).item()
        let height = responses.select(dim: 0, index: width).item()
        let total = squares - height * height / count
        return total > 0 ? 1 - error / total : 0
    }
}

/// A system without one solution.
private struct Undetermined: Error {}
