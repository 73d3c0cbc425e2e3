"""Runs a training script in an interpreter of its own, under PyTorch, under voxgrad in its import lines, or under
voxgrad.compat, and gives the losses that it prints."""
import pathlib
import re
import subprocess
import sys

FOLDER = pathlib.Path(__file__).parent
NAMES = ("lenet", "unet2d", "dcgan")
LIBRARY = "nnunet"  # the script that imports a library written for PyTorch
_COMPAT = "import voxgrad.compat\nvoxgrad.compat.install()\n"


def renamed(source: str) -> str:
    """The script with voxgrad for PyTorch in its import lines; nothing else names the module."""
    source = re.sub(r"^import torch$", "import voxgrad as torch", source, flags=re.MULTILINE)
    return re.sub(r"^(import|from) torch\b", r"\1 voxgrad", source, flags=re.MULTILINE)


def losses(name: str, module: str, device: str = "cpu") -> list[list[float]]:
    """The numbers after "loss" on each line printed. `module` is "torch", "voxgrad" or "compat"."""
    source = (FOLDER / f"{name}.py").read_text().replace('torch.device("cpu")', f'torch.device("{device}")')
    program = {"torch": source, "voxgrad": renamed(source), "compat": _COMPAT + source}[module]
    run = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{name} under {module}:\n{run.stderr}")
    return [[float(number) for number in line.split("loss")[1].split()]
            for line in run.stdout.splitlines() if "loss" in line]
