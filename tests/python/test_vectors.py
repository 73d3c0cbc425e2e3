"""Recorded PyTorch cases, where VOXGRAD_VECTORS names their folder."""
import os
import re
import subprocess
import sys

import pytest

FOLDER = os.environ.get("VOXGRAD_VECTORS")


@pytest.mark.skipif(not FOLDER, reason="VOXGRAD_VECTORS names no folder of recorded cases")
def test_recorded_cases_pass_and_no_name_is_missing():
    run = subprocess.run([sys.executable, os.path.join(FOLDER, "run_vectors.py"), "--module", "voxgrad"],
                         capture_output=True, text=True, check=False)
    print(run.stdout)
    summary = re.search(r"(\d+) passed, (\d+) failed, (\d+) names missing", run.stdout)
    assert summary, run.stderr
    passed, failed, missing = map(int, summary.groups())
    assert (failed, missing) == (0, 0)
    assert passed >= 1246
