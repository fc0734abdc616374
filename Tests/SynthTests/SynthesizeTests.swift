// Scenes on disk: georeferenced, aligned, complete or absent.
import Foundation
import Geo
import Raster
import Synchronization
import Synth
import Telemetry
import TestSupport
import Testing

struct SynthesizeTests {
    private static let options = LandscapeOptions(scenes: 2, size: 160, seed: 5)

    @Test func `files are georeferenced, aligned and typed`() throws {
        let folder = TemporaryFolder()
        let scenes = try synthesize(Self.options, into: folder.file("out"))
        #expect(scenes.count == 2)
        for (index, scene) in scenes.enumerated() {
            let image = try RasterReader(path: scene.image)
            let height = try RasterReader(path: scene.height)
            let cover = try RasterReader(path: scene.cover, options: RasterOpenOptions(expandPalette: false))
            for reader in [image, height, cover] {
                #expect(reader.grid.transform == Self.options.grid(of: index).transform)
                #expect(reader.grid.width == 160 && reader.grid.height == 160)
                let crs = try #require(reader.grid.crs)
                #expect(try crs.validated() == CoordinateReferenceSystem("EPSG:32633"))
                // A UTM grid's scale is within a part in a thousand of the ground's.
                #expect(abs(try reader.groundSampleDistance().metres - 0.6) < 0.001)
            }
            #expect(image.bands.map(\.sampleType) == [.uint8, .uint8, .uint8])
            #expect(image.bands.map(\.colour) == ["red", "green", "blue"])
            #expect(height.bands.map(\.sampleType) == [.float32])
            #expect(height.bands[0].nodata == -9999 && height.bands[0].unit == "m")
            #expect(cover.bands.map(\.sampleType) == [.uint8])
            #expect(cover.bands[0].nodata == 0)
            #expect(cover.bands[0].colour == "palette")
            let tags = image.metadata(domain: "")
            #expect(tags["SUN_AZIMUTH"].flatMap(Double.init) != nil)
            #expect(tags["SUN_ELEVATION"].flatMap(Double.init) != nil)

            let window = PixelWindow(column: 0, row: 0, width: 160, height: 160)
            let made = Landscape(Self.options, scene: index).render(window)
            #expect(try image.read(window).samples == made.image.samples)
            #expect(try height.read(window).samples == made.height.samples)
            #expect(try cover.read(window).samples == made.cover.samples)
            #expect(try image.read(window).validFraction == 1)
            #expect(try height.read(window).validFraction == 1)
        }
    }

    @Test func `the list of pairs names files relative to itself`() throws {
        let folder = TemporaryFolder()
        try synthesize(Self.options, into: folder.file("out"))
        let lines = try String(contentsOfFile: folder.file("out/pairs.csv"), encoding: .utf8).split(separator: "\n")
        #expect(lines.first == "image,target,cover")
        #expect(lines.count == 3)
        for line in lines.dropFirst() {
            for path in line.split(separator: ",") {
                #expect(FileManager.default.fileExists(atPath: folder.file("out/\(path)")))
            }
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.file("out")).sorted() == [
                ".geodino-synth", "pairs.csv", "scene-000", "scene-001",
            ])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.file("out/scene-000")).sorted() == [
                "cover.tif", "cover.tif.aux.xml", "height.tif", "rgb.tif",
            ])
    }

    @Test func `the same options give the same bytes, and a scene those of a longer series`() throws {
        let folder = TemporaryFolder()
        var short = Self.options
        short.scenes = 1
        try synthesize(short, into: folder.file("a"))
        try synthesize(Self.options, into: folder.file("b"))
        for name in ["rgb", "height", "cover"] {
            let a = try Data(contentsOf: URL(fileURLWithPath: folder.file("a/scene-000/\(name).tif")))
            let b = try Data(contentsOf: URL(fileURLWithPath: folder.file("b/scene-000/\(name).tif")))
            #expect(a == b, "\(name).tif differs")
        }
    }

    @Test func `infrared is a fourth band that is no alpha`() throws {
        let folder = TemporaryFolder()
        let scene = try synthesize(
            LandscapeOptions(scenes: 1, size: 64, nir: true), into: folder.file("out"))[0]
        let reader = try RasterReader(path: scene.image)
        #expect(reader.bands.count == 4)
        #expect(reader.bands[3].colour != "alpha")
        #expect(reader.bands.map(\.commonName) == ["red", "green", "blue", "nir"])
    }

    @Test func `an existing output is refused, and replaced only when asked`() throws {
        let folder = TemporaryFolder()
        let out = folder.file("out")
        try synthesize(LandscapeOptions(scenes: 2, size: 64), into: out)
        let error = try #require(throws: SynthError.self) {
            try synthesize(LandscapeOptions(scenes: 1, size: 64), into: out)
        }
        #expect(error.code == .exists)
        #expect(error.what == "the output exists already")
        try synthesize(LandscapeOptions(scenes: 1, size: 64), into: out + "/", overwrite: true)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: out).sorted() == [
                ".geodino-synth", "pairs.csv", "scene-000",
            ])
        #expect(folder.contents == ["out"])
    }

    @Test(arguments: [
        "corpus/geodino-corpus.json", "geodino.yaml", "scene-000/map.tif", "scene-00/rgb.tif", "scene-001/rgb.tif",
        "scene-0000/rgb.tif",
    ])
    func `what was put beside the scenes is not replaced with them`(_ name: String) throws {
        let folder = TemporaryFolder()
        let out = folder.file("scenes")
        let options = LandscapeOptions(scenes: 1, size: 64)
        try synthesize(options, into: out)
        let precious = URL(fileURLWithPath: "\(out)/\(name)")
        try FileManager.default.createDirectory(
            at: precious.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data("precious".utf8).write(to: precious)
        let error = #expect(throws: SynthError.self) { try synthesize(options, into: out, overwrite: true) }
        #expect(
            error?.what.contains("'\(name.hasPrefix("scene-000/") ? name : String(name.prefix { $0 != "/" }))'") == true
        )
        #expect(try Data(contentsOf: precious) == Data("precious".utf8))
    }

    @Test func `a folder that is not ours is never replaced`() throws {
        let folder = TemporaryFolder()
        let out = folder.file("mine")
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: false)
        _ = try folder.write("precious", to: "mine/notes.txt")
        for overwrite in [false, true] {
            let error = try #require(throws: SynthError.self) {
                try synthesize(LandscapeOptions(scenes: 1, size: 64), into: out, overwrite: overwrite)
            }
            #expect(error.code == .exists)
            #expect(error.what.contains("refusing to overwrite"))
        }
        #expect(try String(contentsOfFile: out + "/notes.txt", encoding: .utf8) == "precious")
        #expect(folder.contents == ["mine"])
    }

    @Test func `an empty folder may be filled, a file may not be replaced`() throws {
        let folder = TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.file("empty"), withIntermediateDirectories: false)
        try synthesize(LandscapeOptions(scenes: 1, size: 64), into: folder.file("empty"))
        #expect(FileManager.default.fileExists(atPath: folder.file("empty/pairs.csv")))
        let file = try folder.write("text", to: "file")
        let error = try #require(throws: SynthError.self) {
            try synthesize(LandscapeOptions(scenes: 1, size: 64), into: file, overwrite: true)
        }
        #expect(error.code == .exists)
    }

    @Test func `a missing parent folder is named`() throws {
        let folder = TemporaryFolder()
        let error = try #require(throws: SynthError.self) {
            try synthesize(LandscapeOptions(scenes: 1, size: 64), into: folder.file("no/such/out"))
        }
        #expect(error.code == .writeFailed)
        #expect(error.remedy?.contains("parent folder") == true)
        #expect(folder.contents.isEmpty)
    }

    @Test func `stopping leaves nothing behind and the old output untouched`() throws {
        let folder = TemporaryFolder()
        let out = folder.file("out")
        try synthesize(LandscapeOptions(scenes: 1, size: 64, seed: 1), into: out)
        let before = try Data(contentsOf: URL(fileURLWithPath: out + "/scene-000/rgb.tif"))
        let error = try #require(throws: SynthError.self) {
            try synthesize(
                LandscapeOptions(scenes: 3, size: 64, seed: 2), into: out, overwrite: true,
                progress: { $0.done < 2 })
        }
        #expect(error.code == .cancelled)
        #expect(folder.contents == ["out"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: out + "/scene-000/rgb.tif")) == before)
    }

    @Test func `progress counts blocks to the end`() throws {
        let folder = TemporaryFolder()
        let seen = Mutex<[Int]>([])
        try synthesize(
            LandscapeOptions(scenes: 3, size: 64), into: folder.file("out"),
            progress: { event in
                seen.withLock { $0.append(event.done) }
                return event.total == 3
            })
        #expect(seen.withLock { $0 } == [0, 1, 2, 3])
    }
}
