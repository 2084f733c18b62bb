"""Fits without any known pair, or with few."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from ibmea_sklearn import (
    AlignmentWarning,
    EVAAligner,
    IBMEAAligner,
    KnowledgeGraph,
    PropagationAligner,
    SeedFinder,
    SeedPairs,
    TMEAAligner,
)
from ibmea_sklearn.aligners._steps import begin, featurizer_of
from ibmea_sklearn.channels import search
from ibmea_sklearn.channels.channels import family_of
from ibmea_sklearn.datasets import make_mmkg_pair

N = 60


@pytest.fixture(autouse=True)
def few_seeds(monkeypatch):
    """As it is for users; for other tests here a few seeds are enough."""
    monkeypatch.setattr(search, "FEW_SEEDS", 50)


ALIGNERS = [
    PropagationAligner(verbose=0, random_state=0),
    IBMEAAligner(verbose=0, random_state=0).set_params(
        training__max_epochs=3, propagation__n_components=256
    ),
    TMEAAligner(verbose=0, random_state=0).set_params(
        training__max_epochs=1, rounds__n_rounds=2, propagation__n_components=256
    ),
]
UNCALIBRATED = pytest.mark.filterwarnings("ignore:Confidences are not calibrated")


def syllables(rng, n):
    return ["".join(rng.choice(["ka", "ro", "mi", "su", "te", "lon"], 4)) for _ in range(n)]


def named_pair(seed=0, n=N, named=(True, True), edges=3):
    """Two graphs of the same things in other orders, with names that differ in some letters."""
    rng = np.random.default_rng(seed)
    names = syllables(rng, n)
    triples = [(i, f"r{rng.integers(4)}", rng.integers(n)) for i in range(n) for _ in range(edges)]
    other = rng.permutation(n)

    def graph(prefix, order, has_names, suffix):
        called = {f"{prefix}{i}": names[i] + suffix for i in order} if has_names else None
        return KnowledgeGraph(
            [(f"{prefix}{h}", r, f"{prefix}{t}") for h, r, t in triples],
            names=called,
            entities=[f"{prefix}{i}" for i in order],
        )

    kg1, kg2 = graph("a", range(n), named[0], ""), graph("b", other, named[1], "x")
    return kg1, kg2, np.array([(f"a{i}", f"b{i}") for i in range(n)], object)


@pytest.mark.parametrize("aligner", ALIGNERS, ids=lambda a: type(a).__name__)
def test_names_are_enough(aligner):
    kg1, kg2, links = named_pair()
    with pytest.warns(AlignmentWarning, match="not calibrated: there are no seeds to tell"):
        aligner.fit(kg1, kg2)
    assert aligner.score(links) > 0.9
    assert len(aligner.seed_indices_) == 0
    assert "name" in aligner.modalities_
    assert {"frozen_name", "frozen_diffused_name"} <= set(aligner.channel_weights_)
    matches = aligner.align()
    right = (matches["source"].str[1:] == matches["target"].str[1:]).mean()
    assert len(matches) > 0.8 * N and right > 0.9


@pytest.mark.parametrize("n_seeds", [1, 5, 20])
def test_few_seeds_are_joined_by_what_names_say(n_seeds):
    kg1, kg2, links = named_pair()
    aligner = PropagationAligner(verbose=0, random_state=0)
    if n_seeds <= 5:  # a tenth of them is none
        with pytest.warns(AlignmentWarning, match=f"not calibrated: of {n_seeds} seed"):
            aligner.fit(kg1, kg2, links[:n_seeds])
    else:
        aligner.fit(kg1, kg2, links[:n_seeds])
    assert aligner.score(links[n_seeds:]) > 0.9
    assert aligner.rounds_[-1]["n_pairs"] > 0.7 * N


@UNCALIBRATED
def test_parts_without_a_seed_are_no_news_where_names_find_pairs_in_them():
    """Warnings are errors: nothing says that the graph can tell nothing of half of the entities."""
    names = [f"{a}{b}" for a in ("kami", "suro", "telon") for b in ("ne", "bor", "dig", "fal")]
    triples = [(i, "next", (i + 1) % 6 + 6 * (i // 6)) for i in range(12)]
    kg = KnowledgeGraph(triples, names=dict(enumerate(names)))
    aligner = PropagationAligner(verbose=0, random_state=0).fit(kg, kg, [(0, 0)])
    assert (aligner.predict(np.arange(1, 12)) == np.arange(1, 12)).all()


@UNCALIBRATED
def test_both_forms_without_seeds_agree():
    kg1, kg2, links = named_pair()
    one, two, three = (
        PropagationAligner(verbose=0, random_state=0).fit(*form).rank(links)
        for form in ((kg1, kg2), (SeedPairs(kg1, kg2, []),), (kg1, kg2, np.empty((0, 2), object)))
    )
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, three)


# How kinds of evidence judge each other


def _search(aligner, kg1, kg2):
    X = SeedPairs(kg1, kg2, [])
    aligner.check_parameters()
    aligner.device_ = "cpu"
    return begin(aligner, X, featurizer_of("all", "cpu", 0), aligner._frozen).search


@UNCALIBRATED
def test_no_pair_judges_the_kind_that_found_it(monkeypatch):
    """Judges of names are such as all others find; none has sent its label, nor was trained on."""
    found = _search(PropagationAligner(verbose=0, random_state=0), *named_pair()[:2])
    found.is_judge[:] = np.arange(len(found.is_judge)) % 2 == 0
    asked = []

    def watched(comparison, weights):
        asked.append(weights)
        return type(found)._mutual(found, comparison, weights)

    monkeypatch.setattr(found, "_mutual", watched)
    judged = []
    judges = found._judges
    monkeypatch.setattr(
        found,
        "_judges",
        lambda c, channels, family: (
            judged.append((channels, family, pairs := judges(c, channels, family), asked[-1]))
            or pairs
        ),
    )
    found.find()
    found.find()
    # The second search asks once more of the graph: whether facts that agree help it.
    assert len(judged) == 5
    for channels, family, pairs, weights in judged:
        own = np.array([family_of(c) == family for c in channels])
        assert (weights[own] == 0).all() and (weights[~own] > 0).all()
        assert found.is_judge[pairs[:, 0]].all()
    assert not found.is_judge[found.usable[:, 0]].any()
    assert len(found.usable) < len(found.found)
    found.settle()
    assert len(found.known) == len(found.found)


# Nothing to find any by


@pytest.mark.parametrize("aligner", ALIGNERS, ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("n_seeds", [0, 1])
def test_without_seeds_and_evidence_the_error_says_what_would_do(aligner, n_seeds):
    kg1, kg2, links = named_pair(named=(False, False))
    with pytest.raises(ValueError, match=rf"at least 2 seeds.*found {n_seeds}.*with_names\('id'\)"):
        aligner.fit(kg1, kg2, links[:n_seeds])
    assert not hasattr(aligner, "embeddings_")


@UNCALIBRATED
def test_names_that_an_aligner_leaves_out_are_what_the_error_asks_for():
    kg1, kg2, links = named_pair()
    yardstick = EVAAligner(verbose=0, random_state=0).set_params(training__max_epochs=2)
    wanted = r"set modalities='all', features__frozen='all': both graphs have name\."
    with pytest.raises(ValueError, match=wanted):
        yardstick.fit(kg1, kg2)
    yardstick.set_params(modalities="all", features__frozen="all").fit(kg1, kg2)
    assert yardstick.score(links) > 0.5
    with pytest.raises(ValueError, match=r"set modalities='all': both graphs have name\."):
        PropagationAligner(modalities=["graph"], verbose=0).fit(kg1, kg2)


def test_names_on_one_side_only_are_told():
    kg1, kg2, links = named_pair(named=(True, False))
    with (
        pytest.warns(AlignmentWarning, match="only kg1 has names.*Give kg2 names"),
        pytest.raises(ValueError, match="at least 2 seeds"),
    ):
        PropagationAligner(verbose=0).fit(kg1, kg2)
    with pytest.warns(AlignmentWarning, match="only kg1 has names"):
        PropagationAligner(verbose=0).fit(kg1, kg2, links[:30])


@UNCALIBRATED
@pytest.mark.parametrize("edges", [0, 2])
def test_equal_names_find_nothing(edges):
    kg1, kg2, _ = named_pair(edges=edges)
    kg1, kg2 = (kg.with_names(dict.fromkeys(kg.entity_ids, "the same")) for kg in (kg1, kg2))
    with pytest.raises(
        ValueError,
        match="pairs that are known or can be found; found 0.*compared by name.* not for all",
    ):
        PropagationAligner(verbose=0).fit(kg1, kg2)


@UNCALIBRATED
def test_of_many_entities_with_one_name_none_is_matched():
    """10,000 of them take 17 s on one core, and give the same."""
    rng = np.random.default_rng(0)
    names = ["Unnamed"] * 2000 + syllables(rng, N)
    others = {int(i): names[i] for i in rng.permutation(len(names))}
    kg1, kg2 = KnowledgeGraph(names=dict(enumerate(names))), KnowledgeGraph(names=others)
    matches = PropagationAligner(verbose=0, random_state=0).fit(kg1, kg2).align()
    assert (matches["source"] >= 2000).all() and len(matches) > 0.9 * N
    assert (matches["source"] == matches["target"]).all()


def test_names_without_a_letter_are_told_and_find_nothing():
    kg1, kg2, _ = named_pair()
    kg1, kg2 = (kg.with_names(dict.fromkeys(kg.entity_ids, "???")) for kg in (kg1, kg2))
    with (
        pytest.warns(AlignmentWarning, match="None of the 120 names has a letter"),
        pytest.raises(ValueError, match="at least 2 seeds"),
    ):
        PropagationAligner(verbose=0).fit(kg1, kg2)


@UNCALIBRATED
def test_labels_to_start_from_need_seeds():
    kg1, kg2, _ = named_pair()
    aligner = IBMEAAligner(verbose=0).set_params(graph__start="propagation")
    with pytest.raises(ValueError, match='graph__start="propagation", to send labels from; found'):
        aligner.fit(kg1, kg2)


@UNCALIBRATED
def test_scripts_that_share_no_letter_are_compared():
    words = ["Москва", "Казань", "Самара", "Тула", "Омск", "Пермь", "Уфа", "Сочи"]
    latin = ["Moskva", "Kazan", "Samara", "Tula", "Omsk", "Perm", "Ufa", "Sochi"]
    kg1 = KnowledgeGraph(names=dict(enumerate(words)))
    kg2 = KnowledgeGraph(names=dict(enumerate(latin)))
    found = PropagationAligner(verbose=0).fit(kg1, kg2).predict(np.arange(8))
    assert (found == np.arange(8)).mean() > 0.7


def test_bags_that_are_given_and_not_used_are_told(capsys):
    kg1, kg2, links = named_pair()
    bag = np.eye(N, 5, dtype=np.float32)
    kg1, kg2 = (kg.with_features(said=sparse.csr_array(bag)) for kg in (kg1, kg2))
    aligner = PropagationAligner(random_state=0).fit(kg1, kg2, links[:30])
    assert "Not used: said." in " ".join(capsys.readouterr().out.split())
    assert aligner.modalities_ == ["graph", "name"]


@UNCALIBRATED
@pytest.mark.parametrize("aligner", ALIGNERS[:2], ids=lambda a: type(a).__name__)
def test_values_that_match_nowhere_are_told(aligner, capsys):
    kg1, kg2, _ = named_pair()
    random = np.random.default_rng(0)
    kg1, kg2 = (
        KnowledgeGraph(
            attribute_triples=[(e, f"of {e[0]}", random.random()) for e in kg.entity_ids],
            names=dict(zip(kg.entity_ids, kg.names.values, strict=True)),
        )
        for kg in (kg1, kg2)
    )
    clone(aligner).set_params(verbose=1).fit(kg1, kg2)
    assert "Not used: value. No two attributes" in " ".join(capsys.readouterr().out.split())


@UNCALIBRATED
def test_rounds_go_on_as_long_as_searches_find_more():
    kg1, kg2, _ = make_mmkg_pair(150, image_noise=2.0, random_state=0)
    aligner = IBMEAAligner(modalities=["graph", "image"], random_state=0, verbose=0)
    aligner.set_params(training__max_epochs=5).fit(kg1, kg2)
    n_rounds = len(aligner.history_) // 5
    found = [row["n_found"] for row in aligner.rounds_]
    n_frozen = sum(not row["trained"] for row in aligner.rounds_)
    # Before each round, and once all are trained, is a search.
    assert len(found) == n_frozen + n_rounds and n_rounds > 2
    grows = [more > 1.05 * one for one, more in itertools.pairwise(found)][n_frozen - 1 : -1]
    assert all(grows[: n_rounds - 2]) and not grows[n_rounds - 2]
    for given in (1, 2):  # as many as are asked for
        again = clone(aligner).set_params(rounds__n_rounds=given).fit(kg1, kg2)
        assert len(again.history_) == 5 * given


def test_with_a_small_share_of_seeds_searches_go_on_unless_a_number_is_asked_for():
    # Labels reach few of these at first.
    kg1, kg2, links = make_mmkg_pair(
        600, structural_overlap=0.6, n_relations=4, mean_degree=6, random_state=1
    )
    aligner = PropagationAligner(random_state=0, verbose=0, modalities=["graph"])
    sparse, dense = (clone(aligner).fit(kg1, kg2, links[:n]) for n in (55, 240))
    found = [row["n_found"] for row in sparse.rounds_]
    grows = [more > 1.05 * one for one, more in itertools.pairwise(found[:-1])]
    assert len(found) > 3 and all(grows[1:-1]) and not grows[-1]
    assert len(dense.rounds_) == 3
    exact = clone(aligner).set_params(rounds__n_rounds=3).fit(kg1, kg2, links[:55])
    assert [row["n_found"] for row in exact.rounds_[:2]] == found[:2] and len(exact.rounds_) == 3
    assert sparse.score(links[55:]) > exact.score(links[55:])


@UNCALIBRATED
@pytest.mark.parametrize(("n_seeds", "is_asked_again"), [(0, False), (1, False), (20, True)])
def test_the_last_search_settles_all_where_nothing_is_held_out(n_seeds, is_asked_again):
    kg1, kg2, links = named_pair()
    aligner = PropagationAligner(random_state=0, verbose=0).fit(kg1, kg2, links[:n_seeds])
    found = [row["n_found"] for row in aligner.rounds_]
    # Two searches, and as many as go on growing; one more tells what a confidence is worth.
    grows = [more > 1.05 * one for one, more in itertools.pairwise(found[1:])]
    assert len(found) - is_asked_again == 2 + sum(grows)
    assert not aligner.rounds_[-1]["trained"] and aligner.score(links[20:]) > 0.9


@UNCALIBRATED
def test_a_round_that_is_added_is_said(capsys):
    kg1, kg2, _ = make_mmkg_pair(150, image_noise=2.0, random_state=0)
    aligner = IBMEAAligner(modalities=["graph", "image"], random_state=0)
    aligner.set_params(training__max_epochs=5).fit(kg1, kg2)
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("is added: seeds are few for graphs") == len(aligner.history_) // 5 - 2
    assert "Round 3 is added" in said and "rounds__n_rounds, such as 2, adds none" in said


# The table of pairs


@UNCALIBRATED
def test_the_finder_says_what_agrees():
    kg1, kg2, links = named_pair()
    finder = SeedFinder(min_confidence=0.3).set_params(aligner__verbose=0, aligner__random_state=0)
    table = finder.find(kg1, kg2)
    assert table.columns.tolist() == ["source", "target", "confidence", "evidence"]
    assert table["confidence"].is_monotonic_decreasing and table["confidence"].min() > 0.3
    kinds = set(table["evidence"].str.split(", ").explode())
    assert {"name", "graph"} <= kinds
    # By a naive search: a pair on which names agree is each other's best by names alone.
    left, right = finder.aligner_.embeddings_["frozen_name"]
    cosine = left @ right.T
    for row in table[table["evidence"].str.contains("name")].itertuples():
        i, j = kg1.entity_index([row.source])[0], kg2.entity_index([row.target])[0]
        assert cosine[i].argmax() == j or cosine[:, j].argmax() == i


def test_the_finder_leaves_seeds_out():
    kg1, kg2, links = named_pair()
    finder = SeedFinder(PropagationAligner(verbose=0, random_state=0))
    table = finder.find(kg1, kg2, links[:20])
    assert len(table) > 20 and not set(table["source"]) & set(links[:20, 0])
