"""RAdam."""
from __future__ import annotations

import math
from typing import Any

from .._C import Tensor
from .optimizer import ParamsT, _EachParameter, advance, check_at_least_zero, check_betas


class RAdam(_EachParameter):
    """Adam that trusts its second moment as far as its variance allows: p -= lr * r * m' / (sqrt(v') + eps), and
    p -= lr * m' in the first steps, where the variance is not bounded (Liu et al., https://arxiv.org/abs/1908.03265).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of "params" and options.
        lr, eps, weight_decay: >= 0.
        betas: decay of the two means, both in [0, 1).
        decoupled_weight_decay: decay p itself, as AdamW, in place of adding weight_decay * p to the gradient.
        maximize: climb instead.
        foreach, capturable, differentiable: change nothing.

    Raises ValueError for options out of range.
    """

    def __init__(self, params: ParamsT, lr: float | Tensor = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, decoupled_weight_decay: bool = False, *,
                 foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False) -> None:
        check_at_least_zero("RAdam", lr=lr, eps=eps, weight_decay=weight_decay)
        check_betas("RAdam", betas)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize,
                                      foreach=foreach, capturable=capturable,
                                      decoupled_weight_decay=decoupled_weight_decay, differentiable=differentiable))

    def _buffers(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def _update(self, group: dict[str, Any], p: Tensor, grad: Tensor, state: dict[str, Any]) -> None:
        number = advance(state)
        grad, (beta1, beta2) = self._decayed(group, p, grad), map(float, group["betas"])
        mean, mean_square = state["exp_avg"], state["exp_avg_sq"]
        mean.add_(grad - mean, alpha=1 - beta1)
        mean_square.mul_(beta2).add_(grad * grad, alpha=1 - beta2)
        correction = 1 - beta2**number
        longest = 2 / (1 - beta2) - 1  # lengths of the average: at last, and now
        length = longest - 2 * number * beta2**number / correction
        change = mean / (1 - beta1**number)
        if length > 5:
            trust = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            change = change * math.sqrt(correction) / (mean_square.sqrt() + group["eps"]) * math.sqrt(trust)
        p.add_(change, alpha=-float(group["lr"]))


__all__ = ["RAdam"]
