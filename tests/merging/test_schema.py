"""Relations and attributes that mean the same, on graphs that were made so and on real ones."""

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.merging import align_schema
from ibmea_sklearn.merging._shares import lower_bound

N = 40


def pair(rows1, rows2, **attributes):
    """Two graphs whose entities i and -i are the same."""
    there = attributes.get("values1"), attributes.get("values2")
    graphs = [
        KnowledgeGraph(rows, values, entities=[f"{side}{i}" for i in range(N)])
        for side, rows, values in zip("ab", (rows1, rows2), there, strict=True)
    ]
    return *graphs, [(f"a{i}", f"b{i}") for i in range(N)]


def facts(side, relation, ends):
    return [(f"{side}{i}", relation, f"{side}{j}") for i, j in ends]


EVEN = [(i, (i * 7 + 1) % N) for i in range(0, N, 2)]
ODD = [(i, (i * 7 + 1) % N) for i in range(1, N, 2)]


def only(table):
    assert len(table) == 1, table
    return table.iloc[0]


def test_the_same_relation():
    row = only(align_schema(*pair(facts("a", "in", EVEN), facts("b", "dans", EVEN))))
    assert (row["source"], row["target"], row["kind"]) == ("in", "dans", "relation")
    assert (row["direction"], row["predicate"], row["n_facts"]) == ("same", "same", len(EVEN))
    assert row["share_source"] == row["share_target"] == 1
    assert row["confidence"] == pytest.approx(lower_bound(np.array([20.0]), np.array([20.0]))[0])


def test_an_inverse_relation():
    turned = [(j, i) for i, j in EVEN]
    row = only(align_schema(*pair(facts("a", "in", EVEN), facts("b", "contains", turned))))
    assert (row["direction"], row["predicate"]) == ("inverse", "same")


def test_a_narrower_relation_and_a_broader_one():
    """What one graph says by two relations the other says by one."""
    rows1 = facts("a", "born", EVEN) + facts("a", "raised", ODD)
    rows2 = facts("b", "lived", EVEN + ODD)
    kg1, kg2, matches = pair(rows1, rows2)
    table = align_schema(kg1, kg2, matches)
    assert table["predicate"].tolist() == ["narrower"] * 2
    turned = align_schema(kg2, kg1, [pair[::-1] for pair in matches])
    assert turned["predicate"].tolist() == ["broader"] * 2
    np.testing.assert_array_equal(table["share_source"], turned["share_target"])


def test_what_the_other_graph_lacks_is_no_argument_against():
    row = only(align_schema(*pair(facts("a", "in", EVEN + ODD), facts("b", "dans", EVEN))))
    assert (row["predicate"], row["n_facts"]) == ("same", len(EVEN))
    assert row["share_source"] > 0.8  # not 1: some ends are related by another fact, turned


def test_the_place_of_death_is_not_that_of_birth_where_only_one_is_told():
    """Of most, both places differ; those where they don't are the only ones related in both."""
    here, elsewhere = EVEN[:4], [(i, (i * 3 + 2) % N) for i, _ in EVEN[4:]]
    rows1 = facts("a", "died", here + elsewhere)
    assert not len(align_schema(*pair(rows1, facts("b", "born", EVEN))).query("predicate=='same'"))


@pytest.mark.parametrize(("n", "is_there"), [(1, False), (2, False), (3, True)])
def test_few_facts_are_not_enough(n, is_there):
    table = align_schema(*pair(facts("a", "in", EVEN[:n]), facts("b", "dans", EVEN[:n])))
    assert len(table) == is_there


def test_a_fact_counts_as_much_as_its_entities_are_sure():
    kg1, kg2, matches = pair(facts("a", "in", EVEN), facts("b", "dans", EVEN))
    sure = pd.DataFrame(matches, columns=["source", "target"])
    table = only(align_schema(kg1, kg2, sure))
    half = only(align_schema(kg1, kg2, sure.assign(confidence=0.7)))
    assert half["confidence"] < table["confidence"]
    with_others = sure.assign(score=3.0, confidence=1.0)[
        ["score", "target", "confidence", "source"]
    ]
    assert only(align_schema(kg1, kg2, with_others)).equals(table)


def test_attributes_in_other_units():
    values1 = {f"a{i}": {"height": 1.5 + i / 100} for i in range(N)}
    values2 = {f"b{i}": {"size": 150 + i} for i in range(N)}
    row = only(align_schema(*pair(None, None, values1=values1, values2=values2)))
    assert (row["kind"], row["predicate"], row["unit"]) == ("attribute", "same", "m to cm")
    assert row["scale"] == 100


def test_attributes_of_words_have_no_scale():
    values1 = {f"a{i}": {"alias": f"name {i}"} for i in range(N)}
    values2 = {f"b{i}": {"called": f"Name {i}"} for i in range(N)}
    row = only(align_schema(*pair(None, None, values1=values1, values2=values2)))
    assert np.isnan(row["scale"]) and row["unit"] == "" and row["n_facts"] == N


def test_nothing_in_common_is_an_empty_table():
    table = align_schema(*pair(facts("a", "in", EVEN), facts("b", "dans", ODD)))
    assert len(table) == 0 and "predicate" in table


@settings(max_examples=10)
@given(st.data())
def test_no_answer_depends_on_the_order_of_rows(data):
    ends = st.tuples(st.integers(0, 9), st.integers(0, 9))
    triples = st.lists(st.tuples(ends, st.sampled_from("rst")), min_size=3, max_size=40)
    rows = [[(f"{s}{i}", r, f"{s}{j}") for (i, j), r in data.draw(triples)] for s in "ab"]
    shuffled = [data.draw(st.permutations(one)) for one in rows]
    matches = pd.DataFrame([(f"a{i}", f"b{i}", 1 - i / 20) for i in range(10)])
    matches.columns = ["source", "target", "confidence"]
    tables = [aligned(rows, matches), aligned(shuffled, matches[::-1])]
    pd.testing.assert_frame_equal(*tables)


def aligned(rows, matches):
    graphs = [
        KnowledgeGraph(one, entities=[f"{side}{i}" for i in range(10)])
        for side, one in zip("ab", rows, strict=True)
    ]
    return align_schema(*graphs, matches, min_confidence=0.1)


@pytest.mark.parametrize(
    ("matches", "message"),
    [
        ([], "Expected matches of entities; found none"),
        ([("a0", "b0"), ("a0", "b1")], "keep the surest match of each entity"),
        ([("a0", "x")], "found 1 unknown: 'x'"),
        ([("b0", "a0")], "swap the columns"),
        ([("a0", "b0", 1.5)], "confidences of matches from 0 to 1; found 1.5 in row 0"),
        ([("a0", "b0", "sure")], "found 'sure' in row 0"),
    ],
)
def test_wrong_matches_are_told(matches, message):
    kg1, kg2, _ = pair(facts("a", "in", EVEN), facts("b", "dans", EVEN))
    with pytest.raises(ValueError, match=message):
        align_schema(kg1, kg2, matches)


def test_a_wrong_threshold_is_told():
    with pytest.raises(ValueError, match=r"min_confidence to be a number in \[0, 1\]; found 2"):
        align_schema(*pair(facts("a", "in", EVEN), facts("b", "dans", EVEN)), min_confidence=2)


@pytest.mark.parametrize(("data", "least"), [("mmkg", 0.75), ("zh_en", 0.9)])
def test_most_rows_that_were_judged_by_hand_are_right(data, least, real_pair):
    """100 rows drawn at random were judged: by names of MMKG, by facts of DBP15K."""
    kg1, kg2, links = real_pair(data)
    keys = ["source", "target", "kind", "direction", "predicate"]
    found = align_schema(kg1, kg2, SeedPairs(kg1, kg2, links))[keys]
    judged = pd.read_csv(Path(__file__).with_name("schema_judged.csv")).query("data == @data")
    there = judged.merge(found, on=keys)
    assert len(there) >= 0.9 * len(judged)
    assert there["right"].mean() >= least
