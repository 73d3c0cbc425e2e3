"""Handles on hooks."""
from __future__ import annotations

import itertools
import weakref
from typing import Any, Iterable

_numbers = itertools.count()


class RemovableHandle:
    """What a register_..._hook method gives: `remove()` takes the hook away, and so does the end of a `with`."""

    def __init__(self, hooks_dict: Any, *, extra_dict: Iterable[Any] | Any = ()) -> None:
        extras = [extra_dict] if hasattr(extra_dict, "keys") else list(extra_dict)
        self.id = next(_numbers)
        self._dicts = [weakref.ref(hooks) for hooks in (hooks_dict, *extras)]

    def remove(self) -> None:
        """Takes the hook away; nothing happens where it is gone already."""
        for reference in self._dicts:
            hooks = reference()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __enter__(self) -> "RemovableHandle":
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()

    def __getstate__(self) -> Any:
        return self.id, [reference() for reference in self._dicts]

    def __setstate__(self, state: Any) -> None:
        self.id, dicts = state
        self._dicts = [weakref.ref(hooks) for hooks in dicts if hooks is not None]


__all__ = ["RemovableHandle"]
