// Pixels to tensors: normalisation, and the eight ways to lay a square.
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

    /// `(pixel / 255 - mean) / std` of 8-bit pixels, `[C, H, W]` float32; pixels that are not valid become 0, the mean.
    ///
    /// `float32` pixels are normalised already, by their source.
    ///
    /// - Throws: `DownstreamError` (`badPixels`) for another sample type or number of bands.
    package func callAsFunction(_ pixels: PixelBuffer, place: String = "") throws(DownstreamError) -> Tensor {
        guard pixels.bands == bands else {
            throw DownstreamError(
                .badPixels, "expected pixels of \(bands) bands, as the weights take; found \(pixels.bands)", in: place,
                try: "select the bands that the weights were trained on")
        }
        let scaled: Tensor
        switch pixels.sampleType {
        case .uint8: scaled = (Tensor(pixels).to(.float32) * (1 / 255.0) - mean) / std
        case .float32: scaled = Tensor(pixels)
        case .uint16, .int16:
            throw DownstreamError(
                .badPixels, "expected 8-bit pixels; found \(pixels.sampleType.rawValue)", in: place,
                try: "stretch them first, with the weights' rule")
        }
        guard let validity = pixels.validity, validity.contains(false) else { return scaled }
        let valid = Tensor(validity, shape: [1, pixels.height, pixels.width])
        return `where`(valid, scaled, scaled.zerosLike())
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
