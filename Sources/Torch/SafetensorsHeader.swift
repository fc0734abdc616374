// The header of a safetensors file: names, types, shapes and places, read with suspicion.

/// The type of elements as safetensors files name it.
public enum SafetensorsType: String, Sendable, CaseIterable {
    /// True or false, one byte.
    case bool = "BOOL"
    /// 8 bits without sign.
    case uint8 = "U8"
    /// 8 bits with sign.
    case int8 = "I8"
    /// 16 bits without sign.
    case uint16 = "U16"
    /// 16 bits with sign.
    case int16 = "I16"
    /// 32 bits without sign.
    case uint32 = "U32"
    /// 32 bits with sign.
    case int32 = "I32"
    /// 64 bits without sign.
    case uint64 = "U64"
    /// 64 bits with sign.
    case int64 = "I64"
    /// IEEE half precision.
    case float16 = "F16"
    /// The upper half of single precision.
    case bfloat16 = "BF16"
    /// IEEE single precision.
    case float32 = "F32"
    /// IEEE double precision.
    case float64 = "F64"

    /// Bytes per element.
    public var byteCount: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .uint16, .int16, .float16, .bfloat16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        }
    }

    /// The type of a tensor of such elements; `nil` where tensors have none.
    public var dtype: DType? {
        switch self {
        case .bool: .bool
        case .uint8: .uint8
        case .int32: .int32
        case .int64: .int64
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        case .float64: .float64
        case .int8, .uint16, .int16, .uint32, .uint64: nil
        }
    }

    /// How a tensor's elements are stored.
    public init(_ dtype: DType) {
        switch dtype {
        case .bool: self = .bool
        case .uint8: self = .uint8
        case .int32: self = .int32
        case .int64: self = .int64
        case .float16: self = .float16
        case .bfloat16: self = .bfloat16
        case .float32: self = .float32
        case .float64: self = .float64
        }
    }
}

/// One named array of a safetensors file.
public struct SafetensorsEntry: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Type of the elements.
    public let type: SafetensorsType
    /// Number of elements along each dimension.
    public let shape: [Int]

    /// Makes an entry.
    public init(name: String, type: SafetensorsType, shape: [Int]) {
        self.name = name
        self.type = type
        self.shape = shape
    }

    /// Bytes of all elements; `nil` where a size is negative or the product does not fit.
    public var byteCount: Int? {
        var total = type.byteCount
        for size in shape {
            let (product, overflow) = total.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflow else { return nil }
            total = product
        }
        return total
    }
}

/// A parsed header.
struct SafetensorsHeader {
    /// No honest header is longer.
    static let limit = 100_000_000

    var metadata: [String: String] = [:]
    /// In the order of their data.
    var entries: [SafetensorsEntry] = []
    /// First byte of each entry, counted from the end of the header.
    var offsets: [Int] = []

    /// A sentence about what is wrong.
    struct Complaint: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    /// Reads a header; `dataByteCount` is what follows it in the file.
    init(_ bytes: UnsafeRawBufferPointer, dataByteCount: Int) throws(Complaint) {
        var scanner = JSONScanner(bytes)
        var found: [(entry: SafetensorsEntry, start: Int, end: Int)] = []
        var names: Set<String> = []
        try scanner.object { scanner, key throws(Complaint) in
            guard names.insert(key).inserted else { throw Complaint("the name '\(key)' occurs twice") }
            if key == "__metadata__" {
                var metadata: [String: String] = [:]
                try scanner.object { scanner, key throws(Complaint) in metadata[key] = try scanner.string() }
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
                throw Complaint("'\(entry.name)' claims the impossible shape \(entry.shape)")
            }
            guard start <= end, end - start == needed else {
                throw Complaint(
                    "'\(entry.name)' \(entry.type.rawValue) \(entry.shape) needs \(needed) bytes, but has the offsets \(start) to \(end)"
                )
            }
            guard end <= dataByteCount else {
                throw Complaint("'\(entry.name)' ends at byte \(end) of the data, which has \(dataByteCount)")
            }
            guard start == next else {
                let fault = start < next ? "overlaps what lies before it" : "leaves a hole before it"
                throw Complaint("'\(entry.name)' starts at byte \(start) and \(fault), which ends at \(next)")
            }
            next = end
            entries.append(entry)
            offsets.append(start)
        }
        guard next == dataByteCount else {
            throw Complaint("the entries end at byte \(next) of the data, which has \(dataByteCount)")
        }
    }

    private static func entry(
        _ name: String, _ scanner: inout JSONScanner
    ) throws(Complaint) -> (entry: SafetensorsEntry, start: Int, end: Int) {
        var type: SafetensorsType?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.object { scanner, key throws(Complaint) in
            switch key {
            case "dtype":
                let text = try scanner.string()
                type = SafetensorsType(rawValue: text)
                guard type != nil else { throw Complaint("'\(name)' has the unknown type \(text)") }
            case "shape": shape = try scanner.integers(of: name)
            case "data_offsets": offsets = try scanner.integers(of: name)
            default: throw Complaint("'\(name)' has the unknown field '\(key)'")
            }
        }
        guard let type, let shape, let offsets, offsets.count == 2 else {
            throw Complaint("'\(name)' lacks its dtype, its shape or its two data_offsets")
        }
        return (SafetensorsEntry(name: name, type: type, shape: shape), offsets[0], offsets[1])
    }

    /// The bytes that start a file with these entries, in this order; their length is a multiple of 8.
    static func encoded(_ entries: [SafetensorsEntry], metadata: [String: String]) -> [UInt8] {
        var text = "{"
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            text += "\"__metadata__\":{\(pairs.joined(separator: ","))}"
        }
        var offset = 0
        for entry in entries {
            let end = offset + (entry.byteCount ?? 0)
            if text != "{" { text += "," }
            let shape = entry.shape.map(String.init).joined(separator: ",")
            text += "\(quoted(entry.name)):{\"dtype\":\"\(entry.type.rawValue)\",\"shape\":[\(shape)],"
            text += "\"data_offsets\":[\(offset),\(end)]}"
            offset = end
        }
        text += "}"
        var header = Array(text.utf8)
        header.append(contentsOf: repeatElement(0x20, count: (8 - header.count % 8) % 8))
        return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
