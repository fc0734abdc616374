// SHA-256 of files and streams: what names weights, packs and checkpoints by their content.
#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A SHA-256 digest being made (FIPS 180-4); bytes go in piece by piece, the hexadecimal digest comes out.
///
///     var hash = SHA256()
///     hash.update(Array("abc".utf8))
///     hash.finalize()  // "ba7816bf...f20015ad"
///
/// A value: a copy goes on from where it was taken.
public struct SHA256: Sendable {
    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
        0x5be0_cd19,
    ]
    // The bytes that do not fill a block yet.
    private var tail: [UInt8] = []
    private var byteCount: UInt64 = 0

    /// Starts an empty digest.
    public init() {}

    /// Takes more bytes.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// Takes more bytes, straight from memory.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        byteCount &+= UInt64(bytes.count)
        var rest = bytes[...]
        if !tail.isEmpty {
            let taken = min(64 - tail.count, rest.count)
            tail.append(contentsOf: rest.prefix(taken))
            rest = rest.dropFirst(taken)
            guard tail.count == 64 else { return }
            let block = tail
            tail.removeAll(keepingCapacity: true)
            block.withUnsafeBytes { compress($0) }
        }
        let whole = rest.count & ~63
        compress(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)))
        tail.append(contentsOf: rest.dropFirst(whole))
    }

    /// The digest of all bytes so far, as 64 lower-case hexadecimal digits; the digest may go on afterwards.
    public func finalize() -> String {
        var last = self
        let bits = byteCount &* 8
        // One bit, zeros up to 56 modulo 64 bytes, then the length in bits, big-endian.
        var padding: [UInt8] = [0x80]
        padding.append(contentsOf: [UInt8](repeating: 0, count: (119 - tail.count) % 64))
        for shift in stride(from: 56, through: 0, by: -8) {
            padding.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        last.update(padding)
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for word in last.state {
            for shift in stride(from: 28, through: 0, by: -4) {
                text.append(digits[Int((word >> UInt32(shift)) & 15)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The digest of some bytes, as 64 hexadecimal digits.
    public static func hex(of bytes: [UInt8]) -> String {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finalize()
    }

    /// The digest of a file, as 64 hexadecimal digits; reads it in pieces of 1 MB.
    ///
    /// - Throws: `TelemetryError` (`readFailed`) when the file cannot be opened or read.
    public static func hex(ofFile path: String) throws(TelemetryError) -> String {
        guard let file = fopen(path, "rb") else {
            throw TelemetryError(
                .readFailed, "cannot read the file to hash it", in: path,
                why: [String(cString: strerror(errno))])
        }
        defer { fclose(file) }
        var hash = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            let count = fread(buffer.baseAddress, 1, buffer.count, file)
            if count > 0 { hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
            guard count == buffer.count else { break }
        }
        if ferror(file) != 0 {
            throw TelemetryError(
                .readFailed, "cannot read the file to hash it", in: path,
                why: [String(cString: strerror(errno))])
        }
        return hash.finalize()
    }

    /// Runs the compression function over whole blocks of 64 bytes.
    private mutating func compress(_ blocks: UnsafeRawBufferPointer) {
        guard !blocks.isEmpty else { return }
        state.withUnsafeMutableBufferPointer { state in
            roundConstants.withUnsafeBufferPointer { constants in
                withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { words in
                    for start in stride(from: 0, to: blocks.count, by: 64) {
                        compressBlock(blocks, at: start, state: state, constants: constants, words: words)
                    }
                }
            }
        }
    }
}

@inline(__always)
private func rotated(_ x: UInt32, _ n: UInt32) -> UInt32 { (x &>> n) | (x &<< (32 &- n)) }

/// One block: 64 words of message schedule, then 64 rounds, eight at a time so that the eight working
/// variables change roles instead of places.
@inline(__always)
private func compressBlock(
    _ bytes: UnsafeRawBufferPointer, at start: Int, state: UnsafeMutableBufferPointer<UInt32>,
    constants: UnsafeBufferPointer<UInt32>, words: UnsafeMutableBufferPointer<UInt32>
) {
    for t in 0..<16 {
        words[t] = UInt32(
            bigEndian: bytes.loadUnaligned(fromByteOffset: start &+ 4 &* t, as: UInt32.self))
    }
    for t in 16..<64 {
        let x = words[t &- 15]
        let y = words[t &- 2]
        let small0 = rotated(x, 7) ^ rotated(x, 18) ^ (x &>> 3)
        let small1 = rotated(y, 17) ^ rotated(y, 19) ^ (y &>> 10)
        words[t] = words[t &- 16] &+ small0 &+ words[t &- 7] &+ small1
    }
    var a = state[0]
    var b = state[1]
    var c = state[2]
    var d = state[3]
    var e = state[4]
    var f = state[5]
    var g = state[6]
    var h = state[7]

    @inline(__always)
    func round(
        _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32,
        _ h: inout UInt32, _ t: Int
    ) {
        let big1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
        let choice = (e & f) ^ (~e & g)
        let first = h &+ big1 &+ choice &+ constants[t] &+ words[t]
        let big0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
        let majority = (a & b) ^ (a & c) ^ (b & c)
        d = d &+ first
        h = first &+ big0 &+ majority
    }
    for t in stride(from: 0, to: 64, by: 8) {
        round(a, b, c, &d, e, f, g, &h, t)
        round(h, a, b, &c, d, e, f, &g, t &+ 1)
        round(g, h, a, &b, c, d, e, &f, t &+ 2)
        round(f, g, h, &a, b, c, d, &e, t &+ 3)
        round(e, f, g, &h, a, b, c, &d, t &+ 4)
        round(d, e, f, &g, h, a, b, &c, t &+ 5)
        round(c, d, e, &f, g, h, a, &b, t &+ 6)
        round(b, c, d, &e, f, g, h, &a, t &+ 7)
    }
    state[0] &+= a
    state[1] &+= b
    state[2] &+= c
    state[3] &+= d
    state[4] &+= e
    state[5] &+= f
    state[6] &+= g
    state[7] &+= h
}

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
private let roundConstants: [UInt32] = {
    var constants: [UInt32] = []
    var candidate = 2
    while constants.count < 64 {
        if (2..<candidate).allSatisfy({ candidate % $0 != 0 }) {
            constants.append(fractionOfCubeRoot(candidate))
        }
        candidate += 1
    }
    return constants
}()

/// The first 32 fractional bits of a cube root, in whole numbers: the largest r with r^3 <= n 2^96, modulo 2^32.
private func fractionOfCubeRoot(_ n: Int) -> UInt32 {
    let target = UInt128(n) << 96
    var root: UInt128 = 0
    for bit in stride(from: 35, through: 0, by: -1) {
        let trial = root | (UInt128(1) << UInt128(bit))
        if trial * trial * trial <= target { root = trial }
    }
    return UInt32(truncatingIfNeeded: root)
}
