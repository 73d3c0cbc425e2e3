"""GPUs from Python. Everything here but the first tests needs one, or a build that emulates it."""
from __future__ import annotations

import copy
import io
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import voxgrad
from voxgrad import nn

needs_gpu = pytest.mark.skipif(not voxgrad.cuda.is_available(), reason="there is no GPU that this build can use")


def test_answers_without_a_gpu_are_one_sentence():
    assert voxgrad.cuda.device_count() == 0 or voxgrad.cuda.is_available()
    if voxgrad.cuda.is_available():
        return
    for use in (lambda: voxgrad.ones(2).cuda(), lambda: voxgrad.ones(2, device="cuda"), voxgrad.cuda.synchronize,
                lambda: nn.Linear(1, 1).to("cuda"), voxgrad.cuda.memory_allocated, voxgrad.cuda.get_device_name):
        with pytest.raises(RuntimeError, match="cuda"):
            use()
    voxgrad.cuda.manual_seed_all(1)
    voxgrad.cuda.empty_cache()


def test_tf32_is_one_switch_and_off_at_first():
    assert not voxgrad.backends.cuda.matmul.allow_tf32 and not voxgrad.backends.cudnn.allow_tf32
    assert voxgrad.get_float32_matmul_precision() == "highest"
    try:
        voxgrad.backends.cudnn.allow_tf32 = True
        assert voxgrad.backends.cuda.matmul.allow_tf32 is True
        assert voxgrad.get_float32_matmul_precision() == "high"
        voxgrad.backends.cuda.matmul.allow_tf32 = False
        assert voxgrad.backends.cudnn.allow_tf32 is False
        voxgrad.set_float32_matmul_precision("medium")
        assert voxgrad.backends.cudnn.allow_tf32 and voxgrad.get_float32_matmul_precision() == "medium"
    finally:
        voxgrad.set_float32_matmul_precision("highest")


def test_devices_have_numbers_and_names():
    assert voxgrad.device(1) == voxgrad.device("cuda:1") == voxgrad.device("cuda", 1)
    assert voxgrad.device("cuda") == voxgrad.device(voxgrad.cuda.current_device())
    for wrong in (-1, "cuda:x", "gpu"):
        with pytest.raises(RuntimeError, match="device"):
            voxgrad.device(wrong)
    with pytest.raises(RuntimeError, match="cuda.synchronize: needs a GPU; got cpu"):
        voxgrad.cuda.synchronize("cpu")


def lists(*tensors):
    return [t.tolist() for t in tensors]


@needs_gpu
def test_tensors_move_there_and_back():
    x = voxgrad.randn(2, 3, 4, 5).contiguous(memory_format=voxgrad.channels_last)
    for y in (x.cuda(), x.to("cuda"), x.to(0), x.to(voxgrad.device("cuda:0"), non_blocking=True), x.cuda(0),
              x.pin_memory().cuda(non_blocking=True), voxgrad.tensor(x.numpy(), device="cuda"),
              voxgrad.as_tensor(x, device="cuda"), voxgrad.empty_like(x, device="cuda").copy_(x),
              x.to(voxgrad.ones(1, device="cuda"))):
        assert y.is_cuda and not y.is_cpu and y.device == voxgrad.device("cuda:0") and y.get_device() == 0
        assert y.cpu().tolist() == x.tolist() == y.tolist()
    y = x.cuda()
    assert y.stride() == x.stride() and y.cuda() is y and not y.is_pinned()
    assert y.double().dtype is voxgrad.float64 and y.to("cpu", voxgrad.float64).device.type == "cpu"
    assert voxgrad.zeros(2, device="cuda").copy_(voxgrad.ones(1)).tolist() == [1, 1]
    assert voxgrad.zeros(2).copy_(voxgrad.ones(1, device=0)).tolist() == [1, 1]
    assert "device='cuda:0'" in repr(y) and float(voxgrad.tensor(2.5).cuda()) == 2.5


@needs_gpu
def test_cuda_moves_to_gpus_only_and_type_as_moves():
    for moved in (voxgrad.ones(1), nn.Linear(1, 1)):
        with pytest.raises(RuntimeError, match="cuda: needs a GPU; got cpu"):
            moved.cuda("cpu")
    x, y = voxgrad.ones(2), voxgrad.ones(2, dtype=voxgrad.float64, device="cuda")
    assert x.type_as(y).is_cuda and x.type_as(y).dtype is voxgrad.float64 and y.type_as(x).is_cpu


@needs_gpu
@pytest.mark.parametrize("use", ["voxgrad.cuda.is_available()", "voxgrad.ones(1).cuda()"])
def test_a_forked_child_is_told_that_cuda_does_not_survive(use):
    script = f"""if True:
        import os, voxgrad
        {use}
        child = os.fork()
        if child == 0:
            try:
                voxgrad.ones(2, device="cuda")
            except RuntimeError as error:
                os._exit(0 if "fork" in str(error) and voxgrad.ones(2).sum().item() == 2 else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0 and voxgrad.ones(2, device="cuda").sum().item() == 2"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=100)


def test_files_of_gpus_that_are_not_here_say_how_to_load_them():
    file = io.BytesIO()
    there = f"cuda:{voxgrad.cuda.device_count()}"
    voxgrad.save({"x": voxgrad.ones(2)}, file)
    content = file.getvalue()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + size])
    entry = json.loads(header["__metadata__"]["voxgrad"])
    entry["dict"][0][1]["device"] = there
    header["__metadata__"]["voxgrad"] = json.dumps(entry)
    text = json.dumps(header).encode()
    changed = (len(text) + -len(text) % 8).to_bytes(8, "little") + text + b" " * (-len(text) % 8) + content[8 + size:]
    with pytest.raises(RuntimeError, match=f"saved from {there}.*map_location"):
        voxgrad.load(io.BytesIO(changed))
    assert voxgrad.load(io.BytesIO(changed), map_location="cpu")["x"].tolist() == [1, 1]


@needs_gpu
def test_gradients_cross_devices():
    x = voxgrad.tensor([1.0, 2.0], requires_grad=True)
    y = x.cuda()
    assert y.requires_grad and not y.is_leaf
    (y * 3).backward(voxgrad.ones(2, device="cuda"))
    assert x.grad.tolist() == [3, 3] and x.grad.device.type == "cpu"
    base = voxgrad.zeros(2, device="cuda")
    z = voxgrad.tensor([1.0, 2.0], requires_grad=True)
    base.copy_(z)
    base.backward(voxgrad.tensor([5.0, 7.0]).cuda())
    assert z.grad.tolist() == [5, 7] and z.grad.is_cpu


@needs_gpu
def test_creation_and_scalars():
    for make in (lambda d: voxgrad.zeros(3, device=d), lambda d: voxgrad.full((2,), 7, device=d),
                 lambda d: voxgrad.arange(5, device=d), lambda d: voxgrad.linspace(0, 1, 4, device=d),
                 lambda d: voxgrad.eye(2, 3, device=d), lambda d: voxgrad.ones_like(voxgrad.zeros(2), device=d)):
        assert make("cuda").is_cuda and make("cuda").tolist() == make("cpu").tolist()
    for make in (voxgrad.rand, voxgrad.randn):
        voxgrad.manual_seed(3)
        here = make(2, 3)
        voxgrad.manual_seed(3)
        assert make(2, 3, device="cuda").tolist() == here.tolist()
    x = voxgrad.tensor([1.0, 2.0], device="cuda")
    assert (x + 1).tolist() == [2, 3] and (x * voxgrad.tensor(2.0)).tolist() == [2, 4]
    assert (voxgrad.tensor(2) * x).is_cuda and x.add_(voxgrad.tensor(1.0)).tolist() == [2, 3]
    assert x.new_zeros(2).is_cuda and x[1].item() == 3 and x[0:1].tolist() == [2]
    x[0] = 9
    x[1:] = voxgrad.tensor([4.0])
    assert x.tolist() == [9, 4]


@needs_gpu
def test_tensors_of_two_devices_are_refused():
    here, there = voxgrad.ones(2), voxgrad.ones(2, device="cuda")
    image, weight = voxgrad.ones(1, 2, 4, 4), voxgrad.ones(2, 2, 3, 3, device="cuda")
    F = nn.functional
    for use in (lambda: here + there, lambda: there * here, lambda: here < there, lambda: here.add_(there),
                lambda: there.mul_(here), lambda: voxgrad.cat([here, there]), lambda: voxgrad.stack([there, here]),
                lambda: here @ there, lambda: F.conv2d(image, weight), lambda: F.linear(here, there[None]),
                lambda: F.mse_loss(here, there), lambda: voxgrad.where(there > 0, here, here),
                lambda: F.batch_norm(image, there, there), lambda: F.group_norm(image, 1, there, there),
                lambda: F.cross_entropy(image, voxgrad.zeros(1, 4, 4, dtype=voxgrad.int64, device="cuda")),
                lambda: F.embedding(voxgrad.zeros(2, dtype=voxgrad.int64), there[None]),
                lambda: voxgrad.gather(there, 0, voxgrad.zeros(2, dtype=voxgrad.int64)),
                lambda: F.prelu(image, there[:1]), lambda: F.kl_div(here, there),
                lambda: F.max_unpool2d(image, voxgrad.zeros(1, 2, 4, 4, dtype=voxgrad.int64).cuda(), 2),
                lambda: voxgrad.einsum("i,i->i", here, there), lambda: voxgrad.maximum(here, there),
                lambda: F.layer_norm(here, [2], there, there), lambda: F.instance_norm(image, weight=there),
                lambda: F.cosine_similarity(here, there, 0), lambda: F.binary_cross_entropy(here, there)):
        with pytest.raises(RuntimeError, match=r"(cpu.*cuda:0|cuda:0.*cpu)"):
            use()
    here.requires_grad = True
    with pytest.raises(RuntimeError, match="cuda:0"):
        here.grad = there


@needs_gpu
def test_numpy_says_to_copy_first():
    x = voxgrad.ones(2, device="cuda")
    for use in (x.numpy, lambda: np.asarray(x), lambda: np.add(x, 1)):
        with pytest.raises(TypeError, match=r"cuda:0.*\.cpu\(\)"):
            use()
    assert x.numpy(force=True).tolist() == [1, 1]


@needs_gpu
def test_dlpack_shares_the_memory():
    x = voxgrad.arange(6, dtype=voxgrad.float32, device="cuda").reshape(2, 3)
    assert x.__dlpack_device__() == (2, 0)
    for given in (x, x.__dlpack__(), x.__dlpack__(stream=1), x.__dlpack__(stream=7, max_version=(1, 0))):
        y = voxgrad.from_dlpack(given)
        assert y.is_cuda and y.data_ptr() == x.data_ptr() and y.tolist() == x.tolist()
    y.mul_(2)
    assert x.tolist() == [[0, 2, 4], [6, 8, 10]]
    assert voxgrad.from_dlpack(x.__dlpack__(copy=True)).data_ptr() != x.data_ptr()
    host = voxgrad.from_dlpack(x.__dlpack__(dl_device=(1, 0)))
    assert host.is_cpu and host.tolist() == x.tolist()
    with pytest.raises(BufferError, match="cuda:0"):
        x.__dlpack__(dl_device=(1, 0), copy=False)
    with pytest.raises(BufferError, match="cpu"):
        voxgrad.ones(1).__dlpack__(dl_device=(2, 0))
    with pytest.raises(TypeError, match="stream"):
        x.__dlpack__(stream="1")


@needs_gpu
def test_dlpack_of_a_producer_is_asked_for_the_default_stream():
    x = voxgrad.ones(3, device="cuda")
    asked = []

    class Producer:
        def __dlpack__(self, *, stream=None):
            asked.append(stream)
            return x.__dlpack__(stream=stream)

        def __dlpack_device__(self):
            return x.__dlpack_device__()

    assert voxgrad.from_dlpack(Producer()).data_ptr() == x.data_ptr() and asked == [1]


@needs_gpu
def test_dlpack_reaches_other_libraries():
    found = 0
    x = voxgrad.ones(3, device="cuda")
    if "emulated" in voxgrad.cuda.get_device_name():
        pytest.skip("no other library sees the memory of an emulated GPU")
    for name in ("torch", "cupy"):
        try:
            library = __import__(name)
            theirs = library.from_dlpack(x)
        except (ImportError, RuntimeError):
            continue
        found += 1
        theirs *= 2
        voxgrad.cuda.synchronize()
        back = voxgrad.from_dlpack(theirs)
        assert back.data_ptr() == x.data_ptr() and back.tolist() == x.tolist()
    if found == 0:
        pytest.skip("neither PyTorch nor CuPy can use the GPU")


@needs_gpu
def test_copies_pickles_and_files():
    x = voxgrad.tensor([1.0, 2.0], device="cuda", requires_grad=True)
    copied = copy.deepcopy(x)
    assert copied.is_cuda and copied.requires_grad and copied.tolist() == x.tolist()
    assert copied.data_ptr() != x.data_ptr()
    loaded = pickle.loads(pickle.dumps(x))
    assert loaded.is_cuda and loaded.requires_grad and loaded.tolist() == x.tolist()
    file = io.BytesIO()
    voxgrad.save({"x": x, "again": x, "y": voxgrad.ones(1)}, file)

    def load(where=None):
        file.seek(0)
        return voxgrad.load(file, map_location=where)

    same = load()
    assert same["x"].is_cuda and same["x"].requires_grad and same["again"] is same["x"] and same["y"].is_cpu
    assert load("cpu")["x"].is_cpu and load("cuda")["y"].is_cuda and load({"cuda:0": "cpu"})["x"].is_cpu
    assert load(lambda t, where: t)["x"].is_cpu and load(voxgrad.device("cuda", 0))["y"].is_cuda


@needs_gpu
def test_modules_move_and_keep_their_parameters():
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    values = {name: t.tolist() for name, t in net.state_dict().items()}
    parameters = list(net.parameters())
    assert net.cuda() is net and all(p.is_cuda and p.is_leaf for p in net.parameters())
    assert all(t.is_cuda for t in net.state_dict().values())
    assert all(a is b for a, b in zip(parameters, net.parameters()))
    assert {name: t.tolist() for name, t in net.state_dict().items()} == values
    other = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    other.load_state_dict(net.state_dict())
    assert other[0].weight.is_cpu and other[0].weight.tolist() == net[0].weight.tolist()
    net.load_state_dict(other.state_dict())
    assert net[0].weight.is_cuda and next(net.to("cpu").parameters()).is_cpu
    assert nn.Linear(2, 2, device="cuda").weight.is_cuda


@needs_gpu
@pytest.mark.parametrize("make", [
    lambda p: voxgrad.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    lambda p: voxgrad.optim.Adam(p, lr=0.1, amsgrad=True), lambda p: voxgrad.optim.AdamW(p, lr=0.1),
    lambda p: voxgrad.optim.RMSprop(p, lr=0.1, momentum=0.5), lambda p: voxgrad.optim.Adagrad(p, lr=0.1),
    lambda p: voxgrad.optim.Adadelta(p), lambda p: voxgrad.optim.Adamax(p), lambda p: voxgrad.optim.NAdam(p),
    lambda p: voxgrad.optim.RAdam(p)])
def test_optimizers_step_as_on_the_cpu(make):
    def train(device, moves=False):
        p = voxgrad.tensor([1.0, -2.0, 3.0], device=device, requires_grad=True)
        optimizer = make([p])
        for number in range(6):
            p.grad = voxgrad.tensor([0.5, number, -1.0], device=device)
            optimizer.step()
            if moves and number == 2:  # the state goes to the other device and back
                state = voxgrad_state_on_cpu(optimizer)
                optimizer = make([p])
                optimizer.load_state_dict(state)
        tensors = [t for t in optimizer.state[p].values() if isinstance(t, voxgrad.Tensor) and t.ndim]
        assert all(t.device == p.device for t in tensors)
        return p.tolist()

    np.testing.assert_allclose(train("cuda"), train("cpu"), rtol=1e-5)
    np.testing.assert_allclose(train("cuda", moves=True), train("cpu"), rtol=1e-5)


def voxgrad_state_on_cpu(optimizer):
    file = io.BytesIO()
    voxgrad.save(optimizer.state_dict(), file)
    file.seek(0)
    return voxgrad.load(file, map_location="cpu")


@needs_gpu
def test_gradients_are_clipped_as_on_the_cpu():
    def clipped(device):
        p = voxgrad.zeros(3, device=device, requires_grad=True)
        p.grad = voxgrad.tensor([3.0, 4.0, 12.0], device=device)
        norm = nn.utils.clip_grad_norm_([p], 1.0)
        assert norm.device == p.device
        nn.utils.clip_grad_value_([p], 0.5)
        return lists(norm, p.grad)

    assert clipped("cuda") == clipped("cpu")


@needs_gpu
def test_dropout_follows_from_the_seed():
    x = voxgrad.ones(40, 50, device="cuda")

    def drawn():
        voxgrad.manual_seed(5)
        return nn.functional.dropout(x, 0.25).tolist()

    first = drawn()
    values = {v for row in first for v in row}
    assert first == drawn() and values == {0.0, np.float32(1 / 0.75)}
    assert abs(np.mean(np.array(first) != 0) - 0.75) < 0.05
    assert nn.functional.dropout(x, 0.25).tolist() != first


@needs_gpu
def test_memory_is_counted():
    voxgrad.cuda.reset_peak_memory_stats()
    before = voxgrad.cuda.memory_allocated()
    x = voxgrad.empty(1 << 20, device="cuda")
    assert voxgrad.cuda.memory_allocated() == before + (4 << 20) <= voxgrad.cuda.memory_reserved()
    del x
    assert voxgrad.cuda.memory_allocated() == before
    assert voxgrad.cuda.max_memory_allocated() == before + (4 << 20)
    assert voxgrad.cuda.memory_stats()["allocated_bytes.all.peak"] == before + (4 << 20)
    assert voxgrad.memory_stats("cuda")["peak"] == before + (4 << 20)
    voxgrad.cuda.empty_cache()
    assert voxgrad.cuda.memory_reserved() < before + (4 << 20)
    with pytest.raises(voxgrad.cuda.OutOfMemoryError, match="asked .* free of"):
        voxgrad.empty(1 << 45, device="cuda")


@needs_gpu
def test_the_current_device_is_what_cuda_means():
    last = voxgrad.cuda.device_count() - 1
    with voxgrad.cuda.device(last):
        assert voxgrad.cuda.current_device() == last and voxgrad.ones(1).cuda().get_device() == last
    assert voxgrad.cuda.current_device() == 0
    with voxgrad.cuda.device(None):
        assert voxgrad.cuda.current_device() == 0
    for wrong in (lambda: voxgrad.cuda.set_device(last + 1), lambda: voxgrad.ones(1).cuda(last + 1)):
        with pytest.raises(RuntimeError, match=f"cuda:{last + 1}"):
            wrong()
    assert voxgrad.cuda.get_device_name() == voxgrad.cuda.get_device_name(0) != ""
    voxgrad.cuda.synchronize()
    voxgrad.cuda.synchronize(0)


def result_of(make, device):
    """What a module gives for an input of its own, and the gradients of its parameters and of the input."""
    voxgrad.manual_seed(2)
    net, x = make()
    net.to(device)
    x = x.to(device).requires_grad_() if x.is_floating_point() else x.to(device)
    y = net(x)
    voxgrad.manual_seed(3)
    y.backward(voxgrad.randn(*y.shape).to(device))
    assert y.device == x.device and all(p.grad.device == x.device for p in net.parameters())
    return [y, *(p.grad for p in net.parameters()), *([x.grad] if x.is_floating_point() else [])]


@needs_gpu
@pytest.mark.parametrize("make", [
    lambda: (nn.Linear(5, 3), voxgrad.randn(2, 7, 5)), lambda: (nn.Conv1d(4, 6, 3, groups=2), voxgrad.randn(2, 4, 9)),
    lambda: (nn.Conv2d(3, 4, (3, 2), stride=2, padding=1, padding_mode="reflect"), voxgrad.randn(2, 3, 7, 8)),
    lambda: (nn.Conv3d(2, 3, 3, padding=2, dilation=2), voxgrad.randn(1, 2, 5, 4, 6)),
    lambda: (nn.ConvTranspose2d(3, 2, 3, stride=2, output_padding=1), voxgrad.randn(2, 3, 4, 5)),
    lambda: (nn.BatchNorm2d(3), voxgrad.randn(4, 3, 5, 2)), lambda: (nn.InstanceNorm3d(2, affine=True),
                                                                   voxgrad.randn(2, 2, 3, 4, 5)),
    lambda: (nn.GroupNorm(2, 4), voxgrad.randn(3, 4, 5)), lambda: (nn.LayerNorm([4, 5]), voxgrad.randn(3, 4, 5)),
    lambda: (nn.MaxPool2d(2, 1, 1), voxgrad.randn(2, 3, 5, 4)), lambda: (nn.AvgPool3d(2), voxgrad.randn(2, 3, 4, 4, 5)),
    lambda: (nn.AdaptiveAvgPool2d(3), voxgrad.randn(2, 3, 7, 5)), lambda: (nn.Softmax(1), voxgrad.randn(2, 5, 3)),
    lambda: (nn.LogSoftmax(-1), voxgrad.randn(2, 5)), lambda: (nn.PReLU(3), voxgrad.randn(2, 3, 4)),
    lambda: (nn.Sequential(nn.GELU(), nn.ELU(), nn.SiLU(), nn.Mish(), nn.Softplus(), nn.Hardswish()), voxgrad.randn(9)),
    lambda: (nn.Upsample(scale_factor=2, mode="trilinear"), voxgrad.randn(1, 2, 3, 2, 4)),
    lambda: (nn.Upsample(size=7, mode="nearest"), voxgrad.randn(1, 2, 3)), lambda: (nn.GLU(1), voxgrad.randn(2, 6)),
    lambda: (nn.Embedding(5, 3), voxgrad.tensor([[1, 4], [1, 0]])), lambda: (nn.ZeroPad2d(2), voxgrad.randn(2, 3, 4)),
    lambda: (nn.ReplicationPad1d(2), voxgrad.randn(2, 3, 4)), lambda: (nn.PixelShuffle(2), voxgrad.randn(1, 4, 3, 2)),
    lambda: (nn.Unfold(2), voxgrad.randn(1, 2, 4, 5)), lambda: (nn.Flatten(), voxgrad.randn(2, 3, 4))])
def test_modules_compute_as_on_the_cpu(make):
    for there, here, again in zip(result_of(make, "cuda"), result_of(make, "cpu"), result_of(make, "cuda")):
        np.testing.assert_allclose(there.detach().cpu(), here.detach(), rtol=1e-4, atol=1e-5)
        assert there.tolist() == again.tolist()


@needs_gpu
@pytest.mark.parametrize("compute", [
    lambda x: x.sum(), lambda x: x.mean(1), lambda x: x.std((0, 2)), lambda x: x.max(1).values, lambda x: x.argmin(2),
    lambda x: x.prod(0), lambda x: x.cumsum(1), lambda x: x.sort(2).values, lambda x: x.topk(2, 1).indices,
    lambda x: x.median(1).values, lambda x: x.norm(), lambda x: x.logsumexp(0), lambda x: x[x > 0],
    lambda x: x[:, [2, 0]], lambda x: x[1, ..., ::2], lambda x: x.flip(1), lambda x: voxgrad.cat([x, x], 2),
    lambda x: voxgrad.where(x > 0, x, 0), lambda x: x.clamp(-0.5, 0.5), lambda x: (x > 0).nonzero(), lambda x: x @ x.mT,
    lambda x: voxgrad.einsum("abc,abd->acd", x, x), lambda x: x.gather(2, (x > 0).long()), lambda x: x.roll(1, 0),
    lambda x: nn.functional.one_hot((x > 0).long(), 3), lambda x: x.softmax(1).argmax(1), lambda x: x.unfold(2, 2, 1),
    lambda x: x.masked_fill(x < 0, 7), lambda x: x.scatter_add(1, (x > 0).long(), x), lambda x: x.any(1),
    lambda x: nn.functional.cross_entropy(x, (x[:, 0] > 0).long()), lambda x: nn.functional.mse_loss(x, x * 2),
    lambda x: nn.functional.binary_cross_entropy_with_logits(x, x.sigmoid()), lambda x: x.repeat(1, 2, 1),
    lambda x: nn.functional.smooth_l1_loss(x, x * 3), lambda x: nn.functional.normalize(x, dim=1),
    lambda x: nn.functional.dice_loss(x, (x[:, 0] > 0).long()), lambda x: x.var(), lambda x: x.tril(),
    lambda x: x.unique(), lambda x: x.quantile(0.3, 1), lambda x: x.histc(5), lambda x: voxgrad.isin(x, x[0]),
    lambda x: (x > 0).long().reshape(-1).bincount(), lambda x: x.repeat_interleave(voxgrad.tensor([1, 0, 2]), 0),
    lambda x: voxgrad.tensor(x)])
def test_functions_compute_as_on_the_cpu(compute):
    voxgrad.manual_seed(4)
    x = voxgrad.randn(3, 4, 5)
    there = compute(x.cuda())
    assert there.is_cuda
    np.testing.assert_allclose(there.cpu(), compute(x), rtol=1e-5, atol=1e-6)
    assert there.tolist() == compute(x.cuda()).tolist()


@needs_gpu
def test_a_network_trains_as_on_the_cpu():
    def train(device):
        voxgrad.manual_seed(1)
        net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
                            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3)).to(device)
        optimizer = voxgrad.optim.AdamW(net.parameters(), lr=0.01)
        x, labels = voxgrad.randn(6, 1, 8, 8).to(device), voxgrad.tensor([0, 1, 2, 0, 1, 2], device=device)
        losses = []
        for _ in range(4):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        net.eval()
        return losses, net(x).tolist()

    there, here = train("cuda"), train("cpu")
    np.testing.assert_allclose(there[0], here[0], rtol=1e-4)
    np.testing.assert_allclose(there[1], here[1], rtol=1e-3, atol=1e-4)
    assert there == train("cuda")
