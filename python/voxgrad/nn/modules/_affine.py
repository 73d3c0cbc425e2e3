"""The weight and bias of a normalisation."""
from __future__ import annotations

from typing import Any, Sequence

from .. import init
from ..parameter import Parameter
from .linear import _empty
from .module import Module


class _Affine(Module):
    """What follows the norm itself: * weight + bias, both learnt, or None."""

    weight: Parameter | None
    bias: Parameter | None

    def _make_affine(self, shape: Sequence[int], affine: bool, bias: bool, device: Any, dtype: Any) -> None:
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            made = Parameter(_empty(self._get_name(), shape, device, dtype)) if wanted else None
            self.register_parameter(name, made)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)
