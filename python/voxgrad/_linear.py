"""Products of vectors and matrices."""
from __future__ import annotations

from . import _C
from ._C import Tensor
from ._support import Number


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
