// Signs of health of a step, made of what the step computes anyway.
package import Backbone
package import Torch
internal import Training

/// What the teacher's features and assignments say of a run, on the global crops of one step.
///
/// Every key is a number, so that a report can draw what it does not know.
public struct Diagnostics: Codable, Sendable, Equatable {
    /// Mean entropy of the teacher's assignments of class tokens, in nats; the logarithm of the prototypes where it is undecided.
    public var dinoEntropy: Double
    /// Prototypes that are the first choice of some class token, over the most that could be.
    public var dinoPrototypesUsed: Double
    /// As `dinoEntropy`, of hidden patches; `nil` where none is hidden.
    public var ibotEntropy: Double?
    /// As `dinoPrototypesUsed`, of hidden patches.
    public var ibotPrototypesUsed: Double?
    /// Spread of class tokens of length 1, the root of the sum of their variances: 1 where they point everywhere alike, 0 where they
    /// are one.
    public var featureDeviation: Double
    /// Directions that class tokens fill: the exponential of the entropy of their singular values (Roy and Vetterli, 2007).
    ///
    /// At most the number of global crops, less one.
    public var effectiveRank: Double
    /// Mean cosine between a class token and the patches of its crop; it rises when dense features decay.
    public var classPatchCosine: Double
    /// Mean cosine between two patches of a crop.
    public var patchCosine: Double
    /// Share of the patches whose norm before the final normalisation is above four times the median's.
    public var patchOutliers: Double
    /// The largest such norm, over the median's.
    public var patchNormRatio: Double

    enum CodingKeys: String, CodingKey {
        case dinoEntropy = "dino_entropy"
        case dinoPrototypesUsed = "dino_prototypes_used"
        case ibotEntropy = "ibot_entropy"
        case ibotPrototypesUsed = "ibot_prototypes_used"
        case featureDeviation = "feature_deviation"
        case effectiveRank = "effective_rank"
        case classPatchCosine = "class_patch_cosine"
        case patchCosine = "patch_cosine"
        case patchOutliers = "patch_outliers"
        case patchNormRatio = "patch_norm_ratio"
    }

    /// Looks at a teacher's outputs; `nil` where they are not finite numbers.
    ///
    /// - Parameters:
    ///   - seen: Tokens of the global crops, of each part of the step.
    ///   - prefix: Number of class and register tokens.
    ///   - dino: Assignments of class tokens, of each part.
    ///   - ibot: Assignments of hidden patches, of each part.
    package init?(_ seen: [TokenOutput], prefix: Int, dino: [PrototypeTargets], ibot: [PrototypeTargets]) {
        let classes = concatenate(seen.map { $0.cls.to(.float32) }, dim: 0)
        guard classes.isAllFinite, seen.allSatisfy({ $0.preNorm.isAllFinite }) else { return nil }
        let unit = classes.normalized(dim: 1)
        featureDeviation = (unit.variance([0], correction: 0).sum().item() as Double).squareRoot()
        effectiveRank = Self.effectiveRank(classes - classes.mean([0], keepDims: true))
        var (withClass, among, norms): ([Tensor], [Tensor], [Tensor]) = ([], [], [])
        for output in seen {
            let patches = output.patches.to(.float32).normalized(dim: 2)
            let own = output.cls.to(.float32).normalized(dim: 1)
            withClass.append((patches * own.unsqueezed(dim: 1)).sum([2]).mean([1]))
            // Of all pairs but those of a patch with itself: the square of the sum holds both.
            let count = Double(patches.shape[1])
            let sum = patches.sum([1])
            among.append(((sum * sum).sum([1]) - count) * (1 / max(count * (count - 1), 1)))
            let tokens = output.preNorm.shape[1]
            norms.append(
                output.preNorm.narrow(dim: 1, start: prefix, length: tokens - prefix).to(.float32).norm(dims: [2])
                    .flattened())
        }
        classPatchCosine = concatenate(withClass, dim: 0).mean().item()
        patchCosine = concatenate(among, dim: 0).mean().item()
        let lengths = concatenate(norms, dim: 0)
        let median: Double = lengths.median(dim: 0).values.item()
        patchNormRatio = (lengths.max().item() as Double) / Swift.max(median, 1e-12)
        patchOutliers = (lengths .> (4 * median)).to(.float32).mean().item()
        (dinoEntropy, dinoPrototypesUsed) = Self.use(dino)
        if !ibot.isEmpty {
            let use = Self.use(ibot)
            (ibotEntropy, ibotPrototypesUsed) = (use.entropy, use.used)
        }
        let all = [
            dinoEntropy, featureDeviation, effectiveRank, classPatchCosine, patchCosine, patchNormRatio,
            ibotEntropy ?? 0,
        ]
        guard all.allSatisfy(\.isFinite) else { return nil }
    }

    /// Mean entropy of rows, and the share of the prototypes that are some row's first choice.
    private static func use(_ assignments: [PrototypeTargets]) -> (entropy: Double, used: Double) {
        var (entropy, rows, prototypes) = (0.0, 0, 1)
        var chosen: Set<Int> = []
        for part in assignments {
            guard let (crops, samples) = part.shape else { continue }
            for crop in 0..<crops {
                // Some rows at a time: the matrix is large, and no second one is made of it.
                for start in stride(from: 0, to: samples, by: 64) {
                    let some = part.rows(crop: crop, start: start, length: min(64, samples - start))
                    prototypes = some.shape[1]
                    // 0 log 0 is 0: about the smallest normal number of float32 stands for it.
                    entropy -= (some * some.clamped(min: 1.2e-38).log()).sum().item() as Double
                    chosen.formUnion(some.argmax(dim: 1).to(.cpu).ints())
                }
            }
            rows += crops * samples
        }
        let most = min(rows, prototypes)
        return (entropy / Double(max(rows, 1)), Double(chosen.count) / Double(max(most, 1)))
    }

    /// The exponential of the entropy of the singular values of `[N, D]`.
    private static func effectiveRank(_ centred: Tensor) -> Double {
        let values =
            callOperator("aten::linalg_svdvals", "", [.tensor(centred.to(.cpu)), .none]).first?.doubles() ?? []
        let sum = values.reduce(0, +)
        guard sum > 0 else { return 1 }
        let entropy = values.reduce(0) { total, value in
            let share = value / sum
            return share > 0 ? total - share * logarithm(share) : total
        }
        return exponential(entropy)
    }
}
