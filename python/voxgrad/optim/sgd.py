"""Stochastic gradient descent."""
from __future__ import annotations

from typing import Any

from .. import _C
from .._C import ShapeError, Tensor
from .optimizer import ParamsT, _EachParameter, check_at_least_zero


class SGD(_EachParameter):
    """p -= lr * b, where b = momentum * b + (1 - dampening) * g (b = g at the first step), g the gradient plus
    weight_decay * p. With nesterov p -= lr * (g + momentum * b); without momentum p -= lr * g.

    Args:
        params: tensors, (name, tensor) pairs, or dicts of "params" and options.
        lr, momentum, dampening, weight_decay: as above; all but dampening >= 0.
        nesterov: needs momentum > 0 and dampening 0.
        maximize: climb instead.
        foreach, differentiable, fused: change nothing.

    Raises ValueError for options out of range.
    """

    def __init__(self, params: ParamsT, lr: float | Tensor = 1e-3, momentum: float = 0, dampening: float = 0,
                 weight_decay: float | Tensor = 0, nesterov: bool = False, *, maximize: bool = False,
                 foreach: bool | None = None, differentiable: bool = False, fused: bool | None = None) -> None:
        check_at_least_zero("SGD", lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ShapeError(f"SGD: nesterov needs momentum > 0 and dampening 0; got momentum {momentum} and dampening "
                             f"{dampening}")
        super().__init__(params, dict(lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
                                      nesterov=nesterov, maximize=maximize, foreach=foreach,
                                      differentiable=differentiable, fused=fused))

    def _buffers(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"momentum_buffer": None} if group["momentum"] != 0 else {}

    def _start(self, state: dict[str, Any]) -> None:
        pass  # steps are not counted

    def _update(self, group: dict[str, Any], p: Tensor, grad: Tensor, state: dict[str, Any]) -> None:
        moving = group["momentum"] != 0
        buffer = state.get("momentum_buffer") if moving else None
        first = buffer is None
        if moving and first:
            buffer = _C._empty_like(p.detach(), p.dtype)
        buffers = _C._sgd_step(p, grad, buffer, first, float(group["lr"]), group["momentum"], group["dampening"],
                               float(group["weight_decay"]), group["nesterov"])
        if moving:
            state["momentum_buffer"] = buffers[0]


__all__ = ["SGD"]
