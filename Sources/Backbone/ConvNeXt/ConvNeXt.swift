// The convolutional backbone of the DINOv3 family: images to tokens on a grid of 32 pixels.
public import Torch

/// A ConvNeXt whose last map is read as tokens.
///
/// The class token is the mean of the last map; class token and map share the final normalisation. There are no registers.
/// Parameters carry the names of the public checkpoints. One thread only.
public final class ConvNeXt: ImageBackbone {
    /// The architecture.
    public let configuration: ConvNeXtConfiguration
    /// The type of the parameters and of the computation.
    public let dtype: DType
    /// Where the parameters are.
    public let device: Device

    private let tensors: BackboneTensors
    private let specifications: [ParameterSpecification]

    /// Makes a network with random weights.
    ///
    /// - Parameters:
    ///   - configuration: The architecture, which must be valid (`validate()`).
    ///   - generator: Where the random numbers come from.
    ///   - dtype: `float32` or `float64` for training.
    ///   - device: Where the parameters go.
    public convenience init(
        _ configuration: ConvNeXtConfiguration, generator: Generator, dtype: DType = .float32, device: Device = .cpu
    ) {
        let tensors = withoutGradient {
            Dictionary(
                uniqueKeysWithValues: configuration.parameterSpecifications.map {
                    ($0.name, $0.firstValue(generator: generator).to(dtype).to(device))
                })
        }
        self.init(configuration, tensors: tensors, dtype: dtype, device: device)
    }

    /// Makes a network of given tensors: one for each specification, of its shape, on one device.
    init(_ configuration: ConvNeXtConfiguration, tensors: [String: Tensor], dtype: DType, device: Device) {
        self.configuration = configuration
        self.tensors = BackboneTensors(byName: tensors)
        self.dtype = dtype
        self.device = device
        specifications = configuration.parameterSpecifications
    }

    /// What it is.
    public var architecture: BackboneArchitecture { .convNeXt(configuration) }

    /// The trained tensors, in the order of the network, under official names.
    public func parameters() -> [(name: String, tensor: Tensor)] {
        specifications.map { ($0.name, tensors[$0.name]) }
    }

    /// Tokens of a batch of images.
    ///
    /// - Parameter images: `[B, C, H, W]`, normalised; H and W are multiples of 32.
    public func forward(_ images: Tensor) -> TokenOutput { forward(images, tapping: [], normalised: true).output }

    /// Tokens of a batch of images, and the maps after some stages.
    ///
    /// - Parameters:
    ///   - images: `[B, C, H, W]`, normalised; H and W are multiples of 32.
    ///   - indices: Stages from 0, in rising order.
    ///   - normalised: Whether the final normalisation is applied to the last stage, after its map was resized; the others have
    ///     none.
    ///   - grid: With `patches`, maps are brought to a grid of 16 pixels (bilinear, antialiased), which heads for vision
    ///     transformers expect; with `own`, they keep theirs of 4, 8, 16 and 32 pixels, as the published hub models do.
    public func forward(
        _ images: Tensor, tapping indices: [Int], normalised: Bool, grid: TapGrid
    ) -> (output: TokenOutput, taps: [IntermediateOutput]) {
        let shape = images.shape
        precondition(
            !images.isDefined
                || shape.count == 4 && shape[1] == configuration.channels && shape[2] > 0 && shape[3] > 0
                    && shape[2] % ConvNeXtConfiguration.stride == 0 && shape[3] % ConvNeXtConfiguration.stride == 0,
            """
            images of this backbone are [B, \(configuration.channels), H, W] with H and W multiples of \(ConvNeXtConfiguration.stride), \
            got \(shape)
            """)
        precondition(
            zip(indices, indices.dropFirst()).allSatisfy(<) && indices.allSatisfy((0..<4).contains),
            "taps are rising stage numbers from 0 to 3, got \(indices)")
        var x = images
        var maps: [Tensor] = []
        for stage in 0..<4 {
            x = downsampled(x, stage)
            for block in 0..<configuration.depths[stage] { x = residual(x, "stages.\(stage).\(block)") }
            maps.append(x)
        }
        guard x.isDefined else {
            let none = TokenOutput(
                cls: x, registers: x, patches: x, preNorm: x, masks: nil, gridHeight: 0, gridWidth: 0)
            return (none, [])
        }
        let raw = tokens(x)
        let all = norm(raw, "norm")
        let (cls, patches) = apart(all)
        let output = TokenOutput(
            cls: cls, registers: all.narrow(dim: 1, start: 0, length: 0), patches: patches, preNorm: raw, masks: nil,
            gridHeight: x.shape[2], gridWidth: x.shape[3])
        let size = (
            height: shape[2] / ConvNeXtConfiguration.tapStride, width: shape[3] / ConvNeXtConfiguration.tapStride
        )
        let taps = indices.map { stage in
            // Resized before it is normalised: a norm of a mean is not the mean of norms.
            let map =
                grid == .own
                ? maps[stage] : interpolate(maps[stage], size: size, mode: .bilinear, antialias: true)
            let raw = tokens(maps[stage], places: map)
            let (cls, patches) = apart(stage == 3 && normalised ? norm(raw, "norm") : raw)
            return IntermediateOutput(
                block: stage, map: patches.transpose(1, 2).reshaped(map.shape), cls: cls,
                registers: cls.unsqueezed(dim: 1).narrow(dim: 1, start: 0, length: 0))
        }
        return (output, taps)
    }

    /// The mean of a map and its places, or those of another of equal depth, `[B, 1 + h w, D]`.
    private func tokens(_ map: Tensor, places other: Tensor? = nil) -> Tensor {
        func places(_ map: Tensor) -> Tensor { map.flattened(from: 2).transpose(1, 2) }
        return concatenate([places(map).mean(1, keepDims: true), places(other ?? map)], dim: 1)
    }

    private func apart(_ tokens: Tensor) -> (cls: Tensor, patches: Tensor) {
        (tokens.select(dim: 1, index: 0), tokens.narrow(dim: 1, start: 1, length: tokens.shape[1] - 1))
    }

    /// A stage's input: the stem, or half of the resolution.
    private func downsampled(_ x: Tensor, _ stage: Int) -> Tensor {
        let name = "downsample_layers.\(stage)"
        let (convolution, normalisation) = stage == 0 ? ("\(name).0", "\(name).1") : ("\(name).1", "\(name).0")
        func convolved(_ x: Tensor) -> Tensor {
            conv2d(
                x, tensors["\(convolution).weight"], tensors["\(convolution).bias"], stride: stage == 0 ? 4 : 2)
        }
        func normalised(_ x: Tensor) -> Tensor {
            norm(x.permuted([0, 2, 3, 1]), normalisation).permuted([0, 3, 1, 2])
        }
        guard x.isDefined else { return x }
        return stage == 0 ? normalised(convolved(x)) : convolved(normalised(x))
    }

    /// Adds a block's branch: depthwise 7 x 7, normalisation, a wide hidden layer, scale.
    private func residual(_ x: Tensor, _ name: String) -> Tensor {
        guard x.isDefined else { return x }
        let spread = conv2d(
            x, tensors["\(name).dwconv.weight"], tensors["\(name).dwconv.bias"], padding: 3, groups: x.shape[1])
        guard spread.isDefined else { return spread }
        let hidden = linear(
            norm(spread.permuted([0, 2, 3, 1]), "\(name).norm"), tensors["\(name).pwconv1.weight"],
            tensors["\(name).pwconv1.bias"]
        ).gelu()
        let branch = linear(hidden, tensors["\(name).pwconv2.weight"], tensors["\(name).pwconv2.bias"])
        return x + (branch * tensors["\(name).gamma"]).permuted([0, 3, 1, 2])
    }

    private func norm(_ x: Tensor, _ name: String) -> Tensor {
        layerNorm(x, tensors["\(name).weight"], tensors["\(name).bias"], eps: configuration.normEpsilon)
    }
}
