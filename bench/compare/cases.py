"""What is timed, written once for both libraries: `T` is the module torch or voxgrad."""
from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, Callable

Run = Callable[[], Any]

# What a worker does to a network or layer before it is timed: torch.compile, say.
prepared: Callable[[Any], Any] = lambda layer: layer
# Where a worker's tensors and networks lie.
device = "cpu"


@dataclass(frozen=True)
class Case:
    """One figure. `make(T, last)` prepares it and returns what is timed; `last`: channels-last tensors."""

    group: str
    name: str
    make: Callable[[Any, bool], Run]
    gflop: float = 0.0
    megabytes: float = 0.0  # read and written once at the least
    floor: str = ""         # a name in FLOORS: what moves them and computes next to nothing
    must: float = 0.0       # times as fast as PyTorch at its best
    must_floor: float = 0.0  # or this share of the floor's speed
    must_default: float = 0.0  # and as PyTorch in its default layout


# What the memory leaves of a case that computes little: so many values copied, summed or filled.
FLOORS: dict[str, Callable[[Any, int], Run]] = {
    "copy": lambda T, values: T.ones(values // 2).clone,
    "read": lambda T, values: T.ones(values).sum,
    "write": lambda T, values: functools.partial(T.ones(values).fill_, 1.0),
}


def floor_of(T: Any, case: Case) -> Run:
    return FLOORS[case.floor](T, round(case.megabytes * 1e6 / 4))


def layout(T: Any, x: Any, last: bool) -> Any:
    if not last or x.dim() < 4:
        return x
    return x.contiguous(memory_format=T.channels_last if x.dim() == 4 else T.channels_last_3d)


def random(T: Any, shape: tuple[int, ...], last: bool) -> Any:
    return layout(T, T.randn(*shape).to(device), last)


def cross_entropy_step(T: Any, net: Any, images: Any, labels: Any, last: bool) -> Run:
    net = net.to(device)
    if last:
        net = net.to(memory_format=T.channels_last if images.dim() == 4 else T.channels_last_3d)
    forward = prepared(net)
    optimizer = T.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)

    def run() -> Any:
        optimizer.zero_grad(set_to_none=True)
        loss = T.nn.functional.cross_entropy(forward(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return run


def unet(T: Any, rank: int, widths: tuple[int, ...], again: bool = False) -> Any:
    """Two convolutions a level, batch norm and ReLU, transposed convolutions of kernel and stride 2.

    again: levels keep their inputs only, and are computed again in the backward pass.
    """
    nn = T.nn
    conv, up, norm = ((nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d) if rank == 2 else
                      (nn.Conv3d, nn.ConvTranspose3d, nn.BatchNorm3d))
    pool = nn.functional.max_pool2d if rank == 2 else nn.functional.max_pool3d

    def block(before: int, after: int) -> Any:
        layers = []
        for channels in (before, after):
            layers += [conv(channels, after, 3, padding=1), norm(after), nn.ReLU(inplace=True)]
        return nn.Sequential(*layers)

    def call(function: Any, *inputs: Any) -> Any:
        return T.utils.checkpoint.checkpoint(function, *inputs, use_reentrant=False) if again else function(*inputs)

    class UNet(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.down = nn.ModuleList(block(a, b) for a, b in zip((1, *widths), widths))
            pairs = list(zip(widths[:0:-1], widths[-2::-1]))
            self.up = nn.ModuleList(up(a, b, 2, stride=2) for a, b in pairs)
            self.join = nn.ModuleList(block(2 * b, b) for _, b in pairs)
            self.head = conv(widths[0], 3, 1)

        def forward(self, x: Any) -> Any:
            skips = []
            for level in self.down[:-1]:
                x = call(level, x)
                skips.append(x)
                x = pool(x, 2)
            x = call(self.down[-1], x)
            for up_level, join, skip in zip(self.up, self.join, reversed(skips)):
                x = call(lambda a, b, up=up_level, join=join: join(T.cat([a, up(b)], 1)), skip, x)
            return self.head(x)

    T.manual_seed(0)
    return UNet()


def step(rank: int, size: int, batch: int, widths: tuple[int, ...], again: bool = False) -> Callable[[Any, bool], Run]:
    def make(T: Any, last: bool) -> Run:
        net = unet(T, rank, widths, again)
        images = random(T, (batch, 1) + (size,) * rank, last)
        labels = T.randint(0, 3, (batch,) + (size,) * rank).to(device)
        return cross_entropy_step(T, net, images, labels, last)

    return make


def conv_cases(group: str, channels: tuple[int, int], kernel: int, stride: int, padding: int, size: int, *,
               transposed: bool = False, groups: int = 1, output_padding: int = 0, must: float = 0,
               must_default: float = 0, floors: tuple[str, str, str] = ("", "", "")) -> list[Case]:
    """Forward, input gradient and weight gradient of one layer of rank 3; `must_default` holds for the first."""
    source, target = channels
    out = ((size - 1) * stride - 2 * padding + kernel + output_padding if transposed else
           (size + 2 * padding - kernel) // stride + 1)
    gflop = 2e-9 * source * target / groups * kernel**3 * (size if transposed else out)**3
    megabytes = 4e-6 * (source * size**3 + target * out**3)

    def make(part: str) -> Callable[[Any, bool], Run]:
        def prepare(T: Any, last: bool) -> Run:
            x = random(T, (1, source, size, size, size), last)
            shape = (source, target // groups) if transposed else (target, source // groups)
            w = layout(T, T.randn(*shape, kernel, kernel, kernel).to(device), last and not transposed)
            F = T.nn.functional
            if part == "dx":
                x.requires_grad_()
            if part == "dw":
                w.requires_grad_()

            def forward() -> Any:
                if transposed:
                    return F.conv_transpose3d(x, w, None, stride, padding, output_padding, groups)
                return F.conv3d(x, w, None, stride, padding, 1, groups)

            if part == "forward":
                return forward
            y = forward()
            g = random(T, y.shape, last)
            wanted = x if part == "dx" else w
            return lambda: T.autograd.grad(y, wanted, g, retain_graph=True)

        return prepare

    label = f"{source}->{target} k{kernel}" + (f"s{stride}" if stride > 1 else "") + (
        f" groups {groups}" if groups > 1 else "") + f" {size}^3"
    return [Case(group, f"{label} {part}", make(part), gflop, megabytes, floor, must,
                 must_default=must_default if part == "forward" else 0)
            for part, floor in zip(("forward", "dx", "dw"), floors) if not (part == "dx" and source == 1)]


def layer_case(name: str, shape: tuple[int, ...], make_layer: Callable[[Any], Any], passes: float) -> Case:
    """Forward and backward of a layer without weights to speak of; `passes` over its input's memory."""

    def make(T: Any, last: bool) -> Run:
        made = make_layer(T)
        layer = prepared(made.to(device) if isinstance(made, T.nn.Module) else made)
        x = random(T, shape, last).requires_grad_()
        g = random(T, layer(x).shape, last)

        def run() -> Any:
            return T.autograd.grad(layer(x), x, g)

        return run

    return bandwidth_case(name, make, 4e-6 * math.prod(shape) * passes)


def bandwidth_case(name: str, make: Callable[[Any, bool], Run], megabytes: float) -> Case:
    return Case("layers", name, make, megabytes=megabytes, floor="copy", must=2, must_floor=0.8)


def cat_case(shape: tuple[int, ...]) -> Case:
    """Two tensors of that shape, as a skip connection joins them."""

    def make(T: Any, last: bool) -> Run:
        parts = [random(T, shape, last).requires_grad_() for _ in range(2)]
        g = random(T, T.cat(parts, 1).shape, last)
        join = prepared(lambda *tensors: T.cat(tensors, 1))
        return lambda: T.autograd.grad(join(*parts), parts, g)

    return bandwidth_case("cat", make, 4e-6 * math.prod(shape) * 4)


def card_cases() -> list[Case]:
    """What a GPU reaches at its best: the other figures are shares of these."""
    def copy(T: Any, last: bool) -> Run:
        x = T.ones(1 << 28).to(device)
        return x.clone

    def matmul(T: Any, last: bool) -> Run:
        a, b = T.randn(8192, 8192).to(device), T.randn(8192, 8192).to(device)
        return lambda: a @ b

    return [Case("card", "copy of 1 GiB", copy, megabytes=2 * 4e-6 * (1 << 28)),
            Case("card", "matmul 8192^3", matmul, gflop=2e-9 * 8192**3)]


def norm_relu(T: Any, norm: Any) -> Any:
    return T.nn.Sequential(norm, T.nn.ReLU(inplace=True))


def all_cases() -> list[Case]:
    widths = (32, 64, 128, 256)
    cases = [Case("steps", "3D U-Net 64^3", step(3, 64, 1, widths), 336, must=2.5),
             Case("steps", "3D U-Net 64^3, checkpointed", step(3, 64, 1, widths, again=True), 448),
             Case("steps", "3D U-Net 128^3", step(3, 128, 1, widths), 2690, must=2.5),
             Case("steps", "2D U-Net 256^2, batch 4", step(2, 256, 4, (64, 128, 256, 512)), must=1.3)]
    for channels, size in (((32, 32), 64), ((64, 32), 64), ((64, 64), 32), ((128, 64), 32), ((128, 128), 16),
                           ((256, 128), 16), ((64, 128), 16), ((256, 256), 8)):
        cases += conv_cases("3x3x3", channels, 3, 1, 1, size, must=1.7 if size > 8 else 1.3)
    cases += conv_cases("stride 2", (32, 64), 3, 2, 1, 64, must=0.97)
    for channels, size in (((64, 32), 32), ((128, 64), 16), ((256, 128), 8)):
        cases += conv_cases("transposed", channels, 2, 2, 0, size, transposed=True, must=0.97,
                            must_default=5 if size == 32 else 0)
    cases += conv_cases("transposed", (64, 32), 4, 2, 1, 32, transposed=True, must=0.97)
    cases += conv_cases("transposed", (64, 32), 3, 2, 1, 32, transposed=True, output_padding=1, must=0.97)
    cases += conv_cases("thin", (1, 32), 3, 1, 1, 64, must=2, floors=("write", "", "read"))
    cases += conv_cases("thin", (32, 3), 1, 1, 0, 64, must=2, floors=("read", "write", "read"))
    cases += conv_cases("thin", (32, 32), 3, 1, 1, 64, groups=32, must=2, floors=("copy", "copy", "read"))
    big = (1, 32, 64, 64, 64)
    cases += [
        layer_case("BatchNorm3d + ReLU", big, lambda T: norm_relu(T, T.nn.BatchNorm3d(32)), 8),
        layer_case("InstanceNorm3d + ReLU", big,
                   lambda T: norm_relu(T, T.nn.InstanceNorm3d(32, affine=True)), 8),
        layer_case("MaxPool3d", big, lambda T: T.nn.MaxPool3d(2), 2.25),
        cat_case(big),
        layer_case("trilinear upsampling", (1, 32, 32, 32, 32),
                   lambda T: T.nn.Upsample(scale_factor=2, mode="trilinear"), 18),
    ]
    return cases
