"""What GPUs compute: what the CPU does, and the same bits each time."""
from __future__ import annotations

import io

import numpy as np
import pytest
from gpus import needs_gpu

import voxgrad
from voxgrad import nn


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


def lists(*tensors):
    return [t.tolist() for t in tensors]


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


@needs_gpu
def test_algorithms_of_the_gpu_can_be_seen_and_forced():
    names = voxgrad.conv_algorithms("cuda")
    assert "im2col" in names and names == voxgrad.conv_algorithms(0) != voxgrad.conv_algorithms()
    conv = nn.functional.conv2d
    here, w = voxgrad.randn(1, 16, 8, 8), voxgrad.randn(8, 16, 3, 3)
    ran = []
    for x, weight in ((here, w), (here.cuda(), w.cuda())):
        conv(x, weight)
        ran.append(voxgrad.last_conv().algorithm)
    try:
        for name in names:
            voxgrad.force_conv_algorithm(name)
            conv(here.cuda(), w.cuda())
            assert voxgrad.last_conv().algorithm == name
        voxgrad.force_conv_algorithm("im2col")  # which the CPU has not
        conv(here, w)
        assert voxgrad.last_conv().algorithm == ran[0]
        voxgrad.force_conv_algorithm("tiled")  # which the GPU has not
        conv(here.cuda(), w.cuda())
        assert voxgrad.last_conv().algorithm == ran[1]
    finally:
        voxgrad.force_conv_algorithm("")
