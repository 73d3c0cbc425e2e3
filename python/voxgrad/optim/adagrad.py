"""Adagrad."""
from __future__ import annotations

from typing import Any

from .. import _C
from .._C import Tensor
from .optimizer import ParamsT, _EachParameter, advance, check_at_least_zero


class Adagrad(_EachParameter):
    """p -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps), where s sums the squares of the gradient g and t counts
    the steps (Duchi et al., 2011).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of "params" and options.
        lr, lr_decay, weight_decay, eps: >= 0; weight_decay * p is added to the gradient.
        initial_accumulator_value: what s starts from; >= 0.
        maximize: climb instead.
        foreach, differentiable, fused: change nothing.

    Raises ValueError for options out of range.
    """

    def __init__(self, params: ParamsT, lr: float | Tensor = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
                 maximize: bool = False, differentiable: bool = False, fused: bool | None = None) -> None:
        check_at_least_zero("Adagrad", lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, eps=eps,
                            initial_accumulator_value=initial_accumulator_value)
        super().__init__(params, dict(lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
                                      initial_accumulator_value=initial_accumulator_value, foreach=foreach,
                                      maximize=maximize, differentiable=differentiable, fused=fused))
        for group in self.param_groups:
            for p in group["params"]:
                self._start(self.state[p])
                self.state[p]["sum"] = _C._empty_like(p.detach(), p.dtype)
                self.state[p]["sum"]._fill_(float(group["initial_accumulator_value"]))

    def _buffers(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"sum": float(group["initial_accumulator_value"])}

    def _update(self, group: dict[str, Any], p: Tensor, grad: Tensor, state: dict[str, Any]) -> None:
        number, grad = advance(state), self._decayed(group, p, grad)
        rate = float(group["lr"]) / (1 + (number - 1) * group["lr_decay"])
        total = state["sum"].add_(grad * grad)
        p.add_(grad / (total.sqrt() + group["eps"]), alpha=-rate)


__all__ = ["Adagrad"]
