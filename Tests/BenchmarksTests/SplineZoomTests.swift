// Planes brought to the size of the largest by cubic splines, as SciPy and GEO-Bench's own package do it.
import Benchmarks
import Files
import Foundation
import Geo
import TestSupport
import Testing

/// What `Tests/Golden/spline_zoom.py` wrote.
private struct SplineGolden: Decodable {
    struct Case: Decodable {
        let name: String
        let dtype: String
        let shape: [Int]
        let target: [Int]
        let values: [Double]
        let resized: [Double]

        /// The values as NumPy stores them.
        var array: [UInt8] {
            let (type, bytes): (String, [UInt8]) =
                switch dtype {
                case "uint8": ("|u1", values.map { UInt8($0) })
                case "int16": ("<i2", values.flatMap { littleEndian(UInt16(bitPattern: Int16($0))) })
                case "float32": ("<f4", values.flatMap { littleEndian(Float($0).bitPattern) })
                default: ("<f8", values.flatMap { littleEndian($0.bitPattern) })
                }
            return MadeTask.npy(bytes, type: type, shape: "(\(shape[0]), \(shape[1]))")
        }

        /// How far a value may be off: a billionth of the range of the values, and what doubles of their size cannot tell.
        var tolerance: Double {
            let (low, high) = (values.min() ?? 0, values.max() ?? 0)
            return 1e-9 * (high - low) + 1e-14 * max(abs(low), abs(high))
        }
    }

    let larger: [Case]
    let smaller: [Case]
    let pastTheEnd: Case

    static func load() throws -> SplineGolden {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let path = SharedData.packageFolder + "/Tests/Golden/spline_zoom.json"
        return try decoder.decode(SplineGolden.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

/// Keeps the folders of tasks until a test ends.
private final class MadeTasks {
    var tasks: [MadeTask] = []
}

struct SplineZoomTests {
    private let golden: SplineGolden
    /// Tasks whose folders are still read.
    private let made = MadeTasks()

    init() throws { golden = try SplineGolden.load() }

    /// A task whose samples have a plane of each case as their green, and zeros in the size that it shall get as red and blue.
    private func pixels(_ cases: [SplineGolden.Case]) throws -> GeoBenchPixels {
        let task = try MadeTask()
        let names = cases.indices.map { "\"case \($0)\"" }.joined(separator: ", ")
        try task.write("{\"train\": [\(names)], \"valid\": [], \"test\": []}", to: "default_partition.json")
        try task.shard(
            try cases.enumerated().flatMap { index, one in
                let zeros = MadeTask.npy(
                    [UInt8](repeating: 0, count: one.target[0] * one.target[1]), type: "|u1",
                    shape: "(\(one.target[0]), \(one.target[1]))")
                return try MadeTask.sample(
                    "case \(index)",
                    [("Red", zeros), ("Green", one.array), ("Blue", zeros), ("label", zeros)])
            })
        let set = try task.open()
        made.tasks.append(task)
        return GeoBenchPixels(set, bands: set.task.bands, names: BandInfo.rgb, values: .stretched(.none), gsd: 0.1)
    }

    @Test func `planes are enlarged as SciPy enlarges them`() throws {
        let pixels = try pixels(golden.larger)
        #expect(golden.larger.count == 18)
        for (index, one) in golden.larger.enumerated() {
            let planes = try pixels.values(index)
            #expect(try pixels.size(index) == (one.target[1], one.target[0]), "\(one.name)")
            #expect(planes.map(\.count) == [Int](repeating: one.resized.count, count: 3), "\(one.name)")
            let worst = zip(planes[1], one.resized).map { abs($0 - $1) }.max() ?? .infinity
            #expect(worst <= one.tolerance, "\(one.name): \(worst)")
            #expect(planes[0].allSatisfy { $0 == 0 } && planes[2] == planes[0], "\(one.name)")
        }
    }

    @Test func `a plane alone is enlarged and reduced likewise`() {
        #expect(golden.smaller.count == 6)
        for one in golden.larger + golden.smaller {
            let plane = SplineZoom.resized(
                one.values, height: one.shape[0], width: one.shape[1], to: (one.target[0], one.target[1]))
            let worst = zip(plane, one.resized).map { abs($0 - $1) }.max() ?? .infinity
            #expect(plane.count == one.resized.count && worst <= one.tolerance, "\(one.name): \(worst)")
        }
    }

    @Test func `a plane of the right size is left as it is`() throws {
        let one = try #require(golden.larger.first { $0.shape == $0.target })
        #expect(try pixels([one]).values(0)[1] == one.values)
    }

    @Test func `nothing is rounded or cut off at the ends of a type`() throws {
        let wide = golden.larger.filter { $0.name.hasSuffix("and beyond") }
        #expect(wide.map(\.dtype).sorted() == ["int16", "uint8"])
        let pixels = try pixels(wide)
        for (index, one) in wide.enumerated() {
            let plane = try pixels.values(index)[1]
            let (least, most) = (plane.min() ?? 0, plane.max() ?? 0)
            let range = one.dtype == "uint8" ? (0.0, 255.0) : (-32768.0, 32767.0)
            #expect(least < range.0 || most > range.1, "\(one.name)")
            #expect(plane.contains { $0 != $0.rounded() }, "\(one.name)")
        }
    }

    @Test func `the last pixel stays the last, also where SciPy steps past the end`() throws {
        let one = golden.pastTheEnd
        let plane = try pixels([one]).values(0)[1]
        let last = try #require(one.values.last)
        #expect(one.resized.last == 0 && abs(last) > 0.01)
        let worst = zip(plane.dropLast(), one.resized).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst <= one.tolerance && abs((plane.last ?? 0) - last) <= one.tolerance)
    }

    @Test func `a coarse band is enlarged as GEO-Bench's own package enlarges it`() throws {
        struct Loaders: Decodable {
            struct Package: Decodable { let tasks: [String: Task] }
            struct Task: Decodable { let packed: Packed? }
            struct Packed: Decodable {
                let sample: String
                let sums: [Double]
                let corner: [[[Double]]]
            }
            let geobench: Package
        }
        let url = URL(fileURLWithPath: GeoBenchFixture.folder + "/loaders.json")
        let known = try JSONDecoder().decode(Loaders.self, from: Data(contentsOf: url)).geobench.tasks["m-NeonTree"]
        let packed = try #require(known?.packed)
        let set = try GeoBenchSet(GeoBenchFixture.path("m-NeonTree"))
        let bands = Array(set.task.bands.prefix(4))
        #expect(bands.map(\.name) == ["Red", "Green", "Blue", "Canopy Height Model"])
        let pixels = GeoBenchPixels(
            set, bands: bands, names: bands.map { BandInfo(name: $0.shortName) }, values: .stretched(.none), gsd: 0.1)
        let index = try #require(set.samples.firstIndex { $0.name == packed.sample })
        let planes = try pixels.values(index)
        #expect(planes.map(\.count) == [400, 400, 400, 400])
        // The package keeps single precision.
        for (plane, sum) in zip(planes, packed.sums) { #expect(abs(plane.reduce(0, +) - sum) <= 1e-6 * sum) }
        for row in 0..<2 {
            for column in 0..<2 {
                for band in 0..<4 {
                    let stored = packed.corner[row][column][band]
                    #expect(abs(planes[band][row * 20 + column] - stored) <= 1e-6 * stored)
                }
            }
        }
    }
}
