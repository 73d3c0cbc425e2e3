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

from cases import Case, all_cases, card_cases
from chart import save_chart

PAUSE = 0.03  # seconds before a run: OpenMP's threads spin on after the run before
HERE = Path(__file__).parent
TUNED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "34359738368"}


class Worker:
    """A process with one library. Only one works at a time."""

    def __init__(self, title: str, module: str, layout: str, options: argparse.Namespace,
                 environment: dict[str, str]) -> None:
        self.title = title
        threads = str(options.threads)
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), module, threads, layout, options.device,
             "yes" if options.tf32 else "no"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": threads, **environment})

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


def start_workers(options: argparse.Namespace) -> list[Worker]:
    workers = [Worker("voxgrad", "voxgrad", "channels_last", options, {})]
    if importlib.util.find_spec("torch") is not None:
        workers.append(Worker("PyTorch, tuned", "torch", "channels_last", options, TUNED))
        workers.append(Worker("PyTorch, default", "torch", "plain", options, {}))
        if options.compile:
            workers.append(Worker("PyTorch, compiled", "torch", "compiled", options, TUNED))
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


def measure_memory(case: Case, options: argparse.Namespace) -> dict[str, float]:
    """Megabytes above what the import took, on a GPU of its memory, each in a process of its own."""
    result = {}
    for worker in start_workers(options):
        worker.ask(f"make {case.name}")
        result[worker.title] = worker.ask("memory")
        worker.close()
    return result


def best_rates(results: dict[str, Any]) -> dict[str, float]:
    """What the card was seen to reach with either library, in GFLOP/s and GB/s; empty on the CPU."""
    best = {}
    for case in card_cases():
        if case.name in results:
            fastest = min(times["minimum"] for times in results[case.name].values())
            best["GFLOP/s" if case.gflop else "GB/s"] = (case.gflop or case.megabytes * 1e-3) / fastest
    return best


def row(case: Case, times: dict[str, dict[str, float]], best: dict[str, float]) -> str:
    ours = times["voxgrad"]
    cells = [f"{case.name:<28}", f"{ours['minimum'] * 1e3:9.2f} {ours['median'] * 1e3:9.2f}"]
    for title, other in times.items():
        if title != "voxgrad":
            cells.append(f"{other['minimum'] * 1e3:9.2f} {other['minimum'] / ours['minimum']:6.2f}x"
                         f" {other['median'] / ours['median']:6.2f}x")
    rate = (case.gflop or case.megabytes * 1e-3) / ours["minimum"]
    unit = "GFLOP/s" if case.gflop else "GB/s" if case.megabytes else ""
    cells.append(f"{rate:7.{0 if case.gflop else 1}f} {unit:<7}" if unit else " " * 15)
    if unit in best:
        cells.append(f"{100 * rate / best[unit]:4.0f} % of the card's best")
    tuned = [times[title]["minimum"] for title in ("PyTorch, tuned", "PyTorch, compiled") if title in times]
    if tuned and case.must and not best:
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
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--tf32", action="store_true", help="on a GPU: products may round to TF32, in both libraries")
    parser.add_argument("--memory", action="store_true", help="the peak memory of the 3D steps too")
    options = parser.parse_args()
    if options.png and importlib.util.find_spec("matplotlib") is None:
        parser.error("--png needs matplotlib, which this Python does not have: pip install matplotlib")
    return options


def main() -> None:
    options = parse()
    workers = start_workers(options)
    cases = [case for case in all_cases() if options.only in f"{case.group} {case.name}"]
    if options.device != "cpu":
        cases = card_cases() + cases
    machine = platform.processor() or platform.machine()
    if options.device != "cpu":
        machine = f"{workers[0].ask('name')}, {'TF32' if options.tf32 else 'float32'}, host {machine}"
    setting = f"{machine}, {options.threads} threads, {options.repeats} runs in turns"
    print(setting + "\n")
    heads = [f"{'ms: minimum, median':<28}", f"{'voxgrad':>19}"]
    heads += [f"{worker.title + ': min, ratios':>25}" for worker in workers[1:]]
    print("  ".join(heads))
    results: dict[str, Any] = {}
    for case in cases:
        results[case.name] = time_case(case, workers, options.repeats)
        print(row(case, results[case.name], best_rates(results)), flush=True)
    for worker in workers:
        worker.close()
    report: dict[str, Any] = {"device": options.device, "tf32": options.tf32, "threads": options.threads,
                              "repeats": options.repeats, "seconds": results}
    if options.memory:
        report["megabytes"] = {}
        for case in cases:
            if case.name.startswith("3D U-Net"):
                report["megabytes"][case.name] = memory = measure_memory(case, options)
                print(f"{case.name}: peak MB over import: " +
                      ", ".join(f"{title} {value:.0f}" for title, value in memory.items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="ascii")
    if options.png:
        save_chart(results, setting, options.png)


if __name__ == "__main__":
    main()
