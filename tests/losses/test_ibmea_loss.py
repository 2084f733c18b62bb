"""IBMEA's whole objective: which parts it has, and what each takes into account."""

import pytest
import torch

from ibmea_sklearn.losses import IBMEALoss, InfoNCE, MultiSimilarity
from ibmea_sklearn.losses.variational import SoftplusKL, StandardNormalKL
from ibmea_sklearn.nn.encoded import Encoded
from ibmea_sklearn.nn.gaussian import Gaussian

N = 6  # pairs
BETAS = {"graph": 0.5, "image": 2.0}


def encoded(has=1.0, seed=0):
    """An encoding of the left entities of all pairs, then of the right ones."""
    generator = torch.Generator().manual_seed(seed)

    def rows():
        return torch.randn(2 * N, 4, generator=generator)

    posteriors = {m: Gaussian(rows(), rows()) for m in BETAS}
    vectors = {m: rows() for m in BETAS}
    masks = {m: torch.rand(2 * N, generator=generator) < has for m in BETAS}
    return Encoded(posteriors, vectors, masks, masks, rows(), torch.ones(2 * N, 2))


@pytest.mark.parametrize("has", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("symmetric", [False, True])
def test_parts_are_the_single_losses_of_who_has_the_modality(has, symmetric):
    given = encoded(has)
    parts = IBMEALoss(BETAS, 0.2, symmetric, 1.5, 4.0, 30.0, 0.4)(given)
    for m, beta in BETAS.items():
        mask = given.masks[m]
        both = mask[:N] & mask[N:]
        kl = StandardNormalKL()(*(moment[mask] for moment in given.posteriors[m]))
        left, right = given.vectors[m].chunk(2)
        torch.testing.assert_close(parts[f"kl_{m}"], beta * kl)
        expected = InfoNCE(0.2, symmetric)(left[both], right[both])
        torch.testing.assert_close(parts[f"nce_{m}"], expected)
    hybrid = MultiSimilarity(4.0, 30.0, 0.4)(*given.fused.chunk(2))
    torch.testing.assert_close(parts["hybrid"], 1.5 * hybrid)
    assert len(parts) == 5


def test_no_weight_of_the_hybrid_leaves_it_out():
    assert "hybrid" not in IBMEALoss(BETAS, hybrid_weight=0)(encoded())


def test_what_stands_in_rows_without_the_modality_does_not_count():
    one, two = encoded(0.6), encoded(0.6)
    for m, mask in two.masks.items():
        two.vectors[m][~mask] = torch.nan
        for moment in two.posteriors[m]:
            moment[~mask] = torch.nan
    loss = IBMEALoss(BETAS)
    for found, expected in zip(loss(two).values(), loss(one).values(), strict=True):
        assert torch.equal(found, expected)


def test_pairs_that_are_different_are_one_more_negative_of_either_end():
    apart = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    given, loss = encoded()._replace(apart=apart), IBMEALoss(BETAS, hybrid_weight=1.5, beta=3.0)
    expected = 0.0
    for left, right in zip(*apart.chunk(2), strict=True):
        excess = torch.cosine_similarity(left, right, 0) - loss.hybrid.base
        expected += 2 * torch.log1p(torch.exp(3.0 * excess)) / 3.0
    torch.testing.assert_close(loss(given)["different"], 1.5 * expected / (2 * N))
    assert "different" not in loss(encoded())


@pytest.mark.parametrize("size", [4, 6])
def test_pairs_that_are_different_count_once_an_epoch(size):
    given = encoded()._replace(apart=torch.ones(2, 4))
    loss = IBMEALoss(BETAS, batch_size=size)
    has_any = ["different" in loss(batch) for batch in loss.split(given)]
    assert has_any[0] and not any(has_any[1:])


# The published forms


def test_a_modality_without_a_bottleneck_has_no_divergence():
    parts = IBMEALoss({"graph": None, "image": 2.0})(encoded())
    assert list(parts) == ["nce_graph", "kl_image", "nce_image", "hybrid"]


def test_the_published_divergence_takes_deviations():
    given = encoded()
    parts = IBMEALoss(BETAS, divergence="softplus")(given)
    for m, beta in BETAS.items():
        mean, log_variance = given.posteriors[m]
        expected = SoftplusKL()(mean, torch.exp(log_variance / 2))
        torch.testing.assert_close(parts[f"kl_{m}"], beta * expected)


@pytest.mark.parametrize("of_all", [False, True])
@pytest.mark.parametrize(("size", "sizes"), [(4, [4, 2]), (1, [1] * 6), (6, [6]), (None, [6])])
def test_batches_are_losses_of_their_pairs_alone(of_all, size, sizes):
    given, loss = encoded(0.7), IBMEALoss(BETAS, batch_size=size)
    if of_all:
        given = given._replace(everywhere=dict(given.masks))
    batches = loss.split(given)
    assert [len(batch.fused) // 2 for batch in batches] == sizes
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    for start, n, batch in zip(starts, sizes, batches, strict=True):
        rows = [*range(start, start + n), *range(N + start, N + start + n)]
        parts = loss(batch)
        torch.testing.assert_close(
            parts["hybrid"], loss.hybrid_weight * loss.hybrid(*given.fused[rows].chunk(2))
        )
        for m, beta in BETAS.items():
            mask = given.masks[m][rows]
            both = mask[:n] & mask[n:]
            left, right = given.vectors[m][rows].chunk(2)
            expected = InfoNCE()(left[both], right[both])
            torch.testing.assert_close(parts[f"nce_{m}"], expected)
            counted = list(range(2 * N)) if of_all else rows
            kept = [i for i in counted if given.masks[m][i]]
            kl = StandardNormalKL()(*(moment[kept] for moment in given.posteriors[m]))
            torch.testing.assert_close(parts[f"kl_{m}"], beta * kl)
