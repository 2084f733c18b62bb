"""TMEA's losses against naive loops, on any batch, and what each part takes into account."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn.losses import Contrastive, TMEALoss
from ibmea_sklearn.losses.tmea import MarginRanking, Orthogonality
from ibmea_sklearn.losses.variational import Imputation

SIZES = [0, 1, 2, 7]


def rows(n, d=4, seed=0, count=2):
    generator = torch.Generator().manual_seed(seed)
    made = torch.randn(count, n, d, generator=generator, dtype=torch.float64)
    return [x.requires_grad_() for x in made.unbind()]


def assert_same_with_gradients(ours, expected, inputs):
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(
        torch.autograd.grad(ours, inputs, retain_graph=True), torch.autograd.grad(expected, inputs)
    )


# Contrastive


def naive_contrastive(margin, left, right):
    total = (left.sum() + right.sum()) * 0
    for i, x in enumerate(left):
        for j, y in enumerate(right):
            s = x @ y
            total = total + (torch.relu(margin - s) ** 2 if i == j else s**2)
    return total / max(1, len(left) ** 2)


@pytest.mark.parametrize("margin", [2.0, 0.5])  # the second is exceeded by some
@pytest.mark.parametrize("n", SIZES)
@settings(max_examples=20)
@given(seed=st.integers(0, 1_000))
def test_contrastive_equals_naive_loop_with_gradients(margin, n, seed):
    sides = rows(n, seed=seed)
    naive = naive_contrastive(margin, *sides)
    assert_same_with_gradients(Contrastive(margin)(*sides), naive, sides)


def test_contrastive_gradient_is_exact():
    assert torch.autograd.gradcheck(Contrastive(), rows(5, seed=1))


def test_contrastive_makes_no_matrix_of_all_pairs():
    left, right = torch.randn(2, 200_000, 2)  # all pairs would be 160 GB
    assert torch.isfinite(Contrastive()(left, right))


def test_contrastive_is_least_where_pairs_agree_and_others_do_not():
    x = torch.eye(6)
    loss = Contrastive()
    assert loss(x, x) < loss(x, x.roll(1, 0))
    assert loss(x, x) < loss(torch.ones(6, 6) / 6**0.5, torch.ones(6, 6) / 6**0.5)


# MarginRanking


@pytest.mark.parametrize("n", SIZES)
def test_margin_ranking_equals_naive_loop_with_gradients(n):
    true, corrupted = (x.flatten() for x in rows(n, 1))
    naive = (true.sum() + corrupted.sum()) * 0
    for a, b in zip(true, corrupted, strict=True):
        naive = naive + max(torch.zeros(()), 1 + a - b)
    assert_same_with_gradients(MarginRanking(1.0)(true, corrupted), naive, (true, corrupted))


# Orthogonality


@pytest.mark.parametrize("n", SIZES)
def test_orthogonality_equals_naive_loop_with_gradients(n):
    x, y = rows(n)
    weights = torch.rand(n, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    naive = (x.sum() + y.sum()) * 0
    for a, b, weight in zip(x, y, weights, strict=True):
        naive = naive + weight * (sum(a * b) / 4) ** 2
    assert_same_with_gradients(Orthogonality()(x, y, weights), naive, (x, y))


def test_orthogonality_of_orthogonal_rows_is_zero():
    x, y = torch.eye(4), torch.eye(4).roll(1, 0)
    assert Orthogonality()(x, y, torch.ones(4)) == 0


# Imputation


def reconstruction(n, seed, d=3):
    names = ("inputs", "mean", "log_variance", "latent", "outputs")
    tensors = dict(zip(names, rows(n, d, seed, len(names)), strict=True))
    posterior = tensors["mean"], tensors["log_variance"]
    return SimpleNamespace(**tensors, posterior=posterior, tensors=list(tensors.values()))


def naive_imputation(loss, own, source, weights):
    total = sum(x.sum() * 0 for x in own.tensors + source.tensors)
    for made in (own, source):
        parts = (made.inputs, made.outputs, *made.posterior, weights)
        for x, y, mean, log_variance, weight in zip(*parts, strict=True):
            kl = (mean**2 + log_variance.exp() - log_variance - 1) / 2
            total = total + weight * sum((x - y) ** 2) / len(x) + loss.divergence_weight * sum(kl)
    for x, y, weight in zip(own.latent, source.latent, weights, strict=True):
        total = total + loss.latent_weight * weight * sum((x - y) ** 2) / len(x)
    return total


@pytest.mark.parametrize("loss", [Imputation(), Imputation(0, 1), Imputation(0.5, 0.1)])
@pytest.mark.parametrize("n", SIZES)
def test_imputation_equals_naive_loop_with_gradients(loss, n):
    own, source = reconstruction(n, 0), reconstruction(n, 1)
    weights = torch.rand(n, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ours, naive = (f(own, source, weights) for f in (loss, partial(naive_imputation, loss)))
    torch.testing.assert_close(ours, naive)
    tensors = own.tensors + source.tensors
    gradients = torch.autograd.grad(ours, tensors, allow_unused=True)
    for found, expected in zip(gradients, torch.autograd.grad(naive, tensors), strict=True):
        torch.testing.assert_close(torch.zeros_like(expected) if found is None else found, expected)


def in_half(n, seed):
    """What a network gives under autocast."""
    made = reconstruction(n, seed)
    names = ("inputs", "latent", "outputs")
    half = {name: getattr(made, name).to(torch.bfloat16) for name in names}
    return SimpleNamespace(**half, posterior=[m.to(torch.bfloat16) for m in made.posterior])


def in_double(made):
    parts = {name: getattr(made, name).double() for name in ("inputs", "latent", "outputs")}
    return SimpleNamespace(**parts, posterior=[m.double() for m in made.posterior])


def test_losses_of_half_precision_are_summed_in_full():
    weights = torch.rand(50, generator=torch.Generator().manual_seed(1))
    own, source = in_half(50, 0), in_half(50, 1)
    for loss, rough, exact in (
        (Imputation(), (own, source), (in_double(own), in_double(source))),
        (Orthogonality(), (own.latent, own.outputs), (own.latent.double(), own.outputs.double())),
    ):
        with torch.autocast("cpu", torch.bfloat16):
            found = loss(*rough, weights)
        assert found.dtype == torch.float32
        assert found.item() == pytest.approx(loss(*exact, weights.double()).item(), rel=1e-5)


# TMEALoss

N = 6  # pairs


def pairs(seed=0, modalities=("graph", "image"), has=1.0, n=N):
    """An encoding of the left entities of n pairs, then of the right ones."""
    generator = torch.Generator().manual_seed(seed)
    vectors = {
        m: torch.randn(2 * n, 4, generator=generator, dtype=torch.float64) for m in modalities
    }
    masks = {m: torch.rand(2 * n, generator=generator) < has for m in modalities}
    both = masks["graph"] & masks["image"]
    made = [reconstruction(int(both.sum()), 2 * seed + i) for i in range(2)]
    return SimpleNamespace(
        vectors=vectors,
        masks=masks,
        fused=torch.cat(list(vectors.values()), 1),
        remainders=[(vectors["graph"], vectors["image"], both)],
        reconstructions={"image": (*made, both.nonzero()[:, 0])},
    )


def step(distances=True, found=False, **kwargs):
    return SimpleNamespace(
        distances=(torch.zeros(3), torch.full((3,), 0.75)) if distances else None,
        seeds=pairs(seed=1, **kwargs),
        found=pairs(seed=2, n=4) if found else None,
        apart=None,
    )


def test_parts_of_the_objective():
    parts = TMEALoss()(step(found=True))
    assert set(parts) == {
        *("triples", "contrast_graph", "contrast_image", "contrast_fused"),
        *("orthogonality", "imputation_image", "found"),
    }
    assert parts["triples"] == 3 * 0.25
    assert all(part.ndim == 0 and part > 0 for part in parts.values())


@pytest.mark.parametrize("has", [0.0, 0.4, 1.0])
def test_each_side_has_its_own_mean(has):
    one = step(has=has)
    parts = TMEALoss(orthogonality_weight=2.0, divergence_weight=0)(one)
    ((other, remainder, mask),) = one.seeds.remainders
    own, source, rows = one.seeds.reconstructions["image"]
    orthogonality, imputation = torch.zeros(2, dtype=torch.float64)
    for side in (range(N), range(N, 2 * N)):
        who = [i for i in side if mask[i]]
        for i in who:
            orthogonality = orthogonality + 2 * (other[i] * remainder[i]).mean() ** 2 / len(who)
        for place in [rows.tolist().index(i) for i in who]:
            for made in (own, source):
                error = (made.inputs[place] - made.outputs[place]) ** 2
                imputation = imputation + error.mean() / len(who)
            distance = (own.latent[place] - source.latent[place]) ** 2
            imputation = imputation + 0.01 * distance.mean() / len(who)
    torch.testing.assert_close(parts["orthogonality"], orthogonality)
    torch.testing.assert_close(parts["imputation_image"], imputation)


def test_contrasts_are_those_of_left_and_right():
    one = step()
    parts = TMEALoss()(one)
    for name, vectors in (*one.seeds.vectors.items(), ("fused", one.seeds.fused)):
        expected = naive_contrastive(2.0, vectors[:N], vectors[N:])
        torch.testing.assert_close(parts[f"contrast_{name}"], expected)


def test_fused_vectors_may_be_compared_by_cosine():
    one = step()
    found = TMEALoss(cosine=True)(one)["contrast_fused"]
    one.seeds.fused = torch.nn.functional.normalize(one.seeds.fused)
    assert found == TMEALoss()(one)["contrast_fused"] != TMEALoss()(step())["contrast_fused"]


@pytest.mark.parametrize("cosine", [False, True])
def test_similarities_of_pairs_that_are_different_are_to_be_zero(cosine):
    one = step()
    one.apart = torch.randn(6, 4, generator=torch.Generator().manual_seed(3))
    rows = torch.nn.functional.normalize(one.apart) if cosine else one.apart
    expected = sum((rows[i] @ rows[i + 3]) ** 2 for i in range(3)) / N**2
    torch.testing.assert_close(TMEALoss(cosine=cosine)(one)["different"], expected)
    assert "different" not in TMEALoss()(step())


def test_found_pairs_count_less():
    one = step(found=True)
    contrasts = TMEALoss()(SimpleNamespace(distances=None, seeds=one.found, found=None, apart=None))
    expected = sum(contrasts[f"contrast_{m}"] for m in ("graph", "image", "fused"))
    torch.testing.assert_close(TMEALoss(found_weight=0.1)(one)["found"], 0.1 * expected)


@pytest.mark.parametrize(
    ("loss", "given", "absent"),
    [
        (TMEALoss(), step(distances=False), "triples"),
        (TMEALoss(orthogonality_weight=0), step(), "orthogonality"),
        (TMEALoss(), step(found=False), "found"),
    ],
)
def test_what_is_left_out_has_no_part(loss, given, absent):
    assert absent not in loss(given)


def test_pairs_of_which_a_side_lacks_a_modality_are_left_out_of_its_contrast():
    one = step(has=0.6)
    vectors, mask = one.seeds.vectors["image"], one.seeds.masks["image"]
    both = mask[:N] & mask[N:]
    assert 0 < both.sum() < N
    expected = Contrastive()(vectors[:N][both], vectors[N:][both])
    assert TMEALoss()(one)["contrast_image"] == expected
    vectors[~both.repeat(2)] = torch.inf  # whatever stands there
    assert TMEALoss()(one)["contrast_image"] == expected


def test_a_modality_that_nobody_has_costs_nothing():
    parts = TMEALoss()(step(has=0.0))
    nothing = ("contrast_image", "contrast_graph", "orthogonality", "imputation_image")
    assert all(parts[name] == 0 for name in nothing)
