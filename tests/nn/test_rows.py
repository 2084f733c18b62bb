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


def test_rows_come_in_the_order_asked_for():
    dense, bag, matrix = tables(3)
    nodes = torch.tensor([4, 1, 4])
    assert torch.equal(dense(nodes), matrix[nodes])
    offsets, columns, values = bag(nodes)
    rows = torch.repeat_interleave(torch.arange(3), offsets.diff())
    again = torch.zeros(3, matrix.shape[1])
    again[rows, columns] = values
    assert torch.equal(again, matrix[nodes])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.int64, torch.uint8])
def test_features_of_any_type_are_read_as_float32(dtype):
    values = torch.arange(6).reshape(3, 2).to(dtype)
    table = FeatureTable(values, torch.ones(3, dtype=torch.bool), 2)
    assert table.values.dtype == dtype  # kept as they are, and read row by row
    assert torch.equal(table(torch.tensor([2])), torch.tensor([[4.0, 5.0]]))


def test_features_are_moved_with_the_module_but_not_saved():
    for table in tables(0)[:2]:
        assert table.state_dict() == {}
        assert not list(table.parameters())
        assert {"mask", "values"} <= dict(table.named_buffers()).keys()
