"""Containers, under PyTorch too where that can be imported."""
import collections

import pytest


@pytest.fixture(params=["voxgrad", "torch"])
def m(request):
    return pytest.importorskip(request.param)


def names(container):
    return [f"{name}:{type(module).__name__}" for name, module in container.named_children()]


def test_sequential_as_a_list(m):
    nn = m.nn
    net = nn.Sequential(nn.ReLU(), nn.Tanh()).append(nn.ELU())
    net.insert(1, nn.SELU()).extend([nn.CELU()])
    assert names(net) == ["0:ReLU", "1:SELU", "2:Tanh", "3:ELU", "4:CELU"]
    assert names(net[1:3]) == ["1:SELU", "2:Tanh"]
    assert net[-1] is list(net)[4] and len(net) == 5
    del net[0:2]
    assert names(net) == ["0:Tanh", "1:ELU", "2:CELU"]
    net[0] = nn.Mish()
    assert names(net)[0] == "0:Mish" and type(net.pop(0)) is nn.Mish
    assert names(net + nn.Sequential(nn.ReLU())) == ["0:ELU", "1:CELU", "2:ReLU"] and len(net * 3) == 6
    with pytest.raises(IndexError):
        net[7]
    with pytest.raises(IndexError):
        net.insert(9, nn.ReLU())


@pytest.mark.parametrize("activation", ["ReLU", "LeakyReLU"])
@pytest.mark.parametrize("norm", ["BatchNorm2d", "InstanceNorm2d"])
def test_sequential_of_norm_and_activation(m, norm, activation):
    def results(call):
        m.manual_seed(2)
        net = m.nn.Sequential(getattr(m.nn, norm)(3, affine=True), getattr(m.nn, activation)(inplace=True))
        x = m.randn(2, 3, 5, 4).requires_grad_()
        y = call(net, x)
        (y * m.randn(2, 3, 5, 4)).sum().backward()
        return [t.detach().numpy().tobytes() for t in (y, x.grad, net[0].weight.grad, net[0].bias.grad)] + \
               [value.numpy().tobytes() for value in net.state_dict().values()]

    assert results(lambda net, x: net(x)) == results(lambda net, x: net[1](net[0](x)))


def test_sequential_calls_every_module_that_somebody_watches(m):
    nn, seen = m.nn, []
    x = m.ones(2, 3, 4)
    net = nn.Sequential(nn.BatchNorm1d(3), nn.ReLU())
    net[0].register_forward_hook(lambda module, args, result: seen.append(type(module).__name__))
    net(x)
    net = nn.Sequential(nn.BatchNorm1d(3), nn.ReLU())
    net[1].register_forward_pre_hook(lambda module, args: seen.append(type(module).__name__))
    net(x)

    class Mine(nn.ReLU):
        def forward(self, input):
            seen.append("Mine")
            return super().forward(input)

    nn.Sequential(nn.BatchNorm1d(3), Mine())(x)
    net = nn.Sequential(nn.InstanceNorm1d(3), nn.ReLU())
    net[1].forward = lambda input: seen.append("patched")
    net(x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.ReLU, "forward", lambda self, input: seen.append("class"))
        nn.Sequential(nn.BatchNorm1d(3), nn.ReLU())(x)

    class Norm(nn.InstanceNorm1d):
        def _apply_instance_norm(self, input):
            return super()._apply_instance_norm(input)

    assert nn.Sequential(Norm(3), nn.ReLU())(x).shape == x.shape
    assert seen == ["BatchNorm1d", "ReLU", "Mine", "patched", "class"]


def test_sequential_slices_share_their_modules(m):
    net = m.nn.Sequential(m.nn.Linear(1, 1), m.nn.Linear(1, 2))
    part = net[1:]
    assert part[0] is net[1] and names(part) == ["1:Linear"]


def test_sequential_of_names(m):
    net = m.nn.Sequential(collections.OrderedDict(first=m.nn.ReLU(), second=m.nn.Tanh()))
    assert net.first is net[0] and net(m.ones(1) * -1).tolist() == [0.0]


def test_module_list(m):
    nn = m.nn
    modules = nn.ModuleList([nn.ReLU()])
    modules += [nn.Tanh()]
    modules.insert(0, nn.ELU())
    assert names(modules) == ["0:ELU", "1:ReLU", "2:Tanh"]
    del modules[1]
    assert names(modules) == ["0:ELU", "1:Tanh"] and names(modules[:1]) == ["0:ELU"]
    assert type(modules.pop(-1)) is nn.Tanh and len(modules + [nn.ReLU()]) == 2
    with pytest.raises(TypeError):
        modules.append(3)


def test_module_dict(m):
    nn = m.nn
    modules = nn.ModuleDict({"b": nn.ReLU(), "a": nn.Tanh()})
    modules.update([("c", nn.ELU())])
    assert list(modules) == ["b", "a", "c"] and "a" in modules and type(modules["c"]) is nn.ELU
    assert type(modules.pop("b")) is nn.ReLU and list(modules.keys()) == ["a", "c"]
    with pytest.raises(KeyError):
        modules["missing"]
    with pytest.raises(ValueError):
        modules.update([("x",)])


def test_parameter_list(m):
    parameters = m.nn.ParameterList([m.ones(1)]).append(m.zeros(2))
    parameters.extend([m.nn.Parameter(m.ones(3))])
    assert [name for name, _ in parameters.named_parameters()] == ["0", "1", "2"]
    assert parameters[-1].tolist() == [1.0] * 3 and len(parameters[1:]) == 2
    with pytest.raises(RuntimeError):
        parameters(1)


def test_parameter_dict(m):
    parameters = m.nn.ParameterDict({"b": m.ones(1), "a": m.zeros(2)})
    assert [name for name, _ in parameters.named_parameters()] == ["a", "b"]
    parameters["c"] = m.nn.Parameter(m.ones(3))
    assert parameters.pop("b").tolist() == [1.0] and list(parameters) == ["a", "c"] and len(parameters) == 2
    assert list(parameters.state_dict()) == ["a", "c"] and parameters.get("x") is None
    assert parameters.popitem()[0] == "c"
