"""Quantiles, counts and sums that pass over NaN."""
from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from . import _C, _elementwise, _reduce, _shape
from ._C import Tensor, dtype
from ._indexing import index_select
from ._support import DTypeError, Dims, ShapeError, axis_in

_ROUNDINGS = {"lower": math.floor, "higher": math.ceil, "nearest": round}


class MinMax(NamedTuple):
    """The smallest and the largest element."""

    min: Tensor
    max: Tensor


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """amin and amax."""
    axes: Dims = () if dim is None else dim
    return MinMax(_reduce.amin(input, axes, keepdim), _reduce.amax(input, axes, keepdim))


def quantile(input: Tensor, q: float | Tensor, dim: int | None = None, keepdim: bool = False, *,
             interpolation: str = "linear") -> Tensor:
    """What a part q of the elements lies below, along an axis or of all; NaN where one is NaN.

    q: a number, or a vector of them, which then are the result's first axis.
    interpolation: between the two nearest elements 'linear', 'lower', 'higher', 'nearest' or 'midpoint'.
    Raises ValueError for q outside [0, 1] and other names, TypeError unless floating.
    """
    if isinstance(q, Tensor) and q.ndim > 1:
        raise ShapeError(f"quantile: q must be a number or a vector; got shape {list(q.shape)}")
    wanted = q.tolist() if isinstance(q, Tensor) else q
    parts = wanted if isinstance(wanted, list) else [wanted]
    if interpolation not in ("linear", "midpoint", *_ROUNDINGS):
        raise ShapeError("quantile: interpolation must be 'linear', 'lower', 'higher', 'nearest' or 'midpoint'; got "
                         f"{interpolation!r}")
    if not all(0 <= part <= 1 for part in parts):
        raise ShapeError(f"quantile: q must be in [0, 1]; got {wanted}")
    if not input.dtype.is_floating_point:
        raise DTypeError(f"quantile: needs float32 or float64; got {input.dtype._name}")
    x = input.reshape(-1) if dim is None or input.ndim == 0 else input
    axis = 0 if dim is None else axis_in("quantile", dim, input.ndim)
    if x.shape[axis] == 0:
        raise ShapeError(f"quantile: needs elements; got shape {list(input.shape)}")
    values = _shape.movedim(_at(x, axis, parts, interpolation), axis, 0)
    if keepdim:
        values = values.reshape(-1, *[1] * input.ndim) if dim is None else values.unsqueeze(axis + 1)
    return values if isinstance(wanted, list) else values[0]


def _array(x: Tensor) -> np.ndarray:
    """The values, on the CPU."""
    return _C._to_numpy(x.detach().cpu())


def _on(x: Tensor, values: np.ndarray) -> Tensor:
    """A copy of an array on x's device."""
    return _C._to_device(_C._copy_array(values), x.device)


def _at(x: Tensor, axis: int, parts: list[float], interpolation: str) -> Tensor:
    """The quantiles along an axis, in its place."""
    ordered = _reduce.sort(x, axis).values
    last = x.shape[axis] - 1
    places = [part * last for part in parts]

    def pick(rounding: Any) -> Tensor:
        return index_select(ordered, axis, _on(x, np.array([int(rounding(p)) for p in places], np.int64)))

    if interpolation in _ROUNDINGS:
        result = pick(_ROUNDINGS[interpolation])
    else:
        weights = [0.5 if interpolation == "midpoint" and p % 1 else p % 1 for p in places]
        weight = _C._to_dtype(_on(x, np.array(weights)), x.dtype)
        low, high = pick(math.floor), pick(math.ceil)
        result = low + (high - low) * weight.reshape(-1, *[1] * (x.ndim - axis - 1))
    return _elementwise.where(_reduce.any(_elementwise.isnan(x), axis, True), math.nan, result)


def nansum(input: Tensor, dim: Dims | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """Sum of the elements that are not NaN."""
    return _reduce.sum(_without_nan(input), dim, keepdim, dtype=dtype)


def nanmean(input: Tensor, dim: Dims | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """Mean of the elements that are not NaN; NaN where all are. Raises TypeError unless floating."""
    if not input.dtype.is_floating_point:
        raise DTypeError(f"nanmean: needs float32 or float64; got {input.dtype._name}")
    count = _reduce.sum(_elementwise.logical_not(_elementwise.isnan(input)), dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / count


def _without_nan(x: Tensor) -> Tensor:
    return _elementwise.where(_elementwise.isnan(x), 0, x) if x.dtype.is_floating_point else x


def diff(input: Tensor, n: int = 1, dim: int = -1) -> Tensor:
    """Differences of neighbours along an axis, n times. Raises ValueError for a negative n or rank 0."""
    if input.ndim == 0 or n < 0:
        raise ShapeError(f"diff: needs an axis and n >= 0; got shape {list(input.shape)} and n {n}")
    for _ in range(n):
        rest = max(input.shape[dim] - 1, 0)
        after, before = (_shape.narrow(input, dim, min(start, input.shape[dim]), rest) for start in (1, 0))
        differ = _elementwise.logical_xor if input.dtype is _C.bool else _elementwise.sub
        input = differ(after, before)
    return input


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements each of `bins` equal parts of [min, max] holds; others do not count.

    From the smallest to the largest element where min equals max. Raises ValueError for min above max or no bins.
    """
    if bins < 1 or min > max:
        raise ShapeError(f"histc: needs bins >= 1 and min <= max; got {bins}, {min} and {max}")
    values = _array(input).reshape(-1)
    low, high = (min, max) if min != max or values.size == 0 else (float(values.min()), float(values.max()))
    if not math.isfinite(low) or not math.isfinite(high):
        raise ShapeError(f"histc: the range must be finite; got {low} and {high}")
    if low == high:
        low, high = low - 1, high + 1
    counts, _ = np.histogram(values[(values >= low) & (values <= high)], bins, (low, high))
    return _C._to_dtype(_on(input, counts), input.dtype)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Which elements are among test_elements; one of the two may be a number."""
    a, b = (_array(x) if isinstance(x, Tensor) else np.asarray(x) for x in (elements, test_elements))
    found = np.asarray(np.isin(a, b, invert=invert))
    return _on(elements, found) if isinstance(elements, Tensor) else _C._copy_array(found)


def unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
           dim: int | None = None) -> Any:
    """The different elements in order, or slices along `dim`; also where each went, and how often each occurs."""
    axis = None if dim is None else axis_in("unique", dim, input.ndim)
    found = np.unique(_array(input), return_inverse=True, return_counts=True, axis=axis)
    values, inverse, counts = (_on(input, np.asarray(f)) for f in found)
    inverse = _C._reshape(inverse, list(input.shape) if axis is None else [-1])
    wanted = [values] + [inverse] * return_inverse + [counts] * return_counts
    return wanted[0] if len(wanted) == 1 else tuple(wanted)


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each number from 0 on occurs, or the sums of their weights."""
    if input.ndim != 1 or input.is_floating_point() or (input < 0).any():
        raise ShapeError(f"bincount: needs a vector of integers >= 0; got {input}")
    factors = None if weights is None else _array(weights)
    counts = _on(input, np.bincount(_array(input), factors, minlength))
    return counts if weights is None or weights.dtype is not _C.float32 else _C._to_dtype(counts, _C.float32)


__all__ = ["MinMax", "aminmax", "bincount", "diff", "histc", "isin", "nanmean", "nansum", "quantile", "unique"]
