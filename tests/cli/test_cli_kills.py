"""Commands that are killed leave what was there, or what they were to write; or they say so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    "n_kills",
    [pytest.param(12, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.kills)],
)
def test_kills_at_random_moments(tmp_path, n_kills):
    """SIGKILL, SIGTERM and SIGINT, while graphs are converted, aligned, merged and reviewed."""
    pytest.importorskip("uvicorn", reason="extra [review] is not installed")
    kills = subprocess.run(
        [sys.executable, Path(__file__).with_name("kills.py"), tmp_path, str(n_kills)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    log = f"{kills.stdout}\n{kills.stderr}"
    assert kills.returncode == 0, log
    rows = [json.loads(line) for line in kills.stdout.splitlines()][1:]
    assert len(rows) == n_kills
    found = {value for row in rows for name, value in row.items() if name.startswith("out")}
    assert found <= {"0", "1", "told", "kept"}, log
    assert max(row.get("answered", 0) for row in rows) > 0, log
