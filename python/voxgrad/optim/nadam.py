"""NAdam."""
from __future__ import annotations

from typing import Any

from .. import _C
from .._C import Tensor
from .optimizer import ParamsT, _EachParameter, advance, check_at_least_zero, check_betas


class NAdam(_EachParameter):
    """Adam with Nesterov's momentum: p -= lr * (a * g + b * m) / (sqrt(v') + eps), where a and b weigh the gradient and
    its mean by a momentum beta1 * (1 - 0.96^(t * momentum_decay) / 2) that grows with the steps t (Dozat, 2016).

    Args:
        params: tensors, (name, tensor) pairs, or dicts of "params" and options.
        lr, eps, weight_decay, momentum_decay: >= 0.
        betas: decay of the two means, both in [0, 1).
        decoupled_weight_decay: decay p itself, as AdamW, in place of adding weight_decay * p to the gradient.
        maximize: climb instead.
        foreach, capturable, differentiable: change nothing.

    Raises ValueError for options out of range.
    """

    def __init__(self, params: ParamsT, lr: float | Tensor = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, momentum_decay: float = 4e-3,
                 decoupled_weight_decay: bool = False, *, foreach: bool | None = None, maximize: bool = False,
                 capturable: bool = False, differentiable: bool = False) -> None:
        check_at_least_zero("NAdam", lr=lr, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)
        check_betas("NAdam", betas)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
                                      momentum_decay=momentum_decay, decoupled_weight_decay=decoupled_weight_decay,
                                      maximize=maximize, foreach=foreach, capturable=capturable,
                                      differentiable=differentiable))

    def _buffers(self, group: dict[str, Any]) -> dict[str, float | None]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def _start(self, state: dict[str, Any]) -> None:
        super()._start(state)
        state["mu_product"] = _C._full([], 1.0, _C.float32, _C.device("cpu"))

    def _update(self, group: dict[str, Any], p: Tensor, grad: Tensor, state: dict[str, Any]) -> None:
        number = advance(state)
        grad, (beta1, beta2) = self._decayed(group, p, grad), map(float, group["betas"])
        mean, mean_square, rate = state["exp_avg"], state["exp_avg_sq"], float(group["lr"])
        momentum, following = (beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (number, number + 1))
        if not isinstance(state["mu_product"], Tensor):  # in states of old versions of PyTorch
            state["mu_product"] = _C._full([], float(state["mu_product"]), _C.float32, _C.device("cpu"))
        product = float(state["mu_product"].mul_(momentum))
        mean.add_(grad - mean, alpha=1 - beta1)
        mean_square.mul_(beta2).add_(grad * grad, alpha=1 - beta2)
        scale = (mean_square / (1 - beta2**number)).sqrt() + group["eps"]
        p.add_(grad / scale, alpha=-rate * (1 - momentum) / (1 - product))
        p.add_(mean / scale, alpha=-rate * following / (1 - product * following))


__all__ = ["NAdam"]
