"""Writes measures.json: what scikit-learn, SciPy and NumPy say of maps of classes and of probabilities.

Run it again with: python3 -m pip install numpy scikit-learn && python3 Tests/Golden/measures.py
"""

import json
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.ndimage import binary_erosion
from scipy.optimize import brentq
from scipy.special import softmax
from sklearn import metrics

NONE, IGNORED = 99, -1
LETTERS = {NONE: "n", IGNORED: "."}


def text(labels):
    """One sign a pixel: a class's index, n for none, a dot for no truth."""
    return "".join(LETTERS.get(int(label), str(int(label))) for label in np.ravel(labels))


def numbers(values):
    """Numbers, and null where one is not defined."""
    return [None if np.isnan(value) else float(value) for value in np.atleast_1d(values)]


def confusion(random, classes, size, truth_classes, predicted_classes, none):
    truth = random.choice(truth_classes, size)
    prediction = np.where(random.random(size) < 0.5, truth, random.choice(predicted_classes, size))
    prediction[~np.isin(prediction, predicted_classes)] = predicted_classes[0]
    prediction[random.random(size) < none] = NONE
    truth[random.random(size) < 0.1] = IGNORED
    t, p = truth[truth != IGNORED], prediction[truth != IGNORED]
    labels = list(range(classes))
    matrix = metrics.confusion_matrix(t, p, labels=[*labels, NONE])
    each = {"labels": labels, "average": None, "zero_division": np.nan}
    present = np.isin(labels, np.union1d(t, p))
    iou = np.where(present, metrics.jaccard_score(t, p, labels=labels, average=None, zero_division=0), np.nan)
    # What mmsegmentation makes of its four histograms of areas.
    both = np.diag(matrix)[:-1].astype(float)
    with np.errstate(invalid="ignore"):
        areas = both / (matrix.sum(0)[:-1] + matrix.sum(1)[:-1] - both)
    assert np.allclose(areas, iou, rtol=1e-14, equal_nan=True)
    frequency = matrix.sum(1)[:-1] / matrix.sum()
    return {
        "classes": classes,
        "truth": text(truth),
        "prediction": text(prediction),
        "matrix": matrix[:-1].tolist(),
        "iou": numbers(iou),
        "precision": numbers(metrics.precision_score(t, p, **each)),
        "recall": numbers(metrics.recall_score(t, p, **each)),
        "f1": numbers(metrics.f1_score(t, p, **each)),
        "mean_iou": float(np.nanmean(areas)),
        "mean_iou_without_0": float(np.nanmean(areas[1:])),
        "accuracy": float(metrics.accuracy_score(t, p)),
        "kappa": float(metrics.cohen_kappa_score(t, p)),
        "macro_f1": float(np.mean(metrics.f1_score(t, p, labels=np.array(labels)[present], average=None))),
        "frequency_weighted_iou": float(np.nansum(frequency * areas)),
    }


def segmentation(random, classes, truths, found_values, empty_label=None):
    """Metrics of several images by mmsegmentation's definition: sums of histograms of areas, then means without NaN.

    Written from the formulas. Over the pixels that have a label, the areas of a class in the label (L), in the
    prediction (P) and in both (B) are added up over all images; IoU = B / (P + L - B), accuracy = B / L,
    Dice = 2 B / (P + L), precision = B / P. A prediction beyond the classes is in no histogram. Labels of 255 are
    ignored; if empty_label is 0, those of 0 as well, and every other label moves down by one (reduce_zero_label).
    """

    def areas(values):
        return np.histogram(values, bins=classes, range=(0, classes - 1))[0].astype(float)

    images, sums = [], np.zeros((3, classes))
    for shape, truth_values in truths:
        label = random.choice(truth_values, shape)
        found = np.where(random.random(shape) < 0.6, label - (empty_label == 0), random.choice(found_values, shape))
        found[~np.isin(found, found_values)] = found_values[-1]
        images.append({"label": label.ravel().tolist(), "prediction": found.ravel().tolist()})
        known = label != 255
        if empty_label == 0:
            known &= label != 0
            label = label - 1
        label, found = label[known], found[known]
        sums += [areas(label), areas(found), areas(found[found == label])]
    label, found, both = sums
    with np.errstate(invalid="ignore"):
        iou, accuracy = both / (found + label - both), both / label
        dice, precision = 2 * both / (found + label), both / found
    return {
        "classes": classes,
        "empty_label": empty_label,
        "images": images,
        "iou": numbers(iou),
        "accuracy": numbers(accuracy),
        "dice": numbers(dice),
        "precision": numbers(precision),
        "mean_iou": float(np.nanmean(iou)),
        "mean_accuracy": float(np.nanmean(accuracy)),
        "mean_dice": float(np.nanmean(dice)),
        "all_accuracy": float(both.sum() / label.sum()),
    }


def calibration(random, bins):
    confidence = random.integers(0, 1025, 200) / 1024
    right = random.random(200) < confidence**1.5
    edges = np.linspace(0, 1, bins + 1)
    expected, largest = 0.0, 0.0
    for index, (low, high) in enumerate(zip(edges[:-1], edges[1:])):
        inside = (confidence > low) & (confidence <= high) | (index == 0) & (confidence == 0)
        if inside.any():
            gap = abs(confidence[inside].mean() - right[inside].mean())
            expected += gap * inside.mean()
            largest = max(largest, gap)
    return {
        "bins": bins,
        "confidence_1024": (confidence * 1024).astype(int).tolist(),
        "right": "".join("1" if value else "0" for value in right),
        "expected_error": expected,
        "maximum_error": largest,
        "brier": float(metrics.brier_score_loss(right, confidence)),
    }


def temperature(random, rows, classes, scale):
    truth = np.concatenate([np.arange(classes), random.integers(0, classes, rows - classes)])
    logits = random.normal(0, 1, (rows, classes))
    logits[np.arange(rows), truth] += 1
    logits = np.round(logits * scale * 16) / 16

    def slope(b):
        return np.mean((softmax(b * logits, axis=1) * logits).sum(1) - logits[np.arange(rows), truth])

    best = brentq(slope, 1e-3, 1e3, xtol=1e-15, rtol=1e-14)
    return {
        "classes": classes,
        "truth": text(truth),
        "logits_16": (logits * 16).astype(int).ravel().tolist(),
        "temperature": 1 / best,
        "loss_before": float(metrics.log_loss(truth, softmax(logits, axis=1))),
        "loss_after": float(metrics.log_loss(truth, softmax(best * logits, axis=1))),
    }


def near_border(labels, index, distance):
    mask = labels == index
    return mask & ~binary_erosion(mask, np.ones((3, 3)), iterations=distance, border_value=0)


def boundary(random, classes, distances):
    rows, columns = 26, 31
    y, x = np.mgrid[0:rows, 0:columns]
    truth = np.clip((x // 9 + y // 10) % (classes + 1), 0, classes - 1)
    prediction = np.roll(truth, (1, 2), (0, 1))
    noise = random.random(truth.shape) < 0.01
    prediction[noise] = random.integers(0, classes, noise.sum())
    truth[20:24, 3:8] = IGNORED
    prediction[5:8, 22:26] = NONE
    t, p = truth, np.where(truth == IGNORED, IGNORED, prediction)
    cases = []
    for distance in distances:
        iou = []
        for index in range(classes):
            g, d = near_border(t, index, distance), near_border(p, index, distance)
            iou.append(np.sum(g & d) / np.sum(g | d) if np.any(g | d) else np.nan)
        cases.append({"distance": distance, "iou": numbers(iou), "mean_iou": float(np.nanmean(iou))})
    return {
        "classes": classes,
        "rows": rows,
        "columns": columns,
        "truth": text(truth),
        "prediction": text(prediction),
        "cases": cases,
    }


def main():
    random = np.random.default_rng(20250211)
    golden = {
        "versions": {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__},
        "confusion": [
            confusion(random, 4, 300, [0, 1, 2, 3], [0, 1, 2, 3], 0),
            confusion(random, 7, 500, [0, 1, 2, 5], [0, 2, 3, 5], 0.15),
            confusion(random, 3, 60, [1], [0, 1], 0.2),
            confusion(random, 2, 60, [0, 1], [0], 0),
        ],
        "calibration": [calibration(random, bins) for bins in (10, 15)],
        "temperature": [temperature(random, 80, 4, 4.0), temperature(random, 120, 3, 0.5)],
        "boundary": [boundary(random, 4, [1, 2, 3, 7])],
        "segmentation": [
            segmentation(random, 5, [(shape, [*range(5), 255]) for shape in [(9, 11), (1, 1), (16, 7)]], [*range(5)]),
            # As in LoveDA: labels from 1 to 7, of which some are nowhere, and 0 where there is none.
            segmentation(random, 7, [((12, 10), [0, 1, 2, 4]), ((8, 8), [0, 2, 7, 255])], [0, 1, 3, 5], empty_label=0),
            # Classes 1 and 3 are only predicted, 2 is only true, 4 and 5 are nowhere, 254 is unsure.
            segmentation(random, 6, [((10, 10), [0, 2, 255]), ((3, 5), [2])], [0, 1, 3, 254]),
            # An image without labels, then one whose only class is always missed; and all right.
            segmentation(random, 2, [((4, 4), [255]), ((5, 6), [1, 255])], [0]),
            segmentation(random, 3, [((4, 4), [2])], [2]),
        ],
    }
    Path(__file__).with_name("measures.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


main()
