"""New tensors: from data, constants, ranges and random numbers.

All take `dtype` (default: `get_default_dtype()` for real numbers), `device` and `requires_grad`. Random
numbers are those that PyTorch's CPU generator draws from the same seed.
"""
from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from . import _C
from ._C import Generator, Tensor, dtype
from ._support import DTypeError, Number, as_device, as_dtype, as_number, check_fits, filled, ints
from ._tensor import channels_last, channels_last_3d, preserve_format

_NARROW = {np.dtype("int8"), np.dtype("int16"), np.dtype("uint16"), np.dtype("uint32")}


def _finish(x: Tensor, requires_grad: bool) -> Tensor:
    if requires_grad:
        x.requires_grad = True
    return x


def _sizes(op: str, size: tuple[Any, ...]) -> list[int]:
    return ints(op, "size", size) if size else []


def _floating(op: str, kind: Any) -> dtype:
    return _C.get_default_dtype() if kind is None else as_dtype(op, kind)


def _array_of(data: Any, kind: dtype | None = None) -> np.ndarray:
    """`data` as an array of a dtype that tensors have.

    Python's real numbers come as `kind`, or the default dtype; as float64 beside float64 of NumPy's or a tensor's, and
    where `kind` is no floating one.
    """
    if _is_array(data):
        array = np.asarray(data)
        return array.astype(np.int64) if array.dtype in _NARROW else array
    exact = kind is not None and not kind.is_floating_point
    if isinstance(data, (list, tuple)):
        kinds = _kinds(data)
        exact = exact or not kinds.isdisjoint((np.dtype("float64"), _C.float64))
        if any(isinstance(k, dtype) for k in kinds):
            data = _without_tensors(data)
    try:
        array = np.asarray(data)
    except ValueError as e:
        raise _C.ShapeError(f"tensor: the nested sequences must have equal lengths; {e}") from None
    if array.dtype == np.float64 and not exact and not hasattr(data, "__array__"):
        array = array.astype((kind or _C.get_default_dtype())._name)
    if kind and kind.is_floating_point and (array.dtype == np.uint64 or _all_ints(array)):
        array = np.asarray(data, np.float64)  # integers past 64 bits
    if array.dtype.kind in "OUSV":
        raise DTypeError(f"tensor: needs numbers in nested sequences; got {type(data).__name__} of {array.dtype}")
    return array


def _all_ints(array: np.ndarray) -> bool:
    return array.dtype.kind == "O" and all(isinstance(v, int) for v in array.flat)


def _is_array(data: Any) -> bool:
    return isinstance(data, (np.ndarray, np.generic))


def _kinds(data: Any) -> set[Any]:
    """The dtypes of the tensors, arrays and NumPy numbers in nested sequences."""
    if isinstance(data, (list, tuple)):
        return set().union(*map(_kinds, data))
    return {data.dtype} if isinstance(data, (Tensor, np.ndarray, np.generic)) else set()


def _without_tensors(data: Any) -> Any:
    if isinstance(data, (list, tuple)):
        return [_without_tensors(d) for d in data]
    return data.tolist() if isinstance(data, Tensor) else data


def tensor(data: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
           pin_memory: bool = False) -> Tensor:
    """A copy of numbers, nested sequences, an array or a tensor; of a tensor on its device, else on the CPU.

    Integers give int64, real numbers `get_default_dtype()`, booleans bool; arrays keep their dtype.
    Raises TypeError for complex numbers, text and objects, ValueError for ragged sequences.
    """
    if isinstance(data, Tensor):
        copied = _C._clone(data.detach())
        x = copied if dtype is None else _C._to_dtype(copied, as_dtype("tensor", dtype))
        device = x.device if device is None else device
    else:
        kind = None if dtype is None else as_dtype("tensor", dtype)
        array = _array_of(data, kind)
        if kind is not None and array.size and not (kind.is_floating_point or kind is _C.bool or _is_array(data)):
            check_fits("tensor", array.min(), array.max(), kind)
        x = _C._copy_array(np.require(array, requirements="A"))
        if kind is not None:
            x = _C._to_dtype(x, kind)
    return _finish(_C._to_device(x, as_device(device)), requires_grad)


def as_tensor(data: Any, dtype: dtype | None = None, device: Any = None) -> Tensor:
    """The tensor itself, a tensor over the array's memory, or else `tensor(data)`."""
    if isinstance(data, Tensor):
        x = data
    elif isinstance(data, np.ndarray) and data.flags.writeable and data.dtype not in _NARROW:
        x = _C._from_numpy(data)
    else:
        x = tensor(data, dtype=None if _is_array(data) else dtype)
    if dtype is not None:
        x = _C._to_dtype(x, as_dtype("as_tensor", dtype))
    return x if device is None else _C._to_device(x, as_device(device))


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor over the array's memory: both see each other's writes.

    While the tensor lives the array keeps its place: its resize() raises ValueError.
    Raises TypeError for dtypes that tensors do not have, ValueError for read-only arrays and negative strides.
    """
    if not isinstance(ndarray, np.ndarray):
        raise DTypeError(f"from_numpy: needs a NumPy array; got {type(ndarray).__name__}")
    return _C._from_numpy(ndarray)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor over the memory of any object with `__dlpack__`, or of a DLPack capsule; on the CPU or a GPU."""
    if isinstance(ext_tensor, np.ndarray):  # whose own capsule lets it move its memory
        return _C._from_numpy(ext_tensor)
    if hasattr(ext_tensor, "__dlpack__"):
        where = ext_tensor.__dlpack_device__()[0] if hasattr(ext_tensor, "__dlpack_device__") else 1
        # The legacy default stream, in which all our work is: the producer makes it wait for its own.
        stream: dict[str, Any] = {"stream": 1} if where in (2, 13) else {}
        try:
            ext_tensor = ext_tensor.__dlpack__(max_version=(1, 0), **stream)
        except TypeError:
            ext_tensor = ext_tensor.__dlpack__(**stream)
    return _C._from_dlpack(ext_tensor)


def full(size: Sequence[int], fill_value: Number, *, dtype: dtype | None = None, device: Any = None,
         requires_grad: bool = False) -> Tensor:
    """A tensor of one value; without `dtype` bool, int64 or the default dtype, as the value is."""
    value = as_number("full", fill_value)
    if dtype is None:
        dtype = _C.bool if isinstance(value, bool) else _C.int64 if isinstance(value, int) else _C.get_default_dtype()
    made = filled("full", _sizes("full", (size,)), value, as_dtype("full", dtype), as_device(device))
    return _finish(made, requires_grad)


def zeros(*size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
          out: None = None) -> Tensor:
    """Zeros: `zeros(2, 3)` or `zeros((2, 3))`."""
    return _finish(_C._full(_sizes("zeros", size), 0.0, _floating("zeros", dtype), as_device(device)), requires_grad)


def ones(*size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
         out: None = None) -> Tensor:
    """Ones: `ones(2, 3)` or `ones((2, 3))`."""
    return _finish(_C._full(_sizes("ones", size), 1.0, _floating("ones", dtype), as_device(device)), requires_grad)


def _empty(order: Any) -> Any:
    return _C._empty_channels_last if order in (channels_last, channels_last_3d) else _C._empty


def empty(*size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
          memory_format: Any = None, out: None = None) -> Tensor:
    """Uninitialised memory."""
    made = _empty(memory_format)(_sizes("empty", size), _floating("empty", dtype), as_device(device))
    return _finish(made, requires_grad)


def _like(fill: Number | None, x: Tensor, dtype: Any, device: Any, requires_grad: bool, order: Any) -> Tensor:
    kind = x.dtype if dtype is None else as_dtype("like", dtype)
    if order is None or order is preserve_format:
        made = _C._empty_like(x.detach(), kind)
    else:
        made = _empty(order)(list(x.shape), kind, x.device)
    if device is not None:
        made = _C._to_device(made, as_device(device))
    if fill is not None:
        made._copy_(filled("full_like", [], fill, made.dtype, made.device))
    return _finish(made, requires_grad)


def zeros_like(input: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
               memory_format: Any = None) -> Tensor:
    """Zeros of the shape, dtype and memory order of `input`."""
    return _like(0.0, input, dtype, device, requires_grad, memory_format)


def ones_like(input: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
              memory_format: Any = None) -> Tensor:
    """Ones of the shape, dtype and memory order of `input`."""
    return _like(1.0, input, dtype, device, requires_grad, memory_format)


def full_like(input: Tensor, fill_value: Number, *, dtype: dtype | None = None, device: Any = None,
              requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """One value in the shape, dtype and memory order of `input`."""
    return _like(as_number("full_like", fill_value), input, dtype, device, requires_grad, memory_format)


def empty_like(input: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
               memory_format: Any = None) -> Tensor:
    """Uninitialised memory in the shape, dtype and memory order of `input`."""
    return _like(None, input, dtype, device, requires_grad, memory_format)


def arange(start: Number, end: Number | None = None, step: Number = 1, *, dtype: dtype | None = None,
           device: Any = None, requires_grad: bool = False) -> Tensor:
    """start, start + step, ... below `end`; int64 when all three are integers.

    Raises ValueError for step 0 and where the sign of step does not lead from start to end.
    """
    if end is None:
        start, end = 0, start
    values = [as_number("arange", v) for v in (start, end, step)]
    if dtype is None:
        dtype = _C.int64 if all(isinstance(v, int) for v in values) else _C.get_default_dtype()
    kind, where = as_dtype("arange", dtype), as_device(device)
    if kind is _C.int64 and any(abs(v) > 2**53 for v in values) and values[2]:  # floating point would round
        check_fits("arange", min(values), max(values), kind)
        made = _C._to_device(_C._copy_array(np.arange(*map(int, values), dtype=np.int64)), where)
    else:
        made = _C._arange(float(values[0]), float(values[1]), float(values[2]), kind, where)
    return _finish(made, requires_grad)


def linspace(start: Number, end: Number, steps: int, *, dtype: dtype | None = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """`steps` numbers from start to end, both included, at equal distances."""
    made = _C._linspace(float(start), float(end), steps, _floating("linspace", dtype), as_device(device))
    return _finish(made, requires_grad)


def eye(n: int, m: int | None = None, *, dtype: dtype | None = None, device: Any = None,
        requires_grad: bool = False) -> Tensor:
    """(n, m) with ones on the diagonal."""
    made = _C._eye(n, n if m is None else m, _floating("eye", dtype), as_device(device))
    return _finish(made, requires_grad)


def _generator(generator: Generator | None) -> Generator:
    return _C.default_generator if generator is None else generator


def rand(*size: Any, generator: Generator | None = None, dtype: dtype | None = None, device: Any = None,
         requires_grad: bool = False) -> Tensor:
    """Uniform in [0, 1)."""
    made = _C._rand(_sizes("rand", size), _floating("rand", dtype), as_device(device), _generator(generator))
    return _finish(made, requires_grad)


def randn(*size: Any, generator: Generator | None = None, dtype: dtype | None = None, device: Any = None,
          requires_grad: bool = False) -> Tensor:
    """Normal with mean 0 and deviation 1."""
    made = _C._randn(_sizes("randn", size), _floating("randn", dtype), as_device(device), _generator(generator))
    return _finish(made, requires_grad)


def rand_like(input: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform in [0, 1), of the shape of `input`."""
    return rand(*input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


def randn_like(input: Tensor, *, dtype: dtype | None = None, device: Any = None,
               requires_grad: bool = False) -> Tensor:
    """Normal with mean 0 and deviation 1, of the shape of `input`."""
    return randn(*input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


def randint(low: int, high: Any = None, size: Any = None, *, generator: Generator | None = None,
            dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Integers in [low, high): `randint(high, size)` or `randint(low, high, size)`."""
    if size is None:
        low, high, size = 0, low, high
    kind = _C.int64 if dtype is None else as_dtype("randint", dtype)
    made = _C._randint(low, high, _sizes("randint", (size,)), kind, as_device(device), _generator(generator))
    return _finish(made, requires_grad)


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that each element is, else 0."""
    return _C._bernoulli(input, _generator(generator))


def normal(mean: float = 0.0, std: float = 1.0, size: Sequence[int] = (), *, generator: Generator | None = None,
           dtype: dtype | None = None, device: Any = None) -> Tensor:
    """Normal with the given mean and deviation."""
    made = _C._empty(_sizes("normal", (size,)), _floating("normal", dtype), as_device(device))
    return _C._normal_(made, mean, std, _generator(generator))


def randperm(n: int, *, generator: Generator | None = None, dtype: dtype | None = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """A random permutation of 0 ... n - 1, int64."""
    made = _C._randperm(n, as_device(device), _generator(generator))
    return _finish(made if dtype is None else _C._to_dtype(made, as_dtype("randperm", dtype)), requires_grad)


def manual_seed(seed: int) -> Generator:
    """Starts the default generator's stream anew; returns the generator."""
    if not hasattr(seed, "__index__"):
        raise DTypeError(f"manual_seed: seed must be an integer; got {seed!r}")
    _C._manual_seed(int(seed) % 2**64)
    return _C.default_generator


def get_rng_state() -> Tensor:
    """The default generator's state, for `set_rng_state`: bytes in a tensor of uint8."""
    return _C.default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Continues where `get_rng_state` was taken. Raises ValueError for what it did not give."""
    _C.default_generator.set_state(new_state)


__all__ = [
    "arange", "as_tensor", "bernoulli", "empty", "empty_like", "eye", "from_dlpack", "from_numpy", "full",
    "full_like", "get_rng_state", "linspace", "manual_seed", "normal", "ones", "ones_like", "rand", "rand_like",
    "randint", "randn", "randn_like", "randperm", "set_rng_state", "tensor", "zeros", "zeros_like",
]
