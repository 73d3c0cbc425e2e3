"""Losses of distances, margins and likelihoods. `reduction` is 'mean', 'sum' or 'none' (one loss each)."""
from __future__ import annotations

import math
from typing import Any

from ... import _C
from ..._C import ShapeError, Tensor
from .loss import _legacy, _reduced


def _of_one_rank(op: str, *tensors: Tensor) -> None:
    if len({t.ndim for t in tensors}) > 1:
        raise ShapeError(f"{op}: inputs must have the same rank; got shapes {[list(t.shape) for t in tensors]}")


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis."""
    return (x1 - x2 + eps).norm(p, -1, keepdim)


def triplet_margin_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2,
                        eps: float = 1e-6, swap: bool = False, size_average: Any = None, reduce: Any = None,
                        reduction: str = "mean") -> Tensor:
    """max(distance to positive - distance to negative + margin, 0), by pairwise_distance.

    swap: the distance from positive to negative counts where it is the smaller one. Raises ValueError for a margin that
    is not positive and inputs of different rank.
    """
    if margin <= 0:
        raise ShapeError(f"triplet_margin_loss: margin must be > 0; got {margin}")
    _of_one_rank("triplet_margin_loss", anchor, positive, negative)
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = far.minimum(pairwise_distance(positive, negative, p, eps))
    return _reduced("triplet_margin_loss", (near - far + margin).clamp(min=0), _legacy(reduction, size_average, reduce))


def margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: Any = None,
                        reduce: Any = None, reduction: str = "mean") -> Tensor:
    """max(-target * (input1 - input2) + margin, 0): target 1 where input1 shall be the larger one, else -1.

    Raises RuntimeError for inputs of different rank.
    """
    _of_one_rank("margin_ranking_loss", input1, input2, target)
    losses = (margin - target * (input1 - input2)).clamp(min=0)
    return _reduced("margin_ranking_loss", losses, _legacy(reduction, size_average, reduce))


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, size_average: Any = None,
                         reduce: Any = None, reduction: str = "mean") -> Tensor:
    """input where target is 1, max(margin - input, 0) where it is -1."""
    losses = input.where(target != -1, 0) + (margin - input).clamp(min=0).where(target != 1, 0)
    return _reduced("hinge_embedding_loss", losses, _legacy(reduction, size_average, reduce))


def cosine_embedding_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: Any = None,
                          reduce: Any = None, reduction: str = "mean") -> Tensor:
    """1 - cosine of vectors (batch, size) where target (batch) is 1, max(cosine - margin, 0) where it is -1.

    One vector each and a target of rank 0 do as well. Raises RuntimeError for other ranks.
    """
    if target.ndim > 1 or {input1.ndim, input2.ndim} != {target.ndim + 1}:
        raise ShapeError("cosine_embedding_loss: needs vectors (batch, size) and target (batch), or (size) and (); got "
                         f"{list(input1.shape)}, {list(input2.shape)} and {list(target.shape)}")
    lengths = ((input1 * input1).sum(-1) + 1e-12) * ((input2 * input2).sum(-1) + 1e-12)
    cosine = (input1 * input2).sum(-1) / lengths.sqrt()
    losses = (1 - cosine).where(target == 1, 0) + (cosine - margin).clamp(min=0).where(target == -1, 0)
    return _reduced("cosine_embedding_loss", losses, _legacy(reduction, size_average, reduce))


def soft_margin_loss(input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None,
                     reduction: str = "mean") -> Tensor:
    """log(1 + exp(-target * input)), target 1 or -1."""
    losses = -_C._logsigmoid(target * input)
    return _reduced("soft_margin_loss", losses, _legacy(reduction, size_average, reduce))


def multilabel_soft_margin_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None,
                                reduce: Any = None, reduction: str = "mean") -> Tensor:
    """The mean over classes (the last axis) of binary_cross_entropy_with_logits, times weight (classes)."""
    losses = -(target * _C._logsigmoid(input) + (1 - target) * _C._logsigmoid(-input))
    losses = (losses if weight is None else losses * weight).mean(-1)
    return _reduced("multilabel_soft_margin_loss", losses, _legacy(reduction, size_average, reduce))


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool = True, full: bool = False,
                     size_average: Any = None, eps: float = 1e-8, reduce: Any = None,
                     reduction: str = "mean") -> Tensor:
    """exp(input) - target * input: of counts whose mean has the logarithm input.

    log_input: with False input is the mean itself. full: add Stirling's approximation of log(target!) above 1.
    """
    losses = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        above = target.clamp(min=1)
        stirling = above * above.log() - above + 0.5 * (2 * math.pi * above).log()
        losses = losses + stirling.masked_fill(target <= 1, 0)
    return _reduced("poisson_nll_loss", losses, _legacy(reduction, size_average, reduce))


def gaussian_nll_loss(input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Tensor:
    """(log(var) + (input - target)^2 / var) / 2: of normal values with mean input and variance var, at least eps.

    var: of the input's shape, or with 1 for the last axis or without it. full: add log(2 pi) / 2. Raises ValueError for
    other shapes and negative values.
    """
    if not isinstance(var, Tensor):
        var = _C._full(list(input.shape), float(var), input.dtype, input.device)
    if var.shape != input.shape and var.shape == input.shape[:-1]:
        var = var.unsqueeze(-1)
    elif var.shape != input.shape and list(var.shape) != [*input.shape[:-1], 1]:
        raise ShapeError(f"gaussian_nll_loss: var must have the input's shape {list(input.shape)}, or 1 for the last "
                         f"axis; got {list(var.shape)}")
    if (var < 0).any():
        raise ShapeError("gaussian_nll_loss: var must be >= 0; got negative values")
    var = var + (var.detach().clamp(min=eps) - var.detach())  # clamped, with the gradient of what it was
    losses = 0.5 * (var.log() + (input - target) ** 2 / var)
    return _reduced("gaussian_nll_loss", losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


__all__ = ["cosine_embedding_loss", "gaussian_nll_loss", "hinge_embedding_loss", "margin_ranking_loss",
           "multilabel_soft_margin_loss", "pairwise_distance", "poisson_nll_loss", "soft_margin_loss",
           "triplet_margin_loss"]
