// What 'geodino embed' takes images from: a tensor, tiles of a corpus or a pack.
import Backbone
import Downstream
import Files
import Geo
import Telemetry
import Torch

/// What images are taken from.
enum EmbedInputKind: String {
    case tensor = "a tensor"
    case tiles = "tiles of a corpus or a pack"
    case images = "whole images"
    case scenes
}

/// Images on their way into a network, all of one size.
protocol EmbedInput {
    /// Number of images.
    var count: Int { get }
    /// Their height in pixels.
    var height: Int { get }
    /// Their width in pixels.
    var width: Int { get }
    /// What they are called in the plural.
    var unit: String { get }
    /// What is known of each image, one row per image; written next to the tokens.
    var beside: [TensorEntry] { get }
    /// What is known of all.
    var metadata: [String: String] { get }
    /// Gives all images in order, at most `size` at a time.
    func batches(of size: Int, _ body: (EmbedBatch) throws -> Void) throws
}

/// Some images of an `EmbedInput`.
struct EmbedBatch {
    /// `[B, C, H, W]`, normalised, float32.
    var images: Tensor
    /// B rows of each array of `beside`.
    var rows: [String: [UInt8]] = [:]
}

extension EmbedInput {
    var beside: [TensorEntry] { [] }
    var metadata: [String: String] { [:] }
}

/// The images of a safetensors file, normalised already.
struct TensorInput: EmbedInput {
    let count: Int
    let height: Int
    let width: Int
    let unit = "images"
    private let pixels: Tensor
    private let path: String

    init(_ path: String, channels: Int) throws {
        self.path = path
        let source = try openTensors(path)
        guard let entry = source.entry("pixels") else {
            throw CommandError(
                .badArgument, "the file has no tensor named 'pixels'", in: path,
                why: ["it has \(source.names.prefix(8).joined(separator: ", "))"])
        }
        guard entry.shape.count == 4, entry.shape[1] == channels, entry.shape[0] > 0, entry.type == .float32 else {
            throw CommandError(
                .badArgument, "'pixels' is \(entry.type.rawValue) \(entry.shape)", in: path,
                why: ["these weights take F32 [N, \(channels), H, W], normalised"])
        }
        count = entry.shape[0]
        height = entry.shape[2]
        width = entry.shape[3]
        pixels = try source.tensor("pixels", copy: false)
    }

    func batches(of size: Int, _ body: (EmbedBatch) throws -> Void) throws {
        for start in stride(from: 0, to: count, by: size) {
            let images = pixels.narrow(dim: 0, start: start, length: min(size, count - start))
            guard images.isAllFinite else {
                let places = start..<start + images.shape[0]
                let bad = places.first { !pixels.narrow(dim: 0, start: $0, length: 1).isAllFinite } ?? start
                throw CommandError(
                    .badArgument, "'pixels' holds values that are not finite numbers, first in image \(bad)", in: path,
                    try: "fill pixels without data before normalising, for example with the mean of the bands")
            }
            try body(EmbedBatch(images: images))
        }
    }
}

/// An image `[C, H, W]` in another size.
///
/// Resampled as the image processor of transformers' DINOv3 does it: bilinear with antialiasing, of values that are not yet rounded.
func resampled(_ image: Tensor, height: Int, width: Int) throws -> Tensor {
    guard (image.shape[1], image.shape[2]) != (height, width) else { return image }
    return try catchingTorchErrors {
        withoutGradient {
            interpolate(image.unsqueezed(dim: 0), size: (height, width), mode: .bilinear, antialias: true)
                .squeezed(dim: 0)
        }
    }
}

/// The tiles of a corpus or a pack, in its order: row i is tile i.
struct TileInput: EmbedInput {
    let count: Int
    let unit = "tiles"
    let metadata: [String: String]
    /// What does not fit the weights, one sentence each.
    let notes: [String]
    private let source: any TileSource
    private let normalizer: PixelNormalizer
    /// The side that tiles are resampled to; their own where they stay as they are.
    private let side: Int

    var height: Int { side }
    var width: Int { side }

    init(_ path: String, record: WeightsRecord, size: Int?) throws {
        let source = try tileSource(path)
        self.source = source
        let own = source.layout.tileSize
        side = size ?? own
        let fitting = record.architecture.fittingSide(side)
        guard side == fitting else {
            throw CommandError(
                .badArgument, "tiles of \(side) pixels do not divide into whole patches", in: path,
                why: ["the network's patches are \(record.architecture.stride) pixels wide"],
                try: "--size \(fitting), which resamples the tiles")
        }
        count = source.tileCount
        metadata = ["inputs": path, "fingerprint": source.fingerprint]
        normalizer = PixelNormalizer(mean: record.mean, std: record.std)
        let layout = source.layout
        var notes: [String] = []
        let names = (layout.bands.map(\.name), record.bands.map(\.name))
        if names.0 != names.1 {
            notes.append(
                "the tiles' bands are \(names.0.joined(separator: ", ")); the weights were trained on \(names.1.joined(separator: ", "))"
            )
        }
        if let own = layout.gsd, let trained = record.gsd, max(own, trained) > 1.25 * min(own, trained) {
            notes.append("the tiles have \(own) m per pixel; the weights were trained at \(trained) m")
        }
        self.notes = notes
    }

    func batches(of size: Int, _ body: (EmbedBatch) throws -> Void) throws {
        for start in stride(from: 0, to: count, by: size) {
            let ids = Array(start..<min(start + size, count))
            let tiles = try source.tiles(ids).tiles
            let images = try zip(ids, tiles).map {
                try resampled(normalizer($1, place: "tile \($0)"), height: side, width: side)
            }
            try body(EmbedBatch(images: stack(images)))
        }
    }
}
