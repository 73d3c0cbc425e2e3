"""voxgrad: deep learning for encoder-decoder networks on images and volumes.

Names, arguments, defaults and values are PyTorch's:

    import voxgrad
    from voxgrad import nn

    net = nn.Sequential(nn.Conv3d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv3d(8, 2, 1))
    optimizer = voxgrad.optim.AdamW(net.parameters(), lr=1e-3)
    loss = nn.functional.cross_entropy(net(image), label)
    loss.backward()
    optimizer.step()
"""
from __future__ import annotations

from . import _C, _arguments, _creation, _elementwise, _generator, _indexing, _info, _linear  # noqa: F401
from . import _protocols, _reduce, _shape, _statistics  # noqa: F401
from ._C import (
    AutogradError,
    ConvRun,
    DeviceError,
    DTypeError,
    Error,
    FileError,
    Generator,
    MissingKeyError,
    OutOfMemoryError,
    OutOfRangeError,
    ShapeError,
    Tensor,
    __version__,
    conv_algorithms,
    default_generator,
    device,
    dtype,
    float32,
    float64,
    force_conv_algorithm,
    get_default_dtype,
    get_num_threads,
    get_workspace_limit,
    int32,
    int64,
    is_grad_enabled,
    last_conv,
    memory_stats,
    promote_types,
    reset_peak_memory_stats,
    set_default_dtype,
    set_num_threads,
    set_workspace_limit,
    uint8,
)
from ._creation import *  # noqa: F403
from ._functions import *  # noqa: F403
from ._info import *  # noqa: F403
from ._support import Size
from ._tensor import channels_last, channels_last_3d, contiguous_format, memory_format, preserve_format
from .autograd import enable_grad, inference_mode, no_grad, set_grad_enabled

bool = _C.bool
float, double, int, long = float32, float64, int32, int64

from . import amp, autograd, backends, compat, cuda, models, nn, optim, utils  # noqa: E402
from .amp import GradScaler, autocast  # noqa: E402
from .serialization import load, save  # noqa: E402

__all__ = [
    "AutogradError", "ConvRun", "DTypeError", "DeviceError", "Error", "FileError", "Generator", "GradScaler",
    "MissingKeyError", "OutOfMemoryError", "OutOfRangeError", "ShapeError", "Size", "Tensor", "__version__", "amp",
    "autocast", "autograd", "backends", "channels_last", "channels_last_3d", "compat", "contiguous_format",
    "conv_algorithms", "cuda", "default_generator", "device", "dtype", "enable_grad", "float32", "float64",
    "force_conv_algorithm", "get_default_dtype", "get_num_threads", "get_workspace_limit", "inference_mode",
    "int32", "int64", "is_grad_enabled", "last_conv", "load", "memory_format", "memory_stats", "models", "nn",
    "no_grad", "optim", "preserve_format", "promote_types", "reset_peak_memory_stats", "save", "set_default_dtype",
    "set_grad_enabled", "set_num_threads", "set_workspace_limit", "uint8", "utils",
]
__all__ += _creation.__all__
__all__ += _elementwise.__all__
__all__ += _indexing.__all__
__all__ += _info.__all__
__all__ += _linear.__all__
__all__ += _reduce.__all__
__all__ += _shape.__all__
__all__ += _statistics.__all__
