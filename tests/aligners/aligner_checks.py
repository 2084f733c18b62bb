"""What every aligner must do: small checks, run over all aligners by test_aligner_contract.py."""

from __future__ import annotations

import copy
import io
import os
import pickle
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import joblib
import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from ibmea_sklearn import (
    BaseAligner,
    KnowledgeGraph,
    ModalityFeaturizer,
    PartitionedAligner,
    SeedPairs,
    hits_at_1_scorer,
)
from ibmea_sklearn._utils.estimator import Estimator
from ibmea_sklearn.channels import PairSearch
from ibmea_sklearn.matching import ranks
from ibmea_sklearn.metrics import hits_at_k
from ibmea_sklearn.training.callbacks import LastGoodWeights


def nothing(kg1: KnowledgeGraph, kg2: KnowledgeGraph) -> dict[str, Any]:
    return {}


class Entry(NamedTuple):
    """An aligner under test: its class, parameters that make it fast, a parameter to search.

    `hasty` are further parameters for checks that fit often, and that look at scikit-learn's tools
    rather than at the aligner. `of_graphs` gives what the constructor needs to know of the graphs.
    `is_bounded` says that no learning rate, however large, makes the loss infinite.
    """

    aligner: type
    params: dict[str, Any]
    grid: dict[str, list[Any]]
    hasty: Mapping[str, Any] = MappingProxyType({})
    of_graphs: Callable[[KnowledgeGraph, KnowledgeGraph], dict[str, Any]] = nothing
    is_bounded: bool = False

    def in_haste(self) -> Entry:
        return self._replace(params={**self.params, **self.hasty})


class Case:
    """One aligner, two graphs, half of the links as seeds, and a form of fit's input."""

    def __init__(self, entry: Entry, pair: SimpleNamespace, form: str = "graphs") -> None:
        self.entry, self.form = entry, form
        self.kg1, self.kg2 = pair.kg1, pair.kg2
        self.train, self.test = pair.links[:40], pair.links[40:]

    def new(self, *graphs: KnowledgeGraph, **params: Any) -> Any:
        """Make an aligner, of other graphs by all that those have."""
        needed = self.entry.of_graphs(*(graphs or (self.kg1, self.kg2)))
        own = {n: v for n, v in self.entry.params.items() if n != "modalities" or not graphs}
        return changed(self.entry.aligner(**needed), {**own, **params})

    def view(self, pairs: np.ndarray) -> SeedPairs:
        return SeedPairs(self.kg1, self.kg2, pairs)

    def fit(self, aligner: Any) -> Any:
        if self.form == "view":
            return aligner.fit(self.view(self.train))
        return aligner.fit(self.kg1, self.kg2, self.train)

    @cached_property
    def fitted(self) -> Any:
        """Fitted once for all checks that change nothing."""
        return self.fit(self.new())

    def refitted(self, **params: Any) -> Any:
        """The fitted aligner, with other parameters of what comes after the fit."""
        return changed(copy.copy(self.fitted), params)

    def has(self, parameter: str) -> bool:
        return parameter in self.entry.aligner._get_param_names()

    def needs(self, parameter: str) -> None:
        """Skip a check that is about a parameter which this aligner has not."""
        if not self.has(parameter):
            pytest.skip(f"has no {parameter}")


def changed(aligner: Any, params: Mapping[str, Any]) -> Any:
    """Set parameters; those that the class has not as an author would: as attributes."""
    known = aligner._get_param_names()
    own = {n: v for n, v in params.items() if n.partition("__")[0] in known}
    for name, value in params.items():
        outer, _, inner = name.partition("__")
        if outer not in known:
            setattr(aligner, outer, aligner.settings[outer](**{inner: value}) if inner else value)
    return aligner.set_params(**own)


def plain_params(aligner: Any) -> dict[str, Any]:
    """Parameters without those that hold some of them: copies of those are not equal."""
    params = aligner.get_params().items()
    return {n: v for n, v in params if n not in aligner.settings and not isinstance(v, Estimator)}


def dense(vectors: Any) -> np.ndarray:
    """Vectors of an aligner, which may be sparse, as an array."""
    return vectors.toarray() if sparse.issparse(vectors) else vectors


def assert_same_embeddings(one: Any, two: Any) -> None:
    assert one.embeddings_.keys() == two.embeddings_.keys()
    for modality, sides in one.embeddings_.items():
        for mine, other in zip(sides, two.embeddings_[modality], strict=True):
            assert sparse.issparse(mine) == sparse.issparse(other)
            np.testing.assert_array_equal(dense(mine), dense(other), err_msg=modality)


def naive_ranks(left: np.ndarray, right: np.ndarray, true: np.ndarray) -> np.ndarray:
    left, right = (x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-12) for x in (left, right))
    scores = left @ right.T
    found = []
    for row, t in zip(scores, true, strict=True):
        n_better, n_ties = (row > row[t] + 1e-6).sum(), (abs(row - row[t]) <= 1e-6).sum() - 1
        found.append(1 + n_better + n_ties / 2)
    return np.array(found)


# Fit


def check_fit_returns_self_and_keeps_params(case: Case) -> None:
    aligner = case.new()
    params = aligner.get_params()
    assert case.fit(aligner) is aligner
    assert aligner.get_params() == params


def check_fit_shares_the_graphs(case: Case) -> None:
    assert case.fitted.kg1_ is case.kg1
    assert case.fitted.kg2_ is case.kg2


def check_refit_is_identical(case: Case) -> None:
    assert_same_embeddings(case.fit(case.new()), case.fitted)
    twice = case.new().fit(case.kg1, case.kg2, case.test)
    assert_same_embeddings(case.fit(twice), case.fitted)


def check_fit_leaves_global_random_state(case: Case) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.rand(7)  # not the state that an earlier fit of the same seed may have left
        before = torch.get_rng_state(), np.random.get_state()[1].copy()
        case.fit(case.new())
        assert torch.equal(torch.get_rng_state(), before[0])
        np.testing.assert_array_equal(np.random.get_state()[1], before[1])


def check_fit_does_not_depend_on_global_random_state(case: Case) -> None:
    expected = case.fitted  # perhaps fitted here and now, before the seed
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        assert_same_embeddings(case.fit(case.new()), expected)


def check_fits_in_threads_are_those_of_one(case: Case) -> None:
    before = torch.get_rng_state()
    with ThreadPoolExecutor(3) as pool:
        for aligner in pool.map(case.fit, [case.new() for _ in range(3)]):
            assert_same_embeddings(aligner, case.fitted)
    assert torch.equal(torch.get_rng_state(), before)


def check_embeddings_have_a_row_for_each_entity(case: Case) -> None:
    assert "fused" in case.fitted.embeddings_
    for left, right in case.fitted.embeddings_.values():
        assert left.shape == (case.kg1.n_entities, right.shape[1])
        assert right.shape[0] == case.kg2.n_entities
        assert np.isfinite(dense(left)).all() and np.isfinite(dense(right)).all()


def check_features_of_a_pipeline_equal_raw_graphs(case: Case) -> None:
    # Held-out seeds have no part in features that the aligner makes: here there are none.
    params = {"rounds__validation_fraction": 0} if case.has("rounds") else {}
    X = ModalityFeaturizer().fit_transform(case.view(case.train))
    assert_same_embeddings(case.new(**params).fit(X), case.fit(case.new(**params)))


def check_graphs_may_share_ids(case: Case) -> None:
    kg1, kg2 = with_integer_ids(case.kg1), with_integer_ids(case.kg2)
    seeds = case.view(case.train).indices
    aligner = case.new(kg1, kg2, **case.entry.params).fit(kg1, kg2, seeds)
    assert_same_embeddings(aligner, case.fitted)
    np.testing.assert_array_equal(aligner.predict(seeds[:, 0]), seeds[:, 1])


def with_integer_ids(kg: KnowledgeGraph) -> KnowledgeGraph:
    head, relation, tail = kg.relation_triples.T
    owner, attribute = kg.attribute_triples.T
    return KnowledgeGraph(
        {"head": head, "relation": kg.relation_names[relation], "tail": tail},
        {"owner": owner, "name": kg.attribute_names[attribute], "value": kg.attribute_values},
        features=dict(kg.features),
        entities=np.arange(kg.n_entities),
    )


def check_graphs_in_a_memory_map(case: Case) -> None:
    """What a worker process of joblib gets: read-only arrays in a file."""
    X = ModalityFeaturizer(verbose=0).fit_transform(case.view(case.train))
    with tempfile.TemporaryDirectory() as folder:
        joblib.dump(X, f"{folder}/X")
        mapped = joblib.load(f"{folder}/X", mmap_mode="r")
        assert isinstance(mapped.kg1.relation_triples, np.memmap)
        found, expected = case.new().fit(mapped), case.new().fit(X)
        assert_same_embeddings(found, expected)
        np.testing.assert_array_equal(found.rank(mapped), expected.rank(X))


def check_failed_refit_is_not_fitted(case: Case) -> None:
    aligner = case.fit(case.new())
    with pytest.raises(ValueError, match="unknown|Expected"):
        aligner.fit(case.kg1, case.kg2, [("nobody", "nothing")])
    assert len(aligner.align())  # nothing was begun: what was fitted still is
    empty = KnowledgeGraph(entities=["a", "b", "c"])
    with pytest.raises((ValueError, KeyError)):
        aligner.fit(empty, empty, [("a", "a"), ("b", "b")])
    with pytest.raises(NotFittedError):
        aligner.predict(["a"])


def check_error_in_the_fit_leaves_it_unfitted(case: Case) -> None:
    """Whatever the fit had set by then."""

    def fail(X: SeedPairs) -> None:
        type(aligner).fit_embeddings(aligner, X)
        aligner.embeddings_ = case.fitted.embeddings_
        raise MemoryError

    aligner = case.new()
    aligner.fit_embeddings = fail
    with pytest.raises(MemoryError):
        case.fit(aligner)
    with pytest.raises(NotFittedError):
        aligner.predict(case.test[:, 0])


# Of those that train


def check_goes_on_after_an_interrupt(case: Case) -> None:
    case.needs("training")
    with tempfile.TemporaryDirectory() as folder:
        params = {"training__checkpoint_dir": folder, "training__checkpoint_interval": 1}
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(LastGoodWeights, "on_epoch_end", _interrupt_second_epoch)
            case.fit(case.new(**params))
        assert os.listdir(folder)
        again = case.fit(case.new(**params))
        assert not os.listdir(folder)
    assert_same_embeddings(again, case.fitted)
    assert [row["train_loss"] for row in again.history_] == [
        row["train_loss"] for row in case.fitted.history_
    ]


def _interrupt_second_epoch(self: LastGoodWeights, net: Any, **kwargs: Any) -> None:
    if len(net.history) == 2:
        raise KeyboardInterrupt


def check_error_in_training_leaves_it_unfitted(case: Case) -> None:
    case.needs("training")

    def fail(self: LastGoodWeights, net: Any, **kwargs: Any) -> None:
        if len(net.history) == 2:
            raise RuntimeError("out of memory")

    aligner = case.new()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(RuntimeError, match="^out of memory"):
        patch.setattr(LastGoodWeights, "on_epoch_end", fail)
        case.fit(aligner)
    assert not hasattr(aligner, "embeddings_")
    with pytest.raises(NotFittedError):
        aligner.align()


def check_interrupt_is_shown_though_reading_out_fails(case: Case) -> None:
    case.needs("training")

    def fail(*args: Any) -> None:
        raise MemoryError("no room")

    aligner = case.new()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt) as interrupt:
        patch.setattr(LastGoodWeights, "on_epoch_end", _interrupt_second_epoch)
        patch.setattr(PairSearch, "embed", fail)
        case.fit(aligner)
    (note,) = interrupt.value.__notes__
    assert "could not be kept: no room" in note
    assert not hasattr(aligner, "embeddings_")


def check_warm_start_starts_from_the_last_weights(case: Case) -> None:
    case.needs("training")
    aligner = case.fit(case.new(training__warm_start=True))
    assert_same_embeddings(aligner, case.fitted)  # the first time there are none
    last = {name: v.clone() for name, v in aligner.network_.state_dict().items()}
    case.fit(
        aligner.set_params(training__learning_rate=1e-30, training__weight_decay=0, random_state=1)
    )
    for name, value in aligner.network_.state_dict().items():
        torch.testing.assert_close(value, last[name], rtol=0, atol=1e-20, msg=name)
    cold = {name: getattr(case.new(), name) for name in ("training", "random_state")}
    assert_same_embeddings(case.fit(aligner.set_params(**cold)), case.fitted)


def check_bfloat16_is_of_the_products_alone(case: Case) -> None:
    case.needs("training")
    rough = case.fit(case.new(training__precision="bfloat16"))
    first, expected = (a.history_[0]["train_loss"] for a in (rough, case.fitted))
    assert first != expected
    assert first == pytest.approx(expected, rel=0.5)  # other random numbers are drawn
    assert all(p.dtype == torch.float32 for p in rough.network_.parameters())
    assert {side.dtype for sides in rough.embeddings_.values() for side in sides} == {
        np.dtype(np.float32)
    }


# After fit


def check_clone_of_fitted_is_not_fitted(case: Case) -> None:
    with pytest.raises(NotFittedError):
        clone(case.fitted).predict(case.test[:, 0])


def check_not_fitted(case: Case) -> None:
    aligner, pairs = case.new(), case.test
    for call in (
        lambda: aligner.rank(pairs),
        lambda: aligner.score(pairs),
        lambda: aligner.predict(pairs[:, 0]),
        lambda: aligner.candidates(pairs[:, 0]),
        lambda: aligner.align(),
    ):
        with pytest.raises(NotFittedError, match="not fitted"):
            call()


def check_pickle_and_joblib(case: Case) -> None:
    file = io.BytesIO()
    joblib.dump(case.fitted, file)
    file.seek(0)
    for again in (pickle.loads(pickle.dumps(case.fitted)), joblib.load(file)):
        np.testing.assert_array_equal(again.rank(case.test), case.fitted.rank(case.test))
        sources = case.kg1.entity_ids
        np.testing.assert_array_equal(again.predict(sources), case.fitted.predict(sources))
        assert plain_params(again) == plain_params(case.fitted)


def check_save_and_load(case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        case.fitted.save(f"{folder}/aligner")
        again = BaseAligner.load(f"{folder}/aligner")
    assert type(again) is type(case.fitted)
    assert plain_params(again) == plain_params(case.fitted)
    assert vars(again).keys() == vars(case.fitted).keys()
    assert_same_embeddings(again, case.fitted)
    assert_same_fitted(again, case.fitted)
    assert_same_answers(again, case)
    assert_same_embeddings(case.fit(again), case.fitted)


def assert_same_fitted(one: Any, two: Any) -> None:
    """What fit has set, by whatever name: numbers, rows of tables, arrays, networks."""
    for name, value in vars(two).items():
        mine = getattr(one, name)
        assert type(mine) is type(value), name
        if isinstance(value, torch.nn.Module):
            assert repr(mine) == repr(value)
            mine, value = (n.state_dict() for n in (mine, value))
            assert mine.keys() == value.keys() and all(
                torch.equal(mine[n], v) for n, v in value.items()
            )
        elif isinstance(value, KnowledgeGraph):
            assert repr(mine) == repr(value)
            np.testing.assert_array_equal(mine.entity_ids, value.entity_ids)
            np.testing.assert_array_equal(mine.relation_triples, value.relation_triples)
            assert mine.attribute_values.tolist() == value.attribute_values.tolist()
        elif isinstance(value, Estimator):
            assert repr(mine) == repr(value)  # with settings inside, copies of which are not equal
        elif sparse.issparse(value):
            assert (mine != value).nnz == 0, name
        elif name != "embeddings_":
            np.testing.assert_equal(mine, value, err_msg=name)


def assert_same_answers(one: Any, case: Case) -> None:
    fitted, sources = case.fitted, case.kg1.entity_ids
    np.testing.assert_array_equal(one.rank(case.test), fitted.rank(case.test))
    np.testing.assert_array_equal(one.predict(sources), fitted.predict(sources))
    assert one.score(case.view(case.test)) == fitted.score(case.test)
    assert one.candidates(sources, k=3).equals(fitted.candidates(sources, k=3))
    for method in ("mutual", "assignment"):
        assert one.align(method).equals(fitted.align(method))


def check_save_refuses_what_is_not_fitted(case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with pytest.raises(NotFittedError):
            case.new().save(f"{folder}/aligner")
        assert not os.listdir(folder)


def check_load_refuses_another_class(case: Case) -> None:
    name, other = case.entry.aligner.__name__, type("Other", (case.entry.aligner,), {})
    with tempfile.TemporaryDirectory() as folder:
        case.fitted.save(f"{folder}/aligner")
        with pytest.raises(ValueError, match=f"Expected Other; found {name} in .*Use {name}.load"):
            other.load(f"{folder}/aligner")
        assert type(case.entry.aligner.load(f"{folder}/aligner")) is case.entry.aligner


def check_rank_takes_views_and_arrays(case: Case) -> None:
    expected = case.fitted.rank(case.test)
    assert expected.shape == (len(case.test),) and (expected >= 1).all()
    for X in (case.view(case.test), case.test.tolist(), case.test.astype(str)):
        np.testing.assert_array_equal(case.fitted.rank(X), expected)


def check_rank_goes_by_id_not_by_place(case: Case) -> None:
    kg1 = KnowledgeGraph(entities=case.kg1.entity_ids[::-1])
    kg2 = KnowledgeGraph(entities=case.kg2.entity_ids[::-1])
    X = SeedPairs(kg1, kg2, case.test)
    np.testing.assert_array_equal(case.fitted.rank(X), case.fitted.rank(case.test))
    np.testing.assert_array_equal(case.fitted.predict(X), case.fitted.predict(case.test[:, 0]))


def check_rank_equals_naive_loop(case: Case) -> None:
    aligner = case.refitted(matching__method="cosine")
    left, right = map(dense, aligner.embeddings_["fused"])
    sources, targets = case.view(case.test).indices.T
    expected = naive_ranks(left[sources], right[targets], np.arange(len(targets)))
    np.testing.assert_array_equal(aligner.rank(case.test), expected)
    pool = np.setdiff1d(np.arange(len(right)), case.view(case.train).indices[:, 1])
    expected = naive_ranks(left[sources], right[pool], np.searchsorted(pool, targets))
    aligner = case.refitted(matching__method="cosine", score_candidates="all")
    np.testing.assert_array_equal(aligner.rank(case.test), expected)


def check_all_candidates_are_harder_than_pairs(case: Case) -> None:
    pairs = case.refitted(matching__method="cosine").rank(case.test)
    everything = case.refitted(matching__method="cosine", score_candidates="all").rank(case.test)
    assert (everything >= pairs).all() and (everything > pairs).any()


def check_reverse_ranks_swap_the_sides(case: Case) -> None:
    if case.entry.aligner is PartitionedAligner:
        pytest.skip("compares candidates alone")
    left, right = case.fitted.embeddings_["fused"]
    sources, targets = case.view(case.test).indices.T
    place = np.argsort(np.argsort(sources))  # candidates stand in the order of the graph
    for matching in ("csls", "cosine", "sinkhorn"):
        expected = ranks(right[targets], left[np.sort(sources)], place, method=matching)
        found = case.refitted(matching__method=matching).rank(case.test, reverse=True)
        np.testing.assert_array_equal(found, expected)


def check_rank_by_modality(case: Case) -> None:
    for modality in case.fitted.embeddings_:
        assert case.fitted.rank(case.test, modality).shape == (len(case.test),)
    with pytest.raises(ValueError, match="Did you mean 'fused'"):
        case.fitted.rank(case.test, "fussed")


def check_score_is_hits_at_1(case: Case) -> None:
    found = case.fitted.rank(case.test)
    weight = np.arange(len(found))
    assert case.fitted.score(case.test) == hits_at_k(found, 1)
    weighted = case.fitted.score(case.view(case.test), None, weight)
    assert weighted == hits_at_k(found, 1, sample_weight=weight)
    assert hits_at_1_scorer(case.fitted, case.test) == case.fitted.score(case.test)


def check_predict_gives_ids_that_are_no_seeds(case: Case) -> None:
    found = case.fitted.predict(case.test[:, 0])
    assert found.shape == (len(case.test),)
    assert set(found) <= set(case.kg2.entity_ids) - set(case.train[:, 1])
    np.testing.assert_array_equal(case.fitted.predict(case.view(case.test)), found)


def check_seeds_get_their_partner(case: Case) -> None:
    mixed = np.concatenate([case.test, case.train, case.test])
    found = case.fitted.predict(mixed[:, 0])
    middle = slice(len(case.test), -len(case.test))
    np.testing.assert_array_equal(found[middle], case.train[:, 1])
    np.testing.assert_array_equal(found[: middle.start], found[middle.stop :])


def check_a_rank_among_all_does_not_depend_on_what_else_is_asked(case: Case) -> None:
    for matching in ("csls", "cosine", "sinkhorn"):
        aligner = case.refitted(matching__method=matching, score_candidates="all")
        for reverse in (False, True):
            together = aligner.rank(case.test, reverse=reverse)
            for half in (slice(0, None, 2), slice(1, None, 2)):
                alone = aligner.rank(case.test[half], reverse=reverse)
                np.testing.assert_array_equal(alone, together[half])


def check_an_answer_does_not_depend_on_what_else_is_asked(case: Case) -> None:
    for matching in ("csls", "cosine", "sinkhorn"):
        aligner = case.refitted(matching__method=matching)
        sources = case.kg1.entity_ids
        together = aligner.predict(sources)
        alone = [aligner.predict(sources[[i]])[0] for i in range(0, len(sources), 9)]
        assert alone == together[::9].tolist()


def check_candidates_table(case: Case) -> None:
    sources = np.concatenate([case.test[:3, 0], case.train[:2, 0]])
    table = case.fitted.candidates(sources, k=4)
    assert list(table.columns) == ["source", "target", "rank", "score", "p_none"]
    assert table["source"].tolist() == np.repeat(sources, 4).tolist()
    assert table["rank"].tolist() == [1, 2, 3, 4] * 5
    assert not table.duplicated(["source", "target"]).any()
    free = table[:12]
    assert (free.groupby("source", sort=False)["score"].diff().dropna() <= 0).all()
    best = table[table["rank"] == 1]
    assert best["target"].tolist() == case.fitted.predict(sources).tolist()
    assert best["score"].tolist()[-2:] == [1, 1]
    assert best["p_none"].between(0, 1).all() and best["p_none"].tolist()[-2:] == [0, 0]


def check_candidates_are_clipped(case: Case) -> None:
    n_free = case.kg2.n_entities - len(case.train)
    assert len(case.fitted.candidates(case.test[:2, 0], k=10_000)) == 2 * n_free
    assert len(case.fitted.candidates([], k=3)) == 0


def check_mutual_alignment(case: Case) -> None:
    table = case.fitted.align()
    assert list(table.columns) == ["source", "target", "score", "confidence"]
    _assert_one_to_one_and_free(table, case)
    best = dict(zip(table["source"], case.fitted.predict(table["source"]), strict=True))
    assert best == dict(zip(table["source"], table["target"], strict=True))


def check_assignment_matches_all_it_can(case: Case) -> None:
    table = case.fitted.align("assignment", n_candidates=10_000)
    _assert_one_to_one_and_free(table, case)
    n_free = min(case.kg1.n_entities, case.kg2.n_entities) - len(case.train)
    assert len(table) == n_free
    with pytest.raises(ValueError, match="Did you mean 'assignment'"):
        case.fitted.align("assign")


def _assert_one_to_one_and_free(table: Any, case: Case) -> None:
    assert len(table)
    assert table["source"].is_unique and table["target"].is_unique
    assert not set(table["source"]) & set(case.train[:, 0])
    assert not set(table["target"]) & set(case.train[:, 1])
    assert table["confidence"].between(0, 1 + 1e-6).all()
    assert table["confidence"].is_monotonic_decreasing


def check_nothing_is_left_to_align(case: Case) -> None:
    kg1, kg2 = (
        KnowledgeGraph([(f"{c}{i}", "r", f"{c}{(i + 1) % 6}") for i in range(6)]) for c in "ab"
    )
    links = [(f"a{i}", f"b{i}") for i in range(6)]
    aligner = case.new(kg1, kg2).fit(kg1, kg2, links)
    for method in ("mutual", "assignment"):
        assert len(aligner.align(method)) == 0
    assert aligner.predict(["a3"]).tolist() == ["b3"]


def check_no_candidate_is_left(case: Case) -> None:
    kg1, kg2 = (
        KnowledgeGraph([(f"{c}{i}", "r", f"{c}{(i + 1) % n}") for i in range(n)])
        for c, n in (("a", 7), ("b", 6))
    )
    aligner = case.new(kg1, kg2).fit(kg1, kg2, [(f"a{i}", f"b{i}") for i in range(6)])
    assert len(aligner.align()) == 0
    with pytest.raises(ValueError, match="no seed; found none, so that 'a6' has no candidate"):
        aligner.predict(["a1", "a6"])


def check_unknown_entities_are_named(case: Case) -> None:
    for call in (
        lambda: case.fitted.predict(["nobody"]),
        lambda: case.fitted.rank([("nobody", case.test[0, 1])]),
    ):
        with pytest.raises(ValueError, match="found 1 unknown: 'nobody'"):
            call()


def check_embeddings_as_a_table(case: Case) -> None:
    table = case.fitted.embeddings_frame(case.test[:, 1], side="right")
    assert table.index.tolist() == case.test[:, 1].tolist()
    rows = case.kg2.entity_index(case.test[:, 1])
    expected = dense(case.fitted.embeddings_["fused"].right)[rows]
    np.testing.assert_array_equal(table.to_numpy(), expected)


def check_explanation(case: Case) -> None:
    explanation = case.fitted.explain(*case.test[0])
    assert (explanation.source, explanation.target) == tuple(case.test[0])
    assert "channel" in set(explanation.to_frame()["kind"])


def check_shapes_are_named(case: Case) -> None:
    with pytest.raises(ValueError, match=r"shape \(n, 2\), one at least; found shape \(40,\)"):
        case.fitted.score(case.test[:, 0])
    with pytest.raises(ValueError, match=r"2 dimensions. Of pairs pass a column"):
        case.fitted.predict(case.test)
    with pytest.raises(ValueError, match="Expected k to be an integer of at least 1; found 0"):
        case.fitted.candidates(case.test[:, 0], k=0)


CHECKS = [check for name, check in list(globals().items()) if name.startswith("check_")]
