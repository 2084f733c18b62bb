"""LabelPropagation: what is cross-fitted, from which seeds, and on which graphs."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.featurizers import LabelPropagation, ModalityFeaturizer

SMALL = {"n_components": 64, "label_width": 16}


@pytest.fixture(scope="module")
def seeds():
    kg1, kg2, links = make_mmkg_pair(60, n_dangling=(0, 7), random_state=0)
    return SeedPairs(kg1, kg2, links[:23])


def rows_of(view, modality="propagation"):
    return [kg.features[modality].values for kg in (view.kg1, view.kg2)]


def without(X, fold):
    return X[np.setdiff1d(np.arange(len(X)), fold)]


def folds_of(featurizer, X):
    kfold = KFold(featurizer.n_folds, shuffle=True, random_state=featurizer._seed)
    return [fold for _, fold in kfold.split(X.pairs)]


def test_rows_of_a_fold_come_from_the_other_folds(seeds):
    featurizer = LabelPropagation(**SMALL)
    found = rows_of(featurizer.fit_transform(seeds))
    for fold in folds_of(featurizer, seeds):
        # The seeds of the fold are not even known to this one.
        rest = without(seeds, fold)
        expected = rows_of(LabelPropagation(**SMALL).fit(rest).transform(rest))
        for side in (0, 1):
            rows = seeds.indices[fold, side]
            np.testing.assert_allclose(found[side][rows], expected[side][rows], atol=1e-6)


def test_all_other_rows_and_transform_come_from_all_seeds(seeds):
    featurizer = LabelPropagation(**SMALL).fit(seeds)
    every = rows_of(featurizer.transform(seeds))
    crossed = rows_of(LabelPropagation(**SMALL).fit_transform(seeds))
    for side in (0, 1):
        others = np.setdiff1d(np.arange(len(every[side])), seeds.indices[:, side])
        np.testing.assert_array_equal(every[side][others], crossed[side][others])
        own = seeds.indices[:, side]
        assert not np.allclose(every[side][own], crossed[side][own], atol=1e-2)
    # The pairs that are transformed play no part.
    np.testing.assert_array_equal(every[0], rows_of(featurizer.transform(seeds[:3]))[0])


def test_features_from_different_seeds_are_comparable(seeds):
    one, two = (
        rows_of(LabelPropagation(**SMALL).fit(part).transform(part))[0]
        for part in (seeds[:20], seeds[3:])
    )
    # Unseen entities: nearer to themselves than to the mean other entity, and clearly so.
    cosines = one[30:60] @ two[30:60].T
    assert np.diag(cosines).mean() > cosines.mean() + 0.3


def test_fewer_seeds_than_folds_are_a_fold_each(seeds):
    three = seeds[:3]
    found = rows_of(LabelPropagation(**SMALL).fit_transform(three))
    for i in range(3):
        expected = rows_of(LabelPropagation(**SMALL).fit(without(three, [i])).transform(three))
        for side in (0, 1):
            row = three.indices[i, side]
            np.testing.assert_allclose(found[side][row], expected[side][row], atol=1e-6)


def test_a_single_seed_has_rows_of_zeros(seeds):
    new = LabelPropagation(**SMALL).fit_transform(seeds[:1])
    for kg, own in zip((new.kg1, new.kg2), seeds.indices[0], strict=True):
        values, mask = kg.features["propagation"]
        assert not mask[own] and not values[own].any()
        assert mask.any()


def test_mask_is_false_where_no_seed_is_near():
    kg = KnowledgeGraph([("a", "r", "b"), ("c", "r", "d")], entities=["a", "b", "c", "d", "e"])
    X = SeedPairs(kg, kg, [("a", "a")])
    new = LabelPropagation(**SMALL).fit(X).transform(X)
    values, mask = new.kg2.features["propagation"]
    # `r` is shared, so the label reaches the tail d by way of the relation.
    assert mask[:2].all() and not mask[4]
    np.testing.assert_array_equal(mask, values.any(axis=1))
    assert values.dtype == np.float32 and values.shape == (5, 64)


def test_random_state(seeds):
    one, again, other, drawn = (
        rows_of(LabelPropagation(**SMALL, random_state=state).fit_transform(seeds))[0]
        for state in (3, 3, 4, np.random.RandomState(3))
    )
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(one, drawn)
    assert not np.allclose(one, other, atol=1e-2)


def test_other_graphs_are_read_by_id(seeds):
    featurizer = LabelPropagation(**SMALL).fit(seeds)
    expected = rows_of(featurizer.transform(seeds))[0]
    kg = seeds.kg1
    ids, names = kg.entity_ids, kg.relation_names
    triples = [(ids[h], names[r], ids[t]) for h, r, t in kg.relation_triples]
    moved = KnowledgeGraph(triples, entities=["new", *ids[::-1]])
    new = featurizer.transform(SeedPairs(moved, seeds.kg2, []))
    np.testing.assert_allclose(rows_of(new)[0][:0:-1], expected, atol=1e-5)
    assert not new.kg1.features["propagation"].mask[0]


def test_other_graphs_that_lack_a_seed(seeds):
    featurizer = LabelPropagation(**SMALL).fit(seeds)
    elsewhere = KnowledgeGraph([("a", "r", "b")], name="elsewhere")
    with pytest.raises(ValueError, match="Expected seeds of fit.*'elsewhere'.*found 23 unknown"):
        featurizer.transform(SeedPairs(elsewhere, seeds.kg2, []))


@pytest.mark.parametrize(
    "params, message",
    [
        ({"n_components": 0}, "n_components to be an integer of at least 1; found 0"),
        ({"label_width": 2.5}, "label_width to be an integer of at least 1; found 2.5"),
        ({"block_bytes": 0}, "block_bytes to be an integer of at least 1; found 0"),
        ({"n_folds": 1}, "n_folds to be an integer of at least 2; found 1"),
        ({"hub_exponent": -1}, "hub_exponent to be a number in .*; found -1"),
        ({"hub_exponent": "much"}, "hub_exponent to be a number in .*; found 'much'"),
        ({"random_state": "x"}, "random_state to be None, a RandomState, or an integer"),
        ({"device": "abacus"}, "device that is there"),
    ],
)
def test_bad_parameters(seeds, params, message):
    with pytest.raises(ValueError, match=message):
        LabelPropagation(**params).fit(seeds)


def test_nothing_to_propagate(seeds):
    with pytest.raises(ValueError, match="found no seed.*Pass X = SeedPairs"):
        LabelPropagation().fit(seeds[:0])
    alone = KnowledgeGraph(entities=["a", "b"])
    with pytest.raises(ValueError, match="found no relation triple in either graph"):
        LabelPropagation().fit(SeedPairs(alone, alone, [("a", "a")]))
    new = LabelPropagation(**SMALL).fit_transform(
        SeedPairs(seeds.kg1, alone, [(seeds.pairs[0, 0], "a")])
    )
    assert not new.kg2.features["propagation"].mask.any()
    with pytest.raises(TypeError, match="LabelPropagation.fit_transform expects a view"):
        LabelPropagation().fit_transform([[0, 1]])


@pytest.mark.parametrize("wrap", ["modality featurizer", "pipeline", "both"])
def test_cross_fitting_survives_composition(seeds, wrap):
    inside = LabelPropagation(**SMALL)
    outside = {
        "modality featurizer": ModalityFeaturizer(transformers={"propagation": inside}),
        "pipeline": make_pipeline(inside, "passthrough"),
        "both": make_pipeline(
            ModalityFeaturizer(transformers={"propagation": make_pipeline(inside, "passthrough")})
        ),
    }[wrap]
    expected = rows_of(LabelPropagation(**SMALL).fit_transform(seeds))
    for found, wanted in zip(rows_of(outside.fit_transform(seeds)), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    plain = rows_of(LabelPropagation(**SMALL).fit(seeds).transform(seeds))
    for found, wanted in zip(rows_of(outside.transform(seeds)), plain, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_transformer_may_follow(seeds):
    reduced = make_pipeline(LabelPropagation(**SMALL), PCA(8, random_state=0))
    new = ModalityFeaturizer(transformers={"propagation": reduced}).fit_transform(seeds)
    assert rows_of(new)[1].shape == (67, 8)


def similarities(X):
    """Cosines of all pairs of a left and a right entity of `X`, by labels and by images."""
    left, right = (
        [kg.features[m].values[rows] for m in ("propagation", "image")]
        for kg, rows in zip((X.kg1, X.kg2), X.indices.T, strict=True)
    )
    return np.column_stack([(a @ b.T).ravel() for a, b in zip(left, right, strict=True)])


def train_head(seeds, test):
    """Learn on the seeds what labels and images weigh; return training loss and test Hits@1."""
    same = np.eye(len(seeds)).ravel()
    head = LogisticRegression(C=1e6).fit(similarities(seeds), same)
    scores = head.decision_function(similarities(test)).reshape(len(test), -1)
    loss = log_loss(same, head.predict_proba(similarities(seeds)))
    return loss, np.mean(scores.argmax(axis=1) == np.arange(len(test)))


@pytest.mark.parametrize("random_state", [0, 1, 2])
def test_without_cross_fitting_a_trained_head_memorises(random_state):
    kg1, kg2, links = make_mmkg_pair(
        300, structural_overlap=0.1, mean_degree=3, image_noise=1.5, random_state=random_state
    )
    seeds = SeedPairs(kg1, kg2, links[:100])
    featurizer = LabelPropagation(512, label_width=128)
    views = featurizer.fit_transform(seeds), featurizer.fit(seeds).transform(seeds)
    tests = (SeedPairs(view.kg1, view.kg2, links[100:]) for view in views)
    (loss, hits), (loss_plain, hits_plain) = map(train_head, views, tests)
    # Measured: losses of .040 against .024, Hits@1 of .19 against .11. Whoever sees its own label
    # believes in labels, and not enough in images.
    assert loss_plain < 0.75 * loss
    assert hits_plain < 0.75 * hits
