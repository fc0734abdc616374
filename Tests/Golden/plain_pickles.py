"""Writes plain_pickles.json: pickles of plain data and files of NumPy, good and bad, and what Python finds in the good ones.

    pip install "numpy==2.4.6"
    python Tests/Golden/plain_pickles.py

The good pickles are written by Python's pickle in the protocols 2 to 5 and read back by its own unpickler, with a recorder in the
place of every class and function that is not of NumPy or of plain data: the recorder keeps names, arguments, state and items,
as our reader does. `describe` says in one line what came out, and FilesTests says the same of what it read. The bad pickles are put
together by hand and only written, never loaded; `attack` would run a command.

Objects of the benchmark's and of other packages' names (geobench, affine, rasterio) are instances of classes made here, so that
none of the packages is needed; what they hold has the form that theirs has.
"""

import base64
import collections
import copyreg
import datetime
import io
import json
import math
import os
import pathlib
import pickle
import struct
import sys
import types

import numpy as np

TYPES = {"b1": "BOOL", "u1": "U8", "u2": "U16", "u4": "U32", "u8": "U64", "i1": "I8", "i2": "I16", "i4": "I32", "i8": "I64",
         "f2": "F16", "f4": "F32", "f8": "F64"}


# ---------------------------------------------------------------- what Python finds


class Recorder:
    """Stands for a class, a function, an object or the result of a call."""

    def __init__(self, name, arguments=()):
        self.__dict__.update(name=name, arguments=list(arguments), state=None, list=[], map=[])

    def __call__(self, *arguments):
        return Recorder(self.name, arguments)

    def __setstate__(self, state):
        self.__dict__["state"] = state

    def __setitem__(self, key, value):
        self.map.append((key, value))

    def append(self, item):
        self.list.append(item)

    def extend(self, items):
        self.list.extend(items)


def stand_in(name):
    """A class whose instances are recorders: the unpickler makes objects of classes only."""

    def new(cls, *arguments, **named):
        made = object.__new__(cls)
        Recorder.__init__(made, name, [*arguments, *([named] if named else [])])
        return made

    def getattribute(cls, attribute):
        if attribute.startswith("__") or attribute == "mro":
            return type.__getattribute__(cls, attribute)
        return stand_in(f"{name}.{attribute}")

    meta = type("Meta", (type,), {"__getattribute__": getattribute})
    return meta(name.replace(".", "_"), (Recorder,), {"__new__": new, "__init__": lambda self, *a, **k: None, "NAME": name})


PLAIN = {("collections", "OrderedDict"), ("collections", "defaultdict"), ("_codecs", "encode"), ("numpy", "ndarray"),
         ("numpy", "dtype")} | {(m, n) for m in ("builtins", "__builtin__")
                                for n in ("set", "frozenset", "bytes", "bytearray", "getattr")}


class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) in PLAIN or module.startswith("numpy._core") or module.startswith("numpy.core"):
            return super().find_class(module, name)
        return stand_in(f"{module}.{name}")


def describe(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -2**63 <= value < 2**63 else "builtins.int()"
    if isinstance(value, float):
        return "f" + struct.pack(">d", value).hex() if not math.isnan(value) else "nan"
    if isinstance(value, str):
        return "t" + value.encode().hex()
    if isinstance(value, (bytes, bytearray)):
        return "b" + bytes(value).hex()
    if isinstance(value, (np.ndarray, np.generic)):
        kind = value.dtype.kind + str(value.dtype.itemsize)
        if value.dtype.kind in "SU":
            kind = value.dtype.kind + str(value.dtype.itemsize // (4 if value.dtype.kind == "U" else 1))
        elif kind not in TYPES:
            return "numpy.ndarray()"
        else:
            kind = TYPES[kind]
        if isinstance(value, np.generic):
            return describe(value.item())
        shape = ",".join(map(str, value.shape))
        return f"a({kind}|{shape}|{value.astype(value.dtype.newbyteorder('<')).tobytes('C').hex()})"
    if isinstance(value, np.dtype):
        return "numpy.dtype()"
    if isinstance(value, dict):
        return "{" + ",".join(f"{describe(k)}:{describe(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "[" + ",".join(map(describe, value)) + "]"
    if isinstance(value, type):
        return f"{type.__getattribute__(value, 'NAME')}()"
    if isinstance(value, Recorder):
        text = f"{value.name}({','.join(map(describe, value.arguments))})"
        state = value.state
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
            state = {**(state[0] or {}), **state[1]}
        if state is not None:
            text += "=" + describe(state)
        if value.map:
            text += "+" + describe(dict(value.map))
        if value.list:
            text += "+" + describe(value.list)
        return text
    raise TypeError(type(value))


# ---------------------------------------------------------------- objects of other packages' names


def make(module, name, bases=(object,), **body):
    """A class that pickle finds by the name of a module that is not installed."""
    folder = None
    for part in module.split("."):
        folder = part if folder is None else f"{folder}.{part}"
        sys.modules.setdefault(folder, types.ModuleType(folder))
    made = type(name, bases, {"__module__": module, **body})
    setattr(sys.modules[module], name, made)
    return made


Sentinel2 = make("geobench.dataset", "Sentinel2")
Affine = make("affine", "Affine", (collections.namedtuple("Affine", "a b c d e f g h i"),))


def from_wkt(cls, wkt):
    return cls()


CRS = make("rasterio.crs", "CRS", from_wkt=classmethod(from_wkt),
           __reduce__=lambda self: (type(self).from_wkt, ("LOCAL_CS[\"m\"]",)))
OldCRS = make("rasterio._crs", "CRS", __getstate__=lambda self: {"init": "epsg:32631"})
Slots = make("ccb.io.dataset", "Slots", __slots__=("wave", "__dict__"))
Bag = make("geobench.task", "Bag", (dict,))
Row = make("geobench.task", "Row", (list,))


class Named:
    """Made with named arguments, which takes the opcode NEWOBJ_EX."""

    def __reduce_ex__(self, protocol):
        return copyreg.__newobj_ex__, (Sentinel2, (1,), {"size": 2})


def band(name, wavelength):
    made = Sentinel2()
    made.__dict__.update(name=name, alt_names=(name.lower(), "b"), spatial_resolution=10.0, wavelength=wavelength)
    return made


def sample():
    """What describes a sample of GEO-Bench."""
    crs, transform = CRS(), Affine(10.0, 0.0, 399960.0, 0.0, -10.0, 4800000.0, 0.0, 0.0, 1.0)
    bands = {}
    for name, wavelength in (("02 - Blue", 0.49), ("08A - Vegetation Red Edge", 0.865)):
        bands[name] = {
            "date": datetime.datetime(2017, 6, 1, 10, 30), "date_id": None, "spatial_resolution": 10,
            "band_info": band(name, wavelength), "meta_info": {"cloud": 0.25, "tags": {"a"}}, "transform": transform, "crs": crs}
    return {"label": np.array([0, 1, 0, 1], dtype=np.int64), **bands, "bands_order": list(bands)}


def arrays():
    out = []
    for kind in ("b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"):
        for order in "<>" if kind in ("u2", "i4", "i8", "f2", "f8") else "<":
            dtype = np.dtype(kind).newbyteorder(order)
            out.append((np.arange(6).reshape(2, 3) - (0 if kind[0] in "bu" else 3)).astype(dtype))
    cube = np.arange(24, dtype="<i2").reshape(2, 3, 4)
    out += [np.asfortranarray(cube), np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3)), np.array(2.5),
            np.zeros((0, 3), "f4"), np.array([["ab", "c"], ["", "d\u00e9"]]), np.array(["x\u4e2d"], dtype=">U3"),
            np.array([b"ab", b"cde"]), np.asfortranarray(np.array([["a", "bc"], ["d", "e"]])),
            np.array(["2017-06-01"], dtype="M8[D]"), np.array([1 + 2j])]
    return out


def scalars():
    return [np.float64(1.5), np.float32(0.1), np.float16(65504), np.int64(-7), np.uint64(2**64 - 1), np.uint8(200), np.bool_(True),
            np.str_("w\u00f6rd"), np.str_(""), np.bytes_(b"ab"), np.complex128(1j)]


def plain():
    shared = [1, "two"]
    return {
        "none": None, "true": True, "false": False,
        "ints": [0, 255, 256, 65535, 65536, -1, -2**31, 2**31, 2**62, -2**63, 2**63, 2**70],
        "floats": [0.0, -0.0, 1.5, float("inf"), float("-inf"), 5e-324], "text": "\u00e4\u4e2d\U0001f600\n\0", 5: "five",
        "bytes": [b"", b"\x00\xff"], "bytearray": bytearray(b"\x80ab"), "empty": [[], (), {}, set()],
        "tuples": [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], "set": {1, 2, 3}, "frozen": frozenset([7]),
        "shared": [shared, shared, (shared,)],
        "ordered": collections.OrderedDict([("b", 1), ("a", 2)]), "default": collections.defaultdict(list, {"k": [1]}),
        True: "as one"}


def objects():
    slots = Slots()
    slots.wave, slots.other = 0.5, "o"
    bag, row = Bag({"k": 1}), Row([1, 2])
    bag.note = "n"
    return [OldCRS(), slots, bag, row, datetime.date(2020, 2, 29), datetime.timezone.utc, pathlib.PurePosixPath("a/b"), complex(1, 2),
            Sentinel2, slice(1, 2)]


# ---------------------------------------------------------------- good and bad files


def good():
    for name, value, protocols in (
            ("plain", plain(), (2, 3, 4, 5)), ("sample", sample(), (2, 4)), ("objects", objects(), (2, 4)),
            ("scalars", scalars(), (2, 4)), ("long", ["x" * 260, b"y" * 260, bytearray(b"z" * 260)], (2, 5))):
        for protocol in protocols:
            yield f"{name}-{protocol}", pickle.dumps(value, protocol)
    # Protocols 2 and 5 write the bytes of arrays in ways of their own, 3 and 4 in the same.
    for protocol in (2, 4, 5):
        yield f"arrays-{protocol}", pickle.dumps(arrays() if protocol == 4 else arrays()[-9:], protocol)
    yield "named-4", pickle.dumps([Named()], 4)
    # The names that NumPy had before 2.0.
    for protocol in (2, 4, 5):
        old = pickle.dumps([np.arange(3.0), np.int64(5)], protocol)
        if protocol == 2:
            old = old.replace(b"cnumpy._core.", b"cnumpy.core.")
        else:
            for part in (b"multiarray", b"numeric"):
                new = b"numpy._core." + part
                old = old.replace(bytes([0x8C, len(new)]) + new, bytes([0x8C, len(new) - 1]) + b"numpy.core." + part)
            old = old[:2] + b"\x95" + struct.pack("<Q", len(old) - 11) + old[11:]
        yield f"old-numpy-{protocol}", old
    # A key that is set again, and bytes after the end.
    yield "again", b"\x80\x02}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00bK\x02X\x01\x00\x00\x00aK\x03u.and more"
    # An object whose state leads back to it.
    loop = Sentinel2()
    loop.__dict__.update(own=[1], up=None)
    text = pickle.dumps(loop, 4)
    looped = swap(text, b"\x8c\x02up\x94N", b"\x8c\x02up\x94h\x03")
    yield "loop", looped[:2] + looped[11:]  # without the frame, whose length is another one now


def swap(text, old, new):
    assert text.count(old) == 1, (text, old)
    return text.replace(old, new)


class Attack:
    def __reduce__(self):
        return os.system, ("touch /tmp/geodino-was-here",)


def bad():
    array = pickle.dumps(np.arange(6.0).reshape(2, 3), 4)
    # A list that holds itself; a tuple that does so by way of a list.
    yield "cycle", b"\x80\x02]q\x00h\x00a.", "holds itself"
    yield "cycle of a set", b"\x80\x04]q\x00cbuiltins\nset\nh\x00\x85Ra.", "holds itself"
    # A list of two that are the same list of two, and so on, forty times.
    yield "laughs", b"\x80\x02]q\x00K\x01a" + b"".join(
        b"](h%ch%ce" % (n, n) + b"q%c" % (n + 1) for n in range(40)) + b".", "more than 1000000 values"
    # The same with a text: few values, many bytes.
    yield "long laughs", b"\x80\x02X" + struct.pack("<I", 400) + b"x" * 400 + b"q\x00" + b"".join(
        b"](h%ch%ch%ch%ce" % ((n,) * 4) + b"q%c" % (n + 1) for n in range(9)) + b".", "more than 67108864 bytes"
    yield "deep", b"\x80\x02" + b"]" * 101 + b"a" * 100 + b".", "more than 100 deep"
    # Deep by what is remembered, each part shallow.
    yield "deep by memory", b"\x80\x02](" + b"".join(
        (b"]" * 60 + (b"h\x00" + b"a" if n else b"") + b"a" * 59 + b"q\x00") for n in range(3)) + b"e.", "more than 100 deep"
    yield "claim", swap(array, b"K\x02K\x03\x86", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"), "does not fit"
    yield "overflow", swap(array, b"K\x02K\x03\x86", b"\x8a\x08" + b"\xff" * 7 + b"\x7f" + b"K\x03\x86"), "does not fit"
    yield "short", swap(array, b"K\x02K\x03\x86", b"K\x02K\x02\x86"), "does not fit"
    yield "empty texts", swap(pickle.dumps(np.array(["a"]), 2), b"X\x02\x00\x00\x00U1", b"X\x02\x00\x00\x00U0"), "does not fit"
    yield "latin", swap(
        pickle.dumps(np.array([1], "u1"), 2), b"X\x01\x00\x00\x00\x01", b"X\x03\x00\x00\x00\xe4\xb8\xad"), "does not fit"
    yield "extension", b"\x80\x02\x82\x01.", "opcode EXT1"
    yield "instance", b"(iposix\nsystem\n.", "opcode INST"
    yield "persistent", b"\x80\x02K\x01Q.", "opcode BINPERSID"
    yield "buffer", b"\x80\x05\x97.", "opcode NEXT_BUFFER"
    yield "number", b"\x80\x02K\x01)R.", "opcode REDUCE"
    yield "state of a number", b"\x80\x02K\x01}b.", "opcode BUILD"
    yield "long name", b"\x80\x02c" + b"m" * 300 + b"\nf\n.", "opcode GLOBAL"
    yield "nothing", b"", "truncated"
    yield "frame only", b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff", "truncated"
    yield "bytes beyond", b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", "truncated"
    yield "underflow", b"\x80\x02a.", "more from the stack"


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version, allow_pickle=False)
    return file.getvalue()


def numpy_files():
    """Single arrays, each with what NumPy reads."""
    cube = np.arange(24, dtype=">u2").reshape(2, 3, 4)
    for name, array, version in (
            ("doubles", np.arange(6.0).reshape(2, 3) / 8, None), ("big-endian", cube, (1, 0)), ("fortran", np.asfortranarray(cube), (2, 0)),
            ("scalar", np.array(3, "i1"), None), ("empty", np.zeros((0, 5), "f4"), None), ("texts", np.array(["ab", "\u4e2d"]), (3, 0)),
            ("truth", np.array([True, False]), None), ("half", np.array([1.5, -2, 65504, 6e-8, np.inf], "f2"), None),
            ("row", np.arange(3, dtype="i8"), None)):
        yield name, npy(array, version), describe(array)
    whole = npy(np.arange(4, dtype="u1"))
    yield "more after it", whole + b"rest", describe(np.arange(4, dtype="u1"))
    yield "cut", whole[:-1], "!needs 4 bytes"
    yield "cut header", whole[:40], "!truncated"
    yield "huge", swap(whole, b"(4,)", b"(%d, %d)" % (2**40, 2**40)), "!impossible"
    yield "claim", swap(whole, b"(4,)", b"(%d,)" % 2**40), "!needs 1099511627776 bytes"
    yield "objects", swap(whole, b"'|u1'", b"'|O8'"), "!'|O8'"
    yield "records", swap(whole, b"'|u1'", b"[('a','|u1')]"), "!records"
    yield "version", whole[:6] + b"\x04\x00" + whole[8:], "!version 4.0"
    yield "damaged", swap(whole, b"False", b"Maybe"), "!damaged"
    yield "negative", swap(whole, b"(4,)", b"(-4,)"), "!damaged"
    yield "code", swap(whole, b"(4,)", b"(f(),)"), "!damaged"
    yield "other", b"PK\x03\x04", "!does not begin"


def archives():
    """Archives, stored and deflated."""
    arrays = {"02 - Blue": np.arange(12, dtype="u2").reshape(3, 4), "label": np.arange(60, dtype="i1") % 3, "a.b": np.array(1.5)}
    for name, save in (("stored", np.savez), ("deflated", np.savez_compressed)):
        file = io.BytesIO()
        save(file, **arrays)
        yield name, file.getvalue(), {key: describe(value) for key, value in arrays.items()}


def packed(text):
    return base64.b64encode(text).decode()


def main():
    here = pathlib.Path(__file__).parent
    # What is the same in several protocols is said once.
    values, cases = [], []
    for name, text in good():
        value = describe_loop(name, text)
        if value not in values:
            values.append(value)
        cases.append({"name": name, "bytes": packed(text), "value": values.index(value)})
    refused = [{"name": name, "bytes": packed(text), "words": words} for name, text, words in bad()]
    attacks = [{"name": f"attack-{p}", "bytes": packed(pickle.dumps([Attack()], p)), "words": ""} for p in (2, 4)]
    some = bytes([*range(48), *range(88, 100), *range(120, 136), 255])
    reprs = [some, b"", b"it's", b'it\'s "both"', b'"', pickle.dumps({"label": 3}, 4)]
    document = {
        "values": values, "good": cases, "bad": refused, "attacks": attacks,
        "reprs": [{"text": repr(b), "bytes": packed(b)} for b in reprs],
        "npy": [{"name": n, "bytes": packed(b), "value": v} for n, b, v in numpy_files()],
        "npz": [{"name": n, "bytes": packed(b), "values": v} for n, b, v in archives()]}
    (here / "plain_pickles.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


def describe_loop(name, text):
    """What Python's unpickler finds; of the loop, with the name alone where it comes back to itself."""
    value = Reader(io.BytesIO(text)).load()
    if name == "loop":
        assert value.state["up"] is value
        value.state["up"] = Recorder(value.name)
    return describe(value)


if __name__ == "__main__":
    main()
