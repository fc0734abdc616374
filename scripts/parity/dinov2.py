"""Compares full-size DINOv2 backbones of geodino with transformers and with plain torch, number for number.

    pip install torch transformers safetensors
    python scripts/parity/dinov2.py .build/release/geodino [--device cuda:0] [--dtype bfloat16] [names ...]

Each model is drawn at random, with LayerScale, biases, norms and positions far from their starting values, saved by transformers, and
given the same images by both programs. The same weights are then given as the official .pth; the truth of those is the forward pass of
Tests/Golden/dinov2.py, which resizes positions as the original code does. The table shows max|a - b| / max|b| per tensor, where b is in
double precision, for geodino and for the reference itself in the given one. Ends with 1 where geodino is above 1e-5 and above
twice the reference's own error, and where a conversion from transformers' files around all formats changes a byte. Not run in CI: it
needs minutes and gigabytes.
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file
from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

from backbones import error

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = [(224, 224), (196, 280), (546, 392)]


def golden():
    """The module that made the tests' vectors, without running it."""
    path = os.path.join(HERE, "../../Tests/Golden/dinov2.py")
    source = open(path).read().replace("\nmain()\n", "\n")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("golden", loader=None))
    module.__file__ = path
    exec(compile(source, path, "exec"), module.__dict__)
    return module


def vit(width, depth, heads, **more):
    options = dict(hidden_size=width, num_hidden_layers=depth, num_attention_heads=heads, image_size=518, patch_size=14, **more)
    return {"": lambda: Dinov2Model(Dinov2Config(**options)),
            "reg": lambda: Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**options))}


SIZED = {"vits14": vit(384, 12, 6), "vitb14": vit(768, 12, 12), "vitl14": vit(1024, 24, 16),
         "vitg14": vit(1536, 40, 24, use_swiglu_ffn=True)}
MODELS = {name + kind: make for name, kinds in SIZED.items() for kind, make in kinds.items()}


def drawn(name):
    torch.manual_seed(sum(map(ord, name)))
    model = MODELS[name]().eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            if "norm" in key and key.endswith("weight"):
                parameter.copy_(1 + 0.2 * noise)
            elif "lambda1" in key:
                parameter.copy_(0.3 + 0.1 * noise)
            elif key.endswith("bias"):
                parameter.copy_(0.2 * noise)
            elif parameter.dim() > 1 and key.endswith("weight"):
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
            else:
                parameter.copy_(0.5 * noise)
    return model


class Widened(dict):
    """Weights that become doubles one by one when they are asked for: ViT-g twice in double precision is 18 GB."""

    def __init__(self, weights, kind):
        super().__init__(weights)
        self.kind = kind

    def __getitem__(self, key):
        return super().__getitem__(key).to(self.kind)

    def get(self, key):
        return self[key] if key in self else None


def split(tokens, registers):
    return {"cls": tokens[:, 0], "registers": tokens[:, 1:1 + registers], "patches": tokens[:, 1 + registers:]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("names", nargs="*", default=list(MODELS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    asked = parser.parse_args()
    reference = golden()
    print(f"| model | pixels | file | tensor | geodino | reference {asked.dtype} |\n|---|---|---|---|---|---|", flush=True)
    bad = 0
    for name in asked.names or list(MODELS):
        folder = tempfile.mkdtemp()
        theirs, official = os.path.join(folder, "theirs"), os.path.join(folder, "official.pth")
        model = drawn(name)
        if asked.dtype == "bfloat16":
            model = model.bfloat16()
        model.save_pretrained(theirs)
        registers, heads = getattr(model.config, "num_register_tokens", 0), model.config.num_attention_heads
        state = reference.official(theirs, model.config.num_hidden_layers)
        torch.save(state, official)
        state = {key: value.to(asked.device) for key, value in state.items()}
        model = model.to(asked.device)
        dtype = next(model.parameters()).dtype

        def run(images, weights):
            source, target = os.path.join(folder, "in.safetensors"), os.path.join(folder, "out.safetensors")
            save_file({"pixels": images}, source)
            subprocess.run(
                [asked.program, "embed", "--tensor", source, "--weights", weights, "-o", target, "--overwrite", "-q",
                 "--device", asked.device, "--dtype", asked.dtype], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return load_file(target)

        def compute(images, kind):
            """transformers' tokens and the original code's."""
            images = images.to(asked.device).to(kind)
            with torch.no_grad():
                return {"transformers": model.to(kind)(images).last_hidden_state.cpu(),
                        "original": reference.plain(Widened(state, kind), heads, images).cpu()}

        found = []
        for height, width in SIZES:
            images = torch.randn(1, 3, height, width)
            ours = {"transformers": run(images, theirs), "original": run(images, official)}
            found.append((images, ours, compute(images, dtype)))
        for images, ours, single in found:
            truth = compute(images, torch.float64)
            for who, tokens in truth.items():
                for key, value in split(tokens, registers).items():
                    if value.numel() == 0:
                        continue
                    a = error(ours[who][key].reshape(value.shape), value)
                    b = error(split(single[who], registers)[key], value)
                    verdict = "" if a <= max(1e-5, 2 * b) else " **above**"
                    bad += verdict != ""
                    height, width = images.shape[2:]
                    print(f"| {name} | {height} x {width} | {who} | {key} | {a:.2e}{verdict} | {b:.2e} |", flush=True)
        del model, state, found

        def convert(source, form, target):
            target = os.path.join(folder, target)
            subprocess.run([asked.program, "weights", "convert", source, "-o", target, "--to", form], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return target

        back = convert(convert(convert(theirs, "official", "a.pth"), "geodino", "a.safetensors"), "huggingface", "a")
        before, after = (load_file(os.path.join(path, "model.safetensors")) for path in (theirs, back))
        different = len(set(before) ^ set(after)) + sum(
            a.dtype != b.dtype or a.shape != b.shape or not torch.equal(a.view(torch.uint8), b.view(torch.uint8))
            for a, b in ((before[key], after[key]) for key in set(before) & set(after)))
        print(f"{name}: {different} of {len(before)} tensors differ after transformers, official, geodino, transformers", flush=True)
        bad += different
        shutil.rmtree(folder)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
