"""x[...] and x[...] = value, by NumPy's and PyTorch's rules.

Integers, slices with positive steps, None and Ellipsis give views; booleans, lists, arrays and integer tensors
pick elements and copy.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from . import _C
from ._C import Tensor
from ._creation import tensor
from ._support import DTypeError, Number, as_number, axis_in, filled


def _as_index(item: Any) -> Tensor:
    """A list, an array or a tensor as a tensor of int64 or bool."""
    x = item if isinstance(item, Tensor) else tensor(item if len(item) else np.zeros(0, np.int64))
    if x.dtype.is_floating_point:
        raise _C.OutOfRangeError(f"index: needs integers or booleans; got {x.dtype._name}")
    return x if x.dtype in (_C.bool, _C.int64) else _C._to_dtype(x, _C.bool if x.dtype is _C.uint8 else _C.int64)


def _is_plain_int(item: Any) -> bool:
    if isinstance(item, Tensor):
        return item.ndim == 0 and not item.dtype.is_floating_point and item.dtype not in (_C.bool, _C.uint8)
    return isinstance(item, (int, np.integer)) and not isinstance(item, (bool, np.bool_))


def _consumed(item: Any) -> int:
    """How many axes an item takes."""
    if item is None or item is Ellipsis or isinstance(item, (bool, np.bool_)):
        return 0
    if isinstance(item, (Tensor, np.ndarray)) and str(item.dtype).endswith(("bool", "uint8")):
        return item.ndim
    return np.asarray(item).ndim if isinstance(item, list) and _is_mask(item) else 1


def _is_mask(item: list[Any]) -> bool:
    return np.asarray(item).dtype == np.bool_ if not any(isinstance(i, Tensor) for i in item) else False


def _expanded(x: Tensor, key: Any) -> list[Any]:
    items = list(key) if isinstance(key, tuple) else [key]
    taken = sum(map(_consumed, items))
    if taken > x.ndim:
        raise _C.OutOfRangeError(f"index: {taken} indices for a tensor of rank {x.ndim}")
    dots = [i for i, item in enumerate(items) if item is Ellipsis]
    if len(dots) > 1:
        raise _C.OutOfRangeError("index: at most one Ellipsis (...)")
    if dots:
        items[dots[0] : dots[0] + 1] = [slice(None)] * (x.ndim - taken)
    return items


def _slice(x: Tensor, axis: int, part: slice) -> Tensor:
    size = x.shape[axis]
    step = 1 if part.step is None else part.step.__index__()
    if step <= 0:
        raise _C.ShapeError(f"index: the step of a slice must be positive; got {step}; use flip")
    start, stop, _ = slice(*(None if v is None else v.__index__() for v in (part.start, part.stop))).indices(size)
    length = max(0, -(-(stop - start) // step))
    if length == size and step == 1:
        return x
    return _C._slice(x, axis, min(start, size), length, step)


def _basic(x: Tensor, key: Any) -> tuple[Tensor, list[Tensor | None]]:
    """The view that the basic items give, and what is left: one index tensor or None for each of its axes."""
    view, axis = x, 0
    picks: list[Tensor | None] = []
    for item in _expanded(x, key):
        if item is None:
            view, axis = _C._unsqueeze(view, axis), axis + 1
            picks.append(None)
        elif isinstance(item, slice):
            view, axis = _slice(view, axis, item), axis + 1
            picks.append(None)
        elif _is_plain_int(item):
            view = _C._select(view, axis, int(item))
        elif isinstance(item, (bool, np.bool_)):
            view = _C._unsqueeze(view, axis)
            picks.append(tensor([0] if item else np.zeros(0, np.int64)))
            axis += 1
        elif isinstance(item, (Tensor, np.ndarray, list, tuple, range)):
            index = _as_index(list(item) if isinstance(item, range) else item)
            picks.append(index)
            spread = index.ndim if index.dtype is _C.bool else 1
            axis += spread
        else:
            wrong = DTypeError if isinstance(item, str) else _C.OutOfRangeError
            raise wrong(f"index: needs integers, slices, None, ... or tensors; got {type(item).__name__}")
    return view, [p if p is None or not p.is_cpu else _C._to_device(p, x.device) for p in picks]


def get(self: Tensor, key: Any) -> Tensor:
    view, picks = _basic(self, key)
    if any(p is not None for p in picks):
        return _C._index(view, picks)
    return _C._narrow(view, 0, 0, view.shape[0]) if view is self and view.ndim else view


def set(self: Tensor, key: Any, value: Any) -> None:
    view, picks = _basic(self, key)
    if not isinstance(value, Tensor):
        value = tensor(value, dtype=self.dtype, device=self.device)
    if any(p is not None for p in picks):
        if value.ndim == 0 and value.is_cpu:
            value = _C._to_device(value, self.device)
        _C._index_put_(view, picks, value, False)
    else:
        while value.ndim > view.ndim and value.shape[0] == 1:
            value = _C._select(value, 0, 0)
        view._copy_(value)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The indices of one axis that `index` (1-D) names, in its order."""
    return _C._index_select(input, dim, index)


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """result[i, j, k] = input[i, index[i, j, k], k] for dim 1, and so on."""
    return _C._gather(input, dim, index)


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """gather with broadcasting; without `dim` of the flat tensor."""
    return _C._take_along_dim(input, indices, dim)


def scatter(input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Number | None = None,
            reduce: str | None = None) -> Tensor:
    """A copy in which result[i, index[i, j, k], k] = src[i, j, k] for dim 1, and so on; src may be a number."""
    source = value if src is None else src
    if reduce is not None:
        if reduce != "add" or not isinstance(source, Tensor):
            raise DTypeError(f"scatter: reduce must be None or 'add' of a tensor; got {reduce!r}")
        return _C._scatter_add(input, dim, index, source)
    if not isinstance(source, Tensor):
        source = as_number("scatter", source)
        if isinstance(source, int) and not input.dtype.is_floating_point:  # exactly, where it is large
            source = _C._expand(filled("scatter", [], source, input.dtype, input.device), list(index.shape))
    return _C._scatter(input, dim, index, source)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """scatter that adds to what is there."""
    return _C._scatter_add(input, dim, index, src)


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`value` where mask, else input."""
    if isinstance(value, Tensor):
        return _C._masked_fill(input, mask, value)
    number = as_number("masked_fill", value)
    if isinstance(number, int):  # exactly, where it is large
        return _C._masked_fill(input, mask, filled("masked_fill", [], number, input.dtype, input.device))
    return _C._masked_fill(input, mask, number)


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where mask, in order, as a vector."""
    return _C._masked_select(input, mask)


def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Tensor:
    """A copy in which source[..., i] * alpha is added at index[i] of an axis."""
    axis = axis_in("index_add", dim, input.ndim)
    if input.ndim == 0:
        whole = index_add(_C._view(input, [1]), 0, index, _C._reshape(source, [-1]), alpha=alpha)
        return _C._reshape(whole, [])
    shape = [1] * input.ndim
    shape[axis] = -1
    spread = _C._expand(_C._reshape(index, shape), list(source.shape))
    return _C._scatter_add(input, dim, spread, source if alpha == 1 else _C._mul(source, float(alpha)))


def index_fill(input: Tensor, dim: int, index: Tensor, value: Number) -> Tensor:
    """A copy with `value` at the indices of an axis."""
    result = _C._clone(input)
    picks: list[Tensor | None] = [None] * max(input.ndim, 1)
    picks[axis_in("index_fill", dim, input.ndim)] = index
    if input.ndim == 0:
        _C._index_put_(_C._view(result, [1]), picks, filled("index_fill", [], value, input.dtype, input.device), False)
        return result
    _C._index_put_(result, picks, filled("index_fill", [], value, input.dtype, input.device), False)
    return result


def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy in which self[indices] = values, or += with accumulate."""
    result = _C._clone(input)
    _C._index_put_(result, list(indices), values, accumulate)
    return result


def take(input: Tensor, index: Tensor) -> Tensor:
    """Elements by their index in the flat tensor."""
    return _C._index(_C._reshape(input, [-1]), [index])


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """(count, rank) of the indices where input is not 0; as_tuple: one tensor for each axis."""
    found = _C._nonzero(input)
    return tuple(_C._select(found, 1, i) for i in range(input.ndim)) if as_tuple else found

__all__ = [
    "gather", "index_add", "index_fill", "index_put", "index_select", "masked_fill", "masked_select", "nonzero",
    "scatter", "scatter_add", "take", "take_along_dim",
]
