"""Writes trajectory-untied.safetensors and trajectory-groups.safetensors: two more recipes of five steps, in plain PyTorch.

    pip install torch safetensors
    python Tests/Golden/trajectory_forms.py

As trajectory.py, from the formulas, in double precision, with weights, crops and masks that follow from their names. Stored are
losses [5, 6], gradient norms before clipping [5, 3], and the student's parameters after the last step.

untied: class tokens have a final norm of their own (cls_norm), and those of local crops another in training (local_cls_norm), which
        goes before the former. Schedules of the classic form; the batch scales the peak of the learning rate and not its end.
groups: eight tiles of which four at a time count as one device's batch. Residual branches are computed for some of the crops of a
        group, positions are moved and stretched at random, KoLeo and Gram's similarities are of a group. The draws are those of
        geodino's counters, which are written down here once more from their description: SplitMix64 over a key of seed, purpose,
        step, group, kind of crop and block.
"""

import copy
import json
import math
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import trajectory
from trajectory import LOSSES, PARTS, koleo, noise, sinkhorn

WORD = (1 << 64) - 1
WIDTH, HEADS, PATCH = 16, 2, 4


def classic(start, peak, end, warmup):
    return dict(form="classic", start=start, peak=peak, end=end, warmup_steps=warmup)


def recipes():
    untied = copy.deepcopy(trajectory.RECIPE)
    untied["name"] = "trajectory-untied"
    del untied["gram"], untied["losses"]["local_weight"]
    untied["backbone"]["untie_class_and_patch_norms"] = True
    untied["optimizer"]["scaling"] = "sqrt1024"
    untied["schedules"] = {
        "learning_rate": classic(1e-3, 2e-2, 3e-3, 2), "weight_decay": classic(0.04, 0.04, 0.4, 0),
        "teacher_momentum": classic(0.8, 0.8, 1, 0), "teacher_temperature": classic(0.04, 0.07, 0.06, 2)}
    groups = copy.deepcopy(trajectory.RECIPE)
    groups["name"] = "trajectory-groups"
    groups["seed"] = 11
    groups["data"] |= {"batch_size": 8, "group": 4}
    groups["backbone"] |= {"drop_path": 0.3, "untie_global_and_local_norms": False}
    groups["backbone"]["rope"] |= {"shift": 0.1, "jitter": 1.2, "rescale": 2}
    groups["gram"] = {
        "weight": trajectory.schedule(0.5, 2, 1, 3, 2), "level": "batch", "negatives": "kept", "patches": "masked",
        "teacher": "present"}
    return untied, groups


def mixed(z):
    """The mixing of SplitMix64."""
    z = z + 0x9E3779B97F4A7C15 & WORD
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB & WORD
    return z ^ z >> 31


class Counter:
    """Random numbers of a place, whose key is hashed part by part; each number is the mixed state, which then goes on by a constant."""

    def __init__(self, seed, *path):
        self.state = mixed(seed + 0x5851F42D4C957F2D & WORD)
        for part in path:
            self.state = mixed(self.state ^ part * 0xD6E8FEB86659FD93 & WORD)

    def bits(self):
        word = mixed(self.state)
        self.state = self.state + 0x9E3779B97F4A7C15 & WORD
        return word

    def uniform(self, low, high):
        return low + (high - low) * (self.bits() >> 11) * 2.0**-53

    def permutation(self, count):
        order = list(range(count))
        for last in range(count - 1, 0, -1):
            other = self.bits() * (last + 1) >> 64
            order[last], order[other] = order[other], order[last]
        return order


class Run:
    """Student, teacher and optimiser of one recipe."""

    def __init__(self, recipe, dtype):
        torch.set_default_dtype(dtype)
        self.recipe, self.dtype = recipe, dtype
        self.network, self.losses, self.adam = recipe["backbone"], recipe["losses"], recipe["optimizer"]
        self.batch, self.locals = recipe["data"]["batch_size"], recipe["crops"]["local"]["count"]
        self.group = recipe["data"].get("group", self.batch)
        self.student = {name: start.to(dtype).requires_grad_() for name, start in self.parameters().items()}
        self.teacher = {name: start.detach().clone() for name, start in self.student.items()}

    def parameters(self):
        named = trajectory.parameters()
        if not self.network["untie_global_and_local_norms"]:
            named = {name: start for name, start in named.items() if "local_cls_norm" not in name}
        if self.network["untie_class_and_patch_norms"]:
            for kind, centre in (("weight", 1), ("bias", 0)):
                name = f"backbone.cls_norm.{kind}"
                named[name] = (centre + 0.25 * noise(name, [WIDTH])).float()
        return named

    def value(self, schedule, step, scale=1):
        """A schedule's value at a step; `scale` multiplies what the scaling of learning rates does."""
        start, peak, end, warmup = (schedule[key] for key in ("start", "peak", "end", "warmup_steps"))
        total = self.recipe["steps"]
        peak = peak * scale
        if schedule["form"] == "classic":
            # The line has both its ends; the cosine has its first alone, and the end is never scaled.
            line = torch.linspace(start, peak, warmup, dtype=torch.float64).tolist()
            left = total - warmup
            return (line + [end + (peak - end) * (1 + math.cos(math.pi * i / left)) / 2 for i in range(left)])[step]
        end = end * scale
        line = [start + (peak - start) * i / warmup for i in range(warmup)]
        last = schedule["cosine_steps"] - 1
        curve = [end + (peak - end) * (1 + math.cos(math.pi * i / last)) / 2 for i in range(last + 1)]
        return (line + curve + [end] * total)[step]

    def angles(self, side, draw):
        """The angles of all patches, moved and stretched as drawn; `draw` is None where nothing is."""
        rope = self.network["rope"]
        shift, factor = [0.0, 0.0], [1.0, 1.0]
        if draw:
            if rope.get("shift"):
                shift = [draw.uniform(-rope["shift"], rope["shift"]) for _ in range(2)]
            if rope.get("jitter"):
                factor = [math.exp(draw.uniform(-math.log(rope["jitter"]), math.log(rope["jitter"]))) for _ in range(2)]
            if rope.get("rescale"):
                both = math.exp(draw.uniform(-math.log(rope["rescale"]), math.log(rope["rescale"])))
                factor = [number * both for number in factor]
        quarter = WIDTH // HEADS // 4
        periods = rope["base"] ** (torch.arange(quarter) / quarter)
        axis = 2 * (torch.arange(side) + 0.5) / side - 1
        places = torch.cartesian_prod((axis + shift[0]) * factor[0], (axis + shift[1]) * factor[1])
        return (2 * math.pi * places[:, :, None] / periods).flatten(1).repeat(1, 2)

    def kept(self, crops, purpose, step, entry, block):
        """The crops whose branch is computed: of each group so many, by a permutation of its own."""
        groups = self.batch // self.group
        each = crops // groups
        chosen = []
        for group in range(groups):
            order = Counter(self.recipe["seed"], purpose, step, group, entry, block).permutation(each)
            for index in order[: max(int(each * (1 - self.network["drop_path"])), 1)]:
                view, sample = divmod(index, self.group)
                chosen.append(view * self.batch + group * self.group + sample)
        return sorted(chosen)

    def backbone(self, w, images, masks=None, entry=0, step=None):
        """Class tokens and patch tokens; in training where a step is given. Entry 1 are local crops."""
        prefix = 1 + self.network["registers"]
        x = F.conv2d(images, w["backbone.patch_embed.proj.weight"], w["backbone.patch_embed.proj.bias"], PATCH)
        x = x.flatten(2).transpose(1, 2)
        if masks is not None:
            x = torch.where(masks[:, :, None], w["backbone.mask_token"], x)
        x = torch.cat([w[f"backbone.{kind}"].expand(len(x), -1, -1) for kind in ("cls_token", "storage_tokens")] + [x], 1)
        side = images.shape[-1] // PATCH
        not_key = torch.tensor([1.0, 0.0, 1.0]).repeat_interleave(WIDTH)
        trains = step is not None

        def norm(name, x):
            return F.layer_norm(x, [WIDTH], w[f"backbone.{name}.weight"], w[f"backbone.{name}.bias"], 1e-5)

        def linear(name, x):
            return F.linear(x, w[f"backbone.{name}.weight"], w[f"backbone.{name}.bias"])

        def residual(x, purpose, block, branch):
            if not trains or self.network["drop_path"] == 0:
                return x + branch(x)
            kept = torch.tensor(self.kept(len(x), purpose, step, entry, block))
            return x.index_add(0, kept, branch(x[kept]) * (len(x) / len(kept)))

        for block in range(self.network["depth"]):
            at = f"blocks.{block}."
            random = trains and any(self.network["rope"].get(key) for key in ("shift", "jitter", "rescale"))
            # One draw for all groups.
            draw = Counter(self.recipe["seed"], 1, step, 0, entry, block) if random else None
            angles = self.angles(side, draw)

            def turned(x):
                first, second = x[:, :, prefix:].chunk(2, -1)
                patches = x[:, :, prefix:] * angles.cos() + torch.cat([-second, first], -1) * angles.sin()
                return torch.cat([x[:, :, :prefix], patches], 2)

            def attention(x):
                y = F.linear(
                    norm(at + "norm1", x), w[f"backbone.{at}attn.qkv.weight"],
                    w[f"backbone.{at}attn.qkv.bias"] * not_key)
                q, k, v = y.unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
                y = F.scaled_dot_product_attention(turned(q), turned(k), v).transpose(1, 2).flatten(2)
                return w[f"backbone.{at}ls1.gamma"] * linear(at + "attn.proj", y)

            def feed_forward(x):
                y = F.gelu(linear(at + "mlp.fc1", norm(at + "norm2", x)))
                return w[f"backbone.{at}ls2.gamma"] * linear(at + "mlp.fc2", y)

            x = residual(residual(x, 2, block, attention), 3, block, feed_forward)
        kind = "cls_norm" if self.network["untie_class_and_patch_norms"] else "norm"
        if trains and entry == 1 and self.network["untie_global_and_local_norms"]:
            kind = "local_cls_norm"
        return norm(kind, x[:, 0]), norm("norm", x[:, prefix:])

    def groups_of(self, crops):
        """For each group, the numbers of its crops among so many of each tile."""
        numbers = torch.arange(crops * self.batch)
        return [numbers[numbers % self.batch // self.group == group] for group in range(self.batch // self.group)]

    def gram(self, student, teacher, masks):
        """Mean over groups of the mean squared difference of the similarities of all hidden patches of a group."""
        terms = []
        for own in self.groups_of(2):
            mine, theirs = (F.normalize(tokens[own][masks[own]], dim=-1) for tokens in (student, teacher))
            terms.append((mine @ mine.T - theirs @ theirs.T).square().mean())
        return torch.stack(terms).mean()

    def objective(self, step):
        views = [
            (2 * noise(f"step{step}.{name}", [count * self.batch, 3, size, size])).to(self.dtype)
            for name, count, size in (("global", 2, 16), ("local", self.locals, 8))]
        masks = noise(f"step{step}.masks", [2 * self.batch, 16]) < -0.4
        masks[0::2] = False
        assert all(masks[own].any() for own in self.groups_of(2))
        student, teacher, batch = self.student, self.teacher, self.batch
        with torch.no_grad():
            temperature = self.value(self.recipe["schedules"]["teacher_temperature"], step)
            classes, anchors = self.backbone(teacher, views[0])
            class_targets = sinkhorn(trajectory.head(teacher, "dino_head", classes), temperature).unflatten(0, (2, batch))
            patch_targets = sinkhorn(trajectory.head(teacher, "ibot_head", anchors[masks]), temperature)
        classes, patches = self.backbone(student, views[0], masks, 0, step)
        local_classes, _ = self.backbone(student, views[1], None, 1, step)

        def guess(name, tokens):
            return F.log_softmax(trajectory.head(student, name, tokens) / self.losses["student_temperature"], -1)

        pairs = 2 + 2 * self.locals
        local_guess = guess("dino_head", local_classes).unflatten(0, (self.locals, batch))
        both_guess = guess("dino_head", classes).unflatten(0, (2, batch))
        local = -torch.einsum("sbk,tbk->", local_guess, class_targets) / batch / pairs
        both = -torch.einsum("sbk,sbk->", both_guess, class_targets.flip(0)) / batch / pairs
        if "local_weight" in self.losses:
            local = local * self.value(self.losses["local_weight"], step)
        each = -(patch_targets * guess("ibot_head", patches[masks])).sum(-1)
        share = (masks / masks.sum(1, keepdim=True).clamp(min=1))[masks]
        ibot = (each * share).sum() / (2 * batch)
        spread = [
            torch.stack([koleo(crop[start : start + self.group]) for start in range(0, batch, self.group)]).mean()
            for crop in classes.chunk(2)]
        parts = [
            self.losses["dino"] * local, self.losses["dino"] * both, self.losses["ibot"] * ibot,
            self.losses["koleo"] * sum(spread)]
        if "gram" not in self.recipe:
            return parts + [torch.zeros(())]
        return parts + [self.value(self.recipe["gram"]["weight"], step) * self.gram(patches, anchors, masks)]

    def rates(self, name, step):
        """Learning rate and weight decay of a parameter."""
        factor = {"none": 1, "sqrt1024": 4 * math.sqrt(self.batch / 1024)}[self.adam["scaling"]]
        rate = self.value(self.recipe["schedules"]["learning_rate"], step, factor)
        decay = self.value(self.recipe["schedules"]["weight_decay"], step)
        part, inner = name.split(".", 1)
        if part == "backbone":
            depth = self.network["depth"]
            below = inner.startswith(("patch_embed", "cls_token", "storage_tokens", "mask_token"))
            layer = 0 if below else int(inner.split(".")[1]) + 1 if inner.startswith("blocks.") else depth + 1
            rate *= self.adam["layer_decay"] ** (depth + 1 - layer)
            rate *= self.adam["patch_embed_rate"] if inner.startswith("patch_embed") else 1
        if "last_layer" in name and step < self.adam["freeze_last_layer_steps"]:
            rate = 0
        return rate, 0 if name.endswith("bias") or "norm" in name or "gamma" in name else decay

    def train(self):
        """Losses, norms and the student's weights."""
        optimizer = torch.optim.AdamW(
            [{"params": [parameter]} for parameter in self.student.values()], betas=self.adam["betas"], eps=1e-8)
        losses, norms = [], []
        for step in range(self.recipe["steps"]):
            for group, name in zip(optimizer.param_groups, self.student):
                group["lr"], group["weight_decay"] = self.rates(name, step)
            optimizer.zero_grad()
            parts = self.objective(step)
            sum(parts).backward()
            losses.append(torch.stack([sum(parts), *parts]).detach())
            by_part = [[w for name, w in self.student.items() if name.startswith(part)] for part in PARTS]
            norms.append(torch.stack([torch.nn.utils.clip_grad_norm_(part, self.adam["clip_norm"]) for part in by_part]))
            optimizer.step()
            momentum = self.value(self.recipe["schedules"]["teacher_momentum"], step)
            with torch.no_grad():
                for name, parameter in self.teacher.items():
                    parameter.mul_(momentum).add_((1 - momentum) * self.student[name])
        return torch.stack(losses), torch.stack(norms), {name: w.detach() for name, w in self.student.items()}


def main():
    for recipe in recipes():
        losses, norms, weights = Run(recipe, torch.float64).train()
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{recipe['name']}.safetensors")
        tensors = {"losses": losses, "norms": norms} | {f"student.{name}": weight for name, weight in weights.items()}
        save_file(tensors, path, metadata={"torch": torch.__version__, "recipe": json.dumps(recipe)})
        print(path, os.path.getsize(path), "bytes")
        print("step", *(f"{name:>11}" for name in LOSSES + PARTS))
        for step, row in enumerate(torch.cat([losses, norms], 1).tolist()):
            print(f"{step:4}", *(f"{number:11.7f}" for number in row))
        others = Run(recipe, torch.float32).train()
        off = {name: (weight - others[2][name]).abs().max().item() for name, weight in weights.items()}
        worst = max(off, key=off.get)
        print(f"single precision is off by {(losses - others[0]).abs().max():.1e} in losses, {off[worst]:.1e} in {worst}")


if __name__ == "__main__":
    main()
