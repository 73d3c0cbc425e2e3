"""Instance normalisation."""
from __future__ import annotations

import warnings
from typing import Any, ClassVar

from ... import _C
from ..._C import ShapeError, Tensor
from .batchnorm import _NormBase


class _InstanceNorm(_NormBase):
    """The call of InstanceNorm1d, InstanceNorm2d and InstanceNorm3d."""

    _rank: ClassVar[int] = 0  # number of spatial axes

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
                 track_running_stats: bool = False, device: Any = None, dtype: Any = None, *,
                 bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _get_no_batch_dim(self) -> int:
        return self._rank + 1

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in (self._rank + 1, self._rank + 2):
            raise ShapeError(f"{self._get_name()}: input must have {self._rank + 2} axes, or {self._rank + 1} without "
                             f"a batch; got shape {list(input.shape)}")

    def _check_channels(self, channels: int) -> None:
        if channels == self.num_features:
            return
        text = f"{self._get_name()}: input must have num_features = {self.num_features} channels; got {channels}"
        if self.affine:
            raise ShapeError(text)
        warnings.warn(f"{text}; without affine=True they need not agree", stacklevel=3)

    def forward(self, input: Tensor) -> Tensor:
        return self._rectified(input, 1.0)

    def _rectified(self, input: Tensor, negative_slope: float) -> Tensor:
        """The layer, then leaky_relu of that slope."""
        self._check_input_dim(input)
        unbatched = input.ndim == self._get_no_batch_dim()
        self._check_channels(input.shape[0 if unbatched else 1])
        batch = input.unsqueeze(0) if unbatched else input
        # Subclasses know the method with one argument.
        slope = () if negative_slope == 1 else (negative_slope,)
        result = self._apply_instance_norm(batch, *slope)
        return result.squeeze(0) if unbatched else result

    def _apply_instance_norm(self, input: Tensor, negative_slope: float = 1.0) -> Tensor:
        factor = 0.0 if self.momentum is None else self.momentum
        return _C._instance_norm(input, self.running_mean, self.running_var, self.weight, self.bias,
                                 self.training or not self.track_running_stats, factor, self.eps, negative_slope)


_INSTANCE_NORM = """Instance normalisation of {what}: each channel of each sample by its own mean and variance,
    (input - mean) / sqrt(variance + eps) * weight + bias (Ulyanov et al., https://arxiv.org/abs/1607.08022).

    Args:
        num_features: number of channels C.
        eps: added to the (biased) variance.
        momentum: of the running statistics.
        affine: learn weight (ones at first) and bias (zeros); off by default.
        track_running_stats: keep running statistics and use them after eval(); off by default.

    Shapes: input and output {shape}, or without N. Raises ValueError for other ranks, other channels where affine, and
    one element per channel.
    """


class InstanceNorm1d(_InstanceNorm):
    __doc__ = _INSTANCE_NORM.format(what="sequences", shape="(N, C, L)")
    _rank = 1


class InstanceNorm2d(_InstanceNorm):
    __doc__ = _INSTANCE_NORM.format(what="images", shape="(N, C, H, W)")
    _rank = 2


class InstanceNorm3d(_InstanceNorm):
    __doc__ = _INSTANCE_NORM.format(what="volumes", shape="(N, C, D, H, W)")
    _rank = 3


__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]
