"""Vectors learnt from triples; from those that pairs make, too."""

import pytest
import torch
from torch.nn import functional

from ibmea_sklearn.nn.transe import KnowledgeEncoder, TransE
from ibmea_sklearn.nn.triples import Corruption, swapped_triples

N, R, D = 7, 3, 5
TRIPLES = torch.tensor([[0, 0, 1], [2, 1, 2], [3, 0, 0], [0, 2, 1], [4, 1, 3], [5, 1, 2]])
CORRUPTION = Corruption(
    torch.tensor([2, 3, 4, 6, 4, 5]), torch.tensor([True, False, True, False, False, True])
)


def transe(seed=0):
    torch.manual_seed(seed)
    return TransE(N, R, D).double()


def plain_distance(model, triple):
    head, relation, tail = triple
    unit = [model.entities[head], model.relations[relation], model.entities[tail]]
    head, relation, tail = (functional.normalize(x, dim=0) for x in unit)
    return sum((head + relation - tail) ** 2)


def plain_distances(model, triples):
    return torch.stack([plain_distance(model, triple) for triple in triples.tolist()])


def gradients(loss, model):
    return torch.autograd.grad(loss, (model.entities, model.relations))


def test_distances_equal_the_formula():
    model = transe()
    true, corrupted = model.distances(TRIPLES, CORRUPTION)
    torch.testing.assert_close(true, plain_distances(model, TRIPLES))
    torch.testing.assert_close(corrupted, plain_distances(model, CORRUPTION.apply_to(TRIPLES)))


def test_distances_are_in_full_precision_under_autocast():
    model = transe().float()
    full = model.distances(TRIPLES, CORRUPTION)
    with torch.autocast("cpu", torch.bfloat16):
        found = model.distances(TRIPLES, CORRUPTION)
    for ours, expected in zip(found, full, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("margin", [-10, -0.5, 0, 1, 10])  # from no triple in the loss to all
def test_gradient_of_a_margin_loss_equals_that_of_the_formula(margin):
    model = transe()
    true, corrupted = model.distances(TRIPLES, CORRUPTION)
    ours = torch.relu(margin + true - corrupted)
    plain = torch.relu(
        margin
        + plain_distances(model, TRIPLES)
        - plain_distances(model, CORRUPTION.apply_to(TRIPLES))
    )
    torch.testing.assert_close(ours, plain)
    found, expected = (gradients(loss.sum(), model) for loss in (ours, plain))
    torch.testing.assert_close(found, expected)
    assert (margin == -10) == all((part == 0).all() for part in expected)


def test_some_triples_of_a_batch_are_within_the_margin_and_some_beyond():
    true, corrupted = transe().distances(TRIPLES, CORRUPTION)
    within = (-0.5 + true - corrupted > 0).sum()
    assert 0 < within < len(TRIPLES)  # or the test above would not see rows left out


def test_gradients_by_finite_differences():
    model = transe()
    triples, nodes = TRIPLES[:4], torch.tensor([3, 3, 0])
    corruption = Corruption(*(part[:4] for part in CORRUPTION))

    def read(entities, relations):
        built = torch.func.functional_call
        weights = {"entities": entities, "relations": relations}
        distances = built(_Both(model), {f"model.{k}": w for k, w in weights.items()}, (nodes,))
        return distances

    class _Both(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, nodes):
            return (*self.model.distances(triples, corruption), self.model(nodes))

    weights = [w.detach().clone().requires_grad_() for w in (model.entities, model.relations)]
    assert torch.autograd.gradcheck(read, weights)


def test_vectors_have_length_one_and_come_in_the_order_asked_for():
    model, nodes = transe(), torch.tensor([4, 0, 4])
    vectors = model(nodes)
    torch.testing.assert_close(vectors, functional.normalize(model.entities[nodes]))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3).double())


def test_nothing_to_read():
    model, nobody = transe(), torch.empty(0, dtype=torch.int64)
    true, corrupted = model.distances(TRIPLES[:0], Corruption(nobody, nobody.bool()))
    assert true.shape == corrupted.shape == (0,)
    found = gradients(true.sum() + corrupted.sum() + model(nobody).sum(), model)
    assert all((part == 0).all() for part in found)
    assert TransE(N, 0, D)(torch.tensor([1])).shape == (1, D)


def test_a_vector_of_zero_has_a_finite_gradient():
    model = TransE(N, R, D)
    with torch.no_grad():
        model.entities[0] = 0
    true, corrupted = model.distances(TRIPLES, CORRUPTION)
    found = gradients(torch.relu(1 + true - corrupted).sum() + model(TRIPLES[:, 0]).sum(), model)
    assert all(torch.isfinite(part).all() for part in found)


def test_learns_a_graph():
    """Triples of a ring end up nearer than corrupted ones."""
    torch.manual_seed(0)
    ring = torch.arange(6)
    triples = torch.stack([ring, ring * 0, ring.roll(-1)], 1)
    model = TransE(6, 1, 8)
    optimizer = torch.optim.Adam(model.parameters(), 0.05, fused=True)
    corruption = Corruption(ring.roll(-3), ring % 2 == 0)
    for _ in range(50):
        optimizer.zero_grad()
        true, corrupted = model.distances(triples, corruption)
        torch.relu(1 + true - corrupted).sum().backward()
        optimizer.step()
    true, corrupted = model.distances(triples, corruption)
    assert (true < corrupted).all()


# KnowledgeEncoder


# Nodes 0-3 are of the first graph, 4-7 of the second; 3 and 7 stand in no triple.
BOTH_GRAPHS = torch.tensor([[0, 0, 1], [1, 0, 2], [4, 1, 5], [5, 1, 6]])
POOLS = torch.tensor([[0, 4], [4, 8]])
PAIRS = torch.tensor([[0, 4], [3, 5]])


def encoder():
    torch.manual_seed(0)
    return KnowledgeEncoder(BOTH_GRAPHS, 8, POOLS, n_components=6)


def test_learns_from_the_graphs_triples_then_from_swapped_ones():
    triples = encoder().update(PAIRS)
    assert torch.equal(triples[: len(BOTH_GRAPHS)], BOTH_GRAPHS)
    assert torch.equal(triples[len(BOTH_GRAPHS) :], swapped_triples(BOTH_GRAPHS, PAIRS, 8))
    assert [4, 0, 1] in triples.tolist()


def test_swaps_of_earlier_pairs_are_forgotten():
    built = encoder()
    built.update(PAIRS)
    assert torch.equal(built.update(PAIRS[:0]), BOTH_GRAPHS)
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
    true, corrupted = built.distances(BOTH_GRAPHS)
    assert true.shape == corrupted.shape == (4,)
    head, relation, tail = BOTH_GRAPHS.T
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
    built = KnowledgeEncoder(BOTH_GRAPHS[:0], 8, POOLS)
    assert built.update(PAIRS).shape == (0, 3)
    assert (built(torch.arange(8)) == 0).all()
    assert built.distances(BOTH_GRAPHS[:0]).true.shape == (0,)
