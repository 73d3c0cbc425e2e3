"""Losses of distances, margins and likelihoods, embeddings and unpooling, against PyTorch where it can be imported."""
import numpy as np
import pytest

import voxgrad
from voxgrad import nn

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(size=(3, 4, 5))
SIGNS = np.where(RNG.normal(size=(4, 5)) > 0, 1.0, -1.0)
COUNTS = np.abs(B * 3).round()
LOSSES = [
    ("TripletMarginLoss()", (A, B, C)), ("TripletMarginLoss(0.5, 1, swap=True, reduction='none')", (A, B, C)),
    ("TripletMarginLoss()", (A[0], B[0], C[0])), ("MarginRankingLoss()", (A, B, SIGNS)),
    ("MarginRankingLoss(0.5, reduction='sum')", (A, B, SIGNS)), ("CosineEmbeddingLoss()", (A, B, SIGNS[:, 0])),
    ("CosineEmbeddingLoss(0.2, reduction='none')", (A, B, SIGNS[:, 0])), ("HingeEmbeddingLoss()", (A, SIGNS)),
    ("HingeEmbeddingLoss(0.3, reduction='none')", (A, SIGNS)), ("SoftMarginLoss()", (A * 50, SIGNS)),
    ("MultiLabelSoftMarginLoss()", (A, SIGNS.clip(0))),
    ("MultiLabelSoftMarginLoss(w, reduction='sum')", (A, SIGNS.clip(0))),
    ("PoissonNLLLoss()", (A, COUNTS)), ("PoissonNLLLoss(False, True, eps=1e-3)", (np.abs(A), COUNTS)),
    ("GaussianNLLLoss()", (A, B, np.abs(C))), ("GaussianNLLLoss(full=True, eps=0.5)", (A, B, np.abs(C[:, 0]))),
    ("GaussianNLLLoss(reduction='none')", (A, B, np.abs(C[:, :1]))), ("PairwiseDistance()", (A, B)),
    ("PairwiseDistance(1, 0.1, True)", (A, B)),
]


@pytest.mark.parametrize("expression, inputs", LOSSES)
def test_losses_are_pytorchs(expression, inputs):
    torch = pytest.importorskip("torch")
    found = []
    for m in (voxgrad, torch):
        loss = eval(f"nn.{expression}", {"nn": m.nn, "w": m.from_numpy(np.arange(5.0))})
        leaves = [m.from_numpy(np.array(x)) for x in inputs]
        for leaf in leaves[:1 if "Soft" in expression or "Poisson" in expression else 2]:
            leaf.requires_grad = True
        out = loss(*leaves)
        out.sum().backward()
        found.append((repr(loss), list(loss.state_dict()), out.detach().numpy(),
                      *(leaf.grad.numpy() for leaf in leaves if leaf.grad is not None)))
    assert found[0][:2] == found[1][:2] and len(found[0]) == len(found[1])
    for ours, theirs in zip(found[0][2:], found[1][2:]):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


WEIGHTED = [("mse_loss", {}), ("mse_loss", {"reduction": "sum"}), ("mse_loss", {"reduction": "none"}), ("l1_loss", {}),
            ("huber_loss", {"delta": 0.5}), ("huber_loss", {"reduction": "sum"}), ("huber_loss", {"reduction": "none"})]


@pytest.mark.parametrize("name, options", WEIGHTED)
def test_weighted_losses_are_pytorchs(name, options):
    torch = pytest.importorskip("torch")
    found = []
    for m in (voxgrad, torch):
        x = m.from_numpy(A.copy()).requires_grad_()
        loss = getattr(m.nn.functional, name)
        out = loss(x, m.from_numpy(B.copy()), weight=m.from_numpy(np.abs(C)), **options)
        out.sum().backward()
        found.append((out.detach().numpy(), x.grad.numpy()))
        with pytest.raises(ValueError):
            loss(x, x, weight=x[0])
        with pytest.raises(ValueError):
            loss(x, x, weight=x, reduction="most")
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


REFUSED = {
    "one positive for all": (RuntimeError, lambda m, f, x: f.triplet_margin_loss(x, x[0], x)),
    "one target for all pairs": (RuntimeError, lambda m, f, x: f.margin_ranking_loss(x, x, x[0])),
    "a target for each number": (RuntimeError, lambda m, f, x: f.cosine_embedding_loss(x, x, x)),
    "a scalar target for a batch": (RuntimeError, lambda m, f, x: f.cosine_embedding_loss(x, x, x[0, 0])),
    "vectors of other ranks": (RuntimeError, lambda m, f, x: f.cosine_embedding_loss(x, x[0], x[:, 0])),
    "margin 0": (ValueError, lambda m, f, x: m.nn.TripletMarginLoss(margin=0)),
    "no neighbours": (RuntimeError, lambda m, f, x: f.local_response_norm(x.reshape(2, 2, 5), 0)),
    "numbers that are bytes": (RuntimeError, lambda m, f, x: f.embedding(m.ones(2, dtype=m.uint8), x)),
}


@pytest.mark.parametrize("module", ["voxgrad", "torch"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_pytorch_refuses_is_refused(case, module):
    m = pytest.importorskip(module)
    error, call = REFUSED[case]
    with pytest.raises(error):
        call(m, m.nn.functional, m.from_numpy(A.copy()))


@pytest.mark.parametrize("padding_idx", [4, -5])
def test_the_padding_of_an_embedding_is_one_of_its_numbers(padding_idx):
    with pytest.raises(ValueError, match="padding_idx must be in"):
        nn.functional.embedding(voxgrad.tensor([0]), voxgrad.ones(4, 2), padding_idx)
    with pytest.raises(ValueError, match="must be a matrix"):
        nn.Embedding.from_pretrained(voxgrad.ones(3))


@pytest.mark.parametrize("options", [{}, {"padding_idx": 1}, {"padding_idx": -1}])
def test_embeddings_are_pytorchs(options):
    torch = pytest.importorskip("torch")
    found = []
    for m in (voxgrad, torch):
        m.manual_seed(0)
        layer = m.nn.Embedding(4, 3, **options).double()
        out = layer(m.tensor([[1, 0], [3, 1]]))
        (out * out).sum().backward()
        found.append((repr(layer), out.tolist(), layer.weight.grad.tolist(), list(layer.state_dict())))
    assert found[0][0] == found[1][0] and found[0][3] == found[1][3]
    for ours, theirs in zip(found[0][1:3], found[1][1:3]):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_given_embeddings():
    layer = nn.Embedding.from_pretrained(voxgrad.eye(3))
    assert layer(voxgrad.tensor([2], dtype=voxgrad.int32)).tolist() == [[0, 0, 1]] and not layer.weight.requires_grad
    assert layer(voxgrad.zeros(0, dtype=voxgrad.int64)).shape == (0, 3)
    for bad in (voxgrad.tensor([3]), voxgrad.tensor([-1])):
        with pytest.raises(IndexError):
            layer(bad)
    with pytest.raises(ValueError):
        nn.Embedding(3, 2, padding_idx=3)


@pytest.mark.parametrize("rank, options, output_size", [
    (1, (2,), None), (2, (2, (2, 1)), None), (2, (3, 2), (7, 8)), (2, (3, 2, 1), (2, 3, 8, 7)),
    (3, ((2, 1, 2),), None)])
@pytest.mark.parametrize("batched", [True, False])
def test_unpooling_is_pytorchs(rank, options, output_size, batched):
    torch = pytest.importorskip("torch")
    values = RNG.normal(size=(2, 3, 8, 7, 6)[: rank + 2])
    found = []
    for m in (voxgrad, torch):
        x = m.from_numpy(values if batched else values[0])
        pooled, indices = getattr(m.nn, f"MaxPool{rank}d")(*options, return_indices=True)(x)
        pooled = pooled.detach().requires_grad_()
        back = getattr(m.nn, f"MaxUnpool{rank}d")(*options)
        try:
            y = back(pooled, indices, output_size)
        except ValueError as error:
            found.append(type(error).__mro__[-3])
            continue
        (y * y).sum().backward()
        found.append((repr(back), y.tolist(), pooled.grad.tolist()))
    assert found[0] == found[1]


def test_unpooling_refuses_what_does_not_fit():
    x = voxgrad.ones(1, 1, 2, 2)
    for call in (lambda: nn.MaxUnpool2d(2)(x, voxgrad.full((1, 1, 2, 2), 16)),
                 lambda: nn.MaxUnpool2d(2)(x, voxgrad.zeros(1, 1, 2, dtype=voxgrad.int64)),
                 lambda: nn.MaxUnpool2d(2)(x, voxgrad.zeros(1, 1, 2, 2, dtype=voxgrad.int64), (6, 4)),
                 lambda: nn.ChannelShuffle(2)(voxgrad.ones(1, 3, 2)), lambda: nn.LocalResponseNorm(2)(x[0, 0]),
                 lambda: nn.RMSNorm(3)(x)):
        with pytest.raises(RuntimeError):
            call()


@pytest.mark.parametrize("size", [(3, 5), (5, 3), (4, 2, 3), (0, 3)])
def test_orthogonal_values_are_pytorchs(size):
    torch = pytest.importorskip("torch")
    found = []
    for m in (voxgrad, torch):
        m.manual_seed(2)
        found.append(m.nn.init.orthogonal_(m.empty(*size, dtype=m.float64), 2.0).numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9, atol=1e-12)
