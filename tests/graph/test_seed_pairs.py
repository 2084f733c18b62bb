import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import KFold, cross_val_predict, train_test_split
from sklearn.utils import resample, shuffle

from ibmea_sklearn import KnowledgeGraph, SeedPairs

N = 10
LINKS = [(f"a{i}", f"b{i}") for i in range(N)]


@pytest.fixture(scope="module")
def kg1():
    return KnowledgeGraph([(f"a{i}", "next", f"a{i + 1}") for i in range(N + 2)], name="left")


@pytest.fixture(scope="module")
def kg2():
    return KnowledgeGraph([(f"b{i}", "next", f"b{i + 1}") for i in range(N + 1)], name="right")


@pytest.fixture(scope="module")
def seeds(kg1, kg2):
    return SeedPairs(kg1, kg2, LINKS)


FORMS = {
    "tuples": list,
    "lists": lambda rows: [list(row) for row in rows],
    "string array": np.array,
    "object array": lambda rows: np.array(rows, object),
    "pandas": lambda rows: pd.DataFrame(rows, columns=["l", "r"]),
    "polars": lambda rows: pl.DataFrame(rows, schema=["l", "r"], orient="row"),
    "arrow": lambda rows: pl.DataFrame(rows, schema=["l", "r"], orient="row").to_arrow(),
    "mapping": lambda rows: dict(zip(["l", "r"], zip(*rows, strict=True), strict=True)),
    "zip": iter,
}


@pytest.mark.parametrize("form", FORMS)
def test_pairs_from_any_table(kg1, kg2, form):
    if form == "arrow":
        pytest.importorskip("pyarrow")
    seeds = SeedPairs(kg1, kg2, FORMS[form](LINKS))
    assert [tuple(pair) for pair in seeds.pairs] == LINKS == list(seeds)
    assert seeds.shape == (N, 2) and len(seeds) == N
    assert seeds.sources.tolist() == [a for a, _ in LINKS]
    assert seeds.targets.tolist() == [b for _, b in LINKS]
    assert kg1.entity_ids[seeds.indices[:, 0]].tolist() == seeds.sources.tolist()


def test_from_seed_pairs(seeds, kg1, kg2):
    assert list(SeedPairs(kg1, kg2, seeds)) == LINKS


def test_integer_ids():
    kg1, kg2 = KnowledgeGraph([(1, "r", 2)]), KnowledgeGraph([(7, "r", 8)])
    assert SeedPairs(kg1, kg2, np.array([[1, 8]])).pairs.dtype == np.int64
    mixed = SeedPairs(kg1, KnowledgeGraph([("x", "r", "y")]), [(1, "x")])
    assert mixed.pairs.tolist() == [[1, "x"]] and mixed.pairs.dtype == object


@pytest.mark.parametrize("bad", [2.0, True])
def test_integers_of_another_type_are_no_ids(bad):
    kg = KnowledgeGraph([(1, "r", 2)])
    with pytest.raises(ValueError, match=f"found 1 unknown: {bad}. The ids are integers"):
        SeedPairs(kg, kg, [(1, bad)])


def test_graphs_that_share_ids_stay_apart():
    kg1, kg2 = KnowledgeGraph([("x", "r", "y")]), KnowledgeGraph([("y", "r", "x")])
    assert SeedPairs(kg1, kg2, [("x", "x")]).indices.tolist() == [[0, 1]]


KEYS = {
    "list": [3, 1],
    "empty list": [],
    "array": np.array([3, 1]),
    "negative": [-1, 0],
    "slice": slice(2, 8, 3),
    "whole": slice(None),
    "mask": np.arange(N) % 3 == 0,
    "mask as list": (np.arange(N) % 3 == 0).tolist(),
    "repeated": [1, 1],
}


@pytest.mark.parametrize("form", ["plain", "as scikit-learn does"])
@pytest.mark.parametrize("name", KEYS)
def test_slices_are_views_that_share_both_graphs(seeds, name, form):
    key = np.array(KEYS[name], int) if name == "empty list" else KEYS[name]
    part = seeds[key] if form == "plain" else seeds[key, ...]
    assert type(part) is SeedPairs
    assert part.kg1 is seeds.kg1 and part.kg2 is seeds.kg2
    np.testing.assert_array_equal(part.pairs, seeds.pairs[key])
    np.testing.assert_array_equal(part.indices, seeds.indices[key])


@pytest.mark.parametrize("key", [0, -1, np.int64(4)])
def test_an_integer_gives_one_pair(seeds, key):
    assert list(seeds[key]) == [LINKS[key]] == list(seeds[key, ...])


@given(st.data())
def test_slicing_twice_is_slicing_once(data):
    kg = KnowledgeGraph([(f"e{i}", "r", "e0") for i in range(6)])
    seeds = SeedPairs(kg, kg, [(f"e{i}", f"e{i}") for i in range(6)])
    rows = data.draw(st.lists(st.integers(-6, 5), min_size=1, unique=True))
    others = data.draw(st.lists(st.integers(0, len(rows) - 1)))
    twice = seeds[rows][np.array(others, int)]
    np.testing.assert_array_equal(twice.pairs, seeds[np.array(rows)[np.array(others, int)]].pairs)


def test_out_of_range(seeds):
    with pytest.raises(IndexError):
        seeds[N]


@pytest.mark.parametrize("column", [0, 1])
def test_a_column_is_no_pairs(seeds, column):
    part = seeds[:, column]
    assert not isinstance(part, SeedPairs)
    assert part.tolist() == [pair[column] for pair in LINKS]


def test_train_test_split(seeds):
    train, test = train_test_split(seeds, train_size=0.3, random_state=0)
    assert (len(train), len(test)) == (3, 7)
    assert type(train) is type(test) is SeedPairs
    assert train.kg1 is test.kg1 is seeds.kg1 and test.kg2 is seeds.kg2
    assert sorted([*train, *test]) == sorted(LINKS)
    arrays = train_test_split(seeds.pairs, train_size=0.3, random_state=0)
    np.testing.assert_array_equal(train.pairs, arrays[0])


def test_kfold(seeds):
    held_out = []
    for train, test in KFold(5, shuffle=True, random_state=0).split(seeds):
        assert len(seeds[train]) == 8 and seeds[test].kg1 is seeds.kg1
        assert not set(seeds[train]) & set(seeds[test])
        held_out += list(seeds[test])
    assert sorted(held_out) == sorted(LINKS)


def test_shuffle_and_resample(seeds):
    assert sorted(shuffle(seeds, random_state=0)) == sorted(LINKS)
    assert len(resample(seeds, n_samples=4, random_state=0)) == 4


def test_cross_validation_shares_the_graphs(seeds):
    from sklearn.base import BaseEstimator

    class Echo(BaseEstimator):
        def fit(self, X, y=None):
            assert X.kg1 is seeds.kg1 and X.kg2 is seeds.kg2
            return self

        def predict(self, X):
            assert X.kg1 is seeds.kg1 and X.kg2 is seeds.kg2
            return X.targets

    assert cross_val_predict(Echo(), seeds, cv=3).tolist() == [b for _, b in LINKS]


def test_with_graphs(seeds):
    other = seeds.kg1.with_features(x=np.ones((seeds.kg1.n_entities, 1)))
    moved = seeds[:2].with_graphs(other, seeds.kg2)
    assert moved.kg1 is other and moved.kg2 is seeds.kg2
    assert list(moved) == LINKS[:2]
    with pytest.raises(ValueError, match="Expected kg1 to have the entities of the graph it repl"):
        seeds.with_graphs(seeds.kg2, seeds.kg2)


def test_immutable(seeds):
    with pytest.raises(AttributeError, match="A SeedPairs is frozen; 'pairs' can't be set"):
        seeds.pairs = []
    with pytest.raises(AttributeError, match="A SeedPairs is frozen; 'pairs' can't be deleted"):
        del seeds.pairs
    again = pickle.loads(pickle.dumps(seeds))
    for array in (seeds.pairs, seeds.indices, seeds.sources, seeds[:2].pairs, again.indices):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_pickle(seeds):
    again = pickle.loads(pickle.dumps(seeds[2:]))
    assert list(again) == LINKS[2:]
    assert again.kg1.name == "left"
    one, other = pickle.loads(pickle.dumps((seeds[:3], seeds[3:])))
    assert one.kg1 is other.kg1 and one.kg2 is other.kg2


def test_repr(seeds):
    assert repr(seeds) == "SeedPairs of 10 pairs: a0 = b0, a1 = b1, a2 = b2, ..."
    assert repr(seeds[:1]) == "SeedPairs of 1 pairs: a0 = b0"


def test_no_pairs(kg1, kg2):
    seeds = SeedPairs(kg1, kg2, [])
    assert seeds.shape == (0, 2) and list(seeds) == []


def test_duplicates(kg1, kg2):
    pairs = [("a0", "b0"), ("a0", "b1"), ("a1", "b1"), ("a2", "b0"), ("a3", "b3")]
    # The second pair is dropped, so its target is free for the third.
    assert list(SeedPairs(kg1, kg2, pairs, duplicates="first")) == [pairs[0], pairs[2], pairs[4]]
    message = (
        r"each entity in at most one pair; found 2 pairs that repeat one: row 1 \('a0', 'b1'\) and "
        r"row 0 \('a0', 'b0'\). Pass duplicates='first' to keep the first of them"
    )
    with pytest.raises(ValueError, match=message):
        SeedPairs(kg1, kg2, pairs)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5))))
def test_first_of_duplicates_is_what_a_loop_keeps(pairs):
    kg = KnowledgeGraph([(i, "r", 0) for i in range(6)])
    kept = []
    for left, right in pairs:
        if all(left != a and right != b for a, b in kept):
            kept.append((left, right))
    assert list(SeedPairs(kg, kg, pairs, duplicates="first")) == kept


@pytest.mark.parametrize(
    "pairs, message",
    [
        ([("a0", "zz")], r"Expected right entities of the pairs to be ids of graph 'right'.*'zz'"),
        ([("a", "b0")], r"Expected left entities of the pairs to be ids of graph 'left' \(13 ent"),
        ([("b0", "a0")], "found 1 unknown: 'b0'"),
        ([("a0", None)], "found 1 unknown: None"),
        ([("a0", "b0", 1)], "Expected pairs with 2 columns; found 3"),
        ([("a0", "b0"), ("a1",)], "Expected pairs with 2 values in each row"),
        (np.array(["a0", "b0"]), r"Expected pairs as a 2-D array; found shape \(2,\)"),
    ],
)
def test_bad_pairs(kg1, kg2, pairs, message):
    with pytest.raises(ValueError, match=message):
        SeedPairs(kg1, kg2, pairs)


def test_repr_html(kg1, kg2, seeds):
    text = seeds._repr_html_()
    assert text.startswith(f"<table><caption>SeedPairs of {len(seeds)} pairs</caption>")
    assert "<tr><th>left</th><th>right</th></tr>" in text
    left, right = seeds.pairs[0]
    assert f"<tr><td>{left}</td><td>{right}</td></tr>" in text
    assert text.count("<tr>") == 1 + min(len(seeds), 5) + (len(seeds) > 5)
    assert ("..." in text) == (len(seeds) > 5)
    kg = KnowledgeGraph(entities=["<b>", "c"])
    escaped = SeedPairs(kg, kg, [("<b>", "c")])._repr_html_()
    assert "<th>kg1</th><th>kg2</th>" in escaped
    assert "<td>&lt;b&gt;</td><td>c</td>" in escaped and "..." not in escaped


def test_bad_parameters(kg1, kg2):
    with pytest.raises(TypeError, match="Expected kg2 to be a KnowledgeGraph; found list"):
        SeedPairs(kg1, [], LINKS)
    with pytest.raises(TypeError, match="Expected kg1 to be a KnowledgeGraph; found NoneType"):
        SeedPairs(None, kg2, LINKS)
    with pytest.raises(TypeError, match="Expected pairs as a pandas, .*; found str"):
        SeedPairs(kg1, kg2, "seeds.tsv")
    with pytest.raises(
        ValueError, match="Expected duplicates='raise', 'first' or 'keep'; found 'last'"
    ):
        SeedPairs(kg1, kg2, LINKS, duplicates="last")


def test_swapped_sides_are_told(toy_pair):
    kg1, kg2, links = toy_pair.kg1, toy_pair.kg2, np.asarray(toy_pair.links)
    with pytest.raises(
        ValueError, match=r"ids of the other graph: swap the columns, pairs\[:, ::-1\]"
    ):
        SeedPairs(kg1, kg2, links[:, ::-1])
    with pytest.raises(ValueError) as error:
        SeedPairs(kg1, kg2, [("nobody", links[0, 1])])
    assert "swap" not in str(error.value)


@pytest.mark.parametrize("path", ["seeds.tsv", Path("seeds.tsv")], ids=["str", "Path"])
def test_a_path_is_no_table(toy_pair, path):
    with pytest.raises(TypeError, match="Read the file first, by a function of ibmea_sklearn.io"):
        SeedPairs(toy_pair.kg1, toy_pair.kg2, path)


MANY = [("a0", "b0"), ("a1", "b0"), ("a0", "b0"), ("a2", "b1")]


def _many_graphs():
    return (
        KnowledgeGraph(entities=["a0", "a1", "a2"]),
        KnowledgeGraph(entities=["b0", "b1"]),
    )


def test_many_left_entities_may_have_one_right_one_if_asked():
    pairs = SeedPairs(*_many_graphs(), MANY, duplicates="keep")
    assert pairs.pairs.tolist() == [["a0", "b0"], ["a1", "b0"], ["a2", "b1"]]
    assert not pairs.is_one_to_one
    assert pairs[1:].is_one_to_one


def test_a_left_entity_has_one_right_one_even_then():
    with pytest.raises(ValueError, match=r"'a0' with 'b0' in row 0 and 'b1' in row 1\. Swap"):
        SeedPairs(*_many_graphs(), [("a0", "b0"), ("a0", "b1")], duplicates="keep")
