"""Functions beside PyTorch's own, where it can be imported."""
import numpy as np
import pytest

import voxgrad as vg

torch = pytest.importorskip("torch")

CASES = {
    "unflatten": lambda m, x: m.unflatten(x, 1, (2, -1)),
    "tensor_split": lambda m, x: m.tensor_split(x, 3, 1),
    "tensor_split at": lambda m, x: m.tensor_split(x, (1, 3), 1),
    "hstack": lambda m, x: m.hstack((x, x)),
    "vstack": lambda m, x: m.vstack((x[0], x[1])),
    "fliplr": lambda m, x: m.fliplr(x),
    "rot90": lambda m, x: [m.rot90(x, k) for k in range(-1, 5)],
    "repeat_interleave": lambda m, x: [m.repeat_interleave(x, 3, 1), m.repeat_interleave(x, 2)],
    "diag": lambda m, x: [m.diag(x, 1), m.diag(x[0], -2)],
    "trace": lambda m, x: m.trace(x),
    "var_mean": lambda m, x: m.var_mean(x, 0),
    "kthvalue": lambda m, x: m.kthvalue(x, 2, 1),
    "unique": lambda m, x: m.unique((x * 2).round(), return_inverse=True, return_counts=True),
    "bincount": lambda m, x: m.bincount(m.tensor([1, 1, 4])),
    "index_add": lambda m, x: m.index_add(x, 1, m.tensor([0, 0]), x[:, :2], alpha=2),
    "index_fill": lambda m, x: m.index_fill(x, 1, m.tensor([0, 2]), 7),
    "take": lambda m, x: m.take(x, m.tensor([0, -1])),
    "meshgrid": lambda m, x: m.meshgrid(x[0], x[1, :2], indexing="xy"),
    "movedim": lambda m, x: m.movedim(x.reshape(2, 2, 6), (0, 1), (2, 0)),
    "einsum": lambda m, x: m.einsum("ij,kj->ik", x, x),
    "clamp": lambda m, x: [m.clamp(x, max=0.2), x.clamp(min=m.zeros(6, dtype=m.float64)), x.clip(-0.1, 0.1)],
    "norms": lambda m, x: [m.norm(x), x.norm(1, dim=0), x.norm(float("inf"), 1, True), x.norm(p=0)],
    "median": lambda m, x: [x.median(), *x.median(1)],
    "expand": lambda m, x: x[:, None].expand(-1, 3, -1),
}


def tensors_of(result):
    if isinstance(result, (tuple, list)):
        return [t for r in result for t in tensors_of(r)]
    return [result]


@pytest.mark.parametrize("name", CASES)
def test_values_agree(name):
    array = np.random.default_rng(0).standard_normal((4, 6))
    want, got = (tensors_of(CASES[name](m, m.tensor(array))) for m in (torch, vg))
    assert len(want) == len(got)
    for w, g in zip(want, got):
        assert str(w.dtype).split(".")[-1] == str(g.dtype).split(".")[-1]
        np.testing.assert_allclose(g.numpy(), w.numpy(), rtol=1e-12, atol=1e-12)


def promotions():
    kinds = ["float32", "float64", "int64", "int32", "uint8", "bool"]
    return [(a, b) for a in kinds for b in kinds]


@pytest.mark.parametrize("a,b", promotions())
def test_promotion_agrees(a, b):
    for op in ("add", "mul", "div", "eq", "maximum", "where"):
        for shape in ((2,), ()):
            results = []
            for m in (torch, vg):
                x, y = m.ones(2, dtype=getattr(m, a)), m.ones(shape, dtype=getattr(m, b))
                r = m.where(x == 1, x, y) if op == "where" else getattr(m, op)(x, y)
                results.append(str(r.dtype).split(".")[-1])
            assert results[0] == results[1], (op, shape)
    for number in (True, 2, 2.5):
        kinds = {str((getattr(m, "ones")(2, dtype=getattr(m, a)) * number).dtype).split(".")[-1] for m in (torch, vg)}
        assert len(kinds) == 1, number
