// What the STAC item of a map says of its model.
import Files
import Foundation
import Testing

@Suite struct ModelCardTests {
    /// The item of a map made with a model.
    private func item(_ task: String, _ model: String, in bench: Bench) throws -> [String: Any] {
        try bench.make([
            task, bench.scene(), "--model", model, "-o", "maps/\(task).tif", "--tensor-threads", "1", "-q",
        ])
        return try #require(
            JSONSerialization.jsonObject(with: Data(bench.read("maps/\(task).json").utf8)) as? [String: Any])
    }

    @Test func `the item of a land-cover map names the model's files, bands and classes`() throws {
        let bench = Bench()
        try FileManager.default.createDirectory(atPath: bench.file("maps"), withIntermediateDirectories: true)
        let model = try bench.copyCover()
        let item = try item("landcover", model, in: bench)
        let extensions = try #require(item["stac_extensions"] as? [String])
        #expect(extensions.contains { $0.hasSuffix("/mlm/v1.5.2/schema.json") })
        let description = try #require(
            JSONSerialization.jsonObject(with: Data(bench.read("\(model)/model.json").utf8)) as? [String: Any])
        let properties = try #require(item["properties"] as? [String: Any])
        #expect(properties["mlm:name"] as? String == "cover")
        let input = try #require((properties["mlm:input"] as? [[String: Any]])?.first)
        let mean = try #require(description["mean"] as? [Double])
        let scaling = try #require((input["value_scaling"] as? [[String: Any]])?.map { $0["mean"] as? Double ?? -1 })
        #expect(scaling.count == mean.count && zip(scaling, mean).allSatisfy { abs($0 - 255 * $1) < 1e-3 })
        let window = try #require(description["window"] as? Int)
        #expect((input["input"] as? [String: Any])?["shape"] as? [Int] == [-1, 3, window, window])
        let classes = (description["legend"] as? [String: Any])?["classes"] as? [[String: Any]]
        let output = try #require((properties["mlm:output"] as? [[String: Any]])?.first)
        #expect(
            (output["classification:classes"] as? [[String: Any]])?.map { $0["value"] as? Int }
                == classes?.map { $0["id"] as? Int })
        let assets = try #require(item["assets"] as? [String: [String: Any]])
        for part in ["backbone", "head"] {
            let asset = try #require(assets["model_\(part)"])
            let file = try #require((description[part] as? [String: Any])?["file"] as? String)
            #expect(asset["href"] as? String == "../cover/\(file)" && bench.has("cover/\(file)"))
            let hash = try SHA256.hex(ofFile: bench.file("cover/\(file)"))
            #expect(asset["file:checksum"] as? String == "1220" + hash)
        }
    }

    @Test func `the item of a canopy map has no such fields`() throws {
        let bench = Bench()
        try FileManager.default.createDirectory(atPath: bench.file("maps"), withIntermediateDirectories: true)
        let item = try item("canopy", TrainedBench.path("model"), in: bench)
        let extensions = try #require(item["stac_extensions"] as? [String])
        #expect(!extensions.contains { $0.contains("mlm") })
        let properties = try #require(item["properties"] as? [String: Any])
        #expect(!properties.keys.contains { $0.hasPrefix("mlm:") })
        #expect((item["assets"] as? [String: Any])?.keys.contains { $0.hasPrefix("model_") } == false)
    }
}
