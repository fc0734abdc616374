"""The rival of `geodino bench canopy`: the loop that people write with rasterio and transformers.

The same network (DINOv3 ViT 96 x 4, patch 8, with transformers' CHMv2 head of the same sizes and random weights) runs over the same
windows with the same overlap; predictions are blended in two arrays of the scene's size and written as one GeoTIFF. No AOI, no
masks, no blocks: memory grows with the scene. Usage: python canopy_loop.py SCENE OUT [--batch 8] [--runs 3] [--plain]
(--plain: no overlap, no blending). Prints megapixels of the scene per second, median and best, and the peak of memory.
Needs: torch, transformers, rasterio.
"""
import argparse
import resource
import time
import warnings

import numpy
import rasterio
import torch
from rasterio.windows import Window
from transformers import CHMv2Config, CHMv2ForDepthEstimation, DINOv3ViTConfig

WINDOW, PATCH = 192, 8
warnings.filterwarnings("ignore")
arguments = argparse.ArgumentParser()
arguments.add_argument("scene")
arguments.add_argument("out")
arguments.add_argument("--batch", type=int, default=8)
arguments.add_argument("--runs", type=int, default=3)
arguments.add_argument("--plain", action="store_true")
asked = arguments.parse_args()

torch.manual_seed(0)
backbone = DINOv3ViTConfig(
    image_size=WINDOW, hidden_size=96, num_hidden_layers=4, num_attention_heads=3, patch_size=PATCH, intermediate_size=384,
    num_register_tokens=2, out_indices=[1, 2, 3, 4], reshape_hidden_states=True, apply_layernorm=True,
    return_class_token=True)
model = CHMv2ForDepthEstimation(
    CHMv2Config(backbone_config=backbone, patch_size=PATCH, post_process_channels=[24, 32, 48, 64], fusion_hidden_size=32,
                head_hidden_size=24, number_output_channels=48, max_depth=6.0)).eval()


def feather(side, overlap):
    """Weights that fall off linearly over the overlap."""
    ramp = numpy.minimum(1.0, (numpy.arange(side) + 0.5) / max(overlap, 1))
    line = numpy.minimum(ramp, ramp[::-1])
    return numpy.outer(line, line).astype("float32")


def run():
    overlap = 0 if asked.plain else WINDOW // 4
    step = WINDOW - overlap
    weights = feather(WINDOW, overlap) if overlap else numpy.ones((WINDOW, WINDOW), "float32")
    with rasterio.open(asked.scene) as source, torch.no_grad():
        total = numpy.zeros((source.height, source.width), "float32")
        weight = numpy.zeros_like(total)
        # The first window hangs over the scene's edge by the overlap, so that every pixel lies in the middle of some window.
        places = [(r, c) for r in range(-overlap, source.height, step) for c in range(-overlap, source.width, step)]
        for first in range(0, len(places), asked.batch):
            part = places[first:first + asked.batch]
            images = numpy.stack([
                source.read((1, 2, 3), window=Window(c, r, WINDOW, WINDOW), boundless=True, fill_value=0) for r, c in part])
            images = (torch.from_numpy(images).float() / 255 - 0.4) / 0.2
            # CHMv2 always ends at 16 pixels per token; with a patch of 8 its map is brought back to the window.
            maps = model(images).predicted_depth
            if maps.shape[-1] != WINDOW:
                maps = torch.nn.functional.interpolate(maps[:, None], size=(WINDOW, WINDOW), mode="bilinear")[:, 0]
            for (r, c), values in zip(part, maps.numpy()):
                top, left = max(r, 0), max(c, 0)
                bottom, right = min(r + WINDOW, source.height), min(c + WINDOW, source.width)
                piece = (slice(top - r, bottom - r), slice(left - c, right - c))
                total[top:bottom, left:right] += values[piece] * weights[piece]
                weight[top:bottom, left:right] += weights[piece]
        profile = dict(driver="GTiff", width=source.width, height=source.height, count=1, dtype="float32", nodata=-9999,
                       crs=source.crs, transform=source.transform, compress="deflate", predictor=3, tiled=True,
                       blockxsize=512, blockysize=512)
        with rasterio.open(asked.out, "w", **profile) as target:
            target.write(total / numpy.maximum(weight, 1e-9), 1)
        return source.height * source.width


run()
rates = []
for _ in range(asked.runs):
    start = time.time()
    pixels = run()
    rates.append(pixels / 1e6 / (time.time() - start))
rates.sort()
print("rasterio + transformers, window %d, %s: median %.2f best %.2f Mpx/s, peak %.0f MB" % (
    WINDOW, "no overlap" if asked.plain else "overlap a quarter", rates[len(rates) // 2], rates[-1],
    resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
