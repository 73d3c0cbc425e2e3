"""Sums, extrema and statistics over axes.

`dim` is one axis or several, negative ones from the end; without it all are reduced. `keepdim` keeps them
with size 1.
"""
from __future__ import annotations

import math
from typing import Any, NamedTuple

from . import _C
from ._C import Tensor, dtype
from ._support import Dims, Number, ShapeError, as_dtype, dims


class ValuesIndices(NamedTuple):
    """Chosen elements and where they are along the axis."""

    values: Tensor
    indices: Tensor


def sum(input: Tensor, dim: Dims | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """Sum; integers and booleans in int64."""
    x = input if dtype is None else _C._to_dtype(input, as_dtype("sum", dtype))
    return _C._sum(x, dims("sum", dim), keepdim)


def mean(input: Tensor, dim: Dims | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """Mean. Raises TypeError unless floating."""
    x = input if dtype is None else _C._to_dtype(input, as_dtype("mean", dtype))
    return _C._mean(x, dims("mean", dim), keepdim)


def amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """Largest element; equal ones share the gradient."""
    return _C._amax(input, dims("amax", dim), keepdim)


def amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """Smallest element; equal ones share the gradient."""
    return _C._amin(input, dims("amin", dim), keepdim)


def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """Product; integers and booleans in int64."""
    x = input if dtype is None else _C._to_dtype(input, as_dtype("prod", dtype))
    return _C._prod(x) if dim is None else _C._prod(x, dim, keepdim)


def cumsum(input: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor:
    """Sums of the elements up to each along an axis."""
    return _C._cumsum(input if dtype is None else _C._to_dtype(input, as_dtype("cumsum", dtype)), dim)


def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """True where an element is not 0."""
    return _C._any(input, dims("any", dim), keepdim)


def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """True where no element is 0."""
    return _C._all(input, dims("all", dim), keepdim)


def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements are not 0."""
    return _C._count_nonzero(input, dims("count_nonzero", dim))


def _spread(op: str, raw: Any, input: Tensor, dim: Any, unbiased: bool | None, correction: Number | None,
            keepdim: bool) -> Tensor:
    if isinstance(dim, bool):  # var(x, unbiased)
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    return raw(input, dims(op, dim), correction, keepdim)


def var(input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
        correction: Number | None = None) -> Tensor:
    """Mean squared distance from the mean, with n - correction (1) as divisor."""
    return _spread("var", _C._var, input, dim, unbiased, correction, keepdim)


def std(input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
        correction: Number | None = None) -> Tensor:
    """sqrt(var)."""
    return _spread("std", _C._std, input, dim, unbiased, correction, keepdim)


def var_mean(input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
             correction: Number | None = None) -> tuple[Tensor, Tensor]:
    """(var, mean)."""
    axes = None if isinstance(dim, bool) else dim  # var_mean(x, unbiased)
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, axes, keepdim)


def std_mean(input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
             correction: Number | None = None) -> tuple[Tensor, Tensor]:
    """(std, mean)."""
    axes = None if isinstance(dim, bool) else dim  # std_mean(x, unbiased)
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, axes, keepdim)


def norm(input: Tensor, p: float | str | None = "fro", dim: Any = None, keepdim: bool = False, out: None = None,
         dtype: dtype | None = None) -> Tensor:
    """(sum of |input|^p)^(1/p); p may be inf, -inf, 0 (how many are not 0) or 'fro' (2)."""
    x = input if dtype is None else _C._to_dtype(input, as_dtype("norm", dtype))
    if isinstance(p, str) and p not in ("fro", "inf", "-inf"):
        raise ShapeError(f"norm: p must be a number, 'fro', 'inf' or '-inf'; got {p!r}")
    power = 2.0 if p in ("fro", None) else math.inf if p == "inf" else -math.inf if p == "-inf" else float(p)
    return _C._norm(x, power, dims("norm", dim), keepdim)


def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """log(sum(exp(input))), without overflow."""
    return _C._logsumexp(input, dims("logsumexp", dim), keepdim)


def _extremum(name: str, doc: str) -> Any:
    raw, pairs = getattr(_C, f"_{name}"), getattr(_C, f"{name}imum")

    def choose(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
        if isinstance(dim, Tensor):
            return pairs(input, dim)
        if other is not None:
            return pairs(input, other)
        return raw(input) if dim is None else ValuesIndices(*raw(input, dim, keepdim))

    choose.__name__ = choose.__qualname__ = name
    choose.__doc__ = doc
    return choose


max = _extremum("max", "The largest element; with `dim` (values, indices) along it; with a tensor, of each pair.")
min = _extremum("min", "The smallest element; with `dim` (values, indices) along it; with a tensor, of each pair.")


def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element, the lower of two; with `dim` (values, indices) along it."""
    return _C._median(input) if dim is None else ValuesIndices(*_C._median(input, dim, keepdim))


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> ValuesIndices:
    """Elements in order along an axis, equal ones in the order they had."""
    return ValuesIndices(*_C._sort(input, dim, descending))


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """sort(...).indices."""
    return _C._argsort(input, dim, descending)


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """The k largest (or smallest) elements along an axis, in order."""
    return ValuesIndices(*_C._topk(input, k, dim, largest))


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Index of the smallest element, the first of equals; of the flattened tensor without `dim`."""
    return _C._argmin(input) if dim is None else _C._argmin(input, dim, keepdim)


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Index of the largest element, the first of equals; of the flattened tensor without `dim`."""
    return _C._argmax(input) if dim is None else _C._argmax(input, dim, keepdim)


def softmax(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor:
    """exp(input) / sum(exp(input)) along `dim`."""
    x = input if dtype is None else _C._to_dtype(input, as_dtype("softmax", dtype))
    return _C._softmax(x, dim)


def log_softmax(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor:
    """log(softmax(input)) along `dim`, without its rounding."""
    x = input if dtype is None else _C._to_dtype(input, as_dtype("log_softmax", dtype))
    return _C._log_softmax(x, dim)


def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The k-th smallest element along an axis (1 is the smallest) and where it is."""
    if not 1 <= k <= input.shape[dim]:
        raise _C.OutOfRangeError(f"kthvalue: k must be in [1, {input.shape[dim]}]; got {k}")
    ordered = [_C._narrow(t, dim, k - 1, 1) for t in _C._sort(input, dim, False)]
    return ValuesIndices(*(t if keepdim else _C._squeeze(t, dim) for t in ordered))


__all__ = [
    "ValuesIndices", "all", "amax", "amin", "any", "argmax", "argmin", "argsort", "count_nonzero",
    "cumsum", "kthvalue", "log_softmax", "logsumexp", "max", "mean", "median", "min", "norm", "prod", "softmax",
    "sort", "std", "std_mean", "sum", "topk", "var", "var_mean",
]
