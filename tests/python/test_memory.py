"""What the library tells of its memory."""
from __future__ import annotations

import pytest
import voxgrad
from voxgrad.nn import functional as F


def test_memory_stats_count_tensors_and_workspace():
    x, w = voxgrad.randn(1, 16, 8, 8, 8), voxgrad.randn(16, 16, 3, 3, 3)
    voxgrad.reset_peak_memory_stats()
    before = voxgrad.memory_stats()
    assert before["peak"] == before["current"] <= before["reserved"]
    y = F.conv3d(x, w)
    after = voxgrad.memory_stats()
    assert after["current"] - before["current"] >= 4 * y.numel()
    assert after["peak"] >= after["current"] + after["workspace"] - before["workspace"]
    assert 0 < after["workspace"] <= 64 << 20
    del y
    assert voxgrad.memory_stats()["current"] == before["current"]


def test_the_workspace_limit_changes_no_result():
    x, w = voxgrad.randn(1, 16, 8, 16, 16), voxgrad.randn(16, 16, 3, 3, 3)
    limit = voxgrad.get_workspace_limit()
    expected = F.conv3d(x, w)
    try:
        voxgrad.set_workspace_limit(1)
        assert (F.conv3d(x, w) == expected).all()
    finally:
        voxgrad.set_workspace_limit(limit)
    with pytest.raises(voxgrad.ShapeError, match="set_workspace_limit: bytes must be at least 1; got 0"):
        voxgrad.set_workspace_limit(0)
    with pytest.raises(voxgrad.ShapeError, match="set_workspace_limit: bytes must be at least 1; got -1"):
        voxgrad.set_workspace_limit(-1)
    assert voxgrad.get_workspace_limit() == limit


@pytest.mark.parametrize("use", [voxgrad.memory_stats, voxgrad.reset_peak_memory_stats, voxgrad.conv_algorithms,
                                 voxgrad.Generator, lambda where: voxgrad.zeros(1, device=where)])
def test_devices_have_names_everywhere(use):
    for name in ("gpu", "", "CUDA", "cpus"):
        with pytest.raises(voxgrad.DeviceError, match=f"^device: must be 'cpu', 'cuda' or 'cuda:N'; got '{name}'$"):
            use(name)
    with pytest.raises(voxgrad.DeviceError, match=r"^device: the number must be in 0\.\.9999; got 'cuda:x'$"):
        use("cuda:x")
    with pytest.raises(voxgrad.DeviceError, match="^device: the number must be >= 0; got -1$"):
        use(-1)
    with pytest.raises(TypeError, match="must be a device .*; got float"):
        use(1.5)
    for right in ("cpu", voxgrad.device("cpu"), None):
        use(right)
