// geodino corpus: bad arguments, and what info, verify, reindex and pack find and write.
import Foundation
import TestSupport
import Testing

@Suite struct CorpusCommandTests {
    /// A subcommand on a folder that is not a corpus.
    private static func notCorpus(_ command: String, _ more: String...) -> BadCall {
        .failure("\(command) of a folder that is not a corpus", says: "is not a corpus", "  in   land", "  try  ") {
            bench in
            try FileManager.default.createDirectory(atPath: bench.file("land"), withIntermediateDirectories: true)
            return ["corpus", command, "land"] + more
        }
    }

    static let bad: [BadCall] = [
        .usage("an unknown subcommand", says: "Unexpected argument 'shuffle'", arguments: "corpus", "shuffle"),
        .usage("no corpus", says: "Missing expected argument '<corpus>'", arguments: "corpus", "info"),
        .usage("a pack without an output", says: "'--output <output>'", arguments: "corpus", "pack", "corpus"),
        notCorpus("info"), notCorpus("verify"), notCorpus("reindex"), notCorpus("pack", "-o", "pack"),
        .failure("a missing folder", says: "there is no such folder", "  in   none", "  try  ") { _ in
            ["corpus", "info", "none"]
        },
        .failure("an existing pack", says: "a pack exists already", "  in   pack", "--overwrite") { bench in
            try bench.copy("corpus")
            try bench.make("corpus", "pack", "corpus", "-o", "pack", "-q")
            return ["corpus", "pack", "corpus", "-o", "pack"]
        },
        .failure("an existing folder that is not a pack", says: "not a pack", "  in   mine", "  try  ") { bench in
            try bench.copy("corpus")
            try FileManager.default.createDirectory(atPath: bench.file("mine"), withIntermediateDirectories: true)
            try bench.text("mine/notes.txt", "mine")
            return ["corpus", "pack", "corpus", "-o", "mine", "--overwrite"]
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    private func bench() throws -> Bench {
        let bench = Bench()
        try bench.copy("corpus")
        return bench
    }

    /// Changes a byte.
    private func damage(_ bench: Bench, _ name: String, at offset: Int) throws {
        var bytes = try #require(FileManager.default.contents(atPath: bench.file(name)))
        try #require(bytes.count > offset)
        bytes[offset] ^= 255
        try bytes.write(to: URL(fileURLWithPath: bench.file(name)))
    }

    // MARK: - info

    @Test func `info's JSON matches the snapshot, and its text says the same`() throws {
        let bench = try bench()
        try Snapshot.expect(
            try bench.make("corpus", "info", "corpus", "--format", "json").output, matches: "corpus-info",
            varying: ["bytes": .integer, "fingerprint": .hash])
        let text = try bench.make("corpus", "info", "corpus").output
        #expect(text.hasPrefix("corpus: complete\n  tiles        16 of 64 x 64 px (train 16)\n"), "\(text)")
        #expect(text.contains("  bands        red green blue, uint8, stretch none\n  GSD          0.60 m\n"))
        #expect(text.contains("  CRS          EPSG:32633\n  profile      smoke\n"))
    }

    // MARK: - verify and reindex

    @Test func `verify reads a whole corpus and finds a changed byte`() throws {
        let bench = try bench()
        let whole = try bench.make("corpus", "verify", "corpus", "-q").output
        #expect(whole.hasPrefix("corpus: 16 tiles, ") && whole.hasSuffix(" bytes read, no damage\n"), "\(whole)")
        try damage(bench, "corpus/shards/000000.tar", at: 1000)
        let outcome = try bench.run(["corpus", "verify", "corpus", "-q"])
        #expect(outcome.status == 1 && outcome.output == "", "\(outcome.output)")
        #expect(outcome.errors.hasPrefix("damage: shards/000000.tar, 000000000: the bytes"), "\(outcome.errors)")
        #expect(outcome.errors.contains("error: the corpus is damaged in 1 place\n  in   corpus\n"))
        #expect(outcome.errors.contains("geodino corpus reindex 'corpus'"))
    }

    @Test func `reindex rebuilds lost indexes with the same bytes`() throws {
        let bench = try bench()
        let info = try bench.make("corpus", "info", "corpus", "--format", "json").output
        let index = "corpus/shards/000000.idx"
        let before = FileManager.default.contents(atPath: bench.file(index))
        for name in [index, "corpus/corpus.gpkg"] { try FileManager.default.removeItem(atPath: bench.file(name)) }
        let lost = try bench.run(["corpus", "verify", "corpus", "-q"])
        #expect(lost.status == 1 && lost.errors.contains("damaged in 2 places"), "\(lost.errors)")
        let again = try bench.make("corpus", "reindex", "corpus", "-q").output
        #expect(again.hasPrefix("corpus: 16 tiles in 1 shard") && again.contains("; 1 shard index"), "\(again)")
        #expect(FileManager.default.contents(atPath: bench.file(index)) == before && bench.has("corpus/corpus.gpkg"))
        #expect(try bench.make("corpus", "info", "corpus", "--format", "json").output == info)
        try bench.make("corpus", "verify", "corpus", "-q")
        #expect(try bench.make("corpus", "reindex", "corpus", "-q").output.contains("; 0 shard index"))
    }

    // MARK: - pack

    @Test func `a pack holds all tiles, and verify finds a changed byte`() throws {
        let bench = try bench()
        let outcome = try bench.make("corpus", "pack", "corpus", "-o", "pack", "-q")
        #expect(outcome.output.hasPrefix("pack: 16 tiles in 1 file"), "\(outcome.output)")
        let names = Set(try bench.files().keys.filter { $0.hasPrefix("pack/") })
        #expect(names == ["pack/pack-000000.safetensors", "pack/pack.json"])
        // 16 tiles of 3 bands of 64 x 64 pixels, and a header.
        let size = try #require(FileManager.default.contents(atPath: bench.file("pack/pack-000000.safetensors"))).count
        #expect(size > 16 * 3 * 64 * 64 && size < 16 * 3 * 64 * 64 + 4096)
        let whole = try bench.make("corpus", "verify", "pack", "-q").output
        #expect(whole == "pack: a pack of 16 tiles, no damage\n")
        try damage(bench, "pack/pack-000000.safetensors", at: size - 5)
        let damaged = try bench.run(["corpus", "verify", "pack", "-q"])
        #expect(damaged.status == 1 && damaged.errors.contains("the file has changed"), "\(damaged.errors)")
        #expect(damaged.errors.contains("  in   pack/pack-000000.safetensors"))
        try bench.make("corpus", "pack", "corpus", "-o", "pack", "--overwrite", "-q")
        #expect(try bench.make("corpus", "verify", "pack", "-q").output == whole)
    }
}
