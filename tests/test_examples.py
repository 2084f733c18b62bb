"""Each example runs from top to bottom: on a small pair, with fewer candidates, in one process."""

from pathlib import Path

import pytest

from ibmea_sklearn.datasets import make_mmkg_pair

FILES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
# What takes minutes, and what stands in for it.
SMALLER = {
    "load_emoji()": "make_mmkg_pair(60, random_state=0)",
    "[1e-4, 1e-2, 1.0]": "[1e-4]",
    "max_epochs=10": "max_epochs=1",
    "n_jobs=2": "n_jobs=1",
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_runs(file, tmp_path, monkeypatch, capsys):
    matplotlib = pytest.importorskip("matplotlib", reason="extra [plot] is not installed")
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    source = file.read_text()
    for large, small in SMALLER.items():
        assert large in source, f"{file.name} has changed: nothing to make smaller by {large!r}"
        source = source.replace(large, small)
    exec(compile(source, file, "exec"), {"make_mmkg_pair": make_mmkg_pair})
    matplotlib.pyplot.close("all")
    assert "searched" in capsys.readouterr().out
    (picture,) = tmp_path.glob("*.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
