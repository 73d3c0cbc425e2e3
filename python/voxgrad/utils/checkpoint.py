"""Parts of a network whose activations need not be kept, in the words of scripts that mark them."""
from __future__ import annotations

from typing import Any, Callable


def checkpoint(function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None,
               preserve_rng_state: bool = True, context_fn: Any = None, determinism_check: Any = None,
               debug: Any = None, early_stop: Any = None, **kwargs: Any) -> Any:
    """function(*args, **kwargs): values and gradients are those of PyTorch's checkpoint().

    The activations are kept until backward() all the same, not computed anew, so it saves no memory, and the options
    change nothing.
    """
    return function(*args, **kwargs)


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None,
                          preserve_rng_state: bool = True) -> Any:
    """The functions of a list or Sequential one after another, as checkpoint() gives them."""
    for function in functions:
        input = function(input)
    return input


__all__ = ["checkpoint", "checkpoint_sequential"]
