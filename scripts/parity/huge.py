"""Writes a random ViT-7B/16 in bfloat16 as a Hugging Face folder (13.4 GB), one tensor at a time, and an image for it.

    pip install torch transformers safetensors
    python scripts/parity/huge.py FOLDER [blocks]
    geodino embed --tensor FOLDER/pixels.safetensors --weights FOLDER -o out.safetensors [--stream]
    python scripts/parity/huge.py FOLDER --compare out.safetensors       # few blocks only: transformers needs the memory

The weights are drawn so that LayerScale, biases and norms are far from their starting values.
"""

import json
import os
import struct
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import DINOv3ViTConfig, DINOv3ViTModel


def config(blocks):
    return DINOv3ViTConfig(
        hidden_size=4096, num_hidden_layers=blocks, num_attention_heads=32, intermediate_size=8192, num_register_tokens=4,
        query_bias=False, value_bias=False, use_gated_mlp=True, hidden_act="silu", dtype="bfloat16")


def drawn(name, shape, seed):
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    if "norm" in name and name.endswith("weight"):
        noise = 1 + 0.2 * noise
    elif "lambda1" in name:
        noise = 0.3 + 0.1 * noise
    elif name.endswith("bias"):
        noise = 0.2 * noise
    elif len(shape) > 1 and shape[-1] > 1:
        noise = noise / noise[0].numel() ** 0.5
    return noise.bfloat16()


def write(folder, blocks):
    os.makedirs(folder, exist_ok=True)
    with torch.device("meta"):
        model = DINOv3ViTModel(config(blocks))
    names = {name.replace("model.layer.", "layer."): list(value.shape) for name, value in model.state_dict().items()}
    header, place = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in names.items():
        size = 2 * torch.Size(shape).numel()
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [place, place + size]}
        place += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for seed, (name, shape) in enumerate(names.items()):
            file.write(drawn(name, shape, seed).view(torch.uint8).numpy().tobytes())
    model.config.save_pretrained(folder)
    pixels = torch.randn(1, 3, 512, 512, generator=torch.Generator().manual_seed(99))
    save_file({"pixels": pixels}, os.path.join(folder, "pixels.safetensors"))
    print(f"{folder}: {place / 1e9:.1f} GB")


def compare(folder, output):
    model = DINOv3ViTModel.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        truth = model(load_file(os.path.join(folder, "pixels.safetensors"))["pixels"]).last_hidden_state
    ours = load_file(output)
    for name, part in (("cls", truth[:, 0]), ("registers", truth[:, 1:5]), ("patches", truth[:, 5:])):
        error = (ours[name].reshape(part.shape) - part).abs().max() / part.abs().max()
        print(f"{name}: {error.item():.2e}")


if __name__ == "__main__":
    if "--compare" in sys.argv:
        compare(sys.argv[1], sys.argv[3])
    else:
        write(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 40)
