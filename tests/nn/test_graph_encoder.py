"""What a graph encoder starts from, which nodes each layer computes, and the whole of it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from ibmea_sklearn.nn import EdgePattern, GraphEncoder
from ibmea_sklearn.nn.gat import DiagonalGAT
from ibmea_sklearn.nn.graph_encoder import AnchorStart, FixedStart, LearnedStart, neighbourhood

# Start


NO_PAIRS = torch.empty(0, 2, dtype=torch.int64)


def pairs_of(n_pairs: int, n_nodes: int, seed: int) -> torch.Tensor:
    """Pairs of different nodes, none of them in two pairs."""
    order = torch.randperm(n_nodes, generator=torch.Generator().manual_seed(seed))
    return order[: 2 * n_pairs].reshape(-1, 2)


@given(n_pairs=st.integers(0, 5), seed=st.integers(0, 1_000))
def test_both_nodes_of_an_anchor_start_from_one_unit_vector(n_pairs, seed):
    start, anchors = AnchorStart(12, 8), pairs_of(n_pairs, 12, seed)
    x = start(anchors)
    left, right = anchors.T
    torch.testing.assert_close(x[left], x[right], rtol=0, atol=0)
    torch.testing.assert_close(x[left].norm(dim=1), torch.ones(n_pairs))
    others = torch.ones(12, dtype=torch.bool)
    others[anchors.flatten()] = False
    assert (x[others] == 0).all()
    assert len(torch.unique(x[left], dim=0)) == n_pairs  # no two anchors look alike


def test_an_anchor_keeps_its_vector_whatever_the_others():
    start = AnchorStart(6, 4)
    alone = start(torch.tensor([[0, 3]]))
    together = start(torch.tensor([[1, 4], [0, 3]]))
    assert torch.equal(alone[[0, 3]], together[[0, 3]])
    assert (start(NO_PAIRS) == 0).all()


def test_anchors_are_kept_in_a_checkpoint_and_not_learned():
    start, other = AnchorStart(6, 4), AnchorStart(6, 4)
    assert not list(start.parameters())
    other.load_state_dict(start.state_dict())
    anchors = torch.tensor([[0, 3], [2, 5]])
    assert torch.equal(start(anchors), other(anchors))


def test_learned_vectors_do_not_depend_on_anchors():
    start = LearnedStart(6, 4)
    x = start(torch.tensor([[0, 3]]))
    assert torch.equal(x, start(NO_PAIRS)) and x.shape == (6, 4)
    x.sum().backward()
    assert (start.vectors.grad == 1).all()


def test_given_vectors_stay_as_they_are():
    vectors = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    start = FixedStart(vectors)
    assert start.n_components == 4
    for anchors in (NO_PAIRS, torch.tensor([[0, 3]])):
        assert torch.equal(start(anchors), vectors)
    # Data, not weights: nothing is learned, and a checkpoint does not hold it.
    assert not list(start.parameters()) and not start.state_dict()
    assert start.to(torch.float64)(NO_PAIRS).dtype == torch.float64  # yet it moves along


@given(nodes=st.lists(st.integers(0, 11), max_size=8), n_pairs=st.integers(0, 5))
def test_some_nodes_start_as_they_do_among_all(nodes, n_pairs):
    anchors, nodes = pairs_of(n_pairs, 12, 0), torch.tensor(nodes, dtype=torch.int64)
    for start in (AnchorStart(12, 4), LearnedStart(12, 4), FixedStart(torch.randn(12, 4))):
        assert torch.equal(start(anchors, nodes), start(anchors)[nodes])
        assert start(anchors, nodes).requires_grad == start(anchors).requires_grad


# Neighbourhood: all that is needed, and few others


def sparse_graph(seed: int, n_nodes: int = 60, n_triples: int = 40) -> EdgePattern:
    random = torch.Generator().manual_seed(seed)
    return EdgePattern.undirected(torch.randint(n_nodes, (n_triples, 3), generator=random), n_nodes)


def naive_reach(pattern: EdgePattern, nodes: set[int]) -> set[int]:
    """Return the nodes and their neighbours."""
    edges = zip(pattern.row.tolist(), pattern.col.tolist(), strict=True)
    return nodes | {col for row, col in edges if row in nodes}


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 59), max_size=12), st.integers(1, 3))
def test_each_layer_computes_what_the_next_one_needs(seed, chosen, n_layers):
    pattern = sparse_graph(seed)
    first, patterns = neighbourhood(pattern, torch.tensor(chosen, dtype=torch.int64), n_layers)
    reached, counts = set(chosen), [len(chosen)]
    for _ in range(n_layers):
        reached = naive_reach(pattern, reached)
        counts.append(len(reached))
    assert len(patterns) == n_layers
    # From the layer on whose nodes are more than half, all are computed.
    expected = [n if n <= 30 else 60 for n in counts]
    assert [p.n_rows for p in patterns[::-1]] == expected[:-1]
    assert [p.n_nodes for p in patterns[::-1]] == expected[1:]
    assert (None if first is None else first.tolist()) == (
        sorted(reached) if counts[-1] <= 30 else None
    )


@pytest.mark.parametrize("n_layers", [1, 2, 3])
@settings(max_examples=15)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 59), max_size=8))
def test_results_and_gradients_are_those_of_the_whole_graph(n_layers, seed, chosen):
    pattern, nodes = sparse_graph(seed), torch.tensor(chosen, dtype=torch.int64)
    gat = DiagonalGAT(4, n_layers).double()
    x = torch.randn(60, 4, dtype=torch.float64, requires_grad=True)
    first, patterns = neighbourhood(pattern, nodes, n_layers)
    some = gat.by_layer(x if first is None else x[first], patterns)
    if patterns[-1].nodes is None:
        some = [y[nodes] for y in some]
    whole = [y[nodes] for y in gat.by_layer(x, [pattern] * n_layers)]
    torch.testing.assert_close(some, whole)
    inputs = [x, *gat.parameters()]
    gradients = [
        torch.autograd.grad(sum(y.square().sum() for y in results), inputs, materialize_grads=True)
        for results in (some, whole)
    ]
    torch.testing.assert_close(*gradients)


def test_most_nodes_are_computed_with_the_pattern_as_it_is():
    pattern = sparse_graph(0)
    first, patterns = neighbourhood(pattern, torch.arange(31), 2)
    assert first is None and all(p is pattern for p in patterns)


def test_a_node_without_a_neighbour_needs_itself():
    pattern = EdgePattern.undirected(torch.empty(0, 3, dtype=torch.int64), 10)
    first, patterns = neighbourhood(pattern, torch.tensor([7, 7, 2]), 2)
    assert first.tolist() == [2, 7]
    assert patterns[1].taken_from(first).tolist() == [7, 7, 2]


# GraphEncoder


ANCHORS = torch.tensor([[0, 5], [1, 6]])


def pattern() -> EdgePattern:
    triples = torch.tensor([[0, 0, 1], [1, 0, 2], [5, 0, 6], [6, 0, 7], [3, 0, 2]])
    return EdgePattern.undirected(triples, 10)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_all_layers_are_concatenated(n_layers):
    start = AnchorStart(10, 6)
    every = GraphEncoder(pattern(), start, n_layers, dropout=0, all_layers=True)
    last = GraphEncoder(pattern(), start, n_layers, dropout=0, all_layers=False)
    last.load_state_dict(every.state_dict())
    assert (every.n_components, last.n_components) == (6 * n_layers, 6)
    mean, log_variance = every(ANCHORS)
    assert mean.shape == log_variance.shape == (10, 6 * n_layers)
    layers = every.mean.by_layer(start(ANCHORS), [every.pattern] * n_layers)
    expected = torch.cat([functional.layer_norm(layer, (6,)) for layer in layers], 1)
    torch.testing.assert_close(mean, expected)
    layers = every.log_variance.by_layer(start(ANCHORS), [every.pattern] * n_layers)
    torch.testing.assert_close(log_variance, torch.cat(layers, 1))
    for whole, part in zip(every(ANCHORS), last(ANCHORS), strict=True):
        torch.testing.assert_close(whole[:, -6:], part)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize("all_layers", [True, False])
@pytest.mark.parametrize("chosen", [[], [3], [8, 0, 5, 0], list(range(10))])
def test_some_nodes_have_the_rows_and_gradients_that_they_have_among_all(
    n_layers, all_layers, chosen
):
    nodes = torch.tensor(chosen, dtype=torch.int64)
    start = LearnedStart(10, 6)
    encoder = GraphEncoder(pattern(), start, n_layers, dropout=0, all_layers=all_layers).double()
    some, whole = encoder(ANCHORS, nodes), [moment[nodes] for moment in encoder(ANCHORS)]
    weights = [torch.randn_like(moment) for moment in whole]
    gradients = []
    for moments in (some, whole):
        torch.testing.assert_close(list(moments), whole)
        loss = sum((m * w).sum() for m, w in zip(moments, weights, strict=True))
        found = torch.autograd.grad(loss, list(encoder.parameters()), materialize_grads=True)
        gradients.append(found)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("start", [AnchorStart, LearnedStart])
def test_graph_encoder_is_trained_through(start):
    encoder = GraphEncoder(pattern(), start(10, 6), all_layers=True)
    (mean, log_variance) = encoder(ANCHORS)
    (mean * torch.randn_like(mean) + log_variance).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters())
    assert all(p.grad.abs().sum() > 0 for p in encoder.mean.parameters())


def test_no_anchors_at_all_is_finite():
    encoder = GraphEncoder(pattern(), AnchorStart(10, 6), all_layers=True)
    nobody = encoder(torch.empty(0, 2, dtype=torch.int64))
    assert all(torch.isfinite(moment).all() for moment in nobody)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_is_compiled_where_the_size_of_a_step_stays(device):
    encoder = GraphEncoder(pattern(), AnchorStart(10, 6)).to(device)
    assert encoder.compiles is (device != "cpu")


def test_checkpoint_holds_no_graph():
    names = GraphEncoder(pattern(), AnchorStart(10, 6)).state_dict()
    assert not [name for name in names if name.startswith("pattern")]
