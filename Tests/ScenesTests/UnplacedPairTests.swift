// Images without a place on Earth, pixel on pixel with their truth.
import Foundation
import Geo
import Raster
import Scenes
import Telemetry
import TestSupport
import Testing

/// Two classes by their numbers in files.
private let legend = Legend(
    [
        LegendClass(id: 1, name: "water", colour: [0, 0, 255], sources: [.number(4)]),
        LegendClass(id: 2, name: "forest", colour: [0, 99, 0], sources: [.number(6)]),
    ], ignored: [.number(0)])

/// The truth of a place: none, water or forest.
private func stored(_ column: Int, _ row: Int) -> UInt8 { [0, 4, 6, 6][Int(noise(column, row, 7)) % 4] }

struct UnplacedPairTests {
    let folder = TemporaryFolder()

    private func layout(_ gsd: Double?) -> PixelLayout {
        PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 32, gsd: gsd, stretch: .none)
    }

    private func picture(_ name: String, bands: Int, width: Int, height: Int, _ value: (Int, Int, Int) -> UInt8) throws
    {
        var samples: [UInt8] = []
        for band in 0..<bands {
            for row in 0..<height { for column in 0..<width { samples.append(value(band, column, row)) } }
        }
        try writePNG(
            PixelBuffer(bands: bands, height: height, width: width, samples: .uint8(samples)), to: folder.file(name))
    }

    private func writePictures(width: Int = 150, height: Int = 120) throws {
        try picture("image.png", bands: 3, width: width, height: height) { noise($1, $2, $0) }
        try picture("mask.png", bands: 1, width: width, height: height) { stored($1, $2) }
    }

    private func pair(
        _ mask: String = "mask.png", gsd: Double? = 0.6, wanted: Double? = 0.6, aoi: String? = nil
    ) throws -> RasterPair {
        try RasterPair(
            image: folder.file("image.png"), truth: .classes(path: folder.file(mask), band: 1, legend: legend),
            layout: layout(wanted), aoi: aoi, unplacedGSD: gsd)
    }

    private func failure(_ body: () throws -> RasterPair) -> SceneError? {
        do {
            _ = try body()
            return nil
        } catch { return error as? SceneError }
    }

    /// Expects a crop to hold what the files hold, pixel by pixel.
    private func expectFiles(_ pair: RasterPair, _ window: PixelWindow) throws {
        let crop = try pair.crop(window)
        var wrong = 0
        for row in 0..<window.height {
            for column in 0..<window.width {
                let (x, y) = (window.column + column, window.row + row)
                let truth = stored(x, y)
                if crop.target.isValid(row: row, column: column) != (truth > 0) { wrong += 1 }
                if crop.target[0, row, column] != (truth == 6 ? 1 : 0) { wrong += 1 }
                for band in 0..<3 where crop.image[band, row, column] != Float(noise(x, y, band)) { wrong += 1 }
            }
        }
        #expect(wrong == 0)
        #expect(crop.image.validity == nil && crop.image.grid?.crs == nil)
    }

    @Test(arguments: [0.6, 0.5995, nil])
    func `a crop holds the pixels of the files, where the image has the GSD wanted`(_ wanted: Double?) throws {
        try writePictures()
        let pair = try pair(wanted: wanted)
        #expect(!pair.isPlaced && pair.grid.crs == nil)
        #expect(pair.grid.width == 150 && pair.grid.height == 120)
        #expect(pair.grid.transform == GeoTransform(originX: 0, originY: 0, pixelSize: 0.6))
        #expect(try pair.places() == nil)
        #expect(pair.warnings.isEmpty)
        try expectFiles(pair, PixelWindow(column: 17, row: 9, width: 64, height: 64))
    }

    @Test func `crops across the pieces in which files are read are whole`() throws {
        try writePictures(width: 600, height: 560)
        try expectFiles(try pair(), PixelWindow(column: 480, row: 490, width: 64, height: 64))
    }

    @Test func `labels may have a place of their own, a turned one too`() throws {
        try writePictures()
        var values: [UInt8] = []
        for row in 0..<120 { for column in 0..<150 { values.append(stored(column, row)) } }
        let grid = Grid(
            crs: CoordinateReferenceSystem("EPSG:32633"),
            transform: GeoTransform(
                originX: 500_000.3, columnX: 0.5, rowX: 0.2, originY: 5_000_000.7, columnY: 0.2, rowY: -0.5),
            width: 150, height: 120)
        try writeRaster(
            PixelBuffer(bands: 1, height: 120, width: 150, samples: .uint8(values), grid: grid),
            to: folder.file("mask.tif"), format: RasterFormat(sampleType: .uint8, bands: [BandInfo(name: "cover")]))
        try expectFiles(try pair("mask.tif"), PixelWindow(column: 40, row: 30, width: 64, height: 64))
    }

    @Test func `an image of half the GSD is averaged by fours, and its labels are the most frequent`() throws {
        // Squares of two by two pixels: three of four have the square's class.
        func square(_ column: Int, _ row: Int) -> UInt8 { noise(column / 2, row / 2) % 2 == 0 ? 4 : 6 }
        try picture("image.png", bands: 3, width: 128, height: 96) { band, column, row in
            UInt8((column / 2 * 3 + row / 2 * 5 + band * 11) % 200 + (column % 2 == 0 ? 0 : 4))
        }
        try picture("mask.png", bands: 1, width: 128, height: 96) { _, column, row in
            let own = square(column, row)
            return column % 2 == 1 && row % 2 == 1 ? 10 - own : own
        }
        let pair = try pair(gsd: 0.3, wanted: 0.6)
        #expect(pair.grid.width == 64 && pair.grid.height == 48 && pair.grid.transform.columnX == 0.6)
        let crop = try pair.crop(PixelWindow(column: 10, row: 5, width: 32, height: 32))
        var wrong = 0
        for row in 0..<32 {
            for column in 0..<32 {
                let (x, y) = (10 + column, 5 + row)
                if crop.target[0, row, column] != (square(2 * x, 2 * y) == 6 ? 1 : 0) { wrong += 1 }
                for band in 0..<3 where crop.image[band, row, column] != Float((x * 3 + y * 5 + band * 11) % 200 + 2) {
                    wrong += 1
                }
            }
        }
        #expect(wrong == 0)
        #expect(crop.target.validity?.contains(false) != true)
    }

    @Test func `an image of another GSD keeps its extent, and labels take the nearest class`() throws {
        try writePictures(width: 150, height: 120)
        let pair = try pair(gsd: 0.6, wanted: 0.5)
        // 90 m by 72 m.
        #expect(pair.grid.width == 180 && pair.grid.height == 144)
        let crop = try pair.crop(PixelWindow(column: 100, row: 80, width: 32, height: 32))
        for row in 0..<32 {
            for column in 0..<32 {
                let x = Int((Double(100 + column) + 0.5) * 0.5 / 0.6)
                let y = Int((Double(80 + row) + 0.5) * 0.5 / 0.6)
                let truth = stored(x, y)
                #expect(crop.target.isValid(row: row, column: column) == (truth > 0))
                #expect(crop.target[0, row, column] == (truth == 6 ? 1 : 0))
            }
        }
    }

    @Test func `heights lie pixel on pixel as well`() throws {
        try writePictures(width: 64, height: 64)
        let heights = (0..<64 * 64).map { Float($0 % 40) + 0.5 }
        let grid = Grid(
            crs: nil, transform: GeoTransform(originX: 0, originY: 0, pixelSize: 1), width: 64, height: 64)
        try writeRaster(
            PixelBuffer(bands: 1, height: 64, width: 64, samples: .float32(heights), grid: grid),
            to: folder.file("height.tif"), format: RasterFormat(sampleType: .float32, bands: [BandInfo(name: "height")])
        )
        let pair = try RasterPair(
            image: folder.file("image.png"), target: folder.file("height.tif"), layout: layout(0.6), unplacedGSD: 0.6)
        let crop = try pair.crop(PixelWindow(column: 0, row: 0, width: 64, height: 64))
        #expect(crop.target.samples == .float32(heights) && crop.target.validity == nil)
    }

    @Test func `without its GSD an image without a place is refused`() throws {
        try writePictures()
        let error = failure { try pair(gsd: nil) }
        #expect(error?.code == .noCRS && error?.place == folder.file("image.png"))
        #expect(error?.remedy?.contains("gdal_") == true)
    }

    @Test func `an image with a place keeps it, whatever GSD is said of others`() throws {
        try writeScene(folder.file("scene.tif"))
        let heights = folder.file("height.tif")
        try RampRaster(
            transform: GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 10), width: 150, height: 120,
            sampleType: .float32, bands: 1, base: 2, perX: 0.01, perY: 0
        ).write(to: heights)
        let pair = try RasterPair(
            image: folder.file("scene.tif"), target: heights, layout: layout(10), unplacedGSD: 0.6)
        #expect(pair.isPlaced && pair.grid.transform.columnX == 10)
    }

    @Test func `a truth of another size is refused with both sizes`() throws {
        try writePictures()
        try picture("other.png", bands: 1, width: 150, height: 119) { stored($1, $2) }
        let error = failure { try pair("other.png") }
        #expect(error?.code == .badPairs && error?.place == folder.file("other.png"))
        #expect(error?.what.contains("150 x 119") == true && error?.what.contains("150 x 120") == true)
        #expect(error?.remedy?.contains("-outsize 150 120") == true)
    }

    @Test func `shapes and areas need a place`() throws {
        try writePictures()
        try writeArea(folder.file("area.geojson"), [[rectangle(500_000, 4_999_800, 500_100, 5_000_000)]])
        let area = failure { try pair(aoi: folder.file("area.geojson")) }
        #expect(area?.code == .noCRS && area?.what.contains("area of interest") == true)
        let text = """
            {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"kind": 4}, "geometry":
              {"type": "Polygon", "coordinates": [[[15, 45], [15.1, 45], [15.1, 45.1], [15, 45]]]}}]}
            """
        let layer = try LabelLayer(path: folder.write(text, to: "labels.geojson"))
        let shapes = failure {
            try RasterPair(
                image: folder.file("image.png"),
                truth: .labels(layer, legend: legend, allTouched: false, lineWidth: nil), layout: layout(0.6),
                unplacedGSD: 0.6)
        }
        #expect(shapes?.code == .noCRS && shapes?.remedy?.contains("150 x 120") == true)
    }

    @Test func `an image that is too coarse for the network is refused by the GSD that was said`() throws {
        try writePictures()
        let error = failure { try pair(gsd: 1.3, wanted: 0.6) }
        #expect(error?.code == .tooCoarse && error?.what.contains("1.3 m") == true)
        #expect(try pair(gsd: 1, wanted: 0.6).warnings.count == 1)
    }
}

struct LoveDAFolderTests {
    let folder = TemporaryFolder()

    /// Writes empty files; only their names are looked at.
    private func write(_ names: String...) throws {
        for name in names {
            let path = URL(fileURLWithPath: folder.file(name))
            try FileManager.default.createDirectory(
                at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data().write(to: path)
        }
    }

    private func failure(_ path: String) -> SceneError? {
        do {
            _ = try readLoveDA(path)
            return nil
        } catch { return error as? SceneError }
    }

    @Test func `images and masks come in the order of their numbers, Val held out and Test left alone`() throws {
        try write(
            "Train/Urban/images_png/10.png", "Train/Urban/masks_png/10.png", "Train/Urban/images_png/9.png",
            "Train/Urban/masks_png/9.png", "Train/Urban/images_png/9.png.aux.xml", "Train/Rural/images_png/2.png",
            "Train/Rural/masks_png/2.png", "Val/Rural/images_png/3.png", "Val/Rural/masks_png/3.png",
            "Test/Rural/images_png/4.png")
        func entry(_ place: String, _ number: Int, _ split: PairSplit) -> PairEntry {
            PairEntry(
                image: folder.file("\(place)/images_png/\(number).png"),
                target: folder.file("\(place)/masks_png/\(number).png"), split: split)
        }
        let expected = [
            entry("Train/Rural", 2, .train), entry("Train/Urban", 9, .train), entry("Train/Urban", 10, .train),
            entry("Val/Rural", 3, .val),
        ]
        #expect(try readLoveDA(folder.path) == expected)
        #expect(try readLoveDA(folder.path + "/") == expected)
        #expect(expected.heldOut == [false, false, false, true])
    }

    @Test func `without Val nothing says what images are for`() throws {
        try write("Train/Urban/images_png/0.png", "Train/Urban/masks_png/0.png")
        let entries = try readLoveDA(folder.path)
        #expect(entries.count == 1 && entries[0].split == nil && entries.heldOut == nil)
    }

    @Test func `an image without a mask is named`() throws {
        try write("Train/Urban/images_png/0.png", "Val/Urban/images_png/1.png", "Train/Urban/masks_png/0.png")
        let error = failure(folder.path)
        #expect(error?.what == "an image has no mask" && error?.place == folder.file("Val/Urban/images_png/1.png"))
    }

    @Test func `other folders are refused with what was looked for`() throws {
        let missing = failure(folder.file("none"))
        #expect(missing?.what == "no such folder")
        #expect(missing?.causes.first?.contains("Train/Urban/images_png/*.png") == true)
        try write("Train/Train/Urban/images_png/0.png", "Train/Train/Urban/masks_png/0.png")
        let above = failure(folder.path)
        #expect(above?.code == .badPairs && above?.remedy?.contains(folder.file("Train")) == true)
        #expect(try readLoveDA(folder.file("Train")).count == 1, "the advice works")
        let inside = failure(folder.file("Train/Train"))
        #expect(inside?.remedy?.contains("under the name Train") == true)
    }
}
