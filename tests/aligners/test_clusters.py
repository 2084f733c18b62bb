"""A search runs on a cluster unchanged: dask as joblib's backend, two workers of its own."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.model_selection import cross_validate
from worker_reports import LoggedPairs, Reader, report

from ibmea_sklearn import SeedPairs

dask = pytest.importorskip("dask", reason="dask is not installed (extra [dask])")
distributed = pytest.importorskip("distributed", reason="distributed is not installed")

HOW_TO = Path(__file__).parents[2] / "docs" / "howto" / "distributed.md"
pytestmark = pytest.mark.slow  # each worker of the cluster imports torch
# A worker that imports torch on a busy machine says nothing for a while.
PATIENCE = {
    "distributed.comm.timeouts.connect": "300s",
    "distributed.comm.timeouts.tcp": "300s",
    "distributed.scheduler.worker-ttl": None,
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    # Workers start in this folder, and write there what a pipeline remembers.
    with (
        contextlib.chdir(tmp_path_factory.mktemp("cluster")),
        dask.config.set(PATIENCE),
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster),
    ):
        yield cluster


@pytest.mark.parametrize("is_scattered", [True, False])
def test_scattered_graphs_travel_once(cluster, toy_pair, tmp_path, is_scattered):
    log = tmp_path / "arrivals.txt"
    pairs = LoggedPairs(SeedPairs(toy_pair.kg1, toy_pair.kg2, toy_pair.links), str(log))
    with parallel_config(backend="dask", scatter=[pairs] if is_scattered else None):
        tasks = cross_validate(Reader(), pairs, cv=8, scoring=report, error_score="raise")
    workers = set(tasks["test_pid"].astype(int))
    assert os.getpid() not in workers
    arrivals = Counter(map(int, log.read_text().splitlines()))
    # A worker that answers late may be sent them again; with every one of 8 tasks one gets 4.
    hardly_ever = all(arrivals[pid] <= 2 for pid in workers)
    assert hardly_ever == is_scattered


def test_the_how_to_says_what_works(cluster):
    """Its search gives on dask what it gives alone."""
    alone, on_dask, *_ = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    names = {"cluster": cluster}
    exec(alone.replace(", n_jobs=2", ""), names)
    expected = names["search"].cv_results_["mean_test_score"]
    exec(on_dask.replace('"tcp://scheduler:8786"', "cluster"), names)
    names["client"].close()
    found = names["search"].cv_results_["mean_test_score"]
    np.testing.assert_array_equal(found, expected)
