"""Derivatives: grad and backward, custom functions, and their checks."""
from __future__ import annotations

from typing import Any

from .. import _C
from .._C import AutogradError, ShapeError, Tensor
from .function import Function
from .gradcheck import AdjointCheck, check_adjoint, gradcheck, gradgradcheck
from .grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled


def _list(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, Tensor) or tensors is None else list(tensors)


def grad(outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None,
         create_graph: bool = False, only_inputs: bool = True, allow_unused: bool | None = None,
         is_grads_batched: bool = False, materialize_grads: bool = False) -> tuple[Any, ...]:
    """d(sum of <outputs, grad_outputs>)/d(inputs), one each, without touching any `.grad`.

    `grad_outputs` fit the outputs; None means 1, for an output of one element. An input on which nothing depends
    gives None with `allow_unused`, zeros with `materialize_grads`, and else raises RuntimeError, as no inputs do.
    only_inputs: changes nothing.
    """
    if is_grads_batched:
        raise AutogradError("grad: is_grads_batched is not supported")
    if materialize_grads and allow_unused is False:
        raise ShapeError("grad: materialize_grads=True excludes allow_unused=False")
    outs, ins = _list(outputs), _list(inputs)
    if not ins:
        raise AutogradError("grad: inputs must not be empty")
    seeds = [] if grad_outputs is None else _list(grad_outputs)
    keep = create_graph if retain_graph is None else retain_graph
    unused = bool(allow_unused) or materialize_grads
    found = _C._grad(outs, ins, seeds, keep, create_graph, unused)
    if materialize_grads:
        from .._creation import zeros_like

        found = [zeros_like(x) if g is None else g for x, g in zip(ins, found)]
    return tuple(found)


def backward(tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
             grad_variables: Any = None, inputs: Any = None) -> None:
    """Adds the gradients of the tensors to `.grad` of every leaf reached, or of `inputs` alone.

    grad_variables: the old name of grad_tensors. Raises RuntimeError where tensors are not in a graph, `inputs` are
    empty, or both names are used.
    """
    if grad_variables is not None:
        if grad_tensors is not None:
            raise AutogradError("backward: grad_tensors and grad_variables, its old name, exclude each other")
        grad_tensors = grad_variables
    seeds = [] if grad_tensors is None else _list(grad_tensors)
    keep = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        _C._backward(_list(tensors), seeds, keep, create_graph)
        return
    wanted = _list(inputs)
    if not wanted:
        raise AutogradError("backward: inputs must not be empty")
    for x, found in zip(wanted, _C._grad(_list(tensors), wanted, seeds, keep, create_graph, True)):
        if found is None or x.retains_grad:  # the pass itself has kept it
            continue
        if create_graph:
            x.grad = found if x.grad is None else x.grad + found
        elif x.grad is None:
            x.grad = _C._clone(found)  # which others may hold
        else:
            with no_grad():
                x.grad.add_(found)


__all__ = ["AdjointCheck", "Function", "backward", "check_adjoint", "enable_grad", "grad", "gradcheck",
           "gradgradcheck", "inference_mode", "no_grad", "set_grad_enabled"]
