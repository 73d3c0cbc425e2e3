"""Ratios as a bar chart."""
from __future__ import annotations

from pathlib import Path
from typing import Any


def save_chart(results: dict[str, Any], setting: str, path: Path) -> None:
    """How many times as fast as PyTorch: one bar a case and setting of PyTorch, on a logarithmic axis."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    names = list(results)[::-1]
    others = list(dict.fromkeys(name for times in results.values() for name in times if name.startswith("PyTorch")))
    height = 0.8 / max(1, len(others))
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 0.24 * len(names)), layout="constrained")
    for i, other in enumerate(others):
        rows = [(k, results[name]) for k, name in enumerate(names) if other in results[name]]
        ratios = [times[other]["minimum"] / times["voxgrad"]["minimum"] for _, times in rows]
        places = [k + (len(others) - 1 - 2 * i) * height / 2 for k, _ in rows]
        bars = axes.barh(places, [ratio - 1 for ratio in ratios], height, left=1, label=other)
        axes.bar_label(bars, [f"{ratio:.3g}" for ratio in ratios], padding=2, fontsize=5)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="x", which="both", labelsize=6)
    low, high = axes.get_xlim()
    if high > 8 * low:  # there is no room for a label at every digit
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter("")
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.set_title(setting, fontsize=8)
    axes.set_xlabel("times as fast as PyTorch (minima); right of 1 voxgrad is faster", fontsize=8)
    axes.legend(fontsize=7)
    figure.savefig(path, dpi=130)
