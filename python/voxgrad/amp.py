"""Mixed precision, for scripts that ask for it. There is none: everything is computed as without, in float32."""
from __future__ import annotations

import warnings
from typing import Any, Callable, TypeVar

from ._C import Tensor, dtype

F = TypeVar("F", bound=Callable[..., Any])


def _warn(what: str) -> None:
    warnings.warn(f"{what}: there is no mixed precision; float32 is computed as it is", stacklevel=3)


class autocast:
    """A context manager and decorator that changes nothing; where it is enabled it says so, as a warning.

    PyTorch does the same on a machine without GPU for device_type "cuda".
    """

    def __init__(self, device_type: str, dtype: dtype | None = None, enabled: bool = True,
                 cache_enabled: bool | None = None) -> None:
        if enabled:
            _warn("autocast")

    def __enter__(self) -> "autocast":
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def __call__(self, function: F) -> F:
        return function


class GradScaler:
    """A scaler of losses that is not enabled: step() steps, and all else changes nothing.

    Losses are scaled against the underflow of float16, which nothing here is computed in. PyTorch's does the same on a
    machine without GPU.
    """

    def __init__(self, device: str = "cuda", init_scale: float = 2.0**16, growth_factor: float = 2.0,
                 backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True) -> None:
        if enabled:
            _warn("GradScaler")

    def scale(self, outputs: Any) -> Any:
        """The outputs, a tensor or several, as they are."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Gradients stay as they are."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """optimizer.step(*args, **kwargs)."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """The scale stays 1."""

    def get_scale(self) -> float:
        """1."""
        return 1.0

    def is_enabled(self) -> bool:
        """False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """An empty dict."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes any state, and needs none."""


def is_autocast_available(device_type: str) -> bool:
    """False: there is no mixed precision."""
    return False


__all__ = ["GradScaler", "autocast", "is_autocast_available"]
