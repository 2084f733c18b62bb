"""What IBMEA compares entities by besides its network, and what it learns on held-out seeds."""

from __future__ import annotations

import numpy as np
import pytest
from spies import Watched, cheap

from ibmea_sklearn import ModalityFeaturizer, SeedPairs
from ibmea_sklearn.channels.features import frozen_vectors, principal_vectors
from ibmea_sklearn.featurizers import LabelPropagation
from ibmea_sklearn.matching import candidate_similarities, sinkhorn


@pytest.fixture
def fit(hard_pair):
    def fit(n_seeds=40, pair=hard_pair, aligner=Watched, **params):
        return cheap(aligner, **params).fit(pair.kg1, pair.kg2, pair.links[:n_seeds])

    return fit


@pytest.fixture
def seeds(hard_pair):
    return SeedPairs(hard_pair.kg1, hard_pair.kg2, hard_pair.links[:40])


def labels():
    return LabelPropagation(64, label_width=16, random_state=0, device="cpu")


# Channels


def test_similarity_of_the_fused_vector_is_one_channel(fit):
    aligner = fit(features__similarity="fused")
    frozen = {"frozen_image", "frozen_value", "frozen_propagation"}
    assert set(aligner.channel_weights_) == {"network"} | frozen
    assert {"graph", "image", "relation"} < set(aligner.embeddings_)  # to rank by, as before
    n_columns = sum(aligner.embeddings_[name].left.shape[1] for name in aligner.channel_weights_)
    assert aligner.embeddings_["fused"].left.shape == (90, n_columns)


def test_the_fused_vector_alone_is_ranked_by_as_in_the_paper(fit, hard_pair):
    aligner = fit(features__similarity="fused", propagation="drop", features__frozen=())
    assert aligner.channel_weights_ == {"network": 1}
    for fused, network in zip(
        aligner.embeddings_["fused"], aligner.embeddings_["network"], strict=True
    ):
        np.testing.assert_array_equal(fused, network)
    by_network = aligner.rank(hard_pair.links[40:], "network")
    np.testing.assert_array_equal(aligner.rank(hard_pair.links[40:]), by_network)


def test_no_frozen_channel(fit):
    aligner = fit(propagation="drop", features__frozen=())
    assert set(aligner.channel_weights_) == set(aligner.modalities_)
    assert set(aligner.embeddings_) == {*aligner.modalities_, "fused"}


def test_no_propagated_labels_without_the_graph(fit):
    assert set(fit(modalities=["relation"]).channel_weights_) == {"relation"}


def test_bags_are_frozen_channels_where_they_are_asked_for(fit, hard_pair):
    assert "frozen_relation" not in fit().channel_weights_
    aligner = fit(
        features__frozen=["relation"], propagation="drop", modalities=["graph", "relation"]
    )
    assert list(aligner.channel_weights_) == ["graph", "relation", "frozen_relation"]
    assert aligner.embeddings_["frozen_relation"].left.shape[0] == 90


def test_embeddings_of_a_modality_are_posterior_means_at_their_scale(fit):
    aligner = fit()
    lengths = np.linalg.norm(aligner.embeddings_["graph"].left, axis=1)
    assert np.ptp(lengths) > 0.01  # and not the rows of length 1 that make up the fused vector
    frozen = np.linalg.norm(aligner.embeddings_["frozen_propagation"].left, axis=1)
    np.testing.assert_allclose(frozen[frozen > 0], 1, rtol=1e-5)


# Propagated labels in the network


def test_propagation_as_a_modality(fit, seeds):
    one, two = (
        fit(modalities=["graph", "propagation"], betas={"propagation": beta})
        for beta in (0.01, 0.02)
    )
    assert one.modalities_ == ["graph", "propagation"]
    assert one.embeddings_["propagation"].left.shape == (90, 6)
    assert set(one.channel_weights_) == {"graph", "propagation", "frozen_propagation"}
    kl = [aligner.history_[0]["kl_propagation"] for aligner in (one, two)]
    assert kl[1] == pytest.approx(2 * kl[0])
    given = fit(modalities=["propagation"], features__frozen=())
    assert set(given.channel_weights_) == {"propagation"}


def test_what_encoders_read_of_propagated_labels_is_cross_fitted(fit, seeds):
    aligner = fit(modalities=["graph", "propagation"])
    table = aligner.network_.tables["propagation"].values.numpy()
    cross_fitted = frozen_vectors(labels().fit_transform(seeds), "propagation")
    leaking = frozen_vectors(labels().fit(seeds).transform(seeds), "propagation")
    np.testing.assert_array_equal(table, cross_fitted)
    of_seeds = (seeds.indices + [0, 90]).ravel()
    assert np.abs(table - leaking)[of_seeds].max(axis=1).min() > 0.01


def test_features_that_a_pipeline_made_are_what_is_encoded(fit, seeds):
    X = labels().fit_transform(seeds)
    aligner = cheap(**{"modalities": ["graph", "propagation"]}).fit(X)
    other = fit(modalities=["graph", "propagation"])
    np.testing.assert_array_equal(aligner.embeddings_["fused"], other.embeddings_["fused"])


def start_of(aligner):
    return aligner.network_.graph.start.vectors.numpy()


def expected_start(seeds, aligner):
    table = frozen_vectors(labels().fit_transform(seeds), "propagation")
    return principal_vectors(table, 12, aligner.start.seed)[0]


def test_the_graph_encoder_may_start_from_cross_fitted_labels(fit, seeds):
    aligner = fit(graph__start="propagation")
    np.testing.assert_array_equal(start_of(aligner), expected_start(seeds, aligner))
    assert start_of(aligner).shape == (180, 12)
    lengths = np.linalg.norm(start_of(aligner), axis=1)
    np.testing.assert_allclose(lengths[lengths > 0], 1, rtol=1e-5)
    known = labels().fit_transform(seeds)
    has_label = np.concatenate([kg.features["propagation"].mask for kg in (known.kg1, known.kg2)])
    np.testing.assert_array_equal(lengths > 0, has_label)


def test_held_out_seeds_bring_no_label_to_the_start(fit, seeds):
    """Their neighbours, which the encoder reads, would hand it back to them."""
    aligner = fit(graph__start="propagation", rounds__validation_fraction=0.25)
    train = seeds[np.isin(seeds.indices[:, 0], aligner.search.train[:, 0])]
    assert len(train) == 30
    np.testing.assert_array_equal(start_of(aligner), expected_start(train, aligner))


def test_no_feature_is_learnt_from_held_out_seeds(fit, toy_pair, monkeypatch):
    seen, fit_transform = [], ModalityFeaturizer.fit_transform

    def watched(featurizer, X, y=None):
        seen.append(X)
        return fit_transform(featurizer, X, y)

    monkeypatch.setattr(ModalityFeaturizer, "fit_transform", watched)
    aligner = fit(pair=toy_pair, modalities=["graph", "value"], rounds__validation_fraction=0.25)
    (X,) = seen
    assert len(X) == 30
    np.testing.assert_array_equal(X.indices + [0, 90], aligner.search.train)
    assert len(aligner.search.known) == 40 == len(aligner.seed_indices_)


# Rounds, and what held-out seeds tell


def test_no_search_before_the_first_round_without_frozen_channels(fit, toy_pair):
    aligner = fit(
        20,
        toy_pair,
        rounds__n_rounds=2,
        rounds__min_confidence=0.1,
        propagation="drop",
        features__frozen=(),
    )
    assert [row["trained"] for row in aligner.rounds_] == [True, True]
    first, second = (row["n_pairs"] for row in aligner.rounds_)
    assert first == 20 and second == 20 + aligner.rounds_[0]["n_found"] > 20


def test_held_out_pairs_measure_the_pairs_that_are_found(fit, toy_pair):
    aligner = fit(40, toy_pair, rounds__validation_fraction=0.25, rounds__n_rounds=2)
    assert all(0 < row["n_checked"] <= 10 for row in aligner.rounds_)
    assert all(0 <= row["precision"] <= 1 for row in aligner.rounds_)
    last = aligner.rounds_[-1]
    assert last["channel_weights"] == pytest.approx(aligner.channel_weights_)
    assert aligner.calibration_.is_learnt


def test_without_held_out_pairs_nothing_is_learnt_from_them(fit, toy_pair):
    aligner = fit(40, toy_pair, rounds__n_rounds=2)
    assert not aligner.calibration_.is_learnt
    assert {row["precision"] for row in aligner.rounds_} == {None}
    n_channels = len(aligner.channel_weights_)
    assert list(aligner.channel_weights_.values()) == pytest.approx([1 / n_channels] * n_channels)
    left, right = aligner.embeddings_["fused"]
    free = [np.setdiff1d(np.arange(90), side) for side in aligner.seed_indices_.T]
    similarities = candidate_similarities(left[free[0]], right[free[1]])
    table, chances = aligner.align(), sinkhorn(similarities).toarray()
    rows = np.searchsorted(free[0], toy_pair.kg1.entity_index(table["source"]))
    columns = np.searchsorted(free[1], toy_pair.kg2.entity_index(table["target"]))
    np.testing.assert_allclose(table["confidence"], chances[rows, columns], atol=2e-6)
