"""Entities of one graph that are the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import KnowledgeGraph, deduplicate
from ibmea_sklearn.datasets import make_mmkg_pair

N, N_DOUBLED = 300, 30


def parts(kg):
    """Rows of a graph by ids and names."""
    ids, relations, attributes = kg.entity_ids, kg.relation_names, kg.attribute_names
    triples = [(ids[h], relations[r], ids[t]) for h, r, t in kg.relation_triples.tolist()]
    said = [
        (ids[e], attributes[a], value)
        for (e, a), value in zip(kg.attribute_triples.tolist(), kg.attribute_values, strict=True)
    ]
    return triples, said


@pytest.fixture(scope="module")
def doubled():
    """Rows of a graph that says of 30 entities what another one does, and the true pairs.

    Both are noisy views of one world: a copy lacks a third of the triples and has one of its own
    in five, a fifth of its values differ, and its picture is another one.
    """
    kg1, kg2, links = make_mmkg_pair(N, random_state=0)
    back = {b: a for a, b in links}
    copies = {b: f"copy of {a}" for a, b in links[:N_DOUBLED]}
    random = np.random.default_rng(0)
    triples, said = parts(kg1)
    others, others_said = parts(kg2)
    triples += [
        (copies.get(h, back[h]), r, copies.get(t, back[t]))
        for h, r, t in others
        if (h in copies or t in copies) and random.random() < 2 / 3
    ]
    said += [(copies[e], a, value) for e, a, value in others_said if e in copies]
    entities = [*kg1.entity_ids, *copies.values()]
    pictures = [kg2.features["image"].values[kg2.entity_index([b])] for b in copies]
    images = np.concatenate([kg1.features["image"].values, *pictures])
    return triples, said, entities, images, {(back[b], copy) for b, copy in copies.items()}


def built(doubled, order=None):
    triples, said, entities, images, _ = doubled
    order = np.arange(len(entities)) if order is None else order
    return KnowledgeGraph(
        triples, said, entities=[entities[i] for i in order], features={"image": images[order]}
    )


def pairs_of(table):
    return set(table[["source", "target"]].itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def found(doubled):
    return deduplicate(built(doubled))


def test_most_of_the_doubled_are_found_and_hardly_any_other(doubled, found):
    true = doubled[-1]
    n_right = len(pairs_of(found) & true)
    assert n_right >= 0.9 * len(true)
    assert n_right >= 0.9 * len(found)


def test_confidences_are_as_often_right_as_they_say(doubled, found):
    right = [pair in doubled[-1] for pair in found[["source", "target"]].itertuples(index=False)]
    assert abs(np.mean(right) - found["confidence"].mean()) < 0.1


def test_each_pair_stands_once_its_ids_in_order_the_surest_first(found):
    assert (found["source"] < found["target"]).all()
    assert not found.duplicated(["source", "target"]).any()
    assert found["confidence"].is_monotonic_decreasing
    assert found["confidence"].between(0.5, 1).all()


def test_the_order_of_rows_says_nothing(doubled, found):
    triples, said, *rest = doubled
    shuffled = triples[::-1], said[::-1], *rest
    order = np.random.default_rng(1).permutation(len(doubled[2]))
    again = deduplicate(built(shuffled, order))
    assert pairs_of(again) == pairs_of(found)
    both = found.merge(again, on=["source", "target"])
    np.testing.assert_allclose(both["confidence_x"], both["confidence_y"], atol=0.02)


def test_nothing_is_found_where_nothing_is_doubled():
    kg, _, _ = make_mmkg_pair(N, random_state=1)
    table = deduplicate(kg)
    assert table.empty
    assert table.columns.tolist() == ["source", "target", "confidence"]


def test_three_that_are_the_same_are_three_pairs(doubled):
    triples, said, entities, _, true = doubled
    copies = sorted({copy for _, copy in true})[:5]
    again = {c: f"{c} again" for c in copies}
    triples = triples + [(again.get(h, h), r, again.get(t, t)) for h, r, t in triples
                         if h in again or t in again]  # fmt: skip
    said = said + [(again[e], a, value) for e, a, value in said if e in again]
    found = pairs_of(deduplicate(KnowledgeGraph(triples, said)))
    firsts = {copy: first for first, copy in true}
    for copy in copies:
        assert {(copy, again[copy]), (firsts[copy], copy), (firsts[copy], again[copy])} <= found


def test_one_modality_is_enough(doubled):
    by_graph = deduplicate(built(doubled), modalities=["graph"])
    assert len(pairs_of(by_graph) & doubled[-1]) >= 0.5 * N_DOUBLED


def test_ids_may_be_numbers(doubled):
    triples, said, entities, _, true = doubled
    number = {entity: i for i, entity in enumerate(entities)}
    kg = KnowledgeGraph(
        [(number[h], r, number[t]) for h, r, t in triples], [(number[e], *v) for e, *v in said]
    )
    expected = {tuple(sorted((number[a], number[b]))) for a, b in true}
    assert len(pairs_of(deduplicate(kg)) & expected) >= 0.7 * N_DOUBLED


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_graph_of_few_entities_has_no_pair_that_stands_out(n):
    kg = KnowledgeGraph([(f"e{i}", "knows", f"e{(i + 1) % n}") for i in range(n)])
    assert isinstance(deduplicate(kg, min_confidence=0), pd.DataFrame)
    assert deduplicate(kg).empty


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"min_confidence": 2}, "min_confidence"),
        ({"n_candidates": 3}, "n_candidates"),
        ({"n_rounds": 0}, "n_rounds"),
        ({"modalities": ["colour"]}, "colour"),
        ({"device": "gpu"}, "device"),
    ],
)
def test_what_is_out_of_range_is_refused(doubled, wrong, message):
    with pytest.raises(ValueError, match=message):
        deduplicate(built(doubled), **wrong)


def test_two_graphs_are_refused(doubled):
    with pytest.raises(TypeError, match="one KnowledgeGraph; found tuple"):
        deduplicate((built(doubled), built(doubled)))


def test_a_graph_of_nothing_to_compare_by_is_refused():
    kg = KnowledgeGraph(entities=["a", "b", "c"])
    with pytest.raises(ValueError, match="Expected modalities"):
        deduplicate(kg)
