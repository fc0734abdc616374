// Reading a corpus: formats by their specification, subsets, weights, packs, and every kind of damage in words.
import Corpus
import Files
import Foundation
import Geo
import Raster
import Telemetry
import TestSupport
import Testing

struct CorpusReadTests {
    private let folder = MemoryFolder()

    private func makeCorpus(
        _ name: String = "c", width: Int = 200, shardSize: Int = 24_000, splits: TileProfile.Splits = .init()
    ) throws -> String {
        let scene = try makeScene(folder, width: width)
        try tile(
            scenes: [scene], profile: smallProfile(shardSize: shardSize, splits: splits), into: folder.file(name))
        return folder.file(name)
    }

    private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

    private func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reversed().reduce(0) { $0 << 8 | Int($1) } }

    /// Writes a file anew with one change.
    private func change(_ path: String, _ body: (inout [UInt8]) -> Void) throws {
        var content = try bytes(path)
        body(&content)
        try Data(content).write(to: URL(fileURLWithPath: path))
    }

    @Test func `an index is what its description says`() throws {
        let corpus = try makeCorpus()
        let archive = try bytes(corpus + "/shards/000001.tar")
        let index = try bytes(corpus + "/shards/000001.idx")
        let first = number(try bytes(corpus + "/shards/000000.idx")[16..<24])
        #expect(Array(index[0..<8]) == Array("GEODIDX1".utf8))
        #expect(number(index[8..<12]) == 1 && number(index[12..<16]) == 96)
        let count = number(index[16..<24])
        #expect(count > 2 && index.count == 128 + 96 * count)
        #expect(number(index[24..<32]) == first)
        #expect(number(index[32..<40]) == archive.count)
        #expect(number(index[40..<48]) == count, "all tiles are for training")
        #expect(hex(index[72..<104]) == SHA256.hex(of: Array(index[128...])))
        #expect(hex(index[104..<128]) == SHA256.hex(of: Array(index[..<104])).prefix(48))
        for position in 0..<count {
            let record = Array(index[128 + 96 * position..<128 + 96 * (position + 1)])
            #expect(number(record[0..<8]) == first + position)
            let offset = number(record[8..<16])
            let pixels = Array(archive[offset..<offset + number(record[16..<24])])
            let text = Array(archive[number(record[24..<32])..<number(record[24..<32]) + number(record[32..<36])])
            #expect(number(record[40..<44]) == 0x3F80_0000, "weight 1")
            #expect(record[44] == 0 && number(record[48..<56]) == 1)
            #expect(hex(record[56..<76]) == SHA256.hex(of: pixels).prefix(40))
            #expect(hex(record[76..<96]) == SHA256.hex(of: text).prefix(40))
            let said = try #require(try JSONSerialization.jsonObject(with: Data(text)) as? [String: Any])
            #expect(said["sha256"] as? String == SHA256.hex(of: pixels))
            #expect(said["id"] as? Int == first + position && said["split"] as? String == "train")
            #expect(said["valid_fraction"] as? Double == 1 && said["crs"] as? String == "EPSG:32633")
        }
    }

    private func hex(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    @Test(.enabled(if: isInstalled("tar"))) func `tar lists and unpacks a shard`() throws {
        let corpus = try makeCorpus()
        let listing = try run("tar", ["-tvf", corpus + "/shards/000000.tar"])
        #expect(listing.status == 0 && listing.errors.isEmpty, "\(listing.errors)")
        let lines = listing.output.split(separator: "\n")
        #expect(
            lines.first?.hasPrefix("-rw-r--r-- 0/0") == true && lines.first?.hasSuffix("000000000.tif") == true,
            "\(lines)")
        #expect(lines.allSatisfy { $0.contains("1970-01-01") })
        let names = lines.compactMap { $0.split(separator: " ").last }
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.filter { $0 == "." }.count == 1 }, "no dots in keys")
        #expect(try run("tar", ["-xf", corpus + "/shards/000000.tar", "-C", folder.path]).status == 0)
        let tile = try RasterReader(path: folder.file("000000000.tif"))
        #expect(tile.grid.width == 32 && tile.grid.crs?.definition == "EPSG:32633")
        #expect(tile.bands.map(\.colour) == ["red", "green", "blue"])
    }

    @Test func `info counts without opening a shard`() throws {
        let corpus = try makeCorpus()
        let info = try corpusInfo(corpus)
        #expect(info.complete && info.tiles == 30 && info.scenes == 1 && info.shards > 2)
        #expect(info.splits == ["train": 30] && info.systems == ["EPSG:32633"] && info.profile == "small")
        #expect(info.fingerprint == (try CorpusTileSource(corpus).fingerprint))
        #expect(try corpusScenes(corpus).map(\.bandNames) == [["red", "green", "blue"]])
        #expect(isCorpus(corpus) && !isCorpus(folder.path))
        #expect(corpusError { _ = try corpusInfo(folder.path) }?.code == .notCorpus)
        #expect(corpusError { _ = try corpusInfo(folder.file("absent")) }?.code == .notCorpus)
    }

    @Test func `fingerprints are made of the indexes' headers and the layout as it was always spelt`() throws {
        let corpus = try makeCorpus()
        let source = try CorpusTileSource(corpus)
        var hash = SHA256()
        for name in try FileManager.default.contentsOfDirectory(atPath: corpus + "/shards").sorted()
        where name.hasSuffix(".idx") {
            hash.update(Array(try bytes(corpus + "/shards/" + name).prefix(128)))
        }
        let bands = source.layout.bands.map { "{\"name\":\"\($0.name)\"}" }.joined(separator: ",")
        let gsd = source.layout.gsd.map { "\"gsd\":\($0)," } ?? ""
        hash.update(
            Array(
                "{\"bands\":[\(bands)],\(gsd)\"sampleType\":\"uint8\",\"stretch\":\"none\",\"tileSize\":\(source.layout.tileSize)}"
                    .utf8))
        #expect(source.fingerprint == hash.finalize())
    }

    @Test func `fingerprints name the content`() throws {
        let a = try CorpusTileSource(makeCorpus("a"))
        let again = try CorpusTileSource(makeCorpus("b"))
        let other = try CorpusTileSource(makeCorpus("d", width: 232))
        #expect(a.fingerprint == again.fingerprint)
        #expect(a.fingerprint != other.fingerprint)
        #expect(try a.weights(3..<17) == [Float](repeating: 1, count: 14))
        #expect(try a.weights(0..<0) == [])
    }

    @Test func `tiles come from any thread in any order`() throws {
        let source = try CorpusTileSource(makeCorpus())
        let all = try source.tiles(Array(0..<30)).tiles
        let wrong = Mutex<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 64) { turn in
            let id = (turn * 17) % 30
            let tile = try? source.tiles([id, 29 - id]).tiles
            if tile?.first != all[id] || tile?.last != all[29 - id] { wrong.value += 1 }
        }
        #expect(wrong.value == 0)
    }

    // MARK: - Damage

    @Test func `a sound corpus verifies`() throws {
        let corpus = try makeCorpus()
        let summary = try verifyCorpus(corpus)
        #expect(summary.tiles == 30 && summary.damage.isEmpty)
        let sizes = try shardFiles(corpus).filter { $0.key.hasSuffix(".tar") }
        #expect(summary.bytes == sizes.values.reduce(0) { $0 + $1.count - 1024 })
    }

    @Test func `any changed byte of a shard is found`() throws {
        let corpus = try makeCorpus()
        let path = corpus + "/shards/000001.tar"
        let whole = try bytes(path)
        for place in stride(from: 0, to: whole.count, by: 997) {
            try change(path) { $0[place] ^= 0x55 }
            let error = try #require(corpusError { try verifyCorpus(corpus) }, "byte \(place)")
            #expect(error.code == .damaged && error.report.contains("000001.tar"), "byte \(place): \(error)")
            try Data(whole).write(to: URL(fileURLWithPath: path))
        }
        try verifyCorpus(corpus)
    }

    @Test func `all damage is told, with its number`() throws {
        let corpus = try makeCorpus()
        try change(corpus + "/shards/000000.tar") { $0[700] ^= 1 }
        try change(corpus + "/shards/000001.tar") { $0.removeLast(3000) }
        try change(corpus + "/shards/000002.idx") { $0[200] ^= 1 }
        try FileManager.default.removeItem(atPath: corpus + "/corpus.gpkg")
        var told: [String] = []
        let error = try #require(corpusError { try verifyCorpus(corpus) { told.append($0) } })
        #expect(error.what.contains("\(told.count) places"))
        for name in ["000000.tar", "000001.tar", "000002.idx", "corpus.gpkg is missing"] {
            #expect(told.contains { $0.contains(name) }, "\(name) in \(told)")
        }
    }

    @Test func `a truncated shard stops the reader in words`() throws {
        let corpus = try makeCorpus()
        try change(corpus + "/shards/000001.tar") { $0.removeLast(3000) }
        let error = try #require(corpusError { _ = try CorpusTileSource(corpus) })
        #expect(error.code == .damaged && error.place.hasSuffix("000001.tar") && error.what.contains("its index says"))
        // Reindexing keeps the whole tiles.
        let summary = try reindexCorpus(corpus)
        #expect(summary.tiles < 30 && summary.tiles > 20)
        #expect(try CorpusTileSource(corpus).tileCount == summary.tiles)
    }

    @Test func `a member that is a VRT is not opened`() throws {
        let corpus = try makeCorpus()
        let secret = try makeScene(folder, "secret.tif", width: 32, height: 32)
        let vrt =
            "<VRTDataset rasterXSize=\"32\" rasterYSize=\"32\"><VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource><SourceFilename>\(secret)</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
        try change(corpus + "/shards/000000.tar") {
            $0.replaceSubrange(512..<512 + vrt.utf8.count, with: Array(vrt.utf8))
        }
        let source = try CorpusTileSource(corpus)
        let error = try #require(corpusError { _ = try source.tiles([0]) })
        #expect(error.code == .badMember && error.place.hasSuffix("000000.tar"))
        #expect(
            error.what.contains("000000000.tif at offset 512 is not a GeoTIFF: it begins with '<VRTDataset"), "\(error)"
        )
    }

    @Test func `shards with other names are not opened`() throws {
        let corpus = try makeCorpus()
        for name in [
            "1.tar", "00000a.tar", "000001.tar.bak", "0000001.tar",
            "../x.tar".replacingOccurrences(of: "../", with: ".."),
        ] {
            try Data("junk".utf8).write(to: URL(fileURLWithPath: corpus + "/shards/" + name))
        }
        #expect(try CorpusTileSource(corpus).tileCount == 30)
        try verifyCorpus(corpus)
    }

    @Test func `a damaged marker, journal or index says so`() throws {
        let corpus = try makeCorpus()
        try change(corpus + "/journal.json") { $0 = Array("{".utf8) }
        #expect(corpusError { _ = try CorpusTileSource(corpus) }?.remedy?.contains("reindex") == true)
        #expect(try reindexCorpus(corpus).tiles == 30)
        try change(corpus + "/corpus.gpkg") { $0 = Array("no database at all, not even nearly".utf8) }
        #expect(corpusError { try verifyCorpus(corpus) }?.report.contains("corpus.gpkg") == true)
        #expect(try reindexCorpus(corpus).tiles == 30)
        try verifyCorpus(corpus)
        try change(corpus + "/shards/000000.idx") { $0.removeLast() }
        #expect(corpusError { _ = try CorpusTileSource(corpus) }?.place.hasSuffix("000000.idx") == true)
        try change(corpus + "/geodino-corpus.json") { $0.removeLast(20) }
        #expect(corpusError { _ = try CorpusTileSource(corpus) }?.code == .damaged)
    }

    @Test func `reindexing restores everything but the shards`() throws {
        let corpus = try makeCorpus()
        let files = try shardFiles(corpus)
        let index = try dump(corpus + "/corpus.gpkg")
        for name in try FileManager.default.contentsOfDirectory(atPath: corpus + "/shards") where name.hasSuffix(".idx")
        {
            try FileManager.default.removeItem(atPath: corpus + "/shards/" + name)
        }
        // The GeoPackage still says that the corpus was complete when the journal is lost.
        try FileManager.default.removeItem(atPath: corpus + "/journal.json")
        let summary = try reindexCorpus(corpus)
        #expect(summary.tiles == 30 && summary.rebuilt.count == files.count / 2)
        #expect(try shardFiles(corpus) == files)
        #expect(try dump(corpus + "/corpus.gpkg") == index)
        try FileManager.default.removeItem(atPath: corpus + "/corpus.gpkg")
        #expect(try reindexCorpus(corpus).rebuilt.isEmpty)
        #expect(try dump(corpus + "/corpus.gpkg") == index)
    }

    /// Puts a text in the place of one of the same length, the last such one in a file.
    private func replace(_ text: String, by other: String, in path: String) throws {
        try #require(text.utf8.count == other.utf8.count)
        var content = Data(try bytes(path))
        let place = try #require(content.range(of: Data(text.utf8), options: .backwards))
        content.replaceSubrange(place, with: Data(other.utf8))
        try content.write(to: URL(fileURLWithPath: path))
    }

    @Test(arguments: [
        ("\"id\":29,", "\"id\":-9,"), ("\"id\":29,", "\"id\":28,"), ("\"key\":\"000000029\"", "\"key\":\"0000000-9\""),
        ("\"scene\":0,", "\"scene\":9,"), ("\"candidate\":29,", "\"candidate\":-9,"),
        ("\"candidate\":29,", "\"candidate\":99,"), ("\"sha256\":", "\"sha265\":"),
    ])
    func `a record with impossible numbers is damage, and nothing that a program stops at`(
        _ text: String, _ other: String
    ) throws {
        let corpus = try makeCorpus(shardSize: 1_000_000)
        let shard = corpus + "/shards/000000.tar"
        try replace(text, by: other, in: shard)
        #expect(corpusError { try verifyCorpus(corpus) }?.report.contains("000000029") == true)
        // As if the run had been broken off within the shard.
        try FileManager.default.removeItem(atPath: corpus + "/shards/000000.idx")
        try FileManager.default.removeItem(atPath: corpus + "/corpus.gpkg")
        try change(shard) { $0.removeLast(1024) }
        try Data(#"{"format_version":1,"open_shard":0,"complete":false}"#.utf8).write(
            to: URL(fileURLWithPath: corpus + "/journal.json"))
        let scene = folder.file("scene.tif")
        func resume() throws -> TileSummary {
            try tile(
                scenes: [scene], profile: smallProfile(shardSize: 1_000_000), into: corpus,
                options: TileOptions(resume: true))
        }
        if text.contains("candidate") || text.contains("scene") {
            let error = try #require(corpusError { _ = try resume() })
            #expect(error.code == .damaged && error.what.contains("which the plan does not contain"), "\(error)")
        } else {
            // What cannot be a tile is where the unfinished shard ends.
            #expect(try resume().newTiles == 1)
            try verifyCorpus(corpus)
        }
    }

    @Test func `a record of another scene is damage`() throws {
        let corpus = try makeCorpus()
        try replace("\(folder.path)/scene.tif", by: "\(folder.path)/SCENE.tif", in: corpus + "/geodino-corpus.json")
        let error = try #require(corpusError { try verifyCorpus(corpus) })
        #expect(error.report.contains("which the corpus does not list"), "\(error)")
    }

    // MARK: - Packs

    @Test func `a pack keeps the holes of tiles, and has no room for them where there are none`() throws {
        let scene = try makeScene(folder, "holed.tif") { column, row in column < 20 && row < 5 }
        let corpus = folder.file("holed-corpus")
        _ = try tile(scenes: [scene], profile: smallProfile(minValidFraction: 0.5), into: corpus)
        let source = try CorpusTileSource(corpus)
        let pixels = 32 * 32
        let manifest = try packCorpus(
            corpus, into: folder.file("holed-pack"), options: PackOptions(fileSize: 8 * pixels * 3))
        var withHoles = 0
        var first = 0
        for file in manifest.files {
            let tiles = try source.tiles(Array(first..<first + file.count)).tiles
            first += file.count
            let content = try bytes(folder.file("holed-pack/" + file.name))
            let header = String(decoding: content[8..<8 + number(content[0..<8])], as: UTF8.self)
            guard tiles.contains(where: { $0.validity != nil }) else {
                #expect(!header.contains("validity"))
                continue
            }
            withHoles += 1
            #expect(header.contains("\"validity\""))
            // The last tensor of the file.
            let flags = tiles.flatMap { $0.validity ?? [Bool](repeating: true, count: pixels) }
            #expect(flags.contains(false))
            #expect(Array(content.suffix(file.count * pixels)) == flags.map { $0 ? 1 : 0 })
        }
        #expect(withHoles == 1 && manifest.files.count > 1)
    }

    @Test func `a pack holds what the corpus gives`() throws {
        let corpus = try makeCorpus(splits: .init(block: 40, train: 0.6, validation: 0.2, test: 0.2))
        let manifest = try packCorpus(
            corpus, into: folder.file("pack"), options: PackOptions(fileSize: 8 * 32 * 32 * 3))
        let source = try CorpusTileSource(corpus)
        #expect(manifest.fingerprint == source.fingerprint && manifest.layout == source.layout)
        #expect(manifest.files.map(\.count) == [8, 8, 8, 6] && manifest.tileCount == 30)
        #expect(manifest.subsets == ["train": 1, "validation": 2, "test": 4, "border": 8])
        let written = try JSONDecoder().decode(PackManifest.self, from: Data(bytes(folder.file("pack/pack.json"))))
        #expect(written == manifest)
        var id = 0
        for file in manifest.files {
            let content = try bytes(folder.file("pack/" + file.name))
            #expect(SHA256.hex(of: content) == file.sha256)
            let length = number(content[0..<8])
            #expect((8 + length) % 8 == 0)
            let header = try #require(
                try JSONSerialization.jsonObject(with: Data(content[8..<8 + length])) as? [String: [String: Any]])
            func data(_ name: String, _ type: String, _ shape: [Int]) throws -> ArraySlice<UInt8> {
                let entry = try #require(header[name])
                #expect(entry["dtype"] as? String == type && entry["shape"] as? [Int] == shape)
                let range = try #require(entry["data_offsets"] as? [Int])
                return content[8 + length + range[0]..<8 + length + range[1]]
            }
            let ids = try data("id", "I64", [file.count])
            let subsets = try data("subset", "I64", [file.count])
            let weights = try data("weight", "F32", [file.count])
            let pixels = try data("pixels", "U8", [file.count, 3, 32, 32])
            for k in 0..<file.count {
                #expect(number(ids[ids.startIndex + 8 * k..<ids.startIndex + 8 * k + 8]) == id)
                let bits = number(subsets[subsets.startIndex + 8 * k..<subsets.startIndex + 8 * k + 8])
                #expect(UInt64(bits) == source.subsetBits(id))
                #expect(number(weights[weights.startIndex + 4 * k..<weights.startIndex + 4 * k + 4]) == 0x3F80_0000)
                let start = pixels.startIndex + 3 * 32 * 32 * k
                #expect(try source.tiles([id]).tiles[0].samples == .uint8(Array(pixels[start..<start + 3 * 32 * 32])))
                id += 1
            }
        }
        #expect(corpusError { try packCorpus(corpus, into: folder.file("pack")) }?.code == .exists)
        // A shell completes folders with a slash.
        try packCorpus(corpus, into: folder.file("pack") + "/", options: PackOptions(overwrite: true))
        #expect(folder.contents.filter { $0.hasPrefix("pack") } == ["pack"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("pack")).count == 2)
    }

    @Test func `a replacement that was interrupted between its two renames loses no pack`() throws {
        let corpus = try makeCorpus()
        let pack = folder.file("pack")
        let manifest = try packCorpus(corpus, into: pack)
        // As a kill leaves it: the old pack moved aside, the new one not yet in its place.
        try FileManager.default.moveItem(atPath: pack, toPath: pack + ".replaced")
        try FileManager.default.createDirectory(atPath: pack + ".partial", withIntermediateDirectories: false)
        let options = PackOptions(overwrite: true)
        #expect(
            corpusError { try packCorpus(corpus, into: pack, options: options) { $0.done < 5 } }?.code == .cancelled)
        #expect(folder.contents.filter { $0.hasPrefix("pack") } == ["pack"])
        #expect(try JSONDecoder().decode(PackManifest.self, from: Data(bytes(pack + "/pack.json"))) == manifest)
        // As a kill after both renames leaves it: the old pack is no longer needed.
        try FileManager.default.copyItem(atPath: pack, toPath: pack + ".replaced")
        try packCorpus(corpus, into: pack, options: options)
        #expect(folder.contents.filter { $0.hasPrefix("pack") } == ["pack"])
        // Without leave to overwrite it, the pack is put back and named.
        try FileManager.default.moveItem(atPath: pack, toPath: pack + ".replaced")
        let error = corpusError { try packCorpus(corpus, into: pack) }
        #expect(error?.code == .exists && error?.causes.first?.contains("put back") == true)
        #expect(folder.contents.filter { $0.hasPrefix("pack") } == ["pack"])
        // A folder that also holds something else is left alone.
        try FileManager.default.moveItem(atPath: pack, toPath: pack + ".replaced")
        try Data("mine".utf8).write(to: URL(fileURLWithPath: pack + ".replaced/notes.txt"))
        #expect(corpusError { try packCorpus(corpus, into: pack, options: options) }?.code == .exists)
        #expect(folder.contents.filter { $0.hasPrefix("pack") } == ["pack.replaced"])
    }

    @Test func `a pack that breaks off leaves nothing`() throws {
        let corpus = try makeCorpus()
        #expect(corpusError { try packCorpus(corpus, into: folder.file("p")) { $0.done < 5 } }?.code == .cancelled)
        try change(corpus + "/shards/000001.tar") {
            $0.replaceSubrange(512..<600, with: [UInt8](repeating: 7, count: 88))
        }
        #expect(corpusError { try packCorpus(corpus, into: folder.file("p")) }?.code == .badMember)
        #expect(folder.contents.filter { $0.hasPrefix("p") }.isEmpty)
        #expect(
            corpusError { try packCorpus(corpus, into: corpus, options: PackOptions(overwrite: true)) }?.code == .exists
        )
    }
}
