"""Which modalities there are to compare by, and what is compared of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from ibmea_sklearn import (
    IBMEAAligner,
    KnowledgeGraph,
    PropagationAligner,
    SeedPairs,
    TMEAAligner,
)
from ibmea_sklearn.channels import features
from ibmea_sklearn.channels.channels import is_finite, unit_rows
from ibmea_sklearn.channels.features import (
    choose_modalities,
    frozen_modalities,
    frozen_vectors,
    mean_of_rows,
    principal_vectors,
    shared_modalities,
)


@pytest.fixture
def X():
    kg1 = KnowledgeGraph([("a", "p", "b"), ("b", "p", "c")])
    kg2 = KnowledgeGraph([("x", "q", "y"), ("x", "r", "y")], entities=["z"])
    return SeedPairs(kg1, kg2, [("b", "z"), ("c", "y")])


def with_features(X, left, right):
    return X.with_graphs(X.kg1.with_features(own=left), X.kg2.with_features(own=right))


# Modalities


def test_modalities_that_both_have(X):
    nobody = (np.eye(3), np.zeros(3, bool))
    assert shared_modalities(X) == ["graph"]
    assert shared_modalities(with_features(X, np.eye(3), np.eye(3))) == ["graph", "own"]
    assert shared_modalities(with_features(X, np.eye(3), nobody)) == ["graph"]
    bare = KnowledgeGraph(entities=["x"])
    assert shared_modalities(SeedPairs(X.kg1, bare, [("a", "x")])) == []


def test_modalities_that_are_chosen(X):
    both = with_features(X, np.eye(3), np.eye(3))
    assert choose_modalities(both, "all") == ["graph", "own"]
    assert choose_modalities(both, ["own"]) == ["own"]
    with pytest.raises(ValueError, match=r"found \['imge'\], which a graph lacks"):
        choose_modalities(both, ["own", "imge"])
    with pytest.raises(ValueError, match="found none"):
        choose_modalities(both, [])
    with pytest.raises(ValueError, match="own features of one width in both graphs; found 3 in"):
        choose_modalities(with_features(X, np.eye(3), np.eye(3, 5)), "all")


def test_features_can_t_be_called_like_the_graph(X):
    named = X.with_graphs(X.kg1.with_features(graph=np.eye(3)), X.kg2)
    with pytest.raises(ValueError, match="other names than 'graph'"):
        choose_modalities(named, "all")


def test_dense_features_are_a_channel_as_they_are_unless_they_are_named(X):
    dense = with_features(X, np.eye(3), np.eye(3))
    bags = with_features(X, sparse.csr_array(np.eye(3)), sparse.csr_array(np.eye(3)))
    names = ["graph", "own", "propagation"]
    assert frozen_modalities(dense, names, "all") == ["own"]
    assert frozen_modalities(bags, names[:2], "all") == []
    assert frozen_modalities(bags, names, ["own"]) == ["own"]
    with pytest.raises(ValueError, match=r"features, of \['own'\]; found \['graph'\]"):
        frozen_modalities(dense, names, ["graph"])


def test_widths_that_differ_are_told_by_every_aligner(toy_pair):
    kg1, kg2, links = toy_pair.kg1, toy_pair.kg2, toy_pair.links[:20]
    kg1 = kg1.with_features(own=np.eye(kg1.n_entities, 3))
    kg2 = kg2.with_features(own=np.eye(kg2.n_entities, 5))
    for aligner in (
        PropagationAligner(modalities=["graph", "own"], verbose=0),
        IBMEAAligner(modalities=["own"], verbose=0),
        TMEAAligner(modalities=["own"], verbose=0),
    ):
        with pytest.raises(
            ValueError, match="own features of one width in both graphs; found 3 in"
        ):
            aligner.fit(kg1, kg2, links)


def test_features_of_one_side_only_are_told(toy_pair):
    kg1, kg2 = toy_pair.kg1, toy_pair.kg2
    kg1 = kg1.with_features(image=np.eye(kg1.n_entities, 3))
    raw = KnowledgeGraph(
        [("b0", "r", "b1")], images={"b0": np.zeros((4, 4, 3))}, entities=kg2.entity_ids
    )
    with pytest.raises(ValueError, match="image features in both graphs or in neither"):
        PropagationAligner(modalities=["graph", "image"], verbose=0).fit(
            kg1, raw, toy_pair.links[:20]
        )


# Vectors


def test_frozen_vectors_are_centred_by_graph(X):
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((3, 4)), rng.standard_normal((3, 4)) + 5
    mask = np.array([True, False, True])
    found = frozen_vectors(with_features(X, (left, mask), right), "own")
    assert found.dtype == np.float32 and found.shape == (6, 4)
    np.testing.assert_allclose(found[[0, 2]], left[mask] - left[mask].mean(0), rtol=1e-5)
    np.testing.assert_allclose(found[3:], right - right.mean(0), rtol=1e-5, atol=1e-6)
    assert (found[1] == 0).all()  # who lacks it says nothing, not what the mean says


@pytest.mark.parametrize("n_numbers", [1, 8, 1 << 22])
def test_the_mean_of_rows_does_not_depend_on_the_blocks(monkeypatch, n_numbers):
    monkeypatch.setattr(features, "_BLOCK_NUMBERS", n_numbers)
    rng = np.random.default_rng(0)
    values, mask = rng.standard_normal((11, 3)).astype(np.float32), rng.random(11) < 0.6
    np.testing.assert_allclose(mean_of_rows(values, mask), values[mask].mean(0), rtol=1e-5)
    assert (mean_of_rows(values, np.zeros(11, bool)) == 0).all()


def test_principal_vectors_keep_who_has_nothing_at_zero():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((30, 3)).astype(np.float32) * [9, 1, 0.1]
    vectors[[4, 7]] = 0
    found, principal = principal_vectors(vectors.astype(np.float32), 8, random_state=0)
    np.testing.assert_allclose(principal.rows(vectors.astype(np.float32)), found, atol=1e-5)
    assert found.shape == (30, 8) and found.dtype == np.float32
    lengths = np.linalg.norm(found, axis=1)
    assert (lengths[[4, 7]] == 0).all()
    np.testing.assert_allclose(np.delete(lengths, [4, 7]), 1, rtol=1e-5)
    assert (found[:, 3:] == 0).all()  # there are three directions only
    # The first follows the widest column.
    told = np.delete(np.arange(30), [4, 7])
    centred = vectors[:, 0] - vectors[:, 0].mean()
    assert abs(np.corrcoef(found[told, 0], np.sign(centred[told]))[0, 1]) > 0.9


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_noticed(bad):
    rng = np.random.default_rng(0)
    vectors = {"a": rng.random((9, 3)), "b": rng.random((9, 2)), "c": np.empty((0, 2))}
    assert is_finite(vectors)
    vectors["b"][7, 1] = bad
    assert not is_finite(vectors)


@given(exponent=st.integers(-36, 36), seed=st.integers(0, 99))
def test_length_does_not_depend_on_the_scale(exponent, seed):
    """Squares of large and small numbers leave float32."""
    vectors = np.random.default_rng(seed).normal(size=(4, 3)).astype(np.float32)
    scaled = (vectors * np.float64(10.0**exponent)).astype(np.float32)
    np.testing.assert_allclose(unit_rows(scaled), unit_rows(vectors), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(unit_rows(scaled), axis=1), 1, rtol=1e-5)


@given(
    seed=st.integers(0, 999), n=st.integers(0, 6), width=st.integers(0, 5), lacking=st.booleans()
)
def test_unit_rows_equal_naive_division(seed, n, width, lacking):
    vectors = np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)
    if lacking:
        vectors[::2] = 0
    found = unit_rows(vectors)
    assert found.shape == (n, width)
    for row, unit in zip(vectors.astype(float), found, strict=True):
        length = sum(x * x for x in row) ** 0.5
        np.testing.assert_allclose(unit, row / length if length else row, atol=1e-6)
    np.testing.assert_allclose(unit_rows(found), found, atol=1e-6)  # once is enough


def test_what_is_not_finite_stays_so():
    """Or a network that is ruined would go unnoticed."""
    vectors = np.ones((4, 2), np.float32)
    vectors[[0, 1, 2], 1] = np.nan, np.inf, -np.inf
    found = unit_rows(vectors)
    assert not np.isfinite(found[:3]).all(axis=1).any()
    np.testing.assert_allclose(found[3], 0.5**0.5, rtol=1e-6)
