"""Writes scoring.json: heights, predictions and what scikit-learn says about them.

Run it again with: python3 -m pip install numpy scikit-learn && python3 Tests/Golden/scoring.py
"""

import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

NODATA = -9999.0
PIXEL_METRES = 2.0


def block_means(values, valid, side):
    """Means over squares that start at the corner; a square counts when half of its full area is valid."""
    means = []
    for top in range(0, values.shape[0], side):
        for left in range(0, values.shape[1], side):
            inside = valid[top : top + side, left : left + side]
            if 2 * inside.sum() >= side * side:
                means.append(values[top : top + side, left : left + side][inside].mean())
    return np.array(means)


def main():
    random = np.random.default_rng(20240607)
    rows, columns = 43, 51
    y, x = np.mgrid[0:rows, 0:columns]
    smooth = 14 + 9 * np.sin(x / 9.0) * np.cos(y / 7.0)
    # Multiples of 1/8 m are exact in single precision, so file and script see the same numbers.
    truth = np.round((smooth + random.normal(0, 3, smooth.shape)) * 8) / 8
    prediction = np.round((0.8 * smooth + 2 + random.normal(0, 2, smooth.shape)) * 8) / 8
    truth[10:14, 20:30] = -0.5
    prediction[30:33, 5:9] = -1.25
    truth_valid = np.ones(truth.shape, bool)
    truth_valid[0:9, 0:12] = False
    truth_valid[25, ::3] = False
    prediction_valid = np.ones(truth.shape, bool)
    prediction_valid[35:, 40:] = False
    valid = truth_valid & prediction_valid

    t, p = np.maximum(truth, 0), np.maximum(prediction, 0)
    cases = []
    for side in (1, 5, 7, 20):
        block_truth, block_prediction = block_means(t, valid, side), block_means(p, valid, side)
        enough = len(block_truth) >= 10
        cases.append(
            {
                "block_metres": side * PIXEL_METRES,
                "block_count": len(block_truth),
                "block_r2": r2_score(block_truth, block_prediction) if enough else None,
            }
        )
    tv, pv = t[valid], p[valid]
    golden = {
        "scikit_learn": sklearn.__version__,
        "rows": rows,
        "columns": columns,
        "pixel_metres": PIXEL_METRES,
        "nodata": NODATA,
        "truth": np.where(truth_valid, truth, NODATA).ravel().tolist(),
        "prediction": np.where(prediction_valid, prediction, NODATA).ravel().tolist(),
        "pixel_count": int(valid.sum()),
        "mae_m": mean_absolute_error(tv, pv),
        "rmse_m": mean_squared_error(tv, pv) ** 0.5,
        "bias_m": float((pv - tv).mean()),
        "r2": r2_score(tv, pv),
        "mean_truth_m": float(tv.mean()),
        "mean_predictor_mae_m": mean_absolute_error(tv, np.full_like(tv, tv.mean())),
        "constant_m": 11.5,
        "constant_mae_m": mean_absolute_error(tv, np.full_like(tv, 11.5)),
        "blocks": cases,
    }
    Path(__file__).with_name("scoring.json").write_text(json.dumps(golden) + "\n")


main()
