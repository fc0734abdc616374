// Cutting: what comes out, the same at any number of threads, and why nothing does.
import Corpus
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct TileTests {
    private let folder = MemoryFolder()

    @Test func `tiles of a scene's own pixels are its pixels`() throws {
        let scene = try makeScene(folder)
        let summary = try tile(scenes: [scene], profile: smallProfile(), into: folder.file("c"))
        #expect(summary.tiles == 6 * 5)
        #expect(summary.newTiles == 30 && !summary.upToDate && summary.shards > 2)
        // A metre of UTM is up to 0.04 % longer or shorter on the ground.
        #expect(abs(summary.squareKilometres / (30 * 19.2 * 19.2 / 1e6) - 1) < 1e-3)
        let source = try CorpusTileSource(folder.file("c"))
        #expect(source.tileCount == 30)
        #expect(
            source.layout
                == PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 32, gsd: 0.6, stretch: .none))
        let reader = try RasterReader(path: scene)
        for (id, tile) in zip(0..<30, try source.tiles(Array(0..<30)).tiles) {
            let window = PixelWindow(column: id % 6 * 32, row: id / 6 * 32, width: 32, height: 32)
            let expected = try reader.read(window)
            #expect(tile.samples == expected.samples, "tile \(id)")
            #expect(tile.grid == expected.grid, "tile \(id)")
        }
    }

    @Test func `a scene whose pixels are within one percent of the profile's is cut without resampling`() throws {
        let scene = folder.file("near.tif")
        let grid = GeoTransform(originX: 500_001.7, originY: 5_000_003.1, pixelSize: 0.603)
        try RampRaster(transform: grid, width: 100, height: 70).write(to: scene)
        try tile(scenes: [scene], profile: smallProfile(), into: folder.file("c"))
        let reader = try RasterReader(path: scene)
        let tile = try CorpusTileSource(folder.file("c")).tiles([0]).tiles[0]
        #expect(try tile.samples == reader.read(PixelWindow(column: 0, row: 0, width: 32, height: 32)).samples)
        #expect(tile.grid?.transform == grid)
    }

    @Test func `a corpus whose tiles were placed by an earlier rule stays as it is`() throws {
        let scene = folder.file("near.tif")
        let grid = GeoTransform(originX: 500_001.7, originY: 5_000_003.1, pixelSize: 0.603)
        try RampRaster(transform: grid, width: 100, height: 70).write(to: scene)
        try tile(scenes: [scene], profile: smallProfile(), into: folder.file("c"))
        let path = URL(fileURLWithPath: folder.file("c/geodino-corpus.json"))
        let text = try String(contentsOf: path, encoding: .utf8)
        try text.replacing("\"tile_gsd\" : 0.60", with: "\"tile_gsd\" : 0.61").replacing(
            "\"is_exact\" : true", with: "\"is_exact\" : false"
        ).write(to: path, atomically: true, encoding: .utf8)
        #expect(try String(contentsOf: path, encoding: .utf8) != text)
        #expect(try tile(scenes: [scene], profile: smallProfile(), into: folder.file("c")).upToDate)
    }

    @Test func `the bytes do not depend on the number of threads`() throws {
        let scenes = [
            try makeScene(folder, "a.tif"),
            try makeScene(folder, "b.tif", originX: 600_000, isHole: { row, column in row < 70 && column < 90 }),
        ]
        for (name, sampling) in [
            ("grid", TileProfile.Sampling(kind: .grid, stride: 24)),
            ("random", TileProfile.Sampling(kind: .random, count: 40, seed: 3)),
        ] {
            var first: [String: Data]?
            for threads in [1, 2, 5] {
                let corpus = folder.file("\(name)-\(threads)")
                try tile(
                    scenes: scenes, profile: smallProfile(sampling: sampling), into: corpus,
                    options: TileOptions(threads: threads))
                let files = try shardFiles(corpus)
                #expect(files.count > 4)
                first = first ?? files
                #expect(files == first, "\(name) with \(threads) threads")
            }
        }
    }

    @Test func `random places give the count that was asked for, without holes`() throws {
        let scene = try makeScene(folder, isHole: { row, _ in row < 80 })
        let summary = try tile(
            scenes: [scene],
            profile: smallProfile(sampling: .init(kind: .random, count: 25, seed: 9), minValidFraction: 1),
            into: folder.file("c"))
        #expect(summary.tiles == 25)
        #expect(summary.tooFewValid > 0)
        let source = try CorpusTileSource(folder.file("c"))
        for tile in try source.tiles(Array(0..<25)).tiles { #expect(tile.validFraction == 1) }
    }

    @Test func `coarser tiles average the pixels below`() throws {
        // An origin at whole multiples of 1.2 m, so that four pixels make one.
        let scene = try makeScene(folder, originX: 500_400, originY: 5_000_400)
        try tile(scenes: [scene], profile: smallProfile(gsd: .metres(1.2)), into: folder.file("c"))
        let source = try CorpusTileSource(folder.file("c"))
        // 100 x 80 pixels of 1.2 m hold 3 x 2 tiles.
        #expect(source.tileCount == 6)
        let pixels = try RasterReader(path: scene).read(PixelWindow(column: 0, row: 0, width: 64, height: 64))
        let tile = try source.tiles([0]).tiles[0]
        for (row, column) in [(0, 0), (5, 9), (31, 31)] {
            var sum: Float = 0
            for (y, x) in [(0, 0), (0, 1), (1, 0), (1, 1)] { sum += pixels[0, 2 * row + y, 2 * column + x] }
            #expect(abs(tile[0, row, column] - sum / 4) <= 0.5)
        }
        #expect(tile.grid?.transform.columnX == 1.2)
    }

    @Test func `scenes in degrees get tiles in their UTM zone`() throws {
        let scene = try makeScene(
            folder, width: 300, height: 300, originX: 15.0, originY: 45.0, pixelSize: 0.6 / 111_320, crs: "EPSG:4326")
        // Longitude degrees are shorter: the pixels are about 0.42 x 0.6 m.
        try tile(scenes: [scene], profile: smallProfile(), into: folder.file("c"))
        let source = try CorpusTileSource(folder.file("c"))
        let grid = try #require(try source.tiles([0]).tiles[0].grid)
        #expect(grid.crs?.definition == "EPSG:32633")
        let origin = grid.transform.originX / 0.6
        #expect(abs(origin - origin.rounded()) < 1e-6)
    }

    @Test func `a stretch is applied with the scene's own parameters`() throws {
        let scene = try makeScene(folder, sampleType: .uint16)
        let rule = StretchRule.fixed(low: 0, high: 2000)
        try tile(scenes: [scene], profile: smallProfile(stretch: rule), into: folder.file("a"))
        let pixels = try CorpusTileSource(folder.file("a")).tiles([7]).tiles[0]
        let raw = try RasterReader(path: scene).read(PixelWindow(column: 32, row: 32, width: 32, height: 32))
        #expect(pixels.sampleType == .uint8)
        for (row, column) in [(0, 0), (13, 30), (31, 31)] {
            let expected = min(255, raw[1, row, column] / 2000 * 255)
            #expect(abs(pixels[1, row, column] - expected) <= 0.51)
        }
        // Raw shards stretch at loading and give the very same pixels.
        try tile(
            scenes: [scene], profile: smallProfile(stretch: rule, pixels: .raw, shardSize: 60_000),
            into: folder.file("b"))
        let loaded = try CorpusTileSource(folder.file("b"))
        #expect(loaded.layout.sampleType == .uint8)
        #expect(try loaded.tiles([7]).tiles[0].samples == pixels.samples)
        try tile(scenes: [scene], profile: smallProfile(pixels: .raw, shardSize: 60_000), into: folder.file("r"))
        let unstretched = try CorpusTileSource(folder.file("r"))
        #expect(unstretched.layout.sampleType == .uint16)
        #expect(try unstretched.tiles([7]).tiles[0].samples == raw.samples)
    }

    @Test func `an area of interest counts centres`() throws {
        let scene = try makeScene(folder)
        // A box that holds the centres of tiles in columns 1 and 2 and rows 1 to 3, and touches more.
        let pixel = 0.6
        let bounds = Bounds(
            minX: 500_000 + 40 * pixel, minY: 5_000_000 - 115 * pixel, maxX: 500_000 + 85 * pixel,
            maxY: 5_000_000 - 45 * pixel)
        let aoi = try AreaOfInterest(bounds: bounds, crs: .init("EPSG:32633"))
        let summary = try tile(scenes: [scene], profile: smallProfile(), into: folder.file("c"), aoi: aoi)
        #expect(summary.tiles == 2 * 3)
        let grids = try CorpusTileSource(folder.file("c")).tiles(Array(0..<6)).tiles.compactMap(\.grid)
        for grid in grids {
            let centre = grid.bounds.centre
            #expect(
                centre.x > bounds.minX && centre.x < bounds.maxX && centre.y > bounds.minY && centre.y < bounds.maxY)
        }
    }

    @Test func `no block of ground is in two splits`() throws {
        let scenes = [
            try makeScene(folder, "a.tif", width: 640, height: 480),
            // The same ground again, half a tile aside.
            try makeScene(folder, "b.tif", width: 640, height: 480, originX: 500_009.6, originY: 5_000_003),
        ]
        let splits = TileProfile.Splits(block: 60, train: 0.5, validation: 0.25, test: 0.25)
        let summary = try tile(
            scenes: scenes, profile: smallProfile(shardSize: 100_000, splits: splits), into: folder.file("c"))
        #expect(Set(summary.splits.keys) == ["train", "validation", "test", "border"])
        let source = try CorpusTileSource(folder.file("c"))
        var covered: [String: [Bounds]] = [:]
        var total = 0
        for name in ["train", "validation", "test", "border"] {
            let subset = try source.subset(named: name)
            #expect(subset.count == summary.splits[name])
            total += subset.count
            let ids = (0..<subset.count).map(subset.id)
            #expect(ids == ids.sorted())
            covered[name] = try source.tiles(ids).tiles.compactMap { $0.grid?.bounds }
            for id in ids { #expect(source.subsetBits(id) == Split(rawValue: name)?.bit) }
        }
        #expect(total == source.tileCount)
        // Not only the blocks: no pixel of ground is in two splits either.
        for (a, b) in [("train", "validation"), ("train", "test"), ("validation", "test")] {
            for tile in covered[a] ?? [] {
                #expect(!(covered[b] ?? []).contains { $0.intersection(tile) != nil }, "\(a) and \(b) share ground")
            }
        }
        #expect(try source.subset(named: "all").count == source.tileCount)
        #expect(corpusError { _ = try source.subset(named: "holdout") }?.code == .noSubset)
    }

    @Test func `a scene across 180 degrees has footprints on both sides`() throws {
        // UTM zone 60 south near Fiji: 180 degrees lies at about x = 818 km there.
        let toMetres = try CoordinateTransformer(from: .wgs84, to: .init("EPSG:32760"))
        let middle = try #require(toMetres.transform([(180, -17)])[0])
        let scene = try makeScene(
            folder, width: 96, height: 64, originX: (middle.x - 30).rounded(), originY: middle.y.rounded(),
            crs: "EPSG:32760")
        try tile(scenes: [scene], profile: smallProfile(), into: folder.file("c"))
        let text = try query(folder.file("c/corpus.gpkg"), "SELECT geom FROM tiles")
        let extents = text.split(separator: "\n").compactMap { line -> GeoPackageGeometry.Extent? in
            let digits = Array(line.utf8).map { UInt8($0 < 58 ? $0 - 48 : $0 - 55) }
            return GeoPackageGeometry.extent(
                stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
        }
        #expect(extents.count == 6)
        #expect(extents.contains { $0.minX == -180 && $0.maxX == 180 })
        #expect(extents.contains { $0.maxX < -179 } && extents.contains { $0.minX > 179 })
    }

    @Test(arguments: [
        "POLYGON((-180 -90, 180 -90, 180 90, -180 90, -180 -90))",
        "POLYGON((-30 -60, 150 -60, 150 80, -30 80, -30 -60))",
    ]) func `an area larger than the scene's CRS holds all of its tiles`(_ area: String) throws {
        let scenes = [
            try makeScene(folder, "a.tif"),
            // Other side of the Earth, in one of the two areas.
            try makeScene(folder, "b.tif", crs: "EPSG:32703"),
        ]
        let aoi = try AreaOfInterest(wkt: area, crs: .wgs84)
        let summary = try tile(scenes: scenes, profile: smallProfile(), into: folder.file("c"), aoi: aoi)
        #expect(summary.tiles == (area.contains("-180") ? 60 : 30))
    }

    @Test func `an area around a scene across 180 degrees is cut on both sides`() throws {
        let toMetres = try CoordinateTransformer(from: .wgs84, to: .init("EPSG:32760"))
        let middle = try #require(toMetres.transform([(180, -17)])[0])
        let scene = try makeScene(
            folder, width: 96, height: 64, originX: (middle.x - 30).rounded(), originY: middle.y.rounded(),
            crs: "EPSG:32760")
        let earth = try AreaOfInterest(wkt: "POLYGON((-180 -89, 180 -89, 180 89, -180 89, -180 -89))", crs: .wgs84)
        #expect(try tile(scenes: [scene], profile: smallProfile(), into: folder.file("c"), aoi: earth).tiles == 6)
        let east = try AreaOfInterest(wkt: "POLYGON((0 -89, 180 -89, 180 89, 0 89, 0 -89))", crs: .wgs84)
        let half = try tile(scenes: [scene], profile: smallProfile(), into: folder.file("d"), aoi: east).tiles
        #expect(half > 0 && half < 6)
    }

    @Test func `dry run writes nothing and counts`() throws {
        let scene = try makeScene(folder)
        let summary = try tile(
            scenes: [scene], profile: smallProfile(), into: folder.file("c"), options: TileOptions(dryRun: true))
        #expect(summary.dryRun && summary.places == 30 && summary.bytes == 30 * 32 * 32 * 3)
        #expect(!FileManager.default.fileExists(atPath: folder.file("c")))
    }

    @Test func `a dry run counts what nobody could cut`() throws {
        // More pixels than there are numbers to count places with, a hundred times over.
        let rooms = (0..<100).map { _ in TilePlan.Room(width: 4_000_000_000, height: 4_000_000_000, gsd: 1e-3) }
        for sampling in [TileProfile.Sampling(kind: .grid, stride: 1), .init(kind: .random, density: 9e8, seed: 1)] {
            let plan = TilePlan(rooms: rooms, profile: smallProfile(sampling: sampling, gsd: .metres(1e-3)))
            #expect(plan.placeCount >= 100 && plan.placeCount < Int.max / 1000, "\(sampling)")
        }
    }
}
