"""Brain scans for train_unet3d: read through nibabel, halved in size and in two, drawn and written.

All volumes are turned so that their axes (depth, height, width) run up, forwards and to the right, whatever the order
in the file.
"""
from __future__ import annotations

import gzip
import logging
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import voxgrad
import voxgrad.nn.functional as F
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform
from voxgrad import Tensor

from support import InputError

TEMPLATES = Path("/usr/share/mricron/templates")
LEAST = (8, 8, 16)  # voxels that the network needs, along each axis
UNREADABLE = (nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError, OSError, EOFError, ValueError,
              TypeError, OverflowError, MemoryError, zlib.error)
logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)


@dataclass
class Volume:
    """An image of mean 0 and standard deviation 1 (float32), and its mask (int64, 0 or 1), both of one shape."""

    image: Tensor
    mask: Tensor

    def flip(self, axis: int) -> Volume:
        return Volume(self.image.flip(axis), self.mask.flip(axis))

    def shrink(self, margin: int) -> Volume:
        """Without `margin` voxels at every side; a small volume keeps 8 along each axis."""
        cuts = [min(margin, (size - 8) // 2) for size in self.image.shape]
        box = tuple(slice(cut, size - cut) for cut, size in zip(cuts, self.image.shape))
        return Volume(standardize(self.image[box]), self.mask[box])


@dataclass
class Scan:
    """A scan as it was read, and what the network works on."""

    file: Any  # nibabel's image, which knows the place of the voxels
    image: np.ndarray
    mask: np.ndarray
    factor: int  # voxels of the file along the edge of a voxel of the volumes
    whole: Volume
    train: Volume  # the left half
    test: Volume  # the right half; both are without the middle plane of an odd width

    @property
    def spacing(self) -> tuple[float, ...]:
        """Edges of the file's voxels in mm."""
        return tuple(float(edge) for edge in nib.affines.voxel_sizes(nib.as_closest_canonical(self.file).affine))[::-1]


def read_file(path: Path) -> Any:
    """nibabel's image with its voxels in memory, checked."""
    try:
        with np.errstate(invalid="ignore"):  # an affine of NaN is told below
            file = nib.squeeze_image(nib.load(path))
        if file.get_data_dtype().kind not in "iufb":
            raise TypeError(f"voxels are {file.get_data_dtype()}, not real numbers")
        voxels = file.get_fdata(dtype=np.float32)
        if path.suffix == ".gz":  # nibabel stops at the last voxel; the checksum comes after it
            with gzip.open(path) as stream:
                while stream.read(1 << 20):
                    pass
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except UNREADABLE as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: cannot be read as a NIfTI volume ({why})") from None
    if voxels.ndim != 3:
        raise InputError(f"{path}: must hold a volume of 3 axes; got shape {voxels.shape}")
    if not np.isfinite(voxels).all():
        raise InputError(f"{path}: voxels must be finite; got NaN or infinity")
    if not np.isfinite(file.affine).all() or not abs(np.linalg.det(file.affine)) > 1e-9:
        raise InputError(f"{path}: the affine must be finite and keep three axes; got {file.affine[:3].tolist()}")
    return file


def check_label(label: Any, image: Any, path: Path) -> None:
    """Raises InputError unless the label lies where the image lies and has foreground."""
    if label.shape != image.shape:
        raise InputError(f"{path}: label and image must have one shape; got {label.shape} and {image.shape}")
    corners = np.array([[*np.multiply(corner, image.shape), 1] for corner in np.ndindex(2, 2, 2)])
    apart = np.linalg.norm(corners @ (label.affine - image.affine).T, axis=1).max()
    if not apart <= nib.affines.voxel_sizes(image.affine).max():
        raise InputError(f"{path}: label and image must lie at one place; got affines that put corners {apart:.3g} mm "
                         "apart")
    if not (label.get_fdata(dtype=np.float32) > 0).any():
        raise InputError(f"{path}: the label must have foreground (voxels > 0); got none")


def phantom(seed: int) -> tuple[Any, Any]:
    """A made-up head of 2 mm and its mask: skin, skull, fluid and a folded brain, as ellipsoids with noise."""
    random = np.random.default_rng(seed)
    size = (91, 109, 91)  # to the right, forwards, up
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in size), indexing="ij")
    radii = np.array([0.6, 0.7, 0.5]) * random.uniform(0.94, 1.06, 3)
    phase = random.uniform(-3, 3, 3)
    level = np.sqrt((x / radii[0]) ** 2 + (y / radii[1]) ** 2 + ((z - 0.2) / radii[2]) ** 2)
    waves = [np.sin(13 * axis + shift) for axis, shift in zip((x, y, z), phase)]
    level += 0.03 * (waves[0] * waves[1] + waves[1] * waves[2] + waves[2] * waves[0])
    image = np.select([level < 0.8, level < 1, level < 1.08, level < 1.18, level < 1.35, np.hypot(x, y) + z < -0.2],
                      [92.0, 65.0, 22.0, 10.0, 100.0, 62.0], 0.0)
    coil = 1 + 0.1 * np.sin(1.7 * x + phase[0]) + 0.1 * np.sin(1.7 * y + phase[1])
    image = np.abs(image * coil + random.normal(0, 4, size))
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    return (nib.Nifti1Image(image.astype(np.float32), affine),
            nib.Nifti1Image((level < 1).astype(np.uint8), affine))


def standardize(image: Tensor) -> Tensor:
    return (image - image.mean()) / max(image.std().item(), 1e-6)


def turned(file: Any) -> np.ndarray:
    """The voxels of a file, with the axes that this program works with."""
    return np.ascontiguousarray(nib.as_closest_canonical(file).get_fdata(dtype=np.float32).transpose(2, 1, 0))


def coarse(voxels: np.ndarray, factor: int) -> Tensor:
    """The mean of each block of factor^3 voxels; blocks at the end may be smaller."""
    return F.avg_pool3d(voxgrad.from_numpy(voxels)[None], factor, ceil_mode=True)[0]


def read_scan(image_path: Path | None, label_path: Path | None, made_up: int | None, spacing: float) -> Scan:
    """The scan to train on: the user's, or a made-up one from a seed, or Debian's; in voxels of about `spacing` mm."""
    if made_up is not None:
        file, label = phantom(made_up)
    else:
        image_path, label_path = image_path or TEMPLATES / "ch2.nii.gz", label_path or TEMPLATES / "ch2bet.nii.gz"
        if image_path.parent == TEMPLATES and not image_path.exists():
            raise InputError(f"{image_path}: the scan is missing; install Debian's package mricron-data, or use "
                             "--phantom, or --image and --label")
        file, label = read_file(image_path), read_file(label_path)
        if np.ptp(file.get_fdata(dtype=np.float32)) == 0:
            raise InputError(f"{image_path}: the image must not have one value everywhere")
        check_label(label, file, label_path)
    edge = np.cbrt(np.prod(nib.affines.voxel_sizes(file.affine)))
    factor = int(np.clip(np.round(spacing / edge), 1, 64))
    image, mask = turned(file), turned(label) > 0
    whole = Volume(coarse(image, factor), (coarse(mask.astype(np.float32), factor) > 0.5).long())
    return Scan(file, image, mask, factor, Volume(standardize(whole.image), whole.mask), *halves(whole))


def halves(volume: Volume) -> tuple[Volume, Volume]:
    """The left and the right half, each of mean 0 and standard deviation 1."""
    shape = volume.image.shape
    if any(size < least for size, least in zip(shape, LEAST)):
        raise InputError(f"the image must have at least {LEAST} voxels of the network's size; got {tuple(shape)}")
    half = shape[2] // 2
    parts = [(..., slice(0, half)), (..., slice(shape[2] - half, None))]
    left, right = (Volume(standardize(volume.image[part]), volume.mask[part]) for part in parts)
    if not left.mask.any() or not right.mask.any():
        raise InputError("the label must have foreground in both halves of the image; got none in one of them")
    return left, right


def dice(a: Tensor, b: Tensor) -> float:
    """Overlap 2 |a and b| / (|a| + |b|) of two masks."""
    both, total = ((a != 0) & (b != 0)).sum().item(), (a != 0).sum().item() + (b != 0).sum().item()
    return 2 * both / total if total else 1.0


def best_threshold(volume: Volume) -> float:
    """The threshold above which an image's voxels fit its mask best."""
    image, mask = volume.image.numpy().ravel(), volume.mask.numpy().ravel()
    order = np.argsort(-image)
    hits = np.cumsum(mask[order])
    at = np.argmax(2 * hits / (np.arange(1, len(hits) + 1) + mask.sum()))
    return float(np.nextafter(image[order[at]], -np.inf, dtype=np.float32))


def mask_at_file(probability: Tensor, scan: Scan) -> np.ndarray:
    """A mask of the file's resolution from probabilities at the network's."""
    fine = F.interpolate(probability[None, None], scale_factor=scan.factor, mode="trilinear")[0, 0]
    depth, height, width = scan.image.shape
    return (fine[:depth, :height, :width] > 0.5).numpy()


def write_mask(path: Path, mask: np.ndarray, scan: Scan) -> None:
    """The mask as NIfTI, with the axes and the affine of the scan's file."""
    back = ornt_transform(axcodes2ornt("RAS"), io_orientation(scan.file.affine))
    voxels = apply_orientation(mask.transpose(2, 1, 0), back).astype(np.uint8)
    result = nib.Nifti1Image(voxels, scan.file.affine, scan.file.header)
    result.set_data_dtype(np.uint8)
    nib.save(result, path)


def draw_slices(pyplot: Any, path: Path, scan: Scan, predicted: np.ndarray) -> None:
    """Three slices through the largest cross-sections of the true mask, with both outlines."""
    views = [(0, "axial", "LRPA"), (1, "coronal", "LRIS"), (2, "sagittal", "PAIS")]  # sides: left right bottom top
    edges = [[n * mm for i, (n, mm) in enumerate(zip(scan.image.shape, scan.spacing)) if i != axis]
             for axis, _, _ in views]  # height and width of each view in mm
    ratios = [width for _, width in edges]
    tall = 9 * max(height for height, _ in edges) / sum(ratios)
    figure, panels = pyplot.subplots(1, 3, figsize=(9.4, tall + 0.9), width_ratios=ratios, facecolor="#101014",
                                     layout="constrained")
    low, high = np.percentile(scan.image, [1, 99.5])
    for panel, (axis, name, sides), (height, width) in zip(panels, views, edges):
        cut = int(np.argmax(scan.mask.sum(axis=tuple(i for i in range(3) if i != axis))))
        place = {"origin": "lower", "extent": (0, width, 0, height)}
        panel.imshow(np.take(scan.image, cut, axis), cmap="gray", vmin=low, vmax=max(high, low + 1e-6), **place)
        for mask, color, line in [(scan.mask, "#40e060", 2.0), (predicted, "#ff40ff", 1.0)]:
            section = np.take(mask, cut, axis)
            if section.any():
                panel.contour(section.astype(float), [0.5], colors=color, linewidths=line, **place)
        for letter, x, y in zip(sides, (0.03, 0.97, 0.5, 0.5), (0.5, 0.5, 0.03, 0.97)):
            panel.text(x, y, letter, color="white", ha="center", va="center", transform=panel.transAxes)
        panel.set_title(name, color="#a0a0a8", fontsize=10, loc="left")
        panel.axis("off")
    handles = [pyplot.Line2D([], [], color=color, label=label)
               for label, color in [("truth", "#40e060"), ("prediction", "#ff40ff")]]
    figure.suptitle("Trained on the left half, judged on the right", color="white")
    figure.legend(handles=handles, loc="outside lower left", ncols=2, frameon=False, labelcolor="white")
    figure.savefig(path, dpi=130, facecolor=figure.get_facecolor())
    pyplot.close(figure)
