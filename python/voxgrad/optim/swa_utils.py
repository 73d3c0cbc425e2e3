"""Averages of a model's weights over the steps of training: exponential ones (EMA) and plain ones (SWA)."""
from __future__ import annotations

import copy
import itertools
import math
from typing import Any, Callable, Iterable, Sequence

from .. import _C
from .._C import ShapeError, Tensor
from .._support import as_device
from ..autograd.grad_mode import no_grad
from ..nn.modules.batchnorm import _BatchNorm
from ..nn.modules.module import Module
from ._scheduler import LRScheduler
from .optimizer import Optimizer

Average = Callable[[Tensor, Tensor, Any], Tensor]
AverageAll = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """decay * average + (1 - decay) * new, for AveragedModel's avg_fn. Raises ValueError unless 0 <= decay <= 1."""
    if not 0 <= decay <= 1:
        raise ShapeError(f"get_ema_avg_fn: decay must be in [0, 1]; got {decay}")
    return lambda average, new, count: average * decay + new * (1 - decay)


def get_swa_avg_fn() -> Average:
    """The mean of all that came, for AveragedModel's avg_fn."""
    return lambda average, new, count: average + (new - average) / (int(count) + 1)


def _of_all(average_of: Average) -> AverageAll:
    @no_grad()
    def update(averages: Sequence[Tensor], new: Sequence[Tensor], count: Any) -> None:
        for average, value in zip(averages, new):
            average.copy_(average_of(average, value, count))

    return update


def get_ema_multi_avg_fn(decay: float = 0.999) -> AverageAll:
    """get_ema_avg_fn for lists of tensors, which it changes, for multi_avg_fn."""
    return _of_all(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> AverageAll:
    """get_swa_avg_fn for lists of tensors, which it changes, for multi_avg_fn."""
    return _of_all(get_swa_avg_fn())


class AveragedModel(Module):
    """A copy of a model whose parameters average those of the model: call update_parameters(model) after each step.

    Args:
        model: what is copied, as `module`; the average begins with its values at the first update.
        device: where the copy lives; the model's device by default.
        avg_fn: gives a new average of (average, new value, number of updates before); the mean by default.
        multi_avg_fn: in its place, changes lists of averages.
        use_buffers: average the buffers too, rather than take the last ones.

    Raises AssertionError for both functions.
    """

    n_averaged: Tensor

    def __init__(self, model: Module, device: Any = None, avg_fn: Average | None = None,
                 multi_avg_fn: AverageAll | None = None, use_buffers: bool = False) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("AveragedModel: avg_fn and multi_avg_fn exclude each other")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module.to(as_device(device))
        self.register_buffer("n_averaged", _C._full([], 0.0, _C.int64, as_device(device)))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def _averaged(self, model: Module) -> list[Tensor]:
        return [x.detach() for x in itertools.chain(model.parameters(), model.buffers() if self.use_buffers else ())]

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Takes the model's values into the average."""
        averages = self._averaged(self.module)
        new = [x.to(average.device) for average, x in zip(averages, self._averaged(model))]
        if self.n_averaged.item() == 0:
            for average, x in zip(averages, new):
                average.copy_(x)
        else:
            update = self.multi_avg_fn or _of_all(self.avg_fn or get_swa_avg_fn())
            update(averages, new, self.n_averaged)
        if not self.use_buffers:
            for ours, theirs in zip(self.module.buffers(), model.buffers()):
                ours.detach().copy_(theirs.detach())
        self.n_averaged += 1


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Computes the running statistics of all batch norms anew, as means over the batches of a loader.

    A batch is a tensor, or a list or tuple that begins with one; `device` is where it goes.
    """
    norms = {module: module.momentum for module in model.modules() if isinstance(module, _BatchNorm)}
    if not norms:
        return
    was_training = model.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    try:
        for batch in loader:
            x = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(x if device is None else x.to(device))
    finally:
        for norm, momentum in norms.items():
            norm.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """From the groups' rates to swa_lr, which then stays, within anneal_epochs.

    anneal_strategy: "cos" or "linear". Raises ValueError for others, and for negative epochs.
    """

    def __init__(self, optimizer: Optimizer, swa_lr: float | list[float], anneal_epochs: int = 10,
                 anneal_strategy: str = "cos", last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        for rate, group in zip(self._per_group("swa_lr", swa_lr), optimizer.param_groups):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ShapeError(f"SWALR: anneal_strategy must be 'cos' or 'linear'; got {anneal_strategy!r}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ShapeError(f"SWALR: anneal_epochs must be an integer >= 0; got {anneal_epochs!r}")
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _done(self, step: int) -> float:
        part = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return part if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * part)) / 2

    def get_lr(self) -> list[Any]:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._done(step - 1), self._done(step)
        rates = []
        for group, rate in zip(self.optimizer.param_groups, self._rates()):
            end = group["swa_lr"]
            begin = end if before == 1 else (rate - before * end) / (1 - before)
            rates.append(end * now + begin * (1 - now))
        return rates


__all__ = ["AveragedModel", "SWALR", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn",
           "update_bn"]
