"""What PartitionedAligner does beyond the contract of all aligners, and the cuts it makes."""

from __future__ import annotations

import pickle
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from ibmea_sklearn import (
    AlignmentWarning,
    KnowledgeGraph,
    LabelPropagation,
    PARISAligner,
    PartitionedAligner,
    PropagationAligner,
    SeedPairs,
)
from ibmea_sklearn.aligners import _partition, _parts_kept, partitioned
from ibmea_sklearn.aligners._engine import computed
from ibmea_sklearn.aligners._parts_fit import Found, joined, say_warnings
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.graph._joint import as_nodes
from ibmea_sklearn.graph._knowledge_graph import EntityValues

pytest.importorskip("pymetis", reason="pymetis is not installed (extra [partitions])")

LABELS = LabelPropagation(256, label_width=64)
GRAPH = PropagationAligner(modalities=["graph"], propagation=LABELS, device="cpu")
# Few of some hundred entities are around none of two parts.
pytestmark = pytest.mark.filterwarnings("ignore:A partition has")


@pytest.fixture(scope="module")
def pair():
    """Both graphs, half of the links as seeds and the others, of relations alone."""
    kg1, kg2, links = make_mmkg_pair(
        300, structural_overlap=0.6, n_dangling=30, image_dim=0, random_state=0
    )
    return SeedPairs(kg1, kg2, links[:150]), links[150:]


def new(n_partitions=2, aligner=GRAPH, **params):
    params = {"random_state": 0, "verbose": 0, **params}
    return PartitionedAligner(aligner, n_partitions=n_partitions).set_params(**params)


@pytest.fixture(scope="module")
def halves(pair):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AlignmentWarning)
        return new().fit(pair[0])


def cut_of(X, n_parts):
    known = as_nodes(X.kg1, X.indices)
    ties = _partition.ties_of(_partition.blocker_of(X, None), X, known)
    joint = _partition.Joint.of(X, known, ties)
    return joint, known, _partition.cut(joint, n_parts)


# -- Cuts


def test_parts_are_of_equal_size_and_known_pairs_are_in_one(pair):
    joint, known, part = cut_of(pair[0], 3)
    sizes = np.bincount(part[joint.vertex])
    assert len(sizes) == 3 and sizes.max() < 1.1 * sizes.min()
    assert (part[joint.vertex[known[:, 0]]] == part[joint.vertex[known[:, 1]]]).all()


def test_a_cut_is_not_between_the_graphs(pair):
    """Without pairs that look the same it would be: no triple leads from one to the other."""
    X, test = pair
    few = X[:20]
    joint, _, part = cut_of(few, 2)
    nodes = as_nodes(X.kg1, SeedPairs(X.kg1, X.kg2, test).indices)
    of = part[joint.vertex]
    assert (of[nodes[:, 0]] == of[nodes[:, 1]]).mean() > 0.6


def test_parts_hold_each_entity_once_as_their_own(pair):
    X = pair[0]
    joint, known, part = cut_of(X, 3)
    parts = [*_partition.parts_of(X, joint, part, known, 1)]
    for side, kg in enumerate((X.kg1, X.kg2)):
        own = [p.rows[side][p.is_core[side]] for p in parts]
        np.testing.assert_array_equal(np.sort(np.concatenate(own)), np.arange(kg.n_entities))
        for p in parts:
            graph = (p.X.kg1, p.X.kg2)[side]
            np.testing.assert_array_equal(graph.entity_ids, kg.entity_ids[p.rows[side]])


def test_a_part_reaches_its_neighbours_and_the_other_ends_of_their_seeds():
    """Of two chains with seeds at all places but the last, the part of a0 reaches one place on."""
    kg1, kg2 = (KnowledgeGraph([(f"{s}{i}", "r", f"{s}{i + 1}") for i in range(5)]) for s in "ab")
    X = SeedPairs(kg1, kg2, [(f"a{i}", f"b{i}") for i in range(5)])
    known = as_nodes(kg1, X.indices)
    joint = _partition.Joint.of(X, known, np.empty((0, 2), np.int64))
    own = np.isin(np.arange(joint.edges.shape[0]), joint.vertex[[0, 1]])
    (first, _) = _partition.parts_of(X, joint, (~own).astype(int), known, 1)
    assert first.X.kg1.entity_ids.tolist() == ["a0", "a1", "a2"]
    assert first.X.kg2.entity_ids.tolist() == ["b0", "b1", "b2"]
    assert first.X.pairs.tolist() == [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]
    assert first.is_core.left.tolist() == [True, True, False]


def test_ties_are_those_of_what_may_be_looked_at():
    names = {"a": "Marie Curie", "b": "Frederic Chopin"}
    kg1, kg2 = (
        KnowledgeGraph(
            [(f"{i}a", "knows", f"{i}b")], names={f"{i}{k}": n for k, n in names.items()}
        )
        for i in "12"
    )
    X, nothing = SeedPairs(kg1, kg2, []), np.empty((0, 2), np.int64)
    by_name = _partition.ties_of(_partition.blocker_of(X, None), X, nothing)
    assert {*map(tuple, by_name.tolist())} == {(0, 2), (1, 3)}
    assert not len(_partition.ties_of(_partition.blocker_of(X, ["graph"]), X, nothing))


# -- Joining


def test_of_two_similarities_of_a_pair_the_larger_counts():
    parts = [
        Found(np.array([0, 1]), np.array([2, 0]), np.float32([0.5, 0.25]), [], 3),
        Found(np.array([0]), np.array([2]), np.float32([0.75]), [], 3),
    ]
    expected = [[0, 0, 0.75], [0.25, 0, 0]]
    np.testing.assert_array_equal(joined(parts, (2, 3)).toarray(), expected)


def test_no_part_makes_no_candidate():
    assert joined([], (2, 3)).nnz == 0


# -- The aligner


def test_halves_find_what_the_whole_finds(pair, halves):
    X, test = pair
    whole = clone(GRAPH).set_params(random_state=0, verbose=0).fit(X).score(test)
    assert whole > 0.8
    assert halves.score(test) > whole - 0.05


def test_matches_and_confidences_are_those_of_any_aligner(pair, halves):
    partner = dict(pair[1].tolist())
    matches = halves.align()
    asked = matches["source"].isin(partner)
    is_right = matches["source"].map(partner) == matches["target"]
    assert halves.calibration_.is_learnt
    assert is_right[asked].mean() > 0.8
    assert abs(matches["confidence"][asked].mean() - is_right[asked].mean()) < 0.15
    assert not matches["source"].isin(pair[0].pairs[:, 0]).any()
    assert halves.candidates(pair[1][:3, 0], k=2).shape == (6, 5)


def test_partitions_are_told(pair, halves):
    X = pair[0]
    assert [len(side) for side in halves.partitions_] == [X.kg1.n_entities, X.kg2.n_entities]
    assert {*halves.partitions_.left, *halves.partitions_.right} == {0, 1}
    assert len(halves.rounds_) == 1
    assert 0 <= halves.rounds_[0]["recall"]["partition"] <= 1


def test_products_of_embeddings_are_the_similarities(halves):
    left, right = halves.embeddings_["fused"]
    np.testing.assert_array_equal((left @ right.T).toarray(), halves.candidates_.toarray())


def test_one_round_calibrates_and_knows_no_pair_beside_the_seeds(pair):
    once = new(rounds__n_rounds=1).fit(pair[0])
    assert once.calibration_.is_learnt
    assert [row["n_pairs"] for row in once.rounds_] == [135]


def test_verdicts_hold_across_partitions(pair, halves):
    X, test = pair
    first = halves.align().iloc[0]
    rows = [(first.source, first.target, "different"), (test[0, 0], None, "none")]
    verdicts = pd.DataFrame(rows, columns=["source", "target", "verdict"])
    judged = new().fit(X.kg1, X.kg2, X.pairs, verdicts)
    matches = judged.align()
    assert not ((matches.source == first.source) & (matches.target == first.target)).any()
    assert test[0, 0] not in set(matches.source)


def test_probabilities_stay_what_they_are(pair):
    X, test = pair
    aligner = new(aligner=PARISAligner()).fit(X)
    assert aligner.candidates_.data.max() <= 1
    assert aligner.score(test) > 0.8


def test_settings_of_the_aligner_are_within_reach(pair):
    aligner = new(aligner=clone(GRAPH)).set_params(aligner__matching__n_candidates=3).fit(pair[0])
    assert aligner._matching().n_candidates == 3
    assert np.diff(aligner.candidates_.indptr).mean() < 10


def test_a_dense_graph_is_said_to_gain_nothing(pair):
    with pytest.warns(AlignmentWarning, match="are hardly smaller in parts"):
        new().fit(pair[0])


@pytest.mark.filterwarnings("ignore:In . of 8 partitions")
def test_pairs_that_are_cut_apart_are_said():
    """Two graphs that have nothing in common but their seeds: no partner is near another."""
    rng = np.random.default_rng(0)
    kg1, kg2 = (
        KnowledgeGraph([(f"{s}{a}", "r", f"{s}{b}") for a, b in rng.integers(0, 400, (600, 2))])
        for s in "ab"
    )
    both = {*(e[1:] for e in kg1.entity_ids)} & {*(e[1:] for e in kg2.entity_ids)}
    links = [(f"a{e}", f"b{e}") for e in sorted(both)][:100]
    with pytest.warns(AlignmentWarning, match="are compared in a partition"):
        new(8, overlap=0, rounds__n_rounds=1).fit(kg1, kg2, links)


def test_warnings_of_partitions_are_said_once():
    parts = [Found(*[np.empty(0)] * 3, said, 1) for said in (["one"], [], ["two", "three"])]
    with pytest.warns(AlignmentWarning, match="In 2 of 3 partitions .* such as: one") as caught:
        say_warnings(parts)
    assert len(caught) == 1


def test_a_saved_aligner_knows_what_it_was_made_of(halves, tmp_path):
    halves.save(tmp_path / "halves.safetensors")
    again = PartitionedAligner.load(tmp_path / "halves.safetensors")
    assert isinstance(again.aligner, PropagationAligner)
    assert again.aligner.propagation.n_components == 256
    pd.testing.assert_frame_equal(again.align(), halves.align())


class Client:
    """What passes for one, and can't be copied."""

    status = "running"

    def submit(self):
        raise NotImplementedError

    def gather(self):
        raise NotImplementedError

    def __deepcopy__(self, memo):
        raise TypeError("copied")

    def __reduce__(self):
        raise TypeError("pickled")


def test_a_clone_has_the_same_client_and_a_pickle_none():
    aligner = new(engine=Client())
    assert clone(aligner).engine is aligner.engine
    assert clone(aligner).aligner is not aligner.aligner
    assert pickle.loads(pickle.dumps(aligner)).engine is None
    assert pickle.loads(pickle.dumps(new(engine="dask"))).engine == "dask"


# -- Wrong input


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_partitions": 1000}, r"at most 330, the entities of the smaller graph; found 1,000"),
        ({"n_partitions": 0}, r"n_partitions to be an integer of at least 1 or 'auto'; found 0"),
        ({"engine": "spark"}, r"engine to be None, 'dask' or a dask.distributed.Client; found 's"),
        ({"engine": "dsak"}, r"Did you mean 'dask'"),
        ({"engine": 3}, r"engine to be None, 'dask' or"),
        ({"overlap": -1}, r"overlap to be an integer of at least 0"),
        ({"aligner": "propagation"}, r"aligner to be a BaseAligner or None"),
    ],
)
def test_wrong_parameters(pair, params, message):
    with pytest.raises(ValueError, match=message):
        new().set_params(**params).fit(pair[0])


def test_a_partition_without_anything_to_go_by_is_named(pair):
    X = pair[0]
    with pytest.raises(ValueError, match=r"Of partition \d+, with .* Or lower n_partitions"):
        new(8, overlap=0).fit(X.kg1, X.kg2, X.pairs[:2])


def test_cutting_says_what_to_install(pair, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymetis", None)
    with pytest.raises(ImportError, match=r"pip install 'ibmea_sklearn\[partitions\]'"):
        new().fit(pair[0])
    new(1, rounds__n_rounds=1).fit(pair[0])  # nothing is cut


def test_without_a_client_there_is_none_to_use(pair):
    pytest.importorskip("distributed", reason="distributed is not installed (extra [dask])")
    with pytest.raises(ValueError, match=r"a client of Dask with engine='dask'; found none"):
        new(engine="dask").fit(pair[0])


def test_tasks_of_this_process_are_taken_one_by_one():
    seen = []
    made = computed(None, seen.append, (len(seen) for _ in range(3)))
    assert (made, seen) == ([None] * 3, [0, 1, 2])


# -- Going on


@pytest.fixture
def counted(monkeypatch):
    """Count the fits of partitions; one that is set as the last is interrupted."""
    fits = SimpleNamespace(n=0, last=np.inf)
    fitted = partitioned.fitted

    def count(*args):
        if fits.n >= fits.last:
            raise KeyboardInterrupt
        fits.n += 1
        return fitted(*args)

    monkeypatch.setattr(partitioned, "fitted", count)
    return fits


@pytest.mark.filterwarnings("ignore::ibmea_sklearn.AlignmentWarning")
@pytest.mark.parametrize("n_before", [1, 3])
def test_a_fit_that_was_stopped_goes_on_with_what_was_not_done(
    pair, halves, counted, tmp_path, capsys, n_before
):
    aligner = new(checkpoint_dir=tmp_path / "kept", verbose=1)
    counted.last = n_before  # of two rounds of two partitions
    with pytest.raises(KeyboardInterrupt) as stopped:
        aligner.fit(pair[0])
    assert "The state of the fit is kept in" in stopped.value.__notes__[0]
    counted.last = np.inf
    aligner.fit(pair[0])
    assert counted.n == 4
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("Going on: ") == (n_before + 1) // 2
    assert (aligner.candidates_ != halves.candidates_).nnz == 0
    pd.testing.assert_frame_equal(aligner.align(), halves.align())
    assert [*(tmp_path / "kept").iterdir()] == []  # the fit is done


@pytest.mark.filterwarnings("ignore::ibmea_sklearn.AlignmentWarning")
def test_a_fit_of_other_data_or_parameters_does_not_go_on(pair, counted, tmp_path):
    X, _ = pair
    counted.last = 1
    with pytest.raises(KeyboardInterrupt):
        new(checkpoint_dir=tmp_path).fit(X)
    kg = X.kg1
    others = {
        "names of the first graph": kg.with_names("id"),
        "names of relations of the first graph": kg._with(relation_names=kg.relation_names + "s"),
        "texts of the first graph": kg._with(texts=EntityValues(np.array([0]), ["A text"])),
    }
    for said, graph in others.items():
        check_refused(new(), SeedPairs(graph, X.kg2, X.pairs), said, tmp_path)
    check_refused(new(overlap=2), X, "overlap", tmp_path)
    assert counted.n == 1  # nothing was fitted before it was refused
    counted.last = np.inf
    new(checkpoint_dir=tmp_path).fit(X)  # it is there still
    assert counted.n == 4


def check_refused(aligner, X, said, folder):
    with pytest.raises(ValueError, match=f"found one of a fit that differs: {said}") as refused:
        aligner.set_params(checkpoint_dir=folder).fit(X)
    assert f"delete {folder}" in str(refused.value)
    assert not getattr(refused.value, "__notes__", [])


@pytest.mark.filterwarnings("ignore::ibmea_sklearn.AlignmentWarning")
def test_a_partition_of_another_cut_is_fitted_anew(pair, counted, monkeypatch, tmp_path):
    counted.last = 2
    with pytest.raises(KeyboardInterrupt):
        new(checkpoint_dir=tmp_path).fit(pair[0])
    counted.last, cut = np.inf, partitioned.cut
    monkeypatch.setattr(partitioned, "cut", lambda *args: 1 - cut(*args))
    new(checkpoint_dir=tmp_path).fit(pair[0])
    assert counted.n == 2 + 4
    assert [*tmp_path.iterdir()] == []  # of the first cut, too


@pytest.mark.filterwarnings("ignore::ibmea_sklearn.AlignmentWarning")
def test_a_folder_that_takes_no_partition_is_said_once(
    pair, halves, counted, monkeypatch, tmp_path
):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_parts_kept, "write_state", full)
    with pytest.warns(UserWarning, match="can't be written .*No space left on device") as said:
        aligner = new(checkpoint_dir=tmp_path).fit(pair[0])
    assert sum("No space" in str(one.message) for one in said) == 1
    assert (aligner.candidates_ != halves.candidates_).nnz == 0
    counted.n, counted.last = 0, 1
    with pytest.warns(UserWarning), pytest.raises(KeyboardInterrupt) as stopped:
        new(checkpoint_dir=tmp_path).fit(pair[0])
    assert not getattr(stopped.value, "__notes__", [])  # nothing is kept


@pytest.mark.filterwarnings("ignore::ibmea_sklearn.AlignmentWarning")
def test_a_damaged_file_of_a_partition_says_what_to_do(pair, counted, tmp_path):
    counted.last = 1
    with pytest.raises(KeyboardInterrupt):
        new(checkpoint_dir=tmp_path).fit(pair[0])
    (file,) = tmp_path.glob("round-1-*/partition-1.safetensors")
    file.write_bytes(file.read_bytes()[:50])
    counted.last = np.inf
    with pytest.raises(ValueError, match="not a whole one.* Delete it, and its partition is"):
        new(checkpoint_dir=tmp_path).fit(pair[0])
    file.unlink()
    new(checkpoint_dir=tmp_path).fit(pair[0])
    assert counted.n == 1 + 4


def test_a_fit_that_could_not_go_on_is_refused(pair, tmp_path):
    with pytest.raises(ValueError, match="Expected a random_state with checkpoint_dir"):
        new(checkpoint_dir=tmp_path, random_state=None).fit(pair[0])
    inner = PropagationAligner(checkpoint_dir=tmp_path, random_state=0)
    with pytest.raises(ValueError, match="Set that of PartitionedAligner itself"):
        new(aligner=inner).fit(pair[0])
