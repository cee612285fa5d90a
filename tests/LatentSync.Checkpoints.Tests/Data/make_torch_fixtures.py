"""Makes the fixtures beside this file with Python's own pickle and zipfile, without PyTorch.

torch.save is a subclass of pickle.Pickler whose persistent_id names storages, and whose tensors reduce to
torch._utils._rebuild_tensor_v2 (torch/serialization.py, torch/_tensor.py). The modules below stand in for PyTorch, so that
the pickles have exactly the instructions that Python's pickler emits for the real thing.

Run: python3 make_torch_fixtures.py          (any Python 3.8 or later; the result does not depend on the version)
"""
import collections
import io
import pickle
import struct
import sys
import types
import zipfile
from pathlib import Path

HERE = Path(__file__).parent


def module(name):
    sys.modules[name] = made = types.ModuleType(name)
    return made


torch, utils, tensor_module = module("torch"), module("torch._utils"), module("torch._tensor")
nn, parameter, storage_module = module("torch.nn"), module("torch.nn.parameter"), module("torch.storage")
torch._utils, torch._tensor, torch.nn, torch.storage, nn.parameter = utils, tensor_module, nn, storage_module, parameter


def function(owner, name):
    def body(*arguments):
        raise NotImplementedError
    body.__module__, body.__name__, body.__qualname__ = owner.__name__, name, name
    setattr(owner, name, body)
    return body


rebuild_tensor_v2 = function(utils, "_rebuild_tensor_v2")
rebuild_tensor_v3 = function(utils, "_rebuild_tensor_v3")
rebuild_parameter = function(utils, "_rebuild_parameter")
rebuild_from_type_v2 = function(tensor_module, "_rebuild_from_type_v2")

CODES = {"Float": "f", "Half": "e", "Long": "q", "Byte": "B", "Bool": "?", "BFloat16": "H"}
for prefix in CODES:
    made = type(f"{prefix}Storage", (), {"__module__": "torch"})
    setattr(torch, f"{prefix}Storage", made)
storage_module.UntypedStorage = type("UntypedStorage", (), {"__module__": "torch.storage"})
parameter.Parameter = type("Parameter", (), {"__module__": "torch.nn.parameter"})


class Size(tuple):
    def __reduce__(self):
        return Size, (tuple(self),)


Size.__module__, Size.__qualname__ = "torch", "Size"
torch.Size = Size


class DType:
    __module__ = "torch"

    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return self.name


torch.float16, torch.float32 = DType("float16"), DType("float32")


class device:
    def __init__(self, kind):
        self.kind = kind

    def __reduce__(self):
        return device, (self.kind,)


device.__module__, device.__qualname__ = "torch", "device"
torch.device = device


class Storage:
    def __init__(self, prefix, values, untyped=False):
        self.cls = storage_module.UntypedStorage if untyped else getattr(torch, f"{prefix}Storage")
        self.data = struct.pack(f"<{len(values)}{CODES[prefix]}", *values)
        self.count = len(self.data) if untyped else len(values)


class Tensor:
    def __init__(self, storage, size, stride, offset=0, dtype=None):
        self.storage, self.size, self.stride, self.offset, self.dtype = storage, size, stride, offset, dtype

    def __reduce_ex__(self, protocol):
        arguments = (self.storage, self.offset, tuple(self.size), tuple(self.stride), False, collections.OrderedDict())
        return (rebuild_tensor_v3, arguments + (self.dtype,)) if self.dtype else (rebuild_tensor_v2, arguments)


class Parameter(Tensor):
    def __reduce_ex__(self, protocol):
        return rebuild_parameter, (Tensor(self.storage, self.size, self.stride, self.offset), True, collections.OrderedDict())


class Subclassed(Tensor):
    def __reduce_ex__(self, protocol):
        function_, arguments = Tensor.__reduce_ex__(self, protocol)
        return rebuild_from_type_v2, (function_, parameter.Parameter, arguments, {"note": 1})


class Pickler(pickle.Pickler):
    def __init__(self, file, protocol, legacy=False):
        super().__init__(file, protocol=protocol)
        self.legacy, self.keys, self.storages = legacy, {}, []

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        if id(value) not in self.keys:
            self.keys[id(value)] = str(94000000 + len(self.keys)) if self.legacy else str(len(self.keys))
            self.storages.append(value)
        pid = ("storage", value.cls, self.keys[id(value)], "cpu", value.count)
        return pid + (None,) if self.legacy else pid


def pickled(value, protocol, legacy=False):
    buffer = io.BytesIO()
    pickler = Pickler(buffer, protocol, legacy)
    pickler.dump(value)
    return buffer.getvalue(), pickler


class Unseekable(io.RawIOBase):
    """Makes zipfile write sizes and checksums behind the data and zeros before it, as PyTorch does."""

    def __init__(self, target):
        self.target = target

    def writable(self):
        return True

    def write(self, data):
        return self.target.write(data)


def save_zip(path, value, protocol=2, streamed=False):
    data, pickler = pickled(value, protocol)
    with open(path, "wb") as file, zipfile.ZipFile(Unseekable(file) if streamed else file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in [("data.pkl", data), ("byteorder", b"little")] + [
            (f"data/{i}", s.data) for i, s in enumerate(pickler.storages)
        ] + [("version", b"3\n"), (".data/serialization_id", b"0" * 40)]:
            archive.writestr(zipfile.ZipInfo(f"{path.stem}/{name}"), content)


def save_legacy(path, value):
    system = dict(protocol_version=1001, little_endian=True, type_sizes=dict(short=2, int=4, long=4))
    data, pickler = pickled(value, 2, legacy=True)
    with open(path, "wb") as file:
        for part in (0x1950A86A20F9469CFC6C, 1001, system):
            pickle.dump(part, file, protocol=2)
        file.write(data)
        keys = sorted(pickler.keys.values(), reverse=True)
        pickle.dump(keys, file, protocol=2)
        by_key = {pickler.keys[id(s)]: s for s in pickler.storages}
        for key in keys:
            file.write(struct.pack("<q", by_key[key].count) + by_key[key].data)


def content():
    grid = Storage("Float", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    state = collections.OrderedDict()
    state["grid.weight"] = Tensor(grid, (2, 3), (3, 1))
    state["grid.transposed"] = Tensor(grid, (3, 2), (1, 3))
    state["grid.tail"] = Tensor(grid, (2,), (1,), offset=6)
    state["grid.expanded"] = Tensor(grid, (2, 3), (0, 1), offset=1)
    state["half"] = Tensor(Storage("Half", [1.0, -2.0, 0.5]), (3,), (1,))
    state["brain"] = Tensor(Storage("BFloat16", [0x3F80, 0xC000]), (2, 1), (1, 1))
    state["count"] = Tensor(Storage("Long", [1 << 40]), (), ())
    state["mask"] = Tensor(Storage("Bool", [True, False]), (2,), (1,))
    state["empty"] = Tensor(Storage("Float", []), (0, 4), (4, 1))
    state["parameter"] = Parameter(Storage("Float", [0.25]), (1,), (1,))
    state["subclassed"] = Subclassed(Storage("Float", [0.75]), (1, 1, 1, 1), (1, 1, 1, 1))
    state["reinterpreted"] = Tensor(Storage("Float", [1.5, 2.5], untyped=True), (2,), (1,), dtype=torch.float32)
    state._metadata = collections.OrderedDict([("", {"version": 1})])
    return {
        "state_dict": state,
        "global_step": 10000,
        "dims": {"n_mels": 80, "n_vocab": 51865},
        "losses": [0.5, 0.25, float("inf")],
        "name": "stage 2 \u00e9",
        "big": 1 << 70,
        "negative": -5,
        "flag": True,
        "nothing": None,
        "size": Size((1, 2)),
        "raw": b"\x00\xff",
        "dtype": torch.float16,
        "device": device("cpu"),
        3: "three",
    }


def plain():
    """What TorchCheckpointWriter is given in WriterTests, whose pickle must be the same."""
    return {
        "state_dict": {
            "a.weight": Tensor(Storage("Float", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), (2, 3), (3, 1)),
            "a.bias": Tensor(Storage("Half", [1.0, 2.0]), (2,), (1,)),
            "scalar": Tensor(Storage("Long", [7]), (), ()),
            "kernel": Tensor(Storage("Float", [float(i) for i in range(300)]), (5, 5, 3, 4), (60, 12, 4, 1)),
        },
        "global_step": 70000,
        "best": 0.5,
        "small": 3,
        "medium": 300,
        "huge": 1 << 40,
        "negative": -1,
        "flag": False,
        "note": "caf\u00e9",
        "losses": [0.5, 0.25],
        "one": [1.0],
        "none": [],
        "inner": {},
    }


if __name__ == "__main__":
    save_zip(HERE / "everything.pt", content())
    save_zip(HERE / "everything_protocol4.pt", content(), protocol=4)
    save_zip(HERE / "everything_streamed.pt", content(), streamed=True)
    save_legacy(HERE / "everything_legacy.pt", content())
    (HERE / "plain.pkl").write_bytes(pickled(plain(), 2)[0])
