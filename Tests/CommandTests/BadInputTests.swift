// Wrong inputs at the front door: a clear error, exit 1, nothing half-written.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

@Suite struct BadInputTests {
    private let temporary = TemporaryFolder()
    private var folder: URL { URL(fileURLWithPath: temporary.path) }

    private func file(_ name: String, _ text: String) throws -> String {
        let url = folder.appendingPathComponent(name)
        try Data(text.utf8).write(to: url)
        return url.path
    }

    /// A 40 x 40 pixel scene at 0.6 m.
    private func scene(crs: String? = "EPSG:32633", transform: GeoTransform? = nil) throws -> String {
        let grid = Grid(
            crs: crs.map(CoordinateReferenceSystem.init(_:)),
            transform: transform ?? GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 0.6), width: 40,
            height: 40)
        let samples = (0..<3 * 40 * 40).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let buffer = PixelBuffer(bands: 3, height: 40, width: 40, samples: .uint8(samples), grid: grid)
        let path = folder.appendingPathComponent("scene-\(UUID().uuidString).tif").path
        try writeRaster(buffer, to: path, format: RasterFormat(sampleType: .uint8, nodata: nil, bands: BandInfo.rgb))
        return path
    }

    private var output: String { folder.appendingPathComponent("corpus").path }

    private func tile(_ scene: String, profile: String = "tiles/smoke.yaml", _ more: String...) throws -> Outcome {
        try Program.run(["tile", scene, "-o", output, "--profile", profile] + more)
    }

    /// Exit 1, an explanation with all words, nothing left.
    private func expectRefusal(_ outcome: Outcome, _ words: String...) {
        #expect(!outcome.signalled && outcome.status == 1, "status \(outcome.status): \(outcome.errors)")
        #expect(outcome.errors.hasPrefix("error: "), "\(outcome.errors)")
        for word in words { #expect(outcome.errors.contains(word), "'\(word)' is not in: \(outcome.errors)") }
        #expect(!FileManager.default.fileExists(atPath: output), "something was left behind")
    }

    @Test func `a missing scene is named`() throws {
        expectRefusal(try tile("nowhere.tif"), "nowhere.tif")
    }

    @Test func `a text file is no raster`() throws {
        expectRefusal(try tile(try file("text.tif", "this is no raster\n")), "text.tif")
    }

    @Test func `a scene without CRS is refused with a remedy`() throws {
        expectRefusal(try tile(try scene(crs: nil)), "CRS", "try")
    }

    @Test func `a scene smaller than a tile says both sizes`() throws {
        expectRefusal(try tile(try scene(), profile: "tiles/sat493m.yaml"), "24 x 24 m", "307 m")
    }

    @Test func `an unknown key names the nearest known one`() throws {
        let text = try String(contentsOf: Program.root.appendingPathComponent("tiles/smoke.yaml"), encoding: .utf8)
        let profile = try file("p.yaml", text.replacingOccurrences(of: "min_valid_fraction", with: "min_valid_fracton"))
        expectRefusal(try tile(try scene(), profile: profile), "min_valid_fracton", "did you mean 'min_valid_fraction'")
    }

    @Test func `a duplicate key, an alias and a missing key are errors`() throws {
        let text = try String(contentsOf: Program.root.appendingPathComponent("tiles/smoke.yaml"), encoding: .utf8)
        expectRefusal(try tile(try scene(), profile: try file("d.yaml", text + "\nname: again\n")), "d.yaml", "name")
        let anchored = text.replacing("name: ", with: "name: &x ")
        #expect(anchored != text)
        expectRefusal(try tile(try scene(), profile: try file("a.yaml", anchored)), "a.yaml", "anchors and aliases")
        // Nine lines that stand for a thousand million values.
        let nest = "a0: &a0 [1, 2]\n" + (1..<40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }.joined()
        expectRefusal(try tile(try scene(), profile: try file("n.yaml", nest + text)), "anchors and aliases")
        expectRefusal(try tile(try scene(), profile: try file("m.yaml", "name: only\n")), "missing")
        expectRefusal(try tile(try scene(), profile: try file("e.yaml", "")), "empty")
    }

    @Test(arguments: [
        ("empty.geojson", #"{"type":"FeatureCollection","features":[]}"#),
        ("point.geojson", #"{"type":"Point","coordinates":[15,45]}"#),
        ("swapped.geojson", #"{"type":"Polygon","coordinates":[[[45,115],[46,115],[46,116],[45,115]]]}"#),
        ("far.geojson", #"{"type":"Polygon","coordinates":[[[-60,-3],[-59,-3],[-59,-2],[-60,-3]]]}"#),
        ("broken.geojson", #"{"type":"Polygon","coordinates":[[[15,"#),
    ])
    func `an area that cannot be used is refused`(_ name: String, _ text: String) throws {
        expectRefusal(try tile(try scene(), "--aoi", try file(name, text)), "\n  in   ")
    }

    @Test func `an existing output is left alone`() throws {
        let scene = try scene()
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        let keep = output + "/keep.txt"
        try Data("mine".utf8).write(to: URL(fileURLWithPath: keep))
        for flags in [[], ["--overwrite"], ["--resume"]] {
            let outcome = try Program.run(["tile", scene, "-o", output, "--profile", "tiles/smoke.yaml"] + flags)
            #expect(outcome.status == 1)
            #expect(try String(contentsOfFile: keep, encoding: .utf8) == "mine")
        }
    }

    @Test func `nothing given and no workspace says what to give`() throws {
        let outcome = try Program.run(["tile"], in: folder)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("geodino tile SCENE"))
    }

    @Test func `a workspace with an unknown key is refused`() throws {
        try Data("scenes: []\ncorpse: c\n".utf8).write(to: folder.appendingPathComponent("geodino.yaml"))
        let outcome = try Program.run(["tile"], in: folder)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("did you mean 'corpus'"), "\(outcome.errors)")
    }
}
