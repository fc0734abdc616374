#!/usr/bin/env python3
"""What is pretraining worth to a land-cover map, for each head, on scenes that are drawn?

What: draws a set in LoveDA's folders, pretrains the network of recipes/demo.yaml on its training images (without labels), fits the
three heads on the pretrained network and on the same network as initialised, maps the validation images, which show other
ground, and scores every labelled pixel of them. Next to it: a random forest that sees the colour of the pixel alone, and the most
frequent class of the training labels.

How: python land_cover_synth.py --geodino PATH --output FOLDER [--seeds 1 2 3] [--scenes 2] [--pretraining-steps 500] [--steps 400]
         [--class-weights median_frequency] [--heads dpt upernet] [--networks pretrained]
     What is there already for the same recipe is kept: start it again after an interruption. FOLDER/results.csv gets a row per map,
     FOLDER/summary.md the tables, both of the heads and networks asked for.

Seeds: a seed draws the scenes, the network and the head. mIoU is of the confusion of all validation images together, background included.

Needs: the Earth half of geodino, run from the folder that holds recipes/ and tiles/, and Python 3.11 or newer with numpy, rasterio,
     scikit-learn and PyYAML. No data: the scenes are drawn.

How long: about ten minutes a seed on two cores, 0.3 GB of disk.
"""
import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import rasterio
import yaml
from rasterio.transform import from_origin
from sklearn.ensemble import RandomForestClassifier

warnings.filterwarnings("ignore")
GSD = 0.6
CLASSES = range(1, 8)
# Of each head, its own keys; what all share is in `recipe`. Sizes suit a network of width 96 with four blocks.
HEADS = {
    "linear": dict(head={"kind": "linear", "taps": 2, "norm": "batch", "dropout": 0.1}, taps=[1, 3], rate=1e-2),
    "dpt": dict(head={"kind": "dpt", "post_channels": [24, 32, 48, 64], "channels": 32, "norm": "group", "dropout": 0.1},
                taps=[0, 1, 2, 3], rate=1e-3),
    "upernet": dict(head={"kind": "upernet", "channels": 32, "auxiliary_channels": 32, "auxiliary_weight": 0.4, "norm": "group",
                          "dropout": 0.1}, taps=[0, 1, 2, 3], rate=1e-3),
}


def recipe(kind, seed, steps, crops, weights):
    own = HEADS[kind]
    return {
        "head": own["head"], "taps": own["taps"], "window": 192, "crop": 96, "steps": steps, "batch": 8,
        "optimizer": {"learning_rate": own["rate"], "weight_decay": 1e-3, "beta1": 0.9, "beta2": 0.999, "warmup": 0.1, "clip": 35},
        "loss": {"cross_entropy": 1, "focal": 0, "dice": 0, "focal_gamma": 2, "label_smoothing": 0, "class_weights": weights},
        "sampling": {"class_share": 0.5}, "augmentation": {"flips": True, "turns": True},
        "validation": {"block": 40, "share": 0, "windows": 1, "every": None},
        "minimum_valid": 0.1, "cached_crops": crops, "checkpoint_every": 1000, "seed": seed,
    }


def run(arguments, log):
    """Runs geodino; returns wall seconds, processor seconds and the peak of memory in MB."""
    start = time.time()
    with open(log, "w") as out:
        process = subprocess.Popen([str(a) for a in arguments], stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(map(str, arguments))}\nfailed; see {log}:\n{Path(log).read_text()[-2000:]}")
    return time.time() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def placed(folder, split, target):
    """Copies of a split's images and masks as GeoTIFFs; pairs of paths. Each has a place of its own, on multiples of the GSD, so that maps
    have the same pixels."""
    pairs = []
    for domain in ("Rural", "Urban"):
        for image in sorted((folder / split / domain / "images_png").glob("*.png")):
            mask = folder / split / domain / "masks_png" / image.name
            out = [target / f"{split}-{domain}-{image.stem}-{kind}.tif" for kind in ("image", "mask")]
            where = from_origin(600_000 + 2_400 * len(pairs), 5_340_000 if split == "Train" else 5_400_000, GSD, GSD)
            for source, copy in zip((image, mask), out):
                with rasterio.open(source) as r:
                    pixels = r.read()
                with rasterio.open(copy, "w", driver="GTiff", width=pixels.shape[2], height=pixels.shape[1], count=pixels.shape[0],
                                   dtype="uint8", crs="EPSG:32633", transform=where) as w:
                    w.write(pixels)
            pairs.append(tuple(out))
    return pairs


def confusion(truth, guess):
    """Rows are the truth; pixels without a label are left out."""
    labelled = truth > 0
    return np.bincount((truth[labelled].astype(int) - 1) * 7 + guess[labelled].astype(int) - 1, minlength=49).reshape(7, 7)


def scores(table):
    hit, union = np.diag(table), table.sum(0) + table.sum(1) - np.diag(table)
    iou = [float(h / u) if u else None for h, u in zip(hit, union)]
    return float(np.mean([v for v in iou if v is not None])), float(hit.sum() / table.sum()), iou


def without_network(train, val):
    """Confusions of a random forest on the pixel's colour (28,000 pixels, as many of each class) and of the most frequent class."""
    colours, labels = [], []
    for image, mask in train:
        with rasterio.open(image) as i, rasterio.open(mask) as m:
            label = m.read(1).ravel()
            colours.append(i.read().reshape(3, -1).T[label > 0])
            labels.append(label[label > 0])
    colours, labels = np.concatenate(colours), np.concatenate(labels)
    draw = np.random.default_rng(0)
    take = np.concatenate([draw.permutation(np.flatnonzero(labels == c))[:4000] for c in CLASSES])
    forest = RandomForestClassifier(200, min_samples_leaf=5, random_state=0, n_jobs=2).fit(colours[take], labels[take])
    common = np.bincount(labels).argmax()
    tables = {"colour of the pixel (random forest)": 0, "most frequent class": 0}
    for image, mask in val:
        with rasterio.open(image) as i, rasterio.open(mask) as m:
            pixels, truth = i.read().reshape(3, -1).T, m.read(1).ravel()
        different, back = np.unique(pixels, axis=0, return_inverse=True)
        tables["colour of the pixel (random forest)"] += confusion(truth, forest.predict(different)[back.ravel()])
        tables["most frequent class"] += confusion(truth, np.full(truth.shape, common))
    return tables


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--geodino", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--scenes", type=int, default=2)
    parser.add_argument("--pretraining-steps", type=int, default=500)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--crops", type=int, default=400)
    parser.add_argument("--class-weights", choices=["none", "inverse", "median_frequency"], default="none")
    parser.add_argument("--heads", choices=list(HEADS), nargs="+", default=list(HEADS))
    parser.add_argument("--networks", choices=["pretrained", "random"], nargs="+", default=["pretrained", "random"])
    asked = parser.parse_args()
    asked.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed in asked.seeds:
        work = asked.output / f"seed-{seed}"
        work.mkdir(exist_ok=True)
        loveda = work / "loveda"
        if not loveda.exists():
            run([asked.geodino, "synth", loveda, "--as", "loveda", "--scenes", asked.scenes, "--seed", seed], work / "synth.log")
        tiffs = work / "tiffs"
        tiffs.mkdir(exist_ok=True)
        train, val = placed(loveda, "Train", tiffs), placed(loveda, "Val", tiffs)
        done = work / "colour.json"
        if not done.exists():
            done.write_text(json.dumps({k: v.tolist() for k, v in without_network(train, val).items()}))
        for name, table in json.loads(done.read_text()).items():
            rows.append((seed, "", name, *scores(np.array(table)), None, None))
        for network in asked.networks:
            weights = work / network
            if not (weights / "done").exists():
                shutil.rmtree(weights, ignore_errors=True)
                shutil.rmtree(work / "corpus", ignore_errors=True)
                run([asked.geodino, "tile", *[i for i, _ in train], "-o", work / "corpus", "--profile", "tiles/smoke.yaml"], work / "tile.log")
                text = yaml.safe_load(Path("recipes/demo.yaml").read_text())
                text["seed"] = seed
                steps = asked.pretraining_steps
                if network == "random":     # one step at a rate of 0: the weights stay those of the initialisation
                    steps, rate = 1, text["schedules"]["learning_rate"]
                    rate.update(start=0, peak=0, end=0)
                (work / f"{network}.yaml").write_text(yaml.safe_dump(text, sort_keys=False))
                took = run([asked.geodino, "pretrain", work / f"{network}.yaml", "--corpus", work / "corpus", "-o", weights,
                            "--steps", steps, "--tensor-threads", 1], work / f"{network}.log")
                (weights / "done").write_text(json.dumps(took))
            for kind in asked.heads:
                result = work / f"{network}-{kind}.json"
                text = yaml.safe_dump(recipe(kind, seed, asked.steps, asked.crops, asked.class_weights), sort_keys=False)
                if not result.exists() or json.loads(result.read_text()).get("recipe") != text:
                    (work / f"{kind}.yaml").write_text(text)
                    model = work / f"{network}-{kind}"
                    shutil.rmtree(model, ignore_errors=True)
                    trained = work / f"{kind}-train.csv"
                    trained.write_text("image,target\n" + "".join(f"{i.resolve()},{m.resolve()}\n" for i, m in train))
                    took = run([asked.geodino, "fit", "landcover", work / f"{kind}.yaml", "--weights", weights, "--pairs", trained,
                                "--legend", "recipes/legends/loveda.yaml", "-o", model, "--tensor-threads", 1], work / f"{network}-{kind}.log")
                    table = 0
                    for image, mask in val:
                        out = work / f"{network}-{kind}-{image.stem}.tif"
                        run([asked.geodino, "landcover", image, "--model", model, "-o", out, "--overwrite"], work / "map.log")
                        with rasterio.open(out) as guess, rasterio.open(mask) as truth:
                            table = table + confusion(truth.read(1).ravel(), guess.read(1).ravel())
                    result.write_text(json.dumps({"confusion": np.asarray(table).tolist(), "took": took, "recipe": text}))
                kept = json.loads(result.read_text())
                rows.append((seed, kind, network, *scores(np.array(kept["confusion"])), kept["took"][1] / 60, kept["took"][2]))
                print(*rows[-1][:4], flush=True)
        write(asked.output, rows)


def write(folder, rows):
    with open(folder / "results.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["seed", "head", "network", "miou", "accuracy", *[f"iou_{c}" for c in CLASSES], "fit_processor_minutes", "fit_peak_mb"])
        table.writerows([*r[:5], *r[5], *r[6:]] for r in rows)
    lines = ["| head | network | mIoU of each seed | mean | accuracy | fit, processor minutes | peak of the fit, MB |", "|---|---|---|---|---|---|---|"]
    for head, network in dict.fromkeys((r[1], r[2]) for r in rows):
        these = [r for r in rows if (r[1], r[2]) == (head, network)]
        mean = lambda i, form: form % np.mean([r[i] for r in these]) if these[0][i] is not None else ""
        lines.append(f"| {head or 'none'} | {network} | {', '.join('%.3f' % r[3] for r in these)} | {mean(3, '%.3f')} | {mean(4, '%.3f')} "
                     f"| {mean(6, '%.1f')} | {mean(7, '%.0f')} |")
    lines += ["", "| head | network | background | building | road | water | barren | forest | agriculture |", "|---|---|---|---|---|---|---|---|---|"]
    for head, network in dict.fromkeys((r[1], r[2]) for r in rows):
        these = [r[5] for r in rows if (r[1], r[2]) == (head, network)]
        lines.append(f"| {head or 'none'} | {network} | " + " | ".join(
            "%.2f" % np.mean([t[c] for t in these if t[c] is not None]) for c in range(7)) + " |")
    (folder / "summary.md").write_text("\n".join(lines) + "\n")


main()
