// Areas as people have them: zipped, in UTF-16, from a pipe, without a CRS.
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

struct AreaFileTests {
    let folder = TemporaryFolder()
    private let text =
        #"{"type":"Polygon","coordinates":[[[15,50],[15.01,50],[15.01,50.01],[15,50.01],[15,50]]]}"#

    private func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: folder.file(name)))
        return folder.file(name)
    }

    private var plain: String {
        get throws { try AreaOfInterest(path: folder.write(text, to: "plain.geojson")).geoJSON }
    }

    private func refusal(_ path: String) -> RasterError? {
        do throws(RasterError) {
            _ = try AreaOfInterest(path: path)
            return nil
        } catch { return error }
    }

    @Test func `UTF-16 in both orders, with and without its mark, and a mark of UTF-8`() throws {
        let units = Array(text.utf16)
        let little = units.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let big = units.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        for (name, bytes) in [
            ("le", [0xFF, 0xFE] + little), ("be", [0xFE, 0xFF] + big), ("le-bare", little), ("be-bare", big),
            ("utf8", [0xEF, 0xBB, 0xBF] + Array(text.utf8)),
        ] {
            #expect(try AreaOfInterest(path: write(bytes, to: name + ".geojson")).geoJSON == plain, "\(name)")
        }
    }

    @Test(arguments: [#""UTF-16""#, "'utf-16le'", #""UTF-16LE" standalone="yes""#, #""ucs-2""#])
    func `UTF-16 in XML that says so itself`(_ encoding: String) throws {
        let ring = "15,50 15.01,50 15.01,50.01 15,50.01 15,50"
        let kml = """
            <?xml version="1.0" encoding=\(encoding)?><kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><Polygon>
            <outerBoundaryIs><LinearRing><coordinates>\(ring)</coordinates></LinearRing></outerBoundaryIs>
            </Polygon></Placemark></kml>
            """
        var bytes: [UInt8] = [0xFF, 0xFE]
        for unit in kml.utf16 { bytes += [UInt8(unit & 0xFF), UInt8(unit >> 8)] }
        #expect(try AreaOfInterest(path: write(bytes, to: "area.kml")).geoJSON == plain)
    }

    @Test func `a pipe that nobody writes into is left when somebody asks to stop`() throws {
        let pipe = folder.file("nobody")
        #expect(mkfifo(pipe, 0o600) == 0)
        let start = Date()
        var error: RasterError?
        stoppingToWait(grace: 0.2, when: { $0 == pipe }) { error = refusal(pipe) }
        #expect(error?.code == .cancelled)
        #expect(Date().timeIntervalSince(start) < 5)
        // Lets the thread that was left behind go.
        let end = open(pipe, O_WRONLY | O_NONBLOCK)
        if end >= 0 { close(end) }
    }

    @Test func `a pipe is read once and asked as often as need be`() throws {
        let pipe = folder.file("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let text = text
        Thread.detachNewThread { try? Data(text.utf8).write(to: URL(fileURLWithPath: pipe), options: []) }
        #expect(try AreaOfInterest(path: pipe).geoJSON == plain)
        #expect(try AreaOfInterest(path: pipe).geoJSON == plain)
    }

    @Test func `a zip archive with one area in it is that area`() throws {
        let one = try write(stored([("folder/area.geojson", Array(text.utf8)), ("readme.txt", [65])]), to: "one.zip")
        #expect(try AreaOfInterest(path: one).geoJSON == plain)
        let two = try write(
            stored([("a.geojson", Array(text.utf8)), ("b.geojson", Array(text.utf8))]), to: "two.zip")
        let many = refusal(two)
        #expect(many?.code == .badAOI && many?.what.contains("2 .geojson files") == true)
        // The remedy names one of them, and it works.
        let remedy = try #require(many?.remedy?.split(separator: "'").dropFirst().first.map(String.init))
        #expect(try AreaOfInterest(path: remedy).geoJSON == plain)
        let none = refusal(try write(stored([("readme.txt", [65])]), to: "none.zip"))
        #expect(
            none?.what == "the archive does not hold a vector file"
                && none?.causes.first?.contains("readme.txt") == true)
        #expect(refusal(try write([80, 75, 3, 4, 9, 9], to: "broken.zip"))?.code == .badAOI)
        // Braces in a name, other things beside the area, and what is no archive but called one.
        let odd = try write(
            stored([("metadata.json", [123, 125]), ("a.geojson", Array(text.utf8))]), to: "br}ace{.zip")
        #expect(try AreaOfInterest(path: odd).geoJSON == plain)
        #expect(try AreaOfInterest(path: write(Array(text.utf8), to: "text.zip")).geoJSON == plain)
        // Rasters too.
        try RampRaster().write(to: folder.file("ramp.tif"))
        let pixels = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("ramp.tif"))))
        let scene = try RasterReader(path: write(stored([("deep/ramp.tif", pixels)]), to: "scene.zip"))
        #expect(scene.grid == RampRaster().grid && scene.bands.count == 3)
    }

    @Test func `an area without a CRS on Earth is refused by its name`() throws {
        let schema = "<OGRVRTDataSource><OGRVRTLayer name=\"plain\"><SrcDataSource>\(folder.file("plain.geojson"))"
        _ = try plain
        for crs in [
            "LOCAL_CS[\"site\",UNIT[\"metre\",1]]",
            "GEOGCS[\"Undefined geographic SRS\",DATUM[\"unknown\",SPHEROID[\"unknown\",6378137,298.257223563]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433]]",
        ] {
            let path = try folder.write(
                schema + "</SrcDataSource><LayerSRS>\(crs)</LayerSRS></OGRVRTLayer></OGRVRTDataSource>", to: "area.vrt")
            let error = refusal(path)
            #expect(error?.code == .badAOI && error?.place == path, "\(String(describing: error))")
            #expect(error?.remedy?.hasPrefix("give it one: ogr2ogr -a_srs") == true)
        }
    }

    @Test func `an area on another body is refused by its CRS`() throws {
        let moon =
            #"{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"IAU_2015:30100"}},"#
            + #""features":[{"type":"Feature","properties":{},"geometry":"# + text + "}]}"
        let error = refusal(try folder.write(moon, to: "moon.geojson"))
        #expect(error?.code == .badAOI && error?.what == "the area is not on Earth", "\(String(describing: error))")
        #expect(error?.place.hasSuffix("moon.geojson") == true && error?.remedy == "give an area on Earth")
    }

    @Test func `what looks like an area and is none is called by its name`() throws {
        let bare = refusal(try folder.write("[[15, 50], [15.1, 50], [15.1, 50.1]]", to: "bare.geojson"))
        #expect(bare?.causes.first?.contains("bare list of coordinates") == true)
        let page = refusal(try folder.write("<!DOCTYPE html><html>Sign in</html>", to: "page.geojson"))
        #expect(page?.what == "the file is a web page, not an area")
        let pointer = refusal(
            try folder.write("version https://git-lfs.github.com/spec/v1\noid sha256:5c\nsize 77\n", to: "pointer.gpkg")
        )
        #expect(pointer?.what == "the file is a pointer of git-lfs, not an area")
        #expect(refusal(try folder.write("", to: "empty.shp"))?.what == "the file is empty")
        let broken = refusal(try folder.write("<?xml version=\"1.0\"?><kml><Document><Plac", to: "cut.kml"))
        #expect(broken?.code == .badAOI && broken?.what.contains("XML") == false, "areas are XML too")
        let cut = refusal(try folder.write(String(text.dropLast(3)), to: "cut.geojson"))
        #expect(cut?.causes.isEmpty == false && cut?.place.hasSuffix("cut.geojson") == true)
    }

    /// A zip archive of stored files (APPNOTE 4.3), without compression.
    private func stored(_ files: [(name: String, bytes: [UInt8])]) -> [UInt8] {
        func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 0xFF) } }
        func crc(_ bytes: [UInt8]) -> Int {
            var value: UInt32 = 0xFFFF_FFFF
            for byte in bytes {
                value ^= UInt32(byte)
                for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
            }
            return Int(value ^ 0xFFFF_FFFF)
        }
        var out: [UInt8] = []
        var directory: [UInt8] = []
        for (name, bytes) in files {
            let common =
                little(20, 2) + little(0, 2) + little(0, 2) + little(0, 4) + little(crc(bytes), 4)
                + little(bytes.count, 4) + little(bytes.count, 4) + little(name.utf8.count, 2) + little(0, 2)
            directory +=
                [80, 75, 1, 2] + little(20, 2) + common + little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4)
                + little(out.count, 4) + Array(name.utf8)
            out += [80, 75, 3, 4] + common + Array(name.utf8) + bytes
        }
        let start = out.count
        out += directory
        return out + [80, 75, 5, 6] + little(0, 4) + little(files.count, 2) + little(files.count, 2)
            + little(directory.count, 4) + little(start, 4) + little(0, 2)
    }
}
