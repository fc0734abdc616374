"""Writes labels.json: which pixels rasterio (GDAL's rasterizer) burns for some polygons and lines, and for a buffered line.

    pip install rasterio shapely
    python Tests/Golden/labels.py

RasterTests reads the file; nothing here runs in CI. No edge passes through a pixel's centre or along its side, where
rasterizers may differ. Masks are strings, one for each row: # for burnt.
"""

import json
import os

import rasterio
import shapely
from rasterio.features import rasterize
from rasterio.transform import from_origin
from shapely.geometry import LineString, Polygon, box, mapping, shape

HERE = os.path.dirname(os.path.abspath(__file__))
X, Y, PIXEL, WIDTH, HEIGHT = 500_000.0, 5_000_000.0, 10.0, 32, 24
TRANSFORM = from_origin(X, Y, PIXEL, PIXEL)


def placed(points):
    """Columns and rows as coordinates."""
    return [[X + PIXEL * column, Y - PIXEL * row] for column, row in points]


def polygon(*rings):
    return {"type": "Polygon", "coordinates": [placed(ring + ring[:1]) for ring in rings]}


GEOMETRIES = {
    "hole": polygon(
        [(2.31, 3.17), (20.73, 1.29), (25.11, 15.83), (8.47, 21.61)],
        [(9.13, 6.77), (16.37, 5.21), (17.79, 12.43), (10.83, 14.29)],
    ),
    "clockwise": polygon([(3.21, 20.37), (12.67, 22.91), (27.43, 11.57), (18.29, 2.83)][::-1]),
    "star": polygon([(16.13, 1.37), (23.57, 22.31), (4.29, 9.43), (28.61, 8.77), (8.83, 21.17)]),
    "sliver": polygon([(1.23, 1.41), (30.37, 22.67), (30.83, 22.19)]),
    "parts": {
        "type": "MultiPolygon",
        "coordinates": [
            polygon([(1.37, 1.19), (7.81, 2.23), (4.59, 9.87)])["coordinates"],
            polygon([(20.21, 14.43), (29.67, 12.79), (26.43, 22.31), (21.87, 20.63)])["coordinates"],
        ],
    },
    "outside": polygon([(-7.31, 5.29), (6.47, -8.63), (44.83, 10.57), (25.19, 33.71)]),
}
LINE = [(2.37, 3.81), (14.63, 9.29), (15.17, 20.43), (29.71, 4.67)]
LINE_WIDTH = 39.0


def burn(geometry, all_touched=False):
    mask = rasterize(
        [(geometry, 1)], out_shape=(HEIGHT, WIDTH), transform=TRANSFORM, all_touched=all_touched, dtype="uint8"
    )
    return ["".join("#" if value else "." for value in row) for row in mask]


def touched(geometry):
    """The pixels that share a point with a geometry, by shapely; a self-crossing polygon is mended by even and odd."""
    mended = shape(geometry) if geometry["type"] != "Polygon" else shapely.make_valid(shape(geometry))
    rows = []
    for row in range(HEIGHT):
        cells = [
            box(X + PIXEL * c, Y - PIXEL * (row + 1), X + PIXEL * (c + 1), Y - PIXEL * row) for c in range(WIDTH)
        ]
        rows.append("".join("#" if mended.intersects(cell) else "." for cell in cells))
    return rows


def main():
    polygons = []
    for name, geometry in GEOMETRIES.items():
        rasterio_touched, shapely_touched = burn(geometry, all_touched=True), touched(geometry)
        different = sum(a != b for x, y in zip(rasterio_touched, shapely_touched) for a, b in zip(x, y))
        print(name, "rasterio and shapely differ in", different, "touched pixels")
        polygons.append(
            {"name": name, "geometry": geometry, "centres": burn(geometry), "touched": shapely_touched}
        )
    line = {"type": "LineString", "coordinates": placed(LINE)}
    # A finer circle than ours; no centre is so near to the outline that this shows.
    band = LineString(placed(LINE)).buffer(LINE_WIDTH / 2, quad_segs=64)
    outline = band.boundary
    nearest = min(
        outline.distance(shapely.Point(X + PIXEL * (c + 0.5), Y - PIXEL * (r + 0.5)))
        for r in range(HEIGHT)
        for c in range(WIDTH)
    )
    print("the nearest centre is", nearest, "m from the outline of the line")
    document = {
        "made_with": f"rasterio {rasterio.__version__}, GDAL {rasterio.__gdal_version__}, shapely {shapely.__version__}",
        "crs": "EPSG:32633", "x": X, "y": Y, "pixel": PIXEL, "width": WIDTH, "height": HEIGHT, "polygons": polygons,
        "line": {
            "geometry": line, "width": LINE_WIDTH, "band": burn(mapping(band)), "touched": touched(line),
        },
    }
    with open(os.path.join(HERE, "labels.json"), "w") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


main()
