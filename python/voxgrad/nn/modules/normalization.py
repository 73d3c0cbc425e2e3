"""Normalisation over groups of channels and over the last axes."""
from __future__ import annotations

from typing import Any, Sequence

from ..._C import ShapeError, Tensor
from ..._support import ints
from .. import functional as F
from ._affine import _Affine
from .module import Module


class GroupNorm(_Affine):
    """Normalisation of groups of channels, sample by sample: (input - mean) / sqrt(variance + eps) * weight + bias.

    Mean and (biased) variance are those of a group of num_channels / num_groups channels of one sample (Wu and He,
    https://arxiv.org/abs/1803.08494). Shapes: input and output (N, num_channels, ...). Weight (ones at first) and bias
    (zeros) are per channel, None with `affine=False`.
    Raises ValueError where groups do not divide the channels.
    """

    num_groups: int
    num_channels: int
    eps: float
    affine: bool

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
                 dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__()
        name = self._get_name()
        if ints(name, "num_groups", num_groups)[0] < 1 or ints(name, "num_channels", num_channels)[0] % num_groups:
            raise ShapeError(f"{name}: num_groups must divide num_channels; got {num_groups} and {num_channels}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self._make_affine([num_channels], affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")


class LayerNorm(_Affine):
    """Normalisation over the last axes, whose sizes are `normalized_shape`:
    (input - mean) / sqrt(variance + eps) * weight + bias (Ba et al., https://arxiv.org/abs/1607.06450).

    Shapes: input and output (..., *normalized_shape); weight (ones at first) and bias (zeros) have normalized_shape,
    None with `elementwise_affine=False`, and without bias with `bias=False`.
    """

    normalized_shape: tuple[int, ...]
    eps: float
    elementwise_affine: bool

    def __init__(self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True,
                 bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        name = self._get_name()
        shape = ints(name, "normalized_shape", normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = tuple(shape), eps, elementwise_affine
        self._make_affine(shape, elementwise_affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
                f"bias={self.bias is not None}")


class RMSNorm(_Affine):
    """input / sqrt(mean(input^2) + eps) * weight over the last axes, whose sizes are `normalized_shape` (Zhang and
    Sennrich, https://arxiv.org/abs/1910.07467). eps is the dtype's where not given.

    Shapes: input and output (..., *normalized_shape); weight (ones at first) None with `elementwise_affine=False`.
    """

    def __init__(self, normalized_shape: int | Sequence[int], eps: float | None = None,
                 elementwise_affine: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        shape = ints(self._get_name(), "normalized_shape", normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = tuple(shape), eps, elementwise_affine
        self._make_affine(shape, elementwise_affine, False, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class LocalResponseNorm(Module):
    """input / (k + alpha * m)^beta, m being the mean of the squares of `size` neighbouring channels (Krizhevsky et al.,
    2012).

    Shapes: input and output (N, C, sizes...). Raises ValueError at the call below rank 3.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


__all__ = ["GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]
