"""Optimizers, against PyTorch where it can be imported."""
import copy
import pickle
import signal
import threading

import numpy as np
import pytest

import voxgrad
from voxgrad import nn, optim

CASES = [
    ("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adam", {}), ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}), ("Adam", {"maximize": True}),
    ("AdamW", {}), ("AdamW", {"amsgrad": True, "weight_decay": 0.3}),
    ("RMSprop", {}), ("RMSprop", {"momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    ("Adadelta", {}), ("Adadelta", {"lr": 0.5, "rho": 0.7, "weight_decay": 0.1, "maximize": True}),
    ("Adamax", {}), ("Adamax", {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.1}),
    ("NAdam", {}), ("NAdam", {"lr": 0.1, "weight_decay": 0.1}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "momentum_decay": 0.1}),
    ("RAdam", {}), ("RAdam", {"lr": 0.1, "betas": (0.5, 0.7), "weight_decay": 0.1}),
    ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("Adagrad", {}), ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
]


@pytest.fixture(params=["voxgrad", "torch"])
def m(request):
    return pytest.importorskip(request.param)


def train(m, name, options, dtype, resume_at=5):
    rng = np.random.default_rng(0)
    p = m.nn.Parameter(m.from_numpy(rng.normal(size=(3, 5)).astype(dtype)))
    optimizer = getattr(m.optim, name)([p], **options)
    for i in range(12):
        p.grad = m.from_numpy(rng.normal(size=(3, 5)).astype(dtype))
        optimizer.step()
        if i == resume_at:
            state = optimizer.state_dict()
            optimizer = getattr(m.optim, name)([p], lr=7.0)
            optimizer.load_state_dict(state)
    return p.detach().numpy(), optimizer


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-14), ("float32", 2e-6)])
@pytest.mark.parametrize("name, options", CASES)
def test_steps_and_state_are_pytorchs(name, options, dtype, tolerance):
    torch = pytest.importorskip("torch")
    ours, optimizer = train(voxgrad, name, options, dtype)
    wanted, reference = train(torch, name, options, dtype)
    np.testing.assert_allclose(ours, wanted, rtol=tolerance, atol=tolerance)
    a, b = optimizer.state_dict(), reference.state_dict()
    assert a["param_groups"] == b["param_groups"] and repr(optimizer) == repr(reference)
    assert {k: list(v) for k, v in a["state"].items()} == {k: list(v) for k, v in b["state"].items()}


@pytest.mark.parametrize("name, options", CASES)
def test_resuming_changes_no_bit(name, options):
    straight, _ = train(voxgrad, name, options, "float32", resume_at=None)
    resumed, _ = train(voxgrad, name, options, "float32", resume_at=5)
    assert np.array_equal(straight, resumed)


def test_first_steps_by_hand():
    p = nn.Parameter(voxgrad.tensor([1.0], dtype=voxgrad.float64))
    sgd = optim.SGD([p], lr=0.5, momentum=0.5)
    for wanted in (0.0, -1.5):  # the momentum is 2, then 3
        p.grad = voxgrad.tensor([2.0], dtype=voxgrad.float64)
        sgd.step()
        assert p.item() == wanted
    q = nn.Parameter(voxgrad.tensor([1.0], dtype=voxgrad.float64))
    adam = optim.Adam([q], lr=0.25)
    q.grad = voxgrad.tensor([-3.0], dtype=voxgrad.float64)
    adam.step()
    assert abs(q.item() - 1.25) < 1e-8 and adam.state[q]["step"].item() == 1


@pytest.mark.parametrize("make, error", [
    (lambda m, p: m.optim.SGD([p], lr=-1), ValueError),
    (lambda m, p: m.optim.SGD([p], momentum=-1), ValueError),
    (lambda m, p: m.optim.SGD([p], nesterov=True), ValueError),
    (lambda m, p: m.optim.Adam([p], betas=(1.0, 0.9)), ValueError),
    (lambda m, p: m.optim.Adam([p], betas=0.9), TypeError),
    (lambda m, p: m.optim.Adam([p], eps=-1), ValueError),
    (lambda m, p: m.optim.Adadelta([p], lr="0.1"), TypeError),
    (lambda m, p: m.optim.SGD([]), ValueError),
    (lambda m, p: m.optim.SGD(p), TypeError),
    (lambda m, p: m.optim.SGD([1]), TypeError),
    (lambda m, p: m.optim.SGD([p * 1]), ValueError),
    (lambda m, p: m.optim.SGD([{"params": [p]}, {"params": [p]}]), ValueError),
    (lambda m, p: m.optim.SGD([{"params": {p}}]), TypeError),
    (lambda m, p: m.optim.SGD([p]).load_state_dict({"state": {}, "param_groups": []}), ValueError),
])
def test_errors(m, make, error):
    with pytest.raises(error):
        make(m, m.nn.Parameter(m.ones(2)))


@pytest.mark.parametrize("name", ["Adam", "AdamW", "Adamax", "NAdam", "RAdam"])
def test_betas_are_two(name):
    with pytest.raises(ValueError, match="betas must be two numbers"):
        getattr(optim, name)([nn.Parameter(voxgrad.ones(2))], betas=(0.9,))


def test_groups_and_names(m):
    a, b = m.nn.Parameter(m.ones(1)), m.nn.Parameter(m.ones(1))
    optimizer = m.optim.SGD([{"params": [a], "lr": 0.5}], lr=0.25)
    optimizer.add_param_group({"params": b})
    (a + b).sum().backward()
    optimizer.step()
    assert (a.item(), b.item()) == (0.5, 0.75)
    assert [g["params"] for g in optimizer.state_dict()["param_groups"]] == [[0], [1]]
    named = m.optim.SGD(m.nn.Linear(1, 1).named_parameters())
    assert named.param_groups[0]["param_names"] == ["weight", "bias"]


def test_closure_and_hooks(m):
    p = m.nn.Parameter(m.ones(1))
    optimizer = m.optim.SGD([p], lr=0.5)
    seen = []
    optimizer.register_step_pre_hook(lambda *args: seen.append("before"))
    optimizer.register_step_post_hook(lambda *args: seen.append("after"))

    def closure():
        optimizer.zero_grad()
        loss = (p * 2).sum()
        loss.backward()
        return loss

    with m.no_grad():
        assert optimizer.step(closure).item() == 2.0
    assert p.item() == 0.0 and seen == ["before", "after"]


def test_zero_grad(m):
    p = m.nn.Parameter(m.ones(2))
    optimizer = m.optim.SGD([p])
    p.sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0, 0.0]
    optimizer.zero_grad()
    assert p.grad is None


def test_copies_keep_parameters_and_state_together(m):
    p = m.nn.Parameter(m.ones(2))
    optimizer = m.optim.Adam([p])
    p.grad = m.ones(2)
    optimizer.step()
    for q, other in (copy.deepcopy((p, optimizer)), pickle.loads(pickle.dumps((p, optimizer)))):
        assert other.param_groups[0]["params"][0] is q and other.state[q]["step"].item() == 1
        q.grad = m.ones(2)
        other.step()
    assert optimizer.state[p]["step"].item() == 1


def test_all_parameters_are_checked_before_one_changes():
    a, b = nn.Parameter(voxgrad.ones(2)), nn.Parameter(voxgrad.ones(3))
    optimizer = optim.Adam([a, b])
    a.grad, b.grad = voxgrad.ones(2), voxgrad.ones(3)
    optimizer.step()
    before = a.tolist()
    optimizer.state[b]["exp_avg"] = voxgrad.ones(4)
    with pytest.raises(ValueError, match="exp_avg"):
        optimizer.step()
    assert a.tolist() == before


def test_own_optimizer(m):
    class Descent(m.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @m.no_grad()
        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    p.add_(p.grad, alpha=-group["lr"])

    p = m.nn.Parameter(m.ones(1))
    optimizer = Descent([p], 0.5)
    p.sum().backward()
    optimizer.step()
    assert p.item() == 0.5
    m.optim.lr_scheduler.StepLR(optimizer, 1).step()
    assert optimizer.param_groups[0]["lr"] == 0.05


def test_ctrl_c_waits_for_the_whole_step():
    class Interrupted(voxgrad.optim.SGD):
        def _update(self, group, p, grad, state):
            signal.raise_signal(signal.SIGINT)
            super()._update(group, p, grad, state)

    parameters = [voxgrad.nn.Parameter(voxgrad.ones(2)) for _ in range(3)]
    for p in parameters:
        p.grad = voxgrad.ones(2)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        Interrupted(parameters, lr=1).step()
    assert [p.tolist() for p in parameters] == [[0, 0]] * 3 and signal.getsignal(signal.SIGINT) is before
    seen = []
    signal.signal(signal.SIGINT, lambda *details: seen.append(details[0]))
    try:
        Interrupted(parameters, lr=1).step()
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT] and parameters[2].tolist() == [-1, -1]


def test_a_step_in_another_thread():
    p = voxgrad.nn.Parameter(voxgrad.ones(2))
    p.grad = voxgrad.ones(2)
    thread = threading.Thread(target=voxgrad.optim.SGD([p], lr=1).step)
    thread.start()
    thread.join()
    assert p.tolist() == [0, 0]


def test_a_state_with_numbers_in_place_of_tensors_goes_on(m):
    p = m.nn.Parameter(m.ones(2))
    optimizer = m.optim.NAdam([p])
    p.grad = m.ones(2)
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][0].update(step=3, mu_product=0.5)
    optimizer.load_state_dict(state)
    optimizer.step()
    assert optimizer.state[p]["step"] == 4 and abs(float(optimizer.state[p]["mu_product"]) - 0.2251469) < 1e-6
    assert abs(p[0].item() - 0.9956124) < 1e-5
