"""autograd.Function and the modes of recording. Each test runs under PyTorch too where that can be imported."""
import gc
import importlib
import weakref

import pytest


@pytest.fixture(params=["voxgrad", "torch"])
def m(request):
    return pytest.importorskip(request.param)


def function(m, **methods):
    return type("Mine", (m.autograd.Function,), {name: staticmethod(f) for name, f in methods.items()})


def test_a_context_that_is_set_up_apart(m):
    def setup(ctx, inputs, output):
        ctx.factor = inputs[1]
        ctx.save_for_backward(output)

    mine = function(m, forward=lambda x, factor: x * factor, setup_context=setup,
                    backward=lambda ctx, g: (g * ctx.factor + ctx.saved_tensors[0] * 0, None))
    x = m.ones(2, requires_grad=True)
    mine.apply(x, 3).sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_keyword_arguments_reach_forward(m):
    mine = function(m, forward=lambda ctx, x, factor=1: x * factor, backward=lambda ctx, g: (g * 3, None))
    x = m.ones(2, requires_grad=True)
    y = mine.apply(x, factor=3)
    y.sum().backward()
    assert y.tolist() == [3, 3] and x.grad.tolist() == [3, 3]


def test_an_input_changed_in_place_takes_over_the_history(m):
    def forward(ctx, x):
        x.exp_()
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    mine = function(m, forward=forward, backward=lambda ctx, g: g * ctx.saved_tensors[0])
    x = m.zeros(2, dtype=m.float64, requires_grad=True)
    y = x * 2
    view = y[0]
    assert mine.apply(y) is y
    (y.sum() + view).backward()
    assert y.tolist() == [1, 1] and x.grad.tolist() == [4, 2]
    with pytest.raises(RuntimeError):
        mine.apply(m.zeros(2, requires_grad=True))


def test_zeros_stand_where_an_output_is_not_differentiable(m):
    seen = []

    def forward(ctx, x, materialize):
        ctx.set_materialize_grads(materialize)
        positive = x > 0
        ctx.mark_non_differentiable(positive)
        return x * 2, positive

    mine = function(m, forward=forward, backward=lambda ctx, g, h: (seen.append(h), (g * 2, None))[1])
    for materialize in (True, False):
        x = m.ones(2, 3, requires_grad=True)
        y, positive = mine.apply(x, materialize)
        y.sum().backward()
        assert not positive.requires_grad and x.grad.tolist() == [[2] * 3] * 2
    assert list(seen[0].shape) == [2, 3] and not seen[0].any() and seen[1] is None


def test_once_differentiable(m):
    once = importlib.import_module(f"{m.__name__}.autograd.function").once_differentiable
    mine = function(m, forward=lambda ctx, x: (ctx.save_for_backward(x), x**3)[1],
                    backward=once(lambda ctx, g: g * 3 * ctx.saved_tensors[0]**2))
    x = m.full((2,), 2.0, requires_grad=True)
    mine.apply(x).sum().backward()
    assert x.grad.tolist() == [12, 12]
    (first,) = m.autograd.grad(mine.apply(x), x, m.ones(2, requires_grad=True), create_graph=True)
    assert first.tolist() == [12, 12]
    with pytest.raises(RuntimeError, match="once|twice"):
        (first + x).sum().backward()


def test_backward_to_some_inputs(m):
    x = m.ones(2, requires_grad=True)
    y = x * 2
    y.retain_grad()
    (y * 3).sum().backward(inputs=[y])
    assert y.grad.tolist() == [3, 3] and x.grad is None
    with pytest.raises(RuntimeError):
        x.sum().backward(inputs=[])


def test_gradients_of_some_inputs_have_memory_of_their_own(m):
    x, y, seed = m.ones(2, requires_grad=True), m.ones(2, requires_grad=True), m.ones(2)
    m.autograd.backward(x + y, seed, inputs=[x, y])
    x.grad.mul_(2)
    assert y.grad.tolist() == [1, 1] and seed.tolist() == [1, 1]
    kept = x.grad
    m.autograd.backward(x + y, seed, inputs=[x, y])
    assert x.grad is kept and kept.tolist() == [3, 3]


def test_a_kept_gradient_has_memory_of_its_own(m):
    x, seed = m.ones(2, requires_grad=True), m.ones(2)
    y = x * 2
    y.retain_grad()
    y.backward(seed)
    y.grad.mul_(5)
    assert seed.tolist() == [1, 1]


def test_zeros_are_asked_for_or_not(m):
    x = m.ones(2, requires_grad=True)
    with pytest.raises(ValueError):
        m.autograd.grad(x.sum(), [x], allow_unused=False, materialize_grads=True)


def test_no_grad_over_a_generator(m):
    @m.no_grad()
    def count():
        try:
            got = yield m.is_grad_enabled()
            yield got, m.is_grad_enabled()
        except ValueError:
            yield "caught", m.is_grad_enabled()
        finally:
            modes.append(m.is_grad_enabled())

    modes = []
    one, other = count(), count()
    assert next(one) is False and m.is_grad_enabled() and one.send(5) == (5, False)
    next(other)
    assert other.throw(ValueError()) == ("caught", False) and m.is_grad_enabled()
    one.close()
    assert list(other) == [] and modes == [False, False]


def test_grad_takes_its_arguments_in_pytorchs_order(m):
    x, unused = m.ones(2, requires_grad=True), m.ones(2, requires_grad=True)
    (found,) = m.autograd.grad(outputs=(x**2).sum(), inputs=x, create_graph=True, retain_graph=True, only_inputs=True)
    assert found.tolist() == [2, 2] and found.requires_grad
    assert m.autograd.grad((x**2).sum(), [x, unused], None, None, False, True, True)[1] is None
    with pytest.raises(RuntimeError):
        m.autograd.grad((x**2).sum(), [])
    m.autograd.backward([(x**2).sum()], None, True, False, None, [x])
    assert x.grad.tolist() == [2, 2] and unused.grad is None


def test_gradcheck_needs_an_input_that_wants_a_gradient(m):
    with pytest.raises(ValueError):
        m.autograd.gradcheck(lambda x: x * 2, (m.ones(2, dtype=m.float64),))


def test_a_gradient_is_summed_and_converted_to_its_inputs(m):
    mine = function(m, forward=lambda ctx, x, y: x * y,
                    backward=lambda ctx, g: (m.ones(4, 2, 3, dtype=m.float64), m.ones(2, 3)))
    x, y = m.ones(2, 1, requires_grad=True), m.ones(3, dtype=m.float64, requires_grad=True)
    mine.apply(x, y).sum().backward()
    assert x.grad.tolist() == [[12], [12]] and x.grad.dtype is m.float32
    assert y.grad.tolist() == [2, 2, 2] and y.grad.dtype is m.float64
    wrong = function(m, forward=lambda ctx, x: x * 1, backward=lambda ctx, g: m.ones(1))
    with pytest.raises(RuntimeError):
        wrong.apply(m.ones(3, requires_grad=True)).sum().backward()


@pytest.mark.parametrize("wanted", [False, True])
def test_forward_returns_what_it_has_changed(m, wanted):
    def forward(ctx, x):
        ctx.mark_dirty(x.add_(1))
        return x * 2

    mine = function(m, forward=forward, backward=lambda ctx, g: g)
    with pytest.raises(RuntimeError):
        mine.apply(m.ones(2, requires_grad=wanted) * 1)


def test_what_forward_changed_is_freed(m):
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.mark_dirty(x.mul_(2))
        return x

    y = function(m, forward=forward, backward=lambda ctx, g: g * 2).apply(m.ones(2, requires_grad=True) * 1)
    seen = weakref.ref(y)
    del y
    gc.collect()
    assert seen() is None


def test_arguments_are_not_kept(m):
    mine = function(m, forward=lambda ctx, x, other: x * 1, backward=lambda ctx, g: (g, None))

    class Other:
        pass

    other = Other()
    seen = weakref.ref(other)
    y = mine.apply(m.ones(2, requires_grad=True), other)
    del other
    gc.collect()
    assert seen() is None and y.requires_grad
