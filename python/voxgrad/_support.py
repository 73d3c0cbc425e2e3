"""What the package's files share: the classes of numbers, and the small checks of arguments."""
from __future__ import annotations

import numbers
from typing import Any, Callable, Iterable, Sequence, TypeAlias, TypeVar

import numpy as np

from . import _C
from ._C import DeviceError, DTypeError, ShapeError, Tensor, device, dtype

Number: TypeAlias = "int | float | bool"
Dims: TypeAlias = "int | Sequence[int]"


class Size(tuple):
    """The sizes of a tensor: a tuple of int."""

    def numel(self) -> int:
        """Product of the sizes; 1 for rank 0."""
        count = 1
        for size in self:
            count *= size
        return count

    def __repr__(self) -> str:
        return f"voxgrad.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, key: Any) -> Any:
        part = tuple.__getitem__(self, key)
        return Size(part) if isinstance(key, slice) else part

    def __add__(self, other: Iterable[int]) -> "Size":  # type: ignore[override]
        return Size(tuple(self) + tuple(other))


_C._set_size_class(Size)


F = TypeVar("F", bound=Callable[..., Any])


def method(f: F) -> F:
    """Makes the function a method of Tensor."""
    setattr(Tensor, f.__name__, f)
    return f


def is_number(value: Any) -> bool:
    """True for Python's and NumPy's numbers, not for tensors."""
    return isinstance(value, (int, float, np.generic)) or (
        isinstance(value, numbers.Number) and not isinstance(value, Tensor)
    )


def as_number(op: str, value: Any) -> Number:
    """A Python number. Raises TypeError for anything else, complex numbers too."""
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, (int, float)):
        raise DTypeError(f"{op}: needs a tensor or a real number; got {type(value).__name__}")
    return value


def filled(op: str, sizes: list[int], value: Number, kind: dtype, where: device) -> Tensor:
    """A new tensor of one value, exactly that. Raises ValueError for a number outside an integer dtype."""
    if kind.is_floating_point or kind is _C.bool:
        return _C._full(sizes, float(value), kind, where)
    check_fits(op, value, value, kind)
    limits = np.iinfo(kind._name)
    whole = int(value) % 256 if kind is _C.uint8 else int(value)
    if -(2**53) <= whole <= 2**53:
        return _C._full(sizes, float(whole), kind, where)
    return _C._to_device(_C._copy_array(np.full(sizes, whole, limits.dtype)), where)


def wrapped(op: str, value: int, kind: dtype) -> int:
    """An integer as arithmetic with an integer tensor takes it: modulo 2^8 or 2^32. Raises TypeError past 64 bits."""
    if kind.is_floating_point or kind is _C.bool:
        return value
    if not -(2**63) <= value < 2**63:
        raise DTypeError(f"{op}: integers must fit 64 bits; got {value}")
    limits = np.iinfo(kind._name)
    low = int(limits.min)
    return (value - low) % (int(limits.max) - low + 1) + low


def axis_in(op: str, dim: int, rank: int) -> int:
    """The axis counted from 0; rank 0 has axes 0 and -1 too. Raises IndexError outside the rank."""
    rank = max(rank, 1)
    if not -rank <= dim < rank:
        raise _C.OutOfRangeError(f"{op}: dim must be in [{-rank}, {rank - 1}]; got {dim}")
    return dim % rank


def check_fits(op: str, low: Any, high: Any, kind: dtype) -> None:
    """Raises ValueError where numbers from low to high do not fit an integer dtype; uint8 wraps negative ones."""
    limits = np.iinfo(kind._name)
    if not (limits.min or -limits.max) <= low <= high <= limits.max:
        raise ShapeError(f"{op}: numbers must fit {kind._name}; got {high if high > limits.max else low}")


def ints(op: str, name: str, values: Any) -> list[int]:
    """A list of int from one number, a sequence, a Size or an integer tensor."""
    if isinstance(values, (list, tuple)):
        flat = values[0] if len(values) == 1 and isinstance(values[0], (list, tuple)) else values
    else:
        flat = (values,)
    try:
        return [v.__index__() for v in flat]
    except AttributeError:
        raise DTypeError(f"{op}: {name} must be integers; got {values!r}") from None


def dims(op: str, dim: Any) -> list[int] | None:
    """The axes that `dim` names; None for all, which None and an empty sequence name."""
    return None if dim is None or (isinstance(dim, (list, tuple)) and len(dim) == 0) else ints(op, "dim", dim)


def as_device(where: Any) -> device:
    """A device from a device, text, a GPU's number or None (the CPU)."""
    if where is None:
        return device("cpu")
    return where if isinstance(where, device) else device(where)


def as_gpu(op: str, where: Any) -> device:
    """A GPU from a device, its name or number, or None for the current one. Raises DeviceError for the CPU."""
    found = as_device(_C._current_cuda_device() if where is None else where)
    if found.type != "cuda":
        raise DeviceError(f"{op}: needs a GPU; got {found}")
    return found


def as_dtype(op: str, kind: Any) -> dtype:
    """The dtype, also from Python's float, int and bool."""
    if isinstance(kind, dtype):
        return kind
    named = {float: _C.get_default_dtype(), int: _C.int64, bool: _C.bool}
    if kind in named:
        return named[kind]
    raise DTypeError(f"{op}: dtype must be one of voxgrad's; got {kind!r}")


def check_no_out(op: str, out: Any) -> None:
    """`out=` is not offered."""
    if out is not None:
        raise DTypeError(f"{op}: out= is not supported; use result.copy_() or x[...] = ")


__all__ = ["Dims", "DTypeError", "Number", "ShapeError", "Size", "Tensor"]
