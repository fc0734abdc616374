# Writes crops.safetensors: what Pillow and torchvision make of a small image, for CropTests.
#
#   pip install numpy pillow torch torchvision safetensors
#   python Tests/Golden/crops.py
#
# Then look at the printed list: every tensor is finite and inside 0...1. The test needs no Python.
import os

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from torchvision.transforms.v2 import functional as F

rows, columns = np.mgrid[0:40, 0:56].astype(np.float64)
bands = [
    127.5 + 120 * np.sin(0.31 * rows + 0.17 * columns + phase) * np.cos(0.05 * rows * (band + 1) - 0.4 * columns)
    for band, phase in enumerate([0.0, 0.9, 2.1])
]
image = np.round(np.stack(bands)).clip(0, 255).astype(np.uint8)
unit = image.astype(np.float32) / np.float32(255)

out = {"image": torch.from_numpy(image)}


def resize(name, row, column, height, width, size):
    planes = []
    for plane in unit:
        window = np.ascontiguousarray(plane[row : row + height, column : column + width])
        planes.append(np.asarray(Image.fromarray(window, mode="F").resize((size, size), Image.Resampling.BICUBIC)))
    out[name] = torch.from_numpy(np.stack(planes).clip(0, 1))


resize("resize.shrink", 3, 5, 31, 44, 24)
resize("resize.enlarge", 17, 30, 10, 9, 24)
resize("resize.tiny", 0, 0, 40, 56, 8)

crop = torch.from_numpy(unit[:, 8:32, 16:40].copy())
out["brightness"] = F.adjust_brightness(crop, 1.3)
out["contrast"] = F.adjust_contrast(crop, 0.7)
out["saturation"] = F.adjust_saturation(crop, 1.2)
out["hue.up"] = F.adjust_hue(crop, 0.08)
out["hue.down"] = F.adjust_hue(crop, -0.1)
out["grayscale"] = F.rgb_to_grayscale(crop, num_output_channels=3)
out["blur.half"] = F.gaussian_blur(crop, kernel_size=[9, 9], sigma=[0.5, 0.5])
out["blur.wide"] = F.gaussian_blur(crop, kernel_size=[9, 9], sigma=[1.7, 1.7])
out["solarize"] = F.solarize(crop, 128 / 255)

versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "pillow": PIL.__version__}
save_file(
    {name: tensor.contiguous() for name, tensor in out.items()},
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "crops.safetensors"), metadata=versions)
for name, tensor in sorted(out.items()):
    print(f"{name:16} {str(tuple(tensor.shape)):16} {tensor.min().item():8.4f} {tensor.max().item():8.4f}")
print(versions)
