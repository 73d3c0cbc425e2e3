"""Arguments of wrong types: a TypeError that names the function, the argument, the rule and what was got."""
import pytest

import voxgrad as vg
from voxgrad.nn import functional as F

X = vg.ones(2, 3)


def set_grad(value):
    X.grad = value


@pytest.mark.parametrize("call, text", [
    (lambda: vg.relu(None), "relu: input must be a Tensor; got NoneType"),
    (lambda: F.relu6("a"), "relu6: input must be a Tensor; got str"),
    (lambda: vg.matmul(X, 3), "matmul: other must be a Tensor; got int"),
    (lambda: X @ 3, "matmul: other must be a Tensor; got int"),
    (lambda: 3 @ X, "matmul: input must be a Tensor; got int"),
    (lambda: X.mm(mat2=[1]), "mm: mat2 must be a Tensor; got list"),
    (lambda: set_grad(5), "grad: must be a Tensor or None; got int"),
    (lambda: vg.nn.Linear(2, 2)(3), "linear: input must be a Tensor; got int"),
    (lambda: vg.addmm(X, 3, X), "addmm: mat1 must be a Tensor; got int"),
    (lambda: vg.lerp(X, 3, 4), "lerp: end must be a Tensor; got int"),
    (lambda: vg.einsum("i,j", X, 3), "einsum: operands[1] must be a Tensor; got int"),
    (lambda: vg.einsum(3, X), "einsum: equation must be text; got int"),
    (lambda: X.transpose(0, "b"), "transpose: dim1 must be an integer; got str"),
    (lambda: X.narrow(0, 2**70, 1), f"narrow: start must be an integer of 64 bits; got {2**70}"),
    (lambda: X.narrow(0, 0, vg.ones(2)), "narrow: length must be an integer; got Tensor"),
    (lambda: F.softplus(X, beta="a"), "softplus: beta must be a number; got str"),
    (lambda: X.masked_fill(3, 1), "masked_fill: mask must be a Tensor; got int"),
    (lambda: vg._C._scatter(X, 0, X, None), "scatter: argument 4 must be a Tensor or a number; got NoneType"),
    (lambda: vg.nn.ConvTranspose1d(2, 1, 2)(X, [2**70]),
     f"forward: output_size[0] must be an integer of 64 bits; got {2**70}"),
    (lambda: X.item(3), "item: takes (); got (int)"),
    (lambda: vg.device(3.5), "device: must be a device or text or an integer; got float"),
    (lambda: vg.Generator(device=3.5), "Generator: must be a device or an integer or text or None; got float"),
    (lambda: vg.set_num_threads("a"), "set_num_threads: must be an integer; got str"),
])
def test_text(call, text):
    with pytest.raises(TypeError) as raised:
        call()
    assert str(raised.value) == text and isinstance(raised.value, vg.DTypeError)


class Other:
    def __rmatmul__(self, other):
        return "taken"

    __radd__ = __rmatmul__


def test_operators_leave_to_the_other_operand_what_they_do_not_know():
    assert X @ Other() == "taken" and X + Other() == "taken"
    for other in (None, [1], "a", object()):
        with pytest.raises(TypeError, match="unsupported operand"):
            X @ other
        with pytest.raises(TypeError, match="unsupported operand"):
            other @ X


def test_a_value_whose_index_fails_is_no_integer():
    class Wrong:
        def __index__(self):
            raise KeyError("mine")

    with pytest.raises(TypeError, match="unsqueeze: dim must be an integer; got Wrong"):
        X.unsqueeze(Wrong())


def test_errors_raised_inside_a_call_stay():
    x = vg.ones(2, requires_grad=True)
    x.register_hook(lambda grad: int([]))
    with pytest.raises(TypeError, match="int\\(\\) argument"):
        x.sum().backward()
    with pytest.raises(vg.DTypeError, match="float"):
        vg.matmul(vg.ones(2, 2), vg.ones(2, 2, dtype=vg.bool))
