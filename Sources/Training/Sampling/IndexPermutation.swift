// A random order of n things in constant memory.

/// A keyed permutation of `0..<count`, computed place by place: no shuffled list, no state.
///
/// A balanced Feistel network permutes the smallest power of four that holds `count` (at least 64); places that land
/// outside are walked on along the cycle until they land inside (Black and Rogaway 2002), which keeps it one-to-one.
/// Eight rounds; at most four walks on average for 16 things or more.
public struct IndexPermutation: Sendable {
    /// Number of things.
    public let count: Int
    private let halfBits: UInt64
    private let mask: UInt64
    private let key: UInt64

    /// Makes the permutation for a key.
    public init(count: Int, key: UInt64) {
        precondition(count > 0, "a permutation needs at least one element, got \(count)")
        self.count = count
        let bits = Int.bitWidth - (count - 1).leadingZeroBitCount
        halfBits = UInt64(max(3, (bits + 1) / 2))
        mask = (1 << halfBits) - 1
        self.key = key
    }

    /// The thing at a place, 0 to `count - 1`.
    public subscript(place: Int) -> Int {
        precondition(place >= 0 && place < count, "place \(place) lies outside a permutation of \(count)")
        var word = UInt64(place)
        repeat {
            var left = word >> halfBits
            var right = word & mask
            for round: UInt64 in 1...8 {
                let mixed = RandomStream.mixed(key ^ (right &+ round &* 0x9e37_79b9_7f4a_7c15))
                (left, right) = (right, left ^ ((mixed >> 32) & mask))
            }
            word = left << halfBits | right
        } while word >= UInt64(count)
        return Int(word)
    }
}
