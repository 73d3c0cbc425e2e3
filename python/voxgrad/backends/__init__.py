"""Switches of what computes, kept for scripts that set them."""
from __future__ import annotations

from . import cudnn, mps

__all__ = ["cudnn", "mps"]
