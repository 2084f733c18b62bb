"""Pairs of graphs for the aligners' tests."""

from types import SimpleNamespace

import pytest

from ibmea_sklearn.datasets import make_mmkg_pair


@pytest.fixture(scope="session")
def hard_pair() -> SimpleNamespace:
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
