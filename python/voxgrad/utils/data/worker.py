"""Worker processes of a DataLoader.

Each worker has one pipe to the parent. Three threads share the work within it: one takes tasks from the pipe, the main
one loads batches and pickles them, one writes the pickles to the pipe. So the parent, which has no threads of its own,
never waits for a worker to take a task, and a worker loads ahead while the parent computes. A worker ends when the
parent's end of the pipe closes, whatever became of the parent.
"""
from __future__ import annotations

import os
import pickle
import queue
import random
import signal
import sys
import threading
import traceback
import weakref
from typing import Any, NamedTuple

import numpy as np

from ... import _C
from ..._creation import manual_seed
from .fetch import make_fetcher
from .info import WorkerInfo, become

OK, END, ERROR = "ok", "end", "error"

# The parent's ends of the pipes of all workers, which a forked worker must close: else none of them would ever see
# that the parent is gone.
parent_ends: "weakref.WeakSet[Any]" = weakref.WeakSet()


class Plan(NamedTuple):
    """What a worker needs to know."""

    dataset: Any
    auto_collation: bool
    collate_fn: Any
    drop_last: bool
    base_seed: int
    number: int
    num_workers: int
    init_fn: Any


class RemoteTraceback(Exception):
    """The traceback of what a worker raised; the cause of the exception in the parent."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return self.text


def _describe_error(number: int) -> tuple[BaseException, str]:
    """The exception of now and its text; in place of one that does not survive pickling a RuntimeError."""
    error = sys.exc_info()[1]
    text = f"\n\nIn worker process {number} of the DataLoader:\n{traceback.format_exc()}"
    try:
        if isinstance(error, StopIteration) or error is None:
            raise TypeError("would end the loop in silence")
        pickle.loads(pickle.dumps(error))
        return error, text
    except Exception:
        return RuntimeError(f"DataLoader: worker process {number} raised {error!r}"), text


def _seed(plan: Plan, seed: int) -> None:
    random.seed(seed)
    manual_seed(seed)
    words = [plan.number, plan.base_seed & 0xFFFFFFFF, plan.base_seed >> 32, 0]
    np.random.seed(np.random.SeedSequence(words).generate_state(4))


def _receive(pipe: Any, tasks: "queue.SimpleQueue[Any]", parent: int) -> None:
    """Tasks from the pipe; None when it has closed or the parent is gone."""
    try:
        while True:
            while not pipe.poll(2.0):
                if os.getppid() != parent:
                    os._exit(1)
            tasks.put(pickle.loads(pipe.recv_bytes()))
    except (EOFError, OSError):
        tasks.put(None)


def _send(pipe: Any, results: "queue.SimpleQueue[Any]") -> None:
    try:
        while (data := results.get()) is not None:
            pipe.send_bytes(data)
    except OSError:
        pass  # the parent has closed the pipe


def work(pipe: Any, plan: Plan, forked: bool, parent: int) -> None:
    """A worker's main function."""
    if forked:
        for end in list(parent_ends):
            end.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle, who ends the workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _C.set_num_threads(1)
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    results: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, tasks, parent), daemon=True).start()
    sender = threading.Thread(target=_send, args=(pipe, results), daemon=True)
    sender.start()
    seed = plan.base_seed + plan.number
    _seed(plan, seed)
    become(WorkerInfo(plan.number, plan.num_workers, seed, plan.dataset))
    _load_batches(plan, tasks, results)
    results.put(None)
    sender.join(0.5)


def _load_batches(plan: Plan, tasks: "queue.SimpleQueue[Any]", results: "queue.SimpleQueue[Any]") -> None:
    """Tasks are (number, indices), or (None, None) at the start of each pass over the dataset."""
    fetch: Any = None
    failure: Any = None
    try:
        if plan.init_fn is not None:
            plan.init_fn(plan.number)
    except Exception:
        failure = _describe_error(plan.number)
    while (task := tasks.get()) is not None:
        number, content = task
        try:
            if number is None:
                fetch = make_fetcher(plan.dataset, plan.auto_collation, plan.collate_fn, plan.drop_last)
                continue
            if failure is not None:
                answer, failure = (number, ERROR, failure), None
            else:
                answer = _answer(number, fetch, content)
            data = pickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL)
        except Exception:
            error = _describe_error(plan.number)
            if number is None:
                failure = error
                continue
            data = pickle.dumps((number, ERROR, error))
        results.put(data)


def _answer(number: int, fetch: Any, content: Any) -> Any:
    try:
        return number, OK, fetch(content)
    except StopIteration:
        if fetch.is_stream:
            return number, END, None
        raise
