"""Every layer: initial values, state, printing and output equal PyTorch's where that can be imported."""
import inspect
import pickle

import numpy as np
import pytest

import voxgrad
from voxgrad import nn

IMAGE = (2, 4, 6, 5)
LAYERS = [  # expression, shape of the input
    ("nn.Conv1d(4, 6, 3, 2, 1, 2, 2)", (2, 4, 11)),
    ("nn.Conv2d(4, 6, (3, 2), bias=False)", IMAGE),
    ("nn.Conv2d(4, 6, (4, 3), padding='same', padding_mode='reflect')", IMAGE),
    ("nn.Conv2d(4, 6, 3, padding=(2, 1), padding_mode='circular', dilation=(1, 2))", IMAGE),
    ("nn.Conv3d(1, 2, 3, padding='valid')", (2, 1, 3, 4, 5)),
    ("nn.Conv3d(1, 2, 3)", (1, 3, 4, 5)),
    ("nn.ConvTranspose1d(4, 6, 3, 2, 1, 1)", (2, 4, 5)),
    ("nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, False, 2)", IMAGE),
    ("nn.ConvTranspose3d(1, 2, 2, 2)", (2, 1, 2, 3, 4)),
    ("nn.Linear(5, 3)", IMAGE),
    ("nn.Linear(5, 3, bias=False)", (5,)),
    ("nn.Identity(1, x=2)", IMAGE),
    ("nn.BatchNorm1d(4)", (7, 4)),
    ("nn.BatchNorm2d(4, affine=False)", IMAGE),
    ("nn.BatchNorm3d(2, momentum=None)", (2, 2, 3, 2, 2)),
    ("nn.BatchNorm2d(4, track_running_stats=False)", IMAGE),
    ("nn.InstanceNorm1d(4)", (4, 9)),
    ("nn.InstanceNorm2d(4, affine=True)", IMAGE),
    ("nn.InstanceNorm3d(2, track_running_stats=True)", (2, 2, 3, 2, 2)),
    ("nn.GroupNorm(2, 4)", IMAGE),
    ("nn.LayerNorm((6, 5), bias=False)", IMAGE), ("nn.RMSNorm((6, 5))", IMAGE), ("nn.RMSNorm(5, 0.1, False)", IMAGE),
    ("nn.LocalResponseNorm(3, 0.5)", IMAGE), ("nn.LocalResponseNorm(2, k=2.0)", (3, 4, 7)),
    ("nn.ChannelShuffle(2)", IMAGE),
    ("nn.LayerNorm(5)", IMAGE),
    ("nn.ReLU()", IMAGE), ("nn.ReLU(True)", IMAGE), ("nn.ReLU6()", IMAGE), ("nn.LeakyReLU(0.2, True)", IMAGE),
    ("nn.PReLU(4, 0.1)", IMAGE), ("nn.ELU(0.5)", IMAGE), ("nn.CELU(0.7)", IMAGE), ("nn.SELU()", IMAGE),
    ("nn.GELU()", IMAGE), ("nn.GELU('tanh')", IMAGE), ("nn.SiLU()", IMAGE), ("nn.Mish()", IMAGE),
    ("nn.Sigmoid()", IMAGE), ("nn.Tanh()", IMAGE), ("nn.LogSigmoid()", IMAGE), ("nn.Softsign()", IMAGE),
    ("nn.Tanhshrink()", IMAGE), ("nn.Softplus(2.0, 1.0)", IMAGE), ("nn.Softshrink(0.3)", IMAGE),
    ("nn.Hardshrink(0.3)", IMAGE), ("nn.Hardsigmoid()", IMAGE), ("nn.Hardswish()", IMAGE),
    ("nn.Hardtanh(-0.5, 0.25)", IMAGE), ("nn.Threshold(0.1, 2.0)", IMAGE), ("nn.GLU(1)", IMAGE),
    ("nn.Softmax(1)", IMAGE), ("nn.LogSoftmax(-1)", IMAGE), ("nn.Softmin(2)", IMAGE), ("nn.Softmax2d()", IMAGE),
    ("nn.MaxPool1d(3, 2, 1)", (2, 4, 9)), ("nn.MaxPool2d((3, 2), ceil_mode=True)", IMAGE),
    ("nn.MaxPool3d(2, 1, dilation=2)", (1, 2, 4, 4, 4)), ("nn.MaxPool2d(2, return_indices=True)", IMAGE),
    ("nn.AvgPool1d(3, 2, 1)", (2, 4, 9)), ("nn.AvgPool2d(3, 2, 1, count_include_pad=False)", IMAGE),
    ("nn.AvgPool2d(3, divisor_override=2)", IMAGE), ("nn.AvgPool3d(2, ceil_mode=True)", (1, 2, 3, 4, 5)),
    ("nn.AdaptiveAvgPool1d(4)", (2, 4, 9)), ("nn.AdaptiveAvgPool2d((4, None))", IMAGE),
    ("nn.AdaptiveAvgPool3d(2)", (1, 2, 3, 4, 5)), ("nn.AdaptiveMaxPool1d(4)", (2, 4, 9)),
    ("nn.AdaptiveMaxPool2d(3, return_indices=True)", IMAGE), ("nn.AdaptiveMaxPool3d((1, 2, 3))", (1, 2, 3, 4, 5)),
    ("nn.LPPool1d(2, 3)", (2, 4, 9)), ("nn.LPPool2d(2, 2, 1)", IMAGE),
    ("nn.ConstantPad1d((1, 2), 3.5)", (2, 4, 9)), ("nn.ConstantPad2d(1, 2)", IMAGE),
    ("nn.ConstantPad3d(1, 0.5)", (1, 2, 3, 4, 5)), ("nn.ZeroPad1d(2)", (2, 4, 9)),
    ("nn.ZeroPad2d((1, -1, 0, 2))", IMAGE), ("nn.ZeroPad3d(1)", (1, 2, 3, 4, 5)),
    ("nn.ReflectionPad1d(2)", (2, 4, 9)), ("nn.ReflectionPad2d((1, 2, 0, 1))", IMAGE),
    ("nn.ReflectionPad3d(1)", (1, 2, 3, 4, 5)), ("nn.ReplicationPad1d(2)", (2, 4, 9)),
    ("nn.ReplicationPad2d(3)", IMAGE), ("nn.ReplicationPad3d(1)", (1, 2, 3, 4, 5)),
    ("nn.CircularPad1d(2)", (2, 4, 9)), ("nn.CircularPad2d(1)", IMAGE), ("nn.CircularPad3d(1)", (1, 2, 3, 4, 5)),
    ("nn.Upsample(scale_factor=2)", IMAGE), ("nn.Upsample((9, 4), mode='bilinear')", IMAGE),
    ("nn.Upsample(scale_factor=(1.5, 2), mode='bilinear', align_corners=True)", IMAGE),
    ("nn.Upsample(scale_factor=2, mode='trilinear')", (1, 2, 3, 4, 5)),
    ("nn.Upsample(scale_factor=2, mode='linear')", (2, 4, 9)),
    ("nn.UpsamplingNearest2d(scale_factor=2)", IMAGE), ("nn.UpsamplingBilinear2d((7, 8))", IMAGE),
    ("nn.Dropout(0.3)", IMAGE), ("nn.Dropout1d(0.3)", (3, 4, 9)), ("nn.Dropout2d(0.3)", IMAGE),
    ("nn.Dropout3d(0.3)", (2, 3, 3, 4, 5)), ("nn.AlphaDropout(0.3)", IMAGE),
    ("nn.Flatten()", IMAGE), ("nn.Flatten(0, 2)", IMAGE), ("nn.Unflatten(1, (2, -1))", IMAGE),
    ("nn.PixelShuffle(2)", IMAGE), ("nn.PixelUnshuffle(2)", (2, 4, 6, 4)),
    ("nn.Unfold((2, 3), padding=1, stride=2)", IMAGE), ("nn.Fold((4, 5), (2, 1))", (2, 6, 15)),
]


# PyTorch computes these in float64 with a constant of float32.
ROUNDED = ("nn.CELU(0.7)", "nn.Hardsigmoid()")


def run(m, expression, shape, training=True):
    m.manual_seed(3)
    layer = eval(expression, {"nn": m.nn}).double()
    layer.train(training)
    rng = np.random.default_rng(0)
    x = m.from_numpy(rng.normal(size=shape)).requires_grad_()
    out = layer(x * 1)  # in place layers take no leaf
    first = out[0] if isinstance(out, tuple) else out
    weights = m.from_numpy(rng.normal(size=tuple(first.shape)))
    (first * weights).sum().backward()
    values = [t.detach().numpy() for t in (out if isinstance(out, tuple) else (out,))]
    grads = [p.grad.numpy() for p in layer.parameters()]
    return layer, values + [x.grad.numpy()] + grads, {k: v.numpy() for k, v in layer.state_dict().items()}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression, shape", LAYERS)
def test_layer_is_pytorchs(expression, shape):
    torch = pytest.importorskip("torch")
    for training in (True, False):
        ours, values, state = run(voxgrad, expression, shape, training)
        theirs, wanted, wanted_state = run(torch, expression, shape, training)
        assert repr(ours) == repr(theirs)
        assert len(values) == len(wanted) and list(state) == list(wanted_state)
        for a, b in zip(values + list(state.values()), wanted + list(wanted_state.values())):
            assert a.shape == b.shape and a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-6 if expression in ROUNDED else 1e-10, atol=1e-12)


LOSSES = [  # expression, target
    ("nn.MSELoss()", "like"), ("nn.L1Loss(reduction='sum')", "like"), ("nn.SmoothL1Loss(beta=0.5)", "like"),
    ("nn.HuberLoss('none', 0.5)", "like"), ("nn.BCEWithLogitsLoss(pos_weight=w5)", "unit"),
    ("nn.BCEWithLogitsLoss(w5, reduction='none')", "unit"), ("nn.KLDivLoss(reduction='batchmean')", "unit"),
    ("nn.KLDivLoss(reduction='mean', log_target=True)", "like"), ("nn.CrossEntropyLoss()", "class"),
    ("nn.CrossEntropyLoss(w4, ignore_index=2, label_smoothing=0.1)", "class"),
    ("nn.CrossEntropyLoss(reduction='none')", "class"), ("nn.NLLLoss(w4)", "class"),
    ("nn.MSELoss(size_average=False)", "like"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression, kind", LOSSES)
def test_loss_is_pytorchs(expression, kind):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    x = rng.normal(size=IMAGE)
    target = {"like": rng.normal(size=IMAGE), "unit": rng.random(IMAGE), "class": rng.integers(0, 4, (2, 6, 5))}[kind]
    results = []
    for m in (voxgrad, torch):
        weights = {"w5": m.from_numpy(np.arange(1.0, 6.0)), "w4": m.from_numpy(np.arange(1.0, 5.0))}
        loss = eval(expression, {"nn": m.nn, **weights})
        leaf = m.from_numpy(x.copy()).requires_grad_()
        out = loss(leaf, m.from_numpy(target.copy()))
        out.sum().backward()
        results.append((out.detach().numpy(), leaf.grad.numpy(), list(loss.state_dict()), repr(loss)))
    for a, b in zip(*results):
        if isinstance(a, np.ndarray):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
        else:
            assert a == b


def test_dice_loss_layer_is_the_function():
    x, target = voxgrad.randn(2, 3, 4, 4), voxgrad.randint(0, 3, (2, 4, 4))
    loss = nn.DiceLoss(batch_dice=True, smooth=0.5)
    assert loss(x, target).item() == nn.functional.dice_loss(x, target, True, False, 0.5).item()
    assert repr(loss) == "DiceLoss(batch_dice=True, include_background=False, smooth=0.5)"


@pytest.mark.parametrize("make, error", [
    (lambda n: n.Conv2d(3, 4, 3, groups=2), ValueError),
    (lambda n: n.Conv2d(4, 3, 3, groups=2), ValueError),
    (lambda n: n.Conv2d(3, 4, 3, groups=0), ValueError),
    (lambda n: n.Conv2d(3, 4, 3, padding="foo"), ValueError),
    (lambda n: n.Conv2d(3, 4, 3, padding="same", stride=2), ValueError),
    (lambda n: n.Conv2d(3, 4, 3, padding_mode="foo"), ValueError),
    (lambda n: n.Conv2d(3, 4, 1.5), TypeError),
    (lambda n: n.ConvTranspose2d(1, 1, 3, padding_mode="reflect"), ValueError),
    (lambda n: n.Dropout(1.5), ValueError),
    (lambda n: n.GroupNorm(3, 4), ValueError),
    (lambda n: n.Unflatten(1, 3), TypeError),
])
def test_constructors_refuse_as_pytorchs(make, error):
    with pytest.raises(error):
        make(nn)
    try:
        import torch
    except ImportError:
        return
    with pytest.raises(error):
        make(torch.nn)


@pytest.mark.parametrize("make, shape, error", [
    (lambda: nn.BatchNorm2d(2), (2, 2), ValueError),
    (lambda: nn.InstanceNorm1d(2), (2,), ValueError),
    (lambda: nn.InstanceNorm2d(2, affine=True), (1, 3, 4, 4), ValueError),
    (lambda: nn.Conv2d(2, 1, 3), (1, 3, 4, 4), RuntimeError),
    (lambda: nn.Linear(3, 1), (2, 4), RuntimeError),
    (lambda: nn.Softmax2d(), (2, 4), ValueError),
    (lambda: nn.Conv3d(2, 1, (3, 3)), None, ValueError),
    (lambda: nn.ConvTranspose2d(1, 1, 3, padding="same"), None, TypeError),
    (lambda: nn.Hardtanh(2, 1), None, ValueError),
    (lambda: nn.Unflatten(1, (2, 2)), (0, 2, 3), RuntimeError),
    (lambda: nn.Unflatten(1, (-1, -1)), (3, 4), RuntimeError),
    (lambda: nn.Dropout1d(), (2, 3, 4, 4), RuntimeError),
])
def test_bad_input(make, shape, error):
    with pytest.raises(error):
        layer = make()
        layer(voxgrad.ones(*shape))


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("amounts", [(2, -1, -1, 1), (-1, -1), (1, 0, -2, 2)])
def test_negative_padding_is_pytorchs(mode, amounts):
    torch = pytest.importorskip("torch")
    found = []
    for m in (voxgrad, torch):
        x = m.arange(20.0).reshape(*[1] * (len(amounts) // 2), 5, 4).requires_grad_()
        y = m.nn.functional.pad(x, amounts, mode)
        y.backward(y.detach())
        found.append((y.tolist(), x.grad.tolist()))
    assert found[0] == found[1]


def test_transposed_convolution_reaches_an_output_size():
    up = nn.ConvTranspose2d(1, 1, 3, stride=2, padding=1)
    x = voxgrad.ones(1, 1, 4, 4)
    assert list(up(x).shape) == [1, 1, 7, 7]
    assert list(up(x, output_size=[7, 8]).shape) == [1, 1, 7, 8]
    assert list(up(x, output_size=voxgrad.ones(1, 1, 8, 8).shape).shape) == [1, 1, 8, 8]
    assert list(up(x[0], output_size=(1, 8, 7)).shape) == [1, 8, 7]
    with pytest.raises(ValueError, match=r"in \[7, 8\] on axis 0"):
        up(x, output_size=[9, 8])
    with pytest.raises(ValueError):
        up(x, output_size=[8, 8, 8])


def test_hierarchy_that_libraries_ask_for():
    assert issubclass(nn.Conv2d, nn.modules.conv._ConvNd)
    assert issubclass(nn.ConvTranspose3d, nn.modules.conv._ConvTransposeNd)
    assert issubclass(nn.BatchNorm3d, nn.modules.batchnorm._BatchNorm)
    assert issubclass(nn.InstanceNorm3d, nn.modules.instancenorm._InstanceNorm)
    assert issubclass(nn.modules.instancenorm._InstanceNorm, nn.modules.batchnorm._NormBase)
    assert issubclass(nn.Dropout3d, nn.modules.dropout._DropoutNd)
    assert issubclass(nn.CrossEntropyLoss, nn.modules.loss._WeightedLoss)
    assert issubclass(nn.ReLU6, nn.Hardtanh)
    assert nn.modules.module.Module is nn.Module and nn.modules.activation.ReLU is nn.ReLU


def test_a_subclass_with_its_own_initial_values_draws_nothing_else():
    class Mine(nn.Conv2d):
        def reset_parameters(self):
            nn.init.uniform_(self.weight)
            nn.init.zeros_(self.bias)

    voxgrad.manual_seed(0)
    layer = Mine(2, 3, 3)
    voxgrad.manual_seed(0)
    assert layer.weight.tolist() == voxgrad.rand(3, 2, 3, 3).tolist()


@pytest.mark.parametrize("name", sorted(n for n in nn.modules.__all__ if n not in ("Module",)))
def test_every_layer_explains_itself(name):
    kind = getattr(nn, name)
    assert kind.__doc__ and len(kind.__doc__) > 7
    assert kind.__init__ is not None and str(inspect.signature(kind)) != "(*args: Any, **kwargs: Any)" or name in (
        "Identity", "Softmax2d") or kind.__init__ is nn.Module.__init__
    assert kind.__module__.startswith("voxgrad.nn.modules.")


@pytest.mark.parametrize("expression", sorted({e for e, _ in LAYERS}))
def test_every_layer_can_be_pickled(expression):
    layer = eval(expression, {"nn": nn})
    assert repr(pickle.loads(pickle.dumps(layer))) == repr(layer)


def test_help_teaches_the_output_size():
    text = nn.ConvTranspose3d.__doc__
    assert "(size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1" in text
