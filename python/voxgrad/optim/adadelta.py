"""Adadelta."""
from __future__ import annotations

from typing import Any

from .._C import ShapeError, Tensor
from .optimizer import ParamsT, _EachParameter, advance, check_at_least_zero


class Adadelta(_EachParameter):
    """p -= lr * d with d = sqrt(u + eps) / sqrt(v + eps) * g, where v and u are decaying means of the squares of the
    gradient g and of the changes d (Zeiler, https://arxiv.org/abs/1212.5701).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of "params" and options.
        lr, eps, weight_decay: >= 0; weight_decay * p is added to the gradient.
        rho: decay of the means; in [0, 1].
        maximize: climb instead.
        foreach, capturable, differentiable: change nothing.

    Raises ValueError for options out of range.
    """

    def __init__(self, params: ParamsT, lr: float | Tensor = 1.0, rho: float = 0.9, eps: float = 1e-6,
                 weight_decay: float = 0, foreach: bool | None = None, *, capturable: bool = False,
                 maximize: bool = False, differentiable: bool = False) -> None:
        check_at_least_zero("Adadelta", lr=lr, eps=eps, weight_decay=weight_decay)
        if not 0 <= rho <= 1:
            raise ShapeError(f"Adadelta: rho must be in [0, 1]; got {rho}")
        super().__init__(params, dict(lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize,
                                      capturable=capturable, foreach=foreach, differentiable=differentiable))

    def _buffers(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def _update(self, group: dict[str, Any], p: Tensor, grad: Tensor, state: dict[str, Any]) -> None:
        advance(state)
        grad, rho, eps = self._decayed(group, p, grad), group["rho"], group["eps"]
        mean_square, mean_change = state["square_avg"], state["acc_delta"]
        mean_square.mul_(rho).add_(grad * grad, alpha=1 - rho)
        change = (mean_change + eps).sqrt() / (mean_square + eps).sqrt() * grad
        mean_change.mul_(rho).add_(change * change, alpha=1 - rho)
        p.add_(change, alpha=-float(group["lr"]))


__all__ = ["Adadelta"]
