"""Axes joined and parted."""
from __future__ import annotations

from typing import Sequence

from ... import _shape
from ..._C import Tensor
from ..._support import DTypeError, ints
from .module import Module


class Flatten(Module):
    """The axes from start_dim to end_dim as one; by default (N, ...) to (N, the rest)."""

    start_dim: int
    end_dim: int

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Axis `dim` as several of sizes `unflattened_size`, one of which may be -1. Raises TypeError for other types."""

    dim: int
    unflattened_size: tuple[int, ...]

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        name = self._get_name()
        if not isinstance(unflattened_size, (list, tuple)):
            raise DTypeError(f"{name}: unflattened_size must be a tuple of int; got {unflattened_size!r}")
        ints(name, "dim", dim)
        self.dim, self.unflattened_size = dim, tuple(ints(name, "unflattened_size", list(unflattened_size)))

    def forward(self, input: Tensor) -> Tensor:
        return _shape.unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


__all__ = ["Flatten", "Unflatten"]
