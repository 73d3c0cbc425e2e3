"""Ratios as a bar chart."""
from __future__ import annotations

from pathlib import Path
from typing import Any


def save_chart(results: dict[str, Any], path: Path) -> None:
    """How many times as fast as PyTorch, one bar a case and setting of PyTorch."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(results)[::-1]
    titles = [title for title in results[names[0]] if title != "voxgrad"]
    height = 0.8 / max(1, len(titles))
    figure, axes = pyplot.subplots(figsize=(9, 1 + 0.3 * len(names)))
    for i, title in enumerate(titles):
        ratios = [results[name][title]["minimum"] / results[name]["voxgrad"]["minimum"] for name in names]
        places = [k + (len(titles) - 1 - 2 * i) * height / 2 for k in range(len(names))]
        axes.barh(places, ratios, height, label=title)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_xlabel("times as fast (minima)")
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
