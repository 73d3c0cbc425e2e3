"""Normalisation: (input - mean) / sqrt(variance + eps) * weight + bias."""
from __future__ import annotations

from typing import Sequence

from ... import _C
from ..._C import Tensor
from ..._support import ints


def batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
               bias: Tensor | None = None, training: bool = False, momentum: float = 0.1,
               eps: float = 1e-5) -> Tensor:
    """Statistics per channel over batch and places when training, else the running ones.

    When training, running statistics become (1 - momentum) * running + momentum * new (the variance unbiased).
    """
    return _C._batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None,
                  weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True,
                  momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """Statistics per channel of each sample over its places; with use_input_stats=False the running ones."""
    return _C._instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5) -> Tensor:
    """Statistics per group of channels of each sample."""
    return _C._group_norm(input, num_groups, weight, bias, eps)


def layer_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None,
               bias: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """Statistics over the last axes, whose sizes normalized_shape gives."""
    return _C._layer_norm(input, ints("layer_norm", "normalized_shape", (normalized_shape,)), weight, bias, eps)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """input / max(norm, eps), with the p-norm along an axis."""
    norm = _C._norm(input, p, [dim], True)
    return _C._div(input, _C._clamp(norm, eps, float("inf")))


__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "normalize"]
