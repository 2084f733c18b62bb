"""Graph attention, and dropout: which share is dropped, what becomes of the rest."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.nn import EdgePattern
from ibmea_sklearn.nn.gat import DiagonalGAT, DiagonalGATLayer, Dropout

# Attention


def naive_layer(layer: DiagonalGATLayer, x: torch.Tensor, pattern: EdgePattern) -> torch.Tensor:
    """The formula of the docstring, node by node and head by head."""
    heads = []
    for w, a in zip(layer.weight, layer.attention, strict=True):
        h, (source, target) = x * w, a.chunk(2)
        rows = []
        for i in range(len(x)):
            near = pattern.col[pattern.row == i]
            score = -torch.nn.functional.leaky_relu(source @ h[i] + h[near] @ target, 0.2)
            rows.append(torch.softmax(score, 0) @ h[near])
        heads.append(torch.stack(rows))
    return torch.stack(heads).mean(0)


def random_case(seed: int, n_nodes: int = 12, n_edges: int = 20, d: int = 5):
    generator = torch.Generator().manual_seed(seed)
    triples = torch.randint(n_nodes, (n_edges, 3), generator=generator)
    torch.manual_seed(seed)
    layer = DiagonalGATLayer(d)
    torch.nn.init.normal_(layer.weight)
    x = torch.randn(n_nodes, d, generator=generator)
    return layer, x, triples


@given(st.integers(0, 10_000))
def test_layer_equals_naive_loop_with_gradients(seed):
    layer, x, triples = random_case(seed)
    pattern = EdgePattern.undirected(triples, len(x))
    x.requires_grad_()
    parameters = [x, *layer.parameters()]
    cotangent = torch.randn(x.shape)
    ours, naive = layer(x, pattern), naive_layer(layer, x, pattern)
    torch.testing.assert_close(ours, naive, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        torch.autograd.grad((ours * cotangent).sum(), parameters),
        torch.autograd.grad((naive * cotangent).sum(), parameters),
        rtol=1e-4,
        atol=1e-5,
    )


@given(st.integers(0, 10_000))
def test_permuting_nodes_permutes_rows(seed):
    layer, x, triples = random_case(seed)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    place = torch.argsort(order)
    moved = torch.column_stack([place[triples[:, 0]], triples[:, 1], place[triples[:, 2]]])
    y = layer(x, EdgePattern.undirected(triples, len(x)))
    moved_y = layer(x[order], EdgePattern.undirected(moved, len(x)))
    torch.testing.assert_close(moved_y, y[order], rtol=1e-4, atol=1e-5)


@given(st.integers(0, 10_000))
def test_an_isolated_node_changes_no_other_row(seed):
    layer, x, triples = random_case(seed)
    y = layer(x, EdgePattern.undirected(triples, len(x)))
    more = torch.cat([x, torch.randn(1, x.shape[1])])
    more_y = layer(more, EdgePattern.undirected(triples, len(more)))
    torch.testing.assert_close(more_y[:-1], y, rtol=1e-4, atol=1e-5)
    # Alone with its loop, a node attends to itself only.
    torch.testing.assert_close(more_y[-1], more[-1] * layer.weight.mean(0), rtol=1e-4, atol=1e-5)


def test_published_network_output_and_gradients(golden):
    values = golden("ibmea")
    pattern = EdgePattern.undirected(torch.from_numpy(values["triples"]), 60)
    np.testing.assert_array_equal(pattern.row, values["adj_row"])
    np.testing.assert_array_equal(pattern.col, values["adj_col"])
    gat = DiagonalGAT(16)
    x = torch.tensor(values["gat_x"], requires_grad=True)
    for i, layer in enumerate(gat.layers):
        layer.weight.data = torch.tensor(values[f"gat_w{i}"])
        layer.attention.data = torch.tensor(values[f"gat_a{i}"])
    y = gat(x, pattern)
    (y * torch.tensor(values["gat_cotangent"])).sum().backward()
    pairs = {
        "gat_y": y.detach(),
        "gat_grad_x": x.grad,
        "gat_grad_w0": gat.layers[0].weight.grad,
        "gat_grad_a0": gat.layers[0].attention.grad,
        "gat_grad_w1": gat.layers[1].weight.grad,
        "gat_grad_a1": gat.layers[1].attention.grad,
    }
    for name, ours in pairs.items():
        np.testing.assert_allclose(ours, values[name], rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("size", [1e3, -1e3])
def test_attention_of_huge_scores_is_finite(size):
    layer, x, triples = random_case(0)
    y = layer(x * size, EdgePattern.undirected(triples, len(x)))
    assert torch.isfinite(y).all()


# Dropout


@pytest.mark.parametrize("p", [0.1, 0.45, 0.5, 0.999])
def test_drops_that_share_and_keeps_the_mean(p):
    torch.manual_seed(0)
    x = torch.ones(1_000, 1_000)
    y = Dropout(p)(x)
    kept = y != 0
    deviation = (p * (1 - p) / x.numel()) ** 0.5  # of the share that is dropped
    assert 1 - kept.double().mean().item() == pytest.approx(p, abs=5 * deviation + 1e-5)
    assert y[kept].unique().tolist() == pytest.approx([1 / (1 - p)], rel=0.02 if p > 0.9 else 1e-4)
    assert y.double().mean().item() == pytest.approx(1, abs=6 * deviation / (1 - p))


def test_numbers_of_one_draw_do_not_depend_on_each_other():
    torch.manual_seed(0)
    kept = (Dropout(0.5)(torch.ones(100_000, 4)) != 0).double()
    correlation = torch.corrcoef(kept.T) - torch.eye(4)
    assert correlation.abs().max() < 0.02


@given(n=st.integers(0, 30), d=st.integers(0, 5))
def test_any_shape_and_a_gradient_where_numbers_are_kept(n, d):
    x = torch.rand(n, d, requires_grad=True) + 0.5
    x.retain_grad()
    y = Dropout(0.4)(x)
    assert y.shape == x.shape
    y.sum().backward()
    torch.testing.assert_close(x.grad, torch.where(y != 0, 1 / 0.6, 0.0), rtol=1e-4, atol=0)


def test_the_same_seed_drops_the_same_numbers():
    x = torch.ones(50, 3)
    runs = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        runs.append(Dropout(0.5)(x))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_nearly_all_is_dropped():
    y = Dropout(1 - 1e-9)(torch.ones(1_000, 1_000))
    assert torch.isfinite(y).all()
    assert (y != 0).double().mean() < 1e-4


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_dropout_does_nothing_after_training(p):
    x = torch.randn(4, 4)
    assert Dropout(p).eval()(x) is x
    assert torch.equal(Dropout(0.0)(x), x)
    assert str(Dropout(p)) == f"Dropout(p={p})"


def test_a_compiled_step_of_changing_size():
    """A graph encoder computes other nodes in each step."""

    def step(x):
        return torch.nonzero(x).sum() + dropout(x).sum()  # the compiler stops, and goes on

    dropout = Dropout(0.5)
    compiled = torch.compile(step, backend="aot_eager")
    for n in (738, 741, 745):
        assert compiled(torch.ones(n, 200)).isfinite()


@pytest.mark.parametrize("p", [1, -0.5, float("nan")])
def test_a_probability_is_in_zero_to_one(p):
    with pytest.raises(ValueError, match=r"Expected a probability p in \[0, 1\); found"):
        Dropout(p)
