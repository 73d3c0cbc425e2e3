"""A process that times cases with one library: reads commands from standard input, answers in JSON.

    worker.py MODULE THREADS LAYOUT     MODULE: torch or voxgrad; LAYOUT: plain, channels_last, or
                                        compiled: channels_last, networks and layers by torch.compile
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


def measure_memory(run: Any, at_import: float) -> float:
    for _ in range(3):
        run()
    return resident_megabytes("VmHWM") - at_import


def main() -> None:
    module, threads, memory_layout = sys.argv[1:4]
    T: Any = importlib.import_module(module)
    for part in ("nn.functional", "optim", "autograd"):
        importlib.import_module(f"{module}.{part}")
    T.set_num_threads(int(threads))
    if memory_layout == "compiled":
        timed.prepared = T.compile
    at_import = resident_megabytes("VmRSS")
    cases = {case.name: case for case in timed.all_cases()}
    run: Any = None
    for line in sys.stdin:
        command, _, argument = line.rstrip("\n").partition(" ")
        answer: Any = None
        if command == "make":
            run = None
            gc.collect()
            run = cases[argument].make(T, memory_layout != "plain")
            for _ in range(3 if memory_layout == "compiled" else 1):
                run()
        elif command == "run":
            start = time.perf_counter()
            run()
            answer = time.perf_counter() - start
        elif command == "memory":
            answer = measure_memory(run, at_import)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
