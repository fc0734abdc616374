// Canopy heights of images that somebody else cut and normalised.
import Backbone
import Downstream
import Files
import Foundation
import Telemetry
import Torch

/// Writes the heights of the images of a safetensors file: `heights` [N, 1, H, W] float32, metres.
///
/// - Returns: The number of images. A file in the way is replaced.
/// - Throws: `CommandError` for images that do not fit, `TorchError`.
func writeHeights(
    of path: String, model: CanopyModel, to output: String, batch: Int, progress: ProgressHandler
) throws -> Int {
    let input = try TensorInput(path, channels: model.backbone.configuration.channels)
    let patch = model.backbone.configuration.patchSize
    guard input.height > 0, input.width > 0, input.height % patch == 0, input.width % patch == 0 else {
        throw CommandError(
            .badArgument, "images of \(input.width) x \(input.height) pixels do not divide into whole patches",
            in: path,
            why: ["width and height must be multiples of \(patch)"],
            try:
                "crop or resample the images, for example to \(model.backbone.architecture.fittingSide(input.width)) x \(model.backbone.architecture.fittingSide(input.height))"
        )
    }
    // The published way makes an odd grid's map larger.
    var writer: SafetensorsWriter?
    var done = 0
    try input.batches(of: batch) { part in
        guard progress(Progress(unit: "images", done: done, total: input.count)) else {
            throw DownstreamError(.cancelled, "interrupted before the file was written", in: output)
        }
        let heights = try catchingTorchErrors {
            model.answer(part.images.to(model.backbone.device)).to(.float32).to(.cpu).contiguous()
        }
        if writer == nil {
            writer = try SafetensorsWriter(
                path: output,
                entries: [
                    TensorEntry(name: "heights", type: .float32, shape: [input.count] + heights.shape.dropFirst())
                ])
        }
        try heights.withBytes { try writer?.append($0) }
        done += part.images.shape[0]
    }
    try writer?.finish()
    return done
}
