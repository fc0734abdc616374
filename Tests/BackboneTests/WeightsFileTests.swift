// Weights on disk: round trips, and files that are not what they should be.
import Backbone
import Files
import FoundationEssentials
import Geo
import Telemetry
import Testing
import Torch

struct WeightsFileTests {
    private func record(_ configuration: BackboneConfiguration) -> WeightsRecord {
        WeightsRecord(
            architecture: configuration, mean: [0.43, 0.411, 0.296], std: [0.213, 0.156, 0.143], bands: BandInfo.rgb,
            gsd: 0.6, stretch: .percentile(low: 2, high: 98), provenance: ["recipe": "smoke", "seed": "4"])
    }

    private func network(_ configuration: BackboneConfiguration) -> VisionTransformer {
        VisionTransformer(configuration, generator: Generator(seed: 11))
    }

    @Test(arguments: AttentionForm.allCases)
    func `a form of attention stays with the weights, and formats without a place for it say so`(
        form: AttentionForm
    ) throws {
        try withTemporaryFolder { folder in
            let configuration = tinyConfiguration { $0.attention = form }
            let path = "\(folder)/weights.safetensors"
            try network(configuration).save(to: path, record: record(configuration))
            let contents = try WeightsContents.open(path)
            #expect(try contents.record.transformer(path: path).attention == form)
            for (format, name) in [(WeightsFormat.official, "a.pth"), (.huggingface, "folder")] {
                let error = #expect(throws: BackboneError.self) {
                    _ = try contents.convert(to: format, output: "\(folder)/\(name)")
                }
                #expect(error?.causes.contains { $0.contains("attention is \(form.rawValue)") } == true)
            }
        }
    }

    @Test func `what is written comes back, with its record`() throws {
        try withTemporaryFolder { folder in
            let configuration = tinyConfiguration { $0.untieGlobalAndLocalNorms = true }
            let network = network(configuration)
            let path = folder + "/backbone.safetensors"
            try network.save(to: path, record: record(configuration))
            for named in [path, folder] {
                let loaded = try VisionTransformer.load(from: named)
                #expect(loaded.record == record(configuration))
                #expect(loaded.path == path)
                for (a, b) in zip(
                    loaded.network.parameters() + loaded.network.buffers(), network.parameters() + network.buffers())
                {
                    #expect(a.name == b.name)
                    #expect(a.tensor.bytes() == b.tensor.bytes(), "\(a.name)")
                }
            }
            #expect(try VisionTransformer.record(of: path) == record(configuration))
            let images = wave([1, 3, 8, 8], 0.2)
            let wide = try VisionTransformer.load(from: path, dtype: .float64)
            expectParity(
                withoutGradient { wide.network.forward(images.to(.float64)).patches },
                withoutGradient { network.forward(images).patches }, "single and double precision")
            // Equal weights give equal bytes.
            try network.save(to: folder + "/again.safetensors", record: record(configuration))
            #expect(try SHA256.hex(ofFile: folder + "/again.safetensors") == SHA256.hex(ofFile: path))
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
                    "again.safetensors", "backbone.safetensors",
                ])
        }
    }

    @Test func `a file in the way is kept unless told otherwise`() throws {
        try withTemporaryFolder { folder in
            let configuration = tinyConfiguration()
            let path = folder + "/w.safetensors"
            try Data("precious".utf8).write(to: URL(filePath: path))
            let error = try #require(throws: BackboneError.self) {
                try network(configuration).save(to: path, record: record(configuration))
            }
            #expect(error.code == .exists)
            #expect(try Data(contentsOf: URL(filePath: path)) == Data("precious".utf8))
            try network(configuration).save(to: path, record: record(configuration), overwrite: true)
            #expect(try VisionTransformer.record(of: path).architecture == .transformer(configuration))
        }
    }

    /// Writes the tensors of a network after a change, with some metadata.
    private func write(
        _ path: String, metadata: [String: String]? = nil, _ change: (inout [String: Tensor]) -> Void = { _ in }
    ) throws {
        let configuration = tinyConfiguration()
        let network = network(configuration)
        var tensors = Dictionary(
            uniqueKeysWithValues: (network.parameters() + network.buffers()).map { ($0.name, $0.tensor) })
        change(&tensors)
        let good = folderRecord(configuration)
        try writeSafetensors(
            tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, metadata: metadata ?? ["geodino": good],
            to: path)
    }

    private func folderRecord(_ configuration: BackboneConfiguration) -> String {
        String(decoding: (try? JSONEncoder().encode(record(configuration))) ?? Data(), as: UTF8.self)
    }

    @Test func `missing, unexpected and mis-shaped tensors are all listed`() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/w.safetensors"
            try write(path) {
                $0["blocks.1.norm2.bias"] = nil
                $0["blocks.7.norm2.bias"] = Tensor.zeros([32])
                $0["cls_token"] = Tensor.zeros([1, 2, 32])
            }
            let error = try #require(throws: BackboneError.self) { try VisionTransformer.load(from: path) }
            #expect(error.code == .badWeights)
            #expect(error.place == path)
            #expect(
                error.causes == [
                    "missing: blocks.1.norm2.bias", "unexpected: blocks.7.norm2.bias",
                    "wrong shape: cls_token is [1, 2, 32]; expected [1, 1, 32]",
                ])
        }
    }

    @Test func `a file without a description is read by its tensors, and one with a bad description is refused`() throws
    {
        try withTemporaryFolder { folder in
            let path = folder + "/w.safetensors"
            func error(_ metadata: [String: String]) throws -> BackboneError {
                try write(path, metadata: metadata)
                return try #require(throws: BackboneError.self) { try VisionTransformer.load(from: path) }
            }
            try write(path, metadata: ["format": "pt"])
            let plain = try VisionTransformer.load(from: path)
            #expect(plain.record.architecture == .transformer(tinyConfiguration()))
            #expect(plain.notes.count == 1 && plain.notes[0].contains("ImageNet"))
            #expect(try error(["geodino": "{"]).code == .badWeights)
            #expect(try error(["geodino": "{\"version\": 9}"]).what.contains("version 9"))
            #expect(try error(["geodino": "{\"version\": 1}"]).causes == ["the key architecture is missing"])
            var huge = record(tinyConfiguration())
            huge.architecture = .transformer(tinyConfiguration { $0.depth = 1_000_000_000 })
            let text = String(decoding: try JSONEncoder().encode(huge), as: UTF8.self)
            #expect(try error(["geodino": text]).causes == ["depth is 1000000000; expected 1 to 1024"])
            var bands = record(tinyConfiguration())
            bands.mean = [0.5]
            let few = String(decoding: try JSONEncoder().encode(bands), as: UTF8.self)
            #expect(try error(["geodino": few]).causes.first == "mean has 1 values; the architecture has 3 channels")
        }
    }

    @Test func `no file, an empty folder and a text file are errors`() throws {
        try withTemporaryFolder { folder in
            let missing = try #require(throws: BackboneError.self) {
                try VisionTransformer.load(from: folder + "/none.safetensors")
            }
            #expect(missing.code == .notFound)
            let empty = try #require(throws: BackboneError.self) { try VisionTransformer.load(from: folder) }
            #expect(empty.causes.first?.contains("backbone.safetensors") == true)
            try Data("not weights at all".utf8).write(to: URL(filePath: folder + "/x.safetensors"))
            #expect(throws: TorchError.self) {
                try VisionTransformer.load(from: folder + "/x.safetensors")
            }
        }
    }
}
