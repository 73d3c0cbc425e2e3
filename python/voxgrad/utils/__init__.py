"""What surrounds training: data loading, checkpoints of activations, and handles on hooks."""
from __future__ import annotations

from . import checkpoint, data, hooks

__all__ = ["checkpoint", "data", "hooks"]
