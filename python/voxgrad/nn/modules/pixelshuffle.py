"""Elements between channels and pixels."""
from __future__ import annotations

from ..._C import Tensor
from .. import functional as F
from .module import Module


class PixelShuffle(Module):
    """(..., C * r^2, H, W) to (..., C, H * r, W * r), r = upscale_factor: channels become pixels.

    Raises RuntimeError at the call where r^2 does not divide the channels.
    """

    upscale_factor: int

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """(..., C, H * r, W * r) to (..., C * r^2, H, W), r = downscale_factor: what undoes PixelShuffle.

    Raises RuntimeError at the call where r does not divide the sizes.
    """

    downscale_factor: int

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


__all__ = ["PixelShuffle", "PixelUnshuffle"]
