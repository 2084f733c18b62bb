"""Results on standard output, all else on standard error; plain text where nobody looks."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from ibmea_sklearn import KnowledgeGraph, PropagationAligner
from ibmea_sklearn.io import read_alignment, write_graph, write_pair

FAST = ("--aligner", "propagation", "--set", "propagation__n_components=16")


@pytest.fixture
def two(pair_folder):
    return pair_folder / "kg1", pair_folder / "kg2", "--seeds", pair_folder / "links.csv"


def test_an_alignment_on_standard_output_is_that_of_the_file(ibmea, two, tmp_path):
    path = tmp_path / "a.tsv"
    to_file = ibmea("align", *two, "-o", path, *FAST)
    result = ibmea("align", *two, "-o", "-", *FAST)
    assert (to_file.exit_code, result.exit_code) == (0, 0)
    dated = re.compile(r"#mapping_date.*\n")
    assert dated.sub("", result.stdout) == dated.sub("", path.read_text())
    assert "Reading ..." in result.stderr and "to standard output" in result.stderr
    assert len(read_alignment(path)) >= 5
    assert ibmea("align", *two, "-o", "-", *FAST, "--quiet").stderr == ""


def test_an_interrupted_fit_gives_what_it_has(ibmea, two, monkeypatch):
    fit = PropagationAligner.fit

    def interrupted(self, *args, **kwargs):
        fit(self, *args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(PropagationAligner, "fit", interrupted)
    result = ibmea("align", *two, "-o", "-", *FAST)
    assert result.exit_code == 130
    assert "subject_id\t" in result.stdout and "Interrupted. No file was written." in result.stderr


def test_an_error_leaves_standard_output_empty(ibmea, two):
    result = ibmea("align", *two, "-o", "-", "--method", "mutul", *FAST)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Did you mean 'mutual'?" in result.stderr


def test_scores_on_standard_output(ibmea, pair_folder):
    result = ibmea("evaluate", "--dataset", pair_folder, "--json", "-", *FAST)
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["protocol"]["n_test"] == 56
    assert (
        "Hits@1" in result.stderr and "Wrote scores and protocol to standard out" in result.stderr
    )


def test_contents_as_json(ibmea, pair_folder, toy_pair):
    result = ibmea("info", "--json", pair_folder)
    found = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (found["path"], found["format"]) == (str(pair_folder), "folder of two graphs")
    for graph, kg in zip(found["graphs"], (toy_pair.kg1, toy_pair.kg2), strict=True):
        assert graph["relation triples"] == len(kg.relation_triples)
        assert graph["features"] == {"image": 32}
        assert graph["modalities"] == kg.modalities
    assert found["links"]["pairs"] == 80
    assert found["links"]["left"] == {"share": 80 / 90, "unknown": 0, "repeated": 0}
    assert found["unread"] == []


def test_an_alignment_as_json(ibmea, tmp_path):
    (tmp_path / "a.csv").write_text("source,target,confidence\na,x,0.25\nb,y,1\n")
    found = json.loads(ibmea("info", tmp_path / "a.csv", "--json").stdout)
    assert found == {
        "path": str(tmp_path / "a.csv"), "format": "alignment (table)", "pairs": 2, "sources": 2,
        "targets": 2, "confidence": {"least": 0.25, "most": 1.0, "at_least_half": 1},
    }  # fmt: skip
    (tmp_path / "a.csv").write_text("source,target,confidence\n")
    assert json.loads(ibmea("info", tmp_path / "a.csv", "--json").stdout)["pairs"] == 0


@pytest.mark.filterwarnings("default")
def test_files_that_nothing_reads_are_told(ibmea, tmp_path):
    kg = KnowledgeGraph([("a", "r", "b")])
    write_pair(kg, kg, [("a", "a")], tmp_path)
    (tmp_path / "kg1" / "imges.csv").write_text("entity,image\na,a.png\n")
    result = ibmea("info", tmp_path)
    assert result.exit_code == 0
    assert result.stderr == (
        f"Warning: Nothing reads kg1/imges.csv in {tmp_path}. If they belong to the graphs, check "
        "their names.\n"
    )
    again = ibmea("info", tmp_path, "--json")
    assert json.loads(again.stdout)["unread"] == ["kg1/imges.csv"] and again.stderr == result.stderr


def test_tables_in_pipes_are_plain_and_whole(ibmea, tmp_path):
    name = "a_long_name_" * 12 + "[red]:smile:"
    write_graph(KnowledgeGraph([("a", "r", "b")], name=name), tmp_path / name)
    result = ibmea("info", tmp_path / name)
    assert result.stdout.isascii() and "\x1b" not in result.output
    assert f"| {name} |" in result.stdout


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="a terminal is made where Unix is")
@pytest.mark.parametrize("no_color", [False, True])
def test_no_color_on_a_terminal(tmp_path, no_color):
    write_graph(KnowledgeGraph([("a", "r", "b")]), tmp_path)
    (tmp_path / "other.csv").write_text("x")
    ours, theirs = os.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    env |= {"TERM": "xterm-256color", **({"NO_COLOR": "1"} if no_color else {})}
    code = "from ibmea_sklearn.cli import main; main()"
    command = [sys.executable, "-c", code, "info", str(tmp_path)]
    done = subprocess.run(command, stdout=theirs, stderr=theirs, env=env, timeout=120)
    os.close(theirs)
    seen = os.read(ours, 1 << 16)
    os.close(ours)
    assert done.returncode == 0 and b"Nothing reads other.csv" in seen
    assert (b"\x1b[" in seen) != no_color


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="pipes break so where Unix is")
def test_a_reader_that_goes_away_is_no_bug(pair_folder):
    code = "from ibmea_sklearn.cli import main; main()"
    command = [sys.executable, "-c", code, "info", "--json", str(pair_folder)]
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(theirs)
    assert "bug" not in done.stderr
