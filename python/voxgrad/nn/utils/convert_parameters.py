"""Parameters as one vector."""
from __future__ import annotations

from typing import Iterable

from ... import _C
from ..._C import DeviceError, ShapeError, Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements one after another, of rank 1 and part of the graph. Raises TypeError for several devices."""
    given = list(parameters)
    for p in given:
        if p.device != given[0].device:
            raise _OtherDevice(f"parameters_to_vector: all must be on one device; got {given[0].device}, {p.device}")
    return _C._cat([p.reshape(-1) for p in given], 0)


class _OtherDevice(DeviceError, TypeError):
    pass


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Gives the parameters the elements of a vector, as parameters_to_vector() lays them.

    Raises TypeError for what is no tensor, ValueError for a vector that is too short; nothing has changed then.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: needs a tensor; got {type(vec).__name__}")
    given = list(parameters)
    needed = sum(p.numel() for p in given)
    if vec.ndim != 1 or vec.numel() < needed:
        raise ShapeError(f"vector_to_parameters: needs {needed} elements of rank 1; got shape {list(vec.shape)}")
    start = 0
    for p in given:
        p.data = vec.detach()[start:start + p.numel()].view_as(p)
        start += p.numel()


__all__ = ["parameters_to_vector", "vector_to_parameters"]
