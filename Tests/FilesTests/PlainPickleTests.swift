// Pickles of plain data: what Python's own unpickler finds is found, nothing is run, and no pickle takes more than its share.
import Files
import Foundation
import Testing

struct PlainPickleTests {
    let golden: PlainPickleGolden

    init() throws { golden = try PlainPickleGolden.load() }

    /// What is wrong with a pickle; `nil` where nothing is.
    private func complaint(_ bytes: [UInt8]) -> FileComplaint? {
        do throws(FileComplaint) {
            _ = try PlainValue(pickle: bytes)
            return nil
        } catch { return error }
    }

    @Test func `every value is the one that Python finds`() throws {
        #expect(golden.good.count > 15)
        for pickle in golden.good {
            let value = try PlainValue(pickle: [UInt8](pickle.bytes))
            #expect(describe(value) == golden.values[pickle.value], "\(pickle.name)")
        }
    }

    @Test func `a sample of the benchmark gives its label, bands, transform and CRS`() throws {
        let pickle = try #require(golden.good.first { $0.name == "sample-4" })
        let value = try PlainValue(pickle: [UInt8](pickle.bytes))
        guard case .array(let label)? = value["label"] else {
            Issue.record("the label is no array")
            return
        }
        #expect(label.integers() == [0, 1, 0, 1] && label.int32s() == [0, 1, 0, 1] && label.shape == [4])
        #expect(value["bands_order"]?.items?.map(\.string) == ["02 - Blue", "08A - Vegetation Red Edge"])
        let band = try #require(value["02 - Blue"])
        #expect(band["date_id"] == .null && band["spatial_resolution"]?.integer == 10 && band["nothing"] == nil)
        // The state of an object is found by its keys, too.
        #expect(band["band_info"]?["wavelength"]?.number == 0.49)
        guard case .opaque(let transform)? = band["transform"], case .opaque(let crs)? = band["crs"] else {
            Issue.record("the transform or the CRS is no object")
            return
        }
        #expect(transform.name == "affine.Affine" && transform.arguments.prefix(3).map(\.number) == [10, 0, 399_960])
        #expect(crs.name == "rasterio.crs.CRS.from_wkt" && crs.arguments.map(\.string) == ["LOCAL_CS[\"m\"]"])
    }

    @Test func `a pickle that runs a command gives the command's name, and nothing is run`() throws {
        for attack in golden.attacks {
            let value = try PlainValue(pickle: [UInt8](attack.bytes))
            guard case .opaque(let call)? = value.items?.first else {
                Issue.record("\(attack.name) is \(value)")
                continue
            }
            #expect(call.name == "posix.system" && call.arguments == [.text("touch /tmp/geodino-was-here")])
        }
        #expect(golden.attacks.count == 2 && !FileManager.default.fileExists(atPath: "/tmp/geodino-was-here"))
    }

    @Test func `bad pickles are refused by what is wrong with them`() throws {
        #expect(golden.bad.count > 15)
        for pickle in golden.bad {
            let error = try #require(complaint([UInt8](pickle.bytes)), "\(pickle.name) was read")
            #expect(error.text.contains(pickle.words), "\(pickle.name): \(error.text)")
            #expect(error.isTruncation == (pickle.words == "truncated"), "\(pickle.name)")
        }
    }

    @Test func `a pickle cut anywhere is an error`() {
        for pickle in golden.good where pickle.name != "again" {
            let whole = [UInt8](pickle.bytes)
            for length in whole.indices {
                #expect(complaint(Array(whole[..<length])) != nil, "\(pickle.name), \(length) bytes")
            }
        }
    }

    /// Any bytes may be wrong: an error or another value, but never a trap, and never a long wait.
    @Test func `damaged pickles end soon`() {
        var random = SplitMix(state: 19)
        var refused = 0
        let pickles = golden.good.map(\.bytes) + golden.bad.map(\.bytes) + golden.attacks.map(\.bytes)
        for pickle in pickles where !pickle.isEmpty {
            let whole = [UInt8](pickle)
            let start = ContinuousClock.now
            for _ in 0..<2000 {
                var damaged = whole
                for _ in 0...random.below(3) {
                    let place = random.below(damaged.count)
                    switch random.below(4) {
                    case 0: damaged[place] = UInt8(random.below(256))
                    case 1: damaged[place] ^= 1 << UInt8(random.below(8))
                    case 2: damaged.insert(UInt8(random.below(256)), at: place)
                    default: if damaged.count > 1 { damaged.remove(at: place) }
                    }
                }
                if complaint(damaged) != nil { refused += 1 }
            }
            let elapsed = start.duration(to: .now)
            #expect(elapsed < .seconds(60), "2,000 of \(whole.count) bytes took \(elapsed)")
        }
        #expect(refused > 10_000)
    }

    @Test func `the bytes of Python's text are the bytes`() throws {
        for repr in golden.reprs {
            #expect(try PythonBytes.bytes(of: repr.text) == [UInt8](repr.bytes), "\(repr.text)")
        }
        #expect(try PythonBytes.bytes(of: "b'\\x80\\x04K\\x05.'") == [0x80, 4, 0x4B, 5, 0x2E])
        #expect(try PlainValue(pickle: PythonBytes.bytes(of: "b'\\x80\\x04K\\x05.'")) == .int(5))
    }

    @Test(arguments: [
        "", "b", "b'", "'a'", "b'a", "b'a\"", "b'a'b", "b'a' ", "b'\\'", "b'\\q'", "b'\\x'", "b'\\x8'", "b'\\x+8'",
        "b'\\x8g'",
        "b'\u{e4}'", "b'\n'", "B'a'", "bytearray(b'a')", "b'a' b'b'",
    ])
    func `texts that are not those of bytes are refused`(text: String) {
        #expect(throws: FileComplaint.self) { try PythonBytes.bytes(of: text) }
    }
}

/// The vocabulary of a pickle that has no objects, by the defaults of the protocol.
private enum StrictPickle: PickleVocabulary {
    typealias Name = String
    typealias Object = Int
    static let purpose = "a test"
    static let limit = 1000

    static func name(module: String, _ name: String) -> String? { module == "known" ? name : nil }

    static func call(
        _ function: String, _ arguments: [Value], in machine: PickleMachine<Self>
    ) throws(FileComplaint) -> PickleAnswer<Self> { .node(.object(arguments.count)) }

    static func object(
        named name: Value, in machine: PickleMachine<Self>
    ) throws(FileComplaint) -> PickleAnswer<Self> { .refused("names something, which") }
}

struct StrictPickleTests {
    private func refusal(_ bytes: [UInt8]) -> String {
        bytes.withUnsafeBytes { buffer -> String in
            do throws(FileComplaint) {
                _ = try PickleMachine<StrictPickle>.read(buffer)
                return "it was read"
            } catch { return error.text }
        }
    }

    private func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `opcodes of objects belong only to vocabularies that have them`() {
        let function = text("cknown\nf\n")
        let opcodes: [(name: String, bytes: [UInt8])] = [
            ("NEWOBJ", function + [0x29, 0x81]), ("NEWOBJ_EX", function + [0x29, 0x7D, 0x92]), ("EMPTY_SET", [0x8F]),
            ("ADDITEMS", [0x5D, 0x28, 0x4E, 0x90]), ("FROZENSET", [0x28, 0x4E, 0x91]),
            ("BYTEARRAY8", [0x96, 0, 0, 0, 0, 0, 0, 0, 0]),
        ]
        for (name, bytes) in opcodes {
            let words = refusal([0x80, 5] + bytes + [0x2E])
            #expect(words.hasPrefix("the opcode \(name) at byte ") && words.hasSuffix("nothing was run"), "\(words)")
        }
    }

    @Test func `only functions of the list are called, with their arguments`() {
        let function = text("cknown\nf\n")
        #expect(refusal(function + [0x29, 0x52, 0x2E]) == "it was read")
        let others: [[UInt8]] = [
            [0x4E, 0x29, 0x52, 0x2E], function + [0x4E, 0x52, 0x2E], function + [0x29, 0x52, 0x29, 0x52, 0x2E],
        ]
        for bytes in others {
            let words = refusal(bytes)
            #expect(
                words.contains("REDUCE") && words.contains("calls a function that is not on the allowed list"),
                "\(words)")
        }
        #expect(refusal(text("cother\nf\n.")).contains("GLOBAL"))
    }

    @Test func `objects take no items and no state`() {
        let object = text("cknown\nf\n") + [0x29, 0x52]
        #expect(refusal(object + [0x4E, 0x61, 0x2E]).contains("appends to something that is not a list"))
        #expect(refusal(object + [0x28, 0x4E, 0x65, 0x2E]).contains("appends to something that is not a list"))
        #expect(refusal(object + [0x4E, 0x4E, 0x73, 0x2E]).contains("something that is not a dictionary"))
        #expect(refusal(object + [0x7D, 0x62, 0x2E]).contains("BUILD"))
    }
}

/// Random numbers that are the same in every run (SplitMix64).
private struct SplitMix {
    var state: UInt64

    mutating func below(_ limit: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        return Int((bits ^ bits >> 31).multipliedFullWidth(by: UInt64(limit)).high)
    }
}
