"""Writes variants.safetensors: outputs and gradients of the rarer forms of a backbone, by transformers, timm and PyTorch.

    pip install torch torchvision timm transformers safetensors
    python Tests/Golden/variants.py

As in backbone.py, weights and images follow from a formula, so that only answers are stored; everything is computed in double
precision and stored in single. BackboneTests reads the file; nothing here runs in CI.

untied: key bias, class and registers with a final norm of their own (transformers, and torch's LayerNorm at the end)
bare:   no LayerScale, no registers (timm)
rms:    root mean square norms, gated layers (timm)
convnext: four stages (transformers)
biased, gated: transformers with another attention put in: a further key and value per head, a gate per head and token
"""

import os
from functools import partial

import timm
import torch
import transformers
from safetensors.torch import save_file
from timm.layers import RmsNorm
from timm.models.eva import Eva
from torch import nn
from transformers import DINOv3ConvNextConfig, DINOv3ConvNextModel, DINOv3ViTConfig, DINOv3ViTModel

from backbone import HERE, fill, official_shapes, official_values, parameter_of


def answers(tag, outputs, prefix, parts_of):
    """Tokens, and the gradients of a sum of waves, by official names; a parameter may be made of several."""
    loss = (outputs * fill(outputs.shape, 0.7, 1.0, 0.31)).sum()
    loss.backward()
    kept = {f"{tag}/cls": outputs[:, 0], f"{tag}/registers": outputs[:, 1:prefix], f"{tag}/patches": outputs[:, prefix:]}
    for name, (parts, shape) in parts_of.items():
        gradients = [torch.zeros_like(part) if part.grad is None else part.grad for part in parts]
        kept[f"{tag}/gradient/{name}"] = torch.cat([g.reshape(-1) for g in gradients]).reshape(shape)
    return kept


def put(parts, value):
    """Copies the rows of a value into the parameters that it is made of."""
    with torch.no_grad():
        for part, rows in zip(parts, value.chunk(len(parts)) if len(parts) > 1 else [value]):
            part.copy_(rows.reshape(part.shape))


def untied():
    width, heads, registers = 16, 4, 3
    model = DINOv3ViTModel(DINOv3ViTConfig(
        patch_size=4, hidden_size=width, intermediate_size=32, num_hidden_layers=1, num_attention_heads=heads,
        num_register_tokens=registers, key_bias=True, image_size=16, pos_embed_rescale=None)).double().eval()
    quarter = width // heads // 4
    model.rope_embeddings.inv_freq = 100.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    shapes = official_shapes(width, 1, 32, registers, 4, False, True)
    shapes |= {"cls_norm.weight": [width], "cls_norm.bias": [width]}
    norm, cls_norm = model.norm, nn.LayerNorm(width, eps=1e-5).double()
    model.norm = nn.Identity()
    parts_of = {}
    for name, value in official_values(shapes).items():
        if name.startswith("norm.") or name.startswith("cls_norm."):
            parts = [getattr(norm if name.startswith("norm.") else cls_norm, name.split(".")[1])]
        else:
            parts = parameter_of(model, name)
        put(parts, value)
        parts_of[name] = parts, shapes[name]
    hidden = model(fill([2, 3, 8, 20], 0.2, 1.0, 0.17)).last_hidden_state
    prefix = 1 + registers
    outputs = torch.cat([cls_norm(hidden[:, :prefix]), norm(hidden[:, prefix:])], 1)
    del parts_of["mask_token"]
    return answers("untied", outputs, prefix, parts_of)


def with_attention(tag):
    """transformers' model whose attention is torch's scaled_dot_product_attention with what the form adds."""
    width, heads, registers = 16, 4, 1
    model = DINOv3ViTModel(DINOv3ViTConfig(
        patch_size=4, hidden_size=width, intermediate_size=32, num_hidden_layers=1, num_attention_heads=heads,
        num_register_tokens=registers, image_size=16, pos_embed_rescale=None)).double().eval()
    added = {
        "biased": {"bias_k": [heads, 1, width // heads], "bias_v": [heads, 1, width // heads]},
        "gated": {"gate.weight": [heads, width], "gate.bias": [heads]}}[tag]
    extra = {f"blocks.0.attn.{name}": nn.Parameter(torch.zeros(shape).double()) for name, shape in added.items()}
    seen = {}

    def attention(module, query, key, value, mask, scaling=None, **options):
        batch = query.shape[0]
        if tag == "biased":
            key = torch.cat([key, extra["blocks.0.attn.bias_k"].expand(batch, -1, -1, -1)], 2)
            value = torch.cat([value, extra["blocks.0.attn.bias_v"].expand(batch, -1, -1, -1)], 2)
        out = nn.functional.scaled_dot_product_attention(query, key, value, scale=scaling).transpose(1, 2)
        if tag == "gated":
            weight, bias = extra["blocks.0.attn.gate.weight"], extra["blocks.0.attn.gate.bias"]
            out = out * torch.sigmoid(seen["tokens"] @ weight.T + bias)[..., None]
        return out, None

    transformers.AttentionInterface.register(tag, attention)
    model.config._attn_implementation = tag
    for module in model.modules():
        if type(module).__name__.endswith("Attention"):
            module.register_forward_pre_hook(
                lambda _, args, given: seen.update(tokens=args[0] if args else given["hidden_states"]), with_kwargs=True)
    quarter = width // heads // 4
    model.rope_embeddings.inv_freq = 100.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    shapes = official_shapes(width, 1, 32, registers, 4, False, True)
    shapes |= {name: list(parameter.shape) for name, parameter in extra.items()}
    parts_of = {}
    for name, value in official_values(shapes).items():
        if name in extra:
            parts = [extra[name]]
        elif name.endswith("attn.qkv.bias"):
            # transformers has no bias of k; ours is masked, so that its gradient is none.
            q, v = (parameter_of(model, name)[i] for i in (0, -1))
            parts = [q, nn.Parameter(torch.zeros(width).double()), v]
        else:
            parts = parameter_of(model, name)
        put(parts, value)
        parts_of[name] = parts, shapes[name]
    del parts_of["mask_token"]
    return answers(tag, model(fill([2, 3, 8, 20], 0.2, 1.0, 0.17)).last_hidden_state, 1 + registers, parts_of)


def by_timm(tag, images, registers, gated, qkv_bias, scale, **options):
    width, heads, hidden = 16, 2, 32
    model = Eva(
        img_size=tuple(images.shape[2:]), patch_size=4, num_classes=0, global_pool="", embed_dim=width, depth=1,
        num_heads=heads, qkv_bias=qkv_bias, mlp_ratio=hidden / width, swiglu_mlp=gated, swiglu_align_to=32, use_abs_pos_emb=False,
        use_rot_pos_emb=True, rope_type="dinov3", rope_temperature=100.0, rope_rotate_half=True, num_reg_tokens=registers,
        init_values=0.1 if scale else None, **options).double().eval()
    shapes = official_shapes(width, 1, hidden, registers, 4, gated, qkv_bias)
    if not scale:
        shapes = {name: shape for name, shape in shapes.items() if not name.endswith("gamma")}
    if options.get("norm_layer"):
        shapes = {name: shape for name, shape in shapes.items() if not ("norm" in name and name.endswith("bias"))}
    theirs = dict(model.named_parameters())
    renamed = {
        "storage_tokens": "reg_token", "ls1.gamma": "gamma_1", "ls2.gamma": "gamma_2", "mlp.w1": "mlp.fc1_g",
        "mlp.w2": "mlp.fc1_x", "mlp.w3": "mlp.fc2"}
    parts_of = {}
    for name, value in official_values(shapes).items():
        if name == "mask_token":
            continue
        other = name
        for old, new in renamed.items():
            other = other.replace(old, new)
        if name.endswith("attn.qkv.bias"):
            # timm has no bias of k; ours is masked, so that its gradient is none.
            attention = name.removesuffix("qkv.bias")
            parts = [theirs[f"{attention}q_bias"], nn.Parameter(torch.zeros(width).double()), theirs[f"{attention}v_bias"]]
        else:
            parts = [theirs[other]]
        put(parts, value)
        parts_of[name] = parts, shapes[name]
    left = set(theirs) - {key for key, value in theirs.items() if any(value is p for ps, _ in parts_of.values() for p in ps)}
    assert not left, left
    return answers(tag, model.forward_features(images), 1 + registers, parts_of)


def official_convnext(model):
    """The parameters of transformers' model by official names."""
    named = {key.removeprefix("model."): value for key, value in model.named_parameters()}
    renamed = {"depthwise_conv": "dwconv", "layer_norm": "norm", "pointwise_conv": "pwconv"}
    official = {}
    for key, value in named.items():
        name = key
        for old, new in renamed.items():
            name = name.replace(old, new)
        if "downsample_layers" in name:
            _, stage, layer, index, kind = name.split(".")
            name = f"{layer}.{stage}.{index}.{kind}"
        elif name.startswith("stages"):
            name = name.replace(".layers.", ".")
        else:
            name = f"norm.{name.split('.')[-1]}"
        official[name] = value
    return official


def convnext():
    depths, widths = [1, 2, 1, 1], [4, 6, 8, 8]
    model = DINOv3ConvNextModel(DINOv3ConvNextConfig(depths=depths, hidden_sizes=widths)).double().eval()
    parts_of = {}
    official = official_convnext(model)
    for number, name in enumerate(sorted(official)):
        value = fill(official[name].shape, 0.1 * number, 0.3)
        put([official[name]], value + 1 if official[name].dim() == 1 and name.endswith("weight") else value)
        parts_of[name] = [official[name]], list(official[name].shape)
    return answers("convnext", model(fill([2, 3, 64, 32], 0.1, 1.0, 0.23)).last_hidden_state, 1, parts_of)


def main():
    kept = untied()
    kept |= by_timm("bare", fill([2, 3, 16, 12], 0.3, 1.0, 0.19), 0, False, True, False)
    kept |= by_timm("rms", fill([1, 3, 12, 16], 0.6, 1.0, 0.29), 2, True, False, True, norm_layer=partial(RmsNorm, eps=1e-5))
    kept |= convnext()
    kept |= with_attention("biased") | with_attention("gated")
    path = os.path.join(HERE, "variants.safetensors")
    save_file(
        {name: value.detach().float().contiguous() for name, value in kept.items()}, path,
        metadata={"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__, "timm": timm.__version__})
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
