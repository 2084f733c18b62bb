"""Clusters out of alignments of two graphs each."""

from itertools import combinations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn import join_alignments

GRAPHS = "abc"


def table(rows):
    return pd.DataFrame(rows, columns=["source", "target", "confidence"])


confidences = st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.9, 1.0])
pairs_of_two = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(0, 4)), confidences, max_size=10
)
any_tables = st.fixed_dictionaries(dict.fromkeys(combinations(GRAPHS, 2), pairs_of_two))


def built(tables):
    return {
        (one, two): table([(f"{one}{i}", f"{two}{j}", c) for (i, j), c in rows.items()])
        for (one, two), rows in tables.items()
    }


def said(joined):
    grouped = joined.clusters.groupby("cluster")["entity"].agg(list).tolist()
    return (
        grouped,
        joined.contradictions.to_numpy().tolist(),
        joined.clusters["confidence"].tolist(),
    )


@given(any_tables)
def test_no_cluster_holds_two_of_one_graph(tables):
    clusters = join_alignments(built(tables)).clusters
    assert not clusters.duplicated(["cluster", "graph"]).any()
    assert not clusters.duplicated(["graph", "entity"]).any()
    assert clusters["confidence"].between(0.5, 1).all()


@given(any_tables, st.randoms(use_true_random=False))
def test_the_order_of_graphs_and_rows_says_nothing(tables, random):
    given_ = built(tables)
    keys = list(given_)
    random.shuffle(keys)
    other = {}
    for key in keys:
        rows = given_[key].sample(frac=1, random_state=random.randrange(1000))
        swap = random.random() < 0.5
        turned = rows.rename(columns={"source": "target", "target": "source"})
        other[key[::-1] if swap else key] = turned if swap else rows
    assert said(join_alignments(other)) == said(join_alignments(given_))


@given(st.lists(st.sets(st.sampled_from(GRAPHS), min_size=2), max_size=6))
def test_perfect_tables_give_the_truth(truth):
    tables = {
        (one, two): table(
            [(f"{one}{i}", f"{two}{i}", 1.0) for i, of in enumerate(truth) if {one, two} <= of]
        )
        for one, two in combinations(GRAPHS, 2)
    }
    joined = join_alignments(tables)
    expected = {frozenset(f"{graph}{i}" for graph in of) for i, of in enumerate(truth)}
    assert {frozenset(e) for e in joined.clusters.groupby("cluster")["entity"]
            .agg(list)} == expected  # fmt: skip
    assert joined.contradictions.empty


def test_a_third_graph_supports_a_pair_and_outweighs_a_surer_one():
    tables = {
        ("a", "b"): table([("a1", "b1", 0.6), ("a1", "b2", 0.7)]),
        ("b", "c"): table([("b1", "c1", 0.9)]),
        ("a", "c"): table([("a1", "c1", 0.9)]),
    }
    joined = join_alignments(tables)
    assert joined.clusters["entity"].tolist() == ["a1", "b1", "c1"]
    (row,) = joined.contradictions.itertuples()
    assert (row.source, row.target, row.confidence) == ("a1", "b2", 0.7)
    assert {row.entity_1, row.entity_2} == {"b1", "b2"}


def test_without_the_limit_all_that_hangs_together_is_one_cluster():
    tables = {("a", "b"): table([("a1", "b1", 0.9), ("a1", "b2", 0.8)])}
    joined = join_alignments(tables, one_each=False)
    assert joined.clusters["entity"].tolist() == ["a1", "b1", "b2"]
    assert joined.contradictions.empty


def test_pairs_of_two_graphs_come_out_of_the_clusters():
    tables = {("a", "b"): table([("a1", "b1", 0.9)]), ("b", "c"): table([("b1", "c1", 0.8)])}
    pairs = join_alignments(tables).pairs("c", "a")
    assert pairs[["source", "target"]].to_numpy().tolist() == [["c1", "a1"]]
    with pytest.raises(ValueError, match="found 'd'"):
        join_alignments(tables).pairs("a", "d")


def test_a_confidence_that_is_not_there_is_one():
    tables = {("a", "b"): table([("a1", "b1", 0.9)])[["source", "target"]]}
    assert join_alignments(tables).clusters["confidence"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "wrong, error, message",
    [
        ([], TypeError, "a mapping"),
        ({"ab": table([])}, ValueError, "keys of two names"),
        ({("a", "a"): table([])}, ValueError, "keys of two names"),
        ({("a", "b"): table([]), ("b", "a"): table([])}, ValueError, "both ways"),
        ({("a", "b"): [("a1", "b1")]}, TypeError, "a DataFrame with the columns"),
        ({("a", "b"): table([("a1", "b1", 2)])}, ValueError, "from 0 to 1"),
        ({("a", "b"): table([("a1", "b1", None)])}, ValueError, "from 0 to 1"),
    ],
)
def test_what_is_no_alignment_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        join_alignments(wrong)


def test_both_tables_are_written(tmp_path):
    one = pd.DataFrame({"source": ["a"], "target": ["b"], "confidence": [0.5]})
    joined = join_alignments({("x", "y"): one})
    for name in ("t.csv", "t.tsv"):
        joined.write(tmp_path / name)
        sep = "," if name.endswith("csv") else "\t"
        pd.testing.assert_frame_equal(pd.read_csv(tmp_path / name, sep=sep), joined.clusters)
    joined.write(tmp_path / "no.csv", "contradictions")
    assert pd.read_csv(tmp_path / "no.csv").columns.tolist() == [*joined.contradictions]


@pytest.mark.parametrize(
    ("name", "what", "message"),
    [
        ("t.json", "clusters", "ends in .csv, .tsv, .parquet; found 't.json'"),
        ("t.csv", "cluster", "Did you mean 'clusters'"),
        ("t.parquet", "clusters", "found int and str. Write .csv or .tsv"),
    ],
)
def test_tables_that_can_not_be_written(tmp_path, name, what, message):
    one = pd.DataFrame({"source": ["a"], "target": [1]}, dtype=object)
    with pytest.raises(ValueError, match=message):
        join_alignments({("x", "y"): one}).write(tmp_path / name, what)
    assert not list(tmp_path.iterdir())
