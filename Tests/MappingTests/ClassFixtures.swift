// A model that reads classes and probabilities from its input, and a sink that keeps polygons.
import Foundation
import Geo
import Mapping
import Raster
import TestSupport

/// Predicts the class in the first band with the probability in the second, where 250 means 1; the other classes share the rest evenly.
final class PaintedModel: RasterModel {
    let legend: Legend
    let layout: PixelLayout
    let windowSize: Int
    let blendedBands: [BandInfo]
    private(set) var calls = 0

    init(classes: Int, windowSize: Int = 32) {
        legend = Legend(
            (0..<classes).map { number in
                LegendClass(
                    id: Self.id(number), name: "kind \(number)",
                    colour: [UInt8(number * 7), UInt8(200 - number * 5), UInt8(40 + number)])
            })
        layout = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: windowSize, gsd: 10, stretch: .none)
        self.windowSize = windowSize
        blendedBands = legend.classes.map { BandInfo(name: $0.name) }
    }

    /// The number of a class in maps.
    static func id(_ number: Int) -> UInt8 { UInt8(3 * number + 1) }

    var product: RasterProduct { .classes(legend) }

    func answer(_ windows: TileBatch) throws -> [PixelBuffer] {
        calls += 1
        let count = windowSize * windowSize
        let classes = blendedBands.count
        return windows.tiles.map { window in
            let pixels = window.floats()
            var values = [Float](repeating: 0, count: classes * count)
            for place in 0..<count {
                let probability = pixels[count + place] / 250
                let painted = Int(pixels[place]) % classes
                for band in 0..<classes {
                    values[band * count + place] =
                        band == painted ? probability : (1 - probability) / Float(classes - 1)
                }
            }
            return PixelBuffer(bands: classes, height: windowSize, width: windowSize, samples: .float32(values))
        }
    }
}

/// Writes a scene for a painted model.
func paint(
    _ path: String, width: Int, height: Int, isHole: (_ row: Int, _ column: Int) -> Bool = { _, _ in false },
    probability: @escaping (_ row: Int, _ column: Int) -> UInt8 = { _, _ in 250 },
    _ painted: @escaping (_ row: Int, _ column: Int) -> Int
) throws {
    try writeScene(path, width: width, height: height, nodata: 0, isHole: isHole) { band, row, column in
        switch band {
        case 0: UInt8(painted(row, column))
        case 1: probability(row, column)
        default: 9
        }
    }
}

extension Labels {
    /// Reads a map of classes.
    init(map path: String) throws {
        let map = try ReadMap(path, expandPalette: false)
        guard case .uint8(var ids) = map.buffer.samples else {
            self.init(width: 0, height: 0, ids: [])
            return
        }
        for place in ids.indices where map.buffer.validity?[place] == false { ids[place] = Legend.nodataID }
        self.init(width: map.grid.width, height: map.grid.height, ids: ids)
    }
}

/// What a sink received.
final class CollectedPolygons {
    var layer: PolygonLayer?
    var polygons: [(rings: [[(x: Double, y: Double)]], classIndex: Int, areaM2: Double)] = []
    var isFinished = false
}

/// Keeps polygons in memory, and writes a file without any.
struct CollectingSink: PolygonSink {
    struct Refusal: Error {}

    private let kept: CollectedPolygons
    private let path: String
    private let failsAtTheEnd: Bool

    init(_ layer: PolygonLayer, in kept: CollectedPolygons = CollectedPolygons(), failsAtTheEnd: Bool = false) {
        kept.layer = layer
        self.kept = kept
        path = layer.path
        self.failsAtTheEnd = failsAtTheEnd
    }

    mutating func add(rings: [[(x: Double, y: Double)]], classIndex: Int, areaM2: Double) throws {
        kept.polygons.append((rings, classIndex, areaM2))
    }

    mutating func finish() throws {
        if failsAtTheEnd { throw Refusal() }
        try Data("polygons".utf8).write(to: URL(fileURLWithPath: path))
        kept.isFinished = true
    }
}
