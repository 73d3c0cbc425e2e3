"""Schedulers that go up and down."""
from __future__ import annotations

import math
from types import FunctionType
from typing import Any, Callable

from .._C import ShapeError
from ._scheduler import LRScheduler
from .optimizer import Optimizer


class CosineAnnealingWarmRestarts(LRScheduler):
    """Cosine annealing that starts anew after T_0 epochs, then after T_mult times as many, and so on:
    lr = eta_min + (initial_lr - eta_min) * (1 + cos(pi * T_cur / T_i)) / 2 (https://arxiv.org/abs/1608.03983).

    `step(epoch + batch / batches)` may be called after every batch. Raises ValueError unless T_0 and T_mult are
    integers >= 1.
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0,
                 last_epoch: int = -1) -> None:
        if not isinstance(T_0, int) or not isinstance(T_mult, int) or T_0 < 1 or T_mult < 1:
            raise ShapeError(f"CosineAnnealingWarmRestarts: T_0 and T_mult must be integers >= 1; got {T_0!r} and "
                             f"{T_mult!r}")
        self.T_0, self.T_i, self.T_mult, self.eta_min, self.T_cur = T_0, T_0, T_mult, eta_min, last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        part = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * part for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Sets the rates of the next epoch, or of `epoch`, which may be a fraction."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ShapeError(f"CosineAnnealingWarmRestarts.step: epoch must be >= 0; got {epoch}")
        else:
            self._place(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())

    def _place(self, epoch: Any) -> None:
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_i, self.T_cur = self.T_0, epoch % self.T_0
        else:
            n = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) // (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**n


class _WithMomentum(LRScheduler):
    """What moves momentum, or Adam's beta1, against the rate."""

    def _set_up_momentum(self, base_momentum: Any, max_momentum: Any, last_epoch: int) -> tuple[list[Any], list[Any]]:
        """The lowest and highest values, per group. Raises ValueError for an optimizer without momentum."""
        if "momentum" not in self.optimizer.defaults and "betas" not in self.optimizer.defaults:
            raise ShapeError(f"{type(self).__name__}: cycle_momentum needs an optimizer with momentum or betas")
        self.use_beta1 = "betas" in self.optimizer.defaults
        lows, highs = self._per_group("base_momentum", base_momentum), self._per_group("max_momentum", max_momentum)
        if last_epoch == -1:
            for low, high, group in zip(lows, highs, self.optimizer.param_groups):
                self._set_momentum(group, high)
                group["max_momentum"], group["base_momentum"] = high, low
        return lows, highs

    def _set_momentum(self, group: dict[str, Any], value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class CyclicLR(_WithMomentum):
    """Rates that go from base_lr up to max_lr and back, again and again; step() after every batch (Smith,
    https://arxiv.org/abs/1506.01186). Momentum, or Adam's beta1, goes the other way.

    Args:
        base_lr, max_lr: the bounds, one number or one per group.
        step_size_up, step_size_down: steps of a rise, and of a fall (as many by default).
        mode: "triangular" keeps the height, "triangular2" halves it in each cycle, "exp_range" scales it by gamma^step.
        scale_fn: gives the height's factor in place of the mode: of the cycle's number, or of the step where scale_mode
            is "iterations".
        cycle_momentum, base_momentum, max_momentum: whether and between which values momentum goes.

    Raises ValueError for another mode without a scale_fn, and for an optimizer without momentum.
    """

    def __init__(self, optimizer: Optimizer, base_lr: float | list[float], max_lr: float | list[float],
                 step_size_up: int = 2000, step_size_down: int | None = None, mode: str = "triangular",
                 gamma: float = 1.0, scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle",
                 cycle_momentum: bool = True, base_momentum: float | list[float] = 0.8,
                 max_momentum: float | list[float] = 0.9, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"CyclicLR: needs an Optimizer; got {type(optimizer).__name__}")
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ShapeError(f"CyclicLR: mode must be 'triangular', 'triangular2' or 'exp_range'; got {mode!r}")
        self.optimizer = optimizer
        lowest = self._per_group("base_lr", base_lr)
        if last_epoch == -1:
            self._set(lowest)
        self.max_lrs = self._per_group("max_lr", max_lr)
        down = step_size_up if step_size_down is None else step_size_down
        self.total_size = float(step_size_up) + float(down)
        self.step_ratio = float(step_size_up) / self.total_size
        self.mode, self.gamma, self._scale_fn_custom = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._set_up_momentum(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lowest

    def scale_fn(self, x: float) -> float:
        """The factor of the height in a cycle, or at a step."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "exp_range":
            return self.gamma**x
        return 1.0 if self.mode == "triangular" else 1 / 2.0 ** (x - 1)

    def get_lr(self) -> list[Any]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums):
                self._set_momentum(group, high - (high - low) * height * scale)
        return [low + (high - low) * height * scale for low, high in zip(self.base_lrs, self.max_lrs)]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer; of scale_fn what an object holds, nothing of a plain function."""
        custom = self._scale_fn_custom
        kept = None if custom is None or isinstance(custom, FunctionType) else dict(custom.__dict__)
        return {**super().state_dict(), "_scale_fn_custom": kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        custom = self._scale_fn_custom
        super().load_state_dict(state_dict)
        self._scale_fn_custom = custom
        if custom is not None and state_dict["_scale_fn_custom"] is not None:
            custom.__dict__.update(state_dict["_scale_fn_custom"])


class OneCycleLR(_WithMomentum):
    """One rise to max_lr and one fall below the initial rate; step() after every batch (Smith and Topin,
    https://arxiv.org/abs/1708.07120). Momentum, or Adam's beta1, goes the other way.

    Args:
        max_lr: the highest rate, one number or one per group.
        total_steps: number of steps, or epochs and steps_per_epoch in its place.
        pct_start: the part of the steps that rise.
        anneal_strategy: "cos" or "linear".
        cycle_momentum, base_momentum, max_momentum: whether and between which values momentum goes.
        div_factor: the first rate is max_lr / div_factor.
        final_div_factor: the last rate is the first one / final_div_factor.
        three_phase: fall to the first rate as fast as it rose, and then on to the last.

    Raises ValueError for options out of range and more steps than total_steps.
    """

    def __init__(self, optimizer: Optimizer, max_lr: float | list[float], total_steps: int | None = None,
                 epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
                 anneal_strategy: str = "cos", cycle_momentum: bool = True,
                 base_momentum: float | list[float] = 0.85, max_momentum: float | list[float] = 0.95,
                 div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False,
                 last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"OneCycleLR: needs an Optimizer; got {type(optimizer).__name__}")
        self.optimizer = optimizer
        self.total_steps = _count(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ShapeError(f"OneCycleLR: pct_start must be a float in [0, 1]; got {pct_start!r}")
        if anneal_strategy not in ("cos", "linear"):
            raise ShapeError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear'; got '{anneal_strategy}'")
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        highest = self._per_group("max_lr", max_lr)
        if last_epoch == -1:
            for group, high in zip(optimizer.param_groups, highest):
                group["initial_lr"] = high / div_factor
                group["max_lr"] = high
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._set_up_momentum(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _between(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)

    def get_lr(self) -> list[Any]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ShapeError(f"OneCycleLR: step() was called {step} times; total_steps is {self.total_steps}")
        begin = 0.0
        for phase in self._schedule_phases:
            if step <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            begin = phase["end_step"]
        part = (step - begin) / (phase["end_step"] - begin)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[phase["start_lr"]], group[phase["end_lr"]], part))
            if self.cycle_momentum:
                self._set_momentum(group, self._between(group[phase["start_momentum"]],
                                                        group[phase["end_momentum"]], part))
        return rates


def _count(total_steps: Any, epochs: Any, steps_per_epoch: Any) -> int:
    if total_steps is None:
        if epochs is None or steps_per_epoch is None:
            raise ShapeError("OneCycleLR: needs total_steps, or epochs and steps_per_epoch")
        for name, value in (("epochs", epochs), ("steps_per_epoch", steps_per_epoch)):
            if not isinstance(value, int) or value <= 0:
                raise ShapeError(f"OneCycleLR: {name} must be a positive integer; got {value!r}")
        return epochs * steps_per_epoch
    if not isinstance(total_steps, int) or total_steps <= 0:
        raise ShapeError(f"OneCycleLR: total_steps must be a positive integer; got {total_steps!r}")
    return total_steps


def _phases(total: int, rising: float, three: bool) -> list[dict[str, Any]]:
    """Where each phase ends, and between which options of the groups it goes."""
    up = {"start_lr": "initial_lr", "end_lr": "max_lr", "start_momentum": "max_momentum",
          "end_momentum": "base_momentum"}
    down = {"start_lr": "max_lr", "end_lr": "min_lr", "start_momentum": "base_momentum",
            "end_momentum": "max_momentum"}
    top = float(rising * total) - 1
    if not three:
        return [{"end_step": top, **up}, {"end_step": total - 1, **down}]
    last = {"start_lr": "initial_lr", "end_lr": "min_lr", "start_momentum": "max_momentum",
            "end_momentum": "max_momentum"}
    return [{"end_step": top, **up}, {"end_step": float(2 * rising * total) - 2, **down, "end_lr": "initial_lr"},
            {"end_step": total - 1, **last}]
