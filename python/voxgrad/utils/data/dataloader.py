"""DataLoader: batches of a dataset, loaded by worker processes ahead of their use."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Generic, Iterable, Iterator, Sequence, TypeVar

from ..._C import Generator, ShapeError
from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset
from .fetch import make_fetcher
from .info import get_worker_info
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, draw_seed

if TYPE_CHECKING:
    from .pool import Pool

T_co = TypeVar("T_co", covariant=True)


_SETTLED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class _Endless(Sampler[None]):
    """What asks a stream for its next sample, and again."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


class DataLoader(Generic[T_co]):
    """Batches of a dataset: `for batch in loader`.

    Args:
        dataset: a Dataset or anything with `__getitem__` and `__len__`, or an IterableDataset.
        batch_size: samples per batch; None gives single samples, not collated.
        shuffle: in random order, a new one at each pass; PyTorch's order for the same seed.
        sampler: the order of the samples in place of shuffle.
        batch_sampler: lists of numbers, in place of batch_size, shuffle, sampler and drop_last.
        num_workers: processes that load ahead; 0 loads in this one. Batches come in the same order for any number.
        collate_fn: makes a batch of a list of samples; default_collate by default.
        pin_memory, pin_memory_device: change nothing.
        drop_last: leave out a last batch that is not full.
        timeout: seconds to wait for a batch of the workers; 0 is for ever.
        worker_init_fn: called in each worker with its number.
        multiprocessing_context: how processes start; by default they are forked where that is possible.
        generator: of the random order and the workers' seeds; the default generator by default.
        prefetch_factor: batches that each worker loads ahead; 2 by default.
        persistent_workers: keep the processes from pass to pass.
        in_order: batches always come in order.

    Workers have a seed each, taken from the generator, also for random and numpy.random. An exception in a worker is
    raised here, with the worker's traceback as its cause. Workers end at the end of a pass, when its iterator goes
    away, and with this process. Raises ValueError for options that exclude each other or are out of range.
    """

    def __init__(self, dataset: Dataset[T_co] | Sequence[T_co], batch_size: int | None = 1,
                 shuffle: bool | None = None, sampler: Iterable[Any] | None = None,
                 batch_sampler: Iterable[Any] | None = None, num_workers: int = 0,
                 collate_fn: Callable[[list[Any]], Any] | None = None, pin_memory: bool = False,
                 drop_last: bool = False, timeout: float = 0, worker_init_fn: Callable[[int], None] | None = None,
                 multiprocessing_context: Any = None, generator: Generator | None = None, *,
                 prefetch_factor: int | None = None, persistent_workers: bool = False, pin_memory_device: str = "",
                 in_order: bool = True) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context)
        self.dataset: Any = dataset
        self.num_workers, self.timeout = num_workers, timeout
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers > 0 else prefetch_factor
        self.pin_memory, self.pin_memory_device, self.in_order = pin_memory, pin_memory_device, in_order
        self.worker_init_fn, self.multiprocessing_context = worker_init_fn, multiprocessing_context
        self.generator, self.persistent_workers = generator, persistent_workers
        self._pool: Pool | None = None
        self._is_stream = isinstance(dataset, IterableDataset)
        if self._is_stream and (shuffle or sampler is not None or batch_sampler is not None):
            raise ShapeError("DataLoader: an IterableDataset has its own order; shuffle, sampler and batch_sampler "
                             "must not be given")
        if sampler is not None and shuffle:
            raise ShapeError("DataLoader: sampler and shuffle exclude each other")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ShapeError("DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last")
            batch_size, drop_last = None, False
        elif batch_size is None and drop_last:
            raise ShapeError("DataLoader: drop_last needs a batch_size")
        self.sampler = self._default_sampler(shuffle) if sampler is None else sampler
        if batch_size is not None:
            batch_sampler = BatchSampler(self.sampler, batch_size, drop_last)
        self.batch_size, self.drop_last, self.batch_sampler = batch_size, drop_last, batch_sampler
        self.collate_fn = collate_fn or (default_collate if self._auto_collation else default_convert)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _SETTLED and "collate_fn" in self.__dict__:
            raise ShapeError(f"DataLoader: {name} cannot change, which others depend on; make another DataLoader")
        super().__setattr__(name, value)

    def _default_sampler(self, shuffle: bool | None) -> Any:
        if self._is_stream:
            return _Endless()
        if shuffle not in (None, False, True):
            raise ShapeError(f"DataLoader: shuffle must be a bool; got {shuffle!r}")
        return RandomSampler(self.dataset, generator=self.generator) if shuffle else SequentialSampler(self.dataset)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._auto_collation else self.sampler

    def __len__(self) -> int:
        """Batches of one pass. Raises TypeError for a dataset without a length."""
        if not self._is_stream:
            return len(self._index_sampler)
        count = len(self.dataset)
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        indices = iter(self._index_sampler)
        if self._pool is not None and self._pool.alive:
            return _FromWorkers(self, self._pool, indices, keep=True)
        seed = draw_seed(self.generator)  # also where no worker needs it, as PyTorch does
        if self.num_workers == 0:
            return _Here(self, indices)
        from .pool import Pool  # with multiprocessing, which takes long to import

        pool = Pool(self, seed)
        self._pool = pool if self.persistent_workers else None
        return _FromWorkers(self, pool, indices, keep=self.persistent_workers)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pool": None}


def _check_workers(num_workers: Any, timeout: float, prefetch_factor: int | None, persistent_workers: bool,
                   context: Any) -> None:
    if num_workers < 0:
        raise ShapeError(f"DataLoader: num_workers must be >= 0; got {num_workers}")
    if timeout < 0:
        raise ShapeError(f"DataLoader: timeout must be >= 0; got {timeout}")
    if num_workers == 0 and prefetch_factor is not None:
        raise ShapeError("DataLoader: prefetch_factor needs num_workers > 0")
    if prefetch_factor is not None and prefetch_factor < 1:
        raise ShapeError(f"DataLoader: prefetch_factor must be >= 1; got {prefetch_factor}")
    if num_workers == 0 and persistent_workers:
        raise ShapeError("DataLoader: persistent_workers needs num_workers > 0")
    if num_workers == 0 and context is not None:
        raise ShapeError("DataLoader: multiprocessing_context needs num_workers > 0")


class _Pass:
    """One pass over a loader's batches."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loader = loader

    def __iter__(self) -> Any:
        return self

    def __len__(self) -> int:
        return len(self._loader)


class _Here(_Pass):
    """A pass whose batches are loaded in this process."""

    def __init__(self, loader: DataLoader[Any], indices: Iterator[Any]) -> None:
        super().__init__(loader)
        self._indices = indices
        self._fetch = make_fetcher(loader.dataset, loader._auto_collation, loader.collate_fn, loader.drop_last)

    def __next__(self) -> Any:
        return self._fetch(next(self._indices))


class _FromWorkers(_Pass):
    """A pass whose batches come from workers."""

    def __init__(self, loader: DataLoader[Any], pool: Pool, indices: Iterator[Any], keep: bool) -> None:
        super().__init__(loader)
        self._pool: Pool | None = pool
        self._keep = keep
        try:
            pool.begin(indices)
        except BaseException:
            pool.close()
            raise

    def __next__(self) -> Any:
        pool = self._pool
        if pool is None:
            raise StopIteration
        try:
            return pool.next()
        except StopIteration:
            self._pool = None
            if not self._keep:
                pool.close()
            raise
        except Exception as error:
            if error.__cause__ is None:  # not of a dataset but of the workers themselves
                self._pool = None
                pool.close()
            raise
        except BaseException:  # Ctrl-C
            self._pool = None
            pool.close()
            raise


__all__ = ["DataLoader", "Dataset", "default_collate", "default_convert", "get_worker_info"]
