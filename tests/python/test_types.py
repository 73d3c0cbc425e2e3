"""What a type checker sees: the package, the stub of its compiled half, a user's program, the examples."""
import os
import pathlib
import subprocess
import sys

import pytest

import voxgrad

pytest.importorskip("mypy")

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = pathlib.Path(voxgrad.__file__).resolve().parent

# pybind11's classes have a metaclass of their own.
METACLASSES = ["ConvRun", "Generator", "Tensor", "_Native", "_PadMode", "_Reduction", "_Rounding", "device", "dtype"]

PROGRAM = """
import voxgrad
import voxgrad.nn.functional as F
from voxgrad import Tensor, nn, no_grad

class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 8, 3, padding=1)
        self.scale = nn.Parameter(voxgrad.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x)) * self.scale

@no_grad()
def mean(a: Tensor) -> float:
    return float(a.mean().item())

net = Net()
optimizer = voxgrad.optim.AdamW(net.parameters(), lr=1e-3)
x = voxgrad.randn(1, 1, 8, 8, 8)
net(x).sum().backward()
optimizer.step()
y: Tensor = (x[0, ..., None] > 0).float().sum(dim=1) + 1
n: int = x.shape[0]
"""


def check(*arguments: str, cwd: pathlib.Path) -> None:
    # An installed package is found by itself, and mypy refuses its folder as a path.
    path = {} if PACKAGE.parent.name == "site-packages" else {"MYPYPATH": str(PACKAGE.parent)}
    environment = {**os.environ, **path}
    run = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, cwd=cwd,
                         env=environment)
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_users_program_is_understood(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    check("mypy", "--follow-imports=silent", "--disallow-untyped-defs", "--disallow-untyped-calls",
          "--warn-return-any", "program.py", cwd=tmp_path)
    (tmp_path / "wrong.py").write_text(PROGRAM + "\nz: str = x.mean()\n")
    with pytest.raises(AssertionError, match="Incompatible types"):
        check("mypy", "--follow-imports=silent", "wrong.py", cwd=tmp_path)


def test_the_package_and_the_examples_are_clean(tmp_path):
    examples = sorted(str(p) for p in (SOURCE / "examples/python").glob("*.py"))
    check("mypy", "--ignore-missing-imports", "-p", "voxgrad", cwd=tmp_path)
    check("mypy", "--ignore-missing-imports", "--follow-imports=silent", *examples, cwd=tmp_path)


def test_the_stub_agrees_with_the_compiled_half(tmp_path):
    allowed = tmp_path / "allowed"
    allowed.write_text("".join(f"voxgrad\\._C\\.{name}\n" for name in METACLASSES))
    check("mypy.stubtest", "voxgrad._C", "--concise", "--allowlist", str(allowed), cwd=tmp_path)
