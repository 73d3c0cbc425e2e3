"""Numbers of every size keep their value, or are refused; axes are checked."""
import numpy as np
import pytest

import voxgrad as vg

BIG = 2**53 + 1  # the first integer that a double does not carry


def item_set():
    x = vg.zeros(2, dtype=vg.int64)
    x[0] = BIG
    return x[:1]


def plus_equal():
    x = vg.tensor([0])
    x += BIG
    return x


@pytest.mark.parametrize("make", [
    lambda: vg.tensor([BIG]), lambda: vg.full((1,), BIG), lambda: vg.full_like(vg.tensor([0]), BIG), item_set,
    lambda: vg.tensor([0]).fill_(BIG), lambda: vg.tensor([1]).mul_(BIG), lambda: vg.tensor([0]).sub_(-BIG), plus_equal,
    lambda: vg.arange(BIG, BIG + 1), lambda: vg.arange(BIG + 2, BIG - 1, -2)[1:],
    lambda: vg.tensor([2**60]).clamp(max=BIG), lambda: vg.clamp(vg.tensor([0]), BIG, 2**80),
    lambda: vg.tensor([BIG]).clamp_(0, BIG), lambda: vg.tensor([0]).masked_fill(vg.tensor([True]), BIG),
    lambda: vg.tensor([0]).index_fill(0, vg.tensor([0]), BIG), lambda: vg.tensor([0]).scatter(0, vg.tensor([0]), BIG),
    lambda: vg.where(vg.tensor([False]), vg.tensor([0]), BIG), lambda: vg.tensor([0]).new_full((1,), BIG),
])
def test_integers_past_a_double_keep_their_value(make):
    assert make().tolist() == [BIG]


def test_ranges_of_large_integers():
    assert vg.arange(2**63 - 3, 2**63 - 1).tolist() == [2**63 - 3, 2**63 - 2]
    assert vg.arange(-5, 5, 2**62).tolist() == [-5]
    with pytest.raises(ValueError, match="arange.*int64"):
        vg.arange(0, 2**63)


@pytest.mark.parametrize("call", [
    lambda: vg.tensor([300], dtype=vg.uint8), lambda: vg.tensor(2**40, dtype=vg.int32),
    lambda: vg.tensor([1.0, float("nan")], dtype=vg.int64), lambda: vg.as_tensor([300], dtype=vg.uint8),
    lambda: vg.full((2,), 300, dtype=vg.uint8), lambda: vg.full((2,), float("inf"), dtype=vg.int64),
    lambda: vg.full_like(vg.tensor([1], dtype=vg.int32), 2**40), lambda: vg.zeros(2, dtype=vg.uint8).fill_(300),
    lambda: vg.zeros(2, dtype=vg.int32).fill_(float("nan")),
    lambda: vg.zeros(2, dtype=vg.int32).__setitem__(0, 2**40),
    lambda: vg.zeros(2, dtype=vg.int32).masked_fill(vg.tensor([True, False]), 2**40),
    lambda: vg.nn.functional.pad(vg.zeros(2, dtype=vg.uint8), (1, 1), value=300),
])
def test_numbers_outside_an_integer_dtype_are_refused(call):
    with pytest.raises(ValueError, match="must fit (uint8|int32|int64); got"):
        call()


def test_arithmetic_with_integers_wraps_around():
    x = vg.tensor([0, 5], dtype=vg.int32)
    assert (x + 2**40).tolist() == [0, 5] and (x * 2**33).tolist() == [0, 0] and (x + 2**32 + 1).tolist() == [1, 6]
    assert x.clone().add_(2**32 + 1).tolist() == [1, 6]
    assert (vg.tensor([3], dtype=vg.uint8) - 5).tolist() == [254]
    assert vg.clamp(x, max=2**40).tolist() == [0, 5]
    assert vg.clamp(vg.tensor([44, 200], dtype=vg.uint8), -5, 300).tolist() == [44, 200]
    assert (x < 2**40).all() and not (x == 2**32).any()


def test_data_keeps_the_precision_of_the_dtype_asked_for():
    assert vg.as_tensor([0.1], dtype=vg.float64).item() == 0.1
    assert vg.tensor(2**200, dtype=vg.float64).item() == 2.0**200
    crooked = np.frombuffer(bytearray(41), dtype=np.float64, count=5, offset=1)
    crooked[:] = 3
    assert vg.tensor(crooked).tolist() == [3.0] * 5


def test_square_in_place_has_its_gradient():
    x = vg.tensor([2.0, 3.0], requires_grad=True)
    (x * 1).square_().sum().backward()
    assert x.grad.tolist() == [4.0, 6.0]


def test_axes_of_rank_0_and_axes_outside():
    x = vg.tensor(2.0)
    assert vg.movedim(x, 0, -1).shape == vg.flip(x, -1).shape == ()
    assert vg.repeat_interleave(x, 3, 0).tolist() == [2.0] * 3
    assert vg.index_add(x, 0, vg.tensor([0, 0]), vg.ones(2)).item() == 4
    assert vg.index_fill(x, -1, vg.tensor([0]), 7).item() == 7
    m = vg.zeros(2, 5)
    for call in (lambda: vg.repeat_interleave(m, 2, 2), lambda: vg.index_fill(m, 2, vg.tensor([0]), 1),
                 lambda: vg.index_add(m, -3, vg.tensor([0]), m), lambda: vg.flip(x, 1), lambda: vg.rot90(m, 1, (0, 2))):
        with pytest.raises(IndexError, match="got"):
            call()
    for call in (lambda: vg.rot90(m, 1, (1, -1)), lambda: vg.repeat_interleave(m, -2, 0)):
        with pytest.raises(ValueError, match="got"):
            call()


def test_arrays_take_part_in_operators():
    x, a = vg.tensor([1.0, 2.0], requires_grad=True), np.array([3.0, 2.0])
    for result, want in [(x + a, [4, 4]), (a + x, [4, 4]), (a - x, [2, 0]), (a**x, [3, 4]), (x == a, [0, 1]),
                         (a == x, [0, 1]), (a < x, [0, 0]), (a > x, [1, 0]), (a[::-1] / x, [2, 1.5])]:
        assert isinstance(result, vg.Tensor) and result.tolist() == want
    assert (np.eye(2) @ x.double()).tolist() == [1, 2]
    (x * a.astype(np.float32)).sum().backward()
    assert x.grad.tolist() == [3, 2]
    with pytest.raises(TypeError, match="complex128"):
        x + np.array([1j])
