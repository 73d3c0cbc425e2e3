"""Module: the base of all layers and networks."""
from __future__ import annotations

from collections import OrderedDict
from typing import Any, Callable, TypeVar

from ... import _C
from ..._C import Tensor
from ..._support import as_device, as_dtype, as_gpu
from ..._tensor import channels_last, channels_last_3d, memory_format
from ._hooks import _Hooks
from ._state_dict import _IncompatibleKeys, _StateDict

T_destination = TypeVar("T_destination", bound="dict[str, Any]")
M = TypeVar("M", bound="Module")


def _addindent(text: str, spaces: int) -> str:
    return text.replace("\n", "\n" + " " * spaces)


class Module(_StateDict, _Hooks):
    """Base of all layers and networks. A subclass gives `forward`, and calls `super().__init__()` first::

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(1, 8, 3)
                self.scale = nn.Parameter(voxgrad.ones(1))

            def forward(self, x):
                return self.scale * self.conv(x).relu()

    Parameters, Buffers and Modules that are assigned to attributes become members: `parameters()`, `state_dict()`,
    `to()`, `train()` and printing reach them. A call `net(x)` runs the hooks and `forward`.
    """

    training: bool
    dump_patches: bool = False
    call_super_init: bool = False
    T_destination = T_destination

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init and (args or kwargs):
            given = f"{len(args)} arguments" if args else f"argument '{next(iter(kwargs))}'"
            raise TypeError(f"{type(self).__name__}.__init__: takes no further arguments; got {given}")
        self.__dict__.update(
            training=True, _parameters={}, _buffers={}, _non_persistent_buffers_set=set(), _modules={},
            **{name: OrderedDict() for name in _HOOKS})
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # ---- the call

    def forward(self, *input: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass gives its own."""
        raise NotImplementedError(f"{type(self).__name__}: the class must define forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._has_hooks():
            return self._call_with_hooks(args, kwargs)
        return self.forward(*args, **kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name in _HOOKS:  # of files that knew fewer
            self.__dict__.setdefault(name, OrderedDict())

    # ---- mode

    def train(self: M, mode: bool = True) -> M:
        """Training mode, here and in all submodules: dropout drops, norms take the batch's statistics."""
        if not isinstance(mode, bool):
            raise ValueError(f"train: mode must be True or False; got {mode!r}")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: M) -> M:
        """train(False)."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Whether the parameters want gradients; False freezes them."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the parameters' gradients, or fills them with zeros."""
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                parameter.grad = _C._full(list(parameter.shape), 0.0, parameter.dtype, parameter.device)

    # ---- moving and converting

    def apply(self: M, fn: Callable[["Module"], Any]) -> M:
        """Calls fn(module) for all submodules, then for this one: often to set initial values."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self: M, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> M:
        """Puts fn(values) in the place of all values. Parameters stay the same objects, so optimizers keep them."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for parameter in self._parameters.values():
            if parameter is None:
                continue
            grad = parameter.grad
            parameter.grad = None
            parameter.data = fn(parameter.data)
            if grad is not None:
                parameter.grad = fn(grad.detach())
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """to(device), to(dtype), to(device, dtype), to(tensor): moves or converts all parameters and buffers in place.

        Only floating ones are converted. `memory_format` channels_last and channels_last_3d reorder those of rank 4
        and 5. Returns the module. Raises TypeError for a dtype that is not floating.
        """
        where, kind, order = _parse_to(*args, **kwargs)

        def convert(x: Tensor) -> Tensor:
            if kind is not None and x.is_floating_point():
                x = _C._to_dtype(x, kind)
            if where is not None:
                x = _C._to_device(x, where)
            if order is channels_last and x.ndim == 4 or order is channels_last_3d and x.ndim == 5:
                x = _C._channels_last(x)
            return x

        return self._apply(convert)

    def type(self: M, dst_type: Any) -> M:
        """All parameters and buffers in that dtype."""
        return self._apply(lambda x: _C._to_dtype(x, as_dtype("type", dst_type)))

    def float(self: M) -> M:
        """All floating parameters and buffers in float32."""
        return self.to(_C.float32)

    def double(self: M) -> M:
        """All floating parameters and buffers in float64."""
        return self.to(_C.float64)

    def cpu(self: M) -> M:
        """Moves all parameters and buffers to the CPU."""
        return self.to("cpu")

    def cuda(self: M, device: Any = None) -> M:
        """Moves all parameters and buffers to a GPU. Raises RuntimeError where there is none."""
        return self.to(as_gpu("cuda", device))

    def to_empty(self: M, *, device: Any, recurse: bool = True) -> M:
        """Moves to a device without the values."""
        where = as_device(device)
        return self._apply(lambda x: _C._empty(list(x.shape), x.dtype, where), recurse)

    # ---- printing

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses when printed."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {_addindent(repr(module), 2)}" for name, module in self._modules.items()]
        if not children and len(lines) <= 1:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + children) + "\n)"


_HOOKS = (
    "_backward_pre_hooks", "_backward_hooks", "_forward_hooks", "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called", "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_state_dict_hooks",
    "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)


def _parse_to(*args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
    where, kind = kwargs.pop("device", None), kwargs.pop("dtype", None)
    order = kwargs.pop("memory_format", None)
    tensor = kwargs.pop("tensor", None)
    kwargs.pop("non_blocking", None)
    if kwargs:
        raise TypeError(f"to: unknown arguments {sorted(kwargs)}")
    for arg in (args if tensor is None else (tensor, *args)):
        if isinstance(arg, Tensor):
            kind, where = arg.dtype, arg.device
        elif isinstance(arg, _C.dtype):
            kind = arg
        elif isinstance(arg, (str, _C.device)) or isinstance(arg, int) and not isinstance(arg, bool):
            where = arg
        elif isinstance(arg, memory_format):
            order = arg
        elif arg is not None and not isinstance(arg, bool):
            raise TypeError(f"to: needs a dtype, a device or a tensor; got {arg!r}")
    if kind is not None and not as_dtype("to", kind).is_floating_point:
        raise TypeError(f"to: a module's dtype must be floating; got {kind}")
    return (None if where is None else as_device(where)), (None if kind is None else as_dtype("to", kind)), order


__all__ = ["Module", "T_destination", "_IncompatibleKeys"]
