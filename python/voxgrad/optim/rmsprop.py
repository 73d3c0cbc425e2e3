"""RMSprop."""
from __future__ import annotations

from typing import Any

from .._C import Tensor
from .optimizer import ParamsT, _EachParameter, advance, check_at_least_zero


class RMSprop(_EachParameter):
    """p -= lr * g / (sqrt(v) + eps), where v is the decaying mean of the squared gradient g, less with `centered` the
    square of its mean; with momentum p -= lr * b, b = momentum * b + g / (sqrt(v) + eps).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of "params" and options.
        lr, eps, weight_decay, momentum: >= 0; weight_decay * p is added to the gradient.
        alpha: decay of the mean; >= 0.
        maximize: climb instead.
        capturable, foreach, differentiable: change nothing.

    Raises ValueError for options out of range.
    """

    def __init__(self, params: ParamsT, lr: float | Tensor = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
                 weight_decay: float = 0, momentum: float = 0, centered: bool = False, capturable: bool = False,
                 foreach: bool | None = None, maximize: bool = False, differentiable: bool = False) -> None:
        check_at_least_zero("RMSprop", lr=lr, eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        super().__init__(params, dict(lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered,
                                      weight_decay=weight_decay, capturable=capturable, foreach=foreach,
                                      maximize=maximize, differentiable=differentiable))

    def _buffers(self, group: dict[str, Any]) -> dict[str, float | None]:
        names = ["square_avg"] + (["momentum_buffer"] if group["momentum"] > 0 else [])
        return dict.fromkeys(names + (["grad_avg"] if group["centered"] else []), 0.0)

    def _update(self, group: dict[str, Any], p: Tensor, grad: Tensor, state: dict[str, Any]) -> None:
        advance(state)
        grad = self._decayed(group, p, grad)
        alpha, mean_square = group["alpha"], state["square_avg"]
        mean_square.mul_(alpha).add_(grad * grad, alpha=1 - alpha)
        variance = mean_square
        if group["centered"]:
            mean = state["grad_avg"]
            mean.add_(grad - mean, alpha=1 - alpha)
            variance = mean_square - mean * mean
        change = grad / (variance.sqrt() + group["eps"])
        if group["momentum"] > 0:
            change = state["momentum_buffer"].mul_(group["momentum"]).add_(change)
        p.add_(change, alpha=-float(group["lr"]))


__all__ = ["RMSprop"]
