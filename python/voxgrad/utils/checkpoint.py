"""Parts of a network whose activations are computed again in the backward pass rather than kept."""
from __future__ import annotations

import copy
from contextlib import nullcontext
from typing import Any, Callable, Iterator

from .. import _C
from .._C import Tensor


def checkpoint(function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None,
               preserve_rng_state: bool = True, context_fn: Callable[[], tuple[Any, Any]] | None = None,
               determinism_check: str = "default", debug: bool = False, early_stop: bool = True,
               **kwargs: Any) -> Any:
    """function(*args, **kwargs), of which only the arguments are kept: backward() calls the function again.

    Values and gradients are those of the function, also to parameters and other tensors that it uses, and they can be
    differentiated again, whatever use_reentrant says. Results are tensors, in tuples, lists and dicts as they come;
    tensors that hide elsewhere keep their activations. The gradient of one result with respect to another is not
    seen, and results that are views are tensors of their own. preserve_rng_state: the second call draws the default
    generator's numbers of the first. context_fn gives a context manager for either call. The other options change
    nothing. The function must not wait for another thread's backward().

    Raises RuntimeError when the function changes a positional argument in place, and in backward() when one was
    changed since or the second call gives other results. Tensors in kwargs, in containers and of the function's own
    are not watched: a parameter that is replaced or frozen in between gets no gradient.
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
    structure, results[0] = results[0], None  # which may hold anything
    return _put_tensors(structure, iter(found))


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
    """The value with places for its tensors, which go to `tensors`."""
    if isinstance(value, Tensor):
        tensors.append(value)
        return _Place
    return _rebuilt(value, lambda part: _take_tensors(part, tensors))


def _put_tensors(value: Any, tensors: Iterator[Tensor]) -> Any:
    return next(tensors) if value is _Place else _rebuilt(value, lambda part: _put_tensors(part, tensors))


def _rebuilt(value: Any, of_part: Callable[[Any], Any]) -> Any:
    """Tuples, lists and dicts, also of classes of their own, with other parts; anything else as it is."""
    if isinstance(value, tuple):
        parts = [of_part(v) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if not isinstance(value, (dict, list)):
        return value
    result = copy.copy(value)
    for key in value if isinstance(value, dict) else range(len(value)):
        result[key] = of_part(value[key])
    return result


__all__ = ["checkpoint", "checkpoint_sequential"]
