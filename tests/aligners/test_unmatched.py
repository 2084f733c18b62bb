"""No partner is an answer: what is said of entities that have none, and how sure of the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import PrecomputedAligner, PropagationAligner, SeedPairs
from ibmea_sklearn.aligners._matches import as_expected, best_cut
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.metrics import expected_calibration_error

N_DANGLING = {1.0: 0, 0.68: 130, 0.41: 400, 0.19: 1200}
CHEAP = {"propagation__n_components": 512, "propagation__label_width": 128, "verbose": 0}


@pytest.fixture(scope="module", params=list(N_DANGLING))
def partial(request):
    """An aligner of graphs that overlap in part, its test links, and how many have a partner."""
    n = N_DANGLING[request.param]
    kg1, kg2, links = make_mmkg_pair(400, n_dangling=n, random_state=1)
    aligner = PropagationAligner(random_state=0).set_params(**CHEAP)
    return aligner.fit(kg1, kg2, links[:120]), links[120:], request.param


def rights(table, links):
    partner = dict(links.tolist())
    return np.array(
        [partner.get(s) == t for s, t in zip(table["source"], table["target"], strict=True)]
    )


def test_the_share_with_a_partner(partial):
    aligner, links, share = partial
    found = aligner.matchable_share_
    assert found.loc["left", "share"] == pytest.approx(share, abs=0.07)
    assert (found["low"] <= found["share"]).all() and (found["share"] <= found["high"]).all()


def test_confidences_are_honest(partial):
    aligner, links, share = partial
    table = aligner.align()
    right, confidence = rights(table, links), table["confidence"].to_numpy()
    assert expected_calibration_error(right, confidence) < 0.08
    assert right[confidence > 0.9].mean() >= 0.93


def test_who_has_none_is_told(partial):
    aligner, links, share = partial
    table = aligner.unmatched(min_probability=0)
    assert len(table) == aligner.kg1_.n_entities - 120
    truth = ~table["entity"].isin(links[:, 0])
    assert abs(table["probability"].mean() - truth.mean()) < 0.07
    told = aligner.unmatched()
    assert len(told) < len(table) and (told["probability"] >= 0.5).all()
    assert told["probability"].is_monotonic_decreasing
    if share < 0.5:
        assert (~told["entity"].isin(links[:, 0])).mean() > 0.95
    assert set(told["candidate"]) <= set(aligner.kg2_.entity_ids)


def test_candidates_say_the_same(partial):
    aligner, links, _ = partial
    by_entity = aligner.unmatched(min_probability=0).set_index("entity")["probability"]
    table = aligner.candidates(links[:5, 0], k=2)
    assert table["p_none"].tolist() == by_entity[table["source"]].tolist()


def test_a_precision_can_be_ordered(partial):
    aligner, links, share = partial
    every, kept = aligner.align(), aligner.align(precision=0.95)
    assert kept.equals(every.iloc[: len(kept)]) and kept["confidence"].mean() >= 0.95
    assert kept.attrs["n_cut"] == len(every) - len(kept)
    assert rights(kept, links).mean() > 0.85
    if len(kept) < len(every):
        assert every["confidence"][: len(kept) + 1].mean() < 0.95


def test_a_least_confidence(partial):
    aligner, links, _ = partial
    every, kept = aligner.align(), aligner.align(min_confidence=0.6)
    assert kept.equals(every[every["confidence"] >= 0.6])


def test_the_cut_of_the_best_expected_f1(partial):
    aligner, links, share = partial

    def f1(table):
        return 2 * rights(table, links).sum() / (len(table) + len(links))

    every, kept = aligner.align(), aligner.align(min_confidence="auto")
    assert f1(kept) > f1(every) - 0.003 and (share > 0.5 or f1(kept) > f1(every) + 0.1)


def test_seeds_come_first_if_asked_for(partial):
    aligner, links, _ = partial
    every = aligner.align(include_seeds=True)
    seeds = every[:120]
    assert (
        aligner.seed_indices_[:, 0].tolist() == aligner.kg1_.entity_index(seeds["source"]).tolist()
    )
    assert (seeds["confidence"] == 1).all() and every[120:].reset_index(drop=True).equals(
        aligner.align()
    )


def test_what_is_cut_is_said(capsys):
    kg1, kg2, links = make_mmkg_pair(200, n_dangling=200, random_state=0)
    aligner = PropagationAligner(random_state=0).set_params(**CHEAP).fit(kg1, kg2, links[:110])
    aligner.align(min_confidence=0.9)
    assert not capsys.readouterr().out  # verbose is 0
    n_cut = aligner.set_params(verbose=1).align(min_confidence=0.9).attrs["n_cut"]
    said = f"{n_cut:,} of {len(aligner.align()):,} matches are left out"
    assert n_cut and said in " ".join(capsys.readouterr().out.split())


def test_both_sides(partial):
    aligner, _, _ = partial
    assert set(aligner.unmatched("right", 0)["entity"]) <= set(aligner.kg2_.entity_ids)
    with pytest.raises(ValueError, match="Expected side='left' or 'right'|side"):
        aligner.unmatched("both")
    for wrong in ({"min_confidence": 2}, {"precision": 0}, {"min_confidence": "most"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            aligner.align(**wrong)


def test_answers_follow_the_settings_and_the_fit():
    kg1, kg2, links = make_mmkg_pair(150, n_dangling=50, random_state=0)
    aligner = PropagationAligner(random_state=0).set_params(**CHEAP).fit(kg1, kg2, links[:100])
    before = aligner.align()
    changed = aligner.set_params(matching__temperature=0.2).align()
    assert not np.allclose(changed["score"].head(20), before["score"].head(20))
    again = aligner.set_params(matching__temperature=0.02).fit(kg1, kg2, links[50:])
    assert not set(again.align()["source"]) & set(links[50:, 0])


def test_no_free_entity_is_without_a_partner_by_default():
    kg1, kg2, links = make_mmkg_pair(30, n_dangling=(5, 0), random_state=0)
    vectors = [np.eye(kg.n_entities, 40) for kg in (kg1, kg2)]
    aligner = PrecomputedAligner(*vectors, random_state=0).fit(kg1, kg2, links)
    assert not len(aligner.align())
    told = aligner.unmatched()
    assert len(told) == 5 and (told["probability"] == 1).all() and set(told["candidate"]) == {None}


def test_a_pair_that_an_assignment_made_has_a_confidence(partial):
    aligner, links, share = partial
    table = aligner.align("assignment")
    assert len(table) >= len(aligner.align())
    assert expected_calibration_error(rights(table, links), table["confidence"]) < 0.1


def test_order_of_rows_means_nothing():
    kg1, kg2, links = make_mmkg_pair(150, n_dangling=60, random_state=0)
    random = np.random.default_rng(0)
    vectors = [random.normal(size=(kg.n_entities, 8)) for kg in (kg1, kg2)]
    right = dict(zip(kg2.entity_ids, vectors[1], strict=True))
    left = dict(zip(kg1.entity_ids, vectors[0], strict=True))
    for s, t in links:
        right[t] = left[s] + 0.5 * random.normal(size=8)
    tables = []
    for order in (slice(None), slice(None, None, -1)):
        frames = [
            pd.DataFrame.from_dict(side, orient="index").iloc[order] for side in (left, right)
        ]
        X = SeedPairs(kg1, kg2, links[:100])
        aligner = PrecomputedAligner(*frames, random_state=0).fit(X)
        tables.append(aligner.unmatched(min_probability=0).sort_values("entity", ignore_index=True))
    np.testing.assert_allclose(tables[0]["probability"], tables[1]["probability"], rtol=1e-4)


def test_helpers_equal_a_loop():
    confidence = np.array([0.9, 0.8, 0.3, 0.1])
    table = pd.DataFrame({"confidence": confidence})
    assert len(as_expected(table, 0.85)) == 2 and len(as_expected(table, 0.95)) == 0
    scores = [2 * confidence[:k].sum() / (k + 2.0) for k in range(1, 5)]
    assert best_cut(confidence, 2.0) == confidence[int(np.argmax(scores))]
    assert best_cut(np.empty(0), 3.0) == 0
