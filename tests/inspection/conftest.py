"""A fitted aligner of each kind, and no picture left open."""

from types import SimpleNamespace

import pytest

from ibmea_sklearn import IBMEAAligner, PropagationAligner
from ibmea_sklearn.datasets import make_mmkg_pair


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="drawing needs the extra [plot]")
    pyplot.close("all")


@pytest.fixture(scope="session")
def noisy_pair():
    """So noisy that an aligner makes mistakes: ``.kg1``, ``.kg2``, ``.links`` (80, 2)."""
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
def trained(noisy_pair):
    """IBMEA in two rounds of three epochs, on half of the links."""
    aligner = IBMEAAligner.from_preset(
        modalities=["graph", "image", "attribute"],
        graph__n_components=16,
        features__n_components=8,
        propagation__n_components=64,
        propagation__label_width=32,
        training__max_epochs=3,
        rounds__n_rounds=2,
        random_state=0,
        verbose=0,
    )
    return aligner.fit(noisy_pair.kg1, noisy_pair.kg2, noisy_pair.links[:40])


@pytest.fixture(scope="session")
def propagated(noisy_pair):
    """Nothing trained."""
    aligner = PropagationAligner.from_preset(
        propagation__n_components=64, propagation__label_width=32, random_state=0, verbose=0
    )
    return aligner.fit(noisy_pair.kg1, noisy_pair.kg2, noisy_pair.links[:40])
