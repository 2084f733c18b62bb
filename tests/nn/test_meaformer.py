"""Attention between modalities, and the weights that come of it."""

import numpy as np
import pytest
import torch

from ibmea_sklearn.nn import CrossModalFusion

N, WIDTH = 5, 6
MODALITIES = ("graph", "image", "relation")


def given(has=1.0):
    generator = torch.Generator().manual_seed(1)
    vectors = {m: torch.randn(N, WIDTH, generator=generator) for m in MODALITIES}
    masks = {m: torch.rand(N, generator=generator) < has for m in MODALITIES}
    return vectors, masks


def fusion(n_heads=2):
    torch.manual_seed(0)
    return CrossModalFusion(dict.fromkeys(MODALITIES, WIDTH), n_heads, n_hidden=4)


def naive_weights(module, vectors, masks, entity):
    """Weights of one entity by loops over heads and modalities."""
    there = [m for m in MODALITIES if masks[m][entity]]
    units = {m: torch.nn.functional.normalize(vectors[m][entity], dim=0) for m in there}
    size = WIDTH // module.n_heads
    got = dict.fromkeys(there, 0.0)
    for head in range(module.n_heads):
        part = slice(head * size, (head + 1) * size)
        for asking in there:
            query = module.query(units[asking])[part]
            scores = [(query @ module.key(units[m])[part]).item() / size**0.5 for m in there]
            shares = np.exp(scores) / np.exp(scores).sum()
            for m, share in zip(there, shares, strict=True):
                got[m] += share
    scaled = {m: np.exp(g / (len(MODALITIES) * module.n_heads) ** 0.5) for m, g in got.items()}
    return [scaled.get(m, 0) / sum(scaled.values()) for m in MODALITIES]


@pytest.mark.parametrize("has", [0.5, 1.0])
def test_weights_are_those_of_a_naive_loop(has):
    module, (vectors, masks) = fusion(), given(has)
    masks["graph"][:] = True
    _, weights = module(vectors, masks)
    expected = [naive_weights(module, vectors, masks, i) for i in range(N)]
    np.testing.assert_allclose(weights.detach(), expected, rtol=1e-5)


def test_fused_vectors_are_unit_vectors_times_weights():
    module, (vectors, masks) = fusion(), given()
    fused, weights = module(vectors, masks)
    for part, m, weight in zip(fused.chunk(3, 1), MODALITIES, weights.T, strict=True):
        unit = torch.nn.functional.normalize(vectors[m])
        torch.testing.assert_close(part, unit * weight[:, None])


def test_what_an_entity_lacks_is_in_nothing_that_it_has():
    module, (vectors, masks) = fusion(), given(0.5)
    masks["graph"][:] = True
    changed = {m: torch.where(masks[m][:, None], v, torch.ones(())) for m, v in vectors.items()}
    one, other = (module.attend(v, masks) for v in (vectors, changed))
    torch.testing.assert_close(one[0] * 0 + one[0], other[0])
    torch.testing.assert_close(one[1], other[1])
    for m in MODALITIES:
        torch.testing.assert_close(one[2][m][masks[m]], other[2][m][masks[m]])


def test_who_has_nothing_has_no_weight_and_a_finite_gradient():
    module, (vectors, masks) = fusion(), given(0.0)
    vectors = {m: v.requires_grad_() for m, v in vectors.items()}
    fused, weights, attended = module.attend(vectors, masks)
    assert not weights.any() and not fused.any()
    (fused.sum() + sum(a.sum() for a in attended.values())).backward()
    assert all(torch.isfinite(v.grad).all() for v in vectors.values())


@pytest.mark.parametrize(("widths", "n_heads"), [((6, 4), 1), ((6, 6), 4)])
def test_widths_that_do_not_fit_are_refused(widths, n_heads):
    with pytest.raises(ValueError, match="one width that .* heads share evenly; found widths"):
        CrossModalFusion(dict(zip("ab", widths, strict=True)), n_heads)
