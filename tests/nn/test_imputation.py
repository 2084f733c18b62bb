"""Autoencoders, and what they fill in."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn.losses.variational import Imputation
from ibmea_sklearn.nn.imputation import ModalityImputer, VariationalAutoencoder

# Autoencoders


def autoencoder(**kwargs):
    torch.manual_seed(0)
    return VariationalAutoencoder(6, n_latent=3, **kwargs)


def test_an_autoencoder_equals_the_formula_at_inference():
    model, x = autoencoder().eval(), torch.randn(5, 6)

    def layer(module, x):
        return x @ module.weight.T + module.bias

    h = x
    for i in (0, 2):
        h = torch.relu(layer(model.encoder[i], h))
    mean, log_variance = (layer(head, h) for head in model.posterior.children())
    made = model(x)
    torch.testing.assert_close(tuple(made.posterior), (mean, log_variance))
    h = mean
    for i in (0, 2):
        h = torch.relu(layer(model.decoder[i], h))
    torch.testing.assert_close(made.outputs, layer(model.output, h))
    assert made.inputs is x and torch.equal(made.latent, mean)


def test_latents_are_drawn_in_training_around_the_mean():
    model, x = autoencoder(), torch.randn(1, 6)
    one, two = model(x).latent, model(x).latent
    assert not torch.equal(one, two)
    made = model(x.expand(20_000, 6))
    spread = torch.exp(made.posterior.log_variance[0] / 2)
    torch.testing.assert_close(made.latent.mean(0), made.posterior.mean[0], rtol=0, atol=0.05)
    torch.testing.assert_close(made.latent.std(0), spread, rtol=0.05, atol=0)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_layers_of_an_autoencoder(n_layers):
    model = autoencoder(n_layers=n_layers)
    for part in (model.encoder, model.decoder):
        assert [type(m).__name__ for m in part] == ["Linear", "ReLU"] * n_layers
    assert model(torch.randn(4, 6)).outputs.shape == (4, 6)


def test_an_autoencoder_of_no_rows():
    made = autoencoder()(torch.empty(0, 6))
    assert made.outputs.shape == (0, 6) and made.latent.shape == (0, 3)


def test_learns_to_reconstruct():
    torch.manual_seed(0)
    model = VariationalAutoencoder(6, n_latent=16)
    x = torch.randn(50, 2) @ torch.randn(2, 6)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2, fused=True)
    model.eval()  # by the mean alone
    before = (model(x).outputs - x).square().mean()
    for _ in range(100):
        optimizer.zero_grad()
        (model(x).outputs - x).square().mean().backward()
        optimizer.step()
    assert (model(x).outputs - x).square().mean() < before / 4


WIDTHS = {"image": 3, "attribute": 4, "graph": 5}
N = 12


def imputer(targets=None, widths=WIDTHS):
    torch.manual_seed(0)
    return ModalityImputer(widths, targets, n_components=6, n_latent=2)


def entities(seed=0, has=0.6, widths=WIDTHS):
    """Vectors and masks; the rows of what is missing hold zeros."""
    generator = torch.Generator().manual_seed(seed)
    masks = {m: torch.rand(N, generator=generator) < has for m in widths}
    vectors = {m: torch.randn(N, d, generator=generator) for m, d in widths.items()}
    return {m: v * masks[m][:, None] for m, v in vectors.items()}, masks


# Who gets what


@pytest.mark.parametrize("targets", [None, ("image",), ("attribute", "image")])
@pytest.mark.parametrize("training", [True, False])
@settings(max_examples=20)
@given(seed=st.integers(0, 1_000), has=st.floats(0, 1))
def test_only_what_is_missing_is_filled_in_and_only_from_something(targets, training, seed, has):
    vectors, masks = entities(seed, has)
    completed = imputer(targets).train(training)(vectors, masks, reconstruct=training)
    anything = torch.stack(list(masks.values())).any(0)
    for m in WIDTHS:
        filled = ~masks[m] & anything if m in (targets or WIDTHS) else torch.zeros(N).bool()
        assert torch.equal(completed.masks[m], masks[m] | filled)
        assert torch.equal(completed.vectors[m][~filled], vectors[m][~filled])
        assert (completed.vectors[m][filled] != 0).any(1).all()
        assert torch.isfinite(completed.vectors[m]).all()


def test_what_is_generated_is_decoded_from_the_mean_of_the_others_latent():
    vectors, masks = entities()
    model = imputer().eval()
    found = model(vectors, masks).vectors["image"]
    part = model.targets["image"]
    source = torch.cat([vectors["attribute"], vectors["graph"]], 1)  # in the order of the widths
    expected = part.own.decode(part.source.encode(part.map(source)).mean)
    missing = ~masks["image"]
    torch.testing.assert_close(found[missing], expected[missing])


def test_deterministic_at_inference_and_drawn_in_training():
    vectors, masks = entities()
    model = imputer()
    one, two = (model(vectors, masks).vectors["image"] for _ in range(2))
    assert not torch.equal(one, two)
    model.eval()
    one, two = (model(vectors, masks).vectors["image"] for _ in range(2))
    assert torch.equal(one, two)


def test_an_entity_is_filled_in_as_among_others():
    vectors, masks = entities()
    model, some = imputer().eval(), torch.tensor([7, 0, 3])
    all_of_them = model(vectors, masks)
    alone = model({m: v[some] for m, v in vectors.items()}, {m: v[some] for m, v in masks.items()})
    for m in WIDTHS:
        torch.testing.assert_close(alone.vectors[m], all_of_them.vectors[m][some])
        assert torch.equal(alone.masks[m], all_of_them.masks[m][some])


# Training


@pytest.mark.parametrize("has", [0, 0.6, 1])
def test_reconstructs_who_has_all(has):
    vectors, masks = entities(has=has)
    everything = torch.stack(list(masks.values())).all(0)
    model = imputer().eval()
    made = model(vectors, masks, reconstruct=True).reconstructions
    assert set(made) == set(WIDTHS)
    for m, (own, source, rows) in made.items():
        assert torch.equal(rows, everything.nonzero()[:, 0])
        part = model.targets[m]
        others = torch.cat([vectors[k] for k in part.sources], 1)[rows]
        for found, expected in (
            (own, part.own(vectors[m][rows])),
            (source, part.source(part.map(others))),
        ):
            torch.testing.assert_close(found, expected)
    assert not model(vectors, masks).reconstructions


@pytest.mark.parametrize("has", [0, 0.6, 1])
def test_trains_its_weights_and_moves_no_input(has):
    vectors, masks = entities(has=has)
    vectors = {m: v.requires_grad_() for m, v in vectors.items()}
    model = imputer()
    completed = model(vectors, masks, reconstruct=True)
    losses = [
        Imputation(1.0)(own, source, torch.ones(len(rows)))
        for own, source, rows in completed.reconstructions.values()
    ]
    generated = sum((v - vectors[m].detach()).square().sum() for m, v in completed.vectors.items())
    (sum(losses) + generated).backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(torch.isfinite(g).all() for g in gradients)
    assert any((g != 0).any() for g in gradients) == (has > 0)
    # Own vectors pass through as they are, and no loss of the above moves these.
    assert all(v.grad is None or (v.grad == 0).all() for v in vectors.values())


def test_own_vectors_pass_through_with_their_gradient():
    vectors, masks = entities()
    vectors = {m: v.requires_grad_() for m, v in vectors.items()}
    completed = imputer()(vectors, masks)
    sum(v.sum() for v in completed.vectors.values()).backward()
    for m, v in vectors.items():
        passed = masks[m] | ~completed.masks[m]
        assert torch.equal(v.grad, passed[:, None].expand(N, WIDTHS[m]).float())


def test_learns_what_a_modality_says_of_another():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(200, 2, generator=generator)
    widths = {"image": 6, "graph": 6}
    truth = {m: hidden @ torch.randn(2, d, generator=generator) for m, d in widths.items()}
    has = torch.arange(200) < 150
    masks = {"image": has, "graph": torch.ones(200, dtype=torch.bool)}
    vectors = {**truth, "image": truth["image"] * has[:, None]}
    torch.manual_seed(0)
    model = ModalityImputer(widths, ("image",), n_components=16, n_latent=16)
    # With the published weight of the divergence, 1, nothing but the mean is ever generated.
    loss = Imputation(latent_weight=10.0, divergence_weight=0)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2, fused=True)
    for _ in range(150):
        optimizer.zero_grad()
        own, source, rows = model(vectors, masks, reconstruct=True).reconstructions["image"]
        loss(own, source, torch.full((len(rows),), 1 / len(rows))).backward()
        optimizer.step()
    made = model.eval()(vectors, masks).vectors["image"][~has]
    error = (made - truth["image"][~has]).square().mean()
    assert error < 0.3 * (truth["image"][has].mean(0) - truth["image"][~has]).square().mean()


# Wrong input


@pytest.mark.parametrize(
    ("widths", "targets"),
    [({"image": 3}, None), (WIDTHS, ("imagine",)), ({}, None)],
)
def test_nothing_to_fill_in_or_nothing_to_fill_it_from(widths, targets):
    with pytest.raises(ValueError, match="Expected two modalities or more.*found modalities"):
        ModalityImputer(widths, targets)
