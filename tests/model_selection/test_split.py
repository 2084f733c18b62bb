"""Groups of pairs against a naive loop; splitters leave no entity on both sides."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.utils import resample

from ibmea_sklearn import PropagationAligner, SeedPairs
from ibmea_sklearn.model_selection import LinkKFold, LinkShuffleSplit
from ibmea_sklearn.model_selection._split import link_groups

# Few ids for many pairs, the same ids on both sides: chains of all lengths.
ids = st.integers(0, 12).map(str)
many_to_many = st.lists(st.tuples(ids, ids), min_size=1, max_size=25)
SPLITTERS = [
    LinkKFold(3),
    LinkKFold(3, shuffle=True, random_state=0),
    LinkShuffleSplit(3, test_size=0.3, random_state=0),
]
every = pytest.mark.parametrize("splitter", SPLITTERS, ids=str)


def naive_groups(pairs):
    """Merge the groups of two pairs that share an entity, until nothing changes."""
    group = list(range(len(pairs)))
    changed = True
    while changed:
        changed = False
        for i, (left, right) in enumerate(pairs):
            for j in range(i):
                if group[i] != group[j] and (left == pairs[j][0] or right == pairs[j][1]):
                    low, high = sorted((group[i], group[j]))
                    group = [low if g == high else g for g in group]
                    changed = True
    return pd.factorize(np.array(group))[0]


@given(many_to_many)
def test_groups_equal_a_naive_loop(pairs):
    assert link_groups(pairs).tolist() == naive_groups(pairs).tolist()


@given(many_to_many, st.randoms(use_true_random=False))
def test_neither_the_order_nor_the_sides_change_the_groups(pairs, random):
    order = list(range(len(pairs)))
    random.shuffle(order)
    groups = link_groups(pairs)
    moved = link_groups([pairs[i] for i in order])
    assert moved.tolist() == pd.factorize(groups[order])[0].tolist()
    assert link_groups([(right, left) for left, right in pairs]).tolist() == groups.tolist()


def test_pairs_that_share_nothing_are_groups_of_one():
    assert link_groups([(f"e{i}", f"e{i}") for i in range(4)]).tolist() == [0, 1, 2, 3]
    assert link_groups([("a", "b"), ("b", "a")]).tolist() == [0, 1]  # no id is on both sides
    assert link_groups([]).tolist() == []


def test_groups_of_any_table(toy_pair):
    rows = [("a", "x"), ("b", "y"), ("a", "z")]
    frame = pd.DataFrame(rows, columns=["l", "r"])
    for table in (rows, np.array(rows), frame, pl.from_pandas(frame), np.array(rows, object)):
        assert link_groups(table).tolist() == [0, 1, 0]
    X = SeedPairs(toy_pair.kg1, toy_pair.kg2, toy_pair.links)
    assert link_groups(X[[4, 2, 4]]).tolist() == [0, 1, 0]
    assert link_groups(X[:0]).tolist() == []


@every
@settings(max_examples=50)
@given(many_to_many)
def test_no_entity_is_on_both_sides(splitter, pairs):
    table = np.array(pairs)
    assume(link_groups(pairs).max() >= 2)
    for train, test in splitter.split(table):
        assert sorted([*train, *test]) == list(range(len(pairs)))
        assert len(train) and len(test)
        for column in (0, 1):
            assert not set(table[train, column]) & set(table[test, column])


@pytest.mark.parametrize("shuffle", [False, True])
@settings(max_examples=50)
@given(many_to_many)
def test_each_pair_is_tested_once(shuffle, pairs):
    assume(link_groups(pairs).max() >= 2)
    splitter = LinkKFold(3, shuffle=shuffle, random_state=0 if shuffle else None)
    tested = np.concatenate([test for _, test in splitter.split(pairs)])
    assert sorted(tested) == list(range(len(pairs)))


@pytest.mark.parametrize("splitter", [KFold(3), LinkKFold(3)], ids=str)
def test_folds_of_one_to_one_pairs_are_of_one_size(splitter):
    pairs = [(f"a{i}", f"b{i}") for i in range(11)]
    assert sorted(len(test) for _, test in splitter.split(pairs)) == [3, 4, 4]


def test_groups_for_the_splitters_of_scikit_learn():
    pairs = [("a", "x"), ("b", "y"), ("a", "z"), ("c", "w")]
    ours = [test.tolist() for _, test in LinkKFold(2).split(pairs)]
    theirs = GroupKFold(2).split(pairs, groups=link_groups(pairs))
    assert ours == [test.tolist() for _, test in theirs]


def test_share_is_of_the_groups():
    pairs = [*[("hub", f"b{i}") for i in range(90)], *[(f"a{i}", f"c{i}") for i in range(9)]]
    for train, test in LinkShuffleSplit(5, test_size=0.3, random_state=0).split(pairs):
        groups = link_groups(pairs)
        assert len(set(groups[test])) == 3 and len(set(groups[train])) == 7


def test_rows_drawn_with_replacement_cannot_answer_themselves(toy_pair):
    """An entity that is a seed gets its partner: in plain folds the repeated rows are all hits."""
    X = SeedPairs(toy_pair.kg1, toy_pair.kg2, toy_pair.links[:20])
    drawn = resample(X, n_samples=40, random_state=0)
    for train, test in LinkKFold(2).split(drawn):
        assert not set(drawn[train].sources) & set(drawn[test].sources)
    train, test = next(KFold(2).split(drawn))
    assert set(drawn[train].sources) & set(drawn[test].sources)


@every
@pytest.mark.parametrize("routing", [False, True])
def test_in_cross_validation(splitter, routing, toy_pair):
    X = SeedPairs(toy_pair.kg1, toy_pair.kg2, toy_pair.links[:30])
    aligner = PropagationAligner.from_preset(
        modalities=["graph"],
        propagation__n_components=32,
        propagation__label_width=8,
        random_state=0,
        verbose=0,
    )
    expected = [clone(aligner).fit(X[a]).score(X[b]) for a, b in splitter.split(X)]
    with sklearn.config_context(enable_metadata_routing=routing):
        found = cross_val_score(aligner, X, cv=splitter, error_score="raise")
    np.testing.assert_array_equal(found, expected)
    assert splitter.get_n_splits(X) == 3


@pytest.mark.parametrize("splitter", [LinkKFold(2), LinkShuffleSplit(1)], ids=str)
@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("a", "x"), ("a", "y"), ("b", "y")], "at least 2 groups .*; found 1 among 3 pairs. Use"),
        ([], "found 0 among 0 pairs"),
        ([("a", "b", "c")], "pairs with 2 columns; found 3"),
        ([("a", "x"), (None, "y")], "in row 1 of the left entities of the pairs.*found None"),
        ([("a", "x"), ("b", 2)], "in row 1 of the right entities of the pairs.*found 2"),
    ],
)
def test_pairs_that_can_not_be_split(splitter, pairs, message):
    with pytest.raises(ValueError, match=message):
        next(splitter.split(pairs))


def test_too_many_splits():
    with pytest.raises(ValueError, match="at least 5 groups of pairs .*; found 3 among 4 pairs"):
        next(LinkKFold(5).split([("a", "x"), ("b", "y"), ("a", "z"), ("c", "w")]))
