import torch

from ibmea_sklearn.nn.knowledge import KnowledgeEncoder
from ibmea_sklearn.nn.swapping import swapped_triples

# Nodes 0-3 are of the first graph, 4-7 of the second; 3 and 7 stand in no triple.
TRIPLES = torch.tensor([[0, 0, 1], [1, 0, 2], [4, 1, 5], [5, 1, 6]])
POOLS = torch.tensor([[0, 4], [4, 8]])
PAIRS = torch.tensor([[0, 4], [3, 5]])


def encoder():
    torch.manual_seed(0)
    return KnowledgeEncoder(TRIPLES, 8, POOLS, n_components=6)


def test_learns_from_the_graphs_triples_then_from_swapped_ones():
    triples = encoder().update(PAIRS)
    assert torch.equal(triples[: len(TRIPLES)], TRIPLES)
    assert torch.equal(triples[len(TRIPLES) :], swapped_triples(TRIPLES, PAIRS, 8))
    assert [4, 0, 1] in triples.tolist()


def test_swaps_of_earlier_pairs_are_forgotten():
    built = encoder()
    built.update(PAIRS)
    assert torch.equal(built.update(PAIRS[:0]), TRIPLES)
    assert built.connected.tolist() == encoder().connected.tolist()


def test_connected_by_a_triple_of_its_own_or_by_a_swapped_one():
    built = encoder()
    assert built.connected.tolist() == [True, True, True, False, True, True, True, False]
    built.update(PAIRS)  # 3 takes the place of 5
    assert built.connected.tolist() == [True] * 7 + [False]


def test_vectors_of_who_is_not_connected_are_zero():
    vectors = encoder()(torch.tensor([3, 0, 7]))
    torch.testing.assert_close(vectors.norm(dim=1), torch.tensor([0.0, 1.0, 0.0]))


def test_neither_swapped_triples_nor_nodes_of_another_graph_are_negatives():
    built = encoder()
    triples = built.update(PAIRS)
    known = {tuple(t) for t in triples.tolist()}
    for _ in range(30):
        kept, corruption = built.sampler(triples)
        assert not known & {tuple(t) for t in corruption.apply_to(kept).tolist()}
        start, stop = POOLS[kept[:, 1]].T
        assert ((start <= corruption.nodes) & (corruption.nodes < stop)).all()


def test_distances_of_a_batch():
    built = encoder()
    true, corrupted = built.distances(TRIPLES)
    assert true.shape == corrupted.shape == (4,)
    head, relation, tail = TRIPLES.T
    shift = torch.nn.functional.normalize(built.transe.relations)[relation]
    expected = (built(head) + shift - built(tail)).square().sum(1)
    torch.testing.assert_close(true, expected)


def test_checkpoint_holds_no_graph_but_who_is_connected():
    built = encoder()
    built.update(PAIRS)
    assert set(built.state_dict()) == {"transe.entities", "transe.relations", "connected"}
    again = encoder()
    again.load_state_dict(built.state_dict())
    assert torch.equal(again(torch.arange(8)), built(torch.arange(8)))  # without the pairs


def test_a_graph_without_triples():
    built = KnowledgeEncoder(TRIPLES[:0], 8, POOLS)
    assert built.update(PAIRS).shape == (0, 3)
    assert (built(torch.arange(8)) == 0).all()
    assert built.distances(TRIPLES[:0]).true.shape == (0,)
