"""Reads Tests/Golden/benchmarks/ with published loaders and writes what they find: benchmarks/loaders.json.

Each part runs in an environment of its own, with Python 3.11, and replaces its part of the file:

    python3.11 -m venv geobench
    geobench/bin/pip install geobench==1.0.0 webdataset==1.0.2 numpy==1.26.4 h5py==3.8.0 affine==2.4.0 rasterio==1.3.9 scipy==1.11.4
    geobench/bin/python Tests/Golden/benchmark_loaders.py geobench
    geobench/bin/python Tests/Golden/benchmark_loaders.py webdataset     (after geobench, with which it compares)

    python3.11 -m venv torchgeo
    torchgeo/bin/pip install torchgeo==0.8.1 "affine<3" h5py requests
    torchgeo/bin/pip install --no-deps --ignore-requires-python torchgeo-bench==0.4.0
    torchgeo/bin/python Tests/Golden/benchmark_loaders.py torchgeo
    torchgeo/bin/python Tests/Golden/benchmark_loaders.py torchgeo-bench (after geobench)

    python3.11 -m venv mmseg
    mmseg/bin/pip install "numpy<2" pillow==10.0.0 "opencv-python-headless<4.12" torch scipy matplotlib prettytable addict pyyaml yapf \\
        rich termcolor ftfy regex packaging
    mmseg/bin/pip install --no-deps mmsegmentation==1.2.2 mmcv-lite==2.1.0 mmengine==0.10.7
    mmseg/bin/python Tests/Golden/benchmark_loaders.py mmseg

What is other than in the packages: torchgeo-bench 0.4.0 asks for Python 3.12 and for packages that its readers of GEO-Bench do not need, so
these two modules are imported without the rest. mmcv-lite has no compiled operators; the one that mmsegmentation imports where it describes
data sets is replaced by nothing. mmsegmentation's script for iSAID leaves palettes to Pillow: with 8.4 to 9.1 and from 10.1 on the masks
that it writes have one bit a pixel, and are all 0 and 1; with 10.0.0 they hold the classes. torchgeo's loaders do not check sums of
archives where the folders are there. Nothing else is changed.

How the JSON is to be read:
* `sums` and `sum`: of all values, exact before they are rounded once to float64 (math.fsum); one for each band or array, in the order
  named.
* `sha256` and the like: of pixels alone, little-endian, in the type named and else as uint8, each band or array row by row, bands one after
  another (an array of three axes as it is stored: rows, columns, channels). For geobench the bands are those of `arrays`, in their order.
* a label that is a list has the indices of the labels that hold.
* lists of samples are in the loader's order.
"""

import ast
import contextlib
import hashlib
import importlib
import io
import json
import math
import os
import pathlib
import pickle
import sys
import tempfile
import types
import zipfile

import numpy as np

HERE = pathlib.Path(__file__).parent / "benchmarks"
RESULT = HERE / "loaders.json"
SPLITS = ("train", "valid", "test")


def total(array):
    value = math.fsum(np.asarray(array, np.float64).ravel())
    return int(value) if value.is_integer() and np.asarray(array).dtype.kind in "iu" else value


def digest(*arrays):
    found = hashlib.sha256()
    for array in arrays:
        array = np.ascontiguousarray(array)
        found.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return found.hexdigest()


def kind(array):
    return {"shape": list(array.shape), "dtype": array.dtype.name}


def one(values):
    """What all of some values are."""
    values = list(values)
    assert all(v == values[0] for v in values), values
    return values[0]


def earlier(part):
    return json.loads(RESULT.read_text())[part]


def versions(*names):
    from importlib.metadata import version

    return {name: version(name) for name in names}


# ---------------------------------------------------------------- geobench


def geobench_part():
    os.environ["GEO_BENCH_DIR"] = str(HERE / "geobench")
    import geobench.dataset as gb
    from geobench.plot_tools import load_normalizer
    from geobench.task import task_iterator

    tasks, normalizers = {}, {}
    for benchmark in ("classification_v1.0", "segmentation_v1.0"):
        normalizers[benchmark] = {k: list(v) for k, v in sorted(load_normalizer(benchmark).range_dict.items())}
        # A file such as normalizer.json is no task; the rest is.
        for task in sorted(task_iterator(benchmark), key=lambda t: t.dataset_name):
            tasks[task.dataset_name] = geobench_task(gb, task)
    return {"versions": versions("geobench", "h5py", "numpy", "affine", "rasterio", "scipy"), "normalizer": normalizers, "tasks": tasks}


def geobench_task(gb, task):
    label_type = task.label_type
    whole = gb.GeobenchDataset(task.get_dataset_dir())
    partitions = {}
    for name in sorted(whole.list_partitions()):
        found = whole.load_partition(name).partition_dict
        assert list(found) == list(SPLITS)
        if name == "default":
            partitions[name] = found
        else:
            default = whole.load_partition("default").partition_dict
            assert found["valid"] == default["valid"] and found["test"] == default["test"]
            partitions[name] = {"train": found["train"]}

    samples, loaded = {}, {}
    for split in SPLITS:
        dataset = task.get_dataset(split=split, band_names=[info.name for info in task.bands_info])
        assert len(dataset) == len(dataset.active_partition.partition_dict[split])
        for index in range(len(dataset)):
            sample = dataset[index]
            samples[sample.sample_name], loaded[sample.sample_name] = geobench_sample(gb, sample), sample
    gb.check_dataset_integrity(whole, [whole.get_sample(name) for name in samples])

    classes = getattr(label_type, "class_names", None) or getattr(label_type, "class_name", None)
    mean, std = whole.normalization_stats()
    label_map, label_stats = task.get_label_map(), task.label_stats()
    if label_map is not None:
        for key, names in label_map.items():
            assert all(samples[name]["label"] == int(key) for name in names if name in samples)
    if label_stats is not None:
        for name, sample in loaded.items():
            label = sample.label.band_info.label_stats(sample.label) if isinstance(sample.label, gb.Band) else sample.label
            assert label_stats[name] == label.tolist()
    answer = {
        "benchmark": task.benchmark_name, "label_type": type(label_type).__name__, "n_classes": label_type.n_classes,
        "class_names": list(classes) if classes else None, "patch_size": list(task.patch_size),
        "spatial_resolution": task.spatial_resolution,
        "bands_info": [
            {"name": info.name, "class": f"{type(info).__module__}.{type(info).__name__}", "alt_names": list(info.alt_names),
             "spatial_resolution": info.spatial_resolution, "wavelength": getattr(info, "wavelength", None),
             **({"n_bands": info.n_bands} if hasattr(info, "n_bands") else {})}
            for info in task.bands_info],
        "rgb": [whole.alt_to_full_names([name])[name] for name in ("red", "green", "blue")],
        "mean": mean, "std": std, "band_stats_keys": sorted(whole.band_stats), "partitions": partitions,
        "has_label_map": label_map is not None, "has_label_stats": label_stats is not None,
        "label_map_extra": sorted(n for names in (label_map or {}).values() for n in names if n not in samples),
        "arrays": one([{"name": b.band_info.name, **kind(b.data)} for b in s.bands] for s in loaded.values()),
        "samples": samples}
    if isinstance(label_type, gb.SegmentationClasses):
        answer["mask"] = one(kind(s.label.data) for s in loaded.values())
    if task.dataset_name == "m-NeonTree":
        # Coarse bands are brought to the size of the fine ones by splines of order 3.
        name = partitions["default"]["train"][0]
        packed, names = loaded[name].pack_to_3d(["red", "green", "blue", "lidar", "Neon"], resample=True)
        answer["packed"] = {"sample": name, "names": names, **kind(packed),
                            "sums": [total(packed[:, :, band]) for band in range(packed.shape[2])], "corner": packed[:2, :2].tolist()}
    return answer


def geobench_sample(gb, sample):
    label = sample.label
    found = {}
    if not isinstance(label, gb.Band):
        found["label"] = np.flatnonzero(label).tolist() if isinstance(label, np.ndarray) else label
    dates = one(band.date for band in sample.bands)
    if dates is not None:
        found["date"] = dates.isoformat()
    found["sums"] = [total(band.data) for band in sample.bands]
    found["sha256"] = digest(*(band.data for band in sample.bands))
    if isinstance(label, gb.Band):
        found["mask"] = {"name": label.get_descriptor(), "sum": total(label.data), "sha256": digest(label.data),
                         "classes": np.unique(label.data).tolist()}
    return found


# ---------------------------------------------------------------- WebDataset


def webdataset_part():
    """The shards as webdataset itself reads them: it ends a sample's name at its first dot."""
    import webdataset

    os.environ["GEO_BENCH_DIR"] = str(HERE / "geobench")
    import geobench  # noqa: F401  the pickles name its classes

    tasks = earlier("geobench")["tasks"]
    answer = {"versions": versions("webdataset", "numpy")}
    for name in ("m-chesapeake", "m-forestnet"):
        shards = sorted(str(p) for p in (HERE / "geobench-webdataset" / name).glob("shard_*.tar"))
        found = {"shards": [pathlib.Path(p).name for p in shards], "samples": {}}
        for shard in shards:
            for sample in webdataset.WebDataset([shard], shardshuffle=False):
                parts = {k: v for k, v in sample.items() if not k.startswith("__")}
                if set(parts) != {"bands.npz", "meta.pkl"}:
                    found["samples"][sample["__key__"]] = {"shard": pathlib.Path(shard).name, "parts": sorted(parts)}
                    continue
                arrays, meta = np.load(io.BytesIO(parts["bands.npz"])), pickle.loads(parts["meta.pkl"])
                expected = tasks[name]["samples"][sample["__key__"]]
                order = [key for key in meta["bands_order"] if not key.startswith("label")]
                assert digest(*(arrays[key] for key in order)) == expected["sha256"]
                assert digest(arrays["label"]) == expected["mask"]["sha256"]
                found["samples"][sample["__key__"]] = {
                    "shard": pathlib.Path(shard).name, "arrays": arrays.files, "bands_order": meta["bands_order"]}
        answer[name] = found
    return answer


# ---------------------------------------------------------------- torchgeo-bench


def torchgeo_bench_part():
    import h5py
    import torchgeo

    # The package imports all it can do; its two readers need nothing of that.
    root = pathlib.Path(torchgeo.__file__).parent.parent / "torchgeo_bench"
    for name, folder in (("torchgeo_bench", root), ("torchgeo_bench.datasets", root / "datasets")):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(folder)]
    Files = importlib.import_module("torchgeo_bench.datasets.geobench_v1").GeoBenchv1
    Shards = importlib.import_module("torchgeo_bench.datasets._v1_webdataset").GeoBenchv1Sharded

    tasks = earlier("geobench")["tasks"]
    answer = {"versions": versions("torchgeo-bench", "h5py", "torch", "affine"), "files": {}, "shards": {}}

    def told(error):
        return f"{type(error).__name__}: {error}".replace(str(HERE), "benchmarks")

    def read(loader, root, name, bands):
        found = {"samples": {}}
        for split in SPLITS:
            dataset = loader(root=root, dataset_name=name, split=split, bands=bands)
            found["bands"] = dataset.band_names
            names = [dataset[i]["sample_id"] for i in range(len(dataset))]
            assert names == tasks[name]["partitions"]["default"][split]
            for index, sample_name in enumerate(names):
                sample, expected = dataset[index], tasks[name]["samples"][sample_name]
                label = sample["label"].numpy()
                label = int(label) if label.ndim == 0 else np.flatnonzero(label).tolist()
                assert label == expected["label"]
                pixels = sample["image"].numpy()
                found["samples"][sample_name] = {
                    "label": label, "sums": [total(band) for band in pixels], "sha256": digest(pixels)}
        found["image"] = kind(pixels)
        return found

    for name, task in tasks.items():
        if task["benchmark"] != "classification_v1.0":
            continue
        folder = HERE / "geobench" / task["benchmark"]
        with h5py.File(folder / name / f"{task['partitions']['default']['train'][0]}.hdf5") as file:
            found = answer["files"][name] = {"keys": list(file)}
        # Without names of bands it takes those of the first sample, dates and all; names without dates are looked up by how they begin.
        for key, bands in (("default", None), ("named", tuple(info["name"] for info in task["bands_info"]))):
            try:
                made = read(Files, folder, name, bands)
                found[key] = {**made, "samples": {n: s["sha256"] for n, s in made["samples"].items()}}
            except Exception as error:
                found[key] = {"error": told(error)}
        if found["default"] == found["named"]:
            del found["default"]
    bands = tuple(info["name"] for info in tasks["m-forestnet"]["bands_info"])
    answer["shards"]["m-forestnet"] = read(Shards, HERE / "geobench-webdataset", "m-forestnet", bands)
    try:
        read(Shards, HERE / "geobench-webdataset", "m-chesapeake", None)
    except Exception as error:
        answer["shards"]["m-chesapeake"] = {"error": told(error)}
    return answer


# ---------------------------------------------------------------- torchgeo


def torchgeo_part():
    from torchgeo.datasets import EuroSAT, LoveDA, UCMerced
    from torchgeo.datasets.geo import NonGeoClassificationDataset

    answer = {"versions": versions("torchgeo", "torch", "torchvision", "rasterio", "pillow")}

    def pixels(tensor, dtype):
        values = tensor.numpy()
        assert np.array_equal(values, values.astype(dtype))
        return values.astype(dtype)

    def described(image):
        return {"sums": [total(band) for band in image], "sha256": digest(image)}

    loveda = {"classes": list(LoveDA.classes), "splits": {}}
    for split in LoveDA.splits:
        dataset, found = LoveDA(str(HERE / "loveda"), split=split), []
        for index, files in enumerate(dataset.files):
            sample, name = dataset[index], pathlib.Path(files["image"])
            found.append({"name": f"{name.parts[-4]}/{name.parts[-3]}/{name.stem}", **described(pixels(sample["image"], np.uint8))})
            if "mask" in sample:
                mask = pixels(sample["mask"], np.uint8)
                found[-1].update(mask_sum=total(mask), mask_sha256=digest(mask), mask_values=np.unique(mask).tolist())
        loveda["splits"][split] = found
    answer["loveda"] = loveda

    def classified(make, dtype, root, raw):
        found = {"splits": {}}
        for split in ("train", "val", "test"):
            dataset = make(root=str(root), split=split)
            found["classes"] = dataset.classes
            rows = []
            for index, (path, label) in enumerate(dataset.imgs):
                image, other = raw(dataset, index)
                image = pixels(image, dtype)
                assert int(other) == label
                name = "/".join(pathlib.Path(path).parts[-2:])
                rows.append({"name": name, "label": label, "shape": list(image.shape), **described(image)})
            found["splits"][split] = rows
        return found

    eurosat = classified(EuroSAT, np.uint16, HERE / "eurosat", lambda d, i: (d[i]["image"], d[i]["label"]))
    answer["eurosat"] = {"bands": list(EuroSAT.all_band_names), "dtype": "uint16", **eurosat}
    # UCMerced resizes each image to 256 x 256; the pixels are those before.
    answer["ucmerced"] = {
        "dtype": "uint8", **classified(UCMerced, np.uint8, HERE / "ucmerced", NonGeoClassificationDataset._load_image),
        "resized": list(UCMerced(root=str(HERE / "ucmerced"), split="test")[0]["image"].shape)}
    return answer


# ---------------------------------------------------------------- mmsegmentation


def mmseg_part():
    import torch
    from PIL import Image

    sys.modules["mmcv.ops"] = types.ModuleType("mmcv.ops")
    sys.modules["mmcv.ops"].point_sample = None
    import mmcv
    import mmseg
    from mmcv.transforms import LoadImageFromFile
    from mmseg.datasets import LoadAnnotations, LoveDADataset, iSAIDDataset
    from mmseg.evaluation.metrics import IoUMetric

    tools = pathlib.Path(mmseg.__file__).parent / ".mim/tools/dataset_converters"
    sys.path.insert(0, str(tools))
    pipeline = [LoadImageFromFile(), LoadAnnotations()]
    answer = {"versions": {**versions("mmsegmentation", "mmcv-lite", "mmengine", "numpy", "pillow", "torch")}}

    def read(dataset):
        """Images as the pipeline loads them, which is blue first; hashed red first."""
        rows, masks = [], {}
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            for step in pipeline[: 2 if "seg_map_path" in info else 1]:
                info = step(info)
            image = np.ascontiguousarray(info["img"][:, :, ::-1].transpose(2, 0, 1))
            name = pathlib.Path(info["img_path"]).stem
            rows.append({"name": name, "shape": list(image.shape), "sums": [total(b) for b in image], "sha256": digest(image)})
            if "gt_seg_map" in info:
                mask = masks[name] = info["gt_seg_map"]
                rows[-1].update(mask_sum=total(mask), mask_sha256=digest(mask), mask_values=np.unique(mask).tolist())
        return rows, masks

    def convert(name, arguments):
        """Runs the script of mmsegmentation that makes its folders."""
        before = sys.argv
        sys.argv = [name, *map(str, arguments)]
        with contextlib.redirect_stdout(io.StringIO()):
            importlib.import_module(name).main()
        sys.argv = before

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        # iSAID: the archives hold `images/`; masks have an archive of their own.
        for split in ("train", "val", "test"):
            for kind_, wanted in (("images", lambda n: "_instance_" not in n), ("Semantic_masks", lambda n: "_instance_color_" in n)):
                (folder / "raw" / split / kind_).mkdir(parents=True)
                with zipfile.ZipFile(folder / "raw" / split / kind_ / "part.zip", "w") as archive:
                    for path in sorted((HERE / "isaid" / split / "images").iterdir()):
                        if wanted(path.name):
                            archive.write(path, f"images/{path.name}")
        convert("isaid", [folder / "raw", "-o", folder / "cut", "--patch_width", 32, "--patch_height", 32, "--overlap_area", 16])
        made, ours = ({p.relative_to(root).as_posix(): p for p in root.rglob("*.png")} for root in (folder / "cut", HERE / "isaid-patches"))
        assert made.keys() == ours.keys(), made.keys() ^ ours.keys()
        identical = 0
        for key in made:
            theirs, mine = Image.open(made[key]), Image.open(ours[key])
            assert (theirs.format, theirs.mode) == (mine.format, mine.mode) and np.array_equal(theirs, mine), key
            assert theirs.getpalette() == mine.getpalette()
            identical += made[key].read_bytes() == ours[key].read_bytes()
        colours = importlib.import_module("isaid").iSAID_convert_from_color
        raw = {}
        for path in sorted((HERE / "isaid").rglob("*_instance_color_RGB.png")):
            mask = colours(mmcv.imread(path, channel_order="rgb"))
            raw[f"{path.parts[-3]}/{path.name.removesuffix('_instance_color_RGB.png')}"] = {
                "shape": list(mask.shape), "mask_sum": total(mask), "mask_sha256": digest(mask), "mask_values": np.unique(mask).tolist()}
        answer["isaid"] = {"masks": raw}
        splits = {}
        for split in ("train", "val", "test"):
            prefix = {"img_path": f"img_dir/{split}"}
            if split != "test":
                prefix["seg_map_path"] = f"ann_dir/{split}"
            splits[split], _ = read(iSAIDDataset(data_root=str(HERE / "isaid-patches"), data_prefix=prefix, pipeline=[]))
        answer["isaid_patches"] = {
            "classes": list(iSAIDDataset.METAINFO["classes"]), "files": len(made), "identical_files": identical, "splits": splits}

        # LoveDA, in one folder a split.
        for split in ("Train", "Val", "Test"):
            with zipfile.ZipFile(folder / f"{split}.zip", "w") as archive:
                for path in sorted((HERE / "loveda" / split).rglob("*.png")):
                    archive.write(path, path.relative_to(HERE / "loveda"))
        convert("loveda", [folder, "-o", folder / "loveda"])
        pipeline[1] = LoadAnnotations()
        splits, masks = {}, {}
        for split in ("train", "val"):
            prefix = dict(img_path=f"img_dir/{split}", seg_map_path=f"ann_dir/{split}")
            splits[split], masks[split] = read(LoveDADataset(data_root=str(folder / "loveda"), data_prefix=prefix, pipeline=[]))
        metric = IoUMetric(iou_metrics=["mIoU"])
        metric.dataset_meta = LoveDADataset.METAINFO
        for name, mask in masks["val"].items():
            said = np.array(Image.open(HERE / "loveda-predictions" / f"{name}.png"))
            metric.process({}, [{"pred_sem_seg": {"data": torch.tensor(said.astype(np.int64))},
                                 "gt_sem_seg": {"data": torch.tensor(mask.astype(np.int64))}}])
        areas = [sum(values) for values in zip(*metric.results)]
        scores = IoUMetric.total_area_to_metrics(*areas, metrics=["mIoU"])
        answer["loveda"] = {
            "classes": list(LoveDADataset.METAINFO["classes"]), "splits": splits,
            "score": {
                **{key: [int(v) for v in area] for key, area in zip(("intersect", "union", "predicted", "labelled"), areas)},
                "iou": [None if math.isnan(v) else float(v) for v in scores["IoU"]], "accuracy": float(scores["aAcc"]),
                "miou": float(np.nanmean(scores["IoU"]))}}
    return answer


PARTS = {"geobench": geobench_part, "webdataset": webdataset_part, "torchgeo-bench": torchgeo_bench_part, "torchgeo": torchgeo_part,
         "mmseg": mmseg_part}

if __name__ == "__main__":
    for part in sys.argv[1:]:
        found = PARTS[part]()
        whole = {**(json.loads(RESULT.read_text()) if RESULT.exists() else {}), part: found}
        lines = [f"{json.dumps(name)}:{json.dumps(whole[name], separators=(',', ':'))}" for name in PARTS if name in whole]
        RESULT.write_text("{" + ",\n".join(lines) + "}\n")
        print(part, RESULT.stat().st_size)
