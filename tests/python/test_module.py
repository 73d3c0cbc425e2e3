"""nn.Module. Each test runs under PyTorch too where that can be imported: it asks for PyTorch's rules."""
import collections
import copy
import importlib
import pickle

import pytest

import voxgrad
from voxgrad import nn


@pytest.fixture(params=["voxgrad", "torch"])
def m(request):
    return pytest.importorskip(request.param)


def network(m):
    class Net(m.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = m.nn.Conv2d(1, 2, 3)
            self.body = m.nn.Sequential(m.nn.BatchNorm1d(2), m.nn.Linear(2, 3))
            self.again = self.conv
            self.scale = m.nn.Parameter(m.ones(2))
            self.tied = self.scale
            self.register_buffer("kept", m.zeros(3))
            self.register_buffer("unkept", m.zeros(3), persistent=False)
            self.register_parameter("nothing", None)

        def forward(self, x):
            return self.body(x) * 2

    return Net()


def test_members_are_found_by_assignment(m):
    net = network(m)
    assert [n for n, _ in net.named_parameters()] == ["scale", "conv.weight", "conv.bias", "body.0.weight",
                                                      "body.0.bias", "body.1.weight", "body.1.bias"]
    assert [n for n, _ in net.named_parameters(remove_duplicate=False)][:2] == ["scale", "tied"]
    assert [n for n, _ in net.named_parameters(prefix="p", recurse=False)] == ["p.scale"]
    assert [n for n, _ in net.named_buffers(recurse=False)] == ["kept", "unkept"]
    assert [n for n, _ in net.named_modules()] == ["", "conv", "body", "body.0", "body.1"]
    assert [n for n, _ in net.named_modules(remove_duplicate=False)][-1] == "again"
    assert [n for n, _ in net.named_children()] == ["conv", "body"]
    assert net.get_submodule("body.1") is net.body[1] and net.get_submodule("") is net
    assert net.get_parameter("body.1.weight") is net.body[1].weight
    assert net.get_buffer("body.0.running_mean") is net.body[0].running_mean


def test_state_dict_names_everything_once_per_name(m):
    names = list(network(m).state_dict())
    assert names[:4] == ["scale", "tied", "kept", "conv.weight"]
    assert names[-2:] == ["again.weight", "again.bias"]
    assert "unkept" not in names and "nothing" not in names and "body.0.num_batches_tracked" in names


def test_state_dict_shares_memory_and_prefix_works(m):
    net = network(m)
    state = net.state_dict(prefix="net.")
    state["net.scale"].fill_(7)
    assert net.scale.tolist() == [7.0, 7.0] and not state["net.scale"].requires_grad
    assert net.state_dict(keep_vars=True)["scale"] is net.scale


def test_load_state_dict_reports_what_does_not_fit(m):
    net = network(m)
    state = net.state_dict()
    del state["kept"]
    state["conv.more"] = state["strange"] = m.zeros(1)
    keys = net.load_state_dict(state, strict=False)
    assert keys.missing_keys == ["kept"] and sorted(keys.unexpected_keys) == ["conv.more", "strange"]
    state["body.1.bias"] = m.zeros(9)
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state)
    text = str(error.value)
    for part in ('Missing key(s) in state_dict: "kept"', "Unexpected key(s)", "size mismatch for body.1.bias", "Net"):
        assert part in text
    assert str(net.load_state_dict(net.state_dict())) == "<All keys matched successfully>"


def test_load_state_dict_copies_into_the_same_parameters(m):
    net, other = network(m), network(m)
    weight = net.conv.weight
    net.load_state_dict(other.state_dict())
    assert net.conv.weight is weight and weight.tolist() == other.conv.weight.tolist()
    assert net.state_dict()["scale"].data_ptr() != other.state_dict()["scale"].data_ptr()


def test_load_state_dict_assigns(m):
    net = network(m)
    net.load_state_dict(network(m).double().state_dict(), assign=True)
    assert net.conv.weight.dtype is m.float64 and isinstance(net.conv.weight, m.nn.Parameter)


@pytest.mark.parametrize("change, error", [
    (lambda m, n: setattr(n, "scale", m.ones(2)), TypeError),
    (lambda m, n: setattr(n, "conv", 3), TypeError),
    (lambda m, n: setattr(n, "kept", 3), TypeError),
    (lambda m, n: n.register_buffer("conv", m.ones(1)), KeyError),
    (lambda m, n: n.register_buffer("a.b", m.ones(1)), KeyError),
    (lambda m, n: n.register_buffer("", m.ones(1)), KeyError),
    (lambda m, n: n.register_buffer("x", 5), TypeError),
    (lambda m, n: n.register_parameter("x", m.ones(1)), TypeError),
    (lambda m, n: n.register_parameter("forward", m.nn.Parameter(m.ones(1))), KeyError),
    (lambda m, n: n.add_module("x", 3), TypeError),
    (lambda m, n: n.missing, AttributeError),
    (lambda m, n: delattr(n, "missing"), AttributeError),
    (lambda m, n: n.get_submodule("body.9"), AttributeError),
    (lambda m, n: n.get_parameter("body.1.missing"), AttributeError),
    (lambda m, n: n.to(m.int64), TypeError),
    (lambda m, n: n.train(3), ValueError),
    (lambda m, n: n.load_state_dict([1]), TypeError),
    (lambda m, n: m.nn.Module()(1), NotImplementedError),
    (lambda m, n: m.nn.Module(3), TypeError),
])
def test_errors(m, change, error):
    with pytest.raises(error):
        change(m, network(m))


def test_members_before_init_are_refused(m):
    class Early(m.nn.Module):
        def __init__(self):
            self.layer = m.nn.Linear(1, 1)

    with pytest.raises(AttributeError):
        Early()


def test_assignment_moves_names_between_the_kinds(m):
    net = network(m)
    net.kept = m.ones(1)
    assert net.state_dict()["kept"].tolist() == [1.0]
    net.kept = m.nn.Parameter(m.ones(2))
    assert "kept" in dict(net.named_parameters()) and "kept" not in dict(net.named_buffers())
    with pytest.raises(TypeError):
        net.kept = m.nn.ReLU()
    net.body = m.nn.Parameter(m.ones(1))
    assert "body" in dict(net.named_parameters()) and "body" not in dict(net.named_children())
    net.scale = None
    assert net.scale is None and "tied" in dict(net.named_parameters())
    del net.conv
    assert not hasattr(net, "conv")
    net.plain = m.ones(1)
    assert "plain" not in net.state_dict()


def test_buffer_class(m):
    net = m.nn.Module()
    net.a, net.b = m.nn.Buffer(m.ones(1)), m.nn.Buffer(m.ones(2), persistent=False)
    assert [n for n, _ in net.named_buffers()] == ["a", "b"] and list(net.state_dict()) == ["a"]


def test_repr(m):
    net = m.nn.Sequential(collections.OrderedDict(
        first=m.nn.Conv2d(1, 2, 3, padding=1), rest=m.nn.ModuleList([m.nn.ReLU(), m.nn.ReLU(), m.nn.Tanh()])))
    assert repr(net) == """Sequential(
  (first): Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
  (rest): ModuleList(
    (0-1): 2 x ReLU()
    (2): Tanh()
  )
)"""


def test_copies_keep_ties(m):
    net = network(m)
    twin = copy.deepcopy(net)
    assert twin.again is twin.conv and twin.tied is twin.scale and twin.scale is not net.scale
    assert type(twin.scale) is m.nn.Parameter and twin.scale.requires_grad


class Pickled(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)
        self.b.weight = self.a.weight
        self.frozen = nn.Parameter(voxgrad.ones(1, dtype=voxgrad.int64), requires_grad=False)


def test_pickle():
    net = pickle.loads(pickle.dumps(Pickled()))
    assert net.a.weight is net.b.weight and net.frozen.dtype is voxgrad.int64 and not net.frozen.requires_grad


def test_moving_keeps_the_parameters_and_their_gradients(m):
    layer = m.nn.Linear(2, 1)
    weight = layer.weight
    layer(m.ones(1, 2)).sum().backward()
    layer.double()
    assert layer.weight is weight and weight.dtype is m.float64 and weight.grad.dtype is m.float64
    assert weight.is_leaf and weight.requires_grad
    norm = m.nn.BatchNorm1d(2).to(m.float64)
    assert norm.running_mean.dtype is m.float64 and norm.num_batches_tracked.dtype is m.int64


def test_mode_and_gradients(m):
    net = network(m)
    assert all(not x.training for x in net.eval().modules()) and net.train().body[0].training
    net(m.ones(4, 2)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net.body[1].bias.grad.tolist() == [0.0] * 3
    net.zero_grad()
    assert net.body[1].bias.grad is None
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())
    seen = []
    net.apply(lambda x: seen.append(type(x).__name__))
    assert seen == ["Conv2d", "BatchNorm1d", "Linear", "Sequential", "Net"]


def test_extra_state_and_state_dict_hooks(m):
    class Extra(m.nn.Linear):
        def get_extra_state(self):
            return {"n": 3}

        def set_extra_state(self, state):
            self.got = state

    net = Extra(1, 1)
    net.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
    net.register_state_dict_post_hook(lambda module, state, prefix, meta: state.__delitem__(prefix + "bias"))
    state = net.state_dict()
    assert list(state) == ["weight", "_extra_state"]
    net.load_state_dict(state)
    assert net.got == {"n": 3}


def test_renaming_old_keys_in_a_pre_hook(m):
    net = m.nn.Sequential(m.nn.Linear(1, 1))

    def rename(state, prefix, *rest):
        state["0.bias"] = state.pop("0.old")

    net._register_load_state_dict_pre_hook(rename)
    net.load_state_dict({"0.weight": m.ones(1, 1), "0.old": m.ones(1)})
    assert net[0].bias.tolist() == [1.0]


def test_norms_of_old_files_lack_the_count(m):
    norm = m.nn.BatchNorm2d(2)
    state = dict(norm.state_dict())
    del state["num_batches_tracked"]
    assert norm.load_state_dict(state).missing_keys == []


def test_copies_of_parameters_keep_what_users_set(m):
    parameter = m.nn.Parameter(m.ones(2))
    parameter.no_decay = True
    assert pickle.loads(pickle.dumps(parameter)).no_decay
    plain = pickle.loads(pickle.dumps(m.nn.Parameter(m.ones(2), requires_grad=False)))
    assert not plain.requires_grad and not vars(plain)


def test_copies_of_a_memory_format_are_the_same(m):
    assert copy.deepcopy(m.channels_last) is m.channels_last
    assert pickle.loads(pickle.dumps(m.channels_last_3d)) is m.channels_last_3d


def test_a_checkpointed_sequence_is_the_sequence(m):
    run = importlib.import_module(f"{m.__name__}.utils.checkpoint").checkpoint_sequential
    net, x = m.nn.Sequential(m.nn.Linear(2, 3), m.nn.ReLU(), m.nn.Linear(3, 1)), m.ones(1, 2, requires_grad=True)
    out = run(net, 2, x, use_reentrant=False)
    out.backward()
    assert out.tolist() == net(x).tolist() and x.grad is not None
