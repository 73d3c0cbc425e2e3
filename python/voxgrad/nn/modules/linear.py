"""Linear layers."""
from __future__ import annotations

import math
from typing import Any

from ... import _C
from ..._C import ShapeError, Tensor
from ..._support import as_device, as_dtype, ints
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .module import Module


def _empty(op: str, size: Any, device: Any, dtype: Any) -> Tensor:
    """Uninitialised memory; the default dtype and the CPU for None."""
    kind = _C.get_default_dtype() if dtype is None else as_dtype(op, dtype)
    return _C._empty(list(size), kind, as_device(device))


class Identity(Module):
    """Gives its input back. Takes any arguments and ignores them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """input @ weight.T + bias.

    Shapes:
        input: (..., in_features); output: (..., out_features).

    Attributes:
        weight: (out_features, in_features), initially uniform in +-1 / sqrt(in_features).
        bias: (out_features), drawn alike; None with `bias=False`.

    Raises ValueError for negative sizes; at the call RuntimeError where the last axis has another size.
    """

    in_features: int
    out_features: int
    weight: Parameter
    bias: Parameter | None

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__()
        name = self._get_name()
        if min(ints(name, "in_features", in_features) + ints(name, "out_features", out_features)) < 0:
            raise ShapeError(f"{name}: in_features and out_features must be >= 0; got {in_features}, {out_features}")
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(_empty(name, (out_features, in_features), device, dtype))
        self.register_parameter("bias", Parameter(_empty(name, (out_features,), device, dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws weight and bias anew."""
        if self.weight.numel() > 0:
            init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


__all__ = ["Identity", "Linear"]
