"""Writes score_measures.json: what SciPy, scikit-learn, torchmetrics and NumPy say of the statistics of scores.

Run it again with: python3 -m pip install numpy scipy scikit-learn torch torchmetrics && python3 Tests/Golden/score_measures.py

Draws of images are those of geodino, written down again from their definition (SplitMix64, then the high word of a product; a draw
that would have to be taken again has a chance of n / 2^64 and stops the script). What is made of them is NumPy's and SciPy's:
percentiles by `numpy.quantile`, BCa intervals by `scipy.stats.bootstrap` on the same draws, quantiles of the normal and of Student's
distribution by `scipy.special`. Numbers are multiples of powers of two where they shall be equal in every precision.
"""

import json
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import scipy
import sklearn
import torch
import torchmetrics
from scipy.special import ndtr, ndtri, stdtrit
from scipy.stats import bootstrap, trim_mean
from sklearn import metrics
from torchmetrics.functional import classification

warnings.filterwarnings("ignore")
NONE = 99


def bits(seed, count):
    """The first outputs of SplitMix64."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, count + 1, dtype=np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def below(words, bound):
    products = [int(word) * bound for word in words]
    assert all(product % 2**64 >= bound for product in products), "a draw would have to be taken again"
    return np.array([product >> 64 for product in products])


def drawn_images(seed, draws, n):
    return below(bits(seed, draws * n), n).reshape(draws, n)


def interval(statistic, n, seed, draws, method, confidence=0.95):
    """`statistic` takes indices of images [..., N] and an axis, and returns NaN where it is not defined."""
    values = statistic(drawn_images(seed, draws, n), -1)
    known = values[~np.isnan(values)]
    tail = (1 - confidence) / 2
    if method == "percentile":
        low, high = np.quantile(known, [tail, 1 - tail])
    elif method == "expanded_percentile":
        share = ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, tail))
        low, high = np.quantile(known, [share, 1 - share])
    else:
        own = bootstrap(
            (np.arange(n),), lambda images, axis=-1: statistic(images.astype(int), axis), n_resamples=0, vectorized=True,
            method="BCa", confidence_level=confidence, bootstrap_result=SimpleNamespace(bootstrap_distribution=known))
        low, high = own.confidence_interval
    return {
        "method": method, "seed": seed, "draws": draws, "confidence": confidence,
        "estimate": float(statistic(np.arange(n), -1)), "low": float(low), "high": float(high),
        "undefined": int(np.isnan(values).sum()),
    }, values


def all_methods(statistic, n, seed, draws):
    cases = [interval(statistic, n, seed, draws, method)[0] for method in ("percentile", "expanded_percentile", "bca")]
    return cases + [interval(statistic, n, seed + 1, draws, "bca", 0.8)[0]]


def mean_statistic(values):
    return lambda images, axis: values[images].mean(axis)


def confusion_statistic(matrices, metric):
    """Images have a confusion matrix each, [N, C, C + 1]."""
    def statistic(images, axis):
        counts = matrices[images].sum(images.ndim - 1)
        return metric(counts)
    return statistic


def mean_iou(counts):
    classes = counts.shape[-2]
    both = np.diagonal(counts, axis1=-2, axis2=-1).astype(float)
    union = counts.sum(-1) + counts[..., :classes].sum(-2) - both
    with np.errstate(invalid="ignore"):
        return np.nanmean(both / union, -1)


def bootstrap_cases(random):
    right = (random.random(40) < 0.8).astype(float)
    errors = np.round(random.exponential(4, 25) * 64) / 64
    matrices = np.zeros((30, 4, 5), int)
    for matrix in matrices:
        mix, quality = random.dirichlet([0.5, 0.4, 0.3, 0.05]), random.beta(6, 2)
        for truth in random.choice(4, 20, p=mix):
            matrix[truth, truth if random.random() < quality else random.integers(0, 5)] += 1
    # Half of the draws of few images do not have the one whose number is known.
    rare = np.array([np.nan, 3, np.nan, 5, np.nan])

    def mean_of_known(images, axis):
        return np.nanmean(rare[images], axis)

    return {
        "mean": [{"values": right.tolist(), "intervals": all_methods(mean_statistic(right), 40, 11, 300)},
                 {"values": errors.tolist(), "intervals": all_methods(mean_statistic(errors), 25, 2**63 + 5, 200)}],
        "confusion": {
            "classes": 4, "rows": matrices.reshape(30, -1).tolist(),
            "mean_iou": all_methods(confusion_statistic(matrices, mean_iou), 30, 7, 250),
        },
        "undefined": {"values": [None if np.isnan(value) else value for value in rare],
                      "interval": interval(mean_of_known, 5, 3, 400, "percentile")[0]},
    }


def comparison_cases(random):
    cases = []
    for n, first, second in [(60, 0.9, 0.6), (60, 0.8, 0.75), (45, 0.5, 0.5), (20, 1.0, 0.3)]:
        a, b = [(random.random(n) < p).astype(float) for p in (first, second)]
        found, values = interval(mean_statistic(a - b), n, n, 500, "percentile")
        share = min((values <= 0).mean(), (values >= 0).mean())
        cases.append({
            "first": a.astype(int).tolist(), "second": b.astype(int).tolist(), "interval": found,
            "p": float(np.clip(2 * share, 1 / len(values), 1)),
        })
    return cases


def interquartile_cases(random):
    lists = [np.round(random.normal(0.6, 0.1, n), 4) for n in (1, 2, 3, 4, 5, 7, 8, 11, 20)]
    tasks = [np.round(random.normal(mean, 0.05, n), 4) for mean, n in [(0.4, 5), (0.7, 3), (0.5, 1), (0.9, 6)]]
    seed, draws = 101, 100
    words, place, drawn = bits(seed, draws * sum(map(len, tasks))), 0, []
    for _ in range(draws):
        pool = []
        for task in tasks:
            pool.append(task[below(words[place:place + len(task)], len(task))])
            place += len(task)
        drawn.append(trim_mean(np.concatenate(pool), 0.25))
    one = [trim_mean(tasks[0][images], 0.25) for images in drawn_images(5, draws, len(tasks[0]))]
    return {
        "lists": [{"values": values.tolist(), "mean": float(trim_mean(values, 0.25))} for values in lists],
        "tasks": [values.tolist() for values in tasks],
        "seed": seed,
        "estimate": float(trim_mean(np.concatenate(tasks), 0.25)),
        "ends": np.quantile(drawn, [0.025, 0.975]).tolist(),
        "one_seed": 5,
        "one_ends": np.quantile(one, [0.025, 0.975]).tolist(),
        "spread": [float(tasks[3].mean()), float(tasks[3].std(ddof=1))],
    }


def label_case(random, n, labels, truth_share, levels):
    truth = random.random((n, labels)) < np.array(truth_share)
    scores = np.clip(random.integers(0, levels, (n, labels)) * 0.6 + truth * random.integers(0, levels, (n, labels)) * 0.4, 0, None)
    scores = np.round(scores / (levels - 1) * 64) / 64
    scores[:, np.array(truth_share) == 0] /= 4
    found = scores > 0.5
    t, p, s = torch.tensor(truth.astype(int)), torch.tensor(found.astype(int)), torch.tensor(scores)
    f1 = metrics.f1_score(truth, found, average=None, zero_division=np.nan)
    present = (truth | found).any(0)
    case = {
        "labels": labels,
        "truth": ["".join("01"[int(value)] for value in row) for row in truth],
        "scores_64": (scores * 64).astype(int).tolist(),
        "f1": [float(value) if here else None for value, here in zip(f1, present)],
        "micro_f1": float(metrics.f1_score(truth, found, average="micro")),
        "macro_f1_all": float(metrics.f1_score(truth, found, average="macro", zero_division=0)),
        "macro_f1": float(np.mean(f1[present])),
        "subset_accuracy": float(metrics.accuracy_score(truth, found)),
        "counts": metrics.multilabel_confusion_matrix(truth, found).reshape(labels, 4).tolist(),
        "average_precision": [float(metrics.average_precision_score(truth[:, k], scores[:, k])) if truth[:, k].any() else None
                              for k in range(labels)],
    }
    each = dict(num_labels=labels, threshold=0.5)
    assert np.isclose(case["micro_f1"], classification.multilabel_f1_score(p, t, average="micro", **each))
    assert np.isclose(case["macro_f1_all"], classification.multilabel_f1_score(p, t, average="macro", **each))
    theirs = classification.multilabel_average_precision(s, t, num_labels=labels, average=None).numpy()
    ours = np.array([np.nan if value is None else value for value in case["average_precision"]])
    assert np.allclose(theirs[~np.isnan(ours)], ours[~np.isnan(ours)], rtol=1e-6)
    # Drawn samples weigh as often as they are drawn.
    times = np.bincount(drawn_images(n, 1, n)[0], minlength=n)
    case["drawn_seed"] = n
    case["drawn"] = [
        float(metrics.average_precision_score(truth[:, k], scores[:, k], sample_weight=times)) if (truth[:, k] & (times > 0)).any()
        else None for k in range(labels)]
    return case


def class_case(random, n, classes, truths, predictions, none):
    truth, found = random.choice(truths, n), random.choice(predictions, n)
    keep = random.random(n) < 0.6
    found[keep & np.isin(truth, predictions)] = truth[keep & np.isin(truth, predictions)]
    found[random.random(n) < none] = NONE
    return {
        "classes": classes, "truth": truth.tolist(), "prediction": [None if value == NONE else int(value) for value in found],
        "balanced": float(metrics.balanced_accuracy_score(truth, found)),
    }


def top_case(random, n, classes):
    # No two scores of a row are equal.
    scores = np.array([random.permutation(4 * classes)[:classes] for _ in range(n)])
    truth = random.integers(0, classes, n)
    top = [float(metrics.top_k_accuracy_score(truth, scores, k=k, labels=range(classes))) for k in range(1, classes)]
    return {"classes": classes, "truth": truth.tolist(), "scores": scores.ravel().tolist(), "top": top}


def calibration_case(random, bins, n):
    # No confidence lies on the bound of a bin, where torchmetrics decides otherwise.
    confidence = (random.integers(512, 1023, n) + 0.5) / 1024
    assert not np.isin(confidence, np.linspace(0, 1, bins + 1)).any()
    right = random.random(n) < confidence**2
    # Of two classes, the second one is predicted wherever its probability is above a half.
    given = dict(n_bins=bins)
    p, t = torch.tensor(confidence, dtype=torch.float64), torch.tensor(right.astype(int))
    norms = {norm: float(classification.binary_calibration_error(p, t, norm=norm, **given)) for norm in ("l1", "l2", "max")}
    return {"bins": bins, "confidence_2048": (confidence * 2048).astype(int).tolist(),
            "right": "".join("01"[int(value)] for value in right), **norms}


def main():
    random = np.random.default_rng(20260214)
    shares = [1e-12, 1e-6, 0.001, 0.02425, 0.025, 0.1, 0.3, 0.5, 0.7, 0.975, 0.999]
    golden = {
        "versions": {module.__name__: module.__version__ for module in (np, scipy, sklearn, torch, torchmetrics)},
        "stream": {"seed": 1234567, "bits": [str(value) for value in bits(1234567, 5)],
                   "below_7": below(bits(99, 20), 7).tolist()},
        "normal": [{"share": share, "value": float(ndtri(share))} for share in shares],
        "student": [{"share": share, "freedom": freedom, "value": float(stdtrit(freedom, share))}
                    for freedom in (1, 2, 3, 4, 5, 10, 49, 200, 201, 999, 19999) for share in (0.0005, 0.025, 0.3, 0.9)],
        "bootstrap": bootstrap_cases(random),
        "comparison": comparison_cases(random),
        "interquartile": interquartile_cases(random),
        "labels": [label_case(random, 60, 5, [0.5, 0.3, 0.1, 0.05, 0], 9), label_case(random, 25, 3, [0.2, 0.9, 0.04], 4),
                   label_case(random, 40, 2, [0.4, 0.6], 65)],
        "classes": [class_case(random, 80, 5, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4], 0),
                    class_case(random, 60, 6, [0, 1, 1, 1, 4], [0, 1, 2, 4], 0.15), class_case(random, 20, 2, [1], [0, 1], 0)],
        "top": [top_case(random, 40, 6), top_case(random, 15, 3)],
        "calibration": [calibration_case(random, bins, 150) for bins in (10, 15)],
    }
    Path(__file__).with_name("score_measures.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


main()
