"""Features in memory, in sparse rows and in files; unit vectors of them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from torch.nn import functional

from ibmea_sklearn.nn.features import FeatureProjection, FeatureTable, MappedTable, SparseRows


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


# MappedTable


def mapped(tmp_path, sizes=(4, 3), d=5):
    """A table of two float16 files, and the same rows as float32 in memory."""
    rng = np.random.default_rng(0)
    sides = [rng.standard_normal((n, d)).astype(np.float16) for n in sizes]
    for i, side in enumerate(sides):
        np.save(tmp_path / f"{i}.npy", side)
    parts = [np.load(tmp_path / f"{i}.npy", mmap_mode="r") for i in range(len(sides))]
    centres = np.stack([side.astype(np.float32).mean(0) for side in sides])
    mask = torch.ones(sum(sizes), dtype=torch.bool)
    mask[2] = False
    whole = np.concatenate([s.astype(np.float32) - c for s, c in zip(sides, centres, strict=True)])
    whole[2] = 0
    return MappedTable(parts, torch.from_numpy(centres), mask), torch.from_numpy(whole)


@pytest.mark.parametrize("nodes", [[], [2], [6, 0, 0, 2, 3, 4], list(range(7))])
def test_rows_of_files_are_those_of_memory(tmp_path, nodes):
    table, whole = mapped(tmp_path)
    nodes = torch.tensor(nodes, dtype=torch.int64)
    rows = table(nodes)
    assert rows.dtype == torch.float32
    assert torch.equal(rows, whole[nodes])


def test_a_file_is_not_read_as_a_whole(tmp_path):
    # As float32 the file would be 80 GB; on the disk, with a hole in it, it is next to nothing.
    shape = (5_000_000, 4096)
    part = np.memmap(tmp_path / "large", np.float16, "w+", shape=shape)
    part[4_999_999] = 1
    table = MappedTable([part], torch.zeros(1, 4096), torch.ones(5_000_000, dtype=torch.bool))
    assert table(torch.tensor([4_999_999, 7])).sum(1).tolist() == [4096, 0]


def test_nan_of_a_node_without_the_modality_does_not_come_through(tmp_path):
    table, _ = mapped(tmp_path)
    table.parts[0] = np.full((4, 5), np.nan, np.float16)
    assert torch.isfinite(table(torch.tensor([2]))).all()
    assert not torch.isfinite(table(torch.tensor([1]))).any()


def test_files_are_data_not_weights(tmp_path):
    table, _ = mapped(tmp_path)
    assert table.state_dict() == {}
    assert not list(table.parameters())
    # What moves with the module is the mask.
    assert dict(table.named_buffers()).keys() == {"mask"}


@pytest.mark.parametrize("kind", [torch.float32, torch.float16])
def test_all_rows_are_those_of_all_nodes(kind):
    mask, everyone = torch.ones(3, dtype=torch.bool), torch.arange(3)
    values = torch.tensor([1.0, 2.0, 3.0], dtype=kind)
    rows = SparseRows(torch.tensor([0, 1, 1, 3]), torch.tensor([2, 0, 1]), values)
    bags = FeatureTable(rows, mask, 3)
    for found, expected in zip(bags.all_rows(), bags(everyone), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    dense = FeatureTable(torch.eye(3, dtype=kind), mask, 3)
    torch.testing.assert_close(dense.all_rows(), dense(everyone), rtol=0, atol=0)


# FeatureProjection


MASK = torch.tensor([True, False, True, True])


def projection():
    torch.manual_seed(0)
    return FeatureProjection(torch.nn.Linear(3, 5))


def test_unit_vectors_of_the_linear_layer():
    built, x = projection(), torch.randn(4, 3)
    assert built.n_components == 5
    expected = functional.normalize(x @ built.linear.weight.T + built.linear.bias)
    torch.testing.assert_close(built(x, MASK)[MASK], expected[MASK])


def test_who_lacks_the_modality_gets_one_vector_for_all_whatever_stands_there():
    built = projection()
    one, two = (built(torch.randn(4, 3), ~MASK) for _ in range(2))
    bias = functional.normalize(built.linear.bias, dim=0).expand(3, 5)
    torch.testing.assert_close(one[MASK], bias)
    assert torch.equal(one[MASK], two[MASK])


def test_sparse_rows_are_projected_as_dense_ones():
    built, x = projection(), torch.randn(4, 3) * (torch.rand(4, 3) < 0.5)
    offsets = torch.cat([torch.zeros(1).long(), (x != 0).sum(1).cumsum(0)])
    rows = SparseRows(offsets, (x != 0).nonzero()[:, 1], x[x != 0])
    bag = FeatureTable(rows, MASK, 3)
    torch.testing.assert_close(built(bag(torch.arange(4)), MASK), built(x, MASK))
