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
    /// The values are those of `forward(_:context:)` up to rounding. In the last block, the tokens that nobody chose are keys and
    /// values for the others and nothing more: of local crops, whose class tokens alone count, that saves nearly three quarters of
    /// the block.
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
            let x = passed(start.tokens, start, blocks: 0..<last, entry: entry, context: context)
            guard let patches = wanted else {
                let output = all(x)
                return ChosenTokens(cls: output.cls, patches: nil, all: output)
            }
            guard x.isDefined else { return ChosenTokens(cls: x, patches: patches.isEmpty ? nil : x, all: nil) }
            let (tokens, grid) = (x.shape[1], start.height * start.width)
            let prefix = tokens - grid
            // Class tokens first, then patches.
            let rows = TokenRows(
                (0..<start.batch).map { $0 * tokens }
                    + patches.map { $0 / grid * tokens + prefix + $0 % grid }, samples: start.batch, each: tokens)
            let (block, table) = (
                self.block(last), table(start.height, start.width, block: last, entry: entry, context: context)
            )
            func pass(_ x: Tensor) -> Tensor {
                block(x, rows: rows, rotary: table, context: context, entry: entry, block: last)
            }
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

/// Some of the tokens of a batch.
struct TokenRows {
    /// Flat indices into `[samples * each]`; a sample's tokens need not stand together.
    let flat: [Int]
    /// Samples of the batch.
    let samples: Int
    /// Tokens of a sample.
    let each: Int

    init(_ flat: [Int], samples: Int, each: Int) {
        self.flat = flat
        self.samples = samples
        self.each = each
    }

    /// The rows of some samples alone: where they stand among these, and their flat indices in the batch of those samples.
    func kept(_ samples: [Int]) -> (places: [Int], flat: [Int]) {
        var number = [Int?](repeating: nil, count: self.samples)
        for (index, sample) in samples.enumerated() { number[sample] = index }
        var (places, kept): ([Int], [Int]) = ([], [])
        for (place, row) in flat.enumerated() {
            guard let index = number[row / each] else { continue }
            places.append(place)
            kept.append(index * each + row % each)
        }
        return (places, kept)
    }
}

extension TransformerBlock {
    /// Some rows of what the block makes of `[B, N, D]`: `[rows, D]`.
    func callAsFunction(
        _ x: Tensor, rows: TokenRows, rotary: RotaryTable, context: ForwardContext, entry: Int, block: Int
    ) -> Tensor {
        guard x.isDefined else { return x }
        func index(_ indices: [Int]) -> Tensor { Tensor(indices, shape: [indices.count], device: x.device) }
        func picked(_ x: Tensor, _ indices: [Int]) -> Tensor {
            x.isDefined ? x.reshaped([-1, x.shape[x.shape.count - 1]]).indexSelect(dim: 0, indices: index(indices)) : x
        }
        let start = picked(x, rows.flat)
        guard context.isTraining && dropPath > 0 else {
            let mixed = picked(attention.gathered(attentionNorm(x), rotary: rotary), rows.flat)
            let attended = Self.sum(start, attention.output(mixed), attentionScale)
            return Self.sum(attended, feedForward(feedForwardNorm(attended)), feedForwardScale)
        }
        // Whole samples go without a branch, as in the other blocks.
        func kept(_ purpose: ForwardContext.Purpose) -> (samples: [Int], scale: Double) {
            let samples = keptSamples(
                of: rows.samples, rate: dropPath, random: context.random(purpose, entry: entry, block: block))
            return (samples, Double(rows.samples) / Double(samples.count))
        }
        func adding(_ x: Tensor, _ y: Tensor, _ gamma: Tensor?, to places: [Int], scale: Double) -> Tensor {
            x.indexAdd(dim: 0, indices: index(places), (gamma.map { y * $0 } ?? y) * scale)
        }
        let first = kept(.attentionPath)
        let (places, flat) = rows.kept(first.samples)
        let part = x.indexSelect(dim: 0, indices: index(first.samples))
        let mixed = picked(attention.gathered(attentionNorm(part), rotary: rotary), flat)
        let attended = adding(start, attention.output(mixed), attentionScale, to: places, scale: first.scale)
        let second = kept(.feedForwardPath)
        let others = rows.kept(second.samples).places
        return adding(
            attended, feedForward(feedForwardNorm(picked(attended, others))), feedForwardScale, to: others,
            scale: second.scale)
    }

    private static func sum(_ x: Tensor, _ y: Tensor, _ gamma: Tensor?) -> Tensor {
        if let gamma { x.addcmul(y, gamma) } else { x + y }
    }
}
