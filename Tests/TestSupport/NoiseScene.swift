// Small scenes of noise that is a function of the place, and areas on them.
internal import Foundation
internal import Geo
internal import Raster

/// A number from 0 to 255 that looks random and hangs on the place alone.
public func noise(_ x: Int, _ y: Int, _ band: Int = 0) -> UInt8 {
    var value = UInt64(bitPattern: Int64(x &* 73_856_093 ^ y &* 19_349_663 ^ band &* 83_492_791))
    value = (value ^ value >> 33) &* 0xFF51_AFD7_ED55_8CCD
    value = (value ^ value >> 29) &* 0xC4CE_B9FE_1A85_EC53
    return UInt8(truncatingIfNeeded: value >> 40)
}

/// Writes an RGB scene of noise by lattice place, so that two scenes on one lattice agree where they overlap.
public func writeScene(
    _ path: String, crs: String = "EPSG:32633", x: Double = 500_000, y: Double = 5_000_000, pixel: Double = 10,
    width: Int = 150, height: Int = 120, nodata: Double? = nil, tags: [String: String] = [:],
    isHole: (_ row: Int, _ column: Int) -> Bool = { _, _ in false },
    value: ((_ band: Int, _ row: Int, _ column: Int) -> UInt8)? = nil
) throws {
    let firstColumn = Int((x / pixel).rounded())
    let firstRow = Int((-y / pixel).rounded())
    var samples: [UInt8] = []
    for band in 0..<3 {
        for row in 0..<height {
            for column in 0..<width {
                samples.append(value?(band, row, column) ?? noise(firstColumn + column, firstRow + row, band))
            }
        }
    }
    var validity: [Bool] = []
    for row in 0..<height { for column in 0..<width { validity.append(!isHole(row, column)) } }
    let grid = Grid(
        crs: CoordinateReferenceSystem(crs), transform: GeoTransform(originX: x, originY: y, pixelSize: pixel),
        width: width, height: height)
    try writeRaster(
        PixelBuffer(
            bands: 3, height: height, width: width, samples: .uint8(samples),
            validity: validity.contains(false) ? validity : nil, grid: grid),
        to: path, format: RasterFormat(sampleType: .uint8, nodata: nodata, bands: BandInfo.rgb, tags: tags),
        overwrite: true)
}

/// Writes polygons given in a projected CRS as GeoJSON in degrees; each polygon is a list of rings.
public func writeArea(
    _ path: String, crs: String = "EPSG:32633", _ polygons: [[[(Double, Double)]]]
) throws {
    let toDegrees = try CoordinateTransformer(from: CoordinateReferenceSystem(crs), to: .wgs84)
    let parts = polygons.map { polygon in
        polygon.map { ring in
            toDegrees.transform(ring.map { (x: $0.0, y: $0.1) }).compactMap { $0 }.map { [$0.x, $0.y] }
        }
    }
    let object: [String: Any] = ["type": "MultiPolygon", "coordinates": parts]
    try JSONSerialization.data(withJSONObject: object).write(to: URL(fileURLWithPath: path))
}

/// A closed rectangle.
public func rectangle(_ minX: Double, _ minY: Double, _ maxX: Double, _ maxY: Double) -> [(Double, Double)] {
    [(minX, minY), (maxX, minY), (maxX, maxY), (minX, maxY), (minX, minY)]
}
