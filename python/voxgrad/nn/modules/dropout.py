"""Dropout: noise in training, nothing after eval()."""
from __future__ import annotations

from typing import Callable, ClassVar

from ..._C import ShapeError, Tensor
from .. import functional as F
from .module import Module


class _DropoutNd(Module):
    """The constructor and call of all dropouts."""

    _function: ClassVar[str] = ""

    p: float
    inplace: bool

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ShapeError(f"{self._get_name()}: p must be in [0, 1]; got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        drop: Callable[..., Tensor] = getattr(F, self._function)
        return drop(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training sets each element to 0 with probability p, and scales the others by 1 / (1 - p).

    The mask is PyTorch's for the same seed. Raises ValueError unless 0 <= p <= 1.
    """

    _function = "dropout"


class Dropout1d(_DropoutNd):
    """Dropout of whole channels of (N, C, L) or (C, L)."""

    _function = "dropout1d"


class Dropout2d(_DropoutNd):
    """Dropout of whole channels of (N, C, H, W); as in PyTorch an input of rank 3 is (N, C, L)."""

    _function = "dropout2d"


class Dropout3d(_DropoutNd):
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W)."""

    _function = "dropout3d"


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean 0 and variance 1, for nets of SELU (https://arxiv.org/abs/1706.02515)."""

    _function = "alpha_dropout"


class FeatureAlphaDropout(_DropoutNd):
    """AlphaDropout of whole channels."""

    _function = "feature_alpha_dropout"


__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]
