// The class of each pixel of an image, by a head whose windows overlap: what a segmentation benchmark compares with masks.
internal import Backbone
package import Geo
internal import Telemetry
internal import Torch

/// Predicts classes of whole images, part by part.
///
/// Where windows overlap their logits are averaged, in the order of rows and columns, so that a pixel's class does not depend on the part in which it is
/// asked for. Used on one thread only.
package struct SegmentationPredictor {
    private let model: LandCoverModel
    private let normalizer: PixelNormalizer
    private let window: Int?
    private let stride: Int

    /// Takes a model.
    ///
    /// - Parameters:
    ///   - window: Side of a window in pixels; `nil` predicts images as a whole.
    ///   - stride: Pixels from one window to the next.
    package init(_ model: LandCoverModel, window: Int?, stride: Int?) {
        self.model = model
        self.window = window
        self.stride = stride ?? window ?? 1
        normalizer = PixelNormalizer(mean: model.description.mean, std: model.description.std)
    }

    /// Parts of a mask, in the order of rows and columns, that are small enough to be held: one alone for images that are predicted as a whole or
    /// were resized.
    package func parts(of item: LabelledItem, size: (width: Int, height: Int)) -> [PixelWindow] {
        guard window != nil, (item.width, item.height) == size else {
            return [PixelWindow(column: 0, row: 0, width: size.width, height: size.height)]
        }
        return Swift.stride(from: 0, to: size.height, by: Self.side).flatMap { row in
            Swift.stride(from: 0, to: size.width, by: Self.side).map { column in
                PixelWindow(
                    column: column, row: row, width: min(Self.side, size.width - column),
                    height: min(Self.side, size.height - row))
            }
        }
    }

    /// Side of a part, pixels: most images of benchmarks are one part.
    private static let side = 2048

    /// The index of the class of each pixel of a part of an image, row by row.
    ///
    /// - Parameters:
    ///   - part: One of `parts`, in pixels of the mask.
    ///   - size: Of the mask.
    /// - Throws: `DownstreamError` (`notFinite`); what the source throws.
    package func classes(
        _ source: any LabelledSource, _ index: Int, part: PixelWindow, size: (width: Int, height: Int)
    ) throws -> [UInt8] {
        let item = try source.item(index)
        let isResized = (item.width, item.height) != size
        let whole = PixelWindow(column: 0, row: 0, width: item.width, height: item.height)
        var logits: Tensor
        if let window {
            logits = try averaged(source, index, item, part: isResized ? whole : part, window: window)
        } else {
            let image = try normalizer(try source.sample(index, window: whole).image, place: item.name)
            logits = try catchingTorchErrors {
                withoutGradient { self.logits(image.unsqueezed(dim: 0)).squeezed(dim: 0) }
            }
        }
        if isResized {
            logits = try catchingTorchErrors {
                interpolate(logits.unsqueezed(dim: 0), size: (size.height, size.width), mode: .bilinear).squeezed(
                    dim: 0)
            }
        }
        guard logits.isAllFinite else {
            throw DownstreamError(.notFinite, "the head's answer is not finite", in: item.name)
        }
        return try catchingTorchErrors { logits.argmax(dim: 0).to(.uint8).bytes() }
    }

    /// Mean logits of a part, `[C, H, W]` on the CPU.
    private func averaged(
        _ source: any LabelledSource, _ index: Int, _ item: LabelledItem, part: PixelWindow, window: Int
    ) throws -> Tensor {
        let outputs = model.description.outputs
        return try catchingTorchErrors {
            let sum = Tensor.zeros([outputs, part.height, part.width])
            let count = Tensor.zeros([1, part.height, part.width])
            for row in starts(item.height, part.row, part.row + part.height, window) {
                for column in starts(item.width, part.column, part.column + part.width, window) {
                    // Images smaller than a window are filled up with the mean.
                    let inside = PixelWindow(
                        column: column, row: row, width: min(window, item.width), height: min(window, item.height))
                    let image = try normalizer(try source.sample(index, window: inside).image, place: item.name)
                    let whole = image.padded([0, window - inside.width, 0, window - inside.height]).unsqueezed(dim: 0)
                    let (top, left) = (max(row, part.row), max(column, part.column))
                    let bottom = min(row + inside.height, part.row + part.height)
                    let right = min(column + inside.width, part.column + part.width)
                    func cut(_ x: Tensor, _ y0: Int, _ x0: Int) -> Tensor {
                        x.narrow(dim: 1, start: top - y0, length: bottom - top)
                            .narrow(dim: 2, start: left - x0, length: right - left)
                    }
                    withoutGradient {
                        let found = logits(whole).squeezed(dim: 0).to(.cpu)
                        let (total, number) = (cut(sum, part.row, part.column), cut(count, part.row, part.column))
                        _ = total.copy_(total + cut(found, row, column))
                        _ = number.copy_(number + 1)
                    }
                }
            }
            return sum / count
        }
    }

    /// The starts of windows along a line that meet a part of it.
    private func starts(_ length: Int, _ low: Int, _ high: Int, _ window: Int) -> [Int] {
        guard length > window else { return [0] }
        let count = (length - window + stride - 1) / stride + 1
        return (0..<count).map { min($0 * stride, length - window) }.filter { $0 < high && $0 + window > low }
    }

    /// Logits of normalised images, `[B, C, H, W]`.
    private func logits(_ images: Tensor) -> Tensor {
        let taps = model.backbone.taps(images, model.description.taps)
        return model.head.forward(taps, patchSize: model.backbone.configuration.patchSize).to(.float32)
    }
}
