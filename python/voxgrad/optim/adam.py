"""Adam."""
from __future__ import annotations

from typing import Any

from .. import _C
from .._C import Tensor
from .optimizer import ParamsT, _EachParameter, advance, check_at_least_zero, check_betas


class Adam(_EachParameter):
    """p -= lr * m' / (sqrt(v') + eps) with m' = m / (1 - beta1^t), v' = v / (1 - beta2^t), where m and v are decaying
    means of the gradient and of its square, and t counts the steps (Kingma and Ba, https://arxiv.org/abs/1412.6980).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of "params" and options.
        lr: >= 0.
        betas: decay of the two means, both in [0, 1).
        eps: added to the root; >= 0.
        weight_decay: times p, added to the gradient; >= 0.
        amsgrad: divide by the largest v so far.
        maximize: climb instead.
        decoupled_weight_decay: decay p itself, as AdamW.
        foreach, capturable, differentiable, fused: change nothing.

    Raises ValueError for options out of range.
    """

    def __init__(self, params: ParamsT, lr: float | Tensor = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None,
                 maximize: bool = False, capturable: bool = False, differentiable: bool = False,
                 fused: bool | None = None, decoupled_weight_decay: bool = False) -> None:
        name = type(self).__name__
        check_at_least_zero(name, lr=lr, eps=eps, weight_decay=weight_decay)
        check_betas(name, betas)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
                                      maximize=maximize, foreach=foreach, capturable=capturable,
                                      differentiable=differentiable, fused=fused,
                                      decoupled_weight_decay=decoupled_weight_decay))

    def _buffers(self, group: dict[str, Any]) -> dict[str, float | None]:
        names = ["exp_avg", "exp_avg_sq"] + (["max_exp_avg_sq"] if group["amsgrad"] else [])
        return dict.fromkeys(names, 0.0)

    def _update(self, group: dict[str, Any], p: Tensor, grad: Tensor, state: dict[str, Any]) -> None:
        names = list(self._buffers(group))
        beta1, beta2 = map(float, group["betas"])
        buffers = _C._adam_step(p, grad, [state[name] for name in names], advance(state), float(group["lr"]), beta1,
                                beta2, group["eps"], float(group["weight_decay"]), group["amsgrad"],
                                group["decoupled_weight_decay"])
        state.update(zip(names, buffers))


__all__ = ["Adam"]
