"""What a tensor is: creation, attributes, conversions, printing."""
import copy
import math
import pickle

import numpy as np
import pytest

import voxgrad as vg


def test_numbers_and_sequences_get_pytorchs_dtypes():
    assert vg.tensor([1, 2]).dtype is vg.int64
    assert vg.tensor([1.0, 2]).dtype is vg.float32
    assert vg.tensor([True, False]).dtype is vg.bool
    assert vg.tensor(np.ones(2)).dtype is vg.float64
    assert vg.tensor([[1.0], [2.0]]).shape == (2, 1)
    assert vg.tensor([vg.tensor(1.5), 2]).tolist() == [1.5, 2.0]
    assert vg.tensor([]).shape == (0,)
    assert vg.tensor([0.1], dtype=vg.float64).item() == 0.1


@pytest.mark.parametrize("data", ["text", [[1], [2, 3]], [1 + 2j], [object()]])
def test_what_is_no_number_is_refused(data):
    with pytest.raises((TypeError, ValueError)):
        vg.tensor(data)


def test_a_tensor_is_one_python_object():
    x = vg.ones(2, requires_grad=True)
    (x * 2).sum().backward()
    assert x.grad is x.grad
    assert x in {x} and hash(x) == hash(x)


def test_shape_is_a_size():
    shape = vg.zeros(2, 3, 4).shape
    assert shape == (2, 3, 4) and shape[1:] == (3, 4) and shape.numel() == 24
    assert isinstance(shape[1:], vg.Size)
    assert repr(shape) == "voxgrad.Size([2, 3, 4])"


def test_item_and_conversions():
    x = vg.tensor([[2.5]])
    assert x.item() == 2.5 and float(x) == 2.5 and int(x) == 2 and bool(x)
    assert vg.tensor(3).__index__() == 3 and [0, 1, 2, 3][vg.tensor(3)] == 3
    with pytest.raises(ValueError):
        vg.ones(2).item()
    with pytest.raises(RuntimeError):
        bool(vg.ones(2))
    with pytest.raises(TypeError):
        len(vg.tensor(1))


def test_to_changes_dtype_and_keeps_identity_where_nothing_changes():
    x = vg.ones(2)
    assert x.to(vg.float32) is x
    assert x.double().dtype is vg.float64 and x.to(vg.int32).dtype is vg.int32
    assert x.to("cpu") is x and x.to(vg.tensor(1)).dtype is vg.int64
    with pytest.raises(RuntimeError, match="device"):
        vg.device("tpu")


def test_text_is_readable():
    assert repr(vg.tensor([1.0, 2.0])) == "tensor([1., 2.])"
    assert repr(vg.tensor([1, 2], dtype=vg.int32)) == "tensor([1, 2], dtype=voxgrad.int32)"
    assert "requires_grad=True" in repr(vg.ones(1, requires_grad=True))
    assert "grad_fn=<MulBackward0>" in repr(vg.ones(1, requires_grad=True) * 2)
    assert "size=(0, 3)" in repr(vg.zeros(0, 3))


def test_copies_and_pickles_are_deep():
    x = vg.randn(2, 3, requires_grad=True)
    x.grad = vg.ones(2, 3)
    for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert y is not x and y.requires_grad and vg.equal(x, y)
        y.data[0, 0] = 77.0
        assert x[0, 0].item() != 77.0
    with pytest.raises(RuntimeError):
        copy.deepcopy(x * 2)
    assert pickle.loads(pickle.dumps(vg.float64)) is vg.float64
    assert pickle.loads(pickle.dumps(vg.device("cpu"))) == vg.device("cpu")


def test_seeds_give_pytorchs_numbers():
    vg.manual_seed(0)
    assert np.allclose(vg.rand(3).numpy(), [0.49625658988952637, 0.7682217955589294, 0.08847743272781372], atol=0)
    vg.manual_seed(0)
    state = vg.get_rng_state()
    first = vg.randn(20)
    vg.set_rng_state(state)
    assert vg.equal(vg.randn(20), first)


def test_absurd_sizes_are_refused():
    for size in ((2**62, 4), (2**40, 2**30), (-1,)):
        with pytest.raises(RuntimeError):
            vg.zeros(*size)
    with pytest.raises(RuntimeError):
        vg.zeros(2**50)
    with pytest.raises(RuntimeError):
        vg.ones(1).expand(2**61).clone()


def test_the_class_makes_tensors_too():
    assert vg.Tensor([1, 2]).dtype is vg.float32 and vg.Tensor(2, 3).shape == (2, 3) and vg.Tensor().shape == (0,)
    x = vg.ones(2)
    assert vg.Tensor(x).data_ptr() == x.data_ptr() and vg.Tensor(vg.Size([4])).shape == (4,)
    for wrong in (None, "text", 1.5):
        with pytest.raises(TypeError):
            vg.Tensor(wrong)


def test_format_of_one_number_is_the_numbers():
    assert f"{vg.tensor(1.5)}" == "1.5"
    assert f"{vg.tensor(1.5, requires_grad=True):.2f}" == "1.50"
    assert f"{vg.tensor([1.5])}" == str(vg.tensor([1.5]))
    with pytest.raises(TypeError):
        format(vg.tensor([1.5]), ".2f")


def test_numbers_arrive_exactly():
    assert vg.as_tensor([0.1], dtype=vg.float64).item() == 0.1
    assert vg.tensor([16777217.0, 2.0**40 + 0.5], dtype=vg.int64).tolist() == [16777217, 2**40]
    largest, above = 2**63 - 1, 2**53 + 1
    assert vg.full((2,), largest).tolist() == [largest] * 2
    assert vg.full_like(vg.zeros(2, dtype=vg.int64), above).tolist() == [above] * 2
    x = vg.zeros(3, dtype=vg.int64)
    assert x.masked_fill(vg.tensor([True, False, True]), above).tolist() == [above, 0, above]
    assert x.index_fill(0, vg.tensor([1]), largest).tolist() == [0, largest, 0]
    assert x.fill_(-above).tolist() == [-above] * 3
    assert vg.arange(2**53, 2**53 + 3).tolist() == [2**53, 2**53 + 1, 2**53 + 2]


def test_numbers_that_an_integer_dtype_does_not_hold_are_refused():
    for make in (lambda: vg.full((1,), 300, dtype=vg.uint8), lambda: vg.full((1,), math.nan, dtype=vg.int64),
                 lambda: vg.zeros(1, dtype=vg.int32).fill_(2**40), lambda: vg.tensor([300], dtype=vg.uint8),
                 lambda: vg.tensor([math.inf], dtype=vg.int64), lambda: vg.full((1,), 2**63)):
        with pytest.raises(RuntimeError, match="must fit"):
            make()
    assert vg.tensor([-1], dtype=vg.uint8).item() == vg.full((1,), -1, dtype=vg.uint8).item() == 255


def test_float64_among_the_numbers_makes_float64():
    for data in ([np.float64(3.1)], [np.array([1.0])], [vg.tensor(1.5, dtype=vg.float64), 2.0]):
        assert vg.tensor(data).dtype is vg.float64
    for data in ([3.1], [np.float32(3.1), 2.0], [vg.tensor(1.5), 2]):
        assert vg.tensor(data).dtype is vg.float32


def test_joins_promote():
    real, integer = vg.ones(1), vg.ones(1, dtype=vg.int64)
    assert vg.cat([integer, real]).dtype is vg.float32
    assert vg.stack([real.double(), real]).dtype is vg.float64
    assert vg.cat([vg.ones(0), vg.ones(2, 2)]).shape == (2, 2)
    assert vg.cat([vg.ones(0, dtype=vg.float64), vg.ones(2)]).dtype is vg.float64
    x = vg.ones(2, requires_grad=True)
    vg.cat([x, x.double()]).sum().backward()
    assert x.grad.dtype is vg.float32 and x.grad.tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError):
        vg.cat([])


def test_memory_format_of_copies():
    plain = vg.ones(1, 2, 3, 3)
    last = plain.to(memory_format=vg.channels_last)
    assert last.clone().stride() == last.stride()
    assert last.clone(memory_format=vg.contiguous_format).stride() == plain.stride()
    assert vg.zeros_like(plain, memory_format=vg.channels_last).stride() == last.stride()
    assert vg.ones_like(last, memory_format=vg.contiguous_format).stride() == plain.stride()
    assert vg.empty_like(last).stride() == last.stride()


def test_to_takes_copy_as_its_second_switch():
    x = vg.ones(2)
    assert x.to(vg.float32, True) is x
    assert x.to(vg.float32, False, True) is not x


def test_squeeze_names_each_axis_once():
    x = vg.ones(1, 2, 1)
    assert x.squeeze((0, -1)).shape == (2,)
    with pytest.raises(RuntimeError):
        x.squeeze((2, -1))


def test_parts_and_repetitions():
    x = vg.arange(5)
    assert [p.tolist() for p in x.tensor_split((-9, 2))] == [[], [0, 1], [2, 3, 4]]
    assert x[:3].repeat_interleave(vg.tensor([1, 2, 0])).tolist() == [0, 1, 1]
    with pytest.raises(ValueError):
        x.repeat_interleave(vg.tensor([1, 2]))
    x = vg.arange(4.0).reshape(2, 2)
    assert [t.shape for t in vg.std_mean(x, False)] == [(), ()]
    assert vg.bincount(vg.tensor([0, 1, 1]), vg.tensor([1.0, 2.0, 3.0])).dtype is vg.float32
    with pytest.raises(RuntimeError):
        vg.bincount(vg.tensor([-1]))
    assert vg.tensor([3.0, 1.0, 2.0]).kthvalue(2, keepdim=True).values.tolist() == [2.0]
