import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.nn.swapping import swapped_triples

N, R = 8, 3
NODES = st.integers(0, N - 1)
TRIPLES = st.lists(st.tuples(NODES, st.integers(0, R - 1), NODES), max_size=15)


def naive_swaps(triples, pairs):
    swapped = set()
    for a, b in pairs:
        for one, other in ((a, b), (b, a)):
            for head, relation, tail in triples:
                if head == one:
                    swapped.add((other, relation, tail))
                if tail == one:
                    swapped.add((head, relation, other))
    return swapped - set(triples)


def swaps(triples, pairs):
    found = swapped_triples(
        torch.tensor(triples, dtype=torch.int64).reshape(-1, 3),
        torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2),
        N,
    )
    return [tuple(t) for t in found.tolist()]


# Pairs may share a node: several links of one entity are no reason to lose triples.
@given(triples=TRIPLES, pairs=st.lists(st.tuples(NODES, NODES), max_size=6))
def test_equals_naive_loop(triples, pairs):
    found = swaps(triples, pairs)
    assert len(found) == len(set(found))
    assert set(found) == naive_swaps(triples, pairs)


def test_both_ends_of_a_loop_one_at_a_time():
    assert sorted(swaps([(0, 1, 0)], [(0, 4)])) == [(0, 1, 4), (4, 1, 0)]


def test_two_seeds_in_one_triple_are_swapped_one_at_a_time():
    assert sorted(swaps([(0, 0, 1)], [(0, 4), (1, 5)])) == [(0, 0, 5), (4, 0, 1)]


def test_nothing_to_swap():
    assert swaps([(0, 0, 1)], []) == swaps([], [(0, 4)]) == swaps([(0, 0, 1)], [(2, 6)]) == []


@pytest.mark.parametrize("pair", [(0, N), (-1, 0)])
def test_pairs_beyond_the_nodes(pair):
    with pytest.raises(ValueError, match=f"pairs of nodes from 0 to {N - 1}; found"):
        swaps([(0, 0, 1)], [pair])
