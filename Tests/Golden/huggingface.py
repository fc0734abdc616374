"""Writes huggingface/: tiny DINOv3 models as transformers saves them, an official-style .pth, and their answers.

    pip install torch transformers safetensors
    python Tests/Golden/huggingface.py

BackboneTests reads the folders; nothing here runs in CI.
"""

import json
import os
import shutil

import torch
from safetensors.torch import save_file
from transformers import DINOv3ConvNextConfig, DINOv3ConvNextModel, DINOv3ViTConfig, DINOv3ViTModel

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "huggingface")


def model(seed, **changes):
    """A model whose every parameter is random, also those that start at zero or one."""
    options = dict(
        patch_size=4, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_register_tokens=2, image_size=16)
    return drawn(seed, DINOv3ViTModel(DINOv3ViTConfig(**{**options, **changes})).eval())


def drawn(seed, made):
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.3 * noise if "norm" in name and name.endswith("weight") else 0.3 * noise)
    return made


def answers(made, images):
    with torch.no_grad():
        tokens = made(images).last_hidden_state
    prefix = 1 + getattr(made.config, "num_register_tokens", 0)
    return {"cls": tokens[:, 0], "registers": tokens[:, 1:prefix], "patches": tokens[:, prefix:]}


def official(made):
    """The state dict that the published names make of a model without gates, rotary periods rounded to bfloat16."""
    theirs = {name.replace("model.layer.", "layer."): value.detach() for name, value in made.state_dict().items()}
    width = made.config.hidden_size
    heads = made.config.num_attention_heads
    periods = 100.0 ** (torch.arange(width // heads // 4) / (width // heads // 4))
    state = {
        "cls_token": theirs["embeddings.cls_token"], "storage_tokens": theirs["embeddings.register_tokens"],
        "mask_token": theirs["embeddings.mask_token"][0], "rope_embed.periods": periods.bfloat16(),
        "patch_embed.proj.weight": theirs["embeddings.patch_embeddings.weight"],
        "patch_embed.proj.bias": theirs["embeddings.patch_embeddings.bias"],
    }
    for block in range(made.config.num_hidden_layers):
        old, new = f"layer.{block}", f"blocks.{block}"
        parts = [theirs.get(f"{old}.attention.{part}_proj.bias", torch.full([width], float("nan"))) for part in "qkv"]
        state[f"{new}.attn.qkv.weight"] = torch.cat([theirs[f"{old}.attention.{part}_proj.weight"] for part in "qkv"])
        state[f"{new}.attn.qkv.bias"] = torch.cat([parts[0], torch.full([width], 0.5), parts[2]])
        state[f"{new}.attn.qkv.bias_mask"] = torch.cat([torch.ones(width), torch.zeros(width), torch.ones(width)])
        for kind in ("weight", "bias"):
            for a, b in (("norm1", "norm1"), ("norm2", "norm2"), ("attention.o_proj", "attn.proj"),
                         ("mlp.up_proj", "mlp.fc1"), ("mlp.down_proj", "mlp.fc2")):
                state[f"{new}.{b}.{kind}"] = theirs[f"{old}.{a}.{kind}"]
        for scale in "12":
            state[f"{new}.ls{scale}.gamma"] = theirs[f"{old}.layer_scale{scale}.lambda1"]
    state["norm.weight"], state["norm.bias"] = theirs["norm.weight"], theirs["norm.bias"]
    state["local_cls_norm.weight"], state["local_cls_norm.bias"] = torch.rand(width), torch.rand(width)
    return state


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    images = torch.randn(2, 3, 12, 20, generator=torch.Generator().manual_seed(3))
    kept = {"images": images}
    cases = {
        "mlp": dict(),
        "gated": dict(
            use_gated_mlp=True, hidden_act="silu", query_bias=False, value_bias=False, num_register_tokens=0,
            layer_norm_eps=1e-6, rope_theta=50.0),
        "key-bias": dict(key_bias=True, num_hidden_layers=1, proj_bias=False, mlp_bias=False),
    }
    for seed, (tag, changes) in enumerate(cases.items()):
        made = model(seed, **changes)
        folder = os.path.join(HERE, tag)
        made.save_pretrained(folder)
        if tag == "mlp":
            with open(os.path.join(folder, "preprocessor_config.json"), "w") as file:
                json.dump({"do_normalize": True, "image_mean": [0.43, 0.411, 0.296], "image_std": [0.213, 0.156, 0.143]}, file)
            torch.save(official(made), os.path.join(HERE, "official-eadcf0ff.pth"))
        for name, value in answers(made, images).items():
            kept[f"{tag}/{name}"] = value
    made = drawn(7, DINOv3ConvNextModel(DINOv3ConvNextConfig(depths=[1, 1, 2, 1], hidden_sizes=[4, 6, 8, 12])).eval())
    made.save_pretrained(os.path.join(HERE, "convnext"))
    kept["wide-images"] = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(4))
    for name, value in answers(made, kept["wide-images"]).items():
        kept[f"convnext/{name}"] = value
    save_file({name: value.contiguous() for name, value in kept.items()}, os.path.join(HERE, "answers.safetensors"))
    for folder, _, files in os.walk(HERE):
        for file in files:
            print(os.path.join(folder, file), os.path.getsize(os.path.join(folder, file)))


main()
