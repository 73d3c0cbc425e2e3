"""Pooling."""
from __future__ import annotations

from typing import Any, Callable, ClassVar, Sequence

from ..._C import Tensor
from .. import functional as F
from .module import Module
from .utils import _ntuple, _single


class _MaxPoolNd(Module):
    """The constructor and call of MaxPool1d, MaxPool2d and MaxPool3d."""

    _rank: ClassVar[int] = 0

    def __init__(self, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
                 padding: int | Sequence[int] = 0, dilation: int | Sequence[int] = 1, return_indices: bool = False,
                 ceil_mode: bool = False) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        pool = getattr(F, f"max_pool{self._rank}d")
        return pool(input, self.kernel_size, self.stride, self.padding, self.dilation, ceil_mode=self.ceil_mode,
                    return_indices=self.return_indices)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")


_MAX_POOL = """The largest element of each window. NaN wins.

    Args:
        kernel_size: size of the window, one int or one per axis ({axes}).
        stride: step of the window; the kernel size by default.
        padding: of minus infinity on both sides, at most half the kernel.
        dilation: step within the window.
        return_indices: also give the place of each largest element in its flattened channel.
        ceil_mode: round the size up, so that windows may reach over the end.

    Shapes: (N, C, {axes}), or without N, to sizes
    floor((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1.
    Raises RuntimeError at the call for options out of range and other ranks.
    """


class MaxPool1d(_MaxPoolNd):
    __doc__ = _MAX_POOL.format(axes="L")
    _rank = 1


class MaxPool2d(_MaxPoolNd):
    __doc__ = _MAX_POOL.format(axes="H, W")
    _rank = 2


class MaxPool3d(_MaxPoolNd):
    __doc__ = _MAX_POOL.format(axes="D, H, W")
    _rank = 3


_AVG_POOL = """The mean of each window.

    Args:
        kernel_size: size of the window, one int or one per axis ({axes}).
        stride: step of the window; the kernel size by default.
        padding: zeros on both sides, at most half the kernel.
        ceil_mode: round the size up, so that windows may reach over the end.
        count_include_pad: padded zeros count as elements.{divisor}

    Shapes: (N, C, {axes}), or without N, to sizes floor((size + 2 * padding - kernel_size) / stride) + 1.
    Raises RuntimeError at the call for options out of range and other ranks.
    """


class _AvgPoolNd(Module):
    """What AvgPool1d, AvgPool2d and AvgPool3d share."""

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPoolNd):
    __doc__ = _AVG_POOL.format(axes="L", divisor="")

    def __init__(self, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
                 padding: int | Sequence[int] = 0, ceil_mode: bool = False, count_include_pad: bool = True) -> None:
        super().__init__()
        self.kernel_size = _single(kernel_size)
        self.stride = _single(kernel_size if stride is None else stride)
        self.padding = _single(padding)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                            self.count_include_pad)


class _AvgPoolWithDivisor(_AvgPoolNd):
    """The constructor and call of AvgPool2d and AvgPool3d."""

    _rank: ClassVar[int] = 0

    def __init__(self, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
                 padding: int | Sequence[int] = 0, ceil_mode: bool = False, count_include_pad: bool = True,
                 divisor_override: int | None = None) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        pool: Callable[..., Tensor] = getattr(F, f"avg_pool{self._rank}d")
        return pool(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
                    self.divisor_override)


_DIVISOR = "\n        divisor_override: divide by this number in place of the number of elements."


class AvgPool2d(_AvgPoolWithDivisor):
    __doc__ = _AVG_POOL.format(axes="H, W", divisor=_DIVISOR)
    _rank = 2


class AvgPool3d(_AvgPoolWithDivisor):
    __doc__ = _AVG_POOL.format(axes="D, H, W", divisor=_DIVISOR)
    _rank = 3


class _AdaptiveAvgPoolNd(Module):
    """The constructor and call of AdaptiveAvgPool1d, AdaptiveAvgPool2d and AdaptiveAvgPool3d."""

    _rank: ClassVar[int] = 0

    def __init__(self, output_size: int | None | Sequence[int | None]) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        pool: Callable[..., Tensor] = getattr(F, f"adaptive_avg_pool{self._rank}d")
        return pool(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveMaxPoolNd(Module):
    """The constructor and call of AdaptiveMaxPool1d, AdaptiveMaxPool2d and AdaptiveMaxPool3d."""

    _rank: ClassVar[int] = 0

    def __init__(self, output_size: int | None | Sequence[int | None], return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input: Tensor) -> Any:
        return getattr(F, f"adaptive_max_pool{self._rank}d")(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


_ADAPTIVE = """The {what} of windows that make the output as large as asked.

    Window i of an axis with n elements goes from floor(i * n / output_size) to ceil((i + 1) * n / output_size).

    output_size: one int, or one per axis ({axes}); None keeps an axis' size.
    Shapes: (N, C, {axes}), or without N, to (N, C, *output_size).
    """


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    __doc__ = _ADAPTIVE.format(what="mean", axes="L")
    _rank = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    __doc__ = _ADAPTIVE.format(what="mean", axes="H, W")
    _rank = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    __doc__ = _ADAPTIVE.format(what="mean", axes="D, H, W")
    _rank = 3


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    __doc__ = _ADAPTIVE.format(what="largest element", axes="L")
    _rank = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    __doc__ = _ADAPTIVE.format(what="largest element", axes="H, W")
    _rank = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    __doc__ = _ADAPTIVE.format(what="largest element", axes="D, H, W")
    _rank = 3


class _LPPoolNd(Module):
    """The constructor and call of LPPool1d, LPPool2d and LPPool3d."""

    _rank: ClassVar[int] = 0

    def __init__(self, norm_type: float, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
                 ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        pool: Callable[..., Tensor] = getattr(F, f"lp_pool{self._rank}d")
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"ceil_mode={self.ceil_mode}")


_LP_POOL = """sum(x^p)^(1 / p) of each window, p = norm_type. Shapes: (N, C, {axes}), or without N, to sizes
    floor((size - kernel_size) / stride) + 1; the stride is the kernel size by default.
    """


class LPPool1d(_LPPoolNd):
    __doc__ = _LP_POOL.format(axes="L")
    _rank = 1


class LPPool2d(_LPPoolNd):
    __doc__ = _LP_POOL.format(axes="H, W")
    _rank = 2


class LPPool3d(_LPPoolNd):
    __doc__ = _LP_POOL.format(axes="D, H, W")
    _rank = 3



class _MaxUnpoolNd(Module):
    """The constructor and call of MaxUnpool1d, MaxUnpool2d and MaxUnpool3d."""

    _rank: ClassVar[int] = 0

    def __init__(self, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
                 padding: int | Sequence[int] = 0) -> None:
        super().__init__()
        parse = _ntuple(self._rank)
        self.kernel_size, self.padding = parse(kernel_size), parse(padding)
        self.stride = self.kernel_size if stride is None else parse(stride)

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        unpool: Callable[..., Tensor] = getattr(F, f"max_unpool{self._rank}d")
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


_MAX_UNPOOL = """Puts the elements back to where MaxPool took them from, among zeros: called with (input, indices), the
    indices being what MaxPool gives with return_indices=True, and output_size where several sizes pool to the input's.

    Shapes: (N, C, {axes}), or without N, to sizes (size - 1) * stride - 2 * padding + kernel_size.
    Raises RuntimeError at the call for other sizes and indices.
    """


class MaxUnpool1d(_MaxUnpoolNd):
    __doc__ = _MAX_UNPOOL.format(axes="L")
    _rank = 1


class MaxUnpool2d(_MaxUnpoolNd):
    __doc__ = _MAX_UNPOOL.format(axes="H, W")
    _rank = 2


class MaxUnpool3d(_MaxUnpoolNd):
    __doc__ = _MAX_UNPOOL.format(axes="D, H, W")
    _rank = 3


__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d",
    "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d",
]
