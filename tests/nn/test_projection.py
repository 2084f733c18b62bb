import torch
from torch.nn import functional

from ibmea_sklearn.nn.projection import FeatureProjection
from ibmea_sklearn.nn.rows import FeatureTable, SparseRows

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
