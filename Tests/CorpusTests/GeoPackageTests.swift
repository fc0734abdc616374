// corpus.gpkg as others see it: GDAL's tools read it, edit it, and leave it true.
import Corpus
import Files
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct GeoPackageTests {
    private let folder = MemoryFolder()

    private func makeCorpus() throws -> String {
        let scenes = [
            try makeScene(folder, "a.tif"),
            try makeScene(
                folder, "b.tif", width: 100, height: 100, originX: 400_000, originY: 6_000_000, crs: "EPSG:32717"),
        ]
        try tile(scenes: scenes, profile: smallProfile(), into: folder.file("c"))
        return folder.file("c") + "/corpus.gpkg"
    }

    @Test func `header and tables are those of GeoPackage 1-3`() throws {
        let path = try makeCorpus()
        #expect(try query(path, "PRAGMA application_id") == "1196444487")
        #expect(try query(path, "PRAGMA user_version") == "10300")
        #expect(try query(path, "PRAGMA integrity_check") == "ok")
        #expect(try query(path, "PRAGMA foreign_key_check").isEmpty)
        #expect(
            try query(path, "SELECT group_concat(table_name) FROM (SELECT table_name FROM gpkg_contents ORDER BY 1)")
                == "crs,journal,profile,scenes,shards,tiles")
        #expect(try query(path, "SELECT count(*), min(fid), max(fid) FROM tiles") == "39|1|39")
        #expect(try query(path, "SELECT count(*) FROM rtree_tiles_geom") == "39")
        #expect(
            try query(path, "SELECT group_concat(srs_id) FROM gpkg_spatial_ref_sys ORDER BY 1")
                == "-1,0,4326,32633,32717")
        #expect(
            try query(path, "SELECT definition FROM gpkg_spatial_ref_sys WHERE srs_id = 32717").contains("zone 17S"))
        #expect(try query(path, "SELECT group_concat(definition) FROM crs") == "EPSG:32633,EPSG:32717")
        #expect(try query(path, "SELECT count(DISTINCT key), count(DISTINCT sha256) FROM tiles") == "39|39")
        // The records say where the bytes are.
        let row = try query(
            path,
            "SELECT s.name, t.tile_offset, t.tile_bytes, t.sha256 FROM tiles t JOIN shards s ON s.id = t.shard_id WHERE fid = 22"
        )
        let parts = row.split(separator: "|").map(String.init)
        let shard = try Data(contentsOf: URL(fileURLWithPath: folder.file("c/shards/") + parts[0]))
        let offset = try #require(Int(parts[1]))
        let length = try #require(Int(parts[2]))
        #expect(SHA256.hex(of: Array(shard[offset..<offset + length])) == parts[3])
    }

    @Test(.enabled(if: isInstalled("ogrinfo"))) func `ogrinfo opens it without a complaint`() throws {
        let path = try makeCorpus()
        let all = try run("ogrinfo", ["-so", "-al", path])
        #expect(all.status == 0 && all.errors.isEmpty, "\(all.errors)")
        #expect(all.output.contains("Layer name: tiles") && all.output.contains("Feature Count: 39"))
        #expect(all.output.contains("Geometry: Multi Polygon") && all.output.contains("WGS 84"))
        #expect(all.output.contains("Extent: (-8"))
        // A spatial filter answers from the R-tree: the first scene lies at 15 degrees east.
        let east = try run("ogrinfo", ["-so", path, "tiles", "-spat", "14", "44", "16", "46"])
        #expect(east.output.contains("Feature Count: 30"), "\(east.output)")
        let feature = try run("ogrinfo", [path, "tiles", "-fid", "1"])
        #expect(feature.output.contains("MULTIPOLYGON (((15"), "\(feature.output)")
    }

    @Test(.enabled(if: isInstalled("ogrinfo"))) func `an edit by OGR stays valid`() throws {
        let path = try makeCorpus()
        let edits = [
            ["-sql", "UPDATE tiles SET weight = 2.5, split = 'test' WHERE key = '000000004'"],
            ["-sql", "UPDATE tiles SET geom = (SELECT geom FROM tiles WHERE fid = 39) WHERE fid = 1"],
            ["-sql", "DELETE FROM tiles WHERE key = '000000005'"],
        ]
        for edit in edits {
            let done = try run("ogrinfo", [path] + edit)
            #expect(done.status == 0 && done.errors.isEmpty, "\(done.errors)")
        }
        #expect(try query(path, "PRAGMA integrity_check") == "ok")
        #expect(try query(path, "SELECT count(*) FROM tiles") == "38")
        #expect(try query(path, "SELECT count(*) FROM rtree_tiles_geom") == "38")
        #expect(try query(path, "SELECT count(*) FROM rtree_tiles_geom WHERE id NOT IN (SELECT fid FROM tiles)") == "0")
        #expect(try query(path, "SELECT weight, split FROM tiles WHERE key = '000000004'") == "2.5|test")
        // The tile that was moved across the ocean is found there.
        #expect(
            try query(
                path,
                "SELECT a.minx = b.minx AND a.maxy = b.maxy FROM rtree_tiles_geom a, rtree_tiles_geom b WHERE a.id = 1 AND b.id = 39"
            ) == "1")
        let found = try run("ogrinfo", ["-so", path, "tiles", "-spat", "-90", "-60", "-70", "-30"])
        #expect(
            found.status == 0 && found.errors.isEmpty && found.output.contains("Feature Count: 10"), "\(found.output)")
    }

    @Test(.enabled(if: isInstalled("ogr2ogr"))) func `ogr2ogr appends to it and copies it`() throws {
        let path = try makeCorpus()
        let copy = folder.file("copy.gpkg")
        let copied = try run("ogr2ogr", [copy, path])
        #expect(copied.status == 0 && copied.errors.isEmpty, "\(copied.errors)")
        #expect(try query(copy, "SELECT count(*) FROM tiles") == "39")
        // A layer of the user's own beside ours.
        let added = try run("ogr2ogr", ["-update", "-nln", "mine", path, path, "scenes"])
        #expect(added.status == 0 && added.errors.isEmpty, "\(added.errors)")
        let listing = try run("ogrinfo", [path])
        #expect(listing.status == 0 && listing.errors.isEmpty && listing.output.contains("mine"))
        // Our program still takes it for its own.
        let again = try tile(
            scenes: [folder.file("a.tif"), folder.file("b.tif")], profile: smallProfile(), into: folder.file("c"))
        #expect(again.upToDate)
    }
}
