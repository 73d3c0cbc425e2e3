"""The methods of Tensor that are no functions: what it is, its views and copies, its place in the graph."""
from __future__ import annotations

import weakref
from typing import Any, Callable

from . import _C
from ._C import AutogradError, Tensor, device, dtype
from ._support import DTypeError, as_device, as_dtype, as_gpu, ints, method


class memory_format:
    """How a tensor's axes lie in memory."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"voxgrad.{self._name}"

    def __reduce__(self) -> str:
        return self._name  # a copy is the same object


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")


# ---- what it is


@method
def size(self: Tensor, dim: int | None = None) -> Any:
    """The shape, or the size of one axis."""
    return self.shape if dim is None else self.shape[_axis(self, "size", dim)]


def _axis(x: Tensor, op: str, dim: int) -> int:
    rank = max(x.ndim, 1)
    if not -rank <= dim < rank:
        raise _C.OutOfRangeError(f"{op}: dim must be in [{-rank}, {rank - 1}]; got {dim}")
    return dim


@method
def stride(self: Tensor, dim: int | None = None) -> Any:
    """Elements from one index to the next, per axis."""
    return self._stride() if dim is None else self._stride()[_axis(self, "stride", dim)]


@method
def dim(self: Tensor) -> int:
    """Number of axes."""
    return self.ndim


@method
def ndimension(self: Tensor) -> int:
    """Number of axes."""
    return self.ndim


@method
def nelement(self: Tensor) -> int:
    """Number of elements."""
    return self.numel()


@method
def is_contiguous(self: Tensor, memory_format: Any = contiguous_format) -> bool:
    """True when the elements lie in this order without gaps."""
    return self._is_contiguous() if memory_format is contiguous_format else self._is_channels_last()


@method
def is_floating_point(self: Tensor) -> bool:
    """True for float32 and float64."""
    return self.dtype.is_floating_point


@method
def is_complex(self: Tensor) -> bool:
    """False: there are no complex tensors."""
    return False


@method
def get_device(self: Tensor) -> int:
    """The GPU's number; -1 on the CPU."""
    return -1 if self.device.index is None else self.device.index


def _property(name: str, get: Callable[[Tensor], Any], doc: str) -> None:
    setattr(Tensor, name, property(get, doc=doc))


_property("T", lambda x: _C._permute(x, list(range(x.ndim))[::-1]), "A view with the axes reversed.")
_property("mT", lambda x: _C._transpose(x, -1, -2), "A view with the last two axes exchanged.")
_property("is_cpu", lambda x: x.device.type == "cpu", "True on the CPU.")
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


@method
def view(self: Tensor, *shape: Any) -> Tensor:
    """The elements under another shape (one size may be -1), sharing memory.

    Raises RuntimeError where strides do not allow it; use reshape there.
    """
    if len(shape) == 1 and isinstance(shape[0], dtype):
        raise DTypeError("view: a view as another dtype is not supported; use x.to(dtype)")
    return _C._view(self, ints("view", "shape", shape))


@method
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """view(other.shape)."""
    return _C._view(self, list(other.shape))


@method
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """reshape(other.shape)."""
    return _C._reshape(self, list(other.shape))


@method
def expand(self: Tensor, *sizes: Any) -> Tensor:
    """A view with axes of size 1 repeated, and new axes in front; -1 keeps a size."""
    return _C._expand(self, ints("expand", "sizes", sizes))


@method
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """expand(other.shape)."""
    return _C._expand(self, list(other.shape))


@method
def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """A view of the windows of `size` along an axis, `step` apart, as a new last axis."""
    return _C._unfold(self, dimension, size, step)


@method
def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """The tensor itself: memory is not pinned, and copies to a GPU wait until it was read."""
    return self


@method
def is_pinned(self: Tensor, device: Any = None) -> bool:
    """False: memory is not pinned."""
    return False


@method
def share_memory_(self: Tensor) -> Tensor:
    """The tensor itself: memory is not shared between processes."""
    return self


@method
def bernoulli(self: Tensor, *, generator: Any = None) -> Tensor:
    """1 with the probability that each element is, else 0."""
    return _C._bernoulli(self, _C.default_generator if generator is None else generator)


@method
def where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """The elements where condition, else those of other."""
    from . import _elementwise

    return _elementwise.where(condition, self, other)


@method
def contiguous(self: Tensor, memory_format: Any = contiguous_format) -> Tensor:
    """The tensor itself when it lies so, else a copy that does."""
    if memory_format in (channels_last, channels_last_3d):
        return _C._channels_last(self)
    return self if self._is_contiguous() else _C._contiguous(self)


@method
def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """x.to(dtype), x.to(device), x.to(device, dtype), x.to(other), each with (non_blocking, copy) behind.

    Gives the tensor itself when nothing changes and copy is False, else a copy.
    """
    kind, where, copy = kwargs.pop("dtype", None), kwargs.pop("device", None), kwargs.pop("copy", False)
    order = kwargs.pop("memory_format", None)
    kwargs.pop("non_blocking", None)
    if kwargs:
        raise TypeError(f"to: unknown arguments {sorted(kwargs)}")
    switches = [arg for arg in args if isinstance(arg, bool)]
    copy = copy or len(switches) > 1 and switches[1]
    for arg in args:
        if isinstance(arg, Tensor):
            kind, where = arg.dtype, arg.device
        elif isinstance(arg, dtype) or arg in (float, int, bool):
            kind = arg
        elif isinstance(arg, (str, device)) or isinstance(arg, int) and not isinstance(arg, bool):
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


@method
def type(self: Tensor, dtype: Any = None) -> Any:
    """to(dtype); without it the name of the type."""
    return f"voxgrad.{self.dtype._name}" if dtype is None else _C._to_dtype(self, as_dtype("type", dtype))


@method
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """to(other.device, other.dtype)."""
    return self.to(other)


@method
def cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """to('cpu')."""
    return _C._to_device(self, device("cpu"))


@method
def cuda(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """to('cuda'), or to a GPU by its number or name. Raises RuntimeError where there is none."""
    return _C._to_device(self, as_gpu("cuda", device))


def _like(make: str) -> Callable[..., Tensor]:
    def new(self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        from . import _creation

        return getattr(_creation, make)(*size, dtype=dtype or self.dtype, device=device or self.device,
                                        requires_grad=requires_grad)

    new.__name__ = f"new_{make}"
    new.__doc__ = f"{make}(...) with this tensor's dtype and device."
    return new


for _name in ("zeros", "ones", "empty", "full", "tensor"):
    method(_like(_name))


# ---- the graph


@method
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


@method
def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Makes it a leaf that wants a gradient, or not; returns it."""
    self.requires_grad = requires_grad
    return self


@method
def detach_(self: Tensor) -> Tensor:
    """Takes it out of the graph."""
    raise AutogradError("detach_: a tensor does not leave its graph in place; use x = x.detach()")


class RemovableHandle:
    """What register_hook gives: `remove()` takes the hook away, and so does the end of a `with`."""

    def __init__(self, tensor: Tensor, number: int) -> None:
        self._tensor, self._number = tensor, number

    def remove(self) -> None:
        """Takes the hook away; nothing happens where it is gone already."""
        self._tensor._remove_hook(self._number)

    def __enter__(self) -> "RemovableHandle":
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()


@method
def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Calls hook(grad) whenever this tensor's gradient was computed; what it returns replaces the gradient.

    Raises TypeError where the hook is no function, and in the backward pass where it returns anything but a tensor or
    None.
    """
    if not callable(hook):
        raise DTypeError(f"register_hook: needs a function of the gradient; got {hook!r}")

    def checked(grad: Tensor) -> Tensor | None:
        changed = hook(grad)
        if changed is not None and not isinstance(changed, Tensor):
            raise DTypeError(f"hook: must return a tensor or None; got {changed!r}")
        return changed

    return RemovableHandle(self, self._register_hook(checked))


_retaining: dict[int, Any] = {}  # weak references to the tensors on which retain_grad was called, by id
_property("retains_grad", lambda x: id(x) in _retaining and not x.is_leaf, "True after retain_grad() of no leaf.")


@method
def retain_grad(self: Tensor) -> None:
    """Keeps `.grad` also on a tensor that is no leaf. Raises RuntimeError for one that wants no gradient."""
    if not self.requires_grad:
        raise AutogradError("retain_grad: the tensor does not want a gradient")
    if self.retains_grad or self.is_leaf:
        return
    key = id(self)
    target = weakref.ref(self, lambda _: _retaining.pop(key, None))
    _retaining[key] = target

    def keep(grad: Tensor) -> None:
        x = target()
        if x is not None:
            x.grad = _C._clone(grad) if x.grad is None else x.grad + grad

    self._register_hook(keep)
