// Profiles: what may be said, and that it survives being written down.
import Corpus
import Foundation
import Geo
import Raster
import Telemetry
import Testing

struct TileProfileTests {
    private func decoded(_ json: String) throws -> TileProfile {
        try JSONDecoder().decode(TileProfile.self, from: Data(json.utf8))
    }

    private let text = """
        {"name": "n", "tile_size": 64, "gsd": "native", "sampling": {"kind": "grid", "stride": 32},
         "min_valid_fraction": 0.5, "bands": ["red", "nir"], "resampling": "auto", "stretch": "percentile:2,98",
         "pixels": "raw", "codec": "zstd", "shard_size": 100000,
         "splits": {"block": 500, "train": 0.5, "validation": 0.25, "test": 0.25, "seed": 3}}
        """

    @Test func `a document becomes a profile and back`() throws {
        let profile = try decoded(text)
        #expect(profile.gsd == .native)
        #expect(profile.bands == .names(["red", "nir"]))
        #expect(profile.resampling == .auto)
        #expect(profile.stretch == .percentile(low: 2, high: 98))
        #expect(profile.splits.seed == 3)
        let again = try JSONDecoder().decode(TileProfile.self, from: JSONEncoder().encode(profile))
        #expect(again == profile)
        try profile.validate()
    }

    @Test func `numbers and words are told apart`() throws {
        let other = text.replacingOccurrences(of: "\"native\"", with: "0.6")
            .replacingOccurrences(of: "[\"red\", \"nir\"]", with: "[3, 2]")
            .replacingOccurrences(of: "\"auto\"", with: "\"bilinear\"")
        let profile = try decoded(other)
        #expect(profile.gsd == .metres(0.6))
        #expect(profile.bands == .numbers([3, 2]))
        #expect(profile.resampling == .fixed(.bilinear))
    }

    @Test(arguments: [
        ("\"native\"", "\"fine\"", "native"), ("\"auto\"", "\"lanczos\"", "lanczos"),
        ("\"percentile:2,98\"", "\"percentile:98,2\"", "percentile:98,2"), ("[\"red\", \"nir\"]", "7", "bands"),
        ("\"raw\"", "\"cooked\"", "cooked"),
    ])
    func `a wrong word is named`(old: String, new: String, named: String) throws {
        let wrong = text.replacingOccurrences(of: old, with: new)
        #expect { try decoded(wrong) } throws: { "\($0)".contains(named) }
    }

    @Test func `a missing key is an error`() {
        let wrong = text.replacingOccurrences(of: "\"tile_size\": 64, ", with: "")
        #expect { try decoded(wrong) } throws: { "\($0)".contains("tile_size") }
    }

    @Test(arguments: [
        ("\"tile_size\": 64", "\"tile_size\": 8", "tile_size is 8"),
        ("\"min_valid_fraction\": 0.5", "\"min_valid_fraction\": 1.5", "min_valid_fraction"),
        ("\"stride\": 32", "\"stride\": 0", "stride is 0"), ("\"stride\": 32", "\"count\": 10", "belong to random"),
        ("\"kind\": \"grid\", \"stride\": 32", "\"kind\": \"random\"", "either count or density"),
        ("\"kind\": \"grid\", \"stride\": 32", "\"kind\": \"random\", \"density\": -1", "density is -1"),
        ("[\"red\", \"nir\"]", "[0, 1]", "band 0"), ("[\"red\", \"nir\"]", "[\"red\", \"red\"]", "twice"),
        ("\"train\": 0.5", "\"train\": 0.9", "together they must be 1"),
        ("\"block\": 500", "\"block\": 0", "block is 0"),
        ("\"shard_size\": 100000", "\"shard_size\": 10", "shard_size is 10"),
        ("\"native\"", "-0.6", "gsd is -0.6"), ("\"auto\"", "\"mode\"", "mode"),
    ])
    func `a mistake is explained`(old: String, new: String, named: String) throws {
        let profile = try decoded(text.replacingOccurrences(of: old, with: new))
        let error = try #require(corpusError { try profile.validate() })
        #expect(error.code == .badProfile)
        #expect(error.report.contains(named), "\(error)")
    }
}
