"""Writes Tests/Golden/benchmarks/: miniatures of published benchmarks, in the form that the published ones have on disk.

    python3.11 -m venv fixtures
    fixtures/bin/pip install geobench==1.0.0 webdataset==1.0.2 pillow==13.0.0 \\
        numpy==1.26.4 h5py==3.8.0 affine==2.4.0 rasterio==1.3.9 scipy==1.11.4
    fixtures/bin/python Tests/Golden/benchmark_fixtures.py

The versions are those of the years in which GEO-Bench was made, so that its pickles name `numpy.core` and the form of affine's and
rasterio's objects of that time, and its files are of HDF5's oldest format. Same versions, same bytes. All pixels are made up here.
benchmark_loaders.py reads the result with the loaders that others published, and writes loaders.json. Nothing here runs in CI.

geobench/ has the twelve tasks of GEO-Bench v1, 12 or 8 samples each, written by geobench's own writer. As in the published files:
* forestnet, cashew and nz-cattle add a date to the names of arrays, nz-cattle also to the label's (`label_2017-01-01`);
* names of samples hold dots (forestnet, pv4ger), commas (pv4ger, nz-cattle), parentheses (nz-cattle);
* arrays are float64 (brick-kiln), float32 (so2sat, bigearthnet, cashew; chesapeake within 0 to 1), int16 (eurosat, SA-crop-type) and uint8
  (forestnet, pv4ger, nz-cattle); labels are int64 (chesapeake, cashew), int16 (SA-crop-type) and uint8 (the others);
* NeonTree's arrays are of unlike sizes and have three axes but for red, green and blue: 20 x 20, 2 x 2 x 1 and 2 x 2 x 8;
* cashew's test split lacks class 0; SA-crop-type's cloud band is 0 everywhere, its values fit 8 bits;
* eurosat and so2sat have no label_map.json, and forestnet's names two samples that are not there;
* brick-kiln is as the oldest files are: its pickles name the modules `ccb.io`, and do not tell the order of bands;
* the labels of bigearthnet are arrays of NumPy; transforms and reference systems are objects, texts, or None, as each converter has them.
Unlike them: patches are small, and so is NeonTree's number of hyperspectral bands (8 for 369); partitions of 1 to 20 % keep one sample
where rounding down leaves none; normalizer.json's numbers are made up; nz-cattle's places are, too.

geobench-webdataset/ is what torchgeo-bench's first script makes of two of the tasks, five samples a shard: a sample's arrays in an .npz,
and the bytes of its pickle. That script copied task_specs.pkl, which is in m-forestnet; later ones do not, as in m-chesapeake.

The folders loveda and isaid are as their authors' archives unpack, isaid-patches as mmsegmentation cuts them (32 pixels, every 16),
eurosat and ucmerced as torchgeo wants them. No pixel of loveda/Val is labelled or predicted (loveda-predictions) as barren. One image of
isaid is smaller than a patch, one is less high. One of ucmerced is 7 x 8 pixels, as some are not 256 x 256.
"""

import ast
import datetime
import io
import json
import os
import pathlib
import pickle
import shutil
import sys
import types

HERE = pathlib.Path(__file__).parent / "benchmarks"
os.environ["GEO_BENCH_DIR"] = str(HERE / "geobench")  # geobench makes it when it is imported

import h5py
import numpy as np
import rasterio
import webdataset
from PIL import Image
from rasterio.crs import CRS
from rasterio.transform import from_bounds, from_origin
from geobench import dataset as gb
from geobench.label import Classification, MultiLabelClassification
from geobench.task import TaskSpecifications

FULL = ("m-eurosat", "m-forestnet", "m-chesapeake")
FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)


def sizes(task):
    """How many samples each split has; all that HDF5 adds to a file is more than its pixels."""
    return {"train": 6, "valid": 2, "test": 4} if task in FULL else {"train": 4, "valid": 2, "test": 2}


def surface(random, shape, mean, spread):
    """Smooth ground with noise, float64."""
    rows, columns = np.meshgrid(*(np.linspace(0, 3, n) for n in shape), indexing="ij")
    phase = random.uniform(0, 6, 2)
    return mean + spread * (0.7 * np.sin(rows + phase[0]) * np.cos(columns + phase[1]) + random.uniform(-0.5, 0.5, shape))


def whole(values, dtype):
    info = np.iinfo(dtype)
    return np.clip(np.rint(values), max(info.min, 0), info.max).astype(dtype)


def patchwork(random, side, classes, dtype):
    """A mask of rectangles."""
    mask = np.full((side, side), classes[0], dtype)
    for value in classes[1:]:
        top, left = random.integers(0, side - 3, 2)
        mask[top : top + random.integers(3, side // 2 + 2), left : left + random.integers(3, side // 2 + 2)] = value
    return mask


# ---------------------------------------------------------------- GEO-Bench


def renewed(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def write_json(path, value, **options):
    path.write_text(json.dumps(value, **options))


def write_task(benchmark, name, bands, label_type, gsd, samples, random, old=None):
    """Writes a task: `samples` are as many as the splits take, in their order."""
    folder = renewed(HERE / "geobench" / benchmark / name)
    side = samples[0].bands[0].data.shape
    labels = {}
    for sample in samples:
        if isinstance(sample.label, gb.Band):
            labels[sample.sample_name] = sample.label.band_info.label_stats(sample.label).tolist()
        else:
            labels[sample.sample_name] = label_type.label_stats(sample.label).tolist()
        (write_old_sample if old else gb.write_sample_hdf5)(sample, folder)
    specifications = (old.TaskSpecifications if old else TaskSpecifications)(
        dataset_name=name, benchmark_name=benchmark, patch_size=side, n_time_steps=1, bands_info=bands, label_type=label_type,
        spatial_resolution=gsd)
    if old:
        specifications.bands_stats, specifications.eval_loss = None, old.Accuracy
    specifications.save(folder)

    splits, start = {}, 0
    for split, count in sizes(name).items():
        splits[split] = [str(n) for n in random.permutation([s.sample_name for s in samples[start : start + count]])]
        start += count
    gb.Partition(dict(splits)).save(folder, "default")
    for fraction in FRACTIONS:
        size = max(1, int(len(splits["train"]) * fraction))
        train = [str(n) for n in random.choice(splits["train"], size, replace=False)]
        gb.Partition({**splits, "train": train}).save(folder, f"{fraction:.2f}x_train")

    if isinstance(label_type, Classification):
        by_class = {}
        for place in random.permutation(len(samples)):
            by_class.setdefault(int(samples[place].label), []).append(samples[place].sample_name)
        if name == "m-forestnet":
            by_class[0] = ["-0.8125_101.3125_2013_01_01", *by_class[0], "2.4375_117.6875_2016_05_30"]
        if name not in ("m-eurosat", "m-so2sat"):
            write_json(folder / "label_map.json", by_class, indent=4, sort_keys=True)
    else:
        write_json(folder / "label_stats.json", labels, indent=4, sort_keys=True)
    np.random.seed(0)  # geobench draws the values from the sole generator of NumPy, here all of them
    _, statistics = gb.compute_dataset_statistics(gb.GeobenchDataset(folder))
    write_json(folder / "band_stats.json", {k: v.to_dict() for k, v in statistics.items()}, indent=4, sort_keys=True)


def write_old_sample(sample, folder):
    """A sample as the oldest files are: the names of arrays are told by the arrays alone."""
    description = {"label": sample.label}
    with h5py.File(folder / f"{sample.sample_name}.hdf5", "w") as file:
        for band in sample.bands:
            file.create_dataset(band.get_descriptor(), data=band.data)
            description[band.get_descriptor()] = {
                key: getattr(band, key)
                for key in ("date", "date_id", "spatial_resolution", "band_info", "meta_info", "transform", "crs")}
        file.attrs["pickle"] = str(pickle.dumps(description))


class OldNames:
    """Classes of geobench under the names of modules that they had first."""

    def __enter__(self):
        self.before = {}
        for module, names in {"ccb.io.dataset": ["Sentinel2"], "ccb.io.label": ["Classification"],
                              "ccb.io.task": ["TaskSpecifications", "Accuracy"]}.items():
            self.before[module] = sys.modules[module]
            sys.modules[module] = types.ModuleType(module)
            for name in names:
                made = type(name, (getattr(self.before[module], name),), {"__module__": module})
                setattr(sys.modules[module], name, made)
                setattr(self, name, made)
        return self

    def band(self, info):
        made = self.Sentinel2.__new__(self.Sentinel2)
        made.__dict__.update(info.__dict__)
        return made

    def __exit__(self, *_):
        sys.modules.update(self.before)


def image(random, infos, levels, side, convert, gsd, shift=0.0, **place):
    """The bands of a sample, with the mean and the spread of the published files."""
    return [
        gb.Band(convert(surface(random, (side, side), mean + shift * spread, spread)), info, gsd, **place)
        for info, (mean, spread) in zip(infos, levels, strict=True)]


def labelled(band_info, mask, gsd, **place):
    return gb.Band(mask, band_info, gsd, **place)


def single(benchmark, name, bands, label_type, gsd, levels, side, convert, classes, names, seed, place=lambda i: {}, **options):
    """A task of one class a sample; the classes that occur come round after round."""
    random = np.random.default_rng(seed)
    samples = []
    for index in range(sum(sizes(name).values())):
        label = classes[index % len(classes)]
        shift = 1.5 * (index % len(classes))
        samples.append(gb.Sample(image(random, bands, levels, side, convert, gsd, shift, **place(index)), label, names(index)))
    write_task(benchmark, name, bands, label_type, gsd, samples, random, **options)


LEVELS = {
    # From 09 on, what the published files of m-eurosat call by the names of other bands.
    "eurosat": [(1360, 90), (1126, 120), (1055, 140), (957, 210), (1220, 190), (2052, 300), (2434, 380), (2360, 390), (751, 140), (12, 2),
                (1849, 340), (1131, 260), (2665, 430)],
    "bigearthnet": [(378, 160), (482, 180), (707, 190), (721, 240), (1101, 240), (1909, 340), (2192, 400), (2337, 430), (2395, 430),
                    (2368, 410), (1875, 380), (1229, 300)],
    "so2sat": [(0, 0.2), (0, 0.2), (0, 0.5), (0, 0.5), (0.06, 0.03), (0.34, 0.2), (0, 0.1), (0, 0.1), (0.13, 0.04), (0.12, 0.05),
               (0.11, 0.07), (0.13, 0.07), (0.17, 0.07), (0.19, 0.08), (0.19, 0.08), (0.21, 0.09), (0.18, 0.1), (0.13, 0.09)],
    "brick kiln": [(572, 90), (669, 110), (880, 130), (808, 170), (1128, 170), (1961, 340), (2076, 390), (2039, 380), (1625, 370),
                   (1136, 330), (82, 17), (90, 13), (68, 11)],
    "forestnet": [(77, 9), (83, 8), (72, 8), (124, 9), (91, 8), (74, 7)],
    "aerial": [(113, 30), (119, 30), (116, 30)],
    "crop type": [(12, 4), (18, 5), (28, 7), (36, 11), (48, 12), (60, 14), (66, 15), (71, 16), (74, 16), (84, 17), (62, 16), (40, 12),
                  (0, 0)],
}

SO2SAT = ["Compact high rise", "Compact mid rise", "Compact low rise", "Open high rise", "Open mid rise", "Open low rise",
          "Lightweight low rise", "Large low rise", "Sparsely built", "Heavy industry", "Dense trees", "Scattered trees", "Bush, scrub",
          "Low plants", "Bare rock or paved", "Bare soil or sand", "Water"]
FORESTNET = ["Oil palm plantation", "Timber plantation", "Other large-scale plantations", "Grassland shrubland",
             "Small-scale agriculture", "Small-scale mixed plantation", "Small-scale oil palm plantation", "Mining", "Fish pond", "Logging",
             "Secondary forest", "Other"]
EUROSAT = ["AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop", "Residential", "River",
           "SeaLake"]
BIGEARTHNET = [
    "Continuous urban fabric", "Discontinuous urban fabric", "Industrial or commercial units",
    "Road and rail networks and associated land", "Port areas", "Airports", "Mineral extraction sites", "Dump sites",
    "Construction sites", "Green urban areas", "Sport and leisure facilities", "Non-irrigated arable land", "Permanently irrigated land",
    "Rice fields", "Vineyards", "Fruit trees and berry plantations", "Olive groves", "Pastures",
    "Annual crops associated with permanent crops", "Complex cultivation patterns",
    "Land principally occupied by agriculture, with significant areas of natural vegetation", "Agro-forestry areas",
    "Broad-leaved forest", "Coniferous forest", "Mixed forest", "Natural grassland", "Moors and heathland", "Sclerophyllous vegetation",
    "Transitional woodland/shrub", "Beaches, dunes, sands", "Bare rock", "Sparsely vegetated areas", "Burnt areas", "Inland marshes",
    "Peatbogs", "Salt marshes", "Salines", "Intertidal flats", "Water courses", "Water bodies", "Coastal lagoons", "Estuaries",
    "Sea and ocean"]


def classification_tasks():
    benchmark, sentinel2 = "classification_v1.0", gb.sentinel2_13_bands
    single(benchmark, "m-eurosat", sentinel2, Classification(10, EUROSAT), 10, LEVELS["eurosat"], 8, lambda v: whole(v, np.int16),
           [0, 7, 9], lambda i: f"id_{i * 1171 + 96:04d}", seed=1)
    single(benchmark, "m-so2sat", gb.sentinel1_8_bands + sentinel2[1:9] + sentinel2[-2:], Classification(17, SO2SAT), 10, LEVELS["so2sat"],
           8, np.float32, [2, 10, 16], lambda i: f"id_{i * 907 + 3:04d}", seed=2)
    single(benchmark, "m-pv4ger", gb.make_rgb_bands(0.1), Classification(2, ["no solar pv", "solar pv"]), 0.1, LEVELS["aerial"], 16,
           lambda v: whole(v, np.uint8), [0, 1], solar_name, seed=3, place=solar_place)

    landsat = gb.landsat8_9_bands[3:0:-1] + gb.landsat8_9_bands[4:7]

    def forest(index):
        # A composite of a year stands for its first day.
        date = datetime.date(2013 + index % 4, 1, 1) if index % 3 == 0 else datetime.date(2013 + index % 4, 2 + index % 9, 3 + index)
        y, x = -1.4375 + index * 0.3125, 101.4375 + index * 1.25
        ring = ", ".join(f"{150 + dx} {160 + dy}" for dx, dy in ((0, 0), (index + 4, 1), (6, index + 5), (0, 0)))
        return f"{y:.4f}_{x:.4f}_{date:%Y_%m_%d}", {
            "date": date, "crs": "EPSG:4326", "transform": from_bounds(x - 0.0224, y - 0.0224, x + 0.0224, y + 0.0224, 12, 12),
            "meta_info": {"n_cloud_pixels": None if index % 3 == 0 else index * 11, "is_composite": index % 3 == 0,
                          "forest_loss_region": f"POLYGON (({ring}))"}}

    single(benchmark, "m-forestnet", landsat, Classification(12, FORESTNET), 15, LEVELS["forestnet"], 12, lambda v: whole(v, np.uint8),
           [0, 4, 10], lambda i: forest(i)[0], seed=4, place=lambda i: forest(i)[1])

    with OldNames() as old:
        bands = [old.band(info) for info in sentinel2]
        single(benchmark, "m-brick-kiln", bands, old.Classification(2, ["not brick kiln", "brick kiln"]), 10, LEVELS["brick kiln"], 8,
               np.float64, [0, 1], lambda i: f"examples_{i * 5 % 7}_{i * 83}", seed=5, old=old,
               place=lambda i: {"crs": "EPSG:4326", "transform": from_bounds(90 + i, 23.4, 90.006 + i, 23.406, 8, 8)})

    random = np.random.default_rng(6)
    bands = sentinel2[0:10] + sentinel2[-2:]
    samples = []
    for index in range(sum(sizes("m-bigearthnet").values())):
        label = np.zeros(43, np.int64)
        label[[(17, 22, 42)[index % 3], *random.integers(0, 43, index % 4)]] = 1
        image_bands = image(random, bands, LEVELS["bigearthnet"], 8, lambda v: whole(v, np.int32).astype(np.float32), 10, index % 3)
        samples.append(gb.Sample(image_bands, label, f"id_{index * 2003 + 11:04d}"))
    write_task(benchmark, "m-bigearthnet", bands, MultiLabelClassification(43, BIGEARTHNET), 10, samples, random)
    write_json(HERE / "geobench" / benchmark / "normalizer.json",
               {"m-bigearthnet": [0.55, 0.75], "m-so2sat": [0.375, 0.625], "m-brick-kiln": [0.875, 0.9921875],
                "m-forestnet": [0.4375, 0.625], "m-eurosat": [0.75, 0.96875], "m-pv4ger": [0.90625, 0.984375]}, indent=2)


def solar_name(index):
    return f"{50.78125 + index * 0.01171875},{6.09375 + index * 0.0078125}"


def solar_place(index):
    y, x = map(float, solar_name(index).split(","))
    return {"crs": "EPSG:4326", "transform": from_bounds(x - 0.000227, y - 0.000144, x + 0.000227, y + 0.000144, 16, 16)}


def segmentation_tasks():
    benchmark, rgb = "segmentation_v1.0", gb.make_rgb_bands(0.1)

    def tasks(name, bands, classes, label_gsd, gsd, make, seed, class_names=None):
        random = np.random.default_rng(seed)
        label_type = gb.SegmentationClasses("label", label_gsd, classes, class_names)
        samples = [gb.Sample(*make(random, index, label_type)) for index in range(sum(sizes(name).values()))]
        write_task(benchmark, name, bands, label_type, gsd, samples, random)

    def solar(random, index, label):
        place, mask = solar_place(index), patchwork(random, 16, [0, 1], np.uint8)
        bands = image(random, rgb, LEVELS["aerial"], 16, lambda v: whole(v - 60.0 * mask, np.uint8), 0.1, **place)
        return bands, labelled(label, mask, 0.1, **place), solar_name(index)

    tasks("m-pv4ger-seg", rgb, 2, 0.1, 0.1, solar, 11, ["no solar pv", "solar pv"])

    bay = gb.make_rgb_bands(1) + [gb.SpectralBand("NearInfrared", ("nir",), 1, 0.876)]

    def bay_cover(random, index, label):
        place = {"transform": None, "crs": CRS.from_epsg(26918)}
        mask = patchwork(random, 8, [(1, 2, 4)[index % 3], *random.permutation(6 + (index % 4 == 0))[:3]], np.int64)
        levels = [(0.47, 0.1), (0.54, 0.1), (0.5, 0.1), (0.6, 0.1)]
        # Values of 8 bits, divided, in single precision.
        bands = image(random, bay, levels, 8, lambda v: whole((v + 0.03 * mask) * 255, np.uint8).astype(np.float32) / 255, 1, **place)
        return bands, labelled(label, mask, 1, **place), f"id_{index * 219 + 51:06d}"

    tasks("m-chesapeake", bay, 7, 1, 1, bay_cover, 12)

    cloudy = gb.sentinel2_13_bands[:10] + gb.sentinel2_13_bands[11:]
    cashews = cloudy + [gb.CloudProbability(("CPL", "CLD"), 10)]
    days = ["2019-11-15", "2019-12-30", "2020-01-04", "2020-02-13", "2020-10-30"]

    def plantation(random, index, label):
        place = {"transform": from_origin(400000 + 1280 * index, 1100000, 10, 10), "crs": CRS.from_epsg(32631)}
        is_test = index >= 6
        mask = patchwork(random, 8, [5, 1, *([] if is_test else [0]), 2 + index % 3, 6], np.int64)
        levels = [*LEVELS["bigearthnet"], (20, 12)]
        date = datetime.date.fromisoformat(days[index % len(days)])
        bands = image(random, cashews, levels, 8, lambda v: whole(v + 40 * mask, np.int16).astype(np.float32), 0.5, date=date, **place)
        return bands, labelled(label, mask, 0.5, transform=None, crs=None), f"sample_{index * 37 + 5}"

    tasks("m-cashew-plant", cashews, 7, 0.5, 0.5, plantation, 13)

    crops = cloudy + [gb.CloudProbability(("CPL", "CLM"))]

    def fields(random, index, label):
        place = {"transform": from_origin(331040.0, -3714560.0, 10.0, 10.0), "crs": CRS.from_epsg(32634)}
        mask = patchwork(random, 8, [0, *random.permutation(np.arange(1, 10))[:4]], np.int16)
        bands = image(random, crops, LEVELS["crop type"], 8, lambda v: whole(v, np.int16), 10, **place)
        folder = f"ref_south_africa_crops_competition_v1_train_labels_{index // 2 * 409 + 12:04d}"
        return bands, labelled(label, mask, 10, **place), f"{folder}_{index % 2}"

    tasks("m-SA-crop-type", crops, 10, 10, 10, fields, 14)

    def cattle(random, index, label):
        town, years = [("Hamilton", "(2016-2017)"), ("Kapiti_Coast", "(2017)"), ("Canterbury", "(2015-2016)")][index % 3]
        x, y = 175.28125 - index * 0.109375, -37.8125 - index * 0.265625
        place = {"date": datetime.date(int(years[-5:-1]), 1, 1), "meta_info": {"location": town.replace("_", "-")},
                 "transform": from_origin(x - 25, y + 25, 0.1, 0.1), "crs": CRS.from_epsg(4326)}
        mask = np.zeros((16, 16), np.uint8)
        for row, column in random.integers(2, 14, (index % 4, 2)):
            mask[row - 1 : row + 2, column - 1 : column + 2] = 1
        bands = image(random, rgb, LEVELS["aerial"], 16, lambda v: whole(v - 80.0 * mask, np.uint8), 0.1, **place)
        return bands, labelled(label, mask, 0.1, **place), f"{index * 29 + 1:03d}_{town}_{years}_{x},{y}"

    tasks("m-nz-cattle", rgb, 2, 0.1, 0.1, cattle, 15, ["no cattle", "cattle"])

    trees = rgb + [gb.ElevationBand("Canopy Height Model", ("lidar", "CHM"), 0.1),
                   gb.HyperSpectralBands("Neon", n_bands=8, spatial_resolution=1)]

    def forest(random, index, label):
        fine, coarse = (dict(transform=from_origin(321000 + 40 * index, 4880000, gsd, gsd), crs=CRS.from_epsg(32618)) for gsd in (0.1, 1))
        mask = patchwork(random, 20, [0, 1, 1], np.uint8)
        bands = image(random, rgb, LEVELS["aerial"], 20, lambda v: whole(v - 40.0 * mask, np.uint8), 0.1, **fine)
        height = surface(random, (2, 2), 9, 8).clip(0).astype(np.float32)[:, :, None]
        spectra = np.stack([whole(surface(random, (2, 2), 400 + 350 * b, 120), np.int16) for b in range(8)], 2)
        bands += [gb.Band(height, trees[3], 1, **coarse), gb.Band(spectra, trees[4], 1, **coarse)]
        site = "BART_4" if index < 4 else "SJER_052"
        name = f"2018_{site}_{321000 + 40 * index}_4880000_image_{index % 3:02d}_{index // 3:02d}"
        return bands, labelled(label, mask, 0.1, **fine), name

    tasks("m-NeonTree", trees, 2, 0.1, 0.1, forest, 16, ["no tree", "tree"])
    write_json(HERE / "geobench" / benchmark / "normalizer.json",
               {"m-pv4ger-seg": [0.875, 0.953125], "m-chesapeake": [0.5, 0.75], "m-cashew-plant": [0.25, 0.8125],
                "m-SA-crop-type": [0.1875, 0.34375], "m-nz-cattle": [0.703125, 0.84375], "m-NeonTree": [0.5, 0.59375]}, indent=2)


def webdatasets():
    """Two tasks re-packed, in shards of 5 samples where the published ones have 1000; the time in the archives is a fixed one."""
    for benchmark, name, sidecars in (
            ("classification_v1.0", "m-forestnet", (".json", ".pkl")), ("segmentation_v1.0", "m-chesapeake", (".json",))):
        source, folder = HERE / "geobench" / benchmark / name, renewed(HERE / "geobench-webdataset" / name)
        with webdataset.ShardWriter(str(folder / "shard_%05d.tar"), maxcount=5, encoder=False, verbose=0, mtime=1778284800) as sink:
            for path in sorted(source.glob("*.hdf5")):
                with h5py.File(path) as file:
                    arrays, text = {key: file[key][:] for key in file}, file.attrs["pickle"]
                packed = io.BytesIO()
                np.savez(packed, **arrays)
                sink.write({"__key__": path.stem, "bands.npz": packed.getvalue(), "meta.pkl": ast.literal_eval(text)})
        for path in sorted(source.iterdir()):
            if path.suffix in sidecars:
                shutil.copyfile(path, folder / path.name)


# ---------------------------------------------------------------- LoveDA and iSAID


def picture(random, height, width):
    """Red, green and blue of 8 bits, in steps that PNG packs well."""
    return np.stack([whole(surface(random, (height, width), m, 60) // 16 * 16, np.uint8) for m in (110, 120, 100)], 2)


def save(pixels, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def loveda():
    random = np.random.default_rng(21)
    folder, predictions = renewed(HERE / "loveda"), renewed(HERE / "loveda-predictions")
    for split, scene, numbers in (
            ("Train", "Rural", (9, 10)), ("Train", "Urban", (1366, 1400)), ("Val", "Rural", (2522, 2530)),
            ("Val", "Urban", (3514, 4190)), ("Test", "Rural", (4191,)), ("Test", "Urban", (5166, 5900))):
        for number in numbers:
            save(picture(random, 32, 32), folder / split / scene / "images_png" / f"{number}.png")
            if split == "Test":
                continue
            classes = [1, 2, 3, 4, 6, 7, 0] if split == "Val" else [1, 2, 3, 4, 5, 6, 7, 0]
            mask = patchwork(random, 32, classes[:1] + list(random.permutation(classes[1:])), np.uint8)
            save(mask, folder / split / scene / "masks_png" / f"{number}.png")
            if split == "Val":
                # Wrong in a tenth of the pixels; something is said where there is no label, too.
                wrong = random.choice([0, 1, 2, 3, 5, 6], mask.shape).astype(np.uint8)
                said = np.where((random.random(mask.shape) < 0.1) | (mask == 0), wrong, np.maximum(mask, 1) - 1)
                save(said.astype(np.uint8), predictions / f"{number}.png")


COLOURS = [(0, 0, 0), (0, 0, 63), (0, 63, 63), (0, 63, 0), (0, 63, 127), (0, 63, 191), (0, 63, 255), (0, 127, 63), (0, 127, 127),
           (0, 0, 127), (0, 0, 191), (0, 0, 255), (0, 191, 127), (0, 127, 191), (0, 127, 255), (0, 100, 155)]
PATCH, STRIDE = 32, 16


def starts(length):
    """Where windows begin: the last ones are moved back to the edge."""
    return sorted({min(start, length - PATCH) for start in range(0, length, STRIDE)})


def padded(pixels, value):
    """To the size of a patch, below and to the right."""
    missing = [max(0, PATCH - n) for n in pixels.shape[:2]]
    return np.pad(pixels, [(0, missing[0]), (0, missing[1]), *[(0, 0)] * (pixels.ndim - 2)], constant_values=value)


def isaid():
    random = np.random.default_rng(22)
    folder, patches = renewed(HERE / "isaid"), renewed(HERE / "isaid-patches")
    for split, name, height, width in (
            ("train", "P0002", 45, 60), ("train", "P0025", 64, 40), ("val", "P0003", 50, 41), ("val", "P0007", 20, 48),
            ("val", "P1050", 24, 28), ("test", "P0006", 40, 55)):
        pixels = picture(random, height, width)
        save(pixels, folder / split / "images" / f"{name}.png")
        if split == "test":
            save(pixels, patches / "img_dir" / "test" / f"{name}.png")
            continue
        mask, instances = np.zeros((height, width), np.uint8), np.zeros((height, width, 3), np.uint8)
        for value in random.permutation(np.arange(1, 16))[:9]:
            top, left = random.integers(0, height - 6), random.integers(0, width - 6)
            area = np.s_[top : top + random.integers(4, 12), left : left + random.integers(4, 12)]
            mask[area], instances[area] = value, random.integers(1, 255, 3)
        save(np.array(COLOURS, np.uint8)[mask], folder / split / "images" / f"{name}_instance_color_RGB.png")
        save(instances, folder / split / "images" / f"{name}_instance_id_RGB.png")
        pixels, mask = padded(pixels, 0), padded(mask, 255)
        for left in starts(mask.shape[1]):
            for top in starts(mask.shape[0]):
                area = np.s_[top : top + PATCH, left : left + PATCH]
                stem = f"{name}_{top}_{top + PATCH}_{left}_{left + PATCH}"
                save(pixels[area], patches / "img_dir" / split / f"{stem}.png", format="BMP")
                path = patches / "ann_dir" / split / f"{stem}_instance_color_RGB.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                indexed = Image.frombytes("P", (PATCH, PATCH), np.ascontiguousarray(mask[area]).tobytes())
                # Without a palette some versions of Pillow write one bit a pixel, and so 0 and 1 for all classes.
                indexed.putpalette(np.repeat(np.arange(256, dtype=np.uint8), 3).tobytes())
                indexed.save(path)


# ---------------------------------------------------------------- EuroSAT and UC Merced


def lists(folder, name, splits, random):
    for split, names in splits.items():
        (folder / f"{name}-{split}.txt").write_text("".join(f"{n}\n" for n in random.permutation(names)))


def eurosat():
    random = np.random.default_rng(23)
    folder = renewed(HERE / "eurosat")
    splits = {"train": [], "val": [], "test": []}
    # The order of the bands in the files: 01 to 12, then 8A.
    for index, name in enumerate(EUROSAT):
        place = folder / "ds/images/remote_sensing/otherDatasets/sentinel_2/tif" / name
        place.mkdir(parents=True)
        for number, split in ((1, "train"), (2, "val"), (10, "train"), (33, "test")):
            bands = [whole(surface(random, (8, 8), m + index * s / 3, s), np.uint16) for m, s in LEVELS["eurosat"]]
            with rasterio.open(place / f"{name}_{number}.tif", "w", driver="GTiff", width=8, height=8, count=13, dtype="uint16",
                               crs=CRS.from_epsg(32632), transform=from_origin(600000 + 80 * number, 5300000 - 80 * index, 10, 10),
                               interleave="pixel") as file:
                file.write(np.stack(bands))
            # The lists name the images of the form in red, green and blue.
            splits[split].append(f"{name}_{number}.jpg")
    lists(folder, "eurosat", splits, random)


UCMERCED = ["agricultural", "airplane", "baseballdiamond", "beach", "buildings", "chaparral", "denseresidential", "forest", "freeway",
            "golfcourse", "harbor", "intersection", "mediumresidential", "mobilehomepark", "overpass", "parkinglot", "river", "runway",
            "sparseresidential", "storagetanks", "tenniscourt"]


def ucmerced():
    random = np.random.default_rng(24)
    folder = renewed(HERE / "ucmerced")
    splits = {"train": [], "val": [], "test": []}
    for index, name in enumerate(UCMERCED):
        for number, split in ((0, "train"), (7, "val"), (42, "test")):
            pixels = picture(random, 7 if (name, number) == ("harbor", 42) else 8, 8) // 2 + 6 * index
            save(pixels.astype(np.uint8), folder / "UCMerced_LandUse/Images" / name / f"{name}{number:02d}.tif")
            splits[split].append(f"{name}{number:02d}.tif")
    lists(folder, "uc_merced", splits, random)


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    renewed(HERE / "geobench")
    for write in (classification_tasks, segmentation_tasks, webdatasets, loveda, isaid, eurosat, ucmerced):
        write()
    print(sum(p.stat().st_size for p in HERE.rglob("*") if p.is_file() and p.name != "loaders.json"))
