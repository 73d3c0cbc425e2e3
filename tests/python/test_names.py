"""That names are kept in one place: `__all__`, methods, stubs."""
import importlib
import pathlib
import subprocess
import sys
import types

import pytest

import voxgrad as vg

SOURCE = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("topic", ["_elementwise", "_reduce", "_shape", "_linear", "_indexing"])
def test_every_function_is_public(topic):
    module = importlib.import_module(f"voxgrad.{topic}")
    for name, f in vars(module).items():
        own = isinstance(f, types.FunctionType) and f.__module__ == module.__name__ and not name.startswith("_")
        if own and name not in ("get", "set"):
            assert name in module.__all__ and hasattr(vg, name), name
            assert f.__doc__, name


def test_every_method_is_documented():
    for name, member in vars(vg.Tensor).items():
        if isinstance(member, types.FunctionType) and not name.startswith("_"):
            assert member.__doc__, name


def test_the_stub_is_what_the_package_gives():
    run = subprocess.run([sys.executable, str(SOURCE / "python/tools/make_stubs.py"), "--check"], capture_output=True,
                         text=True, check=False)
    assert run.returncode == 0, run.stderr
