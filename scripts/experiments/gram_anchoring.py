#!/usr/bin/env python3
"""Does a dense probe fall in long self-supervised training, and does Gram anchoring mend it?

What: trains a small vision transformer with `geodino pretrain` on procedural landscapes, goes on from one checkpoint without
Gram anchoring and with it (early teacher, late teacher, early teacher on crops of twice the side), and probes the frozen teacher
at every kept checkpoint, once per patch (dense) and once per tile (global), on scenes that no training saw.

How: python gram_anchoring.py --geodino PATH --output FOLDER [--runs 1:none 1:early 2:none ...]
     A run is SEED:ARM. What is there already is kept: start it again after an interruption. FOLDER/results.csv gets a row per
     probed checkpoint, FOLDER/summary.md the tables, FOLDER/runs the recipes, logs and checkpoints.

Arms: all go on from step 3000 of their seed's parent. Gram weight 2 (20 where the name ends in w20), all patches, per image.
     none, early, late, early-x2: the setting as before, 1000 steps more. early and late: whose teacher, that of step 1000 or 3000.
     stress-*: 400 steps at thrice the learning rate, a faster teacher, no iBOT and twice the weight of local crops, which make
     the probes fall.

Needs: the Earth half of geodino (synth, tile, pretrain, embed), and Python 3.11 or newer with numpy, safetensors, rasterio and
     scikit-learn. No data: the scenes are drawn.

How long: an hour and a half at one tensor thread (0.25 s a step where the core is free), 2 GB of disk.
"""
import argparse
import csv
import json
import os
import subprocess
import sys
import warnings
from glob import glob
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
import rasterio
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")

# ---------------------------------------------------------------- the setting
SIDE = 96  # pixels of a tile, 58 m at 0.6 m; the network sees it at 48 x 48, its patches are 16 x 16 pixels of the tile
CLASSES = range(1, 8)
MEAN, STD = (0.430, 0.411, 0.296), (0.213, 0.156, 0.143)
SETTING = dict(
    parent_steps=3000,  # shared by all arms of a seed
    probed=(200, 600, 1000, 1400, 1800, 2200, 2600, 3000),
)
NETWORK = dict(
    width=96, depth=4, heads=3, batch=16, rate=2.0e-3, momentum=0.99, ibot=1, local_weight=1, every=200,
)
# Two ways to go on. `natural`: as before. `stress`: a setting chosen to make the dense probe fall.
STRESS = dict(rate=6.0e-3, momentum=0.95, ibot=0, local_weight=2, every=100)
NATURAL = dict(steps=1000, probed=(200, 600, 1000))
HARD = dict(steps=400, probed=(100, 200, 300, 400), change=STRESS)
EARLY, LATE = 1000, SETTING["parent_steps"]  # steps of the parent whose teachers anchor
ARMS = {
    "none": NATURAL,
    "early": {**NATURAL, "gram": dict(weight=2, teacher=EARLY)},
    "late": {**NATURAL, "gram": dict(weight=2, teacher=LATE)},
    "early-x2": {**NATURAL, "gram": dict(weight=2, teacher=EARLY, crop=96)},
    "stress-none": HARD,
    "stress-early-w20": {**HARD, "gram": dict(weight=20, teacher=EARLY)},
    "stress-late-w20": {**HARD, "gram": dict(weight=20, teacher=LATE)},
}
PLAN = [f"{seed}:{arm}" for seed in (1, 2) for arm in ARMS]
PROFILE = """\
name: gram
tile_size: 96
gsd: 0.6
sampling: {kind: grid, stride: 48}
min_valid_fraction: 0.5
bands: default
resampling: auto
stretch: none
pixels: stretched
codec: deflate
shard_size: 4194304
splits: {block: 200, train: 0.8, validation: 0.1, test: 0.1, seed: 0}
"""


# ---------------------------------------------------------------- recipes
def schedule(value, start=None, warmup=0):
    start = value if start is None else start
    return f"{{form: composed, start: {start}, peak: {value}, end: {value}, warmup_steps: {warmup}, cosine_steps: 0}}"


def recipe(seed, steps, fork=None, gram=None):
    """The recipe of the shared part, or of an arm: `fork` replaces values of it, `gram` is the section of that name."""
    s = {**NETWORK, **(fork or {})}
    lines = f"""\
phase: {'pretrain' if fork is None else 'fork'}
name: gram-anchoring
seed: {seed}
steps: {steps}
{'' if fork is None else 'start: continued'}
data: {{batch_size: {s['batch']}, mean: {list(MEAN)}, std: {list(STD)}}}
backbone:
  patch_size: 8
  channels: 3
  width: {s['width']}
  depth: {s['depth']}
  heads: {s['heads']}
  ffn: mlp
  ffn_ratio: 4
  registers: 2
  layer_scale: 0.1
  norm: layernorm
  norm_epsilon: 1.0e-5
  qkv_bias: true
  mask_k_bias: true
  untie_class_and_patch_norms: false
  untie_global_and_local_norms: false
  rope: {{base: 100, coordinates: separate, rescale: 2, precision: float32}}
  drop_path: 0
crops:
  global: {{size: 48, scale: [0.32, 1]}}
  local: {{count: 4, size: 24, scale: [0.05, 0.32]}}
  aspect: [0.75, 1.3333333333]
  horizontal_flip: 0.5
  vertical_flip: 0.5
  quarter_turns: true
  jitter: {{probability: 0.8, brightness: 0.2, contrast: 0.2, saturation: 0.1, hue: 0.05}}
  grayscale: 0.1
  blur: {{first_global: 0, second_global: 0.5, local: 0.25, sigma: [0.1, 1]}}
  solarize: 0
masks: {{share: 0.5, ratio: [0.1, 0.5]}}
heads:
  dino: {{prototypes: 1024, bottleneck: 64, hidden: 256}}
  ibot: {{prototypes: 1024, bottleneck: 64, hidden: 256}}
losses:
  dino: 1
  ibot: {s['ibot']}
  koleo: 0.1
  student_temperature: 0.1
  local_weight: {schedule(s['local_weight'])}
optimizer:
  betas: [0.9, 0.999]
  scaling: none
  layer_decay: 0.9
  patch_embed_rate: 0.5
  decay_tokens: true
  clip_norm: 3
  freeze_last_layer_steps: 0
schedules:
  learning_rate: {schedule(s['rate']) if fork is not None else schedule(s['rate'], start=0, warmup=50)}
  weight_decay: {schedule(0.04)}
  teacher_momentum: {schedule(s['momentum'])}
  teacher_temperature: {schedule(0.03)}
checkpoints: {{every: {s['every']}, keep_every: {s['every']}}}
"""
    if gram:
        lines += f"gram:\n  weight: {schedule(gram['weight'])}\n  level: image\n  negatives: kept\n  patches: all\n  teacher: given\n"
        if gram.get("crop"):
            lines += f"  crop: {{size: {gram['crop']}, undistorted: true}}\n"
    return lines


# ---------------------------------------------------------------- probes
def blocks(values, side):
    n, h, w = values.shape
    cut = values.reshape(n, h // side, side, w // side, side).transpose(0, 1, 3, 2, 4)
    return cut.reshape(n, h // side, w // side, side * side)


def commonest(cover):
    return np.stack([(cover == c).sum(-1) for c in CLASSES], -1).argmax(-1) + 1


def probe_data(scenes, folder):
    """Tiles side by side of every probe scene: normalised pixels at two sizes, and the truth."""
    if not (folder / "truth.npz").exists():
        folder.mkdir(parents=True, exist_ok=True)
        pixels, cover, height, scene = [], [], [], []
        for index, path in enumerate(sorted(glob(f"{scenes}/scene-*"))):
            rgb = rasterio.open(f"{path}/rgb.tif").read().astype(np.float32)
            land, trees = (rasterio.open(f"{path}/{n}.tif").read(1) for n in ("cover", "height"))
            for y in range(0, land.shape[0] - SIDE + 1, SIDE):
                for x in range(0, land.shape[1] - SIDE + 1, SIDE):
                    part = np.s_[y : y + SIDE, x : x + SIDE]
                    pixels.append(rgb[:, *part])
                    cover.append(land[part])
                    height.append(trees[part].astype(np.float32))
                    scene.append(index)
        shape = (1, 3, 1, 1)
        pixels = (np.stack(pixels) / 255 - np.float32(MEAN).reshape(shape)) / np.float32(STD).reshape(shape)
        half = pixels.reshape(len(pixels), 3, SIDE // 2, 2, SIDE // 2, 2).mean((3, 5))
        save_file({"pixels": np.ascontiguousarray(half)}, folder / "x1.safetensors")
        save_file({"pixels": np.ascontiguousarray(pixels)}, folder / "x2.safetensors")
        np.savez(folder / "truth.npz", cover=np.stack(cover), height=np.stack(height), scene=np.array(scene))
    return dict(np.load(folder / "truth.npz"))


def dense(patches, truth, every=1):
    """Linear probes per patch; even scenes to learn from (every so many of their patches), odd ones to test."""
    n, h, w, d = patches.shape
    cover = commonest(blocks(truth["cover"], SIDE // h)).reshape(n, -1)
    height = blocks(truth["height"], SIDE // h).mean(-1).reshape(n, -1)
    learn = truth["scene"] % 2 == 0
    x = patches.reshape(n, h * w, d)
    a, b = x[learn].reshape(-1, d)[::every], x[~learn].reshape(-1, d)
    scaler = StandardScaler().fit(a)
    a, b = scaler.transform(a), scaler.transform(b)
    truth_b = cover[~learn].ravel()
    found = LogisticRegression(C=0.1, max_iter=150, tol=1e-3).fit(a, cover[learn].ravel()[::every]).predict(b)
    each = [((found == c) & (truth_b == c)).sum() / ((found == c) | (truth_b == c)).sum() for c in np.unique(truth_b)]
    ridge = Ridge(alpha=10).fit(a, height[learn].ravel()[::every])
    return {
        "dense_miou": np.mean(each),
        "dense_accuracy": (found == truth_b).mean(),
        "dense_height_r2": ridge.score(b, height[~learn].ravel()),
    }


def measure(cls, patches, patches_x2, truth):
    """All figures of one network; `patches_x2` are of the same tiles at twice the side, or nothing."""
    result = dense(patches, truth)
    if patches_x2 is not None:
        result |= {f"x2_{key}": value for key, value in dense(patches_x2, truth, every=5).items()}
    n, h, w, d = patches.shape
    learn = truth["scene"] % 2 == 0
    unit = patches.reshape(n, h * w, d)
    unit = unit / np.linalg.norm(unit, axis=-1, keepdims=True)
    i, j = np.triu_indices(h * w, 1)
    similar = (unit @ unit.transpose(0, 2, 1))[:, i, j]
    cover = commonest(blocks(truth["cover"], SIDE // h)).reshape(n, -1)
    same = cover[:, i] == cover[:, j]
    mixed = [k for k in np.flatnonzero(~learn) if 0.1 < same[k].mean() < 0.9]
    result["pair_auc"] = np.mean([roc_auc_score(same[k], similar[k]) for k in mixed])
    result["patch_patch_cosine"] = similar.mean()
    unit_cls = cls / np.linalg.norm(cls, axis=-1, keepdims=True)
    result["cls_patch_cosine"] = np.einsum("nd,npd->np", unit_cls, unit).mean()
    spread = np.linalg.eigvalsh(np.cov(patches.reshape(-1, d).T)).clip(1e-12)
    spread /= spread.sum()
    result["patch_rank"] = np.exp(-(spread * np.log(spread)).sum())
    share = np.stack([(truth["cover"] == c).mean((1, 2)) for c in CLASSES], 1)
    main, height = share.argmax(1), truth["height"].mean((1, 2))
    scaler = StandardScaler().fit(cls[learn])
    a, b = scaler.transform(cls[learn]), scaler.transform(cls[~learn])
    result["global_share_r2"] = r2_score(
        share[~learn], Ridge(alpha=10).fit(a, share[learn]).predict(b), multioutput="variance_weighted")
    result["global_accuracy"] = LogisticRegression(C=0.1, max_iter=300).fit(a, main[learn]).score(b, main[~learn])
    result["global_knn"] = KNeighborsClassifier(20, metric="cosine").fit(cls[learn], main[learn]).score(cls[~learn], main[~learn])
    result["global_height_r2"] = Ridge(alpha=10).fit(a, height[learn]).score(b, height[~learn])
    return {key: float(value) for key, value in result.items()}


# ---------------------------------------------------------------- the experiment
class Experiment:
    def __init__(self, geodino, output, threads):
        self.geodino, self.out, self.threads = geodino, Path(output), str(threads)
        self.truth = None

    def call(self, *words, log=None):
        print("+ geodino", *words, flush=True)
        with open(log or os.devnull, "a") as stream:
            subprocess.run([self.geodino, *map(str, words)], check=True, stdout=stream, stderr=subprocess.STDOUT)

    def prepare(self):
        self.out.mkdir(parents=True, exist_ok=True)
        scenes, probe, corpus = (self.out / n for n in ("scenes", "probe-scenes", "corpus"))
        done = self.out / "data.done"
        if not done.exists():
            self.call("synth", scenes, "--scenes", 16, "--size", 1024, "--seed", 100, "-q", "--overwrite")
            self.call("synth", probe, "--scenes", 48, "--size", 512, "--seed", 900, "-q", "--overwrite")
            (self.out / "tiles.yaml").write_text(PROFILE)
            images = sorted(glob(f"{scenes}/scene-*/rgb.tif"))
            self.call("tile", *images, "-o", corpus, "--profile", self.out / "tiles.yaml", "--overwrite", "-q")
            done.touch()
        self.truth = probe_data(probe, self.out / "probe")

    def train(self, name, text, *more):
        """Trains unless the run is finished; returns its folder."""
        run = self.out / "runs" / name
        if not (run / "backbone.safetensors").exists():
            run.parent.mkdir(exist_ok=True)
            path = run.parent / f"{name}.yaml"
            path.write_text(text)
            going_on = ["--resume"] if (run / "run.json").exists() else []
            words = [path, *more] if not going_on else []
            self.call(
                "pretrain", *words, *going_on, "--corpus", self.out / "corpus", "-o", run, "-q",
                "--tensor-threads", self.threads, log=f"{run}.log")
        return run

    def checkpoint_weights(self, run, step, path):
        """The teacher of a checkpoint as weights of a backbone: the run's last ones, with its tensors in their place."""
        with safe_open(run / "backbone.safetensors", "np") as file:
            metadata, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}
        kept = load_file(run / "checkpoints" / f"{step:08d}" / "teacher-00000-of-00001.safetensors")
        kept = {key.removeprefix("backbone."): value for key, value in kept.items() if key.startswith("backbone.")}
        unknown = set(kept) - set(tensors)
        if unknown:
            raise SystemExit(f"{run}: checkpoint {step} has tensors that the backbone lacks: {sorted(unknown)[:3]}")
        save_file({**tensors, **kept}, path, metadata=metadata)
        return path

    def embed(self, weights, size):
        out = self.out / "probe" / "tokens.safetensors"
        self.call(
            "embed", "--tensor", self.out / "probe" / f"{size}.safetensors", "--weights", weights, "-o", out,
            "--overwrite", "-q", "--batch", 32, "--tensor-threads", self.threads, "--only", "cls,patches")
        tokens = load_file(out)
        return tokens["cls"], tokens["patches"]

    def probe(self, run, step):
        cache = run / f"probe-{step:08d}.json"
        if not cache.exists():
            weights = self.checkpoint_weights(run, step, self.out / "probe" / "weights.safetensors")
            cls, patches = self.embed(weights, "x1")
            _, patches_x2 = self.embed(weights, "x2")
            cache.write_text(json.dumps(measure(cls, patches, patches_x2, self.truth)))
        return json.loads(cache.read_text())

    # -- what is trained
    def parent(self, seed):
        return self.train(f"s{seed}-parent", recipe(seed, SETTING["parent_steps"]))

    def arm(self, seed, name):
        if name == "parent":
            return self.parent(seed)
        arm = ARMS[name]
        parent = self.parent(seed)
        gram, more = arm.get("gram"), []
        if gram:
            step = gram["teacher"]
            path = self.out / "runs" / f"s{seed}-teacher-{step}.safetensors"
            more = ["--gram-teacher", self.checkpoint_weights(parent, step, path)]
        fork = parent / "checkpoints" / f"{SETTING['parent_steps']:08d}"
        text = recipe(seed, arm["steps"], arm.get("change", {}), gram)
        return self.train(f"s{seed}-{name}", text, "--from", fork, *more)

    def steps(self, name):
        return (SETTING if name == "parent" else ARMS[name])["probed"]

    def rows(self, seed, name):
        run = self.arm(seed, name)
        first = 0 if name == "parent" else SETTING["parent_steps"]
        return [
            {"seed": seed, "arm": name, "step": first + step, **self.probe(run, step)} for step in self.steps(name)
        ]

    def start_row(self, seed):
        """The network as it is drawn: one step at learning rate 0 leaves it so."""
        run = self.train(f"s{seed}-drawn", recipe(seed, 1))
        return {"seed": seed, "arm": "drawn", "step": 0, **self.probe(run, 1)}

    def pixels_row(self):
        """Mean and deviation of each band per patch in place of tokens: what needs no network."""
        pixels = load_file(self.out / "probe" / "x1.safetensors")["pixels"]
        n, c, h, w = pixels.shape
        cut = pixels.reshape(n, c, h // 8, 8, w // 8, 8)
        patches = np.concatenate([cut.mean((3, 5)), cut.std((3, 5))], 1).transpose(0, 2, 3, 1)
        return {"seed": "", "arm": "pixels", "step": 0, **measure(patches.mean((1, 2)), patches, None, self.truth)}


def write(rows, folder):
    keys = list(dict.fromkeys(key for row in rows for key in row))
    with open(folder / "results.csv", "w", newline="") as stream:
        writer = csv.DictWriter(stream, keys)
        writer.writeheader()
        writer.writerows(
            {k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    shown = ["global_share_r2", "global_accuracy", "dense_miou", "dense_height_r2", "x2_dense_miou", "x2_dense_height_r2", "pair_auc",
             "cls_patch_cosine", "patch_patch_cosine", "patch_rank"]
    lines = ["| arm | seeds | last step | " + " | ".join(shown) + " |", "|---" * (len(shown) + 3) + "|"]
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = [row for row in rows if row["arm"] == arm]
        last = max(row["step"] for row in mine)
        mine = [row for row in mine if row["step"] == last]
        cells = []
        for key in shown:
            values = [row[key] for row in mine if key in row]
            digits = 1 if key == "patch_rank" else 3
            text = f"{np.mean(values):.{digits}f}" if values else ""
            cells.append(text + (f" ({min(values):.{digits}f} to {max(values):.{digits}f})" if len(values) > 1 else ""))
        lines.append(f"| {arm} | {len(mine)} | {last} | " + " | ".join(cells) + " |")
    lines += ["", "Against the same seed's arm without anchoring, at the last step:", ""]
    lines += ["| arm | seed | " + " | ".join(shown) + " |", "|---" * (len(shown) + 2) + "|"]
    last = {}
    for row in rows:
        last[row["arm"], row["seed"]] = row
    for (arm, seed), row in last.items():
        without = last.get(("stress-none" if arm.startswith("stress") else "none", seed))
        if arm in ARMS and without and without is not row:
            cells = [f"{row[key] - without[key]:+.{1 if key == 'patch_rank' else 3}f}" for key in shown]
            lines.append(f"| {arm} | {seed} | " + " | ".join(cells) + " |")
    (folder / "summary.md").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--geodino", default="geodino", help="path of geodino")
    parser.add_argument("--output", required=True, help="folder to work in")
    parser.add_argument("--runs", nargs="+", metavar="SEED:ARM", default=PLAN, help="what to train and probe, in this order")
    parser.add_argument("--tensor-threads", type=int, default=1)
    given = parser.parse_args()
    experiment = Experiment(given.geodino, given.output, given.tensor_threads)
    experiment.prepare()
    rows = [experiment.pixels_row()]
    for item in given.runs:
        seed, arm = item.split(":")
        if seed not in {str(row["seed"]) for row in rows}:
            rows.append(experiment.start_row(int(seed)))
        if arm != "parent" and not any(str(r["seed"]) == seed and r["arm"] == "parent" for r in rows):
            rows += experiment.rows(int(seed), "parent")
        rows += experiment.rows(int(seed), arm)
        write(rows, experiment.out)
    print((experiment.out / "summary.md").read_text())


if __name__ == "__main__":
    main()
