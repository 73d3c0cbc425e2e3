"""Random numbers and initial values, bit for bit those of PyTorch from the same seed, where PyTorch imports.

One exception: float32 normals, 16 and more at once, for which PyTorch's vector code takes approximations of log and
cos; they agree to rounding. PyTorch's values are those of its code for processors with AVX2 and FMA.
"""
import copy
import pickle

import numpy as np
import pytest

import voxgrad

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

SHAPES = [(), (3,), (15,), (16,), (17,), (5, 7), (2, 3, 37), (1000,)]  # normal numbers come in groups of 16
FLOATING = ["float32", "float64"]
ROUNDING = 2e-6  # of a float32 normal: radius at most 5.8, angle up to 2 pi rounded to 2.4e-7


def same(make, seed=7, within=0.0):
    """Both modules give the same bits for `make(module)`, or values within a distance, and the same numbers after."""
    made = []
    for module in (torch, voxgrad):
        module.manual_seed(seed)
        made.append((make(module).detach().numpy(), module.rand(3).numpy()))
    (wanted, wanted_next), (found, found_next) = made
    assert found.dtype == wanted.dtype and found.shape == wanted.shape
    assert np.array_equal(found, wanted) if within == 0 else np.abs(found - wanted).max(initial=0) <= within
    np.testing.assert_array_equal(found_next, wanted_next)


@pytest.mark.parametrize("kind", FLOATING)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["rand", "randn"])
def test_creation(name, shape, kind):
    approximate = name == "randn" and kind == "float32" and np.prod(shape) >= 16
    same(lambda m: getattr(m, name)(shape, dtype=getattr(m, kind)), within=ROUNDING if approximate else 0)


@pytest.mark.parametrize("kind", FLOATING)
@pytest.mark.parametrize("fill, arguments", [
    ("uniform_", (-2, 3.1)), ("normal_", (0.7, 0.3)), ("bernoulli_", (0.3,)), ("bernoulli_", ())])
@pytest.mark.parametrize("shape", SHAPES)
def test_fills(fill, arguments, shape, kind):
    approximate = fill == "normal_" and kind == "float32" and np.prod(shape) >= 16
    same(lambda m: getattr(m.zeros(shape, dtype=getattr(m, kind)), fill)(*arguments),
         within=ROUNDING if approximate else 0)


@pytest.mark.parametrize("fill", ["uniform_", "normal_", "bernoulli_"])
def test_fills_go_by_index_whatever_the_order_in_memory(fill):
    # PyTorch's go by memory. A convolution's result lies channels last here and not there, so a mask of its shape is
    # PyTorch's only if it is drawn by index.
    voxgrad.manual_seed(2)
    wanted = getattr(voxgrad.zeros(2, 3, 4, 5), fill)().numpy()
    voxgrad.manual_seed(2)
    found = getattr(voxgrad.zeros(2, 3, 4, 5).contiguous(memory_format=voxgrad.channels_last), fill)()
    np.testing.assert_array_equal(found.numpy(), wanted)


@pytest.mark.parametrize("name", ["dropout", "dropout2d"])
def test_masks_of_a_convolutions_result(name):
    same(lambda m: getattr(m.nn.functional, name)(m.nn.functional.conv2d(m.ones(2, 3, 5, 7), m.ones(4, 3, 2, 2)), 0.4))


@pytest.mark.parametrize("arguments", [(10, (30,)), (-5, 5, (4, 6)), (0, 2**40, (20,)), (3, (0,)), (0, 2**33, (3, 3)),
                                       (2**28 - 1, (9,)), (2**28, (9,)), (7, 2**31, (9,))])
def test_integers(arguments):
    same(lambda m: m.randint(*arguments))
    same(lambda m: m.randint(0, 100, (9,), dtype=m.uint8))
    same(lambda m: m.randint(0, 100, (9,), dtype=m.float64))


@pytest.mark.parametrize("n", [0, 1, 2, 7, 1000])
def test_permutations(n):
    same(lambda m: m.randperm(n))


def test_probabilities():
    same(lambda m: m.bernoulli(m.linspace(0, 1, 101, dtype=m.float64)))


@pytest.mark.parametrize("name", ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"])
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_dropout(name, p):
    shape = {"dropout1d": (4, 6, 5), "dropout2d": (3, 7, 2, 5), "dropout3d": (2, 9, 2, 3, 4)}.get(name, (5, 7))
    same(lambda m: getattr(m.nn.functional, name)(m.ones(shape), p, True))


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**63, -1])
def test_seeds(seed):
    same(lambda m: m.randn(20, dtype=m.float64), seed)


def test_a_generator_of_ones_own():
    for module in (torch, voxgrad):
        module.manual_seed(1)
    drawn = [m.rand(20, generator=m.Generator().manual_seed(5)).numpy() for m in (torch, voxgrad)]
    np.testing.assert_array_equal(*drawn)
    np.testing.assert_array_equal(torch.rand(3).numpy(), voxgrad.rand(3).numpy())


LAYERS = {
    "Linear": lambda nn: nn.Linear(7, 5), "Linear without bias": lambda nn: nn.Linear(7, 5, bias=False),
    "Conv1d": lambda nn: nn.Conv1d(3, 5, 4), "Conv2d": lambda nn: nn.Conv2d(4, 6, (3, 2), groups=2),
    "Conv3d": lambda nn: nn.Conv3d(2, 3, 3, bias=False), "ConvTranspose1d": lambda nn: nn.ConvTranspose1d(3, 5, 4),
    "ConvTranspose2d": lambda nn: nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2),
    "ConvTranspose3d": lambda nn: nn.ConvTranspose3d(3, 2, 2, stride=2), "BatchNorm1d": lambda nn: nn.BatchNorm1d(4),
    "BatchNorm3d": lambda nn: nn.BatchNorm3d(5), "GroupNorm": lambda nn: nn.GroupNorm(2, 6),
    "InstanceNorm2d": lambda nn: nn.InstanceNorm2d(3, affine=True, track_running_stats=True),
    "LayerNorm": lambda nn: nn.LayerNorm((3, 4)), "PReLU": lambda nn: nn.PReLU(3),
    "Sequential": lambda nn: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.ConvTranspose2d(4, 1, 3), nn.Linear(5, 2)),
}


@pytest.mark.parametrize("kind", FLOATING)
@pytest.mark.parametrize("layer", LAYERS)
def test_initial_values(layer, kind):
    def values(m):
        net = LAYERS[layer](m.nn)
        return m.cat([x.reshape(-1).to(m.float64) for x in net.state_dict().values()])

    for module in (torch, voxgrad):
        module.set_default_dtype(getattr(module, kind))
    try:
        same(values)
    finally:
        for module in (torch, voxgrad):
            module.set_default_dtype(module.float32)


@pytest.mark.parametrize("kind", FLOATING)
@pytest.mark.parametrize("name, options", [
    ("uniform_", {}), ("normal_", {"mean": 1.0, "std": 0.02}), ("xavier_uniform_", {"gain": 2.0}),
    ("xavier_normal_", {}), ("kaiming_uniform_", {"a": 0.1}),
    ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "relu"})])
def test_initialisers(name, options, kind):
    approximate = "normal" in name and kind == "float32"
    same(lambda m: getattr(m.nn.init, name)(m.empty(6, 4, 3, 3, dtype=getattr(m, kind)), **options),
         within=ROUNDING if approximate else 0)


def test_truncated_normal_to_the_last_bits():
    # By the inverse of erf, of which the two take different approximations.
    for module in (torch, voxgrad):
        module.manual_seed(3)
    wanted, found = (m.nn.init.trunc_normal_(m.empty(50, 4, dtype=m.float64), std=0.02).numpy()
                     for m in (torch, voxgrad))
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-18)


@pytest.mark.parametrize("shuffle", [False, True])
def test_order_of_a_data_loader(shuffle):
    def order(m):
        data = m.utils.data.TensorDataset(m.arange(23))
        loader = m.utils.data.DataLoader(data, batch_size=4, shuffle=shuffle)
        return m.cat([batch for _ in range(2) for (batch,) in loader])

    same(order)


def test_random_split():
    same(lambda m: m.tensor([list(part.indices) for part in m.utils.data.random_split(m.arange(20), [10, 10])]))


@pytest.mark.parametrize("seed", [0, 2**63, 2**64 - 1, -5])
def test_seeds_of_64_bits(seed):
    same(lambda m: m.rand(3, generator=m.Generator().manual_seed(seed)))


@pytest.mark.parametrize("name", ["voxgrad", "torch"])
def test_copies_of_a_generator_go_on_alike(name):
    m = pytest.importorskip(name)
    generator = m.Generator().manual_seed(3)
    m.randn(3, generator=generator)
    state = generator.get_state()
    copies = [copy.deepcopy(generator), pickle.loads(pickle.dumps(generator)), generator.clone_state()]
    expected = m.randn(5, generator=generator).tolist()
    generator.set_state(state)
    assert all(m.randn(5, generator=g).tolist() == expected for g in (generator, *copies))
    assert state.dtype is m.uint8 and generator.device.type == "cpu" and generator.seed() == generator.initial_seed()
    default = m.get_rng_state()
    expected = m.rand(2).tolist()
    m.set_rng_state(default)
    assert default.dtype is m.uint8 and m.rand(2).tolist() == expected
    for bad in (state[:8], state[:-1], state * 0, state * 0 + 255):
        with pytest.raises(RuntimeError):
            generator.set_state(bad)
    for bad in (state.long(), [1, 2], None):
        with pytest.raises(TypeError):
            generator.set_state(bad)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", [(4, 6), (3, 4, 5), (3, 2, 2, 2), (2, 3, 2, 2, 2)])
def test_dropout_of_volumes_takes_other_ranks_for_one_sample(shape):
    found = []
    for m in (voxgrad, torch):
        m.manual_seed(1)
        found.append(m.nn.functional.dropout3d(m.ones(*shape), 0.5).tolist())
    assert found[0] == found[1]
