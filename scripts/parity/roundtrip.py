"""Converts full-size backbones around all formats and compares every tensor byte for byte; transformers loads the result.

    pip install torch transformers safetensors
    python scripts/parity/roundtrip.py .build/release/geodino [names ...]

Transformers' own file goes to official, to geodino, to Hugging Face; then official to Hugging Face, to geodino, to official, where
the official file carries what transformers has no place for (the mask of the key bias, periods rounded to bfloat16). Half of the
models are in bfloat16. Ends with 1 where a byte differs or transformers misses a key or finds one that it does not expect.
"""

import os
import shutil
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoModel

from backbones import MODELS, drawn


def tensors(path):
    if path.endswith(".pth"):
        return torch.load(path, weights_only=True)
    if os.path.isdir(path):
        path = os.path.join(path, "model.safetensors")
    return load_file(path)


def differences(first, second):
    """The number of tensors of one file that the other does not have with the same type, shape and bytes."""
    count = len(set(first) ^ set(second))
    for name in set(first) & set(second):
        a, b = first[name].contiguous(), second[name].contiguous()
        if a.dtype != b.dtype or a.shape != b.shape or not torch.equal(
                a.reshape(-1).view(torch.uint8), b.reshape(-1).view(torch.uint8)):
            count += 1
    return count


def main():
    program, names = sys.argv[1], sys.argv[2:] or list(MODELS)
    bad = 0
    for number, name in enumerate(names):
        folder = tempfile.mkdtemp()

        def convert(source, form, target):
            target = os.path.join(folder, target)
            subprocess.run([program, "weights", "convert", source, "-o", target, "--to", form], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return target

        model = drawn(name)
        if number % 2:
            model = model.bfloat16()
        theirs = os.path.join(folder, "theirs")
        model.save_pretrained(theirs)
        back = convert(convert(convert(theirs, "official", "a.pth"), "geodino", "a.safetensors"), "huggingface", "a")
        found = differences(tensors(theirs), tensors(back))

        official = os.path.join(folder, "a.pth")
        state = tensors(official)
        for key, value in state.items():
            if key.endswith("periods"):
                state[key] = value.bfloat16().to(value.dtype)
            elif key.endswith("qkv.bias"):
                value[value.numel() // 3:2 * value.numel() // 3] = 0.25
        for key in [key for key in state if key.endswith("qkv.bias")]:
            mask = torch.ones_like(state[key])
            mask[mask.numel() // 3:2 * mask.numel() // 3] = 0
            state[key + "_mask"] = mask
        torch.save(state, official)
        back = convert(
            convert(convert(official, "huggingface", "b"), "geodino", "b.safetensors"), "official", "b.pth")
        around = differences(state, tensors(back))

        loading = []
        for path in ("a", "b"):
            _, said = AutoModel.from_pretrained(os.path.join(folder, path), output_loading_info=True)
            loading += [*said["missing_keys"], *said["unexpected_keys"], *said["mismatched_keys"]]
        print(f"{name} {str(next(model.parameters()).dtype)[6:]}: {len(tensors(theirs))} and {len(state)} tensors; "
              f"different after the ways around: {found} and {around}; "
              f"keys that transformers misses or does not expect: {len(loading)}", flush=True)
        bad += found + around + len(loading)
        shutil.rmtree(folder)
    sys.exit(bad > 0)


main()
