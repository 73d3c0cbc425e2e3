"""The parent's side of a DataLoader's workers."""
from __future__ import annotations

import multiprocessing
import os
import pickle
import time
import weakref
from collections import deque
from multiprocessing import connection
from typing import Any, Iterator

from .worker import END, ERROR, Plan, RemoteTraceback, parent_ends, work


def _context(wanted: Any) -> Any:
    if wanted is None:
        wanted = "fork" if "fork" in multiprocessing.get_all_start_methods() else None
    if wanted is None or isinstance(wanted, str):
        return multiprocessing.get_context(wanted)
    if not isinstance(wanted, multiprocessing.context.BaseContext):
        raise TypeError(f"DataLoader: multiprocessing_context must be a context or its name; got {wanted!r}")
    return wanted


def _end(owner: int, pipes: list[Any], processes: list[Any]) -> None:
    """Closes the pipes, which the workers take as a sign to end, and sees that they have ended."""
    if os.getpid() != owner:  # a forked copy
        return
    for pipe in pipes:
        pipe.close()
    for patience, force in ((0.3, "terminate"), (0.5, "kill"), (5.0, "")):
        deadline = time.monotonic() + patience
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
        alive = [process for process in processes if process.is_alive()]
        for process in alive if force else ():
            getattr(process, force)()
        if not alive:
            return


class Pool:
    """Worker processes, and the batches that are under way. They end with the pool, however it goes."""

    def __init__(self, loader: Any, base_seed: int) -> None:
        context = _context(loader.multiprocessing_context)
        self.count: int = loader.num_workers
        self._timeout: float = loader.timeout
        self._ahead = self.count * loader.prefetch_factor
        self._pipes: list[Any] = []
        self._processes: list[Any] = []
        self._finalizer = weakref.finalize(self, _end, os.getpid(), self._pipes, self._processes)
        self._number = 0  # of the next task, through all passes
        forked = context.get_start_method() == "fork"
        for i in range(self.count):
            ours, theirs = context.Pipe()
            parent_ends.add(ours)
            self._pipes.append(ours)
            plan = Plan(loader.dataset, loader._auto_collation, loader.collate_fn, loader.drop_last, base_seed, i,
                        self.count, loader.worker_init_fn)
            process = context.Process(target=work, args=(theirs, plan, forked, os.getpid()), daemon=True)
            process.start()
            self._processes.append(process)
            theirs.close()

    def close(self) -> None:
        """Ends the workers."""
        self._finalizer()

    @property
    def alive(self) -> bool:
        """False once closed."""
        return self._finalizer.alive

    def begin(self, indices: Iterator[Any]) -> None:
        """Starts a pass; batches of the pass before are dropped when they come."""
        self._indices = indices
        self._waiting: deque[tuple[int, int]] = deque()  # (task, worker) in the order of the batches
        self._arrived: dict[int, tuple[str, Any]] = {}
        self._active = [True] * self.count
        self._next_worker = 0
        for worker in range(self.count):
            self._post(worker, (None, None))
        for _ in range(self._ahead):
            self._hand_out()

    def _post(self, worker: int, task: Any) -> None:
        try:
            self._pipes[worker].send_bytes(pickle.dumps(task))
        except OSError:
            raise self._died(worker) from None

    def _hand_out(self) -> None:
        """Gives the next task to the next worker that still takes some."""
        for _ in range(self.count):
            worker = self._next_worker
            self._next_worker = (worker + 1) % self.count
            if self._active[worker]:
                break
        else:
            return
        try:
            content = next(self._indices)
        except StopIteration:
            return
        self._post(worker, (self._number, content))
        self._waiting.append((self._number, worker))
        self._number += 1

    def next(self) -> Any:
        """The next batch in order. Raises StopIteration at the end, and what the worker raised."""
        while self._waiting:
            task, worker = self._waiting[0]
            if task not in self._arrived:
                if not self._active[worker]:  # its stream has ended, the task with it
                    self._waiting.popleft()
                    continue
                self._wait()
                continue
            self._waiting.popleft()
            kind, content = self._arrived.pop(task)
            if kind == END:
                if self._active[worker]:
                    self._active[worker] = False
                    self._hand_out()
                continue
            self._hand_out()
            if kind == ERROR:
                error, text = content
                raise error from RemoteTraceback(text)
            return content
        raise StopIteration

    def _wait(self) -> None:
        """Takes what has come from any worker, and waits where nothing has."""
        ready = connection.wait(self._pipes, self._timeout or None)
        if not ready:
            raise RuntimeError(f"DataLoader: no batch came within the timeout of {self._timeout} seconds")
        first = self._waiting[0][0]
        for pipe in ready:
            try:
                task, kind, content = pickle.loads(pipe.recv_bytes())  # type: ignore[union-attr]
            except (EOFError, ConnectionError):
                raise self._died(self._pipes.index(pipe)) from None
            if task >= first:
                self._arrived[task] = (kind, content)

    def _died(self, worker: int) -> RuntimeError:
        process = self._processes[worker]
        process.join(1.0)
        return RuntimeError(f"DataLoader: worker process {worker} (pid {process.pid}) ended unexpectedly with exit "
                            f"code {process.exitcode}")


__all__ = ["Pool"]
