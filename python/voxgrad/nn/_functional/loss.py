"""Losses. `reduction` is 'mean', 'sum' or 'none' (one loss each)."""
from __future__ import annotations

from typing import Any

from ... import _C
from ..._C import ShapeError, Tensor


def _reduction(op: str, reduction: str) -> Any:
    if reduction not in ("mean", "sum", "none"):
        raise ShapeError(f"{op}: reduction must be 'mean', 'sum' or 'none'; got {reduction!r}")
    return getattr(_C._Reduction, reduction)


def _legacy(reduction: str, size_average: Any, reduce: Any) -> str:
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def _reduced(op: str, losses: Tensor, reduction: str) -> Tensor:
    _reduction(op, reduction)
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


def _weighted(op: str, losses: Tensor, weight: Tensor, reduction: str, by_weights: bool = True) -> Tensor:
    """Losses times weight; by_weights: their mean divides by the sum of the weights, not by their number."""
    if weight.shape != losses.shape:
        raise ShapeError(f"{op}: weight must have the losses' shape {list(losses.shape)}; got {list(weight.shape)}")
    if reduction == "mean" and by_weights:
        return (losses * weight).sum() / weight.sum()
    return _reduced(op, losses * weight, reduction)


def cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None,
                  ignore_index: int = -100, reduce: Any = None, reduction: str = "mean",
                  label_smoothing: float = 0.0) -> Tensor:
    """-log(softmax(input)) of the target's class.

    input:  logits (batch, classes, size...) or (classes)
    target: class numbers (batch, size...), or probabilities of the logits' shape
    weight: (classes), a factor for each class; the mean divides by the sum of the weights that took part
    ignore_index: positions with this label count nothing
    """
    reduction = _legacy(reduction, size_average, reduce)
    return _C._cross_entropy(input, target, weight, ignore_index, _reduction("cross_entropy", reduction),
                             label_smoothing)


def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None,
             ignore_index: int = -100, reduce: Any = None, reduction: str = "mean") -> Tensor:
    """-input of the target's class, where input holds log-probabilities."""
    reduction = _legacy(reduction, size_average, reduce)
    return _C._nll_loss(input, target, weight, ignore_index, _reduction("nll_loss", reduction))


def mse_loss(input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None,
             reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """(input - target)^2, times weight (the losses' shape), by whose sum the mean then divides."""
    reduction = _legacy(reduction, size_average, reduce)
    if weight is not None:
        return _weighted("mse_loss", _C._mse_loss(input, target, _C._Reduction.none), weight, reduction)
    return _C._mse_loss(input, target, _reduction("mse_loss", reduction))


def l1_loss(input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None,
            reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """|input - target|, times weight (the losses' shape), by whose sum the mean then divides."""
    reduction = _legacy(reduction, size_average, reduce)
    if weight is not None:
        return _weighted("l1_loss", _C._l1_loss(input, target, _C._Reduction.none), weight, reduction)
    return _C._l1_loss(input, target, _reduction("l1_loss", reduction))


def smooth_l1_loss(input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None,
                   reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """(input - target)^2 / (2 beta) where |input - target| < beta, else |input - target| - beta / 2."""
    reduction = _legacy(reduction, size_average, reduce)
    return _C._smooth_l1_loss(input, target, beta, _reduction("smooth_l1_loss", reduction))


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0,
               weight: Tensor | None = None) -> Tensor:
    """delta times smooth_l1_loss with beta = delta, times weight (the losses' shape)."""
    if weight is not None:
        losses = _C._huber_loss(input, target, delta, _C._Reduction.none)
        return _weighted("huber_loss", losses, weight, reduction, by_weights=False)
    return _C._huber_loss(input, target, delta, _reduction("huber_loss", reduction))


def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None,
                         reduce: Any = None, reduction: str = "mean") -> Tensor:
    """-(target log(input) + (1 - target) log(1 - input)), logarithms held at -100; input in [0, 1]."""
    reduction = _legacy(reduction, size_average, reduce)
    return _C._binary_cross_entropy(input, target, weight, _reduction("binary_cross_entropy", reduction))


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None,
                                     size_average: Any = None, reduce: Any = None, reduction: str = "mean",
                                     pos_weight: Tensor | None = None) -> Tensor:
    """binary_cross_entropy(sigmoid(input), target), without overflow; pos_weight scales the positive targets."""
    kind = _reduction("binary_cross_entropy_with_logits", _legacy(reduction, size_average, reduce))
    return _C._bce_with_logits(input, target, weight, pos_weight, kind)


def kl_div(input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
           log_target: bool = False) -> Tensor:
    """target * (log(target) - input), where input holds log-probabilities; 'batchmean' divides by the batch."""
    reduction = _legacy(reduction, size_average, reduce)
    batchmean = reduction == "batchmean"
    kind = _C._Reduction.sum if batchmean else _reduction("kl_div", reduction)
    return _C._kl_div(input, target, kind, batchmean, log_target)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """<x1, x2> / (|x1| |x2|) along an axis."""
    return _C._cosine_similarity(x1, x2, dim, eps)


def dice_loss(input: Tensor, target: Tensor, batch_dice: bool = False, include_background: bool = False,
              smooth: float = 1e-5, ignore_index: int | None = None) -> Tensor:
    """1 - mean Dice of softmax(input) and the classes of target: nnU-Net's soft Dice.

    input:  logits (batch, classes, size...); target: class numbers (batch, size...)
    batch_dice: sums over the batch too; include_background: class 0 counts
    """
    return _C._dice_loss(input, target, batch_dice, include_background, smooth, ignore_index)


__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_similarity", "cross_entropy",
           "dice_loss", "huber_loss", "kl_div", "l1_loss", "mse_loss", "nll_loss", "smooth_l1_loss"]
