// Images with a class each in the folders of EuroSAT: their form, what tells the classes apart, and which folders are replaced.
import Foundation
import Geo
import Raster
import Synth
import Telemetry
import TestSupport
import Testing

struct EuroSATTests {
    private static let small = EuroSATOptions(scenes: 5, size: 32, seed: 5)
    private static let classes = [
        "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop",
        "Residential", "River", "SeaLake",
    ]

    /// All files below a folder, with their bytes.
    private static func files(_ folder: String) throws -> [String: Data] {
        var found: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder)
            if !isFolder.boolValue { found[name] = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")) }
        }
        return found
    }

    /// The lines of the list of a split.
    private static func list(_ split: String, in folder: String) throws -> [String] {
        let text = try String(contentsOfFile: "\(folder)/eurosat-\(split).txt", encoding: .utf8)
        #expect(text.hasSuffix("\n"))
        return text.split(separator: "\n").map(String.init)
    }

    @Test func `images of ten classes are PNG files without a place in EuroSAT's folders`() throws {
        let folder = TemporaryFolder()
        let out = folder.file("out")
        let options = EuroSATOptions(scenes: 6, size: 48, seed: 5)
        let images = try synthesizeEuroSAT(options, into: out)
        var expected: Set<String> = [".geodino-synth", "eurosat-train.txt", "eurosat-val.txt", "eurosat-test.txt"]
        for label in Self.classes {
            for number in 1...6 { expected.insert("EuroSAT_RGB/\(label)/\(label)_\(number).png") }
        }
        #expect(Set(try Self.files(out).keys) == expected)
        #expect(images.count == 60 && Set(images.map(\.image)).isSubset(of: expected))
        for image in images where image.number == 1 {
            let reader = try RasterReader(path: "\(out)/\(image.image)")
            #expect(reader.grid.crs == nil && reader.grid.width == 48 && reader.grid.height == 48)
            #expect(reader.bands.map(\.colour) == ["red", "green", "blue"])
            #expect(reader.bands.allSatisfy { $0.sampleType == .uint8 && $0.nodata == nil })
        }
        #expect(folder.contents == ["out"])
    }

    @Test func `the lists hold every image once, three in five of a class for training`() throws {
        let folder = TemporaryFolder()
        let out = folder.file("out")
        let images = try synthesizeEuroSAT(EuroSATOptions(scenes: 10, size: 32, seed: 5), into: out)
        var listed: [String] = []
        for (split, count) in [("train", 6), ("val", 2), ("test", 2)] {
            let names = try Self.list(split, in: out)
            #expect(names == images.filter { $0.split == split }.map(\.name))
            for label in Self.classes {
                #expect(names.count { $0.hasPrefix("\(label)_") } == count, "\(split) \(label)")
            }
            listed += names
        }
        #expect(listed.count == 100 && Set(listed) == Set(images.map(\.name)))
    }

    @Test func `the same options give the same bytes, and an image those and the split of a larger set`() throws {
        let folder = TemporaryFolder()
        var larger = Self.small
        larger.scenes = 7
        try synthesizeEuroSAT(Self.small, into: folder.file("a"))
        try synthesizeEuroSAT(Self.small, into: folder.file("b"))
        try synthesizeEuroSAT(larger, into: folder.file("c"))
        let (a, b, c) = try (
            Self.files(folder.file("a")), Self.files(folder.file("b")), Self.files(folder.file("c"))
        )
        #expect(a == b)
        #expect(a.count == 54 && c.count == 74)
        for (name, bytes) in a where name.hasSuffix(".png") { #expect(c[name] == bytes, "\(name)") }
        for split in ["train", "val", "test"] {
            let few = try Self.list(split, in: folder.file("a"))
            #expect(try Set(few).isSubset(of: Self.list(split, in: folder.file("c"))))
        }
    }

    @Test func `every image differs from the others, and from that of another seed`() throws {
        let folder = TemporaryFolder()
        var other = Self.small
        other.seed = 6
        try synthesizeEuroSAT(Self.small, into: folder.file("a"))
        try synthesizeEuroSAT(other, into: folder.file("b"))
        let pictures = try ["a", "b"].flatMap { part in
            try Self.files(folder.file(part)).filter { $0.key.hasSuffix(".png") }.map(\.value)
        }
        #expect(pictures.count == 100 && Set(pictures).count == 100)
    }

    @Test func `mean colour tells some of the classes, structure most of them`() throws {
        let folder = TemporaryFolder()
        let images = try synthesizeEuroSAT(EuroSATOptions(scenes: 30, seed: 3), into: folder.file("out"))
        let views = try images.map { try View(path: folder.file("out/\($0.image)")) }
        let isTrain = images.map { $0.split == "train" }
        let labels = images.map(\.label)
        let colour = accuracy(views.map(\.colour), labels, isTrain)
        let structure = accuracy(views.map(\.structure), labels, isTrain)
        // By chance it would be one in ten.
        #expect((0.2...0.6).contains(colour), "\(colour)")
        #expect(structure > 0.55, "\(structure)")
        #expect(structure > colour + 0.15, "\(structure) and \(colour)")
    }

    @Test func `texture is fine in woods and towns, contrast low on water and meadows`() throws {
        let folder = TemporaryFolder()
        let images = try synthesizeEuroSAT(EuroSATOptions(scenes: 10, seed: 4), into: folder.file("out"))
        var edges: [String: Float] = [:]
        var contrasts: [String: Float] = [:]
        for image in images {
            let view = try View(path: folder.file("out/\(image.image)"))
            edges[image.label, default: 0] += view.structure[1] / 10
            contrasts[image.label, default: 0] += view.structure[0] / 10
        }
        let fine = try ["Forest", "Residential", "Industrial"].map { try #require(edges[$0]) }
        let smooth = try ["Pasture", "HerbaceousVegetation", "SeaLake"].map { try #require(edges[$0]) }
        #expect(try #require(fine.min()) > 1.3 * #require(smooth.max()), "\(edges)")
        let high = try ["Industrial", "AnnualCrop"].map { try #require(contrasts[$0]) }
        let low = try ["Pasture", "HerbaceousVegetation", "SeaLake"].map { try #require(contrasts[$0]) }
        #expect(try #require(high.min()) > 1.3 * #require(low.max()), "\(contrasts)")
    }

    @Test func `grey values are not clipped, at either end of pixel size`() throws {
        for gsd in [5.0, 20] {
            let folder = TemporaryFolder()
            let options = EuroSATOptions(scenes: 5, size: 40, seed: 8, gsd: gsd)
            for image in try synthesizeEuroSAT(options, into: folder.file("out")) {
                let values = try View.samples(folder.file("out/\(image.image)"))
                let clipped = values.count { $0 == 0 || $0 == 255 }
                #expect(clipped < values.count / 50, "\(image.name) of \(gsd) m: \(clipped)")
            }
            #expect(synthesizedGSD(of: folder.file("out")) == gsd)
        }
    }

    @Test func `a folder of any form is replaced only when asked`() throws {
        let folder = TemporaryFolder()
        let out = folder.file("out")
        try synthesizeEuroSAT(Self.small, into: out)
        let marker = try String(contentsOfFile: "\(out)/.geodino-synth", encoding: .utf8)
        #expect(marker.contains(#""form" : "eurosat""#))
        let error = try #require(throws: SynthError.self) { try synthesizeEuroSAT(Self.small, into: out) }
        #expect(error.code == .exists && error.what == "the output exists already")
        _ = try folder.write("<PAMDataset/>", to: "out/EuroSAT_RGB/River/River_5.png.aux.xml")
        try synthesizeLoveDA(LoveDAOptions(scenes: 1, size: 64), into: out, overwrite: true)
        #expect(try Self.files(out).count == 9)
        try synthesizeEuroSAT(Self.small, into: out, overwrite: true)
        #expect(try Self.files(out).count == 54)
        try synthesizeEuroSAT(Self.small, into: out, overwrite: true)
        #expect(folder.contents == ["out"])
    }

    @Test(arguments: [
        "notes.txt", "eurosat-all.txt", "EuroSAT_MS/River/River_1.tif", "EuroSAT_RGB/notes.txt",
        "EuroSAT_RGB/Lake/Lake_1.png",
        "EuroSAT_RGB/River/notes.txt", "EuroSAT_RGB/River/River_1.jpg", "EuroSAT_RGB/River/River_6.png",
        "EuroSAT_RGB/River/River_0.png", "EuroSAT_RGB/River/River_01.png", "EuroSAT_RGB/River/River_+1.png",
        "EuroSAT_RGB/River/Forest_1.png", "EuroSAT_RGB/River/_.png", "Train/Urban/images_png/0.png", "pairs.csv",
    ])
    func `what was put among the images is not replaced with them`(_ name: String) throws {
        let folder = TemporaryFolder()
        let out = folder.file("out")
        try synthesizeEuroSAT(Self.small, into: out)
        try expectKept(name, in: out) { try synthesizeEuroSAT(Self.small, into: out, overwrite: true) }
    }

    @Test func `a folder that something else made is not replaced`() throws {
        let folder = TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.file("out/EuroSAT_RGB/River"), withIntermediateDirectories: true)
        _ = try folder.write("precious", to: "out/EuroSAT_RGB/River/River_1.png")
        let error = #expect(throws: SynthError.self) {
            try synthesizeEuroSAT(Self.small, into: folder.file("out"), overwrite: true)
        }
        #expect(error?.code == .exists && error?.what.contains(".geodino-synth") == true)
        #expect(try Self.files(folder.file("out")).count == 1)
    }

    @Test func `stopping leaves nothing behind`() throws {
        let folder = TemporaryFolder()
        let error = try #require(throws: SynthError.self) {
            try synthesizeEuroSAT(Self.small, into: folder.file("out"), progress: { $0.done < 7 && $0.total == 50 })
        }
        #expect(error.code == .cancelled)
        #expect(folder.contents.isEmpty)
    }

    @Test(arguments: [
        (EuroSATOptions(scenes: 4), "scenes is 4"), (EuroSATOptions(scenes: 1001), "scenes is 1001"),
        (EuroSATOptions(size: 31), "size is 31"), (EuroSATOptions(size: 513), "size is 513"),
        (EuroSATOptions(gsd: 4.9), "gsd is 4.9"), (EuroSATOptions(gsd: .nan), "gsd is nan"),
    ])
    func `options out of range are named`(_ options: EuroSATOptions, _ words: String) throws {
        let folder = TemporaryFolder()
        let error = try #require(throws: SynthError.self) { try synthesizeEuroSAT(options, into: folder.file("out")) }
        #expect(error.code == .badOption && error.what.contains(words) && error.remedy != nil, "\(error.what)")
        #expect(folder.contents.isEmpty)
    }
}

/// Simple statistics of an image.
private struct View {
    /// Means of red, green and blue, as shares of white.
    let colour: [Float]
    /// Whatever the brightness: contrast, then at four scales the strength of edges, how alike their directions are, and how few they are.
    let structure: [Float]

    /// The samples of an image, bands first.
    static func samples(_ path: String) throws -> [Float] {
        let reader = try RasterReader(path: path)
        let whole = PixelWindow(column: 0, row: 0, width: reader.grid.width, height: reader.grid.height)
        return try reader.read(whole).floats()
    }

    init(path: String) throws {
        let samples = try Self.samples(path)
        let count = samples.count / 3
        colour = (0..<3).map { samples[$0 * count..<($0 + 1) * count].reduce(0, +) / Float(count) / 255 }
        let mean = max(1, samples.reduce(0, +) / Float(count))
        var grey = (0..<count).map { (samples[$0] + samples[count + $0] + samples[2 * count + $0]) / mean }
        var side = Int(Float(count).squareRoot())
        var features = [(grey.reduce(0) { $0 + ($1 - 1) * ($1 - 1) } / Float(count)).squareRoot()]
        for _ in 0..<4 {
            var sums = SIMD3<Float>.zero
            var total: Float = 0
            for row in 0..<side - 1 {
                for column in 0..<side - 1 {
                    let index = row * side + column
                    let right = grey[index + 1] - grey[index]
                    let down = grey[index + side] - grey[index]
                    sums += SIMD3(right * right, down * down, right * down) / Float(side * side)
                    total += (abs(right) + abs(down)) / Float(side * side)
                }
            }
            features.append((sums.x + sums.y).squareRoot())
            let lean = ((sums.x - sums.y) * (sums.x - sums.y) + 4 * sums.z * sums.z).squareRoot()
            features.append(lean / (sums.x + sums.y + 1e-6))
            features.append((sums.x + sums.y).squareRoot() / (total + 1e-6))
            side /= 2
            let wide = 2 * side
            grey = (0..<side * side).map { index in
                let corner = index / side * 2 * wide + index % side * 2
                return (grey[corner] + grey[corner + 1] + grey[corner + wide] + grey[corner + wide + 1]) / 4
            }
        }
        structure = features
    }
}

/// The share of images that are not for training whose class is the likeliest, with features that are independent of each other.
///
/// The logarithms of the features of a class are taken to be normal, with mean and variance of its training images.
private func accuracy(_ features: [[Float]], _ labels: [String], _ isTrain: [Bool]) -> Double {
    let rows = features.map { $0.map { Double(logf($0 + 0.01)) } }
    let width = rows.first?.count ?? 0
    func moments(_ indices: [Int], _ k: Int) -> (mean: Double, variance: Double) {
        let mean = indices.reduce(0) { $0 + rows[$1][k] } / Double(indices.count)
        let variance = indices.reduce(0) { $0 + (rows[$1][k] - mean) * (rows[$1][k] - mean) } / Double(indices.count)
        return (mean, variance)
    }
    let train = rows.indices.filter { isTrain[$0] }
    let floor = (0..<width).map { 0.02 * moments(train, $0).variance + 1e-9 }
    let classes = Set(labels).sorted()
    let models = classes.map { label in
        (0..<width).map { k in moments(train.filter { labels[$0] == label }, k) }
    }
    var right = 0
    let others = rows.indices.filter { !isTrain[$0] }
    for index in others {
        let scores = models.map { model in
            (0..<width).reduce(0.0) { sum, k in
                let variance = model[k].variance + floor[k]
                let off = rows[index][k] - model[k].mean
                return sum - off * off / (2 * variance) - log(variance) / 2
            }
        }
        let best = scores.indices.max { scores[$0] < scores[$1] } ?? 0
        if classes[best] == labels[index] { right += 1 }
    }
    return Double(right) / Double(max(1, others.count))
}
