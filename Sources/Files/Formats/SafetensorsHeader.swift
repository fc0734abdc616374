// The header of a safetensors file: names, types, shapes and places, read with suspicion.

/// A parsed header.
package struct SafetensorsHeader {
    /// No honest header is longer.
    package static let limit = 100_000_000

    package private(set) var metadata: [String: String] = [:]
    /// In the order of their data.
    package private(set) var entries: [TensorEntry] = []
    /// First byte of each entry, counted from the end of the header.
    package private(set) var offsets: [Int] = []

    /// Reads the header of a whole file.
    ///
    /// - Returns: The header, and the first byte after it.
    package static func read(
        _ bytes: UnsafeRawBufferPointer
    ) throws(FileComplaint) -> (header: SafetensorsHeader, start: Int) {
        guard bytes.count >= 8 else { throw FileComplaint("it has \(bytes.count) bytes; even an empty one has 8") }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(limit), Int(length) <= bytes.count - 8 else {
            throw FileComplaint(
                "its header claims \(length) bytes; the file has \(bytes.count) and the limit is \(limit)")
        }
        let start = 8 + Int(length)
        return (
            try SafetensorsHeader(
                UnsafeRawBufferPointer(rebasing: bytes[8..<start]), dataByteCount: bytes.count - start),
            start
        )
    }

    /// Reads a header; `dataByteCount` is what follows it in the file.
    package init(_ bytes: UnsafeRawBufferPointer, dataByteCount: Int) throws(FileComplaint) {
        var scanner = JSONScanner(bytes)
        var found: [(entry: TensorEntry, start: Int, end: Int)] = []
        var names: Set<String> = []
        try scanner.object { scanner, key throws(FileComplaint) in
            guard names.insert(key).inserted else { throw FileComplaint("the name '\(key)' occurs twice") }
            if key == "__metadata__" {
                var metadata: [String: String] = [:]
                try scanner.object { scanner, key throws(FileComplaint) in metadata[key] = try scanner.string() }
                self.metadata = metadata
            } else {
                found.append(try Self.entry(key, &scanner))
            }
        }
        try scanner.end()
        found.sort { ($0.start, $0.end, $0.entry.name) < ($1.start, $1.end, $1.entry.name) }
        var next = 0
        for (entry, start, end) in found {
            guard let needed = entry.byteCount else {
                throw FileComplaint("'\(entry.name)' claims the impossible shape \(entry.shape)")
            }
            guard start <= end, end - start == needed else {
                throw FileComplaint(
                    "'\(entry.name)' \(entry.type.rawValue) \(entry.shape) needs \(needed) bytes, but its offsets are \(start) to \(end)"
                )
            }
            guard end <= dataByteCount else {
                throw FileComplaint("'\(entry.name)' ends at byte \(end) of the data, which has \(dataByteCount)")
            }
            guard start == next else {
                let fault = start < next ? "overlaps the previous entry" : "leaves a gap after the previous entry"
                throw FileComplaint("'\(entry.name)' starts at byte \(start) and \(fault), which ends at \(next)")
            }
            next = end
            entries.append(entry)
            offsets.append(start)
        }
        guard next == dataByteCount else {
            throw FileComplaint("the entries end at byte \(next) of the data, which has \(dataByteCount)")
        }
    }

    private static func entry(
        _ name: String, _ scanner: inout JSONScanner
    ) throws(FileComplaint) -> (entry: TensorEntry, start: Int, end: Int) {
        var type: ElementType?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.object { scanner, key throws(FileComplaint) in
            switch key {
            case "dtype":
                let text = try scanner.string()
                type = ElementType(rawValue: text)
                guard type != nil else { throw FileComplaint("'\(name)' has the unknown type \(text)") }
            case "shape": shape = try scanner.integers(of: name)
            case "data_offsets": offsets = try scanner.integers(of: name)
            default: throw FileComplaint("'\(name)' has the unknown field '\(key)'")
            }
        }
        guard let type, let shape, let offsets, offsets.count == 2 else {
            throw FileComplaint("'\(name)' lacks dtype, shape or two data_offsets")
        }
        return (TensorEntry(name: name, type: type, shape: shape), offsets[0], offsets[1])
    }

    /// The bytes that start a file with these entries, in this order; their length is a multiple of 8.
    package static func encoded(_ entries: [TensorEntry], metadata: [String: String]) -> [UInt8] {
        var text = "{"
        if !metadata.isEmpty { text += "\"__metadata__\":\(encoded(texts: metadata))" }
        var offset = 0
        for entry in entries {
            let end = offset + (entry.byteCount ?? 0)
            if text != "{" { text += "," }
            let shape = entry.shape.map(String.init).joined(separator: ",")
            text += "\(JSONValue.quoted(entry.name)):{\"dtype\":\"\(entry.type.rawValue)\",\"shape\":[\(shape)],"
            text += "\"data_offsets\":[\(offset),\(end)]}"
            offset = end
        }
        text += "}"
        var header = Array(text.utf8)
        header.append(contentsOf: repeatElement(0x20, count: (8 - header.count % 8) % 8))
        return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
    }

    /// An object of texts, sorted by name.
    package static func encoded(texts: [String: String]) -> String {
        let pairs = texts.sorted { $0.key < $1.key }.map { "\(JSONValue.quoted($0.key)):\(JSONValue.quoted($0.value))" }
        return "{\(pairs.joined(separator: ","))}"
    }
}
