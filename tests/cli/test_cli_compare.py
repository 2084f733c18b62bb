"""``ibmea compare``, end to end."""

import json

import numpy as np
import pytest

from ibmea_sklearn.evaluation import Comparison
from ibmea_sklearn.io import read_pair

FEW = ("--set", "p:propagation__n_components=32")
MODULE = """
from ibmea_sklearn import BaseAligner
from ibmea_sklearn.graph import Sides


class Images(BaseAligner):
    def __init__(self, width=32):
        self.width = width

    def fit_embeddings(self, X):
        return Sides(*(kg.features["image"].values[:, : self.width] for kg in (X.kg1, X.kg2)))
"""


@pytest.fixture
def here(pair_folder, tmp_path, monkeypatch):
    """A folder with vectors for two seeds, and a module."""
    kg1, kg2, _ = read_pair(pair_folder)
    for seed in (0, 1):
        for side, kg in (("left", kg1), ("right", kg2)):
            np.save(tmp_path / f"{side}_{seed}.npy", kg.features["image"].values)
    (tmp_path / "of_mine.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_of_all_kinds_of_aligners(ibmea, here, pair_folder):
    args = [
        "compare", "--dataset", pair_folder, "--seeds", "0,1", "--train-ratio", 0.4,
        "--aligner", "p=propagation/paper", *FEW, "--aligner", "of_mine:Images",
        "--set", "of_mine:Images:width=8", "--vectors", "v=left_{seed}.npy,right_{seed}.npy",
        "--matching", "cosine,csls", "--csls-k", 5, "-o", "out",
    ]  # fmt: skip
    result = ibmea(*args)
    assert result.exit_code == 0, result.output
    names = {path.name for path in (here / "out").iterdir()}
    assert names == {"comparison.json", "comparison.md", "comparison.png", "protocol.svg", "runs"}
    found = Comparison.from_json(here / "out" / "comparison.json")
    table = found.to_frame()
    assert table["aligner"].tolist() == ["p", "of_mine:Images", "v"]
    assert table["n_runs"].tolist() == [2, 2, 2]
    assert found.protocol.csls_k == 5 and found.protocol.matchings == ("cosine", "csls")
    params = found.runs[0]["report"]["parameters"]
    assert params["propagation__n_components"] == 32 and params["propagation__hub_exponent"] == 0
    assert found.runs[2]["report"]["parameters"]["width"] == 8
    assert "p less v" in result.output and found.protocol.digest in result.output
    assert f"Wrote a badge of the protocol to {here / 'out' / 'protocol.svg'}"[:30] in result.output
    assert (here / "out" / "comparison.md").read_text() == found.to_markdown()
    before = {p: p.stat().st_mtime_ns for p in (here / "out" / "runs").iterdir()}
    assert len(before) == 6
    again = ibmea(*args, "--quiet")
    assert again.exit_code == 0 and "Wrote" not in again.output
    assert {p: p.stat().st_mtime_ns for p in (here / "out" / "runs").iterdir()} == before


def test_the_figures_are_those_of_evaluate(ibmea, here, pair_folder):
    how = ("--dataset", pair_folder, "--train-ratio", 0.4, "--names", "none")
    ibmea(
        "evaluate", *how, "--split-seed", 1, "--seed", 1, "--aligner", "propagation", "--set",
        "propagation__n_components=32", "--matching", "csls", "--json", "one.json", "-q",
    )  # fmt: skip
    assert ibmea("compare", *how, "--aligner", "p=propagation", *FEW, "--seeds", 1).exit_code == 0
    one = json.loads((here / "one.json").read_text())
    run = Comparison.from_json(here / "comparison" / "comparison.json").runs[0]
    for direction in ("left_to_right", "right_to_left"):
        assert run["report"]["scores"][direction]["fused"] == one["scores"][direction]["fused"]
    assert run["report"]["protocol"]["split"] == one["protocol"]["split"]


def test_a_failure_is_told_and_the_rest_is_there(ibmea, here, pair_folder):
    args = ("compare", "--dataset", pair_folder, "--seeds", "0,2", "--train-ratio", 0.4)
    vectors = ("--vectors", "v=left_{seed}.npy,right_{seed}.npy")
    result = ibmea(*args, *vectors)
    assert result.exit_code == 0
    assert "1, 1 failed" in result.output and "left_2.npy; found no such file" in result.output
    for name in ("left", "right"):
        (here / f"{name}_0.npy").rename(here / f"{name}_2.npy")
    assert "1, 1 failed" in ibmea(*args, *vectors).output  # 0 is there no more: it has failed now
    result = ibmea(*args, "--vectors", "v=no.npy,none.npy", "-o", "other")
    assert result.exit_code == 2 and "found that all 2 failed, first: " in result.stderr
    assert "in no.npy; found no such file. With --retry" in result.stderr
    assert {"comparison.json", "comparison.md"} < {p.name for p in (here / "other").iterdir()}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--aligner", "propagatoin"], "Did you mean 'propagation'"),
        (["--aligner", "propagation/papr"], "Did you mean 'paper'"),
        (["--aligner", "p=propagation", "--aligner", "p=paris"], "found 'p' twice"),
        (["--vectors", "v"], "Expected --vectors NAME=LEFT,RIGHT; found 'v'."),
        (["--vectors", "v=a,b", "--set", "v:left=c"], "Expected no --set for vectors"),
        (["--set", "x:y=1"], "Expected --set NAME:PARAMETER=VALUE"),
        (["--set", "propagation:y"], "Expected --set NAME=VALUE; found 'y'"),
        (["--set", "propagation:verbos=1"], "Did you mean 'verbose'"),
        (["--dataset", "emoij"], "Did you mean 'emoji'"),
        (["--seeds", "0,a"], "Expected --seeds as numbers"),
        (["--seeds", "0,0"], "Expected --seeds that differ"),
        (["--train-ratio", "1"], "Expected --train-ratio to be"),
        (["--names", "ids"], "Expected --names to be one of"),
        (["--names", "given"], "Expected --names with two graphs whose entities have names"),
        (["--candidates", "al"], "Did you mean 'all'"),
        (["--matching", "csl"], "Did you mean 'csls'"),
        (["--csls-k", "0"], "Expected --csls-k to be"),
        (["-o", "of_mine.py"], "found the file of_mine.py"),
    ],
)
def test_bad_input_is_told_in_a_line(ibmea, here, pair_folder, args, message):
    base = ["compare"] + ["--dataset", str(pair_folder)] * (args[0] != "--dataset")
    base += ["--aligner", "propagation"] * (args[0] not in ("--aligner", "--vectors"))
    result = ibmea(*base, *args)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_the_output_is_no_input(ibmea, here, pair_folder):
    result = ibmea("compare", "--dataset", pair_folder, "-o", pair_folder, "--aligner", "paris")
    assert result.exit_code == 2 and "Nothing was written" in result.stderr
