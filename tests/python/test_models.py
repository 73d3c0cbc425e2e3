"""C++ networks in Python, and Python modules in C++ ones."""
import copy

import pytest

import voxgrad as vg
from voxgrad import models, nn
from voxgrad.nn import functional as F


def test_a_cpp_network_trains_in_python():
    vg.manual_seed(0)
    net = nn.Sequential(models.UNet2d(1, 2, channels=(4, 8)), nn.Identity())
    optimizer = vg.optim.AdamW(net.parameters(), lr=1e-2)
    image = vg.randn(1, 1, 9, 12)
    label = (image[:, 0] > 0).long()
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(image), label)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert "0.encoder.0.0.weight" in net.state_dict()
    assert repr(net).startswith("Sequential(\n  (0): UNet2d(") and "Conv2d(1, 4" in repr(net)


def test_its_tensors_are_the_same_on_both_sides():
    net = models.UNet1d(1, 1, channels=(2,), norm="batch")
    x = vg.randn(2, 1, 8)
    before = net(x)
    with vg.no_grad():
        for p in net.parameters():
            p.mul_(2)
    assert not vg.allclose(net(x), before)
    net.double()
    assert net(x.double()).dtype is vg.float64
    other = models.UNet1d(1, 1, channels=(2,), norm="batch").double()
    other.load_state_dict(net.state_dict())
    net.eval(), other.eval()
    assert vg.equal(net(x.double()), other(x.double()))
    with pytest.raises(RuntimeError, match="state_dict"):
        copy.deepcopy(net)
    with pytest.raises(RuntimeError, match="network"):
        net.get_submodule("encoder")(x)


def test_a_python_module_works_within_a_cpp_network():
    class Double(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(vg.ones(1))

        def forward(self, x):
            return 2 * x * self.scale

    inner = Double()
    chain = models.NativeModule(vg._C._native_sequential([nn.Linear(3, 3), inner]))
    names = [name for name, _ in chain.named_parameters()]
    assert names == ["0.weight", "0.bias", "1.scale"]
    chain(vg.ones(1, 3)).sum().backward()
    assert inner.scale.grad is not None
    chain.eval()

    class Failing(nn.Module):
        def forward(self, x):
            raise KeyError("within C++")

    with pytest.raises(KeyError, match="within C"):
        models.NativeModule(vg._C._native_sequential([Failing()]))(vg.ones(1))


def test_wrong_options_are_refused():
    with pytest.raises(ValueError):
        models.UNet3d(norm="group")
    with pytest.raises(ValueError):
        models.UNet3d(channels=())
