// What a task found when it looked at its labels, kept with an unfinished fit.
internal import Files

/// Remembers what a task found when it looked at its labels, so that a resumed fit need not look at all of them again.
///
/// It spares time and nothing else: what cannot be read is found out again, and what cannot be written is left.
package final class LabelMemory {
    /// The name of the file in the folder of an unfinished fit.
    static let fileName = "labels.bin"
    /// Characters of each of the two hashes at the beginning.
    private static let hashLength = 64

    /// The file's bytes; empty where there is none.
    private let stored: [UInt8]
    /// What this session found; `nil` where it knew all that it asked for.
    private var found: [UInt8]?

    /// Reads what an earlier session kept.
    ///
    /// - Parameter folder: That of the unfinished fit; `nil` for a fit that starts.
    package init(folder: String? = nil) {
        stored = folder.flatMap { try? Disk.read(joined($0, Self.fileName)) } ?? []
    }

    /// The numbers that were kept under a key; `nil` where there are none, or they were damaged.
    package func numbers(_ key: String) -> [Int]? {
        let length = Self.hashLength
        guard stored.count > 2 * length else { return nil }
        let content = Array(stored[(2 * length)...])
        guard Array(stored[..<length]) == Array(SHA256.hex(of: Array(key.utf8)).utf8),
            Array(stored[length..<2 * length]) == Array(SHA256.hex(of: content).utf8), content.count % 8 == 0
        else { return nil }
        return content.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 8).map {
                Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: Int64.self)))
            }
        }
    }

    /// Remembers numbers under a key, in place of all others.
    package func remember(_ numbers: [Int], key: String) {
        let content = numbers.map { Int64($0).littleEndian }.withUnsafeBytes { Array($0) }
        found = Array(SHA256.hex(of: Array(key.utf8)).utf8) + Array(SHA256.hex(of: content).utf8) + content
    }

    /// Writes what is new into the folder of a fit that has begun.
    package func keep(in folder: String) {
        guard let found else { return }
        try? Disk.write(found, to: joined(folder, Self.fileName))
    }
}
