// Files of NumPy: what it wrote is read, what it would not write is refused.
import Files
import Foundation
import Testing

struct NumpyFileTests {
    let golden: PlainPickleGolden

    init() throws { golden = try PlainPickleGolden.load() }

    /// The array of a file in one line, or what is wrong with it behind an exclamation mark.
    private func read(_ bytes: [UInt8]) -> String {
        bytes.withUnsafeBytes { buffer -> String in
            do throws(FileComplaint) { return describe(try NumpyFile.array(buffer)) } catch { return "!" + error.text }
        }
    }

    @Test func `every array is the one that NumPy reads`() {
        #expect(golden.npy.count > 15)
        for file in golden.npy {
            let found = read([UInt8](file.bytes))
            if file.value.hasPrefix("!") {
                #expect(found.hasPrefix("!") && found.contains(file.value.dropFirst()), "\(file.name): \(found)")
            } else {
                #expect(found == file.value, "\(file.name)")
            }
        }
    }

    @Test func `damaged files are errors or other arrays, and no traps`() {
        for file in golden.npy {
            let whole = [UInt8](file.bytes)
            for place in whole.indices {
                for bit in 0..<8 {
                    var damaged = whole
                    damaged[place] ^= 1 << UInt8(bit)
                    _ = read(damaged)
                }
                _ = read(Array(whole[..<place]))
            }
        }
    }

    @Test func `arrays of an archive are found by their names`() throws {
        let file = try #require(golden.npz.first { $0.name == "stored" })
        try [UInt8](file.bytes).withUnsafeBytes { buffer in
            let archive = try NumpyArchive(buffer)
            #expect(archive.names == ["02 - Blue", "label", "a.b"])
            for (name, value) in file.values { #expect(try describe(archive.array(name)) == value, "\(name)") }
            let error = #expect(throws: FileComplaint.self) { try archive.array("nothing") }
            #expect(error?.text == "it has no array 'nothing' among its 3: '02 - Blue', 'label', 'a.b'")
        }
    }

    @Test func `deflated arrays go through the given inflater, with their size and checksum`() throws {
        let stored = try #require(golden.npz.first { $0.name == "stored" })
        let deflated = try #require(golden.npz.first { $0.name == "deflated" })
        // The stored archive of the same arrays has what each becomes.
        var contents: [UInt32: [UInt8]] = [:]
        try [UInt8](stored.bytes).withUnsafeBytes { buffer in
            for member in try ZipDirectory(buffer).members {
                let bytes = [UInt8](buffer[member.range])
                var checksum = CRC32()
                bytes.withUnsafeBytes { checksum.update($0) }
                #expect(checksum.value == member.checksum && member.inflatedCount == nil)
                contents[checksum.value] = bytes
            }
        }
        let known = contents
        try [UInt8](deflated.bytes).withUnsafeBytes { buffer in
            let refused = #expect(throws: FileComplaint.self) { try NumpyArchive(buffer) }
            #expect(refused?.text.contains("is compressed (method 8)") == true)
            let archive = try NumpyArchive(buffer) { (_, count, checksum) throws(FileComplaint) in
                guard let bytes = known[checksum], bytes.count == count else { throw FileComplaint("unknown") }
                return bytes
            }
            for (name, value) in deflated.values { #expect(try describe(archive.array(name)) == value, "\(name)") }
            let error = #expect(throws: FileComplaint.self) { try archive.array("label", limit: 100) }
            #expect(error?.text == "its array 'label' claims 188 bytes; the limit is 100")
        }
    }

    @Test func `a member that claims more than deflate can make is refused`() throws {
        let file = try #require(golden.npz.first { $0.name == "deflated" })
        var bytes = [UInt8](file.bytes)
        // The size in the first entry of the directory, which begins with PK 1 2.
        let entry = try #require(bytes.indices.dropLast(4).first { Array(bytes[$0..<$0 + 4]) == [0x50, 0x4B, 1, 2] })
        bytes.replaceSubrange(entry + 24..<entry + 28, with: [0, 0, 0, 0x10])
        bytes.withUnsafeBytes { buffer in
            let error = #expect(throws: FileComplaint.self) {
                try NumpyArchive(buffer) { (_, _, _) throws(FileComplaint) in [] }
            }
            #expect(error?.text.contains("claims 268435456 bytes in") == true, "\(error?.text ?? "")")
        }
    }

    @Test func `numbers come out in the type that is asked for`() throws {
        let half = try #require(NumberArray(.number(.float16), shape: [4], bytes: [0, 0x3C, 1, 0, 0, 0xFC, 1, 0x7C]))
        let values = try #require(half.doubles())
        #expect(values[0] == 1 && values[1] == 0x1p-24 && values[2] == -.infinity && values[3].isNaN)
        #expect(half.integers() == nil && half.texts() == nil)
        let large = try #require(NumberArray(.number(.uint64), shape: [1], bytes: [UInt8](repeating: 255, count: 8)))
        #expect(large.integers() == nil && large.floats() == [0x1p64])
        let wide = try #require(NumberArray(.number(.int64), shape: [1], bytes: [0, 0, 0, 0, 1, 0, 0, 0]))
        #expect(wide.integers() == [1 << 32] && wide.int32s() == nil)
        let brain = try #require(NumberArray(.number(.bfloat16), shape: [], bytes: [0xC0, 0xBF]))
        #expect(brain.floats() == [-1.5] && brain.count == 1)
        let texts = try #require(
            NumberArray(.text(2), shape: [2], bytes: [65, 0, 0, 0, 0, 0, 0, 0, 0, 0xD8, 0, 0, 66, 0, 0, 0]))
        #expect(texts.texts() == ["A", "\u{FFFD}B"] && texts.doubles() == nil && texts.integers() == nil)
    }

    @Test func `bytes that are not those of the shape make no array`() {
        #expect(NumberArray(.number(.uint8), shape: [2, 3], bytes: [1, 2, 3, 4, 5]) == nil)
        #expect(NumberArray(.number(.uint8), shape: [-1, -1], bytes: [1]) == nil)
        #expect(NumberArray(.number(.uint8), shape: [.max, .max], bytes: []) == nil)
        #expect(NumberArray(.number(.uint8), shape: [.max, .max, 0], bytes: []) != nil)
        #expect(NumberArray(.text(0), shape: [1 << 40], bytes: []) == nil)
        #expect(NumberArray(.number(.uint8), shape: [Int](repeating: 1, count: 65), bytes: [1]) == nil)
    }
}
