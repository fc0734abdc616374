"""Writes rotary.safetensors: tables of rotary positions with every step in bfloat16, by PyTorch.

    pip install torch safetensors
    python Tests/Golden/rotary.py

A grid of 11 x 6 patches for heads of width 64, base 100, as it is, and moved and stretched by given numbers. Stored are the periods
[16], and sines and cosines [66, 64], all in bfloat16; nothing here runs in CI.
"""

import math
import os

import torch
from safetensors.torch import save_file


def table(height, width, shift, factor):
    low = dict(dtype=torch.bfloat16)
    quarter = 64 // 4
    periods = 100.0 ** (2 * torch.arange(quarter, **low) / (2 * quarter))
    axes = [2.0 * (torch.arange(0.5, side, **low) / side) - 1.0 for side in (height, width)]
    if shift:
        axes = [(axis + torch.tensor(s, **low)) * torch.tensor(factor, **low) for axis, s in zip(axes, shift)]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    angles = (2 * math.pi * places[:, :, None] / periods).flatten(1).tile(2)
    return periods, angles.sin(), angles.cos()


def main():
    kept = {}
    for name, shift in (("plain", None), ("stretched", (0.1, -0.05))):
        periods, sine, cosine = table(11, 6, shift, 1.37)
        kept |= {"periods": periods, f"{name}.sine": sine, f"{name}.cosine": cosine}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rotary.safetensors")
    kept = {name: value.contiguous() for name, value in kept.items()}
    save_file(kept, path, metadata={"torch": torch.__version__})
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
