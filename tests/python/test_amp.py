"""Mixed precision that is not there. Each test runs under PyTorch too where that can be imported, and has no GPU."""
import pytest

import voxgrad


@pytest.fixture(params=["voxgrad", "torch"])
def m(request):
    module = pytest.importorskip(request.param)
    if module.cuda.is_available():
        pytest.skip("there is a GPU")
    return module


@pytest.mark.filterwarnings("ignore")
def test_a_training_step_is_that_without(m):
    found = []
    for enabled in (True, False):
        m.manual_seed(0)
        net = m.nn.Linear(2, 1)
        optimizer = m.optim.SGD(net.parameters(), lr=0.1)
        scaler = m.amp.GradScaler("cuda", enabled=enabled)
        with m.autocast("cuda", enabled=enabled):
            loss = net(m.ones(1, 2)).sum()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        scaler.load_state_dict(scaler.state_dict())
        found.append(net.weight.tolist())
        assert loss.dtype is m.float32 and scaler.get_scale() == 1 and not scaler.is_enabled()
    assert found[0] == found[1]


def test_what_is_asked_for_in_vain_is_a_warning(m):
    with pytest.warns(UserWarning):
        m.amp.GradScaler("cuda")
    with pytest.warns(UserWarning):
        m.amp.autocast("cuda")
    with pytest.raises(TypeError):
        m.amp.autocast()

    @m.autocast("cuda", enabled=False)
    def double(x):
        return x * 2

    assert double(m.ones(1)).item() == 2


def test_precision_of_products(m):
    before = m.get_float32_matmul_precision()
    m.set_float32_matmul_precision("high")
    assert m.get_float32_matmul_precision() == "high"
    m.set_float32_matmul_precision(before)


def test_another_precision_is_refused():
    with pytest.raises(ValueError):  # PyTorch warns
        voxgrad.set_float32_matmul_precision("low")
