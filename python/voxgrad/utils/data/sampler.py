"""Samplers: in which order a DataLoader asks for samples."""
from __future__ import annotations

import itertools
from typing import Any, Generic, Iterable, Iterator, Sequence, Sized, TypeVar

from ... import _C
from ..._C import Generator, ShapeError

T_co = TypeVar("T_co", covariant=True)


def draw_seed(generator: Generator | None = None) -> int:
    """A number in [0, 2^63): what the generator draws for an int64."""
    source = _C.default_generator if generator is None else generator
    drawn = _C._randint(-2**63, 2**63 - 1, [], _C.int64, _C.device("cpu"), source).item()
    return (drawn + 2**63) % 2**63


def _permutation(n: int, generator: Generator) -> list[int]:
    return _C._randperm(n, _C.device("cpu"), generator).tolist()


class Sampler(Generic[T_co]):
    """Base of the samplers: a subclass gives `__iter__()` and, where there is one, `__len__()`."""

    def __init__(self, data_source: Any = None) -> None:
        pass

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__}: the class must define __iter__()")


class SequentialSampler(Sampler[int]):
    """0, 1, 2, ..."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Each number once in random order, or with `replacement` drawn anew each time; PyTorch's order for a seed.

    num_samples: how many to draw; the dataset's size by default. Without a `generator` each pass takes a seed from the
    default one. Raises ValueError for a number that is no positive integer, TypeError for a replacement that is no
    bool.
    """

    def __init__(self, data_source: Sized, replacement: bool = False, num_samples: int | None = None,
                 generator: Generator | None = None) -> None:
        self.data_source, self.replacement, self._num_samples = data_source, replacement, num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"RandomSampler: replacement must be a bool; got {replacement!r}")
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ShapeError(f"RandomSampler: num_samples must be a positive integer; got {self.num_samples!r}")

    @property
    def num_samples(self) -> int:
        """How many one pass gives."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, count = len(self.data_source), self.num_samples
        generator = self.generator
        if generator is None:
            generator = Generator().manual_seed(draw_seed())
        if n == 0:
            raise ShapeError(f"RandomSampler: cannot draw {count} samples of an empty dataset")
        if self.replacement:
            for start in range(0, count, 32):
                yield from _C._randint(0, n, [min(32, count - start)], _C.int64, _C.device("cpu"), generator).tolist()
            return
        for start in range(0, count + 1, n):  # one is drawn also where it gives nothing, as PyTorch does
            yield from _permutation(n, generator)[:count - start]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given numbers, each once, in random order."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        order = _permutation(len(self.indices), self.generator or _C.default_generator)
        return (self.indices[i] for i in order)

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Numbers 0 ... len(weights) - 1 drawn with probabilities in proportion to weights.

    Without `replacement` each number at most once. Raises ValueError for num_samples that is no positive integer, for
    weights that are negative or all 0, and for more samples than positive weights without replacement.
    """

    def __init__(self, weights: Sequence[float], num_samples: int, replacement: bool = True,
                 generator: Generator | None = None) -> None:
        self.weights = [float(weight) for weight in weights]
        self.num_samples, self.replacement, self.generator = num_samples, replacement, generator
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ShapeError(f"WeightedRandomSampler: num_samples must be a positive integer; got {num_samples!r}")
        if not isinstance(replacement, bool):
            raise ShapeError(f"WeightedRandomSampler: replacement must be a bool; got {replacement!r}")
        if any(not 0 <= w < float("inf") for w in self.weights) or not sum(self.weights) > 0:
            raise ShapeError("WeightedRandomSampler: weights must be finite and >= 0, and not all 0")
        if not replacement and num_samples > sum(w > 0 for w in self.weights):
            raise ShapeError(f"WeightedRandomSampler: {num_samples} samples without replacement need as many positive "
                             "weights")

    def __iter__(self) -> Iterator[int]:
        import numpy as np

        generator = self.generator or _C.default_generator
        weights = np.array(self.weights)
        if self.replacement and self.num_samples > 1:  # one alone PyTorch draws as without
            drawn = _C._rand([self.num_samples], _C.float64, _C.device("cpu"), generator).numpy()
            bounds = np.cumsum(weights) / weights.sum()
            last = np.flatnonzero(weights)[-1]
            return iter(np.minimum(np.searchsorted(bounds, drawn, side="left"), last).tolist())
        # Exponential races: the order of arrival of clocks with these rates.
        drawn = _C._rand([len(weights)], _C.float64, _C.device("cpu"), generator).numpy()
        with np.errstate(divide="ignore"):
            arrivals = np.where(weights > 0, -np.log1p(-drawn) / weights, np.inf)
        return iter(np.argsort(arrivals, kind="stable")[:self.num_samples].tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler["list[int]"]):
    """Lists of batch_size numbers of another sampler; the last one may be shorter, or is dropped with drop_last.

    Raises ValueError for a batch_size that is no positive integer or a drop_last that is no bool.
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ShapeError(f"BatchSampler: batch_size must be a positive integer; got {batch_size!r}")
        if not isinstance(drop_last, bool):
            raise ShapeError(f"BatchSampler: drop_last must be a bool; got {drop_last!r}")
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        numbers = iter(self.sampler)
        while batch := list(itertools.islice(numbers, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


__all__ = ["BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler",
           "WeightedRandomSampler"]
