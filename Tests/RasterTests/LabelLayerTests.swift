// Label layers: what is read, refused and burnt; rasterio and shapely are the oracle of pixels.
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct LabelLayerTests {
    let folder = TemporaryFolder()
    private let utm = CoordinateReferenceSystem("EPSG:32633")

    /// A grid in UTM zone 33 north.
    private func grid(_ width: Int, _ height: Int, pixel: Double = 10) -> Grid {
        Grid(
            crs: utm, transform: .init(originX: 500_000, originY: 5_000_000, pixelSize: pixel), width: width,
            height: height)
    }

    /// A file of features in UTM zone 33 north, or in degrees, each with its properties and its geometry.
    private func features(
        _ features: [(properties: String, geometry: String)], named name: String = "labels.geojson",
        crs: String? = "EPSG:32633"
    ) throws -> String {
        let texts = features.map { #"{"type":"Feature","properties":\#($0.properties),"geometry":\#($0.geometry)}"# }
        let member = crs.map { #""crs":{"type":"name","properties":{"name":"\#($0)"}},"# } ?? ""
        return try folder.write(
            #"{"type":"FeatureCollection",\#(member)"features":[\#(texts.joined(separator: ",\n"))]}"#, to: name)
    }

    /// A polygon of columns and rows of `grid`.
    private func polygon(_ points: [(Double, Double)]) -> String {
        let ring = (points + points.prefix(1)).map { "[\(500_000 + 10 * $0.0),\(5_000_000 - 10 * $0.1)]" }
        return #"{"type":"Polygon","coordinates":[[\#(ring.joined(separator: ","))]]}"#
    }

    private func square(_ left: Double, _ top: Double, _ right: Double, _ bottom: Double) -> String {
        polygon([(left, top), (right, top), (right, bottom), (left, bottom)])
    }

    private func refusal(_ body: @escaping () throws -> Void) throws -> RasterError {
        try #require(throws: RasterError.self) { try body() }
    }

    /// Number `n` is class `n`.
    private let numbers: (LabelValue) -> Legend.Meaning = {
        guard case .number(let number) = $0 else { return .unknown }
        return .index(number)
    }

    private func rows(_ flags: [Bool], _ width: Int) -> [String] {
        stride(from: 0, to: flags.count, by: width).map { start in
            String(flags[start..<start + width].map { $0 ? "#" : "." })
        }
    }

    // MARK: - Against rasterio and shapely

    private struct Golden: Decodable {
        struct Polygon: Decodable {
            let name: String
            let centres: [String]
            let touched: [String]
        }
        struct Line: Decodable {
            let width: Double
            let band: [String]
            let touched: [String]
        }
        let width: Int
        let height: Int
        let polygons: [Polygon]
        let line: Line

        static var path: String { SharedData.packageFolder + "/Tests/Golden/labels.json" }

        static func load() throws -> Golden {
            try JSONDecoder().decode(Golden.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        }

        /// The geometries as they are.
        static func geometries() throws -> (polygons: [String], line: String) {
            let object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
            let document = try #require(object as? [String: Any])
            func text(_ entry: Any?) throws -> String {
                let geometry = try #require((entry as? [String: Any])?["geometry"])
                return String(decoding: try JSONSerialization.data(withJSONObject: geometry), as: UTF8.self)
            }
            let polygons = try #require(document["polygons"] as? [Any])
            return (try polygons.map { try text($0) }, try text(document["line"]))
        }
    }

    @Test func `polygons burn the pixels that rasterio burns, touched ones those that shapely finds`() throws {
        let golden = try Golden.load()
        let geometries = try Golden.geometries()
        let grid = grid(golden.width, golden.height)
        for (expected, geometry) in zip(golden.polygons, geometries.polygons) {
            let layer = try LabelLayer(path: features([(#"{"class":4}"#, geometry)]))
            let centres = try layer.burn(onto: grid, index: numbers)
            #expect(rows(centres.validity, golden.width) == expected.centres, "\(expected.name)")
            #expect(centres.conflicts == 0)
            #expect(zip(centres.indices, centres.validity).allSatisfy { $0 == ($1 ? 4 : 0) })
            let touched = try layer.burn(onto: grid, allTouched: true, index: numbers)
            #expect(rows(touched.validity, golden.width) == expected.touched, "\(expected.name)")
        }
    }

    @Test func `lines burn what they pass through, or what is within half of their width`() throws {
        let golden = try Golden.load()
        let layer = try LabelLayer(path: features([(#"{"class":1}"#, Golden.geometries().line)]))
        #expect(layer.lineCount == 1 && layer.polygonCount == 0)
        let grid = grid(golden.width, golden.height)
        let thin = try layer.burn(onto: grid, index: numbers)
        #expect(rows(thin.validity, golden.width) == golden.line.touched)
        let wide = try layer.burn(onto: grid, lineWidth: golden.line.width, index: numbers)
        #expect(rows(wide.validity, golden.width) == golden.line.band)
        for width in [0.0, -3, .nan, .infinity] {
            let error = try refusal { _ = try layer.burn(onto: grid, lineWidth: width, index: self.numbers) }
            #expect(error.code == .badRange)
        }
    }

    @Test(arguments: ["EPSG:4326", "EPSG:3857", "EPSG:32635"])
    func `a width is metres on the ground in any CRS`(crs: String) throws {
        // A road of 1,200 m along the meridian of 27 E at 60 N.
        let road = #"{"type":"LineString","coordinates":[[27,59.9],[27,60.1]]}"#
        let layer = try LabelLayer(path: features([(#"{"class":0}"#, road)], crs: nil))
        let to = try CoordinateTransformer(from: .wgs84, to: .init(crs))
        let metres = Ellipsoid.metresPerDegree(latitude: 60)
        let west = try #require(to.transform([(27 - 1500 / metres.longitude, 60)])[0])
        let east = try #require(to.transform([(27 + 1500 / metres.longitude, 60)])[0])
        // One row of 300 pixels of 10 m on the ground.
        let grid = Grid(
            crs: .init(crs),
            transform: GeoTransform(
                originX: west.x, columnX: (east.x - west.x) / 300, rowX: 0, originY: west.y, columnY: 0,
                rowY: -(east.x - west.x) / 300), width: 300, height: 1)
        let burnt = try layer.burn(onto: grid, lineWidth: 1200, index: numbers)
        #expect(abs(burnt.validity.count { $0 } - 120) <= 1, "\(burnt.validity.count { $0 })")
        let first = try #require(burnt.validity.firstIndex(of: true))
        #expect(abs(first - 90) <= 1)
    }

    @Test func `a point burns the pixel that holds it`() throws {
        func point(_ column: Double, _ row: Double) -> String {
            #"{"type":"Point","coordinates":[\#(500_000 + 10 * column),\#(5_000_000 - 10 * row)]}"#
        }
        let path = try features([
            (#"{"class":1}"#, point(2.5, 1.5)), (#"{"class":2}"#, point(3, 1)), (#"{"class":3}"#, point(0.01, 3.99)),
            (#"{"class":3}"#, point(-0.01, 2)), (#"{"class":1}"#, point(5.2, 2.2)), (#"{"class":2}"#, point(5.8, 2.9)),
            (
                #"{"class":2}"#,
                #"{"type":"MultiPoint","coordinates":[[500071,4999999],[500072,4999998]]}"#
            ),
        ])
        let burnt = try LabelLayer(path: path).burn(onto: grid(8, 4), index: numbers)
        var expected = [UInt8](repeating: 0, count: 32)
        // A point on the left or top edge belongs to the pixel; two classes in one pixel leave it open.
        (expected[8 + 2], expected[8 + 3], expected[24], expected[7]) = (1, 2, 3, 2)
        #expect(burnt.indices == expected)
        #expect(burnt.validity == expected.map { $0 > 0 })
        #expect(burnt.conflicts == 1)
    }

    // MARK: - Several labels

    @Test func `where two classes overlap a pixel is neither's`() throws {
        let path = try features([
            (#"{"class":1}"#, square(1, 1, 6, 6)), (#"{"class":2}"#, square(4, 3, 9, 8)),
            (#"{"class":1}"#, square(2, 2, 5, 5)), (#"{"class":9}"#, square(0, 0, 2, 3)),
        ])
        let layer = try LabelLayer(path: path)
        #expect(layer.values.map(\.value) == [.number(1), .number(2), .number(9)])
        #expect(layer.values.map(\.count) == [2, 1, 1])
        let burnt = try layer.burn(onto: grid(10, 10)) { value in
            value == .number(9) ? .ignored : value == .number(1) ? .index(0) : .index(7)
        }
        var conflicts = 0
        for row in 0..<10 {
            for column in 0..<10 {
                func isIn(_ left: Int, _ top: Int, _ right: Int, _ bottom: Int) -> Bool {
                    column >= left && column < right && row >= top && row < bottom
                }
                let (first, second, ignored) = (isIn(1, 1, 6, 6), isIn(4, 3, 9, 8), isIn(0, 0, 2, 3))
                if first, second { conflicts += 1 }
                let index = row * 10 + column
                #expect(burnt.validity[index] == ((first != second) && !ignored))
                #expect(burnt.indices[index] == (burnt.validity[index] && second ? 7 : 0))
            }
        }
        #expect(burnt.conflicts == conflicts && conflicts == 6)
        let unknown = try refusal { _ = try layer.burn(onto: self.grid(10, 10)) { _ in .unknown } }
        #expect(unknown.code == .badLabels && unknown.what.contains("1 in the field 'class'"))
    }

    @Test func `neighbours share an edge without a gap and without a conflict`() throws {
        // Thin triangles around a point, drawn either way round, edges through many centres.
        let hub = (12.5, 12.5)
        var rim: [(Double, Double)] = []
        for step in 0..<25 { rim.append((Double(step), 0)) }
        for step in 0..<25 { rim.append((25, Double(step))) }
        for step in 0..<25 { rim.append((25 - Double(step), 25)) }
        for step in 0...25 { rim.append((0, 25 - Double(step))) }
        let triangles = zip(rim, rim.dropFirst()).enumerated().map { index, edge in
            (
                properties: #"{"class":\#(index % 2)}"#,
                geometry: polygon(index % 2 == 0 ? [hub, edge.0, edge.1] : [edge.1, edge.0, hub])
            )
        }
        let layer = try LabelLayer(path: features(triangles))
        let burnt = try layer.burn(onto: grid(25, 25), index: numbers)
        #expect(burnt.conflicts == 0 && !burnt.validity.contains(false))
        #expect(Set(burnt.indices) == [0, 1])
        // With all pixels touched they do share some.
        #expect(try layer.burn(onto: grid(25, 25), allTouched: true, index: numbers).conflicts > 100)
    }

    @Test(arguments: [false, true])
    func `a window of a grid has what the whole grid has there, in any CRS`(allTouched: Bool) throws {
        var drawn: [(properties: String, geometry: String)] = []
        for index in 0..<60 {
            let (x, y) = (Double(noise(index, 1)) / 255, Double(noise(index, 2)) / 255)
            let (w, h) = (0.002 + Double(noise(index, 3)) / 60_000, 0.002 + Double(noise(index, 4)) / 60_000)
            let (west, south) = (15.0 + 0.05 * x, 45.1 + 0.04 * y)
            let geometry =
                switch index % 3 {
                case 0:
                    #"{"type":"Polygon","coordinates":[[[\#(west),\#(south)],[\#(west + w),\#(south + h / 3)],[\#(west + w / 2),\#(south + h)],[\#(west),\#(south)]]]}"#
                case 1:
                    #"{"type":"LineString","coordinates":[[\#(west),\#(south)],[\#(west + 2 * w),\#(south + h)],[\#(west + w),\#(south + 2 * h)]]}"#
                default: #"{"type":"Point","coordinates":[\#(west),\#(south)]}"#
                }
            drawn.append((#"{"class":\#(index % 5)}"#, geometry))
        }
        let layer = try LabelLayer(path: features(drawn, crs: nil))
        for (crs, size) in [("EPSG:32633", 31.7), ("EPSG:32632", 29.3), ("EPSG:3857", 43.1), ("EPSG:4326", 0.000_37)] {
            let to = try CoordinateTransformer(from: .wgs84, to: .init(crs))
            let bounds = try #require(to.bounds(Bounds(minX: 15, minY: 45.1, maxX: 15.05, maxY: 45.14)))
            let grid = Grid(
                crs: .init(crs), transform: .init(originX: bounds.minX, originY: bounds.maxY, pixelSize: size),
                width: Int(bounds.width / size), height: Int(bounds.height / size))
            let whole = try layer.burn(onto: grid, allTouched: allTouched, lineWidth: 45, index: numbers)
            #expect(whole.validity.count { $0 } > 300 && whole.conflicts > 0, "\(crs)")
            var random = SystemRandomNumberGenerator()
            var conflicts = 0
            for part in 0..<12 {
                // Four quarters, then any windows.
                let (halfWidth, halfHeight) = (grid.width / 2, grid.height / 2)
                let column = part < 4 ? part % 2 * halfWidth : Int.random(in: -9..<grid.width, using: &random)
                let row = part < 4 ? part / 2 * halfHeight : Int.random(in: -9..<grid.height, using: &random)
                let window = PixelWindow(
                    column: column, row: row,
                    width: part < 4 ? (part % 2 == 0 ? halfWidth : grid.width - halfWidth) : 40,
                    height: part < 4 ? (part / 2 == 0 ? halfHeight : grid.height - halfHeight) : 33)
                let piece = try layer.burn(
                    onto: grid.grid(of: window), allTouched: allTouched, lineWidth: 45, index: numbers)
                if part < 4 { conflicts += piece.conflicts }
                var same = true
                for r in 0..<window.height {
                    for c in 0..<window.width {
                        let (y, x) = (row + r, column + c)
                        guard y >= 0, x >= 0, y < grid.height, x < grid.width else { continue }
                        same = same && piece.indices[r * window.width + c] == whole.indices[y * grid.width + x]
                        same = same && piece.validity[r * window.width + c] == whole.validity[y * grid.width + x]
                    }
                }
                #expect(same, "\(crs) \(window)")
            }
            #expect(conflicts == whole.conflicts)
        }
    }

    @Test func `edges bend with the projection, as those of areas do`() throws {
        let wkt = "POLYGON((5 50, 25 50, 25 55, 5 55, 5 50))"
        let path = try features(
            [(#"{"class":1}"#, #"{"type":"Polygon","coordinates":[[[5,50],[25,50],[25,55],[5,55],[5,50]]]}"#)],
            crs: nil)
        let layer = try LabelLayer(path: path)
        let area = try AreaOfInterest(wkt: wkt, crs: .wgs84)
        let wide = Grid(
            crs: utm, transform: .init(originX: -300_000, originY: 6_200_000, pixelSize: 4_000), width: 400, height: 200
        )
        let burnt = try layer.burn(onto: wide, index: numbers)
        #expect(try burnt.validity == area.mask(on: wide))
        #expect(burnt.validity.count { $0 } > 10_000)
    }

    @Test(arguments: [
        #"{"type":"Polygon","coordinates":[[[178,-18],[-178,-18],[-178,-16],[178,-16],[178,-18]]]}"#,
        #"{"type":"Polygon","coordinates":[[[178,-18],[182,-18],[182,-16],[178,-16],[178,-18]]]}"#,
    ])
    func `labels across 180 degrees are one piece`(geometry: String) throws {
        let layer = try LabelLayer(path: features([(#"{"class":0}"#, geometry)], crs: nil))
        for origin in [177.0, -183] {
            let grid = Grid(
                crs: .wgs84, transform: .init(originX: origin, originY: -15, pixelSize: 0.25), width: 24, height: 16)
            let burnt = try layer.burn(onto: grid, index: numbers)
            for row in 0..<16 {
                for column in 0..<24 {
                    let isIn = (4..<20).contains(column) && (4..<12).contains(row)
                    #expect(burnt.validity[row * 24 + column] == isIn, "\(origin) \(column) \(row)")
                }
            }
        }
        // About 4 x 2 degrees at 17 S, in the zone on either side and in the web's Mercator.
        let scale = Ellipsoid.metresPerDegree(latitude: -17)
        for (crs, x) in [("EPSG:32701", 0.0), ("EPSG:32760", 500_000)] {
            let grid = Grid(
                crs: .init(crs), transform: .init(originX: x - 200_000, originY: 8_300_000, pixelSize: 2_000),
                width: 450,
                height: 200)
            let count = try layer.burn(onto: grid, index: numbers).validity.count { $0 }
            #expect(abs(Double(count) * 4e6 / (8 * scale.longitude * scale.latitude) - 1) < 0.02, "\(crs) \(count)")
        }
        let web = Grid(
            crs: .init("EPSG:3857"), transform: .init(originX: 19_800_000, originY: -1_700_000, pixelSize: 5_000),
            width: 120, height: 90)
        let shown = try layer.burn(onto: web, index: numbers).validity.count { $0 }
        let degree = 2 * Double.pi * 6_378_137 / 360
        #expect(abs(Double(shown) * 5_000 * 5_000 / (4 * degree * 2 * degree / cos(17 * .pi / 180)) - 1) < 0.03)
    }

    @Test func `threads burn at once`() async throws {
        let layer = try LabelLayer(
            path: features([(#"{"class":1}"#, square(1, 1, 6, 6)), (#"{"class":2}"#, square(4, 3, 9, 8))]))
        let grid = Grid(
            crs: .init("EPSG:32632"), transform: .init(originX: 970_000, originY: 5_010_000, pixelSize: 100), width: 90,
            height: 120)
        let results = try await withThrowingTaskGroup(of: BurntLabels.self) { group in
            for _ in 0..<8 { group.addTask { try layer.burn(onto: grid) { $0 == .number(1) ? .index(1) : .index(2) } } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.count == 8 && results.allSatisfy { $0 == results[0] })
    }

    // MARK: - Layers and fields

    @Test func `the only field that can hold a class is taken, and said`() throws {
        let path = try features([(#"{"id":1,"cover":"wood","height":1.5}"#, square(0, 0, 2, 2))])
        let layer = try LabelLayer(path: path)
        #expect(layer.field == "cover" && layer.values.map(\.value) == [.text("wood")])
        #expect(layer.warnings.contains { $0.contains("'cover'") })
        #expect(layer.crs == utm && layer.polygonCount == 1)
        // Chosen by name, whatever its case; a number must be whole.
        #expect(try LabelLayer(path: path, field: "COVER").values.map(\.value) == [.text("wood")])
        #expect(try LabelLayer(path: path, field: "id").values.map(\.value) == [.number(1)])
        let fraction = try refusal { _ = try LabelLayer(path: path, field: "height") }
        #expect(fraction.code == .badLabels && fraction.what.contains("'height' holds 1.5"))
        let whole = try features([(#"{"class":3.0,"x":2.5}"#, square(0, 0, 2, 2))], named: "real.geojson")
        #expect(try LabelLayer(path: whole, field: "class").values.map(\.value) == [.number(3)])
    }

    @Test func `missing and unclear fields are refused with a list`() throws {
        let path = try features([(#"{"species":"oak","cover":3,"day":"2024-05-01"}"#, square(0, 0, 2, 2))])
        let missing = try refusal { _ = try LabelLayer(path: path, field: "klass") }
        #expect(missing.code == .badLabels && missing.what.contains("no field 'klass'"))
        #expect(missing.causes.contains { $0.contains("'species' (text)") && $0.contains("'cover' (whole number)") })
        let unclear = try refusal { _ = try LabelLayer(path: path) }
        #expect(unclear.what.contains("several fields") && unclear.remedy?.contains("'species', 'cover'") == true)
        let date = try refusal { _ = try LabelLayer(path: path, field: "day") }
        #expect(date.what.contains("neither text nor a number"))
        let bare = try features([(#"{"height":2.5}"#, square(0, 0, 2, 2))], named: "bare.geojson")
        #expect(try refusal { _ = try LabelLayer(path: bare) }.what.contains("no field that can hold classes"))
    }

    @Test func `one of several layers must be chosen`() throws {
        let one = try features([(#"{"class":1}"#, square(0, 0, 2, 2))], named: "one.geojson")
        let two = try features([(#"{"class":2}"#, square(2, 0, 4, 2))], named: "two.geojson")
        func source(_ name: String, _ path: String, _ layer: String) -> String {
            "<OGRVRTLayer name=\"\(name)\"><SrcDataSource>\(path)</SrcDataSource><SrcLayer>\(layer)</SrcLayer></OGRVRTLayer>"
        }
        let path = try folder.write(
            "<OGRVRTDataSource>\(source("fields", one, "one"))\(source("other ones", two, "two"))</OGRVRTDataSource>",
            to: "labels.vrt")
        let unclear = try refusal { _ = try LabelLayer(path: path) }
        #expect(unclear.code == .badLabels && unclear.what == "the file has 2 layers")
        #expect(unclear.causes == ["they are 'fields', 'other ones'"])
        let missing = try refusal { _ = try LabelLayer(path: path, layer: "none") }
        #expect(missing.what.contains("no layer 'none'") && missing.causes.first?.contains("'other ones'") == true)
        let layer = try LabelLayer(path: path, layer: "other ones")
        #expect(layer.layer == "other ones" && layer.values.map(\.value) == [.number(2)])
    }

    @Test func `polygons that cross themselves and open rings are told of, each kind once`() throws {
        let open = #"{"type":"Polygon","coordinates":[[[500000,5000000],[500020,5000000],[500020,4999980]]]}"#
        let path = try features([
            (#"{"class":1}"#, square(0, 0, 2, 2)), (#"{"class":1}"#, polygon([(0, 0), (4, 4), (4, 0), (0, 4)])),
            (#"{"class":2}"#, polygon([(5, 0), (9, 4), (9, 0), (5, 4)])), (#"{"class":2}"#, open),
            // It only touches itself.
            (#"{"class":2}"#, polygon([(0, 5), (4, 5), (4, 7), (2, 5), (0, 7)])),
        ])
        let layer = try LabelLayer(path: path, field: "class")
        #expect(
            layer.warnings.filter { !$0.contains("CRS") } == [
                "closed 1 open ring",
                "2 polygons cross themselves, the first in feature 2 of the layer; pixels inside an odd number of turns are labelled",
            ])
    }

    @Test func `features that say nothing are left out and counted`() throws {
        let path = try features([
            (#"{"class":"a"}"#, square(0, 0, 2, 2)), (#"{"class":null}"#, square(2, 0, 4, 2)),
            (#"{"class":""}"#, square(2, 0, 4, 2)), (#"{}"#, square(4, 0, 6, 2)), (#"{"class":"b"}"#, "null"),
            (#"{"class":"b"}"#, #"{"type":"Polygon","coordinates":[[[500000,5000000],[500010,5000000]]]}"#),
        ])
        let layer = try LabelLayer(path: path)
        #expect(layer.unlabelledCount == 3)
        #expect(layer.warnings.contains("ignored 3 features without a value in the field 'class'"))
        #expect(layer.warnings.contains("ignored 1 feature without a geometry"))
        #expect(layer.warnings.contains("ignored 1 shape of too few different points"))
        let burnt = try layer.burn(onto: grid(6, 2)) { _ in .index(0) }
        #expect(burnt.validity.count { $0 } == 4)
        let empty = try features([(#"{"class":null,"x":"y"}"#, square(0, 0, 1, 1))], named: "empty.geojson")
        #expect(try refusal { _ = try LabelLayer(path: empty, field: "class") }.what.contains("none of the 1 features"))
    }

    @Test func `more values than there can be classes are counted and refused`() throws {
        let points = (0..<10_050).map {
            (properties: #"{"name":"n\#($0)"}"#, geometry: #"{"type":"Point","coordinates":[500000,5000000]}"#)
        }
        let path = try features(points)
        let error = try refusal { _ = try LabelLayer(path: path) }
        #expect(error.code == .badLabels && error.what.contains("10050 different values"))
        #expect(error.what.contains("'name'") && error.what.contains("at most 10000"))
        let most = try features(Array(points.prefix(LabelLayer.mostValues)), named: "most.geojson")
        #expect(try LabelLayer(path: most).values.count == 10_000)
    }

    @Test func `what is no label file is refused with a reason`() throws {
        let missing = try refusal { _ = try LabelLayer(path: self.folder.file("no.gpkg")) }
        #expect(missing.code == .notFound)
        try RampRaster().write(to: folder.file("ramp.tif"))
        let raster = try refusal { _ = try LabelLayer(path: self.folder.file("ramp.tif")) }
        #expect(raster.code == .badLabels && raster.what.contains("not a vector file") && !raster.causes.isEmpty)
        let none = try features([], named: "none.geojson")
        #expect(try refusal { _ = try LabelLayer(path: none) }.code == .badLabels)
        let swapped = try features(
            [(#"{"class":1}"#, #"{"type":"Point","coordinates":[45,121]}"#)], named: "swapped.geojson", crs: nil)
        let axes = try refusal { _ = try LabelLayer(path: swapped) }
        #expect(axes.what.contains("axes seem to be swapped") && axes.place == swapped)
        let far = try features(
            [(#"{"class":1}"#, #"{"type":"Point","coordinates":[500000,5000000]}"#)], named: "far.geojson", crs: nil)
        #expect(try refusal { _ = try LabelLayer(path: far) }.what.contains("latitude of 5000000"))
        let plain = try features([(#"{"class":1}"#, square(0, 0, 2, 2))], named: "plain.geojson")
        let local = try folder.write(
            "<OGRVRTDataSource><OGRVRTLayer name=\"plain\"><SrcDataSource>\(plain)</SrcDataSource><LayerSRS>LOCAL_CS[\"site\",UNIT[\"metre\",1]]</LayerSRS></OGRVRTLayer></OGRVRTDataSource>",
            to: "local.vrt")
        let nowhere = try refusal { _ = try LabelLayer(path: local) }
        #expect(nowhere.what == "the labels have no CRS" && nowhere.remedy?.contains("ogr2ogr -a_srs") == true)
    }

    @Test func `labels that meet no image are refused with the places of both`() throws {
        let layer = try LabelLayer(path: features([(#"{"class":1}"#, square(0, 0, 2, 2))]))
        var apart = grid(20, 20)
        apart.transform.originX += 100_000
        #expect(try layer.overlaps(grid(20, 20)))
        #expect(try layer.overlaps(apart) == false)
        try layer.requireOverlap(with: [apart, grid(5, 5)])
        let grids = [apart]
        let error = try refusal { try layer.requireOverlap(with: grids, role: "scene") }
        #expect(error.code == .badLabels && error.what == "no label meets the scene" && error.causes.count == 2)
        #expect(error.causes.allSatisfy { $0.contains("longitude") })
        let nothing = try layer.burn(onto: apart, index: numbers)
        #expect(!nothing.validity.contains(true) && nothing.conflicts == 0)
        var nowhere = grid(5, 5)
        nowhere.crs = nil
        let unplaced = nowhere
        #expect(try refusal { _ = try layer.burn(onto: unplaced, index: self.numbers) }.code == .noCRS)
    }

    @Test func `a label that has no place in the CRS of the grid is refused only near it`() throws {
        // A gnomonic projection shows less than half of the Earth.
        let world = #"{"type":"Polygon","coordinates":[[[-180,-80],[180,-80],[180,80],[-180,80],[-180,-80]]]}"#
        let everywhere = try LabelLayer(path: features([(#"{"class":1}"#, world)], crs: nil))
        let here = Grid(
            crs: .init("+proj=gnom +lat_0=45 +lon_0=15 +datum=WGS84 +units=m"),
            transform: .init(originX: 0, originY: 50, pixelSize: 10), width: 5, height: 5)
        let error = try refusal { _ = try everywhere.burn(onto: here, index: self.numbers) }
        #expect(error.code == .badLabels && error.what.contains("a label of 1 cannot be expressed"))
        #expect(error.remedy?.contains("ogr2ogr -clipsrc") == true)
        // Far away it does not matter.
        let pacific = #"{"type":"Polygon","coordinates":[[[150,-5],[170,-5],[170,5],[150,5],[150,-5]]]}"#
        let far = try LabelLayer(
            path: features(
                [(#"{"class":1}"#, pacific), (#"{"class":2}"#, #"{"type":"Point","coordinates":[15.0001,45.15]}"#)],
                crs: nil))
        #expect(try far.burn(onto: here, index: numbers).validity.contains(true) == false)
        let degrees = Grid(
            crs: .wgs84, transform: .init(originX: 140, originY: 10, pixelSize: 1), width: 40, height: 20)
        #expect(try far.burn(onto: degrees, index: numbers).validity.count { $0 } == 200)
    }
}
