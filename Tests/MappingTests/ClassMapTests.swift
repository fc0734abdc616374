// Maps of classes: decided after blending, written with their colours and names, smaller levels by mode.
import Foundation
import Geo
import Mapping
import Raster
import TestSupport
import Testing

/// Gives classes probabilities that hang on the window as much as on the pixel, so that windows disagree.
private final class VotingModel: RasterModel {
    static let legend = Legend([
        LegendClass(id: 10, name: "water", colour: [20, 90, 200]),
        LegendClass(id: 0, name: "bare soil", colour: [160, 120, 80]),
        LegendClass(id: 200, name: "trees", colour: [10, 110, 30]),
        LegendClass(id: 3, name: "roads & roofs", colour: [120, 120, 120]),
        LegendClass(id: 253, name: "crops", colour: [230, 210, 60]),
    ])
    let layout: PixelLayout
    let windowSize: Int
    let product: RasterProduct
    let blendedBands = VotingModel.legend.classes.map { BandInfo(name: $0.name) }
    /// Whether two classes are equally likely everywhere, in every window.
    private let isTied: Bool

    init(_ product: RasterProduct, windowSize: Int = 32, isTied: Bool = false) {
        layout = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: windowSize, gsd: 10, stretch: .none)
        self.windowSize = windowSize
        self.product = product
        self.isTied = isTied
    }

    func answer(_ windows: TileBatch) throws -> [PixelBuffer] {
        let count = windowSize * windowSize
        return zip(windows.ids, windows.tiles).map { id, window in
            let pixels = window.floats()
            let favourite = ((id % 5) + 5) % 5
            var values = [Float](repeating: 0, count: blendedBands.count * count)
            for place in 0..<count {
                if isTied {
                    for band in [1, 3] { values[band * count + place] = 0.5 }
                    continue
                }
                values[Int(pixels[place]) % 5 * count + place] += 0.4
                values[favourite * count + place] += 0.6
            }
            return PixelBuffer(
                bands: blendedBands.count, height: windowSize, width: windowSize, samples: .float32(values))
        }
    }
}

struct ClassMapTests {
    let folder = TemporaryFolder()
    private let unseen = MapStyle(title: "Land cover", unit: "", rendering: .none)
    private let ids = VotingModel.legend.classes.map { Float($0.id) }

    private func map(_ model: VotingModel, _ name: String) throws -> (summary: MapSummary, map: ReadMap) {
        let scene = folder.file("scene.tif")
        try writeScene(scene, nodata: 0, isHole: { row, column in row < 20 && column < 70 }) { band, row, column in
            1 + noise(column, row, band) % 250
        }
        let request = MapRequest(scenes: [scene], output: folder.file(name))
        let summary = try makeMap(request, predictor: model, style: unseen)
        return (summary, try ReadMap(request.output, expandPalette: false))
    }

    @Test func `classes are decided once their probabilities are blended`() throws {
        let blended = try map(VotingModel(.values), "probabilities.tif").map
        let (summary, classes) = try map(VotingModel(.classes(VotingModel.legend)), "classes.tif")
        guard case .uint8 = classes.buffer.samples, classes.buffer.bands == 1, blended.buffer.bands == 5 else {
            Issue.record("the maps hold \(classes.buffer.sampleType) and \(blended.buffer.bands) bands")
            return
        }
        #expect(classes.grid == blended.grid)
        var counts = [Int](repeating: 0, count: 5)
        var wrong = 0
        var disputed = 0
        for row in 0..<classes.grid.height {
            for column in 0..<classes.grid.width {
                #expect(classes.buffer.isValid(row: row, column: column) == !(row < 20 && column < 70))
                guard classes.buffer.isValid(row: row, column: column) else { continue }
                let shares = (0..<5).map { blended.buffer[$0, row, column] }
                let best = shares.indices.max { shares[$0] < shares[$1] } ?? 0
                counts[best] += 1
                // One window alone gives its favourite at least 0.6.
                if shares[best] < 0.6 { disputed += 1 }
                // Shares that are equal in float32 may not be so in the sums.
                let alike = shares.filter { abs($0 - shares[best]) < 1e-6 }.count > 1
                if !alike, classes.buffer[0, row, column] != ids[best] { wrong += 1 }
            }
        }
        #expect(wrong == 0)
        #expect(disputed > 1000, "the windows agree nearly everywhere: \(disputed)")
        let statistics = summary.parts[0].statistics
        #expect(statistics.mean == nil && statistics.minimum == nil)
        let found = try #require(statistics.classes)
        #expect(found.map { Float($0.id) } == ids)
        #expect(found.reduce(0) { $0 + $1.pixels } == statistics.validPixels)
        // Ties apart, the same counts.
        for (a, b) in zip(found, counts) { #expect(abs(a.pixels - b) < 300 && a.pixels > 0) }
    }

    @Test func `of equal probabilities the first class decides`() throws {
        let classes = try map(VotingModel(.classes(VotingModel.legend), isTied: true), "classes.tif").map
        for row in stride(from: 0, to: classes.grid.height, by: 7) {
            for column in stride(from: 70, to: classes.grid.width, by: 5) {
                #expect(classes.buffer[0, row, column] == 0 && classes.buffer.isValid(row: row, column: column))
            }
        }
    }

    @Test func `the file has colours, names, and smaller levels of classes alone`() throws {
        let scene = folder.file("scene.tif")
        try writeScene(scene, width: 1100, height: 700)
        let request = MapRequest(scenes: [scene], output: folder.file("map.tif"))
        _ = try makeMap(request, predictor: VotingModel(.classes(VotingModel.legend), windowSize: 128), style: unseen)
        #expect(folder.contents.filter { $0.hasPrefix("map") } == ["map.json", "map.tif", "map.tif.aux.xml"])
        let names = try String(contentsOfFile: folder.file("map.tif.aux.xml"), encoding: .utf8)
        #expect(names.contains("bare soil") && names.contains("roads &amp; roofs"))
        let whole = try ReadMap(request.output, expandPalette: false)
        let colours = try RasterReader(path: request.output).read(PixelWindow(column: 9, row: 9, width: 1, height: 1))
        let here = try #require(VotingModel.legend.classes.first { Float($0.id) == whole.buffer[0, 9, 9] })
        #expect(colours.samples == .uint8(here.colour))
        let level = try RasterReader(
            path: "GTIFF_DIR:2:" + request.output, options: RasterOpenOptions(expandPalette: false))
        #expect(level.grid.width == 550 && level.grid.height == 350)
        let small = try level.read(level.grid.window)
        #expect(Set(small.floats()).isSubset(of: Set(ids)) && Set(small.floats()).count > 3)
    }
}
