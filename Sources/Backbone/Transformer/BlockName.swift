// Names of tensors inside a transformer's blocks.

enum BlockName {
    /// The block's number and the rest of a name such as `blocks.3.norm1.weight`.
    static func parts(_ official: String) -> (block: Int, rest: String)? {
        let parts = official.split(separator: ".", maxSplits: 2)
        guard parts.count == 3, parts[0] == "blocks", let block = Int(parts[1]) else { return nil }
        return (block, String(parts[2]))
    }
}
