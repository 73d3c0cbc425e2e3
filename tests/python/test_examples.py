"""The example programs run, leave what they promise, and say in one sentence what is wrong with bad input."""
import csv
import gzip
import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import voxgrad as vg

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "python"
TEMPLATES = Path("/usr/share/mricron/templates")
FASHION = Path("/usr/share/datasets/fashion-mnist")
SMALL = ["--channels", "2", "--crop", "24", "24", "16", "--spacing", "4", "--steps", "10"]


def command(name, *options):
    return [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, options)]


def run(name, *options, status=0, environment=None):
    """What the program printed; it must end with `status`."""
    done = subprocess.run(command(name, *options), capture_output=True, text=True, timeout=600,
                          env={**os.environ, **(environment or {})})
    assert done.returncode == status, done.stdout + done.stderr
    if status == 0:
        return done.stdout
    # AddressSanitizer notes on lines of its own that an allocation was refused.
    return "".join(line for line in done.stderr.splitlines(True) if not line.startswith("=="))


def losses(folder):
    with open(folder / "run.csv", newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def assert_refused(message, *parts):
    """One sentence, on one line, that holds the parts."""
    assert message.count("\n") == 1 and "Traceback" not in message, message
    assert all(part in message for part in parts), message


@pytest.fixture
def plots():
    pytest.importorskip("tqdm")
    pytest.importorskip("matplotlib")


@pytest.fixture
def volumes(plots, monkeypatch):
    pytest.importorskip("nibabel")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("volumes")


@pytest.fixture
def head(volumes, tmp_path):
    """A made-up head and its mask as files."""
    import nibabel as nib

    for name, file in zip(("image", "mask"), volumes.phantom(1)):
        nib.save(file, tmp_path / f"{name}.nii.gz")
    return tmp_path


def test_unet_learns_and_leaves_its_results(volumes, tmp_path):
    text = run("train_unet3d", "--phantom", "--out", tmp_path, *SMALL)
    assert "this network" in text and "mirrored" in text and "threshold" in text
    found = losses(tmp_path)
    assert len(found) == 10 and np.mean(found[-3:]) < 0.95 * np.mean(found[:3])
    for name in ("curves.png", "slices.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    weights = vg.load(tmp_path / "weights.safetensors")
    assert weights["up.0.weight"].shape == (8, 4, 2, 2, 2) and weights["head.bias"].shape == (2,)


def test_unet_trains_on_the_scan_of_the_data_package(volumes, tmp_path):
    if not (TEMPLATES / "ch2.nii.gz").exists():
        pytest.skip("Debian's package mricron-data is not installed")
    import nibabel as nib

    run("train_unet3d", "--out", tmp_path, *SMALL[:-1], "3")
    image, mask = nib.load(TEMPLATES / "ch2.nii.gz"), nib.load(tmp_path / "prediction.nii.gz")
    assert mask.shape == image.shape and np.allclose(mask.affine, image.affine)
    assert set(np.unique(mask.dataobj)) <= {0, 1}


def test_unet_takes_files_of_any_orientation(head):
    """A file with its axes in another order gives the same losses, and its mask lies in the same place."""
    import nibabel as nib
    from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

    for name in ("image", "mask"):
        file = nib.load(head / f"{name}.nii.gz")
        turned = file.as_reoriented(ornt_transform(io_orientation(file.affine), axcodes2ornt("PSL")))
        nib.save(turned, head / f"turned-{name}.nii.gz")
    for prefix in ("", "turned-"):
        run("train_unet3d", "--image", head / f"{prefix}image.nii.gz", "--label", head / f"{prefix}mask.nii.gz",
            "--out", head / f"{prefix}out", *SMALL[:-1], "2")
    assert losses(head / "out") == losses(head / "turned-out")
    plain, turned = (nib.load(head / folder / "prediction.nii.gz") for folder in ("out", "turned-out"))
    assert turned.shape == nib.load(head / "turned-image.nii.gz").shape
    back = nib.as_closest_canonical(turned)
    assert np.allclose(back.affine, plain.affine) and np.array_equal(back.dataobj, plain.dataobj)


def test_unet_keeps_the_weights_when_it_is_stopped(volumes, tmp_path):
    program = subprocess.Popen(command("train_unet3d", "--phantom", "--out", tmp_path, *SMALL[:-1], "100000"),
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               env={**os.environ, "PYTHONUNBUFFERED": "1"},
                               # A job in the background begins with Ctrl-C ignored.
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    while "parameters" not in program.stdout.readline():
        assert program.poll() is None
    time.sleep(2)
    program.send_signal(signal.SIGINT)
    text, _ = program.communicate(timeout=120)
    assert program.returncode == 0 and "stopped early" in text
    weights = vg.load(tmp_path / "weights.safetensors")
    assert len(losses(tmp_path)) > 0 and all(vg.isfinite(w).all() for w in weights.values())
    assert not (tmp_path / "slices.png").exists()


def test_unet_refuses_bad_files(volumes, head):
    import nibabel as nib

    mask = nib.load(head / "mask.nii.gz")
    voxels, image = np.asarray(mask.dataobj), head / "image.nii.gz"
    bad = {
        "shape": (voxels[1:], mask.affine, "one shape"),
        "empty": (np.zeros_like(voxels), mask.affine, "foreground"),
        "left": (voxels * (np.arange(voxels.shape[0]) < 20)[:, None, None], mask.affine, "both halves"),
        "place": (voxels, mask.affine + np.eye(4, k=3) * 50, "one place"),
        "flat": (voxels[0], mask.affine, "3 axes"),
        "nan": (np.where(voxels > 0, np.nan, 0).astype(np.float32), mask.affine, "finite"),
    }
    for name, (array, affine, part) in bad.items():
        nib.save(nib.Nifti1Image(array, affine), head / f"{name}.nii.gz")
        assert_refused(run("train_unet3d", "--image", image, "--label", head / f"{name}.nii.gz", "--out", head / "out",
                           *SMALL, status=2), part)
    assert not (head / "out").exists()


def test_unet_refuses_bad_images(volumes, head):
    import nibabel as nib

    good = nib.load(head / "image.nii.gz")
    for name, kind in {"one-value": np.float32, "complex": np.complex64}.items():
        nib.save(nib.Nifti1Image(np.ones(good.shape, kind), good.affine), head / f"{name}.nii.gz")
    whole = bytearray((head / "image.nii.gz").read_bytes())
    (head / "cut.nii.gz").write_bytes(whole[:len(whole) // 2])
    (head / "wrong-checksum.nii.gz").write_bytes(whole[:-8] + bytes(4) + whole[-4:])
    header = bytearray(gzip.decompress(whole))
    header[42:48] = np.array([30000, 30000, 30000], "<i2").tobytes()
    (head / "huge.nii").write_bytes(header)
    (head / "text.nii").write_bytes(b"no volume")
    for name in ("one-value.nii.gz", "complex.nii.gz", "cut.nii.gz", "wrong-checksum.nii.gz", "huge.nii", "text.nii",
                 "none.nii", ""):
        assert_refused(run("train_unet3d", "--image", head / name, "--label", head / "mask.nii.gz", "--out",
                           head / "out", *SMALL, status=2), str(head / name))
    assert not (head / "out").exists()


@pytest.mark.parametrize("options, part", [
    (["--steps", "0"], "--steps"), (["--stops"], "--stops"), (["--image", "x.nii"], "--label"),
    (["--phantom", "--image", "x.nii", "--label", "y.nii"], "--phantom"), (["--crop", "8", "8", "7"], "--crop"),
    (["--learning-rate", "nan"], "--learning-rate"), (["--phantom", "--out", __file__], "folder"),
    (["--phantom", "--spacing", "100"], "at least"),
])
def test_unet_refuses_bad_options(volumes, options, part):
    assert_refused(run("train_unet3d", *options, status=2), part)


def test_help_lists_the_defaults(volumes):
    assert "650" in run("train_unet3d", "--help")
    assert "fashion-mnist" in run("train_autoencoder", "--help")


@pytest.mark.parametrize("name", ["train_unet3d", "train_autoencoder"])
def test_missing_packages_are_named(name, tmp_path):
    for package in ("tqdm", "matplotlib"):
        (tmp_path / f"{package}.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    message = run(name, status=2, environment={"PYTHONPATH": path})
    assert_refused(message, "pip install tqdm matplotlib")


def test_autoencoder_learns_and_leaves_its_results(plots, tmp_path):
    if not FASHION.exists():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    text = run("train_autoencoder", "--images", 640, "--epochs", 2, "--out", tmp_path)
    assert "mean squared error" in text
    found = losses(tmp_path)
    assert len(found) == 20 and np.mean(found[-3:]) < 0.9 * np.mean(found[:3])
    assert (tmp_path / "reconstructions.png").read_bytes().startswith(b"\x89PNG")
    assert vg.load(tmp_path / "autoencoder.safetensors")["decoder.0.weight"].shape == (32, 32, 7, 7)


def test_autoencoder_refuses_bad_files(plots, tmp_path):
    assert_refused(run("train_autoencoder", "--data", tmp_path, status=2), "dataset-fashion-mnist")
    for content in (b"no gzip", b"\x1f\x8b\x08\0", b""):
        (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
        assert_refused(run("train_autoencoder", "--data", tmp_path, status=2), "train-images")


def test_walk_finds_the_bumps():
    text = run("walk")
    assert "at w = 2: slope 12, its slope 12.0" in text and "answers the same: True" in text
    error = float(text.split("mean error ")[1].split()[0])
    assert error < 0.06
