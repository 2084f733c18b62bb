"""AttributeAbstract: texts and vectors against naive ones, seeds that tell nothing, and faults."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import normalize
from sklearn.utils.estimator_checks import parametrize_with_checks

from ibmea_sklearn import KnowledgeGraph, ModalityFeaturizer, SeedPairs
from ibmea_sklearn.featurizers import AttributeAbstract, NameMatcher, TextEncoder

N = 40
IDS = [[f"{side}{i}" for i in range(N)] for side in "ab"]
SEEDS = [(f"a{i}", f"b{i}") for i in range(0, N, 2)]


def said(seed=0):
    rng = np.random.default_rng(seed)
    size, born = np.round(rng.normal(1.7, 0.1, N), 2), rng.integers(1900, 2000, N)
    left, right = [], []
    for i in range(N - 1):
        left += [(f"a{i}", "born", f"{born[i]}-01-01"), (f"a{i}", "bodyHeight", f"{size[i]} m")]
        right += [(f"b{i}", "groesse", f"{100 * size[i]:.0f}"), (f"b{i}", "Jahr", int(born[i]))]
        right.append((f"b{i}", "noise", float(rng.normal())))
    left += [("a1", "zodiac", "Leo"), ("a1", "alias", "The  One"), ("a1", "alias", "the one")]
    return left, right


def view(left, right, ids=IDS, seeds=SEEDS):
    kg1 = KnowledgeGraph(attribute_triples=left, entities=ids[0])
    return SeedPairs(kg1, KnowledgeGraph(attribute_triples=right, entities=ids[1]), seeds)


@pytest.fixture
def X():
    return view(*said())


def abstract(**params):
    return AttributeAbstract(**{"encoder": TfidfVectorizer(), **params})


def features(X, modality="abstract"):
    return [kg.features[modality] for kg in (X.kg1, X.kg2)]


def dense(X, modality="abstract"):
    values = [f.values for f in features(X, modality)]
    return [v.toarray() if sparse.issparse(v) else v for v in values]


def assert_same(one, two):
    for left, right in zip(features(one), features(two), strict=True):
        np.testing.assert_allclose(abs(left.values - right.values).max(), 0, atol=1e-6)
        np.testing.assert_array_equal(left.mask, right.mask)


def hits_at_1(X, pairs):
    left, right = (v[rows] for v, rows in zip(dense(X), np.transpose(pairs), strict=True))
    scores = left @ right.T
    true = scores.diagonal()[:, None]
    ranks = 1 + (scores > true + 1e-6).sum(1) + (abs(scores - true) <= 1e-6).sum(1) / 2 - 0.5
    return (ranks <= 1).mean()


# Texts


def test_texts(X):
    featurizer = abstract().fit(X)
    by_entity = [
        featurizer.describe(kg, side).set_index("entity")["text"]
        for side, kg in ((1, X.kg1), (2, X.kg2))
    ]
    names = featurizer.matches_.set_index("attribute_1")["attribute_2"].to_dict()
    assert names == {"bodyHeight": "groesse", "born": "Jahr"}
    triples = {(e, a): v for side in said() for e, a, v in side}
    order = list(featurizer.matches_["attribute_2"])
    for i in (0, 1, 7):
        values = {"groesse": triples[f"b{i}", "groesse"], "Jahr": triples[f"b{i}", "Jahr"]}
        shared = ", ".join(f"{a.lower()} is {values[a]}" for a in order)
        more = ", alias is the one, zodiac is leo" if i == 1 else ""
        assert by_entity[0][f"a{i}"] == shared + more
        noise = f"{triples[f'b{i}', 'noise']:.5g}"
        assert by_entity[1][f"b{i}"] == f"{shared}, noise is {noise}"
    assert len(by_entity[0]) == len(by_entity[1]) == N - 1


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (48442000000, 5, "48442000000"),
        (48442912345, 5, "48443000000"),
        (0.000012345678, 3, "0.0000123"),
        ("1912-09-11", 5, "1912.7"),
        ("1912-09-11", 6, "1912.69"),
        (-4, 5, "-4"),
        (1e300, 1, "1" + "0" * 300),
        ("  New  York", 5, "new york"),
        ("half \ud800", 5, "half ?"),
    ],
)
def test_values_as_text(X, value, digits, text):
    featurizer = abstract(digits=digits).fit(X)
    assert featurizer.describe([("e", "http://x.org/ownName", value)])["text"].tolist() == [
        f"own name is {text}"
    ]


def test_a_table_is_described_as_its_side(X):
    featurizer = abstract().fit(X)
    table = pd.DataFrame({"who": ["new"], "what": ["bodyHeight"], "value": [1.8]})
    assert featurizer.describe(table, side=1)["text"].tolist() == ["groesse is 180"]
    assert featurizer.describe(table, side=2)["text"].tolist() == ["body height is 1.8"]
    assert featurizer.describe([("e", "p", None)]).shape == (0, 2)


def test_what_nobody_says_twice(X):
    left, right = said()
    new = abstract().fit_transform(view(left + left[:9], right + right[3:9]))
    assert_same(new, abstract().fit_transform(X))


# Vectors


@pytest.mark.parametrize("is_sparse", [True, False], ids=["sparse", "dense"])
def test_vectors_against_a_naive_loop(X, is_sparse):
    encoder = TfidfVectorizer(norm=None)
    if not is_sparse:
        encoder = make_pipeline(encoder, TruncatedSVD(5, random_state=0))
    featurizer = abstract(encoder=encoder)
    new = featurizer.fit_transform(X)
    tables = [featurizer.describe(kg, side) for side, kg in ((1, X.kg1), (2, X.kg2))]
    own = clone(encoder).fit([*tables[0]["text"], *tables[1]["text"]])
    for ids, table, found in zip(IDS, tables, features(new), strict=True):
        assert sparse.issparse(found.values) == is_sparse and found.values.dtype == np.float32
        for row, entity in enumerate(ids):
            text = table.loc[table["entity"] == entity, "text"]
            value = found.values[[row]]
            value = value.toarray() if is_sparse else value
            assert found.mask[row] == bool(len(text))
            if not len(text):
                assert not value.any()
                continue
            vector = own.transform(text)
            vector = vector.toarray() if is_sparse else vector
            np.testing.assert_allclose(value, vector / np.linalg.norm(vector), atol=1e-5)
    names = featurizer.get_feature_names_out()
    assert len(names) == featurizer.n_features_out_ == found.values.shape[1]


def test_pairs_are_found(X):
    rows = np.repeat(np.arange(1, N - 1, 2)[:, None], 2, axis=1)
    assert hits_at_1(abstract().fit_transform(X), rows) > 0.9


@settings(max_examples=3)
@given(st.permutations(range(N)), st.permutations(range(N)))
def test_commutes_with_permutations(order1, order2):
    left, right = said()
    ids = [[IDS[0][i] for i in order1], [IDS[1][i] for i in order2]]
    encoder = HashingVectorizer(n_features=64)
    before, after = (
        abstract(encoder=encoder).fit_transform(view(left, right, i)) for i in (IDS, ids)
    )
    for order, old, new in zip((order1, order2), dense(before), dense(after), strict=True):
        np.testing.assert_array_equal(new, old[list(order)])


def test_other_graphs_are_read_by_name(X):
    left, right = said()
    featurizer = abstract().fit(X)
    again = view(left[::-1], [("b3", "Jahr", None), *right[::-1]])
    assert again.kg1.attribute_names.tolist() != X.kg1.attribute_names.tolist()
    assert_same(featurizer.transform(again), featurizer.transform(X))
    empty = view([("a0", "born", None)], right)
    assert not features(featurizer.transform(empty))[0].mask.any()


def test_one_graph_without_values():
    new = abstract().fit_transform(view([("a0", "p", None)], said()[1]))
    assert [f.mask.sum() for f in features(new)] == [0, N - 1]


def test_pickle_and_clone(X):
    featurizer = abstract(matcher=NameMatcher(3)).fit(X)
    again = pickle.loads(pickle.dumps(featurizer))
    assert_same(again.transform(X), featurizer.transform(X))
    assert clone(featurizer).set_params(matcher__min_support=4).matcher.min_support == 4
    assert featurizer.matcher.min_support == 3
    assert not hasattr(clone(featurizer), "matches_")


def test_modality_featurizer_lifts_it(X):
    svd = make_pipeline(abstract(), TruncatedSVD(3, random_state=0))
    featurizer = ModalityFeaturizer(
        attribute=abstract(modality="attribute"),
        value="drop",
        transformers={"abstract": abstract(), "short": make_pipeline(abstract(modality="short"))},
    )
    new = featurizer.fit_transform(X)
    alone = abstract().fit_transform(X)
    assert_same(new, alone)
    for modality in ("attribute", "short"):
        for found, expected in zip(dense(new, modality), dense(alone), strict=True):
            np.testing.assert_array_equal(found, expected)
    lifted = ModalityFeaturizer(transformers={"abstract": svd}).fit_transform(X)
    assert features(lifted)[0].values.shape == (N, 3)


# Tables


def test_a_table_becomes_text():
    table = pd.DataFrame(
        {
            "bornOn": ["1912-09-11", None, "1999"],
            "sex": ["F", "m", ""],
            "height": [1.87, np.nan, np.inf],
        }
    )
    encoder = CountVectorizer(token_pattern="[^,]+", binary=True)
    featurizer = abstract(encoder=encoder)
    rows = featurizer.fit_transform(table)
    names = featurizer.get_feature_names_out().tolist()
    said = [{names[column].strip() for column in row.nonzero()[0]} for row in rows.toarray()]
    assert said == [
        {"born on is 1912.7", "sex is f", "height is 1.87"},
        {"sex is m"},
        {"born on is 1999"},
    ]
    np.testing.assert_allclose(sparse.linalg.norm(rows, axis=1), 1)
    assert featurizer.matches_.empty
    nothing = featurizer.transform(pd.DataFrame({"bornOn": [None], "sex": [""], "height": [None]}))
    assert nothing.shape == (1, len(names)) and nothing.nnz == 0


def test_an_array_after_a_view(X):
    featurizer = abstract().fit(X)
    rows = featurizer.transform([[180, 1950]])
    expected = featurizer.encoder_.transform(["180, 1950"])
    np.testing.assert_allclose(rows.toarray(), normalize(expected).toarray(), rtol=1e-6)


@parametrize_with_checks([AttributeAbstract(encoder=TextEncoder(n_components=8))])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


# Matchers


def test_any_matcher_will_do(X):
    table = pd.DataFrame({"attribute_1": ["zodiac"], "attribute_2": ["noise"]})
    featurizer = abstract(matcher=SimpleNamespace(match=lambda view: table)).fit(X)
    text = featurizer.describe({"e": {"zodiac": "Leo", "born": 1999}})["text"].tolist()
    assert text == ["noise is leo, born is 1999"]
    assert "factor" not in table


def test_a_callable_is_a_language_model(X):
    def model(prompt):
        assert '"zodiac" ["Leo"]' in prompt
        return '{"zodiac": "noise", "alias": null}'

    matches = abstract(matcher=model).fit(X).matches_
    assert ("zodiac", "noise") in set(
        zip(matches["attribute_1"], matches["attribute_2"], strict=True)
    )


# Cross-fitting


def test_no_seed_decides_what_its_own_row_is(X):
    whole = abstract().fit_transform(X)
    for left_out in range(0, len(X), 5):
        rest = X[np.arange(len(X)) != left_out]
        without = abstract().fit(rest)
        assert_same(without.transform(X), whole)


def own_names():
    """Each entity has an attribute of a name of its own, with a value that tells nothing."""
    rng = np.random.default_rng(0)
    order = rng.permutation(N)
    left = [(f"a{i}", f"p{i:03}", "x") for i in range(N)]
    right = [(f"b{i}", f"q{order[i]:03}", "x") for i in range(N)]
    return view(left, right, seeds=[(f"a{i}", f"b{i}") for i in range(N // 2)])


@pytest.mark.parametrize(
    ("min_support", "seeds", "others"), [(1, (0.9, 1.0), (0.0, 0.1)), (5, (0.0, 0.1), (0.0, 0.1))]
)
def test_a_match_by_a_single_seed_would_leak(min_support, seeds, others):
    X = own_names()
    matcher = NameMatcher(min_support, min_gain=-0.0, min_similarity=1.0)
    new = AttributeAbstract(matcher, CountVectorizer()).fit_transform(X)
    rows = np.repeat(np.arange(N)[:, None], 2, axis=1)
    assert seeds[0] <= hits_at_1(new, rows[: N // 2]) <= seeds[1]
    assert others[0] <= hits_at_1(new, rows[N // 2 :]) <= others[1]


# Faults


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"digits": 0}, ValueError, "digits to be an integer of at least 1; found 0"),
        ({"matcher": "llama"}, TypeError, "matcher to be None, an object with match.*'llama'"),
        ({"matcher": NameMatcher}, TypeError, "matcher to be None, an object .*NameMatcher"),
        ({"encoder": "bert"}, TypeError, "encoder to be None or a transformer .* found 'bert'"),
        ({"encoder": TfidfVectorizer}, TypeError, "encoder to be None or a transformer"),
        (
            {"matcher": SimpleNamespace(match=lambda X: {"a": "b"})},
            ValueError,
            "columns attribute_1 and attribute_2; found dict",
        ),
        (
            {"matcher": SimpleNamespace(match=lambda X: pd.DataFrame({"attribute_1": []}))},
            ValueError,
            r"columns attribute_1 and attribute_2; found \['attribute_1'\]",
        ),
        (
            {
                "matcher": SimpleNamespace(
                    match=lambda X: pd.DataFrame(
                        {"attribute_1": ["p", "q"], "attribute_2": ["r", "r"]}
                    )
                )
            },
            ValueError,
            "match one to one; found 'r' twice in attribute_2",
        ),
    ],
)
def test_bad_parameters(X, params, error, message):
    with pytest.raises(error, match=message):
        abstract(**params).fit(X)


def test_no_values_at_all():
    X = view([("a0", "p", None)], [("b0", "q", "")])
    with pytest.raises(ValueError, match="found no attribute with a value in either graph"):
        abstract().fit(X)


def test_no_view(X):
    with pytest.raises(TypeError, match=r"AttributeAbstract expects a view of two graphs, or an"):
        abstract().fit(X.kg1)
    with pytest.raises(ValueError, match="Reshape your data"):
        abstract().fit(["a", "b"])
    with pytest.raises(ValueError, match="found no value in the table"):
        abstract().fit([[None, ""], [np.nan, None]])
    with pytest.raises(ValueError, match="side to be 1 or 2; found 0"):
        abstract().fit(X).describe(X.kg1, side=0)


# Real data


def test_freebase_and_dbpedia(real_pair):
    from sklearn.model_selection import train_test_split

    kg1, kg2, links = real_pair("mmkg")
    train, test = train_test_split(links, train_size=0.2, random_state=0)
    encoder = HashingVectorizer(ngram_range=(1, 2), n_features=2**14)
    featurizer = AttributeAbstract(encoder=encoder)
    new = featurizer.fit_transform(SeedPairs(kg1, kg2, train))
    short = [
        featurizer.matches_[c].str.rsplit("/", n=1).str[-1] for c in ("attribute_1", "attribute_2")
    ]
    matched = dict(zip(*short, strict=True))
    expected = {
        "people.person.date_of_birth": "birthDate",
        "people.deceased_person.date_of_death": "deathDate",
        "location.geocode.longitude": "wgs84_pos#long",
        "location.location.area": "areaTotal",
        "tv.tv_program.number_of_seasons": "numberOfSeasons",
        "people.person.height_meters": "height",
        "geography.river.discharge": "discharge",
    }
    assert {name: matched.get(name) for name in expected} == expected

    # Seeds are found as often as others.
    hits = []
    for part in (train, test[: len(train)]):
        rows = SeedPairs(kg1, kg2, part).indices.T
        left, right = (f.values[side] for f, side in zip(features(new), rows, strict=True))
        scores = (left @ right.T).toarray()
        hits.append(np.mean(scores.argmax(axis=1) == np.arange(len(part))))
    assert min(hits) > 0.1 and hits[0] == pytest.approx(hits[1], abs=0.05), hits
