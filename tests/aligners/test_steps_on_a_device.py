"""A step of training never asks a device for a number.

On torch's device "meta" tensors have a shape and no numbers: whatever needs one to go on, such as
how many entries of a mask are true, is an error there. On a GPU it would be a copy, and a wait.
"""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from ibmea_sklearn import IBMEAAligner, SeedPairs
from ibmea_sklearn.aligners._steps import Start
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.featurizers import ModalityFeaturizer
from ibmea_sklearn.graph._joint import as_nodes


@pytest.fixture(scope="module")
def view():
    """Graphs of which some entities lack images, or values."""
    kg1, kg2, links = make_mmkg_pair(60, missing_modalities={"image": 0.3}, random_state=0)
    return ModalityFeaturizer(verbose=0).fit_transform(SeedPairs(kg1, kg2, links[:30]))


@pytest.fixture
def without_autocast(monkeypatch):
    """It does not know the device."""
    monkeypatch.setattr(torch, "autocast", lambda *args, **options: nullcontext())
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *args: False)


@pytest.mark.usefixtures("without_autocast")
@pytest.mark.parametrize("preset", ["best", "paper"])
@pytest.mark.parametrize("bottleneck", ["modality", "fused"])
def test_ibmea_takes_a_step_without_a_look(view, preset, bottleneck):
    aligner = IBMEAAligner.from_preset(preset, bottleneck__of=bottleneck, verbose=0)
    aligner.modalities_ = ["graph", *view.kg1.features]
    network = aligner._network(Start(view, view, aligner.modalities_, None, 0))
    network.to("meta").train()
    known = torch.from_numpy(as_nodes(view.kg1, view.indices)).to("meta")
    parts = aligner._criterion(aligner._betas())(network(known))
    torch.stack(list(parts.values())).sum().backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 0.1)
    torch.optim.AdamW(network.parameters()).step()
    assert any(p.grad is not None for p in network.graph.parameters())


def test_a_look_is_an_error():
    with pytest.raises((RuntimeError, NotImplementedError)):
        torch.ones(3, device="meta")[torch.ones(3, dtype=torch.bool, device="meta")]
    with pytest.raises((RuntimeError, NotImplementedError)):
        torch.ones(3, device="meta").sum().item()
