"""Pairs of graphs for the aligners' tests."""

from types import SimpleNamespace

import pytest

from ibmea_sklearn import ModalityFeaturizer, SeedPairs
from ibmea_sklearn._utils import columns
from ibmea_sklearn.aligners import _memory
from ibmea_sklearn.channels import search
from ibmea_sklearn.datasets import make_mmkg_pair

# It changes the package, for itself: collecting its doctests would import it here.
collect_ignore = ["kills.py"]


@pytest.fixture(scope="session", autouse=True)
def enough_seeds():
    """Take as many seeds as tests can afford for enough; what few mean is in test_seed_free.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "FEW_SEEDS", 0)
        yield


@pytest.fixture
def few_bytes(monkeypatch):
    """Let a bound count nothing that was there before, and no steps, however a process began."""
    monkeypatch.setattr(_memory, "in_use", lambda: 0)
    monkeypatch.setattr(_memory, "_steps_bytes", lambda *given: 0.0)
    monkeypatch.setattr(columns, "_BLOCK_BYTES", 1 << 18)


@pytest.fixture(scope="session")
def raw_pair() -> SimpleNamespace:
    """Like toy_pair, but so noisy that an aligner makes mistakes: else ranks are all 1."""
    kg1, kg2, links = make_mmkg_pair(
        n_entities=80,
        structural_overlap=0.3,
        attribute_noise=0.6,
        image_noise=2.0,
        missing_modalities={"image": 0.2},
        n_dangling=10,
        random_state=0,
    )
    return SimpleNamespace(kg1=kg1, kg2=kg2, links=links)


@pytest.fixture(scope="session")
def hard_pair(raw_pair) -> SimpleNamespace:
    """The same with all features made, which is half of the time of a fit."""
    X = SeedPairs(raw_pair.kg1, raw_pair.kg2, raw_pair.links[:40])
    X = ModalityFeaturizer(verbose=0).fit_transform(X)
    return SimpleNamespace(kg1=X.kg1, kg2=X.kg2, links=raw_pair.links)
