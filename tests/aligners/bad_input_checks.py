"""Bad input, by the names of its cases: works where it can, else says what to do.

Small checks, run over all aligners and both forms of fit's input by test_aligner_contract.py.
What is special to an aligner's own parameters stands in test_aligner_bad_input.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from aligner_checks import Case, dense
from sklearn.exceptions import ConvergenceWarning

from ibmea_sklearn import KnowledgeGraph, SeedPairs


def ring(letter: str, n: int = 12, **kwargs: Any) -> KnowledgeGraph:
    """A ring of n entities with some chords."""
    triples = [(f"{letter}{i}", "next", f"{letter}{(i + 1) % n}") for i in range(n)]
    triples += [(f"{letter}{i}", "far", f"{letter}{i * i % n}") for i in range(n)]
    return KnowledgeGraph(triples, name=f"ring {letter}", **kwargs)


A, B = ring("a"), ring("b")
LINKS = np.array([(f"a{i}", f"b{i}") for i in range(12)], object)
SEEDS = LINKS[:6]


def fit(case: Case, kg1: Any = A, kg2: Any = B, seeds: Any = SEEDS, **params: Any) -> Any:
    """Fit in the case's form. Errors of a view's constructor count as those of the fit."""
    duplicates = params.get("duplicates", "raise")
    aligner = case.new(kg1, kg2, **params)
    if case.form == "view":
        return aligner.fit(SeedPairs(kg1, kg2, seeds, duplicates=duplicates))
    return aligner.fit(kg1, kg2, seeds)


@contextmanager
def says(*parts: str, kind: type[Exception] = ValueError) -> Iterator[None]:
    """Expect an error that says what was expected, what was found, and all of `parts`."""
    with pytest.raises(kind) as error:
        yield
    for part in ("Expected", "found", *parts):
        assert part in str(error.value), f"{part!r} not in: {error.value}"


def assert_usable(aligner: Any) -> None:
    for sides in aligner.embeddings_.values():
        assert all(np.isfinite(dense(side)).all() for side in sides)
    assert aligner.predict(["a7", "a0"]).shape == (2,)
    assert (aligner.rank(LINKS[6:]) >= 1).all()


# Seeds


def check_unknown_entity_in_seeds(case: Case) -> None:
    with says("right entities of the pairs", "graph 'ring b'", "'bb2'. Did you mean 'b2'?"):
        fit(case, seeds=[("a0", "b0"), ("a1", "bb2")])


def check_seeds_of_the_wrong_type(case: Case) -> None:
    with says("The ids are strings, 0 is a int: convert them"):
        fit(case, seeds=[(0, 0), (1, 1)])


def check_same_entity_in_two_seeds(case: Case) -> None:
    seeds = [("a0", "b0"), ("a1", "b1"), ("a0", "b2")]
    with says("row 2 ('a0', 'b2') and row 0 ('a0', 'b0')", "duplicates='first'"):
        fit(case, seeds=seeds)
    aligner = fit(case, seeds=seeds, duplicates="first")
    assert aligner.predict(["a0", "a1"]).tolist() == ["b0", "b1"]
    assert len(aligner.seed_indices_) == 2


def check_no_seeds_or_one(case: Case) -> None:
    """Then pairs are found by what the graphs say of their entities; here they say too little."""
    case.needs("modalities")  # who looks for no pairs may do without seeds
    for seeds in ([], np.empty((0, 2)), LINKS[:1]):
        with says("at least 2 seeds", f"found {len(seeds)}", "Pass known pairs"):
            fit(case, seeds=seeds)


def check_two_seeds_are_enough(case: Case) -> None:
    assert_usable(fit(case, seeds=LINKS[:2]))


def check_seeds_with_three_columns(case: Case) -> None:
    with says("2 columns", "found 3"):
        fit(case, seeds=[("a0", "b0", "b1"), ("a1", "b1", "b2")])


def check_neither_form_of_fit(case: Case) -> None:
    view = SeedPairs(A, B, SEEDS)
    forms = ("fit(kg1, kg2, seeds)", "or none", "fit(X) with X = SeedPairs(kg1, kg2, pairs)")
    for args, found in (
        ((A,), "found KnowledgeGraph and NoneType"),
        ((A, SEEDS), "found KnowledgeGraph and ndarray"),
        ((SEEDS,), "found ndarray and NoneType"),
        ((view, A), "found a view and further graphs or seeds"),
        ((view, None, SEEDS), "found a view and further graphs or seeds"),
        ((view, SEEDS), "found a view and further graphs or seeds"),
    ):
        with says(*forms, found, kind=TypeError):
            case.new(A, B).fit(*args)


def check_y_of_scikit_learn_is_ignored(case: Case) -> None:
    view = SeedPairs(A, B, SEEDS)
    expected = case.new(A, B).fit(view)
    for y in (np.zeros(6), ["label"] * 6):
        found = case.new(A, B).fit(view, y)
        np.testing.assert_array_equal(found.rank(LINKS[6:]), expected.rank(LINKS[6:]))
        assert found.score(view, y) == expected.score(view)


# Graphs


def check_empty_graph(case: Case) -> None:
    with pytest.raises(ValueError, match="Graph 'empty' has no entity. Expected relation triples"):
        fit(case, kg2=KnowledgeGraph([], name="empty"))


def check_graph_with_nothing_to_align_by(case: Case) -> None:
    case.needs("modalities")
    with says("both graphs have something", "give both graphs the data"):
        fit(case, kg2=KnowledgeGraph(entities=[f"b{i}" for i in range(12)]))


def check_entity_without_any_edge(case: Case) -> None:
    kg1 = ring("a", entities=["alone", *LINKS[:, 0]])
    kg2 = ring("b", entities=["solo", *LINKS[:, 1]])
    as_seed = fit(case, kg1, kg2, [("alone", "solo"), *SEEDS])
    assert_usable(as_seed)
    assert as_seed.predict(["alone"]).tolist() == ["solo"]
    aligner = fit(case, kg1, kg2)
    assert_usable(aligner)
    assert aligner.predict(["alone"]).shape == (1,)


def check_ids_of_two_types(case: Case) -> None:
    numbered = KnowledgeGraph([(h, str(r), t) for h, r, t in A.relation_triples.tolist()])
    seeds = [(i, f"b{i}") for i in range(6)]
    aligner = fit(case, numbered, B, seeds)
    assert aligner.predict([0, 3]).tolist() == ["b0", "b3"]
    assert aligner.rank([(7, "b7"), (8, "b8")]).shape == (2,)


# Features


def check_features_that_are_not_finite(case: Case) -> None:
    for bad in (np.nan, np.inf, -np.inf):
        values = np.ones((12, 3))
        values[4, 1] = bad
        with says("finite image features", "for 1 of 12", repr(B.entity_ids[4]), "mask False"):
            fit(case, kg2=B.with_features(image=values))


def check_features_that_are_not_finite_where_masked(case: Case) -> None:
    values, mask = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) != 4
    values[4] = np.nan
    graphs = (kg.with_features(image=(values, mask)) for kg in (A, B))
    assert_usable(fit(case, *graphs))


def check_feature_matrix_of_the_wrong_length(case: Case) -> None:
    with says("a row for each of the 12 entities", "found shape (11, 3)"):
        fit(case, kg2=B.with_features(image=np.ones((11, 3))))


def check_features_of_different_width(case: Case) -> None:
    case.needs("modalities")
    graphs = A.with_features(image=np.ones((12, 3))), B.with_features(image=np.ones((12, 4)))
    with says("image features of one width", "found 3 in", "and 4 in"):
        fit(case, *graphs, modalities="all")


def check_modality_missing_on_one_side(case: Case) -> None:
    case.needs("modalities")
    for graphs in ((A.with_features(image=np.eye(12)), B), (A, B.with_features(image=np.eye(12)))):
        aligner = fit(case, *graphs, modalities="all")
        assert_usable(aligner)
        assert "image" not in aligner.modalities_
        with says("which a graph lacks", "give both graphs the data"):
            fit(case, *graphs, modalities=["graph", "image"])


# Parameters


def check_names_of_modalities(case: Case) -> None:
    case.needs("modalities")
    for modalities, found in (
        (["grpah"], "found ['grpah'], which a graph lacks. Did you mean 'graph'?"),
        ([], "both graphs have something; found none. Choose"),
        ("graph", "a list of names; found 'graph'"),
        (["graph", "graph"], "each of modalities once; found ['graph'] more often"),
    ):
        with says(found):
            fit(case, modalities=modalities)


def check_words_are_guessed(case: Case) -> None:
    for params, found in (
        ({"score_candidates": "pair"}, "found 'pair'. Did you mean 'pairs'?"),
        ({"duplicates": "frist"}, "found 'frist'. Did you mean 'first'?"),
        ({"matching__method": "cosinus"}, "found 'cosinus'. Did you mean 'cosine'?"),
    ):
        if case.has(next(iter(params)).partition("__")[0]):
            with says(found):
                case.new(A, B, **params).fit(A, B, SEEDS)


def check_devices_that_are_not_there(case: Case) -> None:
    for device in ("gpu", absent_device()):
        with says("a device that is there", f"found {device!r}"):
            fit(case, device=device)


def absent_device() -> str:
    return "mps" if not torch.backends.mps.is_available() else "cuda"


# Training


def check_loss_that_is_not_finite(case: Case) -> None:
    case.needs("training")
    if case.entry.is_bounded:
        pytest.skip("its loss stays finite, whatever the weights")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        aligner = fit(case, training__learning_rate=1e20)
    (warning,) = (w for w in caught if issubclass(w.category, ConvergenceWarning))
    assert "not finite in epoch" in str(warning.message)
    assert "lower training__learning_rate" in str(warning.message)
    assert_usable(aligner)


CHECKS = [check for name, check in list(globals().items()) if name.startswith("check_")]
