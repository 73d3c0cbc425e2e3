"""Channels of groups mixed."""
from __future__ import annotations

from ..._C import Tensor
from .. import functional as F
from .module import Module


class ChannelShuffle(Module):
    """(N, groups * C, sizes...) with channel c of group g as channel c * groups + g, after grouped convolutions
    (Zhang et al., https://arxiv.org/abs/1707.01083). Raises ValueError where groups do not divide the channels.
    """

    groups: int

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


__all__ = ["ChannelShuffle"]
