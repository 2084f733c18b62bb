"""Sparse tensors: where their products are made."""

import pytest
import torch

from ibmea_sklearn._utils.csr import csr_tensor, device_of_sparse


@pytest.mark.parametrize(
    ("wanted", "where"), [("mps", "cpu"), ("mps:0", "cpu"), ("cuda:1", "cuda:1")]
)
def test_apple_has_no_sparse_products(wanted, where):
    assert device_of_sparse(None) == torch.device("cpu")
    assert device_of_sparse(wanted) == device_of_sparse(torch.device(wanted)) == torch.device(where)


def test_a_sparse_tensor_holds_what_it_is_made_of():
    made = csr_tensor(torch.tensor([0, 1, 1]), torch.tensor([2]), torch.tensor([5.0]), (2, 3))
    assert made.to_dense().tolist() == [[0, 0, 5], [0, 0, 0]]
