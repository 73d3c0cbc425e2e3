"""Learning rate schedulers: the same rates as PyTorch's, in every bit, where that can be imported."""
import copy
import importlib
import random
import warnings

import pytest

import voxgrad


def import_swa(optimizer):
    """swa_utils of the optimizer's package."""
    return importlib.import_module(f"{type(optimizer).__module__.partition('.')[0]}.optim.swa_utils")


CASES = {
    "lambda": lambda s, o: s.LambdaLR(o, lambda e: 0.9**e),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, [lambda e: 0.9, lambda e: 0.8]),
    "step": lambda s, o: s.StepLR(o, 3, 0.5),
    "multistep": lambda s, o: s.MultiStepLR(o, [2, 5, 5], 0.5),
    "constant": lambda s, o: s.ConstantLR(o, 0.3, 4),
    "linear": lambda s, o: s.LinearLR(o, 0.3, 0.8, 4),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9),
    "polynomial": lambda s, o: s.PolynomialLR(o, 7, 0.9),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 5, 0.01),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    "cycle": lambda s, o: s.OneCycleLR(o, 0.5, 20),
    "cycles": lambda s, o: s.CyclicLR(o, [0.01, 0.02], 0.1, 3, 4),
    "falling cycles": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 2, mode="triangular2"),
    "decaying cycles": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, mode="exp_range", gamma=0.9),
    "cycles of a function": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 2, scale_fn=lambda n: 1 / n),
    "towards a constant": lambda s, o: import_swa(o).SWALR(o, [0.5, 0.3], 4),
    "linearly towards a constant": lambda s, o: import_swa(o).SWALR(o, 0.5, 6, "linear"),
    "at once to a constant": lambda s, o: import_swa(o).SWALR(o, 0.5, 0),
    "three phases": lambda s, o: s.OneCycleLR(o, [0.5, 0.3], epochs=4, steps_per_epoch=5, three_phase=True,
                                              anneal_strategy="linear"),
    "sequence": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9), s.CosineAnnealingLR(o, 5)], [3, 6]),
    "warm-up": lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1, 1.0, 4), s.PolynomialLR(o, 8)], [4]),
    "sequence in a sequence": lambda s, o: s.SequentialLR(o, [s.SequentialLR(
        o, [s.CosineAnnealingLR(o, 1, 0.001), s.ExponentialLR(o, 0.9)], [5]), s.StepLR(o, 2, 0.5)], [8]),
    "sequence from its second": lambda s, o: s.SequentialLR(o, [s.ConstantLR(o, 0.1, 2), s.StepLR(o, 2, 0.5)], [0]),
    "chain": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9)]),
}


def optimizer_of(m, name="SGD"):
    groups = [{"params": [m.nn.Parameter(m.ones(2))], "lr": 0.2}, {"params": [m.nn.Parameter(m.ones(2))]}]
    return getattr(m.optim, name)(groups, lr=0.1, **({"momentum": 0.9} if name == "SGD" else {}))


def rates(m, make, name, resume_at=None, epochs=19):
    optimizer = optimizer_of(m, name)
    scheduler = make(m.optim.lr_scheduler, optimizer)
    found = []
    for epoch in range(epochs):
        found.append([(g["lr"], g.get("momentum"), g.get("betas")) for g in optimizer.param_groups])
        optimizer.step()
        if epoch == resume_at:
            states = copy.deepcopy((scheduler.state_dict(), optimizer.state_dict()))
            optimizer = optimizer_of(m, name)
            scheduler = make(m.optim.lr_scheduler, optimizer)
            scheduler.load_state_dict(states[0])
            optimizer.load_state_dict(states[1])
        scheduler.step()
        assert scheduler.get_last_lr() == [g["lr"] for g in optimizer.param_groups]
    return found, sorted(scheduler.state_dict())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("case", CASES)
def test_rates_are_pytorchs(case, optimizer):
    torch = pytest.importorskip("torch")
    for resume_at in (None, 7):
        assert rates(voxgrad, CASES[case], optimizer, resume_at) == rates(torch, CASES[case], optimizer, resume_at)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_resuming_changes_nothing(case):
    assert rates(voxgrad, CASES[case], "SGD", 7) == rates(voxgrad, CASES[case], "SGD")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", [c for c in CASES if "sequence" not in c and c not in ("warm-up", "chain")])
def test_step_to_an_epoch_is_pytorchs(case):
    torch = pytest.importorskip("torch")
    found = []
    for m in (voxgrad, torch):
        optimizer = optimizer_of(m)
        scheduler = CASES[case](m.optim.lr_scheduler, optimizer)
        found.append([])
        for epoch in (3, 5, 4):
            scheduler.step(epoch)
            found[-1].append([g["lr"] for g in optimizer.param_groups])
    assert found[0] == found[1]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [
    lambda s, o: s.CosineAnnealingLR(o, 5, 0.01, last_epoch=3), lambda s, o: s.StepLR(o, 3, 0.5, last_epoch=2),
    lambda s, o: s.ExponentialLR(o, 0.9, last_epoch=2), lambda s, o: s.PolynomialLR(o, 7, 0.9, last_epoch=2),
    lambda s, o: s.LinearLR(o, 0.3, 0.8, 4, last_epoch=1), lambda s, o: s.MultiStepLR(o, [3, 4], 0.5, last_epoch=2),
])
def test_last_epoch_is_pytorchs(make):
    torch = pytest.importorskip("torch")
    found = []
    for m in (voxgrad, torch):
        group = {"params": [m.nn.Parameter(m.ones(2))], "lr": 0.05, "initial_lr": 0.1}
        optimizer = m.optim.SGD([group], lr=0.1)
        scheduler = make(m.optim.lr_scheduler, optimizer)
        found.append([])
        for _ in range(8):
            found[-1].append(optimizer.param_groups[0]["lr"])
            scheduler.step()
    assert found[0] == found[1]


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_plateau_is_pytorchs(mode, threshold_mode):
    torch = pytest.importorskip("torch")
    found = []
    for m in (voxgrad, torch):
        random.seed(1)
        optimizer = optimizer_of(m)
        scheduler = m.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode, 0.5, 2, 0.1, threshold_mode, 1, 0.001)
        found.append([])
        for _ in range(40):
            scheduler.step(m.tensor(random.random() - 0.4))
            found[-1].append(optimizer.param_groups[0]["lr"])
        found[-1].append(scheduler.state_dict())
    assert found[0] == found[1] and min(found[0][:-1]) < 0.2


def test_by_hand():
    optimizer = optimizer_of(voxgrad)
    scheduler = voxgrad.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
    seen = []
    for _ in range(5):
        optimizer.step()
        seen.append(optimizer.param_groups[1]["lr"])
        scheduler.step()
    assert seen == [0.1, 0.1, 0.05, 0.05, 0.025] and scheduler.last_epoch == 5
    assert scheduler.base_lrs == [0.2, 0.1] and optimizer.param_groups[0]["initial_lr"] == 0.2


def step_with_another_group(scheduler, optimizer):
    optimizer.step()
    optimizer.add_param_group({"params": [optimizer.param_groups[0]["params"][0].detach().clone()]})
    scheduler.step()


@pytest.mark.parametrize("name", ["voxgrad", "torch"])
def test_a_scheduler_before_its_optimizer_is_a_warning(name):
    m = pytest.importorskip(name)
    optimizer = optimizer_of(m)
    with pytest.warns(UserWarning, match="step"):
        m.optim.lr_scheduler.StepLR(optimizer, 1).step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()
        m.optim.lr_scheduler.StepLR(optimizer, 1).step()


@pytest.mark.parametrize("make, error", [
    (lambda s, o: s.StepLR(3, 1), TypeError),
    (lambda s, o: s.LambdaLR(o, [lambda e: 1]), ValueError),
    (lambda s, o: s.ConstantLR(o, 2.0), ValueError),
    (lambda s, o: s.LinearLR(o, 0.0), ValueError),
    (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), ValueError),
    (lambda s, o: s.ReduceLROnPlateau(o, "up"), ValueError),
    (lambda s, o: s.OneCycleLR(o, 0.1), ValueError),
    (lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="square"), ValueError),
    (lambda s, o: import_swa(o).SWALR(o, 0.1, -1), ValueError),
    (lambda s, o: s.OneCycleLR(o, [0.1], 10), ValueError),
    (lambda s, o: s.CosineAnnealingWarmRestarts(o, 0), ValueError),
    (lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [3]), ValueError),
    (lambda s, o: s.StepLR(o, 1, last_epoch=3), KeyError),
    (lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []), ValueError),
    (lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]), ValueError),
    (lambda s, o: step_with_another_group(s.LambdaLR(o, lambda e: 1), o), ValueError),
])
def test_errors(make, error):
    for name in ("voxgrad", "torch"):
        try:
            m = __import__(name)
        except ImportError:
            continue
        with pytest.raises(error):
            make(m.optim.lr_scheduler, optimizer_of(m))
