import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from ibmea_sklearn.nn.rows import FeatureTable, SparseRows


def tables(seed: int, n_rows: int = 7, n_columns: int = 5):
    matrix = sparse.random_array((n_rows, n_columns), density=0.3, format="csr", rng=seed)
    dense = torch.from_numpy(matrix.toarray().astype(np.float32))
    mask = torch.ones(n_rows, dtype=torch.bool)
    rows = SparseRows(
        torch.from_numpy(matrix.indptr.astype(np.int64)),
        torch.from_numpy(matrix.indices.astype(np.int64)),
        torch.from_numpy(matrix.data.astype(np.float32)),
    )
    return FeatureTable(dense, mask, n_columns), FeatureTable(rows, mask, n_columns), dense


@pytest.mark.parametrize("nodes", [[], [3], [6, 0, 0, 2], list(range(7))])
@given(seed=st.integers(0, 1_000))
def test_sparse_rows_give_the_linear_layer_of_dense_rows(nodes, seed):
    dense, bag, matrix = tables(seed)
    nodes = torch.tensor(nodes, dtype=torch.int64)
    layer = torch.nn.Linear(matrix.shape[1], 4)
    rows = bag(nodes)
    assert isinstance(rows, SparseRows)
    expected = layer(dense(nodes))
    torch.testing.assert_close(rows.linear(layer), expected)
    torch.testing.assert_close(
        torch.autograd.grad(rows.linear(layer).square().sum(), layer.weight),
        torch.autograd.grad(expected.square().sum(), layer.weight),
    )
