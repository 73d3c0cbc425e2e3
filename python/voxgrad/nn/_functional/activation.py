"""Activations, softmax and dropout. `inplace=True` writes the result into input and returns it."""
from __future__ import annotations

import math
from typing import Any

from ... import _C, _reduce
from ..._C import ShapeError, Tensor, dtype


def _result(input: Tensor, inplace: bool, raw: Any, *args: Any) -> Tensor:
    if not inplace:
        return raw(input, *args)
    old = _C._clone(input) if _C.is_grad_enabled() and input.requires_grad else input
    input._copy_(raw(old, *args))
    return input


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(input, 0)."""
    return _C._relu_(input) if inplace else _C.relu(input)


def relu_(input: Tensor) -> Tensor:
    """relu in place."""
    return _C._relu_(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(input, 0), 6)."""
    return _result(input, inplace, _C._relu6)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """input where positive, else negative_slope * input."""
    return _C._leaky_relu_(input, negative_slope) if inplace else _C._leaky_relu(input, negative_slope)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """leaky_relu in place."""
    return _C._leaky_relu_(input, negative_slope)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """leaky_relu with learned slopes: one, or one per channel."""
    return _C._prelu(input, weight)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where positive, else alpha * (exp(input) - 1)."""
    return _result(input, inplace, _C._elu, alpha)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where positive, else alpha * (exp(input / alpha) - 1)."""
    return _result(input, inplace, _C._celu, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """1.0507 * elu with alpha 1.6733 (Klambauer et al., 2017)."""
    return _result(input, inplace, _C._selu)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """input * P(normal <= input), exact or by the 'tanh' approximation (Hendrycks and Gimpel, 2016)."""
    if approximate not in ("none", "tanh"):
        raise ShapeError(f"gelu: approximate must be 'none' or 'tanh'; got {approximate!r}")
    return _C._gelu(input) if approximate == "none" else _C._gelu_tanh(input)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """input * sigmoid(input)."""
    return _result(input, inplace, _C._silu)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """input * tanh(softplus(input))."""
    return _result(input, inplace, _C._mish)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * input)) / beta; input itself where beta * input > threshold."""
    return _C._softplus(input, beta, threshold)


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(input)), without overflow."""
    return _C._logsigmoid(input)


def softsign(input: Tensor) -> Tensor:
    """input / (1 + |input|)."""
    return _C._softsign(input)


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return _C.tanh(input)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-input))."""
    return _C.sigmoid(input)


def tanhshrink(input: Tensor) -> Tensor:
    """input - tanh(input)."""
    return _C._tanhshrink(input)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """input held in [min_val, max_val]."""
    return _result(input, inplace, _C._hardtanh, min_val, max_val)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """relu6(input + 3) / 6."""
    return _result(input, inplace, _C._hardsigmoid)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """input * relu6(input + 3) / 6."""
    return _result(input, inplace, _C._hardswish)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """input where |input| > lambd, else 0."""
    return _C._hardshrink(input, lambd)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """input moved by lambd towards 0, and 0 where it is nearer."""
    return _C._softshrink(input, lambd)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """input where above threshold, else value."""
    return _result(input, inplace, _C._threshold, threshold, value)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a * sigmoid(b) of the two halves of an axis."""
    return _C._glu(input, dim)


def _softmax_dim(name: str, input: Tensor, dim: int | None) -> int:
    if dim is None:
        dim = 0 if input.ndim in (0, 1, 3) else 1
    return dim


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None) -> Tensor:
    """exp(input) / sum(exp(input)) along an axis."""
    return _reduce.softmax(input, _softmax_dim("softmax", input, dim), dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None) -> Tensor:
    """log(softmax(input)), without its rounding."""
    return _reduce.log_softmax(input, _softmax_dim("log_softmax", input, dim), dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None) -> Tensor:
    """softmax(-input)."""
    return _reduce.softmax(_C.neg(input), _softmax_dim("softmin", input, dim), dtype)


def _dropped(name: str, raw: Any, input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    if not 0 <= p <= 1 or math.isnan(p):
        raise ShapeError(f"{name}: p must be in [0, 1]; got {p}")
    return _result(input, inplace, raw, p, training) if training else input


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element 0 with probability p, else input / (1 - p)."""
    return _dropped("dropout", _C._dropout, input, p, training, inplace)


def _channels(name: str, rank: int, input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    if not training or input.ndim == rank + 2:
        return _dropped(name, _C._feature_dropout, input, p, training, inplace)
    result = _dropped(name, _C._feature_dropout, input.unsqueeze(0), p, training, False).squeeze(0)
    return input.copy_(result) if inplace else result


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """dropout of whole channels of (batch, channels, L) or (channels, L). Raises ValueError for other ranks."""
    if input.ndim not in (2, 3):
        raise ShapeError(f"dropout1d: input must have rank 2 (unbatched) or 3; got shape {list(input.shape)}")
    return _channels("dropout1d", 1, input, p, training, inplace)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """dropout of whole channels of (batch, channels, H, W)."""
    return _dropped("dropout2d", _C._feature_dropout, input, p, training, inplace)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """dropout of whole channels of (batch, channels, D, H, W) or (channels, D, H, W)."""
    return _channels("dropout3d", 3, input, p, training, inplace)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """dropout that keeps mean 0 and variance 1, for selu."""
    return _dropped("alpha_dropout", _C._alpha_dropout, input, p, training, inplace)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """alpha_dropout of whole channels."""
    return _dropped("feature_alpha_dropout", _C._feature_alpha_dropout, input, p, training, inplace)


__all__ = [
    "alpha_dropout", "celu", "dropout", "dropout1d", "dropout2d", "dropout3d", "elu", "feature_alpha_dropout", "gelu",
    "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "leaky_relu_", "log_softmax",
    "logsigmoid", "mish", "prelu", "relu", "relu6", "relu_", "selu", "sigmoid", "silu", "softmax", "softmin",
    "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
]
