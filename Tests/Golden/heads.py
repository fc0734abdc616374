"""Writes heads.safetensors: outputs and gradients of tiny heads for classes, computed by PyTorch and Hugging Face transformers.

    pip install torch transformers safetensors
    python Tests/Golden/heads.py

The linear head is plain PyTorch; UPerNet is transformers' head, its auxiliary head and BEiT's pyramid, with batch norm and with group
norm in its place; the dense prediction transformer is transformers' neck and head. Weights, running statistics and inputs follow from a
formula (`fill` of backbone.py), so that only answers are stored. Everything is computed in double precision and stored in single. Dropout
is off. DownstreamTests reads the file; nothing here runs in CI.
"""

import os
from types import SimpleNamespace

import torch
import torch.nn.functional as F
import transformers
from backbone import fill
from safetensors.torch import save_file
from torch import nn
from transformers import DPTConfig
from transformers.models.beit.modeling_beit import BeitFPNNeck
from transformers.models.dpt.modeling_dpt import DPTNeck, DPTSemanticSegmentationHead
from transformers.models.upernet.modeling_upernet import UperNetFCNHead, UperNetHead

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, CLASSES = 8, 5
answers = {}


def taps(batch, rows, columns, count=4):
    """The taps of a head: maps and class tokens."""
    return [
        (fill([batch, WIDTH, rows, columns], 0.2 * i, 1.0, 0.21), fill([batch, WIDTH], 0.5 * i)) for i in range(count)]


def group_norm(channels):
    """Group norm with at most 32 groups, of at least four channels each."""
    most = max(min(32, channels // 4), 1)
    return nn.GroupNorm(max(g for g in range(1, most + 1) if channels % g == 0), channels)


def swap_norms(module):
    """Puts group norm in the place of batch norm."""
    for owner in list(module.modules()):
        for name, child in list(owner.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(owner, name, group_norm(child.num_features))


def set_waves(parameters, buffers):
    """Gives parameters and running statistics, by their names, waves of their own in alphabetical order."""
    with torch.no_grad():
        for number, name in enumerate(sorted(parameters)):
            parameters[name].copy_(fill(list(parameters[name].shape), 0.1 * number, 0.3))
        for number, name in enumerate(sorted(buffers)):
            start = 1 if name.endswith("var") else 0
            buffers[name].copy_(start + fill(list(buffers[name].shape), 0.3 * number, 0.4))


def state(module, rename):
    """Parameters and running statistics by the names of geodino."""
    parameters = {rename(name): value for name, value in module.named_parameters()}
    buffers = {rename(name): value for name, value in module.named_buffers() if "running" in name}
    return parameters, buffers


def keep_gradients(tag, outputs, parameters, largest=None):
    """Stores the gradients of all outputs, weighed by waves; of parameters up to a number of elements, so that the file stays small."""
    loss = sum((y * fill(list(y.shape), 0.3 + i, 1.0, 0.013)).sum() for i, y in enumerate(outputs))
    for name, gradient in zip(parameters, torch.autograd.grad(loss, list(parameters.values()))):
        # A bias right before batch norm moves nothing: what comes out is rounding.
        if (largest is None or gradient.numel() <= largest) and gradient.abs().max() > 1e-9:
            answers[f"{tag}/gradient/{name}"] = gradient


def linear():
    """Batch norm and a 1x1 convolution on two taps: two steps of training, then evaluation."""
    module = nn.ModuleDict({"norm": nn.BatchNorm2d(2 * WIDTH), "conv": nn.Conv2d(2 * WIDTH, CLASSES, 1)}).double()
    parameters, buffers = state(module, str)
    set_waves(parameters, buffers)

    def forward(rows):
        x = torch.cat([map for map, _ in taps(3, rows, 5, 2)], 1)
        return F.interpolate(module["conv"](module["norm"](x)), size=(4 * rows, 20), mode="bilinear")

    module.train()
    answers["linear/train"] = forward(3)
    keep_gradients("linear", [answers["linear/train"]], parameters)
    forward(4)
    for name, value in buffers.items():
        answers[f"linear/after/{name}"] = value.clone()
    module.eval()
    answers["linear/eval"] = forward(3)


def upernet():
    """transformers' UPerNet with BEiT's pyramid: batch norm in evaluation and in training, group norm in training."""
    config = SimpleNamespace(
        pool_scales=(1, 2, 3, 6), hidden_size=8, num_labels=CLASSES, auxiliary_in_channels=None, auxiliary_channels=4,
        auxiliary_num_convs=1, auxiliary_concat_input=False)

    def rename(name):
        for old, new in [
            ("neck.fpn1.conv_transpose1", "fpn1.0"), ("neck.fpn1.normalization", "fpn1.1"),
            ("neck.fpn1.conv_transpose2", "fpn1.3"), ("neck.fpn2", "fpn2.0"), ("batch_norm", "norm"),
        ]:
            name = name.replace(old, new)
        return name

    for norm in ("batch", "group"):
        module = nn.ModuleDict({
            "neck": BeitFPNNeck(SimpleNamespace(hidden_size=WIDTH)),
            "decode_head": UperNetHead(config, [WIDTH] * 4), "auxiliary_head": UperNetFCNHead(config, [WIDTH] * 4)})
        if norm == "group":
            swap_norms(module)
        module.double()
        parameters, buffers = state(module, rename)
        set_waves(parameters, buffers)

        def forward(name):
            levels = module["neck"]([map for map, _ in taps(3, 6, 4)])
            return F.interpolate(module[name](levels), size=(18, 12), mode="bilinear", align_corners=False)

        if norm == "batch":
            module.eval()
            answers["upernet/batch/eval"] = forward("decode_head")
        module.train()
        outputs = [forward("decode_head")]
        for name, value in buffers.items():
            if not name.startswith("auxiliary_head"):
                answers[f"upernet/batch/after/{name}"] = value.clone()
        # The pyramid a second time: its running statistics are not looked at any more.
        outputs.append(forward("auxiliary_head"))
        answers[f"upernet/{norm}/train"], answers[f"upernet/{norm}/auxiliary"] = outputs
        keep_gradients(f"upernet/{norm}", outputs, parameters, 260 if norm == "batch" else None)


def dense():
    """transformers' dense prediction transformer for classes: batch norm in evaluation, group norm with gradients."""
    config = DPTConfig(
        hidden_size=WIDTH, num_attention_heads=1, neck_hidden_sizes=[4, 8, 8, 16], reassemble_factors=[4, 2, 1, 0.5],
        readout_type="project", fusion_hidden_size=8, use_batch_norm_in_fusion_residual=False,
        use_bias_in_fusion_residual=True, semantic_classifier_dropout=0.0, num_labels=CLASSES)

    def rename(name):
        for old, new in [
            ("neck.reassemble_stage.readout_projects", "reassemble_blocks.readout_projects"),
            ("neck.fusion_stage.layers", "fusion_blocks"), ("residual_layer", "res_conv_unit"),
            ("convolution1", "conv1.conv"), ("convolution2", "conv2.conv"), ("head.head.", "conv_seg.head."),
        ]:
            name = name.replace(old, new)
        parts = name.split(".")
        if name.startswith("neck.reassemble_stage.layers"):
            kind = "projects.{}.conv" if parts[4] == "projection" else "resize_layers.{}"
            return f"reassemble_blocks.{kind.format(parts[3])}.{parts[5]}"
        if name.startswith("neck.convs"):
            return f"convs.{parts[2]}.conv.{parts[3]}"
        return name.replace(".projection.", ".project.conv.")

    for norm in ("batch", "group"):
        module = nn.ModuleDict({"neck": DPTNeck(config), "head": DPTSemanticSegmentationHead(config)})
        if norm == "group":
            swap_norms(module)
        module.double()
        parameters, buffers = state(module, rename)
        # The coarsest map has nothing to be added to.
        parameters = {name: value for name, value in parameters.items() if "fusion_blocks.0.res_conv_unit1" not in name}
        set_waves(parameters, buffers)
        states = [
            torch.cat([cls[:, None], map.flatten(2).transpose(1, 2)], 1) for map, cls in taps(2, 2, 4)]
        module.train(norm == "group")
        logits = module["head"](module["neck"](states, 2, 4))
        answers[f"dense/{norm}"] = logits[:, :, ::2, ::2]
        if norm == "group":
            keep_gradients("dense", [logits], parameters, 260)


def main():
    linear()
    upernet()
    dense()
    path = os.path.join(HERE, "heads.safetensors")
    save_file(
        {name: value.detach().float().contiguous() for name, value in answers.items()}, path,
        metadata={"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__})
    for name, value in answers.items():
        if "gradient" not in name:
            print(f"{name:60} {str(tuple(value.shape)):18} {value.abs().max().item():.6f}")
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
