"""Adamax."""
from __future__ import annotations

from typing import Any

from .. import _elementwise
from .._C import Tensor
from .optimizer import ParamsT, _EachParameter, advance, check_at_least_zero, check_betas


class Adamax(_EachParameter):
    """p -= lr / (1 - beta1^t) * m / u, where m is the decaying mean of the gradient g, u = max(beta2 * u, |g| + eps),
    and t counts the steps (Kingma and Ba, https://arxiv.org/abs/1412.6980).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of "params" and options.
        lr, eps, weight_decay: >= 0; weight_decay * p is added to the gradient.
        betas: decay of m and u, both in [0, 1).
        maximize: climb instead.
        foreach, capturable, differentiable: change nothing.

    Raises ValueError for options out of range.
    """

    def __init__(self, params: ParamsT, lr: float | Tensor = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False,
                 differentiable: bool = False, capturable: bool = False) -> None:
        check_at_least_zero("Adamax", lr=lr, eps=eps, weight_decay=weight_decay)
        check_betas("Adamax", betas)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, foreach=foreach,
                                      maximize=maximize, differentiable=differentiable, capturable=capturable))

    def _buffers(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def _update(self, group: dict[str, Any], p: Tensor, grad: Tensor, state: dict[str, Any]) -> None:
        number = advance(state)
        grad, (beta1, beta2) = self._decayed(group, p, grad), map(float, group["betas"])
        mean, largest = state["exp_avg"], state["exp_inf"]
        mean.add_(grad - mean, alpha=1 - beta1)
        largest.copy_(_elementwise.maximum(largest * beta2, grad.abs() + group["eps"]))
        p.add_(mean / largest, alpha=-float(group["lr"]) / (1 - beta1**number))


__all__ = ["Adamax"]
