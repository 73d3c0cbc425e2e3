"""Convolution and transposed convolution of ranks 1 to 3."""
from __future__ import annotations

from typing import Any, Callable, ClassVar, Sequence

from ... import _C
from ..._C import ShapeError, Tensor
from ..._support import DTypeError, as_device, as_dtype, ints
from .. import functional as F
from ..parameter import Parameter
from .module import Module
from .utils import _ntuple, _reverse_repeat_tuple

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What convolutions share. Checks and initial values are those of the C++ layers."""

    _rank: ClassVar[int] = 0  # number of spatial axes; 0 takes that of kernel_size

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: str | tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int
    padding_mode: str
    weight: Parameter
    bias: Parameter | None

    def __init__(self, in_channels: int, out_channels: int, kernel_size: tuple[int, ...], stride: tuple[int, ...],
                 padding: str | tuple[int, ...], dilation: tuple[int, ...], transposed: bool,
                 output_padding: tuple[int, ...], groups: int, bias: bool, padding_mode: str, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__()
        if padding_mode not in _PADDING_MODES:
            raise ShapeError(f"{self._get_name()}: padding_mode must be one of {_PADDING_MODES}; got '{padding_mode}'")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation
        self.transposed, self.output_padding = transposed, output_padding
        self.groups, self.padding_mode = groups, padding_mode
        self._create(bias, device, dtype)
        self._reversed_padding_repeated_twice = self._pad_amounts()

    def _draw(self, bias: bool, dtype: Any) -> dict[str, Tensor]:
        """New tensors with initial values, after all options were checked."""
        rank = self._rank or len(self.kernel_size)
        padding: Any = self.padding if isinstance(self.padding, str) else list(self.padding)
        if self.transposed:
            return _C._conv_transpose_layer(
                rank, self.in_channels, self.out_channels, list(self.kernel_size), list(self.stride),
                padding, list(self.output_padding), self.groups, bias, list(self.dilation), dtype)
        return _C._conv_layer(rank, self.in_channels, self.out_channels, list(self.kernel_size), list(self.stride),
                              padding, list(self.dilation), self.groups, bias, dtype)

    def _create(self, bias: bool, device: Any, dtype: Any) -> None:
        kind = _C.get_default_dtype() if dtype is None else as_dtype(self._get_name(), dtype)
        # A subclass's own reset_parameters shall find the generator as it was.
        overridden = type(self).reset_parameters is not _ConvNd.reset_parameters
        state = _C.default_generator._state() if overridden else []
        members = self._draw(bool(bias), kind)
        for name in ("weight", "bias"):
            values = members.get(name)
            made = None if values is None else Parameter(_C._to_device(values.detach(), as_device(device)))
            self.register_parameter(name, made)
        if overridden:
            _C.default_generator._set_state(state)
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws weight and bias anew: uniform in +-1 / sqrt(weight.size(1) * taps)."""
        members = self._draw(self.bias is not None, self.weight.dtype)
        self.weight.data.copy_(members["weight"].detach())
        if self.bias is not None:
            self.bias.data.copy_(members["bias"].detach())

    def _pad_amounts(self) -> list[int]:
        """The padding in F.pad's order."""
        if not isinstance(self.padding, str):
            return list(_reverse_repeat_tuple(self.padding, 2))
        amounts: list[int] = []
        for size, gap in zip(reversed(self.kernel_size), reversed(self.dilation)):
            total = gap * (size - 1) if self.padding == "same" else 0
            amounts += [total // 2, total - total // 2]
        return amounts

    def extra_repr(self) -> str:
        rank = len(self.kernel_size)
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * rank:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * rank:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * rank:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        run: Callable[..., Tensor] = getattr(F, f"conv{len(self.kernel_size)}d")
        if self.padding_mode == "zeros":
            return run(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)
        padded = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        return run(padded, weight, bias, self.stride, 0, self.dilation, self.groups)

    def _set_up(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
                output_padding: Any, groups: int, bias: bool, padding_mode: str, device: Any, dtype: Any) -> None:
        """__init__ with numbers made tuples and their types checked."""
        name, spread = self._get_name(), _ntuple(self._rank)

        def sizes(option: str, value: Any) -> tuple[int, ...]:
            return tuple(ints(name, option, spread(value)))

        for option, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            ints(name, option, value)
        _ConvNd.__init__(
            self, in_channels, out_channels, sizes("kernel_size", kernel_size), sizes("stride", stride),
            padding if isinstance(padding, str) else sizes("padding", padding), sizes("dilation", dilation),
            self._is_transposed, sizes("output_padding", output_padding), groups, bias, padding_mode, device, dtype)

    _is_transposed: ClassVar[bool] = False


class _PlainConv(_ConvNd):
    """The constructor and call of Conv1d, Conv2d and Conv3d."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int | Sequence[int],
                 stride: int | Sequence[int] = 1, padding: int | Sequence[int] | str = 0,
                 dilation: int | Sequence[int] = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros",
                 device: Any = None, dtype: Any = None) -> None:
        self._set_up(in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode,
                     device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)


_CONV = """{rank}-D convolution (cross-correlation) of a batch with learnt kernels.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size, stride, padding, dilation: one int, or one per axis ({axes}). padding is put on both sides of an
            axis, or is "valid" (none) or "same" (output as large as the input; stride 1 only, the odd element behind).
        groups: the channels form that many groups, each convolved on its own; must divide both channel counts.
        bias: adds a learnt number per output channel.
        padding_mode: what is padded: "zeros", "reflect", "replicate" or "circular".

    Shapes:
        input: (N, in_channels, {axes}), or without N.
        output: (N, out_channels, {outs}), each size
            floor((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1.

    Attributes:
        weight: (out_channels, in_channels / groups, {kernel}), initially uniform in +-sqrt(k) with
            k = groups / (in_channels * product of kernel_size).
        bias: (out_channels), drawn alike; None without.

    Raises ValueError for options out of range, groups that do not divide the channels, and "same" with a stride;
    TypeError for options that are not integers; at the call RuntimeError for other channels, rank or dtype.
    """

_CONV_TRANSPOSE = """{rank}-D transposed convolution: the adjoint of Conv{rank}d with the same weight, which enlarges.

    Note the order of arguments: dilation comes after groups and bias.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size, stride, dilation: one int, or one per axis ({axes}).
        padding: elements cut off both sides of the full result, one int or one per axis. A Conv{rank}d with equal
            padding gives back the input's size.
        output_padding: added to one side of the output's size, where stride > 1 leaves several sizes possible; must be
            smaller than stride or dilation. It adds no zeros to the output.
        groups: the channels form that many groups; must divide both channel counts.
        bias: adds a learnt number per output channel.
        padding_mode: "zeros" alone.

    Shapes:
        input: (N, in_channels, {axes}), or without N.
        output: (N, out_channels, {outs}), each size
            (size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1.

    Attributes:
        weight: (in_channels, out_channels / groups, {kernel}), initially uniform in +-sqrt(k) with
            k = groups / (out_channels * product of kernel_size).
        bias: (out_channels), drawn alike; None without.

    `layer(x, output_size=skip.shape[2:])` chooses the size within reach, [smallest, smallest + stride - 1] per axis, in
    place of output_padding. Raises ValueError for a size out of reach, options out of range and groups that do not
    divide the channels; TypeError for options that are not integers; at the call RuntimeError for other channels, rank
    or dtype.
    """

_AXES = {1: ("L", "L_out", "k"), 2: ("H, W", "H_out, W_out", "kh, kw"),
         3: ("D, H, W", "D_out, H_out, W_out", "kd, kh, kw")}


def _document(text: str) -> Any:
    def add(layer: Any) -> Any:
        axes, outs, kernel = _AXES[layer._rank]
        layer.__doc__ = text.format(rank=layer._rank, axes=axes, outs=outs, kernel=kernel)
        return layer

    return add


@_document(_CONV)
class Conv1d(_PlainConv):
    _rank = 1


@_document(_CONV)
class Conv2d(_PlainConv):
    _rank = 2


@_document(_CONV)
class Conv3d(_PlainConv):
    _rank = 3


class _ConvTransposeNd(_ConvNd):
    """The constructor and call of ConvTranspose1d, ConvTranspose2d and ConvTranspose3d."""

    _is_transposed = True

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int | Sequence[int],
                 stride: int | Sequence[int] = 1, padding: int | Sequence[int] = 0,
                 output_padding: int | Sequence[int] = 0, groups: int = 1, bias: bool = True,
                 dilation: int | Sequence[int] = 1, padding_mode: str = "zeros", device: Any = None,
                 dtype: Any = None) -> None:
        name = type(self).__name__
        if padding_mode != "zeros":
            raise ShapeError(f"{name}: padding_mode must be 'zeros'; got '{padding_mode}'")
        if isinstance(padding, str):
            raise DTypeError(f"{name}: padding must be integers; got '{padding}'")
        self._set_up(in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
                     padding_mode, device, dtype)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        extra = self._output_padding(input, output_size, self.stride, self.padding, self.kernel_size, self._rank,
                                     self.dilation)
        run: Callable[..., Tensor] = getattr(F, f"conv_transpose{self._rank}d")
        return run(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _output_padding(self, input: Tensor, output_size: Sequence[int] | None, stride: Sequence[int],
                        padding: Any, kernel_size: Sequence[int], num_spatial_dims: int,
                        dilation: Sequence[int] | None = None) -> tuple[int, ...]:
        """The output_padding that gives `output_size`; the layer's own when that is None."""
        if output_size is None:
            return self.output_padding
        name, rank = self._get_name(), num_spatial_dims
        wanted = ints(name, "output_size", list(output_size))
        leading = input.ndim - rank
        if len(wanted) not in (rank, rank + leading):
            raise ShapeError(f"{name}: output_size must have {rank} or {rank + leading} values for an input of rank "
                             f"{input.ndim}; got {len(wanted)}")
        wanted = wanted[len(wanted) - rank:]
        gaps = [1] * rank if dilation is None else dilation
        least = [(size - 1) * s - 2 * p + d * (k - 1) + 1 for size, s, p, d, k in
                 zip(input.shape[leading:], stride, padding, gaps, kernel_size)]
        most = [size + s - 1 for size, s in zip(least, stride)]
        if any(not low <= size <= high for low, size, high in zip(least, wanted, most)):
            raise ShapeError(f"{name}: output_size must lie between {least} and {most} for an input of shape "
                             f"{list(input.shape)}; got {wanted}")
        return tuple(size - low for size, low in zip(wanted, least))


@_document(_CONV_TRANSPOSE)
class ConvTranspose1d(_ConvTransposeNd):
    _rank = 1


@_document(_CONV_TRANSPOSE)
class ConvTranspose2d(_ConvTransposeNd):
    _rank = 2


@_document(_CONV_TRANSPOSE)
class ConvTranspose3d(_ConvTransposeNd):
    _rank = 3


__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]
