"""Features belong to an entity: neither its place, nor its side, nor a newcomer changes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.featurizers import (
    AttributeValues,
    BagOfAttributes,
    BagOfRelations,
    ImageEncoder,
    NeighborMeanImputer,
)
from ibmea_sklearn.featurizers.structure.propagation import Propagation

# Both sides are the same to these.
EVEN = [
    BagOfAttributes(),
    BagOfRelations(),
    ImageEncoder(lambda batch: batch.mean((2, 3)), image_size=2, verbose=0),
    NeighborMeanImputer("image"),
]
# Units are those of the second graph.
FEATURIZERS = [*EVEN, AttributeValues(None, min_gain=0.0, verbose=0)]
few = settings(max_examples=5)
seeds = st.integers(0, 1000)


def name_of(featurizer: object) -> str:
    return type(featurizer).__name__


every = pytest.mark.parametrize("featurizer", FEATURIZERS, ids=name_of)


def draw(seed: int) -> SeedPairs:
    kg1, kg2, links = make_mmkg_pair(
        25, image_dim=4, missing_modalities={"image": 0.3}, n_dangling=3, random_state=seed
    )
    return SeedPairs(with_images(kg1), with_images(kg2), links[:12])


def with_images(kg: KnowledgeGraph) -> KnowledgeGraph:
    """A picture of one colour for those who have image features; its colour is their name."""
    named = kg.entity_ids[kg.features["image"].mask]
    images = {e: np.full((2, 2, 3), 3 * int(e[1:]) % 256, np.uint8) for e in named}
    return rebuilt(kg, images=images)


def rebuilt(kg: KnowledgeGraph, order: np.ndarray | None = None, **changes) -> KnowledgeGraph:
    """The same graph with its entities in another order; entities not known yet are new."""
    ids = kg.entity_ids if order is None else np.asarray(order, object)
    old = np.isin(ids, kg.entity_ids)
    values, mask = np.zeros((len(ids), 4), np.float32), np.zeros(len(ids), bool)
    features = kg.features["image"]
    rows = kg.entity_index(ids[old])
    values[old], mask[old] = features.values[rows], features.mask[rows]
    head, relation, tail = kg.relation_triples.T
    owner, attribute = kg.attribute_triples.T
    images = dict(zip(kg.entity_ids[kg.images.entities], kg.images.values, strict=True))
    return KnowledgeGraph(
        {"h": kg.entity_ids[head], "r": kg.relation_names[relation], "t": kg.entity_ids[tail]},
        {"e": kg.entity_ids[owner], "a": kg.attribute_names[attribute], "v": kg.attribute_values},
        **{"images": images, **changes},
        features={"image": (values, mask)},
        entities=ids,
    )


def features_of(featurizer, X: SeedPairs):
    """Dense features of both sides, and who has any, by id."""
    featurizer = clone(featurizer)
    if isinstance(featurizer, ImageEncoder):  # it makes what the others are given
        X = X.with_graphs(*(kg.with_features(image=None) for kg in (X.kg1, X.kg2)))
    new = featurizer.fit(X).transform(X)
    for kg in (new.kg1, new.kg2):
        values, mask = kg.features[featurizer.modality]
        yield (values.toarray() if sparse.issparse(values) else values), mask, kg


def assert_same_rows(one, other, ids) -> None:
    """By id, whatever order the columns have: equal inner products with all rows."""
    (values1, mask1, kg1), (values2, mask2, kg2) = one, other
    rows1, rows2 = kg1.entity_index(ids), kg2.entity_index(ids)
    np.testing.assert_array_equal(mask1[rows1], mask2[rows2])
    products = (v[rows] @ v[rows].T for v, rows in ((values1, rows1), (values2, rows2)))
    np.testing.assert_allclose(*products, rtol=1e-4, atol=1e-4)


@every
@few
@given(seed=seeds)
def test_permuting_entities_permutes_rows(featurizer, seed):
    X, rng = draw(seed), np.random.default_rng(seed)
    moved = [rebuilt(kg, rng.permutation(kg.entity_ids)) for kg in (X.kg1, X.kg2)]
    there = features_of(featurizer, SeedPairs(*moved, X.pairs))
    for one, other in zip(features_of(featurizer, X), there, strict=True):
        assert_same_rows(one, other, one[2].entity_ids)


@pytest.mark.parametrize("featurizer", EVEN, ids=name_of)
@few
@given(seed=seeds)
def test_swapping_the_sides_swaps_the_features(featurizer, seed):
    X = draw(seed)
    left, right = features_of(featurizer, X)
    swapped = SeedPairs(X.kg2, X.kg1, X.pairs[:, ::-1])
    new_left, new_right = features_of(featurizer, swapped)
    assert_same_rows(left, new_right, X.kg1.entity_ids)
    assert_same_rows(right, new_left, X.kg2.entity_ids)
    np.testing.assert_allclose(
        new_left[0] @ new_right[0].T, (left[0] @ right[0].T).T, rtol=1e-4, atol=1e-4
    )


@every
@few
@given(seed=seeds, place=st.integers(0, 28))
def test_an_isolated_entity_changes_no_others_row(featurizer, seed, place):
    X = draw(seed)
    more = rebuilt(X.kg1, np.insert(X.kg1.entity_ids, place, "newcomer"))
    there = features_of(featurizer, SeedPairs(more, X.kg2, X.pairs))
    for one, other in zip(features_of(featurizer, X), there, strict=True):
        assert_same_rows(one, other, one[2].entity_ids)


@few
@given(seed=seeds, place=st.integers(0, 28))
def test_propagated_labels_do_not_heed_an_isolated_entity(seed, place):
    """On the function: the featurizer draws its labels by the place of a pair."""
    X, width = draw(seed), {"n_components": 48, "label_width": 16}
    codes, shift = np.arange(len(X)), np.array([0, X.kg1.n_entities])
    expected = Propagation(X.kg1, X.kg2, **width)(X.indices + shift, codes=codes)
    more = SeedPairs(rebuilt(X.kg1, np.insert(X.kg1.entity_ids, place, "newcomer")), X.kg2, X.pairs)
    found = Propagation(more.kg1, more.kg2, **width)(more.indices + shift + [0, 1], codes=codes)
    np.testing.assert_allclose(np.delete(found, place, axis=0), expected, atol=1e-5)
    assert not found[place].any()
