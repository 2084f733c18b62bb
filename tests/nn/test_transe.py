import pytest
import torch
from torch.nn import functional

from ibmea_sklearn.nn.negatives import Corruption
from ibmea_sklearn.nn.transe import TransE

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
