"""Samples put together as a batch."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

import numpy as np

from ..._C import ShapeError, Tensor
from ..._creation import as_tensor, tensor
from ..._shape import stack


def default_convert(data: Any) -> Any:
    """A sample with its arrays and NumPy numbers made tensors, through mappings, tuples and lists."""
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "SUO" else as_tensor(np.asarray(data))
    return _rebuilt(data, [data], lambda parts: default_convert(parts[0]), otherwise=lambda: data)


def default_collate(batch: Any) -> Any:
    """A list or tuple of samples as one batch.

    Tensors and arrays are stacked along a new axis 0 in the dtype that holds all, Python's real numbers become float64,
    integers int64; text stays as it is. Mappings, named tuples and sequences are gone through (tuples give lists).
    Raises TypeError for other types, ValueError for samples of different sizes or lengths.
    """
    first = batch[0]
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Tensor):
        return stack(batch)
    if isinstance(first, (np.ndarray, np.generic)):
        return _collate_arrays(first, batch)
    if isinstance(first, float):
        return as_tensor(np.array(batch, dtype=np.float64))
    if isinstance(first, int):
        return tensor(batch)

    def refuse() -> Any:
        raise TypeError("default_collate: samples must hold tensors, arrays, numbers, text, mappings or sequences; got "
                        f"{type(first).__name__}")

    return _rebuilt(first, batch, default_collate, refuse)


def _collate_arrays(first: Any, batch: Any) -> Tensor:
    if first.dtype.kind in "SUO":
        raise TypeError(f"default_collate: arrays must hold numbers; got {first.dtype}")
    if isinstance(first, np.generic):
        return as_tensor(np.asarray(batch))
    return stack([as_tensor(np.ascontiguousarray(a).reshape(a.shape)) for a in batch])


def _rebuilt(first: Any, batch: Any, each: Callable[[Any], Any], otherwise: Callable[[], Any]) -> Any:
    """A container like `first`, each place of which holds each(the values that the batch has there)."""
    if isinstance(first, Mapping):
        made = {key: each([sample[key] for sample in batch]) for key in first}
        try:
            return type(first)(made)  # type: ignore[call-arg]
        except TypeError:
            return made
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(each(values) for values in zip(*batch)))
    if not isinstance(first, Sequence) or isinstance(first, (str, bytes)):
        return otherwise()
    if any(len(sample) != len(first) for sample in batch):
        raise ShapeError(f"default_collate: samples must have one length; got {[len(sample) for sample in batch]}")
    places = [each(values) for values in zip(*batch)]
    if isinstance(first, tuple):
        return places
    try:
        return type(first)(places)  # type: ignore[call-arg]
    except (TypeError, ValueError):
        return places


__all__ = ["default_collate", "default_convert"]
