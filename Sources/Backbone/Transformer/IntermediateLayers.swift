// What blocks in the middle of the network say: the taps that dense heads stand on.
public import Torch

extension VisionTransformer {
    /// Tokens after some blocks; nothing is random and no block after the last one asked for is computed.
    ///
    /// - Parameters:
    ///   - images: `[B, C, H, W]`, normalised; H and W are multiples of the patch size.
    ///   - indices: Blocks from 0, in rising order.
    ///   - normalised: Whether the network's final normalisation is applied to each.
    public func intermediateLayers(
        _ images: Tensor, blocks indices: [Int], normalised normalises: Bool = true
    ) -> [IntermediateOutput] {
        precondition(
            !indices.isEmpty && zip(indices, indices.dropFirst()).allSatisfy(<)
                && indices.allSatisfy((0..<configuration.depth).contains),
            "taps are rising block numbers from 0 to \(configuration.depth - 1), got \(indices)")
        return pass(images, blocks: indices, normalised: normalises, until: indices[indices.count - 1]).taps
    }

    /// The network's output and the tokens after some blocks, in one pass.
    ///
    /// - Parameters:
    ///   - images: `[B, C, H, W]`, normalised; H and W are multiples of the patch size.
    ///   - indices: Blocks from 0, in rising order; may be none.
    ///   - normalised: Whether the network's final normalisation is applied to the tokens of each.
    public func forward(
        _ images: Tensor, tapping indices: [Int], normalised: Bool = true
    ) -> (output: TokenOutput, taps: [IntermediateOutput]) {
        precondition(
            zip(indices, indices.dropFirst()).allSatisfy(<) && indices.allSatisfy((0..<configuration.depth).contains),
            "taps are rising block numbers from 0 to \(configuration.depth - 1), got \(indices)")
        let (taps, x, height, width) = pass(
            images, blocks: indices, normalised: normalised, until: configuration.depth - 1)
        let parts = self.normalised(x, prefixNorm: evaluationClassNorm)
        let output = TokenOutput(
            cls: parts.cls, registers: parts.registers, patches: parts.patches, preNorm: x, masks: nil,
            gridHeight: height, gridWidth: width)
        return (output, taps)
    }

    /// Computes the blocks up to one, and keeps the tokens after some.
    private func pass(
        _ images: Tensor, blocks indices: [Int], normalised normalises: Bool, until last: Int
    ) -> (taps: [IntermediateOutput], tokens: Tensor, height: Int, width: Int) {
        let start = embedded(images, masks: nil)
        let table = rotary?.table(height: start.height, width: start.width)
        var x = start.tokens
        var outputs: [IntermediateOutput] = []
        for index in 0...last {
            x = block(index)(x, rotary: table, context: .evaluation, entry: 0, block: index)
            guard indices.contains(index) else { continue }
            let parts = normalises ? self.normalised(x, prefixNorm: evaluationClassNorm) : takenApart(x)
            let map = parts.patches.transpose(1, 2)
                .reshaped([start.batch, configuration.width, start.height, start.width])
            outputs.append(
                IntermediateOutput(block: index, map: map, cls: parts.cls, registers: parts.registers))
        }
        return (outputs, x, start.height, start.width)
    }

    /// Tokens after the last `count` blocks; see `intermediateLayers(_:blocks:normalised:)`.
    public func intermediateLayers(
        _ images: Tensor, last count: Int, normalised: Bool = true
    ) -> [IntermediateOutput] {
        precondition(
            (1...configuration.depth).contains(count),
            "this network has \(configuration.depth) blocks, asked for the last \(count)")
        return intermediateLayers(
            images, blocks: Array(configuration.depth - count..<configuration.depth), normalised: normalised)
    }
}
