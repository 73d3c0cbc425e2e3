"""What a worker process knows of itself."""
from __future__ import annotations

from typing import Any


class WorkerInfo:
    """A worker process: its number, how many there are, its seed, and its copy of the dataset."""

    def __init__(self, id: int, num_workers: int, seed: int, dataset: Any) -> None:
        self.id, self.num_workers, self.seed, self.dataset = id, num_workers, seed, dataset

    def __repr__(self) -> str:
        return f"WorkerInfo(id={self.id}, num_workers={self.num_workers}, seed={self.seed}, dataset={self.dataset!r})"


_current: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker process what it is, else None."""
    return _current


def become(info: WorkerInfo) -> None:
    """Makes this process a worker."""
    global _current
    _current = info


__all__ = ["WorkerInfo", "get_worker_info"]
