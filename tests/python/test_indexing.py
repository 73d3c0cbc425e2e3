"""x[...] and x[...] = value against NumPy."""
import numpy as np
import pytest

import voxgrad as vg

KEYS = [
    0, -1, slice(None), slice(1, None, 2), slice(-2, None), None, ..., (0, 1), (slice(None), 0), (..., 0),
    (0, ..., 1), (None, slice(None), None), (slice(0, 0),), [0, 1, 1], [True, False, True], (slice(None), [0, 2]),
    ([0, 1], [1, 2]), ([0, 1], slice(None), [1, 0]), (slice(None), [[0, 1], [2, 3]], 0), ([1], 2, [0]), True, False,
    (slice(None), None, [0, 1]), np.array([2, 0]), (0, [1, 2]), (np.int64(1), slice(None, None, 3)), (),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_reads_agree_with_numpy(key):
    array = np.arange(60, dtype=np.float64).reshape(3, 4, 5)
    want = array[key]
    got = vg.tensor(array)[key]
    assert got.shape == want.shape
    assert np.array_equal(got.numpy(), want)


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_writes_agree_with_numpy(key):
    array = np.arange(60, dtype=np.float64).reshape(3, 4, 5)
    x = vg.tensor(array)
    array[key] = -1.0
    x[key] = -1.0
    assert np.array_equal(x.numpy(), array)


def test_tensors_index_too():
    x = vg.arange(12).reshape(3, 4)
    assert x[vg.tensor([2, 0])].tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]
    assert x[x > 8].tolist() == [9, 10, 11]
    assert x[vg.tensor(1)].tolist() == [4, 5, 6, 7]
    x[x > 8] = vg.tensor([1, 2, 3])
    assert x[2].tolist() == [8, 1, 2, 3]
    x[:, 0] += 100
    assert x[:, 0].tolist() == [100, 104, 108]


@pytest.mark.parametrize("key", [3, -4, (0, 4), (0, 0, 0), ([0, 3],), (..., ...)], ids=str)
def test_what_is_outside_raises_index_error(key):
    x = vg.zeros(3, 4)
    with pytest.raises(IndexError):
        x[key]
    with pytest.raises(IndexError):
        x[key] = 1


def test_wrong_keys_are_refused():
    x = vg.zeros(3, 4)
    for key in ("a", 1.5, slice(None, None, -1), slice(None, None, 0), vg.tensor([0.5])):
        with pytest.raises((TypeError, ValueError, IndexError)):
            x[key]


def test_views_are_written_through_and_differentiate():
    x = vg.zeros(3, 4, requires_grad=True)
    y = x * 1
    y[0] = vg.ones(4) * 2
    y[1, ::2] = 5.0
    (y * y).sum().backward()
    assert vg.equal(x.grad, vg.zeros(3, 4))
    z = vg.zeros(3, 4)
    z[1:][0].fill_(7)
    assert z[1].tolist() == [7, 7, 7, 7]


def test_iteration_ends():
    assert [row.tolist() for row in vg.arange(4).reshape(2, 2)] == [[0, 1], [2, 3]]
    a, b = vg.tensor([1, 2])
    assert (a.item(), b.item()) == (1, 2)


def test_indices_of_a_wrong_kind_raise_index_errors():
    x = vg.arange(4.0)
    for index in (1.5, vg.tensor([1.0])):
        with pytest.raises(IndexError):
            x[index]
    with pytest.raises(TypeError):
        x["a"]


def test_picked_elements_take_values_of_their_dtype_alone():
    x = vg.zeros(3, dtype=vg.int64)
    with pytest.raises(RuntimeError):
        x[[0]] = vg.tensor([2.7])
    x[[0]] = vg.tensor([2])
    assert x.tolist() == [2, 0, 0]
