import pytest
import torch
from torch.nn import functional

from ibmea_sklearn.nn.gaussian import FeatureEncoder, Gaussian, GraphEncoder
from ibmea_sklearn.nn.rows import SparseRows
from ibmea_sklearn.nn.sparse import EdgePattern
from ibmea_sklearn.nn.start import AnchorStart, LearnedStart

ANCHORS = torch.tensor([[0, 5], [1, 6]])


def pattern() -> EdgePattern:
    triples = torch.tensor([[0, 0, 1], [1, 0, 2], [5, 0, 6], [6, 0, 7], [3, 0, 2]])
    return EdgePattern.undirected(triples, 10)


def as_sparse(x: torch.Tensor) -> SparseRows:
    rows, columns = x.nonzero(as_tuple=True)
    ends = torch.bincount(rows, minlength=len(x)).cumsum(0)
    return SparseRows(torch.cat([ends.new_zeros(1), ends]), columns, x[rows, columns])


# Gaussian


def test_sample_has_the_moments():
    torch.manual_seed(0)
    mean, log_variance = torch.tensor([[1.0, -2.0]]), torch.tensor([[4.0, 0.01]]).log()
    draws = Gaussian(mean.expand(20_000, 2), log_variance.expand(20_000, 2)).sample()
    torch.testing.assert_close(draws.mean(0), mean[0], atol=0.05, rtol=0)
    torch.testing.assert_close(draws.var(0), log_variance[0].exp(), rtol=0.05, atol=0)


def test_gradients_pass_through_a_sample():
    mean, log_variance = (torch.zeros(3, 2, requires_grad=True) for _ in range(2))
    Gaussian(mean, log_variance).sample().square().sum().backward()
    assert (mean.grad != 0).all() and (log_variance.grad != 0).all()


# FeatureEncoder


def test_feature_encoder_is_the_equation():
    encoder, x = FeatureEncoder(7, 4), torch.randn(5, 7)
    h = functional.relu(x @ encoder.hidden.weight.T + encoder.hidden.bias)
    mean, log_variance = encoder(x)
    torch.testing.assert_close(
        mean, h @ encoder.posterior.mean.weight.T + encoder.posterior.mean.bias
    )
    expected = h @ encoder.posterior.log_variance.weight.T + encoder.posterior.log_variance.bias
    torch.testing.assert_close(log_variance, expected)


@pytest.mark.parametrize("with_projection", [False, True])
def test_sparse_rows_are_encoded_as_dense_ones(with_projection):
    x = torch.randn(5, 7) * (torch.rand(5, 7) < 0.4)
    projection = torch.nn.Linear(7, 4) if with_projection else None
    encoder = FeatureEncoder(7, 4, projection=projection)
    torch.testing.assert_close(encoder(as_sparse(x)), encoder(x))


def test_mean_starts_at_the_projection_and_moves_on():
    projection, x = torch.nn.Linear(7, 4), torch.randn(5, 7)
    encoder = FeatureEncoder(7, 4, dropout=0.5, projection=projection)
    assert torch.equal(encoder(x).mean, projection(x))  # dropout or not
    encoder(x).mean.square().sum().backward()
    assert projection.weight.grad.abs().sum() > 0
    assert (
        encoder.posterior.mean.weight.grad.abs().sum() > 0
    )  # the head learns although it starts at zero


def test_without_a_projection_nothing_starts_at_zero():
    encoder = FeatureEncoder(7, 4)
    assert encoder.projection is None and (encoder.posterior.mean.weight != 0).any()


def test_feature_dropout_is_off_at_inference():
    encoder, x = FeatureEncoder(7, 40, dropout=0.5), torch.randn(5, 7)
    assert not torch.equal(encoder(x).mean, encoder(x).mean)
    encoder.eval()
    assert torch.equal(encoder(x).mean, encoder(x).mean)


# GraphEncoder


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
