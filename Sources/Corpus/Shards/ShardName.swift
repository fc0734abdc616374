// How the files of a shard are called: six digits or more, and a suffix.

enum ShardName {
    /// The name of a shard, without suffix: six digits or more.
    static func text(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    /// The number in a shard's file name with a suffix, which has six digits or more; `nil` for other names.
    static func number(_ name: String, suffix: String) -> Int? {
        guard name.hasSuffix(suffix) else { return nil }
        let digits = name.dropLast(suffix.count)
        guard digits.count >= 6, digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(digits),
            text(number) == digits
        else { return nil }
        return number
    }
}
