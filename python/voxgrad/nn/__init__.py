"""Layers, containers, losses and initial values."""
from __future__ import annotations

from .parameter import Buffer, Parameter, UninitializedParameter
from . import functional, init
from .modules import *  # noqa: F403
from .modules import __all__ as _layers
from . import modules, parameter, utils

__all__ = [*_layers, "Buffer", "Parameter", "UninitializedParameter", "functional", "init", "modules",
           "parameter", "utils"]
