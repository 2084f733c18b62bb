"""Sets of triples, their corruptions, and what pairs make of them."""

import itertools
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.nn import triples as module
from ibmea_sklearn.nn.triples import Corruption, NegativeSampler, TripleSet, swapped_triples

# Known triples


N, R = 8, 3
NODES = st.integers(0, N - 1)
TRIPLES = st.lists(st.tuples(NODES, st.integers(0, R - 1), NODES), max_size=15)
# So few that all corruptions of a triple may be known.
FEW_NODES, FEW_RELATIONS = 4, 2
EVERY = list(itertools.product(range(FEW_NODES), range(FEW_RELATIONS), range(FEW_NODES)))


def tensor(triples):
    return torch.tensor(list(triples), dtype=torch.int64).reshape(-1, 3)


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
    message = re.escape(f"below {N} and relations below {R}; found {list(wrong)}")
    with pytest.raises(ValueError, match=message):
        TripleSet(tensor([(0, 0, 1), wrong]), N, R)


def test_a_set_is_no_weight():
    assert not TripleSet(tensor([(0, 0, 1)]), N, R).state_dict()


# Corruptions


def as_tuples(triples):
    return [tuple(t) for t in triples.tolist()]


def corruptions(triple, nodes=range(FEW_NODES)):
    """All triples that differ from this one in the head, or else in the tail."""
    head, relation, tail = triple
    return {(x, relation, tail) for x in nodes} | {(head, relation, x) for x in nodes}


# From few triples to all but few: where negatives are rare, chance alone does not find them.
@given(
    known=st.sets(st.sampled_from(EVERY))
    | st.sets(st.sampled_from(EVERY)).map(set(EVERY).difference),
    max_draws=st.integers(1, 12),
    seed=st.integers(0, 1_000),
)
def test_never_a_known_triple_and_none_missed(known, max_draws, seed):
    torch.manual_seed(seed)
    triples = tensor(sorted(known))
    sampler = NegativeSampler(
        triples, FEW_NODES, torch.tensor([[0, FEW_NODES]] * FEW_RELATIONS), max_draws
    )
    kept, corruption = sampler(triples)
    for triple, negative in zip(as_tuples(kept), as_tuples(corruption.apply_to(kept)), strict=True):
        assert negative in corruptions(triple) - known
    possible = [t for t in sorted(known) if corruptions(t) - known]
    assert as_tuples(kept) == possible  # in the order they came in


def test_no_negative_exists():
    triples = tensor(EVERY)
    kept, corruption = NegativeSampler(triples, FEW_NODES)(triples)
    assert kept.shape == (0, 3) and not len(corruption.nodes)


@pytest.mark.parametrize("max_draws", [1, 10])
def test_a_triple_is_corrupted_by_nodes_of_its_graph(max_draws):
    pools = torch.tensor([[0, 2], [2, FEW_NODES]])
    triples = tensor([(0, 0, 1), (2, 1, 3), (1, 0, 3)])  # the last is swapped: 3 is of the other
    sampler = NegativeSampler(triples, FEW_NODES, pools, max_draws)
    for _ in range(50):
        kept, corruption = sampler(triples)
        assert len(kept) == 3
        start, stop = pools[kept[:, 1]].T
        assert ((start <= corruption.nodes) & (corruption.nodes < stop)).all()


@pytest.mark.parametrize("max_draws", [1, 30])
def test_all_that_are_not_known_are_as_likely(max_draws):
    torch.manual_seed(0)
    known = tensor([(0, 0, 1), (0, 0, 2), (3, 0, 1)])
    free = corruptions((0, 0, 1)) - set(as_tuples(known))
    batch = known[:1].repeat(5_000, 1)
    kept, corruption = NegativeSampler(known, FEW_NODES, max_draws=max_draws)(batch)
    drawn, counts = torch.unique(corruption.apply_to(kept), dim=0, return_counts=True)
    assert set(as_tuples(drawn)) == free
    # Heads and tails are as likely, and so are nodes: four corruptions of each end were possible.
    assert counts.tolist() == pytest.approx([5_000 / len(free)] * len(free), rel=0.1)


@pytest.mark.parametrize("block", [1, 20, 1 << 22])
def test_listed_in_blocks_as_at_once(block, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_NUMBERS", block)
    hidden = {(0, 0, 0), (3, 1, 2)}
    triples = tensor(t for t in EVERY if t not in hidden)
    kept, corruption = NegativeSampler(triples, FEW_NODES, max_draws=1)(triples)
    assert set(as_tuples(corruption.apply_to(kept))) == hidden
    assert len(kept) == sum(bool(corruptions(t) & hidden) for t in as_tuples(triples))


def test_draws_differ_from_call_to_call_and_agree_under_one_seed():
    triples = tensor((i, 0, i + 1) for i in range(200))
    sampler = NegativeSampler(triples, 1_000)
    torch.manual_seed(1)
    first, second = sampler(triples)[1].nodes, sampler(triples)[1].nodes
    torch.manual_seed(1)
    assert torch.equal(sampler(triples)[1].nodes, first)
    assert not torch.equal(first, second)


def test_no_triples():
    kept, corruption = NegativeSampler(tensor([]), FEW_NODES)(tensor([]))
    assert kept.shape == (0, 3) and corruption.apply_to(kept).shape == (0, 3)


@pytest.mark.parametrize("pool", [(2, 2), (3, 1), (-1, 2), (0, FEW_NODES + 1)])
def test_a_pool_without_nodes_or_of_nodes_that_are_not_there(pool):
    with pytest.raises(ValueError, match=r"pool \(first, end\) of nodes from 0 to 4; found"):
        NegativeSampler(tensor([(0, 0, 1)]), FEW_NODES, torch.tensor([pool]))


def test_a_relation_without_a_pool():
    with pytest.raises(ValueError, match="relations below 1; found"):
        NegativeSampler(tensor([(0, 1, 1)]), FEW_NODES, torch.tensor([[0, FEW_NODES]]))


def test_one_end_is_replaced():
    triples = tensor([(0, 0, 1), (2, 1, 3)])
    corrupted = Corruption(torch.tensor([3, 3]), torch.tensor([True, False])).apply_to(triples)
    assert as_tuples(corrupted) == [(3, 0, 1), (2, 1, 3)]


def test_a_sampler_is_no_weight():
    assert not NegativeSampler(tensor(EVERY[:3]), FEW_NODES).state_dict()


# Swaps


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
        tensor(triples),
        torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2),
        N,
    )
    return [tuple(t) for t in found.tolist()]


# Pairs may share a node: several links of one entity are no reason to lose triples.
@given(triples=TRIPLES, pairs=st.lists(st.tuples(NODES, NODES), max_size=6))
def test_swaps_equal_naive_loop(triples, pairs):
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
