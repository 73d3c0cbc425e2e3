"""Vectors by number."""
from __future__ import annotations

from typing import Any

from ..._C import ShapeError, Tensor
from ...autograd.grad_mode import no_grad
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .linear import _empty
from .module import Module


class Embedding(Module):
    """Learnt vectors by number: of classes or of time steps, for instance.

    Args:
        num_embeddings, embedding_dim: how many vectors, and their size.
        padding_idx: the number of a vector that begins as zeros and gets no gradient.
        max_norm, norm_type, scale_grad_by_freq, sparse: not supported beyond their defaults.

    Attributes:
        weight: (num_embeddings, embedding_dim), initially normal with deviation 1.

    Shapes: input (...) of int64 or int32, output (..., embedding_dim). Raises ValueError for a padding_idx out of range
    and options that are not supported, IndexError at the call for numbers out of range.
    """

    weight: Parameter

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None,
                 max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                 sparse: bool = False, _weight: Tensor | None = None, _freeze: bool = False, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__()
        if max_norm is not None or scale_grad_by_freq or sparse:
            raise ShapeError("Embedding: max_norm, scale_grad_by_freq and sparse are not supported")
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ShapeError(f"Embedding: padding_idx must be in [{-num_embeddings}, {num_embeddings - 1}]; got "
                             f"{padding_idx}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        size = [num_embeddings, embedding_dim]
        if _weight is not None and list(_weight.shape) != size:
            raise ShapeError(f"Embedding: the weight must have shape {size}; got {list(_weight.shape)}")
        made = _empty(self._get_name(), size, device, dtype) if _weight is None else _weight
        self.weight = Parameter(made, not _freeze)
        if _weight is None:
            self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None) -> "Embedding":
        """Vectors (number, size) that are given, and not trained unless `freeze=False`."""
        if embeddings.ndim != 2:
            raise ShapeError(f"Embedding: the vectors must be a matrix; got shape {list(embeddings.shape)}")
        count, size = embeddings.shape
        return cls(count, size, padding_idx, _weight=embeddings, _freeze=freeze)

    def reset_parameters(self) -> None:
        """Draws the vectors anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


__all__ = ["Embedding"]
