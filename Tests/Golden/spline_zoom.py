"""Writes spline_zoom.json: what scipy.ndimage.zoom makes of small planes with cubic splines (order=3).

Run it again with: python3 -m pip install numpy scipy && python3 Tests/Golden/spline_zoom.py

Planes are given in the types that files of benchmarks have and resized in double precision, so that nothing is rounded in between; targets
are SciPy's own, which rounds sizes times factors to the nearest whole number, halves to even ones. `larger` has planes that grow, which is
all that readers of GEO-Bench ask for; `smaller` has some that shrink. Results have 14 digits.

SciPy finds the place of a pixel as its index times a rounded step. For some pairs of sizes the last place is then the last bit beyond the
end, where SciPy's default mode writes 0. Such pairs are in `past_the_end` alone; all others end with the last pixel.
"""

import json
from pathlib import Path

import numpy as np
import scipy
from scipy.ndimage import zoom

random = np.random.default_rng(31)
TYPES = {"uint8": (0, 256), "int16": (-3000, 12000)}


def drawn(kind, *shape):
    """Numbers of a type: whole ones, those of float32 around 1000, those of float64 around 0 and of few digits."""
    if kind in TYPES:
        return random.integers(*TYPES[kind], shape).astype(kind)
    return (1000 + random.random(shape)).astype(kind) if kind == "float32" else random.normal(0, 0.2, shape).round(4)


def case(name, plane, factors, ends=True):
    plane = np.asarray(plane)
    made = zoom(plane.astype(np.float64), factors, order=3)
    if ends:
        corners = np.ix_((0, -1), (0, -1))
        assert np.allclose(made[corners], plane[corners], rtol=1e-12, atol=1e-12 * np.ptp(plane)), name
    return {"name": name, "dtype": plane.dtype.name, "shape": plane.shape, "target": made.shape,
            "values": plane.ravel().tolist(), "resized": [float(f"{v:.14g}") for v in made.ravel()]}


def to(height, width, plane):
    """The factors that lead to a size."""
    return height / plane.shape[0], width / plane.shape[1]


one, two, three, odd, square = (drawn("float64", *s) for s in ((1, 1), (2, 2), (3, 3), (7, 5), (16, 16)))
row, column, wide = drawn("int16", 1, 7), drawn("uint8", 7, 1), drawn("float64", 4, 9)
impulse, checks = np.zeros((5, 5)), np.indices((6, 6)).sum(0) % 2 * 255
impulse[2, 1] = 1
limits = np.array([[-32768, 32767, 32767], [32767, -32768, 0], [-32768, -32768, 32767]], np.int16)
larger = [
    case("one pixel", one, to(4, 3, one)), case("one row", row, to(1, 13, row)), case("one row becomes three", row, to(3, 8, row)),
    case("one column", column, to(16, 1, column)), case("two pixels a side", two, to(9, 5, two)),
    case("three pixels a side", three, to(4, 4, three)), case("one side stays", drawn("int16", 2, 6), (2.5, 1)),
    case("halves become even", odd, (1.9, 1.9)), case("halves become even, above", odd, (2.5, 2.5)),
    case("8 bits, and beyond", drawn("uint8", 7, 5), (3, 2)), case("16 bits", drawn("int16", 7, 5), (2, 3)),
    case("single precision far from 0", drawn("float32", 7, 5), (2, 2)), case("squares", square, (1.5, 1.25)),
    case("constant", np.full((4, 4), 0.1), (2, 2)), case("impulse", impulse, (2, 3)),
    case("extremes of 8 bits", checks.astype(np.uint8), (1.5, 2)), case("limits of 16 bits, and beyond", limits, (8 / 3, 5 / 3)),
    case("as it is", three, (1, 1)),
]
smaller = [
    case("squares", square, (0.45, 0.3)), case("to one pixel", square, to(1, 1, square), ends=False),
    case("to one column", odd, to(3, 1, odd), ends=False), case("halves become even", drawn("uint8", 9, 9), (0.5, 0.5)),
    case("two pixels become one", two, to(1, 2, two), ends=False), case("one side grows", wide, (2, 1 / 3)),
]
past = case("past the end", drawn("float64", 8, 1), (26 / 8, 1), ends=False)
assert past["resized"][-1] == 0 and past["values"][-1] != 0

result = {"versions": {"numpy": np.__version__, "scipy": scipy.__version__}, "larger": larger, "smaller": smaller, "past_the_end": past}
path = Path(__file__).with_name("spline_zoom.json")
path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
print(path.stat().st_size)
