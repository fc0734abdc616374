"""Writes Tests/Golden/hdf5/: HDF5 files in the layout of GEO-Bench v1, good and bad, and what the good ones hold.

    pip install "h5py==3.16.0" "numpy==2.4.6"     (h5py 3.16.0 brings HDF5 2.0.0; the files are of its oldest format)
    python Tests/Golden/hdf5.py

* bands.hdf5: two-dimensional arrays of unlike shapes and types, with spaces in their names, a label of 64 bits, and the
  root attribute `pickle` as a text of variable length that holds the repr of a pickle, as GEO-Bench has it.
* types.hdf5: one array of each type of number, big-endian too; a scalar, a row, a cube, one of texts; chunks with and without
  compression; an empty one; attributes of fixed length, of several texts, and a number.
* claim.hdf5: arrays that claim 2^40 values and were never written, in chunks and in one piece.
* damaged.hdf5: the first file with its directory overwritten; cut.hdf5: its first half.

values.json holds for each array of the good files its shape and its values, and the text of the attribute `pickle`. RasterTests
reads all of them; nothing here runs in CI.
"""

import json
import pathlib
import pickle

import h5py
import numpy as np

HERE = pathlib.Path(__file__).parent / "hdf5"


def wave(*shape, scale=1.0):
    count = int(np.prod(shape))
    return (np.sin(np.arange(count) * 0.7) * scale).reshape(shape)


def plain(array):
    array = np.asarray(array)
    if array.dtype.kind == "f":
        return [float(v) for v in array.ravel()]
    return [int(v) for v in array.ravel()]


def main():
    HERE.mkdir(exist_ok=True)
    expected = {}

    def save(file, name, array, **options):
        file.create_dataset(name, data=array, **options)
        array = np.asarray(array)
        expected.setdefault(pathlib.Path(file.filename).name, {})[name] = {
            "shape": list(array.shape), "values": plain(array)}

    content = {
        "label": 3, "bands_order": ["02 - Blue", "08A - Vegetation Red Edge"], "note": "it's \"quoted\" \\ \n\t\r\0"}
    text = repr(pickle.dumps(content, protocol=4))
    with h5py.File(HERE / "bands.hdf5", "w", libver=("earliest", "v108")) as file:
        save(file, "02 - Blue", wave(8, 8, scale=1000.0))
        save(file, "08A - Vegetation Red Edge_2017-06-01", wave(4, 6).astype(np.float32))
        save(file, "label", (np.arange(64).reshape(8, 8) % 7).astype(np.int64))
        file.attrs["pickle"] = text
    expected["pickle"] = text

    with h5py.File(HERE / "types.hdf5", "w", libver=("earliest", "v108")) as file:
        for kind in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", ">u2", ">i4", ">i8", ">f4", ">f8"):
            dtype = np.dtype(kind)
            if dtype.kind == "f":
                values = np.array([[-1.5, 0, 0.25], [3, 100, 65504]], dtype)
            else:
                info = np.iinfo(dtype)
                values = np.array([[info.min, 0, 1], [2, 3, info.max]], dtype)
            save(file, ("big " if kind[0] == ">" else "") + dtype.name, values)
        save(file, "scalar", np.float32(2.5))
        save(file, "row", np.arange(5, dtype=np.int16))
        save(file, "cube", np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
        save(file, "chunks", np.arange(48, dtype=np.uint16).reshape(6, 8), chunks=(4, 4))
        save(file, "deflated", np.arange(48, dtype=np.float32).reshape(6, 8), chunks=(6, 8), compression="gzip")
        save(file, "empty", np.zeros((0, 4), np.float32))
        file.create_dataset("bool", data=np.array([[True, False]]))
        file.create_dataset("words", data=np.array(["a", "bc"], dtype=h5py.string_dtype()))
        file.create_dataset("pair", data=np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]))
        file.create_group("inner").create_dataset("deep", data=np.zeros((2, 2)))
        file.attrs["fixed"] = np.bytes_(b"b'\\x80\\x04K\\x05.'")
        file.attrs.create("words", ["one", "two"], dtype=h5py.string_dtype())
        file.attrs["number"] = 7
        file.attrs["long"] = "0123456789" * 300

    with h5py.File(HERE / "claim.hdf5", "w", libver=("earliest", "v108")) as file:
        file.create_dataset("chunked", shape=(2**20, 2**20), dtype="f4", chunks=(64, 64))
        file.create_dataset("whole", shape=(2**20, 2**20), dtype="f8")
        file.create_dataset("small whole", shape=(64, 64), dtype="f8")
        file.create_dataset("small chunked", shape=(2, 3), dtype="f4", chunks=(2, 3))

    whole = (HERE / "bands.hdf5").read_bytes()
    place = whole.index(b"02 - Blue") // 8 * 8
    (HERE / "damaged.hdf5").write_bytes(whole[:96] + b"\xff" * (place - 96) + whole[place:])
    (HERE / "cut.hdf5").write_bytes(whole[: len(whole) // 2])
    (HERE / "values.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
