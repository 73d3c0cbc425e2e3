"""The methods of Generator that give its state and copies of it."""
from __future__ import annotations

from typing import Any

import numpy as np

from . import _C
from ._C import Generator, ShapeError, Tensor
from ._support import DTypeError


def get_state(self: Generator) -> Tensor:
    """The state, for `set_state`: bytes in a tensor of uint8."""
    return _C._copy_array(np.array(self._state(), np.uint64).view(np.uint8))


def set_state(self: Generator, new_state: Tensor) -> None:
    """Continues where `get_state` was taken. Raises ValueError for what it did not give, TypeError for no bytes."""
    if not isinstance(new_state, Tensor) or new_state.dtype is not _C.uint8:
        got = new_state.dtype._name if isinstance(new_state, Tensor) else type(new_state).__name__
        raise DTypeError(f"set_state: needs the bytes that get_state gave, a tensor of uint8; got {got}")
    if new_state.numel() % 8 != 0:
        raise ShapeError(f"set_state: needs the bytes that get_state gave; got shape {list(new_state.shape)}")
    words = np.ascontiguousarray(new_state.cpu().numpy()).view(np.uint64)
    if (words >= 2**32).any() or not words[:624].any():  # all of a Mersenne twister's words: it would give zeros only
        raise ShapeError("set_state: needs the bytes that get_state gave; got damaged ones")
    self._set_state(words.tolist())


def clone_state(self: Generator) -> Generator:
    """Another generator that continues from here."""
    return _rebuild(get_state(self))


def seed(self: Generator) -> int:
    """Seeds it from the system's randomness; returns the seed."""
    import secrets

    chosen = secrets.randbits(63)
    self.manual_seed(chosen)
    return chosen


def _rebuild(state: Tensor) -> Generator:
    made = Generator()
    set_state(made, state)
    return made


def __deepcopy__(self: Generator, memo: dict[int, Any]) -> Generator:
    return memo.setdefault(id(self), clone_state(self))


def __reduce_ex__(self: Generator, protocol: Any) -> Any:
    return _rebuild, (get_state(self),)


for _f in (get_state, set_state, clone_state, seed, __deepcopy__, __reduce_ex__):
    setattr(Generator, _f.__name__, _f)
setattr(Generator, "device", property(lambda self: _C.device("cpu"), doc="The CPU."))
