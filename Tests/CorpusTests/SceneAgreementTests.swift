// Scenes of one corpus: bands by what they are, numbers by what they mean, and axes that run elsewhere.
import Corpus
import Foundation
import Geo
import Raster
import Scenes
import Telemetry
import TestSupport
import Testing

struct SceneAgreementTests {
    let folder = MemoryFolder()

    /// A scene whose bands say something about themselves, or nothing.
    private func scene(_ name: String, over file: String, _ elements: [(source: Int, text: String)]) throws -> String {
        var virtual = VirtualRaster(
            over: file, width: 200, height: 160, bands: elements.map { .init($0.source, $0.text) })
        virtual.transform = "500000, 0.6, 0, 5000000, 0, -0.6"
        return try virtual.write(to: folder.file(name))
    }

    @Test func `a scene that does not name its bands asks for them beside one that does, and the remedy works`() throws
    {
        let named = try makeScene(folder)
        let turned = try scene("turned.vrt", over: named, [(3, ""), (2, ""), (1, ""), (1, "")])
        let error = try #require(
            corpusError { try tile(scenes: [named, turned], profile: smallProfile(), into: folder.file("c")) })
        #expect(error.code == .badScene && error.place == turned)
        let remedy = try #require(error.remedy?.split(separator: "'").first { $0.hasSuffix("=3,2,1") }.map(String.init))
        var options = TileOptions()
        options.bands = try BandRequest([remedy], scenes: [named, turned])
        try tile(scenes: [named, turned], profile: smallProfile(), into: folder.file("c"), options: options)
        // The same picture, cut twice.
        let source = try CorpusTileSource(folder.file("c"))
        let half = source.tileCount / 2
        let tiles = try source.tiles(Array(0..<source.tileCount)).tiles
        for place in 0..<half { #expect(tiles[place].samples == tiles[half + place].samples) }
        // The numbers of a profile were not chosen for this scene.
        let numbered = smallProfile(bands: .numbers([1, 2, 3]))
        let mixed = corpusError { try tile(scenes: [named, turned], profile: numbered, into: folder.file("numbers")) }
        #expect(
            mixed?.code == .badScene && mixed?.place == turned
                && mixed?.remedy?.contains("\(Setting.bands) '\(turned)=") == true)
        // Names in a profile are found by place where a scene says nothing, as a model's are.
        let byName = try tile(
            scenes: [turned], profile: smallProfile(bands: .names(["red", "green", "blue"])), into: folder.file("names")
        )
        #expect(byName.notes.contains { $0.contains("do not say what they are") })
        // Alone it is taken as it comes, and that is said.
        let alone = try tile(scenes: [turned], profile: smallProfile(), into: folder.file("alone"))
        #expect(
            alone.notes.contains {
                $0.contains("do not say what they are") && $0.contains("(\(Setting.bands) to choose)")
            })
        // Names of Sentinel-2 are names.
        let sentinel = try scene(
            "s2.vrt", over: named,
            [(3, "B02"), (2, "B03"), (1, "B04"), (1, "B08")].map { ($0.0, "<Description>\($0.1)</Description>") })
        let both = try tile(scenes: [named, sentinel], profile: smallProfile(), into: folder.file("s2"))
        #expect(both.notes.isEmpty)
    }

    @Test func `equal reflectance gives equal tiles before and after an offset, or is refused`() throws {
        let before = try makeScene(folder, "before.tif", sampleType: .uint16)
        let raised = folder.file("raised.tif")
        let reader = try RasterReader(path: before)
        var pixels = try reader.read(reader.grid.window)
        guard case .uint16(let samples) = pixels.samples else { return }
        pixels.samples = .uint16(samples.map { $0 + 1000 })
        try writeRaster(
            pixels, to: raised, format: RasterFormat(sampleType: .uint16, nodata: 0, bands: BandInfo.rgb))
        func tagged(_ name: String, _ file: String, _ offset: Double) throws -> String {
            var virtual = VirtualRaster(
                over: file, width: 200, height: 160,
                bands: (1...3).map {
                    .init(
                        $0,
                        "<ColorInterp>\(["Red", "Green", "Blue"][$0 - 1])</ColorInterp><Scale>0.0001</Scale><Offset>\(offset)</Offset>"
                    )
                })
            virtual.type = "UInt16"
            virtual.transform = "500000, 0.6, 0, 5000000, 0, -0.6"
            return try virtual.write(to: folder.file(name))
        }
        let scenes = [try tagged("before.vrt", before, 0), try tagged("after.vrt", raised, -0.1)]
        func cut(_ options: TileOptions) throws -> TileSummary {
            try tile(
                scenes: scenes, profile: smallProfile(stretch: .fixed(low: 0, high: 3000)), into: folder.file("c"),
                options: options)
        }
        // What a stretch does is told where it is done: looking at the values takes time.
        let told = "its offset of -0.1 is removed"
        #expect(try !cut(TileOptions(dryRun: true)).notes.contains { $0.contains(told) })
        #expect(try cut(TileOptions()).notes.contains { $0.contains(told) })
        let again = try cut(TileOptions(resume: true))
        #expect(again.upToDate && !again.notes.contains { $0.contains(told) })
        let source = try CorpusTileSource(folder.file("c"))
        let half = source.tileCount / 2
        let tiles = try source.tiles(Array(0..<source.tileCount)).tiles
        for place in 0..<half { #expect(tiles[place].samples == tiles[half + place].samples) }
        var raw = smallProfile()
        raw.pixels = .raw
        let error = corpusError { try tile(scenes: scenes, profile: raw, into: folder.file("raw")) }
        #expect(error?.place == scenes[1] && error?.what.contains("value x 0.0001 - 0.1") == true)
    }

    @Test func `a CRS whose x runs west, and a picture on its head, give tiles with east to the right`() throws {
        // Values grow with x and fall with y: in Lo29 to the west and to the north.
        let south = folder.file("south.tif")
        try RampRaster(
            crs: .init("EPSG:2053"), transform: GeoTransform(originX: 0, originY: 2_900_000, pixelSize: 0.6),
            width: 200, height: 160, bands: 3, base: 5, perX: 0.7, perY: -0.6
        ).write(to: south)
        // The same in UTM, stored from the south-east corner on.
        let turned = folder.file("turned.tif")
        try RampRaster(
            crs: .init("EPSG:32633"),
            transform: GeoTransform(
                originX: 500_120, columnX: -0.6, rowX: 0, originY: 5_000_000, columnY: 0, rowY: 0.6),
            width: 200, height: 160, bands: 3, base: 200, perX: 0.7, perY: -0.6
        ).write(to: turned)
        for (path, east, north) in [(south, -1.0, 1.0), (turned, 1, -1)] {
            for profile in [smallProfile(), smallProfile(gsd: .native)] {
                try tile(
                    scenes: [path], profile: profile, into: folder.file("c"), options: TileOptions(overwrite: true))
                let source = try CorpusTileSource(folder.file("c"))
                for pixels in try source.tiles(Array(0..<min(4, source.tileCount))).tiles {
                    let across = pixels[0, 16, 30] - pixels[0, 16, 2]
                    let up = pixels[0, 2, 16] - pixels[0, 30, 16]
                    #expect(Double(across) * east > 0 && Double(up) * north > 0, "\(path) \(across) \(up)")
                }
                // A tile says where it lies in a CRS that runs as it is seen.
                let record = try source.tiles([0]).tiles[0].grid
                #expect(record?.transform.isUpright == true && record?.crs?.definition != "EPSG:2053")
            }
        }
    }

    @Test func `a corpus is not gone on with other bands, and says what they were`() throws {
        let named = try makeScene(folder)
        let silent = try scene("silent.vrt", over: named, [(3, ""), (2, ""), (1, "")])
        var options = TileOptions()
        options.bands = BandRequest([3, 2, 1])
        try tile(scenes: [silent], profile: smallProfile(), into: folder.file("c"), options: options)
        #expect(try tile(scenes: [silent], profile: smallProfile(), into: folder.file("c"), options: options).upToDate)
        for other in [BandRequest(), BandRequest([2, 1, 3])] {
            options.bands = other
            options.resume.toggle()
            let error = corpusError {
                try tile(scenes: [silent], profile: smallProfile(), into: folder.file("c"), options: options)
            }
            #expect(error?.code == .inputsChanged && error?.causes.first?.contains("started with 3, 2, 1") == true)
        }
        // Whichever scene comes first, the corpus calls its bands by what one of them says.
        options = TileOptions()
        options.bands = try BandRequest(["silent.vrt=3,2,1"], scenes: [silent, named])
        for (number, scenes) in [[silent, named], [named, silent]].enumerated() {
            let corpus = folder.file("order-\(number)")
            try tile(scenes: scenes, profile: smallProfile(), into: corpus, options: options)
            #expect(try CorpusTileSource(corpus).layout.bands.map(\.name) == ["red", "green", "blue"])
        }
        // As many bands as the profile has.
        options.bands = BandRequest([1, 2])
        let two = corpusError {
            try tile(
                scenes: [silent], profile: smallProfile(bands: .numbers([1, 2, 3])), into: folder.file("two"),
                options: options)
        }
        #expect(two?.what == "\(Setting.bands) names 2 bands, but the profile needs 3")
    }

    @Test func `tiles of a scene beyond 180 degrees are those of its twin`() throws {
        func cut(_ name: String, x: Double, crs: String = "EPSG:4326") throws -> [PixelBuffer.Samples] {
            let path = try makeScene(
                folder, name, width: 300, height: 300, originX: x, originY: crs == "EPSG:4326" ? 10 : 1_000_000,
                pixelSize: crs == "EPSG:4326" ? 0.6 / 111_320 : 0.6, crs: crs)
            let summary = try tile(
                scenes: [path], profile: smallProfile(minValidFraction: 0.5), into: folder.file("c-" + name))
            #expect(summary.tiles > 30, "\(name): \(summary.tiles)")
            let source = try CorpusTileSource(folder.file("c-" + name))
            return try source.tiles(Array(0..<source.tileCount)).tiles.map(\.samples)
        }
        // The same ground, counted from 0 to 360 and from -180 to 180.
        #expect(try cut("east.tif", x: 195) == cut("west.tif", x: -165))
        let side = 0.6 / 111_320
        let across = try cut("across.tif", x: 180 - 150 * side)
        #expect(try across.count == cut("beside.tif", x: 174 - 150 * side).count)
        // In Mercator's metres, whose grids begin at other fractions of a pixel: as many.
        let half = 20_037_508.342789244
        let (mercator, wrapped) = (
            try cut("mercator.tif", x: half + 1000, crs: "EPSG:3857"),
            try cut("wrapped.tif", x: 1000 - half, crs: "EPSG:3857")
        )
        #expect(mercator.count == wrapped.count)
    }

    @Test func `an almost empty scene is gone through by its data`() throws {
        let path = folder.file("sparse.tif")
        let grid = Grid(
            crs: .init("EPSG:32633"), transform: GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 0.6),
            width: 60_000, height: 60_000)
        let writer = try RasterWriter(
            path: path, grid: grid,
            format: RasterFormat(sampleType: .uint16, nodata: 0, bands: BandInfo.rgb, blockSize: 512))
        let block = PixelWindow(column: 51_200, row: 51_200, width: 512, height: 512)
        try writer.write(
            PixelBuffer(
                bands: 3, height: 512, width: 512, samples: .uint16((0..<3 * 512 * 512).map { UInt16(1 + $0 % 999) })),
            column: block.column, row: block.row)
        try writer.finish(cloudOptimized: false)
        let start = Date()
        let summary = try tile(
            scenes: [path],
            profile: smallProfile(sampling: .init(kind: .grid, stride: 128), stretch: .percentile(low: 2, high: 98)),
            into: folder.file("c"))
        #expect(summary.tiles == 16)
        // 220,000 places on 3.6 thousand million pixels; reading them took ten minutes.
        #expect(Date().timeIntervalSince(start) < 60)
    }
}
