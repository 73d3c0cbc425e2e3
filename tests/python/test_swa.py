"""Averages of weights. Each test runs under PyTorch too where that can be imported."""
import copy
import importlib

import numpy as np
import pytest


@pytest.fixture(params=["voxgrad", "torch"])
def m(request):
    module = pytest.importorskip(request.param)
    importlib.import_module(f"{request.param}.optim.swa_utils")
    return module


def averaged(m, values, **options):
    """What is left of parameters that take the values one after another."""
    model = m.nn.Sequential(m.nn.Linear(1, 1, bias=False), m.nn.BatchNorm1d(1))
    average = m.optim.swa_utils.AveragedModel(model, **options)
    for value in values:
        m.nn.init.constant_(model[0].weight, value)
        model[1].running_mean.fill_(value)
        average.update_parameters(model)
    assert average.n_averaged.item() == len(values)
    return average.module[0].weight.item(), average.module[1].running_mean.item()


def test_the_mean(m):
    assert averaged(m, [1, 2, 6]) == (3, 6) and averaged(m, [1, 2, 6], use_buffers=True) == (3, 3)


def test_exponential_averages(m):
    swa = m.optim.swa_utils
    for options in ({"avg_fn": swa.get_ema_avg_fn(0.5)}, {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.5)}):
        assert averaged(m, [1, 2, 6], **options) == (3.75, 6)
    assert averaged(m, [1, 3], multi_avg_fn=swa.get_swa_multi_avg_fn()) == (2, 3)
    with pytest.raises(AssertionError):
        averaged(m, [1], avg_fn=swa.get_swa_avg_fn(), multi_avg_fn=swa.get_swa_multi_avg_fn())
    with pytest.raises(ValueError):
        swa.get_ema_avg_fn(2)


def test_an_average_is_a_module(m):
    model = m.nn.Linear(2, 2)
    average = m.optim.swa_utils.AveragedModel(model)
    assert list(average.state_dict()) == ["n_averaged", "module.weight", "module.bias"]
    x = m.ones(1, 2)
    assert average(x).tolist() == model(x).tolist() and average.module.weight is not model.weight
    assert copy.deepcopy(average).n_averaged.item() == 0


def test_statistics_of_a_pass(m):
    model = m.nn.Sequential(m.nn.BatchNorm1d(2, momentum=0.3)).eval()
    batches = [[m.from_numpy(np.arange(8, dtype=np.float32).reshape(4, 2) * k), "label"] for k in (1, 3)]
    m.optim.swa_utils.update_bn(batches, model)
    assert model[0].running_mean.tolist() == [6, 8] and model[0].num_batches_tracked.item() == 2
    assert model[0].momentum == 0.3 and not model.training
