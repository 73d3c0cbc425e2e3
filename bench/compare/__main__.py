"""Times voxgrad against PyTorch, side by side: `python bench/compare --help`."""
from __future__ import annotations

import argparse
import datetime
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

MOST_THREADS = 1024  # of voxgrad
PAUSE = 0.03  # seconds before a run: OpenMP's threads spin on after the run before
HERE = Path(__file__).parent
TUNED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "34359738368"}
SMALLEST = {"MALLOC_MMAP_THRESHOLD_": "65536"}  # measured: what keeps PyTorch's memory lowest
FLOOR = "floor"  # beside the workers' titles
COMPILED = ("steps", "layers")  # groups of cases with something to compile
PEAKS = HERE.parents[1] / "build/release/bench/bench_unet"


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


def time_case(case: Case, workers: list[Worker], options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Seconds by worker, and of the case's floor, in turns, so that what slows the machine down meets all of them."""
    if case.group not in COMPILED:
        workers = [worker for worker in workers if worker.title != "PyTorch, compiled"]
    for worker in workers:
        worker.ask(f"make {case.name}")
    turns = [(worker.title, worker, "run") for worker in workers]
    if case.floor and options.device == "cpu":
        workers[0].ask("floor")
        turns.insert(1, (FLOOR, workers[0], "floor"))  # not last: voxgrad's turn shall follow PyTorch's
    seconds: dict[str, list[float]] = {title: [] for title, _, _ in turns}
    for _ in range(options.repeats):
        for title, worker, command in turns:
            time.sleep(PAUSE)
            if options.warm:
                worker.ask(command)
            seconds[title].append(worker.ask(command))
    return {title: {"minimum": min(times), "median": statistics.median(times)} for title, times in seconds.items()}


def measure_memory(case: Case, options: argparse.Namespace) -> dict[str, float]:
    """Megabytes above what the import took, on a GPU of its memory, each in a process of its own."""
    result = {}
    workers = start_workers(options)
    if len(workers) > 1 and options.device == "cpu":
        workers.append(Worker("PyTorch, smallest", "torch", "channels_last", options, SMALLEST))
    for worker in workers:
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


def processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def commit() -> str | None:
    """The sources', where they are a checkout and git is there."""
    try:
        return subprocess.run(["git", "-C", str(HERE), "describe", "--always", "--dirty", "--exclude=*"],
                              capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def measured_peaks(threads: int) -> dict[str, float]:
    """The processor's, from the C++ program; empty where that is not built."""
    try:
        answer = subprocess.run([str(PEAKS), "--peaks"], capture_output=True, text=True, check=True,
                                env={**os.environ, "VOXGRAD_NUM_THREADS": str(threads)}).stdout
        peaks: dict[str, float] = json.loads(answer)
        return peaks
    except (OSError, subprocess.CalledProcessError, json.JSONDecodeError):
        print(f"no shares of the processor's peaks: {PEAKS} is not built, or does not run")
        return {}


def shares(case: Case, seconds: float, peaks: dict[str, float]) -> list[str]:
    """Of the processor's peaks, in percent; Winograd's convolutions pass 100, for they multiply less."""
    if not peaks:
        return []
    parts = [(case.gflop, "fma_gflops"), (case.megabytes * 1e-3, "copy_gigabytes_per_second")]
    return [f"{100 * work / seconds / peaks[name]:4.0f} %" if work else " " * 6 for work, name in parts]


def verdict(label: str, reached: float, must: float) -> str:
    return f"{label}: {'yes' if reached >= must else 'NO'}"


def verdicts(case: Case, times: dict[str, dict[str, float]]) -> list[str]:
    ours = times["voxgrad"]["minimum"]
    ratios = {title: other["minimum"] / ours for title, other in times.items() if title != "voxgrad"}
    floor = ratios.pop(FLOOR, 0.0)
    cells = []
    if case.must and ratios:
        cells.append(verdict(f"must {case.must:.2f}x", min(ratios.values()), case.must))
        if case.must_floor and floor:
            cells[-1] += verdict(f", or {case.must_floor:.2f} of the {case.floor}", floor, case.must_floor)
    if case.must_default and "PyTorch, default" in ratios:
        cells.append(verdict(f"of the default {case.must_default:.2f}x", ratios["PyTorch, default"],
                             case.must_default))
    return cells


def row(case: Case, times: dict[str, dict[str, float]], best: dict[str, float], peaks: dict[str, float]) -> str:
    ours = times["voxgrad"]
    cells = [f"{case.name:<28}", f"{ours['minimum'] * 1e3:9.2f} {ours['median'] * 1e3:9.2f}"]
    for title, other in times.items():
        if title not in ("voxgrad", FLOOR):
            cells.append(" " * 6 + f"{other['minimum'] * 1e3:9.2f} {other['minimum'] / ours['minimum']:6.2f}x"
                         f" {other['median'] / ours['median']:6.2f}x")
    rate = (case.gflop or case.megabytes * 1e-3) / ours["minimum"]
    unit = "GFLOP/s" if case.gflop else "GB/s" if case.megabytes else ""
    cells.append(f"{rate:7.{0 if case.gflop else 1}f} {unit:<7}" if unit else " " * 15)
    if unit in best:
        cells.append(f"{100 * rate / best[unit]:4.0f} % of the card's best")
    cells += shares(case, ours["minimum"], peaks)
    if FLOOR in times:
        floor = times[FLOOR]["minimum"]
        cells.append(f"{case.floor} {floor * 1e3:.2f} ms, {floor / ours['minimum']:.2f}")
    elif not best:
        cells.append(" " * 18)
    cells += [] if best else verdicts(case, times)
    return "  ".join(cells)


def selected(options: argparse.Namespace) -> list[Case]:
    return [case for case in all_cases() if options.only in f"{case.group} {case.name}"]


def uses_much_memory(case: Case) -> bool:
    return case.name.startswith("3D U-Net")


def parser_of_options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/compare", description=__doc__)
    parser.add_argument("--repeats", type=int, default=10, help="runs of each figure, in turns (default 10)")
    parser.add_argument("--only", default="", help="cases whose group and name contain this text")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)),
                        help="of both libraries (default: the CPUs this process may use)")
    parser.add_argument("--warm", action="store_true",
                        help="each timed run right after one that is not; otherwise threads sleep and caches are cold")
    parser.add_argument("--json", type=Path, help="write all figures here, after each case")
    parser.add_argument("--png", type=Path, help="draw the ratios here (needs matplotlib)")
    parser.add_argument("--compile", action="store_true", help="torch.compile too, for steps and layers (slow to start)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--tf32", action="store_true", help="on a GPU: products may round to TF32, in both libraries")
    parser.add_argument("--memory", action="store_true", help="the peak memory of the 3D steps too")
    return parser


def check(options: argparse.Namespace) -> str | None:
    """What is wrong with the options."""
    for name in ("repeats", "threads"):
        if getattr(options, name) < 1:
            return f"--{name} must be at least 1; got {getattr(options, name)}"
    if options.threads > MOST_THREADS:
        return f"--threads must be at most {MOST_THREADS}; got {options.threads}"
    if options.png and options.png.suffix != ".png":
        return f"--png: the name must end in .png; got {options.png}"
    cases = selected(options)
    if not cases:
        return f"--only: no case's group and name contain '{options.only}'"
    if importlib.util.find_spec("torch") is None and (options.compile or options.png):
        return f"--{'compile' if options.compile else 'png'} needs PyTorch, which this Python does not have"
    if options.compile and not any(case.group in COMPILED for case in cases):
        return f"--compile is for networks and layers, of which --only '{options.only}' selects none"
    if options.memory and not any(uses_much_memory(case) for case in cases):
        return f"--memory is measured for the 3D U-Nets, of which --only '{options.only}' selects none"
    for name in ("json", "png"):
        path = getattr(options, name)
        if path and (path.is_dir() or not path.parent.is_dir()):
            return f"--{name}: {f'{path} is a folder' if path.is_dir() else f'there is no folder {path.parent}'}"
    if options.tf32 and options.device == "cpu":
        return "--tf32 is for GPUs; name one with --device"
    if options.png and importlib.util.find_spec("matplotlib") is None:
        return "--png needs matplotlib, which this Python does not have: pip install matplotlib"
    if importlib.util.find_spec("voxgrad") is None:
        return "this Python does not find voxgrad: use ./dev bench compare, or set PYTHONPATH"
    return None


def write_json(report: dict[str, Any], options: argparse.Namespace) -> None:
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="ascii")


def measure(options: argparse.Namespace, workers: list[Worker], report: dict[str, Any]) -> None:
    """Adds times by case and worker to the report; prints each as it comes."""
    peaks, results = report["peaks"], report["seconds"]
    heads = [f"{'ms: minimum, median':<28}", f"{'voxgrad':>19}"]
    heads += [f"{worker.title + ': min, ratios':>31}" for worker in workers[1:]]
    heads += [" " * 15] + (["of FMA", "  copy"] if peaks else [])
    heads += [f"{'floor, share':<18}"] if options.device == "cpu" else []
    print("  ".join(heads))
    for case in (card_cases() if options.device != "cpu" else []) + selected(options):
        results[case.name] = time_case(case, workers, options)
        print(row(case, results[case.name], best_rates(results), peaks), flush=True)
        write_json(report, options)


def main() -> None:
    parser = parser_of_options()
    options = parser.parse_args()
    wrong = check(options)
    if wrong:
        parser.error(wrong)
    workers = start_workers(options)
    about = {worker.title: worker.ask("about") for worker in workers}
    for title, answer in about.items():
        if "error" in answer:
            parser.error(f"--device {options.device}: {title}: {answer['error']}")
    peaks = measured_peaks(options.threads) if options.device == "cpu" else {}
    machine = ", ".join(filter(None, [processor(), about["voxgrad"].get("instruction set")]))
    if options.device != "cpu":
        machine = f"{about['voxgrad']['device']}, {'TF32' if options.tf32 else 'float32'}, host {machine}"
    setting = f"{machine}, {options.threads} threads, {options.repeats} {'warm ' if options.warm else ''}runs in turns"
    print(setting)
    print(", ".join(f"{title.partition(',')[0]} {about[title]['version']}" for title in list(about)[:2]))
    if peaks:
        print(f"measured FMA peak {peaks['fma_gflops']:.0f} GFLOP/s, "
              f"copy {peaks['copy_gigabytes_per_second']:.1f} GB/s, "
              f"read {peaks['read_gigabytes_per_second']:.1f} GB/s")
    print()
    report: dict[str, Any] = {
        "machine": machine, "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "commit": commit(), "voxgrad": about["voxgrad"]["version"],
        "torch": about[workers[1].title]["version"] if len(workers) > 1 else None, "device": options.device,
        "tf32": options.tf32, "threads": options.threads, "repeats": options.repeats, "warm": options.warm,
        "peaks": peaks, "seconds": {}}
    measure(options, workers, report)
    for worker in workers:
        worker.close()
    if options.memory:
        report["megabytes"] = {}
        for case in filter(uses_much_memory, selected(options)):
            report["megabytes"][case.name] = memory = measure_memory(case, options)
            print(f"{case.name}: peak MB over import: " +
                  ", ".join(f"{title} {value:.0f}" for title, value in memory.items()), flush=True)
            write_json(report, options)
    if options.png:
        save_chart(report["seconds"], setting, options.png)


if __name__ == "__main__":
    main()
