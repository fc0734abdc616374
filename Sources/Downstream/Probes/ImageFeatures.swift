// Features of whole images: a vector each, for probes.
public import Backbone
public import Geo
public import Telemetry
public import Torch

/// Which of a network's tokens are the features of an image, and how images become its input.
public struct ImageFeatureOptions: Sendable {
    /// Kinds of tokens.
    public enum Tokens: Sendable {
        /// The class token.
        case cls
        /// The mean of the patch tokens of the last block.
        case patches
        /// The class token, then the mean of the patch tokens of the last block.
        case both
    }

    /// The tokens.
    public var tokens: Tokens
    /// Of how many of the last blocks the class tokens are taken, from the first to the last of them.
    public var blocks: Int
    /// Pixels a side, as the network sees them; a whole number of patches.
    public var size: Int
    /// The size of an image of some height and width after resizing, from which the centre is cut out; `nil` where it cannot be resized.
    public var resized: @Sendable (_ height: Int, _ width: Int) -> (height: Int, width: Int)?
    /// The kernel of the resizing.
    public var kernel: Interpolation
    /// Whether the kernel grows with the reduction.
    public var antialias: Bool
    /// Images per forward pass.
    public var batch: Int

    /// Makes options.
    public init(
        tokens: Tokens, blocks: Int = 1, size: Int,
        resized: @escaping @Sendable (_ height: Int, _ width: Int) -> (height: Int, width: Int)?,
        kernel: Interpolation = .bicubic, antialias: Bool = true, batch: Int = 16
    ) {
        self.tokens = tokens
        self.blocks = blocks
        self.size = size
        self.resized = resized
        self.kernel = kernel
        self.antialias = antialias
        self.batch = batch
    }
}

/// Computes the features of images, in order.
///
/// Images are read whole, brought to 8 bits by their source, normalised as the weights were trained, resized without rounding, and cut to
/// the centre. Pixels without a value count as the mean. The last batch is as large as the others, filled with zeros, so
/// that an image's features do not depend on how many others there are.
///
/// - Parameters:
///   - network: The network.
///   - record: What travels with its weights.
///   - source: The images.
///   - indices: Which of them.
///   - progress: Told of every batch done; an answer of `false` stops the work.
/// - Returns: `[N, F]` float32 on the CPU, F as `featureLength` says.
/// - Throws: `DownstreamError`: `badModel` where the size is not a multiple of the patch size, or there are too few blocks; `badPixels`
///   for images that cannot be resized and features that are not finite; `cancelled`; what the source throws.
public func imageFeatures(
    _ network: any ImageBackbone, record: WeightsRecord, source: any LabelledSource, indices: [Int],
    options: ImageFeatureOptions, progress: ProgressHandler = { _ in true }
) throws -> Tensor {
    let architecture = network.architecture
    guard options.size % architecture.stride == 0 else {
        throw DownstreamError(
            .badModel, "images of \(options.size) pixels do not divide into whole patches",
            why: ["the network's patches are \(architecture.stride) pixels wide"],
            try: "take a protocol whose size is \(architecture.fittingSide(options.size))")
    }
    let count = architecture.tapWidths.count
    guard (1...count).contains(options.blocks) else {
        throw DownstreamError(
            .badModel, "class tokens of the last \(options.blocks) blocks, but the network has \(count)",
            try: "take a protocol with fewer blocks")
    }
    let normalizer = PixelNormalizer(mean: record.mean, std: record.std)
    var rows: [Tensor] = []
    for start in stride(from: 0, to: indices.count, by: options.batch) {
        guard progress(Progress(unit: "images", done: start, total: indices.count)) else {
            throw DownstreamError(.cancelled, "interrupted while features were computed")
        }
        let part = indices[start..<min(start + options.batch, indices.count)]
        var images = try part.map { try networkImage(source, $0, normalizer, options) }
        while images.count < options.batch { images.append(images[0].zerosLike()) }
        let features = try catchingTorchErrors {
            withoutGradient { network.features(stack(images), options).narrow(dim: 0, start: 0, length: part.count) }
        }
        guard features.isAllFinite else {
            let names = try part.prefix(3).map { try source.item($0).name }
            throw DownstreamError(
                .badPixels, "the network's answer is not finite",
                why: ["among the images from \(names.joined(separator: ", ")) on"])
        }
        rows.append(features)
    }
    _ = progress(Progress(unit: "images", done: indices.count, total: indices.count))
    guard !rows.isEmpty else { return Tensor.zeros([0, options.featureLength(of: architecture)]) }
    return try catchingTorchErrors { concatenate(rows, dim: 0) }
}

extension ImageFeatureOptions {
    /// The length F of a feature vector.
    public func featureLength(of architecture: BackboneArchitecture) -> Int {
        let widths = architecture.tapWidths
        let last = widths.last ?? 0
        let cls = widths.suffix(blocks).reduce(0, +)
        return switch tokens {
        case .cls: cls
        case .patches: last
        case .both: cls + last
        }
    }
}

/// One image as the network sees it, `[C, S, S]`.
private func networkImage(
    _ source: any LabelledSource, _ index: Int, _ normalizer: PixelNormalizer, _ options: ImageFeatureOptions
) throws -> Tensor {
    let item = try source.item(index)
    guard let size = options.resized(item.height, item.width) else {
        throw DownstreamError(
            .badPixels, "an image of \(item.width) x \(item.height) pixels is too narrow to be resized", in: item.name)
    }
    let whole = PixelWindow(column: 0, row: 0, width: item.width, height: item.height)
    let pixels = try normalizer(try source.sample(index, window: whole).image, place: item.name)
    return try catchingTorchErrors {
        withoutGradient {
            var image = pixels
            if (item.height, item.width) != size {
                // A kernel that does not grow with the reduction is the same as one that does where an image grows.
                let isSmooth = options.antialias && options.kernel != .nearest
                image = interpolate(
                    image.unsqueezed(dim: 0), size: size, mode: options.kernel, antialias: isSmooth
                ).squeezed(dim: 0)
            }
            let (top, left) = (margin(size.height - options.size), margin(size.width - options.size))
            return image.narrow(dim: 1, start: top, length: options.size)
                .narrow(dim: 2, start: left, length: options.size).contiguous()
        }
    }
}

/// Half of what is cut off, as torchvision rounds it: to the nearest even number.
private func margin(_ excess: Int) -> Int { Int((Double(excess) / 2).rounded(.toNearestOrEven)) }

extension ImageBackbone {
    /// Features of normalised images, `[B, F]` float32 on the CPU.
    fileprivate func features(_ images: Tensor, _ options: ImageFeatureOptions) -> Tensor {
        let count = architecture.tapWidths.count
        // The last block's own class token is the output's.
        let earlier = Array(count - options.blocks..<count - 1)
        let (output, taps) = forward(images.to(dtype).to(device), tapping: earlier, normalised: true)
        let cls = taps.map(\.cls) + [output.cls]
        let patches = output.patches.mean(1)
        let parts =
            switch options.tokens {
            case .cls: cls
            case .patches: [patches]
            case .both: cls + [patches]
            }
        return concatenate(parts, dim: 1).to(.float32).to(.cpu)
    }
}
