"""Convolution and transposed convolution of ranks 1 to 3."""
from __future__ import annotations

from typing import Any, ClassVar, Sequence

from ... import _C
from ..._C import ShapeError, Tensor
from ..._support import DTypeError, as_device, as_dtype, ints
from .._functional.convolution import _conv, _conv_transpose
from ..parameter import Parameter, UninitializedParameter, is_lazy
from .lazy import LazyModuleMixin
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

    def _draw(self, bias: bool, dtype: Any, only_check: bool = False) -> dict[str, Tensor]:
        """New tensors with initial values, after all options were checked."""
        rank = self._rank or len(self.kernel_size)
        padding: Any = self.padding if isinstance(self.padding, str) else list(self.padding)
        if self.transposed:
            return _C._conv_transpose_layer(
                rank, self.in_channels, self.out_channels, list(self.kernel_size), list(self.stride),
                padding, list(self.output_padding), self.groups, bias, list(self.dilation), dtype, self._get_name(),
                not only_check)
        return _C._conv_layer(rank, self.in_channels, self.out_channels, list(self.kernel_size), list(self.stride),
                              padding, list(self.dilation), self.groups, bias, dtype, self._get_name(), not only_check)

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
        return _conv(len(self.kernel_size), input, weight, bias, self.stride, self.padding, self.dilation, self.groups,
                     self.padding_mode)

    def _set_up(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
                output_padding: Any, groups: int, bias: bool, padding_mode: str, device: Any, dtype: Any) -> None:
        """__init__ with numbers made tuples and their types checked."""
        name, spread = self._get_name(), _ntuple(self._rank)

        def sizes(option: str, value: Any) -> tuple[int, ...]:
            each = ints(name, option, spread(value))
            if len(each) == 1 and option != "kernel_size":  # one value in a sequence: PyTorch takes it for all axes
                each *= self._rank
            if len(each) != self._rank:
                raise ShapeError(f"{name}: {option} must be one integer, or one for each of {self._rank} axes; got "
                                 f"{value}")
            return tuple(each)

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
    place of output_padding. `layer(x, like=skip)` takes the skip connection itself and reaches all that some legal
    output_padding does, [smallest, smallest + max(stride, dilation) - 1]; elsewhere the error names a kernel and a
    stride that would. Raises ValueError for a size out of reach, options out of range and groups that do not divide the
    channels; TypeError for options that are not integers; at the call RuntimeError for other channels, rank or dtype.
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

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None, *,
                like: Tensor | None = None) -> Tensor:
        size = None if output_size is None else ints(self._get_name(), "output_size", list(output_size))
        return _conv_transpose(self._rank, input, self.weight, self.bias, self.stride, self.padding,
                               self.output_padding, self.groups, self.dilation, size, like)

    def _output_padding(self, input: Tensor, output_size: Sequence[int] | None, stride: Any, padding: Any,
                        kernel_size: Any, num_spatial_dims: int, dilation: Any = None) -> list[int]:
        """The output_padding that gives output_size: what PyTorch has for subclasses with a forward of their own."""
        if output_size is None:
            return list(self.output_padding)
        rank, wanted = num_spatial_dims, ints(self._get_name(), "output_size", list(output_size))
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in
                 zip(input.shape[input.ndim - rank:], stride, padding, dilation or [1] * rank, kernel_size)]
        extra = [size - low for size, low in zip(wanted[-rank:], least)]
        if len(wanted) not in (rank, input.ndim) or any(not 0 <= e < s for e, s in zip(extra, stride)):
            raise ShapeError(f"{self._get_name()}: output_size must be {least} or above by less than the stride "
                             f"{list(stride)} for an input of shape {list(input.shape)}; got {wanted}")
        return extra


@_document(_CONV_TRANSPOSE)
class ConvTranspose1d(_ConvTransposeNd):
    _rank = 1


@_document(_CONV_TRANSPOSE)
class ConvTranspose2d(_ConvTransposeNd):
    _rank = 2


@_document(_CONV_TRANSPOSE)
class ConvTranspose3d(_ConvTransposeNd):
    _rank = 3


class _LazyConv(LazyModuleMixin, _ConvNd):
    """What the lazy convolutions share."""

    def _create(self, bias: bool, device: Any, dtype: Any) -> None:
        kind = _C.get_default_dtype() if dtype is None else as_dtype(self._get_name(), dtype)
        self._draw(bool(bias), kind, only_check=True)
        self.weight = UninitializedParameter(device=device, dtype=kind)
        self.register_parameter("bias", UninitializedParameter(device=device, dtype=kind) if bias else None)

    def reset_parameters(self) -> None:
        """Draws weight and bias anew, if the first input was there."""
        if not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *_args: Any, **_kwargs: Any) -> None:
        """Takes in_channels from the input, and draws the values that are missing."""
        name, rank = self._get_name(), self._rank
        if input.ndim not in (rank + 1, rank + 2):
            raise ShapeError(f"{name}: input must have rank {rank + 1} (unbatched) or {rank + 2}; got shape "
                             f"{list(input.shape)}")
        channels = int(input.shape[input.ndim - rank - 1])
        if channels < 1 or channels % self.groups != 0:
            raise ShapeError(f"{name}: groups must divide the input's channels; got {self.groups} groups for "
                             f"{channels}")
        if not is_lazy(self.weight):  # it was loaded
            channels = self.weight.shape[0] if self.transposed else self.weight.shape[1] * self.groups
        self.in_channels = channels
        loaded = [m for m in (self.weight, self.bias) if m is not None and not is_lazy(m)]
        kept = [m.detach().clone() for m in loaded]
        outer, inner = (channels, self.out_channels) if self.transposed else (self.out_channels, channels)
        for member, shape in ((self.weight, (outer, inner // self.groups, *self.kernel_size)),
                              (self.bias, (self.out_channels,))):
            if isinstance(member, UninitializedParameter):
                member.materialize(shape)
        if len(loaded) < 1 + (self.bias is not None):
            self.reset_parameters()
        for member, values in zip(loaded, kept):
            member.data.copy_(values)


class _LazyPlainConv(_LazyConv, _PlainConv):
    """The constructor of LazyConv1d, LazyConv2d and LazyConv3d."""

    def __init__(self, out_channels: int, kernel_size: int | Sequence[int], stride: int | Sequence[int] = 1,
                 padding: int | Sequence[int] | str = 0, dilation: int | Sequence[int] = 1, groups: int = 1,
                 bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device,
                         dtype)


class _LazyConvTransposeNd(_LazyConv, _ConvTransposeNd):
    """The constructor of LazyConvTranspose1d, LazyConvTranspose2d and LazyConvTranspose3d."""

    def __init__(self, out_channels: int, kernel_size: int | Sequence[int], stride: int | Sequence[int] = 1,
                 padding: int | Sequence[int] = 0, output_padding: int | Sequence[int] = 0, groups: int = 1,
                 bias: bool = True, dilation: int | Sequence[int] = 1, padding_mode: str = "zeros",
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation,
                         padding_mode, device, dtype)


_LAZY = """{name} that takes `in_channels` from its first input and is a {name} from then on.

    Arguments are those of {name} without in_channels. Until then weight and bias are UninitializedParameters: run the
    network once before its parameters go to an optimizer. Values are drawn at the first input, or loaded.

    Raises as {name} does; at the first call ValueError where groups do not divide the input's channels.
    """


def _lazy(layer: Any) -> Any:
    layer.__doc__ = _LAZY.format(name=layer.cls_to_become.__name__)
    return layer


@_lazy
class LazyConv1d(_LazyPlainConv, Conv1d):
    cls_to_become = Conv1d


@_lazy
class LazyConv2d(_LazyPlainConv, Conv2d):
    cls_to_become = Conv2d


@_lazy
class LazyConv3d(_LazyPlainConv, Conv3d):
    cls_to_become = Conv3d


@_lazy
class LazyConvTranspose1d(_LazyConvTransposeNd, ConvTranspose1d):
    cls_to_become = ConvTranspose1d


@_lazy
class LazyConvTranspose2d(_LazyConvTransposeNd, ConvTranspose2d):
    cls_to_become = ConvTranspose2d


@_lazy
class LazyConvTranspose3d(_LazyConvTransposeNd, ConvTranspose3d):
    cls_to_become = ConvTranspose3d


__all__ = [
    "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "LazyConv1d", "LazyConv2d",
    "LazyConv3d", "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d",
]
