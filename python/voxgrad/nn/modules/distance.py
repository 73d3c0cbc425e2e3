"""Distances and likenesses of vectors."""
from __future__ import annotations

from ..._C import Tensor
from .. import functional as F
from .module import Module


class CosineSimilarity(Module):
    """<x1, x2> / max(|x1| * |x2|, eps) along dim. Shapes: both (..., D, ...), which broadcast, to without D."""

    dim: int
    eps: float

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The norm of x1 - x2 + eps along the last axis. Shapes: (N, D) or (D), to (N) or (), with keepdim 1 for D."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


__all__ = ["CosineSimilarity", "PairwiseDistance"]
