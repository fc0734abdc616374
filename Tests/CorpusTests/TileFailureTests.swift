// Cutting that fails: in words, with numbers, and without harm to what lies there.
import Corpus
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct TileFailureTests {
    private let folder = MemoryFolder()

    private func failure(
        _ scenes: [String], _ profile: TileProfile = smallProfile(), aoi: AreaOfInterest? = nil,
        options: TileOptions = TileOptions(), _ location: SourceLocation = #_sourceLocation
    ) throws -> CorpusError {
        let error = corpusError(
            { try tile(scenes: scenes, profile: profile, into: folder.file("c"), aoi: aoi, options: options) }, location
        )
        return try #require(error)
    }

    /// Three bands of samples in UTM.
    private func plain(side: Int, samples: PixelBuffer.Samples) -> PixelBuffer {
        PixelBuffer(
            bands: 3, height: side, width: side, samples: samples,
            grid: Grid(
                crs: .init("EPSG:32633"),
                transform: GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 0.6), width: side, height: side
            ))
    }

    private var leftNothing: Bool { !FileManager.default.fileExists(atPath: folder.file("c")) }

    @Test func `a scene smaller than a tile`() throws {
        let scene = try makeScene(folder, width: 30, height: 25)
        let error = try failure([scene])
        #expect(error.code == .nothingCut)
        #expect(error.report.contains("scene 18 x 15 m, tile 19 m"), "\(error)")
        #expect(leftNothing)
    }

    @Test func `too few valid pixels`() throws {
        let scene = try makeScene(folder, isHole: { row, column in (row + column) % 4 != 0 })
        let error = try failure([scene])
        #expect(error.code == .nothingCut)
        #expect(error.report.contains("of 30 tiles, the best is 25 % valid, but the profile asks for 90 %"), "\(error)")
        #expect(leftNothing)
    }

    @Test func `an area of interest elsewhere, and one between the centres`() throws {
        let scene = try makeScene(folder)
        let away = try AreaOfInterest(bounds: Bounds(minX: -70, minY: -10, maxX: -69, maxY: -9), crs: .wgs84)
        let error = try failure([scene], aoi: away)
        #expect(error.code == .nothingCut && error.report.contains("area of interest"), "\(error)")
        let between = try AreaOfInterest(
            bounds: Bounds(minX: 500_001, minY: 4_999_990, maxX: 500_003, maxY: 4_999_999), crs: .init("EPSG:32633"))
        #expect(try failure([scene], aoi: between).code == .nothingCut)
        // Within the bounds of the area, but not within the area.
        let corner = try AreaOfInterest(
            wkt:
                "POLYGON((500000 5000000, 500120 5000000, 500120 4999999, 500001 4999999, 500001 4999904, 500000 4999904, 500000 5000000))",
            crs: .init("EPSG:32633"))
        let outside = try failure([scene], aoi: corner)
        #expect(outside.report.contains("the centres of all 30 tiles are outside the area of interest"), "\(outside)")
        #expect(leftNothing)
    }

    @Test func `a scene that is too coarse`() throws {
        let scene = try makeScene(folder, pixelSize: 2)
        let error = try failure([scene])
        #expect(error.code == .badScene && error.place == scene)
        #expect(error.what.contains("m pixels, but the profile asks for 0.6 m"), "\(error)")
        #expect(leftNothing)
    }

    @Test func `a scene without CRS`() throws {
        let path = folder.file("nowhere.tif")
        try writeRaster(
            PixelBuffer(bands: 3, height: 64, width: 64, samples: .uint8([UInt8](repeating: 9, count: 3 * 64 * 64))),
            to: path, format: RasterFormat(sampleType: .uint8, bands: BandInfo.rgb))
        let error = try failure([path])
        #expect(
            error.code == .badScene && error.place == path
                && error.causes.contains { $0.contains("no CRS") || $0.contains("neither a CRS") }, "\(error)")
    }

    @Test func `a missing file, a text file, a scene listed twice, no scene`() throws {
        #expect(try failure([folder.file("absent.tif")]).place == folder.file("absent.tif"))
        #expect(try failure([try folder.write("no raster at all", to: "text.tif")]).code == .badScene)
        let scene = try makeScene(folder)
        #expect(try failure([scene, scene]).what == "the scene is listed twice")
        #expect(try failure([]).code == .badScene)
        #expect(leftNothing)
    }

    @Test func `a scene that breaks off half-way`() throws {
        let scene = try makeScene(folder, width: 400, height: 400)
        let whole = try Data(contentsOf: URL(fileURLWithPath: scene))
        try whole[..<(whole.count / 2)].write(to: URL(fileURLWithPath: scene))
        let error = try failure([scene], smallProfile(shardSize: 10_000_000))
        #expect(error.code == .badScene && error.place == scene && error.what.contains("cannot"), "\(error)")
        #expect(leftNothing)
        // Finished shards of other scenes are not thrown away.
        let good = try makeScene(folder, "good.tif")
        let late = try failure([good, scene], smallProfile())
        #expect(late.report.contains("resume with \(Setting.resume);") && !leftNothing)
        #expect(try CorpusTileSource(folder.file("c"), allowUnfinished: true).tileCount > 10)
    }

    @Test func `an empty scene under a percentile stretch is left out and named`() throws {
        let stretch = StretchRule.percentile(low: 2, high: 98)
        let empty = try makeScene(folder, "empty.tif", sampleType: .uint16) { _, _ in true }
        let good = try makeScene(folder, "good.tif", sampleType: .uint16)
        let summary = try tile(scenes: [empty, good], profile: smallProfile(stretch: stretch), into: folder.file("c"))
        #expect(summary.tiles == 30 && summary.scenes == 2)
        #expect(summary.notes == ["\(empty): it has no valid pixels, so it yields no tiles"])
        let again = try tile(
            scenes: [empty, good], profile: smallProfile(stretch: stretch), into: folder.file("c"),
            options: TileOptions(resume: true))
        #expect(again.upToDate)
        try FileManager.default.removeItem(atPath: folder.file("c"))
        #expect(try failure([empty], smallProfile(stretch: stretch)).what.contains("no valid pixel was found"))
        #expect(leftNothing)
        // A few values at a place that no sample hits are values; a band without any is a mistake.
        let sliver = try makeScene(folder, "sliver.tif", width: 3000, height: 2600, sampleType: .uint16) {
            row, column in
            !((400..<440).contains(row) && (300..<340).contains(column))
        }
        let cut = try tile(
            scenes: [sliver], profile: smallProfile(minValidFraction: 0.01, stretch: stretch), into: folder.file("c"))
        #expect(cut.tiles == 4)
    }

    @Test func `a scene with one empty band is refused under a percentile stretch`() throws {
        let path = folder.file("dark.tif")
        let side = 64
        let values = (0..<3 * side * side).map { UInt16($0 / (side * side) == 1 ? 0 : 100 + $0 % 900) }
        try writeRaster(
            plain(side: side, samples: .uint16(values)), to: path,
            format: RasterFormat(sampleType: .uint16, nodata: 0, bands: BandInfo.rgb))
        let good = try makeScene(folder, "good.tif", sampleType: .uint16)
        let error = try failure([good, path], smallProfile(stretch: .percentile(low: 2, high: 98)))
        #expect(error.place == path && error.what.contains("in band 2"), "\(error)")
        // Floats are valid where all bands are: together, no pixel of such a scene is.
        let floats = folder.file("dark-float.tif")
        try writeRaster(
            plain(side: side, samples: .float32(values.map { $0 == 0 ? .nan : Float($0) })), to: floats,
            format: RasterFormat(sampleType: .float32, bands: BandInfo.rgb))
        let other = try failure([floats], smallProfile(stretch: .percentile(low: 2, high: 98)))
        #expect(other.place == floats && other.what.contains("in band 2"), "\(other)")
        #expect(leftNothing)
    }

    @Test func `metadata that are no numbers are left out`() throws {
        let path = folder.file("odd.tif")
        try writeRaster(
            plain(side: 64, samples: .uint8((0..<3 * 64 * 64).map { UInt8($0 % 251) })), to: path,
            format: RasterFormat(
                sampleType: .uint8, bands: BandInfo.rgb,
                tags: ["SUN_ELEVATION": "nan", "CLOUDCOVER": "inf", "SUN_AZIMUTH": "140"]))
        try tile(scenes: [path], profile: smallProfile(), into: folder.file("c"))
        let scene = try corpusScenes(folder.file("c"))[0]
        #expect(scene.sunElevation == nil && scene.cloudCover == nil && scene.sunAzimuth == 140)
    }

    @Test func `bands and types that do not suit`() throws {
        let deep = try makeScene(folder, "deep.tif", sampleType: .uint16)
        #expect(try failure([deep]).report.contains("percentile:2,98"))
        let scene = try makeScene(folder)
        #expect(try failure([scene], smallProfile(bands: .numbers([4]))).what.contains("band 4, but the raster has 3"))
        #expect(try failure([scene], smallProfile(bands: .names(["nir"]))).what.contains("red, green, blue"))
        let float = try makeScene(folder, "float.tif", sampleType: .float32)
        #expect(try failure([float], smallProfile(pixels: .raw)).what.contains("raw tiles must be uint8 or uint16"))
    }

    @Test func `a folder that is no corpus is left alone, even by overwrite`() throws {
        let scene = try makeScene(folder)
        try FileManager.default.createDirectory(atPath: folder.file("c"), withIntermediateDirectories: true)
        _ = try folder.write("precious", to: "c/notes.txt")
        #expect(try failure([scene]).code == .exists)
        #expect(try failure([scene], options: TileOptions(overwrite: true)).code == .exists)
        #expect(try String(contentsOfFile: folder.file("c/notes.txt"), encoding: .utf8) == "precious")
    }

    @Test func `overwriting replaces a corpus, and a run that cuts nothing puts it back`() throws {
        let scene = try makeScene(folder)
        let corpus = folder.file("c")
        try tile(scenes: [scene], profile: smallProfile(), into: corpus)
        let before = try shardFiles(corpus)
        var strict = smallProfile(minValidFraction: 1)
        let holes = try makeScene(folder, "holes.tif", isHole: { row, column in (row + column) % 9 == 0 })
        #expect(try failure([holes], strict, options: TileOptions(overwrite: true)).code == .nothingCut)
        #expect(try shardFiles(corpus) == before)
        strict.tileSize = 48
        try tile(scenes: [scene], profile: strict, into: corpus, options: TileOptions(overwrite: true))
        #expect(try CorpusTileSource(corpus).layout.tileSize == 48)
        #expect(folder.contents.filter { $0.hasPrefix("c") } == ["c"])
    }

    @Test func `a corpus that another run has just made is not written into`() throws {
        let scene = try makeScene(folder)
        let corpus = folder.file("c")
        for overwrites in [false, true] {
            if overwrites { try tile(scenes: [scene], profile: smallProfile(), into: corpus) }
            var options = TileOptions(overwrite: overwrites)
            options.reached = { [folder] point in
                guard point == .folderInspected else { return }
                var other = smallProfile()
                other.tileSize = 48
                try tile(
                    scenes: [scene], profile: other, into: folder.file("c"), options: TileOptions(overwrite: overwrites)
                )
            }
            if overwrites {
                // Both were told to replace what is there; the later one does.
                try tile(scenes: [scene], profile: smallProfile(), into: corpus, options: options)
                #expect(try CorpusTileSource(corpus).layout.tileSize == 32)
            } else {
                let error = try failure([scene], options: options)
                #expect(error.code == .exists && error.what.contains("another process"), "\(error)")
                #expect(try CorpusTileSource(corpus).layout.tileSize == 48)
            }
            #expect(try verifyCorpus(corpus).damage.isEmpty)
            try FileManager.default.removeItem(atPath: corpus)
        }
    }

    @Test func `overwriting after a break that came behind the last tile keeps the newer corpus until it is replaced`()
        throws
    {
        let scene = try makeScene(folder)
        let corpus = folder.file("c")
        var old = smallProfile()
        old.tileSize = 48
        try tile(scenes: [scene], profile: old, into: corpus)
        var options = TileOptions(overwrite: true)
        options.reached = { if $0 == .databaseFinished { throw CancellationError() } }
        #expect(throws: CancellationError.self) {
            try tile(scenes: [scene], profile: smallProfile(), into: corpus, options: options)
        }
        #expect(folder.contents.filter { $0.hasPrefix("c") } == ["c", "c.replaced"])
        // A run that cuts nothing puts back the newer one, not the oldest.
        let holes = try makeScene(folder, "holes.tif", isHole: { row, column in (row + column) % 9 == 0 })
        let strict = smallProfile(minValidFraction: 1)
        #expect(try failure([holes], strict, options: TileOptions(overwrite: true)).code == .nothingCut)
        #expect(try CorpusTileSource(corpus).layout.tileSize == 32)
        #expect(folder.contents.filter { $0.hasPrefix("c") } == ["c"])
        // The same command again finds all done, and clears away what the broken run left.
        try tile(scenes: [scene], profile: old, into: corpus, options: TileOptions(overwrite: true))
        #expect(throws: CancellationError.self) {
            try tile(scenes: [scene], profile: smallProfile(), into: corpus, options: options)
        }
        #expect(try tile(scenes: [scene], profile: smallProfile(), into: corpus).upToDate)
        #expect(folder.contents.filter { $0.hasPrefix("c") } == ["c"])
    }

    @Test(arguments: [true, false]) func `one writer at a time`(resume: Bool) throws {
        let scene = try makeScene(folder)
        let corpus = folder.file("c")
        let seen = Mutex<CorpusError?>(nil)
        try tile(scenes: [scene], profile: smallProfile(), into: corpus) { [folder] event in
            // The folder is held from the first place on, not while scenes are looked at.
            if seen.value == nil, event.unit == "places" {
                seen.value = corpusError {
                    try tile(
                        scenes: [scene], profile: smallProfile(), into: folder.file("c"),
                        options: TileOptions(resume: resume))
                }
            }
            return true
        }
        #expect(seen.value?.code == .locked)
        #expect(
            seen.value?.causes.first?.contains("process \(getpid()) on") == true, "\(String(describing: seen.value))")
    }

    @Test func `the lock of a dead process is taken over, that of another machine is not`() throws {
        let scene = try makeScene(folder)
        let corpus = folder.file("c")
        try tile(scenes: [scene], profile: smallProfile(), into: corpus)
        _ = try folder.write("process 999999 on \(ProcessInfo.processInfo.hostName)\n", to: "c/LOCK")
        #expect(try reindexCorpus(corpus).tiles == 30)
        _ = try folder.write("process 12 on elsewhere.example\n", to: "c/LOCK")
        let error = try #require(corpusError { try reindexCorpus(corpus) })
        #expect(error.code == .locked && error.what.contains("process 12 on elsewhere.example"), "\(error)")
        let left = try String(contentsOfFile: corpus + "/LOCK", encoding: .utf8)
        #expect(left == "process 12 on elsewhere.example\n", "it is still theirs")
    }
}

/// A value behind a lock, for handlers that may run on any thread.
final class Mutex<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var stored: Value
    init(_ value: Value) { stored = value }
    var value: Value {
        get { lock.withLock { stored } }
        set { lock.withLock { stored = newValue } }
    }
}
