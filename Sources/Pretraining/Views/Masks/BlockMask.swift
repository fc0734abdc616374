// Which patches the student does not see: blocks, topped up to an exact number.
import Backbone
public import Training

/// Draws block masks on a grid of patches, spec 6.3.
///
/// Rectangles of random area and shape are added until the number is reached or none fits; single random patches then top
/// the mask up to exactly the number asked for.
public struct BlockMask: Sendable {
    /// Rows of the grid.
    public let rows: Int
    /// Columns of the grid.
    public let columns: Int
    /// Most patches that one block may add.
    public let largestBlock: Int

    /// Fewest patches a block is drawn for; spec 6.3.
    private static let smallestBlock = 4.0
    private static let aspect = (low: 0.3, high: 1 / 0.3)

    /// Makes the generator for square crops.
    ///
    /// - Parameters:
    ///   - size: Side of a crop in pixels.
    ///   - patch: Side of a patch in pixels.
    public init(size: Int, patch: Int) {
        precondition(patch > 0 && size >= patch, "a crop of \(size) pixels has no patch of \(patch)")
        rows = size / patch
        columns = size / patch
        // Half the patches, rounded down twice as the reference does.
        largestBlock = Int((0.5 * Double(size) / Double(patch)).rounded(.down)) * size / patch
    }

    /// Number of patches of the grid.
    public var count: Int { rows * columns }

    /// A mask of exactly `hidden` patches, row-major, true where hidden.
    public func mask(hidden: Int, _ stream: inout RandomStream) -> [Bool] {
        precondition(hidden >= 0 && hidden <= count, "cannot hide \(hidden) of \(count) patches")
        var mask = [Bool](repeating: false, count: count)
        var done = 0
        while done < hidden {
            let added = addBlock(budget: min(hidden - done, largestBlock), to: &mask, &stream)
            guard added > 0 else { break }
            done += added
        }
        if done < hidden {
            var seen = mask.indices.filter { !mask[$0] }
            stream.shuffle(&seen)
            for index in seen.prefix(hidden - done) { mask[index] = true }
        }
        return mask
    }

    /// Tries ten times to add a block that hides 1 to `budget` new patches; returns how many it hid.
    private func addBlock(budget: Int, to mask: inout [Bool], _ stream: inout RandomStream) -> Int {
        for _ in 0..<10 {
            let area = stream.uniform(Self.smallestBlock, Double(budget))
            let ratio = exponential(stream.uniform(logarithm(Self.aspect.low), logarithm(Self.aspect.high)))
            let height = Int((area * ratio).squareRoot().rounded(.toNearestOrEven))
            let width = Int((area / ratio).squareRoot().rounded(.toNearestOrEven))
            guard width < columns, height < rows else { continue }
            let top = stream.integer(below: rows - height + 1)
            let left = stream.integer(below: columns - width + 1)
            var fresh = 0
            for row in top..<top + height {
                for column in left..<left + width where !mask[row * columns + column] { fresh += 1 }
            }
            guard fresh > 0, fresh <= budget else { continue }
            for row in top..<top + height {
                for column in left..<left + width { mask[row * columns + column] = true }
            }
            return fresh
        }
        return 0
    }
}

/// The masks of one step's global crops, spec 6.4.
public struct MaskBatch: Sendable, Equatable {
    /// One mask per global crop, crop-major (all first crops, then all second), each `patches` flags.
    public let masks: [[Bool]]
    /// Flat indices of hidden patches in `[2 * batch * patches]`, ascending.
    public let indices: [Int]
    /// One weight per hidden patch: 1 over the number hidden in its crop.
    public let weights: [Float]

    /// Draws the masks: a share of the crops gets one, with hidden shares spread evenly over the range; then shuffled.
    ///
    /// - Parameters:
    ///   - crops: Number of global crops, `2 * batch`.
    ///   - share: Share of crops with a mask, 0 to 1.
    ///   - ratio: Least and greatest share of hidden patches.
    public init(
        generator: BlockMask, crops: Int, share: Double, ratio: [Double], _ stream: inout RandomStream
    ) {
        let masked = Int(Double(crops) * share)
        var masks: [[Bool]] = []
        for index in 0..<masked {
            let part = ratio[0] + (ratio[1] - ratio[0]) * Double(index + 1) / Double(masked)
            // The last of `linspace` is the end itself, not a sum that may fall short of it.
            let hidden = Int(Double(generator.count) * (index + 1 == masked ? ratio[1] : part))
            masks.append(generator.mask(hidden: hidden, &stream))
        }
        let empty = [Bool](repeating: false, count: generator.count)
        masks += repeatElement(empty, count: crops - masked)
        stream.shuffle(&masks)
        self.init(masks)
    }
}

extension MaskBatch {
    /// The masks of this process's crops in a step of a recipe, at its sizes: spread over the whole batch, or over each of its groups.
    package init(_ recipe: PretrainingRecipe, step: Int, ranks: Ranks = .single) {
        let (seed, batch) = (UInt64(recipe.seed), recipe.data.batchSize)
        let generator = BlockMask(size: recipe.crops.global.size, patch: recipe.backbone.patchSize)
        func drawn(_ samples: Int, _ stream: consuming RandomStream) -> MaskBatch {
            MaskBatch(
                generator: generator, crops: 2 * samples, share: recipe.masks.share, ratio: recipe.masks.ratio, &stream)
        }
        guard let size = recipe.data.group else {
            // Which crops are masked is decided over all of the step, so that every process draws all masks and keeps its own.
            let all = drawn(batch, RandomStream(seed: seed, .masks, step)).masks
            let own = ranks.samples(of: batch)
            self.init(Array(all[own]) + own.map { all[batch + $0] })
            return
        }
        let groups = ranks.groups(of: size, batch: batch).map {
            drawn(size, RandomStream(seed: seed, .masks, step, $0)).masks
        }
        // The first crops of all groups, then the second ones.
        self.init(groups.flatMap { $0[..<size] } + groups.flatMap { $0[size...] })
    }

    /// Given masks, crop-major.
    package init(_ masks: [[Bool]]) {
        var indices: [Int] = []
        var weights: [Float] = []
        for (crop, mask) in masks.enumerated() {
            let hidden = mask.indices.filter { mask[$0] }
            indices += hidden.map { crop * mask.count + $0 }
            weights += repeatElement(hidden.isEmpty ? 0 : 1 / Float(hidden.count), count: hidden.count)
        }
        self.masks = masks
        self.indices = indices
        self.weights = weights
    }
}
