"""Windows of an image as columns, and back."""
from __future__ import annotations

from typing import Sequence

from ..._C import Tensor
from .. import functional as F
from .module import Module


class Fold(Module):
    """The sum of columns back into an image: the adjoint of Unfold.

    Shapes: (N, C * product of kernel_size, L), or without N, to (N, C, *output_size), L the number of windows:
    the product over both axes of floor((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1.
    """

    def __init__(self, output_size: int | Sequence[int], kernel_size: int | Sequence[int],
                 dilation: int | Sequence[int] = 1, padding: int | Sequence[int] = 0,
                 stride: int | Sequence[int] = 1) -> None:
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
                f"padding={self.padding}, stride={self.stride}")


class Unfold(Module):
    """The windows of an image as columns.

    Shapes: (N, C, H, W), or without N, to (N, C * product of kernel_size, L), L the number of windows:
    the product over both axes of floor((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1.
    """

    def __init__(self, kernel_size: int | Sequence[int], dilation: int | Sequence[int] = 1,
                 padding: int | Sequence[int] = 0, stride: int | Sequence[int] = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
                f"stride={self.stride}")


__all__ = ["Fold", "Unfold"]
