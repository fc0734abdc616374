"""The rival of `geodino landcover`: the loop that people write with rasterio and transformers.

The same network and linear head run over the same windows with the same overlap in batches of the same size. Softmax probabilities are
blended in arrays of the scene's size, and the most probable class is written as one GeoTIFF of bytes with deflate. No AOI, no masks, no
blocks, no overviews: memory grows with the scene. Usage: python landcover_loop.py SCENE OUT MODEL BACKBONE [--batch 8] [--overlap N]
[--threads 2] [--runs 1] [--from-edge] [--report FILE]
MODEL is a folder of `geodino fit landcover` with a linear head, BACKBONE the same weights as transformers reads them (`geodino weights
convert --to huggingface`), so that both programs make the same map, except near the edge of the scene. Windows lie where geodino's lie,
on a lattice from the origin of the CRS; with --from-edge the first one hangs over the scene's edge by the overlap. Prints megapixels of
the scene per second without start-up (imports and loading of the network), the seconds of start-up, windows and the peak of memory as
one line of JSON, also into the file of --report. Needs: torch, transformers, rasterio, safetensors.
"""
import argparse
import json
import math
import pathlib
import resource
import time
import warnings

began = time.perf_counter()
import numpy
import rasterio
import torch
from rasterio.windows import Window
from safetensors.torch import load_file
from torch.nn.functional import conv2d, interpolate
from transformers import AutoModel

warnings.filterwarnings("ignore")
parser = argparse.ArgumentParser()
for name in ("scene", "out", "model", "backbone"):
    parser.add_argument(name)
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--overlap", type=int, help="default: a quarter of the window")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--runs", type=int, default=1)
parser.add_argument("--from-edge", action="store_true")
parser.add_argument("--report")
asked = parser.parse_args()
torch.set_num_threads(asked.threads)

folder = pathlib.Path(asked.model)
description = json.loads((folder / "model.json").read_text())
tensors = load_file(folder / description["head"]["file"])
if description["head"]["sizes"]["kind"] != "linear" or "norm.running_mean" not in tensors:
    parser.error("expected a model with a linear head and batch norm")
backbone = AutoModel.from_pretrained(asked.backbone).eval()
WINDOW, TAPS = description["window"], description["taps"]
CLASSES = numpy.array([entry["id"] for entry in description["legend"]["classes"]], "uint8")
MEAN, STD = (torch.tensor(description[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
PATCH = backbone.config.patch_size
PREFIX = 1 + getattr(backbone.config, "num_register_tokens", 0)
# Blocks after the last tap do not run; final norms are applied to all taps.
blocks = backbone.encoder if hasattr(backbone, "encoder") else backbone.model
blocks.layer = blocks.layer[:max(TAPS) + 1]
final_norm = backbone.layernorm if hasattr(backbone, "layernorm") else backbone.norm


def probabilities(images):
    states = backbone((images.float() / 255 - MEAN) / STD, output_hidden_states=True).hidden_states
    grid = WINDOW // PATCH
    taps = [final_norm(states[tap + 1])[:, PREFIX:].transpose(1, 2).reshape(len(images), -1, grid, grid) for tap in TAPS]
    joined = torch.nn.functional.batch_norm(
        torch.cat(taps, dim=1), tensors["norm.running_mean"], tensors["norm.running_var"], tensors["norm.weight"],
        tensors["norm.bias"])
    logits = interpolate(conv2d(joined, tensors["conv.weight"], tensors["conv.bias"]), size=(WINDOW, WINDOW), mode="bilinear")
    return (logits / description["temperature"]).softmax(1).numpy()


def feather(overlap):
    """Weights that rise and fall over the overlap as a raised cosine."""
    edge = numpy.minimum(numpy.arange(WINDOW), WINDOW - 1 - numpy.arange(WINDOW))
    line = numpy.where(edge < overlap, numpy.sin(math.pi / 2 * (edge + 0.5) / max(overlap, 1)) ** 2, 1.0)
    return numpy.outer(line, line).astype("float32")


def starts(origin, length, overlap):
    """Where windows begin that share a pixel with the scene, along one axis; `origin` is the scene's place on the lattice."""
    step = WINDOW - overlap
    first = -overlap if asked.from_edge else ((origin - WINDOW) // step + 1) * step - origin
    return range(first, length, step)


def run():
    overlap = WINDOW // 4 if asked.overlap is None else asked.overlap
    weights = feather(overlap)
    with rasterio.open(asked.scene) as source, torch.inference_mode():
        total = numpy.zeros((len(CLASSES), source.height, source.width), "float32")
        weight = numpy.zeros((source.height, source.width), "float32")
        place = source.transform
        places = [(r, c) for r in starts(round(place.f / place.e), source.height, overlap)
                  for c in starts(round(place.c / place.a), source.width, overlap)]
        for first in range(0, len(places), asked.batch):
            part = places[first:first + asked.batch]
            images = numpy.stack([
                source.read((1, 2, 3), window=Window(c, r, WINDOW, WINDOW), boundless=True, fill_value=0) for r, c in part])
            for (r, c), values in zip(part, probabilities(torch.from_numpy(images))):
                top, left = max(r, 0), max(c, 0)
                bottom, right = min(r + WINDOW, source.height), min(c + WINDOW, source.width)
                piece = (slice(top - r, bottom - r), slice(left - c, right - c))
                total[:, top:bottom, left:right] += values[(slice(None), *piece)] * weights[piece]
                weight[top:bottom, left:right] += weights[piece]
        total /= numpy.maximum(weight, 1e-9)
        profile = dict(driver="GTiff", width=source.width, height=source.height, count=1, dtype="uint8", nodata=255,
                       crs=source.crs, transform=source.transform, compress="deflate", tiled=True, blockxsize=512, blockysize=512)
        with rasterio.open(asked.out, "w", **profile) as target:
            target.write(CLASSES[total.argmax(0)], 1)
        return source.height * source.width, len(places)


startup = time.perf_counter() - began
rates = []
for _ in range(asked.runs):
    start = time.perf_counter()
    pixels, windows = run()
    rates.append(pixels / 1e6 / (time.perf_counter() - start))
rates.sort()
report = json.dumps({
    "mpx_per_s": round(rates[len(rates) // 2], 4), "best": round(rates[-1], 4), "startup_s": round(startup, 2), "windows": windows,
    "pixels": pixels, "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)})
print(report)
if asked.report:
    pathlib.Path(asked.report).write_text(report)
