"""Two entities side by side, and matches that contradict others."""

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.inspection import AttributeRow, NeighborRow, PairComparison


def pairs(*rows):
    return pd.DataFrame(rows, columns=["source", "target", "confidence"][: len(rows[0])])


def compared(left, right, matches=None):
    kg1, kg2 = (KnowledgeGraph(attribute_triples=said) for said in (left, right))
    return PairComparison(kg1, kg2, matches if matches is not None else pairs(("a", "b")))


def test_attributes_of_one_name_agree_by_value():
    found = compared(
        {"a": {"http://x/born": "1912-09-11", "name": "Ann", "http://x/size": "1.8 m"}},
        {"b": {"born": 1912.69354839, "name": " ann ", "size": "2"}},
    ).attributes("a", "b")
    assert [(row.source_attribute, row.agrees) for row in found] == [
        ("http://x/born", True),
        ("name", True),
        ("http://x/size", False),
    ]


def test_attributes_of_other_names_are_told_by_the_values_of_matches():
    left = {f"a{i}": {"height": 1.5 + i / 100} for i in range(50)}
    right = {f"b{i}": {"Größe": f"{150 + i} cm", "number": i} for i in range(50)}
    found = compared(left, right, pairs(*((f"a{i}", f"b{i}") for i in range(50))))
    (row, alone) = found.attributes("a7", "b7")
    assert row == AttributeRow("height", "Größe", 1.57, "157 cm", True)
    assert alone == AttributeRow(None, "number", None, 7, None)
    assert not found.attributes("a7", "b9")[0].agrees


def test_of_several_values_equal_ones_go_together_and_others_contradict_nothing():
    found = compared({"a": {"team": ["Ajax", "PSV"]}}, {"b": {"team": ["NEC", "psv", "NAC"]}})
    assert found.attributes("a", "b") == [
        AttributeRow("team", "team", "PSV", "psv", True),
        AttributeRow("team", "team", "Ajax", "NEC", None),
        AttributeRow("team", "team", None, "NAC", None),
    ]


@pytest.fixture(scope="module")
def linked():
    kg1 = KnowledgeGraph([("a", "r", "x"), ("y", "s", "a"), ("a", "r", "z"), ("a", "r", "a")])
    kg2 = KnowledgeGraph([("A", "R", "X"), ("A", "R", "V"), ("W", "S", "Y")])
    return PairComparison(kg1, kg2, pairs(("a", "A"), ("x", "X"), ("y", "Y")))


def test_neighbors_are_matched_to_each_other_elsewhere_or_not(linked):
    assert linked.neighbors("a", "A") == [
        NeighborRow("x", "X", ("→ r",), ("→ R",), True, None),
        NeighborRow("y", None, ("← s",), (), False, "Y"),
        NeighborRow("z", None, ("→ r",), (), None, None),
        NeighborRow(None, "V", (), ("→ R",), None, None),
    ]


def test_an_entity_without_triples_has_neither():
    kg = KnowledgeGraph([("a", "r", "b")], entities=["a", "b", "alone"])
    found = PairComparison(kg, kg, pairs(("alone", "alone")))
    assert found.neighbors("alone", "alone") == found.attributes("alone", "alone") == []
    assert found.contradictions().to_numpy().tolist() == [[False, False]]


def naive_contradictions(kg1, kg2, matches):
    """By sets, match by match."""
    best = {}
    for s, t, _ in sorted(matches.values.tolist(), key=lambda m: (-m[2], m[0], m[1])):
        best.setdefault(s, t)
    back = {}
    for s, t in best.items():
        back.setdefault(t, set()).add(s)

    def near(kg, entity):
        ids = kg.entity_ids[kg.relation_triples[:, [0, 2]]].tolist()
        return {b for pair in ids for a, b in (pair, pair[::-1]) if a == entity and b != entity}

    for s, t in matches[["source", "target"]].values.tolist():
        here, there = near(kg1, s), near(kg2, t)
        n_ahead = sum(x in best for x in here)
        n_back = sum(len(back.get(y, ())) for y in there)
        shared = any(best.get(x) in there for x in here)
        yield not shared and min(n_ahead, n_back) >= 2


edges = st.lists(st.tuples(st.integers(0, 6), st.just("r"), st.integers(0, 6)), max_size=12)
some = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.sampled_from([0.2, 0.9])),
    min_size=1, max_size=8, unique_by=lambda m: m[:2],
)  # fmt: skip


@given(edges, edges, some)
def test_contradictions_are_those_of_a_naive_loop(left, right, matches):
    kg1, kg2 = (KnowledgeGraph(e, entities=range(7)) for e in (left, right))
    table = pairs(*matches)
    found = PairComparison(kg1, kg2, table).contradictions()
    naive = list(naive_contradictions(kg1, kg2, table))
    assert found["disagrees_with_neighbors"].tolist() == naive
    shares = table["source"].duplicated(keep=False) | table["target"].duplicated(keep=False)
    assert found["shares_entity"].tolist() == shares.tolist()
    order = np.random.default_rng(0).permutation(len(table))
    again = PairComparison(kg1, kg2, table.iloc[order]).contradictions()
    assert again["disagrees_with_neighbors"].tolist() == [naive[i] for i in order]


def test_types_and_images():
    kg1 = KnowledgeGraph(
        [("a", "http://x/ns#type", "City")],
        {"b": {"category": "Town"}},
        images={"a": b"x"},
        names={"City": "Ville"},
    )
    found = PairComparison(kg1, kg1, pairs(("a", "b"), ("b", "a"), ("City", "City")))
    assert found.types() == ["Ville", "Town", ""]
    assert found.has_image().tolist() == [[True, False], [False, True], [False, False]]


def test_wrong_input_is_told(linked):
    kg = linked.kg1
    with pytest.raises(ValueError, match="columns source and target"):
        PairComparison(kg, kg, pd.DataFrame({"left": ["a"]}))
    with pytest.raises(ValueError, match="column 'source' of matches.*unknown: 'q'"):
        PairComparison(kg, kg, pairs(("q", "a")))
    with pytest.raises(ValueError, match="unknown"):
        linked.neighbors("a", "q")
