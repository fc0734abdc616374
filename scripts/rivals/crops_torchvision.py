"""The rival of geodino's crop maker: the same views of a tile by torchvision v2, on one thread.

Two crops of 224 px and eight of 96 px out of a tile of 512 x 512 px of three bands that is in memory already, with the changes and
values of DINOv3's first phase: random part with antialiased bicubic resize, flips, colour jitter, grayscale, blur, solarise,
normalisation. geodino makes vertical flips and quarter turns as well, which the reference does not. The tile is an uint8 tensor,
which the chain keeps in 8 bits up to the normalisation, as torchvision advises; --pil starts from a PIL image, as the reference does.
Usage: python crops_torchvision.py [--tiles 30] [--rounds 5] [--pil]
Prints tiles and crops per second of CPU time, the median and all rounds, as one line of JSON. Needs: torch, torchvision, numpy, pillow.
"""
import argparse
import json
import statistics
import time

import numpy
import torch
import torchvision
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import v2

SIDE, GLOBAL, LOCAL, LOCALS = 512, 224, 96, 8
MEAN, STD = [0.430, 0.411, 0.296], [0.213, 0.156, 0.143]
parser = argparse.ArgumentParser()
parser.add_argument("--tiles", type=int, default=30)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--pil", action="store_true")
asked = parser.parse_args()
torch.set_num_threads(1)
torch.manual_seed(0)


def tile(seed):
    """Waves with noise, uint8 [3, SIDE, SIDE]."""
    random = numpy.random.default_rng(seed)
    rows, columns = numpy.mgrid[0:SIDE, 0:SIDE]
    bands = [
        127 + 60 * numpy.sin(p * columns) * numpy.cos(q * rows) + 30 * numpy.sin(r * (rows + columns))
        + 40 * random.uniform(-0.5, 0.5, (SIDE, SIDE))
        for p, q, r in random.uniform(0.01, 0.15, (3, 3))
    ]
    return torch.from_numpy(numpy.stack(bands).clip(0, 255).astype(numpy.uint8))


def view(size, scale, blur, solarize=0.0):
    """The chain of one kind of crop."""
    steps = [
        v2.RandomResizedCrop(size, scale=scale, ratio=(3 / 4, 4 / 3), interpolation=InterpolationMode.BICUBIC, antialias=True),
        v2.RandomHorizontalFlip(0.5),
        v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8),
        v2.RandomGrayscale(0.2),
    ]
    if blur:
        steps.append(v2.RandomApply([v2.GaussianBlur(9, (0.1, 2.0))], p=blur))
    if solarize:
        steps.append(v2.RandomSolarize(threshold=128, p=solarize))
    if asked.pil:
        steps.append(v2.ToImage())
    return v2.Compose(steps + [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])


first = view(GLOBAL, (0.32, 1.0), 0.0)
second = view(GLOBAL, (0.32, 1.0), 0.9, 0.2)
small = view(LOCAL, (0.05, 0.32), 0.5)
pictures = [tile(seed) for seed in range(4)]
if asked.pil:
    pictures = [Image.fromarray(picture.permute(1, 2, 0).numpy()) for picture in pictures]


def rate(tiles):
    """Tiles per second of CPU time."""
    start = time.process_time()
    for number in range(tiles):
        picture = pictures[number % len(pictures)]
        crops = [first(picture), second(picture)] + [small(picture) for _ in range(LOCALS)]
        assert crops[1].shape == (3, GLOBAL, GLOBAL) and crops[-1].dtype == torch.float32
    return tiles / (time.process_time() - start)


rate(3)
rates = [rate(asked.tiles) for _ in range(asked.rounds)]
middle = statistics.median(rates)
print(json.dumps({
    "input": "PIL" if asked.pil else "uint8 tensor", "torch": torch.__version__, "torchvision": torchvision.__version__,
    "tiles_per_s": round(middle, 2), "crops_per_s": round(middle * (2 + LOCALS), 1),
    "rounds_crops_per_s": [round(value * (2 + LOCALS), 1) for value in rates]}))
