// Real scenes and hostile files, where the shared test data is at hand.
import Corpus
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct RealDataTests {
    private let folder = MemoryFolder()

    @Test(.enabled(if: SharedData.folder != nil, "\(SharedData.absence)"))
    func `aerial imagery is cut at its own resolution`() throws {
        let data = try #require(SharedData.folder)
        let scenes = SharedData.files(in: "pretrain/neon_rgb_plots").filter { $0.hasSuffix(".tif") }
        #expect(!scenes.isEmpty, "no scenes in \(data)")
        let profile = TileProfile(
            name: "aerial", tileSize: 128, gsd: .native, sampling: .init(kind: .grid, stride: 64),
            splits: .init(block: 40))
        let summary = try tile(
            scenes: scenes, profile: profile, into: folder.file("c"), options: TileOptions(threads: 2))
        // 400 x 400 pixels hold 5 x 5 tiles at stride 64; some plots are smaller, some tiles are blank.
        #expect(summary.tiles > 15 * scenes.count && summary.tiles <= 25 * scenes.count)
        let source = try CorpusTileSource(folder.file("c"))
        #expect(source.layout.gsd == nil && source.layout.sampleType == .uint8)
        let first = try source.tiles([0]).tiles[0]
        #expect(
            first.samples
                == (try RasterReader(path: scenes[0]).read(PixelWindow(column: 0, row: 0, width: 128, height: 128))
                    .samples))
        try verifyCorpus(folder.file("c"))
        // The plots lie in two zones.
        #expect(try corpusInfo(folder.file("c")).systems.sorted() == ["EPSG:32617", "EPSG:32618"])
    }

    @Test(.enabled(if: SharedData.folder != nil, "\(SharedData.absence)"))
    func `malformed files are refused in words or cut, never more`() throws {
        let files = SharedData.files(in: "malformed")
        #expect(files.count > 20)
        var refused = 0
        for (number, file) in files.enumerated() {
            let corpus = folder.file("m\(number)")
            let profile = TileProfile(
                name: "any", tileSize: 64, gsd: .native, sampling: .init(kind: .grid),
                stretch: .percentile(low: 2, high: 98))
            do {
                try tile(scenes: [file], profile: profile, into: corpus)
                try verifyCorpus(corpus)
            } catch let error as any ExplainedError {
                refused += 1
                #expect(!error.what.isEmpty)
                #expect(
                    error.report.contains((file as NSString).lastPathComponent) || error.report.contains(corpus),
                    "\(error)")
            }
            try? FileManager.default.removeItem(atPath: corpus)
        }
        #expect(refused > 20)
    }
}
