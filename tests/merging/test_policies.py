"""Where two graphs disagree: what is a conflict, and what each policy keeps."""

import datetime
import math

import pytest

from ibmea_sklearn import KnowledgeGraph, merge
from ibmea_sklearn.merging._policies import reading

DATE = datetime.date(1912, 9, 11)


def merged(left, right, values="both", **datatypes):
    kg1 = KnowledgeGraph(attribute_triples=[("a", "v", value) for value in left])
    kg2 = KnowledgeGraph(attribute_triples=[("x", "v", value) for value in right])
    return merge(kg1, kg2, [("a", "x")], values=values)


@pytest.mark.parametrize(
    ("left", "right", "policy", "kept"),
    [
        ([1, 2], [2, 3], "both", [1, 2, 3]),
        ([1, 2], [2, 3], "left", [1, 2]),
        ([1, 2], [2, 3], "right", [2, 3]),
        ([1, 2], [2, 3], "first", [1]),
        ([1912], [DATE, "1912-09"], "precise", [DATE]),
        ([1.87], [1.9], "precise", [1.87]),
        ([5.0], [4.75], "precise", [4.75]),
        ([100], [98.0], "precise", [100]),
        (["unknown to all"], [7], "precise", [7]),
        (["Rome"], ["Rome, Italy"], "precise", ["Rome, Italy"]),
        (["2010-01-01"], [datetime.date(2020, 1, 1), 2015], "newest", [datetime.date(2020, 1, 1)]),
        ([3, 5], [4], lambda left, right: [max(left + right)], [5]),
        ([3, 5], [4], lambda left, right: [], []),
        ([3, 5], [4], {"v": "right"}, [4]),
        ([3, 5], [4], {}, [3, 5, 4]),
    ],
)
def test_policies(left, right, policy, kept):
    one = merged(left, right, policy)
    assert one.graph.attribute_values.tolist() == kept
    conflict = one.conflicts.iloc[0]
    assert (conflict["left"], conflict["right"], conflict["kept"]) == (left, right, kept)
    assert [kg.attribute_values.tolist() for kg in one.split()] == [left, right]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([5], ["5.0"]),
        ([DATE], ["1912-09-11"]),
        (["New York"], [" new  york"]),
        ([None], [None]),
        ([1, 2], [2, 1]),
        (["5 km"], ["5 KM"]),
    ],
)
@pytest.mark.parametrize("policy", ["both", "left", "right", "precise", "first"])
def test_what_reads_the_same_is_no_conflict_and_stands_once(left, right, policy):
    one = merged(left, right, policy)
    assert one.graph.attribute_values.tolist() == left
    assert not len(one.conflicts) and len(one.duplicates) == len(left)


@pytest.mark.parametrize(
    ("left", "right", "more"),
    [
        ([1, 2], [2], "left"),
        ([1], [1, 2], "right"),
        ([1], [2], "neither"),
        ([1, 2], [2, 3], "neither"),
    ],
)
def test_who_says_more(left, right, more):
    assert merged(left, right).conflicts["says_more"].tolist() == [more]


@pytest.mark.parametrize(
    ("left", "right", "gap"),
    [([80], [100], 0.2), ([1, 80], [100, 81.0], 1 / 81), ([0.0], [-2], 1), (["word"], [2], None)],
)
def test_how_far_apart_numbers_are(left, right, gap):
    assert merged(left, right).conflicts["gap"].iloc[0] == pytest.approx(
        gap or math.nan, nan_ok=True
    )


def test_units_are_a_part_of_a_value():
    assert reading("5 km") != reading("5 mi") and reading("5") == reading(5) == reading("5.0")
    assert reading("5 km²") != reading("5 km")
    assert len(merged(["5 km"], ["5 mi"]).conflicts) == 1


def test_languages_are_no_conflict():
    kg1 = KnowledgeGraph(attribute_triples=[("a", "v", "Rome", "@en")])
    kg2 = KnowledgeGraph(attribute_triples=[("x", "v", "Rom", "@de")])
    one = merge(kg1, kg2, [("a", "x")], values="left")
    assert not len(one.conflicts) and len(one.graph.attribute_values) == 2


def test_where_one_graph_is_silent_there_is_nothing_to_choose():
    kg1 = KnowledgeGraph(attribute_triples=[("a", "v", 1), ("a", "w", 1), ("b", "v", 1)])
    kg2 = KnowledgeGraph(attribute_triples=[("x", "v", 2), ("y", "v", 3), ("x", "z", 4)])
    one = merge(kg1, kg2, [("a", "x")], values="right")
    assert sorted(one.graph.attribute_values) == [1, 1, 2, 3, 4]
    assert one.conflicts[["entity", "attribute", "policy"]].values.tolist() == [["a", "v", "right"]]


def test_a_dropped_value_is_told_in_the_provenance():
    table = merged([1], [2], "left").provenance["attribute_triples"]
    assert table[["value", "source", "found_in", "fact"]].values.tolist() == [
        [1, "left", "left", 0],
        [2, "right", "right", -1],
    ]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("newst", "found 'newst'. Did you mean 'newest'"),
        (3, "found 3"),
        ({"v": "best"}, "found 'best'"),
        ({"vv": "left"}, "found 'vv'"),
        ("newest", "Expected dates as values of 'v', .* found 'one'"),
        (lambda left, right: "one", "to return a list of values; found 'one'"),
        (lambda left, right: ["three"], "choose among the values of both graphs, .* found 'three'"),
    ],
)
def test_wrong_policies_are_told(policy, message):
    with pytest.raises(ValueError, match=message):
        merged(["one"], ["two"], policy)
