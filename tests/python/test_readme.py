"""The README's Python snippets run as they stand."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)


def test_there_are_snippets():
    assert SNIPPETS


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_snippet_runs(number, tmp_path):
    done = subprocess.run([sys.executable, "-c", SNIPPETS[number]], cwd=tmp_path, capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stderr


def test_named_examples_are_there():
    named = re.findall(r"examples/python/\w+\.py", (ROOT / "README.md").read_text())
    assert named and all((ROOT / name).is_file() for name in named)
