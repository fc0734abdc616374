// Which of a network's tokens are the features of an image.

/// Which of a network's tokens are the features of an image.
public struct FeatureRule: Sendable, Hashable, Codable {
    /// Kinds of tokens.
    public enum Tokens: String, Sendable, Codable, CaseIterable {
        /// The class token.
        case cls
        /// The mean of the patch tokens.
        case patches
        /// The class token, then the mean of the patch tokens.
        case both
    }

    /// The tokens.
    public var tokens: Tokens
    /// Of how many of the last blocks: their class tokens, from the first to the last; the patch tokens are always those of the last block.
    public var blocks: Int

    /// Makes a rule.
    public init(tokens: Tokens, blocks: Int = 1) {
        self.tokens = tokens
        self.blocks = blocks
    }

    /// What is wrong, one sentence each; empty where nothing is.
    var problems: [String] {
        var wrong: [String] = []
        if !(1...64).contains(blocks) { wrong.append("features.blocks is \(blocks); expected 1 to 64") }
        if tokens == .patches, blocks != 1 {
            wrong.append("features.blocks is \(blocks), but patch tokens are those of the last block; expected 1")
        }
        return wrong
    }
}
