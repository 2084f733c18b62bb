"""Candidates of both sides from one pass, against naive loops and against one pass a side."""

import naive_matching
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.matching import candidate_similarities, top_k
from ibmea_sklearn.matching._blocks import TopOfColumns, over_blocks
from ibmea_sklearn.matching._candidates import products_at

SIZES = st.integers(1, 12)
DRAWS = {"n": SIZES, "m": SIZES, "k": SIZES, "seed": st.integers(0, 999)}


def integers(n, m, seed):
    """Vectors of integers, whose inner products are exact and often equal."""
    rng = np.random.default_rng(seed)
    return rng.integers(-1, 2, size=(n, 2)), rng.integers(-1, 2, size=(m, 2))


def entries(matrix):
    matrix = matrix.tocoo()
    rows, columns = matrix.coords
    places = zip(rows.tolist(), columns.tolist(), strict=True)
    return dict(zip(places, matrix.data.tolist(), strict=True))


@given(**DRAWS, block_bytes=st.integers(1, 600))
def test_nobody_chooses_some_of_several_that_are_equal(n, m, k, seed, block_bytes):
    left, right = integers(n, m, seed)
    found = candidate_similarities(left, right, k, normalize=False, block_bytes=block_bytes)
    similarities = left @ right.T
    mask = naive_matching.candidates(similarities, k)
    assert entries(found) == {(i, j): similarities[i, j] for i, j in np.argwhere(mask).tolist()}
    assert found.has_canonical_format


@given(**DRAWS)
def test_transposes_with_ties(n, m, k, seed):
    left, right = integers(n, m, seed)
    there = candidate_similarities(left, right, k, normalize=False)
    back = candidate_similarities(right, left, k, normalize=False)
    assert entries(back.T) == entries(there)


@given(**DRAWS, block_bytes=st.integers(1, 600))
def test_equals_one_search_a_side(n, m, k, seed, block_bytes):
    left, right = np.random.default_rng(seed).normal(size=(2, 12, 4))
    left, right = left[:n], right[:m]
    found = candidate_similarities(left, right, k, block_bytes=block_bytes)
    _, columns = top_k(left, right, k, method="cosine")
    _, rows = top_k(right, left, k, method="cosine")
    expected = {(i, j) for i in range(n) for j in columns[i].tolist()}
    expected |= {(i, j) for j in range(m) for i in rows[j].tolist()}
    assert set(entries(found)) == expected


@given(
    n=SIZES,
    m=SIZES,
    k=SIZES,
    seed=st.integers(0, 999),
    cuts=st.lists(st.integers(1, 11), max_size=4),
)
def test_top_of_columns_takes_any_blocks(n, m, k, seed, cuts):
    matrix = np.random.default_rng(seed).integers(0, 4, size=(n, m)).astype(np.float32)
    top = TopOfColumns(m, k, torch.empty(0))
    ends = sorted({min(cut, n) for cut in cuts} | {0, n})
    for start, stop in zip(ends, ends[1:], strict=False):
        top.update(slice(start, stop), torch.from_numpy(matrix[start:stop]))
    values, rows = top.best()
    best = -np.sort(-matrix, axis=0)[:k]
    np.testing.assert_array_equal(values.T, best)
    np.testing.assert_array_equal(np.take_along_axis(matrix, rows.numpy().T, axis=0), best)
    assert all(len(set(of_column)) == len(of_column) for of_column in rows.tolist())


@pytest.mark.parametrize("order", ["random", "rising", "by column"])
def test_top_of_columns_whatever_the_order_of_rows(order):
    """Each block brings better ones than all before, or many of them for a few columns."""
    matrix = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
    if order == "rising":
        matrix.sort(axis=0)
    if order == "by column":
        matrix[:, :3].sort(axis=0)
    top = TopOfColumns(40, 5, torch.empty(0))
    for start in range(0, 300, 20):
        top.update(slice(start, start + 20), torch.from_numpy(matrix[start : start + 20]))
    values, rows = top.best()
    np.testing.assert_array_equal(values.T, -np.sort(-matrix, axis=0)[:5])
    np.testing.assert_array_equal(np.take_along_axis(matrix, rows.numpy().T, axis=0), values.T)


def test_a_block_is_taken_in_once_though_memory_runs_out(monkeypatch):
    """It is tried again, in halves, when what waits could not be taken in."""
    matrix = np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32)
    top, keep, n_errors = TopOfColumns(8, 3, torch.empty(0)), TopOfColumns._keep, 0

    def sometimes(self, values, row_at):
        nonlocal n_errors
        if n_errors < 2 and values.shape[1] < 10 and self._n_waiting:
            n_errors += 1
            raise MemoryError
        keep(self, values, row_at)

    monkeypatch.setattr(TopOfColumns, "_keep", sometimes)
    over_blocks(120, 10, lambda rows: top.update(rows, torch.from_numpy(matrix[rows])))
    assert n_errors == 2
    values, rows = top.best()
    np.testing.assert_array_equal(values.T, -np.sort(-matrix, axis=0)[:3])
    assert all(len(set(of_column)) == 3 for of_column in rows.tolist())


def test_top_of_columns_is_whole_after_an_error():
    top = TopOfColumns(2, 1, torch.empty(0))
    top.update(slice(0, 1), torch.tensor([[1.0, 5.0]]))
    with pytest.raises(RuntimeError):
        top.update(slice(1, 2), torch.ones(1, 3))
    top.update(slice(1, 2), torch.tensor([[2.0, 4.0]]))
    values, rows = top.best()
    assert rows.tolist() == [[1], [0]]
    assert values.tolist() == [[2], [5]]


@given(n=SIZES, m=SIZES, width=st.integers(0, 5), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_products_of_listed_pairs_are_those_of_their_rows(n, m, width, share, seed):
    """The columns of a row may be in any order."""
    rng = np.random.default_rng(seed)
    left, right = (torch.from_numpy(rng.normal(size=(k, width)).astype("f")) for k in (n, m))
    places = rng.permutation(n * m)[: round(share * n * m)]
    rows, columns = np.divmod(places[np.argsort(places // m, kind="stable")], m)
    ends = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
    products = products_at(ends, columns, (n, m), "cpu")
    for one, other in ((left, right), (left.flip(1), right.flip(1))):  # prepared once, used twice
        naive = [float(one[i] @ other[j]) for i, j in zip(rows, columns, strict=True)]
        np.testing.assert_allclose(products(one, other), naive, atol=1e-5)
