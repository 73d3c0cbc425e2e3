"""Switches of products on NVIDIA's GPUs."""
from __future__ import annotations

from .. import _C


class _Matmul:
    """`matmul.allow_tf32`: whether products of float32, convolutions too, may round their factors to TF32.

    TF32 has 10 bits behind the point in place of 23. False at first. It is the same
    switch as `backends.cudnn.allow_tf32`.
    """

    @property
    def allow_tf32(self) -> bool:
        return _C._allow_tf32()

    @allow_tf32.setter
    def allow_tf32(self, on: bool) -> None:
        _C._set_allow_tf32(on)


matmul = _Matmul()


def is_built() -> bool:
    """Whether GPUs can be used."""
    return _C._device_count() > 0


__all__ = ["is_built", "matmul"]
