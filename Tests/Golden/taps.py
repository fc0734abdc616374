"""Writes taps.safetensors: the maps after each stage of a ConvNeXt, by transformers and PyTorch.

    pip install torch timm transformers safetensors
    python Tests/Golden/taps.py

The network is that of variants.py, with weights of the same formula. Its stages' maps are resized to a grid of 16 pixels (bilinear,
antialiased), and after that the last one is normalised, place by place, with the network's final norm: `stageN`. `own3` is the last
map normalised on its own grid, `raw3` resized and not normalised, `cls3` the normalised mean of its places. Images are wider than
high, so that every stage but the third is resized. Computed in double precision, stored in single; nothing here runs in CI.
"""

import os

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file
from transformers import DINOv3ConvNextConfig, DINOv3ConvNextModel

from backbone import HERE, fill
from variants import official_convnext, put


def main():
    model = DINOv3ConvNextModel(DINOv3ConvNextConfig(depths=[1, 2, 1, 1], hidden_sizes=[4, 6, 8, 8])).double().eval()
    for number, (name, parameter) in enumerate(sorted(official_convnext(model).items())):
        value = fill(parameter.shape, 0.1 * number, 0.3)
        put([parameter], value + 1 if parameter.dim() == 1 and name.endswith("weight") else value)
    maps = []
    for module in model.modules():
        if type(module).__name__.endswith("ConvNextStage"):
            module.register_forward_hook(lambda *given: maps.append(given[-1]))
    images = fill([2, 3, 64, 160], 0.4, 1.0, 0.13)
    with torch.no_grad():
        model(images)
        norm = model.layer_norm
        grid = [side // 16 for side in images.shape[2:]]

        def normed(x):
            x = x.movedim(1, -1)
            return F.layer_norm(x, x.shape[-1:], norm.weight, norm.bias, norm.eps).movedim(-1, 1)

        assert len(maps) == 4
        resized = [F.interpolate(x, size=grid, mode="bilinear", antialias=True) for x in maps]
        kept = {f"stage{number}": x for number, x in enumerate(resized[:3])}
        kept |= {"stage3": normed(resized[3]), "raw3": resized[3], "own3": normed(maps[3])}
        kept["cls3"] = normed(maps[3].mean((2, 3))[:, :, None, None])[:, :, 0, 0]
        print("normalised before it is resized, the last would be off by", (normed(resized[3]) - F.interpolate(
            normed(maps[3]), size=grid, mode="bilinear", antialias=True)).abs().max().item())
    path = os.path.join(HERE, "taps.safetensors")
    save_file(
        {name: value.float().contiguous() for name, value in kept.items()}, path,
        metadata={"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__})
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
