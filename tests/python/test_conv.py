"""Convolution and its transpose as a user meets them: documented examples, options, errors, fitting a skip."""
import json

import conv_cases
import numpy as np
import pytest

import voxgrad
from voxgrad import nn
from voxgrad.nn import functional as F

RECORDED = json.loads(conv_cases.RECORDED.read_text())
DOUBLE = voxgrad.float64


def agree(found, wanted):
    """Sums of up to a million terms in another order."""
    assert found.keys() == wanted.keys()
    for key in wanted:
        np.testing.assert_allclose(found[key], wanted[key], rtol=1e-9, atol=1e-9, err_msg=key)


@pytest.mark.parametrize("name", conv_cases.EXAMPLES)
def test_documented_examples_have_pytorchs_values(name):
    agree(conv_cases.values(voxgrad, name), RECORDED["examples"][name])


def test_documented_shapes():
    def shape(name):
        layer, documented, _ = conv_cases.EXAMPLES[name]
        return tuple(conv_cases.build(voxgrad, layer)(voxgrad.empty(0, *documented[1:])).shape[1:])

    assert shape("Conv3d square") == (33, 4, 24, 49)
    assert shape("Conv3d padding") == (33, 8, 50, 99)
    assert shape("ConvTranspose3d square") == (33, 21, 101, 201)
    assert shape("ConvTranspose3d padding") == (33, 21, 46, 97)
    assert shape("ConvTranspose2d square") == (33, 101, 201)
    assert shape("ConvTranspose2d padding") == (33, 93, 100)


def test_there_and_back_with_output_size():
    agree(conv_cases.round_trip(voxgrad), RECORDED["round trip"])


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("layer", conv_cases.LAYERS)
def test_initial_values_have_pytorchs_bits(layer, kind):
    assert conv_cases.initial(voxgrad, layer, kind) == RECORDED["initial"][f"{layer} {kind}"]


# ---- like

def test_like_fits_a_skip_of_odd_size():
    up = nn.ConvTranspose3d(3, 2, 2, stride=2)
    skip = voxgrad.zeros(1, 7, 9, 8, 5)
    assert up(voxgrad.ones(1, 3, 4, 4, 2), like=skip).shape == (1, 2, 9, 8, 5)
    assert up(voxgrad.ones(3, 4, 4, 2), like=skip[0]).shape == (2, 9, 8, 5)
    x, w = voxgrad.randn(1, 3, 4), voxgrad.randn(3, 2, 2)
    np.testing.assert_array_equal(F.conv_transpose1d(x, w, stride=2, like=voxgrad.zeros(1, 2, 9)).numpy(),
                                  F.conv_transpose1d(x, w, stride=2, output_padding=1).numpy())


def test_like_reaches_what_dilation_allows_and_output_size_does_not():
    up = nn.ConvTranspose1d(1, 1, 2, dilation=3)
    x = voxgrad.ones(1, 1, 4)  # 7 without output_padding
    assert up(x, like=voxgrad.ones(1, 1, 9)).shape == (1, 1, 9)
    with pytest.raises(ValueError, match=r"\[7, 7\]"):
        up(x, output_size=[9])


def test_like_names_what_would_fit():
    up = nn.ConvTranspose2d(1, 1, 3, stride=2, padding=1)
    with pytest.raises(ValueError, match=r"in \[7, 8\] on axis 0 .* got \[9, 9\]. A kernel of 2 with stride 2"):
        up(voxgrad.ones(1, 1, 4, 4), like=voxgrad.ones(1, 1, 9, 9))
    with pytest.raises(ValueError, match="given once"):
        up(voxgrad.ones(1, 1, 4, 4), output_size=[8, 8], like=voxgrad.ones(1, 1, 8, 8))
    with pytest.raises(TypeError):
        up(voxgrad.ones(1, 1, 4, 4), like=[8, 8])
    with pytest.raises(TypeError):
        up(voxgrad.ones(1, 1, 4, 4), None, voxgrad.ones(1, 1, 8, 8))  # by name only: it is no argument of PyTorch's


# ---- adjoint and algorithms

def test_check_adjoint_gives_the_three_forms():
    x, w = voxgrad.randn(2, 4, 7, 6, dtype=DOUBLE), voxgrad.randn(6, 2, 3, 3, dtype=DOUBLE)
    bias = voxgrad.randn(6, dtype=DOUBLE)
    check = voxgrad.autograd.check_adjoint(lambda x, w: F.conv2d(x, w, bias, 2, 1, groups=2), (x, w))
    assert len(check.backward) == 2 and check.gap <= 1e-13 * check.scale and abs(check.forward) > 1e-3
    assert voxgrad.autograd.check_adjoint(lambda t: t * t, x).gap > 1e-3
    assert voxgrad.autograd.check_adjoint(lambda t: t * 2, x, seed=-1).gap == 0
    with pytest.raises(RuntimeError):
        voxgrad.autograd.check_adjoint(lambda t: t.detach(), x)
    with pytest.raises(ZeroDivisionError):
        voxgrad.autograd.check_adjoint(lambda t: 1 / 0, x)
    for wrong in (np.ones(3), {"x": x}, "x", None, [x, 3]):
        with pytest.raises(TypeError, match="inputs must be Tensors"):
            voxgrad.autograd.check_adjoint(lambda t: t, wrong)


def test_the_algorithm_can_be_seen_and_forced():
    names = voxgrad.conv_algorithms()
    assert {"winograd", "depthwise", "direct", "tiled"} <= set(names)
    x, w = voxgrad.randn(1, 16, 8, 8), voxgrad.randn(8, 16, 3, 3, requires_grad=True)
    try:
        for name in names:
            voxgrad.force_conv_algorithm(name)
            y = F.conv2d(x, w)
            if name in ("depthwise", "thin"):  # which this is not
                assert voxgrad.last_conv().algorithm != name
                continue
            run = voxgrad.last_conv()
            assert (run.produced, run.algorithm, run.dtype) == ("y", name, voxgrad.float32) and run.workspace > 0
            assert repr(run).startswith(f"conv y {name} float32 16->8 k3x3")
            y.sum().backward()
            assert voxgrad.last_conv().produced == "w"
    finally:
        voxgrad.force_conv_algorithm("")
    with pytest.raises(KeyError, match="no such"):
        voxgrad.force_conv_algorithm("no such")


def test_each_device_has_its_algorithms():
    here = voxgrad.conv_algorithms()
    assert here == voxgrad.conv_algorithms(None) == voxgrad.conv_algorithms("cpu")
    assert here == voxgrad.conv_algorithms(device=voxgrad.device("cpu"))
    with pytest.raises(voxgrad.DeviceError, match="device: must be 'cpu', 'cuda' or 'cuda:N'; got 'gpu'"):
        voxgrad.conv_algorithms("gpu")
    with pytest.raises(voxgrad.DeviceError, match="cuda:9999"):
        voxgrad.conv_algorithms(9999)


# ---- options

def test_fractions_are_no_options():
    x, w = voxgrad.ones(1, 1, 4), voxgrad.ones(1, 1, 1)
    for options in (dict(stride=voxgrad.tensor(2.7)), dict(padding=[np.float32(1.5)]), dict(groups=np.float32(1.5)),
                    dict(groups=voxgrad.tensor(1.5)), dict(dilation=2.0), dict(stride="1")):
        with pytest.raises(TypeError, match="conv1d|index"):
            F.conv1d(x, w, **options)
    assert F.conv1d(x, w, stride=np.int32(2), padding=[np.int64(1)]).shape == (1, 1, 3)


@pytest.mark.parametrize("name", ["voxgrad", "torch"])
def test_a_subclass_with_a_forward_of_its_own_asks_for_output_padding(name):
    m = pytest.importorskip(name)

    class Scaled(m.nn.ConvTranspose2d):
        def forward(self, x, output_size=None):
            extra = self._output_padding(x, output_size, self.stride, self.padding, self.kernel_size, 2, self.dilation)
            return m.nn.functional.conv_transpose2d(x, self.weight * 2, None, self.stride, self.padding, extra,
                                                    self.groups, self.dilation)

    layer, x = Scaled(2, 3, (3, 2), (3, 2), (1, 0), 1, dilation=(2, 1)), m.ones(1, 2, 4, 5)
    plain = m.nn.ConvTranspose2d(2, 3, (3, 2), (3, 2), (1, 0), 1, dilation=(2, 1), bias=False)
    plain.load_state_dict({"weight": layer.weight})
    for size in (None, (13, 10), [1, 3, 14, 11]):
        np.testing.assert_allclose(layer(x, size).tolist(), (plain(x, size) * 2).tolist(), rtol=1e-5)
    for size in ((15, 10), (11, 10), (13,), [3, 13, 10]):
        with pytest.raises(ValueError):
            layer(x, size)


@pytest.mark.parametrize("name", ["voxgrad", "torch"])
def test_a_padding_mode_set_later_is_checked_at_the_call(name):
    m = pytest.importorskip(name)
    layer = m.nn.Conv1d(1, 1, 3, padding=1)
    layer.padding_mode = "mirror"
    with pytest.raises(RuntimeError):
        layer(m.ones(1, 1, 5))


# ---- errors: the situations of PyTorch's, with its classes

X = (1, 4, 5, 5, 5)
MODULE_ERRORS = {
    "groups 0": lambda m: m.nn.Conv3d(4, 4, 3, groups=0),
    "in not divisible": lambda m: m.nn.Conv3d(4, 6, 3, groups=3),
    "out not divisible": lambda m: m.nn.Conv3d(6, 4, 3, groups=3),
    "padding string": lambda m: m.nn.Conv3d(4, 4, 3, padding="foo"),
    "same with stride": lambda m: m.nn.Conv3d(4, 4, 3, stride=2, padding="same"),
    "padding_mode": lambda m: m.nn.Conv3d(4, 4, 3, padding_mode="foo"),
    "transposed padding_mode": lambda m: m.nn.ConvTranspose3d(4, 4, 3, padding_mode="reflect"),
    "output_size out of reach": lambda m: m.nn.ConvTranspose3d(4, 4, 3, stride=2)(m.ones(*X), output_size=[20] * 3),
    "output_size of 2": lambda m: m.nn.ConvTranspose3d(4, 4, 3, stride=2)(m.ones(*X), output_size=[11, 11]),
}
CALL_ERRORS = {
    "negative padding": lambda m: conv(m, padding=-1),
    "negative output_padding": lambda m: transpose(m, output_padding=-1),
    "stride 0": lambda m: conv(m, stride=0),
    "groups 0": lambda m: conv(m, groups=0),
    "dilation 0": lambda m: conv(m, dilation=0),
    "output_padding too large": lambda m: transpose(m, output_padding=2, stride=2),
    "rank": lambda m: m.nn.functional.conv_transpose3d(m.ones(4, 5, 5), m.ones(4, 4, 3, 3, 3)),
    "channels": lambda m: m.nn.functional.conv3d(m.ones(1, 3, 5, 5, 5), m.ones(4, 4, 3, 3, 3)),
    "transposed channels": lambda m: m.nn.functional.conv_transpose3d(m.ones(1, 3, 5, 5, 5), m.ones(4, 4, 3, 3, 3)),
    "groups and weight": lambda m: m.nn.functional.conv3d(m.ones(*X), m.ones(3, 2, 3, 3, 3), groups=2),
    "bias": lambda m: m.nn.functional.conv3d(m.ones(*X), m.ones(4, 4, 3, 3, 3), m.ones(5)),
    "kernel beyond the input": lambda m: m.nn.functional.conv3d(m.ones(*X), m.ones(4, 4, 7, 7, 7)),
    "output too small": lambda m: transpose(m, padding=9),
    "stride of 2 values": lambda m: conv(m, stride=[2, 2]),
    "dtypes": lambda m: m.nn.functional.conv3d(m.ones(*X).double(), m.ones(4, 4, 3, 3, 3)),
    "kernel 0": lambda m: m.nn.functional.conv3d(m.ones(*X), m.ones(4, 4, 0, 3, 3)),
    "size 0": lambda m: m.nn.functional.conv_transpose3d(m.ones(1, 4, 0, 5, 5), m.ones(4, 4, 3, 3, 3)),
    "size 0 with padding": lambda m: m.nn.functional.conv3d(m.ones(1, 4, 0, 5, 5), m.ones(4, 4, 3, 3, 3), padding=1),
    "reflect beyond the size": lambda m: m.nn.Conv1d(1, 1, 3, padding=5, padding_mode="reflect")(m.ones(1, 1, 5)),
    "circular beyond the size": lambda m: m.nn.Conv1d(1, 1, 3, padding=6, padding_mode="circular")(m.ones(1, 1, 5)),
}
TYPE_ERRORS = {
    "float kernel": lambda m: m.nn.Conv3d(4, 4, 3.0),
    "float stride": lambda m: conv(m, stride=1.5),
    "nan padding": lambda m: conv(m, padding=float("nan")),
    "text for a tensor": lambda m: m.nn.functional.conv1d("x", m.ones(1, 1, 1)),
}


TYPE_ERRORS["same for a transpose"] = lambda m: m.nn.ConvTranspose1d(1, 1, 3, padding="same")(m.ones(1, 1, 5))


def conv(m, **options):
    return m.nn.functional.conv3d(m.ones(*X), m.ones(4, 4, 3, 3, 3), **options)


def transpose(m, **options):
    return m.nn.functional.conv_transpose3d(m.ones(*X), m.ones(4, 4, 3, 3, 3), **options)


def modules():
    yield voxgrad
    try:
        import torch
    except ImportError:
        return
    yield torch


@pytest.mark.parametrize("error, cases", [(ValueError, MODULE_ERRORS), (RuntimeError, CALL_ERRORS),
                                          (TypeError, TYPE_ERRORS)])
def test_errors_have_pytorchs_classes(error, cases):
    for module in modules():
        for name, call in cases.items():
            with pytest.raises(error) as caught:
                call(module)
            if module is voxgrad:
                op = str(caught.value).partition(":")[0]
                assert op in ("conv", "conv3d", "conv1d", "conv_transpose", "conv_transpose3d", "pad", "Conv1d",
                              "Conv3d", "ConvTranspose1d", "ConvTranspose3d"), f"{name}: {caught.value}"


def test_pads_of_every_mode_are_pytorchs():
    torch = pytest.importorskip("torch")
    for mode in ("zeros", "reflect", "replicate", "circular"):
        for padding in (1, (2, 0), "same"):
            made = []
            for m in (torch, voxgrad):
                m.manual_seed(1)
                layer = m.nn.Conv2d(4, 6, (3, 2), padding=padding, dilation=(1, 2), groups=2, padding_mode=mode,
                                    dtype=m.float64)
                x = m.randn(2, 4, 5, 6, dtype=m.float64).requires_grad_()
                y = layer(x)
                (y * y).sum().backward()
                made.append([t.detach().numpy() for t in (y, x.grad, layer.weight.grad, layer.bias.grad)])
            for wanted, found in zip(*made):
                np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11, err_msg=f"{mode} {padding}")


def test_one_value_in_a_sequence_is_for_all_axes():
    x = voxgrad.randn(1, 2, 6, 6)
    for options in (dict(stride=2), dict(padding=1), dict(dilation=2), dict(padding=1, padding_mode="reflect"),
                    dict(padding="same", dilation=2, padding_mode="circular")):
        listed = {k: (v,) if isinstance(v, int) else v for k, v in options.items()}
        made = []
        for given in (options, listed):
            voxgrad.manual_seed(1)
            made.append(nn.Conv2d(2, 3, 3, **given)(x).detach().numpy())
        np.testing.assert_array_equal(*made)
    for layer in (nn.Conv2d, nn.ConvTranspose2d):
        for options in (dict(kernel_size=(3,)), dict(kernel_size=3, stride=(1, 1, 1)), dict(kernel_size=3, padding=())):
            with pytest.raises(ValueError, match="for each of 2 axes"):
                layer(1, 1, **options)


def test_numbers_beyond_64_bits_are_refused():
    x, w = voxgrad.ones(1, 1, 4), voxgrad.ones(1, 1, 1)
    for call in (lambda: F.conv1d(x, w, stride=2**70), lambda: F.conv1d(x, w, padding=-2**70),
                 lambda: nn.Conv1d(1, 1, 2**70), lambda: F.conv1d(x, w, stride=[2**64])):
        with pytest.raises((TypeError, ValueError), match="64 bits|integer"):
            call()
    with pytest.raises(TypeError, match="argument 4 must be an integer"):
        F.conv1d(x, w, stride=None)  # bias is None too: neither is named


def test_a_bad_input_is_refused_before_it_is_padded():
    with pytest.raises(ValueError, match=r"got x \[1, 8, 64, 64\]"):
        nn.Conv2d(4, 1, 3, padding=20, padding_mode="reflect")(voxgrad.ones(1, 8, 64, 64))


def test_circular_padding_takes_unbatched_input():
    layer = nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")
    x = voxgrad.randn(1, 1, 4, 5)
    np.testing.assert_array_equal(layer(x[0]).detach().numpy(), layer(x)[0].detach().numpy())


def test_an_empty_batch_has_zero_gradients():
    for name in ("Conv2d", "ConvTranspose2d"):
        layer = getattr(nn, name)(2, 3, 3)
        x = voxgrad.empty(0, 2, 5, 5, requires_grad=True)
        layer(x).sum().backward()
        assert x.grad.shape == x.shape
        assert not layer.weight.grad.any() and not layer.bias.grad.any()


def test_sizes_that_no_memory_holds_are_refused_before_anything_is_made():
    x = voxgrad.ones(1, 1, 1, 1).expand(1, 1, 2**31, 2**31)
    w = voxgrad.ones(8, 1, 1, 1)
    with pytest.raises(RuntimeError):  # 2^65 elements
        F.conv2d(x, w)
    with pytest.raises(voxgrad.OutOfMemoryError):  # 2^60 bytes
        F.conv2d(x, w[:1].expand(1, 1, 1, 1)[..., :1], stride=(8, 1))
    with pytest.raises(RuntimeError):
        F.conv_transpose1d(voxgrad.ones(1, 1, 3), voxgrad.ones(1, 1, 1), stride=2**61)
