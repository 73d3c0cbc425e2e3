"""GPUs from Python: devices, tensors that go there, memory. Most tests need one, or a build that emulates it."""
from __future__ import annotations

import subprocess
import sys

import pytest
from gpus import needs_gpu

import voxgrad
from voxgrad import nn


def test_answers_without_a_gpu_are_one_sentence():
    assert voxgrad.cuda.device_count() == 0 or voxgrad.cuda.is_available()
    if voxgrad.cuda.is_available():
        return
    for use in (lambda: voxgrad.ones(2).cuda(), lambda: voxgrad.ones(2, device="cuda"), voxgrad.cuda.synchronize,
                lambda: nn.Linear(1, 1).to("cuda"), voxgrad.cuda.memory_allocated, voxgrad.cuda.get_device_name):
        # Without CUDA, or with it: no driver, one that is too old, no GPU or one that does not start.
        with pytest.raises(RuntimeError, match="^(backend: this build of voxgrad has no CUDA; build it with "
                                               "-DVOXGRAD_CUDA=ON where the CUDA toolkit is|cuda: .+; (install one|"
                                               "install a newer driver|move to the CPU)); got cuda:0$"):
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
    for name, use in (("layer_norm", lambda: F.layer_norm(here, [2], there)),
                      ("einsum", lambda: voxgrad.einsum("i,i", here, there))):
        with pytest.raises(RuntimeError, match=f"^{name}: all tensors must be on one device; got cpu and cuda:0$"):
            use()
    here.requires_grad = True
    with pytest.raises(RuntimeError, match="cuda:0"):
        here.grad = there


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
