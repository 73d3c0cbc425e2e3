"""Switches of NVIDIA's cuDNN, which is not used. `allow_tf32` is that of backends.cuda.matmul, and False at first; the
others can be set and change nothing. Results always have the same bits."""
from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from .. import _C

enabled = False
benchmark = False
deterministic = True


def is_available() -> bool:
    """Whether cuDNN is used: no."""
    return False


def version() -> int | None:
    """cuDNN's version: None without it."""
    return None


class _Switches(ModuleType):
    """A module with a switch that is no variable."""

    @property
    def allow_tf32(self) -> bool:
        return _C._allow_tf32()

    @allow_tf32.setter
    def allow_tf32(self, on: bool) -> None:
        _C._set_allow_tf32(on)


sys.modules[__name__].__class__ = _Switches


def __getattr__(name: str) -> Any:  # for type checkers alone: the class above answers first
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["allow_tf32", "benchmark", "deterministic", "enabled", "is_available", "version"]
