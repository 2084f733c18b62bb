"""What the yardsticks do that the contract of all aligners does not ask for."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import ibmea_sklearn
from ibmea_sklearn import BaseAligner, FeatureEncoding
from ibmea_sklearn._utils.aligner_parameters import ALIGNERS
from ibmea_sklearn.datasets import make_mmkg_pair

YARDSTICKS = {
    "gcn_align": {"training__max_epochs": 60, "n_components": 32},
    "eva": {"n_components": 16, "n_hidden": 32},
    "mclea": {"n_components": 32},
    "meaformer": {"features__n_components": 32, "n_hidden": 32},
}
QUICK = {
    "modalities": ["graph", "relation", "attribute"],
    "training__max_epochs": 20,
    "rounds__n_rounds": 1,
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}
FAST = {"training__learning_rate": 1e-2}  # the published rates want hundreds of epochs

pytestmark = pytest.mark.filterwarnings("ignore:Confidences are not calibrated")


def made(name: str, **params) -> BaseAligner:
    rate = {} if name == "gcn_align" else FAST
    kind = getattr(ibmea_sklearn, ALIGNERS[name])
    return kind().set_params(**{**QUICK, **rate, **YARDSTICKS[name], **params})


@pytest.fixture(scope="module")
def world():
    """Graphs, the same without some of the linked entities, seeds, and the late pairs."""
    kg1, kg2, links = make_mmkg_pair(100, structural_overlap=0.7, n_dangling=5, random_state=0)
    late, seeds, rest = links[:10], links[10:50], links[50:]
    before = [kg.without(side) for kg, side in zip((kg1, kg2), late.T, strict=True)]
    return SimpleNamespace(kg1=kg1, kg2=kg2, before=before, late=late, seeds=seeds, rest=rest)


@pytest.fixture(scope="module", params=YARDSTICKS)
def fitted(request, world):
    return made(request.param).fit(*world.before, world.seeds)


def test_learns(world, fitted):
    assert fitted.score(world.rest) > 0.3  # of 50 candidates: by chance .02
    losses = [row["train_loss"] for row in fitted.history_]
    assert losses[-1] < losses[0] / 1.5


def test_only_what_the_network_says_is_compared(fitted):
    assert list(fitted.channel_weights_) in ([], ["network"])
    assert fitted.embeddings_["fused"].left.shape == fitted.embeddings_["network"].left.shape


def test_weights_of_modalities_sum_to_one(fitted):
    for weights in fitted.fusion_weights_:
        assert weights.shape[1] == len(fitted.modalities_)
        np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)


def test_graphs_may_grow(world, fitted):
    grown = object.__new__(type(fitted))
    grown.__dict__.update(fitted.__dict__)
    grown.extend(world.kg1, world.kg2)
    for name, sides in fitted.embeddings_.items():
        for kg, whole, before, after in zip(
            world.before, (world.kg1, world.kg2), sides, grown.embeddings_[name], strict=True
        ):
            kept = after[whole.entity_index(kg.entity_ids)]
            np.testing.assert_array_equal(before, kept, err_msg=name)
    assert grown.score(world.late) > 0.3  # of 10 candidates


@pytest.mark.parametrize("name", YARDSTICKS)
def test_structure_alone_is_enough(name, world):
    aligner = made(name, modalities=["graph"], training__max_epochs=2)
    aligner.fit(*world.before, world.seeds)
    assert aligner.modalities_ == ["graph"]
    assert aligner.score(world.rest) > 0


@pytest.mark.parametrize("name", YARDSTICKS)
def test_may_send_labels_and_features_along_the_relations(name, world, tmp_path):
    features = {"features__frozen": ["attribute"], "features__diffused": "all"}
    aligner = made(name, propagation=None, training__max_epochs=2, **features)
    aligner.fit(*world.before, world.seeds)
    sent = {"frozen_propagation", "frozen_attribute", "frozen_diffused_attribute"}
    assert set(aligner.channel_weights_) == {"network", *sent}
    assert sent < set(aligner.embeddings_)
    assert aligner.score(world.rest) > 0.3  # after two epochs
    before = {m: sides.left for m, sides in aligner.embeddings_.items()}
    aligner.save(tmp_path / "kept.ibmea")
    again = BaseAligner.load(tmp_path / "kept.ibmea").extend(world.kg1, world.kg2)
    rows = world.kg1.entity_index(world.before[0].entity_ids)
    for channel, vectors in before.items():
        np.testing.assert_array_equal(again.embeddings_[channel].left[rows], vectors, channel)


@pytest.mark.parametrize("name", YARDSTICKS)
def test_preset_is_a_published_run(name):
    aligner = type(made(name)).from_preset("paper")
    params = aligner.get_params()
    assert params["training__max_epochs"] >= 1000
    assert params["rounds__validation_fraction"] == 0
    assert params["features__similarity"] == "fused" and not params["features__frozen"]
    assert params.get("released", name == "gcn_align")
    aligner.check_parameters()


def test_images_of_the_released_eva_are_twice_as_wide(world):
    for released in (False, True):
        params = {"modalities": ["graph", "image", "relation"], "released": released}
        aligner = made("eva", training__max_epochs=1, **params).fit(*world.before, world.seeds)
        encoders = aligner.network_.encoders
        widths = {m: encoders[m].n_components for m in ("image", "relation")}
        assert widths["image"] == (1 + released) * widths["relation"]
        assert aligner.network_.fusion.detached == released


def test_rate_and_steps_of_gcn_align_are_those_of_plain_gradient_descent(world, monkeypatch):
    steps = []
    step = torch.optim.SGD.step
    monkeypatch.setattr(
        torch.optim.SGD, "step", lambda self, *a: steps.append(self) or step(self, *a)
    )
    made("gcn_align", training__max_epochs=3).fit(*world.before, world.seeds)
    assert len(steps) == 3 and steps[0].param_groups[0]["lr"] == 20


# Wrong input


@pytest.mark.parametrize("name", [*YARDSTICKS, "ibmea", "tmea"])
@pytest.mark.parametrize(
    ("propagation", "frozen", "said"),
    [
        ("drop", ["attribute"], "Expected propagation, .*found 'drop'. Set propagation=None"),
        (None, [], "Expected features__frozen to name what is sent .*Set it to the same"),
    ],
)
def test_features_are_sent_where_they_can_be(name, propagation, frozen, said):
    aligner = getattr(ibmea_sklearn, ALIGNERS[name])(propagation=propagation)
    aligner.set_params(features__frozen=frozen, features__diffused=["attribute"])
    with pytest.raises(ValueError, match=said):
        aligner.check_parameters()


@pytest.mark.parametrize("name", YARDSTICKS)
def test_dropout_that_no_encoder_has_is_refused(name, world):
    features = FeatureEncoding(dropout=0.1)
    with pytest.raises(ValueError, match="Expected features__dropout=0.*found 0.1. Leave it out"):
        made(name, features=None).set_params(features=features).fit(*world.before, world.seeds)


def test_heads_that_do_not_share_the_width_are_refused(world):
    with pytest.raises(ValueError, match="7 heads share evenly; found 32. Choose n_heads"):
        made("meaformer", n_heads=7).fit(*world.before, world.seeds)


def test_optimizers_are_guessed(world):
    with pytest.raises(ValueError, match="found 'adm'. Did you mean 'adam'"):
        made("gcn_align", optimizer="adm").fit(*world.before, world.seeds)


def test_it_says_what_is_there_and_not_used(world, capsys):
    short = {"modalities": "published", "training__max_epochs": 1, "verbose": 1}
    graphs = [kg.with_names({kg.entity_ids[0]: "first"}) for kg in (world.kg1, world.kg2)]
    aligner = made("eva", **short).fit(*graphs, world.seeds)
    said = " ".join(capsys.readouterr().out.split())
    assert "name" not in aligner.modalities_
    assert 'Not used: value, name. The paper has none of them; modalities="all"' in said
