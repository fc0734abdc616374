// Bilinear resizing of the heads' maps, as two matrix products where that is faster.
package import Torch

/// Maps in another size, by bilinear interpolation.
///
/// The same function as `interpolate`, up to rounding, for finite maps. libtorch's kernel spreads the gradient pixel by pixel, on GPUs in no
/// fixed order: a linear head spent a quarter of its step there. Where small maps grow, two products with the matrices of the
/// interpolation, one per axis, are faster.
///
/// - Parameters:
///   - x: `[B, C, h, w]`.
///   - size: Height and width of the result.
///   - alignCorners: Whether the centres of the corner pixels stay in place, rather than their outer corners.
/// - Returns: `[B, C, H, W]`, in the type of `x`.
package func resized(_ x: Tensor, to size: (height: Int, width: Int), alignCorners: Bool = false) -> Tensor {
    // A failed operation returns a tensor without a shape; the error scope throws afterwards.
    guard x.isDefined else { return x }
    let shape = x.shape
    let (images, channels, height, width) = (shape[0], shape[1], shape[2], shape[3])
    // Half precision cannot hold the matrices' weights. Twofold growth and long axes are faster in the kernel (measured).
    guard [.float32, .float64].contains(x.dtype), max(height, width) <= 64, size.height >= 4 * height,
        size.width >= 4 * width
    else {
        return interpolate(x, size: size, mode: .bilinear, alignCorners: alignCorners)
    }
    func matrix(_ length: Int, _ target: Int) -> Tensor {
        // What the library makes of each unit vector: [length, target].
        let units = Tensor.eye(length, dtype: x.dtype, device: x.device).reshaped([1, length, length, 1])
        return interpolate(units, size: (target, 1), mode: .bilinear, alignCorners: alignCorners)
            .reshaped([length, target])
    }
    let rows = matmul(x.reshaped([images * channels * height, width]), matrix(width, size.width))
    let columns = matrix(height, size.height).transpose(0, 1)
    return matmul(columns, rows.reshaped([images * channels, height, size.width]))
        .reshaped([images, channels, size.height, size.width])
}
