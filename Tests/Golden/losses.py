# Writes losses.safetensors: the losses of pre-training and their gradients, for ObjectiveTests.
#
#   pip install torch safetensors
#   python Tests/Golden/losses.py
#
# Plain PyTorch in double precision, written from the formulas; inputs follow from `fill`, so that only
# answers are stored. Then look at the printed list. The test needs no Python.
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)
out = {}


def fill(shape, phase, amplitude=1.0, frequency=0.37):
    """amplitude * sin(frequency * i + phase) over the flat index i, rounded to single precision."""
    count = 1
    for side in shape:
        count *= side
    values = amplitude * torch.sin(frequency * torch.arange(count, dtype=torch.float64) + phase)
    return values.float().double().reshape(shape)


def keep(name, loss, **inputs):
    """Stores a loss and its gradients."""
    gradients = torch.autograd.grad(loss, list(inputs.values()))
    out[name] = loss.detach()
    for (key, _), gradient in zip(inputs.items(), gradients):
        out[f"{name}.gradient.{key}"] = gradient


def sinkhorn(logits, temperature):
    q = torch.exp(logits / temperature).T
    q = q / q.sum()
    for _ in range(3):
        q = q / q.sum(1, keepdim=True) / q.shape[0]
        q = q / q.sum(0, keepdim=True) / q.shape[1]
    return (q * q.shape[1]).T


teacher = sinkhorn(fill([6, 10], 0.2), 0.07)
out["sinkhorn"] = teacher
q = teacher.reshape(2, 3, 10)

local = fill([5, 3, 10], 0.9).requires_grad_()
p = F.log_softmax(local / 0.1, -1)
keep("dino.local", -torch.einsum("tbk,sbk->", q, p) / (3 * 5 * 2), student=local)

both = fill([2, 3, 10], 0.5).requires_grad_()
p = F.log_softmax(both / 0.1, -1)
pairs = -torch.einsum("tbk,sbk->st", q, p)
keep("dino.global", (pairs.sum() - pairs.diagonal().sum()) / (3 * 2 * 2 - 3 * 2), student=both)

hidden = fill([7, 10], 1.1).requires_grad_()
targets = sinkhorn(fill([7, 10], 0.4), 0.05)
weights = torch.tensor([1 / 3] * 3 + [1 / 4] * 4)
keep("ibot", -((targets * F.log_softmax(hidden / 0.1, -1)).sum(-1) * weights).sum() / 4, student=hidden)

tokens = fill([6, 8], 0.3, 1, 0.9).requires_grad_()
unit = F.normalize(tokens, eps=1e-8)
near = (unit @ unit.T).fill_diagonal_(-2).argmax(1)
keep("koleo", -torch.log(F.pairwise_distance(unit, unit[near], eps=1e-8) + 1e-8).mean(), tokens=tokens)

# Two groups of four samples, two neighbours each.
tokens = fill([8, 6], 0.2, 1, 0.77).requires_grad_()
unit = F.normalize(tokens, eps=1e-8)
total = 0
for group in unit.split(4):
    near = (group @ group.T).fill_diagonal_(-2).topk(2, 1).indices
    for column in near.T:
        total = total - torch.log(F.pairwise_distance(group, group[column], eps=1e-8) + 1e-8).sum()
keep("koleo.grouped", total / 16, tokens=tokens)

for level in ("image", "batch"):
    for negatives in ("kept", "removed", "removed_of_teacher", "removed_of_teacher_as_published"):
        student, teacher = fill([2, 4, 8], 0.1, 1, 0.53).requires_grad_(), fill([2, 4, 8], 0.7, 1, 0.31)
        a, b = F.normalize(student, dim=-1), F.normalize(teacher, dim=-1)
        if level == "batch":
            a, b = a.flatten(0, 1), b.flatten(0, 1)
        mine, theirs = a @ a.transpose(-1, -2), b @ b.transpose(-1, -2)
        if negatives == "removed":
            mine = mine.clamp(min=0)
        if negatives == "removed_of_teacher":
            mine = mine.masked_fill((mine < 0) & (theirs < 0), 0)
        if negatives != "kept":
            theirs = theirs.clamp(min=0)
        keep(f"gram.{level}.{negatives}", F.mse_loss(mine, theirs), student=student)

shapes = {
    "last_layer.weight": [6, 4], "mlp.0.bias": [12], "mlp.0.weight": [12, 8], "mlp.2.bias": [12],
    "mlp.2.weight": [12, 12], "mlp.4.bias": [4], "mlp.4.weight": [4, 12],
}
w = {name: fill(shape, 0.1 * j, 0.3).requires_grad_() for j, (name, shape) in enumerate(sorted(shapes.items()))}
x = fill([3, 8], 0).requires_grad_()
y = F.gelu(F.linear(x, w["mlp.0.weight"], w["mlp.0.bias"]))
y = F.gelu(F.linear(y, w["mlp.2.weight"], w["mlp.2.bias"]))
y = F.normalize(F.linear(y, w["mlp.4.weight"], w["mlp.4.bias"]), eps=1e-12)
y = F.linear(y, w["last_layer.weight"])
keep("head", (y * fill([3, 6], 0.7)).sum(), x=x, **{name.replace(".", "_"): value for name, value in w.items()})

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "losses.safetensors")
save_file({name: value.float().contiguous() for name, value in out.items()}, path, metadata={"torch": torch.__version__})
for name, value in sorted(out.items()):
    print(f"{name:36} {str(tuple(value.shape)):10} {value.abs().max().item():.7f}")
