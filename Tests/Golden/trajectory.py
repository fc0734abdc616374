"""Writes trajectory.safetensors: five steps of pre-training with all losses, schedules and a Gram teacher, in plain PyTorch.

    pip install torch safetensors
    python Tests/Golden/trajectory.py

Written from the formulas, with autograd and torch's AdamW, in double precision. Weights, crops and masks follow from their
names (`noise`), so that only answers are stored: losses [5, 6], each as it counts in the total, and gradient norms before
clipping [5, 3], in the order of LOSSES and PARTS; all parameters after the last step, as student.<name> and teacher.<name>. The
metadata are the recipe, and zero_gradient, name[rows] of what has no gradient in any step. Then look at the printed table: a
run in single precision, beside it, says what a test may ask for. The test needs no Python, and nothing here runs in CI.
"""

import json
import math
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

PARTS = ("backbone", "dino_head", "ibot_head")
LOSSES = ("total", "dino_local", "dino_global", "ibot", "koleo", "gram")


def schedule(start, peak, end, warmup, cosine):
    return dict(form="composed", start=start, peak=peak, end=end, warmup_steps=warmup, cosine_steps=cosine)


# Crops and masks are given, so that of `crops` only sizes and the number of local ones count, and of `masks` nothing.
RECIPE = {
    "phase": "pretrain", "name": "trajectory", "seed": 0, "steps": 5,
    "data": {"batch_size": 4, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
    "backbone": {
        "patch_size": 4, "channels": 3, "width": 16, "depth": 2, "heads": 2, "ffn": "mlp", "ffn_ratio": 4, "registers": 2,
        "layer_scale": 0.5, "norm": "layernorm", "norm_epsilon": 1e-5, "qkv_bias": True, "mask_k_bias": True,
        "untie_class_and_patch_norms": False, "untie_global_and_local_norms": True,
        "rope": {"base": 100, "coordinates": "separate", "precision": "float32"}, "drop_path": 0},
    "crops": {
        "global": {"size": 16, "scale": [0.32, 1]}, "local": {"count": 3, "size": 8, "scale": [0.05, 0.32]},
        "aspect": [0.75, 1.25], "horizontal_flip": 0, "vertical_flip": 0, "quarter_turns": False,
        "jitter": {"probability": 0, "brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}, "grayscale": 0,
        "blur": {"first_global": 0, "second_global": 0, "local": 0, "sigma": [0.1, 2]}, "solarize": 0},
    "masks": {"share": 0.5, "ratio": [0.1, 0.5]},
    "heads": {
        "dino": {"prototypes": 20, "bottleneck": 8, "hidden": 24}, "ibot": {"prototypes": 22, "bottleneck": 8, "hidden": 24}},
    "losses": {
        "dino": 1, "ibot": 1, "koleo": 0.1, "student_temperature": 0.1, "local_weight": schedule(1, 0.8, 0.5, 1, 3)},
    "gram": {
        "weight": schedule(0.5, 2, 1, 3, 2), "level": "image", "negatives": "kept", "patches": "all", "teacher": "grown",
        "from": 1, "crop": {"size": 24, "undistorted": True}, "refresh": {"first": 3, "every": 10}},
    "optimizer": {
        "betas": [0.9, 0.95], "scaling": "none", "layer_decay": 0.9, "patch_embed_rate": 0.2, "decay_tokens": True,
        "clip_norm": 2, "freeze_last_layer_steps": 2},
    "schedules": {
        "learning_rate": schedule(1e-3, 5e-3, 2e-3, 2, 3), "weight_decay": schedule(0.04, 0.4, 0.1, 2, 3),
        "teacher_momentum": schedule(0.8, 0.9, 0.95, 1, 4), "teacher_temperature": schedule(0.04, 0.07, 0.06, 3, 2)},
    "checkpoints": {"every": 5, "keep_every": 0},
}
BATCH, LOCALS = RECIPE["data"]["batch_size"], RECIPE["crops"]["local"]["count"]
NETWORK, LOSS, ADAM = RECIPE["backbone"], RECIPE["losses"], RECIPE["optimizer"]
WIDTH, DEPTH, HEADS, PATCH, PREFIX = 16, 2, 2, 4, 3  # PREFIX: the class token and two registers


def noise(name, shape):
    """Multiples of 2^-23 in [-1, 1): FNV-1a of the name, plus steps of SplitMix64 by the flat index, and its mixing."""
    word, key = (1 << 64) - 1, 0xCBF29CE484222325
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001B3 & word
    values = []
    for index in range(math.prod(shape)):
        z = key + index * 0x9E3779B97F4A7C15 & word
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & word
        z = (z ^ z >> 27) * 0x94D049BB133111EB & word
        values.append((((z ^ z >> 31) >> 40) - 2**23) / 2**23)
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def parameters():
    """All parameters of a student or a teacher at the start, by name."""
    d = WIDTH
    shapes = {
        "cls_token": [1, 1, d], "storage_tokens": [1, PREFIX - 1, d], "mask_token": [1, d],
        "patch_embed.proj.weight": [d, 3, PATCH, PATCH], "patch_embed.proj.bias": [d]}
    layers = {"norm": [d], "local_cls_norm": [d]}
    for at in (f"blocks.{block}." for block in range(DEPTH)):
        layers |= {at + "norm1": [d], at + "attn.qkv": [3 * d, d], at + "attn.proj": [d, d]}
        layers |= {at + "norm2": [d], at + "mlp.fc1": [4 * d, d], at + "mlp.fc2": [d, 4 * d]}
        shapes |= {at + "ls1.gamma": [d], at + "ls2.gamma": [d]}
    shapes, layers = ({f"backbone.{name}": shape for name, shape in group.items()} for group in (shapes, layers))
    for kind, sizes in RECIPE["heads"].items():
        widths = [d, sizes["hidden"], sizes["hidden"], sizes["bottleneck"]]
        layers |= {f"{kind}_head.mlp.{2 * i}": [widths[i + 1], widths[i]] for i in range(3)}
        shapes[f"{kind}_head.last_layer.weight"] = [sizes["prototypes"], sizes["bottleneck"]]
    for name, shape in layers.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name, shape in shapes.items():
        centre = 1 if "norm" in name and name.endswith(".weight") else 0.5 if name.endswith("gamma") else 0
        # A sum with 1 or 0.5 may need more bits than single precision has; it is rounded to it.
        shapes[name] = (centre + 0.25 * noise(name, shape)).float()
    return shapes


def linear(w, name, x):
    return F.linear(x, w[f"{name}.weight"], w.get(f"{name}.bias"))


def normed(w, name, x):
    return F.layer_norm(x, [WIDTH], w[f"{name}.weight"], w[f"{name}.bias"], NETWORK["norm_epsilon"])


def rotated(x, side):
    """Queries or keys, [images, heads, tokens, width of a head], with the patches among them turned by their places."""
    quarter = x.shape[-1] // 4
    periods = NETWORK["rope"]["base"] ** (torch.arange(quarter) / quarter)
    axis = 2 * (torch.arange(side) + 0.5) / side - 1
    # Rows first, then columns, the whole twice.
    angles = (2 * math.pi * torch.cartesian_prod(axis, axis)[:, :, None] / periods).flatten(1).repeat(1, 2)
    prefix, patches = x[:, :, :PREFIX], x[:, :, PREFIX:]
    first, second = patches.chunk(2, -1)
    return torch.cat([prefix, patches * angles.cos() + torch.cat([-second, first], -1) * angles.sin()], 2)


def backbone(w, images, masks=None, local=False):
    """Class tokens [images, width] and patch tokens [images, patches, width]."""
    x = F.conv2d(images, w["backbone.patch_embed.proj.weight"], w["backbone.patch_embed.proj.bias"], PATCH)
    x = x.flatten(2).transpose(1, 2)
    if masks is not None:
        x = torch.where(masks[:, :, None], w["backbone.mask_token"], x)
    x = torch.cat([w[f"backbone.{kind}"].expand(len(x), -1, -1) for kind in ("cls_token", "storage_tokens")] + [x], 1)
    side = images.shape[-1] // PATCH
    not_key = torch.tensor([1.0, 0.0, 1.0]).repeat_interleave(WIDTH)
    for at in (f"backbone.blocks.{block}." for block in range(DEPTH)):
        y = normed(w, at + "norm1", x)
        y = F.linear(y, w[at + "attn.qkv.weight"], w[at + "attn.qkv.bias"] * not_key)
        q, k, v = y.unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        scores = rotated(q, side) @ rotated(k, side).transpose(-1, -2) / math.sqrt(WIDTH / HEADS)
        y = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = x + w[at + "ls1.gamma"] * linear(w, at + "attn.proj", y)
        y = F.gelu(linear(w, at + "mlp.fc1", normed(w, at + "norm2", x)))
        x = x + w[at + "ls2.gamma"] * linear(w, at + "mlp.fc2", y)
    # Registers come out too, and no loss sees them.
    kind = "backbone.local_cls_norm" if local else "backbone.norm"
    return normed(w, kind, x[:, 0]), normed(w, "backbone.norm", x[:, PREFIX:])


def head(w, name, x):
    """Scores against the prototypes."""
    x = F.gelu(linear(w, f"{name}.mlp.0", x))
    x = F.gelu(linear(w, f"{name}.mlp.2", x))
    x = F.normalize(linear(w, f"{name}.mlp.4", x), dim=-1, eps=1e-12)
    return linear(w, f"{name}.last_layer", x)


def sinkhorn(logits, temperature):
    q = torch.exp(logits / temperature).T
    q = q / q.sum()
    for _ in range(3):
        q = q / q.sum(1, keepdim=True) / q.shape[0]
        q = q / q.sum(0, keepdim=True) / q.shape[1]
    return (q * q.shape[1]).T


def koleo(tokens):
    unit = F.normalize(tokens, dim=-1, eps=1e-8)
    near = (unit @ unit.T).fill_diagonal_(-1).argmax(1)
    return -torch.log((unit - unit[near] + 1e-8).norm(dim=-1) + 1e-8).mean()


def gram(student, teacher):
    """Mean squared difference of similarities; the teacher's larger grid is resized to the student's before."""
    side, larger = math.isqrt(student.shape[1]), math.isqrt(teacher.shape[1])
    maps = teacher.transpose(1, 2).unflatten(-1, (larger, larger))
    maps = F.interpolate(maps, size=(side, side), mode="bicubic", align_corners=False, antialias=False)
    mine, theirs = F.normalize(student, dim=-1), F.normalize(maps.flatten(2).transpose(1, 2), dim=-1)
    return (mine @ mine.transpose(1, 2) - theirs @ theirs.transpose(1, 2)).square().mean()


def value(s, step):
    """A schedule's value: a line that ends a step before its peak, half a cosine that has both its ends, a constant."""
    start, peak, end, warmup, cosine = list(s.values())[1:]
    line = [start + (peak - start) * i / warmup for i in range(warmup)]
    curve = [end + (peak - end) * (1 + math.cos(math.pi * i / (cosine - 1))) / 2 for i in range(cosine)]
    return (line + curve + [end] * RECIPE["steps"])[step]


def objective(student, teacher, gram_teacher, step, dtype):
    """The weighted parts of the loss, in the order of LOSSES without the total."""
    views = [
        (2 * noise(f"step{step}.{name}", [count * BATCH, 3, size, size])).to(dtype)
        for name, count, size in (("global", 2, 16), ("local", LOCALS, 8), ("larger", 2, 24))]
    masks = noise(f"step{step}.masks", [2 * BATCH, 16]) < -0.4
    masks[0::2] = False
    assert masks.any()
    with torch.no_grad():
        temperature = value(RECIPE["schedules"]["teacher_temperature"], step)
        classes, patches = backbone(teacher, views[0])
        class_targets = sinkhorn(head(teacher, "dino_head", classes), temperature).unflatten(0, (2, BATCH))
        patch_targets = sinkhorn(head(teacher, "ibot_head", patches[masks]), temperature)
    classes, patches = backbone(student, views[0], masks)
    local_classes, _ = backbone(student, views[1], local=True)

    def guess(name, tokens):
        return F.log_softmax(head(student, name, tokens) / LOSS["student_temperature"], -1)

    def pairs(tokens, crops):
        """Cross entropy of each crop of the student with each of the teacher's, [student, teacher]; mean over tiles."""
        return -torch.einsum("sbk,tbk->st", guess("dino_head", tokens).unflatten(0, (crops, BATCH)), class_targets) / BATCH

    # 2 pairs of different global crops and 2 per local crop share the weight of DINO.
    of_global, of_local = 2, 2 * LOCALS
    local = pairs(local_classes, LOCALS).mean() * value(LOSS["local_weight"], step)
    both = pairs(classes, 2)
    different = (both.sum() - both.trace()) / of_global
    share = LOSS["dino"] / (of_global + of_local)
    # Each hidden patch counts by how many its crop has; the mean is over all crops, also those without any.
    each = (1 / masks.sum(1, keepdim=True)).expand_as(masks)[masks].to(dtype)
    ibot = -((patch_targets * guess("ibot_head", patches[masks])).sum(-1) * each).sum() / len(masks)
    spread = sum(koleo(crop) for crop in classes.split(BATCH))
    parts = [share * of_local * local, share * of_global * different, LOSS["ibot"] * ibot, LOSS["koleo"] * spread]
    if gram_teacher is None:
        return parts + [torch.zeros(())]
    with torch.no_grad():
        _, anchors = backbone(gram_teacher, views[2])
    return parts + [value(RECIPE["gram"]["weight"], step) * gram(patches, anchors)]


def rates(name, step):
    """Learning rate and weight decay of a parameter."""
    rate, decay = (value(RECIPE["schedules"][key], step) for key in ("learning_rate", "weight_decay"))
    part, inner = name.split(".", 1)
    if part == "backbone":
        # Distance from the final norms: the tokens and the patch embedding are below block 0.
        below = inner.startswith(("patch_embed", "cls_token", "storage_tokens", "mask_token"))
        layer = 0 if below else int(inner.split(".")[1]) + 1 if inner.startswith("blocks.") else DEPTH + 1
        rate *= ADAM["layer_decay"] ** (DEPTH + 1 - layer)
        rate *= ADAM["patch_embed_rate"] if inner.startswith("patch_embed") else 1
    # Held still, it does not decay either, while its moments go on; its gradient counts in the norm.
    if "last_layer" in name and step < ADAM["freeze_last_layer_steps"]:
        rate = 0
    return rate, 0 if name.endswith("bias") or "norm" in name or "gamma" in name else decay


def run(dtype):
    """Losses, norms, weights after the last step, and the largest gradient of each weight."""
    torch.set_default_dtype(dtype)
    student = {name: start.to(dtype).requires_grad_() for name, start in parameters().items()}
    teacher = {name: start.detach().clone() for name, start in student.items()}
    groups = [{"params": [parameter]} for parameter in student.values()]
    optimizer = torch.optim.AdamW(groups, betas=ADAM["betas"], eps=1e-8)
    largest = {name: torch.zeros_like(parameter) for name, parameter in student.items()}
    gram_teacher, losses, norms = None, [], []
    for step in range(RECIPE["steps"]):
        # A refresh after so many steps is one before the step of that number; the next is beyond the run.
        if step in (RECIPE["gram"]["from"], RECIPE["gram"]["refresh"]["first"]):
            gram_teacher = {name: parameter.clone() for name, parameter in teacher.items()}
        for group, name in zip(optimizer.param_groups, student):
            group["lr"], group["weight_decay"] = rates(name, step)
        optimizer.zero_grad()
        parts = objective(student, teacher, gram_teacher, step, dtype)
        sum(parts).backward()
        losses.append(torch.stack([sum(parts), *parts]).detach())
        for name, parameter in student.items():
            largest[name] = torch.maximum(largest[name], parameter.grad.abs())
        by_part = [[parameter for name, parameter in student.items() if name.startswith(part)] for part in PARTS]
        norms.append(torch.stack([torch.nn.utils.clip_grad_norm_(part, ADAM["clip_norm"]) for part in by_part]))
        optimizer.step()
        momentum = value(RECIPE["schedules"]["teacher_momentum"], step)
        with torch.no_grad():
            for name, parameter in teacher.items():
                parameter.mul_(momentum).add_((1 - momentum) * student[name])
    weights = {f"student.{name}": parameter.detach() for name, parameter in student.items()}
    weights |= {f"teacher.{name}": parameter for name, parameter in teacher.items()}
    return torch.stack(losses), torch.stack(norms), weights, largest


def main():
    losses, norms, weights, largest = run(torch.float64)
    # Only the keys' third of the bias of q, k and v: it is multiplied by 0, and as biases do not decay, it stays as it was.
    # All else is reached: mask_token by masked crops, registers through attention, either norm of class tokens by its crops.
    still = {name: (gradient == 0).nonzero()[:, 0].tolist() for name, gradient in largest.items() if (gradient == 0).any()}
    still = [f"{name}[{rows[0]}:{rows[0] + len(rows)}]" for name, rows in still.items()]
    assert still == [f"backbone.blocks.{block}.attn.qkv.bias[{WIDTH}:{2 * WIDTH}]" for block in range(DEPTH)], still
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "trajectory.safetensors")
    metadata = {"torch": torch.__version__, "recipe": json.dumps(RECIPE), "zero_gradient": json.dumps(still)}
    save_file({"losses": losses, "norms": norms} | weights, path, metadata=metadata)
    print(path, os.path.getsize(path), "bytes; no gradient:", *still)

    others = run(torch.float32)
    print("step", *(f"{name:>11}" for name in LOSSES + PARTS))
    for step, row in enumerate(torch.cat([losses, norms], 1).tolist()):
        print(f"{step:4}", *(f"{number:11.7f}" for number in row))
    off = {name: (weight - others[2][name]).abs().max().item() for name, weight in weights.items()}
    worst = max(off, key=off.get)
    print(f"single precision is off by {(losses - others[0]).abs().max():.1e} in losses, {off[worst]:.1e} in {worst}")


if __name__ == "__main__":
    main()
