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
    with pytest.raises(voxgrad.ShapeError, match="set_workspace_limit: the limit must be above 0; got 0"):
        voxgrad.set_workspace_limit(0)
