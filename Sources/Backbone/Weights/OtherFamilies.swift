// Networks of other families, known by the names of their tensors: refused by name rather than by what they lack.
internal import Files
internal import FoundationEssentials
internal import Telemetry
internal import Torch

/// A family of networks that geodino does not run.
struct OtherFamily {
    /// What it is, with its article.
    let name: String

    /// The family behind a file's tensors; `nil` where nothing is recognised.
    init?(of source: any TensorSource) {
        let names = Names(source)
        // The file may hold a supported backbone together with the heads of a detector or another network.
        guard !names.ends("blocks.0.ls1.gamma", "layer.0.layer_scale1.lambda1"),
            !(names.ends("downsample_layers.0.0.weight") && names.ends("stages.0.0.gamma"))
        else { return nil }
        guard let found = Self.families.first(where: { $0.holds(names) }) else { return nil }
        name = found.name
    }

    /// The family named by the `config.json` next to unrecognised tensors; `nil` if it names no other family.
    init?(describedIn folder: String) {
        struct Description: Decodable {
            var model_type: String?
            var architecture: String?
        }
        guard let data = FileManager.default.contents(atPath: "\(folder)/config.json"),
            let said = try? JSONDecoder().decode(Description.self, from: data)
        else { return nil }
        if let type = said.model_type, !type.hasPrefix("dinov") {
            name = Self.name(ofModelType: type)
        } else if let architecture = said.architecture, !architecture.contains("dinov") {
            name = "timm's '\(architecture)'"
        } else {
            return nil
        }
    }

    /// The error that refuses it.
    func error(in path: String) -> BackboneError {
        BackboneError(
            .badWeights, "the weights are of another family: \(name)", in: path,
            why: ["geodino runs DINOv3 (ViT and ConvNeXt) and DINOv2, in all of their sizes"],
            try: "use weights of DINOv3 or DINOv2: the published .pth files, or folders from Hugging Face or timm")
    }

    /// The name of the family that a `model_type` of transformers stands for; the word itself where it is not known.
    static func name(ofModelType type: String) -> String { modelTypes[type] ?? "transformers' '\(type)'" }

    /// What names say.
    private struct Names {
        let all: [String]
        private let source: any TensorSource

        init(_ source: any TensorSource) {
            all = source.names
            self.source = source
        }

        /// Whether a name is one of these, or ends in one after a dot.
        func ends(_ marks: String...) -> Bool {
            marks.contains { mark in all.contains { $0 == mark || $0.hasSuffix(".\(mark)") } }
        }

        /// Whether a name holds one of these.
        func holds(_ marks: String...) -> Bool { marks.contains { mark in all.contains { $0.contains(mark) } } }

        /// Whether a name begins with one of these.
        func begins(_ marks: String...) -> Bool { marks.contains { mark in all.contains { $0.hasPrefix(mark) } } }

        /// Dimensions of the patch embedding's weight.
        var embeddingRank: Int? {
            all.first { $0 == "patch_embed.proj.weight" || $0.hasSuffix(".patch_embed.proj.weight") }
                .flatMap { source.entry($0)?.shape.count }
        }
    }

    /// The narrow ones first: an encoder inside another network is known by the rest of that network.
    private static let families: [(name: String, holds: @Sendable (Names) -> Bool)] = [
        ("adapters (LoRA) without the network that they change", { $0.holds("lora_A.", "lora_down.") }),
        ("Prithvi or another network of image series", { $0.embeddingRank == 5 || $0.holds("temporal_embed") }),
        ("DOFA or Clay, whose patch embedding follows wavelengths", { $0.holds("weight_generator.") }),
        ("SatMAE of band groups", { $0.ends("channel_embed") }),
        ("CROMA, of radar and optical images", { $0.begins("s1_encoder", "s2_encoder") }),
        ("SAM", { $0.holds("mask_decoder.", "prompt_encoder.", "sam_mask_decoder.") }),
        ("SigLIP", { $0.ends("logit_bias") && $0.ends("logit_scale") }),
        (
            "CLIP",
            { names in
                names.all.contains("logit_scale")
                    || names.begins("visual.transformer", "vision_model.", "clip.", "text_model.")
                    || names.ends("visual.class_embedding")
            }
        ),
        (
            "a masked autoencoder (MAE)",
            { $0.ends("decoder_pos_embed") || $0.holds("decoder_blocks.0.", "decoder.decoder_layers.0.") }
        ),
        ("Swin V2", { $0.holds(".attn.cpb_mlp.", "continuous_position_bias_mlp") }),
        (
            "a Swin transformer",
            { $0.holds("relative_position_bias_table") && $0.holds("layers.0.blocks.0.", "encoder.layers.0.blocks.0.") }
        ),
        ("BEiT", { $0.holds("relative_position_bias_table") || $0.holds("rel_pos_bias.") }),
        ("EVA", { $0.holds("inner_attn_ln", "blocks.0.attn.q_proj.weight") || $0.holds("blocks.0.mlp.w12_") }),
        ("SegFormer", { $0.holds("patch_embed1.", "segformer.encoder", "block1.0.attn") }),
        ("ConvNeXt V2", { $0.holds(".grn.") }),
        ("a DETR", { $0.holds("transformer.encoder.layers.0.self_attn", "transformer.decoder.layers.0.") }),
        (
            "a segmentation network (U-Net)",
            { $0.ends("segmentation_head.0.weight") || $0.holds("decoder.blocks.0.conv") }
        ),
        ("a ResNet", { $0.ends("layer1.0.conv1.weight") || $0.holds("encoder.stages.0.layers.0.layer.0.convolution") }),
        ("an EfficientNet", { $0.holds("_blocks.0._depthwise_conv", "blocks.0.0.conv_dw", "features.1.0.block.0.0") }),
        ("YOLO", { $0.ends("model.0.conv.weight", "model.1.conv.weight") }),
        ("a language model", { $0.ends("layers.0.self_attn.q_proj.weight", "h.0.attn.c_attn.weight") }),
        ("a diffusion model", { $0.holds("diffusion_model.", "down_blocks.0.resnets", "transformer_blocks.0.attn1") }),
        (
            "a head of DINOv3 without its backbone",
            { $0.holds("reassemble_blocks.", "reassemble_stage.") && !$0.ends("cls_token") }
        ),
        (
            "a plain ViT of transformers (ViT, DeiT, DINO or MAE's encoder), without LayerScale",
            { $0.ends("encoder.layer.0.attention.attention.query.weight") }
        ),
        (
            "a plain ViT (DINO, MAE's encoder, DeiT, I-JEPA or one trained with labels), without LayerScale",
            { $0.ends("pos_embed") && $0.ends("blocks.0.attn.qkv.weight") }
        ),
        ("a plain ViT of torchvision", { $0.ends("encoder.layers.encoder_layer_0.self_attention.in_proj_weight") }),
    ]

    private static let modelTypes = [
        "vit": "a plain ViT", "vit_mae": "a masked autoencoder (MAE)", "vit_msn": "MSN", "deit": "DeiT", "beit": "BEiT",
        "data2vec-vision": "data2vec", "swin": "a Swin transformer", "swinv2": "Swin V2", "clip": "CLIP",
        "clip_vision_model": "CLIP", "siglip": "SigLIP", "siglip_vision_model": "SigLIP", "siglip2": "SigLIP 2",
        "sam": "SAM", "sam2": "SAM 2", "resnet": "a ResNet", "convnext": "a ConvNeXt of ImageNet",
        "convnextv2": "ConvNeXt V2", "segformer": "SegFormer", "ijepa": "I-JEPA", "hiera": "Hiera",
        "efficientnet": "an EfficientNet", "mobilenet_v2": "MobileNet", "detr": "a DETR", "bert": "a language model",
        "llama": "a language model",
    ]
}
