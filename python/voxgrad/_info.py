"""Facts and switches: constants, limits of dtypes, determinism, printing."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _C, _printing
from ._C import Tensor, dtype
from ._support import DTypeError, ShapeError

inf, nan, pi, e = math.inf, math.nan, math.pi, math.e
newaxis = None


def is_tensor(obj: Any) -> bool:
    """Whether it is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """True for float32 and float64."""
    return input.dtype.is_floating_point


class finfo:
    """Limits of a floating dtype: bits, eps, max, min, tiny."""

    def __init__(self, type: dtype | None = None) -> None:
        kind = _C.get_default_dtype() if type is None else type
        if not kind.is_floating_point:
            raise DTypeError(f"finfo: needs a floating dtype; got {kind!r}")
        limits = np.finfo(kind._name)
        self.bits = int(limits.bits)
        self.eps, self.max, self.min = float(limits.eps), float(limits.max), float(limits.min)
        self.tiny = self.smallest_normal = float(limits.tiny)
        self.dtype = kind._name


class iinfo:
    """Limits of an integer dtype: bits, max, min."""

    def __init__(self, type: dtype) -> None:
        if type.is_floating_point or type is _C.bool:
            raise DTypeError(f"iinfo: needs an integer dtype; got {type!r}")
        limits = np.iinfo(type._name)
        self.bits, self.max, self.min = int(limits.bits), int(limits.max), int(limits.min)
        self.dtype = type._name


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Nothing to do: results have the same bits in every run and for any number of threads."""


def are_deterministic_algorithms_enabled() -> bool:
    """True, always."""
    return True


_precision = "highest"


def set_float32_matmul_precision(precision: str) -> None:
    """'highest': products of float32 have its precision. 'high', 'medium': on GPUs their factors may have TF32's."""
    global _precision
    if precision not in ("highest", "high", "medium"):
        raise ShapeError(f"set_float32_matmul_precision: must be 'highest', 'high' or 'medium'; got {precision!r}")
    _precision = precision
    _C._set_allow_tf32(precision != "highest")


def get_float32_matmul_precision() -> str:
    """'highest' at first; 'high' or 'medium' where TF32 is allowed, also by backends.cuda.matmul.allow_tf32."""
    if not _C._allow_tf32():
        return "highest"
    return "high" if _precision == "highest" else _precision


def set_printoptions(precision: int | None = None, threshold: int | None = None, edgeitems: int | None = None,
                     linewidth: int | None = None, profile: str | None = None, sci_mode: bool | None = None) -> None:
    """How tensors print; None keeps a setting."""
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    _printing.options.update({k: v for k, v in given.items() if v is not None})


def seed() -> int:
    """Seeds the default generator from the system's randomness; returns the seed."""
    return _C.default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator was given last."""
    return _C.default_generator.initial_seed()


__all__ = [
    "are_deterministic_algorithms_enabled", "e", "finfo", "get_float32_matmul_precision", "iinfo", "inf",
    "initial_seed", "is_floating_point", "is_tensor", "nan", "newaxis", "pi", "seed",
    "set_float32_matmul_precision", "set_printoptions", "use_deterministic_algorithms",
]
