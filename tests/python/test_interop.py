"""NumPy and DLPack: memory shared in both directions, and safe."""
import ctypes
import gc

import numpy as np
import pytest

import voxgrad as vg


def test_from_numpy_shares_memory():
    array = np.zeros((2, 3), np.float32)
    x = vg.from_numpy(array)
    array[0, 1] = 5
    x[1, 2] = 7
    assert x[0, 1].item() == 5 and array[1, 2] == 7
    strided = np.arange(24.0).reshape(4, 6)[::2, 1::2]
    assert np.array_equal(vg.from_numpy(strided).numpy(), strided)


def test_numpy_shares_memory_and_keeps_it_alive():
    x = vg.ones(1000, 1000)
    array = x.numpy()
    x.mul_(3)
    assert array[0, 0] == 3
    del x
    gc.collect()
    vg.zeros(1000, 1000).fill_(9)
    assert array.sum() == 3e6
    y = vg.from_numpy(array)
    del array
    gc.collect()
    assert y.sum().item() == 3e6


def test_strides_are_carried():
    x = vg.empty(1, 3, 4, 5, memory_format=vg.channels_last).fill_(1)
    assert x.numpy().strides == (60 * 4, 4, 15 * 4, 3 * 4)
    assert vg.from_numpy(x.numpy()).stride() == x.stride()


@pytest.mark.parametrize("show", [lambda x: x.numpy(), lambda x: vg.from_dlpack(x),
                                  lambda x: np.ctypeslib.as_array(ctypes.cast(x.data_ptr(), ctypes.POINTER(ctypes.c_float)),
                                                                  (x.numel(),))])
def test_what_others_wrote_is_what_gradients_see(show):
    x = vg.ones(4, 2, requires_grad=True)
    w = vg.ones(2, 2, requires_grad=True)
    y = vg.nn.functional.batch_norm(x * 1.0, None, None, training=True)  # would be computed again
    show(y.detach())[:] = 4
    (y @ w).sum().backward()
    assert w.grad.tolist() == [[16, 16], [16, 16]]


def test_a_buffer_may_be_filled_anew_before_the_backward_pass():
    array = np.random.default_rng(2).standard_normal((2, 1, 6, 6))
    x = vg.from_numpy(array)
    w = vg.ones(3, 1, 1, 1, dtype=vg.float64, requires_grad=True)
    scale = vg.ones(1, dtype=vg.float64, requires_grad=True)
    y = vg.nn.functional.batch_norm(x, None, None, scale, training=True)
    expected = 2 * (y.detach() ** 2).sum().item()
    total = vg.nn.functional.conv2d(y, w).square().sum()
    array[...] = 0
    assert vg.autograd.grad(total, w)[0].flatten().tolist() == pytest.approx([expected] * 3)


def test_a_view_does_not_move_memory_that_numpy_holds():
    x = vg.nn.functional.conv2d(vg.ones(2, 3, 4, 4), vg.ones(5, 3, 1, 1))  # channels-last
    array = x.numpy()
    with pytest.raises(RuntimeError, match="reshape"):
        x.view(2, -1)
    assert (array == 3).all()


def test_read_only_and_reversed_arrays_are_refused():
    array = np.zeros(3)
    array.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        vg.from_numpy(array)
    assert vg.tensor(array).tolist() == [0, 0, 0]
    with pytest.raises(ValueError):
        vg.from_numpy(np.zeros(3)[::-1])
    with pytest.raises(TypeError):
        vg.from_numpy(np.zeros(3, np.complex128))
    with pytest.raises(TypeError):
        vg.from_numpy(np.zeros(3, ">f4"))
    with pytest.raises(TypeError):
        vg.from_numpy([1, 2])


@pytest.mark.parametrize("share", [vg.from_numpy, vg.as_tensor, vg.from_dlpack])
@pytest.mark.parametrize("part", [slice(None), slice(2, 6, 2)])
def test_an_array_cannot_move_its_memory_while_a_tensor_lies_over_it(share, part):
    array = np.arange(8, dtype=np.float32)
    x = share(array[part][1:])
    with pytest.raises(ValueError, match="resize"):
        array.resize(1_000_000, refcheck=False)
    assert x.tolist() == array[part][1:].tolist()
    del x
    array.resize(9, refcheck=False)


def test_a_tensor_that_wants_a_gradient_is_refused():
    x = vg.ones(2, requires_grad=True)
    for export in (lambda: x.numpy(), lambda: np.asarray(x), lambda: np.from_dlpack(x)):
        with pytest.raises((RuntimeError, BufferError)):
            export()
    with vg.no_grad():
        assert x.numpy().tolist() == [1, 1]
    assert x.detach().numpy().tolist() == [1, 1] and x.numpy(force=True).tolist() == [1, 1]


def test_asarray_and_dlpack_share_memory():
    x = vg.arange(6.0).reshape(2, 3)
    for array in (np.asarray(x), np.from_dlpack(x)):
        x[0, 0] += 1
        assert array[0, 0] == x[0, 0].item()
    source = np.arange(4, dtype=np.int32)
    y = vg.from_dlpack(source)
    source[0] = 9
    assert y.tolist() == [9, 1, 2, 3] and y.dtype is vg.int32
    capsule = x.__dlpack__()
    vg.from_dlpack(capsule)
    with pytest.raises(TypeError):
        vg.from_dlpack(capsule)  # used
    del capsule, x
    gc.collect()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (2, 3)])
def test_every_dtype_and_shape_round_trips(dtype, shape):
    array = np.ones(shape, dtype)
    for x in (vg.tensor(array), vg.from_numpy(array.copy()), vg.from_dlpack(array.copy())):
        assert x.numpy().dtype == array.dtype and x.shape == shape and np.array_equal(x.numpy(), array)


def test_lending_memory_is_no_write():
    w = vg.ones(3, requires_grad=True)
    x = vg.ones(3)
    y = (w * x).sum()
    version = x._version
    vg.from_dlpack(x)
    assert x._version == version
    y.backward()
    assert w.grad.tolist() == [1.0] * 3


class DLManagedTensor(ctypes.Structure):
    DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    _fields_ = [("data", ctypes.c_void_p), ("device", ctypes.c_int32 * 2), ("ndim", ctypes.c_int32),
                ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.c_void_p),
                ("offset", ctypes.c_uint64), ("context", ctypes.c_void_p), ("deleter", DELETER)]


@pytest.mark.parametrize("shape, offset, fails", [((2,), 0, False), ((2,), 1, True), ((-1,), 0, True),
                                                  ((2**61,), 0, True), ((2**40, 2**40), 0, True)])
def test_memory_of_a_capsule_is_freed_once(shape, offset, fails):
    freed = []
    memory = (ctypes.c_float * 4)(1, 2)
    managed = DLManagedTensor(ctypes.addressof(memory), (1, 0), len(shape), 2, 32, 1,
                              (ctypes.c_int64 * len(shape))(*shape), None, offset, None,
                              DLManagedTensor.DELETER(lambda _: freed.append(1)))
    new, name = ctypes.pythonapi.PyCapsule_New, b"dltensor"
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    destroy = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda capsule: free_unused(capsule))
    valid = ctypes.pythonapi.PyCapsule_IsValid
    valid.argtypes = [ctypes.c_void_p, ctypes.c_char_p]

    def free_unused(capsule):  # as producers do
        if valid(capsule, name):
            managed.deleter(ctypes.addressof(managed))

    capsule = new(ctypes.addressof(managed), name, ctypes.cast(destroy, ctypes.c_void_p))
    if fails:
        with pytest.raises(RuntimeError):
            vg.from_dlpack(capsule)
    else:
        assert vg.from_dlpack(capsule).tolist() == [1.0, 2.0]
    del capsule
    gc.collect()
    assert freed == [1]
