// Strict reading: every tensor that is wanted must be in a file with its shape, and no other.
package import Files
internal import Torch

/// Collects what is missing, unexpected or mis-shaped among the tensors of a file.
package struct TensorCheck {
    private var missing: [String] = []
    private var misshapen: [String] = []
    private var used: Set<String> = []

    /// Begins with nothing.
    package init() {}

    /// Takes note of a tensor that is wanted; true where it is there with its shape and a type that can be read.
    ///
    /// - Parameters:
    ///   - name: Its name in the file.
    ///   - shape: The shape that it must have.
    ///   - entry: What the file holds under the name.
    ///   - ignoresLeadingOnes: Whether `[1, 1, D]` passes for `[1, D]`.
    @discardableResult
    package mutating func want(
        _ name: String, _ shape: [Int], _ entry: TensorEntry?, ignoresLeadingOnes: Bool = false
    ) -> Bool {
        used.insert(name)
        guard let entry else {
            missing.append(name)
            return false
        }
        func plain(_ shape: [Int]) -> [Int] { ignoresLeadingOnes ? Array(shape.drop { $0 == 1 }) : shape }
        let fits = plain(entry.shape) == plain(shape)
        if entry.type.dtype == nil { misshapen.append("\(name) is of type \(entry.type.rawValue)") }
        if !fits { misshapen.append("\(name) is \(entry.shape); expected \(shape)") }
        return fits && entry.type.dtype != nil
    }

    /// Takes note of something else that is not there.
    package mutating func miss(_ name: String) { missing.append(name) }

    /// Takes note of something else that is not as it should be.
    package mutating func complain(_ text: String) { misshapen.append(text) }

    /// What is wrong, one line per kind; none where all is right.
    ///
    /// - Parameter names: The names in the file that may not hold anything unwanted.
    package func causes(among names: some Sequence<String>) -> [String] {
        Self.listed("missing", missing)
            + Self.listed("unexpected", names.filter { !used.contains($0) }.sorted())
            + Self.listed("wrong shape", misshapen)
    }

    /// A list of names as one cause, cut where it grows long; none for an empty list.
    private static func listed(_ title: String, _ names: [String]) -> [String] {
        guard !names.isEmpty else { return [] }
        let shown = names.prefix(8).joined(separator: ", ")
        return ["\(title): \(shown)" + (names.count > 8 ? " and \(names.count - 8) more" : "")]
    }
}
