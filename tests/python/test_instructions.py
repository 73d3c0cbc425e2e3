"""Which vector instructions run: the best of this processor, or what the environment asks for."""
from __future__ import annotations

import os
import subprocess
import sys

import pytest

import voxgrad

CONV = "import voxgrad; x = voxgrad.ones(1, 1, 4); f = voxgrad.nn.functional.conv1d; f(x, x); f(x, x)"
TELL = "import voxgrad; print(voxgrad.backends.cpu.get_cpu_capability())"


def run(code: str, **variables: str) -> tuple[str, list[str]]:
    """What a fresh process prints, and the lines of its stderr."""
    kept = {name: value for name, value in os.environ.items() if name not in ("VOXGRAD_CPU", "VOXGRAD_LOG")}
    done = subprocess.run([sys.executable, "-c", code], env={**kept, **variables}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.splitlines()


def test_the_instructions_in_use_can_be_asked():
    assert voxgrad.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2", "AVX512")
    best = run(TELL)
    assert best[1] == [] and run(TELL, VOXGRAD_CPU="") == best
    for name in ("portable", "Portable", "PORTABLE"):
        assert run(TELL, VOXGRAD_CPU=name) == ("DEFAULT", [])


@pytest.mark.parametrize("unknown", ["sse", "avx 2", "0"])
def test_unknown_instructions_are_warned_of_once(unknown):
    best = run(TELL)[0]
    text, lines = run(f"{TELL}; {CONV}", VOXGRAD_CPU=unknown)
    assert text == best and len(lines) == 1
    assert lines[0].startswith("voxgrad: instruction set ")
    assert lines[0].endswith(f"(detected; VOXGRAD_CPU={unknown} is none of portable, avx2, avx512)")


def test_the_log_of_convolutions_begins_with_the_instructions():
    lines = run(CONV, VOXGRAD_LOG="conv", VOXGRAD_CPU="portable")[1]
    assert lines[0] == "voxgrad: instruction set portable (VOXGRAD_CPU)"
    assert len(lines) == 3 and all(line.startswith("voxgrad: conv y ") for line in lines[1:])
