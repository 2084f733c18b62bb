"""What a pair gives away: each fault is caused, and found."""

import json

import numpy as np
import pytest

from ibmea_sklearn import KnowledgeGraph, check_pair
from ibmea_sklearn.datasets import make_mmkg_pair


def chain(prefix, order, attributes=None, names=None):
    """Entities in an order, each linked to the next."""
    ids = [f"{prefix}{i}" for i in order]
    triples = [(a, "next", b) for a, b in zip(ids, ids[1:], strict=False)]
    return KnowledgeGraph(triples, attributes, names=names, entities=ids)


def links(n=10, left="a:", right="b:", names=str):
    return np.array([(f"{left}{i}", f"{right}{names(i)}") for i in range(n)], object)


def test_nothing_is_found_where_nothing_is():
    check = check_pair(*make_mmkg_pair(100, random_state=0))
    assert check.findings() == []
    assert check.names_alone is None and check.same_ids == 0
    assert abs(check.row_order) < 0.3


def test_a_like_order_of_rows_is_found():
    rng = np.random.default_rng(0)
    kg1, kg2 = chain("a:", range(10)), chain("b:", range(10))
    assert check_pair(kg1, kg2, links()).row_order == pytest.approx(1)
    mixed = chain("b:", [*range(9, -1, -1)])
    assert check_pair(kg1, mixed, links()).row_order == pytest.approx(-1)
    found = check_pair(kg1, kg2, links()[rng.permutation(10)])
    assert found.row_order == pytest.approx(1)  # the order of the links is no matter
    assert any("Spearman 1.00" in said for said in found.findings())


def test_equal_ids_and_last_parts():
    same = check_pair(chain("x", range(10)), chain("x", range(10)), links(10, "x", "x"))
    assert (same.same_ids, same.same_last_parts) == (1, 1)
    parts = check_pair(chain("a:", range(10)), chain("b:", range(10)), links())
    assert (parts.same_ids, parts.same_last_parts) == (0, 1)
    one = KnowledgeGraph([("a:Lyon", "in", "a:x")])
    two = KnowledgeGraph([("b:lyon", "in", "b:y"), ("b:LYON", "in", "b:y")])
    assert check_pair(one, two, [("a:Lyon", "b:lyon")]).same_last_parts == 0  # two are equal


def test_names_alone():
    named = chain("a:", range(4), names={"a:0": "Lyon", "a:1": "Paris", "a:2": "Nice"})
    other = chain("b:", range(4), names={"b:0": "LYON", "b:1": "Paris", "b:3": "Paris"})
    check = check_pair(named, other, links(4))
    assert check.names_alone == 0.25  # Paris is two, Nice none, and one has no name
    assert "Equal names alone have a Hits@1 of 0.250." in check.findings()


@pytest.mark.parametrize("value", ["b:{}", "http://y.org/{}", "{}"])
def test_a_value_that_is_the_other_id(value):
    told = {f"a:{i}": {"same as": value.format(i), "age": 200 + i} for i in range(8)}
    check = check_pair(chain("a:", range(10), told), chain("b:", range(10)), links())
    row = check.values.iloc[0]
    assert (row["kind"], row["side"], row["name"]) == ("attribute", "left", "same as")
    assert (row["n_links"], row["share"]) == (8, 0.8)
    assert any("'same as' of the left graph holds the id" in said for said in check.findings())


def test_a_relation_to_the_other_id():
    same = [(f"b:{i}", "sameAs", f"a:{i}") for i in range(5)]
    kg2 = KnowledgeGraph([(f"b:{i}", "next", f"b:{i + 1}") for i in range(9)] + same)
    check = check_pair(chain("a:", range(10)), kg2, links())
    row = check.values.iloc[0]
    assert (row["kind"], row["side"], row["name"]) == ("relation", "right", "sameAs")
    assert row["n_links"] == 5


def test_duplicates_are_counted():
    told = links(6)
    told = np.concatenate([told, told[:2], [["a:0", "b:7"], ["a:9", "nobody"]]])
    triples = [("a:0", "r", "a:1"), ("a:2", "r", "a:1"), ("a:3", "r", "a:3")]
    values = [("a:4", "p", "1"), ("a:4", "p", "1"), ("a:5", "p", "2")]
    kg1 = KnowledgeGraph(triples, values, entities=[f"a:{i}" for i in range(10)])
    check = check_pair(kg1, chain("b:", range(10)), told)
    assert (check.n_links, check.n_repeated, check.n_unknown, check.n_shared) == (10, 2, 1, 2)
    counts = check.counts["left"]
    assert counts["repeated attribute triples"] == 1
    assert counts["entities like another one"] == 2  # a:0 and a:2
    assert counts["triples from an entity to itself"] == 1
    assert counts["entities without a relation"] == 6


def test_an_order_that_few_links_have_by_chance_is_none():
    kg1, kg2, links = make_mmkg_pair(60, image_dim=0, random_state=0)
    found = check_pair(kg1, kg2, links)
    assert 0.1 < abs(found.row_order) < 0.3
    assert not any("Spearman" in said for said in found.findings())


def test_no_order_of_rows_counts():
    rng = np.random.default_rng(1)
    kg1, kg2, told = make_mmkg_pair(40, random_state=0)
    check = check_pair(kg1, kg2, told)
    again = check_pair(kg1, kg2, told[rng.permutation(len(told))])
    assert again.to_dict() == check.to_dict()


def test_it_is_json_text_and_html():
    check = check_pair(*make_mmkg_pair(40, random_state=0))
    assert json.loads(json.dumps(check.to_dict()))["links"]["pairs"] == 40
    assert "40 links" in repr(check) and "<table" in check._repr_html_()


def test_integers_are_ids_too():
    kg = KnowledgeGraph([(1, "next", 2), (2, "next", 3)])
    assert check_pair(kg, kg, [(1, 1), (2, 2), (3, 3)]).same_ids == 1


@pytest.mark.parametrize(
    ("left", "told", "kind", "message"),
    [
        ("a graph", links(), TypeError, "found str where a KnowledgeGraph"),
        (None, links()[:, 0], ValueError, "shape"),
        (None, [], ValueError, "shape"),
        (None, links()[:, ::-1], ValueError, "found none among 10, such as"),
    ],
)
def test_wrong_inputs(left, told, kind, message):
    with pytest.raises(kind, match=message):
        check_pair(left or chain("a:", range(10)), chain("b:", range(10)), told)
