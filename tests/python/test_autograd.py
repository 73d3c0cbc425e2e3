"""Derivatives from Python: grad, hooks, custom functions, modes, threads."""
import threading
import traceback

import pytest

import voxgrad as vg


def test_grad_of_grad():
    x = vg.tensor(3.0, dtype=vg.float64, requires_grad=True)
    (first,) = vg.autograd.grad(x**3, x, create_graph=True)
    (second,) = vg.autograd.grad(first, x)
    assert first.item() == 27 and second.item() == 18


def test_unused_inputs():
    x, y = vg.ones(1, requires_grad=True), vg.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError):
        vg.autograd.grad(x * 2, [x, y])
    assert vg.autograd.grad(x * 2, [x, y], allow_unused=True)[1] is None
    assert vg.autograd.grad(x * 2, [x, y], materialize_grads=True)[1].item() == 0


def test_a_freed_graph_is_refused():
    x = vg.ones(2, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_hooks_see_and_replace_gradients():
    x = vg.ones(2, requires_grad=True)
    y = x * 3
    seen = []
    handle = y.register_hook(lambda g: (seen.append(g.tolist()), g * 10)[1])
    y.retain_grad()
    y.sum().backward()
    assert seen == [[1, 1]] and x.grad.tolist() == [30, 30]
    handle.remove()


class Cube(vg.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return x * x * x * scale

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 3 * x * x * ctx.scale, None


def test_a_custom_function_differentiates_twice():
    x = vg.randn(4, dtype=vg.float64, requires_grad=True)
    assert vg.autograd.gradcheck(lambda t: Cube.apply(t, 2.0), (x,))
    assert vg.autograd.gradgradcheck(lambda t: Cube.apply(t, 2.0), (x,))


class Wrong(Cube):
    @staticmethod
    def backward(ctx, grad):
        return grad, None


def test_gradcheck_sees_a_wrong_derivative():
    x = vg.randn(4, dtype=vg.float64, requires_grad=True)
    with pytest.raises(RuntimeError):
        vg.autograd.gradcheck(lambda t: Wrong.apply(t, 2.0), (x,))
    assert not vg.autograd.gradcheck(lambda t: Wrong.apply(t, 2.0), (x,), raise_exception=False)


class Failing(Cube):
    @staticmethod
    def backward(ctx, grad):
        raise KeyError("from backward")


def test_a_python_exception_reaches_the_caller_with_its_traceback():
    x = vg.ones(2, requires_grad=True)
    with pytest.raises(KeyError, match="from backward") as caught:
        Failing.apply(x, 1.0).sum().backward()
    assert any(frame.name == "backward" for frame in traceback.extract_tb(caught.value.__traceback__)[1:])
    y = x * 2
    y.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        y.sum().backward()


def test_modes_nest_and_decorate():
    x = vg.ones(1, requires_grad=True)
    with vg.no_grad():
        assert not (x * 2).requires_grad
        with vg.enable_grad():
            assert (x * 2).requires_grad
    assert vg.is_grad_enabled()

    @vg.no_grad()
    def f():
        return (x * 2).requires_grad

    assert not f() and vg.is_grad_enabled()
    with vg.set_grad_enabled(False):
        assert not vg.is_grad_enabled()
    with pytest.raises(ZeroDivisionError), vg.no_grad():
        1 / 0
    assert vg.is_grad_enabled()


def test_a_value_changed_in_place_is_noticed():
    x = vg.ones(3, requires_grad=True)
    y = x * 1
    z = y * y
    y.add_(1)
    with pytest.raises(RuntimeError, match="in place"):
        z.sum().backward()


def test_threads_may_differentiate_at_once():
    weight = vg.randn(8, 8, requires_grad=True)
    x = vg.randn(16, 8)
    errors = []

    def work():
        try:
            for _ in range(20):
                vg.autograd.grad(vg.matmul(x, weight).tanh().sum(), weight)
                (weight * 2).sum().backward()
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not errors


def test_retain_grad_counts_once():
    w = vg.ones(3, requires_grad=True)
    x = w * 2
    assert not x.retains_grad
    x.retain_grad()
    x.retain_grad()
    assert x.retains_grad
    (x * x).sum().backward()
    assert x.grad.tolist() == [4.0] * 3
    with pytest.raises(RuntimeError):
        vg.ones(3).retain_grad()


def test_hook_ends_with_its_with():
    x, seen = vg.ones(1, requires_grad=True), []
    with x.register_hook(lambda g: seen.append(g.item())):
        (2 * x).sum().backward()
    (3 * x).sum().backward()
    assert seen == [2.0]


def test_what_is_no_gradient_is_named():
    class Odd(vg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return "text"

    x = vg.ones(3, requires_grad=True)
    with pytest.raises(TypeError, match="Odd: backward must give tensors or None; got str for argument 0"):
        Odd.apply(x).sum().backward()
    y = x * 2
    y.register_hook(lambda g: 3)
    with pytest.raises(TypeError, match="hook: must return a tensor or None; got 3"):
        y.sum().backward()
    with pytest.raises(TypeError, match="register_hook: needs a function.*got 5"):
        x.register_hook(5)
    with pytest.raises(TypeError, match="save_for_backward: needs tensors or None; got int at 1"):
        vg.autograd.function.FunctionCtx().save_for_backward(x, 3)


def test_gradients_are_not_added_to_those_of_other_data():
    for data in (vg.ones(5), vg.ones(2, dtype=vg.float64), *(
            [vg.ones(2, device="cuda")] if vg.cuda.is_available() else [])):
        x = vg.ones(2, requires_grad=True)
        (x * 2).sum().backward()
        x.data = data
        with pytest.raises((RuntimeError, TypeError), match="backward: the leaf's .grad is of before"):
            (x * 2).sum().backward()
        x.grad = None
        (x * 3).sum().backward()
        assert x.grad.device == data.device and x.grad.tolist() == [3] * len(data)
