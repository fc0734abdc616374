// Breaks at every point and at many bytes: what resume ends with is what an unbroken run ends with.
import Corpus
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

private struct Break: Error {}

struct ResumeTests {
    private let folder = MemoryFolder()

    private func resume(_ scenes: [String], _ profile: TileProfile, _ corpus: String) throws -> TileSummary {
        try tile(scenes: scenes, profile: profile, into: corpus, options: TileOptions(resume: true))
    }

    private func scenes() throws -> [String] {
        [
            try makeScene(folder, "a.tif", width: 100, height: 100),
            try makeScene(
                folder, "b.tif", width: 140, height: 70, originX: 600_000,
                isHole: { row, column in row < 40 && column < 60 }),
        ]
    }

    @Test func `a break at any point, then resume, is an unbroken run`() throws {
        let scenes = try scenes()
        for sampling in [TileProfile.Sampling(kind: .grid, stride: 28), .init(kind: .random, count: 14, seed: 2)] {
            let name = sampling.kind.rawValue
            let profile = smallProfile(sampling: sampling, shardSize: 18_000)
            let points = Mutex<[BreakingPoint]>([])
            var options = TileOptions()
            options.reached = { point in points.value.append(point) }
            try tile(scenes: scenes, profile: profile, into: folder.file(name), options: options)
            let whole = try shardFiles(folder.file(name))
            let index = try dump(folder.file(name) + "/corpus.gpkg")
            #expect(whole.count >= 6, "the run should have several shards")
            #expect(points.value.count > 20)
            // Every point of the one, every third of the other: the machinery is the same.
            for (number, point) in points.value.enumerated() where sampling.kind == .grid || number % 3 == 0 {
                let corpus = folder.file("\(name)-\(number)")
                var breaking = TileOptions(threads: 2)
                breaking.reached = { if $0 == point { throw Break() } }
                #expect(throws: Break.self) {
                    try tile(scenes: scenes, profile: profile, into: corpus, options: breaking)
                }
                let summary = try resume(scenes, profile, corpus)
                #expect(summary.tiles > 10)
                #expect(try shardFiles(corpus) == whole, "broken at \(point)")
                #expect(try dump(corpus + "/corpus.gpkg") == index, "broken at \(point)")
                #expect(!FileManager.default.fileExists(atPath: corpus + "/LOCK"))
                try FileManager.default.removeItem(atPath: corpus)
            }
        }
    }

    @Test func `an open shard cut or soiled at any byte is continued to the same bytes`() throws {
        let scenes = try scenes()
        let profile = smallProfile(shardSize: 1_000_000)
        try tile(scenes: scenes, profile: profile, into: folder.file("whole"))
        let whole = try shardFiles(folder.file("whole"))
        let broken = folder.file("broken")
        var options = TileOptions()
        options.reached = { if $0 == .tileAppended(9) { throw Break() } }
        #expect(throws: Break.self) { try tile(scenes: scenes, profile: profile, into: broken, options: options) }
        let open = try #require(try shardFiles(broken).keys.sorted().last)
        #expect(open.hasSuffix(".tar"), "tile 9 should lie in an open shard")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: broken + "/shards/" + open))
        #expect(bytes.count > 4000)
        let cuts =
            [0, 1, 511, 512, 513, 1024, bytes.count - 513, bytes.count - 512, bytes.count - 1, bytes.count]
            + (1..<12).map { bytes.count * $0 / 12 }
        for cut in cuts {
            for soiled in [false, true] {
                let corpus = folder.file("cut")
                try FileManager.default.copyItem(atPath: broken, toPath: corpus)
                // After a power cut, blocks that were never written may read as zeros.
                let damaged = bytes[..<cut] + (soiled ? Data(count: bytes.count - cut + 700) : Data())
                try damaged.write(to: URL(fileURLWithPath: corpus + "/shards/" + open))
                // Two empty blocks right behind a tile are an end; more bytes behind it are nobody's to cut.
                do {
                    _ = try resume(scenes, profile, corpus)
                    #expect(try shardFiles(corpus) == whole, "cut at \(cut), soiled \(soiled)")
                } catch let error as CorpusError where soiled {
                    #expect(error.code == .damaged && error.what.contains("after its end"), "\(error)")
                    #expect(try shardFiles(corpus)[open] == damaged)
                }
                try FileManager.default.removeItem(atPath: corpus)
            }
        }
    }

    @Test func `resume begins what was not begun`() throws {
        let scenes = try scenes()
        let summary = try resume(scenes, smallProfile(), folder.file("c"))
        #expect(summary.tiles > 10 && !summary.upToDate)
    }

    @Test func `a complete corpus is up to date`() throws {
        let scenes = try scenes()
        let first = try tile(scenes: scenes, profile: smallProfile(), into: folder.file("c"))
        let files = try shardFiles(folder.file("c"))
        for options in [TileOptions(), TileOptions(resume: true)] {
            let again = try tile(scenes: scenes, profile: smallProfile(), into: folder.file("c"), options: options)
            #expect(again.upToDate && again.newTiles == 0)
            #expect(again.tiles == first.tiles && again.splits == first.splits)
        }
        #expect(try shardFiles(folder.file("c")) == files)
    }

    @Test func `other inputs are refused and named`() throws {
        let scenes = try scenes()
        let corpus = folder.file("c")
        try tile(scenes: scenes, profile: smallProfile(), into: corpus)
        func differences(_ scenes: [String], _ profile: TileProfile, _ aoi: AreaOfInterest? = nil) throws -> String {
            let error = try #require(
                corpusError {
                    try tile(
                        scenes: scenes, profile: profile, into: corpus, aoi: aoi, options: TileOptions(resume: true))
                })
            #expect(error.code == .inputsChanged)
            return error.report
        }
        var profile = smallProfile()
        profile.minValidFraction = 0.5
        #expect(try differences(scenes, profile).contains("profile min_valid_fraction is now 0.5"))
        #expect(try differences([scenes[0]], smallProfile()).contains("1 scenes now; the corpus was started with 2"))
        #expect(try differences(scenes.reversed(), smallProfile()).contains("scene 0 is now \(scenes[1])"))
        let aoi = try AreaOfInterest(bounds: Bounds(minX: 14, minY: 44, maxX: 17, maxY: 46), crs: .wgs84)
        #expect(try differences(scenes, smallProfile(), aoi).contains("an area of interest now"))
        _ = try makeScene(folder, "a.tif", width: 100, height: 100, originX: 500_006)
        #expect(try differences(scenes, smallProfile()).contains("scene 0, \(scenes[0]), has changed"))
    }

    @Test func `a corpus moved with its scenes is resumed to the same bytes`() throws {
        let scenes = try scenes()
        try tile(scenes: scenes, profile: smallProfile(), into: folder.file("whole"))
        var options = TileOptions()
        options.reached = { if $0 == .tileAppended(11) { throw Break() } }
        #expect(throws: Break.self) {
            try tile(scenes: scenes, profile: smallProfile(), into: folder.file("c"), options: options)
        }
        try FileManager.default.createDirectory(atPath: folder.file("moved"), withIntermediateDirectories: true)
        let moved = try scenes.map { path in
            let target = folder.file("moved/" + (path as NSString).lastPathComponent)
            try FileManager.default.moveItem(atPath: path, toPath: target)
            return target
        }
        _ = try resume(moved, smallProfile(), folder.file("c"))
        #expect(try shardFiles(folder.file("c")) == shardFiles(folder.file("whole")))
    }

    @Test func `a lost index costs no shard`() throws {
        let scenes = try scenes()
        let profile = smallProfile(shardSize: 18_000)
        try tile(scenes: scenes, profile: profile, into: folder.file("whole"))
        let whole = try shardFiles(folder.file("whole"))
        let index = try dump(folder.file("whole/corpus.gpkg"))
        // Complete, then lost.
        try FileManager.default.removeItem(atPath: folder.file("whole/corpus.gpkg"))
        let again = try resume(scenes, profile, folder.file("whole"))
        #expect(again.upToDate && again.notes.contains { $0.contains("corpus.gpkg") })
        #expect(try dump(folder.file("whole/corpus.gpkg")) == index)
        // Broken off, then lost.
        var options = TileOptions()
        options.reached = { if $0 == .tileAppended(9) { throw Break() } }
        #expect(throws: Break.self) {
            try tile(scenes: scenes, profile: profile, into: folder.file("c"), options: options)
        }
        try FileManager.default.removeItem(atPath: folder.file("c/corpus.gpkg"))
        let before = try shardFiles(folder.file("c"))
        let summary = try resume(scenes, profile, folder.file("c"))
        #expect(summary.newTiles < summary.tiles)
        #expect(before.keys.allSatisfy { whole[$0] != nil })
        #expect(try shardFiles(folder.file("c")) == whole)
        #expect(try dump(folder.file("c/corpus.gpkg")) == index)
    }

    @Test func `surplus in a finished shard is never cut`() throws {
        let scenes = try scenes()
        let profile = smallProfile(shardSize: 18_000)
        let corpus = folder.file("c")
        var options = TileOptions()
        options.reached = { if $0 == .tileAppended(9) { throw Break() } }
        #expect(throws: Break.self) { try tile(scenes: scenes, profile: profile, into: corpus, options: options) }
        let path = corpus + "/shards/000000.tar"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path)) + Data("more".utf8)
        try bytes.write(to: URL(fileURLWithPath: path))
        let error = try #require(corpusError { _ = try resume(scenes, profile, corpus) })
        #expect(
            error.code == .damaged && error.what.contains("4 bytes more")
                && error.remedy?.contains("\(UserAction.reindexDamagedCorpus(corpus))") == true,
            "\(error)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        // Reindexing keeps the bytes and lets the work go on.
        let summary = try reindexCorpus(corpus)
        #expect(summary.rebuilt == ["000000.idx"] && summary.notes.contains { $0.contains("4 bytes after its end") })
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        #expect(try resume(scenes, profile, corpus).tiles > 10)
    }

    @Test func `a shard without index that nobody calls open is not touched`() throws {
        let scenes = try scenes()
        let profile = smallProfile(shardSize: 18_000)
        let corpus = folder.file("c")
        try tile(scenes: scenes, profile: profile, into: corpus)
        let whole = try shardFiles(corpus)
        let last = try #require(whole.keys.filter { $0.hasSuffix(".idx") }.sorted().last)
        try FileManager.default.removeItem(atPath: corpus + "/shards/" + last)
        let error = try #require(corpusError { _ = try resume(scenes, profile, corpus) })
        #expect(
            error.code == .damaged && error.remedy?.contains("\(UserAction.reindexDamagedCorpus(corpus))") == true,
            "\(error)")
        let summary = try reindexCorpus(corpus)
        #expect(summary.rebuilt == [last])
        #expect(try shardFiles(corpus) == whole)
        #expect(try resume(scenes, profile, corpus).upToDate)
    }

    @Test func `shards lost from the end are missed, and cut again after reindexing`() throws {
        let scenes = try scenes()
        let profile = smallProfile(shardSize: 18_000)
        let corpus = folder.file("c")
        let tiles = try tile(scenes: scenes, profile: profile, into: corpus).tiles
        let whole = try shardFiles(corpus)
        let last = (whole.count / 2 - 1)
        for number in [last - 1, last] {
            for suffix in ["tar", "idx"] {
                try FileManager.default.removeItem(atPath: corpus + "/shards/00000\(number).\(suffix)")
            }
        }
        let wanted = "the last 2 shards, from 00000\(last - 1).tar on, are missing with their indexes"
        #expect(corpusError { _ = try CorpusTileSource(corpus) }?.what == wanted)
        #expect(corpusError { _ = try corpusInfo(corpus) }?.what == wanted)
        #expect(corpusError { try verifyCorpus(corpus) }?.report.contains(wanted) == true)
        #expect(corpusError { _ = try resume(scenes, profile, corpus) }?.what == wanted)
        // A journal that does not count, as older ones do not: the GeoPackage knows.
        try Data(#"{"complete":true,"format_version":1}"#.utf8).write(
            to: URL(fileURLWithPath: corpus + "/journal.json"))
        let kept = try shardFiles(corpus).filter { $0.key.hasSuffix(".idx") }.count
        let summary = try reindexCorpus(corpus)
        let note = "the shards hold \(summary.tiles) tiles; the corpus was cut with \(tiles)"
        #expect(
            summary.shards == kept && summary.notes.contains(note)
                && summary.notes.contains { $0.contains("\(UserAction.resumeCutting)") }
        )
        let again = try resume(scenes, profile, corpus)
        #expect(again.tiles == tiles && again.newTiles == tiles - summary.tiles)
        #expect(try shardFiles(corpus) == whole)
        try verifyCorpus(corpus)
    }

    @Test func `cancelling leaves something to resume`() throws {
        let scenes = try scenes()
        let error = try #require(
            corpusError { try tile(scenes: scenes, profile: smallProfile(), into: folder.file("c")) { $0.done < 7 } })
        #expect(error.code == .cancelled && error.remedy == "to continue, \(UserAction.resumeSameCommand)")
        #expect(corpusError { _ = try CorpusTileSource(folder.file("c")) }?.what == "the corpus is not finished")
        let summary = try resume(scenes, smallProfile(), folder.file("c"))
        #expect(summary.newTiles < summary.tiles)
        try tile(scenes: scenes, profile: smallProfile(), into: folder.file("whole"))
        #expect(try shardFiles(folder.file("c")) == shardFiles(folder.file("whole")))
    }
}
