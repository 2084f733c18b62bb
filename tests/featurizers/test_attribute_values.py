"""AttributeValues: similarity against a naive loop, other graphs, real data, and faults."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.featurizers import AttributeValues
from ibmea_sklearn.featurizers.values.reading import parse_value

N = 60
COLUMNS = ["attribute_1", "attribute_2", "factor", "gain", "n_seeds"]


def said(seed=0):
    """Triples of two graphs of entities a0, ... and b0, ..., equal numbers equivalent."""
    rng = np.random.default_rng(seed)
    height, born = np.round(rng.normal(1.7, 0.1, N), 2), rng.integers(1900, 2000, N)
    left, right = [], []
    for i in range(N):
        if i % 5:
            left.append((f"a{i}", "height", float(height[i])))
            right.append((f"b{i}", "size", f"{100 * height[i]:.0f} cm"))
        if i % 3:
            left.append((f"a{i}", "born", f"{born[i]}-06-01"))
            right.append((f"b{i}", "Jahr", int(born[i])))
        left.append((f"a{i}", "name", f"Name {i // 2}"))
        right.append((f"b{i}", "Name", f"name  {i // 2}"))
        right.append((f"b{i}", "noise", float(rng.normal())))
    right += [("b1", "Name", "alias of 1"), ("b1", "Name", "other alias of 1")]
    del left[-1]
    return left, right


IDS = [[f"{side}{i}" for i in range(N)] for side in "ab"]
SEEDS = [(f"a{i}", f"b{i}") for i in range(0, N, 2)]


def view(left, right, ids=IDS):
    kg1 = KnowledgeGraph(attribute_triples=left, entities=ids[0])
    return SeedPairs(kg1, KnowledgeGraph(attribute_triples=right, entities=ids[1]), SEEDS)


@pytest.fixture
def X():
    return view(*said())


def values(X):
    return [kg.features["value"].values for kg in (X.kg1, X.kg2)]


def masks(X):
    return [kg.features["value"].mask for kg in (X.kg1, X.kg2)]


def assert_same(one, two):
    for left, right in zip(values(one), values(two), strict=True):
        np.testing.assert_array_equal(left, right)
    for left, right in zip(masks(one), masks(two), strict=True):
        np.testing.assert_array_equal(left, right)


def naive_tokens(featurizer, kg, side):
    """Weights by token of each entity."""
    rows = [{} for _ in range(kg.n_entities)]
    triples = zip(kg.attribute_triples.tolist(), kg.attribute_values.tolist(), strict=True)
    for (entity, attribute), value in triples:
        value = parse_value(value)
        for number, match in enumerate(featurizer._matches):
            same_kind = isinstance(value, str) == np.isnan(match.factor)
            if match.attributes[side] == kg.attribute_names[attribute] and same_kind:
                _, tokens, weights = match.tokens(pd.Series([value]), side)
                for token, weight in zip(tokens.tolist(), weights.tolist(), strict=True):
                    rows[entity][number, token] = weight
    return rows


def test_similarity_against_a_naive_loop(X):
    featurizer = AttributeValues(n_components=None)
    new = featurizer.fit_transform(X)
    one, two = (naive_tokens(featurizer, kg, side) for side, kg in enumerate((X.kg1, X.kg2)))
    expected = np.zeros((N, N))
    for i, left in enumerate(one):
        for j, right in enumerate(two):
            norms = [np.sqrt(sum(w**2 for w in row.values())) or 1.0 for row in (left, right)]
            product = sum(left[t] * right[t] for t in left.keys() & right.keys())
            expected[i, j] = product / np.prod(norms)
    left, right = values(new)
    np.testing.assert_allclose((left @ right.T).toarray(), expected, atol=1e-5)
    assert masks(new)[0].tolist() == [bool(row) for row in one]
    assert masks(new)[1].tolist() == [bool(row) for row in two]
    assert left.format == "csr" and left.dtype == np.float32
    assert left.shape[1] == right.shape[1] == featurizer.n_features_out_
    assert expected.diagonal()[:-1].min() > 0.3 > expected.mean()


def test_matches_say_what_was_learnt(X):
    table = AttributeValues().fit(X).matches_
    assert list(table.columns) == COLUMNS
    pairs = list(zip(table["attribute_1"], table["attribute_2"], strict=True))
    assert sorted(pairs) == [("born", "Jahr"), ("height", "size"), ("name", "Name")]
    assert table["gain"].is_monotonic_decreasing and (table["gain"] > 1).all()
    by_name = table.set_index("attribute_1")
    assert by_name["factor"]["height"] == 100 and by_name["factor"]["born"] == 1
    assert np.isnan(by_name["factor"]["name"])
    assert by_name["n_seeds"].to_dict() == {"born": 20, "height": 24, "name": 30}


def test_the_matrices_keeps_similarities(X):
    exact, projected = (AttributeValues(n).fit_transform(X) for n in (None, 1024))
    left, right = values(projected)
    assert left.shape == right.shape == (N, 1024) and left.dtype == np.float32
    lengths = np.linalg.norm(left[masks(projected)[0]], axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-5)
    one, two = values(exact)
    # The standard error of a product of vectors of length 1 is at most 1 / sqrt(1024).
    assert abs(left @ right.T - (one @ two.T).toarray()).max() < 5 / 32
    for dense, true in zip(masks(projected), masks(exact), strict=True):
        np.testing.assert_array_equal(dense, true)


def test_blocks_change_nothing(X, monkeypatch):
    from ibmea_sklearn.featurizers import _matrices

    expected = values(AttributeValues(8).fit_transform(X))
    monkeypatch.setattr(_matrices, "_BLOCK", 7)
    for one, two in zip(expected, values(AttributeValues(8).fit_transform(X)), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_random_state(X):
    def fit(random_state):
        return AttributeValues(16, random_state=random_state).fit_transform(X)

    assert_same(fit(0), fit(0))
    assert_same(fit(3), fit(np.random.RandomState(3)))
    assert (values(fit(0))[0] != values(fit(1))[0]).any()
    # Without a seed, the projection is still the same for all graphs of one fit.
    featurizer = AttributeValues(16, random_state=None).fit(X)
    assert_same(featurizer.transform(X), featurizer.transform(X))


@settings(max_examples=10)
@given(st.permutations(range(N)), st.permutations(range(N)))
def test_commutes_with_permutations(order1, order2):
    left, right = said()
    ids = [[IDS[0][i] for i in order1], [IDS[1][i] for i in order2]]
    before, after = (AttributeValues(32).fit_transform(view(left, right, i)) for i in (IDS, ids))
    for order, old, new in zip((order1, order2), values(before), values(after), strict=True):
        np.testing.assert_array_equal(new, old[list(order)])


def test_other_graphs_are_read_by_name(X):
    left, right = said()
    featurizer = AttributeValues().fit(X)
    again = view(left[::-1], [("b3", "unknown", 5), *right[::-1]])
    assert again.kg1.attribute_names.tolist() != X.kg1.attribute_names.tolist()
    assert_same(featurizer.transform(again), featurizer.transform(X))
    # A side is a side: the other graph's names mean nothing here.
    swapped = SeedPairs(X.kg2, X.kg1, [])
    assert not any(mask.any() for mask in masks(featurizer.transform(swapped)))
    strange = KnowledgeGraph(attribute_triples={"c": {"name": "unheard of"}, "d": {"born": 1950}})
    mask = masks(featurizer.transform(SeedPairs(strange, X.kg2, [])))[0]
    assert mask.tolist() == [False, True]


def test_a_repeated_value_counts_once(X):
    left, right = said()
    more = [*left, *((e, "height", f"{v} m") for e, a, v in left if a == "height")]
    assert_same(
        AttributeValues().fit_transform(view(more, right)), AttributeValues().fit_transform(X)
    )


def test_pickle_and_clone(X):
    featurizer = AttributeValues(64, min_support=7).fit(X)
    again = pickle.loads(pickle.dumps(featurizer))
    assert_same(again.transform(X), featurizer.transform(X))
    assert clone(featurizer).get_params() == featurizer.get_params()
    assert not hasattr(clone(featurizer), "matches_")


def test_another_modality(X):
    new = AttributeValues(8, modality="literal").fit_transform(X)
    assert set(new.kg1.features) == {"literal"}


# Without matches


def unrelated():
    rng = np.random.default_rng(0)
    left = [(entity, "p", float(v)) for entity, v in zip(IDS[0], rng.normal(size=N), strict=True)]
    right = [(entity, "q", float(v)) for entity, v in zip(IDS[1], rng.normal(size=N), strict=True)]
    return left, right


def test_nothing_matches():
    X = view(*unrelated())
    with pytest.warns(UserWarning, match=r"No attributes .* match: on none do 5 of the 30 pairs"):
        featurizer = AttributeValues(16).fit(X)
    assert featurizer.matches_.empty and list(featurizer.matches_.columns) == COLUMNS
    new = featurizer.transform(X)
    assert featurizer.n_features_out_ == 16
    assert [v.shape for v in values(new)] == [(N, 16)] * 2
    assert not any(mask.any() for mask in masks(new))
    new = AttributeValues(None, verbose=0).fit_transform(X)
    assert sparse.issparse(values(new)[0]) and values(new)[0].shape == (N, 1)


def test_values_in_one_graph_only_are_no_news():
    X = view(unrelated()[0], [("b0", "q", None)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new = AttributeValues(16).fit_transform(X)
    assert not any(mask.any() for mask in masks(new))


def test_no_values_at_all():
    X = view([("a0", "p", None)], [("b0", "q", "")])
    with pytest.raises(ValueError, match="AttributeValues found no value in either graph"):
        AttributeValues().fit(X)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_components": 0}, "n_components to be an integer of at least 1 or None; found 0"),
        ({"n_components": 1.5}, "n_components to be an integer"),
        ({"min_support": 0}, "min_support to be an integer of at least 1; found 0"),
        ({"min_gain": -1}, "min_gain to be a number in .*; found -1"),
        ({"min_gain": float("nan")}, "min_gain to be a number"),
        ({"min_gain": "high"}, "min_gain to be a number in .*; found 'high'"),
        ({"random_state": "x"}, "random_state to be None, a RandomState, .* found 'x'"),
        ({"random_state": -1}, "random_state to be None, a RandomState, .* found -1"),
    ],
    ids=str,
)
def test_parameters_out_of_range(X, params, message):
    with pytest.raises(ValueError, match=message):
        AttributeValues(**params).fit(X)


# Tables


TABLE = pd.DataFrame(
    {
        "born": ["1912-09", 1912.66666667, "1999", None, "", pd.Timestamp("1999-02-01")],
        "town": ["Berlin", " berlin", "Rome", None, "Oslo", "Paris"],
        "same": [1, 1, 1, None, 1, 1],
    },
    index=list("abcdef"),
)


def test_a_table_alone():
    encoder = AttributeValues(None)
    rows = encoder.fit_transform(TABLE)
    cosines = (rows @ rows.T).toarray()
    assert cosines[0, 1] > 0.99, "a date and a year with a fraction; a blank and a capital"
    assert not cosines[3].any(), "nothing is known"
    assert cosines[4, [0, 1, 2, 5]] == pytest.approx(0), "what all have in common is no agreement"
    table = encoder.matches_
    assert table["attribute_1"].tolist() == table["attribute_2"].tolist()
    assert set(table["attribute_1"]) == {"born", "town", "same"}
    projected = AttributeValues(1024).fit_transform(TABLE)
    np.testing.assert_allclose(projected @ projected.T, cosines, atol=5 / 32)
    frame = AttributeValues(2).set_output(transform="pandas").fit_transform(TABLE)
    assert frame.columns.tolist() == ["value0", "value1"] and frame.index.tolist() == list("abcdef")


def test_near_numbers_of_a_table():
    heights = np.random.default_rng(0).normal(1.7, 0.1, (300, 1))
    rows = AttributeValues(None).fit_transform(heights)
    cosines = (rows @ rows.T).toarray()[np.argsort(heights[:, 0])[150]]
    by_gap = cosines[np.argsort(abs(heights[:, 0] - np.median(heights)))]
    means = [part.mean() for part in np.split(by_gap, [5, 50, 150])]
    assert means == sorted(means, reverse=True) and means[0] > 0.5 > 0.05 > means[-1]


def test_rows_of_a_table_by_themselves():
    encoder = AttributeValues(None).fit(TABLE)
    rows = encoder.transform(TABLE)
    np.testing.assert_array_equal(encoder.transform(TABLE[2:3]).toarray(), rows[[2]].toarray())
    unheard = pd.DataFrame({"born": [None], "town": ["Rom"], "same": [None]})
    assert not encoder.transform(unheard).nnz


def test_tables_of_no_kind():
    with pytest.raises(ValueError, match="Reshape your data"):
        AttributeValues().fit(["1912", "1913"])
    with pytest.raises(ValueError, match="expecting 3 features|now missing"):
        AttributeValues().fit(TABLE).transform(TABLE[["born"]])
    with pytest.raises(TypeError, match="found one KnowledgeGraph"):
        AttributeValues().fit(KnowledgeGraph(entities=["a"]))


# Real data


@pytest.fixture(scope="module")
def learnt(real_pair):
    """FB15K and DB15K: a fit on a fifth of the links, the features, and both parts of the links."""
    from sklearn.model_selection import train_test_split

    kg1, kg2, links = real_pair("mmkg")
    train, test = train_test_split(links, train_size=0.2, random_state=0)
    featurizer = AttributeValues(512)
    return featurizer, featurizer.fit_transform(SeedPairs(kg1, kg2, train)), train, test


def hits_at_1(new, pairs):
    from ibmea_sklearn.matching import ranks

    rows = SeedPairs(new.kg1, new.kg2, pairs).indices.T
    left, right = (v[side] for v, side in zip(values(new), rows, strict=True))
    return np.mean(ranks(left, right, np.arange(len(pairs)), method="cosine") <= 1)


def test_freebase_and_dbpedia(learnt):
    featurizer, new, _, test = learnt
    table = featurizer.matches_
    short = [table[c].str.rsplit("/", n=1).str[-1] for c in ("attribute_1", "attribute_2")]
    factors = dict(zip(zip(*short, strict=True), table["factor"], strict=True))
    assert factors["people.person.date_of_birth", "birthDate"] == 1
    assert factors["location.geocode.longitude", "wgs84_pos#long"] == 1
    assert factors["location.location.area", "areaTotal"] == pytest.approx(1e6, rel=0.01)
    hits = hits_at_1(new, test)
    assert hits >= 0.28, f"measured .307; found {hits:.3f}"


def test_a_seed_says_nothing_of_its_partner(learnt):
    """Seeds are found as often as others, so no cross-fitting is needed."""
    _, new, train, test = learnt
    assert hits_at_1(new, train) == pytest.approx(hits_at_1(new, test[: len(train)]), abs=0.05)


def test_what_is_learnt_of_seeds_is_what_fit_saw(X):
    """The pairs that are transformed change nothing: held-out seeds stay unseen."""
    some, others = X[: len(X) // 2], X[len(X) // 2 :]
    featurizer = AttributeValues(16, min_support=2).fit(some)
    expected = featurizer.transform(some)
    for pairs in (others, X, X[:0], X[::-1]):
        assert_same(featurizer.transform(pairs), expected)
        assert_same(clone(featurizer).fit(some).transform(pairs), expected)
    # And it does matter: who is fitted on wrong pairs has other features.
    wrong = SeedPairs(X.kg1, X.kg2, np.column_stack([some.pairs[:, 0], some.pairs[::-1, 1]]))
    assert any(
        (one != two).any()
        for one, two in zip(
            values(AttributeValues(16, min_support=2, verbose=0).fit(wrong).transform(X)),
            values(expected),
            strict=True,
        )
    )
