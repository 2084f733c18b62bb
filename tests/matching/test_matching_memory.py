"""Blocks shrink where memory runs out, and nothing is lost or done twice."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.matching import mutual_nearest
from ibmea_sklearn.matching._blocks import over_blocks, rows_per_block

UNDER_A_LIMIT = """
import resource
import numpy as np
from ibmea_sklearn.matching import Matching, candidate_similarities

def csls(block_bytes):
    return Matching("csls", block_bytes=block_bytes)

def search(block_bytes):
    return (
        *csls(block_bytes).top_k(sources, targets, 3),
        csls(block_bytes).ranks(sources, targets, np.arange(len(sources))),
        *csls(block_bytes).mutual_nearest(sources, targets),
        candidate_similarities(sources, targets, 3, block_bytes=block_bytes).data,
    )

rng = np.random.default_rng(0)
sources, targets = rng.normal(size=(2, 5_000, 8)).astype(np.float32)
small = search(2**20)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 2**20,) * 2)
try:
    np.empty((5_000, 5_000), np.float32)
except MemoryError:
    print("no memory for a whole block")
for part, whole in zip(small, search(2**30), strict=True):
    np.testing.assert_allclose(part, whole, rtol=1e-4, atol=1e-5)
print("the same")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits memory through /proc and setrlimit")
def test_searches_end_well_when_memory_runs_out():
    run = subprocess.run(
        [sys.executable, "-c", UNDER_A_LIMIT],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["no memory for a whole block", "the same"]


@given(n=st.integers(0, 50), block_rows=st.integers(1, 60), bearable=st.integers(1, 20))
def test_each_row_is_done_once(n, block_rows, bearable):
    done = []

    def visit(rows):
        if rows.stop - rows.start > bearable:
            raise MemoryError
        done.extend(range(rows.start, rows.stop))

    over_blocks(n, block_rows, visit)
    assert done == list(range(n))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
        RuntimeError("DefaultCPUAllocator: not enough memory"),
    ],
)
def test_no_memory_for_one_row(error):
    def visit(rows):
        raise error

    with pytest.raises(MemoryError, match="Expected memory for the scores of one entity"):
        over_blocks(5, 4, visit)


def test_other_errors_pass():
    def visit(rows):
        raise RuntimeError("another reason")

    with pytest.raises(RuntimeError, match="another reason"):
        over_blocks(5, 4, visit)


def test_rows_fit_the_budget_and_are_never_none():
    assert rows_per_block(100, 4 * 100 * 7 + 3) == 7
    assert rows_per_block(100, 1) == 1


def test_blocks_grow_with_the_columns_unless_their_size_is_given():
    rows = {n: rows_per_block(n, None) for n in (100, 30_000, 100_000, 1_000_000, 10**9)}
    assert rows == {100: 83_886, 30_000: 279, 100_000: 256, 1_000_000: 67, 10**9: 1}


def test_memory_is_no_whole_matrix():
    """Peak of what numpy and torch hold, measured by the largest tensor that torch makes."""
    largest = 0

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                largest = max(largest, result.nbytes)
            return result

    sides = np.random.default_rng(0).normal(size=(2, 2_000, 4))
    for method in ("csls", "sinkhorn"):
        with Watch():
            mutual_nearest(*sides, method=method, n_candidates=5, block_bytes=2**18)
    assert 2**17 < largest <= 2**19
