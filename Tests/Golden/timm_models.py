"""Writes timm/: tiny models of timm as timm saves them (safetensors and config.json), and their answers.

    pip install torch timm safetensors
    python Tests/Golden/timm_models.py

BackboneTests reads the folders; nothing here runs in CI. timm's positions are resized to the grid with antialiasing, whatever the model.
"""

import json
import os
import shutil

import timm
import torch
from safetensors.torch import save_file

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "timm")
SMALL = dict(embed_dim=16, depth=2, num_heads=2, patch_size=4)
LEARNED = dict(SMALL, img_size=20, dynamic_img_size=True, init_values=1.0)
CASES = {
    "dinov3": ("vit_small_patch16_dinov3", dict(SMALL, mlp_ratio=2)),
    "dinov3-qkvb": ("vit_small_patch16_dinov3_qkvb", dict(SMALL, mlp_ratio=2)),
    "dinov3-plus": ("vit_small_plus_patch16_dinov3", dict(SMALL, mlp_ratio=2)),
    "dinov2": ("vit_small_patch14_dinov2", dict(LEARNED, mlp_ratio=2)),
    "dinov2-reg": ("vit_giant_patch14_reg4_dinov2", dict(LEARNED, mlp_ratio=4)),
    "convnext": ("convnext_tiny", dict(depths=[1, 1, 2, 1], dims=[4, 6, 8, 12], num_classes=0)),
}
SAT = {"mean": [0.43, 0.411, 0.296], "std": [0.213, 0.156, 0.143]}


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    kept = {}
    for seed, (tag, (name, options)) in enumerate(CASES.items()):
        model = timm.create_model(name, pretrained=False, **options).eval()
        torch.manual_seed(seed)
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                noise = torch.randn_like(parameter)
                parameter.copy_(1 + 0.3 * noise if "norm" in key and key.endswith("weight") else 0.3 * noise)
        folder = os.path.join(HERE, tag)
        os.makedirs(folder)
        save_file({key: value.contiguous() for key, value in model.state_dict().items()},
                  os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump({"architecture": name, "num_classes": 0, "pretrained_cfg": SAT}, file)
        sizes = [(64, 96)] if tag == "convnext" else [(20, 20), (12, 16), (28, 24)]
        for number, size in enumerate(sizes):
            images = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(100 + 10 * seed + number))
            with torch.no_grad():
                tokens = model.double().forward_features(images.double())
                if tag == "convnext":
                    # The class token is the mean of the last map, and both are normalised after that.
                    maps = tokens.permute(0, 2, 3, 1)
                    whole = torch.cat([maps.mean((1, 2), keepdim=True).flatten(1, 2), maps.flatten(1, 2)], 1)
                    norm = model.head.norm
                    tokens = torch.nn.functional.layer_norm(whole, (12,), norm.weight, norm.bias, norm.eps)
            model.float()
            kept[f"{tag}/{number}/images"] = images
            kept[f"{tag}/{number}/tokens"] = tokens.float()
    save_file({name: value.contiguous() for name, value in kept.items()}, os.path.join(HERE, "answers.safetensors"))
    for folder, _, files in os.walk(HERE):
        for file in files:
            print(os.path.join(folder, file), os.path.getsize(os.path.join(folder, file)))


main()
