"""What the example programs share: the command line, one sentence for bad input, progress, curves."""
from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any, Callable, Iterable, NoReturn, Sequence

import numpy as np

BLUE, ORANGE, GREEN, GRAY = "tab:blue", "tab:orange", "#2ca02c", "gray"


class InputError(Exception):
    """What is wrong with the user's input, in one sentence."""


class Help(argparse.ArgumentDefaultsHelpFormatter):
    """Defaults after every option that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """Options with their defaults in --help, and one sentence where one is wrong."""

    def __init__(self, description: str) -> None:
        super().__init__(description=description, formatter_class=Help, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def whole(least: int, most: int = 1_000_000) -> Callable[[str], int]:
    """The type of an option that takes a whole number in [least, most]."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}; got {text}")
        return value

    return parse


def positive(text: str) -> float:
    """The type of an option that takes a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"must be a number above 0; got {text}")
    return value


def device(text: str) -> Any:
    """The type of an option that takes a device which this machine has."""
    import voxgrad

    try:
        voxgrad.empty(0, device=text)
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return voxgrad.device(text)


def need(*packages: str) -> None:
    """Imports packages that an example needs beyond voxgrad, or says which pip install brings them."""
    missing = []
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError:
            missing.append(package)
    if missing:
        fail(f"needs Python packages that are not installed; run: pip install {' '.join(missing)}")


def fail(sentence: object) -> NoReturn:
    """Ends the program with exit status 2."""
    print(f"{Path(sys.argv[0]).stem}: {sentence}", file=sys.stderr)
    sys.exit(2)


def run_main(main: Callable[[], None]) -> None:
    """Runs a program. Bad input gives one sentence and exit status 2, Ctrl-C status 130."""
    try:
        main()
    except InputError as error:
        fail(error)
    except KeyboardInterrupt:
        sys.exit(130)


def make_folder(path: Path) -> Path:
    """The folder for results, made where it is missing."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot make this folder ({error.strerror})") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise InputError(f"{path}: cannot write into this folder")
    return path


def progress(steps: Iterable[Any], total: int) -> Any:
    """tqdm over training steps: redraws itself in a terminal, and writes a line now and then elsewhere."""
    from tqdm import tqdm

    return tqdm(steps, total=total, unit="step", dynamic_ncols=True, mininterval=0.2 if sys.stderr.isatty() else 10)


def write_log(path: Path, names: Sequence[str], rows: Iterable[Sequence[float]]) -> None:
    """A CSV file with one line per training step."""
    lines = [",".join(["step", *names])]
    lines += [",".join([str(step), *(f"{value:.6f}" for value in row)]) for step, row in enumerate(rows, 1)]
    path.write_text("\n".join(lines) + "\n")


def smooth(values: Sequence[float], window: int) -> np.ndarray:
    """Running mean over `window` values; at both ends over those that there are."""
    ones = np.ones(min(window, len(values)))
    return np.convolve(values, ones, "same") / np.convolve(np.ones(len(values)), ones, "same")


def draw_curve(axes: Any, values: Sequence[float], label: str, color: str) -> None:
    """One value per step: faint as it is, strong as its running mean."""
    steps = np.arange(1, len(values) + 1)
    axes.plot(steps, values, color=color, alpha=0.3, linewidth=0.8)
    axes.plot(steps, smooth(values, max(1, len(values) // 25)), color=color, linewidth=1.8, label=label)
    axes.set_xlabel("training step")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)


def use_log_scale(axes: Any, label: str) -> None:
    """A logarithmic vertical axis with plain numbers at 1, 2 and 5 times the powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set(yscale="log", ylabel=label)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def use_files_for_pictures() -> Any:
    """matplotlib.pyplot, drawing into files only: no display is needed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot
