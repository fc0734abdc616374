// Files of torch.save: what PyTorch wrote is read bit for bit, what is no list of tensors is refused by name, and what
// we write comes back.
import Files
import Foundation
import Telemetry
import Testing
import Torch

struct PyTorchFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func fixture(_ name: String) throws -> String {
        try #require(Bundle.module.resourcePath) + "/Golden/" + name
    }

    /// Where the elements lie.
    private func address(_ tensor: Tensor) -> UnsafeRawPointer? { tensor.withBytes { $0.baseAddress } }

    private func refusal(_ path: String) throws -> String {
        let error = try #require(throws: TorchError.self) { try openTensors(path) }
        #expect(error.code == .badFile && error.place == path, "\(error)")
        return error.causes.joined(separator: "; ")
    }

    @Test(arguments: ["new.pth", "old.pth"])
    func `what PyTorch saved is read bit for bit`(name: String) throws {
        let expected = try SafetensorsFile(path: try fixture("pytorch.safetensors"))
        let read = try openTensors(try fixture(name))
        #expect(read is PyTorchFile)
        #expect(Set(read.names) == Set(expected.names))
        for entry in expected.entries {
            #expect(read.entry(entry.name)?.shape == entry.shape, "\(entry.name)")
            for copy in [true, false] {
                let tensor = try read.tensor(entry.name, copy: copy)
                #expect(ElementType(tensor.dtype) == entry.type && tensor.shape == entry.shape, "\(entry.name)")
                #expect(try tensor.bytes() == expected.tensor(entry.name).bytes(), "\(entry.name)")
            }
        }
        // Tied tensors lie in the same bytes of the file.
        let (a, b) = (try read.tensor("tied.a", copy: false), try read.tensor("tied.b", copy: false))
        if name == "new.pth" { #expect(address(a) == address(b)) }
        #expect(read.entry("epoch") == nil)
        let missing = #expect(throws: TorchError.self) { try read.tensor("nobody", copy: true) }
        #expect(missing?.code == .notFound)
    }

    @Test func `names of nested dictionaries are joined with dots`() throws {
        let read = try openTensors(try fixture("nested.pth"))
        #expect(read.names == ["teacher.backbone.w"])
        #expect(try read.tensor("teacher.backbone.w", copy: true).shape == [2, 2])
    }

    @Test(arguments: [
        ("attack-2.pth", "opcode GLOBAL", "'posix.system'"), ("attack-4.pth", "opcode STACK_GLOBAL", "'posix.system'"),
        ("attack-0.pth", "opcode GLOBAL", "'posix.system'"), ("attack-old.pth", "opcode GLOBAL", "'posix.system'"),
        ("instance.pth", "opcode INST", "nothing was run"), ("eval.pth", "opcode GLOBAL", "'__builtin__.eval'"),
    ])
    func `a pickle that calls something is refused by its opcode, and nothing is run`(
        name: String, opcode: String, words: String
    ) throws {
        let cause = try refusal(try fixture(name))
        #expect(cause.contains(opcode) && cause.contains(words) && cause.contains("nothing was run"), "\(cause)")
        #expect(!FileManager.default.fileExists(atPath: "/tmp/geodino-was-here"))
    }

    @Test(arguments: [
        ("\u{80}\u{2}cposix\nsystem\nX\u{4}\0\0\0true\u{85}R.", "opcode GLOBAL at byte 2"),
        ("cposix\nsystem\n(Vtrue\ntR.", "opcode GLOBAL at byte 0"),
    ])
    func `a pickle that torch did not write is refused by what it would do`(text: String, words: String) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pickle-\(UUID().uuidString).pth")
        defer { try? FileManager.default.removeItem(at: folder) }
        // One byte per character, as Latin-1 has it.
        try Data(text.unicodeScalars.map { UInt8($0.value) }).write(to: folder)
        let cause = try refusal(folder.path)
        #expect(cause.contains(words) && cause.contains("'posix.system'"), "\(cause)")
    }

    @Test func `bombs are refused before anything is unpacked`() throws {
        let bomb = try refusal(try fixture("bomb.pth"))
        #expect(bomb.contains("is compressed (method 8)"), "\(bomb)")
        let claim = try refusal(try fixture("claim.pth"))
        #expect(claim.contains("[1000000, 1000000]") && claim.contains("is not inside its storage"), "\(claim)")
    }

    /// A header of 640 bytes begins with the two bytes that pickles begin with.
    @Test func `a safetensors file is not taken for a pickle`() throws {
        var metadata = ["x": ""]
        let plain = SafetensorsLength.of([("w", Tensor([1]))], metadata)
        metadata["x"] = String(repeating: "y", count: 640 - plain)
        let path = folder["640.safetensors"]
        try writeSafetensors([("w", Tensor([1]))], metadata: metadata, to: path)
        #expect(try Data(contentsOf: URL(filePath: path)).prefix(2) == Data([0x80, 0x02]))
        #expect(try openTensors(path).names == ["w"])
    }

    @Test func `of a file that is not whole, the advice is to get it again`() throws {
        let bytes = try Data(contentsOf: URL(filePath: try fixture("new.pth")))
        try bytes.prefix(bytes.count / 2).write(to: URL(filePath: folder["half.pth"]))
        let error = #expect(throws: TorchError.self) { _ = try PyTorchFile(path: folder["half.pth"]) }
        #expect(error?.remedy?.hasPrefix("get the file again") == true)
    }

    @Test(arguments: ["new.pth", "old.pth"])
    func `a file cut anywhere is an error and no crash`(name: String) throws {
        let whole = try Data(contentsOf: URL(filePath: try fixture(name)))
        let path = folder["cut.pth"]
        for length in stride(from: 0, to: whole.count, by: 37) {
            try whole.prefix(length).write(to: URL(filePath: path))
            #expect(throws: TorchError.self, "\(length) bytes") { try openTensors(path) }
        }
    }

    /// Any byte may be wrong: an error or other values, but never a trap.
    @Test(arguments: ["new.pth", "old.pth"])
    func `a damaged byte is an error or another value, and no crash`(name: String) throws {
        let whole = try Data(contentsOf: URL(filePath: try fixture(name)))
        let path = folder["damaged.pth"]
        for place in stride(from: 0, to: whole.count, by: 13) {
            var damaged = whole
            damaged[place] ^= UInt8(truncatingIfNeeded: place &* 37 | 1)  // never 0, and the same in every run
            try damaged.write(to: URL(filePath: path))
            do throws(TorchError) {
                let file = try openTensors(path)
                for entry in file.entries.prefix(30) { _ = try file.tensor(entry.name, copy: true) }
            } catch { #expect(error.code == .badFile || error.code == .mismatch, "\(error)") }
        }
    }

    @Test func `what is written comes back, tied tensors and all`() throws {
        let path = folder["a.pth"]
        let tensors: [String: Tensor] = [
            "w": Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]), "half": Tensor([0.5, 0.25]).to(.bfloat16),
            "none": .zeros([0, 4]), "one": Tensor(7.5, dtype: .float64), "mask": Tensor([true, false], shape: [2]),
        ]
        var items = tensors.sorted { $0.key < $1.key }.map {
            PyTorchItem(TensorEntry(name: $0.key, type: ElementType($0.value.dtype), shape: $0.value.shape))
        }
        items.append(PyTorchItem(TensorEntry(name: "twin", type: .float32, shape: [2, 3]), sharing: "w"))
        try writePyTorch(items, metadata: ["geodino": "{\"a\": 1}\n"], to: path) { tensors[$0.name] ?? .zeros([]) }
        let read = try PyTorchFile(path: path)
        #expect(read.metadata == ["geodino": "{\"a\": 1}\n"])
        #expect(Set(read.names) == Set(items.map(\.entry.name)))
        for (name, tensor) in tensors { #expect(try read.tensor(name).bytes() == tensor.bytes(), "\(name)") }
        #expect(try address(read.tensor("twin", copy: false)) == address(read.tensor("w", copy: false)))
        #expect(folder.names == ["a.pth"])
    }

    @Test func `the checksum is the one of zip archives`() {
        // The check value of the catalogue of CRC algorithms, and lengths on both sides of the eight.
        func checksum(_ text: String) -> UInt32 {
            var checksum = CRC32()
            Array(text.utf8).withUnsafeBytes { checksum.update($0) }
            return checksum.value
        }
        #expect(checksum("123456789") == 0xCBF4_3926)
        #expect(checksum("") == 0)
        #expect(checksum("The quick brown fox jumps over the lazy dog") == 0x414F_A339)
    }

    @Test func `dictionaries that hold themselves or each other end`() throws {
        // EMPTY_DICT, remembered, set as its own item; and lists nested a hundred thousand deep.
        let itself: [UInt8] = [0x80, 2, 0x7D, 0x71, 0] + [0x58, 1, 0, 0, 0, 0x61, 0x68, 0, 0x73, 0x2E]
        let deep =
            [0x80, 2] + [UInt8](repeating: 0x5D, count: 100_000) + [UInt8](repeating: 0x61, count: 99_999) + [0x2E]
        for pickle in [itself, deep] {
            let archive = try ZipWriter<TorchFailure>(path: folder["p.pth"])
            try archive.append("archive/data.pkl", pickle)
            try archive.finish()
            #expect(try refusal(folder["p.pth"]).contains("not hold a dictionary of named tensors"))
        }
    }
}

/// The length of a safetensors header, before its padding to whole eights.
private enum SafetensorsLength {
    static func of(_ tensors: [(name: String, tensor: Tensor)], _ metadata: [String: String]) -> Int {
        let folder = NSTemporaryDirectory() + "geodino-length-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try? writeSafetensors(tensors, metadata: metadata, to: folder)
        guard let data = try? Data(contentsOf: URL(filePath: folder)) else { return 0 }
        let length = data.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
        return data.dropFirst(8).prefix(length).reversed().drop { $0 == 0x20 }.count
    }
}

struct ShardedSafetensorsTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(index map: [String: String]) throws -> String {
        let path = folder["model.safetensors.index.json"]
        let text = map.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \"\($0.value)\"" }.joined(separator: ", ")
        try Data("{\"metadata\": {\"total_size\": 24}, \"weight_map\": {\(text)}}".utf8).write(to: URL(filePath: path))
        return path
    }

    @Test func `shards are one source of tensors`() throws {
        try writeSafetensors([("a", Tensor([1, 2]))], metadata: ["format": "pt"], to: folder["m-1.safetensors"])
        try writeSafetensors([("b", Tensor([3])), ("c", Tensor([4]))], to: folder["m-2.safetensors"])
        let path = try write(index: ["a": "m-1.safetensors", "b": "m-2.safetensors", "c": "m-2.safetensors"])
        let read = try openTensors(path)
        #expect(Set(read.names) == ["a", "b", "c"] && read.metadata == ["format": "pt"])
        #expect(try read.tensor("c", copy: false).floats() == [4])
        #expect(read.byteCount == 16)
    }

    @Test func `an index that does not fit its shards is refused, and so are paths`() throws {
        try writeSafetensors([("a", Tensor([1, 2])), ("x", Tensor([0]))], to: folder["m-1.safetensors"])
        func causes(_ map: [String: String]) throws -> [String] {
            let path = try write(index: map)
            return try #require(throws: TorchError.self) { try openTensors(path) }.causes
        }
        #expect(
            try causes(["a": "m-1.safetensors", "b": "m-1.safetensors"]) == [
                "m-1.safetensors holds 'x', which the index does not place there",
                "'b' is not in m-1.safetensors",
            ])
        for trick in ["../m-1.safetensors", "/etc/passwd", "..", "sub/m.safetensors", "m-1.json", ".m.safetensors"] {
            #expect(try causes(["a": trick]).first?.contains("it names the file") == true, "\(trick)")
        }
        #expect(try causes([:]) == ["its weight_map is empty"])
        let missing = try write(index: ["a": "m-9.safetensors"])
        #expect(try #require(throws: TorchError.self) { try openTensors(missing) }.code == .notFound)
    }
}
