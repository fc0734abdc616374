// HDF5 files as benchmarks have them: arrays by their true names, texts, and headers that claim what cannot be.
import Files
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct ArrayFileTests {
    /// What `Tests/Golden/hdf5.py` wrote of an array.
    struct Expected: Decodable {
        let shape: [Int]
        let values: [Double]
    }

    /// What it wrote of all files.
    struct Golden: Decodable {
        let bands: [String: Expected]
        let types: [String: Expected]
        let pickle: String

        enum CodingKeys: String, CodingKey {
            case bands = "bands.hdf5"
            case types = "types.hdf5"
            case pickle
        }
    }

    let folder = TemporaryFolder()
    let golden: Golden

    init() throws {
        golden = try JSONDecoder().decode(
            Golden.self, from: Data(contentsOf: URL(fileURLWithPath: Self.fixture("values.json"))))
    }

    static func fixture(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/hdf5/\(name)").path
    }

    @Test func `bands of unlike shapes are read under their true names`() throws {
        let file = try ArrayFile(path: Self.fixture("bands.hdf5"))
        #expect(file.entries.map(\.name) == ["02 - Blue", "08A - Vegetation Red Edge_2017-06-01", "label"])
        #expect(file.entries.map(\.type) == [.float64, .float32, .int64])
        #expect(file.entries.map(\.shape) == [[8, 8], [4, 6], [8, 8]])
        #expect(golden.bands.count == 3)
        for (name, expected) in golden.bands {
            let array = try file.read(name)
            #expect(array.shape == expected.shape && array.doubles() == expected.values, "\(name)")
        }
        #expect(try file.read("label").int32s() == (0..<64).map { Int32($0 % 7) })
    }

    @Test func `the pickle in the attribute is the dictionary that Python laid there`() throws {
        let file = try ArrayFile(path: Self.fixture("bands.hdf5"))
        let text = try #require(file.attribute("pickle"))
        #expect(text == golden.pickle)
        let value = try PlainValue(pickle: PythonBytes.bytes(of: text))
        #expect(value["label"] == .int(3) && value["note"] == .text("it's \"quoted\" \\ \n\t\r\0"))
        #expect(value["bands_order"] == .list([.text("02 - Blue"), .text("08A - Vegetation Red Edge")]))
    }

    @Test func `attributes that are not one text are none`() throws {
        let file = try ArrayFile(path: Self.fixture("types.hdf5"))
        #expect(file.attribute("fixed") == "b'\\x80\\x04K\\x05.'")
        #expect(file.attribute("long") == String(repeating: "0123456789", count: 300))
        for name in ["words", "number", "nothing", ""] { #expect(file.attribute(name) == nil, "\(name)") }
    }

    @Test func `every type of number keeps its values, whatever its byte order`() throws {
        let file = try ArrayFile(path: Self.fixture("types.hdf5"))
        #expect(golden.types.count == 22)
        for (name, expected) in golden.types {
            let array = try file.read(name)
            #expect(array.shape == expected.shape && array.doubles() == expected.values, "\(name)")
        }
        #expect(file["big uint16"]?.type == .uint16 && file["uint64"]?.type == .uint64)
        // Of types that GDAL 3.6 does not have.
        #expect(file["int8"]?.type == .int16 && file["float16"]?.type == .float32)
        #expect(try file.read("int64").integers() == [.min, 0, 1, 2, 3, .max] && file.read("int64").int32s() == nil)
        #expect(try file.read("scalar").shape == [] && file.read("scalar").floats() == [2.5])
        #expect(file["deep"] == nil && file["inner"] == nil)
    }

    @Test(arguments: ["words", "pair"])
    func `arrays that are not of numbers are listed, and not read`(name: String) throws {
        let file = try ArrayFile(path: Self.fixture("types.hdf5"))
        #expect(file[name] != nil && file[name]?.type == nil)
        let error = #expect(throws: RasterError.self) { try file.read(name) }
        #expect(error?.code == .unsupported && error?.what == "the array '\(name)' does not hold numbers")
    }

    @Test func `an array that is not there is named, with those that are`() throws {
        let path = Self.fixture("bands.hdf5")
        let error = try #require(throws: RasterError.self) { try ArrayFile(path: path).read("02_-_Blue") }
        #expect(error.code == .readFailed && error.place == path)
        #expect(error.causes == ["it has 3: '02 - Blue', '08A - Vegetation Red Edge_2017-06-01', 'label'"])
    }

    @Test(arguments: [("chunked", 4), ("whole", 8)])
    func `an array that claims 2^40 values is refused, and nothing is allocated for it`(name: String, width: Int) throws
    {
        let path = Self.fixture("claim.hdf5")
        let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
        let file = try ArrayFile(path: path)
        #expect(file[name]?.shape == [1 << 20, 1 << 20])
        let limits: [(given: Int, limit: Int)] = [(1 << 20, 1 << 20), (Int.max, 2 << 30), (0, size)]
        for (given, limit) in limits {
            let error = #expect(throws: RasterError.self) { try file.read(name, unpackedLimit: given) }
            #expect(error?.code == .badGrid)
            #expect(
                error?.what == "the array '\(name)' claims the shape [1048576, 1048576], which is \(width << 40) bytes")
            #expect(error?.causes == ["the file has \(size) bytes; the limit is \(limit)"])
        }
    }

    @Test func `arrays that were never written are zeros within the limit`() throws {
        let file = try ArrayFile(path: Self.fixture("claim.hdf5"))
        #expect(try file.read("small chunked").floats() == [Float](repeating: 0, count: 6))
        #expect(try file.read("small whole").count == 4096)
        // 32 KiB in a file of 2 KiB.
        #expect(throws: RasterError.self) { try file.read("small whole", unpackedLimit: 32767) }
    }

    @Test(arguments: ["damaged.hdf5", "cut.hdf5", "values.json"])
    func `a file that is no whole HDF5 file is refused`(name: String) {
        let path = Self.fixture(name)
        let error = #expect(throws: RasterError.self) { try ArrayFile(path: path) }
        #expect(error?.code == .notRaster && error?.what == "cannot open as an HDF5 file" && error?.place == path)
        #expect(error?.causes.isEmpty == false && error?.remedy != nil)
    }

    @Test func `what stands in the place of a file is named`() throws {
        let page = try folder.write("<!DOCTYPE html><html><title>Sign in</title></html>", to: "a.hdf5")
        let error = #expect(throws: RasterError.self) { try ArrayFile(path: page) }
        #expect(error?.what == "the file is a web page, not an HDF5 file")
        let missing = #expect(throws: RasterError.self) { try ArrayFile(path: folder.file("b.hdf5")) }
        #expect(missing?.code == .notFound)
    }

    @Test func `many threads read at once`() async throws {
        let expected = golden.types
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<20 {
                        let file = try ArrayFile(path: Self.fixture("types.hdf5"))
                        for name in ["chunks", "deflated", "float64"] {
                            let values = try file.read(name).doubles()
                            #expect(values == expected[name]?.values, "\(name)")
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func `arrays are bands of pixels of the nearest type`() throws {
        let file = try ArrayFile(path: Self.fixture("types.hdf5"))
        func pixels(_ name: String) throws -> PixelBuffer? { try file.read(name).pixels() }
        #expect(
            try pixels("int8")
                == PixelBuffer(bands: 1, height: 2, width: 3, samples: .int16([-128, 0, 1, 2, 3, 127])))
        #expect(
            try pixels("big uint16")
                == PixelBuffer(bands: 1, height: 2, width: 3, samples: .uint16([0, 0, 1, 2, 3, 65535])))
        #expect(
            try pixels("float64")
                == PixelBuffer(bands: 1, height: 2, width: 3, samples: .float32([-1.5, 0, 0.25, 3, 100, 65504])))
        #expect(
            try pixels("row") == PixelBuffer(bands: 1, height: 1, width: 5, samples: .int16([0, 1, 2, 3, 4])))
        #expect(try pixels("scalar") == PixelBuffer(bands: 1, height: 1, width: 1, samples: .float32([2.5])))
        #expect(try pixels("cube") == nil)
        let gaps = try #require(
            NumberArray(.number(.float32), shape: [2], bytes: [0, 0, 0xC0, 0x7F, 0, 0, 0x80, 0x3F])?.pixels())
        #expect(gaps.validity == [false, true])
    }

    @Test func `deflated arrays of NumPy are inflated, and damage is found by the checksum`() throws {
        struct Pickles: Decodable {
            struct Archive: Decodable {
                let name: String
                let bytes: Data
            }
            let npz: [Archive]
        }
        let text = try Data(contentsOf: URL(fileURLWithPath: Self.fixture("../plain_pickles.json")))
        let archive = try #require(
            JSONDecoder().decode(Pickles.self, from: text).npz.first { $0.name == "deflated" })
        func inflate(
            _ bytes: UnsafeRawBufferPointer, _ count: Int, _ checksum: UInt32
        ) throws(FileComplaint) -> [UInt8] { try GDAL.inflate(bytes, count: count, checksum: checksum) }
        try [UInt8](archive.bytes).withUnsafeBytes { buffer in
            let archive = try NumpyArchive(buffer, inflate: inflate)
            #expect(try archive.array("label").integers() == (0..<60).map { $0 % 3 })
            #expect(try archive.array("02 - Blue").integers() == Array(0..<12))
            #expect(try archive.array("a.b").doubles() == [1.5])
        }
        try [UInt8](archive.bytes).withUnsafeBytes { buffer in
            let member = try #require(ZipDirectory(buffer, deflated: true)["label.npy"])
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[member.range])
            #expect(try inflate(bytes, 188, member.checksum).count == 188)
            for (count, checksum) in [(188, member.checksum ^ 1), (187, member.checksum), (189, member.checksum)] {
                let error = #expect(throws: FileComplaint.self) { try inflate(bytes, count, checksum) }
                #expect(error?.text == "its compressed bytes are damaged")
            }
        }
    }
}
