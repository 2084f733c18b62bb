"""The best candidates, against a naive loop, whatever the blocks."""

import naive_matching
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.matching import top_k
from ibmea_sklearn.matching._blocks import select_top

METHODS = ["cosine", "csls", "sinkhorn"]


def embeddings(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("method", METHODS)
@given(
    n=st.integers(1, 8),
    m=st.integers(1, 8),
    k=st.integers(1, 10),
    n_candidates=st.integers(1, 9),
    csls_k=st.integers(1, 9),
    seed=st.integers(0, 99),
    block_bytes=st.integers(1, 300),
)
def test_equals_naive_loop(method, n, m, k, n_candidates, csls_k, seed, block_bytes):
    left, right = embeddings(seed, (n, 5), (m, 5))
    options = {"csls_k": csls_k, "n_candidates": n_candidates, "temperature": 0.3}
    scores, indices = top_k(left, right, k, method=method, block_bytes=block_bytes, **options)
    expected = naive_matching.scores(left, right, method, **options)
    best = -np.sort(-expected, axis=1)[:, :k]
    assert indices.shape == scores.shape == (n, min(k, m))
    assert all(len(set(row)) == len(row) for row in indices.tolist())
    np.testing.assert_allclose(np.take_along_axis(expected, indices, axis=1), best, atol=1e-6)
    np.testing.assert_allclose(
        scores, best.clip(0) if method == "sinkhorn" else best, rtol=1e-4, atol=1e-5
    )


def test_one_source_is_as_probable_as_its_cosines_say():
    """What all others would do, of whom there are none, is not made up for."""
    scores, _ = top_k([[1, 0]], [[1, 0], [1, 0.3], [0, 1]], 3, method="sinkhorn")
    likelihoods = np.exp(np.array([1, 1 / np.hypot(1, 0.3), 0]) / 0.02)
    np.testing.assert_allclose(scores[0], likelihoods / likelihoods.sum(), rtol=1e-4)


def test_equal_targets_come_in_order():
    _, indices = top_k([[1.0]], np.ones((50, 1)), 7, method="cosine")
    assert indices.tolist() == [list(range(7))]


@given(
    values=st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=9),
    k=st.integers(1, 6),
)
def test_ties_go_to_the_lower_column(values, k):
    block = torch.tensor(values, dtype=torch.float32)
    best, columns = select_top(block, k)
    order = np.argsort(-block.numpy(), axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(columns, order)
    np.testing.assert_array_equal(best, np.take_along_axis(block.numpy(), order, axis=1))


@pytest.mark.parametrize("method", METHODS)
def test_rows_answers_for_some_and_counts_all(method):
    left, right = embeddings(0, (30, 8), (20, 8))
    rows = np.array([7, 3, 3, 29])
    options = {"method": method, "n_candidates": 4}
    scores, indices = top_k(left, right, 6, **options)
    some_scores, some_indices = top_k(left, right, 6, rows=rows, **options)
    np.testing.assert_array_equal(some_indices, indices[rows])
    np.testing.assert_allclose(some_scores, scores[rows], rtol=1e-5, atol=1e-6)


def test_no_rows_no_answers():
    left, right = embeddings(0, (3, 2), (4, 2))
    scores, indices = top_k(left, right, 2, rows=[], method="csls")
    assert scores.shape == indices.shape == (0, 2)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_length_of_embeddings_does_not_matter(scale):
    left, right = embeddings(0, (9, 4), (9, 4))
    expected = top_k(left, right, 3, method="csls")
    found = top_k(left * np.float32(scale), right, 3, method="csls")
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5, atol=1e-6)


def test_length_matters_to_the_inner_product():
    _, indices = top_k([[1, 1]], [[1, 1], [5, 0]], 1, method="cosine", normalize=False)
    assert indices.tolist() == [[1]]


def test_zero_row_is_equally_far_from_all():
    scores, _ = top_k([[0.0, 0.0]], [[1, 0], [0, 1]], 2, method="cosine")
    assert scores.tolist() == [[0, 0]]


@pytest.mark.parametrize("writeable", [False, True])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_inputs_are_left_alone(method, normalize, writeable):
    left, right = embeddings(0, (5, 3), (5, 3))
    left.flags.writeable = right.flags.writeable = writeable
    before = left.copy(), right.copy()
    top_k(left, right, 2, method=method, normalize=normalize)
    np.testing.assert_array_equal(left, before[0])
    np.testing.assert_array_equal(right, before[1])


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("view", [np.s_[::-1], np.s_[:, ::-1], np.s_[::2, 1:]])
def test_part_of_an_array_in_any_order(view, normalize):
    left, right = embeddings(0, (6, 4), (6, 4))
    options = {"method": "csls", "normalize": normalize}
    expected = top_k(left[view].copy(), right[view].copy(), 2, **options)
    found = top_k(left[view], right[view], 2, **options)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], atol=1e-6)


@pytest.mark.parametrize("temperature", [1e-9, 1e-4, 10.0])
def test_sinkhorn_at_any_temperature(temperature):
    left, right = embeddings(0, (40, 6), (30, 6))
    scores, indices = top_k(
        left, right, 30, method="sinkhorn", n_candidates=5, temperature=temperature
    )
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1 + 1e-5)).all()
    assert (np.diff(scores, axis=1) <= 0).all()
    assert (np.sort(indices, axis=1) == np.arange(30)).all()
