"""Products of vectors and matrices."""
from __future__ import annotations

from typing import Any

from . import _C
from ._C import Tensor
from ._support import Number, ints


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The product of vectors, matrices and batches of matrices, by NumPy's rules for `@`."""
    return _C.matmul(input, other)


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """(n, k) times (k, m)."""
    return _C.mm(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """(batch, n, k) times (batch, k, m)."""
    return _C.bmm(input, mat2)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """(n, k) times (k)."""
    return _C.mv(input, vec)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Sum of the products of two vectors."""
    return _C.dot(input, tensor)


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """(n) and (m) as (n, m): all products."""
    return _C.outer(input, vec2)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)."""
    return _C._addmm(input, mat1, mat2, beta, alpha)


def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * bmm(batch1, batch2)."""
    return _C._baddbmm(input, batch1, batch2, beta, alpha)


def einsum(equation: str, *operands: Any) -> Tensor:
    """Sums of products by Einstein's notation: einsum('bij,bjk->bik', a, b)."""
    given = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    return _C._einsum(equation, list(given))


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Products summed over axes: the last `dims` of a with the first of b, or two lists of axes."""
    if isinstance(dims, int):
        firsts, seconds = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        firsts, seconds = ints("tensordot", "dims", dims[0]), ints("tensordot", "dims", dims[1])
    return _C._tensordot(a, b, firsts, seconds)

__all__ = [
    "addmm", "baddbmm", "bmm", "dot", "einsum", "matmul", "mm", "mv", "outer", "tensordot",
]
