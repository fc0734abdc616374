"""The rival of `geodino fit landcover`: the training of a head on cached features in plain PyTorch eager.

What a step of the recipe does, with the same sizes: gather a batch of the crops' features and labels (float16 and bytes in memory),
head, logits resized to the crop, cross-entropy of the labelled pixels, backward, clipping by the norm, AdamW, learning rate. The DPT
and UPerNet heads are made of transformers' own layers, with group norm in place of batch norm where the recipe says so, dropout
before the classifier, and logits at the size of the crop. Before UPerNet is the pyramid of BEiT's segmentation. Features are random
numbers, and the backbone does not run, as neither does in geodino once features are cached.
Usage: python landcover_head.py RECIPE [--width 96] [--patch 8] [--classes 7] [--threads 2] [--skip 5]
The recipe is geodino's own YAML; width and patch are the backbone's. Losses other than cross-entropy, class weights and lists of
learning rates are refused. Prints steps per second (all but the first ones, which --skip leaves out), the median step in
milliseconds, the number of trained values and the peak of memory as one line of JSON. Needs: torch, transformers, pyyaml.
"""
import argparse
import json
import math
import resource
import statistics
import time

import torch
import yaml
from torch import nn
from torch.nn.functional import cross_entropy, interpolate
from transformers import DPTConfig, UperNetConfig
from transformers.models.dpt.modeling_dpt import DPTNeck, DPTSemanticSegmentationHead
from transformers.models.upernet.modeling_upernet import UperNetFCNHead, UperNetHead

IGNORED = 255


def norm(kind, channels):
    """Batch norm, or group norm with at most 32 groups of at least 4 channels each."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    groups = max(n for n in range(1, max(min(32, channels // 4), 1) + 1) if channels % n == 0)
    return nn.GroupNorm(groups, channels)


def with_norm(module, kind):
    """A module of transformers, its batch norms exchanged."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, norm(kind, child.num_features))
    return module


def as_maps(tokens, grid):
    """Tokens [B, 1 + grid * grid, D], the class token first, as a map [B, D, grid, grid]."""
    return tokens[:, 1:].transpose(1, 2).reshape(len(tokens), -1, grid, grid)


class Linear(nn.Module):
    """Norm and one matrix on the patch tokens of some blocks, side by side."""

    def __init__(self, sizes, width, classes, grid, pixels):
        super().__init__()
        self.grid, self.pixels = grid, pixels
        self.dropout = nn.Dropout2d(sizes["dropout"])
        self.norm = nn.Identity() if sizes["norm"] == "none" else norm(sizes["norm"], sizes["taps"] * width)
        self.conv = nn.Conv2d(sizes["taps"] * width, classes, 1)

    def forward(self, taps):
        joined = torch.cat([as_maps(tap, self.grid) for tap in taps], dim=1)
        logits = self.conv(self.norm(self.dropout(joined)))
        return [interpolate(logits, size=(self.pixels, self.pixels), mode="bilinear")]


class DPT(nn.Module):
    """Neck and ending of transformers' DPTForSemanticSegmentation."""

    def __init__(self, sizes, width, classes, grid, pixels):
        super().__init__()
        self.grid, self.pixels = grid, pixels
        config = DPTConfig(
            hidden_size=width, neck_hidden_sizes=sizes["post_channels"], fusion_hidden_size=sizes["channels"],
            semantic_classifier_dropout=sizes["dropout"], num_labels=classes)
        self.neck = DPTNeck(config)
        # Never used: nothing is added to the coarsest map.
        self.neck.fusion_stage.layers[0].residual_layer1 = None
        ending = DPTSemanticSegmentationHead(config).head
        # Without the enlargement at its end, which assumes patches of 16 pixels.
        self.head = with_norm(ending[:-1], sizes["norm"])

    def forward(self, taps):
        logits = self.head(self.neck(taps, self.grid, self.grid)[-1])
        if logits.shape[-1] == self.pixels:
            return [logits]
        return [interpolate(logits, size=(self.pixels, self.pixels), mode="bilinear", align_corners=True)]


class UPerNet(nn.Module):
    """transformers' UperNetHead and its auxiliary head on a simple pyramid."""

    def __init__(self, sizes, width, classes, grid, pixels):
        super().__init__()
        self.grid, self.pixels = grid, pixels
        config = UperNetConfig(
            hidden_size=sizes["channels"], auxiliary_channels=sizes["auxiliary_channels"], auxiliary_in_channels=None,
            num_labels=classes)
        self.pyramid = nn.ModuleList([
            nn.Sequential(
                nn.ConvTranspose2d(width, width, 2, 2), norm(sizes["norm"], width), nn.GELU(), nn.ConvTranspose2d(width, width, 2, 2)),
            nn.ConvTranspose2d(width, width, 2, 2), nn.Identity(), nn.MaxPool2d(2)])
        self.decode_head = with_norm(UperNetHead(config, [width] * 4), sizes["norm"])
        self.decode_head.classifier = nn.Sequential(nn.Dropout2d(sizes["dropout"]), self.decode_head.classifier)
        self.auxiliary_head = None
        if sizes["auxiliary_weight"] > 0:
            self.auxiliary_head = with_norm(UperNetFCNHead(config, [width] * 4), sizes["norm"])
            self.auxiliary_head.classifier = nn.Sequential(nn.Dropout2d(sizes["dropout"]), self.auxiliary_head.classifier)

    def forward(self, taps):
        levels = [level(as_maps(tap, self.grid)) for level, tap in zip(self.pyramid, taps)]
        logits = [self.decode_head(levels)]
        if self.training and self.auxiliary_head is not None:
            logits.append(self.auxiliary_head(levels))
        return [interpolate(x, size=(self.pixels, self.pixels), mode="bilinear") for x in logits]


HEADS = {"linear": Linear, "dpt": DPT, "upernet": UPerNet}


def learning_rate(optimizer, step, steps):
    """A linear rise, then half a cosine to zero."""
    rise = optimizer["warmup"] * steps
    if step < rise:
        return optimizer["learning_rate"] * (step + 1) / (rise + 1)
    return optimizer["learning_rate"] * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(steps - rise, 1)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe")
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--patch", type=int, default=8)
    parser.add_argument("--classes", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--skip", type=int, default=5)
    asked = parser.parse_args()
    with open(asked.recipe) as file:
        recipe = yaml.safe_load(file)
    loss, optimizer, batch, cached = recipe["loss"], recipe["optimizer"], recipe["batch"], recipe["cached_crops"]
    if loss["focal"] or loss["dice"] or loss["label_smoothing"] or loss["class_weights"] != "none" or not cached:
        parser.error("expected a recipe with plain cross-entropy and cached crops")
    if "learning_rates" in optimizer:
        parser.error("expected a recipe with one learning rate")
    if recipe["steps"] <= asked.skip:
        parser.error(f"expected a recipe of more than {asked.skip} steps (--skip)")
    torch.set_num_threads(asked.threads)
    torch.manual_seed(recipe["seed"])

    crop = recipe["crop"]
    grid = crop // asked.patch
    kind = recipe["head"]["kind"]
    head = HEADS[kind](recipe["head"], asked.width, asked.classes, grid, crop).train()
    parameters = list(head.parameters())
    adamw = torch.optim.AdamW(
        [{"params": [p for p in parameters if p.ndim > 1], "weight_decay": optimizer["weight_decay"]},
         {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0}],
        lr=optimizer["learning_rate"], betas=(optimizer["beta1"], optimizer["beta2"]), fused=True)

    # What the first part of a fit leaves behind: tokens of each block in half precision, labels as bytes.
    features = [torch.randn(cached, 1 + grid * grid, asked.width).half() for _ in recipe["taps"]]
    coarse = torch.randint(0, asked.classes, (cached, 1, grid, grid)).float()
    labels = interpolate(coarse, size=(crop, crop), mode="nearest")[:, 0].byte()
    labels[torch.rand(labels.shape) < 0.02] = IGNORED

    seconds, order = [], []
    for step in range(recipe["steps"]):
        start = time.perf_counter()
        while len(order) < batch:
            order += torch.randperm(cached).tolist()
        index, order = torch.tensor(order[:batch]), order[batch:]
        taps = [tap[index].float() for tap in features]
        truth = labels[index].long()
        logits = head(taps)
        total = cross_entropy(logits[0], truth, ignore_index=IGNORED)
        for side in logits[1:]:
            total = total + recipe["head"]["auxiliary_weight"] * cross_entropy(side, truth, ignore_index=IGNORED)
        value = total.item()
        adamw.zero_grad(set_to_none=True)
        total.backward()
        length = nn.utils.clip_grad_norm_(parameters, optimizer["clip"] or math.inf).item()
        if not (math.isfinite(value) and math.isfinite(length)):
            raise SystemExit(f"step {step + 1} is not finite")
        for group in adamw.param_groups:
            group["lr"] = learning_rate(optimizer, step, recipe["steps"])
        adamw.step()
        seconds.append(time.perf_counter() - start)
    counted = seconds[asked.skip:]
    print(json.dumps({
        "head": kind, "torch": torch.__version__, "steps": len(counted), "steps_per_s": round(len(counted) / sum(counted), 3),
        "median_ms": round(1000 * statistics.median(counted), 3), "values": sum(p.numel() for p in parameters),
        "loss": round(value, 4), "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}))


if __name__ == "__main__":
    main()
