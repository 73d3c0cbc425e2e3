"""Padding of the last axes."""
from __future__ import annotations

from typing import ClassVar, Sequence

from ..._C import Tensor
from .. import functional as F
from .module import Module
from .utils import _ntuple


class _Pad(Module):
    """Amounts before and after each of the last axes, the last axis first."""

    _rank: ClassVar[int] = 0
    _mode: ClassVar[str] = "constant"

    padding: tuple[int, ...]

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        self.padding = _ntuple(2 * self._rank)(padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_Pad):
    """The constructor and call of ConstantPad1d, ConstantPad2d and ConstantPad3d."""

    value: float

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ReflectionPadNd(_Pad):
    _mode = "reflect"


class _ReplicationPadNd(_Pad):
    _mode = "replicate"


class _CircularPadNd(_Pad):
    _mode = "circular"


_PAD = """Puts {what} around the last {rank} {axes}.

    padding: one int for all sides, or ({order}); negative amounts cut off.
    Shapes: (N, C, {sizes}), or without N, to sizes size + before + after. {limit}
    """
_ORDER = {1: ("left, right", "L", "axis"), 2: ("left, right, top, bottom", "H, W", "axes"),
          3: ("left, right, top, bottom, front, back", "D, H, W", "axes")}


def _text(rank: int, what: str, limit: str = "") -> str:
    order, sizes, axes = _ORDER[rank]
    return _PAD.format(what=what, rank=rank, axes=axes, order=order, sizes=sizes, limit=limit).replace(" \n", "\n")


_REFLECTED = ("the elements mirrored at the edge, the edge itself not repeated,", "Amounts must be below the size.")
_REPLICATED = ("copies of the edge",)
_CIRCULAR = ("the elements of the other end", "Amounts must not be above the size.")


class ConstantPad1d(_ConstantPadNd):
    __doc__ = _text(1, "a value")
    _rank = 1


class ConstantPad2d(_ConstantPadNd):
    __doc__ = _text(2, "a value")
    _rank = 2


class ConstantPad3d(_ConstantPadNd):
    __doc__ = _text(3, "a value")
    _rank = 3


class ZeroPad1d(ConstantPad1d):
    __doc__ = _text(1, "zeros")

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    __doc__ = _text(2, "zeros")

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    __doc__ = _text(3, "zeros")

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ReflectionPad1d(_ReflectionPadNd):
    __doc__ = _text(1, *_REFLECTED)
    _rank = 1


class ReflectionPad2d(_ReflectionPadNd):
    __doc__ = _text(2, *_REFLECTED)
    _rank = 2


class ReflectionPad3d(_ReflectionPadNd):
    __doc__ = _text(3, *_REFLECTED)
    _rank = 3


class ReplicationPad1d(_ReplicationPadNd):
    __doc__ = _text(1, *_REPLICATED)
    _rank = 1


class ReplicationPad2d(_ReplicationPadNd):
    __doc__ = _text(2, *_REPLICATED)
    _rank = 2


class ReplicationPad3d(_ReplicationPadNd):
    __doc__ = _text(3, *_REPLICATED)
    _rank = 3


class CircularPad1d(_CircularPadNd):
    __doc__ = _text(1, *_CIRCULAR)
    _rank = 1


class CircularPad2d(_CircularPadNd):
    __doc__ = _text(2, *_CIRCULAR)
    _rank = 2


class CircularPad3d(_CircularPadNd):
    __doc__ = _text(3, *_CIRCULAR)
    _rank = 3


__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]
