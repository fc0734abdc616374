"""Writes probes.json: what scikit-learn and PyTorch make of small classification problems on given features.

Run it again with: python3 -m pip install numpy scikit-learn torch && OMP_NUM_THREADS=1 python3 Tests/Golden/probes.py

Features are whole numbers of 1/64 (and whole numbers for offsets), which float32 holds exactly. Logistic regressions are solved by
scikit-learn's Newton solver to a tolerance of 1e-12 and found equal to those of its L-BFGS solver, run with the same tolerance and
100,000 iterations. Where features are far from 0, scikit-learn is given them centred, which changes the intercepts alone.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import sklearn
import torch
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier

UNIT = 64
STRENGTHS = 10 ** np.linspace(-6, 5, 45)
RIDGES = [1e-3, 1e-2, 1e-1, 1, 10, 100, 1e3, 1e4, 1e5]
SHOWN = [8, 24, 40]
WORD = (1 << 64) - 1


def digits(values, count=12):
    return [float(f"{value:.{count}g}") for value in np.ravel(values)]


def problem(seed, sizes, width, classes, spread, offset=0, constant=False, names=None):
    """Three sets of samples around one centre per class; along some directions they differ far more than along others."""
    random = np.random.default_rng(seed)
    names = list(range(classes)) if names is None else names
    centres = random.normal(size=(classes, width)) * spread
    scales = np.geomspace(2, 0.2, width)
    sets = []
    for size in sizes:
        truth = np.concatenate([names, random.choice(names, size - len(names))])
        features = np.round((centres[truth] + random.normal(size=(size, width))) * scales * UNIT) / UNIT + offset
        if constant:
            features[:, 1] = 3
        sets.append((features, truth))
    return sets


def labelled(seed, sizes, width, labels):
    """Three sets of samples with labels that depend on the features; label 1 always holds, label 2 never."""
    random = np.random.default_rng(seed)
    directions = random.normal(size=(width, labels))
    sets = []
    for size in sizes:
        features = np.round(random.normal(size=(size, width)) * UNIT) / UNIT
        truth = features @ directions + random.normal(size=(size, labels)) > np.linspace(-1, 1, labels)
        truth[:, 1], truth[:, 2] = True, False
        sets.append((features, truth.astype(int)))
    return sets


def fitted(x, y, strength, solver="newton-cholesky"):
    model = LogisticRegression(C=strength, solver=solver, tol=1e-12, max_iter=100_000)
    with warnings.catch_warnings():
        # Without a step that gains anything the solvers warn, at rounding.
        warnings.simplefilter("ignore")
        if y.ndim == 2:
            return OneVsRestClassifier(model).fit(x, y)
        return model.fit(x, y)


def columns(model):
    """Weights [D, K] of the classes or labels that were learnt."""
    if not hasattr(model, "estimators_"):
        return model.coef_.T
    return np.concatenate([one.coef_ for one in model.estimators_ if hasattr(one, "coef_")]).T


def score(truth, predicted):
    return f1_score(truth, predicted, average="micro") if truth.ndim == 2 else np.mean(truth == predicted)


def gap(model, x):
    """How near a decision is to another one, as a share of how much decisions differ."""
    if hasattr(model, "estimators_"):
        values = [one.decision_function(x) for one in model.estimators_ if hasattr(one, "coef_")]
        return min(np.abs(value).min() / np.ptp(value) for value in values)
    values = model.decision_function(x)
    if values.ndim == 1:
        return np.abs(values).min() / np.ptp(values)
    values = np.sort(values, 1)
    return (values[:, -1] - values[:, -2]).min() / np.ptp(model.decision_function(x), 0).max()


def numbers(sets):
    return [np.round(x * UNIT).astype(int).ravel().tolist() for x, _ in sets]


def logistic(name, sets, classes):
    (x, y), (xv, yv), (xt, _) = sets
    centre = np.round(x.mean(0))
    x, xv, xt = x - centre, xv - centre, xt - centre
    scores, shown = [], []
    for index, strength in enumerate(STRENGTHS):
        model = fitted(x, y, strength)
        scores.append(score(yv, model.predict(xv)))
        assert gap(model, xv) > 2e-4, (name, strength, gap(model, xv))
        if index in SHOWN:
            other = fitted(x, y, strength, "lbfgs")
            assert np.abs(columns(model) - columns(other)).max() < 1e-4 * np.abs(columns(model)).max(), (name, strength)
            shown.append(digits(columns(model), 8))
    chosen = int(np.argmax(scores))
    final = fitted(np.concatenate([x, xv]), np.concatenate([y, yv]), STRENGTHS[chosen])
    said = final.predict_proba(xt)
    probabilities = said if y.ndim == 2 else np.zeros((len(xt), classes))
    if y.ndim == 1:
        probabilities[:, final.classes_] = said
    return {
        "name": name,
        "labels": y.ndim == 2,
        "classes": classes,
        "width": x.shape[1],
        "features": numbers(sets),
        "truth": [truth.ravel().tolist() for _, truth in sets],
        "scores": digits(scores, 15),
        "weights": shown,
        "chosen": chosen,
        "refitted": digits(columns(final), 8),
        "predictions": final.predict(xt).ravel().tolist(),
        "probabilities": digits(probabilities, 7),
        "ridge": ridge(sets),
    }


def ridge(sets):
    (x, y), (xv, yv), (xt, _) = sets
    centre = x.mean(0)
    if y.ndim == 2:
        learnt = np.flatnonzero((y.min(0) == 0) & (y.max(0) == 1))
        y, yv = y[:, learnt], yv[:, learnt]
    scores = []
    for value in RIDGES:
        model = RidgeClassifier(alpha=value, solver="svd").fit(x - centre, y)
        scores.append(score(yv, model.predict(xv - centre)))
    chosen = len(RIDGES) - 1 - int(np.argmax(scores[::-1]))
    model = RidgeClassifier(alpha=2, solver="svd").fit(x - centre, y)
    final = RidgeClassifier(alpha=RIDGES[chosen], solver="svd")
    both = np.concatenate([x, xv])
    final.fit(both - both.mean(0), np.concatenate([y, yv]))
    return {
        "weights": digits(model.coef_.T, 11),
        "chosen": chosen,
        "predictions": final.predict(xt - both.mean(0)).ravel().tolist(),
    }


def neighbours(seed):
    (x, y), (xq, _) = problem(seed, [70, 25], 6, 4, 1.0)
    found = {"classes": 4, "width": 6, "features": numbers([(x, y), (xq, y)]), "truth": y.tolist(), "cosine": []}
    for count in [3, 10, 20, 70]:
        model = KNeighborsClassifier(
            count, metric="cosine", algorithm="brute", weights=lambda distances: softmax((1 - distances) / 0.07, axis=1)
        ).fit(x, y)
        found["cosine"].append(
            {
                "neighbours": count,
                "predictions": model.predict(xq).tolist(),
                "probabilities": digits(model.predict_proba(xq), 7),
            }
        )
    # The same samples far from 0.
    plain = KNeighborsClassifier(5, algorithm="kd_tree").fit(x, y)
    found["distance"] = {
        "predictions": plain.predict(xq).tolist(),
        "probabilities": digits(plain.predict_proba(xq), 7),
    }
    several = np.stack([y % 2, y > 1, (y == 2) | (x[:, 0] > 0)], 1).astype(int)
    found["labels"] = several.ravel().tolist()
    found["label_predictions"] = KNeighborsClassifier(5).fit(x, several).predict(xq).ravel().tolist()
    return found


def mixed(word):
    z = (word + 0x9E3779B97F4A7C15) & WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)


def permutation(seed, path, count):
    """The permutation of `CounterRandom(seed: seed, path: path)`."""
    state = mixed((seed + 0x5851F42D4C957F2D) & WORD)
    for part in path:
        state = mixed(state ^ ((part * 0xD6E8FEB86659FD93) & WORD))
    order = list(range(count))
    for last in range(count - 1, 0, -1):
        word = mixed(state)
        state = (state + 0x9E3779B97F4A7C15) & WORD
        other = (word * (last + 1)) >> 64
        order[last], order[other] = order[other], order[last]
    return order


def sweep(seed, several):
    """Layers trained by torch.optim.SGD, one at a time."""
    if several:
        (x, y), _, _ = labelled(seed, [30, 1, 1], 5, 4)
    else:
        (x, y), _, _ = problem(seed, [30, 3, 3], 5, 3, 1.0)
    width = y.shape[1] if several else 3
    rates, batch, epochs, iterations, order_seed = [1e-2, 0.5, 4.0], 8, 2, 9, 3
    order = []
    while len(order) < batch * epochs * iterations:
        order += permutation(order_seed ^ 0x7377656570, [len(order) // len(x)], len(x))
    start = np.round(np.random.default_rng(seed).normal(size=(5, len(rates) * width)) * 64) / 64
    features = torch.tensor(x)
    truth = torch.tensor(y).double() if several else torch.tensor(y)
    weights, intercepts = [], []
    for place, rate in enumerate(rates):
        layer = torch.nn.Linear(5, width, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(start[:, place * width : (place + 1) * width].T))
            layer.bias.zero_()
        optimizer = torch.optim.SGD(layer.parameters(), lr=rate * batch / 256, momentum=0.9)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * iterations, eta_min=0)
        loss = torch.nn.BCEWithLogitsLoss() if several else torch.nn.CrossEntropyLoss()
        for step in range(epochs * iterations):
            rows = order[step * batch : (step + 1) * batch]
            optimizer.zero_grad()
            loss(layer(features[rows]), truth[rows]).backward()
            optimizer.step()
            schedule.step()
        weights.append(layer.weight.detach().numpy().T)
        intercepts.append(layer.bias.detach().numpy())
    return {
        "labels": several,
        "classes": width,
        "width": 5,
        "features": np.round(x * UNIT).astype(int).ravel().tolist(),
        "truth": y.ravel().tolist(),
        "rates": rates,
        "batch": batch,
        "epochs": epochs,
        "iterations": iterations,
        "seed": order_seed,
        "start": start.ravel().tolist(),
        "weights": digits(np.concatenate(weights, 1), 9),
        "intercepts": digits(np.concatenate(intercepts), 9),
    }


golden = {
    "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__, "torch": torch.__version__},
    "logistic": [
        logistic("three classes", problem(1, [90, 40, 20], 8, 3, 0.6), 3),
        logistic("more features than samples", problem(2, [24, 15, 10], 40, 3, 0.3), 3),
        logistic("far from 0", problem(9, [80, 40, 20], 8, 4, 0.7, offset=10_000), 4),
        logistic("two classes and a constant feature", problem(1, [60, 30, 15], 8, 2, 0.4, constant=True), 2),
        logistic("an absent class", problem(1, [70, 30, 15], 6, 5, 0.7, names=[0, 1, 3, 4]), 5),
        logistic("labels", labelled(6, [80, 40, 15], 8, 5), 5),
    ],
    "neighbours": neighbours(7),
    "sweep": [sweep(8, False), sweep(9, True)],
}
text = json.dumps(golden, separators=(",", ":"))
(Path(__file__).parent / "probes.json").write_text(text + "\n")
print(len(text), [(case["name"], case["chosen"], case["ridge"]["chosen"]) for case in golden["logistic"]])
