"""Views, joins and copies in other layouts. Views share memory with their tensor."""
from __future__ import annotations

import builtins
from typing import Any, Sequence

import numpy as np

from . import _C
from ._C import Tensor
from ._support import Dims, ShapeError, Size, check_no_out, axis_in, ints
from ._tensor import preserve_format


def reshape(input: Tensor, shape: Any, *more: int) -> Tensor:
    """The elements under another shape, one size may be -1: a view where strides allow, else a copy."""
    return _C._reshape(input, ints("reshape", "shape", (shape, *more)))


def permute(input: Tensor, dims: Any, *more: int) -> Tensor:
    """A view with the axes in another order."""
    return _C._permute(input, ints("permute", "dims", (dims, *more)))


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two axes exchanged."""
    return _C._transpose(input, dim0, dim1)


def t(input: Tensor) -> Tensor:
    """A matrix transposed; rank 0 and 1 as they are."""
    if input.ndim > 2:
        raise ShapeError(f"t: needs rank 0 to 2; got shape {list(input.shape)}")
    return input if input.ndim < 2 else _C._transpose(input, 0, 1)


def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """A view of `length` elements of an axis from `start` on."""
    return _C._narrow(input, dim, int(start), length)


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """A view of one index of an axis, which goes away."""
    return _C._select(input, dim, index)


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A view with a new axis of size 1."""
    return _C._unsqueeze(input, dim)


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """A view without the axes of size 1, or without those of them that `dim` names."""
    if dim is None:
        return _C._squeeze(input)
    axes = [axis_in("squeeze", axis, input.ndim) for axis in ints("squeeze", "dim", dim)]
    if len({*axes}) != len(axes):
        raise ShapeError(f"squeeze: dim must name each axis once; got {dim}")
    for axis in sorted(axes, reverse=True):
        input = _C._squeeze(input, axis)
    return input


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from start_dim to end_dim as one."""
    return _C._flatten(input, start_dim, end_dim)


def cat(tensors: Sequence[Tensor], dim: int = 0, *, out: None = None) -> Tensor:
    """Joins tensors along an axis, in the dtype that holds all; the other sizes must agree.

    Vectors without elements fit everything. Raises ValueError for no tensors and for sizes that differ.
    """
    check_no_out("cat", out)
    return _C._cat(tensors, dim)


def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: None = None) -> Tensor:
    """Joins tensors of one shape along a new axis, in the dtype that holds all."""
    check_no_out("stack", out)
    return _C._stack(tensors, dim)


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts of one size (the last may be smaller), or of the sizes given."""
    sizes = split_size_or_sections
    if isinstance(sizes, (list, tuple)):
        sizes = ints("split", "split_size_or_sections", sizes)
    return tuple(_C._split(tensor, sizes, dim))


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of at most `chunks` parts of equal size (the last may be smaller)."""
    return tuple(_C._chunk(input, chunks, dim))


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of every index of an axis."""
    return tuple(_C._unbind(input, dim))


def movedim(input: Tensor, source: Dims, destination: Dims) -> Tensor:
    """A view with axes moved to other places; the others keep their order."""
    return _C._movedim(input, ints("movedim", "source", source), ints("movedim", "destination", destination))


def flip(input: Tensor, dims: Any, *more: int) -> Tensor:
    """A copy reversed along axes."""
    return _C._flip(input, ints("flip", "dims", (dims, *more)))


def broadcast_to(input: Tensor, shape: Sequence[int]) -> Tensor:
    """A view with axes of size 1 repeated, and new axes in front."""
    return _C._expand(input, ints("broadcast_to", "shape", (shape,)))


def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy in the same memory order, or in that of memory_format."""
    copied = _C._clone(input)
    return copied if memory_format in (None, preserve_format) else copied.contiguous(memory_format=memory_format)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of the elements (i, i + offset) of two axes, as a new last axis."""
    return _C._diagonal(input, offset, dim1, dim2)


def repeat(input: Tensor, repeats: Any, *more: int) -> Tensor:
    """Copies beside each other: one count for each axis, more counts make axes in front."""
    return _C._repeat(input, ints("repeat", "repeats", (repeats, *more)))


def tile(input: Tensor, dims: Any, *more: int) -> Tensor:
    """repeat; fewer counts than axes stand for the last ones."""
    return _C._tile(input, ints("tile", "dims", (dims, *more)))


def roll(input: Tensor, shifts: Dims, dims: Dims | None = None) -> Tensor:
    """Elements moved along axes, those that leave come in at the other end; without `dims` of the flat tensor."""
    axes = [] if dims is None else ints("roll", "dims", dims)
    return _C._roll(input, ints("roll", "shifts", shifts), axes)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Zero above the diagonal of the last two axes."""
    return _C._tril(input, diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Zero below the diagonal of the last two axes."""
    return _C._triu(input, diagonal)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """One grid of coordinates for each vector; 'xy' exchanges the first two axes."""
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    if indexing not in ("ij", "xy"):
        raise ShapeError(f"meshgrid: indexing must be 'ij' or 'xy'; got {indexing!r}")
    return tuple(_C._meshgrid(list(given), indexing == "xy"))


def numel(input: Tensor) -> int:
    """Number of elements."""
    return input.numel()


def ravel(input: Tensor) -> Tensor:
    """All elements as a vector."""
    return _C._reshape(input, [-1])


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """One axis as several; one size may be -1."""
    axis = dim + input.ndim if dim < 0 else dim
    shape = list(input.shape)
    parts = ints("unflatten", "sizes", (sizes,))
    if not 0 <= axis < input.ndim:
        raise _C.OutOfRangeError(f"unflatten: dim must be in [{-input.ndim}, {input.ndim - 1}]; got {dim}")
    if -1 in parts:
        known = Size(p for p in parts if p != -1).numel()
        parts[parts.index(-1)] = shape[axis] // known if known else 0
    if min(parts, default=0) < 0 or Size(parts).numel() != shape[axis]:
        raise ShapeError(f"unflatten: sizes must multiply to {shape[axis]}; got {list(sizes)}")
    return _C._reshape(input, shape[:axis] + parts + shape[axis + 1:])


def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of nearly equal parts, or of the parts between the given indices."""
    total = input.shape[dim]
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0:
            raise ShapeError(f"tensor_split: sections must be positive; got {indices_or_sections}")
        small, larger = divmod(total, indices_or_sections)
        sizes = [small + (i < larger) for i in range(indices_or_sections)]
        return tuple(_C._split(input, sizes, dim))
    edges = [0, *(builtins.max(0, builtins.min(i if i >= 0 else i + total, total)) for i in indices_or_sections), total]
    return tuple(_C._narrow(input, dim, a, builtins.max(b - a, 0)) for a, b in zip(edges, edges[1:]))


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """cat along the second axis, of vectors along the first."""
    joined = [_C._reshape(t, [1]) if t.ndim == 0 else t for t in tensors]
    return cat(joined, 0 if joined and joined[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """cat along the first axis; vectors count as rows."""
    return cat([t if t.ndim > 1 else _C._reshape(t, [1, -1]) for t in tensors], 0)


def fliplr(input: Tensor) -> Tensor:
    """A copy reversed along the second axis."""
    return _C._flip(input, [1])


def flipud(input: Tensor) -> Tensor:
    """A copy reversed along the first axis."""
    return _C._flip(input, [0])


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turned by k quarters from the first axis of dims to the second."""
    a, b = (axis_in("rot90", d, input.ndim) for d in dims)
    if a == b:
        raise ShapeError(f"rot90: dims must be two different axes; got {list(dims)}")
    if k % 4 == 2:
        return _C._flip(input, [a, b])
    if k % 4 == 0:
        return _C._clone(input)
    turned = _C._transpose(input, a, b)
    return _C._flip(turned, [a if k % 4 == 1 else b])


def repeat_interleave(input: Tensor, repeats: int | Tensor, dim: int | None = None) -> Tensor:
    """Each element (or index of an axis) `repeats` times in a row; a vector gives each index its own count."""
    x = _C._reshape(input, [-1]) if dim is None else input
    axis = 0 if dim is None else axis_in("repeat_interleave", dim, x.ndim)
    x = _C._view(x, [1]) if x.ndim == 0 else x
    if isinstance(repeats, Tensor) and repeats.numel() != 1:
        return _C._index_select(x, axis, _C._to_device(_repeated(x.shape[axis], repeats.tolist()), x.device))
    repeats = int(repeats)
    if repeats < 0:
        raise ShapeError(f"repeat_interleave: repeats must be >= 0; got {repeats}")
    shape = list(x.shape)
    wide = _C._expand(_C._unsqueeze(x, axis + 1), shape[: axis + 1] + [repeats] + shape[axis + 1:])
    return _C._reshape(wide, shape[:axis] + [shape[axis] * repeats] + shape[axis + 1:])


def _repeated(size: int, counts: list[int]) -> Tensor:
    if len(counts) != size or builtins.min(counts) < 0:
        raise ShapeError(f"repeat_interleave: needs {size} counts >= 0; got {counts}")
    return _C._copy_array(np.repeat(np.arange(size), counts))


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A matrix's diagonal, or a matrix with the vector on its diagonal."""
    if input.ndim == 2:
        return _C._diagonal(input, diagonal, 0, 1)
    if input.ndim != 1:
        raise ShapeError(f"diag: needs a vector or a matrix; got shape {list(input.shape)}")
    n = input.shape[0] + builtins.abs(diagonal)
    result = _C._full([n, n], 0.0, input.dtype, input.device)
    _C._diagonal(result, diagonal, 0, 1)._copy_(input)
    return result


def trace(input: Tensor) -> Tensor:
    """Sum of a matrix's diagonal."""
    return _C._sum(_C._diagonal(input, 0, 0, 1), [0], False)


swapaxes = swapdims = transpose
moveaxis = movedim
concat = concatenate = cat

__all__ = [
    "broadcast_to", "cat", "chunk", "clone", "concat", "concatenate", "diag", "diagonal", "flatten", "flip", "fliplr",
    "flipud", "hstack", "meshgrid", "moveaxis", "movedim", "narrow", "numel", "permute", "ravel", "repeat",
    "repeat_interleave", "reshape", "roll", "rot90", "select", "split", "squeeze", "stack", "swapaxes", "swapdims",
    "t", "tensor_split", "tile", "trace", "transpose", "tril", "triu", "unbind", "unflatten", "unsqueeze", "vstack",
]
