"""Trains a 3D U-Net to find the brain in an MRI of a head: on its left half, judged on its right.

    python examples/python/train_unet3d.py --help

The network is UNet3d, the training loop is train(), both below; volumes.py prepares the data. The scan is the Colin27
head of Debian's package mricron-data.
"""
from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import voxgrad
import voxgrad.nn.functional as F
from voxgrad import Tensor, nn
from voxgrad.utils.data import DataLoader, Dataset

import support

support.need("tqdm", "matplotlib", "nibabel")
import volumes  # noqa: E402
from volumes import Scan, Volume  # noqa: E402


def block(in_channels: int, out_channels: int) -> nn.Sequential:
    """Twice convolution, norm, activation."""
    return nn.Sequential(
        nn.Conv3d(in_channels, out_channels, 3, padding=1), nn.InstanceNorm3d(out_channels, affine=True),
        nn.LeakyReLU(inplace=True),
        nn.Conv3d(out_channels, out_channels, 3, padding=1), nn.InstanceNorm3d(out_channels, affine=True),
        nn.LeakyReLU(inplace=True))


class UNet3d(nn.Module):
    """An encoder and a decoder with skip connections. Takes any size from 4 on; names as in the library's C++ UNet3d.

    x: (batch, 1, depth, height, width); gives logits (batch, 2, depth, height, width).
    """

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        fine, middle, deep = channels, 2 * channels, 4 * channels
        self.encoder = nn.ModuleList([block(1, fine), block(fine, middle), block(middle, deep)])
        self.up = nn.ModuleList([nn.ConvTranspose3d(deep, middle, 2, stride=2),
                                 nn.ConvTranspose3d(middle, fine, 2, stride=2)])
        self.decoder = nn.ModuleList([block(2 * middle, middle), block(2 * fine, fine)])
        self.head = nn.Conv3d(fine, 2, 1)
        self.pool = nn.MaxPool3d(2)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level in self.encoder[:-1]:
            skips.append(level(x))
            x = self.pool(skips[-1])
        x = self.encoder[-1](x)
        for up, level in zip(self.up, self.decoder):
            skip = skips.pop()
            x = level(voxgrad.cat([skip, up(x, output_size=skip.shape[2:])], 1))  # also where a size is odd
        return self.head(x)


class Crops(Dataset):
    """Sample i is a crop at a random place, mirrored along random axes: a function of seed and i alone."""

    def __init__(self, volume: Volume, size: list[int], count: int, seed: int) -> None:
        self.volume, self.count, self.seed = volume, count, seed
        self.size = [min(part, whole) for part, whole in zip(size, volume.image.shape)]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        random = np.random.default_rng([self.seed, i])
        start = [random.integers(whole - part + 1) for part, whole in zip(self.size, self.volume.image.shape)]
        box = tuple(slice(a, a + n) for a, n in zip(start, self.size))
        axes = [axis for axis in range(3) if random.integers(2)]
        return self.volume.image[box].flip(axes)[None], self.volume.mask[box].flip(axes)


def train(net: UNet3d, options: argparse.Namespace, volume: Volume) -> list[tuple[float, float]]:
    """Trains until the last step, or Ctrl-C. Returns loss and Dice of every step."""
    crops = DataLoader(Crops(volume, options.crop, options.steps, options.seed), batch_size=1)
    optimizer = voxgrad.optim.AdamW(net.parameters(), lr=options.learning_rate)
    schedule = voxgrad.optim.lr_scheduler.PolynomialLR(optimizer, options.steps, power=0.9)
    log: list[tuple[float, float]] = []
    bar = support.progress(crops, options.steps)
    try:
        for image, label in bar:
            optimizer.zero_grad()
            image, label = image.to(options.device), label.to(options.device)
            logits = net(image)
            overlap_loss = F.dice_loss(logits, label)
            loss = F.cross_entropy(logits, label) + overlap_loss
            loss.backward()
            optimizer.step()
            schedule.step()
            log.append((loss.item(), 1 - overlap_loss.item()))
            bar.set_postfix(loss=f"{log[-1][0]:.4f}", Dice=f"{log[-1][1]:.4f}", refresh=False)
    except KeyboardInterrupt:
        pass
    bar.close()
    return log


def probability(net: UNet3d, image: Tensor) -> Tensor:
    """Probability of foreground for every voxel of an image (depth, height, width), on the CPU."""
    with voxgrad.no_grad():
        return net(image[None, None].to(next(net.parameters()).device)).softmax(1)[0, 1].cpu()


def score(net: UNet3d, volume: Volume) -> float:
    return volumes.dice(probability(net, volume.image) > 0.5, volume.mask)


def measure(net: UNet3d, scan: Scan) -> dict[str, float]:
    """Dice on the half that training never saw: the network's, and that of two methods without one."""
    test, threshold = scan.test, volumes.best_threshold(scan.train)
    return {
        "this network": score(net, test),
        "best intensity threshold of the left half": volumes.dice(test.image > threshold, test.mask),
        "mask of the left half, mirrored": volumes.dice(scan.train.mask.flip(2), test.mask),
        "this network, the half turned front to back": score(net, test.flip(1)),
        "this network, 7 voxels cut from every side": score(net, test.shrink(7)),
    }


def draw_curves(path: Path, log: list[tuple[float, float]], figures: dict[str, float]) -> None:
    pyplot = support.use_files_for_pictures()
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    losses, overlaps = zip(*log)
    support.draw_curve(left, losses, "loss of each step", support.BLUE)
    support.use_log_scale(left, "cross entropy + Dice loss")
    support.draw_curve(right, overlaps, "Dice of each step's crop", support.ORANGE)
    network, threshold, mirrored = list(figures.values())[:3]
    right.axhline(network, color=support.GREEN, label=f"this network, right half: {network:.3f}")
    right.axhline(mirrored, color=support.GRAY, linestyle="--", label=f"left mask mirrored: {mirrored:.3f}")
    right.axhline(threshold, color=support.GRAY, linestyle=":", label=f"best threshold: {threshold:.3f}")
    right.set(ylabel="Dice", ylim=(0.5, 1))
    left.legend()
    right.legend(loc="lower right")
    figure.suptitle("Brain segmentation with a 3D U-Net")
    figure.savefig(path, dpi=130)


def report(net: UNet3d, scan: Scan, log: list[tuple[float, float]], out: Path) -> None:
    """Judges the network and writes the results."""
    figures = measure(net, scan)
    print("Dice on the right half, which training never saw:")
    for name, value in figures.items():
        print(f"  {name:<46}{value:.4f}")
    predicted = volumes.mask_at_file(probability(net, scan.whole.image), scan)
    volumes.write_mask(out / "prediction.nii.gz", predicted, scan)
    draw_curves(out / "curves.png", log, figures)
    volumes.draw_slices(support.use_files_for_pictures(), out / "slices.png", scan, predicted)
    print(f"wrote curves.png, slices.png, prediction.nii.gz, weights.safetensors and run.csv in {out}")


def parse_options() -> argparse.Namespace:
    parser = support.Parser("Trains a 3D U-Net to segment a volume: on its left half, judged on its right.")
    parser.add_argument("--image", type=Path, help="NIfTI volume to train on; without it, mricron-data's head")
    parser.add_argument("--label", type=Path, help="its mask: voxels > 0 are foreground")
    parser.add_argument("--phantom", action="store_true", help="train on a made-up head")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the results")
    parser.add_argument("--steps", type=support.whole(1), default=650, help="training steps, one crop each")
    parser.add_argument("--seed", type=support.whole(0, 2**63 - 1), default=0, help="of initial weights and crops")
    parser.add_argument("--learning-rate", type=support.positive, default=5e-3, help="of the first step")
    parser.add_argument("--crop", type=support.whole(8, 1024), nargs=3, default=[80, 96, 40], metavar="SIZE",
                        help="depth, height and width of a crop in voxels")
    parser.add_argument("--channels", type=support.whole(1, 512), default=8, help="of the network's first level")
    parser.add_argument("--spacing", type=support.positive, default=2.0, help="voxel edge in mm to work at")
    parser.add_argument("--device", type=support.device, default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=support.whole(1, 1024), help="without it, all cores")
    options = parser.parse_args()
    if (options.image is None) != (options.label is None):
        raise support.InputError("--image and --label go together: training needs both")
    if options.phantom and options.image is not None:
        raise support.InputError("--phantom trains on a made-up head; leave out --image and --label")
    return options


def main() -> None:
    options = parse_options()
    if options.threads:
        voxgrad.set_num_threads(options.threads)
    scan = volumes.read_scan(options.image, options.label, options.seed if options.phantom else None, options.spacing)
    out = support.make_folder(options.out)
    voxgrad.manual_seed(options.seed)
    net = UNet3d(options.channels).to(options.device)
    print(f"image {scan.image.shape}, working at {tuple(scan.whole.image.shape)}; training on its left half")
    print(f"3D U-Net of {sum(p.numel() for p in net.parameters())} parameters, {voxgrad.get_num_threads()} threads")
    start = time.monotonic()
    log = train(net, options, scan.train)
    voxgrad.save(net.state_dict(), out / "weights.safetensors")
    support.write_log(out / "run.csv", ["loss", "dice"], log)
    print(f"{len(log)} steps in {time.monotonic() - start:.1f} s")
    if len(log) < options.steps:
        print(f"stopped early; the weights so far are in {out / 'weights.safetensors'}")
    else:
        report(net, scan, log, out)


if __name__ == "__main__":
    support.run_main(main)
