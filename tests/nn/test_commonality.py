"""Attention of modalities to one another, and fusion of what they have in common."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn.nn import CommonalityFusion
from ibmea_sklearn.nn.commonality import ModalityAttention, SingleKeyAttention

MODALITIES = ("graph", "image", "attribute")
WIDTH, N = 4, 6
WIDTHS = dict.fromkeys(MODALITIES, WIDTH)
BOTH = pytest.mark.parametrize("attention", ["single", "multi"])


def entities(seed=0, has=0.6):
    generator = torch.Generator().manual_seed(seed)
    masks = {m: torch.rand(N, generator=generator) < has for m in MODALITIES}
    vectors = {m: torch.randn(N, WIDTH, generator=generator) for m in MODALITIES}
    return vectors, masks


def attention(kind, modalities=MODALITIES, **kwargs):
    torch.manual_seed(0)
    built = kind(modalities, WIDTH, **kwargs)
    with torch.no_grad():
        for part in built.parameters():
            part.copy_(torch.randn_like(part))  # biases start at zero
    return built


# One key


def test_single_key_equals_attention_whatever_the_query_and_the_key():
    vectors, masks = entities()
    built = attention(SingleKeyAttention)
    query, key = torch.randn(2, WIDTH, WIDTH)
    for m, views in built(vectors, masks).items():
        for i, (view, partner) in enumerate(zip(views, built.partners[m], strict=True)):
            part = built.seen[m]
            q, k = vectors[partner] @ query.T, vectors[m] @ key.T
            weight = torch.softmax((q * k).sum(1, keepdim=True), 1)  # over a single key
            value = weight * (vectors[m] @ part.value[i].T)
            expected = value @ part.output[i].T + part.bias[i]
            torch.testing.assert_close(view.vector, expected)
            assert view.partners == (partner,)
            assert torch.equal(view.mask, masks[m] & masks[partner])


def test_single_key_trains_both_maps():
    vectors, masks = entities()
    built = attention(SingleKeyAttention)
    sum(
        v.vector.square().sum() for views in built(vectors, masks).values() for v in views
    ).backward()
    assert all((p.grad != 0).any() for p in built.parameters())


# Several keys


def naive_attention(built, vectors, masks, n_heads):
    """Entity by entity, modality by modality, head by head, in plain numbers."""
    index = {m: i for i, m in enumerate(built.modalities)}
    size = WIDTH // n_heads
    result = {m: [] for m in index}
    for e in range(N):
        for m, i in index.items():
            others = [j for k, j in index.items() if k != m and masks[k][e]]
            heads = []
            for h in range(n_heads):
                part = slice(h * size, (h + 1) * size)

                def mapped(weight, j, part=part, e=e):
                    return (weight[j] @ vectors[built.modalities[j]][e])[part]

                q = mapped(built.query, i) * masks[m][e]
                scores = [q @ mapped(built.key, j) / math.sqrt(size) for j in others]
                total = sum(math.exp(s) for s in scores)
                shares = [math.exp(s) / total for s in scores]
                values = [w * mapped(built.value, j) for w, j in zip(shares, others, strict=True)]
                heads.append(sum(values, torch.zeros(size)))
            result[m].append(built.output[i] @ torch.cat(heads) + built.bias[i])
    return {m: torch.stack(rows) for m, rows in result.items()}


@pytest.mark.parametrize("n_heads", [1, 2, 4])
@settings(max_examples=15)
@given(seed=st.integers(0, 1_000), has=st.floats(0, 1))
def test_several_keys_equal_naive_loop(n_heads, seed, has):
    vectors, masks = entities(seed, has)
    built = attention(ModalityAttention, n_heads=n_heads)
    with torch.no_grad():
        found = built(vectors, masks)
        expected = naive_attention(built, vectors, masks, n_heads)
    for i, m in enumerate(MODALITIES):
        (view,) = found[m]
        torch.testing.assert_close(view.vector, expected[m], rtol=1e-4, atol=1e-5)
        others = [k for k in MODALITIES if k != m]
        assert (
            view.partners
            == tuple(others)
            == tuple(built.modalities[:i] + built.modalities[i + 1 :])
        )
        assert torch.equal(view.mask, masks[others[0]] | masks[others[1]])


@given(seed=st.integers(0, 1_000), has=st.floats(0, 1))
def test_weights_are_of_what_the_entity_has_besides(seed, has):
    vectors, masks = entities(seed, has)
    weights, allowed = attention(ModalityAttention).attention(vectors, masks)
    assert weights.shape == (3, 3, N, 2) and allowed.shape == (3, 3, N)
    for i in range(3):
        for j, k in enumerate(MODALITIES):
            assert torch.equal(allowed[i, j], masks[k] & torch.tensor(i != j))
    assert ((weights > 0) == allowed[..., None]).all()
    total = allowed.any(1)[..., None].expand(3, N, 2).float()
    torch.testing.assert_close(weights.sum(1), total)


def test_what_is_missing_changes_no_view():
    vectors, masks = entities()
    other = {m: torch.where(masks[m][:, None], v, 99.0) for m, v in vectors.items()}
    built = attention(ModalityAttention)
    one, two = built(vectors, masks), built(other, masks)
    for m in MODALITIES:
        torch.testing.assert_close(one[m][0].vector, two[m][0].vector)


@pytest.mark.parametrize("has", [0, 0.5, 1])
def test_gradients_are_exact_and_finite_whoever_lacks_what(has):
    vectors, masks = entities(3, has)
    built = attention(ModalityAttention).double()
    inputs = [vectors[m].double().requires_grad_() for m in MODALITIES]

    def seen(*inputs):
        views = built(dict(zip(MODALITIES, inputs, strict=True)), masks)
        return torch.cat([views[m][0].vector for m in MODALITIES], 1)

    assert torch.autograd.gradcheck(seen, inputs)
    seen(*inputs).square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in built.parameters())


@pytest.mark.parametrize("kind", [SingleKeyAttention, ModalityAttention])
def test_a_single_modality_has_nobody_to_see_it(kind):
    vectors, masks = entities()
    for view in attention(kind, ("graph",))(vectors, masks)["graph"]:
        assert view.partners == () and not view.mask.any()
        assert torch.isfinite(view.vector).all()


def test_heads_that_do_not_share_the_width():
    with pytest.raises(ValueError, match="width that 3 heads share evenly; found 4"):
        ModalityAttention(MODALITIES, 4, n_heads=3)


# Fusion


def fusion(attention, widths=WIDTHS):
    torch.manual_seed(0)
    built = CommonalityFusion(widths, attention)
    with torch.no_grad():
        for weight in built.weight.values():
            weight.copy_(torch.randn_like(weight))
    return built


@BOTH
@settings(max_examples=20)
@given(seed=st.integers(0, 1_000), has=st.floats(0, 1))
def test_fused_vectors_equal_naive_loop(attention, seed, has):
    vectors, masks = entities(seed, has)
    built = fusion(attention)
    common, views = built(vectors, masks), built.attention(vectors, masks)
    for e in range(N):
        parts = []
        for m in MODALITIES:
            mixed = [(masks[m][e], vectors[m][e]), *((v.mask[e], v.vector[e]) for v in views[m])]
            weights = [
                w.exp() * there for w, (there, _) in zip(built.weight[m], mixed, strict=True)
            ]
            total = sum(weights) or 1
            terms = [w / total * x for w, (_, x) in zip(weights, mixed, strict=True)]
            parts.append(sum(terms))
        torch.testing.assert_close(common.fused[e], torch.cat(parts))
        squares = torch.stack([part.square().sum() for part in parts])
        torch.testing.assert_close(common.weights[e], squares / max(squares.sum(), 1e-30))


@BOTH
def test_remainders_are_what_is_left_beside_each_view(attention):
    vectors, masks = entities()
    built = fusion(attention)
    common, views = built(vectors, masks), built.attention(vectors, masks)
    expected = [
        (vectors[k], vectors[m] - view.vector, masks[m] & masks[k])
        for m in MODALITIES
        for view in views[m]
        for k in view.partners
    ]
    assert len(common.remainders) == len(expected) == 6
    for found, wanted in zip(common.remainders, expected, strict=True):
        torch.testing.assert_close(tuple(found), wanted)


@BOTH
@pytest.mark.parametrize("has", [0, 0.5, 1])
def test_gradients_are_finite_whoever_lacks_what(attention, has):
    vectors, masks = entities(has=has)
    vectors = {m: v.requires_grad_() for m, v in vectors.items()}
    built = fusion(attention)
    common = built(vectors, masks)
    leftover = sum((r.other * r.remainder).sum() for r in common.remainders)
    (common.fused.square().sum() + leftover).backward()
    inputs = [*vectors.values(), *built.parameters()]
    assert all(x.grad is None or torch.isfinite(x.grad).all() for x in inputs)
    if has == 0:
        assert (common.fused == 0).all() and (common.weights == 0).all()


@BOTH
def test_what_is_missing_changes_nothing(attention):
    vectors, masks = entities()
    other = {m: torch.where(masks[m][:, None], v, 99.0) for m, v in vectors.items()}
    built = fusion(attention)
    torch.testing.assert_close(built(vectors, masks).fused, built(other, masks).fused)


@BOTH
def test_one_modality_is_passed_on(attention):
    vectors, masks = entities(has=1)
    common = fusion(attention, {"graph": 4})(vectors, masks)
    torch.testing.assert_close(common.fused, vectors["graph"])
    assert not common.remainders


@BOTH
def test_an_entity_is_fused_as_among_others(attention):
    vectors, masks = entities()
    built, some = fusion(attention), torch.tensor([5, 0, 5])
    alone = built({m: v[some] for m, v in vectors.items()}, {m: v[some] for m, v in masks.items()})
    torch.testing.assert_close(alone.fused, built(vectors, masks).fused[some])


@pytest.mark.parametrize(
    ("widths", "attention", "message"),
    [
        ({"graph": 4, "image": 5}, "multi", "modalities of one width.*'image': 5"),
        ({}, "multi", "modalities of one width.*found {}"),
        (WIDTHS, "both", "'multi' or 'single'; found 'both'"),
    ],
)
def test_wrong_input(widths, attention, message):
    with pytest.raises(ValueError, match=message):
        CommonalityFusion(widths, attention)
