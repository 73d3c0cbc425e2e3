"""Quantiles, counts and the like, against PyTorch where it can be imported."""
import numpy as np
import pytest

import voxgrad

X = np.random.default_rng(0).normal(size=(4, 5, 3))
WITH_NAN = X.copy()
WITH_NAN[1, 2, 0] = np.nan
WITH_NAN[3] = np.nan
INTS = np.array([[1, 2, 1], [0, 2, 5], [1, 2, 1]])
CASES = [
    ("quantile", X, lambda m, x: m.quantile(x, 0.3)), ("quantile", X, lambda m, x: x.quantile(0.5, 1)),
    ("several quantiles", X, lambda m, x: m.quantile(x, m.tensor([0.0, 0.25, 1.0], dtype=x.dtype), -1, True)),
    ("several of all", X, lambda m, x: m.quantile(x, m.tensor([0.1, 0.9], dtype=x.dtype), keepdim=True)),
    ("kept", X, lambda m, x: m.quantile(x, 0.4, keepdim=True)), ("one", X, lambda m, x: m.quantile(x[0, 0, 0], 0.4)),
    ("with nan", WITH_NAN, lambda m, x: m.quantile(x, 0.7, 1)),
    ("nansum", WITH_NAN, lambda m, x: x.nansum()), ("nansum", WITH_NAN, lambda m, x: m.nansum(x, 1, True)),
    ("nanmean", WITH_NAN, lambda m, x: x.nanmean((0, 2))),
    ("nanmean", WITH_NAN, lambda m, x: m.nanmean(x.detach(), -1)),
    ("diff", X, lambda m, x: x.diff()), ("diff", X, lambda m, x: m.diff(x, 2, 0)),
    ("no diff", X, lambda m, x: m.diff(x, 5, 1)), ("diff of bool", X > 0, lambda m, x: m.diff(x, dim=1)),
    ("aminmax", X, lambda m, x: x.aminmax().max), ("aminmax", X, lambda m, x: m.aminmax(x, dim=1, keepdim=True).min),
    ("histc", X, lambda m, x: m.histc(x, 4)), ("histc", X, lambda m, x: x.histc(5, -1, 1)),
    ("isin", INTS, lambda m, x: m.isin(x, m.tensor([1, 5]))), ("isin", INTS, lambda m, x: m.isin(x, 2, invert=True)),
    ("round", X * 100, lambda m, x: x.round(decimals=1)), ("round", X * 100, lambda m, x: m.round(x, decimals=-1)),
    ("where", X, lambda m, x: x.where(x > 0, 0.5)), ("less", X, lambda m, x: x.less(0)),
    ("greater", X, lambda m, x: m.greater_equal(x, x * 2)), ("arctan2", X, lambda m, x: m.arctan2(x, x + 1)),
] + [(how, X, lambda m, x, how=how: m.quantile(x, 0.37, 2, interpolation=how))
     for how in ("lower", "higher", "nearest", "midpoint")]


@pytest.mark.parametrize("name, x, f", CASES)
def test_values_and_gradients_are_pytorchs(name, x, f):
    torch = pytest.importorskip("torch")
    found = []
    for m in (voxgrad, torch):
        leaf = m.from_numpy(x.copy())
        leaf.requires_grad = x.dtype == float and name != "histc"
        y = f(m, leaf)
        if y.requires_grad:
            y.nan_to_num().sum().backward()
        found.append((y.detach().numpy(), None if leaf.grad is None else leaf.grad.numpy()))
    for ours, theirs in zip(*found):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dim", [None, 0, 1, -1])
def test_unique_is_pytorchs(dim):
    torch = pytest.importorskip("torch")
    found = [m.unique(m.from_numpy(INTS), return_inverse=True, return_counts=True, dim=dim) for m in (voxgrad, torch)]
    assert [t.tolist() for t in found[0]] == [t.tolist() for t in found[1]]


def test_errors():
    x = voxgrad.ones(3)
    for call in (lambda: x.quantile(voxgrad.ones(1, 1)), lambda: x.quantile(1.5),
                 lambda: x.quantile(0.5, interpolation="best"), lambda: x[:0].quantile(0.5),
                 lambda: x.histc(0), lambda: x.histc(3, 2, 1), lambda: x.diff(-1), lambda: x[0].diff()):
        with pytest.raises(ValueError):
            call()
    for call in (lambda: x.long().quantile(0.5), lambda: x.long().nanmean()):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(IndexError):
        x.quantile(0.5, 1)
