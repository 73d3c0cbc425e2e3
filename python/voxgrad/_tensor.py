"""The methods and operators of Tensor: the package's functions with the tensor as first argument."""
from __future__ import annotations

from typing import Any, Callable

import numpy as np

from . import _C, _elementwise, _indexing, _printing, _reduce, _shape
from ._C import AutogradError, Tensor, device, dtype
from ._support import DTypeError, ShapeError, as_device, as_dtype, as_number, ints


class memory_format:
    """How a tensor's axes lie in memory."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"voxgrad.{self._name}"


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")


def _method(f: Callable[..., Any]) -> Callable[..., Any]:
    setattr(Tensor, f.__name__, f)
    return f


# ---- what it is


@_method
def size(self: Tensor, dim: int | None = None) -> Any:
    """The shape, or the size of one axis."""
    return self.shape if dim is None else self.shape[_axis(self, "size", dim)]


def _axis(x: Tensor, op: str, dim: int) -> int:
    rank = max(x.ndim, 1)
    if not -rank <= dim < rank:
        raise _C.OutOfRangeError(f"{op}: dim must be in [{-rank}, {rank - 1}]; got {dim}")
    return dim


@_method
def stride(self: Tensor, dim: int | None = None) -> Any:
    """Elements from one index to the next, per axis."""
    return self._stride() if dim is None else self._stride()[_axis(self, "stride", dim)]


@_method
def dim(self: Tensor) -> int:
    """Number of axes."""
    return self.ndim


@_method
def nelement(self: Tensor) -> int:
    """Number of elements."""
    return self.numel()


@_method
def is_contiguous(self: Tensor, memory_format: Any = contiguous_format) -> bool:
    """True when the elements lie in this order without gaps."""
    return self._is_contiguous() if memory_format is contiguous_format else self._is_channels_last()


@_method
def is_floating_point(self: Tensor) -> bool:
    """True for float32 and float64."""
    return self.dtype.is_floating_point


@_method
def is_complex(self: Tensor) -> bool:
    """False: there are no complex tensors."""
    return False


@_method
def get_device(self: Tensor) -> int:
    """The GPU's number; -1 on the CPU."""
    return -1 if self.device.index is None else self.device.index


def _property(name: str, get: Callable[[Tensor], Any], doc: str) -> None:
    setattr(Tensor, name, property(get, doc=doc))


_property("T", lambda x: _C._permute(x, list(range(x.ndim))[::-1]), "A view with the axes reversed.")
_property("mT", lambda x: _C._transpose(x, -1, -2), "A view with the last two axes exchanged.")
_property("is_cuda", lambda x: x.device.type == "cuda", "True on a GPU.")
_property("itemsize", lambda x: x.dtype.itemsize, "Bytes of one element.")
_property("nbytes", lambda x: x.dtype.itemsize * x.numel(), "Bytes of all elements.")
_property("is_sparse", lambda x: False, "False: there are no sparse tensors.")
_property("is_quantized", lambda x: False, "False: there are no quantized tensors.")
_property("layout", lambda x: "voxgrad.strided", "How elements are stored; strided, always.")


class _GradFn:
    """The operation that computed a tensor."""

    def __init__(self, op: str) -> None:
        self._op = op

    def name(self) -> str:
        return "".join(part.capitalize() for part in self._op.split("_")) + "Backward0"

    def __repr__(self) -> str:
        return f"<{self.name()}>"


_property("grad_fn", lambda x: None if x._op is None else _GradFn(x._op), "What computed it; None for leaves.")


# ---- views and copies with their own argument lists


@_method
def view(self: Tensor, *shape: Any) -> Tensor:
    """The elements under another shape (one size may be -1), sharing memory.

    Raises RuntimeError where strides do not allow it; use reshape there.
    """
    if len(shape) == 1 and isinstance(shape[0], dtype):
        raise DTypeError("view: a view as another dtype is not supported; use x.to(dtype)")
    return _C._view(self, ints("view", "shape", shape))


@_method
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """view(other.shape)."""
    return _C._view(self, list(other.shape))


@_method
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """reshape(other.shape)."""
    return _C._reshape(self, list(other.shape))


@_method
def expand(self: Tensor, *sizes: Any) -> Tensor:
    """A view with axes of size 1 repeated, and new axes in front; -1 keeps a size."""
    return _C._expand(self, ints("expand", "sizes", sizes))


@_method
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """expand(other.shape)."""
    return _C._expand(self, list(other.shape))


@_method
def contiguous(self: Tensor, memory_format: Any = contiguous_format) -> Tensor:
    """The tensor itself when it lies so, else a copy that does."""
    if memory_format in (channels_last, channels_last_3d):
        return _C._channels_last(self)
    return self if self._is_contiguous() else _C._contiguous(self)


@_method
def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """x.to(dtype), x.to(device), x.to(device, dtype), x.to(other): itself when nothing changes, else a copy."""
    kind, where, copy = kwargs.pop("dtype", None), kwargs.pop("device", None), kwargs.pop("copy", False)
    order = kwargs.pop("memory_format", None)
    kwargs.pop("non_blocking", None)
    if kwargs:
        raise TypeError(f"to: unknown arguments {sorted(kwargs)}")
    for arg in args:
        if isinstance(arg, Tensor):
            kind, where = arg.dtype, arg.device
        elif isinstance(arg, dtype) or arg in (float, int, bool):
            kind = arg
        elif isinstance(arg, (str, device)):
            where = arg
        elif arg is not None and not isinstance(arg, bool):
            raise DTypeError(f"to: needs a dtype, a device or a tensor; got {arg!r}")
    result = self
    if kind is not None:
        result = _C._to_dtype(result, as_dtype("to", kind))
    if where is not None:
        result = _C._to_device(result, as_device(where))
    if copy and result is self:
        result = _C._clone(self)
    return result if order is None else result.contiguous(memory_format=order)


def _conversion(name: str, kind: dtype) -> None:
    def convert(self: Tensor) -> Tensor:
        return _C._to_dtype(self, kind)

    convert.__name__ = name
    convert.__doc__ = f"to({kind._name})."
    setattr(Tensor, name, convert)


for _name, _kind in [("float", _C.float32), ("double", _C.float64), ("long", _C.int64), ("int", _C.int32),
                     ("byte", _C.uint8), ("bool", _C.bool)]:
    _conversion(_name, _kind)


@_method
def type(self: Tensor, dtype: Any = None) -> Any:
    """to(dtype); without it the name of the type."""
    return f"voxgrad.{self.dtype._name}" if dtype is None else _C._to_dtype(self, as_dtype("type", dtype))


@_method
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """to(other.dtype)."""
    return _C._to_dtype(self, other.dtype)


@_method
def cpu(self: Tensor) -> Tensor:
    """to('cpu')."""
    return _C._to_device(self, device("cpu"))


@_method
def cuda(self: Tensor, device: Any = None) -> Tensor:
    """to('cuda')."""
    return _C._to_device(self, as_device("cuda" if device is None else device))


def _like(make: str) -> Callable[..., Tensor]:
    def new(self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        from . import _creation

        return getattr(_creation, make)(*size, dtype=dtype or self.dtype, device=device or self.device,
                                        requires_grad=requires_grad)

    new.__name__ = f"new_{make}"
    new.__doc__ = f"{make}(...) with this tensor's dtype and device."
    return new


for _name in ("zeros", "ones", "empty", "full", "tensor"):
    _method(_like(_name))


# ---- the graph


@_method
def backward(self: Tensor, gradient: Tensor | None = None, retain_graph: bool | None = None,
             create_graph: bool = False, inputs: Any = None) -> None:
    """Adds d(self)/d(leaf) to `.grad` of every leaf that wants a gradient.

    `gradient` has the tensor's shape and is needed unless it has one element. Raises RuntimeError outside the graph,
    for a graph that was freed, and where values it needs were changed in place.
    """
    if inputs is not None:
        from .autograd import backward as run

        run(self, gradient, retain_graph, create_graph, inputs=inputs)
        return
    keep = create_graph if retain_graph is None else retain_graph
    self._backward(gradient, keep, create_graph)


@_method
def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Makes it a leaf that wants a gradient, or not; returns it."""
    self.requires_grad = requires_grad
    return self


@_method
def detach_(self: Tensor) -> Tensor:
    """Takes it out of the graph."""
    raise AutogradError("detach_: a tensor does not leave its graph in place; use x = x.detach()")


class RemovableHandle:
    """What register_hook gives; remove() takes the hook away."""

    def __init__(self, tensor: Tensor, number: int) -> None:
        self._tensor, self._number = tensor, number

    def remove(self) -> None:
        self._tensor._remove_hook(self._number)


@_method
def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Calls hook(grad) whenever this tensor's gradient was computed; what it returns replaces the gradient."""
    return RemovableHandle(self, self._register_hook(hook))


@_method
def retain_grad(self: Tensor) -> None:
    """Keeps `.grad` also on a tensor that is no leaf."""
    if self.is_leaf:
        return
    import weakref

    target = weakref.ref(self)

    def keep(grad: Tensor) -> None:
        x = target()
        if x is not None:
            x.grad = grad if x.grad is None else x.grad + grad

    self._register_hook(keep)


# ---- in place


@_method
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Takes the values of src, converted and broadcast; returns the tensor."""
    self._copy_(src if isinstance(src, Tensor) else _operand(self, src))
    return self


def _operand(self: Tensor, value: Any) -> Tensor:
    from ._creation import tensor

    return tensor(value, device=self.device)


@_method
def fill_(self: Tensor, value: Any) -> Tensor:
    """Sets every element; returns the tensor."""
    if isinstance(value, Tensor):
        if value.ndim != 0:
            raise ShapeError(f"fill_: needs a number or a tensor of rank 0; got shape {list(value.shape)}")
        self._copy_(value)
    else:
        self._fill_(float(as_number("fill_", value)))
    return self


@_method
def zero_(self: Tensor) -> Tensor:
    """Sets every element to 0; returns the tensor."""
    self._fill_(0.0)
    return self


def _fits(op: str, self: Tensor, other: Any) -> Any:
    """A number for the kernels. Raises TypeError where an integer tensor would take a real number."""
    if isinstance(other, Tensor):
        return other
    number = as_number(op, other)
    if isinstance(number, float) and not self.dtype.is_floating_point:
        raise DTypeError(f"{op}: a tensor of {self.dtype._name} does not take the real number {number}")
    return number


@_method
def add_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """self += alpha * other."""
    other = _fits("add_", self, other)
    if isinstance(other, Tensor):
        self._add_(other, float(_fits("add_", self, alpha)))
    else:
        self._add_(_C._full([], float(other) * alpha, self.dtype, self.device), 1.0)
    return self


@_method
def sub_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """self -= alpha * other."""
    return self.add_(other, alpha=-alpha)


@_method
def mul_(self: Tensor, other: Any) -> Tensor:
    """self *= other."""
    other = _fits("mul_", self, other)
    self._mul_(other if isinstance(other, Tensor) else float(other))
    return self


def _in_place(name: str, f: Callable[..., Tensor]) -> None:
    """x.name_(...) as x.copy_(name(x, ...)); where a graph is kept, of a copy of the old values."""

    def write(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        old = _C._clone(self) if _C.is_grad_enabled() and self.requires_grad else self
        result = f(old, *args, **kwargs)
        if result.dtype is not self.dtype and result.dtype.is_floating_point > self.dtype.is_floating_point:
            raise DTypeError(f"{name}_: the result has {result.dtype._name} and does not fit {self.dtype._name}")
        if result.shape != self.shape:
            raise ShapeError(f"{name}_: the result must keep shape {list(self.shape)}; got {list(result.shape)}")
        self._copy_(result)
        return self

    write.__name__ = f"{name}_"
    write.__doc__ = f"{name}(self, ...) in place; returns the tensor."
    setattr(Tensor, f"{name}_", write)


@_method
def relu_(self: Tensor) -> Tensor:
    """relu in place."""
    _C._relu_(self)
    return self


def _generator(generator: Any) -> Any:
    return _C.default_generator if generator is None else generator


@_method
def uniform_(self: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Tensor:
    """Uniform numbers in [a, b)."""
    _C._uniform_(self, a, b, _generator(generator))
    return self


@_method
def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Normal numbers."""
    _C._normal_(self, mean, std, _generator(generator))
    return self


@_method
def bernoulli_(self: Tensor, p: float = 0.5, *, generator: Any = None) -> Tensor:
    """1 with probability p, else 0."""
    _C._bernoulli_(self, p, _generator(generator))
    return self


@_method
def index_put_(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """self[indices] = values, or += with accumulate."""
    _C._index_put_(self, list(indices), values, accumulate)
    return self


@_method
def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """A view of the windows of `size` along an axis, `step` apart, as a new last axis."""
    return _C._unfold(self, dimension, size, step)


@_method
def square_(self: Tensor) -> Tensor:
    """self *= self."""
    return self.mul_(self)


# ---- numbers, NumPy, DLPack


@_method
def numpy(self: Tensor, *, force: bool = False) -> np.ndarray:
    """An array over the tensor's memory. Raises RuntimeError for one that wants a gradient, unless forced."""
    return _C._to_numpy(self.detach().cpu() if force else self)


@_method
def __array__(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    array = _C._to_numpy(self)
    if dtype is not None and array.dtype != dtype:
        if copy is False:
            raise ValueError(f"__array__: {array.dtype} becomes {np.dtype(dtype)} only by a copy")
        return array.astype(dtype)
    return array.copy() if copy else array


@_method
def __dlpack__(self: Tensor, *, stream: Any = None, max_version: Any = None, dl_device: Any = None,
               copy: bool | None = None) -> Any:
    return _C._to_dlpack(_C._clone(self) if copy else self)


@_method
def __dlpack_device__(self: Tensor) -> tuple[int, int]:
    return (1, 0) if self.device.type == "cpu" else (2, self.device.index or 0)


@_method
def __bool__(self: Tensor) -> bool:
    if self.numel() != 1:
        raise ShapeError(f"bool: a tensor of several elements is neither true nor false; got shape {list(self.shape)}; "
                         "use x.any() or x.all()")
    return bool(self.item())


@_method
def __float__(self: Tensor) -> float:
    return float(self.item())


@_method
def __int__(self: Tensor) -> int:
    return int(self.item())


@_method
def __index__(self: Tensor) -> int:
    if self.dtype.is_floating_point:
        raise DTypeError(f"index: needs an integer tensor; got {self.dtype._name}")
    return int(self.item())


@_method
def __len__(self: Tensor) -> int:
    if self.ndim == 0:
        raise DTypeError("len: a tensor of rank 0 has no length")
    return self.shape[0]


@_method
def __iter__(self: Tensor) -> Any:
    if self.ndim == 0:
        raise DTypeError("iter: a tensor of rank 0 has no elements to go through")
    return iter(_shape.unbind(self))


@_method
def __contains__(self: Tensor, element: Any) -> bool:
    return bool((_elementwise.eq(self, element)).any())


@_method
def __format__(self: Tensor, spec: str) -> str:
    return format(self.item() if self.ndim == 0 and spec else repr(self) if not spec else self.item(), spec)


@_method
def __repr__(self: Tensor) -> str:
    return _printing.text(self)


Tensor.__str__ = Tensor.__repr__


@_method
def __deepcopy__(self: Tensor, memo: dict[int, Any]) -> Tensor:
    if not self.is_leaf:
        raise AutogradError("deepcopy: only leaves can be copied with their graph; use x.detach().clone()")
    if id(self) in memo:
        return memo[id(self)]
    copied = self.__class__(_C._clone(self.detach()))
    copied.requires_grad = self.requires_grad
    if self.grad is not None:
        copied.grad = _C._clone(self.grad.detach())
    memo[id(self)] = copied
    return copied


def _rebuild(kind: Any, array: np.ndarray, channels_last: bool, requires_grad: bool) -> Tensor:
    x = _C._copy_array(array)
    x = kind(_C._channels_last(x) if channels_last else x)
    x.requires_grad = requires_grad
    return x


@_method
def __reduce_ex__(self: Tensor, protocol: int) -> Any:
    if not self.is_leaf:
        raise AutogradError("pickle: only leaves can be pickled; use x.detach()")
    host = self.detach().cpu()
    order = host._is_channels_last() and not host._is_contiguous()
    return _rebuild, (self.__class__, np.ascontiguousarray(host.numpy()).reshape(host.shape), order, self.requires_grad)


Tensor.__array_priority__ = 1000
Tensor.__getitem__ = _indexing.get
Tensor.__setitem__ = _indexing.set


# ---- operators


def _operator(name: str, f: Callable[[Any, Any], Any], reflected: bool = False) -> None:
    def operate(self: Tensor, other: Any) -> Any:
        try:
            return f(other, self) if reflected else f(self, other)
        except DTypeError:
            if isinstance(other, (Tensor, int, float, np.generic)):
                raise
            return NotImplemented

    operate.__name__ = name
    setattr(Tensor, name, operate)


for _name, _f in [("add", _elementwise.add), ("sub", _elementwise.sub), ("mul", _elementwise.mul),
                  ("truediv", _elementwise.div), ("floordiv", _elementwise.floor_divide),
                  ("mod", _elementwise.remainder), ("pow", _elementwise.pow), ("and", _elementwise.bitwise_and),
                  ("or", _elementwise.bitwise_or), ("xor", _elementwise.bitwise_xor)]:
    _operator(f"__{_name}__", _f)
    _operator(f"__r{_name}__", _f, reflected=True)
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    _operator(f"__{_name}__", getattr(_elementwise, _name))
Tensor.__neg__ = lambda self: _C.neg(self)
Tensor.__pos__ = lambda self: self
Tensor.__abs__ = lambda self: _C.abs(self)
Tensor.__invert__ = lambda self: _elementwise.bitwise_not(self)
Tensor.__matmul__ = lambda self, other: _C.matmul(self, other)
Tensor.__iadd__ = lambda self, other: self.add_(other)
Tensor.__isub__ = lambda self, other: self.sub_(other)
Tensor.__imul__ = lambda self, other: self.mul_(other)
