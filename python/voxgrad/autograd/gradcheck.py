"""Derivatives checked against finite differences."""
from __future__ import annotations

from typing import Any, Callable

from .. import _C
from .._C import AutogradError, Tensor


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


def _run(check: Callable[..., None], func: Callable[..., Any], inputs: Any, eps: float, atol: float, rtol: float,
         raise_exception: bool) -> bool:
    call, tensors = _function(func, inputs)
    try:
        check(call, tensors, eps, atol, rtol)
    except AutogradError:
        if raise_exception:
            raise
        return False
    return True
