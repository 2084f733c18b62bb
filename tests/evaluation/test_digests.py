"""Digests: the same content has the same one, in any order, in any process; other content not."""

import numpy as np
import pytest
from scipy import sparse

from ibmea_sklearn import (
    IBMEAAligner,
    KnowledgeGraph,
    PrecomputedAligner,
    PropagationAligner,
)
from ibmea_sklearn.evaluation._digests import digest_of_aligner, digest_of_pair
from ibmea_sklearn.io import read_pair, write_pair

TRIPLES = [("a", "r", "b"), ("b", "s", "c")]
VALUES = [("a", "p", 1), ("b", "q", "x")]


def told(kg, links=(("a", "a"), ("b", "b"))):
    return digest_of_pair(kg, kg, np.array(links, object))


def test_the_order_of_rows_of_a_graph_means_nothing():
    one = KnowledgeGraph(TRIPLES, VALUES, names={"a": "A", "b": "B"})
    other = KnowledgeGraph(TRIPLES[::-1], VALUES[::-1], names={"b": "B", "a": "A"})
    assert told(one) == told(other)


def test_vectors_go_with_their_entities():
    rows = {"a": [1.0, 2], "b": [3.0, 4], "c": [5.0, 6]}
    one = KnowledgeGraph(TRIPLES, features={"image": rows})
    other = KnowledgeGraph(TRIPLES[::-1], features={"image": rows})
    changed = KnowledgeGraph(TRIPLES, features={"image": {**rows, "a": [1.0, 3]}})
    assert told(one) == told(other) != told(changed)


def test_sparse_rows_count_by_what_they_hold():
    matrix = sparse.csr_array(np.eye(3))
    one, other = (KnowledgeGraph(TRIPLES).with_features(image=m) for m in (matrix, 2 * matrix))
    assert told(one) != told(other)


@pytest.mark.parametrize(
    "changed",
    [
        KnowledgeGraph(TRIPLES[:1], VALUES, entities=["a", "b", "c"]),
        KnowledgeGraph(TRIPLES, VALUES[:1]),
        KnowledgeGraph(TRIPLES, [("a", "p", "1"), VALUES[1]]),
        KnowledgeGraph(TRIPLES, VALUES, names={"a": "A"}),
        KnowledgeGraph(TRIPLES, VALUES, texts={"a": "A"}),
        KnowledgeGraph(TRIPLES, VALUES, images=[("a", b"A")]),
    ],
)
def test_another_graph_has_another_one(changed):
    assert told(changed) != told(KnowledgeGraph(TRIPLES, VALUES))


def test_the_order_of_links_counts_since_a_seed_splits_by_it():
    kg = KnowledgeGraph(TRIPLES)
    assert told(kg) != told(kg, [("b", "b"), ("a", "a")])


def test_a_pair_that_was_written_and_read_is_the_same(pair, tmp_path):
    write_pair(*pair, tmp_path / "pair")
    first = read_pair(tmp_path / "pair")
    write_pair(*first, tmp_path / "again", format="parquet")
    assert digest_of_pair(*read_pair(tmp_path / "again")) == digest_of_pair(*first)


def test_parameters_count_but_those_that_change_nothing():
    one = digest_of_aligner(PropagationAligner())
    assert one == digest_of_aligner(PropagationAligner(verbose=3, random_state=7))
    assert one != digest_of_aligner(PropagationAligner(device="cpu"))
    assert one != digest_of_aligner(PropagationAligner().set_params(rounds__n_rounds=7))
    assert one != digest_of_aligner(IBMEAAligner())


def test_vectors_count_by_what_is_in_their_file(tmp_path):
    rows = np.ones((3, 2), np.float32)
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, rows)
    one, other = (
        digest_of_aligner(PrecomputedAligner(str(tmp_path / name), tmp_path / name))
        for name in ("a.npy", "b.npy")
    )
    np.save(tmp_path / "b.npy", 2 * rows)
    assert one == other != digest_of_aligner(PrecomputedAligner(str(tmp_path / "b.npy"), rows))
    arrays = digest_of_aligner(PrecomputedAligner(rows, rows))
    assert arrays == digest_of_aligner(PrecomputedAligner(rows.copy(), rows))
    assert arrays != digest_of_aligner(PrecomputedAligner(2 * rows, rows))
