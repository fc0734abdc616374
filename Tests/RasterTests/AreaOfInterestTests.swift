// Areas of interest: what is read, mended, refused, cut, moved and laid over grids.
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct AreaOfInterestTests {
    static func geoJSON(_ geometry: String) -> String {
        #"{"type":"Feature","properties":{},"geometry":\#(geometry)}"#
    }

    static func area(_ geometry: String) throws -> AreaOfInterest {
        let folder = TemporaryFolder()
        return try AreaOfInterest(path: folder.write(geoJSON(geometry), to: "aoi.geojson"))
    }

    static func failure(_ text: String, named: String = "aoi.geojson") throws -> RasterError {
        let folder = TemporaryFolder()
        let path = try folder.write(text, to: named)
        return try #require(throws: RasterError.self) { _ = try AreaOfInterest(path: path) }
    }

    @Test func `several features, collections and holes become one area`() throws {
        let folder = TemporaryFolder()
        let path = try folder.write(
            #"""
            {"type":"FeatureCollection","features":[
             {"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[
               [[0,0],[4,0],[4,4],[0,4],[0,0]],[[1,1],[1,2],[2,2],[2,1],[1,1]]]}},
             {"type":"Feature","properties":{},"geometry":{"type":"GeometryCollection","geometries":[
               {"type":"Point","coordinates":[9,9]},
               {"type":"MultiPolygon","coordinates":[[[[3,3],[5,3],[5,5],[3,5],[3,3]]],[[[8,8],[9,8],[9,9],[8,9],[8,8]]]]}]}},
             {"type":"Feature","properties":{},"geometry":null}]}
            """#, to: "aoi.geojson")
        let area = try AreaOfInterest(path: path)
        // 16 - 1, and 4 of which 1 is shared, and 1.
        #expect(abs(area.area - 19) < 1e-9)
        #expect(area.polygons.count == 2)
        #expect(area.crs == .wgs84)
        #expect(area.bounds == Bounds(minX: 0, minY: 0, maxX: 9, maxY: 9))
        #expect(area.warnings.contains { $0.contains("Point") })
        #expect(area.warnings.contains { $0.contains("without a geometry") })
        #expect(!area.crossesAntimeridian)
        #expect(area.intersects(Bounds(minX: 3.5, minY: 3.5, maxX: 10, maxY: 3.9)))
        #expect(!area.intersects(Bounds(minX: 1.2, minY: 1.2, maxX: 1.8, maxY: 1.8)))
        #expect(!area.intersects(Bounds(minX: 5.5, minY: 0, maxX: 7.5, maxY: 9)))
        #expect(area.intersects(Bounds(minX: 360.5, minY: 0.5, maxX: 360.6, maxY: 0.6)))
    }

    @Test(arguments: [
        (#"{"type":"FeatureCollection","features":[]}"#, "no features"),
        (geoJSON(#"{"type":"Point","coordinates":[1,2]}"#), "no polygons, only Point"),
        (geoJSON("null"), "geometry"),
        (geoJSON(#"{"type":"Polygon","coordinates":[]}"#), "geometry"),
        (geoJSON(#"{"type":"Polygon","coordinates":[[[10,110],[11,110],[11,111],[10,110]]]}"#), "swapped"),
        (
            geoJSON(
                #"{"type":"Polygon","coordinates":[[[500000,4000000],[500100,4000000],[500100,4000100],[500000,4000000]]]}"#
            ), "latitude of 4000000"
        ),
        (geoJSON(#"{"type":"Polygon","coordinates":[[[500,40],[501,40],[501,41],[500,40]]]}"#), "longitude of 500"),
        (geoJSON(#"{"type":"Polygon","coordinates":[[[1,1],[2,2],[1,1],[2,2],[1,1]]]}"#), "enclose no area"),
        (geoJSON(#"{"type":"Polygon","coordinates":[[[1,1],[2,2]]]}"#), "three different points"),
        (geoJSON(#"{"type":"Polygon","coordinates":[[[0,80],[120,80],[-120,80],[0,80]]]}"#), "pole"),
        ("no GeoJSON at all", "not a vector file"),
        (#"{"type":"Topology"}"#, "not a vector file"),
    ])
    func `what is no area is refused, with its reason`(text: String, reason: String) throws {
        let error = try Self.failure(text)
        #expect(error.code == .badAOI)
        #expect(error.what.contains(reason), "\(error)")
        #expect(error.remedy != nil)
        #expect(error.place.hasSuffix("aoi.geojson"))
    }

    @Test func `a missing file and a raster are refused`() throws {
        let folder = TemporaryFolder()
        let missing = try #require(throws: RasterError.self) { _ = try AreaOfInterest(path: folder.file("no.geojson")) }
        #expect(missing.code == .badAOI && missing.what == "no such file")
        try RampRaster().write(to: folder.file("ramp.tif"))
        let raster = try #require(throws: RasterError.self) { _ = try AreaOfInterest(path: folder.file("ramp.tif")) }
        #expect(raster.code == .badAOI && raster.what.contains("not a vector file") && !raster.causes.isEmpty)
    }

    @Test func `coordinates that are not finite are refused`() throws {
        let error = try Self.failure(
            Self.geoJSON(#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1e999],[0,0]]]}"#))
        #expect(error.code == .badAOI && error.what.contains("not finite"))
        #expect(throws: RasterError.self) {
            _ = try AreaOfInterest(wkt: "POLYGON((0 0, 1 0, nan 1, 0 0))", crs: .wgs84)
        }
    }

    @Test func `a bow tie is mended with a warning`() throws {
        let area = try Self.area(#"{"type":"Polygon","coordinates":[[[0,0],[2,2],[2,0],[0,2],[0,0]]]}"#)
        #expect(abs(area.area - 2) < 1e-9)
        #expect(area.polygons.count == 2)
        #expect(area.warnings.contains { $0.contains("repaired") })
    }

    @Test func `heights are dropped and open rings closed`() throws {
        let area = try Self.area(#"{"type":"Polygon","coordinates":[[[0,0,7],[2,0,7],[2,2,7],[0,2,7]]]}"#)
        #expect(abs(area.area - 4) < 1e-9)
        #expect(area.warnings.contains { $0.contains("heights") })
    }

    @Test func `a legacy crs member is obeyed, with a warning`() throws {
        let folder = TemporaryFolder()
        let path = try folder.write(
            #"""
            {"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::32633"}},
             "features":[{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[
             [[500000,5000000],[500100,5000000],[500100,5000100],[500000,5000100],[500000,5000000]]]}}]}
            """#, to: "aoi.geojson")
        let area = try AreaOfInterest(path: path)
        #expect(area.crs.definition == "EPSG:32633")
        #expect(area.area == 10_000)
        #expect(area.warnings.contains { $0.contains("UTM zone 33N") })
    }

    @Test(arguments: [
        // Jumping, past 180, and in two parts as RFC 7946 wants it.
        #"{"type":"Polygon","coordinates":[[[178,-18],[-178,-18],[-178,-16],[178,-16],[178,-18]]]}"#,
        #"{"type":"Polygon","coordinates":[[[178,-18],[182,-18],[182,-16],[178,-16],[178,-18]]]}"#,
        #"{"type":"Polygon","coordinates":[[[-182,-18],[-178,-18],[-178,-16],[-182,-16],[-182,-18]]]}"#,
        #"{"type":"MultiPolygon","coordinates":[[[[178,-18],[180,-18],[180,-16],[178,-16],[178,-18]]],[[[-180,-18],[-178,-18],[-178,-16],[-180,-16],[-180,-18]]]]}"#,
    ])
    func `an area across 180 degrees is cut there`(geometry: String) throws {
        let area = try Self.area(geometry)
        #expect(area.crossesAntimeridian)
        #expect(area.polygons.count == 2)
        #expect(abs(area.area - 8) < 1e-9)
        #expect(area.bounds == Bounds(minX: 178, minY: -18, maxX: 182, maxY: -16))
        #expect(area.intersects(Bounds(minX: -179.5, minY: -17, maxX: -179, maxY: -16.5)))
        #expect(area.intersects(Bounds(minX: 180.5, minY: -17, maxX: 181, maxY: -16.5)))
        #expect(!area.intersects(Bounds(minX: -170, minY: -17, maxX: 170, maxY: -16.5)))
        let utm = try area.transformed(to: .init("EPSG:32701"))
        // 4 degrees by 2 degrees at 17 south, on the ellipsoid; UTM itself is 1.0016 times too long 4 degrees off.
        let scale = Ellipsoid.metresPerDegree(latitude: -17)
        #expect(abs(utm.area / (8 * scale.longitude * scale.latitude) - 1) < 4e-3)
        #expect(abs(try utm.transformed(to: .wgs84).area - 8) < 1e-4)
        let grid = Grid(
            crs: .wgs84, transform: .init(originX: 177, originY: -15, pixelSize: 0.25), width: 24, height: 16)
        let mask = try area.mask(on: grid)
        #expect(mask.count { $0 } == 16 * 8)
        #expect(mask[5 * 24 + 4] && mask[5 * 24 + 19] && !mask[5 * 24 + 3] && !mask[5 * 24 + 20])
    }

    @Test func `a hole across 180 degrees stays a hole`() throws {
        let area = try Self.area(
            #"""
            {"type":"Polygon","coordinates":[[[178,-18],[-178,-18],[-178,-16],[178,-16],[178,-18]],
             [[179,-17.5],[179,-16.5],[-179,-16.5],[-179,-17.5],[179,-17.5]]]}
            """#)
        #expect(abs(area.area - 6) < 1e-9)
        #expect(!area.intersects(Bounds(minX: 179.5, minY: -17.2, maxX: 180.5, maxY: -16.8)))
    }

    @Test func `edges bend with the projection`() throws {
        // A parallel of 20 degrees' length is an arc in UTM: its middle lies well off the chord.
        let area = try AreaOfInterest(wkt: "POLYGON((5 50, 25 50, 25 55, 5 55, 5 50))", crs: .wgs84)
        let utm = try area.transformed(to: .init("EPSG:32633"))
        let transformer = try CoordinateTransformer(from: .wgs84, to: .init("EPSG:32633"))
        let middle = try #require(transformer.transform([(15, 50)])[0])
        let corner = try #require(transformer.transform([(5, 50)])[0])
        #expect(corner.y - middle.y > 40_000)
        #expect(abs(utm.bounds.minY - middle.y) < 0.1)
        #expect(utm.polygons[0][0].count > 100)
    }

    @Test func `a mask holds pixel centres, or all touched pixels, in windows as in the whole`() throws {
        let crs = CoordinateReferenceSystem("EPSG:32633")
        let area = try AreaOfInterest(
            wkt: "POLYGON((500012 4999988, 500048 4999988, 500048 4999951, 500012 4999951, 500012 4999988))", crs: crs)
        let grid = Grid(
            crs: crs, transform: .init(originX: 500_000, originY: 5_000_000, pixelSize: 10), width: 8, height: 8)
        let centres = try area.mask(on: grid)
        let touched = try area.mask(on: grid, allTouched: true)
        for row in 0..<8 {
            for column in 0..<8 {
                let x = 500_005.0 + 10 * Double(column)
                let y = 4_999_995.0 - 10 * Double(row)
                #expect(centres[row * 8 + column] == (x > 500_012 && x < 500_048 && y > 4_999_951 && y < 4_999_988))
                #expect(touched[row * 8 + column] == ((1...4).contains(column) && (1...4).contains(row)))
            }
        }
        // Slanted edges, another CRS, random windows.
        let slanted = try AreaOfInterest(
            wkt: "POLYGON((15.00 45.10, 15.03 45.16, 15.06 45.11, 15.04 45.13, 15.00 45.10))", crs: .wgs84)
        let wide = Grid(
            crs: crs, transform: .init(originX: 499_990.7, originY: 5_001_000, pixelSize: 31.7), width: 200, height: 300
        )
        for all in [false, true] {
            let whole = try slanted.mask(on: wide, allTouched: all)
            #expect(whole.contains(true) && whole.contains(false))
            for (column, row) in [(0, 0), (13, 57), (101, 119), (60, 200)] {
                let window = PixelWindow(column: column, row: row, width: 77, height: 66)
                let part = try slanted.mask(on: wide.grid(of: window), allTouched: all)
                for r in 0..<66 {
                    for c in 0..<77 where row + r < 300 && column + c < 200 {
                        #expect(part[r * 77 + c] == whole[(row + r) * 200 + column + c])
                    }
                }
            }
        }
    }

    @Test func `what lies near is cut out on both sides of 180 degrees, and nothing is turned inside out`() throws {
        let earth = try AreaOfInterest(wkt: "POLYGON((-180 -89, 180 -89, 180 89, -180 89, -180 -89))", crs: .wgs84)
        let fiji = [
            Bounds(minX: 179, minY: -18, maxX: 180, maxY: -17), Bounds(minX: -180, minY: -18, maxX: -179, maxY: -17),
        ]
        let near = try earth.near(fiji)
        #expect(near.crossesAntimeridian && abs(near.area - 8 * 7) < 1e-6)
        #expect(near.bounds == Bounds(minX: 176, minY: -21, maxX: 184, maxY: -14))
        // Wider than half of the globe: as it is.
        let wide = try earth.near([Bounds(minX: -90, minY: -10, maxX: 90, maxY: 10)])
        #expect(wide.area == earth.area && wide.polygons.count == earth.polygons.count)
        // What ends near by stays as it was drawn, in its own CRS.
        let small = try AreaOfInterest(
            bounds: Bounds(minX: 500_000, minY: 5_000_000, maxX: 500_100, maxY: 5_000_100), crs: .init("EPSG:32633"))
        #expect(try small.near([Bounds(minX: 15, minY: 45, maxX: 15.1, maxY: 45.2)]).crs == small.crs)
    }

    @Test func `GeoJSON goes out as it came in`() throws {
        let area = try AreaOfInterest(wkt: "POLYGON((0 0, 0 4, 4 4, 4 0, 0 0),(1 1, 2 1, 2 2, 1 2, 1 1))", crs: .wgs84)
        let again = try Self.area(area.geoJSON)
        #expect(again.area == 15)
        #expect(Set(again.polygons[0][0].map { [$0.x, $0.y] }) == [[0, 0], [0, 4], [4, 4], [4, 0]])
    }

    @Test(.enabled(if: SharedData.folder != nil, "\(SharedData.absence)"))
    func `collected areas are read or refused with a reason`() throws {
        for path in SharedData.files(in: "aoi") where path.hasSuffix(".geojson") {
            do {
                let area = try AreaOfInterest(path: path)
                #expect(area.area > 0 && area.bounds.width > 0, "\(path)")
                if ProcessInfo.processInfo.environment["SHOW"] != nil {
                    print(
                        "READ", path.suffix(60), area.polygons.count, area.bounds, area.crossesAntimeridian,
                        area.warnings)
                }
            } catch {
                #expect(error.code == .badAOI && !error.what.isEmpty && error.remedy != nil && error.place == path)
                if ProcessInfo.processInfo.environment["SHOW"] != nil { print("REFUSED", error.report) }
            }
        }
    }
}
