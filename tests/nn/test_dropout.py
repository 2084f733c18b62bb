"""Dropout: which share is dropped, what becomes of the rest, and of the gradient."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.nn.dropout import Dropout


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


def test_same_seed_same_numbers():
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
def test_does_nothing_after_training(p):
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
