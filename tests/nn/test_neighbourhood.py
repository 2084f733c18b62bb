"""Which nodes each layer computes: all that are needed, and few others."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn.nn.gat import DiagonalGAT
from ibmea_sklearn.nn.neighbourhood import neighbourhood
from ibmea_sklearn.nn.sparse import EdgePattern


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
