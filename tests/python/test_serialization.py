"""save and load."""
import collections
import io
import math

import numpy as np
import pytest

import voxgrad
from voxgrad import nn


def same(a, b):
    if isinstance(a, voxgrad.Tensor):
        return (type(a) is type(b) and a.shape == b.shape and a.dtype is b.dtype and a.tolist() == b.tolist()
                and a.requires_grad == b.requires_grad)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, dict):
        return type(a) is type(b) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or (a != a and b != b))


def trained():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    optimizer = voxgrad.optim.Adam(net.parameters())
    net(voxgrad.ones(2, 1, 5, 5)).sum().backward()
    optimizer.step()
    return net, optimizer, voxgrad.optim.lr_scheduler.MultiStepLR(optimizer, [2, 3])


def test_a_checkpoint_comes_back(tmp_path):
    net, optimizer, scheduler = trained()
    checkpoint = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3,
                  "scheduler": scheduler.state_dict(), "best": math.inf, "note": 'häß\n"',
                  7: (1, [2, (3,)], None, True)}
    voxgrad.save(checkpoint, tmp_path / "checkpoint.vg")
    loaded = voxgrad.load(str(tmp_path / "checkpoint.vg"))
    assert same(checkpoint, loaded)
    other, other_optimizer, other_scheduler = trained()
    other.load_state_dict(loaded["model"])
    other_optimizer.load_state_dict(loaded["optimizer"])
    other_scheduler.load_state_dict(loaded["scheduler"])
    assert same(other.state_dict(), net.state_dict())


@pytest.mark.parametrize("value", [
    None, True, 3, 2**70, -1.5, math.nan, -math.inf, "text", [], (), {}, [1, [2]], (1, (2,)), {"a": {1: "b"}},
    collections.OrderedDict(b=1, a=2), collections.Counter("aab"), voxgrad.Size([2, 3]),
    voxgrad.ones(2, 3), voxgrad.tensor(2.5), voxgrad.zeros(0, 3), voxgrad.tensor([True, False]),
    voxgrad.arange(6).reshape(2, 3).T, voxgrad.ones(2, dtype=voxgrad.float64).requires_grad_(),
    nn.Parameter(voxgrad.ones(2)), nn.Parameter(voxgrad.ones(2), requires_grad=False), np.arange(6).reshape(2, 3),
    voxgrad.float64, voxgrad.device("cpu"), {"__metadata__": voxgrad.ones(1)}, {"a/b": voxgrad.ones(1),
                                                                                "a": {"b": voxgrad.zeros(1)}},
], ids=repr)
def test_values_come_back(tmp_path, value):
    voxgrad.save(value, tmp_path / "x")
    assert same(value, voxgrad.load(tmp_path / "x"))
    memory = io.BytesIO()
    voxgrad.save({"x": value}, memory)
    memory.seek(0)
    assert same(value, voxgrad.load(memory)["x"])


def test_shared_tensors_are_stored_once(tmp_path):
    x = voxgrad.ones(1000)
    voxgrad.save({"a": x, "b": x, "c": x.detach()}, tmp_path / "x")
    assert (tmp_path / "x").stat().st_size < 6000
    loaded = voxgrad.load(tmp_path / "x")
    assert loaded["a"] is loaded["b"] and loaded["a"] is loaded["c"]


def test_state_dicts_keep_their_names_for_other_readers(tmp_path):
    net, _, _ = trained()
    voxgrad.save(net.state_dict(), tmp_path / "x")
    tensors, _ = voxgrad._C._load_safetensors(str(tmp_path / "x"))
    assert sorted(tensors) == sorted(net.state_dict())


def test_files_of_others_give_a_dict_of_tensors(tmp_path):
    voxgrad._C._save_safetensors(str(tmp_path / "x"), [("w", voxgrad.ones(2))], {})
    assert same(voxgrad.load(tmp_path / "x", map_location="cpu"), {"w": voxgrad.ones(2)})


def test_map_location(tmp_path):
    voxgrad.save([voxgrad.ones(2)], tmp_path / "x")
    for where in ("cpu", voxgrad.device("cpu"), {"cpu": "cpu"}, lambda tensor, name: tensor):
        assert same(voxgrad.load(tmp_path / "x", where), [voxgrad.ones(2)])
    with pytest.raises(TypeError):
        voxgrad.load(tmp_path / "x", 3)


def cycle():
    items = []
    items.append({"again": items})
    return items


@pytest.mark.parametrize("value, text", [
    (nn.ReLU(), r"the object is a voxgrad.*ReLU"),
    ({"a": {"b": [1, {2}]}}, r"the object\['a'\]\['b'\]\[1\] is a builtins.set"),
    ({1.5: 2}, "keys of the object must be str or int"),
    ({"f": abs}, r"the object\['f'\]"),
    (cycle(), r"the object\[0\]\['again'\] contains itself"),
    (np.array(["a"]), "array of <U1"),
    (1j, "complex"),
])
def test_what_cannot_be_saved_is_named_and_the_old_file_stays(tmp_path, value, text):
    voxgrad.save(1, tmp_path / "x")
    with pytest.raises(TypeError, match=text):
        voxgrad.save(value, tmp_path / "x")
    assert voxgrad.load(tmp_path / "x") == 1


def test_deep_nesting_is_an_error_not_a_crash(tmp_path):
    deep = []
    for _ in range(100000):
        deep = [deep]
    with pytest.raises(TypeError, match="deep"):
        voxgrad.save(deep, tmp_path / "x")
    while deep:  # freed bit by bit
        deep = deep[0]


@pytest.mark.parametrize("description", [
    "{", '{"tensor":"missing"}', '{"a":1}', '[{"dtype":"foo"}]', '{"dict":[[[1],2]]}', '{"dict":3}', '{"tuple":1}',
    '{"a":1,"b":2}', "[" * 100000, '{"float":"x"}', '{"dict":[[1,2,3]]}', '{"size":["a"]}', '{"tensor":["x"]}',
    '{"device":"nowhere"}', '{"tensor":"x","device":5}', '{"size":[1e999]}', '{"tensor":"i","grad":true}',
])
def test_malformed_descriptions_are_errors(tmp_path, description):
    voxgrad._C._save_safetensors(str(tmp_path / "x"), [("x", voxgrad.ones(2)), ("i", voxgrad.arange(2))],
                                 {"voxgrad": description})
    with pytest.raises((OSError, voxgrad.DeviceError)):
        voxgrad.load(tmp_path / "x")


def test_other_files(tmp_path):
    with pytest.raises(OSError, match="nope"):
        voxgrad.load(tmp_path / "nope")
    (tmp_path / "x").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(OSError, match="torch.save"):
        voxgrad.load(tmp_path / "x")


def test_empty_tensors_and_arrays_stay_apart(tmp_path):
    state = [np.zeros((0, i), dtype) for i in range(1, 9) for dtype in (np.float32, np.int64)]
    voxgrad.save(state, tmp_path / "empty")
    for before, after in zip(state, voxgrad.load(tmp_path / "empty")):
        assert after.shape == before.shape and after.dtype == before.dtype


def test_a_file_that_takes_a_part_at_a_time_gets_all():
    class Unbuffered(io.BytesIO):
        def write(self, data):
            return super().write(data[:100])

    file = Unbuffered()
    voxgrad.save({"x": voxgrad.arange(1000)}, file)
    file.seek(0)
    assert voxgrad.load(file)["x"].sum().item() == 499500

    class Full(io.BytesIO):
        def write(self, data):
            return 0

    with pytest.raises(OSError):
        voxgrad.save({"x": voxgrad.arange(1000)}, Full())
