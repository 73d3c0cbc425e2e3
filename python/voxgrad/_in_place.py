"""The methods of Tensor that write it, and the way that any function becomes one."""
from __future__ import annotations

from typing import Any, Callable

from . import _C
from ._C import Tensor, dtype
from ._support import DTypeError, ShapeError, as_number, filled, method, wrapped


@method
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Takes the values of src, converted and broadcast; returns the tensor."""
    self._copy_(src if isinstance(src, Tensor) else _operand(self, src))
    return self


def _operand(self: Tensor, value: Any) -> Tensor:
    from ._creation import tensor

    return tensor(value, device=self.device)


@method
def fill_(self: Tensor, value: Any) -> Tensor:
    """Sets every element; returns the tensor."""
    if isinstance(value, Tensor):
        if value.ndim != 0:
            raise ShapeError(f"fill_: needs a number or a tensor of rank 0; got shape {list(value.shape)}")
        self._copy_(value)
    else:
        self._copy_(filled("fill_", [], as_number("fill_", value), self.dtype, self.device))
    return self


@method
def zero_(self: Tensor) -> Tensor:
    """Sets every element to 0; returns the tensor."""
    self._fill_(0.0)
    return self


def _fits(op: str, self: Tensor, other: Any) -> Any:
    """A number for the kernels. Raises TypeError where the tensor's dtype could not hold the result."""
    if isinstance(other, Tensor):
        return other
    number = as_number(op, other)
    if not self.dtype.is_floating_point and (isinstance(number, float) or
                                             self.dtype is _C.bool and not isinstance(number, bool)):
        raise DTypeError(f"{op}: a tensor of {self.dtype._name} does not take the number {number}")
    return number


@method
def add_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """self += alpha * other."""
    other = _fits("add_", self, other)
    if isinstance(other, Tensor):
        self._add_(other, float(_fits("add_", self, alpha)))
    else:
        product = _fits("add_", self, other * alpha)
        if not self.dtype.is_floating_point:
            product = wrapped("add_", int(product), self.dtype)
        self._add_(filled("add_", [], product, self.dtype, self.device), 1.0)
    return self


@method
def sub_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """self -= alpha * other."""
    return self.add_(other, alpha=-alpha)


@method
def mul_(self: Tensor, other: Any) -> Tensor:
    """self *= other."""
    other = _fits("mul_", self, other)
    if not isinstance(other, Tensor):
        other = other if self.dtype.is_floating_point else wrapped("mul_", int(other), self.dtype)
        other = float(other) if abs(other) <= 2**53 else filled("mul_", [], other, self.dtype, self.device)
    self._mul_(other)
    return self


def _kind(kind: dtype) -> int:
    return 2 if kind.is_floating_point else 0 if kind is _C.bool else 1


def in_place(name: str, f: Callable[..., Tensor]) -> None:
    """x.name_(...) as x.copy_(name(x, ...)); where a graph is kept, of a copy of the old values."""

    def write(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        operands = (self, *args, *kwargs.values())
        recorded = _C.is_grad_enabled() and any(isinstance(x, Tensor) and x.requires_grad for x in operands)
        result = f(_C._clone(self) if recorded else self, *args, **kwargs)
        if _kind(result.dtype) > _kind(self.dtype):
            raise DTypeError(f"{name}_: the result has {result.dtype._name} and does not fit {self.dtype._name}")
        if result.shape != self.shape:
            raise ShapeError(f"{name}_: the result must keep shape {list(self.shape)}; got {list(result.shape)}")
        self._copy_(result)
        return self

    write.__name__ = f"{name}_"
    write.__doc__ = f"{name}(self, ...) in place; returns the tensor."
    setattr(Tensor, f"{name}_", write)


@method
def relu_(self: Tensor) -> Tensor:
    """relu in place."""
    _C._relu_(self)
    return self


def _generator(generator: Any) -> Any:
    return _C.default_generator if generator is None else generator


@method
def uniform_(self: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Tensor:
    """Uniform numbers in [a, b)."""
    _C._uniform_(self, a, b, _generator(generator))
    return self


@method
def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Normal numbers."""
    _C._normal_(self, mean, std, _generator(generator))
    return self


@method
def bernoulli_(self: Tensor, p: float = 0.5, *, generator: Any = None) -> Tensor:
    """1 with probability p, else 0."""
    _C._bernoulli_(self, p, _generator(generator))
    return self


@method
def index_put_(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """self[indices] = values, or += with accumulate."""
    _C._index_put_(self, list(indices), values, accumulate)
    return self


@method
def square_(self: Tensor) -> Tensor:
    """self *= self."""
    return self.mul_(_C._clone(self))
