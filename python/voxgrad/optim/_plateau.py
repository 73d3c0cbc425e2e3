"""ReduceLROnPlateau."""
from __future__ import annotations

import math
from typing import SupportsFloat

from .._C import ShapeError
from ._scheduler import LRScheduler
from .optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """lr *= factor where a measure has not got better for more than `patience` epochs: call step(measure).

    Args:
        mode: "min" where less is better, or "max".
        factor: below 1.
        patience: epochs without progress that are let pass.
        threshold, threshold_mode: progress is measure < best * (1 - threshold) with "rel", measure < best - threshold
            with "abs"; the reverse for "max".
        cooldown: epochs after a change that do not count.
        min_lr: the lowest rate, one number or one per group.
        eps: smaller changes are not made.

    Raises ValueError for options out of range.
    """

    def __init__(self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
                 threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0,
                 min_lr: float | list[float] = 0, eps: float = 1e-8) -> None:
        if factor >= 1.0:
            raise ShapeError(f"ReduceLROnPlateau: factor must be below 1; got {factor}")
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"ReduceLROnPlateau: needs an Optimizer; got {type(optimizer).__name__}")
        if mode not in ("min", "max"):
            raise ShapeError(f"ReduceLROnPlateau: mode must be 'min' or 'max'; got '{mode}'")
        if threshold_mode not in ("rel", "abs"):
            raise ShapeError(f"ReduceLROnPlateau: threshold_mode must be 'rel' or 'abs'; got '{threshold_mode}'")
        self.factor = factor
        self.optimizer = optimizer
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.min_lrs = self._per_group("min_lr", min_lr)
        self.patience, self.cooldown, self.eps = patience, cooldown, eps
        self.last_epoch = 0
        self._last_lr = self._rates()
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self._reset()

    def _reset(self) -> None:
        """Forgets the best measure and all counts."""
        self.best: float = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """Takes the epoch's measure, and lowers the rates where it is time."""
        current = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(current, self.best):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lr(self.last_epoch)
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self._rates()

    def _reduce_lr(self, epoch: int) -> None:
        if len(self.min_lrs) != len(self.optimizer.param_groups):  # groups were added
            if self.default_min_lr is None:
                raise RuntimeError("ReduceLROnPlateau: min_lr must have a value for each group, also for added ones")
            self.min_lrs = [self.default_min_lr] * len(self.optimizer.param_groups)
        rates = [float(rate) for rate in self._rates()]
        lower = [max(rate * self.factor, least) for rate, least in zip(rates, self.min_lrs)]
        self._set([new if old - new > self.eps else old for old, new in zip(rates, lower)])

    @property
    def in_cooldown(self) -> bool:
        """True for some epochs after a change."""
        return self.cooldown_counter > 0

    def is_better(self, a: float, best: float) -> bool:
        """Whether `a` is progress over `best`."""
        sign = 1 if self.mode == "min" else -1
        limit = best * (1.0 - sign * self.threshold) if self.threshold_mode == "rel" else best - sign * self.threshold
        return a < limit if self.mode == "min" else a > limit
