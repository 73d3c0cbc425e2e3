"""How the samples of a batch are fetched."""
from __future__ import annotations

import itertools
from typing import Any

from .dataset import IterableDataset


class _FromMap:
    """Samples by number."""

    is_stream = False

    def __init__(self, dataset: Any, auto_collation: bool, collate_fn: Any, drop_last: bool) -> None:
        self._dataset, self._auto, self._collate = dataset, auto_collation, collate_fn

    def __call__(self, index: Any) -> Any:
        if not self._auto:
            return self._collate(self._dataset[index])
        many = getattr(self._dataset, "__getitems__", None)
        return self._collate(many(index) if many else [self._dataset[i] for i in index])


class _FromStream:
    """Samples as they come; the index says how many. Raises StopIteration at the end."""

    is_stream = True

    def __init__(self, dataset: Any, auto_collation: bool, collate_fn: Any, drop_last: bool) -> None:
        self._samples = iter(dataset)
        self._auto, self._collate, self._drop_last = auto_collation, collate_fn, drop_last
        self._ended = False

    def __call__(self, index: Any) -> Any:
        if self._ended:
            raise StopIteration
        if not self._auto:
            return self._collate(next(self._samples))
        batch = list(itertools.islice(self._samples, len(index)))
        self._ended = len(batch) < len(index)
        if not batch or (self._drop_last and self._ended):
            raise StopIteration
        return self._collate(batch)


def make_fetcher(dataset: Any, auto_collation: bool, collate_fn: Any, drop_last: bool) -> Any:
    """A function from what the sampler gives to a batch."""
    kind = _FromStream if isinstance(dataset, IterableDataset) else _FromMap
    return kind(dataset, auto_collation, collate_fn, drop_last)
