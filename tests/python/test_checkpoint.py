"""Activations that are computed again. Everything with `m` runs against PyTorch too."""
import collections
import contextlib
import importlib

import pytest

import voxgrad


@pytest.fixture(params=["voxgrad", "torch"])
def m(request):
    return pytest.importorskip(request.param)


def checkpoint_of(m):
    return importlib.import_module(f"{m.__name__}.utils.checkpoint").checkpoint


def network(m):
    m.manual_seed(0)
    nn = m.nn
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU(inplace=True), nn.Conv2d(4, 3, 1))


def test_checkpoint_keeps_its_options_to_itself(m):
    checkpoint = checkpoint_of(m)
    x = m.ones(2, requires_grad=True)
    y = checkpoint(lambda a, factor: a * factor, x, use_reentrant=False, determinism_check="none", debug=False,
                   factor=3)
    assert y.tolist() == [3, 3]


def test_values_and_gradients_are_those_of_the_function(m):
    net, images = network(m), m.ones(1, 2, 5, 5)
    for reentrant in (False,) if m is not voxgrad else (False, True):
        for p in net.parameters():
            p.grad = None
        y = checkpoint_of(m)(net, images, use_reentrant=reentrant)
        wanted = m.autograd.grad(net(images).sum(), list(net.parameters()))
        y.sum().backward()
        for p, g in zip(net.parameters(), wanted):
            assert m.equal(p.grad, g)
        y = checkpoint_of(m)(net, images, use_reentrant=reentrant)
        for found, g in zip(m.autograd.grad(y.sum(), list(net.parameters())), wanted):
            assert m.equal(found, g)


def test_any_structure_comes_back(m):
    pair = collections.namedtuple("pair", "left right")
    x = m.ones(2, requires_grad=True)
    result = checkpoint_of(m)(lambda a, scale: {"a": [a * scale, 3], "b": pair(a.detach(), (None, a + 1))}, x, 2.0,
                              use_reentrant=False)
    assert result["a"][1] == 3 and result["b"].right[0] is None and not result["b"].left.requires_grad
    (result["a"][0] * result["b"].right[1]).sum().backward()
    assert x.grad.tolist() == [6, 6]


def test_classes_of_their_own_come_back(m):
    class Mine(list):
        def __init__(self, *, name):
            super().__init__()
            self.name = name

    def function(a):
        mine = Mine(name="mine")
        mine.append(a * 2)
        return collections.defaultdict(list, {"mine": mine})

    x = m.ones(2, requires_grad=True)
    result = checkpoint_of(m)(function, x, use_reentrant=False)
    assert result["mine"].name == "mine" and result["other"] == []
    result["mine"][0].sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_an_argument_in_place_is_refused_at_once():
    x = voxgrad.ones(2, requires_grad=True) * 1
    with pytest.raises(RuntimeError, match="in place"):
        checkpoint_of(voxgrad)(lambda a: a.mul_(2) * 3, x)


def test_the_second_call_draws_the_same_numbers(m):
    x = m.ones(100, requires_grad=True)
    y = checkpoint_of(m)(m.nn.Dropout(0.5), x, use_reentrant=False)
    state = m.get_rng_state()
    y.sum().backward()
    assert m.equal(x.grad, y) and m.equal(m.get_rng_state(), state)


def test_contexts_are_entered_for_either_call(m):
    entered = []

    @contextlib.contextmanager
    def note(name):
        entered.append(name)
        yield

    x = m.ones(2, requires_grad=True)
    y = checkpoint_of(m)(lambda a: a.exp(), x, use_reentrant=False, context_fn=lambda: (note("first"), note("again")))
    assert entered == ["first"]
    y.sum().backward()
    assert entered == ["first", "again"]


def test_an_argument_changed_in_place_is_refused(m):
    x = m.ones(2, requires_grad=True)
    a = x * 2
    y = checkpoint_of(m)(lambda a: a.exp().exp(), a, use_reentrant=False)
    with m.no_grad():
        a.mul_(2)
    if m is voxgrad:  # PyTorch computes something else
        with pytest.raises(RuntimeError, match="changed in place"):
            y.sum().backward()


def test_an_error_in_the_second_call_is_the_users_own(m):
    calls = []

    def once(a):
        calls.append(a)
        if len(calls) > 1:
            raise KeyError("mine")
        return a.exp()

    y = checkpoint_of(m)(once, m.ones(2, requires_grad=True), use_reentrant=False)
    with pytest.raises(KeyError, match="mine"):
        y.sum().backward()


def test_activations_are_not_kept():
    x = voxgrad.ones(1 << 16, requires_grad=True)

    def held(call):
        before = voxgrad.memory_stats()["current"]
        y = call(lambda a: a.exp().exp().exp(), x)
        return voxgrad.memory_stats()["current"] - before, y

    size = 4 << 16
    assert held(checkpoint_of(voxgrad))[0] == size
    assert held(lambda function, a: function(a))[0] == 3 * size


def test_sequences_are_cut_into_segments(m):
    run = importlib.import_module(f"{m.__name__}.utils.checkpoint").checkpoint_sequential
    calls = []
    steps = [lambda x, i=i: calls.append(i) or x * x for i in range(5)]
    x = m.ones(2, requires_grad=True)
    y = run(steps, 2, x, use_reentrant=False)
    assert y.tolist() == [1, 1] and calls == [0, 1, 2, 3, 4]
    y.sum().backward()
    assert x.grad.tolist() == [32, 32] and calls == [0, 1, 2, 3, 4, 0, 1]


def test_no_segments_are_refused():
    with pytest.raises(ValueError):
        voxgrad.utils.checkpoint.checkpoint_sequential([], 0, voxgrad.ones(1))


def test_a_leaf_of_the_functions_own(m):
    a, w = (m.tensor(values, requires_grad=True) for values in ([5.0, 6.0], [2.0, 3.0]))

    def penalised(t):
        d = t.detach().requires_grad_(True)
        slope, = m.autograd.grad((d * d * d * w).sum(), [d], create_graph=True)
        return t * w + slope

    checkpoint_of(m)(penalised, a, use_reentrant=False).sum().backward()
    assert a.grad.tolist() == [2.0, 3.0] and w.grad.tolist() == [5 + 3 * 25, 6 + 3 * 36]


def test_a_view_whose_base_was_written_before(m):
    a, x = m.tensor([5.0, 6.0], requires_grad=True), m.ones(4, requires_grad=True)
    base = x * 1
    view = base[:2]
    base.mul_(2)
    checkpoint_of(m)(lambda t: t * view, a, use_reentrant=False).sum().backward()
    assert a.grad.tolist() == [2.0, 2.0] and x.grad.tolist() == [10.0, 12.0, 0.0, 0.0]


def test_a_buffer_that_the_function_fills(m):
    a, w = (m.tensor(values, requires_grad=True) for values in ([5.0, 6.0], [2.0, 3.0]))
    buffer = m.zeros(2)

    def fill(t):
        buffer[:] = t * w
        return buffer * 1

    checkpoint_of(m)(fill, a, use_reentrant=False).sum().backward()
    assert a.grad.tolist() == [2.0, 3.0] and w.grad.tolist() == [5.0, 6.0]
