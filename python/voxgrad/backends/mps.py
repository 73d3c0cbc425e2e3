"""Apple's GPUs, which are not supported."""
from __future__ import annotations


def is_available() -> bool:
    """Whether tensors can live on an Apple GPU: no."""
    return False


def is_built() -> bool:
    """Whether this build supports Apple GPUs: no."""
    return False


__all__ = ["is_available", "is_built"]
