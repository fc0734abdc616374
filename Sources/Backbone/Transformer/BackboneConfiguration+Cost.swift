// What a pass through the network takes: operations, and values kept for the way back.

extension BackboneConfiguration {
    /// Tokens of a square image: class, registers and patches.
    public func tokens(size: Int) -> Int { 1 + registers + patches(size: size) }

    /// Patches of a square image.
    public func patches(size: Int) -> Int { (size / patchSize) * (size / patchSize) }

    /// Floating-point operations of one image forward: two for each multiply-add of the products; norms and such are left out.
    ///
    /// - Parameters:
    ///   - size: Side of the image in pixels.
    ///   - lastTokens: How many tokens the last block puts out, where not all are wanted; a mean need not be whole.
    public func operations(size: Int, lastTokens: Double? = nil) -> Double {
        let (tokens, width) = (Double(tokens(size: size)), Double(width))
        let feedForward = Double(ffn == .mlp ? 2 : 3) * width * Double(hiddenWidth)
        // q, k, v and output; scores and their product with v.
        let block = 4 * width * width + feedForward + 2 * tokens * width
        let embedding = Double(patches(size: size) * channels * patchSize * patchSize) * width
        let spared = (tokens - (lastTokens ?? tokens)) * (width * width + feedForward)
        return 2 * (Double(depth) * tokens * block + embedding - spared)
    }

    /// Bytes that one block keeps of one token for the way back.
    ///
    /// Counted over the operations of a block: of the width, the block's input, both norms' outputs, q, k and v, q and k turned,
    /// the attention's output as computed and as one row per token, its projection and the sum, and the output of the
    /// feed-forward layer; of its hidden width, the values before and after GELU, or the four of a gated layer.
    ///
    /// - Parameter lower: Whether products and what they give are in a type of two bytes.
    public func keptBytesPerToken(lower: Bool) -> Int {
        let hidden = (ffn == .mlp ? 2 : 4) * hiddenWidth
        // With a lower type the norms' outputs are kept in both.
        return lower ? 4 * 4 * width + 2 * (11 * width + hidden) : 4 * (13 * width + hidden)
    }
}
