"""The same code on a GPU: results and gradients are those of the CPU, to a thousandth."""

import copy

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from ibmea_sklearn import IBMEAAligner, PropagationAligner, SeedPairs, TMEAAligner
from ibmea_sklearn.aligners._steps import begin
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.featurizers import ModalityFeaturizer
from ibmea_sklearn.losses import InfoNCE, MultiSimilarity
from ibmea_sklearn.matching import mutual_nearest, ranks, top_k
from ibmea_sklearn.nn import EdgePattern, VariationalNetwork
from ibmea_sklearn.nn.gat import DiagonalGAT

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use")
DEVICE = "cuda"
METHODS = ["cosine", "csls", "sinkhorn"]


@pytest.fixture(scope="module")
def pair():
    return make_mmkg_pair(200, missing_modalities={"image": 0.3}, random_state=0)


@pytest.fixture(scope="module")
def sides():
    rows = np.random.default_rng(0).standard_normal((2, 700, 32), np.float32)
    rows[1] += 1.5 * rows[0]
    return rows


def assert_close(found, expected):
    """Relative to the size of the whole: single numbers may be zero but for rounding."""
    assert torch.isfinite(expected).all()
    assert (found.cpu() - expected).norm() <= 1e-3 * expected.norm()


def test_attention():
    torch.manual_seed(0)
    pattern = EdgePattern.undirected(torch.randint(400, (2_500, 3)), 400)
    gat, x = DiagonalGAT(48), torch.randn(400, 48)
    found = {}
    for device in ("cpu", DEVICE):
        # A copy: what moves to a device is no leaf of the graph.
        module, start = copy.deepcopy(gat).to(device), x.clone().to(device).requires_grad_()
        y = module(start, copy.deepcopy(pattern).to(device))
        y.square().sum().backward()
        found[device] = y, start.grad, parameters_to_vector(p.grad for p in module.parameters())
    for ours, theirs in zip(found[DEVICE], found["cpu"], strict=True):
        assert_close(ours.detach(), theirs.detach())


@pytest.mark.parametrize("loss", [InfoNCE(symmetric=True), MultiSimilarity()])
def test_losses(loss, sides):
    found = {}
    for device in ("cpu", DEVICE):
        both = [torch.from_numpy(side).to(device).requires_grad_() for side in sides]
        value = copy.deepcopy(loss).to(device)(*both)
        found[device] = value.detach(), *torch.autograd.grad(value, both)
    for ours, theirs in zip(found[DEVICE], found["cpu"], strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize("preset", ["best", "paper"])
@pytest.mark.parametrize("bottleneck", ["modality", "fused"])
def test_a_step_of_ibmea(pair, preset, bottleneck, monkeypatch):
    # A CPU computes what these pairs need, a GPU all nodes. Without noise and with the same pairs,
    # the others being anchors: random numbers differ.
    monkeypatch.setattr(VariationalNetwork, "_draw", lambda self, pairs: pairs[:6])
    kg1, kg2, links = pair
    view = ModalityFeaturizer(verbose=0).fit_transform(SeedPairs(kg1, kg2, links[:20]))
    aligner = IBMEAAligner.from_preset(preset, bottleneck__of=bottleneck, random_state=0, verbose=0)
    aligner.set_params(bottleneck__draw="training")
    aligner.device_ = "cpu"
    start = begin(aligner, view, None, lambda X, modalities: [])
    aligner.modalities_ = start.modalities
    torch.manual_seed(0)
    network = aligner._network(start).eval()
    criterion = aligner._criterion(aligner._betas())
    known = torch.from_numpy(start.search.train)
    found = {}
    for device in ("cpu", DEVICE):
        module = copy.deepcopy(network).to(device)
        parts = copy.deepcopy(criterion).to(device)(module(known.to(device)))
        values = torch.stack(list(parts.values()))
        values.sum().backward()
        trained = [p.grad for p in module.parameters() if p.grad is not None]
        found[device] = values.detach(), parameters_to_vector(trained)
    for ours, theirs in zip(found[DEVICE], found["cpu"], strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize("method", METHODS)
def test_ranking(sides, method):
    n = np.arange(len(sides[0]))
    one, other = (ranks(*sides, n, method=method, device=device) for device in ("cpu", DEVICE))
    # Neighbours whose scores are the same but for rounding may change places.
    assert np.mean(one != other) < 0.02
    one, other = (top_k(*sides, 10, method=method, device=device) for device in ("cpu", DEVICE))
    assert_close(torch.as_tensor(other[0]), torch.as_tensor(one[0]))
    assert np.mean(one[1] != other[1]) < 0.02


@pytest.mark.parametrize("method", METHODS)
def test_mutual_nearest_pairs(sides, method):
    found = (mutual_nearest(*sides, method=method, device=device) for device in (DEVICE, "cpu"))
    one, other = ({tuple(row) for row in pairs.tolist()} for pairs, _ in found)
    assert len(one ^ other) <= 0.02 * len(other)


def test_whole_fits(pair):
    kg1, kg2, links = pair
    seeds, test = links[:80], links[80:]
    few = {"rounds__n_rounds": 1, "propagation": "drop", "random_state": 0, "verbose": 0}
    for aligner in (
        PropagationAligner.from_preset(propagation__n_components=256, random_state=0, verbose=0),
        IBMEAAligner.from_preset(training__max_epochs=20, **few),
        TMEAAligner.from_preset(training__max_epochs=3, **few),
    ):
        scores = []
        for device in ("cpu", DEVICE):
            aligner.set_params(device=device).fit(kg1, kg2, seeds)
            scores.append(aligner.score(test))
        # Random numbers of a GPU are others; what is learnt is as good.
        assert scores[1] == pytest.approx(scores[0], abs=0.15)
