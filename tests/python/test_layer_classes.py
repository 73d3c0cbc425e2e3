"""The modules that hold the layers, and the classes that libraries test against: PyTorch's paths and bases."""
import importlib
import importlib.util

import pytest

from voxgrad import nn

BASES = {
    "conv._ConvNd": "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d",
    "conv._ConvTransposeNd": "ConvTranspose1d ConvTranspose2d ConvTranspose3d",
    "batchnorm._NormBase": "BatchNorm1d BatchNorm2d BatchNorm3d InstanceNorm1d InstanceNorm2d InstanceNorm3d",
    "batchnorm._BatchNorm": "BatchNorm1d BatchNorm2d BatchNorm3d",
    "instancenorm._InstanceNorm": "InstanceNorm1d InstanceNorm2d InstanceNorm3d",
    "dropout._DropoutNd": "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout",
    "loss._Loss": "L1Loss MSELoss HuberLoss SmoothL1Loss KLDivLoss BCELoss BCEWithLogitsLoss CrossEntropyLoss NLLLoss",
    "loss._WeightedLoss": "BCELoss CrossEntropyLoss NLLLoss",
    "pooling._MaxPoolNd": "MaxPool1d MaxPool2d MaxPool3d",
    "pooling._AvgPoolNd": "AvgPool1d AvgPool2d AvgPool3d",
    "padding._ConstantPadNd": "ConstantPad1d ConstantPad2d ConstantPad3d ZeroPad1d ZeroPad2d ZeroPad3d",
    "padding._ReflectionPadNd": "ReflectionPad1d ReflectionPad2d ReflectionPad3d",
    "padding._ReplicationPadNd": "ReplicationPad1d ReplicationPad2d ReplicationPad3d",
    "activation.Hardtanh": "ReLU6",
    "module.Module": "Conv1d Linear ReLU LeakyReLU Sequential ModuleList ModuleDict GroupNorm LayerNorm Identity",
}
PATHS = """nn nn.functional nn.init nn.parameter nn.utils nn.modules nn.modules.activation nn.modules.batchnorm
nn.modules.container nn.modules.conv nn.modules.dropout nn.modules.flatten nn.modules.instancenorm
nn.modules.linear nn.modules.loss nn.modules.module nn.modules.normalization nn.modules.padding
nn.modules.pixelshuffle nn.modules.pooling nn.modules.upsampling nn.modules.utils nn.utils.clip_grad optim
optim.lr_scheduler optim.optimizer optim.swa_utils optim.sgd optim.adam optim.adamw autograd
autograd.function autograd.grad_mode utils utils.data utils.data.dataloader utils.data.dataset
utils.data.sampler utils.checkpoint utils.hooks cuda backends backends.cudnn serialization""".split()
ROOTS = ["voxgrad", pytest.param("torch", marks=pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"))]


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("path", PATHS)
def test_paths(root, path):
    assert importlib.import_module(f"{root}.{path}")


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("base", BASES)
def test_bases(root, base):
    file, _, name = base.partition(".")
    kind = getattr(importlib.import_module(f"{root}.nn.modules.{file}"), name)
    layers = importlib.import_module(f"{root}.nn")
    for layer in BASES[base].split():
        assert issubclass(getattr(layers, layer), kind), layer


def test_unrelated_layers_are_told_apart():
    modules = nn.modules
    assert not issubclass(nn.Conv3d, modules.conv._ConvTransposeNd)
    assert not issubclass(nn.InstanceNorm3d, modules.batchnorm._BatchNorm)
    assert not issubclass(nn.ConvTranspose2d, nn.Conv2d) and not issubclass(nn.Conv3d, nn.Conv2d)
    assert not issubclass(nn.ReLU, modules.dropout._DropoutNd) and not issubclass(nn.Linear, modules.conv._ConvNd)


@pytest.mark.parametrize("name", ["Conv3d", "BatchNorm2d", "InstanceNorm1d", "Dropout", "LeakyReLU", "Linear"])
def test_classes_know_the_module_that_holds_them(name):
    layer = getattr(nn, name)
    assert getattr(importlib.import_module(layer.__module__), name) is layer
    assert layer.__module__.startswith("voxgrad.nn.modules.")
