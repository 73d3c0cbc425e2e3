"""Padding, resampling, pixel shuffles and windows."""
from __future__ import annotations

from typing import Any, Sequence

from ... import _C
from ..._C import ShapeError, Tensor
from ..._support import check_fits, ints

_LINEAR_RANK = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Widens the last axes: pairs (before, after), the last axis first; negative amounts crop.

    mode: 'constant' (value, 0 where not given), 'reflect' (amounts below the size), 'replicate' or 'circular' (at
    most the size).
    """
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise ShapeError(f"pad: mode must be constant, reflect, replicate or circular; got {mode!r}")
    if mode != "constant" and value:
        raise ShapeError(f"pad: mode {mode!r} takes no value; got {value}")
    amounts = ints("pad", "pad", pad)
    if value is not None and input.dtype._name in ("uint8", "int32", "int64"):
        check_fits("pad", value, value, input.dtype)
    return _padded(input, amounts, mode, 0.0 if value is None else value)


def _padded(input: Tensor, amounts: list[int], mode: str, value: float) -> Tensor:
    if mode == "constant" or min(amounts, default=0) >= 0:
        return _C._pad(input, amounts, getattr(_C._PadMode, mode), value)
    steps = [([max(amount, 0) for amount in amounts], mode), ([min(amount, 0) for amount in amounts], "constant")]
    for part, how in reversed(steps) if mode == "circular" else steps:  # circular goes around what is left
        input = _padded(input, part, how, value)
    return input


def _per_axis(values: Any, rank: int) -> Any:
    return values if isinstance(values, (list, tuple)) else [values] * rank


def interpolate(input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
                antialias: bool = False) -> Tensor:
    """input (batch, channels, size...) at other sizes.

    size:         of the result, or scale_factor: how many times larger (numbers, or one per axis)
    mode:         nearest, nearest-exact, linear (3-D), bilinear, bicubic (4-D), trilinear (5-D) or area
    align_corners: for the linear modes and bicubic: results spread from the first to the last element
    """
    rank = input.ndim - 2
    if antialias:
        raise ShapeError("interpolate: antialias is not supported")
    if mode in _LINEAR_RANK and _LINEAR_RANK[mode] != rank:
        raise ShapeError(f"interpolate: mode {mode} needs input of rank {_LINEAR_RANK[mode] + 2}; got shape "
                         f"{list(input.shape)}")
    if align_corners is not None and mode not in _LINEAR_RANK:
        raise ShapeError(f"interpolate: align_corners is for linear, bilinear, bicubic and trilinear; got mode {mode}")
    if (size is None) == (scale_factor is None):
        raise ShapeError("interpolate: needs size or scale_factor, not both")
    kernel = "linear" if mode in ("bilinear", "trilinear") else mode
    sizes = None if size is None else ints("interpolate", "size", _per_axis(size, rank))
    scales = [] if scale_factor is None else [float(s) for s in _per_axis(scale_factor, rank)]
    return _C._interpolate(input, sizes, scales, kernel, align_corners, bool(recompute_scale_factor))


def upsample(input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
             align_corners: bool | None = None) -> Tensor:
    """interpolate."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate(mode='nearest')."""
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate(mode='bilinear', align_corners=True)."""
    return interpolate(input, size, scale_factor, "bilinear", True)


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(*, channels * factor^2, H, W) as (*, channels, H * factor, W * factor)."""
    return _C._pixel_shuffle(input, upscale_factor, 2)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """The inverse of pixel_shuffle."""
    return _C._pixel_unshuffle(input, downscale_factor, 2)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channel c of group g as channel c * groups + g. Raises ValueError where groups do not divide the channels."""
    if input.ndim < 3 or groups < 1 or input.shape[1] % groups != 0:
        raise ShapeError(f"channel_shuffle: groups must divide the channels of rank 3 or more; got {groups} and shape "
                         f"{list(input.shape)}")
    batch, channels, *sizes = input.shape
    parted = input.reshape(batch, groups, channels // groups, *sizes)
    return parted.transpose(1, 2).reshape(batch, channels, *sizes)


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:
    """Rows of weight (numbers, size) by the numbers in input; that of padding_idx gets no gradient.

    Raises RuntimeError for the other options, which are not supported, IndexError for numbers out of range.
    """
    if max_norm is not None or scale_grad_by_freq or sparse:
        raise ShapeError("embedding: max_norm, scale_grad_by_freq and sparse are not supported")
    if input.dtype not in (_C.int64, _C.int32) or weight.ndim != 2:
        raise ShapeError(f"embedding: needs int64 or int32 and a matrix; got {input.dtype._name} and weight of shape "
                         f"{list(weight.shape)}")
    count = weight.shape[0]
    if padding_idx is not None and not -count <= padding_idx < count:
        raise ShapeError(f"embedding: padding_idx must be in [{-count}, {count - 1}]; got {padding_idx}")
    if input.numel() > 0 and not (input.min().item() >= 0 and input.max().item() < count):
        raise _C.OutOfRangeError(f"embedding: numbers must be in [0, {count - 1}]; got {input.min().item()} to "
                                 f"{input.max().item()}")
    rows = weight.index_select(0, input.reshape(-1).long()).reshape(*input.shape, weight.shape[1])
    if padding_idx is None:
        return rows
    return rows.detach().where((input == padding_idx % count).unsqueeze(-1), rows)


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Every window of (batch, channels, H, W) as a column: (batch, channels * kernel, windows)."""
    return _C._im2col(input, kernel_size, dilation, padding, stride)


def fold(input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
         stride: Any = 1) -> Tensor:
    """The adjoint of unfold: windows summed where they overlap."""
    sizes = ints("fold", "output_size", _per_axis(output_size, 2))
    return _C._col2im(input, sizes, kernel_size, dilation, padding, stride)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Labels (...) as (..., num_classes) of 0 and 1, int64; -1 takes the largest label plus one."""
    if num_classes == -1:
        num_classes = int(_C._max(tensor).item()) + 1
    return _C._one_hot(tensor, num_classes)


__all__ = ["channel_shuffle", "embedding", "fold", "interpolate", "one_hot", "pad", "pixel_shuffle",
           "pixel_unshuffle", "unfold", "upsample",
           "upsample_bilinear", "upsample_nearest"]
