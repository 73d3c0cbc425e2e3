"""What surrounds training: data loading and handles on hooks."""
from __future__ import annotations

from . import data, hooks

__all__ = ["data", "hooks"]
