"""Schedulers made of schedulers."""
from __future__ import annotations

from bisect import bisect_right
from typing import Any, Sequence

from .._C import ShapeError
from ._plateau import ReduceLROnPlateau
from ._scheduler import LRScheduler
from .optimizer import Optimizer


class _Combined(LRScheduler):
    """State of schedulers within a scheduler."""

    _schedulers: list[Any]

    def _check(self, schedulers: list[Any], optimizer: Optimizer) -> None:
        for i, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(f"{type(self).__name__}: schedulers[{i}] has no optimizer; got "
                                f"{type(scheduler).__name__}")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ShapeError(f"{type(self).__name__}: schedulers[{i}] is a ReduceLROnPlateau, whose step() needs a "
                                 "measure; call it by itself")
            if scheduler.optimizer is not optimizer:
                raise ShapeError(f"{type(self).__name__}: all schedulers must belong to the same optimizer; "
                                 f"schedulers[{i}] does not")

    def state_dict(self) -> dict[str, Any]:
        state = {key: value for key, value in self.__dict__.items() if key not in ("optimizer", "_schedulers")}
        state["_schedulers"] = [scheduler.state_dict() for scheduler in self._schedulers]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.__dict__.update({key: value for key, value in state_dict.items() if key != "_schedulers"})
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"]):
            scheduler.load_state_dict(state)


def _undo_step(scheduler: Any) -> None:
    """Takes the first step back from a scheduler, or from those within one."""
    if hasattr(scheduler, "_schedulers"):
        for inner in scheduler._schedulers:
            _undo_step(inner)
    elif hasattr(scheduler, "last_epoch"):
        scheduler.last_epoch -= 1


class SequentialLR(_Combined):
    """Several schedulers one after another: the next one begins, at its epoch 0, at each of the milestones.

    Raises ValueError unless there is one milestone less than schedulers, all of one optimizer and none a
    ReduceLROnPlateau.
    """

    def __init__(self, optimizer: Optimizer, schedulers: list[Any], milestones: list[int],
                 last_epoch: int = -1) -> None:
        if len(schedulers) < 1:
            raise ShapeError("SequentialLR: needs schedulers; got none")
        self._check(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ShapeError(f"SequentialLR: needs {len(schedulers) - 1} milestones for {len(schedulers)} schedulers; "
                             f"got {len(milestones)}")
        self._schedulers, self._milestones = list(schedulers), list(milestones)
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        # The schedulers have taken their first steps, each over the other's; only that of epoch 0 shall count.
        self._set([group["initial_lr"] for group in optimizer.param_groups])
        _undo_step(self)
        begin = self._schedulers[bisect_right(self._milestones, 0)]
        begin._initial_step()
        self._last_lr = begin.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """Sets the rates of the next epoch."""
        self.last_epoch += 1
        number = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[number]
        if number > 0 and self._milestones[number - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Combined):
    """Several schedulers at once: each changes the rates that the one before has set.

    Raises ValueError for no schedulers, for several optimizers and for a ReduceLROnPlateau.
    """

    def __init__(self, schedulers: Sequence[Any], optimizer: Optimizer | None = None) -> None:
        if len(schedulers) < 1:
            raise ShapeError("ChainedScheduler: needs schedulers; got none")
        self.optimizer = optimizer or schedulers[0].optimizer
        self._check(list(schedulers), self.optimizer)
        self._schedulers = list(schedulers)
        self._last_lr = self._rates()

    def step(self) -> None:  # type: ignore[override]
        """Sets the rates of the next epoch."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._rates()
