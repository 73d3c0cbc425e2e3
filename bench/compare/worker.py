"""A process that times cases with one library: reads commands from standard input, answers in JSON.

    worker.py MODULE THREADS LAYOUT DEVICE TF32
                            MODULE: torch or voxgrad; LAYOUT: plain, channels_last, or compiled:
                            channels_last, networks and layers by torch.compile; TF32: yes or no
"""
from __future__ import annotations

import gc
import importlib
import json
import sys
import time
from typing import Any

import cases as timed


def resident_megabytes(field: str) -> float:
    with open("/proc/self/status", encoding="ascii") as lines:
        for line in lines:
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    return 0.0


def measure_memory(T: Any, run: Any, at_import: float) -> float:
    on_gpu = timed.device != "cpu"
    if on_gpu:
        T.cuda.reset_peak_memory_stats()
    for _ in range(3):
        run()
    if on_gpu:
        return float(T.cuda.max_memory_allocated()) / 2**20
    return resident_megabytes("VmHWM") - at_import


def use_device(T: Any, device: str, tf32: bool) -> None:
    timed.device = device
    T.backends.cuda.matmul.allow_tf32 = tf32
    T.backends.cudnn.allow_tf32 = tf32  # PyTorch's default is True


def seconds_of(T: Any, run: Any) -> float:
    """Of one run; on a GPU until its work is done."""
    start = time.perf_counter()
    run()
    if timed.device != "cpu":
        T.cuda.synchronize()
    return time.perf_counter() - start


def about(T: Any, device: str) -> dict[str, Any]:
    """The library's version and, where it tells them, instruction set and device; `error` if it cannot use that."""
    answer = {"version": str(T.__version__)}
    capability = getattr(getattr(T.backends, "cpu", None), "get_cpu_capability", None)
    if capability is not None:
        answer["instruction set"] = capability()
    try:
        T.ones(1).to(device)
        if device != "cpu":
            answer["device"] = T.cuda.get_device_name(device)
    except (RuntimeError, ValueError, AssertionError) as error:
        answer["error"] = str(error).splitlines()[0]
    return answer


def main() -> None:
    module, threads, memory_layout, device, tf32 = sys.argv[1:6]
    T: Any = importlib.import_module(module)
    for part in ("nn.functional", "optim", "autograd", "utils.checkpoint"):
        importlib.import_module(f"{module}.{part}")
    T.set_num_threads(int(threads))
    use_device(T, device, tf32 == "yes")
    if module == "torch" and memory_layout != "plain":
        T.backends.cudnn.benchmark = True  # the fastest algorithm for these shapes
    if memory_layout == "compiled":
        timed.prepared = T.compile
    at_import = resident_megabytes("VmRSS")
    cases = {case.name: case for case in timed.card_cases() + timed.all_cases()}
    run: Any = None
    floor: Any = None
    for line in sys.stdin:
        command, _, argument = line.rstrip("\n").partition(" ")
        answer: Any = None
        if command == "make":
            run = floor = None
            if memory_layout == "compiled":
                T.compiler.reset()  # cases share code, with a limit of compilations and sizes found to vary
            gc.collect()
            case = cases[argument]
            run = case.make(T, memory_layout != "plain")
            for _ in range(3 if memory_layout == "compiled" or device != "cpu" else 1):
                seconds_of(T, run)
        elif command == "run":
            answer = seconds_of(T, run)
        elif command == "floor":
            floor = floor or timed.floor_of(T, case)
            answer = seconds_of(T, floor)
        elif command == "about":
            answer = about(T, device)
        elif command == "memory":
            answer = measure_memory(T, run, at_import)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
