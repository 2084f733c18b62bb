"""``ibmea align --extend``: graphs that have grown, and an aligner that was saved."""

import pandas as pd
import pytest

from ibmea_sklearn import BaseAligner
from ibmea_sklearn.io import read_alignment, read_graph, write_pair

QUICK = ("--aligner", "propagation", "--set", "propagation__n_components=128", "--quiet")


@pytest.fixture(scope="module")
def saved(toy_pair, pair_folder, tmp_path_factory):
    """An aligner of the toy pair without five pairs, in a file; and its alignment."""
    from typer.testing import CliRunner

    from ibmea_sklearn.cli import app

    folder = tmp_path_factory.mktemp("saved")
    graphs = zip((pair_folder / "kg1", pair_folder / "kg2"), toy_pair.links[-5:].T, strict=True)
    before = [read_graph(path).without(late) for path, late in graphs]
    write_pair(*before, toy_pair.links[:40], folder / "before")
    arguments = (folder / "before", "-o", folder / "first.tsv", "--save", folder / "saved")
    result = CliRunner().invoke(app, [str(a) for a in ("align", *arguments, *QUICK)])
    assert (result.exit_code, result.output) == (0, "")
    return folder


def run(ibmea, pair_folder, saved, *options):
    graphs = pair_folder / "kg1", pair_folder / "kg2"
    return ibmea("align", *graphs, "--extend", saved / "saved", *options)


def test_the_file_has_what_the_api_gives(ibmea, pair_folder, saved, tmp_path):
    files = "-o", tmp_path / "second.tsv", "--changes", tmp_path / "c.tsv", "--save", tmp_path / "s"
    result = run(ibmea, pair_folder, saved, *files)
    assert result.exit_code == 0
    assert "5 and 5 entities are new" in result.output
    aligner = BaseAligner.load(saved / "saved").set_params(verbose=0)
    aligner.extend(read_graph(pair_folder / "kg1"), read_graph(pair_folder / "kg2"))
    written = read_alignment(tmp_path / "second.tsv")[["source", "target"]]
    assert written.to_numpy().tolist() == aligner.align()[["source", "target"]].values.tolist()
    first = read_alignment(saved / "first.tsv")
    assert first["source"].isin(written["source"]).all()
    changes = pd.read_csv(tmp_path / "c.tsv", sep="\t")
    assert changes["source"].tolist() == aligner.changes_["source"].tolist()
    again = BaseAligner.load(tmp_path / "s")
    pd.testing.assert_frame_equal(again.align(), aligner.align())


@pytest.mark.parametrize(
    "option", [("--seeds", "seeds.tsv"), ("--epochs", 3), ("--set", "duplicates=first")]
)
def test_what_only_a_fit_can_heed_is_refused(ibmea, pair_folder, saved, tmp_path, option):
    result = run(ibmea, pair_folder, saved, "-o", tmp_path / "second.tsv", *option)
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert f"Expected --extend without what only a fit can heed; found {option[0]}" in said
    assert not (tmp_path / "second.tsv").exists()


def test_changes_of_a_first_alignment(ibmea, pair_folder, tmp_path):
    files = "-o", tmp_path / "a.tsv", "--changes", tmp_path / "c.tsv"
    result = ibmea("align", pair_folder, *files, *QUICK)
    assert result.exit_code == 2 and "Expected --extend with --changes" in result.output


def test_graphs_that_have_shrunk(ibmea, saved, toy_pair, pair_folder, tmp_path):
    kg1, kg2 = read_graph(pair_folder / "kg1"), read_graph(pair_folder / "kg2")
    gone = toy_pair.links[3, 0]
    write_pair(kg1.without([gone]), kg2, toy_pair.links[:3], tmp_path / "pair")
    options = "--extend", saved / "saved", "-o", tmp_path / "a.tsv"
    result = ibmea("align", tmp_path / "pair", *options)
    assert result.exit_code == 2 and repr(str(gone)) in result.output
