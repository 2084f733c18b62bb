"""Questions worth asking: doubtful, with much hanging on them, spread, and none twice."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

from ibmea_sklearn import KnowledgeGraph, PrecomputedAligner, PropagationAligner
from ibmea_sklearn.aligners._questions import Doubts, _chosen, neighbours
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.graph import Sides

QUICK = {
    "modalities": ["graph", "image"],
    "propagation__n_components": 64,
    "propagation__label_width": 64,
}


@functools.cache
def pair():
    return make_mmkg_pair(150, image_noise=2.0, structural_overlap=0.4, random_state=0)


@functools.cache
def aligner():
    kg1, kg2, links = pair()
    return (
        PropagationAligner(random_state=0, verbose=0).set_params(**QUICK).fit(kg1, kg2, links[:60])
    )


def pairs_of(table):
    return list(zip(table["source"], table["target"], strict=True))


def test_they_are_more_doubtful_than_matches_are():
    asked = aligner().questions(20)
    assert len(asked) == 20 and len(set(pairs_of(asked))) == 20
    doubt = (asked["confidence"] - 0.5).abs().mean()
    assert doubt < (aligner().align()["confidence"] - 0.5).abs().mean() - 0.05
    assert asked["reason"].str.len().gt(0).all()


def test_no_seed_is_asked_about_and_nothing_twice():
    kg1, kg2, links = pair()
    asked = pairs_of(aligner().questions(10))
    assert {s for s, _ in asked}.isdisjoint(links[:60, 0])
    words = ["different", "unsure", "same", "none"]
    rows = [
        (s, None if (w := words[i % 4]) == "none" else t, w) for i, (s, t) in enumerate(asked[:8])
    ]
    verdicts = pd.DataFrame(rows, columns=["source", "target", "verdict"], dtype=object)
    again = PropagationAligner(random_state=0, verbose=0).set_params(**QUICK)
    again.fit(kg1, kg2, links[:60], verdicts.drop_duplicates("source"))
    assert set(pairs_of(again.questions(200))).isdisjoint(asked[:8])


def test_the_same_whatever_the_order_of_rows():
    kg1, kg2, links = pair()
    left, right = (kg.features["image"].values for kg in (kg1, kg2))
    asked = PrecomputedAligner(left, right, random_state=0).fit(kg1, kg2, links[:5]).questions(20)

    def turned(kg):
        ids = kg.entity_ids
        triples = [(ids[h], f"r{r}", ids[t]) for h, r, t in kg.relation_triples[::-1].tolist()]
        return KnowledgeGraph(triples, entities=ids[::-1].tolist())

    frames = [pd.DataFrame(v, index=kg.entity_ids) for v, kg in ((left, kg1), (right, kg2))]
    other = PrecomputedAligner(*frames, random_state=0).fit(turned(kg1), turned(kg2), links[:5])
    assert pairs_of(other.questions(20)) == pairs_of(asked)


def test_worth_grows_with_doubt_and_with_what_hangs_on_it():
    def worth(confidence, unsettled=0.0, rivals=0):
        return Doubts(*map(np.array, ([[0, 0]], [confidence], [unsettled], [rivals], [0]))).worth[0]

    assert worth(0.5) > worth(0.7) > worth(0.9) > worth(1.0) == 0
    assert worth(0.5, unsettled=5) > worth(0.5) and worth(0.5, rivals=2) > worth(0.5)


def empty_graphs(n):
    return Sides(sparse.csr_array((n, n)), sparse.csr_array((n, n)))


def some_doubts(confidence, group=None):
    n = len(confidence)
    zeros = np.zeros(n, int)
    group = zeros if group is None else np.array(group)
    return Doubts(np.column_stack([np.arange(n)] * 2), np.array(confidence), zeros, zeros, group)


def test_they_are_spread_over_neighbourhoods():
    doubts = some_doubts([0.5, 0.49, 0.4, 0.3])
    assert _chosen(doubts, empty_graphs(4), 3).tolist() == [0, 1, 2]
    near = sparse.csr_array(([1.0, 1.0], ([0, 1], [1, 0])), (4, 4))
    assert _chosen(doubts, Sides(near, empty_graphs(4).left), 3).tolist() == [0, 2, 3]


def test_they_are_spread_over_kinds_of_evidence():
    doubts = some_doubts([0.5] * 6 + [0.2] * 6, [0] * 6 + [1] * 6)
    groups = doubts.group[_chosen(doubts, empty_graphs(12), 5)]
    assert np.bincount(groups).tolist() == [3, 2]  # worth 6 and 3.84: 3.05 and 1.95 seats


def test_neighbours_equal_a_naive_loop():
    kg1, _, _ = pair()
    free = np.random.default_rng(0).permutation(kg1.n_entities)[:100]
    naive = np.zeros((100, 100))
    for head, _, tail in kg1.relation_triples.tolist():
        if head != tail and head in free and tail in free:
            at = [int(np.flatnonzero(free == end)[0]) for end in (head, tail)]
            naive[at[0], at[1]] = naive[at[1], at[0]] = 1
    np.testing.assert_array_equal(neighbours(kg1, free).toarray(), naive)


def test_where_nobody_is_left_nothing_is_asked():
    kg1, kg2, links = pair()
    vectors = (kg.features["image"].values for kg in (kg1, kg2))
    every = PrecomputedAligner(*vectors, random_state=0).fit(kg1, kg2, links)
    assert every.questions().shape == (0, 4)


@pytest.mark.parametrize("n", [0, -1, 1.5, "many"])
def test_a_number_of_questions_is_one(n):
    with pytest.raises(ValueError, match="Expected n to be"):
        aligner().questions(n)


def test_who_is_not_fitted_asks_nothing():
    with pytest.raises(NotFittedError):
        PropagationAligner().questions()


def test_only_the_sources_wanted_are_asked_about():
    _, _, links = pair()
    wanted = links[60:75, 0]
    asked = aligner().questions(200, wanted)
    assert set(asked["source"]) <= set(wanted) and len(asked) > 10
    every = aligner().questions(1000).set_index(["source", "target"])["confidence"]
    for row in asked.itertuples():
        assert every[row.source, row.target] == row.confidence
    with pytest.raises(ValueError, match="unknown|Unknown"):
        aligner().questions(5, ["nobody"])
