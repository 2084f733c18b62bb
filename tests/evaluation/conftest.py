"""Small pairs and aligners that take no time."""

import numpy as np
import pytest

from ibmea_sklearn import PrecomputedAligner
from ibmea_sklearn.datasets import make_mmkg_pair


@pytest.fixture(scope="session")
def pair():
    """60 entities a side, with links."""
    return make_mmkg_pair(60, image_noise=0.6, random_state=0)


@pytest.fixture(scope="session")
def by_images(pair):
    """Vectors of the images, and those with a part of them only."""
    vectors = [kg.features["image"].values for kg in pair[:2]]
    few = [rows[:, :3] for rows in vectors]
    return {"all": PrecomputedAligner(*vectors), "few": PrecomputedAligner(*few)}


@pytest.fixture
def broken():
    """An aligner whose fit fails: rows are missing."""
    return PrecomputedAligner(np.ones((2, 3)), np.ones((2, 3)))
