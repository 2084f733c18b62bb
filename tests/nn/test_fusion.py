import numpy as np
import torch

from ibmea_sklearn.nn import AttentionFusion, ConcatFusion

MODALITIES = ["image", "attribute", "relation", "graph"]


def golden_inputs(values):
    vectors = {m: torch.tensor(values[f"fusion_{m}"]) for m in MODALITIES}
    masks = {m: torch.ones(60, dtype=torch.bool) for m in MODALITIES}
    return vectors, masks, {m: x.shape[1] for m, x in vectors.items()}


def test_concat_equals_the_published_code(golden):
    values = golden("ibmea")
    vectors, masks, widths = golden_inputs(values)
    fusion = ConcatFusion(widths)
    fusion.weight.data = torch.tensor(values["fusion_weight"])
    fused, _ = fusion(vectors, masks)
    np.testing.assert_allclose(fused.detach(), values["fusion_concat"], rtol=1e-4, atol=1e-5)


def test_attention_equals_equation_9(golden):
    values = golden("ibmea")
    vectors, masks, widths = golden_inputs(values)
    fusion = AttentionFusion(widths, n_hidden=6)
    fusion.query.data = torch.tensor(values["att_q"])
    for m in MODALITIES:
        fusion.keys[m].weight.data = torch.tensor(values[f"att_W_{m}"])
        fusion.keys[m].bias.data = torch.tensor(values[f"att_b_{m}"])
    alpha = fusion.attention(vectors, masks).detach()
    np.testing.assert_allclose(alpha, values["att_alpha"], rtol=1e-4, atol=1e-5)


def test_a_missing_modality_has_no_weight_and_no_influence():
    widths = {"image": 3, "graph": 4}
    vectors = {m: torch.randn(5, d) for m, d in widths.items()}
    masks = {m: torch.ones(5, dtype=torch.bool) for m in widths}
    masks["image"][2] = False
    for fusion in (ConcatFusion(widths), AttentionFusion(widths)):
        before, weights = fusion(vectors, masks)
        assert weights[2, 0] == 0
        torch.testing.assert_close(weights.sum(1), torch.ones(5))
        other = {**vectors, "image": vectors["image"].clone()}
        other["image"][2] = 1e3
        torch.testing.assert_close(fusion(other, masks)[0], before)


def test_an_entity_with_nothing_gets_zeros_not_nan():
    widths = {"image": 3, "graph": 4}
    vectors = {m: torch.randn(2, d, requires_grad=True) for m, d in widths.items()}
    masks = {m: torch.tensor([True, False]) for m in widths}
    for fusion in (ConcatFusion(widths), AttentionFusion(widths)):
        fused, _ = fusion(vectors, masks)
        assert (fused[1] == 0).all()
        fused.sum().backward()
        assert all(torch.isfinite(p.grad).all() for p in fusion.parameters() if p.grad is not None)
