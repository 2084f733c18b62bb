"""Partitions are fitted on a cluster of Dask: two workers, one of which is killed in the middle."""

from __future__ import annotations

import contextlib
import os

import pandas as pd
import pytest
from mortals import MortalAligner

from ibmea_sklearn import PartitionedAligner, SeedPairs
from ibmea_sklearn.aligners._parts_kept import KeptRound
from ibmea_sklearn.datasets import make_mmkg_pair

pytest.importorskip("pymetis", reason="pymetis is not installed (extra [partitions])")
dask = pytest.importorskip("dask", reason="dask is not installed (extra [dask])")
distributed = pytest.importorskip("distributed", reason="distributed is not installed")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:A partition has")]
# A worker that imports torch on a busy machine says nothing for a while.
PATIENCE = {
    "distributed.comm.timeouts.connect": "300s",
    "distributed.comm.timeouts.tcp": "300s",
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.allowed-failures": 1,
}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        contextlib.chdir(tmp_path_factory.mktemp("cluster")),
        dask.config.set(PATIENCE),
        distributed.LocalCluster(processes=True, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def pair():
    kg1, kg2, links = make_mmkg_pair(
        200, structural_overlap=0.7, n_dangling=20, image_dim=0, random_state=0
    )
    return SeedPairs(kg1, kg2, links[:100])


def fit(pair, mark, engine, dies="once", **params):
    made = PartitionedAligner(
        MortalAligner(str(mark), dies),
        n_partitions=4,
        engine=engine,
        random_state=0,
        verbose=0,
        **params,
    )
    return made.fit(pair)


@pytest.fixture(scope="module")
def alone(pair, tmp_path_factory):
    """The aligner fitted in this process, where nobody dies."""
    mark = tmp_path_factory.mktemp("alone") / "mark"
    mark.touch()
    return fit(pair, mark, None)


def assert_same(one, other):
    assert (one.candidates_ != other.candidates_).nnz == 0
    pd.testing.assert_frame_equal(one.align(), other.align())


@pytest.mark.parametrize("engine", ["dask", "client", "not the default"])
def test_workers_give_what_one_process_gives(client, pair, alone, tmp_path, engine):
    mark = tmp_path / "mark"
    mark.touch()
    where = contextlib.nullcontext(client if engine == "client" else "dask")
    if engine == "not the default":
        where = distributed.Client(client.scheduler.address, set_as_default=False)
    with where as used:
        assert_same(fit(pair, mark, used), alone)


def test_what_was_done_before_a_stop_is_not_done_again(client, pair, alone, tmp_path, monkeypatch):
    mark = tmp_path / "mark"
    mark.touch()
    write, read = KeptRound.write, KeptRound.read
    kept = []

    def stop(self, number, found):
        write(self, number, found)
        kept.append(number)
        if len(kept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(KeptRound, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        fit(pair, mark, client, checkpoint_dir=tmp_path / "kept")
    found = []
    monkeypatch.setattr(KeptRound, "write", write)
    monkeypatch.setattr(KeptRound, "read", lambda self, n: found.append(read(self, n)) or found[-1])
    assert_same(fit(pair, mark, client, checkpoint_dir=tmp_path / "kept"), alone)
    assert sum(f is not None for f in found) == 2


def test_a_worker_that_dies_changes_nothing(client, pair, alone, tmp_path):
    before = set(client.run(os.getpid).values())
    found = fit(pair, tmp_path / "mark", client)
    assert (tmp_path / "mark").exists()  # one was killed, when it had all but answered
    client.wait_for_workers(2, timeout=300)
    assert set(client.run(os.getpid).values()) != before
    assert_same(found, alone)


def test_a_worker_that_comes_late_changes_nothing(client, pair, alone, tmp_path):
    mark = tmp_path / "mark"
    mark.touch()
    client.cluster.scale(3)  # a third one starts while two fit
    found = fit(pair, mark, client)
    client.wait_for_workers(3, timeout=300)
    assert_same(found, alone)
    client.cluster.scale(2)


def test_a_partition_that_kills_every_worker_is_said(client, pair, tmp_path):
    with pytest.raises(RuntimeError, match=r"Expected each partition to fit on a worker.*Raise"):
        fit(pair, tmp_path / "mark", client, dies="always")


def test_an_error_in_a_partition_is_that_of_one_process(client, pair, tmp_path):
    mark = tmp_path / "mark"
    mark.touch()
    few = SeedPairs(pair.kg1, pair.kg2, pair.pairs[:1])
    for engine in (None, client):  # which partition is told, is a matter of who is first
        with pytest.raises(ValueError, match=r"Of partition \d+, with.*Expected at least 2 seeds"):
            fit(few, mark, engine)


def test_a_closed_client_is_said(client, pair, tmp_path):
    other = distributed.Client(client.cluster)
    other.close()
    with pytest.raises(ValueError, match="a client that is connected; found one that is closed"):
        fit(pair, tmp_path / "mark", other)
