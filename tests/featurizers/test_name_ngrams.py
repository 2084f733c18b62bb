"""NameNGrams: how names are folded, what makes two alike, several names, and faults."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from ibmea_sklearn import AlignmentWarning, KnowledgeGraph, SeedPairs
from ibmea_sklearn.featurizers import NameNGrams
from ibmea_sklearn.featurizers.texts.names import (
    NameParts,
    folded,
    largest_by_owner,
    words_and_numbers,
)


def named(names1, names2):
    kgs = (
        KnowledgeGraph(names=dict(enumerate(n)), entities=range(len(n))) for n in (names1, names2)
    )
    return SeedPairs(*kgs, [])


def similarity(names1, names2, **parameters):
    new = NameNGrams(**parameters).fit_transform(named(names1, names2))
    one, two = (kg.features["name"].values for kg in (new.kg1, new.kg2))
    found = one @ two.T
    return found.toarray() if sparse.issparse(found) else found


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Łódź", ["lodz"]),
        ("İstanbul STRASSE straße", ["istanbul", "strasse", "strasse"]),
        ("ﬁlm ①２", ["film", "12"]),
        ("Москва", ["moskva"]),
        ("O'Brien’s", ["obriens"]),
        ("Apollo11 (1969)", ["apollo", "11", "1969"]),
        ("!?", []),
        ("\ud800", []),
    ],
)
def test_folding(name, parts):
    assert words_and_numbers(name) == parts


@given(st.text())
def test_any_text_is_folded_to_ascii_and_stays_so(name):
    once = folded(name)
    assert once.isascii() and once == once.lower()
    assert words_and_numbers(once) == words_and_numbers(name)


def test_letters_are_those_of_words():
    assert list(NameParts(3, 5)("ab 1994 cdef")) == ["#ab", " ab", "ab ", " ab ", "#1994"] + [
        "#cdef", " cd", "cde", "def", "ef ", " cde", "cdef", "def ", " cdef", "cdef ",
    ]  # fmt: skip
    assert list(NameParts(5, 6)("ab")) == ["#ab", " ab "]


def test_spelling_accents_and_scripts():
    left = ["Kraków", "Москва", "Pirates of the Caribbean", "Köln"]
    right = ["Koln Airport", "Moskva", "Krakow", "Pirate of the Caribean"]
    assert similarity(left, right).argmax(axis=1).tolist() == [2, 1, 3, 0]
    assert similarity(["Kraków"], ["KRAKOW"])[0, 0] == pytest.approx(1)


def test_numbers_are_alike_only_if_equal():
    found = similarity(["1994", "Cup 1994"], ["1995", "1994", "Cup 1995", "Cup 1994"])
    np.testing.assert_allclose(found[0, :3], [0, 1, 0], atol=1e-6)
    assert found[1, 3] == pytest.approx(1) and found[1, 2] < 0.95


def test_rare_words_count_more():
    left = [f"{word} river" for word in ("Blue", "Red", "Green", "Grey")]
    found = similarity([*left, "Blue river"], ["Blue", "river"])
    assert found[0, 0] > found[0, 1]


def test_the_best_of_several_names():
    found = similarity([["Warsaw", "Warszawa"], "Poznan"], [["Varsovie", "Warszawa"], "Gdansk"])
    blurred = similarity(["Warsaw Warszawa"], ["Varsovie Warszawa"])
    assert found[0, 0] > 0.5 and found[0, 1] < 0.1
    assert found[0, 0] > blurred[0, 0] - 0.05


def test_rows_of_single_names():
    X = named([["Warsaw", "Warszawa"], "Poznan"], ["Warszawa"])
    featurizer = NameNGrams().fit(X)
    rows = featurizer.name_rows(X.kg1)
    assert rows.shape == (3, featurizer.n_features_out_)
    best = (rows @ featurizer.name_rows(X.kg2).T).toarray()
    assert featurizer.name_rows(KnowledgeGraph(entities=[1])).shape[0] == 0
    assert best.argmax() == 1 and best.max() == pytest.approx(1)
    np.testing.assert_allclose(sparse.linalg.norm(rows, axis=1), 1, rtol=1e-6)


def test_largest_of_rows_against_a_loop():
    random = np.random.default_rng(0)
    dense = random.random((9, 6)) * (random.random((9, 6)) < 0.5)
    owners = np.array([3, 0, 3, 1, 1, 3, 0, 5, 5])
    expected = np.zeros((7, 6))
    for row, owner in zip(dense, owners, strict=True):
        expected[owner] = np.maximum(expected[owner], row)
    found = largest_by_owner(sparse.csr_array(dense), owners, 7)
    np.testing.assert_array_equal(found.toarray(), expected)


def test_who_has_a_row():
    new = NameNGrams().fit_transform(named([["a bird"], "?!", []], ["a bird"]))
    assert new.kg1.features["name"].mask.tolist() == [True, False, False]
    values = new.kg1.features["name"].values
    np.testing.assert_allclose(sparse.linalg.norm(values, axis=1), [1, 0, 0], rtol=1e-6)


@pytest.mark.parametrize("n_components", [None, 8])
def test_names_without_a_letter_or_number_are_none(n_components):
    X = named(["???", "—"], ["…"])
    featurizer = NameNGrams(n_components=n_components)
    with pytest.warns(AlignmentWarning, match=r"None of the 3 names has .* such as '\?\?\?'"):
        new = featurizer.fit_transform(X)
    for kg in (new.kg1, new.kg2):
        assert kg.features["name"].values.shape == (kg.n_entities, featurizer.n_features_out_)
        assert not kg.features["name"].mask.any()
    assert featurizer.name_rows(X.kg1).nnz == 0


def test_projected_rows_keep_their_cosines():
    names = [f"{a} {b}" for a in ("blue", "red", "green") for b in ("river", "lake", "hill")]
    exact, found = similarity(names, names), similarity(names, names, n_components=4096)
    assert found.shape == exact.shape and abs(found - exact).max() < 0.1
    new = NameNGrams(n_components=8).fit_transform(named(names, names))
    assert new.kg1.features["name"].values.shape == (9, 8)


def test_other_graphs_than_those_of_fit():
    featurizer = NameNGrams().fit(named(["blue river"], ["red river"]))
    again = pickle.loads(pickle.dumps(featurizer))
    other = named(["river", "Zoo"], ["blue"])
    new = again.transform(other)
    assert new.kg1.features["name"].values.shape == (2, featurizer.n_features_out_)
    assert new.kg1.features["name"].mask.tolist() == [True, False]
    nameless = featurizer.transform(SeedPairs(KnowledgeGraph(entities=[1]), other.kg2, []))
    assert not nameless.kg1.features["name"].mask.any()
    assert sparse.issparse(nameless.kg1.features["name"].values)


def test_one_name_of_all_and_names_on_one_side():
    found = similarity(["same"] * 50, ["same"] * 40)
    np.testing.assert_allclose(found, 1, rtol=1e-6)
    new = NameNGrams().fit_transform(named(["one"], [[]]))
    assert new.kg1.features["name"].mask.all() and not new.kg2.features["name"].mask.any()


def test_faults():
    with pytest.raises(ValueError, match="NameNGrams found no name in either graph"):
        NameNGrams().fit(named([[]], [[]]))
    for wrong in ((0, 3), (4, 3), "ab"):
        with pytest.raises(ValueError, match="Expected ngram_range to be two whole numbers"):
            NameNGrams(wrong).fit(named(["a"], ["b"]))
