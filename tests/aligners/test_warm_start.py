"""A second fit that starts from the weights of the first."""

from __future__ import annotations

import pytest
import torch
from aligner_checks import assert_same_embeddings
from spies import Watched, cheap

from ibmea_sklearn import BaseAligner, IBMEAAligner, KnowledgeGraph

# So slow that a fit ends where it started.
STILL = {"training__learning_rate": 1e-30, "training__weight_decay": 0}


@pytest.fixture
def fit(hard_pair):
    def fit(aligner, seeds=hard_pair.links[:40], kg1=hard_pair.kg1, kg2=hard_pair.kg2):
        return aligner.fit(kg1, kg2, seeds)

    return fit


def new(aligner=IBMEAAligner, **params):
    return cheap(aligner, **{"modalities": ["graph", "image"], **params})


def weights(aligner):
    return {name: v.clone() for name, v in aligner.network_.state_dict().items()}


def assert_equal(one, two):
    assert one.keys() == two.keys()
    for name, value in two.items():
        torch.testing.assert_close(one[name], value, msg=name, rtol=0, atol=1e-20)


@pytest.mark.parametrize("start", ["anchors", "learned", "propagation"])
def test_starts_from_the_last_weights(fit, start):
    aligner = fit(new(training__warm_start=True, graph__start=start))
    last = weights(aligner)
    fit(aligner.set_params(random_state=1, **STILL))
    assert_equal(weights(aligner), last)
    cold = fit(new(random_state=1, graph__start=start, **STILL))
    assert any((weights(cold)[name] != last[name]).any() for name in last)


def test_two_short_fits_train_further_than_one(fit):
    aligner = fit(new(training__warm_start=True, modalities="all"))
    first = aligner.history_
    second = fit(aligner).history_
    assert len(second) == 3  # the history is that of the last fit, as in scikit-learn
    assert second[0]["train_loss"] < first[-1]["train_loss"]


def test_the_first_fit_is_a_fresh_one(fit):
    assert_same_embeddings(
        fit(new(training__warm_start=True)),
        fit(new()),
    )


def test_without_it_a_refit_is_a_fresh_fit(fit, hard_pair):
    aligner = fit(new(training__warm_start=True), seeds=hard_pair.links[40:])
    fit(aligner.set_params(training__warm_start=False))
    assert_same_embeddings(aligner, fit(new()))


def test_other_seeds_and_edges_are_welcome(fit, hard_pair):
    """New pairs are what a warm start is for."""
    params = {"training__warm_start": True, "modalities": ["graph", "image"]}
    aligner = fit(new(**params))
    last, kg1 = weights(aligner), hard_pair.kg1
    head, relation, tail = kg1.relation_triples[:-20].T
    triples = {"h": kg1.entity_ids[head], "r": relation, "t": kg1.entity_ids[tail]}
    fewer = KnowledgeGraph(triples, features=dict(kg1.features), entities=kg1.entity_ids)
    fit(aligner.set_params(**STILL), seeds=hard_pair.links[:50], kg1=fewer)
    assert_equal(weights(aligner), last)
    assert len(aligner.seed_indices_) == 50


def test_after_load(fit, tmp_path):
    aligner = fit(new(training__warm_start=True))
    aligner.save(tmp_path / "a")
    assert_same_embeddings(fit(BaseAligner.load(tmp_path / "a")), fit(aligner))


def test_after_an_interrupt(fit):
    class Interrupted(Watched):
        def come_to(self, place):
            if place == "settle":
                raise KeyboardInterrupt

    aligner = new(Interrupted, training__warm_start=True)
    losses = []
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            fit(aligner)
        losses.append(aligner.history_[0]["train_loss"])
    assert losses[1] < losses[0]


# What can't be started from


def test_other_entities(fit, hard_pair):
    aligner = fit(new(training__warm_start=True))
    swapped = {"kg1": hard_pair.kg2, "kg2": hard_pair.kg1, "seeds": hard_pair.links[:40, ::-1]}
    with pytest.raises(ValueError) as error:
        fit(aligner, **swapped)
    said = "Expected the first graph to have the 90 entities of the last fit, in the same order"
    assert said in str(error.value) and "Set training__warm_start=False" in str(error.value)
    assert len(aligner.align())  # what was fitted still is
    fit(aligner.set_params(training__warm_start=False), **swapped)
    assert_same_embeddings(aligner, fit(new(), **swapped))


def test_entities_in_another_order(fit, hard_pair):
    aligner = fit(new(training__warm_start=True))
    kg2 = KnowledgeGraph(entities=hard_pair.kg2.entity_ids[::-1])
    with pytest.raises(ValueError, match="the second graph .* other ones or in another order"):
        fit(aligner, kg2=kg2)


def test_other_modalities(fit):
    aligner = fit(new(training__warm_start=True, modalities=["graph", "image"]))
    with pytest.raises(ValueError) as error:
        fit(aligner.set_params(modalities=["graph", "relation"]))
    said = "Expected the modalities of the last fit, ['graph', 'image'], with training__warm_start="
    assert f"{said}True; found ['graph', 'relation']. Set training__" in str(error.value)
    fit(aligner.set_params(modalities=["graph", "image"]))  # the weights are still there


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"graph__n_components": 13}, "graph."),
        ({"graph__n_layers": 3}, "graph."),
        ({"graph__n_heads": 1}, "graph."),
    ],
    ids=str,
)
def test_a_network_of_another_form(fit, params, name):
    aligner = fit(new(training__warm_start=True))
    with pytest.raises(ValueError) as error:
        fit(aligner.set_params(**params))
    said = (
        "Expected parameters that give the network of the last fit, with training__warm_start=True"
    )
    assert said in str(error.value) and f"as the shape of '{name}" in str(error.value)


def test_weights_of_a_failed_fit_are_not_started_from(fit, hard_pair):
    """A cold fit that fails leaves no weights: those of before belong to other graphs."""
    aligner = fit(new())
    bare = KnowledgeGraph(entities=hard_pair.kg1.entity_ids)
    with pytest.raises(ValueError):
        fit(aligner, kg1=bare)
    assert not hasattr(aligner, "network_")
    assert_same_embeddings(fit(aligner.set_params(training__warm_start=True)), fit(new()))
