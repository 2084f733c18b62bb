"""Several entities of one graph that are one of the other: as seeds, and as matches."""

from __future__ import annotations

import numpy as np
import pytest

from ibmea_sklearn import (
    IBMEAAligner,
    KnowledgeGraph,
    PropagationAligner,
    SeedPairs,
    TMEAAligner,
)
from ibmea_sklearn.datasets import make_mmkg_pair

N, N_DOUBLED, N_SEEDS = 260, 40, 130  # so many that confidences are calibrated


@pytest.fixture(scope="module")
def pair():
    """Two graphs, the first with 40 entities twice, seeds, and the partner of each left entity."""
    kg1, kg2, links = make_mmkg_pair(N, random_state=0)
    ids, relations, attributes = kg1.entity_ids, kg1.relation_names, kg1.attribute_names
    random = np.random.default_rng(0)
    copies = {a: f"copy of {a}" for a in links[:N_DOUBLED, 0]}
    triples = [(ids[h], relations[r], ids[t]) for h, r, t in kg1.relation_triples.tolist()]
    triples += [
        (copies.get(h, h), r, copies.get(t, t))
        for h, r, t in triples
        if (h in copies or t in copies) and random.random() < 0.8
    ]
    rows = zip(kg1.attribute_triples.tolist(), kg1.attribute_values, strict=True)
    said = [(ids[e], attributes[a], value) for (e, a), value in rows]
    said += [(copies[e], a, v) for e, a, v in said if e in copies and random.random() < 0.8]
    images = kg1.features["image"].values
    more = images[kg1.entity_index(list(copies))]
    left = KnowledgeGraph(
        triples,
        said,
        entities=[*ids, *copies.values()],
        features={"image": np.concatenate([images, more + 0.05])},
    )
    partner = dict(links.tolist())
    partner.update({copy: partner[a] for a, copy in copies.items()})
    seeds = links[random.permutation(N)[:N_SEEDS]]
    return left, kg2, seeds, partner, copies


@pytest.fixture(scope="module")
def fitted(pair):
    return PropagationAligner(random_state=0, verbose=0).fit(*pair[:3])


def n_right(table, partner):
    return sum(partner[s] == t for s, t in zip(table["source"], table["target"], strict=True))


def test_each_left_entity_gets_its_best_one(fitted, pair):
    left, _, seeds, partner, _ = pair
    table = fitted.align(cardinality="many")
    assert set(table["source"]) == set(left.entity_ids) - set(seeds[:, 0])
    assert table["source"].is_unique
    assert n_right(table, partner) > 0.95 * len(table)
    assert abs(table["confidence"].mean() - n_right(table, partner) / len(table)) < 0.05


def test_one_to_one_leaves_out_what_many_to_one_finds(fitted, pair):
    one, many = (fitted.align(cardinality=c) for c in ("one", "many"))
    assert one["target"].is_unique
    assert n_right(many, pair[3]) > n_right(one, pair[3]) + N_DOUBLED / 2


def test_the_copy_of_a_seed_gets_the_partner_of_the_seed(fitted, pair):
    _, _, seeds, partner, copies = pair
    table = fitted.align(cardinality="many").set_index("source")["target"]
    of_seeds = [copy for entity, copy in copies.items() if entity in set(seeds[:, 0])]
    assert of_seeds
    assert np.mean([table[copy] == partner[copy] for copy in of_seeds]) > 0.9


def test_cuts_and_seeds_work_as_for_one_to_one(fitted, pair):
    table = fitted.align(cardinality="many", min_confidence=0.9, include_seeds=True)
    assert table["confidence"].min() >= 0.9
    assert table["source"][:N_SEEDS].tolist() == pair[2][:, 0].tolist()


def test_many_to_one_is_no_assignment(fitted):
    with pytest.raises(ValueError, match="Expected method='mutual' with cardinality='many'"):
        fitted.align("assignment", cardinality="many")


@pytest.mark.parametrize("wrong", ["both", 2, None])
def test_an_unknown_cardinality_is_refused(fitted, wrong):
    with pytest.raises(ValueError, match="cardinality"):
        fitted.align(cardinality=wrong)


def many_seeds(pair):
    """Seeds of which 20 repeat a right entity."""
    _, _, seeds, partner, copies = pair
    more = [(copy, partner[copy]) for copy in list(copies.values())[:20]]
    missing = [(a, partner[a]) for a, copy in list(copies.items())[:20] if a not in seeds[:, 0]]
    return np.concatenate([seeds, np.array(more, object), np.array(missing, object)])


def test_seeds_that_repeat_a_right_entity_are_learnt_from(pair):
    left, right, _, partner, _ = pair
    seeds = many_seeds(pair)
    aligner = PropagationAligner(random_state=0, verbose=0, duplicates="keep")
    aligner.fit(left, right, seeds)
    assert len(aligner.seed_indices_) == len(seeds)
    np.testing.assert_array_equal(aligner.predict(seeds[:, 0]), seeds[:, 1])
    table = aligner.align(cardinality="many")
    assert n_right(table, partner) > 0.95 * len(table)
    assert len(aligner.schema_)
    assert aligner.explain(*seeds[-1]).is_seed


def test_the_order_of_such_seeds_says_nothing(pair):
    seeds = many_seeds(pair)
    aligner = PropagationAligner(random_state=0, verbose=0, duplicates="keep")
    aligner.set_params(rounds__validation_fraction=0.0)
    one = aligner.fit(*pair[:2], seeds).align()
    two = aligner.fit(*pair[:2], seeds[::-1]).align()
    assert set(map(tuple, one[["source", "target"]].to_numpy())) == set(
        map(tuple, two[["source", "target"]].to_numpy())
    )


@pytest.mark.parametrize("aligner", [IBMEAAligner, TMEAAligner])
def test_an_aligner_with_a_network_says_that_it_can_not(pair, aligner):
    with pytest.raises(ValueError, match="Use PropagationAligner"):
        aligner(duplicates="keep", verbose=0).fit(*pair[:2], many_seeds(pair))


def test_a_view_of_such_seeds_has_to_be_asked_for(pair):
    view = SeedPairs(*pair[:2], many_seeds(pair), duplicates="keep")
    with pytest.raises(ValueError, match="duplicates='keep' to learn from all"):
        PropagationAligner(verbose=0).fit(view)
    first = PropagationAligner(verbose=0, duplicates="first", modalities=["graph"]).fit(view)
    assert len(first.seed_indices_) == len(np.unique(view.indices[:, 1]))
