// Images and targets on one grid, and lists of pairs.
import Foundation
import Geo
import Raster
import Scenes
import Telemetry
import TestSupport
import Testing

struct RasterPairTests {
    let folder = TemporaryFolder()
    let layout = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 32, gsd: 10, stretch: .none)

    /// A target whose value is a plane in map coordinates: 3 + (x - 500000) / 100.
    private func writeTarget(pixel: Double, x: Double = 500_000, width: Int, height: Int, hole: Bool = false) throws {
        try RampRaster(
            transform: GeoTransform(originX: x, originY: 5_000_000, pixelSize: pixel), width: width, height: height,
            sampleType: .float32, bands: 1, base: 2 + (x - 500_000) / 100, perX: 0.01, perY: 0, nodata: -9999,
            isHole: { row, column in hole && row < 5 && column < 5 }
        ).write(to: folder.file("target.tif"))
    }

    private func pair(aoi: String? = nil, layout: PixelLayout? = nil) throws -> RasterPair {
        try RasterPair(
            image: folder.file("scene.tif"), target: folder.file("target.tif"), layout: layout ?? self.layout, aoi: aoi)
    }

    @Test(arguments: [2.5, 5, 10, 20])
    func `a plane of heights comes out as that plane, from finer and from coarser targets`(pixel: Double) throws {
        try writeScene(folder.file("scene.tif"))
        try writeTarget(pixel: pixel, width: Int(1000 / pixel), height: Int(900 / pixel))
        let pair = try pair()
        #expect(pair.grid.width == 100 && pair.grid.height == 90)
        let crop = try pair.crop(PixelWindow(column: 30, row: 20, width: 40, height: 24))
        #expect(crop.target.validity == nil)
        for row in 0..<24 {
            for column in 0..<40 {
                let expected = 3 + (Float(30 + column) + 0.5) * 10 / 100
                #expect(abs(crop.target[0, row, column] - expected) < 2e-4)
            }
        }
        #expect(crop.image[1, 3, 5] == Float(noise(50_035, -499_977, 1)))
        #expect(crop.image.sampleType == .uint8)
    }

    @Test func `the grid is what image and target share`() throws {
        try writeScene(folder.file("scene.tif"))
        try writeTarget(pixel: 5, x: 500_700, width: 400, height: 100)
        let pair = try pair()
        #expect(pair.grid.bounds == Bounds(minX: 500_700, minY: 4_999_500, maxX: 501_500, maxY: 5_000_000))
        #expect(pair.window == PixelWindow(column: 50_070, row: -500_000, width: 80, height: 50))
        // A crop that reaches outside is not valid there.
        let crop = try pair.crop(PixelWindow(column: -4, row: 45, width: 16, height: 10))
        for row in 0..<10 {
            for column in 0..<16 {
                #expect(crop.target.isValid(row: row, column: column) == (column >= 4 && row < 5))
            }
        }
    }

    @Test func `holes and areas end what the target says, not what the network sees`() throws {
        try writeScene(folder.file("scene.tif"))
        try writeTarget(pixel: 10, width: 100, height: 90, hole: true)
        try writeArea(folder.file("area.geojson"), [[rectangle(500_000, 4_999_800, 500_100, 5_000_000)]])
        let crop = try pair(aoi: folder.file("area.geojson")).crop(
            PixelWindow(column: 0, row: 0, width: 20, height: 20))
        for row in 0..<20 {
            for column in 0..<20 {
                let expected = column < 10 && !(row < 5 && column < 5)
                #expect(crop.target.isValid(row: row, column: column) == expected)
                if !expected { #expect(crop.target[0, row, column] == 0) }
            }
        }
        #expect(crop.image.validity == nil)
    }

    @Test func `crops do not depend on the thread, on the order or on the cache`() async throws {
        try writeScene(folder.file("scene.tif"), pixel: 0.7, width: 900, height: 800)
        try writeTarget(pixel: 1, width: 600, height: 550)
        let fine = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 32, gsd: 0.6, stretch: .none)
        let places = (0..<40).map { PixelWindow(column: $0 * 21, row: $0 * 17, width: 64, height: 64) }
        let single = try pair(layout: fine)
        let expected = try places.map { try single.crop($0) }
        let small = try RasterPair(
            image: folder.file("scene.tif"), target: folder.file("target.tif"), layout: fine,
            pool: PairPool(megabytes: 1, openPairs: 1))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for (number, place) in places.enumerated().reversed() {
                let wanted = expected[number]
                group.addTask {
                    let crop = try small.crop(place)
                    return crop.image == wanted.image && crop.target == wanted.target
                }
            }
            for try await equal in group { #expect(equal) }
        }
    }

    @Test func `places of pixels are those of PROJ, whatever the window`() throws {
        try writeScene(folder.file("scene.tif"), width: 1200, height: 700)
        try writeTarget(pixel: 10, width: 1200, height: 700)
        let pair = try pair()
        let places = try #require(try pair.places())
        let transformer = try CoordinateTransformer(from: #require(pair.grid.crs), to: .wgs84)
        for (column, row) in [(0.5, 0.5), (700.25, 333.5), (1199.5, 699.5), (256, 256), (1023.9, 12)] {
            let point = pair.grid.transform.point(column: column, row: row)
            let exact = try #require(transformer.transform([point])[0])
            let found = places[column, row]
            // Pixels of 10 m: nodes are 2.5 km apart, 16 times as far as at 0.6 m.
            #expect(abs(found.longitude - exact.x) * 78_000 < 0.5 && abs(found.latitude - exact.y) * 111_000 < 0.5)
        }
    }

    @Test func `many pairs keep few files open`() throws {
        try writeScene(folder.file("scene.tif"))
        try writeTarget(pixel: 10, width: 100, height: 90)
        let pool = PairPool(megabytes: 1, openPairs: 4)
        let pairs = try (0..<40).map { _ in
            try RasterPair(
                image: folder.file("scene.tif"), target: folder.file("target.tif"), layout: layout, pool: pool)
        }
        func openFiles() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + $0)
            }.count { $0.hasPrefix(folder.path) }
        }
        let expected = try pairs[0].crop(PixelWindow(column: 3, row: 5, width: 32, height: 32))
        for pair in pairs {
            let crop = try pair.crop(PixelWindow(column: 3, row: 5, width: 32, height: 32))
            #expect(crop.image == expected.image && crop.target == expected.target)
        }
        let open = try openFiles()
        #expect(open > 0 && open <= 2 * 4)
    }

    @Test func `a pair without common ground is refused with both bounds`() throws {
        try writeScene(folder.file("scene.tif"))
        try writeTarget(pixel: 10, x: 700_000, width: 100, height: 90)
        #expect { try pair() } throws: { error in
            let error = error as? SceneError
            return error?.code == .badPairs && error?.causes.count == 2
        }
    }

    @Test func `real forest: the image at 0.1 m and LiDAR heights at 1 m meet at 0.6 m`() throws {
        guard let data = SharedData.folder else {
            print(SharedData.absence)
            return
        }
        let fine = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 32, gsd: 0.6, stretch: .none)
        let base = data + "/canopy/neon_bart/BART_320000_4881000_"
        let pair = try RasterPair(image: base + "rgb.tif", target: base + "chm.tif", layout: fine)
        let crop = try pair.crop(PixelWindow(column: 0, row: 0, width: pair.grid.width, height: pair.grid.height))
        #expect(crop.target.validFraction > 0.9)
        let values = crop.target.floats().filter { $0 > 0 }
        #expect(values.max() ?? 0 > 10 && values.max() ?? 0 < 60)
        #expect(crop.image.validFraction > 0.9)
    }
}

struct PairListTests {
    let folder = TemporaryFolder()

    private func read(_ text: String) throws -> [PairEntry] { try readPairs(folder.write(text, to: "pairs.csv")) }

    private func failure(_ text: String) -> String? {
        do {
            _ = try read(text)
            return nil
        } catch {
            return (error as? SceneError)?.what
        }
    }

    @Test func `paths are relative to the list, columns may come in any order`() throws {
        let text =
            "\u{FEFF}Target,name,image,cover\r\n# a remark\r\nh/1.tif,x,i/1.tif,c.tif\r\n\r\n/abs/2.tif,y,\"a, \"\"b\"\".tif\",\r\n"
        #expect(
            try read(text) == [
                PairEntry(image: folder.file("i/1.tif"), target: folder.file("h/1.tif"), cover: folder.file("c.tif")),
                PairEntry(image: folder.file("a, \"b\".tif"), target: "/abs/2.tif"),
            ])
    }

    @Test func `a column may say which pairs are held out`() throws {
        let entries = try read("image,split,target\na.tif,train,b.tif\nc.tif, VAL ,d.tif\n")
        #expect(entries.map(\.split) == [.train, .val] && entries.heldOut == [false, true])
        #expect(try read("image,target\na.tif,b.tif\n").heldOut == nil)
        #expect(
            failure("image,target,split\na.tif,b.tif,train\nc.tif,d.tif,test\n")
                == "line 3: the split must be train or val; found 'test'")
        #expect(failure("image,target,split\na.tif,b.tif\n") == "line 2: the split must be train or val; found ''")
    }

    @Test func `a list at fault is told with its line`() {
        #expect(failure("")?.contains("is empty") == true)
        #expect(failure("image,target\n")?.contains("no pairs") == true)
        #expect(failure("a.tif,b.tif\n")?.contains("line 1: the header must name the columns image and target") == true)
        #expect(failure("image,target\na.tif\n")?.contains("line 2: image or target is missing") == true)
        #expect(failure("image,target\na.tif,\n")?.contains("line 2") == true)
        #expect(failure("image,target\n\"a.tif,b.tif\n")?.contains("line 2: a quote is not closed") == true)
        #expect(throws: SceneError.self) { try readPairs(folder.file("none.csv")) }
        #expect(throws: SceneError.self) { try readPairs(folder.path) }
    }
}
