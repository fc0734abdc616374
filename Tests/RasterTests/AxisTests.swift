// Where x runs and where y runs: not every CRS has its axes to the east and north.
import Geo
import Raster
import TestSupport
import Testing

struct AxisTests {
    @Test(arguments: [
        ("EPSG:32633", 15.0, 50.0, true), ("EPSG:3857", 15, 50, true), ("EPSG:2154", 3, 46, true),
        // Gauss-Kruger and Krovak: registered with north first, which GDAL turns round; Krovak East North is what it says.
        ("EPSG:31467", 9, 50, true), ("EPSG:5514", 15, 50, true),
        // South Africa's Lo29: x to the west, y to the south. Krovak: x to the south, y to the west.
        ("EPSG:2053", 29, -26, false), ("EPSG:2065", 15, 50, false),
        // Polar ones on both sides of the pole.
        ("EPSG:3413", -45, 75, true), ("EPSG:3413", 135, 72, false), ("EPSG:3031", 0, -75, true),
        ("EPSG:3031", 180, -75, false), ("EPSG:4326", 15, 50, true),
    ])
    func `a CRS runs east and north, or does not`(code: String, longitude: Double, latitude: Double, runs: Bool) {
        let crs = CoordinateReferenceSystem(code)
        #expect(crs.runsEastAndNorth(longitude: longitude, latitude: latitude) == runs)
    }

    @Test func `the zone of every place runs east and north there`() {
        for latitude in stride(from: -80.0, through: 83.9, by: 9.1) {
            for longitude in stride(from: -179.0, through: 179, by: 17) {
                let zone = CoordinateReferenceSystem.utm(longitude: longitude, latitude: latitude)
                #expect(zone.runsEastAndNorth(longitude: longitude, latitude: latitude), "\(longitude) \(latitude)")
            }
        }
    }

    @Test func `a picture is upright, mirrored, on its side or on its head`() {
        func transform(_ a: Double, _ b: Double, _ c: Double, _ d: Double) -> GeoTransform {
            GeoTransform(originX: 0, columnX: a, rowX: b, originY: 0, columnY: c, rowY: d)
        }
        #expect(transform(1, 0, 0, -1).isUpright)
        #expect(transform(0.9, 0.3, 0.3, -0.9).isUpright)
        #expect(!transform(-1, 0, 0, -1).isUpright && !transform(1, 0, 0, 1).isUpright)
        #expect(!transform(-1, 0, 0, 1).isUpright && !transform(0, -1, -1, 0).isUpright)
    }
}
