"""Optimizer: the base of what trains parameters."""
from __future__ import annotations

import contextlib
import copy
import functools
import signal
import threading
import warnings
from collections import OrderedDict, defaultdict
from itertools import chain
from typing import Any, Callable, Iterable, Iterator, Mapping, TypeAlias

from .. import _C
from .._C import DTypeError, ShapeError, Tensor
from ..autograd.grad_mode import enable_grad, no_grad
from ..utils.hooks import RemovableHandle

ParamsT: TypeAlias = "Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]"


class _RequiredParameter:
    """What stands in `defaults` for an option that every group must give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _RequiredParameter()
_HOOKS = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks", "_optimizer_state_dict_pre_hooks",
          "_optimizer_state_dict_post_hooks", "_optimizer_load_state_dict_pre_hooks",
          "_optimizer_load_state_dict_post_hooks")


def check_at_least_zero(op: str, **options: Any) -> None:
    """Raises ValueError for an option that is negative or NaN, TypeError for one that is no number."""
    for name, value in options.items():
        if not hasattr(value, "__float__"):
            raise DTypeError(f"{op}: {name} must be a number; got {type(value).__name__}")
        if not float(value) >= 0:
            raise ShapeError(f"{op}: {name} must be >= 0; got {value}")


def check_betas(op: str, betas: Any) -> None:
    """Raises ValueError unless there are two decays, in [0, 1)."""
    if len(betas) != 2:
        raise ShapeError(f"{op}: betas must be two numbers; got {betas}")
    for i, beta in enumerate(betas):
        if not 0 <= float(beta) < 1:
            raise ShapeError(f"{op}: betas[{i}] must be in [0, 1); got {beta}")


class Optimizer:
    """Base of the optimizers: groups of parameters with their options, and what is carried from step to step.

    Args:
        params: tensors, (name, tensor) pairs, or dicts {"params": tensors, option: value, ...}, one per group.
        defaults: the options of groups that do not give their own.

    Attributes:
        param_groups: dicts of "params" and options; change options there, as learning rate schedulers do.
        state: a dict per parameter, filled at its first step.

    A subclass gives `step`. Raises ValueError for no parameters, for those given twice and for computed ones, TypeError
    for a tensor in place of a list.
    """

    _optimizer_step_pre_hooks: OrderedDict[int, Any]
    _optimizer_step_post_hooks: OrderedDict[int, Any]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Any]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Any]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Any]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Any]
    _opt_called: bool = False

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._add_hook_dicts()
        if isinstance(params, Tensor):
            raise TypeError(f"{self._name()}: params must be an iterable of tensors or dicts; got a tensor")
        groups = list(params)
        if not groups:
            raise ShapeError(f"{self._name()}: got no parameters; a generator can be used up")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.__dict__["step"])  # type: ignore[method-assign]

    def _name(self) -> str:
        return type(self).__name__

    def _add_hook_dicts(self) -> None:
        for name in _HOOKS:
            self.__dict__.setdefault(name, OrderedDict())

    # ---- copies and printing

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._add_hook_dicts()
        for group in self.param_groups:  # options that are newer than the state
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def __repr__(self) -> str:
        text = self._name() + " ("
        for number, group in enumerate(self.param_groups):
            text += f"\nParameter Group {number}\n"
            text += "".join(f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params")
        return text + ")"

    # ---- groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds {"params": tensors, option: value, ...}; options that it leaves out are the defaults.

        Raises as the constructor.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"{self._name()}: a group must be a dict; got {type(param_group).__name__}")
        group = dict(param_group)
        params = group["params"]
        if isinstance(params, set):
            raise TypeError(f"{self._name()}: params must be in an order that stays; got a set")
        params = [params] if isinstance(params, Tensor) else list(params)
        if params and isinstance(params[0], tuple):
            group["param_names"], params = [name for name, _ in params], [p for _, p in params]
        for name, default in self.defaults.items():
            if group.setdefault(name, default) is required:
                raise ShapeError(f"{self._name()}: the group must give '{name}'")
        group["params"] = self._checked(params)
        self.param_groups.append(group)
        param_group.update(group)

    def _checked(self, params: list[Any]) -> list[Tensor]:
        known = {id(p) for group in self.param_groups for p in group["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"{self._name()}: params must be tensors; got {type(p).__name__}")
            if not (p.is_leaf or self.defaults.get("differentiable")):
                raise ShapeError(f"{self._name()}: params must be leaves; got the result of an operation")
            if id(p) in known:
                raise ShapeError(f"{self._name()}: a parameter is in more than one group")
        if len({id(p) for p in params}) != len(params):
            warnings.warn(f"{self._name()}: a parameter occurs twice in a group, and will be changed twice",
                          stacklevel=4)
        return params

    # ---- steps

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the gradients, or fills them with zeros."""
        for p in chain.from_iterable(group["params"] for group in self.param_groups):
            if p.grad is None:
                continue
            if set_to_none:
                p.grad = None
            elif p.grad.requires_grad:
                p.grad = _C._full(list(p.shape), 0.0, p.dtype, p.device)
            else:
                p.grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes every parameter that has a gradient. `closure` computes the loss anew; its result is returned."""
        raise NotImplementedError(f"{self._name()}: the class must define step()")

    def _register(self, name: str, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        hooks = getattr(self, name)
        handle = RemovableHandle(hooks)
        hooks[handle.id] = hook
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        return handle

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """hook(optimizer, args, kwargs) before step(); it may return other (args, kwargs)."""
        return self._register("_optimizer_step_pre_hooks", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """hook(optimizer, args, kwargs) after step()."""
        return self._register("_optimizer_step_post_hooks", hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """hook(optimizer) before state_dict()."""
        return self._register("_optimizer_state_dict_pre_hooks", hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """hook(optimizer, state_dict) after state_dict(); it may return another dict."""
        return self._register("_optimizer_state_dict_post_hooks", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """hook(optimizer, state_dict) before load_state_dict(); it may return another dict."""
        return self._register("_optimizer_load_state_dict_pre_hooks", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """hook(optimizer) after load_state_dict()."""
        return self._register("_optimizer_load_state_dict_post_hooks", hook, prepend)

    # ---- state

    def state_dict(self) -> dict[str, Any]:
        """{"state": {number: dict}, "param_groups": [dict]}: parameters are numbers, through all groups.

        The tensors are those of the optimizer, not copies.
        """
        for pre_hook in self._optimizer_state_dict_pre_hooks.values():
            pre_hook(self)
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers.setdefault(id(p), len(numbers))
            packed = {name: value for name, value in group.items() if name != "params"}
            groups.append({**packed, "params": [numbers[id(p)] for p in group["params"]]})
        state = {(numbers[id(k)] if isinstance(k, Tensor) else k): v for k, v in self.state.items()}
        result = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, result)
            result = result if changed is None else changed
        return result

    @no_grad()
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Takes options and state of what state_dict() gave; floating tensors get their parameter's dtype and device.

        Raises ValueError where the groups have other numbers of parameters; nothing has changed then.
        """
        state_dict = dict(state_dict)
        for pre_hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = pre_hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        saved = copy.deepcopy(state_dict["param_groups"])
        ours, theirs = [[len(g["params"]) for g in groups] for groups in (self.param_groups, saved)]
        if ours != theirs:
            raise ShapeError(f"{self._name()}.load_state_dict: the groups must have {ours} parameters; got {theirs}")
        numbers = chain.from_iterable(g["params"] for g in saved)
        owners = dict(zip(numbers, chain.from_iterable(g["params"] for g in self.param_groups)))
        state: defaultdict[Any, Any] = defaultdict(dict)
        for number, entry in state_dict["state"].items():
            if number in owners:
                state[owners[number]] = _fitted(owners[number], entry)
            else:
                state[number] = entry
        for group, new in zip(self.param_groups, saved):
            new["params"] = group["params"]
            if "param_names" in group:
                new.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)


def _fitted(p: Tensor, value: Any, key: Any = None) -> Any:
    """A copy of an entry of the state, as it fits its parameter."""
    if isinstance(value, Tensor):
        copied = value.detach().clone()
        return copied if key == "step" or not p.is_floating_point() else copied.to(p.device, p.dtype)
    if isinstance(value, dict):
        return {k: _fitted(p, v, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_fitted(p, v) for v in value)
    return copy.deepcopy(value)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """A subclass's step with the hooks around it."""

    @functools.wraps(step)
    def run(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if self.__dict__.get("_in_step"):  # called through super()
            return step(self, *args, **kwargs)
        self._opt_called = True  # which schedulers look at
        for pre_hook in list(self._optimizer_step_pre_hooks.values()):
            changed = pre_hook(self, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(f"step: a pre hook must return None or (args, kwargs); got {changed!r}")
                args, kwargs = changed
        self.__dict__["_in_step"] = True
        try:
            result = step(self, *args, **kwargs)
        finally:
            self.__dict__["_in_step"] = False
        for hook in list(self._optimizer_step_post_hooks.values()):
            hook(self, args, kwargs)
        return result

    return run


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Holds Ctrl-C back until the end."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield  # Ctrl-C does not reach this thread, or raises nothing
        return
    came: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda *details: came.append(details))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if came:
        handler(*came[0])


class _EachParameter(Optimizer):
    """An optimizer whose rule treats each parameter by itself: a subclass gives _buffers and _update."""

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes every parameter that has a gradient; nothing is recorded.

        `closure` clears the gradients, computes the loss, calls backward() and returns the loss, which step() returns.
        All parameters are checked before the first one changes, and Ctrl-C waits until the last one has: a step is done
        wholly or not at all. Raises TypeError for a parameter that is not floating,
        ValueError for state of another shape, dtype or device.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            work = [(group, p) for group in self.param_groups for p in group["params"] if p.grad is not None]
            for group, p in work:
                self._prepare(group, p)
            with _uninterrupted():
                for group, p in work:
                    grad = p.grad.detach()
                    state = self.state[p] if self._buffers(group) else {}
                    self._update(group, p, _C.neg(grad) if group.get("maximize") else grad, state)
        return loss

    def _buffers(self, group: dict[str, Any]) -> dict[str, float | None]:
        """The tensors of a parameter's state with the value that they start from; None: the rule makes them."""
        raise NotImplementedError

    def _update(self, group: dict[str, Any], p: Tensor, grad: Tensor, state: dict[str, Any]) -> None:
        raise NotImplementedError

    def _decayed(self, group: dict[str, Any], p: Tensor, grad: Tensor) -> Tensor:
        """The gradient with weight_decay * p, or with decoupled_weight_decay as it is, and p itself decayed."""
        if group["weight_decay"] == 0:
            return grad
        if group.get("decoupled_weight_decay"):
            p.mul_(1 - float(group["lr"]) * group["weight_decay"])
            return grad
        return grad + p * group["weight_decay"]

    def _prepare(self, group: dict[str, Any], p: Tensor) -> None:
        """Everything that can fail, and the state of a first step."""
        if not p.is_floating_point():
            raise DTypeError(f"{self._name()}: parameters must be float32 or float64; got {p.dtype._name}")
        wanted = self._buffers(group)
        state = self.state[p] if wanted else {}
        for name, t in [("gradient", p.grad)] + [(name, state.get(name)) for name in wanted]:
            if t is not None and (t.shape != p.shape or t.dtype is not p.dtype or t.device != p.device):
                raise ShapeError(f"{self._name()}: {name} must have the parameter's shape, dtype and device, "
                                 f"{list(p.shape)} {p.dtype._name} {p.device}; got {list(t.shape)} {t.dtype._name} "
                                 f"{t.device}; make the optimizer after moving the module")
        if wanted and not state:
            self._start(state)
        for name, value in wanted.items():
            if state.get(name) is None and value is not None:
                made = _C._empty_like(p.detach(), p.dtype)
                made._fill_(value)
                state[name] = made

    def _start(self, state: dict[str, Any]) -> None:
        state["step"] = _C._full([], 0.0, _C.float32, _C.device("cpu"))


def advance(state: dict[str, Any]) -> int:
    """Counts a step and gives its number."""
    number = int(float(state["step"])) + 1
    if isinstance(state["step"], Tensor):
        state["step"].fill_(number)
    else:
        state["step"] = number
    return number
