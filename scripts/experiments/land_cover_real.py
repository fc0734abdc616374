#!/usr/bin/env python3
"""What is a land-cover head on frozen features worth on real labels, next to a random forest on colours?

What: fits `geodino fit landcover` on the training part of each fold, maps the held-out ground with `geodino landcover`, reads the map
at the labelled pixels, and pools the confusion over the folds. Random forests get the same folds and are scored at the same pixels.
The same is done with networks of the same architecture whose weights are random, which shows what pretraining adds.

How: python land_cover_real.py --geodino PATH --data FOLDER --weights FOLDER --output FOLDER
         [--only amazon,zurich,bartlett,paraguay] [--networks pretrained,random] [--seeds 2] [--folds 1]
         [--class-weights median_frequency]
     Run it from a folder in which geodino runs. Finished fits are kept: start it again after an interruption. FOLDER/results.csv
     gets a row per reader, FOLDER/summary.md the tables, FOLDER/<data set> the inputs, recipes, logs, models and maps. `--folds 1` is
     a trial of the first fold of each data set.

Protocols:
     amazon: Sentinel-2, 25 polygons of 4 classes; 4 folds of whole polygons. Red, green and blue from the 2nd to the 98th percentile of
         the scene, enlarged 4 times. Labels are the polygons. Read at the centres of the original pixels.
     zurich: aerial image of 0.5 m, 5 classes of a LiDAR survey (the lake is dropped), enlarged twice; blocks of 40 m, 5 folds. Labels
         are a raster. Read at the centres of the original pixels.
     bartlett: aerial image of 0.1 m, canopy heights of 1 m in 3 classes (below 2 m, to 10 m, above); 5 x 5 blocks, 5 folds. Labels are a
         raster of 1 m, and the map is read there by the most frequent class.
     paraguay: Landsat 8, 4 polygons and 6 points. A test of the reader: a fit straight from the GeoPackage, and the class at the points.

Hyper-parameters: chosen once and the same for all data sets but the number of cached crops. Earlier trials had been scored on the first
     fold of amazon and of zurich, and 32 crops were too few in amazon's, so its figures may be optimistic. Linear head on the last
     block, learning rate 1e-2; dpt and upernet on four blocks, learning rate 1e-3 (as in land_cover_synth.py). Nothing is held out in a fit, and the
     last step gives the model. The forests have 300 trees and the defaults of scikit-learn otherwise, and at most 10,000 training pixels. With
     --class-weights they are balanced too, except paraguay's.

Intervals: 95 %, from 300 draws of whole blocks or polygons. Differences use the same draws for both readers. With several random
     networks, figures are means over them.

Needs: the Earth half of geodino, and Python 3.11 or newer with numpy, scipy, rasterio, pillow and scikit-learn; torch and transformers
     for random networks. Data: the folders landcover/sentinel2_amazon, landcover/landsat8_paraguay, canopy/zurich and
     canopy/neon_bart. Weights: a folder of a DINOv2 with `config.json` (ViT-S/14: 12 blocks).

How long: about an hour of one core, 0.6 GB of disk.
"""
import argparse
import csv
import json
import os
import resource
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
import rasterio
import rasterio.features
import rasterio.warp
from PIL import Image
from rasterio.transform import Affine
from scipy.ndimage import uniform_filter
from sklearn.ensemble import RandomForestClassifier

# ---------------------------------------------------------------- the setting
PATCH, SIDE = 14, 168  # pixels of a patch, and of crops and windows
TREES, FOREST_PIXELS = 300, 10_000
DRAWS = 300
HEADS = {
    "linear": dict(
        head={"kind": "linear", "taps": 1, "norm": "batch", "dropout": 0.1}, taps=[11], rate=1.0e-2, steps=400, batch=8),
    "dpt": dict(
        head={"kind": "dpt", "post_channels": [24, 32, 48, 64], "channels": 32, "norm": "group", "dropout": 0.1},
        taps=[2, 5, 8, 11], rate=1.0e-3, steps=200, batch=4),
    "upernet": dict(
        head={"kind": "upernet", "channels": 32, "auxiliary_channels": 32, "auxiliary_weight": 0.4, "norm": "group", "dropout": 0.1},
        taps=[2, 5, 8, 11], rate=1.0e-3, steps=200, batch=4),
}


def recipe(head, crops, seed, weights):
    """The recipe of a fit. Nothing is held out: the folds hold out enough."""
    own = HEADS[head]
    return {
        "head": own["head"], "taps": own["taps"], "window": SIDE, "crop": SIDE, "steps": own["steps"], "batch": own["batch"],
        "optimizer": {"learning_rate": own["rate"], "weight_decay": 1e-3, "beta1": 0.9, "beta2": 0.999, "warmup": 0.1, "clip": 35},
        "loss": {"cross_entropy": 1, "focal": 0, "dice": 0, "focal_gamma": 2, "label_smoothing": 0, "class_weights": weights},
        "sampling": {"class_share": 0.5}, "augmentation": {"flips": True, "turns": True},
        "validation": {"block": 40, "share": 0, "windows": 1, "every": None},
        "minimum_valid": 0.0002, "cached_crops": crops, "checkpoint_every": 1000, "seed": seed,
    }


# ---------------------------------------------------------------- rasters
def read(path, bands):
    with rasterio.open(path) as file:
        return file.read(list(bands)).transpose(1, 2, 0)


def write(path, pixels, crs, transform, names=(), **more):
    """Writes a GeoTIFF of [rows, columns, bands]."""
    rows, columns, count = pixels.shape
    with rasterio.open(path, "w", driver="GTiff", width=columns, height=rows, count=count, dtype=pixels.dtype, crs=crs,
                       transform=transform, compress="deflate", **more) as file:
        file.write(pixels.transpose(2, 0, 1))
        for number, name in enumerate(names, 1):
            file.set_band_description(number, name)


def stretched(bands):
    """Bytes from the 2nd to the 98th percentile of each band; pixels without a value become 0."""
    low, high = np.nanpercentile(bands, [2, 98], axis=(0, 1))
    return (np.nan_to_num(np.clip((bands - low) / (high - low), 0, 1)) * 255).round().astype(np.uint8)


def enlarged(image, times):
    size = image.shape[1] * times, image.shape[0] * times
    return np.asarray(Image.fromarray(image).resize(size, Image.BICUBIC))


def context(image, rows, columns, patch):
    """Mean and deviation of each band in squares of 1, 3, 7 and 15 patches around pixels; `patch` in pixels of the image."""
    values, found = image.astype(np.float64), []
    for patches in (1, 3, 7, 15):
        side = int(patch * patches) // 2 * 2 + 1
        mean = uniform_filter(values, (side, side, 0), mode="nearest")[rows, columns]
        square = uniform_filter(values**2, (side, side, 0), mode="nearest")[rows, columns]
        found += [mean, np.sqrt(np.maximum(square - mean**2, 0))]
    return np.concatenate(found, 1)


def geojson(path, shapes, crs):
    """Writes shapes with their properties in degrees."""
    features = [
        {"type": "Feature", "properties": properties, "geometry": rasterio.warp.transform_geom(crs, "EPSG:4326", shape, precision=9)}
        for shape, properties in shapes]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def legend(path, name, classes, more=()):
    colours = ([38, 115, 50], [214, 64, 54], [56, 116, 203], [235, 200, 80], [150, 150, 150])
    lines = [f"name: {name}", *more, "classes:"]
    lines += [f"  - {{id: {k}, name: {c}, colour: {colours[k - 1]}, values: [{v}]}}" for k, (c, v) in enumerate(classes.items(), 1)]
    path.write_text("\n".join(lines) + "\n")


# ---------------------------------------------------------------- data sets
@dataclass
class Task:
    """A data set: labelled pixels, their folds, and what geodino gets of them."""
    name: str
    image: Path  # what geodino sees
    crs: object  # of the image and of x and y
    classes: dict  # name: value in the labels; the first is class 1 in maps
    truth: np.ndarray  # of each labelled pixel, from 1
    x: np.ndarray  # centres of the labelled pixels
    y: np.ndarray
    group: np.ndarray  # block or polygon of each labelled pixel, from 0
    fold: np.ndarray
    features: dict  # what forests see of each labelled pixel, by name
    labels: object  # fold: file of training labels
    area: object  # fold: polygons of its held-out ground
    options: list  # of the fit
    crops: int
    heads: tuple = ("linear",)
    cell: tuple = (1, 0.0)  # points per side at which the map is read in a labelled pixel, and their distance
    folder: Path = field(default=None)


def amazon(data, folder):
    base = data / "landcover" / "sentinel2_amazon"
    with rasterio.open(base / "sen2_12band.tif") as file:
        crs, transform, shape = file.crs, file.transform, file.shape
    bands = read(base / "sen2_12band.tif", range(1, 13))
    image = stretched(bands[..., [3, 2, 1]])
    write(folder / "image.tif", enlarged(image, 4), crs, transform @ Affine.scale(1 / 4), photometric="RGB")
    classes = {"forest": "forest", "village": "village", "water": "water", "dryout": "dryout"}
    legend(folder / "legend.yaml", "amazon", classes)
    shapes = json.loads((base / "training_polygons.geojson").read_text())["features"]
    kind = [list(classes).index(s["properties"]["class"]) + 1 for s in shapes]
    fold_of = np.array([kind[:i].count(k) % 4 for i, k in enumerate(kind)])
    burnt = rasterio.features.rasterize(((s["geometry"], i + 1) for i, s in enumerate(shapes)), shape, transform=transform)
    rows, columns = np.nonzero(burnt)
    polygon = burnt[rows, columns].astype(int) - 1
    x, y = transform @ (columns + 0.5, rows + 0.5)

    def part(path, inside):
        geojson(path, [(s["geometry"], s["properties"]) for s, f in zip(shapes, fold_of) if inside(f)], "EPSG:4326")
        return path

    return Task(
        "amazon", folder / "image.tif", crs, classes, np.array(kind)[polygon], x, y, polygon, fold_of[polygon],
        {
            "colour of the pixel": image[rows, columns],
            "12 bands of the pixel": np.nan_to_num(bands)[rows, columns],
            "colour with context": np.hstack([image[rows, columns], context(image, rows, columns, PATCH / 4)]),
        },
        labels=lambda fold: part(folder / f"train-{fold}.geojson", lambda f: f != fold),
        area=lambda fold: part(folder / f"held-out-{fold}.geojson", lambda f: f == fold),
        options=["--class-field", "class", "--legend", folder / "legend.yaml"], crops=160)


def squares(path, blocks, transform, crs, side):
    """Writes blocks, (row, column), as polygons; `side` is (rows, columns) in pixels of the transform."""
    shapes = []
    for row, column in blocks:
        corners = [(column + j, row + i) for i, j in ((0, 0), (0, 1), (1, 1), (1, 0), (0, 0))]
        ring = [transform @ (c * side[1], r * side[0]) for c, r in corners]
        shapes.append(({"type": "Polygon", "coordinates": [ring]}, {}))
    geojson(path, shapes, crs)
    return path


def on_grid(name, folder, image, crs, transform, labels, row, column, side, classes, more, **rest):
    """A task of a raster of labels whose folds are blocks; `row` and `column` are those of each labelled pixel's block."""
    rows, columns = np.nonzero(labels["used"])
    blocks, group = np.unique(np.stack([row, column], 1), axis=0, return_inverse=True)
    fold_of = (2 * blocks[:, 0] + blocks[:, 1]) % 5
    fold = fold_of[group.ravel()]
    legend(folder / "legend.yaml", name, classes, more)

    def training(k):
        values = labels["values"].copy()
        values[rows[fold == k], columns[fold == k]] = 0
        path = folder / f"train-{k}.tif"
        write(path, values[..., None], crs, transform, nodata=0)
        return path

    x, y = transform @ (columns + 0.5, rows + 0.5)
    return Task(
        name, image, crs, classes, labels["values"][rows, columns].astype(int), x, y, group.ravel(), fold, labels=training,
        area=lambda k: squares(folder / f"held-out-{k}.geojson", blocks[fold_of == k], transform @ labels["corner"], crs, side),
        options=["--legend", folder / "legend.yaml"], **rest)


def zurich(data, folder):
    base = data / "canopy" / "zurich"
    with rasterio.open(base / "ref-img.tif") as file:
        crs, transform = file.crs, file.transform
    image, values = read(base / "ref-img.tif", (1, 2, 3)), read(base / "landcover_0p5m_derived.tif", [1])[..., 0]
    write(folder / "image.tif", enlarged(image, 2), crs, transform @ Affine.scale(1 / 2), photometric="RGB")
    used = (values > 0) & (values < 6)
    rows, columns = np.nonzero(used)
    return on_grid(
        "zurich", folder, folder / "image.tif", crs, transform, {"values": values, "used": used, "corner": Affine.identity()},
        rows // 80, columns // 80, (80, 80), {"ground": 1, "low vegetation": 2, "tree": 3, "building": 4, "other": 5},
        ["nodata: [0]", "drop: [6]"], crops=64, heads=("linear", "dpt", "upernet"),
        features={
            "colour of the pixel": image[used],
            "colour with context": np.hstack([image[used], context(image, rows, columns, PATCH / 2)]),
        })


def bartlett(data, folder):
    base = data / "canopy" / "neon_bart"
    picture, heights = base / "BART_320000_4881000_rgb.tif", base / "BART_320000_4881000_chm.tif"
    with rasterio.open(picture) as file:
        crs, fine, shape = file.crs, file.transform, file.shape
    with rasterio.open(heights) as file:
        transform, height, valid = file.transform, file.read(1), file.read_masks(1) > 0
    # Cells that the image covers as a whole: all but the first row and column.
    used = valid.copy()
    used[0], used[:, 0] = False, False
    values = np.where(used, np.digitize(height, (2, 10)) + 1, 0).astype(np.uint8)
    rows, columns = np.nonzero(used)
    size = used.shape[0] - 1, used.shape[1] - 1
    image = read(picture, (1, 2, 3))
    x, y = transform @ (columns + 0.5, rows + 0.5)
    j, i = (np.round(v).astype(int) for v in ~fine @ (x, y))
    inside = np.clip(i, 0, shape[0] - 1), np.clip(j, 0, shape[1] - 1)
    colour = uniform_filter(image.astype(np.float64), (10, 10, 0))[inside]
    return on_grid(
        "bartlett", folder, picture, crs, transform, {"values": values, "used": used, "corner": Affine.translation(1, 1)},
        (rows - 1) * 5 // size[0], (columns - 1) * 5 // size[1], (size[0] / 5, size[1] / 5),
        {"below 2 m": 1, "2 to 10 m": 2, "above 10 m": 3}, ["nodata: [0]"], crops=96, heads=("linear", "dpt", "upernet"), cell=(10, 0.1),
        features={
            "mean colour of the cell": colour,
            "colour with context": np.hstack([colour, context(image, *inside, PATCH)]),
        })


DATA = {"amazon": amazon, "zurich": zurich, "bartlett": bartlett}
TITLES = {
    "amazon": "Amazon, Sentinel-2: {n} pixels of {g} polygons, 4 folds of polygons",
    "zurich": "Zurich, 0.5 m: {n} pixels in {g} blocks of 40 m, 5 folds",
    "bartlett": "Bartlett, 0.1 m: {n} cells of 1 m in {g} blocks, 5 folds",
}


# ---------------------------------------------------------------- scores
def confusion(truth, guess, groups, group_count, classes):
    """[groups, classes of the truth, classes of the map]"""
    place = (groups * classes + truth - 1) * classes + guess - 1
    return np.bincount(place, minlength=group_count * classes * classes).reshape(group_count, classes, classes)


def ious(table):
    """IoU of each class, NaN for a class that the truth lacks; [..., classes, classes] to [..., classes]"""
    hit, labelled = np.diagonal(table, axis1=-2, axis2=-1), table.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(labelled > 0, hit / (labelled + table.sum(-2) - hit), np.nan)


def drawn_mious(tables):
    """mIoU of each draw of groups, mean over tables. The same draws for the same number of groups."""
    count = len(tables[0])
    draws = np.random.default_rng(0).integers(count, size=(DRAWS, count))
    return np.mean([np.nanmean(ious(table[draws].sum(1)), -1) for table in tables], 0)


def interval(values):
    return [float(v) for v in np.quantile(values, [0.025, 0.975])]


# ---------------------------------------------------------------- the experiment
class Experiment:
    def __init__(self, given):
        self.geodino, self.data, self.weights, self.out = given.geodino, given.data, given.weights, given.output
        self.folds, self.class_weights, self.rows, self.text = given.folds, given.class_weights, [], []

    def call(self, *words, log):
        """Runs geodino; returns the processor seconds that it took."""
        print("+ geodino", *words, flush=True)
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
        with open(log, "a") as stream:
            code = subprocess.run([self.geodino, *map(str, words)], stdout=stream, stderr=subprocess.STDOUT).returncode
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if code:
            raise SystemExit(f"{' '.join(map(str, (self.geodino, *words)))}\nfailed; see {log}:\n{log.read_text()[-2000:]}")
        seconds = after.ru_utime - before.ru_utime
        print(f"  {seconds:.0f} s of processor, {time.time() - start:.0f} s", flush=True)
        return seconds

    def network(self, name):
        """The folder of a network: the given one, or random weights in its architecture."""
        if name == "pretrained":
            return self.weights
        folder = self.out / "networks" / name.replace(" ", "-")
        if not (folder / "model.safetensors").exists():
            import torch
            from transformers import Dinov2Config, Dinov2Model

            torch.manual_seed(int(name.split()[-1]))
            Dinov2Model(Dinov2Config.from_pretrained(self.weights)).save_pretrained(folder)
        return folder

    # -- one fit
    def fit(self, run, network, head, image, target, options, crops):
        """Fits unless the model is there already for the same recipe; returns the model's folder and processor seconds."""
        seed = int(network.split()[-1]) if network.startswith("random") else 0
        text = json.dumps(recipe(head, crops, seed, self.class_weights), indent=1) + "\n"  # JSON is YAML
        done = run / "fit.json"
        if not done.exists() or json.loads(done.read_text())["recipe"] != text:
            shutil.rmtree(run, ignore_errors=True)
            run.mkdir(parents=True)
            (run / "recipe.yaml").write_text(text)
            took = self.call(
                "fit", "landcover", run / "recipe.yaml", "--weights", self.network(network), "--image", image, "--target", target,
                *options, "-o", run / "model", "--reference-backbone", "--tensor-threads", 1, log=run / "log.txt")
            done.write_text(json.dumps({"recipe": text, "seconds": took}))
        return run / "model", json.loads(done.read_text())["seconds"]

    def map(self, run, image, area):
        path, done = run / "map.tif", run / "mapped.json"
        if not done.exists():
            took = self.call(
                "landcover", image, "--model", run / "model", "--aoi", area, "--all-touched", "-o", path, "--overwrite",
                "--tensor-threads", 1, "--threads", 1, log=run / "log.txt")
            done.write_text(json.dumps({"seconds": took}))
        return path, json.loads(done.read_text())["seconds"]

    @staticmethod
    def classes_at(path, task, pixels):
        """The map's most frequent class in each labelled pixel."""
        side, step = task.cell
        offsets = (np.arange(side) - (side - 1) / 2) * step
        with rasterio.open(path) as file:
            values = file.read(1)
            found = []
            for dy in offsets:
                for dx in offsets:
                    x, y = rasterio.warp.transform(task.crs, file.crs, task.x[pixels] + dx, task.y[pixels] + dy)
                    column, row = ~file.transform @ (np.array(x), np.array(y))
                    found.append(values[np.floor(row).astype(int), np.floor(column).astype(int)])
        votes = np.stack([(np.stack(found) == k).sum(0) for k in range(1, len(task.classes) + 1)])
        if (votes.sum(0) == 0).any():
            raise SystemExit(f"{path}: {(votes.sum(0) == 0).sum()} labelled pixels have no class")
        return votes.argmax(0) + 1

    def geodino_reader(self, task, network, head):
        """Confusion by group, and processor seconds of the fits and the maps."""
        guess, fit_seconds, map_seconds = np.zeros_like(task.truth), 0.0, 0.0
        for fold in task.used_folds:
            run = task.folder / f"{network}-{head}-{fold}".replace(" ", "-")
            _, took = self.fit(run, network, head, task.image, task.labels(fold), task.options, task.crops)
            path, more = self.map(run, task.image, task.area(fold))
            pixels = task.fold == fold
            guess[pixels] = self.classes_at(path, task, pixels)
            fit_seconds, map_seconds = fit_seconds + took, map_seconds + more
        return self.pooled(task, guess), fit_seconds, map_seconds

    # -- rivals
    def forest(self, task, features):
        guess, start = np.zeros_like(task.truth), time.process_time()
        for fold in task.used_folds:
            train = np.random.default_rng(0).permutation(np.flatnonzero(task.fold != fold))[:FOREST_PIXELS]
            weights = None if self.class_weights == "none" else "balanced"
            model = RandomForestClassifier(TREES, random_state=0, class_weight=weights).fit(features[train], task.truth[train])
            guess[task.fold == fold] = model.predict(features[task.fold == fold])
        return self.pooled(task, guess), time.process_time() - start

    def constant(self, task):
        guess = np.zeros_like(task.truth)
        for fold in task.used_folds:
            guess[task.fold == fold] = np.bincount(task.truth[task.fold != fold]).argmax()
        return self.pooled(task, guess), 0.0

    def pooled(self, task, guess):
        """Confusion of the scored pixels by group, of groups that have any."""
        scored = np.isin(task.fold, task.used_folds)
        groups = np.unique(task.group[scored], return_inverse=True)[1]
        return confusion(task.truth[scored], guess[scored], groups, groups.max() + 1, len(task.classes))

    def rivals(self, task):
        """Name: (confusion by group, processor seconds)."""
        cache = task.folder / f"rivals-{len(task.used_folds)}-{self.class_weights}.npz"
        if not cache.exists():
            found = {"most frequent class": self.constant(task)}
            for name, features in task.features.items():
                found[f"forest: {name}"] = self.forest(task, features.astype(np.float32))
                print(f"{task.name}: forest: {name}: {np.nanmean(ious(found[f'forest: {name}'][0].sum(0))):.3f}", flush=True)
            np.savez(cache, **{name: table for name, (table, _) in found.items()})
            cache.with_suffix(".json").write_text(json.dumps({name: seconds for name, (_, seconds) in found.items()}))
        tables, seconds = np.load(cache), json.loads(cache.with_suffix(".json").read_text())
        return {name: (tables[name], seconds[name]) for name in seconds}

    # -- one data set
    def score(self, name, networks, seeds):
        folder = self.out / name
        folder.mkdir(parents=True, exist_ok=True)
        task = DATA[name](self.data, folder)
        task.folder = folder
        task.used_folds = list(np.unique(task.fold))[: self.folds]
        counts = np.bincount(task.truth, minlength=len(task.classes) + 1)[1:]
        print(f"{name}: {len(task.truth)} labelled pixels: {dict(zip(task.classes, counts.tolist()))}", flush=True)
        readers = {key: ([table], [seconds], [0.0]) for key, (table, seconds) in self.rivals(task).items()}
        rival = drawn_mious(readers["forest: colour with context"][0])
        base = np.nanmean(ious(readers["forest: colour with context"][0][0].sum(0)))
        plan = [("pretrained", head) for head in task.heads if "pretrained" in networks]
        plan += [("random", "linear")] if "random" in networks else []
        self.rows = [row for row in self.rows if row["data"] != name]
        for network, head in plan:
            each = [network] if network == "pretrained" else [f"random {seed}" for seed in range(seeds)]
            parts = [self.geodino_reader(task, one, head) for one in each]
            readers[f"geodino: {network} network, {head} head"] = tuple(zip(*parts))
        for reader, (tables, fit_seconds, map_seconds) in readers.items():
            mious = [float(np.nanmean(ious(t.sum(0)))) for t in tables]
            draws = drawn_mious(tables)
            self.rows.append({
                "data": name, "reader": reader, "networks": len(tables), "miou": float(np.mean(mious)),
                "miou_each": " ".join(f"{m:.4f}" for m in mious), "low": interval(draws)[0], "high": interval(draws)[1],
                "difference": float(np.mean(mious) - base), "difference_low": interval(draws - rival)[0],
                "difference_high": interval(draws - rival)[1],
                "accuracy": float(np.mean([np.trace(t.sum(0)) / t.sum() for t in tables])),
                **{f"iou_{k}": float(v) for k, v in enumerate(np.mean([ious(t.sum(0)) for t in tables], 0), 1)},
                "fit_minutes": float(np.mean(fit_seconds)) / 60, "map_minutes": float(np.mean(map_seconds)) / 60,
            })
        shares = ", ".join(f"{c} {100 * n / counts.sum():.0f} %" for c, n in zip(task.classes, counts))
        groups = len(np.unique(task.group))
        folds = "" if self.folds is None else f" Only {len(task.used_folds)} of the folds was scored: a trial."
        self.text += [
            f"## {TITLES[name].format(n=len(task.truth), g=groups)}", "", f"Labels: {shares}.{folds}", "", *self.table(name, task.classes), ""]
        self.write()

    def table(self, name, classes):
        lines = ["| reader | mIoU | 95 % | minus the forest with context (95 %) | accuracy | " + " | ".join(classes)
                 + " | fit, processor minutes | maps, processor minutes |"]
        lines.append("|---" * (7 + len(classes)) + "|")
        for row in (row for row in self.rows if row["data"] == name):
            each = f" ({row['miou_each'].replace(' ', ', ')})" if row["networks"] > 1 else ""
            own = row["reader"] == "forest: colour with context"
            less = "" if own else f"{row['difference']:+.3f} ({row['difference_low']:+.3f} to {row['difference_high']:+.3f})"
            is_map = row["reader"].startswith("geodino")
            lines.append(
                f"| {row['reader']} | {row['miou']:.3f}{each} | {row['low']:.3f} to {row['high']:.3f} | {less} | {row['accuracy']:.3f} | "
                + " | ".join(f"{row[f'iou_{k}']:.2f}" for k in range(1, len(classes) + 1))
                + f" | {row['fit_minutes']:.1f} | {format(row['map_minutes'], '.1f') if is_map else ''} |")
        return lines

    # -- the test of the reader
    def paraguay(self, networks, seeds):
        folder = self.out / "paraguay"
        folder.mkdir(parents=True, exist_ok=True)
        base = self.data / "landcover" / "landsat8_paraguay" / "LC08_L1TP_224078_20200518_20200518_01_RT"
        scene, polygons, points = base.with_suffix(".TIF"), f"{base}_polygons.gpkg", f"{base}_points.gpkg"
        with rasterio.open(scene) as file:
            crs, whole = file.crs, file.transform
        image = stretched(read(scene, (1, 2, 3)).astype(np.float32))
        shapes, places = gpkg_features(polygons, folder / "polygons.geojson"), gpkg_features(points, folder / "points.geojson")
        # The part of the scene around all labels, and 100 pixels more.
        xy = np.array([p for s in shapes for p in s["geometry"]["coordinates"][0]] + [p["geometry"]["coordinates"] for p in places])
        columns, rows = ~whole @ (xy[:, 0], xy[:, 1])
        left, top = max(int(columns.min()) - 100, 0), max(int(rows.min()) - 100, 0)
        image = image[top : int(rows.max()) + 101, left : int(columns.max()) + 101]
        transform = whole @ Affine.translation(left, top)
        path = folder / "image.tif"
        if not path.exists():
            names = ("blue", "green", "red")  # as the scene has them
            write(path, enlarged(image, 4), crs, transform @ Affine.scale(1 / 4), names)
        classes = sorted({s["properties"]["name"] for s in shapes})
        burnt = rasterio.features.rasterize(
            ((s["geometry"], classes.index(s["properties"]["name"]) + 1) for s in shapes), image.shape[:2], transform=transform)
        train = burnt > 0
        where = np.array([p["geometry"]["coordinates"] for p in places])
        columns, rows = (np.floor(v).astype(int) for v in ~transform @ (where[:, 0], where[:, 1]))
        forest = RandomForestClassifier(TREES, random_state=0).fit(image[train], burnt[train])
        found = {"forest: colour of the pixel": [classes[k - 1] for k in forest.predict(image[rows, columns])]}
        around = [({"type": "Polygon", "coordinates": [[
            (x + i * 600, y + j * 600) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]]}, {}) for x, y in where]
        geojson(folder / "around-points.geojson", around, crs)
        each = ["pretrained"] * ("pretrained" in networks) + [f"random {s}" for s in range(seeds) if "random" in networks]
        minutes = {}
        for network in each:
            run = folder / f"{network}-linear".replace(" ", "-")
            _, seconds = self.fit(run, network, "linear", path, polygons, ["--class-field", "name"], crops=32)
            classified, more = self.map(run, path, folder / "around-points.geojson")
            words = {c["value"]: c["name"] for c in stac_classes(run / "map.json")}
            with rasterio.open(classified) as file:
                found[f"geodino: {network} network, linear head"] = [
                    words.get(int(v[0]), str(v[0])) for v in file.sample(where)]
            minutes[f"geodino: {network} network, linear head"] = (seconds + more) / 60
        truth = [p["properties"]["name"] for p in places]
        lines = [f"## Paraguay, Landsat 8: a fit from a GeoPackage of {int(train.sum())} pixels in {len(shapes)} polygons, the class at "
                 f"{len(places)} points", "", "| reader | " + " | ".join(truth) + " | right | fit and map, processor minutes |",
                 "|---" * (len(truth) + 3) + "|"]
        self.rows = [row for row in self.rows if row["data"] != "paraguay"]
        for reader, words in found.items():
            right = sum(a == b for a, b in zip(words, truth))
            took = f"{minutes[reader]:.1f}" if reader in minutes else ""
            lines.append(f"| {reader} | " + " | ".join(words) + f" | {right} of {len(truth)} | {took} |")
            self.rows.append({"data": "paraguay", "reader": reader, "accuracy": right / len(truth)})
        self.text += [*lines, ""]
        self.write()

    def write(self):
        keys = list(dict.fromkeys(key for row in self.rows for key in row))
        with open(self.out / "results.csv", "w", newline="") as stream:
            writer = csv.DictWriter(stream, keys)
            writer.writeheader()
            writer.writerows({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in self.rows)
        (self.out / "summary.md").write_text("\n".join(self.text))


def gpkg_features(path, copy):
    """The features of a vector file, in its CRS."""
    copy.unlink(missing_ok=True)
    subprocess.run(["ogr2ogr", "-f", "GeoJSON", "-lco", "RFC7946=NO", copy, path], check=True)
    return json.loads(copy.read_text())["features"]


def stac_classes(path):
    """What the values of a map stand for, from the STAC item next to it."""
    item = json.loads(path.read_text())
    return item["assets"]["data"]["raster:bands"][0]["classification:classes"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--geodino", default="geodino", help="path of geodino")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds landcover/ and canopy/")
    parser.add_argument("--weights", type=Path, required=True, help="folder of the pretrained network")
    parser.add_argument("--output", type=Path, required=True, help="folder to work in")
    parser.add_argument("--only", default="amazon,zurich,bartlett,paraguay", help="data sets, in this order")
    parser.add_argument("--networks", default="pretrained,random")
    parser.add_argument("--seeds", type=int, default=2, help="number of random networks")
    parser.add_argument("--class-weights", choices=("none", "inverse", "median_frequency"), default="none")
    parser.add_argument("--folds", type=int, help="score only the first folds, as a trial")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    experiment, networks = Experiment(given), given.networks.split(",")
    for name in given.only.split(","):
        if name == "paraguay":
            experiment.paraguay(networks, given.seeds)
        else:
            experiment.score(name, networks, given.seeds)
    print((given.output / "summary.md").read_text())


if __name__ == "__main__":
    main()
