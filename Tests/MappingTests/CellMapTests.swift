// Maps whose pixels stand for squares of input pixels, maps of many bands, pictures, and windows one by one.
import Foundation
import Geo
import Mapping
import Raster
import Scenes
import Synchronization
import Telemetry
import TestSupport
import Testing

/// Answers the mean of each cell of each of the first bands, and more bands that count up from it.
private final class MeanPredictor: RasterModel {
    let layout: PixelLayout
    let windowSize: Int
    let cellSize: Int
    let blendedBands: [BandInfo]
    let product: RasterProduct

    init(windowSize: Int, cellSize: Int, bands: Int, product: RasterProduct = .values) {
        self.product = product
        layout = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: windowSize, gsd: 10, stretch: .none)
        self.windowSize = windowSize
        self.cellSize = cellSize
        blendedBands = (0..<bands).map { BandInfo(name: "band \($0)") }
    }

    func answer(_ windows: TileBatch) throws -> [PixelBuffer] {
        let cells = windowSize / cellSize
        return windows.tiles.map { window in
            let pixels = window.floats()
            var values = [Float](repeating: 0, count: blendedBands.count * cells * cells)
            for band in blendedBands.indices {
                for place in 0..<cells * cells {
                    var sum: Float = 0
                    for row in 0..<cellSize {
                        for column in 0..<cellSize {
                            let y = place / cells * cellSize + row
                            let x = place % cells * cellSize + column
                            sum += pixels[(band % 3 * windowSize + y) * windowSize + x]
                        }
                    }
                    values[band * cells * cells + place] = sum / Float(cellSize * cellSize) + Float(band / 3)
                }
            }
            return PixelBuffer(bands: blendedBands.count, height: cells, width: cells, samples: .float32(values))
        }
    }
}

struct CellMapTests {
    let folder = TemporaryFolder()

    /// The mean of the noise in a cell of 4 x 4 pixels; the lattice of cells begins at the CRS's origin.
    private func mean(_ column: Int, _ row: Int, band: Int) -> Float {
        var sum: Float = 0
        for y in 0..<4 { for x in 0..<4 { sum += Float(noise(column * 4 + x, row * 4 + y, band)) } }
        return sum / 16
    }

    @Test(arguments: [3, 9]) func `each pixel holds what its square of input pixels gave`(bands: Int) throws {
        // The scene begins in the middle of a cell: 50,001 and -499,999 are no multiples of 4.
        let scene = folder.file("scene.tif")
        try writeScene(scene, x: 500_010, y: 4_999_990, width: 150, height: 120)
        var maps: [ReadMap] = []
        for (number, overlap) in [0, 8, 16].enumerated() {
            var request = MapRequest(scenes: [scene], output: folder.file("map\(number).tif"))
            request.overlap = overlap
            _ = try makeMap(
                request, predictor: MeanPredictor(windowSize: 32, cellSize: 4, bands: bands),
                style: MapStyle(title: "Means", unit: "", rendering: .none))
            maps.append(try ReadMap(request.output))
        }
        for map in maps {
            #expect(map.grid.transform.columnX == 40 && map.grid.transform.originX == 500_000)
            #expect(map.grid.transform.originY == 5_000_000 && map.grid.width == 38 && map.grid.height == 31)
            var checked = 0
            for row in 1..<30 {
                for column in 1..<37 {
                    for band in 0..<bands {
                        let wanted = mean(12_500 + column, row - 125_000, band: band % 3) + Float(band / 3)
                        #expect(abs(map.buffer[band, row, column] - wanted) < 1e-3)
                        checked += 1
                    }
                }
            }
            #expect(checked > 3000)
        }
        // What is no picture has neither a style nor a quick-look; its item says so.
        let files = FileManager.default
        #expect(![".png", ".qml"].contains { files.fileExists(atPath: folder.file("map0" + $0)) })
        let item = try String(contentsOfFile: folder.file("map0.json"), encoding: .utf8)
        #expect(item.contains("cloud-optimized") == (bands == 3) && !item.contains("thumbnail"))
        #expect(item.contains("\"gsd\": 40"))
    }

    @Test func `cells count when half of their pixels are covered`() throws {
        let validity = (0..<64).map { $0 % 8 < 4 || $0 / 8 < 2 }
        #expect(coarsened(validity, side: 8, cell: 4) == [true, true, true, false])
        #expect(coarsened(validity, side: 8, cell: 1) == validity)

        let scene = folder.file("scene.tif")
        // Columns 0 to 64 of 100: the 17th column of cells has one pixel in four.
        try writeScene(scene, x: 500_000, y: 5_000_000, width: 100, height: 96, nodata: 0, isHole: { _, x in x >= 65 })
        let request = MapRequest(scenes: [scene], output: folder.file("map.tif"))
        _ = try makeMap(
            request, predictor: MeanPredictor(windowSize: 32, cellSize: 4, bands: 3),
            style: MapStyle(title: "Means", unit: "", rendering: .none))
        let map = try ReadMap(request.output)
        for column in 0..<map.grid.width {
            #expect(map.buffer.isValid(row: 3, column: column) == (column < 16), "column \(column)")
        }
    }

    @Test func `a picture holds 1 to 255, and 0 where there is nothing`() throws {
        let scene = folder.file("scene.tif")
        try writeScene(scene, nodata: 7, isHole: { row, column in row < 40 && column < 40 }) { band, row, column in
            band == 2 ? 0 : UInt8(50 + column)
        }
        let request = MapRequest(scenes: [scene], output: folder.file("map.tif"))
        _ = try makeMap(
            request, predictor: MeanPredictor(windowSize: 32, cellSize: 1, bands: 3, product: .picture),
            style: MapStyle(title: "Picture", unit: "", rendering: .picture))
        let map = try ReadMap(request.output)
        guard case .uint8 = map.buffer.samples else {
            Issue.record("the picture holds \(map.buffer.sampleType)")
            return
        }
        #expect(!map.buffer.isValid(row: 10, column: 10) && map.buffer.isValid(row: 60, column: 60))
        #expect(map.buffer[0, 60, 60] == 110 && map.buffer[2, 60, 60] == 1)
        let style = try String(contentsOfFile: folder.file("map.qml"), encoding: .utf8)
        #expect(style.contains("multibandcolor"))
        let picture = try RasterReader(path: folder.file("map.png"))
        #expect(picture.bands.count >= 3 && picture.grid.width > 100)
    }

    @Test func `a map without a picture takes that of an older map away`() throws {
        try writeScene(folder.file("scene.tif"))
        var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        let predictor = MeanPredictor(windowSize: 32, cellSize: 4, bands: 3)
        _ = try makeMap(request, predictor: predictor, style: MapStyle(title: "Means", unit: "", rendering: .picture))
        let files = FileManager.default
        #expect(files.fileExists(atPath: folder.file("map.png")) && files.fileExists(atPath: folder.file("map.qml")))
        request.overwrite = true
        _ = try makeMap(request, predictor: predictor, style: MapStyle(title: "Means", unit: "", rendering: .none))
        #expect(![".png", ".qml"].contains { files.fileExists(atPath: folder.file("map" + $0)) })
    }

    @Test func `other files that are read are not written over`() throws {
        try writeScene(folder.file("scene.tif"))
        try Data("weights".utf8).write(to: URL(fileURLWithPath: folder.file("map.png")))
        var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        request.overwrite = true
        request.otherInputs = [folder.file("map.png")]
        let error = try #require(throws: MappingError.self) {
            try makeMap(
                request, predictor: MeanPredictor(windowSize: 32, cellSize: 4, bands: 3),
                style: MapStyle(title: "Means", unit: ""))
        }
        #expect(error.code == .exists && error.place == folder.file("map.png"))
    }

    @Test func `many bands between scenes far apart are refused before any work`() throws {
        // 390 km apart at 10 m: a few hundred tiles of four bands, a hundred million of 4096.
        try writeScene(folder.file("a.tif"), x: 300_000, y: 5_000_000)
        try writeScene(folder.file("b.tif"), x: 690_000, y: 5_400_000)
        let scenes = [folder.file("a.tif"), folder.file("b.tif")]
        let layout = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 32, gsd: 10, stretch: .none)
        func plan(_ bands: Int) throws -> MapPlan {
            try planMap(
                MapRequest(scenes: scenes, output: folder.file("map.tif")), layout: layout, windowSize: 32, cellSize: 1,
                blendedBands: (0..<bands).map { BandInfo(name: "\($0)") })
        }
        #expect(try plan(3).parts.count == 1)
        let error = try #require(throws: MappingError.self) { try plan(4096) }
        #expect(error.code == .tooLarge && error.what.contains("4096 bands"))
        // Windows are found scene by scene, whatever lies between.
        let asked = Mutex(0)
        let reader = try SceneWindowReader(
            MapRequest(scenes: scenes, output: folder.file("map.tif")), layout: layout, windowSize: 32, cellSize: 4,
            progress: { _ in
                asked.withLock { $0 += 1 }
                return true
            })
        #expect(asked.withLock(\.self) < 20 && reader.candidates.count < 80)
        let sorted = reader.candidates.sorted { ($0.j, $0.i) < ($1.j, $1.i) }
        #expect(reader.candidates == sorted)
        let stopped = try #require(throws: MappingError.self) {
            try SceneWindowReader(
                MapRequest(scenes: scenes, output: folder.file("map.tif")), layout: layout, windowSize: 32, cellSize: 4,
                progress: { _ in false })
        }
        #expect(stopped.isCancellation)
    }

    @Test func `an overlap is a whole number of cells`() throws {
        try writeScene(folder.file("scene.tif"))
        var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        request.overlap = 6
        let error = try #require(throws: MappingError.self) {
            try makeMap(
                request, predictor: MeanPredictor(windowSize: 32, cellSize: 4, bands: 3),
                style: MapStyle(title: "Means", unit: ""))
        }
        #expect(error.code == .badRequest && error.place == "\(Setting.overlap)")
    }

    @Test func `windows come one by one, and their places do not depend on the area`() throws {
        let scene = folder.file("scene.tif")
        try writeScene(scene, nodata: 0, isHole: { row, column in row >= 64 && column >= 64 })
        try writeArea(folder.file("area.geojson"), [[rectangle(500_330, 4_999_000, 500_900, 4_999_800)]])
        let layout = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 32, gsd: 10, stretch: .none)
        func windows(_ aoi: String?) throws -> [LatticeIndex: SceneWindow] {
            let reader = try SceneWindowReader(
                MapRequest(scenes: [scene], aoi: aoi, output: folder.file("none.tif")), layout: layout, windowSize: 32,
                cellSize: 4, fineCellSize: 2)
            var found: [LatticeIndex: SceneWindow] = [:]
            try reader.read(reader.candidates) { place, window in
                #expect(reader.candidates[place] == window.index)
                found[window.index] = window
            }
            return found
        }
        let all = try windows(nil)
        let some = try windows(folder.file("area.geojson"))
        #expect(some.count > 2 && some.count < all.count)
        for (index, window) in some {
            let whole = try #require(all[index])
            #expect(window.pixels == whole.pixels)
            #expect(zip(window.cells, whole.cells).allSatisfy { !$0 || $1 })
            #expect(window.cells.count == 64 && window.fineCells.count == 256)
            // A small cell counts where the area has its centre and two of its four pixels are there.
            for place in 0..<256 {
                let (row, column) = (place / 16 * 2, place % 16 * 2)
                let covered = [(0, 0), (0, 1), (1, 0), (1, 1)].count {
                    window.pixels.isValid(row: row + $0.0, column: column + $0.1)
                }
                let x = Double(index.i * 32 + column + 1) * 10
                let y = -Double(index.j * 32 + row + 1) * 10
                let inside = x > 500_330 && x < 500_900 && y > 4_999_000 && y < 4_999_800
                guard x != 500_330, x != 500_900, y != 4_999_800 else { continue }
                #expect(window.fineCells[place] == (inside && covered >= 2), "\(index) \(place)")
            }
            // Every pixel that is valid is the scene's.
            for row in 0..<32 {
                for column in 0..<32 where window.pixels.isValid(row: row, column: column) {
                    #expect(
                        window.pixels[1, row, column] == Float(noise(index.i * 32 + column, index.j * 32 + row, 1)))
                }
            }
        }
        #expect(all.values.contains { $0.cells.contains(false) })
        // The corner without pixels lies in windows of its own, which do not come.
        #expect(!all.values.contains { !($0.pixels.validity?.contains(true) ?? true) })
    }
}
