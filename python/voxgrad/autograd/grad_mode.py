"""Whether operations are recorded: context managers and decorators. The mode belongs to the thread."""
from __future__ import annotations

import functools
import inspect
from typing import Any, Callable, TypeVar, overload

from .. import _C

F = TypeVar("F", bound=Callable[..., Any])


class _GradMode:
    _mode = True

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> Any:
        self._before.append(_C.is_grad_enabled())
        _C._set_grad_enabled(self._mode)
        return self

    def __exit__(self, *error: Any) -> None:
        _C._set_grad_enabled(self._before.pop())

    def _fresh(self) -> "_GradMode":
        return type(self)()

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):
            return self._generator(function)  # type: ignore[return-value]

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)

        return call  # type: ignore[return-value]

    def _generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            items = function(*args, **kwargs)
            resume, sent = items.send, None
            while True:
                with self._fresh():  # not while the caller has the item
                    try:
                        item = resume(sent)
                    except StopIteration as end:
                        return end.value
                try:
                    resume, sent = items.send, (yield item)
                except GeneratorExit:
                    with self._fresh():
                        items.close()
                    raise
                except BaseException as error:
                    resume, sent = items.throw, error

        return run


class no_grad(_GradMode):
    """`with no_grad():` or `@no_grad()`: nothing is recorded."""

    _mode = False

    @overload
    def __new__(cls) -> "no_grad": ...
    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]
    def __new__(cls, function: Any = None) -> Any:
        made = super().__new__(cls)
        if function is None:
            return made
        made.__init__()  # type: ignore[misc]
        return made(function)


class enable_grad(_GradMode):
    """`with enable_grad():` or `@enable_grad()`: operations are recorded, also within no_grad."""


class inference_mode(_GradMode):
    """no_grad for evaluation; `inference_mode(False)` changes nothing."""

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self._on = mode

    def __enter__(self) -> Any:
        self._before.append(_C.is_grad_enabled())
        if self._on:
            _C._set_grad_enabled(False)
        return self

    def _fresh(self) -> _GradMode:
        return inference_mode(self._on)


class set_grad_enabled(_GradMode):
    """Sets the mode at once; as a context manager, until its end."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self._wanted = bool(mode)
        self._outside = _C.is_grad_enabled()
        _C._set_grad_enabled(self._wanted)

    def __enter__(self) -> Any:
        self._before.append(self._outside)
        _C._set_grad_enabled(self._wanted)
        return self

    def __call__(self, function: F) -> F:
        _C._set_grad_enabled(self._outside)
        return super().__call__(function)

    def _fresh(self) -> _GradMode:
        return set_grad_enabled(self._wanted)
