"""``ibmea align --verdicts``: a file of verdicts goes into the fit."""

import pandas as pd
import pytest

from ibmea_sklearn import BaseAligner
from ibmea_sklearn.io import read_alignment, write_verdicts

QUICK = ("--aligner", "propagation", "--modalities", "graph,image")


@pytest.fixture
def align(ibmea, pair_folder, toy_pair, tmp_path):
    """Align the toy pair from 40 seeds; return what was said and the table that was written."""
    seeds = tmp_path / "seeds.tsv"
    seeds.write_text("".join(f"{a}\t{b}\n" for a, b in toy_pair.links[:40]))
    given = pair_folder / "kg1", pair_folder / "kg2", "--seeds", seeds, *QUICK

    def run(*options):
        path = tmp_path / "out" / "alignment.tsv"
        path.parent.mkdir(exist_ok=True)
        return ibmea("align", *given, "-o", path, *options), path

    return run


@pytest.fixture
def file(tmp_path):
    """Write verdicts, and return the path."""

    def write(name, *rows):
        path = tmp_path / name
        table = pd.DataFrame(rows, columns=["source", "target", "verdict"], dtype=object)
        write_verdicts(table.assign(author="Ada", date="2026-01-31"), path)
        return path

    return write


def pairs_of(path):
    table = read_alignment(path)
    return list(zip(table["source"], table["target"], strict=True))


def test_the_files_go_into_the_fit_and_the_header_counts_them(align, file, toy_pair, tmp_path):
    result, path = align()
    assert result.exit_code == 0, result.output
    wrong, lone = pairs_of(path)[0], pairs_of(path)[1][0]
    right = toy_pair.links[-1]
    one = file("one.sssom.tsv", (*wrong, "different"), (lone, None, "none"))
    two = file("two.sssom.tsv", (*right, "same"), (*pairs_of(path)[2], "unsure"))
    saved = tmp_path / "aligner.safetensors"
    result, path = align("--verdicts", one, "--verdicts", two, "--save", saved)
    assert result.exit_code == 0, result.output
    said = "Verdicts beside the seeds: 1 same, 1 different, 1 none, 1 unsure."
    assert said in " ".join(result.output.split())
    header = path.read_text().split("subject_id")[0]
    assert said in " ".join(header.split())
    found = pairs_of(path)
    assert wrong not in found and lone not in dict(found) and right[0] not in dict(found)
    aligner = BaseAligner.load(saved)
    assert len(aligner.judged_.different) == 1 and len(aligner.seed_indices_) == 41


def test_the_later_file_counts(align, file, toy_pair, tmp_path):
    pair = tuple(toy_pair.links[-1])
    one, two = file("one.sssom.tsv", (*pair, "same")), file("two.sssom.tsv", (*pair, "different"))
    result, _ = align("--verdicts", one, "--verdicts", two)
    assert "0 same, 1 different" in " ".join(result.output.split())


@pytest.mark.filterwarnings("default:Verdicts contradict:UserWarning")
def test_a_contradiction_is_told(align, file, toy_pair):
    result, _ = align("--verdicts", file("v.sssom.tsv", (*toy_pair.links[0], "different")))
    assert result.exit_code == 0
    said = " ".join(result.output.split())
    assert "Verdicts contradict what was known in 1 cases" in said and "(Ada, 2026-01-31)" in said


def test_bad_verdicts_are_named(align, file, toy_pair, tmp_path):
    result, path = align("--verdicts", tmp_path / "absent.tsv")
    assert result.exit_code == 2 and "absent.tsv" in result.output
    stranger = file("v.sssom.tsv", ("urn:nobody", toy_pair.links[0, 1], "same"))
    result, _ = align("--verdicts", stranger)
    said = " ".join(result.output.split())
    assert result.exit_code == 2 and "source of verdict 0, by Ada" in said
    _, path = align()
    result, _ = align("--verdicts", path.rename(tmp_path / "judged_by_nobody.tsv"))
    assert result.exit_code == 2 and "ibmea review" in " ".join(result.output.split())
