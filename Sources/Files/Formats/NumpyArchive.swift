// NumPy's archives of several arrays by name (.npz), stored or deflated.

/// Inflates a deflated member of an archive: its bytes, how many they become, and their checksum (`CRC32`).
///
/// It gives exactly so many bytes with that checksum, or throws.
package typealias Inflate = (UnsafeRawBufferPointer, Int, UInt32) throws(FileComplaint) -> [UInt8]

/// A file of `numpy.savez` or `numpy.savez_compressed`: a zip archive of `.npy` members.
package struct NumpyArchive {
    /// The names of its arrays, in the order of their data.
    package let names: [String]

    private let bytes: UnsafeRawBufferPointer
    private let directory: ZipDirectory
    private let inflate: Inflate?

    /// Reads the directory of an archive; its arrays are read when they are asked for.
    ///
    /// - Parameters:
    ///   - bytes: All of the archive, which the caller keeps as long as this is used.
    ///   - inflate: Inflates members that are deflated; `nil` refuses them.
    /// - Throws: What is wrong with it.
    package init(_ bytes: UnsafeRawBufferPointer, inflate: Inflate? = nil) throws(FileComplaint) {
        guard bytes.starts(with: [0x50, 0x4B]) else { throw FileComplaint("it does not begin like a .npz file") }
        self.bytes = bytes
        self.inflate = inflate
        directory = try ZipDirectory(bytes, deflated: inflate != nil)
        names = directory.members.compactMap { $0.name.hasSuffix(".npy") ? String($0.name.dropLast(4)) : nil }
    }

    /// The array of a name.
    ///
    /// - Parameter limit: The most bytes that a deflated member may become.
    /// - Throws: What is wrong with it, or that there is none.
    package func array(_ name: String, limit: Int = 256 << 20) throws(FileComplaint) -> NumberArray {
        guard let member = directory["\(name).npy"] else {
            let some = names.prefix(8).map { quoted($0) }.joined(separator: ", ")
            throw FileComplaint("it has no array \(quoted(name)) among its \(names.count): \(some)")
        }
        let stored = UnsafeRawBufferPointer(rebasing: bytes[member.range])
        guard let count = member.inflatedCount, let inflate else {
            return try named(name) { () throws(FileComplaint) -> NumberArray in try NumpyFile.array(stored) }
        }
        guard count <= limit else {
            throw FileComplaint("its array \(quoted(name)) claims \(count) bytes; the limit is \(limit)")
        }
        let inflated = try named(name) { () throws(FileComplaint) -> [UInt8] in
            try inflate(stored, count, member.checksum)
        }
        let result = inflated.withUnsafeBytes { buffer -> Result<NumberArray, FileComplaint> in
            do throws(FileComplaint) { return .success(try NumpyFile.array(buffer)) } catch { return .failure(error) }
        }
        return try named(name) { () throws(FileComplaint) -> NumberArray in try result.get() }
    }

    /// Says of a complaint which array it is about.
    private func named<Value>(
        _ name: String, _ body: () throws(FileComplaint) -> Value
    ) throws(FileComplaint) -> Value {
        do throws(FileComplaint) { return try body() } catch {
            throw FileComplaint("of its array \(quoted(name)): \(error.text)", isTruncation: error.isTruncation)
        }
    }
}
