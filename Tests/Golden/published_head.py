"""Writes published-head/: a tiny canopy model as transformers saves it, and the heights that it gives.

    pip install torch transformers safetensors
    python Tests/Golden/published_head.py

DownstreamTests reads the folder; nothing here runs in CI.
"""

import os
import shutil

import torch
from safetensors.torch import save_file
from transformers import CHMv2Config, CHMv2ForDepthEstimation, DINOv3ViTConfig

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "published-head")


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    torch.manual_seed(5)
    backbone = DINOv3ViTConfig(
        patch_size=16, hidden_size=16, intermediate_size=32, num_hidden_layers=4, num_attention_heads=2,
        num_register_tokens=2, image_size=64, key_bias=True, layer_norm_eps=1e-6, out_indices=[1, 2, 3, 4])
    model = CHMv2ForDepthEstimation(CHMv2Config(
        backbone_config=backbone, post_process_channels=[4, 4, 8, 8], fusion_hidden_size=8, head_hidden_size=6,
        number_output_channels=16)).eval()
    # return_class_token is how the published model is configured.
    model.config.backbone_config.return_class_token = True
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.3 * noise if "norm" in name and name.endswith("weight") else 0.3 * noise)
    model.save_pretrained(HERE)
    kept = {}
    for tag, (height, width) in {"even": (32, 64), "odd": (48, 16)}.items():
        images = torch.randn(1, 3, height, width)
        with torch.no_grad():
            kept[f"{tag}/heights"] = model(images).predicted_depth
        kept[f"{tag}/images"] = images
    save_file({name: value.contiguous() for name, value in kept.items()}, os.path.join(HERE, "answers.safetensors"))
    for file in os.listdir(HERE):
        print(file, os.path.getsize(os.path.join(HERE, file)))


main()
