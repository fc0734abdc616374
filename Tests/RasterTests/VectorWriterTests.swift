// GeoPackages: whole or not at all, the same bytes each time, read by GDAL's own tools.
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct VectorWriterTests {
    let folder = TemporaryFolder()
    private let utm = CoordinateReferenceSystem("EPSG:32633")
    private let fields = [
        VectorWriter.Field("class", .integer), VectorWriter.Field("share", .real), VectorWriter.Field("name", .string),
    ]

    private func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: folder.file(name))) }

    private func box(_ column: Int, _ row: Int, side: Double = 10) -> Outline {
        let (x, y) = (500_000 + 10 * Double(column), 5_000_000 - 10 * Double(row))
        return [(x, y), (x + side, y), (x + side, y - side), (x, y - side), (x, y)]
    }

    private func refusal(_ body: @escaping () throws -> Void) throws -> RasterError {
        try #require(throws: RasterError.self) { try body() }
    }

    /// Writes 300 boxes.
    private func writeBoxes(_ name: String, overwrite: Bool = false, style: String? = nil) throws {
        let writer = try VectorWriter(
            path: folder.file(name), layer: "detections", crs: utm, geometry: .polygons, fields: fields,
            overwrite: overwrite)
        for index in 0..<300 {
            try writer.write(
                polygon: [box(index % 20, index / 20)],
                [
                    .integer(index % 3), .real(Double(index) / 8),
                    index % 7 == 0 ? nil : .string("box \(index) & 'more'"),
                ])
        }
        #expect(writer.count == 300)
        try writer.finish(style: style)
    }

    @Test func `polygons and points with their fields are read again`() throws {
        try writeBoxes("boxes.gpkg")
        #expect(folder.contents == ["boxes.gpkg"])
        let path = folder.file("boxes.gpkg")
        let layer = try LabelLayer(path: path, field: "class")
        #expect(layer.layer == "detections" && layer.crs == utm)
        #expect(layer.values.map(\.value) == [.number(0), .number(1), .number(2)])
        #expect(layer.values.map(\.count) == [100, 100, 100])
        #expect(layer.bounds == Bounds(minX: 500_000, minY: 4_999_850, maxX: 500_200, maxY: 5_000_000))
        let grid = Grid(
            crs: utm, transform: .init(originX: 500_000, originY: 5_000_000, pixelSize: 10), width: 20, height: 15)
        let burnt = try layer.burn(onto: grid) { value in
            guard case .number(let number) = value else { return .unknown }
            return .index(number)
        }
        #expect(burnt.indices == (0..<300).map { UInt8($0 % 3) } && !burnt.validity.contains(false))
        let names = try LabelLayer(path: path, field: "name")
        #expect(names.values.count == 257 && names.unlabelledCount == 43)
        #expect(names.values.contains { $0.value == .text("box 1 & 'more'") })

        let points = try VectorWriter(
            path: folder.file("points.gpkg"), layer: "trees", crs: .wgs84, geometry: .points,
            fields: [.init("species", .string)])
        try points.write(point: (15.25, 45.5), [.string("oak")])
        try points.write(point: (-179.5, -89), [.string("none")])
        try points.finish()
        let trees = try LabelLayer(path: folder.file("points.gpkg"))
        #expect(trees.crs == .wgs84 && trees.pointCount == 2 && trees.field == "species")
        #expect(trees.bounds == Bounds(minX: -179.5, minY: -89, maxX: 15.25, maxY: 45.5))
    }

    @Test func `holes are kept and open rings closed`() throws {
        let writer = try VectorWriter(
            path: folder.file("hole.gpkg"), layer: "area", crs: utm, geometry: .polygons, fields: [])
        let outer = box(0, 0, side: 100)
        try writer.write(polygon: [Array(outer.dropLast()), box(2, 2, side: 30)])
        try writer.finish()
        let area = try AreaOfInterest(path: folder.file("hole.gpkg"))
        #expect(area.area == 100 * 100 - 30 * 30 && area.polygons.count == 1 && area.warnings.isEmpty)
    }

    @Test func `the same features give the same bytes`() throws {
        try writeBoxes("a.gpkg", style: "<qgis/>")
        // The clock goes on.
        Thread.sleep(forTimeInterval: 1.1)
        try writeBoxes("b.gpkg", style: "<qgis/>")
        #expect(try bytes("a.gpkg") == bytes("b.gpkg"))
    }

    @Test func `an existing output is refused, or replaced at the very end`() throws {
        try writeBoxes("out.gpkg")
        let before = try bytes("out.gpkg")
        let path = folder.file("out.gpkg")
        func start(_ overwrite: Bool) throws -> VectorWriter {
            try VectorWriter(
                path: path, layer: "other", crs: utm, geometry: .points, fields: [], overwrite: overwrite)
        }
        let refused = try refusal { _ = try start(false) }
        #expect(refused.code == .exists && refused.remedy?.contains("give \(Setting.overwrite) ") == true)
        do {
            let writer = try start(true)
            try writer.write(point: (500_000, 5_000_000))
            withExtendedLifetime(writer) {
                #expect(folder.contents.count > 1 && folder.contents[0].hasPrefix(".out.gpkg.partial-"))
            }
            // Dropped without finish.
        }
        #expect(folder.contents == ["out.gpkg"])
        #expect(try bytes("out.gpkg") == before)
        let writer = try start(true)
        try writer.write(point: (500_000, 5_000_000))
        try writer.finish()
        #expect(folder.contents == ["out.gpkg"])
        #expect(try bytes("out.gpkg") != before)
        let again = try refusal { try writer.finish() }
        #expect(again.code == .writeFailed && again.what.contains("finished already"))
        let late = try refusal { try writer.write(point: (0, 0)) }
        #expect(late.code == .writeFailed)
        // Somebody else is faster.
        let slow = try VectorWriter(
            path: folder.file("late.gpkg"), layer: "a", crs: utm, geometry: .points, fields: [])
        _ = try folder.write("not ours", to: "late.gpkg")
        #expect(try refusal { try slow.finish() }.code == .exists)
        #expect(folder.contents == ["late.gpkg", "out.gpkg"])
    }

    @Test func `what cannot be written is refused, and nothing remains`() throws {
        func start(_ name: String, _ crs: CoordinateReferenceSystem) throws -> VectorWriter {
            try VectorWriter(path: folder.file(name), layer: "a", crs: crs, geometry: .polygons, fields: [])
        }
        let utm = utm
        let ending = try refusal { _ = try start("a.shp", utm) }
        #expect(ending.code == .unsupported && ending.remedy?.contains(".gpkg") == true)
        let nowhere = try refusal { _ = try start("no/a.gpkg", utm) }
        #expect(nowhere.code == .writeFailed && nowhere.what.contains("does not exist"))
        let crs = try refusal { _ = try start("a.gpkg", .init("EPSG:999999")) }
        #expect(crs.code == .badCRS)
        let writer = try start("a.gpkg", utm)
        let odd = try refusal { try writer.write(polygon: [[(0, 0), (1, .nan), (1, 1), (0, 0)]]) }
        #expect(odd.code == .badRange && odd.what.contains("feature 1"))
        #expect(try refusal { try writer.write(polygon: []) }.code == .badRange)
        for name in ["Name", "FID", ""] {
            let twice = try refusal {
                _ = try VectorWriter(
                    path: self.folder.file("b.gpkg"), layer: "b", crs: utm, geometry: .points,
                    fields: [.init("name", .string), .init(name, .real)])
            }
            #expect(twice.code == .badRange && twice.what.contains("'\(name)'"), "\(twice)")
        }
        #expect(!folder.contents.contains { $0.contains("b.gpkg") })
        // A layer without features is one all the same.
        try writer.finish()
        #expect(folder.contents == ["a.gpkg"])
        let empty = try refusal { _ = try AreaOfInterest(path: self.folder.file("a.gpkg")) }
        #expect(empty.what == "the area has no features")
    }

    @Test func `a style lies in the table where QGIS looks for it, and is no label layer`() throws {
        try writeBoxes("styled.gpkg", style: "<qgis version=\"3.22.0\"><renderer-v2 type=\"singleSymbol\"/></qgis>")
        let layer = try LabelLayer(path: folder.file("styled.gpkg"), field: "class")
        #expect(layer.layer == "detections" && layer.polygonCount == 300)
        let text = String(decoding: try bytes("styled.gpkg"), as: UTF8.self)
        #expect(text.contains("layer_styles") && text.contains("renderer-v2"))
        #expect(text.contains("2000-01-01T00:00:00"))
    }

    private static let ogrinfo = "/usr/bin/ogrinfo"

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: ogrinfo), "ogrinfo is not installed"))
    func `ogrinfo reads what is written`() throws {
        try writeBoxes("boxes.gpkg", style: "<qgis/>")
        func run(_ arguments: String...) throws -> String {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: Self.ogrinfo)
            process.arguments = arguments
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = pipe
            try process.run()
            let said = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return String(decoding: said, as: UTF8.self)
        }
        let path = folder.file("boxes.gpkg")
        let summary = try run("-so", path, "detections")
        for line in [
            "Geometry: Polygon", "Feature Count: 300", "WGS 84 / UTM zone 33N", "class: Integer64", "share: Real",
            "name: String", "Geometry Column = geom",
        ] { #expect(summary.contains(line), "\(line) in \(summary)") }
        #expect(!summary.contains("Warning") && !summary.contains("ERROR"))
        let feature = try run("-al", path, "detections", "-fid", "10")
        #expect(feature.contains("share (Real) = 1.125") && feature.contains("name (String) = box 9 & 'more'"))
        #expect(feature.contains("POLYGON ((500090 5000000,"))
        let style = try run("-al", path, "layer_styles")
        for line in [
            "f_table_name (String) = detections", "f_geometry_column (String) = geom", "styleQML (String) = <qgis/>",
            "useAsDefault (Integer(Boolean)) = 1", "update_time (DateTime) = 2000/01/01",
        ] { #expect(style.contains(line), "\(line) in \(style)") }
    }
}
