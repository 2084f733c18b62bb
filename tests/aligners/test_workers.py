"""Worker processes share the graphs: by memory map, and at the cost of one."""

from __future__ import annotations

import os

import numpy as np
import pytest
from joblib import Memory, parallel_config
from joblib.externals.loky import get_reusable_executor
from scipy import sparse
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from worker_reports import SMAPS, CountedFeaturizer, Reader, is_mapped, report, total

from ibmea_sklearn import KnowledgeGraph, SeedPairs

pytestmark = pytest.mark.slow

N = 12_500
WIDTH = 1_000
FEATURES = N * WIDTH * 4  # bytes: 50 MB


@pytest.fixture(scope="module")
def large():
    """A pair with 50 MB of dense features, and sparse ones, and triples, beyond joblib's limit."""
    rng = np.random.default_rng(0)
    bag = sparse.csr_array((np.ones(300_000), rng.integers(0, N, (2, 300_000))), shape=(N, N))
    kg1, kg2 = (
        KnowledgeGraph(
            np.column_stack(
                [np.arange(4 * N) % N, np.zeros(4 * N, int), rng.integers(0, N, 4 * N)]
            ),
            features=features,
            entities=np.arange(N),
        )
        for features in ({"dense": rng.random((N, WIDTH), np.float32), "bag": bag}, {})
    )
    return SeedPairs(kg1, kg2, np.column_stack([np.arange(20)] * 2))


def in_workers(X, **how):
    """What two new workers say, by task: old ones keep what earlier tests left in them."""
    get_reusable_executor().shutdown(wait=True, kill_workers=True)
    with parallel_config(backend="loky", n_jobs=2, **how):
        return cross_validate(Reader(), X, cv=4, scoring=report, error_score="raise")


@pytest.mark.skipif(not SMAPS.exists(), reason="memory is read from /proc, which Linux has")
def test_memory_does_not_grow_by_a_graph_in_each_worker(large, toy_pair):
    small = SeedPairs(toy_pair.kg1, toy_pair.kg2, toy_pair.links)
    before = in_workers(small)["test_anonymous"].min()
    shared = in_workers(large)
    assert os.getpid() not in shared["test_pid"]
    assert (shared["test_n_large"] == 5).all()  # dense, two of the bag, triples of both graphs
    assert (shared["test_n_mapped"] == 5).all()
    assert (shared["test_anonymous"] - before).max() < 0.3 * FEATURES
    # Without the maps, the same measure sees the graph.
    copied = in_workers(large, max_nbytes=None)
    assert (copied["test_n_mapped"] == 0).all()
    assert (copied["test_anonymous"] - before).min() > FEATURES
    np.testing.assert_array_equal(copied["test_total"], shared["test_total"])


def test_what_a_pipeline_remembers_is_found_again_by_workers(toy_pair, tmp_path):
    """With `mmap_mode`, what is mapped has the same key as what is not, and comes back mapped."""
    X = SeedPairs(toy_pair.kg1, toy_pair.kg2, toy_pair.links[:40])
    log = tmp_path / "fits.txt"
    memory = Memory(tmp_path / "cache", mmap_mode="r", verbose=0)
    pipeline = make_pipeline(CountedFeaturizer(str(log)), Reader(), memory=memory)
    search = {"param_grid": {"reader__times": [1, 2, 3]}, "cv": 2, "error_score": "raise"}
    alone = GridSearchCV(pipeline, scoring=total, **search).fit(X)
    fits = log.read_text().splitlines()
    assert len(fits) == 3  # one for each fold, and for the refit; without memory 7
    with parallel_config(backend="loky", n_jobs=2, max_nbytes=100):
        together = GridSearchCV(pipeline, scoring=total, **search).fit(X)
    # Seen in whole runs on a busy machine, never alone: one of them was made anew.
    assert len(log.read_text().splitlines()) <= len(fits) + 1  # without memory 7 more
    for name in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(together.cv_results_[name], alone.cv_results_[name])
    assert len(set(alone.cv_results_["mean_test_score"])) == 3
    assert is_mapped(together.best_estimator_[-1].X_.kg1.features["image"].values)
