"""save and load: nested objects of tensors and plain values in one safetensors file, without pickle.

The tensors lie in the file under names made of their keys, so that other programs read them: a state dict gives a file
with the state dict's names. What else the object holds stands as JSON in the file's metadata under "voxgrad", where

    a list is a list, null, booleans, text and finite numbers are themselves, and else one of
    {"tensor": name, "grad": bool, "parameter": bool, "device": text}   the last three only where they say something
    {"tuple": [...]}, {"dict": [[key, value], ...]}, {"ordered": [[key, value], ...]}, {"counter": [[key, count], ...]}
    {"size": [...]}, {"array": name}, {"dtype": name}, {"device": text}, {"float": "nan", "inf" or "-inf"}

A tensor that occurs several times is stored once. Nothing in a file can run code.
"""
from __future__ import annotations

import math
import os
from collections import Counter, OrderedDict, defaultdict
from typing import Any, Callable, Mapping

import numpy as np

from . import _C
from ._C import DeviceError, DTypeError, FileError, Tensor, device, dtype
from ._support import Size, as_device
from .nn.parameter import Parameter

_KEY = "voxgrad"
_DTYPES = ("float32", "float64", "int64", "int32", "uint8", "bool")


_MAPPINGS: dict[type, str] = {dict: "dict", defaultdict: "dict", OrderedDict: "ordered", Counter: "counter"}


class _Writer:
    """Turns an object into JSON and a list of named tensors."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._stored: dict[Any, str] = {}
        self._alive: list[Tensor] = []
        self._open: set[int] = set()  # containers that are being described, against cycles

    def describe(self, value: Any, path: str, names: tuple[str, ...] = ()) -> Any:
        if value is None or isinstance(value, (bool, str)):
            return value if value is None or type(value) in (bool, str) else self._refuse(value, path)
        if isinstance(value, np.generic):
            value = value.item()
        if type(value) is int:
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, Tensor):
            return self._tensor(value, names)
        if isinstance(value, np.ndarray):
            return self._array(value, path, names)
        if isinstance(value, dtype):
            return {"dtype": value._name}
        if isinstance(value, device):
            return {"device": str(value)}
        if isinstance(value, Size):
            return {"size": list(value)}
        return self._container(value, path, names)

    def _container(self, value: Any, path: str, names: tuple[str, ...]) -> Any:
        if id(value) in self._open:
            raise DTypeError(f"save: {path} contains itself")
        self._open.add(id(value))
        try:
            if type(value) in (list, tuple):
                items = [self.describe(v, f"{path}[{i}]", (*names, str(i))) for i, v in enumerate(value)]
                return items if type(value) is list else {"tuple": items}
            if type(value) in _MAPPINGS:
                pairs = [[self._key(k, path), self.describe(v, f"{path}[{k!r}]", (*names, str(k)))]
                         for k, v in value.items()]
                return {_MAPPINGS[type(value)]: pairs}
        finally:
            self._open.discard(id(value))
        return self._refuse(value, path)

    def _key(self, key: Any, path: str) -> Any:
        if type(key) not in (str, int):
            raise DTypeError(f"save: the keys of {path} must be str or int; got {key!r}")
        return key

    def _refuse(self, value: Any, path: str) -> Any:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        hint = "; save its state_dict()" if hasattr(value, "state_dict") else ""
        raise DTypeError(f"save: {path} is a {kind}, and only tensors, numbers, text, booleans, None, lists, tuples "
                         f"and dicts can be saved{hint}")

    def _name(self, names: tuple[str, ...]) -> str:
        wanted = "/".join(names).encode("utf-8", "replace").decode() or "tensor"
        name, number = wanted, 1
        while name in self.tensors or name == "__metadata__":
            number += 1
            name = f"{wanted}#{number}"
        return name

    def _store(self, x: Tensor, names: tuple[str, ...]) -> str:
        """The name that x has in the file, also from before."""
        place = (x.data_ptr(), x.dtype._name, tuple(x.shape), x.stride(), str(x.device)) if x.numel() else id(x)
        if place not in self._stored:
            self._alive.append(x)  # else its id could come again
            self._stored[place] = self._name(names)
            self.tensors[self._stored[place]] = x.detach()
        return self._stored[place]

    def _tensor(self, x: Tensor, names: tuple[str, ...]) -> dict[str, Any]:
        entry: dict[str, Any] = {"tensor": self._store(x, names)}
        if isinstance(x, Parameter):
            entry["parameter"] = True
        if x.requires_grad and x.is_leaf:
            entry["grad"] = True
        if x.device.type != "cpu":
            entry["device"] = str(x.device)
        return entry

    def _array(self, array: np.ndarray, path: str, names: tuple[str, ...]) -> dict[str, Any]:
        try:
            return {"array": self._store(_C._copy_array(array), names)}
        except DTypeError:
            raise DTypeError(f"save: {path} is an array of {array.dtype}, which tensors do not have") from None


class _Reader:
    """Turns JSON and named tensors back into the object."""

    def __init__(self, tensors: Mapping[str, Tensor], move: Callable[[Tensor, str], Tensor]) -> None:
        self._tensors = tensors
        self._move = move
        self._made: dict[Any, Tensor] = {}
        self._kinds: dict[str, Callable[[Any], Any]] = {
            "tuple": lambda items: tuple(self.build(v) for v in items),
            "dict": lambda pairs: {self._key(k): self.build(v) for k, v in pairs},
            "ordered": lambda pairs: OrderedDict((self._key(k), self.build(v)) for k, v in pairs),
            "counter": lambda pairs: Counter({self._key(k): self.build(v) for k, v in pairs}),
            "size": lambda items: Size(int(v) for v in items),
            "array": lambda name: self._tensors[name].numpy().copy(),
            "dtype": self._dtype,
            "device": device,
            "float": float,
        }

    def build(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.build(v) for v in value]
        if not isinstance(value, dict):
            return value
        if "tensor" in value:
            return self._tensor(value)
        (kind, content), = value.items()
        return self._kinds[kind](content)

    def _key(self, key: Any) -> Any:
        if type(key) not in (str, int):
            raise ValueError(f"a key is {key!r}")
        return key

    def _dtype(self, name: str) -> dtype:
        if name not in _DTYPES:
            raise ValueError(f"a dtype is {name!r}")
        return getattr(_C, name)

    def _tensor(self, entry: Mapping[str, Any]) -> Tensor:
        marks = (entry["tensor"], bool(entry.get("parameter")), bool(entry.get("grad")))
        if marks not in self._made:
            x = self._move(self._tensors[marks[0]], entry.get("device", "cpu"))
            if marks[1]:
                x = Parameter(x, marks[2])
            elif marks[2]:
                x = x.detach()
                x.requires_grad = True
            self._made[marks] = x
        return self._made[marks]


def save(obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: Any = None,
         _use_new_zipfile_serialization: bool = True) -> None:
    """Writes an object to the path or binary file `f`: a safetensors file, atomically where it is a path.

    The object may nest dicts (keys str or int), lists and tuples of tensors, parameters, arrays, numbers, text,
    booleans and None: state dicts of modules and optimizers, and checkpoints that hold several. Tensors that occur
    several times are stored once. Raises TypeError naming the place of what cannot be saved, OSError where the file
    cannot be written; the file of before stays then. The other arguments change nothing: pickle is never used.
    """
    import json
    import tempfile

    writer = _Writer()
    try:
        description = json.dumps(writer.describe(obj, "the object"), separators=(",", ":"))
    except RecursionError:
        raise DTypeError("save: the object is nested too deeply") from None
    tensors, metadata = list(writer.tensors.items()), {_KEY: description}
    if not hasattr(f, "write"):
        _C._save_safetensors(os.fsdecode(os.fspath(f)), tensors, metadata)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "object.safetensors")
        _C._save_safetensors(path, tensors, metadata)
        with open(path, "rb") as written:
            while part := written.read(2**24):
                _write(f, memoryview(part))


def _write(f: Any, left: memoryview) -> None:
    """Writes all of it, also where a write takes a part, as an unbuffered file's may."""
    while left:
        count = f.write(left)
        if count == 0:
            raise FileError(f"save: {f!r} takes no more bytes")
        left = left[len(left) if count is None else count:]


def _back(x: Tensor, where: str) -> Tensor:
    """To the device that x was saved from."""
    if where == "cpu":
        return x
    try:
        return _C._to_device(x, as_device(where))
    except DeviceError as error:
        raise DeviceError(f"load: a tensor was saved from {where}; map_location=\"cpu\" loads it to the CPU ({error})") \
            from None


def _mover(map_location: Any) -> Callable[[Tensor, str], Tensor]:
    """Where each tensor goes, from load's map_location."""
    if map_location is None:
        return _back
    if isinstance(map_location, dict):
        return lambda x, where: _C._to_device(x, as_device(map_location.get(where, where)))
    if isinstance(map_location, (str, device)):
        target = as_device(map_location)
        return lambda x, where: _C._to_device(x, target)
    if callable(map_location):
        def move(x: Tensor, where: str) -> Tensor:
            moved = map_location(x, where)
            return _back(x, where) if moved is None else moved

        return move
    raise DTypeError(f"load: map_location must be a device, its name, a dict or a function; got {map_location!r}")


def load(f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = True,
         mmap: bool | None = None, **unused: Any) -> Any:
    """Reads what save() wrote to the path or binary file `f`; from other safetensors files a dict of tensors.

    map_location: where tensors go, in place of the device they were saved from: a device or its name, a dict from
    names to names, or a function of tensor and name that gives a tensor. Nothing in a file can run code, whatever
    `weights_only` says. Raises OSError for a file that is missing, cut off or no safetensors file.
    """
    move = _mover(map_location)
    if hasattr(f, "read"):
        import shutil
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "object.safetensors")
            with open(path, "wb") as copied:
                shutil.copyfileobj(f, copied, 2**24)
            return _read(path, move)
    return _read(os.fsdecode(os.fspath(f)), move)


def _read(path: str, move: Callable[[Tensor, str], Tensor]) -> Any:
    try:
        tensors: dict[str, Tensor]
        metadata: dict[str, str]
        tensors, metadata = _C._load_safetensors(path)  # type: ignore[assignment]
    except FileError as error:
        raise FileError(f"{error}{_hint(path)}") from None
    if _KEY not in metadata:
        return {name: move(x, "cpu") for name, x in tensors.items()}
    import json

    reader = _Reader(tensors, move)
    try:
        return reader.build(json.loads(metadata[_KEY]))
    except DeviceError:
        raise
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise FileError(f"load: the description of the object in {path} is malformed: {error!r}") from None


def _hint(path: str) -> str:
    """What to say of a file of PyTorch's."""
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except OSError:
        return ""
    if start == b"PK\x03\x04" or start[:1] == b"\x80":
        return " (it looks like a file of torch.save; write it with safetensors there)"
    return ""


__all__ = ["load", "save"]
