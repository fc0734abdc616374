// Which bands of a scene are read, and whether scenes that are read as one agree.
import Foundation
import Geo
import Raster
import Scenes
import Telemetry
import TestSupport
import Testing

struct BandChoiceTests {
    let folder = TemporaryFolder()

    init() throws { try RampRaster(bands: 4).write(to: folder.file("ramp.tif")) }

    private func scene(_ name: String, _ elements: [String]) throws -> RasterReader {
        let path = try VirtualRaster(
            over: folder.file("ramp.tif"), bands: elements.enumerated().map { .init($0 % 4 + 1, $1) }
        ).write(to: folder.file(name))
        return try RasterReader(path: path)
    }

    private func described(_ names: String...) -> [String] { names.map { "<Description>\($0)</Description>" } }

    @Test func `bands are chosen by name, by place only where no name stands against it`() throws {
        let rgb = ["red", "green", "blue"]
        func chosen(_ reader: RasterReader, asked: [Int]? = nil, gray: Bool = false) -> [Int]? {
            try? reader.chosen(.named(rgb), asked: asked, by: "the test", grayAsColour: gray).map(\.index)
        }
        let sentinel = try scene("s2.vrt", described("B02", "B03", "B04", "B08"))
        #expect(chosen(sentinel) == [3, 2, 1])
        #expect(sentinel.bands.assumption(sentinel.bands.numbered([3, 2, 1]), as: rgb, in: "x") == nil)
        let silent = try scene("silent.vrt", ["", "", "", ""])
        #expect(chosen(silent) == [1, 2, 3])
        #expect(
            silent.bands.assumption(silent.bands.numbered([1, 2, 3]), as: rgb, in: "x")
                == "x: its 4 bands do not say what they are; 1, 2, 3 as red, green, blue (\(Setting.bands) to choose)")
        // A model of other bands does not see colours in them.
        #expect(
            silent.bands.assumption(silent.bands, as: ["coastal", "blue", "green", "red"], in: "x")
                == "x: its 4 bands do not say what they are; 1, 2, 3, 4 as coastal, blue, green, red (\(Setting.bands) to choose)"
        )
        // Colour infrared: its first band says that it is not red.
        let infrared = try scene("cir.vrt", described("nir", "red", "green"))
        #expect(chosen(infrared) == nil)
        #expect(chosen(infrared, asked: [2, 3, 1]) == [2, 3, 1])
        // Other names stand against it too.
        let (ndvi, landsat) = (
            try scene("ndvi.vrt", described("ndvi", "slope", "dem")),
            try scene("landsat.vrt", described("B2", "B3", "B4"))
        )
        #expect(chosen(ndvi) == nil && chosen(landsat) == nil)
        #expect(chosen(silent, asked: [1, 2]) == nil && chosen(silent, asked: [1, 2, 9]) == nil)
        let gray = try scene("one.vrt", [""])
        #expect(chosen(gray) == nil && chosen(gray, gray: true) == [1, 1, 1])
        // What a band is called goes before what it shows.
        let twice = try scene("twice.vrt", described("B04", "red", "green", "blue"))
        #expect(chosen(twice) == [2, 3, 4])
    }

    @Test func `colours are not taken by place from bands that have other names`() throws {
        for names in [
            ["B2", "B3", "B4", "B5"], ["red mask", "green", "blue", "nir"], ["ndvi", "slope", "dem", "sun"],
        ] {
            let scene = try scene("named.vrt", names.map { "<Description>\($0)</Description>" })
            let error = #expect(throws: SceneError.self) { try scene.chosen(.colour, asked: nil, by: "the profile") }
            #expect(error?.code == .missingBands && error?.remedy?.contains("\(Setting.bands) 1,2,3") == true)
            #expect(try scene.chosen(.colour, asked: [3, 2, 1], by: "the profile").map(\.index) == [3, 2, 1])
        }
        let two = try scene("two.vrt", described("ndvi", "slope"))
        #expect(try two.chosen(.colour, asked: nil, by: "the profile").map(\.index) == [1, 2])
    }

    @Test func `a fixed stretch of scaled values is said`() throws {
        let plain = try scene("plain.vrt", ["", "", ""]).bands
        let scaled = try scene("scaled.vrt", Array(repeating: "<Scale>0.0002</Scale>", count: 3)).bands
        let fixed = StretchRule.fixed(low: 0, high: 3000)
        #expect(
            scaled.scaleNote(fixed, in: "x")?.hasPrefix("x: its values are stored with scale 0.0002 and offset 0")
                == true)
        #expect(
            scaled.scaleNote(.percentile(low: 2, high: 98), in: "x") == nil && plain.scaleNote(fixed, in: "x") == nil)
    }

    @Test func `colours and numbers of a profile are chosen by the same rule`() throws {
        let sentinel = try scene("s2.vrt", described("B02", "B03", "B04", "B08"))
        let one = try scene("one.vrt", [""])
        let byColour = try scene(
            "colour.vrt", ["Blue", "Green", "Red", "Undefined"].map { "<ColorInterp>\($0)</ColorInterp>" })
        #expect(try byColour.chosen(.colour, asked: nil, by: "the test").map(\.index) == [3, 2, 1])
        let silent = try scene("silent.vrt", ["", "", "", ""])
        #expect(try silent.chosen(.colour, asked: nil, by: "the test").map(\.index) == [1, 2, 3])
        #expect(try sentinel.chosen(.colour, asked: nil, by: "the test").map(\.index) == [3, 2, 1])
        #expect(try one.chosen(.colour, asked: nil, by: "the test").map(\.index) == [1])
        #expect(try sentinel.chosen(.numbered([4, 2]), asked: nil, by: "the test").map(\.index) == [4, 2])
        #expect(try sentinel.chosen(.numbered([4, 2]), asked: [1, 3], by: "the test").map(\.index) == [1, 3])
        let absent = #expect(throws: SceneError.self) {
            _ = try sentinel.chosen(.numbered([4, 7]), asked: nil, by: "the test")
        }
        #expect(absent?.what == "the test asks for band 7, but the raster has 4 (blue, green, red, nir)")
        let few = #expect(throws: SceneError.self) {
            _ = try sentinel.chosen(.named(["red", "nir"]), asked: [1], by: "the test")
        }
        #expect(
            few?.what == "\(Setting.bands) names 1 band, but the test needs 2"
                && few?.remedy?.contains("\(Setting.bands) 1,2") == true)
    }

    @Test func `scenes that are read as one agree about their bands, or a person decides`() throws {
        func read(_ reader: RasterReader, _ asked: [Int]? = nil, own: Bool = true) throws -> SceneBands {
            SceneBands(
                path: reader.path,
                bands: try reader.chosen(.named(["red", "green", "blue"]), asked: asked, by: "the test"),
                all: reader.bands,
                asked: asked == nil ? .automatically : own ? .forThis : .forAll)
        }
        func error(_ scenes: [SceneBands], _ stretch: StretchRule = .none) -> SceneError? {
            do throws(SceneError) {
                try checkAgreement(scenes, stretch: stretch)
                return nil
            } catch { return error }
        }
        let named = try scene("named.vrt", described("Red", "Green", "Blue"))
        let sentinel = try scene("s2.vrt", described("B02", "B03", "B04", "B08"))
        let silent = try scene("silent.vrt", ["", "", "", ""])
        #expect(try error([read(named), read(sentinel)]) == nil)
        #expect(try error([read(silent), read(silent)]) == nil)
        let mixed = try error([read(named), read(silent)])
        #expect(
            mixed?.place == silent.path && mixed?.remedy?.contains("\(Setting.bands) '\(silent.path)=1,2,3'") == true)
        // The remedy, applied.
        #expect(try error([read(named), read(silent, [3, 2, 1])]) == nil)
        // For all scenes alike it would turn the one that was right.
        #expect(try error([read(named, [3, 2, 1], own: false), read(silent, [3, 2, 1], own: false)]) != nil)
        let other = try error([read(named), read(sentinel, [4, 3, 2])])
        #expect(other?.place == sentinel.path && other?.what.contains("nir") == true)
        #expect(other?.remedy?.contains("process the two scenes separately") == true)
        // Names of somebody's own beside those of everybody: a person's word decides.
        let german = try scene("german.vrt", described("Rot", "Gruen", "Blau"))
        #expect(throws: SceneError.self) { _ = try read(german) }
        #expect(try error([read(named), read(german, [1, 2, 3])]) == nil)
        // False colours, chosen for each.
        #expect(try error([read(sentinel, [4, 3, 2]), read(silent, [4, 3, 2])]) == nil)
        // A grey picture is red, green and blue alike, and agrees with any.
        let one = try scene("one.vrt", [""])
        let grey = SceneBands(
            path: one.path, bands: [one.bands[0], one.bands[0], one.bands[0]], all: one.bands, asked: .automatically)
        #expect(try error([grey, read(named)]) == nil && error([read(named), grey]) == nil)
    }

    @Test func `numbers that mean different things are not mixed`() throws {
        func read(_ name: String, scale: Double, offset: Double) throws -> SceneBands {
            let reader = try scene(
                name, [String](repeating: "<Scale>\(scale)</Scale><Offset>\(offset)</Offset>", count: 3))
            return SceneBands(path: reader.path, bands: reader.bands, all: reader.bands, asked: .automatically)
        }
        func agree(_ scenes: [SceneBands], _ stretch: StretchRule) -> Bool {
            (try? checkAgreement(scenes, stretch: stretch)) != nil
        }
        let (plain, old, new, other) = (
            try read("plain.vrt", scale: 1, offset: 0), try read("old.vrt", scale: 1e-4, offset: 0),
            try read("new.vrt", scale: 1e-4, offset: -0.1), try read("other.vrt", scale: 2.75e-5, offset: -0.2)
        )
        let fixed = StretchRule.fixed(low: 0, high: 3000)
        // Offsets are taken out by a fixed stretch, and make unequal what is taken as it is.
        #expect(agree([old, new], fixed) && agree([plain, old, new], fixed) && !agree([old, new], .none))
        #expect(!agree([old, other], fixed) && agree([old, other], .percentile(low: 2, high: 98)))
    }

    @Test func `bands can be asked for by scene`() throws {
        let scenes = ["a/x.tif", "b/y.tif", "c/y.tif"]
        let request = try BandRequest(["4,3,2", "a/x.tif=1,2,3"], scenes: scenes)
        #expect(request["a/x.tif"] == [1, 2, 3] && request["b/y.tif"] == [4, 3, 2])
        #expect(try BandRequest(["x.tif=3, 2, 1"], scenes: scenes)["a/x.tif"] == [3, 2, 1])
        for wrong in ["", "0", "a", "y.tif=1,2,3", "z.tif=1", "x.tif=", "1,,2"] {
            #expect(throws: SceneError.self, "\(wrong)") { _ = try BandRequest([wrong], scenes: scenes) }
        }
    }
}
