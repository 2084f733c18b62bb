"""Losses of the yardsticks against what the released code says, values and gradients."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ibmea_sklearn.losses import EVALoss, MCLEALoss, MEAformerLoss
from ibmea_sklearn.nn import ConcatFusion

MODALITIES = ("graph", "image", "relation")
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture
def published(golden):
    return {name: torch.from_numpy(values.copy()) for name, values in golden("yardsticks").items()}


def encoded(published, detached=False):
    """Return what a network would, and the leaves that a gradient flows to."""
    vectors = {m: published[f"vectors_{m}"].requires_grad_() for m in MODALITIES}
    attended = {m: published[f"attended_{m}"].requires_grad_() for m in MODALITIES}
    masks = {m: torch.ones(len(x), dtype=torch.bool) for m, x in vectors.items()}
    fusion = ConcatFusion({m: x.shape[1] for m, x in vectors.items()}, detached)
    with torch.no_grad():
        fusion.weight.copy_(published["fusion"])
    fused, weights = fusion(vectors, masks)
    posteriors = {m: SimpleNamespace(mean=x) for m, x in attended.items()}
    leaves = {f"vectors_{m}": x for m, x in vectors.items()}
    leaves |= {f"attended_{m}": x for m, x in attended.items()} | {"fusion": fusion.weight}
    given = SimpleNamespace(
        vectors=vectors,
        masks=masks,
        posteriors=posteriors,
        fused=fused,
        weights=weights,
        apart=None,
    )
    return given, leaves


def check(published, name, loss, given, leaves):
    if hasattr(loss, "uncertainty"):
        leaves["uncertainty"] = loss.uncertainty
        own = published["uncertainty"][: loss.uncertainty.dim()]
        with torch.no_grad():
            loss.uncertainty.copy_(own if loss.uncertainty.dim() == 2 else own[0])
    found = sum(loss(given).values())
    np.testing.assert_allclose(found.item(), published[f"{name}_loss"].item(), **CLOSE)
    gradients = torch.autograd.grad(found, list(leaves.values()), allow_unused=True)
    for leaf, gradient in zip(leaves, gradients, strict=True):
        expected = published.get(f"{name}_grad_{leaf}")
        assert (gradient is None) == (expected is None)
        if gradient is not None and expected.dim() > gradient.dim():
            expected = expected[0]  # MEAformer has uncertainties of contrasts alone
        if gradient is not None:
            torch.testing.assert_close(gradient, expected, **CLOSE)


def test_eva(published):
    loss = EVALoss(5.0, 10.0, feature_alpha=15.0, released=True)
    check(published, "eva", loss, *encoded(published, detached=True))


def test_mclea(published):
    check(published, "mclea", MCLEALoss(MODALITIES, released=True), *encoded(published))


def test_meaformer(published):
    check(
        published,
        "meaformer",
        MEAformerLoss(released=True, modalities=MODALITIES),
        *encoded(published),
    )


def test_the_released_divergence_is_averaged_over_pairs_that_take_part(published):
    given, _ = encoded(published)
    whole = MCLEALoss(MODALITIES, released=True)(given)["alignment_image"]
    twice = {m: torch.cat([x[:7], x[:7], x[7:], x[7:]]) for m, x in given.vectors.items()}
    masks = {m: torch.tensor(([True] * 7 + [False] * 7) * 2) for m in MODALITIES}
    fused = torch.cat([given.fused[:7]] * 2 + [given.fused[7:]] * 2)
    more = SimpleNamespace(vectors=twice, masks=masks, fused=fused, apart=None)
    torch.testing.assert_close(MCLEALoss(MODALITIES, released=True)(more)["alignment_image"], whole)


def test_what_the_papers_say_is_another_loss(published):
    given, _ = encoded(published)
    for name, loss in (
        ("eva", EVALoss()),
        ("mclea", MCLEALoss(MODALITIES)),
        ("meaformer", MEAformerLoss()),
    ):
        assert abs(sum(loss(given).values()) - published[f"{name}_loss"]) > 0.1
