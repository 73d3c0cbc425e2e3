"""Switches of NVIDIA's cuDNN, which is not used: they can be set and change nothing. Results always have the same
bits."""
from __future__ import annotations

enabled = False
benchmark = False
deterministic = True
allow_tf32 = False


def is_available() -> bool:
    """Whether cuDNN is used: no."""
    return False


def version() -> int | None:
    """cuDNN's version: None without it."""
    return None


__all__ = ["allow_tf32", "benchmark", "deterministic", "enabled", "is_available", "version"]
