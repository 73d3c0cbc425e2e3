"""Functions with derivatives of their own."""
from __future__ import annotations

from typing import Any

from .. import _C
from .._C import AutogradError, DTypeError, Tensor


class FunctionCtx:
    """What forward leaves for backward."""

    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self) -> None:
        self._saved: tuple[Any, ...] = ()
        self._not_differentiable: tuple[Tensor, ...] = ()
        self._materialize = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps inputs or outputs for backward, which finds them in saved_tensors.

        Raises TypeError for anything but tensors and None; keep numbers as attributes of ctx.
        """
        for number, x in enumerate(tensors):
            if x is not None and not isinstance(x, Tensor):
                raise DTypeError(f"save_for_backward: needs tensors or None; got {type(x).__name__} at {number}")
        self._saved = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        return self._saved

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Outputs that get no gradient."""
        self._not_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Undefined gradients come as zeros in either case."""
        self._materialize = value


class Function:
    """A function with its own derivative.

    Subclass with static methods `forward(ctx, *args)` and `backward(ctx, *grad_outputs)`, which gives one gradient
    (or None) for each argument of forward, and call `YourFunction.apply(*args)`. backward is recorded when it
    consists of differentiable functions and the pass was asked to create a graph.
    """

    @staticmethod
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("Function: forward must be given by the subclass")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise NotImplementedError("Function: backward must be given by the subclass")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        ctx = FunctionCtx()
        tensors = [a for a in args if isinstance(a, Tensor)]
        places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        wanted = _C.is_grad_enabled() and any(t.requires_grad for t in tensors)
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        before = _C.is_grad_enabled()
        _C._set_grad_enabled(False)
        try:
            result = cls.forward(ctx, *args)
        finally:
            _C._set_grad_enabled(before)
        single = not isinstance(result, tuple)
        outputs = [result] if single else list(result)
        if not wanted:
            return result
        # An input that comes back as it is becomes a tensor of its own, which the graph can know.
        outputs = [_C._clone(o) if any(o is t for t in tensors) else o for o in outputs]
        cls._join(ctx, args, places, tensors, outputs)
        return outputs[0] if single else tuple(outputs)

    @classmethod
    def _join(cls, ctx: FunctionCtx, args: tuple[Any, ...], places: list[int], tensors: list[Tensor],
              outputs: list[Any]) -> None:
        joined = [o for o in outputs if isinstance(o, Tensor) and o.dtype.is_floating_point
                  and not any(o is n for n in ctx._not_differentiable)]
        positions = [i for i, o in enumerate(outputs) if any(o is j for j in joined)]
        saved = list(ctx._saved)
        ctx._saved = ()
        count = len(outputs)

        def rule(values: list[Any], grads: list[Tensor], needs: list[bool]) -> list[Any]:
            ctx._saved = tuple(values)
            given: list[Any] = [None] * count
            for position, g in zip(positions, grads):
                given[position] = g
            try:
                found = cls.backward(ctx, *given)
            finally:
                ctx._saved = ()
            found = found if isinstance(found, tuple) else (found,)
            if len(found) < len(args) or any(g is not None for g in found[len(args):]):
                raise AutogradError(f"{cls.__name__}: backward must give one gradient for each of the {len(args)} "
                                    f"arguments of forward; got {len(found)}")
            for number, g in enumerate(found):
                if g is not None and not isinstance(g, Tensor):
                    raise DTypeError(f"{cls.__name__}: backward must give tensors or None; got "
                                     f"{type(g).__name__} for argument {number}")
            return [found[i] if need else None for i, need in zip(places, needs)]

        _C._record(cls.__name__, tensors, joined, saved, rule)
