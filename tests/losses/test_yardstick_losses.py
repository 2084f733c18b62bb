"""Losses of the yardsticks against naive loops, with their gradients, and what takes part."""

import math
from types import SimpleNamespace

import pytest
import torch

from ibmea_sklearn.losses import (
    NCA,
    EVALoss,
    GCNAlignLoss,
    IntraModalContrast,
    MCLEALoss,
    MEAformerLoss,
)
from ibmea_sklearn.losses._batches import push_apart
from ibmea_sklearn.losses.mclea import InterModalAlignment
from ibmea_sklearn.nn.encoded import Encoded
from ibmea_sklearn.nn.gaussian import Point

MODALITIES = ("graph", "image")
OF_PAIRS = {
    "eva": lambda size=None: EVALoss(5.0, 10.0, size),
    "mclea": lambda size=None: MCLEALoss(MODALITIES, 0.2, 4.0, size),
    "meaformer": lambda size=None: MEAformerLoss(0.2, size),
}


def rows(n, width=4, seed=0):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def units(x):
    return torch.nn.functional.normalize(x)


def naive_nca(left, right, alpha, beta):
    scores, total = units(left) @ units(right).T, 0.0
    n = len(left)
    for i in range(n):
        for s in (scores[i], scores[:, i]):
            total += math.log(1 + sum(math.exp(alpha * s[j]) for j in range(n) if j != i)) / alpha
        total -= math.log(1 + beta * max(0.0, float(scores[i, i])))
    return total / max(1, n)


def chances(one, other, temperature):
    """By row of `one`: chances of the rows of `other`, then of the others of its own side."""
    one, other = units(one), units(other)
    across, within = (torch.exp(one @ x.T / temperature) for x in (other, one))
    both = torch.cat([across, within * (1 - torch.eye(len(one)))], 1)
    return both / both.sum(1, keepdim=True)


def naive_contrast(left, right, temperature, weights=None):
    q = [chances(*sides, temperature) for sides in ((left, right), (right, left))]
    n = len(left)
    weights = torch.ones(n) if weights is None else weights
    losses = [-weights[i] * torch.log((q[0][i, i] + q[1][i, i]) / 2) for i in range(n)]
    return sum(losses, torch.zeros(())) / max(1, n)


def naive_alignment(left, right, fused_left, fused_right, temperature):
    total = torch.zeros(())
    for sides in ((left, right, fused_left, fused_right), (right, left, fused_right, fused_left)):
        own, fused = chances(*sides[:2], temperature), chances(*sides[2:], temperature)
        there = fused.detach() > 0
        expected = fused.detach()[there]
        total = total + (expected * (expected.log() - own[there].log())).sum()
    return total / (2 * max(1, len(left)))


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_nca_is_its_naive_loop(n):
    left, right = rows(n), rows(n, seed=1)
    found = NCA(3.0, 2.0)(left, right)
    torch.testing.assert_close(found.item(), naive_nca(left, right, 3.0, 2.0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_contrast_is_its_naive_loop(n):
    left, right, weights = rows(n), rows(n, seed=1), torch.arange(1.0, n + 1)
    torch.testing.assert_close(
        IntraModalContrast(0.3)(left, right, weights=weights),
        naive_contrast(left, right, 0.3, weights),
    )


@pytest.mark.parametrize("n", [1, 2, 7])
def test_alignment_is_its_naive_loop_with_its_gradient(n, monkeypatch):
    monkeypatch.setattr("ibmea_sklearn.losses._blocks._BLOCK_NUMBERS", 3 * n)  # several blocks
    sides = [rows(n, seed=s).requires_grad_() for s in range(2)]
    fused = [rows(n, 6, seed=s).requires_grad_() for s in (2, 3)]
    found = InterModalAlignment(0.5)(*sides, *fused)
    expected = naive_alignment(*sides, *fused, 0.5)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    gradients = [torch.autograd.grad(loss, sides) for loss in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


def test_alignment_leaves_the_fused_vectors_alone():
    fused = [rows(4, seed=s).requires_grad_() for s in (2, 3)]
    sides = [rows(4, seed=s).requires_grad_() for s in (0, 1)]
    InterModalAlignment()(*sides, *fused).backward()
    assert all(x.grad is None for x in fused) and all(x.grad is not None for x in sides)


def test_margin_is_its_naive_loop():
    n_nodes, pairs = 8, torch.tensor([[0, 4], [1, 5], [3, 7]])
    x, mask = rows(n_nodes), torch.arange(n_nodes) != 1
    others = torch.tensor([[[1, 5], [2, 6]], [[0, 4], [2, 7]], [[0, 4], [1, 6]]])
    given = SimpleNamespace(
        vectors={"graph": x}, masks={"graph": mask}, pairs=pairs, others=others, different=None
    )
    total = 0.0
    for (a, b), corrupted in zip(pairs.tolist(), others.tolist(), strict=True):
        if mask[a] and mask[b]:
            near = (x[a] - x[b]).abs().sum()
            far = [d for c, e in corrupted for d in ((x[c] - x[b]), (x[a] - x[e]))]
            total += sum(max(0.0, float(near + 3.0 - d.abs().sum())) for d in far) / len(far)
    found = GCNAlignLoss(3.0)(given)["margin_graph"]
    assert found.item() == pytest.approx(total / 2, rel=1e-5)


def test_margin_pushes_what_is_known_to_be_different():
    x = torch.tensor([[0.0], [1.0], [9.0]])
    nothing = torch.empty(0, 2, dtype=torch.int64)
    given = SimpleNamespace(
        vectors={"graph": x},
        masks={"graph": torch.ones(3, dtype=torch.bool)},
        pairs=nothing,
        others=nothing[:, None],
        different=torch.tensor([[0, 1], [0, 2]]),
    )
    parts = GCNAlignLoss(3.0)(given)
    assert {name: part.item() for name, part in parts.items()} == {
        "margin_graph": 0.0,
        "different": 1.0,  # (3 - 1 + 0) / 2
    }


# What all of pairs share


def encoded(n=6, has=1.0, apart=None):
    vectors = {m: rows(2 * n, seed=s) for s, m in enumerate(MODALITIES)}
    masks = {
        m: torch.rand(2 * n, generator=torch.Generator().manual_seed(5)) < has for m in vectors
    }
    refined = {m: Point(rows(2 * n, seed=s + 2)) for s, m in enumerate(MODALITIES)}
    weights = rows(2 * n, 2, seed=6).softmax(1)
    return Encoded(refined, vectors, masks, masks, rows(2 * n, 5, seed=7), weights, apart)


def total(parts):
    return sum(parts.values())


@pytest.mark.parametrize("name", OF_PAIRS)
def test_batches_are_added_up(name):
    given, loss = encoded(), OF_PAIRS[name](size=4)
    batches = [given.of(torch.tensor([*at, *[i + 6 for i in at]])) for at in ([0, 1, 2, 3], [4, 5])]
    expected = sum(total(OF_PAIRS[name]()(batch)) for batch in batches)
    torch.testing.assert_close(total(loss(given)), expected)


@pytest.mark.parametrize("name", OF_PAIRS)
def test_what_stands_where_a_side_lacks_the_modality_does_not_count(name):
    one, two = encoded(has=0.6), encoded(has=0.6)
    for m, mask in two.masks.items():
        two.vectors[m][~mask] = 99.0
    for found, expected in zip(*(OF_PAIRS[name]()(x).values() for x in (one, two)), strict=True):
        torch.testing.assert_close(found, expected)
    assert all(torch.isfinite(part) for part in OF_PAIRS[name]()(encoded(has=0.0)).values())


@pytest.mark.parametrize("name", OF_PAIRS)
def test_what_is_known_to_be_different_is_pushed_apart(name):
    apart = torch.cat([rows(3, 5, seed=8), rows(3, 5, seed=9)])
    loss = OF_PAIRS[name]()
    parts = loss(encoded(apart=apart))
    scale = 5.0 if name == "eva" else 5  # 1 / .2
    torch.testing.assert_close(parts["different"], push_apart(apart, scale, 12))
    assert "different" not in loss(encoded())


def test_weights_by_uncertainty_are_learned():
    loss, given = OF_PAIRS["mclea"](), encoded()
    before = loss(given)
    with torch.no_grad():
        loss.uncertainty[0, 1] = math.log(2.0)
    after = loss(given)
    torch.testing.assert_close(after["contrast_image"], before["contrast_image"] / 2)
    torch.testing.assert_close(after["contrast_graph"], before["contrast_graph"])
    torch.testing.assert_close(after["uncertainty"].item(), math.log(2.0) / 2)
    total(after).backward()
    assert loss.uncertainty.grad.any()


def test_a_pair_counts_by_the_entity_that_the_modality_tells_less_of():
    given = encoded()
    least = torch.minimum(given.weights[:6, 1], given.weights[6:, 1])
    expected = naive_contrast(*given.vectors["image"].chunk(2), 0.2, least)
    torch.testing.assert_close(OF_PAIRS["meaformer"]()(given)["contrast_image"], expected)
