// Convolutions and resampling: on `[batch, channels, height, width]`.
internal import CTorchAPI

/// Two-dimensional convolution: weight `[outputs, inputs / groups, height, width]`, bias `[outputs]`.
public func conv2d(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1
) -> Tensor {
    make("conv2d", [x, weight, bias]) {
        ct.pointee.conv2d(
            x.handle, weight.handle, bias?.handle, [stride, stride], [padding, padding], [dilation, dilation],
            groups, $0)
    }
}

/// The transposed convolution, which enlarges: weight `[inputs, outputs / groups, height, width]`.
///
/// - Parameter outputPadding: Rows and columns added at the end of the result, below the stride.
public func convTranspose2d(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0,
    outputPadding: Int = 0, groups: Int = 1
) -> Tensor {
    make("convTranspose2d", [x, weight, bias]) {
        ct.pointee.conv_transpose2d(
            x.handle, weight.handle, bias?.handle, [stride, stride], [padding, padding],
            [outputPadding, outputPadding], groups, $0)
    }
}

/// How values between samples are found.
public enum Interpolation: Int32, Sendable {
    /// The sample below and before, as torch's `nearest`.
    case nearest = 0
    /// Linear between two samples along each axis.
    case bilinear = 1
    /// Cubic through four samples along each axis, with the constant -0.75, or -0.5 with antialiasing.
    case bicubic = 2
}

/// Images in another size.
///
/// - Parameters:
///   - size: Height and width of the result.
///   - mode: How values between samples are found.
///   - alignCorners: Whether the centres of the corner pixels stay in place, rather than their outer corners.
///   - antialias: Whether a smaller result is made from all of the samples that it covers.
public func interpolate(
    _ x: Tensor, size: (height: Int, width: Int), mode: Interpolation, alignCorners: Bool = false,
    antialias: Bool = false
) -> Tensor {
    make("interpolate", [x]) {
        ct.pointee.interpolate(
            x.handle, [size.height, size.width], mode.rawValue, alignCorners ? 1 : 0, antialias ? 1 : 0, $0)
    }
}
