"""Resampling to other sizes."""
from __future__ import annotations

from typing import Sequence

from ..._C import Tensor
from .. import functional as F
from .module import Module


class Upsample(Module):
    """Resamples sequences, images or volumes to `size`, or by `scale_factor`; one of the two is given.

    Args:
        size: one int, or one per axis.
        scale_factor: one number, or one per axis; the size is floor(size * factor).
        mode: "nearest", "nearest-exact", "linear" (N, C, L), "bilinear" (N, C, H, W), "trilinear" (N, C, D, H, W), or
            "bicubic" and "area" where the function interpolate() offers them.
        align_corners: for the linear modes: the outermost elements of input and output coincide; otherwise the edges
            of the outermost elements do (None is False).
        recompute_scale_factor: take the factor from the rounded size.

    Raises ValueError at the call for other modes and ranks.
    """

    size: int | tuple[int, ...] | None
    scale_factor: float | tuple[float, ...] | None
    mode: str
    align_corners: bool | None

    def __init__(self, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None,
                 mode: str = "nearest", align_corners: bool | None = None,
                 recompute_scale_factor: bool | None = None) -> None:
        super().__init__()
        self.name = type(self).__name__
        self.size = tuple(size) if isinstance(size, (list, tuple)) else size  # type: ignore[assignment]
        if isinstance(scale_factor, (list, tuple)):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None  # type: ignore[arg-type]
        self.mode, self.align_corners = mode, align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners,
                             recompute_scale_factor=self.recompute_scale_factor)

    def extra_repr(self) -> str:
        what = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{what}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Upsample(mode="nearest") of images."""

    def __init__(self, size: int | Sequence[int] | None = None,
                 scale_factor: float | Sequence[float] | None = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Upsample(mode="bilinear", align_corners=True) of images."""

    def __init__(self, size: int | Sequence[int] | None = None,
                 scale_factor: float | Sequence[float] | None = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


__all__ = ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]
