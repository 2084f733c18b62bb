"""Each loss against a naive loop on any batch, and against the published implementation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.losses import MultiSimilarityLoss

from ibmea_sklearn.losses import Contrastive, InfoNCE, MultiSimilarity, _blocks, variational
from ibmea_sklearn.losses.variational import SoftplusKL, StandardNormalKL


def cosine(a, b):
    return torch.nn.functional.cosine_similarity(a, b, dim=0)


def naive_info_nce(loss, left, right):
    total = (left.sum() + right.sum()) * 0
    for i in range(len(left)):
        scores = torch.stack([cosine(left[i], y) for y in right]) / loss.temperature
        total = total - (scores[i] - torch.logsumexp(scores, 0))
    return total / max(1, len(left))


def naive_symmetric_info_nce(loss, left, right):
    return (naive_info_nce(loss, left, right) + naive_info_nce(loss, right, left)) / 2


def naive_multi_similarity(loss, left, right):
    rows, n = torch.cat([left, right]), len(left)
    total = (left.sum() + right.sum()) * 0
    for i in range(2 * n):
        partner = (i + n) % (2 * n)
        others = [j for j in range(2 * n) if j not in (i, partner)]
        push = sum(torch.exp(loss.beta * (cosine(rows[i], rows[j]) - loss.base)) for j in others)
        pull = torch.exp(-loss.alpha * (cosine(rows[i], rows[partner]) - loss.base))
        total = total + torch.log1p(pull) / loss.alpha + torch.log1p(push + pull * 0) / loss.beta
    return total / max(1, 2 * n)


def naive_kl(mean, log_variance):
    from torch.distributions import Normal, kl_divergence

    total = torch.zeros(())
    for m, v in zip(mean, log_variance, strict=True):
        posterior = Normal(m, torch.exp(v / 2))
        total = total + kl_divergence(posterior, Normal(torch.zeros(()), torch.ones(()))).sum()
    return total / max(1, len(mean))


CASES = [
    (InfoNCE(0.1), naive_info_nce),
    (InfoNCE(2.0), naive_info_nce),
    (InfoNCE(0.1, symmetric=True), naive_symmetric_info_nce),
    (MultiSimilarity(5.0), naive_multi_similarity),
    (MultiSimilarity(0.1, beta=10.0), naive_multi_similarity),
]


@pytest.mark.parametrize(("loss", "naive"), CASES)
@pytest.mark.parametrize("n", [0, 1, 2, 7])
@settings(max_examples=10)
@given(seed=st.integers(0, 1_000), block=st.integers(1, 60))
def test_blocked_loss_equals_naive_loop_with_gradients(loss, naive, n, seed, block):
    generator = torch.Generator().manual_seed(seed)
    sides = [torch.randn(n, 4, generator=generator).requires_grad_() for _ in range(2)]
    usual = _blocks._BLOCK_NUMBERS, _blocks._FEWEST_ROWS
    _blocks._BLOCK_NUMBERS, _blocks._FEWEST_ROWS = block, 1
    try:
        ours = loss(*sides)
        gradients = torch.autograd.grad(ours, sides)
    finally:
        _blocks._BLOCK_NUMBERS, _blocks._FEWEST_ROWS = usual
    expected = naive(loss, *sides)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        gradients,
        torch.autograd.grad(expected, sides),
        rtol=1e-3,
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("nce_tau0.1", InfoNCE(0.1)),
        ("nce_tau400", InfoNCE(400.0)),
        ("ms_a0.1_b40_base0.5", MultiSimilarity(0.1)),
        ("ms_a5_b40_base0.5", MultiSimilarity(5.0)),
    ],
)
def test_published_losses_and_gradients(golden, name, loss):
    values = golden("ibmea")
    embeddings = torch.tensor(values["loss_emb"], requires_grad=True)
    left, right = torch.tensor(values["loss_links"]).T
    ours = loss(embeddings[left], embeddings[right])
    ours.backward()
    np.testing.assert_allclose(ours.item(), values[name], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(embeddings.grad, values[f"{name}_grad"], rtol=1e-4, atol=1e-5)


def test_kl_of_the_paper(golden):
    values = golden("ibmea")
    sigma = torch.tensor(values["kl_logvar_sigma"])
    ours = StandardNormalKL()(torch.tensor(values["kl_mu"]), 2 * sigma.log())
    np.testing.assert_allclose(ours, values["kl_paper"], rtol=1e-4)


def test_kl_of_the_published_code(golden):
    values = golden("ibmea")
    mean, deviation = (torch.tensor(values[name]) for name in ("kl_mu", "kl_raw_scale"))
    np.testing.assert_allclose(SoftplusKL()(mean, deviation), values["kl_official"], rtol=1e-4)


def naive_softplus_kl(mean, deviation):
    from torch.distributions import Normal, kl_divergence

    def passed(s):
        return torch.exp(0.1 + 0.9 * torch.log1p(torch.exp(torch.clamp(s, max=0.4))))

    prior = Normal(torch.zeros(()), passed(torch.ones(())))
    total = torch.zeros(())
    for m, s in zip(mean, deviation, strict=True):
        total = total + kl_divergence(Normal(m, passed(s)), prior).sum()
    return total / max(1, len(mean))


@pytest.mark.parametrize("n", [0, 1, 5])
def test_published_kl_equals_naive_loop_with_gradients(n):
    moments = [torch.randn(n, 3, requires_grad=True) for _ in range(2)]
    ours, expected = SoftplusKL()(*moments), naive_softplus_kl(*moments)
    torch.testing.assert_close(ours, expected)
    if n:
        torch.testing.assert_close(
            torch.autograd.grad(ours, moments), torch.autograd.grad(expected, moments)
        )


def test_published_kl_of_some_rows_of_many_blocks(monkeypatch):
    """Against the naive loop over the rows that count; NaN elsewhere is not heard of."""
    monkeypatch.setattr(variational, "_BLOCK_NUMBERS", 7)
    generator = torch.Generator().manual_seed(0)
    given = [2 * torch.randn(9, 3, generator=generator, dtype=torch.float64) for _ in range(2)]
    kept = torch.arange(9) % 3 > 0
    moments = [m.masked_fill(~kept[:, None], torch.nan).requires_grad_() for m in given]
    some = [m[kept].requires_grad_() for m in given]
    ours, expected = SoftplusKL()(*moments, kept), naive_softplus_kl(*some)
    torch.testing.assert_close(ours, expected, check_dtype=False)
    gradients = torch.autograd.grad(3 * ours, moments)
    for found, right in zip(gradients, torch.autograd.grad(3 * expected, some), strict=True):
        torch.testing.assert_close(found[kept], right)
        assert not found[~kept].any()


def test_published_kl_of_a_mean_alone_has_a_gradient():
    mean = torch.ones(2, 3, requires_grad=True)
    SoftplusKL()(mean, torch.zeros(2, 3)).backward()
    prior = np.exp(0.1 + 0.9 * np.log1p(np.exp(0.4)))
    assert mean.grad.unique().item() == pytest.approx(1 / 2 / prior**2)


@pytest.mark.parametrize(
    ("deviation", "nats", "exact"), [(1.0, 7.9, 50.0), (0.01, 11.2, 460.5), (1e9, 7.9, None)]
)
def test_what_both_divergences_cost(deviation, nats, exact):
    mean, spread = torch.ones(1, 100), torch.full((1, 100), deviation)
    assert SoftplusKL()(mean, spread).item() == pytest.approx(nats, abs=0.05)
    if exact:
        assert StandardNormalKL()(mean, 2 * spread.log()).item() == pytest.approx(exact, abs=0.1)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_kl_equals_naive_loop_with_gradients(n):
    moments = [torch.randn(n, 3, requires_grad=True) for _ in range(2)]
    ours, expected = StandardNormalKL()(*moments), naive_kl(*moments)
    torch.testing.assert_close(ours, expected)
    if n:
        torch.testing.assert_close(
            torch.autograd.grad(ours, moments), torch.autograd.grad(expected, moments)
        )


def test_multi_similarity_equals_pytorch_metric_learning():
    left, right = torch.randn(2, 30, 8)
    labels = torch.arange(30).repeat(2)
    theirs = MultiSimilarityLoss(alpha=5, beta=40, base=0.5)(torch.cat([left, right]), labels)
    torch.testing.assert_close(MultiSimilarity(5.0)(left, right), theirs)


def test_symmetric_info_nce_does_not_depend_on_the_side():
    left, right = torch.randn(2, 6, 4)
    loss = InfoNCE(0.1, symmetric=True)
    torch.testing.assert_close(loss(left, right), loss(right, left))


EVERY_LOSS = [InfoNCE(0.1), InfoNCE(0.1, symmetric=True), MultiSimilarity(5.0)]


@pytest.mark.parametrize("loss", EVERY_LOSS)
def test_gradient_is_exact(loss):
    sides = [torch.randn(6, 3, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(loss, sides)


@pytest.mark.parametrize("loss", [*EVERY_LOSS, InfoNCE(0.01, symmetric=True)])
def test_gradients_are_the_same_whether_scores_are_kept_or_computed_anew(loss, monkeypatch):
    sides = [torch.randn(300, 5, requires_grad=True) for _ in range(2)]
    kept = torch.autograd.grad(loss(*sides), sides)
    monkeypatch.setattr(_blocks, "_KEPT_NUMBERS", 0)
    anew = torch.autograd.grad(loss(*sides), sides)
    torch.testing.assert_close(kept, anew, rtol=0, atol=0)


@pytest.mark.parametrize("temperature", [1 / 43, 1 / 43.1])  # powers up to here, then logarithms
def test_powers_and_logarithms_give_the_same(temperature):
    sides = [torch.randn(50, 4, requires_grad=True) for _ in range(2)]
    loss = InfoNCE(temperature, symmetric=True)
    value = loss(*sides)
    exact = [side.detach().double().requires_grad_() for side in sides]
    expected = naive_symmetric_info_nce(loss, *exact)
    torch.testing.assert_close(value, expected.float(), rtol=1e-5, atol=0)
    for a, b in zip(
        torch.autograd.grad(value, sides), torch.autograd.grad(expected, exact), strict=True
    ):
        torch.testing.assert_close(a, b.float(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "loss", [InfoNCE(0.1), InfoNCE(0.1, symmetric=True), InfoNCE(1 / 50, symmetric=True)]
)
@pytest.mark.parametrize("kept", [[], [3], [1, 2, 5], range(9)])
def test_pairs_that_are_left_out_do_not_count(loss, kept):
    sides = [torch.randn(9, 4, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    mask = torch.zeros(9, dtype=torch.bool)
    mask[list(kept)] = True
    found, expected = loss(*sides, mask), loss(*(side[mask] for side in sides))
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(value, sides) for value in (found, expected)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("kept", [[], [3], [1, 2, 5], range(9)])
def test_divergence_of_rows_that_are_left_out_does_not_count(kept):
    moments = [torch.randn(9, 4, requires_grad=True) for _ in range(2)]
    mask = torch.zeros(9, dtype=torch.bool)
    mask[list(kept)] = True
    loss = StandardNormalKL()
    found, expected = loss(*moments, mask), loss(*(moment[mask] for moment in moments))
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(value, moments) for value in (found, expected)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("loss", EVERY_LOSS)
def test_no_matrix_of_all_pairs_is_made(loss, monkeypatch):
    n = 4_500
    for name in ("_BLOCK_NUMBERS", "_KEPT_NUMBERS"):  # as for twice as many pairs
        monkeypatch.setattr(_blocks, name, getattr(_blocks, name) // 4)
    sides = [torch.randn(n, 2, requires_grad=True) for _ in range(2)]
    with torch.profiler.profile(profile_memory=True) as profiler:
        loss(*sides).backward()
    largest = max(event.cpu_memory_usage for event in profiler.events())
    assert 0 < largest < n * n * 4 / 2  # bytes


@pytest.mark.parametrize("loss", EVERY_LOSS)
@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_rows_of_any_length_give_finite_losses_and_gradients(loss, scale):
    sides = [(torch.randn(9, 4) * scale).requires_grad_() for _ in range(2)]
    value = loss(*sides)
    assert torch.isfinite(value)
    assert all(torch.isfinite(g).all() for g in torch.autograd.grad(value, sides))


def test_scores_far_beyond_the_largest_exponential_are_finite():
    left, right = (torch.randn(9, 4, requires_grad=True) for _ in range(2))
    for loss in (InfoNCE(1e-4, symmetric=True), MultiSimilarity(5e3, beta=1e4)):
        value = loss(left, right)
        assert torch.isfinite(value)
        assert all(torch.isfinite(g).all() for g in torch.autograd.grad(value, (left, right)))


@pytest.mark.parametrize("loss", EVERY_LOSS)
def test_autocast_takes_products_in_lower_precision_and_sums_in_full(loss):
    # Pairs that are near each other, as in training: random ones have no shares to speak of.
    left = torch.randn(400, 32)
    sides = [(left + 0.5 * torch.randn(400, 32)).requires_grad_() for _ in range(2)]
    full = loss(*sides)
    with torch.autocast("cpu", torch.bfloat16):
        low = loss(*(side.to(torch.bfloat16) for side in sides))
    assert low.dtype == torch.float32
    assert low != full
    # bfloat16 has 8 bits; a loss that summed in it would be off by a tenth and more.
    torch.testing.assert_close(low, full, rtol=0.03, atol=0)
    for a, b in zip(torch.autograd.grad(low, sides), torch.autograd.grad(full, sides), strict=True):
        assert (a - b).norm() < 0.05 * b.norm()


@pytest.mark.parametrize("loss", [*EVERY_LOSS, Contrastive()])
def test_a_single_partner_for_all_is_an_error(loss):
    with pytest.raises(ValueError, match=r"of one shape .*; found \(3, 4\) and \(1, 4\)"):
        loss(torch.ones(3, 4), torch.ones(1, 4))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: InfoNCE(-0.1), "temperature"),
        (lambda: MultiSimilarity(alpha=0), "alpha"),
        (lambda: MultiSimilarity(beta=float("nan")), "beta"),
    ],
)
def test_scales_are_above_zero(make, name):
    with pytest.raises(ValueError, match=f"Expected {name} to be finite and above 0; found"):
        make()


@pytest.mark.parametrize("loss", [*EVERY_LOSS, Contrastive()])
def test_a_second_derivative_is_an_error_and_not_a_wrong_number(loss):
    sides = [torch.randn(5, 4, requires_grad=True) for _ in range(2)]
    with pytest.raises(RuntimeError, match="Expected a first derivative only; found create_graph"):
        torch.autograd.grad(loss(*sides), sides, create_graph=True)


@pytest.mark.parametrize("loss", [InfoNCE(0.1), InfoNCE(1 / 50, symmetric=True)])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_no_gradient_hears_of_what_is_left_out(loss, bad):
    clean = [torch.randn(6, 4) for _ in range(2)]
    mask = torch.tensor([True, True, False, True, True, True])
    for of in (loss, StandardNormalKL()):
        found = []
        for value in (0.0, bad):
            sides = [side.clone() for side in clean]
            for side in sides:
                side[2] = value
                side.requires_grad_()
            result = of(*sides, mask)
            found.append((result.detach(), *torch.autograd.grad(result, sides)))
        for one, other in zip(*found, strict=True):
            torch.testing.assert_close(other, one, rtol=0, atol=0)


def test_what_is_near_nothing_keeps_its_digits_in_half_precision():
    """A posterior near the prior, where the terms of the divergence cancel."""
    mean, log_variance = (0.05 * torch.randn(200, 100).to(torch.bfloat16) for _ in range(2))
    exact = StandardNormalKL()(mean.double(), log_variance.double())
    with torch.autocast("cpu", torch.bfloat16):
        found = StandardNormalKL()(mean, log_variance)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(exact.item(), rel=1e-4)


def test_similarities_of_pairs_are_in_full_precision_under_autocast():
    """Of one pair the loss of multi-similarity is a function of its own similarity alone."""
    sides = [torch.randn(1, 64) for _ in range(2)]
    full = MultiSimilarity()(*sides)
    with torch.autocast("cpu", torch.bfloat16):
        assert MultiSimilarity()(*sides).item() == pytest.approx(full.item(), rel=1e-6)


@pytest.mark.parametrize("loss", [InfoNCE(0.1, symmetric=True), MultiSimilarity()])
def test_powers_are_given_back_with_the_gradient(loss):
    sides = [torch.randn(60, 4, requires_grad=True) for _ in range(2)]
    value = loss(*sides)
    kept = list(_kept_powers(value.grad_fn))
    assert kept
    expected = torch.autograd.grad(value, sides, retain_graph=True)
    assert not list(_kept_powers(value.grad_fn))
    torch.testing.assert_close(torch.autograd.grad(value, sides), expected)  # computed anew


def _kept_powers(node):
    if getattr(node, "kept", None):
        yield node.kept
    for below, _ in node.next_functions:
        if below is not None:
            yield from _kept_powers(below)
