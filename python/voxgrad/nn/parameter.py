"""Parameter and Buffer: the tensors that a module owns."""
from __future__ import annotations

import inspect
from typing import Any

from .. import _C
from .._C import ShapeError, Tensor
from .._support import DTypeError, as_device, as_dtype


def _data(kind: str, data: Any) -> Tensor:
    if data is None:
        return _C._empty([0], _C.get_default_dtype(), _C.device("cpu"))
    if not isinstance(data, Tensor):
        raise DTypeError(f"{kind}: data must be a tensor; got {type(data).__name__}; use voxgrad.tensor(...)")
    return data


class Parameter(Tensor):
    """A tensor that a module trains: assigned to an attribute of a Module, it is among its `parameters()`.

    It shares the memory of `data`, is a leaf and wants a gradient unless `requires_grad=False`.
    Raises TypeError where a gradient is wanted of a dtype that is not floating.
    """

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        super().__init__(_data("Parameter", data))
        if requires_grad:
            self.requires_grad = True

    def __deepcopy__(self, memo: dict[int, Any]) -> "Parameter":
        if id(self) not in memo:
            memo[id(self)] = type(self)(_C._clone(self.detach()), self.requires_grad)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuild_parameter, (type(self), self.detach(), self.requires_grad), self.__dict__ or None

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return "Parameter containing:\n" + super().__repr__()


class UninitializedParameter(Parameter):
    """A Parameter whose shape is not known yet; `materialize(shape)` makes it a Parameter. Lazy layers have them."""

    cls_to_become: type[Parameter] = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        kind = _C.get_default_dtype() if dtype is None else as_dtype("UninitializedParameter", dtype)
        super().__init__(_C._empty([0], kind, as_device(device)), requires_grad)

    @property
    def shape(self) -> Any:
        raise ShapeError("UninitializedParameter: the shape is not known before the first input; run the network once")

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Takes memory of that shape, without values, and becomes a Parameter."""
        kind = self.dtype if dtype is None else as_dtype("materialize", dtype)
        where = self.device if device is None else as_device(device)
        self.data = _C._empty(list(shape), kind, where)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]

    def __deepcopy__(self, memo: dict[int, Any]) -> "UninitializedParameter":
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, self.device, self.dtype)

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return "<UninitializedParameter>"


def _without_values(name: str) -> Any:
    def refuse(self: Any, *_: Any, **__: Any) -> Any:
        raise ShapeError(f"UninitializedParameter: there are no values before the first input; got {name}()")

    return refuse


# What an uninitialized parameter can do: tell what is known, move and freeze.
_WITHOUT_VALUES = {"backward", "cpu", "cuda", "double", "float", "is_floating_point", "ndimension", "register_hook",
                   "requires_grad_", "retain_grad", "share_memory_", "to", "type"}
_OPERATORS = """abs add and array bool contains dlpack eq float floordiv ge getitem gt iadd iand ifloordiv imod imul
index int invert ior ipow isub iter itruediv ixor le len lt matmul mod mul ne neg or pos pow radd rand rfloordiv rmatmul
rmod rmul ror rpow rsub rtruediv rxor setitem sub truediv xor""".split()
for _name in [*(n for n in dir(Tensor) if not n.startswith("_")), *(f"__{n}__" for n in _OPERATORS)]:
    if _name not in _WITHOUT_VALUES and inspect.isroutine(getattr(Tensor, _name, None)):
        setattr(UninitializedParameter, _name, _without_values(_name))


def is_lazy(param: Any) -> bool:
    """Whether it is an UninitializedParameter."""
    return isinstance(param, UninitializedParameter)


class Buffer(Tensor):
    """A tensor that a module owns and does not train: assigned to an attribute, it is among its `buffers()`.

    With `persistent=False` the state dict leaves it out. It shares the memory of `data`.
    """

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        super().__init__(_data("Buffer", data))
        self.persistent = persistent

    def __deepcopy__(self, memo: dict[int, Any]) -> "Buffer":
        if id(self) not in memo:
            memo[id(self)] = type(self)(_C._clone(self.detach()), persistent=self.persistent)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuild_buffer, (type(self), self.detach(), self.persistent)


def _rebuild_parameter(kind: type[Parameter], data: Tensor, requires_grad: bool) -> Parameter:
    return kind(data, requires_grad)


def _rebuild_buffer(kind: type[Buffer], data: Tensor, persistent: bool) -> Buffer:
    return kind(data, persistent=persistent)


__all__ = ["Buffer", "Parameter", "UninitializedParameter", "is_lazy"]
