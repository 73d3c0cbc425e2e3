"""NVIDIA's GPUs: which there are, and their memory.

A device is given as a number, a name ("cuda:1"), a `device`, or None for the current one. Functions that need a GPU
raise RuntimeError where there is none; `is_available()` says so before.
"""
from __future__ import annotations

from typing import Any

from . import _C
from ._C import OutOfMemoryError
from ._C import device as _device
from ._support import as_gpu


def is_available() -> bool:
    """Whether tensors can live on a GPU: there is one, its driver is new enough, and this build has CUDA."""
    return _C._device_count() > 0


def device_count() -> int:
    """Number of GPUs that this process can use."""
    return _C._device_count()


def is_initialized() -> bool:
    """Whether GPUs can be used; nothing has to be started before."""
    return is_available()


def init() -> None:
    """Changes nothing: a GPU starts when it is first used."""


def current_device() -> int:
    """The number of the GPU that "cuda" means in this thread: 0 at first."""
    return _C._current_cuda_device()


def set_device(device: Any) -> None:
    """Makes a GPU the current one of this thread; a negative number changes nothing."""
    if not (isinstance(device, int) and device < 0):
        _C._set_current_cuda_device(as_gpu("cuda.set_device", device).index or 0)


class device:
    """`with device(1):` makes a GPU the current one, and at the end the one of before; None changes nothing."""

    def __init__(self, device: Any) -> None:
        self.idx = -1 if device is None else device if isinstance(device, int) else as_gpu("cuda.device", device).index
        self.prev_idx = -1

    def __enter__(self) -> None:
        self.prev_idx = current_device()
        set_device(self.idx)

    def __exit__(self, *error: Any) -> None:
        if self.idx != self.prev_idx and (self.idx or 0) >= 0:
            set_device(self.prev_idx)


def get_device_name(device: Any = None) -> str:
    """The GPU's product name."""
    return _C._device_name(as_gpu("cuda.get_device_name", device))


def synchronize(device: Any = None) -> None:
    """Waits until all work given to the GPU is done. Raises RuntimeError where some of it failed."""
    _C._synchronize(as_gpu("cuda.synchronize", device))


# ---- random numbers


def manual_seed(seed: int) -> None:
    """Changes nothing: what is random on a GPU follows from the CPU's generator, which `voxgrad.manual_seed` seeds."""


def manual_seed_all(seed: int) -> None:
    """Changes nothing, as manual_seed()."""


# ---- memory


def memory_allocated(device: Any = None) -> int:
    """Bytes that tensors and running operations hold on the GPU."""
    return _C.memory_stats(as_gpu("cuda.memory_allocated", device))["current"]


def max_memory_allocated(device: Any = None) -> int:
    """The most of memory_allocated() since reset_peak_memory_stats()."""
    return _C.memory_stats(as_gpu("cuda.max_memory_allocated", device))["peak"]


def memory_reserved(device: Any = None) -> int:
    """Bytes taken from the GPU: those in use, and those kept for later."""
    return _C.memory_stats(as_gpu("cuda.memory_reserved", device))["reserved"]


def memory_stats(device: Any = None) -> dict[str, int]:
    """memory_allocated, its most, what operations held for themselves at most, and memory_reserved, in bytes."""
    stats = _C.memory_stats(as_gpu("cuda.memory_stats", device))
    return {"allocated_bytes.all.current": stats["current"], "allocated_bytes.all.peak": stats["peak"],
            "reserved_bytes.all.current": stats["reserved"], "workspace_bytes.all.peak": stats["workspace"]}


def reset_peak_memory_stats(device: Any = None) -> None:
    """Starts max_memory_allocated() anew."""
    _C.reset_peak_memory_stats(as_gpu("cuda.reset_peak_memory_stats", device))


def empty_cache() -> None:
    """Gives the memory that no tensor uses back to all GPUs; without one it changes nothing."""
    for index in range(device_count()):
        _C._empty_cache(_device("cuda", index))


__all__ = ["OutOfMemoryError", "current_device", "device", "device_count", "empty_cache", "get_device_name", "init",
           "is_available", "is_initialized", "manual_seed", "manual_seed_all", "max_memory_allocated",
           "memory_allocated", "memory_reserved", "memory_stats", "reset_peak_memory_stats", "set_device",
           "synchronize"]
