"""Writes class_losses.safetensors: the losses of classes per pixel and their gradients, for ClassLossTests.

    pip install torch transformers safetensors
    python Tests/Golden/class_losses.py

Cross-entropy is torch.nn.functional.cross_entropy; focal and dice loss are written from their formulas. Logits follow from a formula
(`fill` of backbone.py), so that only answers are stored. Everything is computed in double precision and stored in single. The test
needs no Python.
"""

import os

import torch
import torch.nn.functional as F
from backbone import fill
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
IGNORED = 255
SHAPE = [2, 5, 4, 6]
WEIGHTS = torch.tensor([0.5, 2, 1, 0.25, 3], dtype=torch.float64)
answers = {}

# Four of the five classes occur; every fifth pixel has no label.
pixels = torch.arange(SHAPE[0] * SHAPE[2] * SHAPE[3])
target = torch.where(pixels % 5 == 3, IGNORED, pixels * 7 % 4).reshape(SHAPE[0], SHAPE[2], SHAPE[3])
valid = target != IGNORED


def keep(name, loss, amplitude=3.0):
    """Stores a loss of logits and its gradient."""
    logits = fill(SHAPE, 0.3, amplitude).requires_grad_()
    value = loss(logits)
    answers[name] = value
    answers[f"{name}.gradient"] = torch.autograd.grad(value, logits)[0]


def cross_entropy(weight=None, smoothing=0.0):
    return lambda logits: F.cross_entropy(
        logits, target, weight=weight, ignore_index=IGNORED, label_smoothing=smoothing)


def focal(gamma, weight=None):
    """Lin and others, 2017, equation 5; the mean over labelled pixels by their classes' weights."""
    def loss(logits):
        truth = target[valid]
        share = logits.softmax(1).permute(0, 2, 3, 1)[valid].gather(1, truth[:, None])[:, 0]
        weights = torch.ones_like(share) if weight is None else weight[truth]
        return -(weights * (1 - share) ** gamma * share.log()).sum() / weights.sum()
    return loss


def dice(logits):
    """One minus the mean overlap of the classes that occur, over the whole batch."""
    shares = logits.softmax(1).permute(0, 2, 3, 1)[valid]
    truth = F.one_hot(target[valid], SHAPE[1]).double()
    overlaps = 2 * (shares * truth).sum(0) / (shares.sum(0) + truth.sum(0))
    return 1 - overlaps[truth.sum(0) > 0].mean()


def main():
    keep("cross_entropy", cross_entropy())
    keep("cross_entropy.weighted", cross_entropy(WEIGHTS))
    keep("cross_entropy.smooth", cross_entropy(None, 0.1))
    keep("cross_entropy.weighted.smooth", cross_entropy(WEIGHTS, 0.1))
    # Shares down to exp(-300), which single precision does not have.
    keep("cross_entropy.far", cross_entropy(WEIGHTS, 0.1), 150.0)
    keep("focal.2", focal(2))
    keep("focal.2.weighted", focal(2, WEIGHTS))
    keep("focal.half", focal(0.5))
    keep("dice", dice)
    path = os.path.join(HERE, "class_losses.safetensors")
    save_file(
        {name: value.detach().float().contiguous() for name, value in answers.items()}, path,
        metadata={"torch": torch.__version__.split("+")[0]})
    for name, value in answers.items():
        print(f"{name:40} {str(tuple(value.shape)):14} {value.abs().max().item():.7f}")
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
