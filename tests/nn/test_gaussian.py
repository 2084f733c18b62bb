import pytest
import torch
from torch.nn import functional

from ibmea_sklearn.nn import FeatureEncoder
from ibmea_sklearn.nn.features import SparseRows
from ibmea_sklearn.nn.gaussian import Gaussian, PlainEncoder, Point, Spread


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


@pytest.mark.parametrize("log_variance", [100.0, 1e4, torch.inf])
def test_a_deviation_is_finite_and_so_are_gradients(log_variance):
    spread = torch.tensor([[log_variance, 0.0]], requires_grad=True)
    gaussian = Gaussian(torch.zeros(1, 2), spread)
    assert gaussian.deviation.tolist() == [[pytest.approx(4.85e8, rel=1e-3), 1]]
    (gaussian.deviation * 0).sum().backward()  # no loss reads it
    assert spread.grad.tolist() == [[0, 0]]


# The published forms


def test_uniform_noise_lies_above_the_mean():
    torch.manual_seed(0)
    gaussian = Gaussian(torch.zeros(20_000, 1), torch.full((20_000, 1), 4.0).log())
    draws = gaussian.sample("uniform")
    assert draws.min() >= 0 and draws.max() < 2
    torch.testing.assert_close(draws.mean(), torch.tensor(1.0), atol=0.02, rtol=0)


def test_a_spread_is_a_mean_and_a_deviation_of_any_sign():
    torch.manual_seed(0)
    mean, deviation = torch.randn(2, 3), torch.tensor([[-0.9, 0.0, 3.0], [1.0, -0.1, 2.0]])
    spread = Spread(mean, deviation)
    torch.manual_seed(1)
    drawn = spread.sample()
    torch.manual_seed(1)
    assert torch.equal(drawn, mean + deviation * torch.randn(2, 3))
    found, log_variance = spread
    assert torch.equal(found, mean) and torch.isfinite(log_variance).all()
    torch.testing.assert_close(log_variance.exp(), deviation.square())


@pytest.mark.parametrize("kind", [Gaussian, Spread])
def test_rows_of_a_posterior(kind):
    moments = torch.randn(4, 3), torch.rand(4, 3)
    rows = torch.tensor([2, 0, 2])
    some = kind(*moments).of(rows)
    assert torch.equal(some.mean, moments[0][rows])
    torch.testing.assert_close(some.deviation, kind(*moments).deviation[rows])


def test_a_point_has_nothing_to_draw():
    vectors = torch.randn(4, 3)
    for noise in ("normal", "uniform"):
        assert torch.equal(Point(vectors).sample(noise), vectors)
    assert torch.equal(Point(vectors).of(torch.tensor([1])).mean, vectors[1:2])


def test_an_encoder_without_a_bottleneck_is_linear():
    x = torch.randn(5, 7) * (torch.rand(5, 7) < 0.4)
    encoder = PlainEncoder(7, 4)
    expected = x @ encoder.linear.weight.T + encoder.linear.bias
    torch.testing.assert_close(encoder(x).mean, expected)
    torch.testing.assert_close(encoder(as_sparse(x)).mean, expected)
    projection = torch.nn.Linear(7, 4)
    assert torch.equal(PlainEncoder(7, 4, projection)(x).mean, projection(x))


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
