"""Arithmetic, functions and comparison, element by element, with broadcasting and type promotion.

A number takes part with its kind alone (bool, integer, real): it never widens float32 to float64, and widens
an integer tensor only where it is real.
"""
from __future__ import annotations

import builtins
import math
from typing import Any, Callable

from . import _C
from ._C import Tensor
from ._creation import full
from ._support import DTypeError, Number, ShapeError, as_number, check_no_out, filled, is_number, wrapped


def _pair(op: str, a: Any, b: Any) -> tuple[Any, Any]:
    """Both operands as the kernels take them: at most one is a number, and the tensor has the result's kind."""
    if isinstance(a, Tensor):
        return (a, b) if isinstance(b, Tensor) else _with_number(op, a, as_number(op, b))
    if not isinstance(b, Tensor):
        raise DTypeError(f"{op}: needs a tensor; got {type(a).__name__} and {type(b).__name__}")
    x, number = _with_number(op, b, as_number(op, a))
    return number, x


def _with_number(op: str, x: Tensor, value: Number) -> tuple[Tensor, Any]:
    if isinstance(value, bool) and x.dtype is _C.bool:
        return x, _C._full([], float(value), _C.bool, x.device)
    if isinstance(value, float):
        return (x if x.dtype.is_floating_point else _C._to_dtype(x, _C.get_default_dtype())), value
    if x.dtype.is_floating_point or x.dtype is _C.bool and builtins.abs(value) <= 2**53:
        return x, float(value)
    if op not in _COMPARISONS:
        value = wrapped(op, value, x.dtype)
    elif not 0 <= value <= 255 and x.dtype is not _C.int64:
        x = _C._to_dtype(x, _C.int64)
    return x, float(value) if builtins.abs(value) <= 2**53 else filled(op, [], value, _C.int64, x.device)


_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")  # these see numbers that the dtype does not have


def _number_first(raw: Callable[..., Tensor], a: Any, b: Any) -> Tensor:
    """raw(a, b) of a commutative operation, which takes its number second."""
    return raw(a, b) if isinstance(a, Tensor) else raw(b, a)


def add(input: Any, other: Any, *, alpha: Number = 1, out: None = None) -> Tensor:
    """input + alpha * other."""
    check_no_out("add", out)
    if alpha != 1:
        other = mul(other, alpha) if isinstance(other, Tensor) else other * alpha
    return _number_first(_C._add, *_pair("add", input, other))


def sub(input: Any, other: Any, *, alpha: Number = 1, out: None = None) -> Tensor:
    """input - alpha * other."""
    check_no_out("sub", out)
    if alpha != 1:
        other = mul(other, alpha) if isinstance(other, Tensor) else other * alpha
    return _C._sub(*_pair("sub", input, other))


def mul(input: Any, other: Any, *, out: None = None) -> Tensor:
    """input * other."""
    check_no_out("mul", out)
    return _number_first(_C._mul, *_pair("mul", input, other))


def pow(input: Any, exponent: Any, *, out: None = None) -> Tensor:
    """input to the power of exponent."""
    check_no_out("pow", out)
    a, b = _pair("pow", input, exponent)
    return _C._pow(a, b)


def square(input: Tensor) -> Tensor:
    """input * input."""
    return _C.square(input)


def neg(input: Tensor) -> Tensor:
    """-input."""
    return _C.neg(input)


def positive(input: Tensor) -> Tensor:
    """input itself."""
    return input


def _compare(name: str, raw: Callable[..., Tensor], swapped: Callable[..., Tensor], text: str) -> Callable[..., Tensor]:
    def compare(input: Any, other: Any) -> Tensor:
        a, b = _pair(name, input, other)
        return raw(a, b) if isinstance(a, Tensor) else swapped(b, a)

    compare.__name__ = compare.__qualname__ = name
    compare.__doc__ = f"input {text} other, bool."
    return compare


eq = _compare("eq", _C.eq, _C.eq, "==")
ne = _compare("ne", _C.ne, _C.ne, "!=")
lt = _compare("lt", _C.lt, _C.gt, "<")
le = _compare("le", _C.le, _C.ge, "<=")
gt = _compare("gt", _C.gt, _C.lt, ">")
ge = _compare("ge", _C.ge, _C.le, ">=")
multiply = mul
subtract = sub
negative = neg


def maximum(input: Tensor, other: Tensor) -> Tensor:
    """The larger of each pair; NaN wins."""
    return _C.maximum(input, other)


def minimum(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of each pair; NaN wins."""
    return _C.minimum(input, other)


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """input where condition, else other; without both, the indices where condition holds (`nonzero`)."""
    if input is None and other is None:
        from ._indexing import nonzero

        return nonzero(condition, as_tuple=True)
    if is_number(input) and is_number(other):
        from ._creation import tensor

        input, other = tensor(input), tensor(other)
    a, b = _pair("where", input, other)
    make = lambda value, like: _C._full([], value, like.dtype, like.device)  # noqa: E731
    a = a if isinstance(a, Tensor) else make(a, b)
    b = b if isinstance(b, Tensor) else make(b, a)
    return _C._where(condition, a, b)


def _function(name: str, doc: str) -> Callable[[Tensor], Tensor]:
    raw = getattr(_C, name)

    def apply(input: Tensor) -> Tensor:
        return raw(input)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = doc
    return apply


abs = _function("abs", "Absolute value.")
sign = _function("sign", "-1, 0 or 1.")
exp = _function("exp", "e to the power of input.")
exp2 = _function("exp2", "2 to the power of input.")
expm1 = _function("expm1", "exp(input) - 1, exact near 0.")
log = _function("log", "Natural logarithm.")
log2 = _function("log2", "Logarithm to base 2.")
log10 = _function("log10", "Logarithm to base 10.")
log1p = _function("log1p", "log(1 + input), exact near 0.")
sqrt = _function("sqrt", "Square root.")
rsqrt = _function("rsqrt", "1 / sqrt(input).")
reciprocal = _function("reciprocal", "1 / input.")
sin = _function("sin", "Sine.")
cos = _function("cos", "Cosine.")
tan = _function("tan", "Tangent.")
asin = _function("asin", "Inverse sine.")
acos = _function("acos", "Inverse cosine.")
atan = _function("atan", "Inverse tangent.")
sinh = _function("sinh", "Hyperbolic sine.")
cosh = _function("cosh", "Hyperbolic cosine.")
tanh = _function("tanh", "Hyperbolic tangent.")
erf = _function("erf", "Error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to input.")
erfc = _function("erfc", "1 - erf(input), exact where erf is near 1.")
floor = _function("floor", "Rounded down.")
ceil = _function("ceil", "Rounded up.")

def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Rounded to the nearest integer, halves to the even one; or to so many decimals, negative ones for tens."""
    if decimals == 0:
        return _C.round(input)
    scale = 10.0 ** builtins.abs(decimals)
    return _C.round(input * scale) / scale if decimals > 0 else _C.round(input / scale) * scale


trunc = _function("trunc", "Rounded towards 0.")
sigmoid = _function("sigmoid", "1 / (1 + exp(-input)).")
relu = _function("relu", "max(input, 0).")
isnan = _function("isnan", "True where NaN.")
isinf = _function("isinf", "True where infinite.")
isfinite = _function("isfinite", "True where neither NaN nor infinite.")
logical_not = _function("logical_not", "True where 0.")
bitwise_not = _function("bitwise_not", "~input of integers or booleans.")
absolute, fix, arcsin, arccos, arctan = abs, trunc, asin, acos, atan


def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """True where both are not 0."""
    return _C.logical_and(input, other)


def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """True where one is not 0."""
    return _C.logical_or(input, other)


def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """True where exactly one is not 0."""
    return _C.logical_xor(input, other)


def atan2(input: Tensor, other: Tensor) -> Tensor:
    """The angle of the point (other, input), in (-pi, pi]."""
    return _C.atan2(input, other)


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """input held in [min, max]; bounds are numbers or tensors, one may be None."""
    if min is None and max is None:
        raise ShapeError("clamp: needs min, max or both; got neither")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        as_bound = lambda b: b if b is None or isinstance(b, Tensor) else full([], b, dtype=input.dtype)  # noqa: E731
        return _C._clamp_tensors(input, as_bound(min), as_bound(max))
    bounds = [b if b is None else as_number("clamp", b) for b in (min, max)]
    if not input.dtype.is_floating_point and builtins.any(isinstance(b, float) for b in bounds):
        input = _C._to_dtype(input, _C.get_default_dtype())
    ends = {"uint8": (0, 255), "int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}.get(input.dtype._name)
    if ends is not None:  # a bound that the dtype does not have is as good as its end
        bounds = [b if b is None else builtins.max(ends[0], builtins.min(b, ends[1])) for b in bounds]
        if builtins.any(b is not None and builtins.abs(b) > 2**53 for b in bounds):
            tensors = [b if b is None else filled("clamp", [], b, _C.int64, input.device) for b in bounds]
            return _C._clamp_tensors(input, *tensors)
    low, high = bounds
    return _C._clamp(input, -math.inf if low is None else float(low), math.inf if high is None else float(high))


clip = clamp


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """clamp(input, min=min)."""
    return clamp(input, min=min)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """clamp(input, max=max)."""
    return clamp(input, max=max)


def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight * (end - input); weight is a number or a tensor."""
    return _C._lerp(input, end, weight if isinstance(weight, Tensor) else float(as_number("lerp", weight)))


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """input + value * tensor1 * tensor2."""
    return _C._addcmul(input, tensor1, tensor2, value)


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """input + value * tensor1 / tensor2."""
    return _C._addcdiv(input, tensor1, tensor2, value)


def nan_to_num(input: Tensor, nan: float | None = None, posinf: float | None = None,
               neginf: float | None = None) -> Tensor:
    """NaN and infinities replaced: by 0 and the largest finite numbers where not given."""
    return _C._nan_to_num(input, 0.0 if nan is None else nan, posinf, neginf)


def isclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """|input - other| <= atol + rtol * |other|."""
    return _C._isclose(input, other, rtol, atol, equal_nan)


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether isclose holds everywhere."""
    return _C._allclose(input, other, rtol, atol, equal_nan)


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shapes and all elements agree."""
    return _C.equal(input, other)


def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: None = None) -> Tensor:
    """input / other in floating point; rounding_mode 'floor' or 'trunc' rounds and keeps integers."""
    check_no_out("div", out)
    if rounding_mode is None:
        return _C._div(*_pair("div", input, other))
    if rounding_mode not in ("floor", "trunc"):
        raise DTypeError(f"div: rounding_mode must be None, 'floor' or 'trunc'; got {rounding_mode!r}")
    return _C._div_rounded(*_tensors("div", input, other), getattr(_C._Rounding, rounding_mode))


def _tensors(op: str, a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Both as tensors; a number becomes one of rank 0, which does not widen the other."""
    a, b = _pair(op, a, b)
    if not isinstance(a, Tensor):
        a = _C._full([], a, b.dtype, b.device)
    if not isinstance(b, Tensor):
        b = _C._full([], b, a.dtype, a.device)
    return a, b


def floor_divide(input: Any, other: Any) -> Tensor:
    """input / other rounded down."""
    return div(input, other, rounding_mode="floor")


def remainder(input: Any, other: Any) -> Tensor:
    """input - other * floor(input / other): the sign of other, as Python's %."""
    return _C.remainder(*_tensors("remainder", input, other))


def fmod(input: Any, other: Any) -> Tensor:
    """input - other * trunc(input / other): the sign of input, as C's fmod."""
    return _C.fmod(*_tensors("fmod", input, other))


def bitwise_and(input: Any, other: Any) -> Tensor:
    """input & other of integers or booleans."""
    return _C.bitwise_and(*_tensors("bitwise_and", input, other))


def bitwise_or(input: Any, other: Any) -> Tensor:
    """input | other of integers or booleans."""
    return _C.bitwise_or(*_tensors("bitwise_or", input, other))


def bitwise_xor(input: Any, other: Any) -> Tensor:
    """input ^ other of integers or booleans."""
    return _C.bitwise_xor(*_tensors("bitwise_xor", input, other))


divide = true_divide = div
greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
arctan2 = atan2

__all__ = [
    "abs", "absolute", "acos", "add", "addcdiv", "addcmul", "allclose", "arccos", "arcsin", "arctan", "arctan2",
    "asin", "atan", "atan2", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "clamp",
    "clamp_max", "clamp_min", "clip", "cos", "cosh", "div", "divide", "eq", "equal", "erf", "erfc", "exp", "exp2",
    "expm1", "fix", "floor", "floor_divide", "fmod", "ge", "greater", "greater_equal", "gt", "isclose", "isfinite",
    "isinf", "isnan", "le", "lerp", "less", "less_equal", "log", "log10", "log1p", "log2", "logical_and",
    "logical_not", "logical_or", "logical_xor", "lt", "maximum", "minimum", "mul", "multiply", "nan_to_num", "ne",
    "neg", "negative", "not_equal", "positive", "pow", "reciprocal", "relu", "remainder", "round", "rsqrt",
    "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "sub", "subtract", "tan", "tanh", "true_divide", "trunc",
    "where",
]
