// The table of contents of a safetensors file, checked, without libtorch: packs are read by loader threads.
import FoundationEssentials

/// Where the tensors of a mapped safetensors file lie.
package struct SafetensorsIndex: Sendable {
    /// A tensor: its type by the format's name (`U8`, `F32` ...), shape, and bytes in the file.
    package struct Entry: Sendable, Equatable {
        package let type: String
        package let shape: [Int]
        package let range: Range<Int>
    }

    package let entries: [String: Entry]
    package let metadata: [String: String]

    /// Reads the header; every size is checked against the file before anything is allocated from it.
    package init(_ file: MappedFile, path: String) throws {
        func bad(_ what: String) -> PretrainingError {
            PretrainingError(.badPack, "not a sound safetensors file: \(what)", in: path)
        }
        let bytes = file.bytes
        guard bytes.count >= 8 else { throw bad("\(bytes.count) bytes, expected at least 8") }
        let length = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        guard length <= UInt64(bytes.count - 8), length <= 100_000_000 else {
            throw bad("the header claims \(length) bytes, the file has \(bytes.count)")
        }
        let start = 8 + Int(length)
        let header: [String: JSONValue]
        do {
            header = try JSONDecoder().decode([String: JSONValue].self, from: Data(bytes[8..<start]))
        } catch {
            throw bad("the header is not a JSON object")
        }
        var entries: [String: Entry] = [:]
        var metadata: [String: String] = [:]
        for (name, value) in header {
            guard case .object(let fields) = value else { throw bad("'\(name)' is not an object") }
            if name == "__metadata__" {
                for case (let key, .string(let text)) in fields { metadata[key] = text }
                continue
            }
            guard case .string(let type)? = fields["dtype"], let width = Self.widths[type] else {
                throw bad("'\(name)' has no known dtype")
            }
            guard let shape = Self.integers(fields["shape"]),
                let offsets = Self.integers(fields["data_offsets"]),
                offsets.count == 2, offsets[0] <= offsets[1], offsets[1] <= bytes.count - start
            else { throw bad("'\(name)' has no shape, or bytes outside the file") }
            var size = width
            for side in shape {
                let (product, overflow) = size.multipliedReportingOverflow(by: side)
                guard !overflow else { throw bad("'\(name)' has an impossible shape \(shape)") }
                size = product
            }
            guard size == offsets[1] - offsets[0] else {
                throw bad(
                    "'\(name)' of shape \(shape) needs \(size) bytes, but has \(offsets[1] - offsets[0])")
            }
            entries[name] = Entry(type: type, shape: shape, range: start + offsets[0]..<start + offsets[1])
        }
        // One behind the other, from the first byte to the last: else some bytes would be read as two things.
        var next = start
        for (name, entry) in entries.sorted(by: {
            ($0.value.range.lowerBound, $0.value.range.upperBound, $0.key) < (
                $1.value.range.lowerBound, $1.value.range.upperBound, $1.key
            )
        }) {
            guard entry.range.lowerBound == next else {
                throw bad("'\(name)' starts at byte \(entry.range.lowerBound), what lies before it ends at \(next)")
            }
            next = entry.range.upperBound
        }
        guard next == bytes.count else { throw bad("the tensors end at byte \(next) of \(bytes.count)") }
        self.entries = entries
        self.metadata = metadata
    }

    private static let widths = [
        "BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4, "F32": 4,
        "U64": 8,
        "I64": 8, "F64": 8,
    ]

    private static func integers(_ value: JSONValue?) -> [Int]? {
        guard case .array(let items)? = value else { return nil }
        var numbers: [Int] = []
        for item in items {
            guard case .integer(let number) = item, number >= 0 else { return nil }
            numbers.append(number)
        }
        return numbers
    }
}
