"""Initial values. All functions fill their tensor in place, record nothing and return it.

The numbers are those that PyTorch draws from the same seed, of the default generator unless `generator` is given.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _C
from .._C import Generator, ShapeError, Tensor
from ..autograd.grad_mode import no_grad

_LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
           "sigmoid")


def _generator(generator: Generator | None) -> Generator:
    return _C.default_generator if generator is None else generator


def _fill(tensor: Tensor, value: float) -> Tensor:
    with no_grad():
        return tensor.fill_(value)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """How much a nonlinearity shrinks the deviation of what passes.

    1 for "linear", "conv...", "sigmoid"; 5 / 3 for "tanh"; sqrt(2) for "relu"; sqrt(2 / (1 + param^2)) for
    "leaky_relu" (param 0.01 by default); 3 / 4 for "selu". Raises ValueError for other names and values.
    """
    if nonlinearity in _LINEAR:
        return 1.0
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "selu":
        return 3.0 / 4
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"calculate_gain: the slope of leaky_relu must be a number; got {param!r}")
        return math.sqrt(2.0 / (1 + slope**2))
    raise ValueError(f"calculate_gain: unknown nonlinearity '{nonlinearity}'")


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Inputs that one output of a weight (out, in, kernel...) sees, and outputs that one input reaches."""
    if tensor.ndim < 2:
        raise ShapeError(f"fan in and fan out: the weight must have at least 2 axes; got shape {list(tensor.shape)}")
    taps = math.prod(tensor.shape[2:])
    return tensor.shape[1] * taps, tensor.shape[0] * taps


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"kaiming: mode must be 'fan_in' or 'fan_out'; got '{mode}'")
    return _calculate_fan_in_and_fan_out(tensor)[0 if mode.lower() == "fan_in" else 1]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform in [a, b)."""
    _C._uniform_(tensor.detach(), a, b, _generator(generator))
    return tensor


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with that mean and deviation. Raises ValueError for a negative deviation."""
    _C._normal_(tensor.detach(), mean, std, _generator(generator))
    return tensor


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
                  generator: Generator | None = None) -> Tensor:
    """Normal values within [a, b].

    Where more than 3 in 10 of all normal values lie there, those outside are drawn anew until none is left, with the
    numbers of PyTorch 2.15; else by inversion: mean + std * sqrt(2) * erfinv(u), u uniform between
    2 cdf((a - mean) / std) - 1 and 2 cdf((b - mean) / std) - 1. Raises ValueError unless a < b.
    """
    if not a < b:
        raise ShapeError(f"trunc_normal_: a must be below b; got {a} and {b}")

    def cdf(x: float) -> float:
        return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0

    low, high = cdf((a - mean) / std), cdf((b - mean) / std)
    if high - low > 0.3:
        return _redraw_outside(tensor, mean, std, a, b, generator)
    uniform_(tensor, 2 * low - 1, 2 * high - 1, generator)
    with no_grad():
        drawn = _erfinv(tensor.detach().cpu().numpy()) * (std * math.sqrt(2.0)) + mean
        return tensor.copy_(_C._copy_array(np.clip(drawn, a, b)))


def _redraw_outside(tensor: Tensor, mean: float, std: float, a: float, b: float,
                    generator: Generator | None) -> Tensor:
    fresh = _C._empty(list(tensor.shape), tensor.dtype, _C.device("cpu"))
    values = normal_(fresh, mean, std, generator).numpy().copy()
    outside = (values < a) | (values > b)
    while outside.any():
        np.copyto(values, normal_(fresh, mean, std, generator).numpy(), where=outside)
        outside = (values < a) | (values > b)
    with no_grad():
        return tensor.copy_(_C._copy_array(values))


_erf = np.frompyfunc(math.erf, 1, 1)


def _erfinv(x: np.ndarray) -> np.ndarray:
    """The inverse of erf in float64: a rough closed form (Winitzki), then steps of Halley's method."""
    x = x.astype(np.float64)
    edge = 1 - np.finfo(np.float64).eps / 2
    inside = np.clip(x, -edge, edge)
    log = np.log1p(-inside * inside)
    half = 2 / (math.pi * 0.147) + log / 2
    y = np.sign(inside) * np.sqrt(np.sqrt(half * half - log / 0.147) - half)
    for _ in range(3):
        gap = (_erf(y).astype(np.float64) - inside) * np.exp(y * y) * (math.sqrt(math.pi) / 2)
        y = y - gap / (1 + y * gap)
    return y


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Every element `val`."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Every element 0."""
    return _fill(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Every element 1."""
    return _fill(tensor, 1.0)


def eye_(tensor: Tensor) -> Tensor:
    """Ones on the diagonal of a matrix, zeros elsewhere. Raises ValueError for another rank."""
    if tensor.ndim != 2:
        raise ShapeError(f"eye_: needs a matrix; got shape {list(tensor.shape)}")
    with no_grad():
        return tensor.copy_(_C._eye(tensor.shape[0], tensor.shape[1], tensor.dtype, tensor.device))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution's weight (out, in / groups, kernel...) that passes as many channels on as it can.

    Raises ValueError unless the rank is 3 to 5 and groups divide the outputs.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ShapeError(f"dirac_: needs rank 3, 4 or 5; got shape {list(tensor.shape)}")
    outputs, inputs, *kernel = tensor.shape
    if outputs % groups:
        raise ShapeError(f"dirac_: groups must divide the {outputs} outputs; got {groups}")
    each = outputs // groups
    with no_grad():
        tensor.fill_(0.0)
        for g in range(groups):
            for channel in range(min(each, inputs)):
                place = (g * each + channel, channel, *(k // 2 for k in kernel))
                tensor[place] = 1
    return tensor


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform in +-gain * sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / float(fan_in + fan_out))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with deviation gain * sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator)


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                     generator: Generator | None = None) -> Tensor:
    """Uniform in +-sqrt(3) * gain / sqrt(fan), `a` the slope of leaky_relu (He et al., 2015)."""
    if 0 in tensor.shape:
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                    generator: Generator | None = None) -> Tensor:
    """Normal with deviation gain / sqrt(fan), `a` the slope of leaky_relu (He et al., 2015)."""
    if 0 in tensor.shape:
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """A matrix (size 0, the other sizes flattened) with orthogonal rows or columns, times gain (Saxe et al., 2013).

    The numbers are those of PyTorch to rounding. Raises ValueError below rank 2.
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_: needs at least 2 axes; got shape {list(tensor.shape)}")
    if tensor.numel() == 0:
        return tensor
    rows, columns = tensor.shape[0], tensor.numel() // tensor.shape[0]
    drawn = normal_(_C._empty([rows, columns], tensor.dtype, _C.device("cpu")), generator=generator).numpy()
    q, r = np.linalg.qr(drawn.T if rows < columns else drawn)
    q = q * np.sign(np.diag(r))
    with no_grad():
        return tensor.copy_(_C._copy_array(q.T if rows < columns else q).reshape(tensor.shape) * gain)


def _deprecated(name: str) -> Any:
    from typing import Callable

    current: Callable[..., Tensor] = globals()[f"{name}_"]

    def old(*args: Any, **kwargs: Any) -> Tensor:
        return current(*args, **kwargs)

    old.__name__ = name
    old.__doc__ = f"The older name of {name}_()."
    return old


uniform, normal, constant, eye, dirac, xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal, orthogonal = map(
    _deprecated, ("uniform", "normal", "constant", "eye", "dirac", "xavier_uniform", "xavier_normal",
                  "kaiming_uniform", "kaiming_normal", "orthogonal"))
