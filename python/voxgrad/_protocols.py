"""What Python asks of a Tensor: numbers, NumPy and DLPack, iteration, copies, text, operators."""
from __future__ import annotations

from typing import Any, Callable

import numpy as np

from . import _C, _creation, _elementwise, _indexing, _linear, _printing, _shape
from ._C import AutogradError, Tensor
from ._support import DTypeError, ShapeError, Size, method


_take_over = Tensor.__init__


@method
def __init__(self: Tensor, *data: Any) -> None:
    """Tensor(other) shares its memory, Tensor([1, 2]) holds numbers in the default dtype, Tensor(2, 3) has any values.

    Prefer `voxgrad.tensor(...)` and `voxgrad.empty(...)`.
    """
    if len(data) == 1 and isinstance(data[0], Tensor):
        _take_over(self, data[0])
    elif len(data) == 1 and isinstance(data[0], (list, tuple, np.ndarray)) and not isinstance(data[0], Size):
        _take_over(self, _creation.tensor(data[0], dtype=_C.get_default_dtype()))
    else:
        _take_over(self, _creation.empty(*(data or (0,))))


@method
def numpy(self: Tensor, *, force: bool = False) -> np.ndarray:
    """An array over the tensor's memory.

    Raises RuntimeError for one that wants a gradient while gradients are recorded, unless forced.
    """
    return _C._to_numpy(self.detach().cpu() if force else self)


@method
def __array__(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    array = _C._to_numpy(self)
    if dtype is not None and array.dtype != dtype:
        if copy is False:
            raise ValueError(f"__array__: {array.dtype} becomes {np.dtype(dtype)} only by a copy")
        return array.astype(dtype)
    return array.copy() if copy else array


@method
def __dlpack__(self: Tensor, *, stream: Any = None, max_version: Any = None, dl_device: Any = None,
               copy: bool | None = None) -> Any:
    """The memory, for another library's from_dlpack.

    All work on a GPU is in the legacy default stream, 1. A consumer that names another one may read at once: the call
    waits for what was given to the GPU so far; -1 is for one that takes care of it. `dl_device` may be (1, 0), for a
    copy on the CPU. Raises BufferError for other devices, RuntimeError for a tensor that wants a gradient.
    """
    if stream is not None and (isinstance(stream, bool) or not isinstance(stream, int)):
        raise TypeError(f"__dlpack__: stream must be an integer or None; got {stream!r}")
    shared, here = self, self.__dlpack_device__()
    wanted = here if dl_device is None else tuple(map(int, dl_device))
    if wanted != here:
        if wanted != (1, 0) or copy is False:
            raise BufferError(f"__dlpack__: the memory lies on {self.device}; got dl_device {wanted} and copy {copy}")
        shared = _C._to_device(self, _C.device("cpu"))
    elif copy:
        shared = _C._clone(self)
    capsule = _C._to_dlpack(shared)
    if shared.device.type == "cuda" and stream not in (None, -1, 1):
        _C._synchronize(shared.device)
    return capsule


@method
def __dlpack_device__(self: Tensor) -> tuple[int, int]:
    return (1, 0) if self.device.type == "cpu" else (2, self.device.index or 0)


@method
def __bool__(self: Tensor) -> bool:
    if self.numel() != 1:
        raise ShapeError(f"bool: a tensor of several elements is neither true nor false; got shape {list(self.shape)}; "
                         "use x.any() or x.all()")
    return bool(self.item())


@method
def __float__(self: Tensor) -> float:
    return float(self.item())


@method
def __int__(self: Tensor) -> int:
    return int(self.item())


@method
def __index__(self: Tensor) -> int:
    if self.dtype.is_floating_point:
        raise DTypeError(f"index: needs an integer tensor; got {self.dtype._name}")
    return int(self.item())


@method
def __len__(self: Tensor) -> int:
    if self.ndim == 0:
        raise DTypeError("len: a tensor of rank 0 has no length")
    return self.shape[0]


@method
def __iter__(self: Tensor) -> Any:
    if self.ndim == 0:
        raise DTypeError("iter: a tensor of rank 0 has no elements to go through")
    return iter(_shape.unbind(self))


@method
def __contains__(self: Tensor, element: Any) -> bool:
    return bool((_elementwise.eq(self, element)).any())


@method
def __format__(self: Tensor, spec: str) -> str:
    # A Parameter prints as one.
    return format(self.item(), spec) if self.ndim == 0 and type(self) is Tensor else object.__format__(self, spec)


@method
def __repr__(self: Tensor) -> str:
    return _printing.text(self)


setattr(Tensor, "__str__", Tensor.__repr__)


@method
def __deepcopy__(self: Tensor, memo: dict[int, Any]) -> Tensor:
    if not self.is_leaf:
        raise AutogradError("deepcopy: only leaves can be copied with their graph; use x.detach().clone()")
    if id(self) in memo:
        return memo[id(self)]
    copied = self.__class__(_C._clone(self.detach()))
    copied.requires_grad = self.requires_grad
    if self.grad is not None:
        copied.grad = _C._clone(self.grad.detach())
    memo[id(self)] = copied
    return copied


def _rebuild(kind: Any, array: np.ndarray, channels_last: bool, requires_grad: bool, where: str = "cpu") -> Tensor:
    x = _C._copy_array(array)
    x = _C._to_device(_C._channels_last(x) if channels_last else x, _C.device(where))
    x = kind(x)
    x.requires_grad = requires_grad
    return x


@method
def __reduce_ex__(self: Tensor, protocol: Any) -> Any:
    if not self.is_leaf:
        raise AutogradError("pickle: only leaves can be pickled; use x.detach()")
    host = self.detach().cpu()
    order = host._is_channels_last() and not host._is_contiguous()
    array = np.ascontiguousarray(host.numpy()).reshape(host.shape)
    return _rebuild, (self.__class__, array, order, self.requires_grad, str(self.device))


Tensor.__array_priority__ = 1000  # NumPy's operators leave theirs to ours
setattr(Tensor, "__getitem__", _indexing.get)
setattr(Tensor, "__setitem__", _indexing.set)


# ---- operators


def _operator(name: str, f: Callable[[Any, Any], Any], reflected: bool = False) -> None:
    def operate(self: Tensor, other: Any) -> Tensor:
        if isinstance(other, np.ndarray):
            other = _creation.tensor(other)
        try:
            return f(other, self) if reflected else f(self, other)
        except DTypeError:
            if isinstance(other, (Tensor, int, float, np.generic)):
                raise
            return NotImplemented  # type: ignore[no-any-return]

    operate.__name__ = name
    setattr(Tensor, name, operate)


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": _elementwise.add,
    "sub": _elementwise.sub,
    "mul": _elementwise.mul,
    "truediv": _elementwise.div,
    "floordiv": _elementwise.floor_divide,
    "mod": _elementwise.remainder,
    "pow": _elementwise.pow,
    "and": _elementwise.bitwise_and,
    "or": _elementwise.bitwise_or,
    "xor": _elementwise.bitwise_xor,
}
for _name, _f in _BINARY.items():
    _operator(f"__{_name}__", _f)
    _operator(f"__r{_name}__", _f, reflected=True)
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    _operator(f"__{_name}__", getattr(_elementwise, _name))


def _unary(name: str, f: Callable[[Tensor], Tensor]) -> None:
    def operate(self: Tensor) -> Tensor:
        return f(self)

    operate.__name__ = name
    setattr(Tensor, name, operate)


_unary("__neg__", _C.neg)
_unary("__pos__", _elementwise.positive)
_unary("__abs__", _C.abs)
_unary("__invert__", _C.bitwise_not)
_operator("__matmul__", _linear.matmul)
_operator("__rmatmul__", _linear.matmul, reflected=True)


def _augmented(name: str, method_name: str) -> None:
    """x op= other: writes x, so that every other name of it sees the result."""
    def operate(self: Tensor, other: Any) -> Tensor:
        return getattr(self, method_name)(other)

    _operator(f"__i{name}__", operate)


for _name, _method in {"truediv": "div", "floordiv": "floor_divide", "mod": "remainder", "and": "bitwise_and",
                       "or": "bitwise_or", "xor": "bitwise_xor"}.items():
    _augmented(_name, f"{_method}_")
for _name in ("add", "sub", "mul", "pow"):
    _augmented(_name, f"{_name}_")
