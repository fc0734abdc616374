// Curves out of a metrics log of any length, a few thousand points of each.
package import Files
internal import FoundationEssentials

/// The numbers of a metrics log by name, thinned out.
package struct MetricsCurves {
    /// A number over the steps.
    package typealias Curve = [(step: Int, value: Double)]

    /// The first line, without clock and machine.
    package private(set) var head: JSONValue?
    /// Every number of the lines, by its path, such as `gradient_norm.backbone`.
    package private(set) var curves: [String: Curve] = [:]
    /// The first step of each phase among the lines that were looked at, in order.
    package private(set) var phases: [(name: String, step: Int)] = []
    /// Steps done.
    package private(set) var steps = 0

    /// Lines looked at of the plain ones, and of those with more in them.
    private static let most = 1500

    /// Reads a log; lines that are not whole are passed over.
    ///
    /// - Throws: where the file cannot be read.
    package init(path: String) throws {
        let file = try MappedFile(path: path)
        let lines = Self.lines(file.bytes)
        guard let first = lines.first else { return }
        head = Self.decode(file.bytes[first])
        let rest = lines.dropFirst()
        let rich = rest.filter {
            Self.contains(file.bytes[$0], "\"diagnostics\":") || Self.contains(file.bytes[$0], "\"probes\":")
        }
        var chosen = Set(Self.thinned(Array(rest)).map(\.lowerBound))
        chosen.formUnion(Self.thinned(rich).map(\.lowerBound))
        for line in rest where chosen.contains(line.lowerBound) {
            if case .object(let fields)? = Self.decode(file.bytes[line]) { add(fields) }
        }
        withExtendedLifetime(file) {}
    }

    /// All curves whose name begins so, in the order of the alphabet.
    package func family(_ prefix: String) -> [(String, String)] {
        curves.keys.filter { $0.hasPrefix(prefix) }.sorted().map { (String($0.dropFirst(prefix.count)), $0) }
    }

    private mutating func add(_ fields: [String: JSONValue]) {
        guard case .integer(let step)? = fields["step"] else { return }
        steps = max(steps, step)
        if case .string(let name)? = fields["phase"], phases.last?.name != name { phases.append((name, step)) }
        collect(.object(fields), path: "", step: step)
    }

    private mutating func collect(_ value: JSONValue, path: String, step: Int) {
        switch value {
        case .integer(let number): curves[path, default: []].append((step, Double(number)))
        case .number(let number): curves[path, default: []].append((step, number))
        case .object(let fields):
            for (key, value) in fields where !(path.isEmpty && key == "step") {
                collect(value, path: path.isEmpty ? key : "\(path).\(key)", step: step)
            }
        default: break
        }
    }

    /// Evenly spread, with the last.
    private static func thinned(_ lines: [Range<Int>]) -> [Range<Int>] {
        guard lines.count > most else { return lines }
        return (1...most).map { lines[$0 * lines.count / most - 1] }
    }

    private static func lines(_ bytes: UnsafeRawBufferPointer) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = 0
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            if index > start { lines.append(start..<index) }
            start = index + 1
        }
        return lines
    }

    private static func contains(_ line: Slice<UnsafeRawBufferPointer>, _ text: StaticString) -> Bool {
        let bytes = UnsafeRawBufferPointer(rebasing: line)
        let count = text.utf8CodeUnitCount
        guard bytes.count >= count else { return false }
        for start in 0...(bytes.count - count) where bytes[start] == text.utf8Start.pointee {
            if (0..<count).allSatisfy({ bytes[start + $0] == text.utf8Start[$0] }) { return true }
        }
        return false
    }

    private static func decode(_ line: Slice<UnsafeRawBufferPointer>) -> JSONValue? {
        try? JSONDecoder().decode(JSONValue.self, from: Data(line))
    }
}
