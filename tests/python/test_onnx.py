"""Conv and ConvTranspose against ONNX's tests of them (Debian's package libonnx-testdata)."""
import pathlib

import numpy as np
import pytest
from onnx_files import node

import voxgrad
from voxgrad.nn import functional as F

DATA = pathlib.Path("/usr/share/libonnx-testdata/data")
FOLDERS = sorted(str(p.relative_to(DATA)) for p in DATA.glob("*/test_*")
                 if "conv" in p.name.lower() and not any(x in p.name for x in ("integer", "qlinear")))


def pads_of(attributes, rank, totals):
    """(begin, end) for each axis; `totals` are what auto_pad and output_shape leave to distribute."""
    if "pads" in attributes:
        return list(zip(attributes["pads"][:rank], attributes["pads"][rank:]))
    if attributes.get("auto_pad", "NOTSET") == "NOTSET" and "output_shape" not in attributes:
        return [(0, 0)] * rank
    upper = attributes.get("auto_pad") == "SAME_UPPER"
    return [(t // 2, t - t // 2) if upper else (t - t // 2, t // 2) for t in totals]


def conv(attributes, x, w, *bias):
    rank = w.ndim - 2
    stride = attributes.get("strides", [1] * rank)
    dilation = attributes.get("dilations", [1] * rank)
    totals = [max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
              for size, s, d, k in zip(x.shape[2:], stride, dilation, w.shape[2:])]
    amounts = [amount for pair in reversed(pads_of(attributes, rank, totals)) for amount in pair]
    run = getattr(F, f"conv{rank}d")
    return run(F.pad(x, amounts), w, *bias, stride=stride, dilation=dilation,
               groups=attributes.get("group", 1))


def conv_transpose(attributes, x, w, *bias):
    rank = w.ndim - 2
    stride = attributes.get("strides", [1] * rank)
    dilation = attributes.get("dilations", [1] * rank)
    extra = attributes.get("output_padding", [0] * rank)
    full = [(size - 1) * s + d * (k - 1) + 1 + e
            for size, s, d, k, e in zip(x.shape[2:], stride, dilation, w.shape[2:], extra)]
    wanted = attributes.get("output_shape", [size * s for size, s in zip(x.shape[2:], stride)])
    pads = pads_of(attributes, rank, [f - size for f, size in zip(full, wanted)])
    extra = [e + max(0, -begin - end) for e, (begin, end) in zip(extra, pads)]
    run = getattr(F, f"conv_transpose{rank}d")
    options = dict(stride=stride, output_padding=extra, dilation=dilation, groups=attributes.get("group", 1))
    if all(begin == end for begin, end in pads):
        return run(x, w, *bias, padding=[begin for begin, _ in pads], **options)
    y = run(x, w, *bias, **options)
    for axis, (begin, end) in enumerate(pads):
        if begin + end > 0:
            y = y.narrow(axis + 2, begin, y.shape[axis + 2] - begin - end)
    return y


@pytest.mark.skipif(not FOLDERS, reason="the package libonnx-testdata is not installed")
def test_the_vectors_are_there():
    ops = [node(DATA / folder)[0] for folder in FOLDERS]
    assert (ops.count("Conv"), ops.count("ConvTranspose")) == (33, 13)


@pytest.mark.parametrize("folder", FOLDERS)
def test_values_are_onnxs(folder):
    op, attributes, inputs, (wanted,) = node(DATA / folder)
    run = {"Conv": conv, "ConvTranspose": conv_transpose}[op]
    found = run(attributes, *map(voxgrad.from_numpy, inputs)).numpy()
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
