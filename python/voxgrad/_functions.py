"""Every function of tensors under its public name, and those of them that are methods too."""
from __future__ import annotations

from typing import Any

from . import _elementwise, _indexing, _linear, _reduce, _shape, _statistics
from ._C import Tensor
from ._elementwise import *  # noqa: F403
from ._in_place import in_place
from ._indexing import *  # noqa: F403
from ._linear import *  # noqa: F403
from ._reduce import *  # noqa: F403
from ._shape import *  # noqa: F403
from ._statistics import *  # noqa: F403

_TOPICS: list[Any] = [_elementwise, _indexing, _linear, _reduce, _shape, _statistics]
_NO_METHODS = """MinMax ValuesIndices cat concat concatenate einsum hstack meshgrid stack tensordot vstack""".split()
_IN_PLACE = """abs acos addcdiv addcmul asin atan atan2 bitwise_and bitwise_not bitwise_or bitwise_xor ceil clamp
clamp_max clamp_min clip cos cosh cumsum div divide eq erf erfc exp exp2 expm1 floor floor_divide fmod ge gt index_add
index_fill le lerp log log10 log1p log2 logical_and logical_not logical_or logical_xor lt masked_fill nan_to_num ne neg
negative pow reciprocal remainder round rsqrt scatter scatter_add sigmoid sign sin sinh sqrt sub tan tanh tril triu
true_divide trunc""".split()

for _topic in _TOPICS:
    for _name in _topic.__all__:
        _f = getattr(_topic, _name)
        if _name not in _NO_METHODS and not hasattr(Tensor, _name):
            setattr(Tensor, _name, _f)
        if _name in _IN_PLACE and not hasattr(Tensor, f"{_name}_"):
            in_place(_name, _f)

