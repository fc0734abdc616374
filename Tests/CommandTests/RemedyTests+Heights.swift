// Every remedy that an error offers is applied: heights in another unit, of several bands, with a palette.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

extension RemedyTests {
    @Test(.enabled(if: Tools.areThere, Tools.absence), arguments: heights)
    func `heights in another unit are metres after what is advised`(_ trouble: Trouble) throws {
        try Bench().learn(trouble)
    }

    /// A map in metres, and the same heights in another unit; the command compares them.
    private static func measured(
        _ file: String, scale: Double, type: String = "Float32", crs: String = "EPSG:32633", elements: String,
        translate: String
    ) -> @Sendable (Bench) throws -> [String] {
        { bench in
            try bench.scene("map.tif", type: .float32, bands: 1, named: false)
            let reader = try RasterReader(path: bench.file("map.tif"))
            let values = try reader.read(reader.grid.window).floats().map { Float(Double($0) / scale) }
            try writeRaster(
                PixelBuffer(bands: 1, height: 128, width: 128, samples: .float32(values), grid: reader.grid),
                to: bench.file("numbers.tif"), format: RasterFormat(sampleType: .float32, bands: [BandInfo(name: "")]))
            _ = try bench.virtual(
                "unit.vrt", over: "numbers.tif", type: type, crs: crs, bands: [VirtualRaster.Band(1, elements)])
            try bench.shell("gdal_translate -q \(translate) unit.vrt \(file)")
            return ["score", "canopy", "--map", "map.tif", "--truth", file, "--format", "json"]
        }
    }

    private static func agrees(within tolerance: Double) -> @Sendable (Bench, Outcome) throws -> Void {
        { _, outcome in
            let error = try #require(outcome.output.firstMatch(of: #/"mae_m"\s*:\s*([-+0-9.eE]+)/#)).output.1
            #expect(try #require(Double(error)) <= tolerance, "\(outcome.output)")
        }
    }

    private static let heights: [Trouble] = [
        Trouble(
            name: "feet", says: "the heights are in 'ft'", remedy: .command("gdal_edit.py"),
            prepare: measured("t.tif", scale: 0.3048, elements: "<UnitType>ft</UnitType>", translate: ""),
            check: agrees(within: 1e-4)),
        Trouble(
            name: "feet in a cloud-optimised GeoTIFF", says: "the heights are in 'ft'",
            remedy: .command("gdal_translate"),
            prepare: measured("t.tif", scale: 0.3048, elements: "<UnitType>ft</UnitType>", translate: "-of COG"),
            check: agrees(within: 1e-4)),
        Trouble(
            name: "decimetres with a scale of their own", says: "the heights are in 'dm'",
            remedy: .command("gdal_edit.py"),
            prepare: measured(
                "t.tif", scale: 0.2, elements: "<UnitType>dm</UnitType><Scale>2</Scale><Offset>0</Offset>",
                translate: ""),
            check: agrees(within: 1e-4)),
        Trouble(
            name: "a unit that is not known", says: "the heights are in 'fathom'", remedy: .command("gdal_edit.py"),
            fill: ["FACTOR": "1.8288"],
            prepare: measured("t.tif", scale: 1.8288, elements: "<UnitType>fathom</UnitType>", translate: ""),
            check: agrees(within: 1e-4)),
        Trouble(
            name: "US survey feet of a compound CRS", says: "the heights are in 'US survey foot'",
            remedy: .command("gdal_translate"),
            prepare: measured("t.tif", scale: 1200 / 3937, crs: "EPSG:32633+6360", elements: "", translate: ""),
            check: agrees(within: 1e-4)),
        Trouble(
            name: "feet of a compound CRS", says: "the heights are in 'foot'", remedy: .command("gdal_translate"),
            prepare: measured("t.tif", scale: 0.3048, crs: "EPSG:32633+8228", elements: "", translate: ""),
            check: agrees(within: 1e-4)),
        Trouble(
            name: "feet of a compound CRS without a code", says: "the heights are in '",
            remedy: .command("gdal_translate"),
            prepare: measured(
                "t.tif", scale: 0.3048,
                crs: "+proj=tmerc +lon_0=15 +k=0.9996 +x_0=500000 +datum=WGS84 +vunits=ft +geoidgrids=none.tif",
                elements: "",
                translate: ""),
            check: agrees(within: 1e-4)),
        Trouble(
            name: "metres in a compound CRS of feet", says: "the heights are in 'foot'",
            remedy: .other { bench, advice, arguments in
                let rest = try #require(advice.range(of: "metres already"), "\(advice)")
                let line = try Bench.command("gdal_translate", in: String(advice[rest.upperBound...]))
                try bench.shell(String(line.trimmingCharacters(in: [")"])))
                return arguments.map { $0 == "t.tif" ? "metres.tif" : $0 }
            },
            prepare: measured("t.tif", scale: 1, crs: "EPSG:32633+8228", elements: "", translate: ""),
            check: agrees(within: 1e-4)),
        Trouble(
            name: "several bands", says: "found 3 bands", remedy: .command("gdal_translate"), fill: ["N": "2"],
            prepare: { bench in
                try bench.scene("three.tif", type: .float32)
                return [
                    "score", "canopy", "--map", try bench.scene("map.tif", type: .float32, bands: 1), "--truth",
                    "three.tif",
                ]
            }),
        Trouble(
            name: "a palette", says: "found a palette", remedy: .command("gdal_translate"),
            prepare: { bench in
                let table =
                    "<ColorTable>" + (0..<256).map { "<Entry c1=\"\($0)\" c2=\"9\" c3=\"9\" c4=\"255\"/>" }.joined()
                    + "</ColorTable>"
                let palette = try bench.virtual(
                    "palette.vrt", over: bench.scene(bands: 1),
                    bands: [VirtualRaster.Band(1, "<ColorInterp>Palette</ColorInterp>" + table)])
                try bench.shell("gdal_translate -q \(palette) coloured.tif")
                return [
                    "score", "canopy", "--map", "scene.tif", "--truth", "coloured.tif", "--max-height", "255",
                    "--format", "json",
                ]
            }, check: agrees(within: 0)),
    ]
}
