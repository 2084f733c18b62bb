"""FeatureDropoutNoise and select_by_similarity: the tools of the experiments on robustness."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from ibmea_sklearn import KnowledgeGraph, ModalityFeaturizer, SeedPairs
from ibmea_sklearn.featurizers import (
    FeatureDropoutNoise,
    keep_share,
    pair_similarities,
    select_by_similarity,
)

N, WIDTH = 200, 50
IDS = [f"e{i}" for i in range(N)]
MASK = np.arange(N) % 5 > 0


def view(order=None, kind=np.asarray):
    order = list(range(N)) if order is None else list(order)
    values = np.random.default_rng(0).normal(1, 0.1, (N, WIDTH)).astype(np.float32)
    values *= MASK[:, None]
    ids = [IDS[i] for i in order]
    kg = KnowledgeGraph(entities=ids, features={"image": (kind(values[order]), MASK[order])})
    return SeedPairs(kg, kg, [(i, i) for i in IDS])


def image(kg):
    return kg.features["image"]


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_a_share_of_the_values_is_zero_and_the_rest_is_as_it_was(kind, fraction):
    X = view(kind=kind)
    new = FeatureDropoutNoise(fraction).fit_transform(X)
    for kg in (new.kg1, new.kg2):
        values, mask = image(kg)
        assert sparse.issparse(values) == (kind is not np.asarray)
        dense = values.toarray() if sparse.issparse(values) else values
        before = image(view().kg1).values
        is_kept = dense != 0
        np.testing.assert_array_equal(dense[is_kept], before[is_kept])
        np.testing.assert_array_equal(mask, MASK)
        share = 1 - is_kept[MASK].mean()
        assert share == pytest.approx(fraction, abs=0.02)
        assert dense.dtype == np.float32


def test_whole_entities_are_lost():
    new = FeatureDropoutNoise(0.4, unit="entity").fit_transform(view())
    values, mask = image(new.kg1)
    assert 1 - mask.sum() / MASK.sum() == pytest.approx(0.4, abs=0.1)
    assert not mask[~MASK].any() and not values[~mask].any()
    np.testing.assert_array_equal(values[mask], image(view().kg1).values[mask])


@pytest.mark.parametrize("unit", ["value", "entity"])
def test_sides_lose_different_values(unit):
    new = FeatureDropoutNoise(0.5, unit=unit).fit_transform(view())
    lost1, lost2 = (image(kg).values[MASK] == 0 for kg in (new.kg1, new.kg2))
    # Independent: equal half of the time.
    assert (lost1 == lost2).mean() == pytest.approx(0.5, abs=0.12)


@settings(max_examples=5)
@given(st.permutations(range(N)))
def test_commutes_with_permutations(order):
    before, after = (FeatureDropoutNoise(0.3).fit_transform(X) for X in (view(), view(order)))
    for one, two in ((before.kg1, after.kg1), (before.kg2, after.kg2)):
        np.testing.assert_array_equal(image(two).values, image(one).values[list(order)])


def test_random_state():
    def noisy(random_state):
        return image(FeatureDropoutNoise(0.3, random_state=random_state).fit_transform(view()).kg1)

    np.testing.assert_array_equal(noisy(0).values, noisy(0).values)
    assert (noisy(0).values != noisy(1).values).any()
    fitted = FeatureDropoutNoise(0.3, random_state=None).fit(view())
    one, two = (image(fitted.transform(view()).kg1).values for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_alone_on_a_matrix():
    rows = np.random.default_rng(0).normal(size=(300, 40))
    noise = FeatureDropoutNoise(0.3).fit(rows)
    new = noise.transform(rows)
    assert (new == 0).mean() == pytest.approx(0.3, abs=0.02) and rows.all()
    np.testing.assert_array_equal(noise.transform(rows[5:6]), new[5:6])
    np.testing.assert_array_equal(noise.get_feature_names_out()[:2], ["x0", "x1"])
    lost = FeatureDropoutNoise(0.3, unit="entity").fit_transform(rows)
    assert set((lost == 0).mean(axis=1)) == {0.0, 1.0}


def test_as_a_modality_and_after_another_step():
    noisy = ModalityFeaturizer(image=FeatureDropoutNoise(0.5)).fit_transform(view())
    assert (image(noisy.kg1).values[MASK] == 0).mean() == pytest.approx(0.5, abs=0.02)
    from sklearn.pipeline import make_pipeline

    steps = make_pipeline(StandardScaler(), FeatureDropoutNoise(1.0))
    assert not image(ModalityFeaturizer(image=steps).fit_transform(view()).kg1).values.any()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"fraction": 1.5}, "fraction to be a number in .0, 1.; found 1.5"),
        ({"fraction": "half"}, "found 'half'"),
        ({"fraction": True}, "found True"),
        ({"fraction": float("nan")}, "found nan"),
        ({"unit": "row"}, "unit to be one of 'value', 'entity'; found 'row'"),
        ({"random_state": -1}, "random_state to be None"),
        ({"modality": "text"}, "Expected text features in a graph; found none"),
    ],
    ids=str,
)
def test_noise_of_no_kind(params, message):
    with pytest.raises(ValueError, match=message):
        FeatureDropoutNoise(**params).fit(view())


def test_another_width_than_in_fit():
    noise = FeatureDropoutNoise().fit(view())
    kg = KnowledgeGraph(features={"image": {"a": [1.0]}})
    with pytest.raises(ValueError, match="image features of width 50, as in fit; found 1"):
        noise.transform(SeedPairs(kg, kg, []))


# Bands of similarity


@pytest.fixture
def X():
    """Pairs whose cosines are the cosines of 0, 1, ..., 19 times 4 degrees; two lack an image."""
    angles = np.deg2rad(4) * np.arange(20)
    right = np.column_stack([np.cos(angles), np.sin(angles)])
    ids = list("abcdefghijklmnopqrst")
    ones = np.tile([1.0, 0.0], (20, 1))
    kg1 = KnowledgeGraph(entities=ids, features={"image": (ones, np.arange(20) != 3)})
    kg2 = KnowledgeGraph(entities=ids, features={"image": (5 * right, np.arange(20) != 7)})
    return SeedPairs(kg1, kg2, [(i, i) for i in ids])


def test_similarities(X):
    found = pair_similarities(X)
    expected = np.cos(np.deg2rad(4) * np.arange(20))
    expected[[3, 7]] = np.nan
    np.testing.assert_allclose(found, expected)
    is_sparse = X.with_graphs(
        X.kg1.with_features(image=(sparse.csr_array(image(X.kg1).values), image(X.kg1).mask)),
        X.kg2,
    )
    np.testing.assert_allclose(pair_similarities(is_sparse), expected)


def test_bands(X):
    low = select_by_similarity(X, high=1 / 3)
    assert low.sources.tolist() == list("opqrst"), "the largest angles, in their order"
    high = select_by_similarity(X, low=2 / 3)
    assert high.sources.tolist() == list("abcefg")
    assert len(select_by_similarity(X)) == 18, "those that lack the modality are in no band"
    assert low.kg1 is X.kg1


@settings(max_examples=20)
@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=4, unique=True))
def test_bands_that_meet_are_a_partition(ends):
    kg = KnowledgeGraph(entities=IDS, features={"image": np.ones((N, 2))})
    X = SeedPairs(kg, kg, [(i, i) for i in IDS])
    edges = [0.0, *sorted(ends), 1.0]
    bands = [select_by_similarity(X, "image", *e) for e in zip(edges, edges[1:], strict=False)]
    assert sorted(s for band in bands for s in band.sources) == sorted(IDS)
    for band, low, high in zip(bands, edges, edges[1:], strict=False):
        assert abs(len(band) - (high - low) * N) <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 0.5, "high": 0.5}, "low to be below high; found low=0.5 and high=0.5"),
        ({"high": 2}, "high to be a number in .0, 1.; found 2"),
        ({"low": "0"}, "low to be a number in .* found '0'"),
        ({"modality": "text"}, "text features in both graphs; found none in 2 of them"),
    ],
    ids=str,
)
def test_bands_of_no_kind(X, options, message):
    with pytest.raises(ValueError, match=message):
        select_by_similarity(X, **options)


def test_no_view():
    with pytest.raises(TypeError, match="select_by_similarity|pair_similarities expects a view"):
        select_by_similarity([("a", "b")])


def test_a_share_of_the_entities_keeps_a_modality():
    triples = [(f"e{i}", "next", f"e{i + 1}") for i in range(11)]
    values = [(f"e{i % 10}", f"a{i % 3}", i) for i in range(30)]
    images = {f"e{i}": b"bytes" for i in range(8)}
    kg = KnowledgeGraph(triples, values, images, {"e0": "text"}, name="some")
    few, half, whole = (keep_share(kg, "attribute", share) for share in (0.2, 0.5, 1.0))
    assert [len(np.unique(k.attribute_triples[:, 0])) for k in (few, half, whole)] == [2, 5, 10]
    assert np.isin(few.attribute_triples[:, 0], half.attribute_triples[:, 0]).all()
    assert keep_share(kg, "image", 0.5).modalities["image"] == 4 / 12
    for name in ("entity_ids", "relation_triples", "attribute_triples", "attribute_values"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(kg, name))
    for kept in (few, half, whole):
        np.testing.assert_array_equal(kept.relation_triples, kg.relation_triples)
        assert kept.images.values.tolist() == kg.images.values.tolist()
        assert (kept.texts.values.tolist(), kept.name) == (["text"], "some")


def test_a_share_of_features_stays():
    X = view()
    half = keep_share(X.kg1, "image", 0.5, random_state=1).features["image"]
    assert half.mask.sum() == MASK.sum() / 2 and not half.values[~half.mask].any()
    np.testing.assert_array_equal(half.values[half.mask], image(X.kg1).values[half.mask])


@pytest.mark.parametrize(
    ("modality", "share", "message"),
    [("image", 1.5, "share"), ("image", "half", "share"), ("text", 0.5, "image; found 'text'")],
)
def test_a_share_that_can_not_be_kept(modality, share, message):
    with pytest.raises(ValueError, match=message):
        keep_share(view().kg1, modality, share)
