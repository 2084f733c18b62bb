from __future__ import annotations

import pytest
import torch
from skorch.dataset import Dataset

from ibmea_sklearn.training import RowBatches

ROWS = torch.arange(22).reshape(11, 2)


def batches(*args):
    return [rows for rows, nothing in RowBatches(Dataset(ROWS), *args) if nothing is None]


@pytest.mark.parametrize(
    ("args", "sizes"),
    [((4,), [4, 4, 3]), ((11,), [11]), ((99,), [11]), ((99, 3), [4, 4, 3]), ((4, 99), [1] * 11)],
    ids=str,
)
def test_each_row_once_in_even_parts(args, sizes):
    found = batches(*args)
    assert [len(rows) for rows in found] == sizes
    assert len(RowBatches(Dataset(ROWS), *args)) == len(sizes)
    assert sorted(torch.cat(found).tolist()) == ROWS.tolist()


def test_the_order_may_stay():
    both = [rows for rows, _ in RowBatches(Dataset(ROWS), 4, shuffle=False)]
    assert torch.cat(both).tolist() == ROWS.tolist()


def test_another_order_each_time():
    torch.manual_seed(0)
    both = RowBatches(Dataset(ROWS), 4)
    one, two = (torch.cat([rows for rows, _ in both]).tolist() for _ in range(2))
    assert one != two != ROWS.tolist()
