// Pixels to tensors: normalisation, targets, and the eight ways to lay a square.
package import Backbone
package import Geo
internal import Telemetry
package import Torch

/// Brings 8-bit pixels to what a backbone was trained on.
package struct PixelNormalizer {
    /// Number of bands.
    package let bands: Int
    private let mean: Tensor
    private let std: Tensor

    /// Makes the normalisation that travels with weights.
    package init(mean: [Double], std: [Double]) {
        bands = mean.count
        self.mean = Tensor(mean, shape: [mean.count, 1, 1]).to(.float32)
        self.std = Tensor(std, shape: [std.count, 1, 1]).to(.float32)
    }

    /// `(pixel / 255 - mean) / std`, `[C, H, W]` float32; pixels that are not valid become 0, the mean.
    ///
    /// - Throws: `DownstreamError` (`badPixels`) for another sample type or number of bands.
    package func callAsFunction(_ pixels: PixelBuffer, place: String = "") throws(DownstreamError) -> Tensor {
        guard pixels.bands == bands else {
            throw DownstreamError(
                .badPixels, "expected pixels of \(bands) bands, as the weights take; found \(pixels.bands)", in: place,
                try: "select the bands that the weights were trained on")
        }
        guard pixels.sampleType == .uint8 else {
            throw DownstreamError(
                .badPixels, "expected 8-bit pixels; found \(pixels.sampleType.rawValue)", in: place,
                try: "stretch them first, with the weights' rule")
        }
        let scaled = (Tensor(pixels).to(.float32) * (1 / 255.0) - mean) / std
        guard let validity = pixels.validity, validity.contains(false) else { return scaled }
        let valid = Tensor(validity, shape: [1, pixels.height, pixels.width])
        return `where`(valid, scaled, scaled.zerosLike())
    }
}

/// Canopy heights of a crop as the trainer wants them.
package struct HeightTarget {
    /// Metres, row by row; 0 where not valid.
    package var metres: [Float]
    /// 1 where a pixel counts, else 0.
    package var valid: [Float]
    /// Share of pixels that count.
    package var validShare: Double {
        valid.isEmpty ? 0 : Double(valid.reduce(0, +)) / Double(valid.count)
    }

    /// Heights of a buffer, by the rule of all heights.
    ///
    /// - Parameter excluded: True for pixels that do not count.
    package init(_ height: PixelBuffer, maxHeight: Double, excluded: [Bool]? = nil) {
        metres = height.floats()
        valid = [Float](repeating: 0, count: metres.count)
        let rule = HeightRule(highest: maxHeight)
        for index in metres.indices {
            let isKnown = height.validity?[index] ?? true && !(excluded?[index] ?? false)
            let known = isKnown ? rule.height(metres[index]) : nil
            metres[index] = known ?? 0
            valid[index] = known == nil ? 0 : 1
        }
    }
}

/// One of the eight ways to lay a square: bit 4 transposes, bit 1 mirrors columns, bit 2 mirrors rows.
///
/// - Parameter x: `[..., S, S]`.
package func laid(_ x: Tensor, symmetry: Int) -> Tensor {
    var x = x
    if symmetry & 4 != 0 { x = x.transpose(-2, -1) }
    var mirrored: [Int] = []
    if symmetry & 1 != 0 { mirrored.append(-1) }
    if symmetry & 2 != 0 { mirrored.append(-2) }
    return mirrored.isEmpty ? x : x.flipped(mirrored)
}

extension CanopyRecipe.Augmentation {
    /// The ways to lay a crop that are drawn from.
    package var symmetries: [Int] {
        switch (flips, turns) {
        case (false, false): [0]
        case (true, false): [0, 1]
        // Turns by 0, 180, 90 and 270 degrees.
        case (false, true): [0, 3, 5, 6]
        case (true, true): Array(0..<8)
        }
    }
}

extension VisionTransformer {
    /// The taps of a batch of normalised images `[B, C, H, W]`, without gradients; a block may be asked for twice.
    package func taps(_ images: Tensor, _ blocks: [Int]) -> [(map: Tensor, cls: Tensor)] {
        withoutGradient {
            let found = intermediateLayers(images.to(device), blocks: Set(blocks).sorted())
            return blocks.compactMap { block in
                found.first { $0.block == block }.map { ($0.map, $0.cls) }
            }
        }
    }
}
