"""Convolution, its transpose, and the affine map."""
from __future__ import annotations

from typing import Any, Sequence

from ... import _C
from ..._C import ShapeError, Tensor
from ..._support import DTypeError, ints

Numbers = Any  # an int, or one int per spatial axis


def _check_rank(op: str, input: Tensor, weight: Tensor, rank: int) -> None:
    for name, tensor in (("input", input), ("weight", weight)):
        if not isinstance(tensor, Tensor):
            raise DTypeError(f"{op}: {name} must be a Tensor; got {type(tensor).__name__}")
    if weight.ndim != rank + 2:
        raise ShapeError(f"{op}: weight must have rank {rank + 2}; got shape {list(weight.shape)}")
    if input.ndim not in (rank + 1, rank + 2):
        raise ShapeError(f"{op}: input must have rank {rank + 1} (unbatched) or {rank + 2}; got shape "
                         f"{list(input.shape)}")


def _conv(rank: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Numbers, padding: Any,
          dilation: Numbers, groups: int, padding_mode: str = "zeros") -> Tensor:
    _check_rank(f"conv{rank}d", input, weight, rank)
    if padding_mode not in ("zeros", "reflect", "replicate", "circular"):  # set as a layer's attribute
        raise ShapeError(f"conv{rank}d: padding_mode must be 'zeros', 'reflect', 'replicate' or 'circular'; got "
                         f"{padding_mode!r}")
    mode = getattr(_C._PadMode, "constant" if padding_mode == "zeros" else padding_mode)
    return _C._conv(input, weight, bias, stride, padding, dilation, ints(f"conv{rank}d", "groups", groups)[0], mode)


def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Numbers = 1, padding: Any = 0,
           dilation: Numbers = 1, groups: int = 1) -> Tensor:
    """Convolution of signals: see `conv3d`."""
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Numbers = 1, padding: Any = 0,
           dilation: Numbers = 1, groups: int = 1) -> Tensor:
    """Convolution of images: see `conv3d`."""
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Numbers = 1, padding: Any = 0,
           dilation: Numbers = 1, groups: int = 1) -> Tensor:
    """Convolution (as networks have it: cross-correlation) of volumes.

    input:   (batch, in_channels, D, H, W) or (in_channels, D, H, W)
    weight:  (out_channels, in_channels / groups, kD, kH, kW)
    bias:    (out_channels) or None
    padding: numbers, 'same' (the size stays; stride 1) or 'valid' (none)
    returns (batch, out_channels, D', H', W') in channels-last memory, with each size
        floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1

    Raises ShapeError (a ValueError and RuntimeError) when sizes do not fit, DTypeError for mixed dtypes.
    """
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


def _conv_transpose(rank: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Numbers, padding: Numbers,
                    output_padding: Numbers, groups: int, dilation: Numbers, output_size: list[int] | None = None,
                    like: Tensor | None = None) -> Tensor:
    _check_rank(f"conv_transpose{rank}d", input, weight, rank)
    group_count = ints(f"conv_transpose{rank}d", "groups", groups)[0]
    return _C._conv_transpose(input, weight, bias, stride, padding, output_padding, group_count, dilation, output_size,
                              like)


def conv_transpose1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Numbers = 1,
                     padding: Numbers = 0, output_padding: Numbers = 0, groups: int = 1,
                     dilation: Numbers = 1,
                     *, like: Tensor | None = None) -> Tensor:
    """Transposed convolution of signals: see `conv_transpose3d`."""
    return _conv_transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation,
                           like=like)


def conv_transpose2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Numbers = 1,
                     padding: Numbers = 0, output_padding: Numbers = 0, groups: int = 1,
                     dilation: Numbers = 1,
                     *, like: Tensor | None = None) -> Tensor:
    """Transposed convolution of images: see `conv_transpose3d`."""
    return _conv_transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation,
                           like=like)


def conv_transpose3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Numbers = 1,
                     padding: Numbers = 0, output_padding: Numbers = 0, groups: int = 1,
                     dilation: Numbers = 1,
                     *, like: Tensor | None = None) -> Tensor:
    """Transposed convolution of volumes: the adjoint of `conv3d` with the same weight array.

    input:   (batch, in_channels, D, H, W) or (in_channels, D, H, W)
    weight:  (in_channels, out_channels / groups, kD, kH, kW)
    bias:    (out_channels) or None
    padding: cut off on both sides of the full result; output_padding is added at the high end and must be below
             stride or dilation
    like:    a tensor whose sizes the result shall have, a skip connection: in place of output_padding, anything that
             some legal one reaches, (smallest, ..., smallest + max(stride, dilation) - 1)
    returns (batch, out_channels, D', H', W') in channels-last memory, with each size
        (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 + output_padding

    Note the order of arguments: dilation comes last here, and before groups in `conv3d`.
    """
    return _conv_transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation,
                           like=like)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias; input (..., in), weight (out, in), bias (out)."""
    return _C._linear(input, weight, bias)


__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear"]
