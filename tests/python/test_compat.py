"""voxgrad.compat: each case in an interpreter of its own, as a program holds one torch only."""
import importlib.util
import subprocess
import sys
import textwrap

import pytest


def run(program):
    """Runs a program that begins with `import sys, voxgrad`; it prints nothing unless it fails."""
    done = subprocess.run([sys.executable, "-"], input="import sys, voxgrad\n" + textwrap.dedent(program),
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_torch_and_its_submodules_hold_voxgrads_own_classes():
    run("""
        voxgrad.compat.install()
        import torch
        import torch.nn as nn
        import torch.nn.functional as F
        import torch.optim.lr_scheduler as schedules
        from torch.autograd import Function
        from torch.nn.modules.conv import _ConvNd
        from torch.nn.parameter import Parameter
        from torch.utils.data import DataLoader
        assert nn is torch.nn and torch.Tensor is voxgrad.Tensor and nn.Conv3d is voxgrad.nn.Conv3d
        assert _ConvNd is voxgrad.nn.modules.conv._ConvNd and Parameter is voxgrad.nn.Parameter
        assert F.conv3d is voxgrad.nn.functional.conv3d and Function is voxgrad.autograd.Function
        assert schedules.StepLR is voxgrad.optim.lr_scheduler.StepLR and DataLoader is voxgrad.utils.data.DataLoader
        assert isinstance(nn.init.zeros_(torch.ones(2)), voxgrad.Tensor) and isinstance(torch.ones(2).shape, torch.Size)
    """)


def test_submodules_need_no_import_of_their_own():
    run("""
        voxgrad.compat.install()
        import torch
        assert torch.nn.utils.clip_grad_norm_ is voxgrad.nn.utils.clip_grad_norm_
        assert sys.modules["torch.nn.utils"] is torch.nn.utils
    """)


def test_what_voxgrad_lacks_answers_or_is_named():
    run("""
        voxgrad.compat.install()
        import torch
        import torch.backends.cudnn as cudnn
        assert torch.cuda.is_available() is voxgrad.cuda.is_available() and not torch.distributed.is_available()
        assert not torch.jit.is_scripting() and torch.jit.ignore(len) is len and torch.jit.unused()(len) is len
        assert int(torch.__version__.split(".")[0]) >= 2
        from torch.autograd import Variable
        from torch.cuda.amp import GradScaler, autocast
        x = torch.ones(2)
        assert torch.compile(len) is len and Variable(x, requires_grad=True).requires_grad and not x.requires_grad
        with autocast(False):
            assert GradScaler(enabled=False).scale(x) is x
        cudnn.benchmark = True
        assert not voxgrad.backends.cudnn.benchmark
        for read, missing in [(lambda: torch.quux, "torch.quux"), (lambda: torch.nn.Quux, "torch.nn.Quux"),
                              (lambda: torch.compat, "torch.compat"), (lambda: torch._C, "torch._C")]:
            try:
                read()
            except AttributeError as error:
                assert missing in str(error)
            else:
                raise AssertionError(missing)
        for statement in ("import torch.quux", "from torch import quux", "from torch.nn.quux import x"):
            try:
                exec(statement)
            except ImportError as error:
                assert "quux" in str(error)
            else:
                raise AssertionError(statement)
    """)


def test_a_function_is_not_hidden_by_the_module_of_its_name():
    run("""
        voxgrad.compat.install()
        import torch.autograd.gradcheck
        assert torch.autograd.gradcheck is voxgrad.autograd.gradcheck
    """)


def test_uninstall_leaves_nothing_behind():
    run("""
        finders, modules, names = list(sys.meta_path), set(sys.modules), set(vars(voxgrad))
        voxgrad.compat.install()
        voxgrad.compat.install()
        import torch.nn.modules.conv
        torch.nn.quux = 1
        voxgrad.compat.uninstall()
        voxgrad.compat.uninstall()
        assert sys.meta_path == finders and not [name for name in sys.modules if name.startswith("torch")]
        assert set(vars(voxgrad)) == names and not hasattr(voxgrad.nn, "quux")
        assert torch.optim.SGD is voxgrad.optim.SGD  # for those who hold it still
        assert not [name for name in sys.modules if name.startswith("torch")]
    """)


def test_it_can_be_installed_again():
    run("""
        for _ in range(2):
            voxgrad.compat.install()
            import torch
            assert torch is sys.modules["torch"] and torch.nn.Module is voxgrad.nn.Module
            assert not hasattr(torch, "quux")
            torch.quux = 1
            voxgrad.compat.uninstall()
    """)


def test_a_torch_that_is_imported_already_is_refused():
    run("""
        import types
        sys.modules["torch"] = real = types.ModuleType("torch")
        try:
            voxgrad.compat.install()
        except RuntimeError as error:
            assert "torch" in str(error)
        else:
            raise AssertionError
        assert sys.modules["torch"] is real
        voxgrad.compat.uninstall()
        assert sys.modules["torch"] is real
    """)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_after_uninstall_pytorch_can_be_imported():
    run("""
        voxgrad.compat.install()
        import torch
        voxgrad.compat.uninstall()
        import torch
        assert torch.nn.Module is not voxgrad.nn.Module and torch.ones(2).sum().item() == 2
    """)
