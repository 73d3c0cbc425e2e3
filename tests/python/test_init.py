"""nn.init and nn.utils, against PyTorch where it can be imported."""
import math

import numpy as np
import pytest

import voxgrad
from voxgrad import nn

CASES = [
    ("uniform_", {"a": -1.0, "b": 3.0}), ("normal_", {"mean": 1.0, "std": 0.3}), ("trunc_normal_", {"std": 0.02}),
    ("trunc_normal_", {"mean": 0.5, "a": 0.0, "b": 1.0}), ("constant_", {"val": 0.3}), ("ones_", {}), ("zeros_", {}),
    ("xavier_uniform_", {"gain": 2.0}), ("xavier_normal_", {}), ("kaiming_normal_", {"a": 0.2}),
    ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "relu"}), ("dirac_", {}), ("dirac_", {"groups": 2}),
]


@pytest.fixture(params=["voxgrad", "torch"])
def m(request):
    return pytest.importorskip(request.param)


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-14), ("float32", 3e-6)])
@pytest.mark.parametrize("name, options", CASES)
def test_values_are_pytorchs(name, options, dtype, tolerance):
    torch = pytest.importorskip("torch")
    found = []
    for m in (voxgrad, torch):
        m.manual_seed(9)
        x = m.empty(4, 6, 3, 3, dtype=getattr(m, dtype))
        assert getattr(m.nn.init, name)(x, **options) is x
        found.append(x.numpy())
    np.testing.assert_allclose(*found, rtol=tolerance, atol=tolerance)


def test_generator_and_leaves(m):
    w = m.nn.Parameter(m.zeros(3, 4))
    m.nn.init.kaiming_uniform_(w, generator=m.Generator().manual_seed(1))
    again = m.nn.init.kaiming_uniform_(m.zeros(3, 4), generator=m.Generator().manual_seed(1))
    assert w.tolist() == again.tolist() and w.requires_grad and w.is_leaf and w.abs().max() <= math.sqrt(6 / 4)


def test_eye_and_gain(m):
    assert m.nn.init.eye_(m.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert m.nn.init.calculate_gain("relu") == math.sqrt(2) and m.nn.init.calculate_gain("tanh") == 5 / 3
    assert m.nn.init.calculate_gain("leaky_relu", 2) == math.sqrt(2 / 5)
    assert m.nn.init._calculate_fan_in_and_fan_out(m.empty(2, 3, 5, 7)) == (105, 70)


@pytest.mark.parametrize("call", [
    lambda m: m.nn.init.calculate_gain("nope"), lambda m: m.nn.init.kaiming_normal_(m.empty(3)),
    lambda m: m.nn.init.kaiming_normal_(m.empty(3, 3), mode="nope"), lambda m: m.nn.init.eye_(m.empty(3)),
    lambda m: m.nn.init.dirac_(m.empty(3, 3)), lambda m: m.nn.init.xavier_uniform_(m.empty(3)),
])
def test_errors(m, call):
    with pytest.raises(ValueError):
        call(m)


def test_truncated_normal_by_inversion_stays_within_its_bounds():
    x = nn.init.trunc_normal_(voxgrad.empty(10000, dtype=voxgrad.float64), a=1.0, b=3.0)
    assert 1 <= x.min().item() and x.max().item() <= 3
    assert abs(x.mean().item() - 1.5101) < 0.02  # (pdf(1) - pdf(3)) / (cdf(3) - cdf(1))


def gradients(m, *values):
    made = []
    for value in values:
        p = m.nn.Parameter(m.zeros(len(value)))
        p.grad = m.tensor(value)
        made.append(p)
    return made + [m.nn.Parameter(m.zeros(1))]


def test_clip_grad_norm(m):
    parameters = gradients(m, [3.0, 0.0], [4.0])
    norm = m.nn.utils.clip_grad_norm_(parameters, 1.0)
    assert norm.item() == 5.0 and norm.ndim == 0
    assert abs(parameters[0].grad.tolist()[0] - 0.6) < 1e-6
    assert m.nn.utils.clip_grad_norm_(parameters, 100.0).item() == pytest.approx(1.0)
    assert m.nn.utils.clip_grad_norm_(gradients(m, [3.0, -7.0]), 1.0, norm_type=math.inf).item() == 7.0
    assert m.nn.utils.clip_grad_norm_(gradients(m, [3.0, -4.0]), 1.0, norm_type=1).item() == 7.0
    assert m.nn.utils.clip_grad_norm_(gradients(m, [3.0, -4.0]), math.inf).item() == 5.0
    assert m.nn.utils.clip_grad_norm_(gradients(m, [math.nan, -4.0]), math.inf).isnan().item()
    assert m.nn.utils.clip_grad_norm_(parameters[-1], 1.0).item() == 0.0
    assert m.nn.utils.get_total_norm([m.ones(4)]).item() == 2.0


def test_clip_refuses_what_is_not_finite(m):
    parameters = gradients(m, [math.inf, 1.0])
    with pytest.raises(RuntimeError, match="finite"):
        m.nn.utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert parameters[0].grad.tolist() == [math.inf, 1.0]


def test_clip_grad_value(m):
    parameters = gradients(m, [3.0, -0.5], [-4.0])
    m.nn.utils.clip_grad_value_(parameters, 1.0)
    assert [p.grad.tolist() for p in parameters[:2]] == [[1.0, -0.5], [-1.0]]


def test_parameters_as_a_vector(m):
    net = m.nn.Linear(2, 1)
    m.nn.utils.vector_to_parameters(m.tensor([1.0, 2.0, 3.0]), net.parameters())
    assert net.weight.tolist() == [[1.0, 2.0]] and net.bias.tolist() == [3.0]
    assert m.nn.utils.parameters_to_vector(net.parameters()).tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(TypeError):
        m.nn.utils.vector_to_parameters([1.0], net.parameters())
