// Rasters and points of classes for the tests of land-cover scores.
import Foundation
import Geo
import Raster
import Scoring
import Telemetry
import TestSupport
import Testing

/// Classes on a grid in UTM zone 33, written as a GeoTIFF of 8 bits with nodata 255.
struct Cover {
    var width: Int
    var height: Int
    var pixel = 10.0
    var originX = 500_000.0
    var originY = 5_000_000.0
    var crs: CoordinateReferenceSystem? = CoordinateReferenceSystem("EPSG:32633")
    /// Names of values.
    var names: [Int: String] = [:]

    var grid: Grid {
        Grid(
            crs: crs, transform: GeoTransform(originX: originX, originY: originY, pixelSize: pixel), width: width,
            height: height)
    }

    /// Writes the value of each pixel by row and column.
    @discardableResult
    func write(to path: String, _ value: (_ row: Int, _ column: Int) -> UInt8) throws -> String {
        var values: [UInt8] = []
        for row in 0..<height { for column in 0..<width { values.append(value(row, column)) } }
        let palette = names.sorted { $0.key < $1.key }.map {
            RasterFormat.PaletteEntry(index: $0.key, colour: [10, 20, 30, 255], name: $0.value)
        }
        let writer = try RasterWriter(
            path: path, grid: grid,
            format: RasterFormat(
                sampleType: .uint8, nodata: 255, bands: [BandInfo(name: "cover")],
                palette: palette.isEmpty ? nil : palette, overviews: .mode), overwrite: true)
        try writer.write(
            PixelBuffer(bands: 1, height: height, width: width, samples: .uint8(values)), column: 0, row: 0)
        try writer.finish(cloudOptimized: false)
        return path
    }

    /// The centre of a pixel.
    func centre(row: Int, column: Int) -> (x: Double, y: Double) {
        (originX + (Double(column) + 0.5) * pixel, originY - (Double(row) + 0.5) * pixel)
    }
}

/// Points with a field `seen`.
func writePoints(
    _ points: [(x: Double, y: Double, value: VectorWriter.Value?)], kind: VectorWriter.Field.Kind = .integer,
    crs: String = "EPSG:32633", to path: String
) throws -> LabelLayer {
    let writer = try VectorWriter(
        path: path, layer: "points", crs: CoordinateReferenceSystem(crs), geometry: .points,
        fields: [.init("seen", kind)], overwrite: true)
    for point in points { try writer.write(point: (point.x, point.y), [point.value]) }
    try writer.finish()
    return try LabelLayer(path: path, field: "seen")
}

/// Whether two numbers are the same but for rounding.
func isNear(_ value: Double?, _ expected: Double, within tolerance: Double = 1e-12) -> Bool {
    value.map { abs($0 - expected) <= tolerance * max(1, abs(expected)) } ?? false
}

extension Legend {
    /// Three classes whose numbers are neither their places nor what they are called in labels; 0 is no label.
    static let three = Legend(
        [
            LegendClass(id: 5, name: "water", colour: [0, 0, 255], sources: [.number(10), .text("w")]),
            LegendClass(id: 2, name: "forest", colour: [0, 128, 0], sources: [.number(20), .text("f")]),
            LegendClass(
                id: 9, name: "rest", colour: [200, 200, 200], sources: [.number(30), .number(1000), .text("r")]),
        ], ignored: [.number(0), .text("?")], background: 9, name: "three")

    /// Classes 1 to a number, labelled by their own number.
    static func plain(_ count: Int) -> Legend {
        Legend((1...count).map { LegendClass(id: UInt8($0), name: "class \($0)", colour: [0, 0, 0]) })
    }
}
