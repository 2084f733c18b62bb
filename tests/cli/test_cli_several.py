"""``ibmea align-all`` and ``ibmea deduplicate``: graphs in, clusters and pairs out."""

import io

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import KnowledgeGraph, deduplicate
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.io import read_alignment, read_graph, write_alignment, write_graph

SMALL = ("rounds__n_rounds=1", "propagation__n_components=64")
OPTIONS = tuple(part for setting in SMALL for part in ("--set", setting))


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Three small graphs in a folder each, of one world, and known pairs of two of them."""
    folder = tmp_path_factory.mktemp("three")
    kg1, kg2, links = make_mmkg_pair(60, name_noise=0.0, random_state=0)
    ids, names = kg2.entity_ids, kg2.relation_names
    kg3 = KnowledgeGraph(
        [(f"z{ids[h]}", names[r], f"z{ids[t]}") for h, r, t in kg2.relation_triples],
        entities=[f"z{i}" for i in ids],
        names=[(f"z{ids[e]}", name) for e, name, _ in zip(*kg2.names, strict=True)],
    )
    for name, kg in (("x", kg1), ("y", kg2), ("z", kg3)):
        write_graph(kg, folder / name)
    write_alignment(
        pd.DataFrame(links[:40], columns=["source", "target"]), folder / "x-y.csv", format="csv"
    )
    return folder


@pytest.fixture
def graphs(three):
    return [three / name for name in "xyz"]


def test_clusters_their_pairs_and_what_contradicts_them_are_written(ibmea, three, graphs, tmp_path):
    pairs, contradictions = tmp_path / "pairs", tmp_path / "no.tsv"
    result = ibmea(
        *("align-all", *graphs, "-o", "-", "--pairs", pairs, "--contradictions", contradictions),
        *("--seeds", f"x,y={three / 'x-y.csv'}", *OPTIONS),
    )
    assert result.exit_code == 0, result.output
    clusters = pd.read_csv(io.StringIO(result.stdout), sep="\t")
    groups = clusters.groupby("cluster")["entity"].agg(set).tolist()
    links = read_alignment(three / "x-y.csv")[["source", "target"]].to_numpy(object)
    assert sum({a, b, f"z{b}"} in groups for a, b in links) > 0.8 * len(links)
    for one, two in (("x", "y"), ("x", "z"), ("y", "z")):
        found = read_alignment(pairs / f"{one}--{two}.tsv")
        sides = [clusters[clusters["graph"] == graph] for graph in (one, two)]
        both = sides[0].merge(sides[1], on="cluster")
        expected = both[["entity_x", "entity_y"]].to_numpy().tolist()
        assert sorted(found[["source", "target"]].to_numpy().tolist()) == sorted(expected)
    n_told = len(pd.read_csv(contradictions, sep="\t"))
    n_whole = (clusters.groupby("cluster").size() == 3).sum()
    assert f"of them {n_whole} with an entity of each graph; {n_told} matches" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "c.json"], "Expected --output to end in .csv, .tsv, .parquet; found 'c.json'"),
        (["-o", "c.csv", "--min-confidence", "2"], "Expected --min-confidence to be a number in"),
        (["-o", "c.csv", "--cardinality", "two"], "Expected --cardinality one or many; found 'two"),
        (["-o", "c.csv", "--seeds", "x,w=s.csv"], "names out of x, y, z; found 'x,w=s.csv'"),
        (["-o", "c.csv", "--seeds", "x,x=s.csv"], "Expected --seeds KG1,KG2=FILE"),
        (["-o", "c.csv", "--seeds", "x,y"], "Expected --seeds KG1,KG2=FILE"),
        (["-o", "c.csv", *("--seeds", "x,y=a", "--seeds", "y,x=b")], "seeds of y and x once"),
        (["-o", "c.csv", "--seeds", "x,y=none.csv"], "none.csv"),
        (["-o", "c.csv", "--contradictions", "c.csv"], "to name a place of its own"),
        (["-o", "x/entities.csv"], "to name a place of its own"),
        (["-o", "c.csv", "--aligner", "none"], "none"),
    ],
)
def test_wrong_options_write_nothing(ibmea, graphs, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    for path in graphs:
        (tmp_path / path.name).symlink_to(path)
    result = ibmea("align-all", "x", "y", "z", *options)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"x", "y", "z"}


def test_one_graph_or_two_of_one_name_are_refused(ibmea, graphs, tmp_path):
    result = ibmea("align-all", graphs[0], "-o", tmp_path / "c.csv")
    assert "two graphs or more; found 1. Duplicates in one graph" in result.stderr
    result = ibmea("align-all", graphs[0], graphs[0], "-o", tmp_path / "c.csv")
    assert "both called 'x'. Rename one" in result.stderr


def test_seeds_the_other_way_round_are_told(ibmea, three, graphs, tmp_path):
    turned = f"y,x={three / 'x-y.csv'}"
    result = ibmea("align-all", *graphs, "-o", tmp_path / "c.csv", "--seeds", turned)
    assert result.exit_code == 2 and "swap the columns" in result.stderr


def test_ids_of_two_types_are_no_parquet(ibmea, graphs, tmp_path):
    write_graph(KnowledgeGraph([(1, "r", 2)]), tmp_path / "numbers")
    result = ibmea("align-all", graphs[0], tmp_path / "numbers", "-o", tmp_path / "c.parquet")
    assert result.exit_code == 2 and "Write .csv or .tsv" in result.stderr


@pytest.fixture(scope="module")
def doubled(tmp_path_factory):
    drawn = np.random.default_rng(0).integers(120, size=(900, 2)).tolist()
    facts = [(f"e{head}", "knows", f"e{tail}") for head, tail in drawn]
    facts += [(f"{head} again", r, t) for head, r, t in facts if head[1:] < "2"]
    write_graph(KnowledgeGraph(facts), tmp_path_factory.mktemp("doubled") / "kg")
    return tmp_path_factory.getbasetemp() / "doubled0" / "kg"


@pytest.mark.parametrize("name", ["d.tsv", "d.nt"])
def test_duplicates_are_those_of_python(ibmea, doubled, tmp_path, name):
    result = ibmea("deduplicate", doubled, "-o", tmp_path / name, "--min-confidence", 0.6)
    assert result.exit_code == 0, result.output
    found = deduplicate(read_graph(doubled), min_confidence=0.6)
    written = read_alignment(tmp_path / name)
    assert len(found) > 20
    assert set(zip(written["source"], written["target"], strict=True)) == set(
        zip(found["source"], found["target"], strict=True)
    )
    assert f"Duplicates: {len(found)} pairs of" in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "d.json"], "Expected a file for the alignment that ends in .tsv"),
        (["-o", "d.tsv", "--min-confidence", "-1"], "Expected --min-confidence to be a number in"),
        (["-o", "d.tsv", "--n-candidates", "2"], "Expected --n-candidates to be an integer of at"),
        (["-o", "d.tsv", "--modalities", "smell"], "smell"),
        (["-o", "d.tsv", "--device", "abacus"], "abacus"),
    ],
)
def test_wrong_options_find_no_duplicates(ibmea, doubled, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    result = ibmea("deduplicate", doubled, *options)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not list(tmp_path.iterdir())
