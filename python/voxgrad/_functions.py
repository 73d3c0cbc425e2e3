"""Every function of tensors under its public name, and those of them that are methods too."""
from __future__ import annotations

from typing import Any

from . import _elementwise, _indexing, _linear, _reduce, _shape
from ._C import Tensor
from ._in_place import in_place

_TOPICS: list[Any] = [_elementwise, _reduce, _shape, _linear, _indexing]
_INTERNAL = {"get", "set", "full", "tensor", "ints", "dims", "as_number", "as_dtype", "check_no_out", "is_number"}
_NOT_METHODS = {"cat", "concat", "concatenate", "stack", "where", "meshgrid", "einsum", "tensordot", "hstack", "vstack"}
_IN_PLACE = """abs acos addcdiv addcmul asin atan atan2 bitwise_and bitwise_not bitwise_or bitwise_xor ceil clamp clamp_max
clamp_min clip cos cosh cumsum div divide eq erf erfc exp exp2 expm1 floor floor_divide fmod ge gt le index_add index_fill lerp log log10
log1p log2 logical_and logical_not logical_or logical_xor lt masked_fill nan_to_num ne neg negative pow reciprocal
remainder round rsqrt scatter scatter_add sigmoid sign sin sinh sqrt square sub tan tanh tril triu true_divide
trunc""".split()


def _collect() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for topic in _TOPICS:
        for name, f in vars(topic).items():
            if callable(f) and not isinstance(f, type) and not name.startswith("_") and name not in _INTERNAL:
                found[name] = f
    return found


_public = _collect()
globals().update(_public)
__all__ = sorted(_public)

for _name, _f in _public.items():
    if _name not in _NOT_METHODS and not hasattr(Tensor, _name):
        setattr(Tensor, _name, _f)
for _name in _IN_PLACE:
    if not hasattr(Tensor, f"{_name}_"):
        in_place(_name, _public[_name])
