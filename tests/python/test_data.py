"""utils.data: the same batches as PyTorch's for the same seed, with and without workers; and workers that go away."""
import collections
import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import voxgrad
from voxgrad.utils import data

Point = collections.namedtuple("Point", "x y")


@pytest.fixture(params=["voxgrad", "torch"])
def m(request):
    module = pytest.importorskip(request.param)
    __import__(f"{request.param}.utils.data")
    return module


def lists(batch):
    if hasattr(batch, "tolist"):
        return batch.tolist()
    if isinstance(batch, dict):
        return {k: lists(v) for k, v in batch.items()}
    return [lists(b) for b in batch] if isinstance(batch, (list, tuple)) else batch


class Mixed:
    def __len__(self):
        return 11

    def __getitem__(self, i):
        return {"a": np.full(2, i, np.float32), "b": (i, i / 3, f"s{i}"), "c": Point(i, [i]), "d": np.float32(i)}


class Noisy:
    def __init__(self, m):
        self.m = m

    def __len__(self):
        return 7

    def __getitem__(self, i):
        return i, self.m.rand(2), random.random(), np.random.rand()


def stream_of(m):
    class Stream(m.utils.data.IterableDataset):
        def __iter__(self):
            info = m.utils.data.get_worker_info()
            return iter(range(10)) if info is None else iter(range(info.id, 10, info.num_workers))

    return Stream()


def batches(m, workers):
    m.manual_seed(5)
    random.seed(0)
    np.random.seed(0)
    d = m.utils.data
    draws = d.RandomSampler(range(11), replacement=True, num_samples=40)
    subsets = d.BatchSampler(d.SubsetRandomSampler([3, 4, 5, 6]), 3, False)
    cases = [(Mixed(), {"shuffle": True, "batch_size": 3}), (Mixed(), {"batch_size": 4, "drop_last": True}),
             (Mixed(), {"batch_size": None}), (Noisy(m), {"batch_size": 2, "shuffle": True}),
             (Mixed(), {"sampler": draws, "batch_size": 7}), (Mixed(), {"batch_sampler": subsets}),
             (stream_of(m), {"batch_size": 3}), (stream_of(m), {"batch_size": 3, "drop_last": True}),
             (stream_of(m), {"batch_size": None}),
             (Mixed(), {"shuffle": True, "generator": m.Generator().manual_seed(3)}),
             (range(4), {"sampler": d.WeightedRandomSampler([0.1, 0.5, 0, 2.0], 30)})]
    found = []
    for dataset, options in cases:
        loader = d.DataLoader(dataset, **options, **workers)
        found.append([[lists(batch) for batch in loader] for _ in range(2)])
        found.append(None if "Stream" in type(dataset).__name__ else len(loader))
    found.append([list(s.indices) for s in d.random_split(range(10), [3, 7])])
    found.append([list(s.indices) for s in d.random_split(range(10), [0.35, 0.65])])
    return found + [m.rand(2).tolist()]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("workers", [{}, {"num_workers": 2}, {"num_workers": 3, "persistent_workers": True},
                                     {"num_workers": 2, "prefetch_factor": 1, "timeout": 60}])
def test_batches_are_pytorchs(workers):
    torch = pytest.importorskip("torch")
    __import__("torch.utils.data")
    for ours, theirs in zip(batches(voxgrad, workers), batches(torch, workers)):
        assert ours == theirs


def test_order_for_a_seed_by_record():
    generator = voxgrad.Generator().manual_seed(1)
    sampler = data.RandomSampler(range(5), generator=generator)
    assert [list(sampler), list(sampler)] == [[0, 4, 2, 3, 1], [4, 1, 0, 2, 3]]


def test_default_collate(m):
    collate = m.utils.data.default_collate
    assert collate([1, 2]).dtype is m.int64 and collate([0.1, 2.0]).tolist() == [0.1, 2.0]
    assert collate([0.5]).dtype is m.float64 and collate([True, False]).tolist() == [True, False]
    assert collate([m.ones(2), m.zeros(2)]).tolist() == [[1, 1], [0, 0]]
    assert collate([np.ones(2, np.int64)] * 3).shape == (3, 2) and collate([np.float32(1)]).dtype is m.float32
    assert collate(["a", "b"]) == ["a", "b"]
    out = collate([{"p": Point(1, "a"), "l": [1, 2]}, {"p": Point(2, "b"), "l": [3, 4]}])
    assert type(out["p"]) is Point and out["p"].x.tolist() == [1, 2] and [x.tolist() for x in out["l"]] == [[1, 3],
                                                                                                            [2, 4]]
    assert type(collate([collections.OrderedDict(a=1)])) is collections.OrderedDict
    assert collate([np.str_("a")]) == ["a"] and collate([m.ones(1), m.ones(1).long()]).dtype is m.float32
    assert [x.tolist() for x in collate([bytearray(b"ab")] * 2)] == [[97, 97], [98, 98]]
    for bad, error in (([object()], TypeError), ([[1], [1, 2]], RuntimeError), ([m.ones(1), m.ones(2)], RuntimeError),
                       ([np.array(["a"])], TypeError)):
        with pytest.raises(error):
            collate(bad)


def test_datasets(m):
    d = m.utils.data
    pairs = d.TensorDataset(m.arange(4), m.arange(4) * 10)
    assert len(pairs) == 4 and [x.item() for x in pairs[2]] == [2, 20]
    joined = d.ConcatDataset([range(3), [7, 8]])
    assert len(joined) == 5 and [joined[i] for i in (0, 2, 3, -1)] == [0, 2, 7, 8]
    with pytest.raises(IndexError):
        joined[5]
    assert [d.Subset("abcd", [3, 1])[i] for i in range(2)] == ["d", "b"]
    assert list(d.ChainDataset([stream_of(m), stream_of(m)])) == [*range(10), *range(10)]
    with pytest.raises(ValueError):
        d.random_split(range(10), [3, 3])
    with pytest.raises(TypeError):
        d.random_split(range(3), [1.5, 1.5])
    with pytest.raises(ValueError):
        d.TensorDataset(m.ones(2), m.ones(3)) if m is voxgrad else d.random_split(range(2), [5])
    with pytest.raises(NotImplementedError):
        d.Dataset()[0]


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("count", [1, 3])
def test_weighted_samples_are_pytorchs(replacement, count):
    torch = pytest.importorskip("torch")
    found = []
    for m in (voxgrad, torch):
        m.manual_seed(4)
        sampler = m.utils.data.WeightedRandomSampler([1, 2, 3, 0, 4], count, replacement)
        found.append([list(sampler), list(sampler), m.rand(1).item()])
    assert found[0] == found[1]


def test_what_a_loader_is_made_of_cannot_change(m):
    loader = m.utils.data.DataLoader([1, 2])
    with pytest.raises(ValueError):
        loader.batch_size = 2
    loader.timeout = 3


def test_an_empty_dataset_has_no_random_samples():
    with pytest.raises(ValueError, match="empty"):
        list(data.RandomSampler([], num_samples=3))


def test_getitems_is_used(m):
    class Many:
        def __len__(self):
            return 4

        def __getitems__(self, indices):
            return [i * 10 for i in indices]

    assert lists(list(m.utils.data.DataLoader(Many(), batch_size=2))) == [[0, 10], [20, 30]]


@pytest.mark.parametrize("options", [
    {"batch_size": 0}, {"batch_size": None, "drop_last": True}, {"num_workers": -1}, {"prefetch_factor": 2},
    {"persistent_workers": True}, {"shuffle": True, "sampler": [0]}, {"batch_sampler": [[0]], "batch_size": 3},
    {"timeout": -1}, {"multiprocessing_context": "fork"},
])
def test_options_that_exclude_each_other(m, options):
    with pytest.raises(ValueError):
        m.utils.data.DataLoader([1, 2], **options)


def test_a_context_of_processes_is_one(m):
    with pytest.raises(TypeError):
        list(m.utils.data.DataLoader([1, 2], num_workers=1, multiprocessing_context=3))


def test_streams_have_no_order_of_ours(m):
    with pytest.raises(ValueError):
        m.utils.data.DataLoader(stream_of(m), shuffle=True)


class Failing:
    def __len__(self):
        return 8

    def __getitem__(self, i):
        if i == 5:
            raise KeyError("five")
        return i


class Slow:
    def __init__(self, seconds):
        self.seconds = seconds

    def __len__(self):
        return 100

    def __getitem__(self, i):
        time.sleep(self.seconds)
        return i


class Dying(Failing):
    def __getitem__(self, i):
        os._exit(7)


def no_children():
    gc.collect()
    deadline = time.monotonic() + 10
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not multiprocessing.active_children()


def test_an_exception_in_a_worker_arrives_with_its_traceback():
    iterator = iter(data.DataLoader(Failing(), batch_size=2, num_workers=2))
    assert [next(iterator).tolist(), next(iterator).tolist()] == [[0, 1], [2, 3]]
    with pytest.raises(KeyError, match="five") as error:
        next(iterator)
    assert "__getitem__" in str(error.value.__cause__) and "worker process" in str(error.value.__cause__)
    assert next(iterator).tolist() == [6, 7]
    assert list(iterator) == [] and no_children()


def test_a_pass_has_a_length():
    assert [len(iter(data.DataLoader(Slow(0), batch_size=2, num_workers=n))) for n in (0, 1)] == [len(Slow(0)) / 2] * 2


def test_break_leaves_no_process():
    for _ in data.DataLoader(Slow(0.01), num_workers=2):
        break
    assert no_children()


def test_timeout_and_death():
    with pytest.raises(RuntimeError, match="timeout"):
        list(data.DataLoader(Slow(100), num_workers=1, timeout=0.2))
    with pytest.raises(RuntimeError, match="exit code 7"):
        list(data.DataLoader(Dying(), num_workers=2))
    assert no_children()


def test_ctrl_c_ends_the_workers():
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        list(data.DataLoader(Slow(100), num_workers=2))
    assert no_children()


def test_workers_end_with_a_parent_that_is_killed():
    script = """
import multiprocessing, time
from voxgrad.utils.data import DataLoader
class Slow:
    def __len__(self): return 100
    def __getitem__(self, i): time.sleep(0.05); return i
iterators = [iter(DataLoader(Slow(), num_workers=2)) for _ in range(2)]
for iterator in iterators: next(iterator)
print(*[child.pid for child in multiprocessing.active_children()], flush=True)
time.sleep(100)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 15
    while any(map(running, pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(pids) == 4 and not any(map(running, pids))


def running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().split()[2] != "Z"
    except OSError:
        return False


def test_workers_know_who_they_are():
    def init(number):
        assert data.get_worker_info().id == number
        global _mark
        _mark = number

    class Who:
        def __len__(self):
            return 4

        def __getitem__(self, i):
            info = data.get_worker_info()
            return _mark, info.num_workers, info.seed, voxgrad.get_num_threads()

    found = lists(list(data.DataLoader(Who(), num_workers=2, worker_init_fn=init, batch_size=None)))
    assert [f[:2] for f in found] == [[0, 2], [1, 2], [0, 2], [1, 2]]
    assert found[1][2] == found[0][2] + 1 and found[0][3] == 1
    assert data.get_worker_info() is None


def test_persistent_workers_stay(m):
    class Pid:
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return os.getpid()

    loader = m.utils.data.DataLoader(Pid(), num_workers=2, persistent_workers=True)
    first, second = lists(list(loader)), lists(list(loader))
    assert first == second and first[0] != first[1]
    for _ in loader:
        break
    assert lists(list(loader)) == first
    del loader
    assert no_children()


def test_spawned_workers():
    loader = data.DataLoader(list(range(5)), batch_size=2, num_workers=1, multiprocessing_context="spawn")
    assert lists(list(loader)) == [[0, 1], [2, 3], [4]]
