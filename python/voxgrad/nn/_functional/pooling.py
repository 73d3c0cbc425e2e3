"""Pooling of signals, images and volumes: (batch, channels, size...) or (channels, size...)."""
from __future__ import annotations

from typing import Any, Callable

from ... import _C
from ..._C import ShapeError, Tensor

Numbers = Any  # an int, or one int per spatial axis


def _stride(stride: Any) -> Any:
    return None if stride is None or (isinstance(stride, (list, tuple)) and len(stride) == 0) else stride


def _max_pool(rank: int) -> Callable[..., Any]:
    name = f"max_pool{rank}d"

    def max_pool(input: Tensor, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
                 dilation: Numbers = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
        raw = _C._max_pool_with_indices if return_indices else _C._max_pool
        return raw(input, rank, kernel_size, _stride(stride), padding, dilation, ceil_mode)

    max_pool.__name__ = max_pool.__qualname__ = name
    max_pool.__doc__ = """The largest element of each window; padding never wins.

    stride: kernel_size where not given. Sizes are floor (ceil with ceil_mode) of
        (size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1
    return_indices: also where each lies, as a row-major index into the places of its channel.
    """
    return max_pool


max_pool1d, max_pool2d, max_pool3d = _max_pool(1), _max_pool(2), _max_pool(3)


def max_pool1d_with_indices(*args: Any, **kwargs: Any) -> Any:
    """max_pool1d(..., return_indices=True)."""
    return max_pool1d(*args, return_indices=True, **kwargs)


def max_pool2d_with_indices(*args: Any, **kwargs: Any) -> Any:
    """max_pool2d(..., return_indices=True)."""
    return max_pool2d(*args, return_indices=True, **kwargs)


def max_pool3d_with_indices(*args: Any, **kwargs: Any) -> Any:
    """max_pool3d(..., return_indices=True)."""
    return max_pool3d(*args, return_indices=True, **kwargs)


def avg_pool1d(input: Tensor, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
               ceil_mode: bool = False, count_include_pad: bool = True) -> Tensor:
    """The mean of each window: see `avg_pool3d`."""
    return _C._avg_pool(input, 1, kernel_size, _stride(stride), padding, ceil_mode, count_include_pad, 0)


def _avg_pool(rank: int) -> Callable[..., Tensor]:
    name = f"avg_pool{rank}d"

    def avg_pool(input: Tensor, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
                 ceil_mode: bool = False, count_include_pad: bool = True,
                 divisor_override: int | None = None) -> Tensor:
        if divisor_override == 0:
            raise ShapeError(f"{name}: divisor_override must not be 0")
        return _C._avg_pool(input, rank, kernel_size, _stride(stride), padding, ceil_mode, count_include_pad,
                            divisor_override or 0)

    avg_pool.__name__ = avg_pool.__qualname__ = name
    avg_pool.__doc__ = """The mean of each window.

    stride: kernel_size where not given. padding: zeros, which count in the divisor with count_include_pad.
    divisor_override: divides by this number instead. Sizes are floor (ceil with ceil_mode) of
        (size + 2 * padding - kernel_size) / stride + 1
    """
    return avg_pool


avg_pool2d, avg_pool3d = _avg_pool(2), _avg_pool(3)


def _sizes(rank: int, given: Any) -> list[Any]:
    """One number per axis."""
    sizes = list(given) if isinstance(given, (list, tuple)) else [given] * rank
    if len(sizes) != rank:
        raise ShapeError(f"pooling: sizes must be one number or {rank}; got {given}")
    return sizes


def _adaptive_avg(rank: int) -> Callable[..., Tensor]:
    name = f"adaptive_avg_pool{rank}d"

    def pool(input: Tensor, output_size: Any) -> Tensor:
        return _C._adaptive_avg_pool(input, _sizes(rank, output_size))

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = """Means over windows chosen so that the result has output_size (None keeps a size)."""
    return pool


def _adaptive_max(rank: int) -> Callable[..., Any]:
    name = f"adaptive_max_pool{rank}d"

    def pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        values, indices = _C._adaptive_max_pool(input, _sizes(rank, output_size))
        return (values, indices) if return_indices else values

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = """Maxima over windows chosen so that the result has output_size (None keeps a size)."""
    return pool


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = _adaptive_avg(1), _adaptive_avg(2), _adaptive_avg(3)
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = _adaptive_max(1), _adaptive_max(2), _adaptive_max(3)


def _lp_pool(rank: int) -> Callable[..., Tensor]:
    name = f"lp_pool{rank}d"

    def pool(input: Tensor, norm_type: float, kernel_size: Numbers, stride: Numbers | None = None,
             ceil_mode: bool = False) -> Tensor:
        return _C._lp_pool(input, rank, float(norm_type), kernel_size, _stride(stride), ceil_mode)

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = """(sum of input^norm_type over each window)^(1 / norm_type)."""
    return pool


lp_pool1d, lp_pool2d, lp_pool3d = _lp_pool(1), _lp_pool(2), _lp_pool(3)


def _max_unpool(rank: int) -> Callable[..., Tensor]:
    name = f"max_unpool{rank}d"

    def unpool(input: Tensor, indices: Tensor, kernel_size: Numbers, stride: Numbers | None = None,
               padding: Numbers = 0, output_size: Any = None) -> Tensor:
        kernel, margin = _sizes(rank, kernel_size), _sizes(rank, padding)
        step = kernel if _stride(stride) is None else _sizes(rank, stride)
        sizes = [(size - 1) * s + k - 2 * p for size, s, k, p in zip(input.shape[-rank:], step, kernel, margin)]
        if output_size is not None:
            wanted = list(output_size)[-rank:]
            if len(output_size) not in (rank, rank + 2) or any(abs(w - n) >= s for w, n, s in zip(wanted, sizes, step)):
                raise ShapeError(f"{name}: output_size must be within less than the stride {list(step)} of {sizes}; "
                                 f"got {list(output_size)}")
            sizes = wanted
        return _C._max_unpool(input, indices, sizes)

    unpool.__name__ = unpool.__qualname__ = name
    unpool.__doc__ = """Puts the elements back to where max pooling took them from, among zeros.

    indices: what max pooling gave with return_indices. output_size: where several sizes pool to the input's.
    """
    return unpool


max_unpool1d, max_unpool2d, max_unpool3d = _max_unpool(1), _max_unpool(2), _max_unpool(3)

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d",
    "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices", "max_pool3d",
    "max_pool3d_with_indices", "max_unpool1d", "max_unpool2d", "max_unpool3d",
]
