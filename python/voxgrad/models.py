"""Whole networks, written in C++."""
from __future__ import annotations

from typing import Any, Callable, Sequence

from . import _C
from ._C import AutogradError, Tensor, dtype
from .nn.modules.module import Module


class NativeModule(Module):
    """A C++ module as a Python one: the same tensors under the same names, its forward in one call.

    Mixes freely with Python modules. Its parameters are changed in place, not replaced.
    """

    def __init__(self, native: Any) -> None:
        super().__init__()
        object.__setattr__(self, "_native", native)
        for name, tensor, is_parameter in native.tensors():
            # The tensor itself, not a Parameter over its memory: both sides hold one tensor.
            (self._parameters if is_parameter else self._buffers)[name] = tensor
        for name, child in native.children():
            self.add_module(name, NativeModule(child))

    def forward(self, input: Tensor) -> Tensor:
        return self._native.forward(input)

    def train(self, mode: bool = True) -> "NativeModule":
        self._native.train(mode)
        return super().train(mode)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "NativeModule":
        # Buffers too change within their tensors, which C++ holds.
        for buffer in self._buffers.values():
            if buffer is not None:
                buffer.data = fn(buffer)
        buffers, self._buffers = self._buffers, {}
        try:
            super()._apply(fn, recurse)
        finally:
            self._buffers = buffers
        return self

    def _get_name(self) -> str:
        return self._native.type_name()

    def extra_repr(self) -> str:
        return self._native.extra_repr()

    def __deepcopy__(self, memo: dict[int, Any]) -> "NativeModule":
        raise AutogradError("deepcopy: make a second network and load this one's state_dict into it")

    def __reduce__(self) -> Any:
        raise AutogradError("pickle: save the state_dict of a C++ network")


class _UNet(NativeModule):
    _rank = 3

    def __init__(self, in_channels: int = 1, out_channels: int = 2, channels: Sequence[int] = (8, 16, 32, 64),
                 convs_per_level: int = 2, kernel_size: Any = 3, norm: str = "instance",
                 activation: str = "leaky_relu", negative_slope: float = 0.01, dtype: dtype | None = None) -> None:
        super().__init__(_C._native_unet(self._rank, in_channels, out_channels, list(channels), convs_per_level,
                                         kernel_size, norm, activation, negative_slope, dtype))


class UNet1d(_UNet):
    """A U-Net of signals: see `UNet3d`."""

    _rank = 1


class UNet2d(_UNet):
    """A U-Net of images: see `UNet3d`."""

    _rank = 2


class UNet3d(_UNet):
    """A U-Net of volumes (Ronneberger et al., 2015; Cicek et al., 2016).

    channels:        per level, the finest first
    convs_per_level: convolution, norm and activation that many times
    norm:            'none', 'batch' or 'instance'; activation: 'relu' or 'leaky_relu'

    input (batch, in_channels, D, H, W), any sizes from 2^(levels - 1) on; returns logits
    (batch, out_channels, D, H, W).
    """

    _rank = 3


__all__ = ["NativeModule", "UNet1d", "UNet2d", "UNet3d"]
