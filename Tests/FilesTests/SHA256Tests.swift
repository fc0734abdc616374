// SHA-256 against the examples of FIPS 180-4 and its own streaming.
import Files
import Telemetry
import Testing

#if canImport(Glibc)
    import Glibc
#endif

struct SHA256Tests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
    ])
    func `the standard's examples`(text: String, digest: String) {
        #expect(SHA256.hex(of: Array(text.utf8)) == digest)
    }

    @Test func `a million times the letter a`() {
        let piece = [UInt8](repeating: UInt8(ascii: "a"), count: 1000)
        var hash = SHA256()
        for _ in 0..<1000 { hash.update(piece) }
        #expect(hash.finalize() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test func `how the bytes are cut does not matter`() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 37 + $0 / 7) }
        for length in [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000] {
            let whole = SHA256.hex(of: Array(bytes[..<length]))
            for cut in [1, 3, 63, 64, 65, 130] {
                var hash = SHA256()
                var start = 0
                while start < length {
                    hash.update(Array(bytes[start..<min(length, start + cut)]))
                    start += cut
                }
                #expect(hash.finalize() == whole, "\(length) bytes in pieces of \(cut)")
            }
        }
    }

    @Test func `finalizing leaves the digest open`() {
        var hash = SHA256()
        hash.update(Array("ab".utf8))
        _ = hash.finalize()
        hash.update(Array("c".utf8))
        #expect(hash.finalize() == SHA256.hex(of: Array("abc".utf8)))
    }

    @Test func `a file is hashed by its bytes and a missing one is an error`() throws {
        let path = "/tmp/geodino-sha256-\(getpid())"
        let file = try #require(fopen(path, "wb"))
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
        fclose(file)
        defer { unlink(path) }
        #expect(
            try SHA256.hex(ofFile: path) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        )
        #expect(throws: FilesError.self) { try SHA256.hex(ofFile: path + "-missing") }
        // A folder opens, but reading it fails.
        #expect(throws: FilesError.self) { try SHA256.hex(ofFile: "/tmp") }
    }
}
