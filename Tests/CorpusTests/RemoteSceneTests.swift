// Scenes behind an address with a token: no corpus keeps the token, none hangs on it.
import Corpus
import Files
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

private struct Break: Error {}

struct RemoteSceneTests {
    private let folder = MemoryFolder()
    private let profile = smallProfile(shardSize: 18_000)
    private let secrets = ["one%2Fbarley%3D", "one/barley=", "two%2Foats%3D", "two/oats="]

    private func server() throws -> FileServer {
        _ = try makeScene(folder, "a.tif", width: 100, height: 100)
        return try FileServer(folder: folder.path)
    }

    /// Every file below a folder.
    private func files(_ root: String) throws -> [String: Data] {
        var found: [String: Data] = [:]
        for case let name as String in try #require(FileManager.default.enumerator(atPath: root)) {
            if let data = FileManager.default.contents(atPath: root + "/" + name) { found[name] = data }
        }
        return found
    }

    private func expectNoSecret(_ root: String) throws {
        for (name, data) in try files(root) {
            for secret in secrets { #expect(data.range(of: Data(secret.utf8)) == nil, "\(secret) is in \(name)") }
        }
    }

    /// What every fingerprint begins with: grid and bands.
    private func fingerprintStart(_ reader: RasterReader) -> String {
        var text = "\(reader.grid.width) \(reader.grid.height) \(reader.grid.transform.coefficients);"
        for band in reader.bands {
            text += "\(band.index) \(band.colour) \(band.storedType) \(band.nodata ?? .nan);"
        }
        return text
    }

    /// Gives the only scene of a corpus another path and fingerprint.
    private func rewriteMarker(_ corpus: String, path: String, fingerprint: String) throws {
        let marker = URL(fileURLWithPath: corpus + "/geodino-corpus.json")
        var object = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: marker)) as? [String: Any])
        var scenes = try #require(object["scenes"] as? [[String: Any]])
        scenes[0]["path"] = path
        scenes[0]["fingerprint"] = fingerprint
        object["scenes"] = scenes
        try JSONSerialization.data(withJSONObject: object).write(to: marker)
    }

    @Test func `a run goes on with a renewed token, and ends with the same bytes`() throws {
        let server = try server()
        let (one, two) = ("?token=one%2Fbarley%3D", "?token=two%2Foats%3D")
        try tile(scenes: [server.address("a.tif", one)], profile: profile, into: folder.file("whole"))
        var breaking = TileOptions()
        breaking.reached = { if $0 == .tileAppended(4) { throw Break() } }
        #expect(throws: Break.self) {
            try tile(
                scenes: [server.address("a.tif", one)], profile: profile, into: folder.file("broken"), options: breaking
            )
        }
        let summary = try tile(
            scenes: [server.address("a.tif", two)], profile: profile, into: folder.file("broken"),
            options: TileOptions(resume: true))
        #expect(summary.newTiles > 0 && summary.newTiles < summary.tiles)
        #expect(try shardFiles(folder.file("broken")) == shardFiles(folder.file("whole")))
        #expect(try dump(folder.file("broken/corpus.gpkg")) == dump(folder.file("whole/corpus.gpkg")))
        // Cut from the other token, it is the same corpus: a pretraining resumes with either.
        try tile(scenes: [server.address("a.tif", two)], profile: profile, into: folder.file("renewed"))
        #expect(
            try corpusInfo(folder.file("renewed")).fingerprint == corpusInfo(folder.file("whole")).fingerprint)
        try packCorpus(folder.file("whole"), into: folder.file("pack"))
        try verifyCorpus(folder.file("broken"))
        for name in ["whole", "broken", "renewed", "pack"] { try expectNoSecret(folder.file(name)) }
        #expect(
            try query(folder.file("whole/corpus.gpkg"), "SELECT path FROM scenes")
                == server.address("a.tif", "?token=REDACTED"))
    }

    @Test func `another file behind the address is another scene`() throws {
        let server = try server()
        let corpus = folder.file("corpus")
        try tile(scenes: [server.address("a.tif", "?token=one%2Fbarley%3D")], profile: profile, into: corpus)
        _ = try makeScene(folder, "b.tif", width: 100, height: 100, isHole: { row, _ in row > 90 })
        let data = try #require(FileManager.default.contents(atPath: folder.file("b.tif")))
        try data.write(to: URL(fileURLWithPath: folder.file("a.tif")))
        let error = corpusError {
            try tile(
                scenes: [server.address("a.tif", "?token=two%2Foats%3D")], profile: profile, into: corpus,
                options: TileOptions(resume: true))
        }
        #expect(error?.code == .inputsChanged)
        #expect(error?.causes.contains { $0.contains("has changed") } == true, "\(String(describing: error))")
        #expect(error?.report.contains("oats") == false)
    }

    @Test func `a virtual raster may name its sources with another token`() throws {
        let server = try server()
        func document(_ token: String) throws -> String {
            try folder.write(
                """
                <VRTDataset rasterXSize="100" rasterYSize="100"><SRS>EPSG:32633</SRS>
                <GeoTransform>500000, 0.6, 0, 5000000, 0, -0.6</GeoTransform>
                \((1...3).map { """
                    <VRTRasterBand dataType="Byte" band="\($0)"><SimpleSource>
                    <SourceFilename>/vsicurl/\(server.address("a.tif", "?bbox=1&amp;token=\(token)"))</SourceFilename>
                    <SourceBand>\($0)</SourceBand></SimpleSource></VRTRasterBand>
                    """ }.joined())
                </VRTDataset>
                """, to: "a.vrt")
        }
        try tile(scenes: [document("one%2Fbarley%3D")], profile: profile, into: folder.file("corpus"))
        let again = try tile(
            scenes: [document("two%2Foats%3D-and-longer")], profile: profile, into: folder.file("corpus"))
        #expect(again.upToDate)
        // Begun when the document's own bytes, with their token, named it.
        let path = try document("one%2Fbarley%3D")
        let bytes = try #require(FileManager.default.contents(atPath: path))
        let start = try fingerprintStart(RasterReader(path: path)) + "\(bytes.count)"
        try rewriteMarker(
            folder.file("corpus"), path: path, fingerprint: SHA256.hex(of: Array(start.utf8) + [UInt8](bytes)))
        #expect(try tile(scenes: [path], profile: profile, into: folder.file("corpus")).upToDate)
        try expectNoSecret(folder.file("corpus"))
    }

    @Test func `a corpus from before tokens were left out is read, and goes on without new ones in it`() throws {
        let server = try server()
        let corpus = folder.file("corpus")
        let old = server.address("a.tif", "?token=one%2Fbarley%3D")
        var breaking = TileOptions()
        breaking.reached = { if $0 == .tileAppended(4) { throw Break() } }
        #expect(throws: Break.self) { try tile(scenes: [old], profile: profile, into: corpus, options: breaking) }
        // The marker as it was then: the address as given, and a fingerprint of grid, bands and that address.
        let text = try fingerprintStart(RasterReader(path: old))
        try rewriteMarker(corpus, path: old, fingerprint: SHA256.hex(of: Array((text + old).utf8)))
        #expect(try corpusScenes(corpus).map(\.path) == [old])
        let summary = try tile(
            scenes: [server.address("a.tif", "?token=two%2Foats%3D")], profile: profile, into: corpus,
            options: TileOptions(resume: true))
        #expect(summary.newTiles > 0)
        try verifyCorpus(corpus)
        for (name, data) in try shardFiles(corpus) {
            for secret in secrets { #expect(data.range(of: Data(secret.utf8)) == nil, "\(secret) is in \(name)") }
        }
    }

    @Test func `a scene that is given up while it is read leaves a corpus that can be gone on with`() throws {
        // Large enough that GDAL does not fetch all of it when it opens it.
        let ramp = RampRaster(
            transform: GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 0.6), width: 512, height: 400,
            perX: 0.7, perY: -0.6, blockSize: 32)
        var format = ramp.format
        format.compression = .none
        try writeRaster(ramp.buffer(), to: folder.file("large.tif"), format: format)
        // With it nothing is read to tell what the file is.
        var behaviour = FileServer.Behaviour()
        behaviour.entityTag = "v1"
        let server = try FileServer(folder: folder.path, behaviour)
        let scene = server.address("large.tif", "?token=one%2Fbarley%3D")
        let corpus = folder.file("corpus")
        try tile(scenes: [folder.file("large.tif")], profile: profile, into: folder.file("whole"))
        server.behave { $0.silentFrom = 300_000 }
        let port = ":\(server.port)/"
        let error = stoppingToWait(grace: 0.2, when: { $0.contains(port) && server.silentRequests > 0 }) {
            corpusError {
                try tile(scenes: [scene], profile: profile, into: corpus, options: TileOptions(threads: 2))
            }
        }
        #expect(error?.code == .cancelled && error?.isCancellation == true, "\(String(describing: error))")
        #expect(error?.remedy == "to continue, \(UserAction.resumeSameCommand)")
        #expect(!FileManager.default.fileExists(atPath: corpus + "/LOCK"))
        server.stop()
        let second = try FileServer(folder: folder.path, port: server.port, behaviour)
        let summary = try tile(
            scenes: [second.address("large.tif", "?token=two%2Foats%3D")], profile: profile, into: corpus,
            options: TileOptions(resume: true))
        #expect(summary.newTiles > 0 && summary.newTiles < summary.tiles)
        try verifyCorpus(corpus)
    }
}
