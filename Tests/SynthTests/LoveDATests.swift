// Images and masks in the folders of LoveDA: their form, what is in them, and which folders are replaced.
import Foundation
import Geo
import Raster
import Synth
import Telemetry
import TestSupport
import Testing

struct LoveDATests {
    private static let small = LoveDAOptions(scenes: 1, size: 64, seed: 5)

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

    /// How many pixels of a mask have each value.
    private static func counts(_ path: String) throws -> [Int] {
        var counts = [Int](repeating: 0, count: 8)
        for entry in try ClassRaster(path: path).histogram() { counts[entry.value] = entry.count }
        return counts
    }

    @Test func `images and masks are PNG files without a place in LoveDA's folders`() throws {
        let folder = TemporaryFolder()
        let options = LoveDAOptions(scenes: 2, size: 96, seed: 5)
        let images = try synthesizeLoveDA(options, into: folder.file("out"))
        var expected: Set<String> = [".geodino-synth"]
        for split in ["Train", "Val"] {
            for domain in ["Urban", "Rural"] {
                for number in 0..<2 {
                    expected.insert("\(split)/\(domain)/images_png/\(number).png")
                    expected.insert("\(split)/\(domain)/masks_png/\(number).png")
                }
            }
        }
        #expect(Set(try Self.files(folder.file("out")).keys) == expected)
        #expect(Set(images.flatMap { [$0.image, $0.mask] } + [".geodino-synth"]) == expected)
        for image in images {
            let picture = try RasterReader(path: folder.file("out/\(image.image)"))
            let mask = try RasterReader(path: folder.file("out/\(image.mask)"))
            for reader in [picture, mask] {
                #expect(reader.grid.crs == nil && reader.grid.width == 96 && reader.grid.height == 96)
                #expect(reader.grid.transform == GeoTransform(originX: 0, originY: 0, pixelSize: 1))
                #expect(reader.bands.allSatisfy { $0.sampleType == .uint8 && $0.nodata == nil })
            }
            #expect(picture.bands.map(\.colour) == ["red", "green", "blue"] && mask.bands.count == 1)
        }
        #expect(folder.contents == ["out"])
    }

    @Test func `Train holds all classes, towns more buildings and streets, the country more fields and open ground`()
        throws
    {
        let folder = TemporaryFolder()
        let images = try synthesizeLoveDA(LoveDAOptions(scenes: 1, size: 256, seed: 9), into: folder.file("out"))
        var shares: [String: [Double]] = [:]
        for image in images {
            let counts = try Self.counts(folder.file("out/\(image.mask)"))
            shares["\(image.split) \(image.domain)"] = counts.map { Double($0) / (256 * 256) }
            #expect(counts.reduce(0, +) == 256 * 256)
            // Some pixels have no label, as in the real set.
            #expect((0.01...0.06).contains(Double(counts[0]) / (256 * 256)), "\(image.mask): \(counts)")
        }
        let town = try #require(shares["Train Urban"])
        let country = try #require(shares["Train Rural"])
        for index in 1...7 { #expect(town[index] + country[index] > 0.01, "class \(index)") }
        for split in ["Train", "Val"] {
            let town = try #require(shares["\(split) Urban"])
            let country = try #require(shares["\(split) Rural"])
            #expect(town[2] > country[2] && town[3] > country[3])
            #expect(country[5] + country[6] + country[7] > town[5] + town[6] + town[7])
        }
    }

    @Test func `the same options give the same bytes, and an image those of a larger set`() throws {
        let folder = TemporaryFolder()
        var larger = Self.small
        larger.scenes = 2
        try synthesizeLoveDA(Self.small, into: folder.file("a"))
        try synthesizeLoveDA(Self.small, into: folder.file("b"))
        try synthesizeLoveDA(larger, into: folder.file("c"))
        let (a, b, c) = try (
            Self.files(folder.file("a")), Self.files(folder.file("b")), Self.files(folder.file("c"))
        )
        #expect(a == b)
        #expect(a.count == 9 && c.count == 17)
        for (name, bytes) in a where name != ".geodino-synth" { #expect(c[name] == bytes, "\(name)") }
    }

    @Test func `every image shows ground of its own, which no scene of the same seed shows`() throws {
        let folder = TemporaryFolder()
        let options = LoveDAOptions(scenes: 2, size: 64, seed: 5)
        let images = try synthesizeLoveDA(options, into: folder.file("out"))
        var pictures = try images.map {
            try RasterReader(path: folder.file("out/\($0.image)")).read(
                PixelWindow(column: 0, row: 0, width: 64, height: 64)
            ).floats()
        }
        pictures += (0..<8).map {
            Landscape(LandscapeOptions(scenes: 8, size: 64, seed: 5), scene: $0).render(
                PixelWindow(column: 0, row: 0, width: 64, height: 64)
            ).image.floats()
        }
        for first in pictures.indices {
            for second in pictures.indices where second > first {
                let equal = zip(pictures[first], pictures[second]).count { $0 == $1 }
                #expect(equal < pictures[first].count / 4, "\(first) and \(second)")
            }
        }
    }

    @Test func `the marker says the form and the pixel size`() throws {
        let folder = TemporaryFolder()
        var options = Self.small
        options.gsd = 0.5
        try synthesizeLoveDA(options, into: folder.file("out"))
        #expect(synthesizedGSD(of: folder.file("out")) == 0.5)
        let text = try String(contentsOfFile: folder.file("out/.geodino-synth"), encoding: .utf8)
        #expect(text.contains(#""form" : "loveda""#))
        #expect(synthesizedGSD(of: folder.path) == nil)
        _ = try folder.write("no JSON", to: ".geodino-synth")
        #expect(synthesizedGSD(of: folder.path) == nil)
    }

    @Test func `a folder of either form is replaced only when asked`() throws {
        let folder = TemporaryFolder()
        let out = folder.file("out")
        try synthesizeLoveDA(Self.small, into: out)
        let error = try #require(throws: SynthError.self) { try synthesizeLoveDA(Self.small, into: out) }
        #expect(error.code == .exists && error.what == "the output exists already")
        _ = try folder.write("<PAMDataset/>", to: "out/Val/Urban/masks_png/0.png.aux.xml")
        try synthesize(LandscapeOptions(scenes: 1, size: 64), into: out, overwrite: true)
        #expect(try Set(Self.files(out).keys.map { $0.split(separator: "/")[0] }).contains("scene-000"))
        try synthesizeLoveDA(Self.small, into: out, overwrite: true)
        #expect(try Self.files(out).count == 9)
        #expect(folder.contents == ["out"])
    }

    @Test(arguments: [
        "notes.txt", "Test/Urban/images_png/0.png", "Train/notes.txt", "Train/Suburban/0.png", "Val/Rural/notes.txt",
        "Val/Rural/masks_png/map.png", "Train/Urban/images_png/0.tif", "Train/Urban/images_png/1366.png",
        "Val/Rural/masks_png/1.png", "Val/Rural/masks_png/00.png", "scene-000/rgb.tif", "pairs.csv",
    ])
    func `what was put among the images is not replaced with them`(_ name: String) throws {
        let folder = TemporaryFolder()
        let out = folder.file("out")
        try synthesizeLoveDA(Self.small, into: out)
        try expectKept(name, in: out) { try synthesizeLoveDA(Self.small, into: out, overwrite: true) }
    }

    @Test(arguments: ["Train/Urban/images_png/0.png", "Val/Rural/masks_png/0.png"])
    func `LoveDA's own images in a folder of scenes are not replaced with them`(_ name: String) throws {
        let folder = TemporaryFolder()
        let out = folder.file("data")
        let options = LandscapeOptions(scenes: 1, size: 64)
        try synthesize(options, into: out)
        let precious = URL(fileURLWithPath: "\(out)/\(name)")
        try FileManager.default.createDirectory(
            at: precious.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data("precious".utf8).write(to: precious)
        let scenes = #expect(throws: SynthError.self) { try synthesize(options, into: out, overwrite: true) }
        let images = #expect(throws: SynthError.self) { try synthesizeLoveDA(Self.small, into: out, overwrite: true) }
        let top = String(name.prefix { $0 != "/" })
        for error in [scenes, images] {
            #expect(error?.code == .exists && error?.what.contains("'\(top)'") == true)
        }
        #expect(try Data(contentsOf: precious) == Data("precious".utf8))
    }

    @Test(arguments: ["no JSON", "{}", #"{"form": "isaid", "options": {"scenes": 9}}"#])
    func `a folder whose marker does not say what was made is not replaced`(_ marker: String) throws {
        let folder = TemporaryFolder()
        let out = folder.file("out")
        try synthesizeLoveDA(Self.small, into: out)
        let before = try Self.files(out)
        _ = try folder.write(marker, to: "out/.geodino-synth")
        let error = #expect(throws: SynthError.self) { try synthesizeLoveDA(Self.small, into: out, overwrite: true) }
        #expect(error?.code == .exists && error?.remedy?.contains("another folder") == true)
        let after = try Self.files(out)
        #expect(after.count == before.count)
        for (name, bytes) in before where name != ".geodino-synth" { #expect(after[name] == bytes, "\(name)") }
    }

    @Test func `stopping leaves nothing behind`() throws {
        let folder = TemporaryFolder()
        let error = try #require(throws: SynthError.self) {
            try synthesizeLoveDA(Self.small, into: folder.file("out"), progress: { $0.done < 2 })
        }
        #expect(error.code == .cancelled)
        #expect(folder.contents.isEmpty)
    }

    @Test(arguments: [
        (LoveDAOptions(scenes: 0), "scenes is 0"), (LoveDAOptions(scenes: 1001), "scenes is 1001"),
        (LoveDAOptions(size: 63), "size is 63"), (LoveDAOptions(size: 2049), "size is 2049"),
        (LoveDAOptions(gsd: 0.1), "gsd is 0.1"),
    ])
    func `options out of range are named`(_ options: LoveDAOptions, _ words: String) throws {
        let folder = TemporaryFolder()
        let error = try #require(throws: SynthError.self) { try synthesizeLoveDA(options, into: folder.file("out")) }
        #expect(error.code == .badOption && error.what.contains(words), "\(error.what)")
        #expect(folder.contents.isEmpty)
    }
}
