"""Convolutions that learn their number of channels from the first input."""
import copy
import pickle
import threading

import numpy as np
import pytest

import voxgrad
from voxgrad import nn


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose"])
def test_a_lazy_layer_becomes_the_layer(kind, rank):
    lazy = getattr(nn, f"Lazy{kind}{rank}d")(6, 3, groups=2)
    eager_class = getattr(nn, f"{kind}{rank}d")
    assert isinstance(lazy, eager_class) and lazy.has_uninitialized_params()
    assert repr(lazy).startswith(f"Lazy{kind}{rank}d(0, 6, kernel_size=")
    x = voxgrad.ones(1, 4, *range(5, 5 + rank))
    voxgrad.manual_seed(5)
    y = lazy(x)
    voxgrad.manual_seed(5)
    eager = eager_class(4, 6, 3, groups=2)
    assert type(lazy) is eager_class and type(lazy.weight) is nn.Parameter and lazy.in_channels == 4
    np.testing.assert_array_equal(y.detach().numpy(), eager(x).detach().numpy())
    assert repr(lazy) == repr(eager) and not lazy._forward_pre_hooks and not lazy._load_state_dict_pre_hooks


def test_a_lazy_layers_parameters_are_the_same_objects_later():
    lazy = nn.LazyConv2d(2, 3, bias=False)
    weight = lazy.weight
    assert list(lazy.parameters()) == [weight] and repr(weight) == "<UninitializedParameter>"
    with pytest.raises(RuntimeError, match="before the first input"):
        weight.shape
    for use in (lambda w: w.exp(), lambda w: w.pow(2).sum(), lambda w: w == 1, lambda w: w.add_(1), lambda w: -w, list,
                lambda w: w.max(), voxgrad.from_dlpack):
        with pytest.raises(ValueError, match="before the first input"):
            use(weight)
    lazy.double()
    lazy(voxgrad.ones(3, 5, 5, dtype=voxgrad.float64))  # unbatched
    assert (weight == weight).all() and weight.exp().shape == weight.shape
    assert lazy.weight is weight and weight.shape == (2, 3, 3, 3) and weight.dtype == voxgrad.float64


def test_a_lazy_layer_is_stored_before_and_after():
    full = nn.Conv2d(3, 2, 3)
    lazy = nn.LazyConv2d(2, 3)
    for twin in (copy.deepcopy(lazy), pickle.loads(pickle.dumps(lazy))):
        assert twin.has_uninitialized_params()
        twin.load_state_dict(lazy.state_dict())  # neither knows its shape
        twin.load_state_dict(full.state_dict())
        assert not twin.has_uninitialized_params() and lazy.has_uninitialized_params()
        x = voxgrad.randn(1, 3, 4, 4)
        np.testing.assert_array_equal(twin(x).detach().numpy(), full(x).detach().numpy())
        assert type(twin) is nn.Conv2d and twin.in_channels == 3
    with pytest.raises(RuntimeError, match="not known yet"):
        full.load_state_dict(lazy.state_dict())


def test_a_lazy_layer_keeps_the_part_that_was_loaded():
    full, lazy = nn.Conv2d(4, 2, 3), nn.LazyConv2d(2, 3)
    lazy.load_state_dict({"weight": full.weight}, strict=False)
    lazy(voxgrad.ones(1, 4, 5, 5))
    np.testing.assert_array_equal(lazy.weight.detach().numpy(), full.weight.detach().numpy())
    assert lazy.in_channels == 4 and lazy.bias.shape == (2,)
    loaded = nn.LazyConv2d(2, 3)
    loaded.load_state_dict(full.state_dict())
    with pytest.raises(RuntimeError, match="channels"):
        loaded(voxgrad.ones(1, 6, 5, 5))
    assert loaded.in_channels == 4


def test_a_lazy_layers_first_input_from_two_threads():
    for _ in range(20):
        lazy, found = nn.LazyConv2d(3, 5), []
        x, barrier = voxgrad.ones(1, 8, 6, 6), threading.Barrier(2)

        def first():
            barrier.wait()
            found.append(lazy(x).detach().numpy())

        threads = [threading.Thread(target=first) for _ in range(2)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        for y in found:
            np.testing.assert_array_equal(y, lazy(x).detach().numpy())
        assert len(found) == 2


def test_a_lazy_layer_without_values_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="before the first input"):
        voxgrad.save(nn.LazyConv2d(4, 3).state_dict(), tmp_path / "lazy.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_large_lazy_layer_is_made_at_once():
    with pytest.raises(ValueError, match="LazyConv1d: groups"):
        nn.LazyConv1d(2**40, 1, groups=3)
    assert nn.LazyConv1d(2**40, 1).has_uninitialized_params()


def test_a_lazy_parameter_has_no_values():
    weight = nn.LazyConv2d(2, 3).weight
    for use in (lambda: weight.numel(), lambda: weight.shape, lambda: weight + 1, lambda: 2 * weight,
                lambda: weight.sum(), lambda: weight.clone(), lambda: weight[0], lambda: np.asarray(weight)):
        with pytest.raises(ValueError, match="before the first input"):
            use()


def test_a_lazy_layer_refuses_at_once_or_at_the_first_input():
    for options in (dict(out_channels=6, kernel_size=0), dict(out_channels=6, kernel_size=3, groups=0),
                    dict(out_channels=6, kernel_size=3, groups=4),
                    dict(out_channels=6, kernel_size=3, padding="same", stride=2)):
        with pytest.raises(ValueError):
            nn.LazyConv2d(**options)
    lazy = nn.LazyConv2d(6, 3, groups=2)
    for shape in [(5, 5), (1, 3, 5, 5), (1, 0, 5, 5)]:
        with pytest.raises((ValueError, RuntimeError)):
            lazy(voxgrad.ones(*shape))
        assert lazy.has_uninitialized_params()
    assert lazy(voxgrad.ones(1, 4, 5, 5)).shape == (1, 6, 3, 3)


def test_a_lazy_network_of_ones_own():
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(voxgrad.ones(1))

        def forward(self, x):
            return x * self.scale

    class LazyScale(nn.modules.lazy.LazyModuleMixin, Scale):
        cls_to_become = Scale

        def __init__(self):
            super().__init__()
            self.scale = nn.UninitializedParameter()

        def initialize_parameters(self, x):
            self.scale.materialize(x.shape)
            with voxgrad.no_grad():
                self.scale.fill_(2)

    net = LazyScale()
    assert net(voxgrad.ones(3)).tolist() == [2, 2, 2] and type(net) is Scale
