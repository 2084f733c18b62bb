"""Names as words, their likeness, and NameMatcher: against naive loops, real names, and faults."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.featurizers import NameMatcher
from ibmea_sklearn.featurizers.texts.attribute_names import Candidates, NameSimilarity, assigned
from ibmea_sklearn.featurizers.texts.reading import words_of

N = 40
COLUMNS = [
    "attribute_1",
    "attribute_2",
    "score",
    "gain",
    "n_seeds",
    "similarity",
    "factor",
]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("birthDate", "birth date"),
        ("http://dbpedia.org/ontology/birthDate", "birth date"),
        ("http://www.w3.org/2003/01/geo/wgs84_pos#lat", "lat"),
        ("http://rdf.freebase.com/ns/people.person.date_of_birth", "people person date of birth"),
        ("location.location.area", "location area"),
        ("that.had.that", "that had that"),
        ("HTTPServerName", "http server name"),
        ("area_km2", "area km 2"),
        ("http://x.org/Gr%C3%B6%C3%9Fe", "grösse"),
        ("出生日期", "出生日期"),
        ("http://x.org/p/", "p"),
        ("#", "#"),
        ("__", "__"),
        (7, "7"),
    ],
)
def test_words(name, words):
    assert words_of(name) == words


def naive_cosine(one, two, all_names):
    """Cosine of smooth, sublinear TF-IDF of letters, word by word with a space at either end."""

    def grams(name):
        padded = [f" {word} " for word in words_of(name).split()]
        return [w[i : i + n] for w in padded for n in (2, 3, 4) for i in range(len(w) - n + 1)]

    def vector(name):
        found = grams(name)
        return {
            g: (1 + np.log(found.count(g)))
            * (1 + np.log((1 + len(all_names)) / (1 + sum(g in grams(n) for n in all_names))))
            for g in set(found)
        }

    left, right = vector(one), vector(two)
    norms = [np.sqrt(sum(w**2 for w in v.values())) for v in (left, right)]
    return sum(left[g] * right[g] for g in left.keys() & right.keys()) / np.prod(norms)


def test_similarity_against_a_naive_loop():
    names1, names2 = ["birthDate", "height", "a"], ["date_of_birth", "heightMeters", "z", "height"]
    expected = [[naive_cosine(a, b, names1 + names2) for b in names2] for a in names1]
    similarity = NameSimilarity(names1, names2)
    np.testing.assert_allclose(similarity.of(np.arange(3)), expected, atol=1e-8)
    rows, columns = np.indices((3, 4)).reshape(2, -1)
    np.testing.assert_allclose(similarity.between(rows, columns), np.ravel(expected), atol=1e-8)
    rows, columns = similarity.at_least(0.3)
    assert sorted(zip(rows, columns, strict=True)) == sorted(
        zip(*np.nonzero(np.array(expected) >= 0.3), strict=True)
    )


def test_integers_name_nothing():
    assert not NameSimilarity([1, 2], [1, 2]).of(np.arange(2)).any()
    assert len(NameSimilarity([1, 2], ["1", "2"]).at_least(0.0)[0]) == 0


def best_total(scores):
    """Largest total over all ways to match some rows and columns, each at most once."""
    n, m = scores.shape
    padded = np.zeros((n, m + n))
    padded[:, :m] = scores
    ways = itertools.permutations(range(m + n), n)
    return max(padded[np.arange(n), list(way)].sum() for way in ways)


@settings(max_examples=40)
@given(st.integers(0, 4), st.integers(0, 3), st.data())
def test_assignment_against_all_ways(n, m, data):
    number = st.one_of(st.just(0.0), st.integers(1, 9).map(float))
    cells = data.draw(st.lists(number, min_size=n * m, max_size=n * m))
    scores = np.array(cells).reshape(n, m)
    rows, columns = np.nonzero(scores)
    pairs = pd.DataFrame({"row": rows, "column": columns, "score": scores[rows, columns]})
    found = assigned(Candidates(np.arange(n), np.arange(m), pairs, NameSimilarity([], [])))
    assert found["row"].is_unique and found["column"].is_unique
    assert found["score"].is_monotonic_decreasing
    assert found["score"].sum() == pytest.approx(best_total(scores) if n else 0)
    assert (scores[found["row"], found["column"]] == found["score"]).all()


# Matching


def said(seed=0):
    """Triples of two graphs: by values, by name, contradicted, and one to two."""
    rng = np.random.default_rng(seed)
    size, born = np.round(rng.normal(1.7, 0.1, N), 2), rng.integers(1900, 2000, N)
    left, right = [], []
    for i in range(N):
        left += [(f"a{i}", "height", size[i]), (f"a{i}", "born", int(born[i]))]
        right += [(f"b{i}", "Groesse", f"{100 * size[i]:.0f} cm"), (f"b{i}", "Jahr", int(born[i]))]
        # Fits `born` as well as `Jahr`, but only half of the entities have it.
        right += [(f"b{i}", "Jahrgang", int(born[i]))] if i % 2 else []
        # Equal names, values that have nothing to do with each other.
        left.append((f"a{i}", "rating", float(rng.normal())))
        right.append((f"b{i}", "rating", float(rng.normal())))
    left.append(("a0", "shoeSize", 42))
    right.append(("b1", "size_of_shoe", 43))
    return left, right


IDS = [[f"{side}{i}" for i in range(N)] for side in "ab"]
SEEDS = [(f"a{i}", f"b{i}") for i in range(30)]


def view(left, right, seeds=SEEDS, ids=IDS):
    kg1 = KnowledgeGraph(attribute_triples=left, entities=ids[0])
    return SeedPairs(kg1, KnowledgeGraph(attribute_triples=right, entities=ids[1]), seeds)


def named(table):
    return set(zip(table["attribute_1"], table["attribute_2"], strict=True))


def test_matches_by_values_and_by_names():
    table = NameMatcher().match(view(*said()))
    assert list(table.columns) == COLUMNS
    assert named(table) == {("height", "Groesse"), ("born", "Jahr"), ("shoeSize", "size_of_shoe")}
    by_name = table.set_index("attribute_1")
    assert by_name["factor"].to_dict() == {"height": 100, "born": 1, "shoeSize": 1}
    assert by_name["n_seeds"].to_dict() == {"height": 30, "born": 30, "shoeSize": 0}
    assert by_name.loc["shoeSize", "score"] == pytest.approx(
        5 * by_name.loc["shoeSize", "similarity"]
    )
    values = by_name.loc["height"]
    assert values["score"] == pytest.approx(
        values["n_seeds"] * values["gain"] + 5 * values["similarity"]
    )


def test_names_decide_without_seeds():
    table = NameMatcher().match(view(*said(), seeds=[]))
    assert named(table) == {("rating", "rating"), ("shoeSize", "size_of_shoe")}
    assert NameMatcher(min_similarity=1.0).match(view(*said(), seeds=[])).shape == (1, 7)


def test_parameters_do_what_they_say():
    X = view(*said())
    assert ("rating", "rating") in named(NameMatcher(min_support=31).match(X))
    assert ("height", "Groesse") not in named(NameMatcher(min_gain=50.0).match(X))
    heavy = NameMatcher(similarity_weight=50.0).match(X).set_index("attribute_1")
    assert heavy.loc["shoeSize", "score"] == pytest.approx(50 * heavy.loc["shoeSize", "similarity"])
    assert clone(NameMatcher(7)).get_params()["min_support"] == 7


@settings(max_examples=4)
@given(st.randoms(use_true_random=False))
def test_the_order_of_triples_does_not_matter(random):
    left, right = said()
    seeds = list(SEEDS)
    for rows in (left, right, seeds):
        random.shuffle(rows)
    expected = NameMatcher().match(view(*said()))
    found = NameMatcher().match(view(left, right, seeds))
    pd.testing.assert_frame_equal(found, expected)


def test_equal_evidence_is_settled_by_names_not_by_order():
    rows = [[(f"{s}{i}", a, i) for i in range(N) for a in names] for s, names in said_twice()]
    tables = [NameMatcher().match(view(*(side[::step] for side in rows))) for step in (1, -1)]
    pd.testing.assert_frame_equal(*tables)
    assert named(tables[0]) == {("one", "p"), ("two", "q")}


def said_twice():
    return ("a", ("one", "two")), ("b", ("p", "q"))


def test_graphs_without_values():
    none = [("a0", "p", None)]
    table = NameMatcher().match(view(none, [("b0", "p", "")]))
    assert table.empty and list(table.columns) == COLUMNS


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"min_support": 0}, "min_support to be an integer of at least 1; found 0"),
        ({"min_gain": -1}, "min_gain to be a number in .*; found -1"),
        ({"min_gain": float("nan")}, "min_gain to be a number in .*; found nan"),
        ({"min_similarity": 1.5}, "min_similarity to be a number in .0, 1.; found 1.5"),
        ({"similarity_weight": "5"}, "similarity_weight to be a number in .*; found '5'"),
        ({"similarity_weight": True}, "similarity_weight to be a number"),
    ],
    ids=str,
)
def test_parameters_out_of_range(params, message):
    with pytest.raises(ValueError, match=message):
        NameMatcher(**params).match(view(*said()))


def test_no_view():
    with pytest.raises(TypeError, match=r"NameMatcher.match expects a view .* found list"):
        NameMatcher().match([("a", "b")])
