#!/usr/bin/env python3
"""Writes Tests/TorchTests/Golden/torch.safetensors: what PyTorch itself computes, for the tests of Torch.

Run with any PyTorch 2.11 to 2.13:  python3 Tests/Golden/make_torch.py
Then look at the difference: only the header's version should change between releases.
"""

import json
import pathlib
import struct

import torch
import torch.nn.functional as F

arrays = {}


def keep(name, tensor):
    arrays[name] = tensor.detach().clone().contiguous()


def values(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def adamw():
    """Ten steps of torch.optim.AdamW in two groups on given gradients."""
    a, b = values(3, 5, seed=1).requires_grad_(), values(7, seed=2).requires_grad_()
    keep("adamw.start.a", a)
    keep("adamw.start.b", b)
    optimizer = torch.optim.AdamW(
        [{"params": [a], "lr": 1e-2, "weight_decay": 0.1}, {"params": [b], "lr": 3e-3, "weight_decay": 0.0}],
        betas=(0.9, 0.95), eps=1e-8)
    for step in range(10):
        a.grad, b.grad = values(3, 5, seed=100 + step), values(7, seed=200 + step)
        keep(f"adamw.gradient.{step}.a", a.grad)
        keep(f"adamw.gradient.{step}.b", b.grad)
        optimizer.step()
    keep("adamw.end.a", a)
    keep("adamw.end.b", b)
    keep("adamw.square.a", optimizer.state[a]["exp_avg_sq"])


def clipping():
    """torch.nn.utils.clip_grad_norm_ over two tensors."""
    tensors = [values(4, 3, seed=3), values(6, seed=4)]
    parameters = [torch.zeros_like(t).requires_grad_() for t in tensors]
    for parameter, gradient in zip(parameters, tensors):
        parameter.grad = gradient.clone()
    keep("clip.norm", torch.nn.utils.clip_grad_norm_(parameters, 0.7))
    for index, (parameter, gradient) in enumerate(zip(parameters, tensors)):
        keep(f"clip.before.{index}", gradient)
        keep(f"clip.after.{index}", parameter.grad)


def resampling():
    """torch.nn.functional.interpolate in the variants that models use."""
    image = values(1, 2, 5, 7, seed=5)
    keep("resize.image", image)
    for name, size, options in [
        ("bilinear", (9, 4), {}),
        ("bilinear.corners", (9, 4), {"align_corners": True}),
        ("bicubic", (9, 11), {}),
        ("bilinear.antialias", (3, 4), {"antialias": True}),
        ("bicubic.antialias", (3, 4), {"antialias": True}),
        ("nearest", (9, 4), {}),
    ]:
        mode = name.split(".")[0]
        keep(f"resize.{name}", F.interpolate(image, size=size, mode=mode, **options))
    keep("resize.twice", F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=True))


def rotary():
    """Rotary embedding of the last 6 of 8 tokens, and the gradient of a weighted sum, in float64."""
    x = values(2, 3, 8, 4, seed=6).double().requires_grad_()
    angle = values(6, 4, seed=7).double() * 3
    sine, cosine, weight = angle.sin(), angle.cos(), values(2, 3, 8, 4, seed=8).double()
    first, last = x[:, :, :2], x[:, :, 2:]
    a, b = last.chunk(2, -1)
    y = torch.cat([first, last * cosine + torch.cat([-b, a], -1) * sine], 2)
    (y * weight).sum().backward()
    for name, tensor in [("x", x), ("angle", angle), ("weight", weight), ("y", y), ("gradient", x.grad)]:
        keep(f"rope.{name}", tensor)


def attention():
    """softmax(q k^T / sqrt(d)) v written out, with its gradient for q, in float64."""
    q, k, v = (values(1, 2, 5, 4, seed=s).double().requires_grad_() for s in (9, 10, 11))
    y = torch.softmax(q @ k.transpose(-1, -2) / 2.0, -1) @ v
    y.square().sum().backward()
    for name, tensor in [("q", q), ("k", k), ("v", v), ("y", y), ("gradient", q.grad)]:
        keep(f"attention.{name}", tensor)


def write(path):
    names = {torch.float32: "F32", torch.float64: "F64"}
    header, data = {"__metadata__": {"torch": torch.__version__}}, b""
    for name in sorted(arrays, key=lambda n: (-arrays[n].element_size(), n)):
        tensor = arrays[name]
        raw = tensor.numpy().tobytes()
        header[name] = {
            "dtype": names[tensor.dtype], "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


adamw()
clipping()
resampling()
rotary()
attention()
write(pathlib.Path(__file__).parent.parent / "TorchTests" / "Golden" / "torch.safetensors")
