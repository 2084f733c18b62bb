"""CSLS of a matrix at hand, against the published code and a naive loop."""

import naive_matching
import numpy as np
import pytest

from ibmea_sklearn.matching import csls, top_k


@pytest.mark.parametrize("k", [1, 3, 10])
def test_equals_published_code(golden, k):
    values = golden("ibmea")
    np.testing.assert_allclose(csls(values["sim"], k), values[f"csls_k{k}"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_blocked_csls_equals_published_code(golden, k):
    """With the identity as targets, the inner products are the golden similarities."""
    values = golden("ibmea")
    m = len(values["sim"])
    scores, indices = top_k(
        values["sim"], np.eye(m), m, method="csls", csls_k=k, normalize=False, block_bytes=4 * m * 7
    )
    expected = np.take_along_axis(values[f"csls_k{k}"], indices, axis=1)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (5, 3)])
@pytest.mark.parametrize("k", [1, 2, 99])
def test_equals_naive_loop(shape, k):
    similarities = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_allclose(csls(similarities, k), naive_matching.csls(similarities, k))


def test_transposes():
    similarities = np.random.default_rng(0).normal(size=(6, 4))
    np.testing.assert_allclose(csls(similarities.T), csls(similarities).T)


@pytest.mark.parametrize("bad", [np.ones(3), np.ones((0, 3)), np.ones((2, 0))])
def test_not_a_matrix(bad):
    with pytest.raises(ValueError, match="Expected similarities as a matrix with rows and columns"):
        csls(bad)


@pytest.mark.parametrize("k", [0, -1, 2.0, True])
def test_bad_k(k):
    with pytest.raises(ValueError, match="Expected k to be an integer of at least 1"):
        csls(np.ones((2, 2)), k)
