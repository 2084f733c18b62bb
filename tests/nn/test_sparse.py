import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.nn.sparse import EdgePattern, edge_softmax, spmm


def random_pattern(seed: int, n_nodes: int = 9, n_edges: int = 25) -> EdgePattern:
    generator = torch.Generator().manual_seed(seed)
    edges = torch.unique(torch.randint(n_nodes**2, (n_edges,), generator=generator))
    edges = edges[torch.randperm(len(edges), generator=generator)]
    return EdgePattern(edges // n_nodes, edges % n_nodes, n_nodes)


@given(st.integers(0, 10_000))
def test_spmm_and_softmax_pass_gradcheck(seed):
    pattern = random_pattern(seed)
    torch.manual_seed(seed)
    inputs = [
        torch.randn(shape, dtype=torch.float64, requires_grad=True)
        for shape in ((len(pattern.row), 2), (pattern.n_nodes, 3), (2, 3))
    ]
    assert torch.autograd.gradcheck(lambda w, x, s: spmm(pattern, w, x, s), inputs)
    assert torch.autograd.gradcheck(lambda w: edge_softmax(pattern, w), inputs[:1])


def test_softmax_sums_to_one_over_each_row():
    pattern = random_pattern(5)
    weights = edge_softmax(pattern, torch.randn(len(pattern.row), 2) * 1e4)
    sums = torch.zeros(pattern.n_nodes, 2).index_add_(0, pattern.row, weights)
    present = torch.unique(pattern.row)
    torch.testing.assert_close(sums[present], torch.ones(len(present), 2))


def test_graph_is_not_part_of_a_checkpoint():
    assert random_pattern(0).state_dict() == {}
