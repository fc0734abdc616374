// The vision transformer of the DINOv3 family, and of DINOv2's: images to tokens.
public import Torch

/// The tokens of a batch of images before the first block.
struct EmbeddedTokens {
    /// `[B, 1 + R + patches, D]`.
    let tokens: Tensor
    /// Images.
    let batch: Int
    /// Rows of patches.
    let height: Int
    /// Columns of patches.
    let width: Int
}

/// One entry of a forward pass over several resolutions.
public struct BackboneInput {
    /// Images, `[B, C, H, W]`, normalised; H and W are multiples of the patch size.
    public let images: Tensor
    /// True for patches that are hidden, `[B, patches]` bool; `nil` for none.
    public let masks: Tensor?
    /// The kind of these crops.
    public let crop: CropKind

    /// Makes an entry.
    public init(images: Tensor, masks: Tensor? = nil, crop: CropKind = .global) {
        self.images = images
        self.masks = masks
        self.crop = crop
    }
}

/// A vision transformer with rotary or learnt positions, registers and LayerScale.
///
/// Images `[B, C, H, W]` become the tokens `[class][registers][patches, row by row]`. Parameters carry the names of the public
/// DINOv3 checkpoints. One thread only.
public final class VisionTransformer: Layer {
    /// The architecture.
    public let configuration: BackboneConfiguration
    /// The type of the parameters and of the computation.
    public let dtype: DType
    /// Where the parameters are.
    public let device: Device

    let tensors: BackboneTensors
    private let specifications: [ParameterSpecification]
    /// `nil` where positions are learnt.
    let rotary: RotaryEmbedding?
    private let blocks: BlockSource
    let norm: Normalisation
    private let classNorm: Normalisation?
    private let localClassNorm: Normalisation?

    /// Makes a network with random weights.
    ///
    /// - Parameters:
    ///   - configuration: The architecture, which must be valid (`validate()`).
    ///   - generator: Where the random numbers come from; equal seeds give equal weights on every device.
    ///   - dtype: `float32` or `float64` for training; `bfloat16` to hold large weights.
    ///   - device: Where the parameters go.
    public convenience init(
        _ configuration: BackboneConfiguration, generator: Generator, dtype: DType = .float32,
        device: Device = .cpu
    ) {
        let tensors = withoutGradient {
            var tensors: [String: Tensor] = [:]
            for specification in configuration.parameterSpecifications {
                // Drawn in single precision on the CPU, so that type and device do not change the draw.
                let start = specification.firstValue(generator: generator)
                let wide = specification.isBuffer && dtype != .float64
                tensors[specification.name] = start.to(wide ? .float32 : dtype).to(device)
            }
            return tensors
        }
        self.init(configuration, tensors: tensors, dtype: dtype, device: device)
    }

    /// Makes a network of given tensors: one for each specification, of its shape, on one device.
    ///
    /// - Parameter blocks: Where the blocks' tensors come from, if they are not among `tensors`.
    init(
        _ configuration: BackboneConfiguration, tensors: [String: Tensor], blocks: BlockSource? = nil, dtype: DType,
        device: Device
    ) {
        self.configuration = configuration
        self.dtype = dtype
        self.device = device
        let tensors = BackboneTensors(byName: tensors)
        self.tensors = tensors
        specifications = configuration.parameterSpecifications
        rotary =
            configuration.positions != nil
            ? nil
            : RotaryEmbedding(
                configuration: configuration.rope, headWidth: configuration.headWidth,
                periods: tensors["rope_embed.periods"].doubles(), type: dtype, device: device)
        self.blocks =
            blocks
            ?? .resident((0..<configuration.depth).map { TransformerBlock(tensors, "blocks.\($0)", configuration) })
        norm = Normalisation(tensors, "norm", configuration)
        classNorm =
            configuration.untieClassAndPatchNorms ? Normalisation(tensors, "cls_norm", configuration) : nil
        localClassNorm =
            configuration.untieGlobalAndLocalNorms
            ? Normalisation(tensors, "local_cls_norm", configuration) : nil
    }

    /// The trained tensors, in the order of the network, under official names.
    ///
    /// A network whose blocks are packed or stay on disk (`WeightsResidency`) has none to give.
    public func parameters() -> [(name: String, tensor: Tensor)] {
        precondition(blocks.isResident, "this network is only for evaluation; load it resident to train or copy it")
        return specifications.filter { !$0.isBuffer }.map { ($0.name, tensors[$0.name]) }
    }

    /// What is stored with the weights but not trained: rotary periods and bias masks.
    public func buffers() -> [(name: String, tensor: Tensor)] {
        precondition(blocks.isResident, "this network is only for evaluation; load it resident to train or copy it")
        return specifications.filter(\.isBuffer).map { ($0.name, tensors[$0.name]) }
    }

    /// A network with its own copies of all tensors, such as a teacher at its start; its parameters need no gradient.
    public func copy() -> VisionTransformer {
        precondition(blocks.isResident, "this network is only for evaluation; load it resident to train or copy it")
        let copies = withoutGradient { tensors.byName.mapValues { $0.detached().cloned() } }
        return VisionTransformer(configuration, tensors: copies, dtype: dtype, device: device)
    }

    /// The network, only for evaluation, with the blocks' matrices laid out for the processor (`PackedLinear`).
    ///
    /// - Precondition: float32 on the CPU, and `PackedLinear.isAvailable`.
    public func packed() -> VisionTransformer {
        precondition(dtype == .float32 && device == .cpu, "a network is packed in float32 on the CPU")
        return VisionTransformer(
            configuration, tensors: tensors.byName.filter { BlockName.parts($0.key) == nil },
            blocks: .packed((0..<configuration.depth).map { blocks[$0].packed() }), dtype: dtype, device: device)
    }

    /// Tokens of a batch of images.
    ///
    /// - Parameters:
    ///   - images: `[B, C, H, W]`, normalised; H and W are multiples of the patch size.
    ///   - masks: True for patches that are hidden, `[B, patches]` bool; `nil` for none.
    ///   - crop: The kind of crop; it matters in training only.
    ///   - context: Training or evaluation.
    public func forward(
        _ images: Tensor, masks: Tensor? = nil, crop: CropKind = .global, context: ForwardContext = .evaluation
    ) -> TokenOutput {
        tokens(BackboneInput(images: images, masks: masks, crop: crop), entry: 0, context: context)
    }

    /// Tokens of several batches, which may differ in resolution, such as global and local crops.
    ///
    /// - Returns: One output per entry. Random choices differ from entry to entry.
    public func forward(_ entries: [BackboneInput], context: ForwardContext = .evaluation) -> [TokenOutput] {
        entries.enumerated().map { tokens($1, entry: $0, context: context) }
    }

    private func tokens(_ input: BackboneInput, entry: Int, context: ForwardContext) -> TokenOutput {
        let start = embedded(input.images, masks: input.masks)
        let x = passed(start.tokens, start, blocks: 0..<configuration.depth, entry: entry, context: context)
        return output(of: input, x, grid: (start.height, start.width), context: context)
    }

    /// The tokens after some blocks.
    func passed(
        _ tokens: Tensor, _ start: EmbeddedTokens, blocks range: Range<Int>, entry: Int, context: ForwardContext
    ) -> Tensor {
        var x = tokens
        for index in range {
            let (block, table) = (
                blocks[index], table(start.height, start.width, block: index, entry: entry, context: context)
            )
            func pass(_ x: Tensor) -> Tensor {
                block(x, rotary: table, context: context, entry: entry, block: index)
            }
            x = context.recomputesBlocks ? recomputing(x, pass) : pass(x)
        }
        return x
    }

    /// What the network says of an entry whose tokens went through all blocks.
    func output(
        of input: BackboneInput, _ x: Tensor, grid: (height: Int, width: Int), context: ForwardContext
    ) -> TokenOutput {
        let parts = normalised(x, prefixNorm: prefixNorm(input.crop, context: context))
        return TokenOutput(
            cls: parts.cls, registers: parts.registers, patches: parts.patches, preNorm: x, masks: input.masks,
            gridHeight: grid.height, gridWidth: grid.width)
    }

    /// The final normalisation of class and register tokens, where it is not that of the patches.
    ///
    /// In training, that of local crops goes before that of class tokens, so that a network which has both trains both.
    func prefixNorm(_ crop: CropKind, context: ForwardContext) -> Normalisation? {
        let ofLocalCrops = context.isTraining && crop == .local ? localClassNorm : nil
        return ofLocalCrops ?? classNorm
    }

    /// Why a block that stays on disk could not be read; outputs since then are undefined.
    public var readFailure: (any Error)? { blocks.failure }

    /// A block; one that stays on disk is read now.
    func block(_ index: Int) -> TransformerBlock { blocks[index] }

    /// The rotary table of a block; `nil` where positions are learnt.
    func table(_ height: Int, _ width: Int, block: Int, entry: Int, context: ForwardContext) -> RotaryTable? {
        guard let rotary else { return nil }
        guard context.isTraining, rotary.isRandomised else { return rotary.table(height: height, width: width) }
        return rotary.table(
            height: height, width: width, random: context.random(.rotary, entry: entry, block: block))
    }

    /// The tokens before the first block, `[B, 1 + R + patches, D]`, and the grid of patches.
    func embedded(_ images: Tensor, masks: Tensor?) -> EmbeddedTokens {
        // After a failed operation (out of memory) there is nothing to go on with; the scope throws.
        guard images.isDefined else { return EmbeddedTokens(tokens: images, batch: 0, height: 0, width: 0) }
        let shape = images.shape
        let patch = configuration.patchSize
        precondition(
            shape.count == 4 && shape[1] == configuration.channels && shape[2] % patch == 0 && shape[3] % patch == 0
                && shape[2] > 0 && shape[3] > 0,
            """
            images of this backbone are [B, \(configuration.channels), H, W] with H and W multiples of \(patch), \
            got \(shape)
            """)
        let (batch, height, width) = (shape[0], shape[2] / patch, shape[3] / patch)
        let map = conv2d(
            images, tensors["patch_embed.proj.weight"], tensors["patch_embed.proj.bias"], stride: patch)
        var patches = map.reshaped([batch, configuration.width, height * width]).transpose(1, 2)
        if let masks {
            precondition(
                masks.shape == [batch, height * width],
                "masks of these images are [\(batch), \(height * width)], got \(masks.shape)")
            patches = `where`(masks.unsqueezed(dim: -1), tensors["mask_token"].to(patches.dtype), patches)
        }
        var classToken = tensors["cls_token"]
        if let positions = configuration.positions {
            // Class token and patches have positions; registers have none.
            let all = positions.resized(tensors["pos_embed"], height: height, width: width)
            guard all.isDefined else { return EmbeddedTokens(tokens: all, batch: batch, height: height, width: width) }
            classToken = classToken + all.narrow(dim: 1, start: 0, length: 1)
            patches = patches + all.narrow(dim: 1, start: 1, length: height * width)
        }
        var parts = [classToken.expanded([batch, 1, configuration.width])]
        if configuration.registers > 0 {
            parts.append(
                tensors[configuration.registersName].expanded([batch, configuration.registers, configuration.width]))
        }
        parts.append(patches)
        return EmbeddedTokens(tokens: concatenate(parts, dim: 1), batch: batch, height: height, width: width)
    }

    /// All tokens after the final normalisation, taken apart; `prefixNorm` takes class and register tokens.
    func normalised(_ x: Tensor, prefixNorm: Normalisation?) -> (cls: Tensor, registers: Tensor, patches: Tensor) {
        guard x.isDefined else { return (x, x, x) }
        let prefix = 1 + configuration.registers
        guard let prefixNorm else { return takenApart(norm(x)) }
        let tokens = x.shape[1]
        let head = prefixNorm(x.narrow(dim: 1, start: 0, length: prefix))
        let tail = norm(x.narrow(dim: 1, start: prefix, length: tokens - prefix))
        return (
            head.select(dim: 1, index: 0), head.narrow(dim: 1, start: 1, length: prefix - 1), tail
        )
    }

    /// Class, register and patch tokens of `[B, 1 + R + patches, D]`.
    func takenApart(_ x: Tensor) -> (cls: Tensor, registers: Tensor, patches: Tensor) {
        guard x.isDefined else { return (x, x, x) }
        let prefix = 1 + configuration.registers
        return (
            x.select(dim: 1, index: 0), x.narrow(dim: 1, start: 1, length: prefix - 1),
            x.narrow(dim: 1, start: prefix, length: x.shape[1] - prefix)
        )
    }

    /// The final normalisation of class tokens in evaluation, where it is not the patches'.
    var evaluationClassNorm: Normalisation? { classNorm }
}
