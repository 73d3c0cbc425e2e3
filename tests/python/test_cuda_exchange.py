"""Tensors of GPUs as NumPy, DLPack, pickles and files meet them."""
from __future__ import annotations

import copy
import io
import json
import pickle

import numpy as np
import pytest
from gpus import needs_gpu

import voxgrad


@needs_gpu
def test_numpy_says_to_copy_first():
    x = voxgrad.ones(2, device="cuda")
    for use in (x.numpy, lambda: np.asarray(x), lambda: np.add(x, 1)):
        with pytest.raises(TypeError, match=r"cuda:0.*\.cpu\(\)"):
            use()
    assert x.numpy(force=True).tolist() == [1, 1]


@needs_gpu
def test_dlpack_shares_the_memory():
    x = voxgrad.arange(6, dtype=voxgrad.float32, device="cuda").reshape(2, 3)
    assert x.__dlpack_device__() == (2, 0)
    for given in (x, x.__dlpack__(), x.__dlpack__(stream=1), x.__dlpack__(stream=7, max_version=(1, 0))):
        y = voxgrad.from_dlpack(given)
        assert y.is_cuda and y.data_ptr() == x.data_ptr() and y.tolist() == x.tolist()
    y.mul_(2)
    assert x.tolist() == [[0, 2, 4], [6, 8, 10]]
    assert voxgrad.from_dlpack(x.__dlpack__(copy=True)).data_ptr() != x.data_ptr()
    host = voxgrad.from_dlpack(x.__dlpack__(dl_device=(1, 0)))
    assert host.is_cpu and host.tolist() == x.tolist()
    with pytest.raises(BufferError, match="cuda:0"):
        x.__dlpack__(dl_device=(1, 0), copy=False)
    with pytest.raises(BufferError, match="cpu"):
        voxgrad.ones(1).__dlpack__(dl_device=(2, 0))
    with pytest.raises(TypeError, match="stream"):
        x.__dlpack__(stream="1")


@needs_gpu
def test_dlpack_of_a_producer_is_asked_for_the_default_stream():
    x = voxgrad.ones(3, device="cuda")
    asked = []

    class Producer:
        def __dlpack__(self, *, stream=None):
            asked.append(stream)
            return x.__dlpack__(stream=stream)

        def __dlpack_device__(self):
            return x.__dlpack_device__()

    assert voxgrad.from_dlpack(Producer()).data_ptr() == x.data_ptr() and asked == [1]


@needs_gpu
def test_dlpack_reaches_other_libraries():
    found = 0
    x = voxgrad.ones(3, device="cuda")
    if "emulated" in voxgrad.cuda.get_device_name():
        pytest.skip("no other library sees the memory of an emulated GPU")
    for name in ("torch", "cupy"):
        try:
            library = __import__(name)
            theirs = library.from_dlpack(x)
        except (ImportError, RuntimeError):
            continue
        found += 1
        theirs *= 2
        voxgrad.cuda.synchronize()
        back = voxgrad.from_dlpack(theirs)
        assert back.data_ptr() == x.data_ptr() and back.tolist() == x.tolist()
    if found == 0:
        pytest.skip("neither PyTorch nor CuPy can use the GPU")


@needs_gpu
def test_copies_pickles_and_files():
    x = voxgrad.tensor([1.0, 2.0], device="cuda", requires_grad=True)
    copied = copy.deepcopy(x)
    assert copied.is_cuda and copied.requires_grad and copied.tolist() == x.tolist()
    assert copied.data_ptr() != x.data_ptr()
    loaded = pickle.loads(pickle.dumps(x))
    assert loaded.is_cuda and loaded.requires_grad and loaded.tolist() == x.tolist()
    file = io.BytesIO()
    voxgrad.save({"x": x, "again": x, "y": voxgrad.ones(1)}, file)

    def load(where=None):
        file.seek(0)
        return voxgrad.load(file, map_location=where)

    same = load()
    assert same["x"].is_cuda and same["x"].requires_grad and same["again"] is same["x"] and same["y"].is_cpu
    assert load("cpu")["x"].is_cpu and load("cuda")["y"].is_cuda and load({"cuda:0": "cpu"})["x"].is_cpu
    assert load(lambda t, where: t)["x"].is_cpu and load(voxgrad.device("cuda", 0))["y"].is_cuda


def test_files_of_gpus_that_are_not_here_say_how_to_load_them():
    file = io.BytesIO()
    there = f"cuda:{voxgrad.cuda.device_count()}"
    voxgrad.save({"x": voxgrad.ones(2)}, file)
    content = file.getvalue()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + size])
    entry = json.loads(header["__metadata__"]["voxgrad"])
    entry["dict"][0][1]["device"] = there
    header["__metadata__"]["voxgrad"] = json.dumps(entry)
    text = json.dumps(header).encode()
    changed = (len(text) + -len(text) % 8).to_bytes(8, "little") + text + b" " * (-len(text) % 8) + content[8 + size:]
    with pytest.raises(RuntimeError, match=f"saved from {there}.*map_location"):
        voxgrad.load(io.BytesIO(changed))
    assert voxgrad.load(io.BytesIO(changed), map_location="cpu")["x"].tolist() == [1, 1]
