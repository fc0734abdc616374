// Bands by what they are: their names, and those that are set aside.
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct BandTests {
    let folder = TemporaryFolder()

    init() throws { try RampRaster(bands: 4).write(to: folder.file("ramp.tif")) }

    private func scene(_ name: String, _ elements: [String]) throws -> RasterReader {
        let path = try VirtualRaster(
            over: folder.file("ramp.tif"), bands: elements.enumerated().map { .init($0 % 4 + 1, $1) }
        ).write(to: folder.file(name))
        return try RasterReader(path: path)
    }

    private func described(_ names: String...) -> [String] { names.map { "<Description>\($0)</Description>" } }

    @Test func `descriptions name what a band shows`() throws {
        let cases: [(String, String?)] = [
            ("Red", "red"), ("B04", "red"), ("B02", "blue"), ("b03", "green"), ("B4, Red (665 nm)", "red"),
            ("Near-Infrared", "nir"), ("NIR", "nir"), ("Red Edge 1", "rededge"), ("B2", nil), ("SR_B4", nil),
            ("band 3", nil), ("Band_1", nil), ("red minus green", nil), ("reddish", nil), ("Red mask", nil),
            ("red anomaly", nil), ("SR Red", "red"), ("panchromatic", "pan"),
        ]
        for (text, name) in cases {
            let band = try scene("one.vrt", described(text)).bands[0]
            #expect(band.commonName == name, "\(text)")
        }
        // What is no colour may still be a name; a number alone is none.
        let bands = try scene("names.vrt", described("B2", "Band 2", "SR_B4", "4")).bands
        #expect(bands.map(\.identity) == ["b2", nil, "sr_b4", nil])
        // A word goes before the colour that a writer left at its default, and metadata before it too.
        let both = try scene(
            "both.vrt",
            [
                "<Description>NIR</Description><ColorInterp>Red</ColorInterp>",
                "<Metadata><MDI key=\"common_name\">green</MDI></Metadata>", "<ColorInterp>Blue</ColorInterp>",
            ]
        ).bands
        #expect(both.map(\.commonName) == ["nir", "green", "blue"])
    }

    @Test func `an alpha band that was set aside is named, and warned of where it looks like data`() throws {
        let elements = ["", "", "", "<ColorInterp>Alpha</ColorInterp>"]
        let reader = try scene("alpha.vrt", elements)
        #expect(reader.alphaNote?.contains("band 4 is marked as alpha") == true)
        // The ramp's fourth band holds all kinds of values.
        #expect(try reader.alphaWarning() != nil)
        let error = #expect(throws: RasterError.self) { _ = try reader.read(reader.grid.window, bands: [4]) }
        #expect(error?.remedy?.contains("-colorinterp_4 undefined") == true)
        #expect(try scene("plain.vrt", ["", ""]).alphaWarning() == nil)
    }
}
