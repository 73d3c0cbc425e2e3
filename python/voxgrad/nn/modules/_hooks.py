"""Hooks of a module: before and after forward, and around its part of the backward pass."""
from __future__ import annotations

from collections import OrderedDict
from typing import Any, Callable

from ..._C import Tensor
from ...autograd.function import Function
from ...utils.hooks import RemovableHandle


class _Tap(Function):
    """Passes tensors through; the pass back shows their gradients to `seen`, which may replace them."""

    @staticmethod
    def forward(ctx: Any, seen: Callable[[tuple[Any, ...]], tuple[Any, ...]], *tensors: Tensor) -> Any:
        ctx.seen = seen
        ctx.set_materialize_grads(False)
        return tuple(t.detach() for t in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (None, *ctx.seen(grads))


def _tap(values: Any, seen: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> tuple[Any, bool]:
    """The values with their tensors passed through a _Tap; and whether a gradient will come by."""
    is_tuple = isinstance(values, tuple)
    items = list(values) if is_tuple else [values]
    places = [i for i, v in enumerate(items) if isinstance(v, Tensor)]
    if not any(items[i].requires_grad for i in places):
        return values, False

    def spread(grads: tuple[Any, ...]) -> tuple[Any, ...]:
        full: list[Any] = [None] * len(items)
        for i, grad in zip(places, grads):
            full[i] = grad if items_need[i] else None
        found = seen(tuple(full))
        return tuple(found[i] for i in places)

    items_need = [isinstance(v, Tensor) and v.requires_grad for v in items]
    for i, tensor in zip(places, _Tap.apply(spread, *(items[i] for i in places))):
        items[i] = tensor
    if not is_tuple:
        return items[0], True
    return (type(values)(*items) if hasattr(values, "_fields") else tuple(items)), True


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _replaced(name: str, old: tuple[Any, ...], result: Any) -> tuple[Any, ...]:
    if result is None:
        return old
    new = _as_tuple(result)
    if len(new) != len(old):
        raise RuntimeError(f"{name}: the hook must return {len(old)} gradients; got {len(new)}")
    return new


class _BackwardCall:
    """One call of a module under backward hooks: the gradients of its outputs, then of its inputs."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._pre_hooks = list(module._backward_pre_hooks.values())
        self._hooks = list(module._backward_hooks.values())
        self._inputs_seen = False
        self._input_count = 0
        self._grad_output: tuple[Any, ...] = ()

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self._input_count = len(args)
        tapped, self._inputs_seen = _tap(args, self._see_inputs)
        return tapped

    def outputs(self, result: Any) -> Any:
        return _tap(result, self._see_outputs)[0]

    def _see_outputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self._pre_hooks:
            grads = _replaced("full_backward_pre_hook", grads, hook(self._module, grads))
        self._grad_output = grads
        if not self._inputs_seen:
            for hook in self._hooks:
                if hook(self._module, (None,) * self._input_count, grads) is not None:
                    raise RuntimeError("full_backward_hook: no input of the module wants a gradient, so none can be "
                                       "replaced")
        return grads

    def _see_inputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self._hooks:
            grads = _replaced("full_backward_hook", grads, hook(self._module, grads, self._grad_output))
        return grads


class _Hooks:
    """Registration of hooks, and the call that runs them."""

    _backward_pre_hooks: OrderedDict[int, Any]
    _backward_hooks: OrderedDict[int, Any]
    _forward_hooks: OrderedDict[int, Any]
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _forward_pre_hooks: OrderedDict[int, Any]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]
    forward: Callable[..., Any]

    def _add(self, hooks: Any, hook: Any, prepend: bool, *marks: Any) -> RemovableHandle:
        handle = RemovableHandle(hooks, extra_dict=list(marks))
        hooks[handle.id] = hook
        for mark in marks:
            mark[handle.id] = True
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        return handle

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False,
                                  with_kwargs: bool = False) -> RemovableHandle:
        """hook(module, args) before forward(); what it returns replaces the arguments.

        With `with_kwargs` it is hook(module, args, kwargs) and returns (args, kwargs) or None. `prepend` puts it
        before the other hooks.
        """
        marks = [self._forward_pre_hooks_with_kwargs] if with_kwargs else []
        return self._add(self._forward_pre_hooks, hook, prepend, *marks)

    def register_forward_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False,
                              always_call: bool = False) -> RemovableHandle:
        """hook(module, args, output) after forward(); what it returns replaces the output.

        With `with_kwargs` it is hook(module, args, kwargs, output); with `always_call` it runs, with output None,
        also where forward raised.
        """
        marks = [self._forward_hooks_with_kwargs] if with_kwargs else []
        marks += [self._forward_hooks_always_called] if always_call else []
        return self._add(self._forward_hooks, hook, prepend, *marks)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """hook(module, grad_output) once the gradients of the outputs are there; what it returns replaces them."""
        return self._add(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """hook(module, grad_input, grad_output) once the gradients of the inputs are there.

        Both are tuples, None where an input is no tensor or wants no gradient; keyword arguments are not among
        them. What the hook returns replaces grad_input. Inputs and outputs must not be changed in place.
        """
        return self._add(self._backward_hooks, hook, prepend)

    def _has_hooks(self) -> bool:
        return bool(self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        called: set[int] = set()
        try:
            return self._run_hooks(args, kwargs, called)
        except Exception:
            for number, hook in list(self._forward_hooks.items()):
                if number in self._forward_hooks_always_called and number not in called:
                    try:
                        self._forward_hook(number, hook, args, kwargs, None)
                    except Exception:  # the first error is the one to see
                        pass
            raise

    def _run_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any], called: set[int]) -> Any:
        for number, hook in list(self._forward_pre_hooks.items()):
            if number in self._forward_pre_hooks_with_kwargs:
                changed = hook(self, args, kwargs)
                if changed is not None:
                    if not (isinstance(changed, tuple) and len(changed) == 2):
                        raise RuntimeError(f"forward_pre_hook: must return None or (args, kwargs); got {changed!r}")
                    args, kwargs = changed
            else:
                changed = hook(self, args)
                args = args if changed is None else _as_tuple(changed)
        backward = _BackwardCall(self) if self._backward_hooks or self._backward_pre_hooks else None
        if backward is not None:
            args = backward.inputs(args)
        result = self.forward(*args, **kwargs)
        for number, hook in list(self._forward_hooks.items()):
            called.add(number)
            changed = self._forward_hook(number, hook, args, kwargs, result)
            result = result if changed is None else changed
        return result if backward is None else backward.outputs(result)

    def _forward_hook(self, number: int, hook: Any, args: Any, kwargs: Any, result: Any) -> Any:
        if number in self._forward_hooks_with_kwargs:
            return hook(self, args, kwargs, result)
        return hook(self, args, result)
