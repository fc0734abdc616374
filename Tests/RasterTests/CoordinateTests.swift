// CRS and coordinates, against values known from elsewhere.
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct CoordinateTests {
    @Test func `definitions are recognised, and nonsense is refused`() throws {
        #expect(try CoordinateReferenceSystem("epsg:32633").validated().definition == "EPSG:32633")
        let wkt = CoordinateReferenceSystem("EPSG:32633").wkt
        #expect(wkt.contains("UTM zone 33N"))
        #expect(try CoordinateReferenceSystem(wkt).validated().definition == "EPSG:32633")
        #expect(CoordinateReferenceSystem(wkt).isSame(as: .init("EPSG:32633")))
        #expect(!CoordinateReferenceSystem("EPSG:32632").isSame(as: .init("EPSG:32633")))
        #expect(
            CoordinateReferenceSystem("EPSG:32633").isProjected && !CoordinateReferenceSystem("EPSG:32633").isGeographic
        )
        #expect(CoordinateReferenceSystem.wgs84.isGeographic && CoordinateReferenceSystem.wgs84.name == "WGS 84")
        let own = CoordinateReferenceSystem("+proj=laea +lat_0=12 +lon_0=34 +datum=WGS84 +units=m")
        let written = try own.validated()
        #expect(written.definition.hasPrefix("PROJCRS") && written.isSame(as: own))
        for nonsense in ["", "EPSG:999999", "hello", "/etc/passwd", "http://example.com/crs"] {
            let error = try #require(throws: RasterError.self) {
                _ = try CoordinateReferenceSystem(nonsense).validated()
            }
            #expect(error.code == .badCRS && error.remedy != nil)
        }
    }

    @Test func `UTM zones with their exceptions`() {
        let cases: [(Double, Double, String)] = [
            (15, 45, "EPSG:32633"), (-180, 0, "EPSG:32601"), (179.99, -1, "EPSG:32760"), (180, 10, "EPSG:32601"),
            (5, 60, "EPSG:32632"), (10, 75, "EPSG:32633"), (0, 85, "EPSG:32661"), (0, -85, "EPSG:32761"),
            (182, -17, "EPSG:32701"),
        ]
        for (longitude, latitude, code) in cases {
            #expect(CoordinateReferenceSystem.utm(longitude: longitude, latitude: latitude).definition == code)
        }
    }

    @Test func `points follow the projection's own definition`() throws {
        let toUTM = try CoordinateTransformer(from: .wgs84, to: .init("EPSG:32633"))
        // On the central meridian easting is 500 km exactly, northing 0.9996 times the meridian arc; a quarter of
        // the meridian of WGS 84 is 10 001 965.7293 m.
        let points = toUTM.transform([(15, 0), (15, 89.9999999999), (.infinity, 0)])
        let equator = try #require(points[0])
        #expect(abs(equator.x - 500_000) < 1e-6 && abs(equator.y) < 1e-6)
        let pole = try #require(points[1])
        #expect(abs(pole.y - 0.9996 * 10_001_965.7293) < 0.01)
        #expect(points[2] == nil)
        let web = try CoordinateTransformer(from: .wgs84, to: .init("EPSG:3857"))
        let corner = try #require(web.transform([(180, 0)])[0])
        #expect(abs(corner.x - .pi * 6_378_137) < 1e-6)
    }

    @Test func `bounds hold bent edges and pass 180 degrees`() throws {
        let toUTM = try CoordinateTransformer(from: .wgs84, to: .init("EPSG:32633"))
        let bounds = try #require(toUTM.bounds(Bounds(minX: 12, minY: 50, maxX: 18, maxY: 51)))
        let middle = try #require(toUTM.transform([(15, 50)])[0])
        #expect(abs(bounds.minY - middle.y) < 1e-6)
        let back = try CoordinateTransformer(from: .init("EPSG:32601"), to: .wgs84)
        let wide = try #require(back.bounds(Bounds(minX: 100_000, minY: 1_000_000, maxX: 300_000, maxY: 1_100_000)))
        #expect(wide.minX < 180 && wide.maxX > 180 && wide.width < 3)
    }

    @Test func `GSD is measured on the ground`() throws {
        // Web Mercator at 60 degrees shows everything twice as large, apart from the flattening.
        let folder = TemporaryFolder()
        let y = 8_399_737.89
        try RampRaster(
            crs: .init("EPSG:3857"), transform: .init(originX: 0, originY: y, pixelSize: 10), width: 20, height: 1
        ).write(to: folder.file("m.tif"))
        let gsd = try RasterReader(path: folder.file("m.tif")).groundSampleDistance()
        let scale = Ellipsoid.metresPerDegree(latitude: 60)
        #expect(abs(gsd.x - scale.longitude * 360 / (2 * .pi * 6_378_137) * 10) < 1e-3)
        #expect(abs(gsd.y - scale.latitude * 0.5 * 360 / (2 * .pi * 6_378_137) * 10) < 1e-3)
    }

    @Test func `versions and codecs are known`() throws {
        let versions = try GDAL.versions()
        #expect(versions.map(\.name) == ["GDAL", "PROJ"] && versions.allSatisfy { $0.version.contains(".") })
        #expect(GDAL.codecs().contains("DEFLATE") && GDAL.codecs().contains("LZW"))
        #expect(GDAL.cloudOptimizedCodecs().contains("DEFLATE"))
        let error = try #require(throws: RasterError.self) { try GDAL.configure([:], cacheMegabytes: 0) }
        #expect(error.code == .badRange)
        try GDAL.configure(["GEODINO_TEST": "1"])
    }
}
