import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.nn.triple_set import TripleSet

N, R = 5, 3
TRIPLES = st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, R - 1), st.integers(0, N - 1)))


def tensor(triples):
    return torch.tensor(triples, dtype=torch.int64).reshape(-1, 3)


@given(triples=TRIPLES)
def test_knows_just_what_it_was_given(triples):
    nodes, relations = torch.arange(N), torch.arange(R)
    found = TripleSet(tensor(triples), N, R).contains(
        nodes[:, None, None], relations[:, None], nodes
    )
    assert found.shape == (N, R, N)
    assert {tuple(t) for t in found.nonzero().tolist()} == set(triples)


@given(triples=TRIPLES)
def test_returns_all_once_and_sorted(triples):
    assert TripleSet(tensor(triples), N, R).triples().tolist() == sorted(
        list(t) for t in set(triples)
    )


def test_large_numbers_are_told_apart():
    n, r = 1_000_000, 9_000_000  # just below what 63 bits hold
    last = torch.tensor([[n - 1, r - 1, n - 1], [0, 0, 0]])
    known = TripleSet(last, n, r)
    assert known.contains(*last.T).all()
    assert not known.contains(*(last + torch.tensor([0, 0, 1]) * torch.tensor([[-1], [1]])).T).any()
    assert known.triples().tolist() == [[0, 0, 0], [n - 1, r - 1, n - 1]]


def test_too_many_to_number():
    with pytest.raises(ValueError, match=r"below 2\*\*63.*found 4,000,000 nodes.*Align parts"):
        TripleSet(tensor([]), 4_000_000, 1_000_000)


@pytest.mark.parametrize("wrong", [(N, 0, 1), (0, R, 1), (0, 0, N), (-1, 0, 1)])
def test_a_triple_out_of_range_names_itself(wrong):
    message = re.escape(f"below 5 and relations below 3; found {list(wrong)}")
    with pytest.raises(ValueError, match=message):
        TripleSet(tensor([(0, 0, 1), wrong]), N, R)


def test_is_no_weight():
    assert not TripleSet(tensor([(0, 0, 1)]), N, R).state_dict()
