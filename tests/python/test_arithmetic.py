"""Operators: numbers beside tensors, promotion, in place."""
import math

import numpy as np
import pytest

import voxgrad as vg


def test_numbers_take_part_with_their_kind_alone():
    integers, reals = vg.tensor([1, 2]), vg.tensor([1.5, 2.5])
    assert (integers + 1).dtype is vg.int64 and (integers + 1.0).dtype is vg.float32
    assert (integers * 2.0).dtype is vg.float32 and (reals + 1).dtype is vg.float32
    assert (integers / 2).tolist() == [0.5, 1.0] and (integers // 2).dtype is vg.int64
    assert (vg.tensor([True]) + True).dtype is vg.bool and (vg.tensor([True]) + 1).dtype is vg.int64
    assert (vg.tensor([1.0], dtype=vg.float64) * vg.tensor(2.0)).dtype is vg.float64
    assert (integers + (2**62)).tolist() == [2**62 + 1, 2**62 + 2]


def test_reflected_operators():
    x = vg.tensor([1.0, 2.0, 4.0])
    assert (1 - x).tolist() == [0.0, -1.0, -3.0] and (8 / x).tolist() == [8.0, 4.0, 2.0]
    assert (2**x).tolist() == [2.0, 4.0, 16.0] and (7 % vg.tensor([4])).tolist() == [3]
    assert (3 > x).tolist() == [True, True, False]


def test_division_rounds_as_python_does():
    a, b = vg.tensor([7, -7, 7, -7]), vg.tensor([2, 2, -2, -2])
    assert (a // b).tolist() == [3, -4, -4, 3] and (a % b).tolist() == [1, 1, -1, -1]
    assert vg.div(a, b, rounding_mode="trunc").tolist() == [3, -3, -3, 3]
    with pytest.raises(RuntimeError):
        a // 0


def test_others_operands_are_left_to_python():
    with pytest.raises(TypeError):
        vg.ones(2) + "text"
    with pytest.raises(TypeError):
        vg.ones(2) * 1j
    assert (vg.ones(2) == vg.ones(2)).all()


def test_in_place_keeps_identity_and_graph():
    x = vg.ones(3, requires_grad=True)
    y = x * 2
    z = y
    y += 1
    y *= 3
    y.clamp_(max=8).sub_(1)
    assert z is y and y.tolist() == [7.0, 7.0, 7.0]
    y.pow_(2)
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]  # held by clamp
    with pytest.raises(RuntimeError):
        x.add_(1)  # a leaf that wants a gradient
    with vg.no_grad():
        x.add_(1)
    assert x.tolist() == [2.0, 2.0, 2.0]


def test_in_place_gradient_of_functions_that_need_the_old_value():
    x = vg.tensor([2.0, 3.0], dtype=vg.float64, requires_grad=True)
    y = x.clone()
    y.pow_(3)
    y.sum().backward()
    assert x.grad.tolist() == [12.0, 27.0]


def test_integers_do_not_take_fractions_in_place():
    with pytest.raises(TypeError):
        vg.tensor([1, 2]).add_(0.5)
    with pytest.raises((TypeError, RuntimeError)):
        vg.tensor([1, 2]).div_(2)


def test_augmented_assignments_write_the_tensor():
    for value, write, expected in [
        ([1.0, 3.0], "x += 1", [2.0, 4.0]), ([1.0, 3.0], "x -= 1", [0.0, 2.0]), ([1.0, 3.0], "x *= 2", [2.0, 6.0]),
        ([1.0, 3.0], "x /= 2", [0.5, 1.5]), ([5.0, 3.0], "x //= 2", [2.0, 1.0]), ([5.0, 4.0], "x %= 2", [1.0, 0.0]),
        ([5.0, 4.0], "x **= 2", [25.0, 16.0]), ([True, False], "x &= False", [False, False]),
        ([True, False], "x |= True", [True, True]), ([True, False], "x ^= True", [False, True]),
    ]:
        x = vg.tensor(value)
        names = {"x": x}
        exec(write, names)
        assert names["x"] is x, write
        assert x.tolist() == expected, write


def test_augmented_division_refuses_integers():
    x = vg.ones(2, dtype=vg.int64)
    with pytest.raises(RuntimeError):
        x /= 2
    assert x.tolist() == [1, 1]


def test_in_place_refuses_what_the_dtype_cannot_hold():
    x = vg.ones(2, dtype=vg.bool)
    for write in (lambda: x.add_(2), lambda: x.mul_(2), lambda: x.pow_(vg.tensor([2, 2]))):
        with pytest.raises(RuntimeError):
            write()


def test_in_place_keeps_the_old_values_for_other_gradients():
    x = vg.full((3,), 3.0)
    y = vg.full((3,), 2.0, requires_grad=True)
    x.pow_(y).sum().backward()
    assert y.grad.tolist() == pytest.approx([9 * math.log(3)] * 3, rel=1e-6)


def test_operators_take_arrays_as_tensors():
    x, array = vg.ones(2), np.array([1.0, 2.0])
    assert isinstance(x + array, vg.Tensor) and (x + array).dtype is vg.float64
    assert (x == array).tolist() == [True, False]
    assert (array == x).tolist() == [True, False]
    x += np.ones(2, np.float32)
    assert x.tolist() == [2.0, 2.0]
