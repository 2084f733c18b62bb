import importlib.util
import sys
import time
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn.nn import EdgePattern, _backends, spmm
from ibmea_sklearn.nn._backends import BACKENDS
from ibmea_sklearn.nn.sparse import edge_scores, edge_softmax

HAS_TORCH_SPARSE = importlib.util.find_spec("torch_sparse") is not None
ALL_BACKENDS = [
    "torch",
    pytest.param(
        "torch-sparse",
        marks=pytest.mark.skipif(
            not HAS_TORCH_SPARSE, reason="torch-sparse is not installed (extra torch-sparse)"
        ),
    ),
]


def random_pattern(
    seed: int, n_nodes: int = 9, n_edges: int = 25, backend: str = "torch"
) -> EdgePattern:
    generator = torch.Generator().manual_seed(seed)
    edges = torch.unique(torch.randint(n_nodes**2, (n_edges,), generator=generator))
    edges = edges[torch.randperm(len(edges), generator=generator)]
    return EdgePattern(edges // n_nodes, edges % n_nodes, n_nodes, backend)


def inputs_of(pattern: EdgePattern, seed: int = 0, d: int = 3, dtype=torch.float64):
    torch.manual_seed(seed)
    shapes = ((len(pattern.row), 2), (pattern.n_nodes, d), (2, d))
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


def naive(pattern: EdgePattern, weights, x, scale):
    """The formula of the docstring, with whole matrices."""
    shape = (pattern.n_nodes, pattern.n_nodes)
    return sum(
        torch.zeros(shape, dtype=x.dtype).index_put((pattern.row, pattern.col), weight) @ x * s
        for weight, s in zip(weights.T, scale, strict=True)
    )


@pytest.mark.parametrize("backend", ALL_BACKENDS)
# Blocks of one row, of some, of all; with few edges some rows, and some blocks, have none.
@pytest.mark.parametrize("block", [1, 7, 1_000])
@pytest.mark.parametrize("n_edges", [0, 4, 40])
@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_product_and_gradients_are_those_of_whole_matrices(backend, block, n_edges, seed):
    pattern = random_pattern(seed, n_edges=n_edges, backend=backend)
    inputs = inputs_of(pattern, seed)
    usual, _backends._BLOCK_ROWS = _backends._BLOCK_ROWS, block
    try:
        ours = spmm(pattern, *inputs)
        gradients = torch.autograd.grad(ours.square().sum(), inputs)
    finally:
        _backends._BLOCK_ROWS = usual
    expected = naive(pattern, *inputs)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(gradients, torch.autograd.grad(expected.square().sum(), inputs))


@pytest.mark.parametrize("backend", ALL_BACKENDS)
@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_spmm_and_softmax_pass_gradcheck(backend, seed):
    pattern = random_pattern(seed, backend=backend)
    inputs = inputs_of(pattern, seed)
    assert torch.autograd.gradcheck(lambda w, x, s: spmm(pattern, w, x, s), inputs)
    assert torch.autograd.gradcheck(lambda w: edge_softmax(pattern, w), inputs[:1])


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 8), max_size=12))
def test_scores_of_edges_equal_indexing(seed, chosen):
    whole = random_pattern(seed, n_edges=30)
    random = torch.Generator().manual_seed(seed)
    for pattern in (whole, whole.of_rows(torch.tensor(chosen, dtype=torch.int64))):
        ends = [
            torch.randn(n, 2, generator=random, dtype=torch.float64, requires_grad=True)
            for n in (pattern.n_rows, pattern.n_nodes)
        ]
        found = edge_scores(pattern, *ends)
        expected = ends[0][pattern.row] + ends[1][pattern.col]
        torch.testing.assert_close(found, expected)
        factor = torch.randn(found.shape, generator=random, dtype=torch.float64)
        torch.testing.assert_close(
            torch.autograd.grad((found * factor).sum(), ends),
            torch.autograd.grad((expected * factor).sum(), ends),
        )
        # A gradient that is one number, spread out.
        torch.testing.assert_close(
            torch.autograd.grad(edge_scores(pattern, *ends).sum(), ends),
            torch.autograd.grad((ends[0][pattern.row] + ends[1][pattern.col]).sum(), ends),
        )


def test_no_copy_of_a_row_for_each_edge_is_made():
    n_nodes, n_edges, d = 1_000, 400_000, 64
    edges = torch.randperm(n_nodes**2, generator=torch.Generator().manual_seed(0))[:n_edges]
    pattern = EdgePattern(edges // n_nodes, edges % n_nodes, n_nodes)
    inputs = inputs_of(pattern, d=d, dtype=torch.float32)
    with torch.profiler.profile(profile_memory=True) as profiler:
        spmm(pattern, *inputs).sum().backward()
    largest = max(event.cpu_memory_usage for event in profiler.events())
    assert 0 < largest < n_edges * d * 4 / 8  # bytes


def test_an_unknown_backend_is_an_error_that_names_those_there_are():
    with pytest.raises(ValueError, match="backend among auto, torch, torch-sparse; found 'dgl'"):
        random_pattern(0, backend="dgl")


def test_a_backend_that_is_not_installed_is_told_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_sparse", None)  # as if it were not there
    with pytest.raises(ImportError, match=r"pip install 'ibmea_sklearn\[torch-sparse\]'"):
        random_pattern(0, backend="torch-sparse")
    triples = torch.tensor([[0, 0, 1]])
    with pytest.raises(ImportError, match="torch_sparse"):
        EdgePattern.undirected(triples, 2, "torch-sparse")


def test_backends_are_those_that_the_documentation_names():
    assert list(BACKENDS) == ["torch", "torch-sparse"]
    assert EdgePattern.undirected(torch.tensor([[0, 0, 1]]), 2).backend == "auto"


def test_the_fastest_backend_is_found_by_trying(monkeypatch):
    pattern = random_pattern(0)
    inputs = inputs_of(pattern, 0)

    def slow(*given):
        time.sleep(0.02)
        return _backends.by_torch(*given)

    def broken(kind):
        def multiply(*given):
            raise kind("Not compiled with CUDA support")

        return multiply

    for backends, expected in (
        ({"torch": slow, "torch-sparse": _backends.by_torch}, "torch-sparse"),
        ({"torch": _backends.by_torch, "torch-sparse": slow}, "torch"),
        ({"torch": slow, "torch-sparse": broken(RuntimeError)}, "torch"),
        ({"torch": slow, "torch-sparse": broken(OSError)}, "torch"),
        # Where it is used, it says why.
        ({"torch": broken(RuntimeError), "torch-sparse": broken(RuntimeError)}, "torch"),
    ):
        monkeypatch.setattr(_backends, "BACKENDS", backends)
        assert _backends.fastest(pattern, *inputs) == expected


def test_a_gpu_tries_once_for_each_size_and_a_cpu_never(monkeypatch):
    tried = []
    monkeypatch.setattr(_backends, "_found", {})
    monkeypatch.setattr(_backends, "fastest", lambda *given: tried.append(given) or "torch-sparse")
    pattern = random_pattern(0, backend="auto")
    weights, x, scale = inputs_of(pattern, 0)
    assert _backends.chosen_backend(pattern, weights, x, scale) is BACKENDS["torch"]
    assert not tried
    gpu = torch.device("cuda")
    for width in (4, 4, 8):  # what the choice looks at
        there = SimpleNamespace(device=gpu, dtype=x.dtype, shape=(9, width))
        found = _backends.chosen_backend(pattern, weights, there, scale)
        assert found is BACKENDS["torch-sparse"]
    assert len(tried) == 2
    pattern.backend = "torch"
    assert _backends.chosen_backend(pattern, weights, there, scale) is BACKENDS["torch"]
    assert len(tried) == 2


def test_softmax_sums_to_one_over_each_row():
    pattern = random_pattern(5)
    weights = edge_softmax(pattern, torch.randn(len(pattern.row), 2) * 1e4)
    sums = torch.zeros(pattern.n_nodes, 2).index_add_(0, pattern.row, weights)
    present = torch.unique(pattern.row)
    torch.testing.assert_close(sums[present], torch.ones(len(present), 2))


def test_graph_is_not_part_of_a_checkpoint():
    assert random_pattern(0).state_dict() == {}


@pytest.mark.parametrize("backend", ALL_BACKENDS)
@settings(max_examples=20)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 8), max_size=12))
def test_some_rows_are_those_of_the_whole_product(backend, seed, chosen):
    pattern = random_pattern(seed, n_edges=30, backend=backend)
    nodes = torch.tensor(chosen, dtype=torch.int64)
    rows = pattern.of_rows(nodes)
    weights, x, scale = inputs_of(pattern, seed)
    # Of each row's edges, the weights that they have in the whole matrix.
    place = {edge: i for i, edge in enumerate(edges_of(pattern))}
    at = [place[edge] for edge in edges_of(rows)]
    some = spmm(rows, weights[torch.tensor(at, dtype=torch.int64)], x, scale)
    whole = spmm(pattern, weights, x, scale)[nodes]
    torch.testing.assert_close(some, whole)
    torch.testing.assert_close(rows.taken_from(x), x[nodes])
    inputs = (weights, x, scale)
    torch.testing.assert_close(
        torch.autograd.grad(some.square().sum(), inputs),
        torch.autograd.grad(whole.square().sum(), inputs),
    )


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 8), min_size=1, max_size=6))
def test_rows_of_some_rows(seed, chosen):
    pattern, nodes = random_pattern(seed, n_edges=30), torch.tensor(chosen)
    some = torch.arange(len(chosen))[::2]
    for columns in (None, pattern.needed_by(nodes)):
        rows = pattern.of_rows(nodes, columns)
        again, at_once = rows.of_rows(some), pattern.of_rows(nodes[some], columns)
        assert edges_of(again) == edges_of(at_once)
        assert torch.equal(again.nodes, at_once.nodes)
        assert torch.equal(rows.needed_by(some), at_once.needed_by(torch.arange(len(some))))


def test_edges_of_a_device_stay_there():
    triples = torch.empty(5, 3, dtype=torch.int64, device="meta")
    with pytest.raises(NotImplementedError, match="unique"):  # reached: nothing was on another
        EdgePattern.undirected(triples, n_nodes=4)


def edges_of(pattern):
    nodes = pattern.taken_from(torch.arange(pattern.n_nodes))[pattern.row]
    return list(zip(nodes.tolist(), pattern.col.tolist(), strict=True))


def test_softmax_over_some_rows():
    pattern = random_pattern(1, n_edges=40)
    nodes = torch.tensor([7, 2, 2])
    rows = pattern.of_rows(nodes)
    node_scores = torch.randn(2, pattern.n_nodes, 1)
    softmax, some = (
        edge_softmax(p, edge_scores(p, p.taken_from(node_scores[0]), node_scores[1]))
        for p in (pattern, rows)
    )
    whole = torch.zeros(pattern.n_nodes, pattern.n_nodes)
    whole[pattern.row, pattern.col] = softmax[:, 0]
    part = torch.zeros(3, pattern.n_nodes)
    part[rows.row, rows.col] = some[:, 0]
    torch.testing.assert_close(part, whole[nodes])
