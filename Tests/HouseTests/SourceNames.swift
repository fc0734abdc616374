// Which names a source file declares for its module, and which it uses: read from the text, without a compiler.

/// The names in a Swift file.
struct SourceNames {
    /// Types and free functions that other files of the module see.
    private(set) var declared: Set<String> = []
    /// Types that are named, and functions that are called without a receiver.
    private(set) var used: Set<String> = []

    private static let typeWords: Set = ["struct", "class", "enum", "protocol", "actor", "typealias"]

    /// Reads a file.
    init(_ text: String) {
        let tokens = Self.tokens(of: Array(text.utf8))
        var depth = 0
        var isPrivate = false
        // Methods, cases and local functions: a call of such a name is not one of another file's function.
        var own: Set<String> = []
        for (index, token) in tokens.enumerated() {
            let before = index > 0 ? tokens[index - 1] : ""
            let after = index + 1 < tokens.count ? tokens[index + 1] : ""
            switch token {
            case "{": depth += 1
            case "}":
                depth -= 1
                isPrivate = false
            case "private", "fileprivate": if depth == 0 { isPrivate = true }
            case "func", "case": own.insert(after)
            default: break
            }
            if depth == 0, Self.typeWords.contains(token) || token == "func", after.first?.isLetter == true {
                if !isPrivate { declared.insert(after) }
                isPrivate = false
            }
            guard let first = token.first, first.isLetter || first == "_", before != "." else { continue }
            if first.isUppercase || after == "(" && before != "func" && before != "case" { used.insert(token) }
        }
        used.subtract(own.subtracting(used.filter { $0.first?.isUppercase == true }))
        used.subtract(declared)
    }

    /// Words and single signs; comments and the text of strings are left out.
    private static func tokens(of bytes: [UInt8]) -> [String] {
        func isWord(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: "_") || byte > 127 || (48...57).contains(byte) || (65...90).contains(byte)
                || (97...122).contains(byte)
        }
        func has(_ text: StaticString, at index: Int) -> Bool {
            text.withUTF8Buffer { bytes[index...].starts(with: $0) }
        }
        var tokens: [String] = []
        var index = 0
        // Depth of parentheses of each interpolation that is open.
        var interpolations: [(depth: Int, isLong: Bool)] = []
        func skipString(isLong: Bool) {
            while index < bytes.count {
                if has("\\(", at: index) {
                    index += 2
                    interpolations.append((0, isLong))
                    tokens.append("(")
                    return
                }
                if bytes[index] == UInt8(ascii: "\\") {
                    index += 2
                    continue
                }
                if isLong ? has("\"\"\"", at: index) : bytes[index] == UInt8(ascii: "\"") {
                    index += isLong ? 3 : 1
                    return
                }
                index += 1
            }
        }
        while index < bytes.count {
            let byte = bytes[index]
            if has("//", at: index) {
                while index < bytes.count, bytes[index] != 10 { index += 1 }
            } else if has("\"\"\"", at: index) {
                index += 3
                skipString(isLong: true)
            } else if byte == UInt8(ascii: "\"") {
                index += 1
                skipString(isLong: false)
            } else if isWord(byte) {
                let start = index
                while index < bytes.count, isWord(bytes[index]) { index += 1 }
                tokens.append(String(decoding: bytes[start..<index], as: UTF8.self))
            } else {
                index += 1
                guard byte > 32 else { continue }
                tokens.append(String(UnicodeScalar(byte)))
                guard let last = interpolations.last else { continue }
                if byte == UInt8(ascii: "(") { interpolations[interpolations.count - 1].depth += 1 }
                guard byte == UInt8(ascii: ")") else { continue }
                if last.depth > 0 {
                    interpolations[interpolations.count - 1].depth -= 1
                } else {
                    interpolations.removeLast()
                    skipString(isLong: last.isLong)
                }
            }
        }
        return tokens
    }
}

/// Groups of more than one node that reach each other (Tarjan 1972).
func circles(_ edges: [String: Set<String>]) -> [[String]] {
    var number: [String: Int] = [:]
    var lowest: [String: Int] = [:]
    var stack: [String] = []
    var found: [[String]] = []
    func visit(_ node: String) {
        let own = number.count
        number[node] = own
        lowest[node] = own
        stack.append(node)
        for next in (edges[node] ?? []).sorted() {
            if number[next] == nil {
                visit(next)
                lowest[node] = min(lowest[node] ?? own, lowest[next] ?? own)
            } else if stack.contains(next) {
                lowest[node] = min(lowest[node] ?? own, number[next] ?? own)
            }
        }
        guard lowest[node] == own, let start = stack.firstIndex(of: node) else { return }
        if stack.count - start > 1 { found.append(stack[start...].sorted()) }
        stack.removeSubrange(start...)
    }
    for node in edges.keys.sorted() where number[node] == nil { visit(node) }
    return found
}
