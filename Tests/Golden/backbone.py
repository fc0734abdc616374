"""Writes backbone.safetensors: outputs and gradients of tiny vision transformers, computed by transformers.

    pip install torch transformers safetensors
    python Tests/Golden/backbone.py

Weights and images follow from a formula (`fill`), so that only answers are stored. Everything is computed in double
precision and stored in single. BackboneTests reads the file; nothing here runs in CI.
"""

import os

import torch
import transformers
from safetensors.torch import save_file
from transformers import DINOv3ViTConfig, DINOv3ViTModel

HERE = os.path.dirname(os.path.abspath(__file__))


def fill(shape, phase, amplitude=1.0, frequency=0.37):
    """amplitude * sin(frequency * i + phase) over the flat index i, rounded to single precision."""
    count = 1
    for side in shape:
        count *= side
    values = amplitude * torch.sin(frequency * torch.arange(count, dtype=torch.float64) + phase)
    return values.float().double().reshape(shape)


def official_shapes(width, depth, hidden, registers, patch, gated, qkv_bias):
    """Names and shapes of the public checkpoints."""
    shapes = {
        "cls_token": [1, 1, width],
        "mask_token": [1, width],
        "patch_embed.proj.weight": [width, 3, patch, patch],
        "patch_embed.proj.bias": [width],
        "norm.weight": [width],
        "norm.bias": [width],
    }
    if registers:
        shapes["storage_tokens"] = [1, registers, width]
    for block in range(depth):
        name = f"blocks.{block}"
        for norm in ("norm1", "norm2"):
            shapes[f"{name}.{norm}.weight"] = [width]
            shapes[f"{name}.{norm}.bias"] = [width]
        for scale in ("ls1", "ls2"):
            shapes[f"{name}.{scale}.gamma"] = [width]
        shapes[f"{name}.attn.qkv.weight"] = [3 * width, width]
        if qkv_bias:
            shapes[f"{name}.attn.qkv.bias"] = [3 * width]
        shapes[f"{name}.attn.proj.weight"] = [width, width]
        shapes[f"{name}.attn.proj.bias"] = [width]
        layers = {"w1": (hidden, width), "w2": (hidden, width), "w3": (width, hidden)}
        if not gated:
            layers = {"fc1": (hidden, width), "fc2": (width, hidden)}
        for layer, (rows, columns) in layers.items():
            shapes[f"{name}.mlp.{layer}.weight"] = [rows, columns]
            shapes[f"{name}.mlp.{layer}.bias"] = [rows]
    return shapes


def official_values(shapes):
    """One wave per tensor, numbered in alphabetical order; norm weights lie around one."""
    values = {}
    for number, name in enumerate(sorted(shapes)):
        values[name] = fill(shapes[name], 0.1 * number, 0.3)
        if "norm" in name and name.endswith("weight"):
            values[name] += 1
    return values


RENAMED = {
    "cls_token": "embeddings.cls_token",
    "storage_tokens": "embeddings.register_tokens",
    "patch_embed.proj.weight": "embeddings.patch_embeddings.weight",
    "patch_embed.proj.bias": "embeddings.patch_embeddings.bias",
    "attn.proj": "attention.o_proj",
    "ls1.gamma": "layer_scale1.lambda1",
    "ls2.gamma": "layer_scale2.lambda1",
    "mlp.fc1": "mlp.up_proj",
    "mlp.fc2": "mlp.down_proj",
    "mlp.w1": "mlp.gate_proj",
    "mlp.w2": "mlp.up_proj",
    "mlp.w3": "mlp.down_proj",
}


def parameter_of(model, name):
    """The parameters of the transformers model that an official tensor is made of, in row order (None: no such one)."""
    named = {key.replace("model.layer.", "layer."): value for key, value in model.named_parameters()}
    if name == "mask_token":
        return [named["embeddings.mask_token"]]
    if ".attn.qkv." in name:
        block, kind = name.split(".")[1], name.split(".")[-1]
        return [named.get(f"layer.{block}.attention.{part}_proj.{kind}") for part in "qkv"]
    for old, new in RENAMED.items():
        name = name.replace(old, new)
    return [named[name.replace("blocks.", "layer.")]]


def case(tag, width, depth, heads, hidden, registers, patch, gated, qkv_bias, images, mask):
    config = DINOv3ViTConfig(
        patch_size=patch, hidden_size=width, intermediate_size=hidden, num_hidden_layers=depth,
        num_attention_heads=heads, num_register_tokens=registers, use_gated_mlp=gated, hidden_act="silu" if gated else "gelu",
        query_bias=qkv_bias, value_bias=qkv_bias, key_bias=False, image_size=4 * patch, pos_embed_rescale=None)
    model = DINOv3ViTModel(config).double().eval()
    # The rotary periods in double precision, not single precision made wide.
    quarter = width // heads // 4
    model.rope_embeddings.inv_freq = 100.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    values = official_values(official_shapes(width, depth, hidden, registers, patch, gated, qkv_bias))
    with torch.no_grad():
        for name, value in values.items():
            parts = parameter_of(model, name)
            for parameter, rows in zip(parts, value.chunk(len(parts)) if len(parts) > 1 else [value]):
                if parameter is not None:
                    parameter.copy_(rows.reshape(parameter.shape))
    outputs = model(images, bool_masked_pos=mask).last_hidden_state
    prefix = 1 + registers
    loss = (outputs * fill(outputs.shape, 0.7, 1.0, 0.31)).sum()
    loss.backward()
    answers = {
        f"{tag}/cls": outputs[:, 0], f"{tag}/registers": outputs[:, 1:prefix], f"{tag}/patches": outputs[:, prefix:],
    }
    for name, value in values.items():
        parts = parameter_of(model, name)
        rows = value.chunk(len(parts)) if len(parts) > 1 else [value]
        gradients = [
            torch.zeros_like(row) if part is None or part.grad is None else part.grad.reshape(row.shape)
            for part, row in zip(parts, rows)]
        answers[f"{tag}/gradient/{name}"] = torch.cat(gradients)
    return answers


def main():
    torch.manual_seed(0)
    mask = torch.zeros(2, 12, dtype=torch.bool)
    mask[0, [1, 5, 7]] = True
    mask[1, [0, 11]] = True
    answers = case(
        "mlp", width=32, depth=2, heads=2, hidden=64, registers=2, patch=4, gated=False, qkv_bias=True,
        images=fill([2, 3, 12, 16], 0.0, 1.0, 0.11), mask=mask)
    answers |= case(
        "gated", width=32, depth=1, heads=4, hidden=64, registers=0, patch=4, gated=True, qkv_bias=False,
        images=fill([1, 3, 20, 8], 0.4, 1.0, 0.13), mask=None)
    path = os.path.join(HERE, "backbone.safetensors")
    save_file(
        {name: value.detach().float().contiguous() for name, value in answers.items()}, path,
        metadata={"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__})
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
