"""The whole network and objective against the published TMEA code, number by number."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ibmea_sklearn.losses import TMEALoss
from ibmea_sklearn.nn import CommonalityFusion, TMEANetwork
from ibmea_sklearn.nn.features import FeatureProjection, FeatureTable
from ibmea_sklearn.nn.imputation import ModalityImputer
from ibmea_sklearn.nn.tmea import TrainingStep
from ibmea_sklearn.nn.transe import KnowledgeEncoder
from ibmea_sklearn.nn.triples import Corruption

N, WIDTH = 40, 100
PAIRS = torch.arange(N).reshape(2, N // 2).T
LETTER = {"graph": "a", "image": "b", "attribute": "c"}  # the attention's, in the published code
AUTOENCODERS = {
    "attribute": {"own": "a_vae", "source": "ir_vae", "map": "fc_map_1"},
    "image": {"own": "i_vae", "source": "ar_vae", "map": "fc_map_2"},
}
VAE_PARTS = {
    "encoder.0": "encoder.0",
    "encoder.2": "encoder.2",
    "posterior.mean": "fc_mu",
    "posterior.log_variance": "fc_logvar",
    "decoder.0": "decoder.0",
    "decoder.2": "decoder.2",
    "output": "fc_output",
}
# The order of the recorded draws, by side.
DRAWS = [("attribute", "source"), ("attribute", "own"), ("image", "source"), ("image", "own")]


def parameters(values):
    """Our names for the published parameters."""
    theirs = {name[6:]: torch.tensor(v) for name, v in values.items() if name.startswith("param/")}
    both = ("weight", "bias")
    named = {
        "knowledge.transe.entities": theirs["ent_embed.weight"],
        "knowledge.transe.relations": theirs["rel_embed.weight"],
        **{f"projections.image.linear.{p}": theirs[f"fc_i.{p}"] for p in both},
        **{f"projections.attribute.linear.{p}": theirs[f"fc_a.{p}"] for p in both},
    }
    for target, parts in AUTOENCODERS.items():
        place = f"imputer.targets.{target}"
        named |= {f"{place}.map.{p}": theirs[f"{parts['map']}.{p}"] for p in both}
        for name in ("own", "source"):
            for ours, their in VAE_PARTS.items():
                for p in both:
                    named[f"{place}.{name}.{ours}.{p}"] = theirs[f"{parts[name]}.{their}.{p}"]
    for i, (modality, x) in enumerate(LETTER.items()):
        seen = [f"ca_{x}{y}.linear" for y in LETTER.values() if y != x]
        place = f"fusion.attention.seen.{modality}"
        named[f"{place}.value"] = torch.stack([theirs[f"{name}_v.weight"] for name in seen])
        named[f"{place}.output"] = torch.stack([theirs[f"{name}_output.weight"] for name in seen])
        named[f"{place}.bias"] = torch.stack([theirs[f"{name}_output.bias"] for name in seen])
        named[f"fusion.weight.{modality}"] = theirs["modal_weight"][i + 1]
    return named


@pytest.fixture
def published(golden):
    """The published numbers, and our network with the published weights."""
    values = golden("tmea")
    pools = torch.tensor([[0, N]]).repeat(len(values["param/rel_embed.weight"]), 1)
    knowledge = KnowledgeEncoder(torch.tensor(values["triples_pos"]), N, pools)
    tables, projections = {}, {}
    for modality in ("image", "attribute"):
        features = torch.tensor(values[f"{modality}_features"])
        mask = torch.tensor(values[f"{modality}_mask"]).bool()
        tables[modality] = FeatureTable(features, mask, features.shape[1])
        projections[modality] = FeatureProjection(torch.nn.Linear(features.shape[1], WIDTH))
    # The order in which sources are concatenated: [image; graph] and [attribute; graph].
    imputer = ModalityImputer(
        dict.fromkeys(("image", "attribute", "graph"), WIDTH), ("attribute", "image")
    )
    fusion = CommonalityFusion(dict.fromkeys(LETTER, WIDTH), attention="single")
    network = TMEANetwork(knowledge, tables, projections, imputer, fusion)
    everybody = torch.ones(N, dtype=torch.bool)  # the published code reads all entities' vectors
    # Strict: all of ours, and nothing else.
    network.load_state_dict({**parameters(values), "knowledge.connected": everybody})
    return SimpleNamespace(values=values, network=network)


def recorded_draws(values):
    """The recorded draws in the order in which our network asks for them, both sides at once.

    The published code draws for all entities; ours for those that have all modalities, to
    reconstruct them, and for those that lack the target, to fill it in.
    """
    masks = {m: values[f"{m}_mask"].astype(bool) for m in AUTOENCODERS}
    complete = masks["image"] & masks["attribute"]
    sides = ([values[f"eps{4 * side + i}"] for side in range(2)] for i in range(len(DRAWS)))
    eps = {draw: np.concatenate(both) for draw, both in zip(DRAWS, sides, strict=True)}
    for target in AUTOENCODERS:
        source = eps[target, "source"]
        yield np.concatenate([source[complete], source[~masks[target]]])
        yield eps[target, "own"][complete]


@pytest.fixture
def step(published, monkeypatch):
    """What our network says in training, given the recorded draws."""
    draws = recorded_draws(published.values)

    def draw(like):
        eps = torch.tensor(next(draws))
        assert eps.shape == like.shape
        return eps

    monkeypatch.setattr(torch, "randn_like", draw)
    network = published.network.train()
    step = network(torch.tensor(published.values["triples_pos"]), PAIRS)
    assert next(draws, None) is None  # all were used
    return step


def assert_as_published(ours, theirs):
    # No absolute tolerance for single numbers: one of them is 1.6e-6.
    atol = 1e-5 if np.ndim(theirs) else 0
    np.testing.assert_allclose(ours.detach(), theirs, rtol=1e-4, atol=atol)


@pytest.mark.parametrize("modality", ["graph", "image", "attribute"])
def test_scores_of_modalities(published, modality):
    network = published.network.eval()
    network.imputer = None  # the published scores are those of the vectors before imputation
    left, right = (network.encode(nodes).vectors[modality] for nodes in PAIRS.T)
    name = {"graph": "relation"}.get(modality, modality)
    assert_as_published(left @ right.T, published.values[f"score_{name}"])


def test_scores_of_fused_vectors(published, step):
    left, right = step.seeds.fused.chunk(2)
    assert_as_published(left @ right.T, published.values["score_joint"])


def test_orthogonality_and_imputation(published, step):
    parts = TMEALoss(orthogonality_weight=0.01, latent_weight=0.01)(step)
    assert_as_published(parts["orthogonality"], published.values["orth_loss"])
    imputation = parts["imputation_image"] + parts["imputation_attribute"]
    assert_as_published(imputation, published.values["imputation_loss"])


def test_contrasts(published, step):
    parts = TMEALoss()(step)
    assert_as_published(parts["contrast_graph"], published.values["contrastive_relation"])
    assert_as_published(parts["contrast_fused"], published.values["contrastive_joint"])


@pytest.mark.parametrize("modality", ["image", "attribute"])
def test_contrasts_of_features_equal_those_of_the_published_scores(published, step, modality):
    scores = torch.tensor(published.values[f"score_{modality}"])
    both = torch.logical_and(*step.seeds.masks[modality].chunk(2))
    scores = scores[both][:, both]
    labels = torch.eye(len(scores))
    squares = (1 - labels) * scores**2 + labels * torch.clamp(2 - scores, min=0) ** 2
    torch.testing.assert_close(TMEALoss()(step)[f"contrast_{modality}"], squares.mean())


@pytest.mark.parametrize("modality", ["image", "attribute"])
def test_published_contrasts_keep_who_lacks_the_modality(published, step, modality):
    scores = torch.tensor(published.values[f"score_{modality}"])
    labels = torch.eye(len(scores))
    squares = (1 - labels) * scores**2 + labels * torch.clamp(2 - scores, min=0) ** 2
    found = TMEALoss(keeps_missing=True)(step)[f"contrast_{modality}"]
    torch.testing.assert_close(found, squares.mean())
    assert not torch.isclose(found, TMEALoss()(step)[f"contrast_{modality}"])


def test_triples(published):
    transe = published.network.knowledge.transe
    triples, corrupted = (torch.tensor(published.values[f"triples_{s}"]) for s in ("pos", "neg"))
    at_head = triples[:, 0] != corrupted[:, 0]
    nodes = torch.where(at_head, corrupted[:, 0], corrupted[:, 2])
    corruption = Corruption(nodes, at_head)
    assert torch.equal(corruption.apply_to(triples), corrupted)
    distances = transe.distances(triples, corruption)
    loss = TMEALoss()(TrainingStep(distances, _Nothing, None))["triples"]
    assert_as_published(loss, published.values["transe_loss"])


class _Nothing:
    """An encoding without any entity."""

    vectors, masks, reconstructions, remainders = {}, {}, {}, []
    fused = torch.empty(0, 1)
