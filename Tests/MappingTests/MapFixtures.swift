// Predictors whose answers are known, and maps read back.
import Foundation
import Geo
import Mapping
import Raster
import Synchronization
import TestSupport

/// A predictor made of a closure; remembers what it was called with.
final class ClosurePredictor: RasterModel {
    let layout: PixelLayout
    let windowSize: Int
    let blendedBands = [BandInfo(name: "canopy height", unit: "m")]
    private let said: (_ window: PixelBuffer, _ slot: Int) -> [Float]
    private(set) var batchSizes: Set<Int> = []
    private(set) var slots: [Int: Set<Int>] = [:]
    private(set) var calls = 0
    private(set) var padded = 0

    init(
        windowSize: Int, gsd: Double? = 10, bands: [BandInfo] = BandInfo.rgb, sampleType: SampleType = .uint8,
        stretch: StretchRule = .none, _ answer: @escaping (_ window: PixelBuffer, _ slot: Int) -> [Float]
    ) {
        layout = PixelLayout(
            bands: bands, sampleType: sampleType, tileSize: windowSize, gsd: gsd, stretch: stretch)
        self.windowSize = windowSize
        said = answer
    }

    func answer(_ windows: TileBatch) throws -> [PixelBuffer] {
        calls += 1
        batchSizes.insert(windows.tiles.count)
        return zip(windows.ids, windows.tiles).enumerated().map { slot, window in
            if window.0 == paddingID { padded += 1 } else { slots[window.0, default: []].insert(slot) }
            return PixelBuffer(
                bands: 1, height: windowSize, width: windowSize, samples: .float32(said(window.1, slot)))
        }
    }

    /// Answers the first band as it is.
    static func identity(windowSize: Int = 32, gsd: Double? = 10) -> ClosurePredictor {
        ClosurePredictor(windowSize: windowSize, gsd: gsd) { window, _ in
            Array(window.floats().prefix(windowSize * windowSize))
        }
    }

    /// Answers one number.
    static func constant(_ value: Float, windowSize: Int = 32, gsd: Double? = 10) -> ClosurePredictor {
        ClosurePredictor(windowSize: windowSize, gsd: gsd) { _, _ in
            [Float](repeating: value, count: windowSize * windowSize)
        }
    }

    /// Answers something that hangs on every pixel of the window, on the place in it and on the place in the batch:
    /// whatever differs between two runs shows.
    static func entangled(windowSize: Int = 32, gsd: Double? = 10) -> ClosurePredictor {
        ClosurePredictor(windowSize: windowSize, gsd: gsd) { window, slot in
            let pixels = window.floats()
            var hash: Float = 0
            for (place, value) in pixels.enumerated() {
                hash += value * Float((place * 7919) % 1013) * 1e-5
            }
            return (0..<windowSize * windowSize).map { place in
                pixels[place] * 0.1 + hash * Float(place % 17) * 0.01 + Float(slot) * 3
            }
        }
    }
}

/// A map read back.
struct ReadMap {
    let grid: Grid
    let buffer: PixelBuffer

    init(_ path: String, expandPalette: Bool = true) throws {
        let reader = try RasterReader(path: path, options: RasterOpenOptions(expandPalette: expandPalette))
        grid = reader.grid
        buffer = try reader.read(reader.grid.window)
    }

    /// The value at a place in CRS units; `nil` outside and where it is nodata.
    func value(x: Double, y: Double) -> Float? {
        guard let place = grid.pixel(x: x, y: y), buffer.isValid(row: place.row, column: place.column) else {
            return nil
        }
        return buffer[0, place.row, place.column]
    }

    var validCount: Int {
        buffer.validity.map { $0.reduce(0) { $0 + ($1 ? 1 : 0) } } ?? grid.width * grid.height
    }
}

/// How many pixels two maps share, and how many of those differ in any bit.
func compared(_ a: ReadMap, _ b: ReadMap) -> (shared: Int, different: Int) {
    var shared = 0
    var different = 0
    for row in 0..<a.grid.height {
        for column in 0..<a.grid.width where a.buffer.isValid(row: row, column: column) {
            let place = a.grid.transform.point(column: Double(column) + 0.5, row: Double(row) + 0.5)
            guard let other = b.value(x: place.x, y: place.y) else { continue }
            shared += 1
            if other.bitPattern != a.buffer[0, row, column].bitPattern { different += 1 }
        }
    }
    return (shared, different)
}
