"""Limits on gradients, between backward() and step()."""
from __future__ import annotations

import math
import warnings
from typing import Any, Iterable

from ... import _C
from ..._C import Tensor
from ...autograd.grad_mode import no_grad


def _tensors(op: str, tensors: Any) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        return [tensors]
    given = list(tensors)
    for i, t in enumerate(given):
        if not isinstance(t, Tensor):
            raise TypeError(f"{op}: needs tensors; element {i} is {type(t).__name__}")
    return given


def _grads(op: str, parameters: Any) -> list[Tensor]:
    if not isinstance(parameters, Tensor) and hasattr(parameters, "__next__"):
        parameters = list(parameters)
        if not parameters:
            warnings.warn(f"{op}: the generator of parameters is empty, perhaps used up; nothing is clipped",
                          stacklevel=3)
    return [p.grad for p in _tensors(op, parameters) if p.grad is not None]


@no_grad()
def get_total_norm(tensors: Iterable[Tensor] | Tensor, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                   foreach: bool | None = None) -> Tensor:
    """The norm_type-norm of all elements together (inf: the largest absolute value), of rank 0.

    It is summed in float64, in an order fixed by the sizes. Raises RuntimeError for a norm that is not finite with
    `error_if_nonfinite`. `foreach` changes nothing.
    """
    given = _tensors("get_total_norm", tensors)
    if not given:
        return _C._full([], 0.0, _C.get_default_dtype(), _C.device("cpu"))
    norm = _C._get_total_norm(given, float(norm_type))
    if error_if_nonfinite and not math.isfinite(norm):
        raise _C.Error(f"get_total_norm: the norm of order {norm_type} is {norm}; pass error_if_nonfinite=False to "
                       "clip all the same")
    return _C._full([], norm, given[0].dtype, given[0].device)


@no_grad()
def clip_grads_with_norm_(parameters: Iterable[Tensor] | Tensor, max_norm: float, total_norm: Tensor,
                          foreach: bool | None = None) -> None:
    """Scales all gradients by max_norm / (total_norm + 1e-6) where that is below 1."""
    grads = _grads("clip_grads_with_norm_", parameters)
    factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    for grad in grads:
        grad.mul_(factor.to(grad.device, grad.dtype))


@no_grad()
def clip_grad_norm_(parameters: Iterable[Tensor] | Tensor, max_norm: float, norm_type: float = 2.0,
                    error_if_nonfinite: bool = False, foreach: bool | None = None) -> Tensor:
    """Scales all gradients by max_norm / (norm + 1e-6) where that is below 1; gives the norm before, of rank 0.

    parameters: tensors, those without gradient passed over. norm_type: of the norm over all gradients together, inf for
    the largest absolute value. Raises RuntimeError for a norm that is not finite with `error_if_nonfinite`, before
    anything changes. `foreach` changes nothing.
    """
    given = _tensors("clip_grad_norm_", parameters)
    grads = _grads("clip_grad_norm_", given)
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    clip_grads_with_norm_(given, max_norm, total)
    return total


def clip_grad_norm(parameters: Iterable[Tensor] | Tensor, max_norm: float, norm_type: float = 2.0,
                   error_if_nonfinite: bool = False, foreach: bool | None = None) -> Tensor:
    """The older name of clip_grad_norm_()."""
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


@no_grad()
def clip_grad_value_(parameters: Iterable[Tensor] | Tensor, clip_value: float, foreach: bool | None = None) -> None:
    """Clamps each gradient's elements to [-clip_value, clip_value]."""
    limit = float(clip_value)
    for grad in _grads("clip_grad_value_", parameters):
        grad.copy_(grad.clamp(min=-limit, max=limit))


__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]
