"""Normalisation: (input - mean) / sqrt(variance + eps) * weight + bias."""
from __future__ import annotations

from typing import Sequence

from ... import _C
from ..._C import ShapeError, Tensor
from ..._info import finfo
from ..._support import check_no_out, ints


def batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
               bias: Tensor | None = None, training: bool = False, momentum: float = 0.1,
               eps: float = 1e-5) -> Tensor:
    """Statistics per channel over batch and places when training, else the running ones.

    When training, running statistics become (1 - momentum) * running + momentum * new (the variance unbiased).
    """
    return _C._batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps, 1.0)


def instance_norm(input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None,
                  weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True,
                  momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """Statistics per channel of each sample over its places; with use_input_stats=False the running ones."""
    return _C._instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps, 1.0)


def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5) -> Tensor:
    """Statistics per group of channels of each sample."""
    return _C._group_norm(input, num_groups, weight, bias, eps)


def layer_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None,
               bias: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """Statistics over the last axes, whose sizes normalized_shape gives."""
    return _C._layer_norm(input, ints("layer_norm", "normalized_shape", (normalized_shape,)), weight, bias, eps)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: None = None) -> Tensor:
    """input / max(norm, eps), with the p-norm along an axis. Raises TypeError for `out`."""
    check_no_out("normalize", out)
    norm = _C._norm(input, p, [dim], True)
    return _C._div(input, _C._clamp(norm, eps, float("inf")))


def rms_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None,
             eps: float | None = None) -> Tensor:
    """input / sqrt(mean(input^2) + eps) * weight over the last axes; eps is the dtype's where not given."""
    shape = ints("rms_norm", "normalized_shape", (normalized_shape,))
    if not shape or list(input.shape[-len(shape):]) != shape:
        raise ShapeError(f"rms_norm: input must end in normalized_shape {shape}; got shape {list(input.shape)}")
    added = finfo(input.dtype).eps if eps is None else eps
    mean_square = (input * input).mean(list(range(-len(shape), 0)), keepdim=True)
    result = input * (mean_square + added).rsqrt()
    return result if weight is None else result * weight


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """input / (k + alpha * m)^beta, where m is the mean of the squares of `size` neighbouring channels, those outside
    being zeros (Krizhevsky et al., 2012). Raises ValueError below rank 3, and for a size below 1.
    """
    if size < 1:
        raise ShapeError(f"local_response_norm: size must be >= 1; got {size}")
    if input.ndim < 3:
        raise ShapeError(f"local_response_norm: input must have rank 3 or more; got shape {list(input.shape)}")
    squares = _C._pad((input * input).movedim(1, -1), [size // 2, (size - 1) // 2], _C._PadMode.constant, 0.0)
    return input / (squares.unfold(-1, size, 1).mean(-1).movedim(-1, 1) * alpha + k) ** beta


__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm"]
