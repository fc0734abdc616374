// A canopy model that transformers saved gives transformers' heights, under its own names and under the official ones.
import Backbone
import Downstream
import Files
import Foundation
import Geo
import Telemetry
import Testing
import Torch

struct PublishedHeadTests {
    private let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Golden/published-head").path

    private func check(_ model: CanopyModel, _ tag: String) throws {
        let golden = try SafetensorsFile(path: folder + "/answers.safetensors")
        let expected = try golden.tensor("\(tag)/heights")
        let got = model.answer(try golden.tensor("\(tag)/images"))
        #expect(got.shape == [1, 1] + expected.shape.dropFirst())
        let worst = zip(got.doubles(), expected.doubles()).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst < 1e-3, "\(tag): \(worst) m")
    }

    @Test func `a folder of transformers is backbone and head in one`() throws {
        let model = try CanopyModel.published(weights: folder, head: folder, window: 64)
        #expect(model.description.taps == [0, 1, 2, 3] && model.description.bins.count == 16)
        #expect(model.description.mean == [0.420, 0.411, 0.296] && model.description.layout.gsd == 0.6)
        try check(model, "even")
    }

    /// An odd grid is stretched by the published code, and by ours only when asked to.
    @Test func `odd grids follow the reference when asked to`() throws {
        let reference = try CanopyModel.published(weights: folder, head: folder, window: 64, followsReference: true)
        try check(reference, "odd")
        let ours = try CanopyModel.published(weights: folder, head: folder, window: 64)
        let images = try SafetensorsFile(path: folder + "/answers.safetensors").tensor("odd/images")
        #expect(ours.answer(images).shape == [1, 1, 48, 16])
        #expect(reference.answer(images).shape == [1, 1, 64, 32])
    }

    @Test func `a head under official names is read from a pth`() throws {
        let temporary = NSTemporaryDirectory() + "geodino-head-" + UUID().uuidString + ".pth"
        defer { try? FileManager.default.removeItem(atPath: temporary) }
        let parts = try PublishedCanopyHead.load(from: folder)
        let tensors = Dictionary(uniqueKeysWithValues: parts.head.parameters().map { ($0.name, $0.tensor) })
        let items = parts.head.parameters().map {
            PyTorchItem(TensorEntry(name: $0.name, type: .float32, shape: $0.tensor.shape))
        }
        try writePyTorch(items, to: temporary) { try #require(tensors[$0.name]) }
        let read = try PublishedCanopyHead.load(from: temporary)
        for (a, b) in zip(parts.head.parameters(), read.head.parameters()) {
            #expect(a.name == b.name && a.tensor.bytes() == b.tensor.bytes(), "\(a.name)")
        }
        // Without a description the taps are those of the published model, which this backbone is too shallow for.
        let error = try #require(throws: DownstreamError.self) {
            try CanopyModel.published(weights: folder, head: temporary, window: 64)
        }
        #expect(error.what == "the head does not fit the backbone")
    }

    /// Tokens of the same length would pass for those that the head was trained on.
    @Test func `the published head is not put on DINOv2, nor on other patches`() throws {
        for (name, words) in [("dinov2/registers", "patches of 14 and"), ("huggingface/mlp", "patches of 4")] {
            let weights = goldenPath(name)
            let error = try #require(throws: DownstreamError.self) {
                try CanopyModel.published(weights: weights, head: folder, window: 64)
            }
            #expect(error.what.contains("DINOv3 backbone with patches of 16 pixels"))
            let fit = UserAction.fit(task: "canopy", weights: weights)
            #expect(error.causes.first?.contains(words) == true && error.remedy?.contains("\(fit)") == true)
        }
    }

    @Test func `weights without a head, and heads of other kinds, are refused`() throws {
        let golden = folder + "/answers.safetensors"
        let error = try #require(throws: DownstreamError.self) { try PublishedCanopyHead.load(from: golden) }
        #expect(error.what == "the file is not a canopy head")
    }
}
