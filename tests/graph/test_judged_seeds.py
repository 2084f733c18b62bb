"""Verdicts and seeds: which pairs join, which go, and what a view keeps of the rest."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.channels import AlignmentWarning

COLUMNS = ["source", "target", "verdict", "author", "date"]
KG1 = KnowledgeGraph([(f"a{i}", "knows", f"a{i + 1}") for i in range(9)])
KG2 = KnowledgeGraph([(f"x{i}", "kennt", f"x{i + 1}") for i in range(9)])
SEEDS = [("a0", "x0"), ("a1", "x1")]


def table(*rows):
    padded = [(*row, *("Ada", "2026-01-31")[len(row) - 3 :]) for row in rows]
    return pd.DataFrame(padded, columns=COLUMNS, dtype=object)


def judged(*rows, seeds=SEEDS, **options):
    return SeedPairs(KG1, KG2, seeds, verdicts=table(*rows), **options)


def test_each_verdict_does_what_it_says():
    X = judged(
        ("a2", "x2", "same"),
        ("a3", "x4", "different"),
        ("a4", None, "none"),
        (None, "x5", "none"),
        ("a6", "x6", "unsure"),
    )
    assert X.pairs.tolist() == [["a0", "x0"], ["a1", "x1"], ["a2", "x2"]]
    assert X.is_verdict.tolist() == [False, False, True]
    assert X.different.tolist() == [[3, 4]] and X.unsure.tolist() == [[6, 6]]
    assert [side.tolist() for side in X.alone] == [[4], [5]]
    assert not len(X.contradictions)
    assert repr(X).endswith("a2 = x2; 1 different, 2 alone")


def test_a_seed_that_is_confirmed_stays_where_it_is():
    X = judged(("a0", "x0", "same"))
    assert X.pairs.tolist() == [list(pair) for pair in SEEDS] and not X.is_verdict.any()


def test_the_last_verdict_on_a_pair_counts():
    X = judged(("a2", "x2", "same"), ("a2", "x2", "different"))
    assert len(X) == 2 and X.different.tolist() == [[2, 2]] and not len(X.contradictions)


@pytest.mark.parametrize(
    ("rows", "left_over", "other"),
    [
        ([("a0", "x0", "different")], [("a1", "x1")], ("a0", "x0", "seed")),
        ([("a0", "x5", "same")], [("a1", "x1"), ("a0", "x5")], ("a0", "x0", "seed")),
        ([("a5", "x1", "same")], [("a0", "x0"), ("a5", "x1")], ("a1", "x1", "seed")),
        ([("a1", None, "none")], [("a0", "x0")], ("a1", "x1", "seed")),
        ([(None, "x1", "none")], [("a0", "x0")], ("a1", "x1", "seed")),
        (
            [("a5", "x5", "same"), ("a5", "x6", "same")],
            [*SEEDS, ("a5", "x6")],
            ("a5", "x5", "same"),
        ),
        ([("a5", "x5", "same"), ("a5", None, "none")], SEEDS, ("a5", "x5", "same")),
        (
            [("a5", None, "none"), ("a5", "x5", "same")],
            [*SEEDS, ("a5", "x5")],
            ("a5", None, "none"),
        ),
    ],
)
def test_a_contradiction_is_told_and_the_later_word_counts(rows, left_over, other):
    with pytest.warns(AlignmentWarning, match="in 1 cases: .*Ada, 2026-01-31.* against ") as told:
        X = judged(*rows)
    assert len(told) == 1
    assert sorted(map(tuple, X.pairs.tolist())) == sorted(left_over)
    (line,) = X.contradictions.to_dict("records")
    assert (line["source"], line["target"], line["verdict"]) == rows[-1]
    found = tuple(line[f"other_{name}"] for name in ("source", "target", "verdict"))
    assert found == other
    assert line["other_author"] == ("" if other[2] == "seed" else "Ada")
    alone = {("a", i) for i in X.alone.left} | {("x", i) for i in X.alone.right}
    assert alone.isdisjoint({("a", i) for i in X.indices[:, 0]})
    assert alone.isdisjoint({("x", i) for i in X.indices[:, 1]})


def test_of_many_contradictions_five_are_listed():
    seeds = [(f"a{i}", f"x{i}") for i in range(8)]
    rows = [(*pair, "different") for pair in seeds]
    with pytest.warns(AlignmentWarning, match=r"in 8 cases: .*; and 3 more\.") as told:
        X = judged(*rows, seeds=seeds)
    assert str(told[0].message).count(" against ") == 5
    assert len(X) == 0 and len(X.contradictions) == 8


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("a9", "x9", "same"), ("b", "x1", "different")], "source of verdict 1, by Ada"),
        ([("a9", "y", "unsure")], "'y'.*target of verdict 0, by Ada"),
        ([(None, 3, "none", "")], "the target of verdict 0, by no author"),
        ([("a0", "x0", "sure")], "Expected verdicts same, .*row 0.*"),
        ([("a0", None, "same")], "Expected two entities"),
    ],
)
def test_what_no_verdict_can_be_is_named(rows, expected):
    with pytest.raises(ValueError, match=expected):
        judged(*rows)


@pytest.mark.parametrize("given", [[("a0", "x0", "same")], "verdicts.tsv", {"source": []}])
def test_verdicts_are_a_table(given):
    with pytest.raises(TypeError, match="Expected verdicts as a table"):
        SeedPairs(KG1, KG2, SEEDS, verdicts=given)


def constraints(X):
    return [part.tolist() for part in (X.different, X.unsure, *X.alone)]


def test_constraints_are_no_rows_so_every_view_has_all_of_them():
    X = judged(
        ("a2", "x2", "same"),
        ("a3", "x4", "different"),
        ("a4", None, "none"),
        ("a5", "x5", "unsure"),
    )
    train, test = train_test_split(X, train_size=2, random_state=0)
    views = [X[:1], X[[2, 0]], X[X.is_verdict], X[1], train, test, clone(X, safe=False)]
    views += [X.with_graphs(KG1, KG2), pickle.loads(pickle.dumps(X)), SeedPairs(KG1, KG2, X)]
    assert [constraints(view) for view in views] == [constraints(X)] * len(views)
    assert X[[2, 0]].is_verdict.tolist() == [True, False]
    assert SeedPairs(KG1, KG2, X).is_verdict.tolist() == X.is_verdict.tolist()
    assert not X[1].different.flags.writeable


def test_further_verdicts_come_after_those_of_a_view():
    X = SeedPairs(KG1, KG2, judged(("a2", "x2", "same")), verdicts=table(("a3", "x3", "same")))
    assert X.pairs[2:].tolist() == [["a2", "x2"], ["a3", "x3"]] and X.is_verdict.sum() == 2
    with pytest.warns(AlignmentWarning, match="against 'same' of 'a2' and 'x2'"):
        X = SeedPairs(KG1, KG2, judged(("a2", "x2", "same")), verdicts=table(("a2", "x4", "same")))
    assert X.pairs[2:].tolist() == [["a2", "x4"]]


def test_integer_ids_with_a_missing_side():
    kg = KnowledgeGraph(np.array([(1, 1, 2), (2, 1, 3)]))
    rows = pd.DataFrame({"source": [1, 2], "target": [1, None], "verdict": ["same", "none"]})
    X = SeedPairs(kg, kg, [], verdicts=rows)
    assert X.pairs.tolist() == [[1, 1]] and X.alone.left.tolist() == [1]
