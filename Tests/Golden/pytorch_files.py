"""Writes Tests/TorchTests/Golden/*.pth: files of torch.save, good and bad, and the values that the good ones hold.

    pip install torch safetensors
    python Tests/Golden/pytorch_files.py

The bad files are only written, never loaded. TorchTests reads all of them; nothing here runs in CI.
"""

import collections
import io
import os
import pathlib
import pickle
import zipfile

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent.parent / "TorchTests" / "Golden"


def wave(*shape, dtype=torch.float32):
    count = torch.Size(shape).numel()
    return torch.sin(torch.arange(count, dtype=torch.float64) * 0.7).reshape(shape).to(dtype)


def state():
    """Every element type; a turned, a cut, a tied and an empty tensor; a parameter; numbers beside them."""
    base = wave(4, 6)
    tensors = collections.OrderedDict()
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        tensors[f"type.{str(dtype)[6:]}"] = wave(3, 5, dtype=dtype)
    for dtype in (torch.uint8, torch.int32, torch.int64):
        tensors[f"type.{str(dtype)[6:]}"] = (wave(3, 5).abs() * 100).to(dtype)
    tensors["type.bool"] = wave(3, 5) > 0
    tensors["turned"] = base.t()
    tensors["cut"] = base[1:3, 2:5]
    tensors["tail"] = base.flatten()[20:]
    tensors["tied.a"] = base
    tensors["tied.b"] = base
    tensors["empty"] = torch.zeros(0, 4)
    tensors["scalar"] = torch.tensor(2.5)
    tensors["parameter"] = torch.nn.Parameter(wave(2, 3))
    return tensors


class Attack:
    """Asks whoever unpickles it to run a command."""

    def __reduce__(self):
        return os.system, ("touch /tmp/geodino-was-here",)


def archive(name, pickled, compression=zipfile.ZIP_STORED, members=()):
    """An archive in the layout of torch.save around a pickle."""
    with zipfile.ZipFile(HERE / name, "w", compression) as file:
        file.writestr(zipfile.ZipInfo("archive/data.pkl"), pickled, compression)
        for member, contents in members:
            file.writestr(zipfile.ZipInfo(member), contents, compression)
        file.writestr(zipfile.ZipInfo("archive/version"), b"3\n", compression)


def main():
    tensors = state()
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, HERE / "pytorch.safetensors")
    plain = {**tensors, "epoch": 7, "note": "not a tensor", "losses": [0.5, 0.25]}
    torch.save(plain, HERE / "new.pth")
    torch.save(plain, HERE / "old.pth", _use_new_zipfile_serialization=False)
    torch.save({"teacher": {"backbone": {"w": wave(2, 2)}}, "iteration": 3}, HERE / "nested.pth", pickle_protocol=4)

    archive("attack-2.pth", pickle.dumps({"w": Attack()}, protocol=2))
    archive("attack-4.pth", pickle.dumps({"w": Attack()}, protocol=4))
    archive("attack-0.pth", pickle.dumps({"w": Attack()}, protocol=0))
    archive("instance.pth", b"(ios\nsystem\nS'id'\n.")
    archive("eval.pth", b"c__builtin__\neval\n(X\x01\x00\x00\x001tR.")
    with open(HERE / "attack-old.pth", "wb") as file:
        whole = io.BytesIO()
        torch.save({"w": wave(2)}, whole, _use_new_zipfile_serialization=False)
        # The object of the stream, the fourth pickle from its start, replaced.
        data = whole.getvalue()
        stream = io.BytesIO(data)
        for _ in range(3):
            pickle.load(stream)
        file.write(data[: stream.tell()] + pickle.dumps(Attack(), protocol=2))
    # 20 MB of zeros in 20 KB.
    archive("bomb.pth", pickle.dumps({}, protocol=2), zipfile.ZIP_DEFLATED, [("archive/data/0", b"\0" * 20_000_000)])
    # A storage of one element, seen as 4 TB.
    claim = (
        b"\x80\x02}(X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
        b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQK\x00(J\x40\x42\x0f\x00J\x40\x42\x0f\x00t(K\x00K\x00t\x89"
        b"ccollections\nOrderedDict\n)RtRu."
    )
    archive("claim.pth", claim, members=[("archive/data/0", b"\0\0\x80?")])


main()
