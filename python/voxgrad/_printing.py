"""What print(tensor) shows: NumPy's text in PyTorch's frame."""
from __future__ import annotations

import numpy as np

from . import _C
from ._C import Tensor

options = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80}


def text(x: Tensor) -> str:
    """"tensor([1., 2.], dtype=..., requires_grad=True)"."""
    values = _C._to_numpy(x.detach().cpu())
    with np.printoptions(**options):  # type: ignore[arg-type]
        body = np.array2string(values, separator=", ", prefix="tensor(")
    notes = []
    if x.numel() == 0 and x.ndim != 1:
        notes.append(f"size=({', '.join(map(str, x.shape))})")
    if x.dtype not in (_C.get_default_dtype(), _C.int64, _C.bool):
        notes.append(f"dtype={x.dtype!r}")
    if x.device.type != "cpu":
        notes.append(f"device='{x.device}'")
    if not x.is_leaf:
        notes.append(f"grad_fn={x.grad_fn!r}")
    elif x.requires_grad:
        notes.append("requires_grad=True")
    return f"tensor({', '.join([body, *notes])})"
