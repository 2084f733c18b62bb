"""A second fit that starts from the weights of the first."""

from __future__ import annotations

import pytest
import torch
from aligner_checks import assert_same_embeddings
from spies import CHEAP

from ibmea_sklearn import BaseAligner, IBMEAAligner, KnowledgeGraph

# So slow that a fit ends where it started.
STILL = {"learning_rate": 1e-30, "weight_decay": 0}


@pytest.fixture
def fit(hard_pair):
    def fit(aligner, seeds=hard_pair.links[:40], kg1=hard_pair.kg1, kg2=hard_pair.kg2):
        return aligner.fit(kg1, kg2, seeds)

    return fit


def weights(aligner):
    return {name: v.clone() for name, v in aligner.network_.state_dict().items()}


def assert_equal(one, two):
    assert one.keys() == two.keys()
    for name, value in two.items():
        torch.testing.assert_close(one[name], value, msg=name, rtol=0, atol=1e-20)


@pytest.mark.parametrize("start", ["anchors", "learned", "propagation"])
def test_starts_from_the_last_weights(fit, start):
    aligner = fit(IBMEAAligner(**CHEAP, warm_start=True, graph_start=start))
    last = weights(aligner)
    fit(aligner.set_params(random_state=1, **STILL))
    assert_equal(weights(aligner), last)
    cold = fit(IBMEAAligner(**{**CHEAP, "random_state": 1}, graph_start=start, **STILL))
    assert any((weights(cold)[name] != last[name]).any() for name in last)


def test_two_short_fits_train_further_than_one(fit):
    aligner = fit(IBMEAAligner(**CHEAP, warm_start=True))
    first = aligner.history_
    second = fit(aligner).history_
    assert len(second) == 3  # the history is that of the last fit, as in scikit-learn
    assert second[0]["train_loss"] < first[-1]["train_loss"]


def test_the_first_fit_is_a_fresh_one(fit):
    assert_same_embeddings(fit(IBMEAAligner(**CHEAP, warm_start=True)), fit(IBMEAAligner(**CHEAP)))


def test_without_it_a_refit_is_a_fresh_fit(fit, hard_pair):
    aligner = fit(IBMEAAligner(**CHEAP, warm_start=True), seeds=hard_pair.links[40:])
    fit(aligner.set_params(warm_start=False))
    assert_same_embeddings(aligner, fit(IBMEAAligner(**CHEAP)))


def test_other_seeds_and_edges_are_welcome(fit, hard_pair):
    """New pairs are what a warm start is for."""
    params = {**CHEAP, "warm_start": True, "modalities": ["graph", "image"]}
    aligner = fit(IBMEAAligner(**params))
    last, kg1 = weights(aligner), hard_pair.kg1
    head, relation, tail = kg1.relation_triples[:-20].T
    triples = {"h": kg1.entity_ids[head], "r": relation, "t": kg1.entity_ids[tail]}
    fewer = KnowledgeGraph(triples, features=dict(kg1.features), entities=kg1.entity_ids)
    fit(aligner.set_params(**STILL), seeds=hard_pair.links[:50], kg1=fewer)
    assert_equal(weights(aligner), last)
    assert len(aligner.seed_indices_) == 50


def test_after_load(fit, tmp_path):
    aligner = fit(IBMEAAligner(**CHEAP, warm_start=True))
    aligner.save(tmp_path / "a")
    assert_same_embeddings(fit(BaseAligner.load(tmp_path / "a")), fit(aligner))


def test_after_an_interrupt(fit):
    class Interrupted(IBMEAAligner):
        def _settle(self, search):
            raise KeyboardInterrupt

    aligner = Interrupted(**CHEAP, warm_start=True)
    losses = []
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            fit(aligner)
        losses.append(aligner.history_[0]["train_loss"])
    assert losses[1] < losses[0]


# What can't be started from


def test_other_entities(fit, hard_pair):
    aligner = fit(IBMEAAligner(**CHEAP, warm_start=True))
    swapped = {"kg1": hard_pair.kg2, "kg2": hard_pair.kg1, "seeds": hard_pair.links[:40, ::-1]}
    with pytest.raises(ValueError) as error:
        fit(aligner, **swapped)
    said = "Expected the first graph to have the 90 entities of the last fit, in the same order"
    assert said in str(error.value) and "Set warm_start=False" in str(error.value)
    assert len(aligner.align())  # what was fitted still is
    fit(aligner.set_params(warm_start=False), **swapped)
    assert_same_embeddings(aligner, fit(IBMEAAligner(**CHEAP), **swapped))


def test_entities_in_another_order(fit, hard_pair):
    aligner = fit(IBMEAAligner(**CHEAP, warm_start=True))
    kg2 = KnowledgeGraph(entities=hard_pair.kg2.entity_ids[::-1])
    with pytest.raises(ValueError, match="the second graph .* other ones or in another order"):
        fit(aligner, kg2=kg2)


def test_other_modalities(fit):
    aligner = fit(IBMEAAligner(**CHEAP, warm_start=True, modalities=["graph", "image"]))
    with pytest.raises(ValueError) as error:
        fit(aligner.set_params(modalities=["graph", "relation"]))
    said = (
        "Expected the modalities of the last fit, ['graph', 'image'], with warm_start=True; found"
    )
    assert f"{said} ['graph', 'relation']. Set warm_start=False" in str(error.value)
    fit(aligner.set_params(modalities=["graph", "image"]))  # the weights are still there


@pytest.mark.parametrize(
    ("params", "name"),
    [({"graph_components": 13}, "graph."), ({"n_layers": 3}, "graph."), ({"n_heads": 1}, "graph.")],
    ids=str,
)
def test_a_network_of_another_form(fit, params, name):
    aligner = fit(IBMEAAligner(**CHEAP, warm_start=True))
    with pytest.raises(ValueError) as error:
        fit(aligner.set_params(**params))
    said = "Expected parameters that give the network of the last fit, with warm_start=True"
    assert said in str(error.value) and f"as the shape of '{name}" in str(error.value)


def test_weights_of_a_failed_fit_are_not_started_from(fit, hard_pair):
    """A cold fit that fails leaves no weights: those of before belong to other graphs."""
    aligner = fit(IBMEAAligner(**CHEAP))
    bare = KnowledgeGraph(entities=hard_pair.kg1.entity_ids)
    with pytest.raises(ValueError):
        fit(aligner, kg1=bare)
    assert not hasattr(aligner, "network_")
    assert_same_embeddings(fit(aligner.set_params(warm_start=True)), fit(IBMEAAligner(**CHEAP)))
