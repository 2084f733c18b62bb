"""Graph convolution: fixed weights of edges, the product, and what is made of both."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn.nn import GCNAlignNetwork, GCNEncoder, WeightedEdges
from ibmea_sklearn.nn.features import FeatureTable
from ibmea_sklearn.nn.gcn import FunctionalEdges
from ibmea_sklearn.nn.graph_encoder import LearnedStart

N = 7
TRIPLES = torch.tensor([[0, 0, 1], [0, 0, 2], [3, 0, 1], [4, 1, 5], [5, 1, 4], [5, 2, 5]])
triples_of_a_graph = st.lists(
    st.tuples(st.integers(0, N - 1), st.integers(0, 2), st.integers(0, N - 1)), max_size=15
).map(lambda rows: torch.tensor(rows, dtype=torch.int64).reshape(-1, 3))


def dense(edges):
    matrix = torch.zeros(edges.n_nodes, edges.n_nodes)
    return matrix.index_put_((edges.row, edges.col), edges.weights, accumulate=True)


def naive_functional(triples, n_nodes):
    """Who gives how much to whom, by the equations of the paper, then both sides normalised."""
    rows = triples.tolist()
    gives = np.eye(n_nodes)
    for head, relation, tail in rows:
        same = [(h, t) for h, r, t in rows if r == relation]
        fun = len({h for h, _ in same}) / len(same)
        ifun = len({t for _, t in same}) / len(same)
        gives[head, tail] += max(ifun, 0.3)
        gives[tail, head] += max(fun, 0.3)
    sums = gives.sum(1)
    return (gives / np.sqrt(np.outer(sums, sums))).T


def network(n_negatives=3, **tables):
    torch.manual_seed(0)
    layers = {m: torch.nn.Linear(table.n_features, 3) for m, table in tables.items()}
    edges = FunctionalEdges.undirected(TRIPLES, N)
    return GCNAlignNetwork(
        edges, LearnedStart(N, 4), tables, layers, n_negatives=n_negatives, n_left=4
    )


@settings(max_examples=25)
@given(triples=triples_of_a_graph)
def test_functional_edges_are_those_of_a_naive_loop(triples):
    expected = naive_functional(triples, N)
    found = dense(FunctionalEdges.undirected(triples, N))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-7)


@settings(max_examples=25)
@given(triples=triples_of_a_graph)
def test_undirected_edges_are_the_normalised_adjacency(triples):
    ones = np.eye(N)
    for head, _, tail in triples.tolist():
        ones[head, tail] = ones[tail, head] = 1
    degrees = ones.sum(1)
    expected = ones / np.sqrt(np.outer(degrees, degrees))
    found = dense(WeightedEdges.undirected(triples, N))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", [WeightedEdges, FunctionalEdges])
def test_product_and_its_gradient_are_those_of_the_matrix(kind):
    edges = kind.undirected(TRIPLES, N)
    x = torch.randn(N, 3, requires_grad=True)
    weights = torch.randn(N, 3)
    (gradient,) = torch.autograd.grad((edges.product(x) * weights).sum(), x)
    torch.testing.assert_close(edges.product(x), dense(edges) @ x)
    torch.testing.assert_close(gradient, dense(edges).T @ weights)


def test_edges_that_lead_out_are_refused():
    edges = WeightedEdges.undirected(TRIPLES, N)
    edges.check_buffers()
    edges.weights = edges.weights[:-1]
    with pytest.raises(ValueError, match="not one weight each"):
        edges.check_buffers()


def test_encoder_is_its_formula():
    torch.manual_seed(0)
    edges = WeightedEdges.undirected(TRIPLES, N)
    encoder = GCNEncoder(edges, LearnedStart(N, 5), widths=[4, 3]).eval()
    first, second = encoder.layers
    matrix, x = dense(edges), encoder.start.vectors
    hidden = torch.relu(matrix @ x @ first.weight.T + first.bias)
    expected = matrix @ hidden @ second.weight.T + second.bias
    nothing = torch.empty(0, 2, dtype=torch.int64)
    torch.testing.assert_close(encoder(nothing).mean, expected)
    nodes = torch.tensor([5, 0])
    torch.testing.assert_close(encoder(nothing, nodes).mean, expected[nodes])


# GCN-Align


def test_network_is_its_formula():
    mask = torch.arange(N) != 2
    values = torch.randn(N, 6) * mask[:, None]
    net = network(attribute=FeatureTable(values, mask, 6))
    matrix, layer = dense(net.edges), net.layers["attribute"]
    start = torch.nn.functional.normalize(net.start.vectors)
    found = net.vectors()
    expected = matrix @ torch.relu(matrix @ start)
    np.testing.assert_allclose(found["graph"], expected.detach(), rtol=1e-5, atol=1e-7)
    expected = matrix @ torch.relu(matrix @ (values @ layer.weight.T + layer.bias))
    expected = (expected * mask[:, None]).detach()
    np.testing.assert_allclose(found["attribute"], expected, rtol=1e-5, atol=1e-7)


def test_fused_cosines_are_weighted_sums_of_cosines():
    table = FeatureTable(torch.randn(N, 6), torch.ones(N, dtype=torch.bool), 6)
    net = network(attribute=table)
    lengths = {m: np.linalg.norm(v, axis=1, keepdims=True) for m, v in net.vectors().items()}
    units = [v / lengths[m].clip(1e-12) for m, v in net.vectors().items()]
    fused = net.vectors(parts="fused")["network"]
    expected = 0.9 * units[0] @ units[0].T + 0.1 * units[1] @ units[1].T
    np.testing.assert_allclose(fused @ fused.T, expected, rtol=1e-4, atol=1e-6)
    assert net.read_out().weights[0] == pytest.approx([0.9, 0.1])


def test_an_entity_is_replaced_by_others_of_its_graph():
    net = network(n_negatives=200)
    pairs = torch.tensor([[0, 4], [3, 6]])
    others = net(pairs).others
    assert others.shape == (2, 200, 2)
    for pair, drawn in zip(pairs.tolist(), others, strict=True):
        for side, graph in enumerate(({0, 1, 2, 3}, {4, 5, 6})):
            assert set(drawn[:, side].tolist()) == graph - {pair[side]}


def test_who_is_alone_in_a_graph_stays():
    net = network()
    net.n_left = N - 1
    assert set(net(torch.tensor([[0, N - 1]])).others[..., 1].unique().tolist()) == {N - 1}
