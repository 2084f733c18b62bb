import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn.nn.commonality import CommonalityFusion

MODALITIES = ("graph", "image", "attribute")
WIDTHS = dict.fromkeys(MODALITIES, 4)
N = 6
BOTH = pytest.mark.parametrize("attention", ["single", "multi"])


def entities(seed=0, has=0.6):
    generator = torch.Generator().manual_seed(seed)
    masks = {m: torch.rand(N, generator=generator) < has for m in MODALITIES}
    vectors = {m: torch.randn(N, 4, generator=generator) for m in MODALITIES}
    return vectors, masks


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
