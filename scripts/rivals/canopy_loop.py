"""The rival of `geodino bench canopy`: the loop that people write with rasterio and transformers.

Reads windows of a scene, runs a DINOv3 ViT of transformers with a linear layer per patch on them, and writes a GeoTIFF. No
overlap, no blending, no AOI. Usage: python canopy_loop.py SCENE OUT [width depth heads patch window batch]
Prints megapixels per second. Needs: torch, transformers, rasterio.
"""
import sys
import time
import warnings

import numpy
import rasterio
import torch
from rasterio.windows import Window
from transformers import DINOv3ViTConfig, DINOv3ViTModel

warnings.filterwarnings("ignore")
scene, out = sys.argv[1:3]
width, depth, heads, patch, window, batch = (int(a) for a in (sys.argv[3:9] or (96, 4, 3, 8, 96, 8)))
torch.manual_seed(0)
model = DINOv3ViTModel(
    DINOv3ViTConfig(hidden_size=width, num_hidden_layers=depth, num_attention_heads=heads, patch_size=patch,
                    intermediate_size=4 * width, num_register_tokens=2)).eval()
head = torch.nn.Linear(width, 1)
start = time.time()
with rasterio.open(scene) as source, torch.no_grad():
    profile = dict(source.profile, count=1, dtype="float32", nodata=-9999, compress="deflate", tiled=True, blockxsize=512,
                   blockysize=512, driver="GTiff")
    with rasterio.open(out, "w", **profile) as target:
        places = [(r, c) for r in range(0, source.height, window) for c in range(0, source.width, window)]
        for first in range(0, len(places), batch):
            part = places[first:first + batch]
            images = []
            for r, c in part:
                pixels = source.read((1, 2, 3), window=Window(c, r, window, window), boundless=True, fill_value=0)
                images.append(pixels.astype("float32") / 255)
            tokens = model(torch.from_numpy(numpy.stack(images))).last_hidden_state[:, 3:]
            side = window // patch
            maps = head(tokens).reshape(-1, 1, side, side)
            maps = torch.nn.functional.interpolate(maps, size=(window, window), mode="bilinear")[:, 0].numpy()
            for (r, c), values in zip(part, maps):
                h, w = min(window, source.height - r), min(window, source.width - c)
                target.write(values[:h, :w], 1, window=Window(c, r, w, h))
    pixels = source.height * source.width
print("rasterio + transformers, window %d: %.2f Mpx/s" % (window, pixels / 1e6 / (time.time() - start)))
