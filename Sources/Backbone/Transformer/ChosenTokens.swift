// A pass that ends in some of the tokens: what training needs, without computing the others in the last block.
package import Torch

/// Class tokens and some patches of a batch of images.
package struct ChosenTokens {
    /// Class tokens, normalised, `[B, D]`.
    package let cls: Tensor
    /// The patches that were chosen, normalised, `[chosen, D]`; `nil` where none was.
    package let patches: Tensor?
    /// All tokens, where they were asked for.
    package let all: TokenOutput?
}

extension TokenOutput {
    /// Class tokens and some patches, at flat indices into `[B * patches]`.
    package func choosing(_ indices: [Int]) -> ChosenTokens {
        guard patches.isDefined, !indices.isEmpty else {
            return ChosenTokens(cls: cls, patches: indices.isEmpty ? nil : patches, all: self)
        }
        let index = Tensor(indices, shape: [indices.count], device: patches.device)
        let some = patches.reshaped([-1, patches.shape[2]]).indexSelect(dim: 0, indices: index)
        return ChosenTokens(cls: cls, patches: some, all: self)
    }
}

extension VisionTransformer {
    /// Class tokens and some patches of several batches.
    ///
    /// The values are those of `forward(_:context:)` up to rounding. In the last block, the tokens that were not chosen go as far as
    /// attention; output matrix and feed-forward layer are left out: of local crops, whose class tokens alone count, that saves nearly
    /// three quarters of the block.
    ///
    /// - Parameters:
    ///   - entries: Batches, which may differ in resolution.
    ///   - chosen: Of each entry, flat indices into its `[B * patches]`; may be none. `nil` for all tokens, and no patches apart.
    ///   - context: Training or evaluation.
    ///   - alsoAll: Whether all tokens are given too, computed apart: what is chosen keeps its bits whether they are wanted or not.
    package func forward(
        _ entries: [BackboneInput], choosing chosen: [[Int]?], context: ForwardContext = .evaluation,
        alsoAll: Bool = false
    ) -> [ChosenTokens] {
        precondition(entries.count == chosen.count, "\(chosen.count) choices for \(entries.count) batches")
        return zip(entries, chosen).enumerated().map { entry, pair in
            let (input, wanted) = pair
            let start = embedded(input.images, masks: input.masks)
            let last = configuration.depth - 1
            func all(_ x: Tensor) -> TokenOutput {
                output(
                    of: input, passed(x, start, blocks: last..<last + 1, entry: entry, context: context),
                    grid: (start.height, start.width), context: context)
            }
            // After a failed operation (out of memory) there is nothing to go on with; the scope throws.
            guard start.tokens.isDefined else {
                let none = start.tokens
                return ChosenTokens(cls: none, patches: wanted?.isEmpty == false ? none : nil, all: nil)
            }
            // Class tokens first, then patches.
            let (grid, batch) = (start.height * start.width, start.batch)
            let prefix = 1 + configuration.registers
            let tokens = prefix + grid
            let block = self.block(last)
            let rows = wanted.map { patches in
                TokenRows(
                    (0..<batch).map { $0 * tokens }
                        + patches.map { $0 / grid * tokens + prefix + $0 % grid }, samples: batch, each: tokens,
                    keeping: block.keptSamples(of: batch, context: context, entry: entry, block: last), device: device)
            }
            let x = passed(start.tokens, start, blocks: 0..<last, entry: entry, context: context)
            guard let patches = wanted, let rows else {
                let output = all(x)
                return ChosenTokens(cls: output.cls, patches: nil, all: output)
            }
            guard x.isDefined else { return ChosenTokens(cls: x, patches: patches.isEmpty ? nil : x, all: nil) }
            let table = table(start.height, start.width, block: last, entry: entry, context: context)
            func pass(_ x: Tensor) -> Tensor { block(x, rows: rows, rotary: table) }
            let some = context.recomputesBlocks ? recomputing(x, pass) : pass(x)
            let count = patches.count
            let ending = prefixNorm(input.crop, context: context) ?? norm
            return ChosenTokens(
                cls: ending(some.narrow(dim: 0, start: 0, length: start.batch)),
                patches: count == 0 ? nil : norm(some.narrow(dim: 0, start: start.batch, length: count)),
                all: alsoAll ? all(x) : nil)
        }
    }
}

/// Some of the tokens of a batch, and which samples' branches are computed; the indices are on the device before the blocks run, as a
/// copy waits for all that was begun.
struct TokenRows {
    /// The samples that keep a branch.
    struct Kept {
        /// Their numbers, `[kept]`.
        let samples: Tensor
        /// Which of the rows are theirs, `[rows of these]`.
        let places: Tensor
        /// The same rows' flat indices in the batch of these samples alone.
        let flat: Tensor
        /// What the branch is multiplied by, so that its mean stays.
        let scale: Double
    }

    /// Flat indices into `[samples * each]`; a sample's tokens need not stand together.
    let index: Tensor
    /// For attention and for the feed-forward layer; `nil` where no path is dropped.
    let kept: (attention: Kept, feedForward: Kept)?

    /// - Parameters:
    ///   - flat: Flat indices into `[samples * each]`.
    ///   - samples: Samples of the batch.
    ///   - each: Tokens of a sample.
    ///   - keeping: The samples that keep attention's branch and the feed-forward layer's; `nil` for all.
    init(
        _ flat: [Int], samples: Int, each: Int, keeping: (attention: [Int], feedForward: [Int])?, device: Device
    ) {
        func tensor(_ indices: [Int]) -> Tensor { Tensor(indices, shape: [indices.count], device: device) }
        index = tensor(flat)
        func kept(_ chosen: [Int]) -> Kept {
            var number = [Int?](repeating: nil, count: samples)
            for (index, sample) in chosen.enumerated() { number[sample] = index }
            var (places, rows): ([Int], [Int]) = ([], [])
            for (place, row) in flat.enumerated() {
                guard let index = number[row / each] else { continue }
                places.append(place)
                rows.append(index * each + row % each)
            }
            return Kept(
                samples: tensor(chosen), places: tensor(places), flat: tensor(rows),
                scale: Double(samples) / Double(chosen.count))
        }
        self.kept = keeping.map { (kept($0.attention), kept($0.feedForward)) }
    }
}

extension TransformerBlock {
    /// The samples that keep each branch; `nil` where no path is dropped.
    func keptSamples(
        of batch: Int, context: ForwardContext, entry: Int, block: Int
    ) -> (attention: [Int], feedForward: [Int])? {
        guard context.isTraining, dropPath > 0, batch > 0 else { return nil }
        func kept(_ purpose: ForwardContext.Purpose) -> [Int] {
            context.keptCrops(of: batch, rate: dropPath, purpose, entry: entry, block: block)
        }
        return (kept(.attentionPath), kept(.feedForwardPath))
    }

    /// Some rows of what the block makes of `[B, N, D]`: `[rows, D]`.
    func callAsFunction(_ x: Tensor, rows: TokenRows, rotary: RotaryTable?) -> Tensor {
        guard x.isDefined else { return x }
        func picked(_ x: Tensor, _ index: Tensor) -> Tensor {
            x.isDefined ? x.reshaped([-1, x.shape[x.shape.count - 1]]).indexSelect(dim: 0, indices: index) : x
        }
        let start = picked(x, rows.index)
        guard let kept = rows.kept else {
            let mixed = picked(attention.gathered(attentionNorm(x), rotary: rotary), rows.index)
            let attended = Self.sum(start, attention.output(mixed), attentionScale)
            return Self.sum(attended, feedForward(feedForwardNorm(attended)), feedForwardScale)
        }
        // Whole samples go without a branch, as in the other blocks.
        func adding(_ x: Tensor, _ y: Tensor, _ gamma: Tensor?, _ kept: TokenRows.Kept) -> Tensor {
            x.indexAdd(dim: 0, indices: kept.places, ((gamma.map { y * $0 } ?? y) * kept.scale).to(x.dtype))
        }
        let part = x.indexSelect(dim: 0, indices: kept.attention.samples)
        let mixed = picked(attention.gathered(attentionNorm(part), rotary: rotary), kept.attention.flat)
        let attended = adding(start, attention.output(mixed), attentionScale, kept.attention)
        let others = picked(attended, kept.feedForward.places)
        return adding(attended, feedForward(feedForwardNorm(others)), feedForwardScale, kept.feedForward)
    }

    private static func sum(_ x: Tensor, _ y: Tensor, _ gamma: Tensor?) -> Tensor {
        if let gamma { x.addcmul(y, gamma) } else { x + y }
    }
}
