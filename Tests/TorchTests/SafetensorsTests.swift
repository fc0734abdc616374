// Safetensors files: round trips, and every way in which a header can lie.
import Files
import Foundation
import Telemetry
import Testing
import Torch

struct SafetensorsTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A file of a header and zeros, with the header's own length unless another is claimed.
    private func file(_ header: String, data: Int, claiming length: UInt64? = nil) throws -> String {
        let path = folder["made.safetensors"]
        var bytes = withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { Data($0) }
        bytes += Data(header.utf8)
        bytes += Data(count: data)
        try bytes.write(to: URL(filePath: path))
        return path
    }

    /// Appends numbers of the arrays.
    private func append<Value: BitwiseCopyable>(_ values: [Value], to writer: SafetensorsWriter) throws {
        try values.withUnsafeBytes { try writer.append($0) }
    }

    @Test func `tensors of every type and shape come back`() throws {
        let generator = Generator(seed: 1)
        var tensors: [(name: String, tensor: Tensor)] = DType.allCases.map { dtype in
            ("type.\(dtype)", (Tensor.randn([3, 5], generator: generator) * 9).abs().to(dtype))
        }
        tensors += [
            ("scalar", Tensor(2.5)), ("empty", .zeros([0, 4])), ("view", Tensor.eye(3).select(dim: 1, index: 1)),
        ]
        let path = folder["a.safetensors"]
        let metadata = ["format": "pt", "naïve \"key\"\n": "värde \\ \u{1}"]
        try writeSafetensors(tensors, metadata: metadata, to: path)
        let read = try SafetensorsFile(path: path)
        #expect(read.metadata == metadata)
        #expect(Set(read.names) == Set(tensors.map(\.name)))
        for (name, tensor) in tensors {
            for copy in [true, false] {
                let back = try read.tensor(name, copy: copy)
                #expect(back.shape == tensor.shape && back.dtype == tensor.dtype)
                #expect(back.bytes() == tensor.bytes())
            }
        }
        #expect(folder.names == ["a.safetensors"])
    }

    @Test func `the same tensors give the same bytes in any order`() throws {
        let tensors: [(name: String, tensor: Tensor)] = [
            ("b", .ones([3])), ("a", .ones([3], dtype: .uint8)), ("c", .ones([1], dtype: .float64)),
        ]
        try writeSafetensors(tensors, metadata: ["x": "1", "y": "2"], to: folder["1"])
        try writeSafetensors(tensors.reversed(), metadata: ["y": "2", "x": "1"], to: folder["2"])
        let first = try Data(contentsOf: URL(filePath: folder["1"]))
        #expect(first == (try Data(contentsOf: URL(filePath: folder["2"]))))
        // Wide elements first, so that all lie at multiples of their size; the data begin at one of 8.
        #expect(try SafetensorsFile(path: folder["1"]).names == ["c", "b", "a"])
        #expect(first.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } % 8 == 0)
    }

    @Test func `a tensor over the map keeps the file open and leaves it unchanged`() throws {
        let path = folder["a.safetensors"]
        try writeSafetensors([("w", Tensor([1, 2, 3]))], to: path)
        let before = try Data(contentsOf: URL(filePath: path))
        weak var weakFile: SafetensorsFile?
        func mapped() throws -> Tensor {
            let file = try SafetensorsFile(path: path)
            weakFile = file
            return try file.tensor("w", copy: false)
        }
        do {
            let tensor = try mapped()
            #expect(weakFile != nil)
            tensor.copy_(tensor * 2)
            #expect(tensor.floats() == [2, 4, 6])
        }
        #expect(weakFile == nil)
        #expect(try Data(contentsOf: URL(filePath: path)) == before)
    }

    @Test func `large packs are written in pieces and read as bytes on any thread`() async throws {
        let path = folder["pack.safetensors"]
        let writer = try SafetensorsWriter(
            path: path,
            entries: [
                .init(name: "id", type: .int64, shape: [4]), .init(name: "pixels", type: .uint16, shape: [4, 2, 3]),
            ])
        #expect(folder.names == ["pack.safetensors.partial-\(getpid())"])
        try append([7, 8, 9, 10] as [Int64], to: writer)
        for tile in 0..<4 { try append([UInt16](repeating: UInt16(tile * 1000), count: 6), to: writer) }
        try writer.finish()
        #expect(folder.names == ["pack.safetensors"])
        let file = try SafetensorsFile(path: path)
        let sums = try await withThrowingTaskGroup(of: Int.self) { group in
            for tile in 0..<4 {
                group.addTask {
                    let bytes = try file.bytes("pixels")
                    return (0..<6).reduce(0) {
                        $0 + Int(bytes.load(fromByteOffset: (tile * 6 + $1) * 2, as: UInt16.self))
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(sums == 6 * (1000 + 2000 + 3000))
        #expect(file.entry("pixels")?.shape == [4, 2, 3])
        let error = #expect(throws: TorchError.self) { try file.tensor("pixels") }
        #expect(error?.code == .mismatch)
    }

    @Test func `what is not finished leaves nothing, and what was there stays`() throws {
        let path = folder["a.safetensors"]
        try writeSafetensors([("w", Tensor([1]))], to: path)
        do {
            let writer = try SafetensorsWriter(path: path, entries: [.init(name: "w", type: .uint8, shape: [3])])
            try append([1, 2] as [UInt8], to: writer)
            #expect(throws: TorchError.self) { try append([3, 4] as [UInt8], to: writer) }
            #expect(throws: TorchError.self) { try writer.finish() }
        }
        #expect(folder.names == ["a.safetensors"])
        #expect(try SafetensorsFile(path: path).tensor("w").floats() == [1])
        #expect(throws: TorchError.self) { try writeSafetensors([], to: folder["missing/a"]) }
        #expect(throws: TorchError.self) {
            try SafetensorsWriter(
                path: path,
                entries: [.init(name: "w", type: .uint8, shape: [1]), .init(name: "w", type: .uint8, shape: [1])])
        }
        #expect(throws: TorchError.self) {
            try SafetensorsWriter(
                path: path, entries: [.init(name: "w", type: .uint8, shape: [1 << 40, 1 << 40])])
        }
    }

    @Test(arguments: [
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "'a' ends at byte 8"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "'a' F32 [2] needs 8 bytes"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "'a' starts at byte 4 and leaves a gap"),
        (
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#,
            6, "'b' starts at byte 2 and overlaps"
        ),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, 6, "the entries end at byte 4"),
        (#"{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#, 4, "'a' has the unknown type F99"),
        (
            #"{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#, 0,
            "'a' claims the impossible shape"
        ),
        (#"{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,0]}}"#, 0, "does not fit 63 bits"),
        (#"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}"#, 0, "'a' has something other than a whole number"),
        (#"{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}"#, 1, "no ']' where one is expected"),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}"#, 4, "'a' U8 [4] needs 4 bytes"),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0]}}"#, 4, "'a' lacks"),
        (#"{"a":{"dtype":"U8","shape":[4]}}"#, 4, "'a' lacks"),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"c":[]}}"#, 4, "'a' has the unknown field 'c'"),
        (
            #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#,
            0, "the name 'a' occurs twice"
        ),
        (#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#, 0, "no '}'"),
        (#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}} x"#, 0, "text after"),
        (#"[]"#, 0, "no '{'"), (#"{"a"#, 0, "an unterminated string"),
        (#"{"\ud800":1}"#, 0, "half of a surrogate pair"),
        (#"{"\u12g4":1}"#, 0, "a bad \\u escape"), (#"{"__metadata__":{"a":1}}"#, 0, "no '\"'"),
    ])
    func `a header that lies is refused with the reason`(header: String, data: Int, reason: String) throws {
        let path = try file(header, data: data)
        let error = #expect(throws: TorchError.self) { try SafetensorsFile(path: path) }
        #expect(error?.code == .badFile)
        #expect(error?.causes.first?.contains(reason) == true, "\(error?.causes ?? [])")
    }

    @Test func `files that cannot be one are refused`() throws {
        func code(_ path: String) -> TorchError.Code? {
            do throws(TorchError) { _ = try SafetensorsFile(path: path) } catch { return error.code }
            return nil
        }
        #expect(code(try file("{}", data: 0)) == nil)
        #expect(code(try file("{}", data: 0, claiming: .max)) == .badFile)
        #expect(code(try file("{}", data: 0, claiming: 100_000_001)) == .badFile)
        #expect(code(try file("{}", data: 0, claiming: 3)) == .badFile)
        try Data([1, 2, 3]).write(to: URL(filePath: folder["short"]))
        #expect(code(folder["short"]) == .badFile)
        try Data().write(to: URL(filePath: folder["nothing"]))
        #expect(code(folder["nothing"]) == .badFile)
        #expect(code(folder["absent"]) == .notFound)
        #expect(code(folder.path) == .readFailed)
    }

    @Test func `a missing name says so`() throws {
        let path = folder["a.safetensors"]
        try writeSafetensors([("w", Tensor([1]))], to: path)
        let error = #expect(throws: TorchError.self) { try SafetensorsFile(path: path).bytes("v") }
        #expect(error?.code == .notFound && error?.what.contains("'v'") == true && error?.place == path)
    }

    @Test func `a full disk leaves nothing behind`() throws {
        // The device that is always full takes no byte.
        let link = folder["full.partial-\(getpid())"]
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/dev/full")
        let error = #expect(throws: TorchError.self) {
            try writeSafetensors([("w", Tensor.ones([10]))], to: folder["full"])
        }
        #expect(error?.code == .writeFailed && error?.remedy == "free space on the disk")
        #expect(folder.names.isEmpty)
    }
}
