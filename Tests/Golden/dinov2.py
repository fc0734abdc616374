"""Writes dinov2/: tiny DINOv2 models as transformers saves them, the same weights as the original code names them, and the answers.

    pip install torch transformers safetensors
    python Tests/Golden/dinov2.py

Answers to the folders come from transformers. Answers to the .pth files come from the plain torch below, written from the published
description: positions are resized by a scale factor of (n + 0.1) / grid without registers, and to the size with antialiasing with them.
BackboneTests reads the files; nothing here runs in CI.
"""

import os
import shutil

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dinov2")
# Images in patches: the grid of the stored positions, a smaller one and a larger one, neither square.
GRIDS = [(5, 5), (3, 4), (7, 6)]
CASES = {
    "plain": dict(patch_size=4),
    "swiglu": dict(patch_size=4, use_swiglu_ffn=True, qkv_bias=False),
    "registers": dict(patch_size=14, num_register_tokens=3),
}


def made(seed, tag, patch_size, **more):
    options = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, patch_size=patch_size,
                   image_size=5 * patch_size, **more)
    kind = (Dinov2WithRegistersModel, Dinov2WithRegistersConfig) if tag == "registers" else (Dinov2Model, Dinov2Config)
    model = kind[0](kind[1](**options)).eval()
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.3 * noise if "norm" in name and name.endswith("weight") else 0.3 * noise)
    return model


def official(folder, blocks=2):
    """The weights of a folder under the names of the original code."""
    theirs = load_file(os.path.join(folder, "model.safetensors"))
    outer = {"cls_token": "cls_token", "position_embeddings": "pos_embed", "register_tokens": "register_tokens",
             "mask_token": "mask_token", "patch_embeddings.projection.weight": "patch_embed.proj.weight",
             "patch_embeddings.projection.bias": "patch_embed.proj.bias"}
    state = {new: theirs[f"embeddings.{old}"] for old, new in outer.items() if f"embeddings.{old}" in theirs}
    inner = {"norm1": "norm1", "attention.output.dense": "attn.proj", "norm2": "norm2", "mlp.fc1": "mlp.fc1",
             "mlp.fc2": "mlp.fc2", "mlp.weights_in": "mlp.w12", "mlp.weights_out": "mlp.w3"}
    for block in range(blocks):
        old = f"encoder.layer.{block}."
        for kind in ("weight", "bias"):
            parts = [theirs.get(f"{old}attention.attention.{part}.{kind}") for part in ("query", "key", "value")]
            if parts[0] is not None:
                state[f"blocks.{block}.attn.qkv.{kind}"] = torch.cat(parts)
            for name, new in inner.items():
                if f"{old}{name}.{kind}" in theirs:
                    state[f"blocks.{block}.{new}.{kind}"] = theirs[f"{old}{name}.{kind}"]
        for scale in "12":
            state[f"blocks.{block}.ls{scale}.gamma"] = theirs[f"{old}layer_scale{scale}.lambda1"]
    state["norm.weight"], state["norm.bias"] = theirs["layernorm.weight"], theirs["layernorm.bias"]
    return state


def plain(w, heads, images):
    """All tokens, by the original code's rules."""
    patch = w["patch_embed.proj.weight"].shape[-1]
    batch, _, height, width = images.shape
    rows, columns = height // patch, width // patch
    depth = w["cls_token"].shape[-1]
    grid = round((w["pos_embed"].shape[1] - 1) ** 0.5)
    positions = w["pos_embed"][:, 1:].reshape(1, grid, grid, depth).permute(0, 3, 1, 2)
    if (rows, columns) != (grid, grid):
        if "register_tokens" in w:
            positions = F.interpolate(positions, size=(rows, columns), mode="bicubic", antialias=True)
        else:
            scale = ((rows + 0.1) / grid, (columns + 0.1) / grid)
            positions = F.interpolate(positions, scale_factor=scale, mode="bicubic")
    assert positions.shape[2:] == (rows, columns)
    x = F.conv2d(images, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], stride=patch)
    x = (x + positions).flatten(2).transpose(1, 2)
    first = (w["cls_token"] + w["pos_embed"][:, :1]).expand(batch, -1, -1)
    registers = w["register_tokens"].expand(batch, -1, -1) if "register_tokens" in w else x[:, :0]
    x = torch.cat([first, registers, x], 1)

    def norm(x, name):
        return F.layer_norm(x, (depth,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-6)

    def layer(x, name):
        return F.linear(x, w[f"{name}.weight"], w.get(f"{name}.bias"))

    block = 0
    while f"blocks.{block}.norm1.weight" in w:
        name = f"blocks.{block}"
        q, k, v = layer(norm(x, f"{name}.norm1"), f"{name}.attn.qkv").reshape(batch, -1, 3, heads, depth // heads).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(2, 3) / (depth // heads) ** 0.5, -1)
        y = (weights @ v).transpose(1, 2).flatten(2)
        x = x + w[f"{name}.ls1.gamma"] * layer(y, f"{name}.attn.proj")
        y = norm(x, f"{name}.norm2")
        if f"{name}.mlp.w12.weight" in w:
            gate, value = layer(y, f"{name}.mlp.w12").chunk(2, -1)
            y = layer(F.silu(gate) * value, f"{name}.mlp.w3")
        else:
            y = layer(F.gelu(layer(y, f"{name}.mlp.fc1")), f"{name}.mlp.fc2")
        x = x + w[f"{name}.ls2.gamma"] * y
        block += 1
    return norm(x, "norm")


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    kept = {}
    for seed, (tag, options) in enumerate(CASES.items()):
        model = made(seed, tag, **options)
        model.save_pretrained(os.path.join(HERE, tag))
        state = official(os.path.join(HERE, tag))
        torch.save(state, os.path.join(HERE, f"{tag}.pth"))
        registers = options.get("num_register_tokens", 0)
        for number, (rows, columns) in enumerate(GRIDS):
            size = (rows * options["patch_size"], columns * options["patch_size"])
            images = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(10 * seed + number))
            kept[f"{tag}/{number}/images"] = images
            with torch.no_grad():
                said = {"transformers": model.double()(images.double()).last_hidden_state,
                        "original": plain({key: value.double() for key, value in state.items()}, 2, images.double())}
            model.float()
            for who, tokens in said.items():
                assert tokens.shape[1] == 1 + registers + rows * columns
                kept[f"{tag}/{number}/{who}"] = tokens.float()
            difference = (said["transformers"] - said["original"]).abs().max() / said["original"].abs().max()
            print(f"{tag} {rows} x {columns}: the two rules differ by {difference:.1e}")
    save_file({name: value.contiguous() for name, value in kept.items()}, os.path.join(HERE, "answers.safetensors"))
    for folder, _, files in os.walk(HERE):
        for file in files:
            print(os.path.join(folder, file), os.path.getsize(os.path.join(folder, file)))


main()
