"""GPUs. There are none yet: everything runs on the CPU, and scripts that ask is_available() stay there."""
from __future__ import annotations

from typing import Any


def is_available() -> bool:
    """Whether tensors can live on a GPU: not yet."""
    return False


def device_count() -> int:
    """Number of GPUs: 0."""
    return 0


def is_initialized() -> bool:
    """Whether a GPU is in use: no."""
    return False


def manual_seed(seed: int) -> None:
    """Seeds the GPU's generator; without one it changes nothing."""


def manual_seed_all(seed: int) -> None:
    """Seeds the generators of all GPUs; without one it changes nothing."""


def empty_cache() -> None:
    """Gives unused GPU memory back; without a GPU it changes nothing."""


def synchronize(device: Any = None) -> None:
    """Waits for the GPU. Raises RuntimeError, as there is none."""
    from ._C import DeviceError

    raise DeviceError(f"cuda.synchronize: there is no GPU; got device {device}")


__all__ = ["device_count", "empty_cache", "is_available", "is_initialized", "manual_seed", "manual_seed_all",
           "synchronize"]
