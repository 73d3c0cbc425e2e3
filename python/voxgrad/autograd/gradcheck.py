"""Derivatives checked against finite differences."""
from __future__ import annotations

from typing import Any, Callable, NamedTuple

from .. import _C
from .._C import AutogradError, ShapeError, Tensor
from .._support import DTypeError, ints


def _function(func: Callable[..., Any], inputs: Any) -> tuple[Callable[..., list[Tensor]], list[Tensor]]:
    args = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]

    def call(*tensors: Tensor) -> list[Tensor]:
        given = list(args)
        for place, t in zip(places, tensors):
            given[place] = t
        result = func(*given)
        results = result if isinstance(result, (tuple, list)) else [result]
        return [r for r in results if isinstance(r, Tensor) and r.dtype.is_floating_point]

    return call, [args[i] for i in places]


def gradcheck(func: Callable[..., Any], inputs: Any, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
              raise_exception: bool = True, **_ignored: Any) -> bool:
    """Compares derivatives of func(*inputs) with central differences along random directions.

    True when they agree; else raises RuntimeError (False with raise_exception=False). Inputs that want gradients
    must be float64.
    """
    return _run(_C._gradcheck, func, inputs, eps, atol, rtol, raise_exception)


def gradgradcheck(func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, eps: float = 1e-6,
                  atol: float = 1e-5, rtol: float = 1e-3, raise_exception: bool = True, **_ignored: Any) -> bool:
    """gradcheck of the derivative of func."""
    return _run(_C._gradgradcheck, func, inputs, eps, atol, rtol, raise_exception)


class AdjointCheck(NamedTuple):
    """Numbers that are equal, but for rounding, when the derivative is right."""

    forward: float
    """<y, f(x, ...) - f(0, ...)>, with y random"""
    backward: tuple[float, ...]
    """<x, vjp(y)>, for each input"""
    gap: float
    """the largest difference between forward and one of backward"""
    scale: float
    """|y| * |f(x, ...) - f(0, ...)|, which bounds |forward|"""


def check_adjoint(func: Callable[..., Any], inputs: Any, seed: int = 1) -> AdjointCheck:
    """The adjoint identity of func and its derivative, in func's own dtype and without finite differences.

    func must be affine in each of `inputs` alone (a tensor or several), with the same value wherever one of them is
    zero. For `lambda x, w: conv2d(x, w, bias)` and inputs (x, w) these are <y, conv(x, w)>, <x, dx> and <w, dw>.

    Raises RuntimeError when no output is differentiable, TypeError unless all inputs are floating.
    """
    given = [inputs] if isinstance(inputs, Tensor) else list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    for value in given:
        if not isinstance(value, Tensor):
            raise DTypeError(f"check_adjoint: inputs must be Tensors; got {type(value).__name__}")
    call, tensors = _function(func, given)
    return AdjointCheck(*_C._check_adjoint(call, tensors, ints("check_adjoint", "seed", seed)[0] % 2**64))


def _run(check: Callable[..., None], func: Callable[..., Any], inputs: Any, eps: float, atol: float, rtol: float,
         raise_exception: bool) -> bool:
    call, tensors = _function(func, inputs)
    if not any(x.requires_grad for x in tensors):
        raise ShapeError("gradcheck: an input must want a gradient; got none that does")
    try:
        check(call, tensors, eps, atol, rtol)
    except AutogradError:
        if raise_exception:
            raise
        return False
    return True
