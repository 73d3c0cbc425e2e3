"""Hooks of modules, under PyTorch too where that can be imported."""
import pytest


@pytest.fixture(params=["voxgrad", "torch"])
def m(request):
    return pytest.importorskip(request.param)


@pytest.fixture
def layer(m):
    made = m.nn.Linear(2, 3)
    with m.no_grad():
        made.weight.fill_(0.5)
        made.bias.fill_(0.25)
    return made


def test_forward_hooks_replace_arguments_and_output(m, layer):
    layer.register_forward_pre_hook(lambda mod, args: (args[0] * 2,))
    handle = layer.register_forward_hook(lambda mod, args, out: out * 10)
    assert layer(m.ones(1, 2)).tolist() == [[22.5] * 3]
    handle.remove()
    assert layer(m.ones(1, 2)).tolist() == [[2.25] * 3]


def test_hooks_with_keywords_and_order(m, layer):
    seen = []
    layer.register_forward_hook(lambda mod, args, out: seen.append("last"))
    layer.register_forward_hook(lambda mod, args, kw, out: seen.append(list(kw)), with_kwargs=True, prepend=True)
    layer.register_forward_pre_hook(lambda mod, args, kw: (args, {"input": kw["input"] * 0}), with_kwargs=True)
    assert layer(input=m.ones(1, 2)).tolist() == [[0.25] * 3]
    assert seen == [["input"], "last"]


def test_always_called_hook_runs_after_an_error(m, layer):
    seen = []
    layer.register_forward_hook(lambda mod, args, out: seen.append("not"))
    layer.register_forward_hook(lambda mod, args, out: seen.append(out), always_call=True)
    with pytest.raises(RuntimeError):
        layer(m.ones(1, 5))
    assert seen == [None]


def test_backward_hooks_see_and_replace_gradients(m, layer):
    seen = []
    layer.register_full_backward_pre_hook(lambda mod, grads: (grads[0] * 2,))
    layer.register_full_backward_hook(lambda mod, ins, outs: seen.append((ins[0].tolist(), outs[0].tolist())))
    layer.register_full_backward_hook(lambda mod, ins, outs: (ins[0] * 10,))
    x = m.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    assert seen == [([[3.0, 3.0]], [[2.0] * 3])]
    assert x.grad.tolist() == [[30.0, 30.0]]
    assert layer.bias.grad.tolist() == [2.0] * 3


@pytest.mark.filterwarnings("ignore")
def test_backward_hook_without_input_gradient(m, layer):
    seen = []
    layer.register_full_backward_hook(lambda mod, ins, outs: seen.append((ins, outs[0].tolist())))
    layer(m.ones(1, 2)).sum().backward()
    assert seen == [((None,), [[1.0] * 3])]


def test_an_exception_in_a_hook_reaches_the_caller(m, layer):
    def fail(*args):
        raise ZeroDivisionError("mine")

    layer.register_full_backward_hook(fail)
    with pytest.raises(ZeroDivisionError, match="mine"):
        layer(m.ones(1, 2, requires_grad=True)).sum().backward()


def test_handle_as_context_manager(m, layer):
    with layer.register_forward_hook(lambda mod, args, out: out * 0):
        assert layer(m.ones(1, 2)).tolist() == [[0.0] * 3]
    assert layer(m.ones(1, 2)).tolist() == [[1.25] * 3]
