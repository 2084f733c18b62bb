"""Searches in a sparse matrix, against loops over its rows and columns."""

import naive_matching
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from ibmea_sklearn.matching._blocks import single_best
from ibmea_sklearn.matching._candidates import row_numbers
from ibmea_sklearn.matching._sinkhorn import ranks_of_entries, top_of_entries

DRAWS = {"n": st.integers(1, 9), "m": st.integers(1, 9), "seed": st.integers(0, 999)}


def draw(n, m, seed, least=0):
    """Matrix with ties, -inf where nothing is stored, and the same as a sparse one."""
    rng = np.random.default_rng(seed)
    dense = rng.integers(-3, 1, size=(n, m)).astype(np.float32)
    mask = rng.random((n, m)) < 0.5
    mask[:, :least] = True
    entries = sparse.csr_array((dense[mask], np.nonzero(mask)), (n, m))
    entries.sort_indices()
    return np.where(mask, dense, -np.inf), entries


@given(**DRAWS, k=st.integers(1, 9))
def test_top_of_each_row(n, m, seed, k):
    k = min(k, m)
    dense, entries = draw(n, m, seed, least=k)
    values, columns = top_of_entries(entries, k)
    order = np.argsort(-dense, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(columns, order)
    np.testing.assert_array_equal(values, np.take_along_axis(dense, order, axis=1))


@given(**DRAWS, rounding=st.sampled_from([0, 0.5, 1.5]))
def test_single_best_of_each_row(n, m, seed, rounding):
    """Some columns as entries, the largest of the others as a number for each row."""
    dense, entries = draw(n, m, seed)
    others = np.random.default_rng(seed).integers(-3, 1, n).astype(np.float32)
    found = single_best(entries.data, row_numbers(entries), np.full(n, rounding), others)
    whole = np.column_stack([dense, others])
    rows, columns = row_numbers(entries), entries.indices
    expected = [
        naive_matching.is_single_best(whole[i], j, rounding)
        for i, j in zip(rows, columns, strict=True)
    ]
    np.testing.assert_array_equal(found, expected)


@given(**DRAWS, rounding=st.sampled_from([0, 0.5, 1.5]))
def test_ranks_among_the_entries(n, m, seed, rounding):
    dense, entries = draw(n, m, seed)
    true = np.random.default_rng(seed).integers(m, size=n)
    found = ranks_of_entries(entries, true, np.full(n, rounding, np.float32))
    stored = np.isfinite(dense[np.arange(n), true])
    assert np.isnan(found[~stored]).all()
    expected = naive_matching.ranks(dense[stored], true[stored], tolerance=rounding)
    np.testing.assert_array_equal(found[stored], expected)


def test_no_rows():
    entries = sparse.csr_array((0, 3), dtype=np.float32)
    nothing = np.empty(0, np.int64)
    assert ranks_of_entries(entries, nothing, np.empty(0, np.float32)).shape == (0,)
    assert top_of_entries(entries, 2)[1].shape == (0, 2)
