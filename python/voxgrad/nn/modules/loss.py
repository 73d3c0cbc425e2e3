"""Losses. `reduction` is "mean", "sum" or "none" (one loss per element); size_average and reduce are its older form."""
from __future__ import annotations

from typing import Any

from ..._C import Tensor
from .. import functional as F
from .._functional.loss import _legacy
from .module import Module


class _Loss(Module):
    """What losses share."""

    reduction: str

    def __init__(self, size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = _legacy(reduction, size_average, reduce)


class _WeightedLoss(_Loss):
    """Losses with a weight, which is a buffer."""

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
                 reduction: str = "mean") -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class CrossEntropyLoss(_WeightedLoss):
    """-log(softmax(input)[target]): classification from logits.

    Args:
        weight: (C), a factor per class; with "mean" the sum is divided by the weights of the targets.
        ignore_index: class numbers that count for nothing.
        label_smoothing: in [0, 1], the part of the target spread over all classes.

    Shapes:
        input: (C), (N, C) or (N, C, sizes...).
        target: class numbers of int64, (), (N) or (N, sizes...); or probabilities of the input's shape.
        output: a number; with reduction "none" of the shape of the class numbers.
    """

    def __init__(self, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
                 reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(input, target, weight=self.weight, ignore_index=self.ignore_index,
                               reduction=self.reduction, label_smoothing=self.label_smoothing)


class NLLLoss(_WeightedLoss):
    """-input[target], where the input holds log-probabilities, as LogSoftmax gives. Else as CrossEntropyLoss."""

    def __init__(self, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
                 reduce: Any = None, reduction: str = "mean") -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class MSELoss(_Loss):
    """(input - target)^2. Shapes: any, both alike."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """abs(input - target). Shapes: any, both alike."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """(input - target)^2 / (2 * beta) where the distance is below beta, distance - beta / 2 elsewhere."""

    def __init__(self, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
                 beta: float = 1.0) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """(input - target)^2 / 2 where the distance is below delta, delta * (distance - delta / 2) elsewhere."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class BCELoss(_WeightedLoss):
    """-(target * log(input) + (1 - target) * log(1 - input)), the logarithms not below -100.

    Shapes: any, both alike, the input in [0, 1]; `weight` broadcasts and is a factor per element.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """BCELoss of sigmoid(input), without its rounding.

    Shapes: any, both alike; `weight` broadcasts and is a factor per element, `pos_weight` one for positive targets,
    for instance (C) for inputs (N, C).
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
                 reduction: str = "mean", pos_weight: Tensor | None = None) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, self.weight, pos_weight=self.pos_weight,
                                                  reduction=self.reduction)


class KLDivLoss(_Loss):
    """target * (log(target) - input), where the input holds log-probabilities.

    The reduction "batchmean" divides the sum by the batch size, which is the mathematical value; with `log_target` the
    target holds logarithms too.
    """

    def __init__(self, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
                 log_target: bool = False) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class DiceLoss(Module):
    """1 - mean of (2 * <p, t> + smooth) / (sum(p) + sum(t) + smooth) over classes, p = softmax(input): soft Dice.

    Args:
        batch_dice: sum over the whole batch rather than each sample.
        include_background: let class 0 count.
        smooth: added above and below, against classes that do not occur.
        ignore_index: class number whose elements count for nothing.

    Shapes: input (N, C, sizes...), logits; target (N, sizes...), class numbers; output a number.
    Not among PyTorch's; the same as voxgrad.nn.functional.dice_loss.
    """

    def __init__(self, batch_dice: bool = False, include_background: bool = False, smooth: float = 1e-5,
                 ignore_index: int | None = None) -> None:
        super().__init__()
        self.batch_dice, self.include_background = batch_dice, include_background
        self.smooth, self.ignore_index = smooth, ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.dice_loss(input, target, self.batch_dice, self.include_background, self.smooth, self.ignore_index)

    def extra_repr(self) -> str:
        return f"batch_dice={self.batch_dice}, include_background={self.include_background}, smooth={self.smooth}"


__all__ = ["BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "DiceLoss", "HuberLoss", "KLDivLoss", "L1Loss",
           "MSELoss", "NLLLoss", "SmoothL1Loss"]
