// SHA-256 of files and streams: what names weights, packs and checkpoints by their content.
internal import Crypto
public import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// A SHA-256 digest being made; bytes go in piece by piece, the hexadecimal digest comes out.
///
///     var hash = SHA256()
///     hash.update(Array("abc".utf8))
///     hash.finalize()  // "ba7816bf...f20015ad"
///
/// A value: a copy continues from where it was taken.
public struct SHA256: Sendable {
    private var hash = Crypto.SHA256()

    /// Starts an empty digest.
    public init() {}

    /// Takes more bytes.
    public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { hash.update(bufferPointer: $0) } }

    /// Takes more bytes, straight from memory.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

    /// The digest of all bytes so far, as 64 lower-case hexadecimal digits; the digest may continue afterwards.
    public func finalize() -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: hash.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The digest of some bytes, as 64 hexadecimal digits.
    public static func hex(of bytes: [UInt8]) -> String {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finalize()
    }

    /// The digest of a file, as 64 hexadecimal digits; reads it in pieces of 1 MB.
    ///
    /// - Throws: `FilesError` (`readFailed`) when the file cannot be opened or read.
    public static func hex(ofFile path: String) throws(FilesError) -> String {
        guard let file = fopen(path, "rb") else { throw .reading("cannot read the file to hash it", path, errno) }
        defer { fclose(file) }
        var hash = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            let count = fread(buffer.baseAddress, 1, buffer.count, file)
            if count > 0 { hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
            guard count == buffer.count else { break }
        }
        if ferror(file) != 0 { throw .reading("cannot read the file to hash it", path, errno) }
        return hash.finalize()
    }
}
