"""Trains a 2D convolutional autoencoder on Fashion-MNIST: 28 x 28 pixels through 32 numbers and back.

    python examples/python/train_autoencoder.py --help

The network is Autoencoder, the training loop is train(), both below. The images are those of Debian's package
dataset-fashion-mnist.
"""
from __future__ import annotations

import argparse
import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import voxgrad
import voxgrad.nn.functional as F
from voxgrad import Tensor, nn
from voxgrad.utils.data import DataLoader, TensorDataset

import support

support.need("tqdm", "matplotlib")

SIDE = 28
CODE = 32


class Autoencoder(nn.Module):
    """Sizes on the way: 28, 14, 7, 1 and back. All is convolution. Takes and gives (batch, 1, 28, 28) in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 4, stride=2, padding=1), nn.LeakyReLU(),
            nn.Conv2d(16, 32, 4, stride=2, padding=1), nn.LeakyReLU(),
            nn.Conv2d(32, CODE, 7))
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(CODE, 32, 7), nn.LeakyReLU(),
            nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.LeakyReLU(),
            nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1), nn.Sigmoid())

    def forward(self, images: Tensor) -> Tensor:
        return self.decoder(self.encoder(images))


def read_idx(path: Path) -> np.ndarray:
    """The bytes in an IDX file: a magic number with the rank, the sizes (big-endian), then the values."""
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise support.InputError(f"{path}: there is no such file; install Debian's package dataset-fashion-mnist, or "
                                 "give its folder with --data") from None
    except (OSError, EOFError, zlib.error) as error:
        raise support.InputError(f"{path}: cannot be read ({error})") from None
    rank = content[3] if content[:3] == b"\0\0\x08" else 0
    shape = [int(size) for size in np.frombuffer(content[4:4 + 4 * rank], ">u4")]
    if rank == 0 or len(content) != 4 + 4 * rank + math.prod(shape):
        raise support.InputError(f"{path}: must be an IDX file of bytes that holds what its sizes say; got {shape}")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape).copy()


def read_images(path: Path) -> Tensor:
    """Gray images (number, 1, 28, 28), uint8."""
    images = read_idx(path)
    if images.ndim != 3 or len(images) == 0 or images.shape[1:] != (SIDE, SIDE):
        raise support.InputError(f"{path}: must hold images of {SIDE} x {SIDE} pixels; got shape {images.shape}")
    return voxgrad.from_numpy(images)[:, None]


def train(net: Autoencoder, images: Tensor, options: argparse.Namespace) -> list[float]:
    """Trains until the last step, or Ctrl-C. Returns the loss of every step."""
    loader = DataLoader(TensorDataset(images), batch_size=options.batch, shuffle=True)
    optimizer = voxgrad.optim.Adam(net.parameters(), lr=options.learning_rate)
    losses: list[float] = []
    bar = support.progress((pixels for _ in range(options.epochs) for pixels, in loader), options.epochs * len(loader))
    try:
        for pixels in bar:
            batch = pixels.to(options.device).float() / 255
            optimizer.zero_grad()
            loss = F.mse_loss(net(batch), batch)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            bar.set_postfix(loss=f"{losses[-1]:.4f}", refresh=False)
    except KeyboardInterrupt:
        print(f"stopped early, after step {len(losses)} of {bar.total}")
    bar.close()
    return losses


def error_of(net: Autoencoder, images: Tensor) -> float:
    """Mean squared error of a pixel over all images."""
    total = 0.0
    with voxgrad.no_grad():
        for pixels in images.split(500):
            batch = pixels.to(next(net.parameters()).device).float() / 255
            total += F.mse_loss(net(batch), batch, reduction="sum").item()
    return total / images.numel()


def error_of_mean_image(images: Tensor, test: Tensor) -> float:
    """The same for the one answer that is best where the image is not looked at."""
    mean = images.numpy().mean(0) / 255
    return float(np.mean((test.numpy() / 255 - mean) ** 2))


def draw_reconstructions(path: Path, net: Autoencoder, images: Tensor, labels: np.ndarray) -> None:
    """The first test image of each class above what the network makes of it."""
    firsts = [int(np.argmax(labels == label)) for label in np.unique(labels)]
    originals = images[firsts].float() / 255
    with voxgrad.no_grad():
        rebuilt = net(originals.to(next(net.parameters()).device)).cpu()
    pyplot = support.use_files_for_pictures()
    figure, panels = pyplot.subplots(2, len(firsts), figsize=(1.1 * len(firsts) + 1, 3), layout="constrained",
                                     squeeze=False)
    for row, (name, pictures) in zip(panels, [("original", originals), ("rebuilt", rebuilt)]):
        for panel, picture in zip(row, pictures):
            panel.imshow(picture[0].numpy(), cmap="gray", vmin=0, vmax=1)
            panel.set(xticks=[], yticks=[])
        row[0].set_ylabel(name)
    figure.suptitle(f"Test images, and what {CODE} numbers keep of them")
    figure.savefig(path, dpi=130)


def parse_options() -> argparse.Namespace:
    parser = support.Parser("Trains a 2D convolutional autoencoder on Fashion-MNIST.")
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"),
                        help="folder with the IDX files")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the results")
    parser.add_argument("--epochs", type=support.whole(1, 10_000), default=5, help="passes over the training images")
    parser.add_argument("--batch", type=support.whole(1, 10_000), default=64, help="images of one step")
    parser.add_argument("--images", type=support.whole(1), help="training images to use; without it, all")
    parser.add_argument("--learning-rate", type=support.positive, default=1e-3, help="of Adam")
    parser.add_argument("--seed", type=support.whole(0, 2**63 - 1), default=0, help="of weights and the images' order")
    parser.add_argument("--device", type=support.device, default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=support.whole(1, 1024), help="without it, all cores")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    if options.threads:
        voxgrad.set_num_threads(options.threads)
    images = read_images(options.data / "train-images-idx3-ubyte.gz")[:options.images]
    test = read_images(options.data / "t10k-images-idx3-ubyte.gz")
    labels = read_idx(options.data / "t10k-labels-idx1-ubyte.gz")
    if labels.shape != test.shape[:1]:
        raise support.InputError(f"{options.data}: there must be one label for each of the {len(test)} test images; "
                                 f"got shape {labels.shape}")
    out = support.make_folder(options.out)
    voxgrad.manual_seed(options.seed)
    net = Autoencoder().to(options.device)
    print(f"{len(images)} training images; autoencoder of {sum(p.numel() for p in net.parameters())} parameters, "
          f"{voxgrad.get_num_threads()} threads")
    losses = train(net, images, options)
    voxgrad.save(net.state_dict(), out / "autoencoder.safetensors")
    support.write_log(out / "run.csv", ["loss"], [[loss] for loss in losses])
    draw_reconstructions(out / "reconstructions.png", net, test, labels)
    print(f"mean squared error on {len(test)} test images: {error_of(net, test):.5f} "
          f"(the mean training image: {error_of_mean_image(images, test):.5f})")
    print(f"wrote reconstructions.png, autoencoder.safetensors and run.csv in {out}")


if __name__ == "__main__":
    support.run_main(main)
