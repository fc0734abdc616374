"""Compares full-size backbones under timm's names with timm, number for number.

    pip install torch timm safetensors
    python scripts/parity/timm_models.py .build/release/geodino [names ...]

Each model is drawn at random, saved as timm saves it (model.safetensors and config.json), and given the same images by both programs.
The table shows max|a - b| / max|b| over all tokens, where b is timm in double precision. Ends with 1 where geodino is above 1e-5 and
above twice timm's own error in single precision. Not run in CI: it needs minutes and gigabytes.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

import timm
import torch
from safetensors.torch import load_file, save_file

LEARNED = dict(dynamic_img_size=True)
MODELS = {
    "vit_small_patch16_dinov3": {}, "vit_small_plus_patch16_dinov3": {}, "vit_base_patch16_dinov3_qkvb": {},
    "vit_large_patch16_dinov3": {}, "vit_small_patch14_dinov2": LEARNED, "vit_base_patch14_reg4_dinov2": LEARNED,
    "vit_giant_patch14_reg4_dinov2": dict(LEARNED, depth=3),
}


def drawn(name):
    torch.manual_seed(sum(map(ord, name)))
    model = timm.create_model(name, pretrained=False, **MODELS[name]).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            if "norm" in key and key.endswith("weight"):
                parameter.copy_(1 + 0.2 * noise)
            elif "gamma" in key:
                parameter.copy_(0.3 + 0.1 * noise)
            elif key.endswith("bias"):
                parameter.copy_(0.2 * noise)
            elif parameter.dim() > 1 and key.endswith("weight"):
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
            else:
                parameter.copy_(0.5 * noise)
    return model


def main():
    program, names = sys.argv[1], sys.argv[2:] or list(MODELS)
    print("| model | pixels | geodino | timm float32 |\n|---|---|---|---|", flush=True)
    bad = 0
    for name in names:
        folder = tempfile.mkdtemp()
        model = drawn(name)
        weights = os.path.join(folder, "weights")
        os.makedirs(weights)
        save_file({key: value.contiguous() for key, value in model.state_dict().items()},
                  os.path.join(weights, "model.safetensors"), metadata={"format": "pt"})
        with open(os.path.join(weights, "config.json"), "w") as file:
            json.dump({"architecture": name, "num_classes": 0, "pretrained_cfg": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}, file)
        patch = model.patch_embed.patch_size[0]
        for rows, columns in ((16, 16), (14, 20), (39, 28)):
            images = torch.randn(1, 3, rows * patch, columns * patch)
            source, target = os.path.join(folder, "in.safetensors"), os.path.join(folder, "out.safetensors")
            save_file({"pixels": images}, source)
            # Three blocks are no published size, so that the heads must be said.
            more = ["--heads", str(model.blocks[0].attn.num_heads)] if "depth" in MODELS[name] else []
            subprocess.run([program, "embed", "--tensor", source, "--weights", weights, "-o", target, "--overwrite", "-q"] + more,
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            said = load_file(target)
            depth = said["cls"].shape[-1]
            ours = torch.cat([said["cls"].reshape(1, 1, depth), said["registers"].reshape(1, -1, depth),
                              said["patches"].reshape(1, -1, depth)], 1).double()
            with torch.no_grad():
                single = model.float().forward_features(images)
                truth = model.double().forward_features(images.double())
            a, b = ((x.double() - truth).abs().max().item() / truth.abs().max().item() for x in (ours, single))
            verdict = "" if a <= max(1e-5, 2 * b) else " **above**"
            bad += verdict != ""
            print(f"| {name} | {rows * patch} x {columns * patch} | {a:.2e}{verdict} | {b:.2e} |", flush=True)
        shutil.rmtree(folder)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
