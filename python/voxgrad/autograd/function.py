"""Functions with derivatives of their own."""
from __future__ import annotations

import functools
from typing import Any, Callable

from .. import _C
from .._C import AutogradError, DTypeError, Tensor, dtype
from .grad_mode import no_grad


class FunctionCtx:
    """What forward leaves for backward."""

    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self) -> None:
        self._saved: tuple[Any, ...] = ()
        self._not_differentiable: tuple[Tensor, ...] = ()
        self._dirty: tuple[Tensor, ...] = ()
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
        """Outputs that get no gradient; backward finds zeros in their places."""
        self._not_differentiable = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Inputs that forward has changed in place, and returns: RuntimeError where it does not return one."""
        self._dirty = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """With False backward finds None in the places of outputs that are not differentiable.

        The gradient of a differentiable output that nothing used comes as zeros in either case.
        """
        self._materialize = value


class Function:
    """A function with its own derivative.

    Subclass with static methods `forward(ctx, *args)` and `backward(ctx, *grad_outputs)`, which gives one gradient
    (or None) for each argument of forward, and call `YourFunction.apply(*args)`. A `setup_context(ctx, inputs, output)`
    keeps what backward needs in the place of a forward without ctx. backward is recorded when it consists of
    differentiable functions and the pass was asked to create a graph.
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("Function: forward must be given by the subclass")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        raise NotImplementedError("Function: setup_context must be given by the subclass")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise NotImplementedError("Function: backward must be given by the subclass")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """forward's result as part of the graph. Keyword arguments reach forward and have no gradient."""
        ctx = FunctionCtx()
        tensors = [a for a in args if isinstance(a, Tensor)]
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        with no_grad():
            if cls.setup_context is Function.setup_context:
                result = cls.forward(ctx, *args, **kwargs)
            else:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, result)
        single = not isinstance(result, tuple)
        outputs = [result] if single else list(result)
        if not all(_among(t, outputs) for t in ctx._dirty):
            raise AutogradError(f"{cls.__name__}: forward must return what mark_dirty() names")
        if not (_C.is_grad_enabled() and any(ctx.needs_input_grad)):
            return result
        # An input that comes back as it is becomes a tensor of its own, which the graph can know.
        copies = {id(o): _C._clone(o) for o in outputs if any(o is t for t in tensors)}
        ctx._saved = tuple(copies.get(id(s), s) if _among(s, ctx._dirty) else s for s in ctx._saved)
        made = [copies.get(id(o), o) for o in outputs]
        cls._join(ctx, args, tensors, made)
        # What forward changed in place then takes over the value's history, which must not keep it alive through ctx.
        dirty, ctx._dirty, ctx._not_differentiable = ctx._dirty, (), ()
        made = [o.copy_(new) if _among(o, dirty) else new for o, new in zip(outputs, made)]
        return made[0] if single else tuple(made)

    @classmethod
    def _join(cls, ctx: FunctionCtx, args: tuple[Any, ...], tensors: list[Tensor], outputs: list[Any]) -> None:
        joined = [o for o in outputs if isinstance(o, Tensor) and o.dtype.is_floating_point
                  and not _among(o, ctx._not_differentiable)]
        positions = [i for i, o in enumerate(outputs) if _among(o, joined)]
        zeros = {i: (list(o.shape), 0.0, o.dtype, o.device) for i, o in enumerate(outputs)
                 if isinstance(o, Tensor) and i not in positions and ctx._materialize}
        inputs = [(i, list(a.shape), a.dtype) for i, a in enumerate(args) if isinstance(a, Tensor)]
        arity = len(args)  # the rule must not keep the arguments themselves
        saved = list(ctx._saved)
        ctx._saved = ()
        count = len(outputs)

        def rule(values: list[Any], grads: list[Tensor], needs: list[bool]) -> list[Any]:
            ctx._saved = tuple(values)
            given: list[Any] = [_C._full(*zeros[i]) if i in zeros else None for i in range(count)]
            for position, g in zip(positions, grads):
                given[position] = g
            try:
                found = cls.backward(ctx, *given)
            finally:
                ctx._saved = ()
            found = cls._checked(found, arity)
            return [_fitted(found[i], shape, kind) if need else None for (i, shape, kind), need in zip(inputs, needs)]

        _C._record(cls.__name__, tensors, joined, saved, rule)

    @classmethod
    def _checked(cls, found: Any, count: int) -> tuple[Any, ...]:
        """What backward gave, as a tuple of tensors and None. Raises RuntimeError, TypeError."""
        found = found if isinstance(found, tuple) else (found,)
        if len(found) < count or any(g is not None for g in found[count:]):
            raise AutogradError(f"{cls.__name__}: backward must give one gradient for each of the {count} arguments of "
                                f"forward; got {len(found)}")
        for number, g in enumerate(found):
            if g is not None and not isinstance(g, Tensor):
                raise DTypeError(f"{cls.__name__}: backward must give tensors or None; got {type(g).__name__} for "
                                 f"argument {number}")
        return found


def _fitted(grad: Tensor | None, shape: list[int], kind: dtype) -> Tensor | None:
    """The gradient in the input's dtype, summed over the axes along which the input would expand to its shape."""
    if grad is None:
        return None
    grad = _C._to_dtype(grad, kind)
    extra = grad.ndim - len(shape)
    if extra < 0 or any(n not in (1, g) for n, g in zip(shape, grad.shape[extra:])):
        return grad  # which the engine refuses
    axes = [a for a in range(grad.ndim) if a < extra or shape[a - extra] != grad.shape[a]]
    return _C._reshape(_C._sum(grad, axes, False), shape) if axes else grad


def _among(x: Any, tensors: Any) -> bool:
    return any(x is t for t in tensors)


class _Once(Function):
    """Gives `count` values back; as part of the graph of the other arguments, which cannot be walked."""

    @staticmethod
    def forward(ctx: Any, name: str, count: int, *args: Any) -> Any:
        ctx.name = name
        return tuple(None if v is None else _C._clone(v) for v in args[:count])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise AutogradError(f"{ctx.name}: its backward is once_differentiable, and cannot be differentiated again")


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator of backward, whose operations are then not recorded: differentiating them raises RuntimeError."""

    @functools.wraps(backward)
    def run(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            found = backward(ctx, *grads)
        causes = [g for g in grads if isinstance(g, Tensor) and g.requires_grad]
        causes += [s for s in ctx.saved_tensors if s is not None and s.requires_grad]
        if not (_C.is_grad_enabled() and causes):
            return found
        values = found if isinstance(found, tuple) else (found,)
        return _Once.apply(backward.__qualname__, len(values), *values, *causes)

    return run


__all__ = ["Function", "FunctionCtx", "once_differentiable"]
