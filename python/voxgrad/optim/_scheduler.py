"""LRScheduler: the base of what changes learning rates from epoch to epoch."""
from __future__ import annotations

import warnings
from typing import Any

from .._C import ShapeError, Tensor
from .optimizer import Optimizer


class LRScheduler:
    """Base of the schedulers: `step()` once per epoch, after the optimizer's, sets every group's "lr".

    Args:
        optimizer: whose groups are changed; they get an option "initial_lr".
        last_epoch: the epoch that was done last when a run is resumed, -1 for a new run.

    Attributes:
        base_lrs: the groups' initial rates. last_epoch: the epoch that the rates now set are for.

    A subclass gives `get_lr`, which computes the new rates from those set. Raises TypeError for what is no optimizer,
    KeyError for a resumed run without initial rates.
    """

    _get_lr_called_within_step: bool = False
    _is_initial: bool = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: needs an Optimizer; got {type(optimizer).__name__}")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                rate = group["lr"]
                group.setdefault("initial_lr", rate.clone() if isinstance(rate, Tensor) else rate)
            elif "initial_lr" not in group:
                raise KeyError(f"{type(self).__name__}: group {i} must have 'initial_lr' to resume from epoch "
                               f"{last_epoch}")
        self.base_lrs: list[Any] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial, self._get_lr_called_within_step = True, False
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes what state_dict() gave; the optimizer's rates come from its own state."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The rates set last, one per group."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """The rates for `last_epoch`, computed from those set for the epoch before."""
        raise NotImplementedError(f"{type(self).__name__}: the class must define get_lr()")

    def step(self, epoch: int | None = None) -> None:
        """Sets the rates of the next epoch, or of `epoch`. Raises ValueError without a rate for each of the groups."""
        if self._step_count == 1 and not getattr(self.optimizer, "_opt_called", False):
            warnings.warn(f"{type(self).__name__}.step: called before the optimizer's step(), so that no step is made "
                          "with the first rate", stacklevel=2)
        self._step_count += 1
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self._get_lr_called_within_step = True
        try:
            if epoch is None:
                self.last_epoch += 1
                values = self.get_lr()
            else:
                self.last_epoch = epoch
                closed_form = getattr(self, "_get_closed_form_lr", None)
                values = self.get_lr() if closed_form is None else closed_form()
        finally:
            self._get_lr_called_within_step = False
        self._set(values)

    def _set(self, values: list[Any]) -> None:
        count = len(self.optimizer.param_groups)
        if len(values) != count:
            raise ShapeError(f"{type(self).__name__}: has rates for {len(values)} groups, and the optimizer has "
                             f"{count}; make the scheduler after adding groups")
        for group, value in zip(self.optimizer.param_groups, values):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(float(value))
            else:
                group["lr"] = value
        self._last_lr: list[Any] = self._rates()

    def _rates(self) -> list[Any]:
        """The rates that are set, one per group."""
        return [rate.clone() if isinstance(rate, Tensor) else rate
                for rate in (group["lr"] for group in self.optimizer.param_groups)]

    def _scaled(self, factor: float) -> list[Any]:
        return [rate * factor for rate in self._rates()]

    def _per_group(self, option: str, value: Any) -> list[Any]:
        """A list or tuple with a value per group as it is; one value for every group. Raises ValueError."""
        count = len(self.optimizer.param_groups)
        if not isinstance(value, (list, tuple)):
            return [value] * count
        if len(value) != count:
            raise ShapeError(f"{type(self).__name__}: {option} must have a value for each of the {count} groups; got "
                             f"{len(value)}")
        return list(value)


_LRScheduler = LRScheduler
__all__ = ["LRScheduler"]
