"""Times voxgrad against PyTorch, side by side: `python bench/compare --help`."""
from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cases import Case, all_cases
from chart import save_chart

PAUSE = 0.03  # seconds before a run: OpenMP's threads spin on after the run before
HERE = Path(__file__).parent
TUNED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "34359738368"}


class Worker:
    """A process with one library. Only one works at a time."""

    def __init__(self, title: str, module: str, layout: str, threads: int, environment: dict[str, str]) -> None:
        self.title = title
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), module, str(threads), layout], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": str(threads), **environment})

    def ask(self, command: str) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"compare: the process of {self.title} ended at '{command}'")
        return json.loads(answer)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def start_workers(threads: int, compiled: bool = False) -> list[Worker]:
    workers = [Worker("voxgrad", "voxgrad", "channels_last", threads, {})]
    if importlib.util.find_spec("torch") is not None:
        workers.append(Worker("PyTorch, tuned", "torch", "channels_last", threads, TUNED))
        workers.append(Worker("PyTorch, default", "torch", "plain", threads, {}))
        if compiled:
            workers.append(Worker("PyTorch, compiled", "torch", "compiled", threads, TUNED))
    return workers


def time_case(case: Case, workers: list[Worker], repeats: int) -> dict[str, dict[str, float]]:
    """Seconds by worker, in turns, so that what slows the machine down meets all of them."""
    if case.group not in ("steps", "layers"):  # there is nothing to compile
        workers = [worker for worker in workers if worker.title != "PyTorch, compiled"]
    for worker in workers:
        worker.ask(f"make {case.name}")
    seconds: dict[str, list[float]] = {worker.title: [] for worker in workers}
    for _ in range(repeats):
        for worker in workers:
            time.sleep(PAUSE)
            seconds[worker.title].append(worker.ask("run"))
    return {title: {"minimum": min(times), "median": statistics.median(times)} for title, times in seconds.items()}


def measure_memory(case: Case, threads: int) -> dict[str, float]:
    """Megabytes above what the import took, each in a process of its own."""
    result = {}
    for worker in start_workers(threads):
        worker.ask(f"make {case.name}")
        result[worker.title] = worker.ask("memory")
        worker.close()
    return result


def row(case: Case, times: dict[str, dict[str, float]]) -> str:
    ours = times["voxgrad"]
    cells = [f"{case.name:<28}", f"{ours['minimum'] * 1e3:9.2f} {ours['median'] * 1e3:9.2f}"]
    for title, other in times.items():
        if title != "voxgrad":
            cells.append(f"{other['minimum'] * 1e3:9.2f} {other['minimum'] / ours['minimum']:6.2f}x"
                         f" {other['median'] / ours['median']:6.2f}x")
    rate = f"{case.gflop / ours['minimum']:7.0f}" if case.gflop else f"{case.megabytes / ours['minimum'] * 1e-3:7.1f}"
    unit = "GFLOP/s" if case.gflop else "GB/s" if case.megabytes else ""
    cells.append(f"{rate if unit else '':>7} {unit:<7}")
    tuned = [times[title]["minimum"] for title in ("PyTorch, tuned", "PyTorch, compiled") if title in times]
    if tuned and case.must:
        reached = min(tuned) / ours["minimum"] >= case.must
        cells.append(f"must {case.must:.2f}x: {'yes' if reached else 'NO'}")
    return "  ".join(cells)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/compare", description=__doc__)
    parser.add_argument("--repeats", type=int, default=10, help="runs of each figure, in turns (default 10)")
    parser.add_argument("--only", default="", help="cases whose group and name contain this text")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--png", type=Path, help="draw the ratios here (needs matplotlib)")
    parser.add_argument("--compile", action="store_true", help="torch.compile too, for steps and layers (slow to start)")
    parser.add_argument("--memory", action="store_true", help="the peak memory of the 3D steps too")
    options = parser.parse_args()
    if options.png and importlib.util.find_spec("matplotlib") is None:
        parser.error("--png needs matplotlib, which this Python does not have: pip install matplotlib")
    return options


def main() -> None:
    options = parse()
    workers = start_workers(options.threads, options.compile)
    cases = [case for case in all_cases() if options.only in f"{case.group} {case.name}"]
    print(f"{platform.processor() or platform.machine()}, {options.threads} threads, {options.repeats} runs in turns\n")
    heads = [f"{'ms: minimum, median':<28}", f"{'voxgrad':>19}"]
    heads += [f"{worker.title + ': min, ratios':>25}" for worker in workers[1:]]
    print("  ".join(heads))
    results: dict[str, Any] = {}
    for case in cases:
        results[case.name] = time_case(case, workers, options.repeats)
        print(row(case, results[case.name]), flush=True)
    for worker in workers:
        worker.close()
    report: dict[str, Any] = {"threads": options.threads, "repeats": options.repeats, "seconds": results}
    if options.memory:
        report["megabytes"] = {}
        for case in cases:
            if case.name.startswith("3D U-Net"):
                report["megabytes"][case.name] = memory = measure_memory(case, options.threads)
                print(f"{case.name}: peak MB over import: " +
                      ", ".join(f"{title} {value:.0f}" for title, value in memory.items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="ascii")
    if options.png:
        save_chart(results, options.png)


if __name__ == "__main__":
    main()
