"""Random sums of columns: inner products that are nearly those of all channels side by side."""

import numpy as np
import pytest

from ibmea_sklearn._utils.columns import VectorStore
from ibmea_sklearn.channels.channels import unit_rows
from ibmea_sklearn.channels.sketches import sketch
from ibmea_sklearn.graph import Sides


def channels(*shapes):
    random = np.random.default_rng(1)
    made = [unit_rows(random.normal(size=shape).astype("f")) for shape in shapes]
    return dict(zip("abc", made, strict=False))


def sketch_all(vectors, weights, width):
    """Sums of all nodes, in their order."""
    nodes = np.arange(len(vectors["a"]))
    return np.concatenate(sketch(vectors, weights, width, Sides(nodes[:3], nodes[3:])))


def test_columns_that_fit_are_kept_and_more_of_them_nearly():
    vectors = channels((50, 3000), (50, 200))
    weights = {"a": 0.25, "b": 0.75}
    expected = sum(w * vectors[m] @ vectors[m].T for m, w in weights.items())
    found = sketch_all(vectors, weights, 3200)
    assert found @ found.T == pytest.approx(expected, abs=1e-6)
    found = sketch_all(vectors, weights, 512)
    assert found.shape == (50, 512)
    assert np.abs(found @ found.T - expected).mean() < 0.05


def test_each_column_is_in_one_sum_with_a_sign():
    vectors = {"a": np.eye(5, 7, dtype="f"), "b": np.eye(5, 4, dtype="f")}
    found = sketch_all(vectors, {"a": 1.0, "b": 0.0}, 3)
    columns = [i % 3 for i in range(5)]
    assert np.abs(found[:5]) == pytest.approx(np.eye(3)[columns])


def test_who_lacks_a_channel_is_compared_by_the_others():
    vectors = channels((20, 30), (20, 30))
    vectors["b"][3:] = 0
    found = sketch_all(vectors, {"a": 0.5, "b": 0.5}, 512)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1)
    vectors["a"][7] = 0
    assert not sketch_all(vectors, {"a": 0.5, "b": 0.5}, 512)[7].any()


def test_what_is_kept_in_blocks_has_the_same_sums():
    vectors = channels((40, 300), (40, 70))
    weights = {"a": 0.6, "b": 0.4}
    stored = {
        name: VectorStore(False).of_rows(*v.shape, v.__getitem__) for name, v in vectors.items()
    }
    assert sketch_all(stored, weights, 64) == pytest.approx(
        sketch_all(vectors, weights, 64), abs=2e-3
    )


def test_some_nodes_have_the_sums_that_they_have_among_all():
    vectors, weights = channels((40, 300), (40, 70)), {"a": 0.6, "b": 0.4}
    nodes = Sides(np.array([4, 1, 17]), np.array([39, 20]))
    every = sketch_all(vectors, weights, 64)
    for found, side in zip(sketch(vectors, weights, 64, nodes), nodes, strict=True):
        assert found == pytest.approx(every[side])
