import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.nn import negatives
from ibmea_sklearn.nn.negatives import Corruption, NegativeSampler

N, R = 4, 2
EVERY = list(itertools.product(range(N), range(R), range(N)))


def tensor(triples):
    return torch.tensor(list(triples), dtype=torch.int64).reshape(-1, 3)


def as_tuples(triples):
    return [tuple(t) for t in triples.tolist()]


def corruptions(triple, nodes=range(N)):
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
    sampler = NegativeSampler(triples, N, torch.tensor([[0, N]] * R), max_draws)
    kept, corruption = sampler(triples)
    for triple, negative in zip(as_tuples(kept), as_tuples(corruption.apply_to(kept)), strict=True):
        assert negative in corruptions(triple) - known
    possible = [t for t in sorted(known) if corruptions(t) - known]
    assert as_tuples(kept) == possible  # in the order they came in


def test_no_negative_exists():
    triples = tensor(EVERY)
    kept, corruption = NegativeSampler(triples, N)(triples)
    assert kept.shape == (0, 3) and not len(corruption.nodes)


@pytest.mark.parametrize("max_draws", [1, 10])
def test_a_triple_is_corrupted_by_nodes_of_its_graph(max_draws):
    pools = torch.tensor([[0, 2], [2, N]])
    triples = tensor([(0, 0, 1), (2, 1, 3), (1, 0, 3)])  # the last is swapped: 3 is of the other
    sampler = NegativeSampler(triples, N, pools, max_draws)
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
    kept, corruption = NegativeSampler(known, N, max_draws=max_draws)(batch)
    drawn, counts = torch.unique(corruption.apply_to(kept), dim=0, return_counts=True)
    assert set(as_tuples(drawn)) == free
    # Heads and tails are as likely, and so are nodes: four corruptions of each end were possible.
    assert counts.tolist() == pytest.approx([5_000 / len(free)] * len(free), rel=0.1)


@pytest.mark.parametrize("block", [1, 20, 1 << 22])
def test_listed_in_blocks_as_at_once(block, monkeypatch):
    monkeypatch.setattr(negatives, "_BLOCK_NUMBERS", block)
    hidden = {(0, 0, 0), (3, 1, 2)}
    triples = tensor(t for t in EVERY if t not in hidden)
    kept, corruption = NegativeSampler(triples, N, max_draws=1)(triples)
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
    kept, corruption = NegativeSampler(tensor([]), N)(tensor([]))
    assert kept.shape == (0, 3) and corruption.apply_to(kept).shape == (0, 3)


@pytest.mark.parametrize("pool", [(2, 2), (3, 1), (-1, 2), (0, N + 1)])
def test_a_pool_without_nodes_or_of_nodes_that_are_not_there(pool):
    with pytest.raises(ValueError, match=r"pool \(first, end\) of nodes from 0 to 4; found"):
        NegativeSampler(tensor([(0, 0, 1)]), N, torch.tensor([pool]))


def test_a_relation_without_a_pool():
    with pytest.raises(ValueError, match="relations below 1; found"):
        NegativeSampler(tensor([(0, 1, 1)]), N, torch.tensor([[0, N]]))


def test_one_end_is_replaced():
    triples = tensor([(0, 0, 1), (2, 1, 3)])
    corrupted = Corruption(torch.tensor([3, 3]), torch.tensor([True, False])).apply_to(triples)
    assert as_tuples(corrupted) == [(3, 0, 1), (2, 1, 3)]


def test_is_no_weight():
    assert not NegativeSampler(tensor(EVERY[:3]), N).state_dict()
