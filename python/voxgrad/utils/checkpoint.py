"""Parts of a network whose activations are computed again in the backward pass rather than kept."""
from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Callable

from .. import _C
from .._C import Tensor


def checkpoint(function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None,
               preserve_rng_state: bool = True, context_fn: Callable[[], tuple[Any, Any]] | None = None,
               determinism_check: str = "default", debug: bool = False, early_stop: bool = True,
               **kwargs: Any) -> Any:
    """function(*args, **kwargs), of which only the arguments are kept: backward() calls the function again.

    Values and gradients are those of the function, also to parameters and other tensors that it uses, and they can be
    differentiated again, whatever use_reentrant says. Results are tensors, in tuples, lists and dicts as they come.
    preserve_rng_state: the second call draws the random numbers of the first. context_fn gives a context manager for
    either call. The other options change nothing.

    Raises RuntimeError in backward() when an argument was changed in place or the second call gives other results.
    """
    first, again = context_fn() if context_fn is not None else (nullcontext(), nullcontext())
    contexts = [first]
    positions = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
    tensors = [args[i] for i in positions]
    others = [None if isinstance(a, Tensor) else a for a in args]  # tensors that are kept must not be held here too
    results: list[Any] = []

    def run(*inputs: Tensor) -> list[Tensor]:
        given = list(others)
        for i, x in zip(positions, inputs):
            given[i] = x
        with contexts.pop() if contexts else again:
            result = function(*given, **kwargs)
        found: list[Tensor] = []
        structure = _take_tensors(result, found)
        if not results:
            results.append(structure)
        return found

    found = _C._checkpoint(run, tensors, preserve_rng_state)
    return _put_tensors(results[0], iter(found))


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None,
                          preserve_rng_state: bool = True) -> Any:
    """The functions of a list or Sequential one after another, in checkpoints of equal numbers but for the last one.

    Raises ValueError unless 1 <= segments.
    """
    functions = list(functions.children()) if hasattr(functions, "children") else list(functions)
    if segments < 1:
        raise ValueError(f"checkpoint_sequential: needs at least one segment; got {segments}")

    def run(part: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
        def apply(x: Any) -> Any:
            for function in part:
                x = function(x)
            return x

        return apply

    size = max(1, len(functions) // segments)
    starts = [size * i for i in range(min(segments, len(functions)))]
    for start in starts[:-1]:
        input = checkpoint(run(functions[start:start + size]), input, use_reentrant=use_reentrant,
                           preserve_rng_state=preserve_rng_state)
    return run(functions[starts[-1]:] if starts else [])(input)


class _Place:
    """Where a tensor stood."""


def _take_tensors(value: Any, tensors: list[Tensor]) -> Any:
    if isinstance(value, Tensor):
        tensors.append(value)
        return _Place
    if isinstance(value, dict):
        return type(value)((k, _take_tensors(v, tensors)) for k, v in value.items())
    if isinstance(value, (tuple, list)):
        parts = [_take_tensors(v, tensors) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def _put_tensors(value: Any, tensors: Any) -> Any:
    if value is _Place:
        return next(tensors)
    if isinstance(value, dict):
        return type(value)((k, _put_tensors(v, tensors)) for k, v in value.items())
    if isinstance(value, (tuple, list)):
        parts = [_put_tensors(v, tensors) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


__all__ = ["checkpoint", "checkpoint_sequential"]
