"""Whole training scripts, written for PyTorch, against PyTorch: recorded losses, and live ones where it imports."""
import importlib.util
import json
import re

import pytest
from gpus import needs_gpu
from scripts.running import FOLDER, LIBRARY, NAMES, losses, renamed

RECORDED = json.loads((FOLDER / "recorded.json").read_text())
TOLERANCE = 1e-8

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
needs_library = pytest.mark.skipif(importlib.util.find_spec("dynamic_network_architectures") is None,
                                   reason="dynamic-network-architectures is not installed")


def assert_close(found, wanted):
    assert [len(step) for step in found] == [len(step) for step in wanted]
    gaps = [abs(a - b) for got, want in zip(found, wanted) for a, b in zip(got, want)]
    print(f"largest deviation {max(gaps):.1e}")
    assert max(gaps) <= TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_only_import_lines_name_the_module(name):
    lines = (FOLDER / f"{name}.py").read_text().splitlines()
    changed = [line for line, other in zip(lines, renamed("\n".join(lines)).splitlines()) if line != other]
    assert changed and all(re.match("(import|from) torch", line) for line in changed)


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_those_recorded(name):
    assert len(RECORDED[name]) == 10
    assert_close(losses(name, "voxgrad"), RECORDED[name])


@needs_gpu
@pytest.mark.parametrize("name", ("unet2d", "dcgan"))
def test_losses_on_a_gpu_are_those_recorded(name):
    assert_close(losses(name, "voxgrad", "cuda"), RECORDED[name])


@needs_gpu
def test_a_script_with_dropout_learns_on_a_gpu():
    found = losses("lenet", "voxgrad", "cuda")  # whose masks are not the CPU's
    assert len(found) == 10 and found[-1][0] < found[0][0]


def test_a_script_runs_under_compat_as_it_stands():
    assert_close(losses("unet2d", "compat"), RECORDED["unet2d"])


@needs_library
def test_nnunets_network_trains_under_compat():
    assert len(RECORDED[LIBRARY]) == 6
    assert_close(losses(LIBRARY, "compat"), RECORDED[LIBRARY])


@needs_torch
@pytest.mark.parametrize("name", NAMES)
def test_losses_are_pytorchs(name):
    assert_close(losses(name, "voxgrad"), losses(name, "torch"))


@needs_torch
@needs_library
def test_nnunets_losses_are_pytorchs():
    assert_close(losses(LIBRARY, "compat"), losses(LIBRARY, "torch"))
