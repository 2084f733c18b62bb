"""NeighborMeanImputer: against a naive loop, and what it must not do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.featurizers import NeighborMeanImputer

N = 8
edges = st.lists(st.tuples(st.integers(0, N - 1), st.sampled_from("pq"), st.integers(0, N - 1)))
masks = st.lists(st.booleans(), min_size=N, max_size=N).filter(any)


def graph(triples, mask, seed=0, order=None):
    order = range(N) if order is None else order
    values = np.random.default_rng(seed).normal(size=(N, 3))[list(order)]
    mask = np.asarray(mask)[list(order)]
    features = (values * mask[:, None], mask)
    return KnowledgeGraph(triples, entities=list(order), features={"image": features})


def naive(kg, mean):
    values, mask = kg.features["image"]
    rows, filled = np.zeros(values.shape), mask.copy()
    for entity in range(kg.n_entities):
        neighbours = set()
        for head, _, tail in kg.relation_triples.tolist():
            neighbours |= {tail} if head == entity else {head} if tail == entity else set()
        given = [values[n] for n in neighbours if mask[n]]
        if mask[entity]:
            rows[entity] = values[entity]
        elif given:
            rows[entity], filled[entity] = np.mean(given, axis=0), True
        else:
            rows[entity] = mean
        rows[entity] /= np.linalg.norm(rows[entity]) or 1
    return rows, filled


@given(edges, edges, masks, masks)
def test_against_a_naive_loop(left, right, mask1, mask2):
    X = SeedPairs(graph(left, mask1, 0), graph(right, mask2, 1), [])
    new = NeighborMeanImputer().fit_transform(X)
    both = np.concatenate(
        [kg.features["image"].values[kg.features["image"].mask] for kg in (X.kg1, X.kg2)]
    )
    for before, after in ((X.kg1, new.kg1), (X.kg2, new.kg2)):
        rows, mask = naive(before, both.mean(0))
        np.testing.assert_allclose(after.features["image"].values, rows, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(after.features["image"].mask, mask)


@given(edges, masks, st.permutations(range(N)))
def test_commutes_with_permutations(triples, mask, order):
    X = SeedPairs(graph(triples, mask), graph(triples, mask, order=order), [])
    new = NeighborMeanImputer().fit_transform(X)
    one, two = new.kg1.features["image"], new.kg2.features["image"]
    place = X.kg1.entity_index(X.kg2.entity_ids)
    np.testing.assert_allclose(two.values, one.values[place], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(two.mask, one.mask[place])


def test_filled_in_values_are_not_passed_on():
    mask = [True] + [False] * (N - 1)
    kg = graph([(0, "p", 1), (1, "p", 2)], mask)
    new = NeighborMeanImputer().fit_transform(SeedPairs(kg, kg, [])).kg1
    assert new.features["image"].mask.tolist() == [True, True] + [False] * (N - 2)


def test_sparse_features_stay_sparse():
    dense = graph([(0, "p", 1)], [True, False] * (N // 2))
    values, mask = dense.features["image"]
    kg = dense.with_features(image=(sparse.csr_array(values), mask))
    new = NeighborMeanImputer().fit_transform(SeedPairs(kg, dense, []))
    assert sparse.issparse(new.kg1.features["image"].values)
    np.testing.assert_allclose(
        new.kg1.features["image"].values.toarray(), new.kg2.features["image"].values, rtol=1e-5
    )


def test_a_graph_without_features_gets_the_mean_and_no_mask():
    kg, other = graph([], [True] * N), KnowledgeGraph(entities=["x"])
    imputer = NeighborMeanImputer().fit(SeedPairs(kg, other, []))
    values, mask = imputer.transform(SeedPairs(kg, other, [])).kg2.features["image"]
    np.testing.assert_allclose(values[0], imputer.mean_ / np.linalg.norm(imputer.mean_), rtol=1e-5)
    assert not mask.any()


def test_errors():
    kg, other = graph([], [True] * N), KnowledgeGraph(entities=["x"], name="other")
    with pytest.raises(ValueError, match="found no image features in either graph"):
        NeighborMeanImputer().fit(SeedPairs(other, other, []))
    wide = other.with_features(image=[[1.0, 2.0]])
    with pytest.raises(
        ValueError, match="one width in both graphs; found 3 in kg1 and 2 in graph 'other'"
    ):
        NeighborMeanImputer().fit(SeedPairs(kg, wide, []))
    with pytest.raises(ValueError, match="of width 3, as in fit; found 2"):
        NeighborMeanImputer().fit(SeedPairs(kg, kg, [])).transform(SeedPairs(wide, wide, []))


def test_names_of_columns_stay():
    imputer = NeighborMeanImputer().fit(SeedPairs(graph([], [True] * N), graph([], [True] * N), []))
    assert imputer.get_feature_names_out().tolist() == ["image0", "image1", "image2"]
    assert imputer.get_feature_names_out(["a", "b", "c"]).tolist() == ["a", "b", "c"]
