"""Candidates among nodes: by what they share, and the best by all channels."""

import numpy as np
import pytest

from ibmea_sklearn import Blocker, SeedPairs
from ibmea_sklearn.channels.blocks import Blocks
from ibmea_sklearn.channels.channels import Channels
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.graph import Sides

NOTHING = np.empty((0, 2), np.int64)


@pytest.fixture(scope="module")
def given():
    kg1, kg2, links = make_mmkg_pair(80, random_state=0)
    X = SeedPairs(kg1, kg2, links[:30])
    random = np.random.default_rng(0)
    features = {"x": random.normal(size=(160, 40)), "y": random.normal(size=(160, 7))}
    features["x"][5] = features["y"][5] = 0
    channels = Channels(80, 160, {m: v.astype("f") for m, v in features.items()})
    channels.weights = {"frozen_x": 0.7, "frozen_y": 0.3}
    return X, channels, Blocks(Blocker(6).read(X, ["graph"]), 80)


def test_nodes_are_entities_and_what_is_out_is_out(given):
    X, channels, blocks = given
    vectors = channels.vectors(NOTHING)
    known = X.indices + np.array([0, 80])
    nodes = Sides(np.arange(79, -1, -1), np.arange(90, 160))
    free = blocks.places(channels, vectors, known, nodes, NOTHING)
    assert free.shape == (80, 70)
    every = blocks.blocker.places(X.indices).toarray() > 0  # of all: more are on lists
    assert free.nnz and set(np.flatnonzero(np.diff(free.indptr) == 0)) >= {74}  # node 5 has nothing
    out = np.column_stack(free.nonzero())[::2]
    rest = blocks.places(channels, vectors, known, nodes, out)
    assert rest.nnz == free.nnz - len(out)
    assert not (rest.toarray()[tuple(out.T)] != 0).any()
    assert every.any()


def test_recall_is_by_source_and_in_the_end(given):
    X, _, blocks = given
    known, asked = X.indices[:20] + [0, 80], X.indices[20:] + [0, 80]
    listed = np.arange(10) < 3
    found = blocks.recall(known, asked, listed)
    assert list(found) == ["neighbor", "candidates"] and found["candidates"] == 0.3
    shared = blocks.blocker.shares(X.indices[:20], X.indices[20:])["neighbor"]
    assert found["neighbor"] == shared.mean() > 0.5
    assert blocks.recall(known, NOTHING, listed[:0]) is None
