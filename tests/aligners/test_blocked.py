"""Aligners that compare candidates alone: whatever they answer, as all pairs would, or nearly."""

from __future__ import annotations

import numpy as np
import pytest
from spies import made

from ibmea_sklearn import (
    AlignmentWarning,
    Blocker,
    IBMEAAligner,
    KnowledgeGraph,
    Matching,
    PrecomputedAligner,
    PropagationAligner,
    SeedFinder,
    SeedPairs,
)
from ibmea_sklearn.aligners._blocks import blocks_of
from ibmea_sklearn.datasets import make_mmkg_pair

SMALL = {
    "modalities": ["graph", "name"],
    "propagation__n_components": 256,
    "propagation__label_width": 64,
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}
BLOCKED = {"matching__search": "blocked"}
# So many that all who share anything at all are candidates.
WIDE = {
    **BLOCKED,
    "matching__blocker__n_candidates": 10_000,
    "matching__blocker__n_keys": 10_000,
    "matching__blocker__max_owners": 10_000,
}


@pytest.fixture(scope="module")
def pair():
    return make_mmkg_pair(120, name_noise=0.4, n_dangling=20, image_dim=0, random_state=0)


def fit(pair, n_seeds=60, **params):
    kg1, kg2, links = pair
    return made(PropagationAligner, SMALL, **params).fit(kg1, kg2, links[:n_seeds])


@pytest.fixture(scope="module")
def blocked(pair):
    return fit(pair, **BLOCKED)


@pytest.fixture(scope="module")
def exact(pair):
    return fit(pair)


def test_it_is_nearly_as_good_as_comparing_all(pair, blocked, exact):
    test = pair[2][60:]
    assert exact.candidates_ is None and blocked.candidates_.shape == (140, 140)
    for reverse in (False, True):
        ours, theirs = ((a.rank(test, reverse=reverse) <= 1).mean() for a in (blocked, exact))
        assert ours >= theirs - 0.03 > 0.8


def check_cosines(aligner):
    left, right = aligner.embeddings_["fused"]
    rows, columns = aligner.candidates_.nonzero()
    lengths = [np.linalg.norm(side, axis=1) for side in (left, right)]
    products = np.einsum("nd,nd->n", left[rows], right[columns])
    cosines = products / lengths[0][rows] / lengths[1][columns]
    np.testing.assert_allclose(aligner.candidates_.data, cosines, atol=1e-5)


def test_candidates_have_the_cosine_of_the_fused_vectors(blocked):
    check_cosines(blocked)


def test_fused_vectors_are_no_copy_of_the_channels(blocked):
    for side, fused in enumerate(blocked.embeddings_["fused"]):
        joined = [columns.values for columns, _ in fused.parts]
        channels = [v[side] for name, v in blocked.embeddings_.items() if name != "fused"]
        assert all(map(np.shares_memory, joined, channels)) and len(joined) == len(channels) > 1


def test_sides_of_other_sizes_are_compared_by_what_is_fused(pair):
    kg1, kg2, links = pair
    kg2 = kg2.without(kg2.entity_ids[~np.isin(kg2.entity_ids, links[:, 1])][:10])
    aligner = fit((kg1, kg2, links), rounds__n_rounds=1, **BLOCKED)
    left, right = aligner.embeddings_["fused"]
    assert len(left) > len(right) and left.shape[1] > 64  # more than a block
    scores, indices = Matching("cosine").top_k(left, right, 3)
    expected = Matching("cosine").top_k(np.asarray(left), np.asarray(right), 3)
    np.testing.assert_allclose(scores, expected[0], atol=1e-6)
    listed = aligner.candidates_.shape == (140, 130)
    assert listed and Blocker(5).fit(SeedPairs(kg1, kg2, links[:60])).candidates(
        sources=left, targets=right
    ).shape == (140, 130)
    aligner.set_params(matching__search="exact")
    assert (aligner.rank(links[60:]) <= 1).mean() > 0.8


def test_where_all_are_candidates_all_is_as_if_they_were_not_asked_for(pair, exact):
    wide = fit(pair, **WIDE)
    share = wide.candidates_.nnz / np.prod(wide.candidates_.shape)
    assert share > 0.7
    ours, theirs = (
        set(zip(t["source"], t["target"], strict=True)) for t in (wide.align(), exact.align())
    )
    assert len(ours & theirs) > 0.95 * max(len(ours), len(theirs))


def test_every_answer_is_given(pair, blocked):
    kg1, kg2, links = pair
    table = blocked.candidates(links[:80, 0], k=7)  # seeds as well
    assert (table.groupby("source")["rank"].max() <= 7).all()
    assert set(table["source"]) == set(links[:80, 0]) and table["target"].isin(kg2.entity_ids).all()
    firsts = table[table["rank"] == 1].set_index("source")["target"]
    assert (firsts.loc[links[:60, 0]].to_numpy() == links[:60, 1]).all()
    assert (blocked.predict(links[60:, 0]) == links[60:, 1]).mean() > 0.8
    for method, cardinality in (("mutual", "one"), ("assignment", "one"), ("mutual", "many")):
        found = blocked.align(method, cardinality=cardinality)
        right = set(map(tuple, links.tolist()))
        found = found[found["confidence"] > 0.5]
        assert (
            np.mean([p in right for p in zip(found["source"], found["target"], strict=True)]) > 0.7
        )
    assert len(blocked.questions(5)) == 5
    assert 0.5 < blocked.matchable_share_.loc["left", "share"] < 1
    assert len(blocked.unmatched("right", 0.0)) == kg2.n_entities - 60


def test_the_recall_of_held_out_pairs_is_noted_by_source(blocked):
    for row in blocked.rounds_:
        assert list(row["recall"]) == ["neighbor", "name", "candidates"]
        assert all(0 <= share <= 1 for share in row["recall"].values())
    assert blocked.rounds_[-1]["recall"]["candidates"] > 0.8


def test_what_is_not_aligned_by_finds_no_candidates(pair):
    by_graph = fit(pair, modalities=["graph"], **BLOCKED)
    assert list(by_graph.rounds_[0]["recall"]) == ["neighbor", "candidates"]


def test_all_pairs_may_be_compared_afterwards(pair, blocked):
    test = pair[2][60:]
    ranks = blocked.rank(test)
    blocked.set_params(matching__search="exact")
    every = blocked.rank(test)
    blocked.set_params(**BLOCKED)
    np.testing.assert_array_equal(blocked.rank(test), ranks)
    assert ((ranks <= 1) == (every <= 1)).mean() > 0.95


def test_it_is_saved_with_its_candidates(tmp_path, pair, blocked):
    blocked.save(tmp_path / "aligner.safetensors")
    again = PropagationAligner.load(tmp_path / "aligner.safetensors")
    assert (again.candidates_ != blocked.candidates_).nnz == 0
    np.testing.assert_array_equal(again.rank(pair[2][60:]), blocked.rank(pair[2][60:]))


def test_what_is_extended_lists_candidates_again(pair, capsys):
    kg1, kg2, links = pair
    late = links[100:]
    before = [kg.without(side) for kg, side in zip((kg1, kg2), late.T, strict=True)]
    right = {}
    few = {**BLOCKED, "matching__blocker__n_candidates": 20}
    for name, params in {"exact": {}, "blocked": few}.items():
        aligner = made(PropagationAligner, SMALL, **params).fit(*before, links[:60])
        aligner.set_params(verbose=1).extend(kg1, kg2)
        right[name] = (aligner.predict(late[:, 0]) == late[:, 1]).mean()
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("entities: compared are up to 20 candidates of each, by neighbor, name.") == 1
    assert aligner.candidates_.shape == (140, 140) and aligner.candidates_.nnz < 140 * 40
    check_cosines(aligner)
    assert right["blocked"] >= right["exact"] - 0.1 > 0.5


def test_a_second_fit_forgets_the_candidates(pair):
    aligner = fit(pair, rounds__n_rounds=1, **BLOCKED)
    kg1, kg2, links = pair
    aligner.set_params(matching__search="auto").fit(kg1, kg2, links[:60])
    assert aligner.candidates_ is None


def test_it_switches_by_itself_and_says_so_once(pair, monkeypatch, capsys):
    monkeypatch.setattr("ibmea_sklearn.matching._matching.MOST_PAIRS", 140 * 140 - 1)
    aligner = fit(pair, 0, verbose=1)
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("entities: compared are up to 80 candidates of each, by neighbor, name.") == 1
    assert aligner.candidates_ is not None
    monkeypatch.setattr("ibmea_sklearn.matching._matching.MOST_PAIRS", 140 * 140)
    assert fit(pair, 0).candidates_ is None


def test_who_is_on_no_list_is_compared_with_all_and_if_that_is_long_it_is_said(
    pair, monkeypatch, capsys
):
    few = {"matching__blocker__n_keys": 1, "matching__blocker__max_owners": 2}
    aligner = fit(pair, 20, rounds__n_rounds=1, **BLOCKED, **few).set_params(verbose=1)
    asked = pair[2][20:, 0]
    before = aligner.predict(asked)
    assert "on no list" not in capsys.readouterr().out
    monkeypatch.setattr("ibmea_sklearn.aligners._best_targets._LONG", 0)
    assert aligner.predict(asked).tolist() == before.tolist() and np.isin(before, None).sum() == 0
    said = " ".join(capsys.readouterr().out.split())
    n_lost = (
        len(asked)
        - np.isin(asked, aligner.kg1_.entity_ids[np.diff(aligner.candidates_.indptr) > 0]).sum()
    )
    assert n_lost and said.count(f"{n_lost} of these are on no list of candidates: each is") == 1


@pytest.mark.parametrize("has", [True, False])
def test_what_a_look_up_of_vectors_costs_is_said(monkeypatch, capsys, has):
    monkeypatch.setattr("ibmea_sklearn.aligners._blocks.is_installed", lambda name: has)
    kg1, kg2, links = make_mmkg_pair(60, image_dim=8, random_state=0)
    params = {**SMALL, **BLOCKED, "modalities": ["graph", "image"], "verbose": 1}
    made(PropagationAligner, params, rounds__n_rounds=1).fit(kg1, kg2, links[:30])
    said = " ".join(capsys.readouterr().out.split())
    assert ("a tenth of all, by faiss" in said) == has
    assert ("pip install 'ibmea_sklearn[faiss]'" in said) != has


def test_seeds_are_judged_and_found_among_candidates(pair):
    kg1, kg2, links = pair
    links = links.copy()
    links[[0, 1], 1] = links[[1, 0], 1]
    aligner = made(PropagationAligner, SMALL, **BLOCKED).fit(kg1, kg2, links[:60])
    suspects = aligner.suspects()["source"].tolist()
    assert set(links[:2, 0]) <= set(suspects) and len(suspects) < 8
    finder = SeedFinder(made(PropagationAligner, SMALL, **BLOCKED))
    found = finder.find(kg1, kg2)
    right = set(map(tuple, pair[2].tolist()))
    assert len(found) > 30
    assert np.mean([p in right for p in zip(found["source"], found["target"], strict=True)]) > 0.8
    assert found["evidence"].str.contains("name").mean() > 0.5


def test_what_was_judged_different_is_never_a_match(pair):
    kg1, kg2, links = pair
    first = fit(pair, **BLOCKED).align()
    out = first[["source", "target"]].assign(verdict="different")[:10]
    aligner = made(PropagationAligner, SMALL, **BLOCKED).fit(kg1, kg2, links[:60], out)
    told = set(zip(out["source"], out["target"], strict=True))
    found = aligner.align()
    assert not told & set(zip(found["source"], found["target"], strict=True))
    table = aligner.candidates(out["source"].to_numpy(), 5)
    assert not told & set(zip(table["source"], table["target"], strict=True))


@pytest.mark.parametrize("aligner", ["ibmea", "paper", "precomputed"])
def test_other_aligners_compare_candidates_too(pair, exact, aligner):
    kg1, kg2, links = pair
    if aligner == "precomputed":
        made_one = PrecomputedAligner(*exact.embeddings_["fused"], random_state=0)
    else:
        more = {"rounds__validation_interval": 1, "rounds__n_rounds": 1}
        if aligner == "paper":
            more = {"rounds__candidate_interval": 1, "rounds__join_interval": 1,
                    "rounds__join_after": 0, "rounds__n_rounds": 1}  # fmt: skip
        made_one = made(
            IBMEAAligner, SMALL, graph__n_components=16, features__n_components=16,
            training__max_epochs=1, **more,
        )  # fmt: skip
    fitted = made_one.set_params(**BLOCKED).fit(kg1, kg2, links[:60])
    assert fitted.candidates_.nnz and fitted.score(links[60:]) > 0.5
    assert len(fitted.align()) > 30


def test_too_few_partners_among_the_candidates_is_a_warning(pair):
    with pytest.warns(AlignmentWarning, match=r"held out \d+% are among the candidates .*neighbor"):
        fit(pair, 110, modalities=["graph"], **BLOCKED, matching__blocker__n_keys=1)


def test_nothing_to_find_candidates_by_is_told(capsys):
    rng = np.random.default_rng(0)
    sides = [KnowledgeGraph(entities=[f"{s}{i}" for i in range(30)]) for s in "ab"]
    links = [(f"a{i}", f"b{i}") for i in range(20)]
    vectors = rng.normal(size=(30, 4))
    aligner = PrecomputedAligner(vectors, vectors, matching=Matching(search="blocked"))
    with pytest.raises(ValueError, match="something to find candidates by, of neighbor, name"):
        aligner.fit(*sides, links)
    # Of an aligner that is extended, the features that its fit has made are none to find any by.
    X = SeedPairs(*sides, links)
    assert blocks_of(Matching(search="blocked"), X, None, True, must_find=False) is None
    assert "compared are all pairs" in " ".join(capsys.readouterr().out.split())


def test_a_blocker_is_a_part_of_how_pairs_are_compared():
    aligner = PropagationAligner(matching=Matching(blocker=Blocker(20)))
    assert aligner.get_params()["matching__blocker__n_candidates"] == 20
    aligner = PropagationAligner().set_params(matching__blocker__sources=["name"])
    assert aligner.matching.blocker.sources == ["name"]
    with pytest.raises(ValueError, match="each of matching__blocker__sources.*'neighbour'"):
        aligner.set_params(matching__blocker__sources=["neighbour"]).check_parameters()


def test_earlier_matches_stay_when_candidates_are_listed_again():
    kg1, kg2, links = make_mmkg_pair(120, random_state=0)
    before = [kg.without(late) for kg, late in zip((kg1, kg2), links[110:].T, strict=True)]
    aligner = PropagationAligner(random_state=0, verbose=0).set_params(matching__search="blocked")
    matches = aligner.fit(*before, links[:60]).align()
    more = aligner.extend(kg1, kg2).align()
    kept = set(zip(matches["source"], matches["target"], strict=True))
    assert kept <= set(zip(more["source"], more["target"], strict=True))
    assert (aligner.predict(links[110:, 0]) == links[110:, 1]).mean() >= 0.9
