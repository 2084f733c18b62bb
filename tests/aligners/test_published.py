"""The presets "paper": IBMEA as its published code is, point by point."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from spies import cheap
from torch.nn import functional

from ibmea_sklearn import IBMEAAligner, SeedPairs, TMEAAligner
from ibmea_sklearn.aligners._network import feature_table
from ibmea_sklearn.aligners.settings import FeatureEncoding
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.featurizers import BagOfRelations, ModalityFeaturizer
from ibmea_sklearn.graph._joint import as_nodes
from ibmea_sklearn.matching import Matching
from ibmea_sklearn.nn.gaussian import FeatureEncoder, PlainEncoder, Point, Spread
from ibmea_sklearn.training.candidates import Candidates

# Small and quick, all else as published.
QUICK = {
    "graph__n_components": 12,
    "features__n_components": 6,
    "training__max_epochs": 2,
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}
N_LEFT, N_SEEDS = 60, 30


@pytest.fixture(scope="module")
def pair():
    missing = {"attribute": 0.3, "image": 0.2}
    return make_mmkg_pair(N_LEFT, missing_modalities=missing, random_state=0)


@pytest.fixture(scope="module")
def fitted():
    return {}


@pytest.fixture
def fit(pair, fitted):
    """Fit with the preset, once for the same parameters; each test has a copy."""

    def fit(**params):
        key = repr(sorted(params.items()))
        if key not in fitted:
            aligner = IBMEAAligner.from_preset("paper", **{**QUICK, **params})
            fitted[key] = aligner.fit(pair[0], pair[1], pair[2][:N_SEEDS])
        return copy.deepcopy(fitted[key])

    return fit


# Parameters of the scripts


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("paper", (0.1, 3.0, 5.0, 7500, 1000, 200, 1500)),
        ("paper_mmkg", (400.0, 1.0, 0.1, 1000, 500, 400, 1000)),
    ],
)
def test_parameters_of_the_published_scripts(preset, expected):
    params = IBMEAAligner.from_preset(preset).get_params()
    epochs = params["training__max_epochs"]
    found = (
        params["temperature"],
        params["contrast__weight"],
        params["contrast__alpha"],
        params["training__batch_size"],
        epochs,
        params["training__warmup"] * epochs,
        params["training__schedule"] * epochs,
    )
    assert found == pytest.approx(expected)
    betas = [params[f"beta_{m}"] for m in ("graph", "image", "attribute", "relation")]
    assert betas == [1e-3, 1e-3, 1e-3, 1e-2]
    names = ("learning_rate", "weight_decay", "max_gradient_norm")
    assert [params[f"training__{name}"] for name in names] == [6e-3, 1e-2, 0.1]
    assert (params["matching__method"], params["matching__csls_k"]) == ("csls", 3)
    assert (params["graph__n_components"], params["features__n_components"]) == (300, 100)


def test_no_values_and_no_names(pair, fit):
    graphs = [kg.with_names("id") for kg in pair[:2]]
    aligner = IBMEAAligner.from_preset("paper", **QUICK).fit(*graphs, pair[2][:N_SEEDS])
    assert aligner.modalities_ == ["graph", "image", "relation", "attribute"]
    assert aligner.channel_weights_ == {"network": 1.0}


def test_published_modalities_are_those_that_are_there():
    kg1, kg2, links = make_mmkg_pair(60, missing_modalities={"image": 1.0}, random_state=0)
    aligner = IBMEAAligner.from_preset("paper", **QUICK).fit(kg1, kg2, links[:30])
    assert aligner.modalities_ == ["graph", "relation", "attribute"]


# What goes in


def test_relations_are_counted_as_they_are(pair, fit):
    view = SeedPairs(*pair[:2], pair[2][:N_SEEDS])
    expected = BagOfRelations(sublinear_tf=False).fit_transform(view)
    rows = fit().network_.tables["relation"].all_rows()
    counts = np.concatenate(
        [kg.features["relation"].values.data for kg in (expected.kg1, expected.kg2)]
    )
    np.testing.assert_array_equal(np.sort(rows.values.numpy()), np.sort(counts))
    assert counts.max() > 1


def test_features_that_are_there_are_not_made_anew(pair):
    view = ModalityFeaturizer(verbose=0).fit_transform(SeedPairs(*pair[:2], pair[2][:N_SEEDS]))
    aligner = IBMEAAligner.from_preset("paper", **QUICK).fit(view)
    given = np.concatenate([kg.features["relation"].values.data for kg in (view.kg1, view.kg2)])
    rows = aligner.network_.tables["relation"].all_rows()
    np.testing.assert_array_equal(np.sort(rows.values.numpy()), np.sort(given))


def test_dense_features_have_length_one_and_are_not_centred(pair):
    view = ModalityFeaturizer(verbose=0).fit_transform(SeedPairs(*pair[:2], pair[2][:N_SEEDS]))
    table = feature_table(view, "image", FeatureEncoding(scale="unit"))
    given = np.concatenate([kg.features["image"].values for kg in (view.kg1, view.kg2)])
    mask = table.mask.numpy()
    expected = functional.normalize(torch.tensor(given, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(table.values[mask], expected[mask], rtol=1e-5)


def test_who_lacks_a_modality_counts_like_all_others(fit):
    kept, masked = fit(), fit(features__missing="masked")
    for aligner, expected in ((kept, 1.0), (masked, 0.7)):
        share = aligner.network_.tables["attribute"].mask.double().mean().item()
        assert share == pytest.approx(expected, abs=0.1)
    weights = kept.fusion_weights_.left
    np.testing.assert_array_equal(weights, np.broadcast_to(weights[0], weights.shape))
    assert (masked.fusion_weights_.left == 0).any()
    assert (kept.embeddings_["attribute"].left != 0).any(axis=1).all()


# The network


def test_vectors_of_entities_start_small():
    torch.manual_seed(0)
    from ibmea_sklearn.nn.graph_encoder import LearnedStart

    assert LearnedStart(10_000, 30).vectors.std().item() == pytest.approx(0.01, rel=0.02)


def known_of(aligner):
    return torch.from_numpy(as_nodes(aligner.kg1_, aligner.seed_indices_))


def test_the_graph_encoder_is_the_published_one(fit):
    """Naive: dropout on the input of the first layer alone, deviations by an ELU."""
    network = fit().network_
    graph = network.graph
    graph.train()
    struck = []
    graph.mean.dropout.register_forward_hook(
        lambda module, args, out: struck.append((args[0], out))
    )
    posterior = graph(known_of_nothing())
    assert isinstance(posterior, Spread)
    assert [x is graph.start.vectors for x, _ in struck] == [True]
    graph.eval()
    x, pattern = graph.start.vectors, graph.pattern
    moments = []
    for gat in (graph.mean, graph.log_variance):
        first, second = gat.layers
        moments.append(second(functional.elu(first(x, pattern)), pattern))
    posterior = graph(known_of_nothing())
    torch.testing.assert_close(posterior.mean, graph.norm(moments[0]))
    torch.testing.assert_close(posterior.deviation, functional.elu(moments[1]))


def known_of_nothing():
    return torch.empty((0, 2), dtype=torch.int64)


@pytest.mark.parametrize("bottleneck", ["modality", "fused", "untrained"])
def test_the_divergence_is_averaged_over_all_entities(fit, bottleneck):
    aligner = fit(bottleneck__of=bottleneck)
    network, known = aligner.network_, known_of(aligner)
    network.train()
    encoded = network(known)
    n_nodes = network.n_nodes
    for modality, posterior in encoded.posteriors.items():
        assert posterior.mean.shape[0] == len(encoded.everywhere[modality]) == n_nodes
        assert len(encoded.vectors[modality]) == len(encoded.masks[modality]) == 2 * len(known)
    assert len(encoded.fused) == len(encoded.weights) == 2 * len(known)


def test_vectors_in_training_belong_to_the_pairs(fit):
    aligner = fit()
    network, known = aligner.network_, known_of(aligner)
    network.draws_always = False
    network.eval()
    torch.manual_seed(3)
    order = network._draw(known)
    assert sorted(order.tolist()) == sorted(known.tolist()) and not torch.equal(order, known)
    torch.manual_seed(3)
    encoded = network(known)
    expected = network.encode(order.T.reshape(-1), known[:0])
    for modality, vectors in expected.vectors.items():
        torch.testing.assert_close(encoded.vectors[modality], vectors)
    torch.testing.assert_close(encoded.fused, expected.fused)


def test_noise_is_uniform_but_for_the_graph(fit):
    aligner = fit()
    network, known = aligner.network_, known_of(aligner)
    network.train()
    encoded = network.encode(known.T.reshape(-1), known[:0])
    for modality in ("relation", "attribute"):
        posterior = encoded.posteriors[modality]
        noise = (encoded.vectors[modality] - posterior.mean) / posterior.deviation
        assert noise.min() > -1e-3 and noise.max() < 1 + 1e-3
    posterior = encoded.posteriors["graph"]
    noise = (encoded.vectors["graph"] - posterior.mean) / posterior.deviation
    assert noise.min() < -1 and noise.max() > 1.5


def test_what_is_drawn_at_inference(fit):
    network = fit().network_
    for draws, differs in ((True, True), (False, False)):
        network.draws_always = draws
        one, two = (network.vectors(known_of_nothing(), "fused")["network"] for _ in range(2))
        assert (one != two).any() == differs


def test_dropout_stays_on_where_pairs_are_looked_for(fit):
    network = fit().network_
    states = []
    network.graph.register_forward_pre_hook(lambda module, args: states.append(module.training))
    network.vectors(known_of_nothing(), explores=True)
    network.vectors(known_of_nothing())
    network.draws_always = False
    network.vectors(known_of_nothing(), explores=True)
    assert states == [True, False, False] and not network.training


# Ablations


@pytest.mark.parametrize("modality", ["graph", "image", "relation", "attribute"])
@pytest.mark.parametrize("preset", ["best", "paper"])
def test_without_a_bottleneck_nothing_is_drawn(pair, modality, preset):
    params = {**QUICK, f"beta_{modality}": None, "training__max_epochs": 2}
    if preset == "best":
        params |= {"rounds__n_rounds": 1, "propagation": "drop"}
    aligner = IBMEAAligner.from_preset(preset, **params).fit(*pair[:2], pair[2][:N_SEEDS])
    row = aligner.history_[0]
    assert f"kl_{modality}" not in row and f"nce_{modality}" in row
    assert modality not in aligner.variances_ and modality in aligner.embeddings_
    encoded = aligner.network_.train()(known_of(aligner))
    assert isinstance(encoded.posteriors[modality], Point)
    part = aligner.network_.graph if modality == "graph" else aligner.network_.encoders[modality]
    assert not hasattr(part, "norm") if modality == "graph" else isinstance(part, PlainEncoder)


def test_the_published_ablation_ranks_by_what_no_loss_has_seen(fit):
    aligner = fit(bottleneck__of="untrained", training__max_epochs=1)
    assert isinstance(aligner.network_.fused_posterior, FeatureEncoder)
    row = aligner.history_[0]
    assert {"kl_graph", "nce_graph"} < set(row) and not {"hybrid", "kl_fused"} & set(row)
    network = aligner.network_.train()
    network.zero_grad()
    parts = aligner._criterion(aligner._betas())(network(known_of(aligner)))
    torch.stack(list(parts.values())).sum().backward()
    assert all(p.grad is None for p in network.fused_posterior.parameters())


@pytest.mark.parametrize("missing", ["kept", "masked"])
def test_the_published_attention_is_a_sum(fit, missing):
    aligner = fit(fusion="sum", features__missing=missing)
    fusion, n = aligner.network_.fusion, 5
    vectors = {m: torch.randn(n, layer.in_features) for m, layer in fusion.values.items()}
    masks = {m: torch.rand(n) < 0.5 for m in vectors}
    fused, weights = fusion(vectors, masks)
    for i in range(n):
        has = [m for m in vectors if masks[m][i]]
        expected = torch.zeros(fusion.n_components)
        for m in has:
            expected = expected + fusion.norm(fusion.values[m](vectors[m][i]))
        torch.testing.assert_close(fused[i], expected)
        assert weights[i].sum().item() == pytest.approx(float(bool(has)))


# Steps


def test_gradients_of_batches_are_added_up_and_clipped_after_each(fit, monkeypatch):
    """Against a naive loop over the batches of one step."""
    aligner = fit()
    network, known = aligner.network_, known_of(aligner)
    aligner.set_params(training__batch_size=12)
    criterion = aligner._criterion(aligner._betas())
    from ibmea_sklearn.training import AlignmentNet, PairBatches
    from ibmea_sklearn.training.net import as_they_are

    torch.manual_seed(5)
    network.zero_grad()
    network.train()
    encoded = network(known)
    for some in criterion.split(encoded):
        torch.stack(list(criterion(some).values())).sum().backward(retain_graph=True)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.1)
    expected = {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}
    assert len(criterion.split(encoded)) == 3

    from skorch.callbacks import GradientNormClipping

    net = AlignmentNet(
        network,
        criterion=criterion,
        optimizer=torch.optim.SGD,
        lr=0.0,
        train_split=None,
        iterator_train=as_they_are,
        callbacks=[GradientNormClipping(0.1)],
        callbacks__print_log=None,
        callbacks__valid_loss=None,
        verbose=0,
    ).initialize()
    torch.manual_seed(5)
    net.partial_fit(PairBatches(known), epochs=1)
    found = {n: p.grad for n, p in net.module_.named_parameters() if p.grad is not None}
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-7)
    row = net.history[-1]
    parts = sum(v for n, v in row.items() if n.startswith(("kl_", "nce_", "hybrid")))
    assert row["train_loss"] == pytest.approx(parts, rel=1e-4)


def test_the_default_takes_one_batch(pair):
    aligner = cheap(**{"training__batch_size": 7}).fit(*pair[:2], pair[2][:N_SEEDS])
    assert aligner._criterion(aligner._betas()).batch_size is None
    assert aligner.network_.max_pairs == 7


# Iteration


def test_pairs_join_within_one_schedule_and_stay(fit):
    rounds = {"candidate_interval": 2, "join_interval": 4, "join_after": 4}
    aligner = fit(
        training__max_epochs=14, **{f"rounds__{name}": value for name, value in rounds.items()}
    )
    known = [row["n_seeds"] for row in aligner.history_]
    assert known[:8] == [N_SEEDS] * 8 and known == sorted(known)
    assert len(set(known[8:12])) == len(set(known[12:])) == 1
    searched = [i + 1 for i, row in enumerate(aligner.history_) if "n_candidates" in row]
    assert searched == [6, 8, 10, 12, 14]
    joined = [row["n_found"] for row in aligner.rounds_[:2]]
    assert known[8] == N_SEEDS + joined[0] and known[12] == known[8] + joined[1]
    by_epoch = {e: aligner.history_[e - 1]["n_candidates"] for e in searched}
    assert joined == [by_epoch[8], by_epoch[12]] and by_epoch[8] <= by_epoch[6]


class Interrupted(IBMEAAligner):
    """Is interrupted at the end of an epoch, once."""

    at = None

    def _criterion(self, betas):
        criterion = super()._criterion(betas)
        steps = iter(range(100))

        def count(module, args):
            if next(steps) == self.at:
                raise KeyboardInterrupt

        criterion.register_forward_pre_hook(count)
        return criterion


@pytest.mark.parametrize("epoch", [7, 8, 9])
def test_an_interrupted_iteration_goes_on_to_the_same_end(pair, tmp_path, epoch):
    rounds = {"rounds__candidate_interval": 2, "rounds__join_interval": 4, "rounds__join_after": 4}
    params = {**QUICK, **rounds, "training__max_epochs": 10}
    seeds = pair[2][:N_SEEDS]
    whole = Interrupted.from_preset("paper", **params).fit(*pair[:2], seeds)
    stopped = Interrupted.from_preset("paper", **params, training__checkpoint_dir=tmp_path)
    stopped.at = epoch
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(*pair[:2], seeds)
    stopped.at = None
    stopped.fit(*pair[:2], seeds)
    assert [row["n_seeds"] for row in stopped.history_] == [
        row["n_seeds"] for row in whole.history_
    ]
    np.testing.assert_array_equal(stopped.embeddings_["fused"], whole.embeddings_["fused"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"rounds__n_rounds": 2}, "n_rounds=1 with rounds__candidate_interval=5; found 2"),
        (
            {"rounds__n_rounds": "auto"},
            "found 'auto'.*: set rounds__n_rounds=1, or",
        ),
        ({"rounds__join_interval": 7}, "join_interval to be a multiple of .*; found 7 and 5"),
        ({"rounds__candidate_interval": 0}, "candidate_interval"),
        ({"training__schedule": 0.5}, "training__schedule"),
        ({"bottleneck__of": "none"}, "bottleneck__of"),
        ({"beta_graph": -1}, "beta_graph"),
        ({"modalities": "paper"}, "modalities"),
        ({"features__scale": "l2"}, "features__scale"),
    ],
)
def test_wrong_parameters(fit, params, message):
    with pytest.raises(ValueError, match=message):
        fit(**params)


# TMEA


def test_tmea_lets_pairs_join_as_published():
    params = TMEAAligner.from_preset("paper").get_params()
    names = ("candidate_interval", "join_interval", "join_after", "n_rounds")
    assert [params[f"rounds__{name}"] for name in names] == [70, 70, 0, 1]
    assert params["training__max_epochs"] == 300 and params["training__schedule"] == "constant"
    assert params["commonality__attention"] == "single" and params["imputation__draw"] == "always"
    candidates = Candidates(None, None, Matching(), 70, 70, 0)
    joinings, epoch = [], 0
    while (epoch := candidates.next_joining(epoch)) < 300:
        joinings.append(epoch)
    assert joinings == [70, 140, 210, 280]


@pytest.fixture(scope="module")
def tmea(pair):
    """TMEA as published, on few epochs, with rounds to match."""
    quick = {"training__max_epochs": 7, "features__n_components": 8, "triples__min_steps": 1}
    rounds = {
        "rounds__candidate_interval": 2,
        "rounds__join_interval": 2,
        "rounds__validation_after": 2,
    }
    fixed = {"device": "cpu", "random_state": 0, "verbose": 0}
    aligner = TMEAAligner.from_preset("paper", **quick, **rounds, **fixed)
    return aligner.fit(*pair[:2], pair[2][:N_SEEDS])


def test_pairs_join_while_tmea_is_trained(tmea):
    assert set(tmea.modalities_) <= set(TMEAAligner.published)
    known = [row["n_seeds"] for row in tmea.history_]
    n_train = N_SEEDS * 2 // 3
    assert known[:2] == [n_train] * 2 and known[2] == n_train + tmea.rounds_[0]["n_found"]
    assert ("found" in tmea.history_[2]) == (known[2] > n_train)
    assert tmea._criterion().keeps_missing


def test_the_epoch_of_tmea_is_that_with_the_best_mrr_of_the_validation_pairs(tmea):
    scores = [row.get("validation_mrr") for row in tmea.history_]
    assert scores[:2] == [None, None] and None not in scores[2:]
    assert tmea.best_epoch_ == 3 + int(np.argmax(scores[2:]))
    names = ("validation_interval", "validation_score", "validation_candidates", "validation_after")
    params = TMEAAligner.from_preset("paper").get_params()
    assert [params[f"rounds__{name}"] for name in names] == [1, "mrr", "held_out", 69]
    assert params["rounds__validation_fraction"] == pytest.approx(1 / 3)


def test_latents_of_tmea_are_drawn_at_inference_too(tmea):
    network, seeds = tmea.network_, known_of(tmea)
    lacks = np.any([np.concatenate(sides) for sides in tmea.imputed_.values()], axis=0)
    one, other = (network.vectors(seeds, "fused")["network"] for _ in range(2))
    assert lacks.any() and not lacks.all()
    assert (one[lacks] != other[lacks]).any(axis=1).all()
    np.testing.assert_array_equal(one[~lacks], other[~lacks])


def test_layers_of_tmea_start_as_published(pair):
    """Xavier's rule for all maps; biases of attention as torch starts those of a layer."""
    quick = {"training__learning_rate": 1e-30, "training__max_epochs": 1}
    fixed = {"device": "cpu", "random_state": 0, "verbose": 0, "modalities": ["graph", "image"]}
    aligner = TMEAAligner.from_preset("paper", **quick, **fixed)
    network = aligner.fit(*pair[:2], pair[2][:N_SEEDS]).network_
    linear = network.projections["image"].linear
    n_in, n_out = linear.in_features, linear.out_features
    assert linear.weight.std().item() == pytest.approx((2 / (n_in + n_out)) ** 0.5, rel=0.1)
    for seen in network.fusion.attention.seen.values():
        assert 0.05 < seen.bias.abs().max().item() <= 0.1
        assert seen.output.std().item() == pytest.approx(0.1, rel=0.1)


def test_tmea_takes_the_published_modalities():
    aligner = TMEAAligner.from_preset("paper")
    assert aligner.modalities == "published" and aligner.published == ("graph", "image", "abstract")
